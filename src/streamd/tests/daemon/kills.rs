//! What was answered with success is told to webhooks, however often the program is killed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::State;
use axum::routing::{Router, post};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::program::{Program, json};

type Names = Arc<Mutex<BTreeSet<String>>>;

async fn take(State(names): State<Names>, Json(event): Json<Value>) {
    let name = event["data"]["name"].as_str().unwrap_or_default().to_owned();
    names.lock().expect("nobody panics with it").insert(name);
}

#[tokio::test]
async fn every_event_of_what_was_answered_arrives_though_the_program_is_killed() {
    const KILLS: usize = 12;
    const STREAMS: usize = 8;
    let told = Names::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    let routes = Router::new().route("/", post(take)).with_state(told.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });

    let folder = TempDir::new().expect("there is room");
    let configuration = "webhooks.allow_private = true";
    let mut expected = BTreeSet::new();
    for kill in 0..KILLS {
        let mut program = Program::start_with(folder.path(), &[], configuration);
        if kill == 0 {
            json(program.post("/v1/webhooks", &json!({ "url": url, "events": ["stream.created"] }))).await;
        }
        for number in 0..STREAMS {
            let name = format!("stream-{kill}-{number}");
            json(program.post("/v1/streams", &json!({ "name": name }))).await;
            expected.insert(name);
        }
        program.kill();
    }
    let _program = Program::start_with(folder.path(), &[], configuration);
    let all_are_told = async {
        while *told.lock().expect("nobody panics with it") != expected {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(60), all_are_told).await;
    assert!(waited.is_ok(), "told: {:?}", told.lock().expect("nobody panics with it"));
}
