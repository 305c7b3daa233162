//! A running `streamd`, and what it says.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;

use super::ports::FREE_PORTS;

/// The administrator's key of the programs of these tests.
pub const ADMINISTRATOR: &str = "ak_testtesttesttesttesttesttesttest";

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The program with a clean environment: what stands in the environment of the tests is none of its business.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamd"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("STREAMD_")) {
        command.env_remove(name);
    }
    command
}

/// A program that runs; it is killed when this is dropped.
pub struct Program {
    child: Child,
    /// Where it answers HTTP.
    pub url: String,
    lines: Arc<Lines>,
    client: Client,
}

/// The lines of its log.
#[derive(Default)]
struct Lines {
    said: Mutex<Vec<String>>,
    more: Condvar,
}

impl Lines {
    fn collect(&self, from: ChildStderr) {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            self.said.lock().expect("nobody panics with it").push(line);
            self.more.notify_all();
        }
    }

    /// The first line that holds this.
    fn wait_for(&self, text: &str) -> String {
        let said = self.said.lock().expect("nobody panics with it");
        let missing = |said: &mut Vec<String>| !said.iter().any(|line| line.contains(text));
        let waited = self.more.wait_timeout_while(said, PATIENCE, missing);
        let (said, _) = waited.expect("nobody panics with it");
        match said.iter().find(|line| line.contains(text)) {
            Some(line) => line.clone(),
            None => panic!("nothing holds {text:?} in:\n{}", said.join("\n")),
        }
    }
}

impl Program {
    /// Starts it on free ports with its data in this folder.
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, &[], "")
    }

    /// Starts it with these options more, and a configuration file with this in it.
    pub fn start_with(data: &Path, options: &[&str], configuration: &str) -> Self {
        Self::start_in(data, &[], options, configuration)
    }

    /// The same with these variables in its environment.
    pub fn start_in(
        data: &Path,
        environment: &[(&str, &Path)],
        options: &[&str],
        configuration: &str,
    ) -> Self {
        let file = data.join("streamd.toml");
        std::fs::write(&file, configuration).expect("there is room");
        let mut child = command()
            .arg("--config")
            .arg(&file)
            .arg("--data")
            .arg(data.join("data"))
            .args(["--http", "127.0.0.1:0"])
            .args(FREE_PORTS)
            .args(options)
            .envs(environment.iter().copied())
            .env("STREAMD_ADMIN_KEY", ADMINISTRATOR)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it was built");
        let lines = Arc::new(Lines::default());
        let (collecting, stderr) = (lines.clone(), child.stderr.take().expect("it is piped"));
        std::thread::spawn(move || collecting.collect(stderr));
        let line = lines.wait_for("HTTP is answered");
        let scheme = if configuration.contains("certificate") { "https" } else { "http" };
        let address = line.rsplit_once("127.0.0.1:").expect("it is the address").1;
        let port: String = address.chars().take_while(char::is_ascii_digit).collect();
        Self { child, url: format!("{scheme}://127.0.0.1:{port}"), lines, client: client() }
    }

    /// A line of its log with this in it, as soon as there is one.
    pub fn line(&self, text: &str) -> String {
        self.lines.wait_for(text)
    }

    /// All that it said until now.
    pub fn log(&self) -> String {
        self.lines.said.lock().expect("nobody panics with it").join("\n")
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill is installed");
    }

    /// Until it has ended.
    pub fn wait(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it is ours") {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it without asking, as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.wait();
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.url)).bearer_auth(ADMINISTRATOR)
    }

    pub fn delete(&self, path: &str) -> RequestBuilder {
        self.client.delete(format!("{}{path}", self.url)).bearer_auth(ADMINISTRATOR)
    }

    pub fn patch(&self, path: &str, body: &Value) -> RequestBuilder {
        let request = self.client.patch(format!("{}{path}", self.url)).bearer_auth(ADMINISTRATOR);
        request.header("content-type", "application/json").body(body.to_string())
    }

    pub fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        let request = self.client.post(format!("{}{path}", self.url)).bearer_auth(ADMINISTRATOR);
        request.header("content-type", "application/json").body(body.to_string())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An HTTP client that goes straight to this machine.
pub fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().expect("it is configured")
}

/// The answer, which must be a success, as JSON.
pub async fn json(request: RequestBuilder) -> Value {
    let response: Response = request.send().await.expect("it answers");
    let status = response.status();
    let text = response.text().await.expect("it is text");
    assert!(status.is_success(), "{status}: {text}");
    serde_json::from_str(&text).expect("it is JSON")
}
