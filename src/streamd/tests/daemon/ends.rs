//! How it ends.

use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::ports::FREE_PORTS;
use super::program::{Program, json};

#[tokio::test]
async fn either_signal_ends_it_cleanly_within_seconds() {
    for signal in ["TERM", "INT"] {
        let folder = TempDir::new().expect("there is room");
        let mut program = Program::start(folder.path());
        assert_eq!(json(program.get("/healthz")).await, json!({ "status": "ok" }));
        assert_eq!(json(program.get("/readyz")).await, json!({ "status": "ok" }));
        let begun = Instant::now();
        program.signal(signal);
        assert_eq!(program.wait().code(), Some(0), "{}", program.log());
        assert!(begun.elapsed() < Duration::from_secs(10));
        assert!(program.line("ended").contains("INFO"));
    }
}

/// A receiver that takes connections and never answers, and a program that waits for it.
async fn waiting(folder: &TempDir) -> (TcpListener, Program) {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = silent.local_addr().expect("it is bound");
    let configuration = "[webhooks]\nallow_private = true\ntimeout = \"2m\"\n";
    let program = Program::start_with(folder.path(), &[], configuration);
    let webhook = json!({ "url": format!("http://{address}/") });
    json(program.post("/v1/webhooks", &webhook)).await;
    json(program.post("/v1/streams", &json!({ "name": "a" }))).await;
    (silent, program)
}

#[tokio::test]
async fn a_receiver_that_never_answers_does_not_keep_it_from_ending() {
    let folder = TempDir::new().expect("there is room");
    let (silent, mut program) = waiting(&folder).await;
    let (_connection, _) = silent.accept().await.expect("it delivers");
    let begun = Instant::now();
    program.signal("TERM");
    assert_eq!(program.wait().code(), Some(0), "{}", program.log());
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let folder = TempDir::new().expect("there is room");
    let (silent, mut program) = waiting(&folder).await;
    let (_connection, _) = silent.accept().await.expect("it delivers");
    program.signal("TERM");
    program.line("ending");
    let begun = Instant::now();
    program.signal("TERM");
    program.wait();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(program.log().contains("ending at once"), "{}", program.log());
}

#[tokio::test]
async fn two_of_them_do_not_share_their_data() {
    let folder = TempDir::new().expect("there is room");
    let _first = Program::start(folder.path());
    let second = super::program::command()
        .args(["--http", "127.0.0.1:0"])
        .args(FREE_PORTS)
        .arg("--data")
        .arg(folder.path().join("data"))
        .output()
        .expect("it was built");
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("is in use by another streamd"));
}
