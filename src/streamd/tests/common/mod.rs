//! A real daemon, and a client that asks it as any other would.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use ureq::http::{HeaderMap, StatusCode};

mod ports;
use ports::FREE_PORTS;

/// The administrator's API key of every daemon here.
pub const ADMIN: &str = "ak_abcdefghijklmnopqrstuvwxyz234567";
const START: Duration = Duration::from_secs(30);

/// A running daemon, killed (as by `kill -9`) when it is dropped.
pub struct Daemon {
    child: Child,
    http: SocketAddr,
}

impl Daemon {
    /// Starts it on this data folder and waits until it answers.
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    /// The same with more in its environment.
    pub fn start_with(data: &Path, environment: &[(&str, &str)]) -> Self {
        let mut daemon = Self::spawn(data, environment);
        daemon.wait_until_it_answers();
        daemon
    }

    /// Starts it without waiting for anything.
    pub fn spawn(data: &Path, environment: &[(&str, &str)]) -> Self {
        let http = free_port();
        let child = Command::new(env!("CARGO_BIN_EXE_streamd"))
            .args(["--http", &http.to_string()])
            .args(FREE_PORTS)
            .args(["--log-level", "warn", "--data"])
            .arg(data)
            .env("STREAMD_ADMIN_KEY", ADMIN)
            .env("STREAMD_LIMITS_REQUESTS_PER_MINUTE", "1000000")
            .env("STREAMD_LIMITS_ANONYMOUS_REQUESTS_PER_MINUTE", "1000000")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .spawn()
            .expect("streamd starts");
        Self { child, http }
    }

    fn wait_until_it_answers(&mut self) {
        let client = Client::new(self.http, None);
        let deadline = Instant::now() + START;
        while client.try_send("GET", "/healthz", None, &[]).is_none() {
            if let Some(status) = self.child.try_wait().expect("streamd can be waited for") {
                panic!("streamd ended with {status}");
            }
            assert!(Instant::now() < deadline, "streamd does not answer");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Where it answers HTTP.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// A client with the administrator's key.
    pub fn admin(&self) -> Client {
        self.client(ADMIN)
    }

    /// A client with this key.
    pub fn client(&self, key: &str) -> Client {
        Client::new(self.http, Some(key))
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().expect("streamd can be killed");
        self.child.wait().expect("streamd can be waited for");
    }

    /// Ends it as an operator would, and waits for its end.
    pub fn terminate(mut self) -> std::process::ExitStatus {
        let status =
            Command::new("sh").args(["-c", &format!("kill {}", self.child.id())]).status().expect("sh runs");
        assert!(status.success());
        let deadline = Instant::now() + START;
        loop {
            if let Some(status) = self.child.try_wait().expect("streamd can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "streamd does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Where it has ended by itself there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody has, and that the system does not give to clients: one of those could be taken before the daemon
/// has it.
fn free_port() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id() * 31 + NEXT.fetch_add(1, Ordering::Relaxed);
    let address = |i| SocketAddr::from(([127, 0, 0, 1], (10_000 + (first + i) % 20_000) as u16));
    let free = (0..20_000).map(address).find(|address| TcpListener::bind(address).is_ok());
    free.expect("there is a free port")
}

/// A client of one daemon.
#[derive(Clone)]
pub struct Client {
    agent: ureq::Agent,
    base: String,
    key: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The text of a header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body of an answer that has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// Holds a problem against what every problem has; gives the fields that it names.
    #[track_caller]
    pub fn problem(&self, status: u16) -> Vec<&str> {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["status"], status);
        for member in ["type", "title", "detail"] {
            assert!(
                self.body[member].as_str().is_some_and(|text| !text.is_empty()),
                "{member} of {}",
                self.body
            );
        }
        let errors = self.body["errors"].as_array();
        errors.into_iter().flatten().map(|error| error["field"].as_str().unwrap()).collect()
    }
}

impl Client {
    pub fn new(http: SocketAddr, key: Option<&str>) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        Self { agent: config.into(), base: format!("http://{http}"), key: key.map(str::to_owned) }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.try_send("GET", path, None, &[]).expect("the daemon answers")
    }

    pub fn post(&self, path: &str, body: Value) -> Answer {
        self.try_send("POST", path, Some(&body.to_string()), &[]).expect("the daemon answers")
    }

    pub fn patch(&self, path: &str, body: Value) -> Answer {
        self.try_send("PATCH", path, Some(&body.to_string()), &[]).expect("the daemon answers")
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.try_send("DELETE", path, None, &[]).expect("the daemon answers")
    }

    pub fn post_once(&self, path: &str, body: Value, idempotency_key: &str) -> Answer {
        let headers = [("idempotency-key", idempotency_key)];
        self.try_send("POST", path, Some(&body.to_string()), &headers).expect("the daemon answers")
    }

    /// Sends what it is given; `None` when the daemon goes away before it has answered.
    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Option<Answer> {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        if body.is_some() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = match body {
            Some(body) => self.agent.run(request.body(body.to_owned()).expect("the request is well-formed")),
            None => self.agent.run(request.body(()).expect("the request is well-formed")),
        };
        let mut answer = answer.ok()?;
        let status: StatusCode = answer.status();
        let headers = answer.headers().clone();
        let text = answer.body_mut().read_to_string().ok()?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Some(Answer { status: status.as_u16(), headers, body })
    }
}
