//! The program as a user runs it, and a small server that answers like the API.
#![allow(dead_code, reason = "every test file uses a part of it")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub authorization: Option<String>,
    pub body: String,
}

impl Request {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// An answer of the server: status, header lines more than the usual ones, body.
pub struct Reply(pub u16, pub Vec<String>, pub String);

impl Reply {
    pub fn ok(body: &serde_json::Value) -> Self {
        Self(200, Vec::new(), body.to_string())
    }

    pub fn problem(status: u16, detail: &str) -> Self {
        Self(
            status,
            Vec::new(),
            serde_json::json!({"title": "No", "status": status, "detail": detail}).to_string(),
        )
    }
}

/// An HTTP server on a real socket that answers by a function and remembers what it was asked.
pub struct FakeApi {
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl FakeApi {
    pub fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        // It ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap(), &answer, &seen);
            }
        });
        Self { url, requests }
    }

    /// One that always gives this.
    pub fn always(status: u16, headers: &[&str], body: &str) -> Self {
        let (headers, body): (Vec<String>, String) =
            (headers.iter().map(ToString::to_string).collect(), body.into());
        Self::start(move |_| Reply(status, headers.clone(), body.clone()))
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, answer: &impl Fn(&Request) -> Reply, seen: &Mutex<Vec<Request>>) {
    let mut reader = BufReader::new(stream);
    let Some(request) = read_request(&mut reader) else { return };
    seen.lock().unwrap().push(request.clone());
    let Reply(status, headers, body) = answer(&request);
    let mut head = format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n", body.len());
    for line in headers {
        head += &format!("{line}\r\n");
    }
    // A client that has gone is part of some tests.
    let _ = reader.get_mut().write_all(format!("{head}\r\n{body}").as_bytes());
}

fn read_request(reader: &mut impl BufRead) -> Option<Request> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let mut first = lines.first()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let header = |name: &str| {
        lines
            .iter()
            .filter_map(|line| line.split_once(": "))
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v)
    };
    let mut body = vec![0; header("content-length").map_or(0, |n| n.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    let authorization = header("authorization").map(str::to_owned);
    Some(Request { method, path, authorization, body: String::from_utf8(body).unwrap() })
}

/// A folder of one test, removed at its end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("stream-cli-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The program with nothing of this user's configuration.
pub fn stream() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stream"));
    for name in ["STREAM_API_KEY", "STREAM_API_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        command.env_remove(name);
    }
    command.env("STREAM_CONFIG", "/nonexistent/config.toml").stdin(Stdio::null());
    command
}

/// What a run of the program printed, and its exit code.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// Runs the program with these arguments.
pub fn run(arguments: &[&str]) -> Ran {
    stream().args(arguments).output().unwrap().into()
}

/// Runs the program against a server, with a key.
pub fn run_at(url: &str, arguments: &[&str]) -> Ran {
    stream()
        .env("STREAM_API_URL", url)
        .env("STREAM_API_KEY", "ak_test")
        .args(arguments)
        .output()
        .unwrap()
        .into()
}

/// Runs the program with something on its standard input.
pub fn run_with_input(mut command: Command, input: &str) -> Ran {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}
