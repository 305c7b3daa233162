//! A camera on the network becomes a stream that plays: found by the command line, made in one step, and watched.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fql_tests::daemon::Daemon;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);
const PASSWORD: &str = "w0rd/of@camera";
const CONFIGURATION: &str =
    "[discover]\nenabled = true\ninterfaces = [\"127.0.0.1\"]\n[pull]\nallow_private = true\n";

/// A program of tests that says a line when it is ready. It is killed when this is dropped.
struct Simulated(Child, #[allow(dead_code, reason = "it is kept open")] BufReader<ChildStdout>);

impl Simulated {
    fn start(script: &str, arguments: &[&str]) -> Result<(Self, String)> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e").join(script);
        // The system's own Python has the system's modules; another one may be before it in the path.
        let mut command = Command::new("/usr/bin/python3");
        let mut child = command.arg(script).args(arguments).stdout(Stdio::piped()).spawn()?;
        let mut out = BufReader::new(child.stdout.take().context("it is piped")?);
        let mut line = String::new();
        out.read_line(&mut line)?;
        Ok((Self(child, out), line.trim().to_owned()))
    }
}

impl Drop for Simulated {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the command line with the password on its standard input.
fn stream(daemon: &Daemon, arguments: &[&str]) -> Result<(bool, String, String)> {
    let mut command = daemon.command(arguments)?;
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    child.stdin.take().context("it is piped")?.write_all(format!("{PASSWORD}\n").as_bytes())?;
    let output = child.wait_with_output()?;
    let text = |bytes| String::from_utf8(bytes);
    Ok((output.status.success(), text(output.stdout)?, text(output.stderr)?))
}

#[test]
fn a_camera_that_is_found_is_one_step_from_a_stream_that_plays() -> Result<()> {
    // An address of its own: whoever else tests cameras on this machine now hears the same probes.
    let process = std::process::id();
    let address = format!("127.{}.{}.{}", 64 + process / 62500 % 64, process / 250 % 250, 1 + process % 250);
    let at = ["--address", &address, "--password", PASSWORD];
    let (_media, port) = Simulated::start("rtsp_camera.py", &at)?;
    let uri = format!("rtsp://{address}:{port}/camera");
    let more = ["--name", "Front Door", "--ahead", "-7200", "--uri", &uri];
    let (_camera, _) = Simulated::start("onvif_camera.py", &[&at[..], &more].concat())?;

    let daemon = Daemon::start(CONFIGURATION)?;
    let as_user = ["discover", "--wait", "1", "--address", &address, "--user", "admin", "--password", "-"];
    let begun = Instant::now();
    // Packets to a group may be lost on a machine that has other things to do.
    let listed = loop {
        let (is_done, said, errors) = stream(&daemon, &as_user)?;
        ensure!(is_done, "{errors}");
        if said.contains("front-door") {
            break said;
        }
        ensure!(begun.elapsed() < PATIENCE, "{said}{}", daemon.log()?);
    };
    let hint = format!("--user admin --address {address} --add front-door");
    for word in [&uri, "Front Door (Example & Sons EX-1)", "h264 320x240 25/s", &hint] {
        ensure!(listed.contains(word), "nothing about {word}: {listed}");
    }

    let add = [&as_user[..], &["--add", "front-door"]].concat();
    let made = loop {
        let (is_done, said, errors) = stream(&daemon, &add)?;
        if is_done {
            break said;
        }
        ensure!(errors.contains("no camera has told") && begun.elapsed() < PATIENCE, "{errors}");
    };
    ensure!(made.contains("✓ Stream front-door created") && !made.contains("w0rd"), "{made}");
    let stream: Value = daemon.api().get("/v1/streams/front-door")?;
    ensure!(
        stream["type"] == "pull" && stream["source"] == format!("rtsp://***@{address}:{port}/***"),
        "{stream}"
    );

    let id = stream["playbackId"].as_str().context("it has one")?;
    let media = loop {
        // It waits for the first picture.
        match ureq::get(format!("{}/play/{id}.ts", daemon.url())).call() {
            Ok(answer) => break answer,
            Err(error) => ensure!(begun.elapsed() < 2 * PATIENCE, "{error}: {}", daemon.log()?),
        }
    };
    let mut bytes = vec![0; 20_000];
    media.into_body().into_reader().read_exact(&mut bytes)?;
    ensure!(bytes.iter().step_by(188).all(|&byte| byte == 0x47), "it is MPEG-TS");
    ensure!(!daemon.log()?.contains("w0rd"), "{}", daemon.log()?);
    Ok(())
}
