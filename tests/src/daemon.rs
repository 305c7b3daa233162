//! The real `streamd` with a data folder of its own, and its control API as a client sees it.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::lossy_run::{first_free, free_port};
use crate::pipeline::plugin_folder;
use crate::program;

/// How long the daemon may take to start, and a change to be seen.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often a condition is looked at while it is waited for.
const LOOK: Duration = Duration::from_millis(20);

/// A running daemon, killed when it is dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    data: PathBuf,
    ports: Ports,
    key: String,
}

/// Where a daemon listens on the loopback address.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// HTTP, TCP.
    pub http: u16,
    /// FQL, UDP.
    pub fql: u16,
    /// WebTransport, UDP.
    pub webtransport: u16,
}

impl Daemon {
    /// Starts a daemon on free ports, with an empty data folder that ends with it and this configuration file.
    pub fn start(config: &str) -> Result<Self> {
        let ports = Ports { http: free_tcp_port()?, fql: free_port()?, webtransport: free_port()? };
        Self::start_at(ports, config)
    }

    /// The same on these ports of the loopback address.
    pub fn start_at(ports: Ports, config: &str) -> Result<Self> {
        let data = std::env::temp_dir().join(format!("streamd-{}-{}", std::process::id(), ports.fql));
        std::fs::create_dir_all(&data)?;
        std::fs::write(data.join("streamd.toml"), config)?;
        let key = random_key()?;
        let child = launch(&data, ports, &key)?;
        let daemon = Self { child, data, ports, key };
        daemon.wait_ready()?;
        Ok(daemon)
    }

    /// Kills the daemon as `kill -9` does.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end, as `kill` does, and waits until it has. Fails where that is not a success.
    pub fn stop(&mut self) -> Result<()> {
        let status = Command::new("kill").arg(self.child.id().to_string()).status()?;
        ensure!(status.success(), "kill ended with {status}");
        let status = program::wait(&mut self.child, PATIENCE).context("streamd")?;
        ensure!(status.success(), "streamd ended with {status}");
        Ok(())
    }

    /// Starts it again on the same ports and data.
    pub fn restart(&mut self) -> Result<()> {
        self.child = launch(&self.data, self.ports, &self.key)?;
        self.wait_ready()
    }

    /// Where publishers and viewers send to.
    pub fn fql(&self) -> SocketAddr {
        local(self.ports.fql)
    }

    /// Where browsers send to.
    pub fn webtransport(&self) -> SocketAddr {
        local(self.ports.webtransport)
    }

    /// The address of its pages and its control API, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", local(self.ports.http))
    }

    /// The command line `stream`, set up for this daemon.
    pub fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(program::built("stream")?);
        command
            .args(arguments)
            .env("STREAM_API_URL", self.url())
            .env("STREAM_API_KEY", &self.key)
            .env("GST_PLUGIN_PATH", plugin_folder()?)
            .stdin(Stdio::null());
        Ok(command)
    }

    /// Runs a command of the command line to its end, which has to be a success. Gives what it printed.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command(arguments)?.output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "stream {arguments:?}: {errors}");
        Ok(String::from_utf8(output.stdout)?)
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The administrator's API key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Its log so far.
    pub fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.data.join("log"))?)
    }

    /// The control API with the administrator's key.
    pub fn api(&self) -> Api {
        Api { base: self.url(), key: self.key.clone() }
    }

    fn wait_ready(&self) -> Result<()> {
        let api = self.api();
        until("streamd is ready", || Ok(api.get("/readyz").is_ok())).with_context(|| {
            let log = std::fs::File::open(self.data.join("log")).map(BufReader::new);
            let lines = log.into_iter().flat_map(|log| log.lines().map_while(Result::ok));
            lines.last().unwrap_or_else(|| "it logged nothing".to_owned())
        })
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Where it has ended by itself there is nothing to kill; what is left of the folder harms nobody.
        let _ = self.kill();
        let _ = std::fs::remove_dir_all(&self.data);
    }
}

fn launch(data: &Path, ports: Ports, key: &str) -> Result<Child> {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(data.join("log"))?;
    let mut command = Command::new(program::built("streamd")?);
    command
        .args(["--config".as_ref(), data.join("streamd.toml").as_os_str()])
        .args(["--data".as_ref(), data.join("data").as_os_str()])
        .args(["--http", &local(ports.http).to_string()])
        .args(["--fql", &local(ports.fql).to_string()])
        .args(["--webtransport", &local(ports.webtransport).to_string()])
        .args(unsaid(&std::fs::read_to_string(data.join("streamd.toml"))?))
        .env("STREAMD_ADMIN_KEY", key)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    command.spawn().context("streamd does not start")
}

/// Where a daemon takes the protocols that its configuration file says nothing of: on free ports of the loopback address.
fn unsaid(config: &str) -> Vec<String> {
    let protocols = ["rtmp", "srt", "rtc", "rtsp"].into_iter();
    let unsaid = protocols.filter(|name| !config.contains(&format!("[{name}]")));
    unsaid.flat_map(|name| [format!("--{name}"), "127.0.0.1:0".to_owned()]).collect()
}

/// An administrator key that nobody knows: `ak_` and 32 characters of base32.
fn random_key() -> Result<String> {
    let mut bytes = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let digit = |byte: &u8| char::from(b"abcdefghijklmnopqrstuvwxyz234567"[usize::from(byte % 32)]);
    Ok(format!("ak_{}", bytes.iter().map(digit).collect::<String>()))
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// A TCP port of the loopback address that nobody uses now.
pub fn free_tcp_port() -> Result<u16> {
    first_free(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
}

/// A client of the control API.
#[derive(Debug, Clone)]
pub struct Api {
    base: String,
    /// The API key it shows.
    pub key: String,
}

impl Api {
    /// Asks for a path.
    pub fn get(&self, path: &str) -> Result<Value> {
        self.call("GET", path, None)
    }

    /// Posts a body to a path.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.call("POST", path, Some(body))
    }

    /// Makes a stream, as the control API answers it.
    pub fn create_stream(&self, name: &str) -> Result<Value> {
        self.post("/v1/streams", &serde_json::json!({ "name": name, "layers": 12 }))
    }

    /// A call, with what it answers; an answer that says no is an error with its text.
    pub fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build()
            .into();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.key));
        let mut response = match body {
            Some(body) => agent
                .run(request.header("content-type", "application/json").body(serde_json::to_vec(body)?)?)?,
            None => agent.run(request.body(())?)?,
        };
        let text = response.body_mut().read_to_string()?;
        ensure!(response.status().is_success(), "{method} {path}: {} {text}", response.status());
        if text.is_empty() {
            return Ok(Value::Null);
        }
        // Some answers, such as that of a probe, are not JSON.
        Ok(serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

/// A text of a JSON object, such as a stream's `streamKey`.
pub fn text(object: &Value, field: &str) -> Result<String> {
    let value = object.get(field).and_then(Value::as_str);
    Ok(value.with_context(|| format!("no text {field} in {object}"))?.to_owned())
}

/// Waits until a condition holds; `what` says in an error which one did not.
pub fn until(what: &str, holds: impl FnMut() -> Result<bool>) -> Result<()> {
    within(PATIENCE, what, holds)
}

/// The same, with so much time for it.
pub fn within(limit: Duration, what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + limit;
    while !holds()? {
        if Instant::now() > deadline {
            bail!("not within {} s: {what}", limit.as_secs());
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}
