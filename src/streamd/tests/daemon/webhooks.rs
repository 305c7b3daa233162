//! Webhooks over the control API: what an operator does with them.

use axum::Json;
use axum::extract::State;
use axum::routing::{Router, post};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::program::{ADMINISTRATOR, Program, client, json};

const CONFIGURATION: &str = "webhooks.allow_private = true";

async fn take(State(events): State<UnboundedSender<Value>>, Json(event): Json<Value>) {
    // The test that asked may be over.
    let _ = events.send(event);
}

/// A receiver's URL, and what it is told.
pub async fn receiver() -> (String, UnboundedReceiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    let (sender, events) = unbounded_channel();
    let routes = Router::new().route("/", post(take)).with_state(sender);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (url, events)
}

fn request(program: &Program, method: Method, path: &str, body: &Value) -> RequestBuilder {
    let request = client().request(method, format!("{}{path}", program.url)).bearer_auth(ADMINISTRATOR);
    request.header("content-type", "application/json").body(body.to_string())
}

#[tokio::test]
async fn a_webhook_is_made_tested_changed_and_deleted() {
    let folder = TempDir::new().expect("there is room");
    let program = Program::start_with(folder.path(), &[], CONFIGURATION);
    let (url, mut events) = receiver().await;
    let made = json(program.post("/v1/webhooks", &json!({ "url": url, "events": ["stream.paused"] }))).await;
    assert!(made["secret"].as_str().is_some_and(|secret| secret.starts_with("whsec_")));
    let path = format!("/v1/webhooks/{}", made["id"].as_str().expect("it has one"));
    assert_eq!(json(program.get(&path)).await.get("secret"), None, "it is shown once");
    assert_eq!(json(program.get("/v1/webhooks")).await.as_array().map(Vec::len), Some(1));

    let sent = json(program.post(&format!("{path}/test"), &json!({}))).await;
    let event = events.recv().await.expect("it comes");
    assert_eq!(event["type"], "webhook.test");
    assert_eq!(event["data"]["webhook"]["id"], made["id"]);
    assert_eq!(sent["eventId"], event["id"]);

    let change = json!({ "events": ["stream.created"], "description": "for the tests" });
    let changed = json(request(&program, Method::PATCH, &path, &change)).await;
    assert_eq!(changed["events"], json!(["stream.created"]));
    assert_eq!((&changed["description"], &changed["url"]), (&json!("for the tests"), &made["url"]));
    let stream = json(program.post("/v1/streams", &json!({ "name": "a" }))).await;
    let event = events.recv().await.expect("it comes");
    assert_eq!(event["type"], "stream.created");
    assert_eq!(event["data"]["id"], stream["id"]);
    let secret = stream["streamKey"].as_str().expect("it is shown to the administrator");
    assert!(!event.to_string().contains(secret), "no secret is told");

    let deleted = request(&program, Method::DELETE, &path, &json!({})).send().await.expect("it answers");
    assert_eq!(deleted.status(), 204);
    let gone = program.get(&path).send().await.expect("it answers");
    assert_eq!(gone.status(), 404);
}

#[tokio::test]
async fn what_becomes_of_a_source_is_told() {
    let folder = TempDir::new().expect("there is room");
    let configuration = format!("{CONFIGURATION}\npull.allow_private = true\npull.longest_wait = \"1s\"");
    let program = Program::start_with(folder.path(), &[], &configuration);
    let (url, mut events) = receiver().await;
    json(program.post("/v1/webhooks", &json!({ "url": url, "events": ["stream.source"] }))).await;
    // Somebody has the port, and closes each connection to it.
    let origin = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = origin.local_addr().expect("it is bound").port();
    tokio::spawn(async move { while origin.accept().await.is_ok() {} });
    let source = format!("http://admin:hunter2@127.0.0.1:{port}/stage/secret.ts?key=hidden");
    let body = json!({ "name": "camera", "type": "pull", "source": source, "always": true });
    let stream = json(program.post("/v1/streams", &body)).await;

    for _ in 0..2 {
        let event = events.recv().await.expect("it comes");
        assert_eq!(event["type"], "stream.source");
        let (told, of) = (&event["data"]["sourceEvent"], &event["data"]["stream"]);
        assert_eq!((&told["outcome"], &of["id"]), (&json!("failed"), &stream["id"]), "{event}");
        assert_eq!(told["reason"], "lost", "{event}");
        assert_eq!(of["source"], format!("http://***@127.0.0.1:{port}/stage/***?***"), "{event}");
        let text = event.to_string();
        assert!(["hunter2", "secret.ts", "hidden"].iter().all(|secret| !text.contains(secret)), "{event}");
    }
}

#[tokio::test]
async fn deliveries_are_listed_in_pages_the_latest_first() {
    let folder = TempDir::new().expect("there is room");
    let program = Program::start_with(folder.path(), &[], CONFIGURATION);
    let (url, mut events) = receiver().await;
    let made = json(program.post("/v1/webhooks", &json!({ "url": url }))).await;
    for number in 0..5 {
        json(program.post("/v1/streams", &json!({ "name": format!("stream-{number}") }))).await;
        events.recv().await.expect("it comes");
    }
    let id = made["id"].as_str().expect("it has one");
    let mut next = Some(format!("/v1/webhooks/{id}/deliveries?limit=2"));
    let mut sequences = Vec::new();
    while let Some(path) = next {
        let answer = program.get(&path).send().await.expect("it answers");
        let link = answer.headers().get("link").map(|link| link.to_str().expect("it is text").to_owned());
        next = link.map(|link| link.trim_start_matches('<').split('>').next().unwrap_or_default().to_owned());
        let page: Value =
            serde_json::from_str(&answer.text().await.expect("it is text")).expect("it is JSON");
        let page = page.as_array().expect("it is a list").clone();
        assert!(page.len() <= 2);
        sequences.extend(page.iter().map(|delivery| delivery["sequence"].as_i64().expect("it has one")));
    }
    assert_eq!(sequences, [5, 4, 3, 2, 1]);
}

#[tokio::test]
async fn what_is_wrong_with_a_webhook_is_named() {
    let folder = TempDir::new().expect("there is room");
    let program = Program::start(folder.path());
    let wrong = json!({ "url": "http://169.254.169.254/latest/meta-data", "events": ["stream.died"] });
    let answer = program.post("/v1/webhooks", &wrong).send().await.expect("it answers");
    assert_eq!(answer.status(), 422);
    let text = answer.text().await.expect("it is text");
    let problem: Value = serde_json::from_str(&text).expect("it is JSON");
    let fields: Vec<&str> = problem["errors"]
        .as_array()
        .expect("it names the fields")
        .iter()
        .filter_map(|error| error["field"].as_str())
        .collect();
    assert_eq!(fields, ["url", "events[0]"], "{text}");
}

#[tokio::test]
async fn a_key_without_the_scope_sees_no_webhooks() {
    let folder = TempDir::new().expect("there is room");
    let program = Program::start(folder.path());
    let key = json!({ "name": "reader", "scopes": ["streams:read"] });
    let key = json(program.post("/v1/keys", &key)).await;
    let key = key["key"].as_str().expect("it is shown");
    let answer = client().get(format!("{}/v1/webhooks", program.url)).bearer_auth(key).send().await;
    assert_eq!(answer.expect("it answers").status(), 403);
}
