//! Proxies, figures and request ids.

use reqwest::header::HeaderMap;
use serde_json::json;
use tempfile::TempDir;

use super::program::{Program, json};

#[tokio::test]
async fn every_answer_has_an_id_that_is_in_the_log() {
    let folder = TempDir::new().expect("there is room");
    let program = Program::start_with(folder.path(), &["--log-level", "debug"], "");
    let id = |headers: &HeaderMap| headers["x-request-id"].to_str().expect("it is text").to_owned();
    let first = id(program.get("/v1/streams").send().await.expect("it answers").headers());
    let second = id(program.get("/nothing").send().await.expect("it answers").headers());
    assert_ne!(first, second);
    assert!(program.line(&first).contains("route=\"/v1/streams\""));
    assert!(program.line(&second).contains("route=\"none\""));
}

#[tokio::test]
async fn figures_are_shown_to_the_networks_that_may_see_them() {
    let folder = TempDir::new().expect("there is room");
    let configuration = "http.trusted_proxies = [\"127.0.0.1\"]";
    let program = Program::start_with(folder.path(), &[], configuration);
    let near = program.get("/metrics").send().await.expect("it answers");
    assert_eq!(near.status(), 200);
    assert!(near.text().await.expect("it is text").contains("streamd_info"));
    let far = program.get("/metrics").header("x-forwarded-for", "198.51.100.9").send().await;
    assert_eq!(far.expect("it answers").status(), 403);
}

#[tokio::test]
async fn a_client_that_no_proxy_speaks_for_cannot_say_where_it_is() {
    let folder = TempDir::new().expect("there is room");
    let program = Program::start_with(folder.path(), &[], "metrics.allow = [\"198.51.100.0/24\"]");
    let lie = program.get("/metrics").header("x-forwarded-for", "198.51.100.9").send().await;
    assert_eq!(lie.expect("it answers").status(), 403);
}

#[tokio::test]
async fn every_figure_is_in_the_documentation_and_counts() {
    let folder = TempDir::new().expect("there is room");
    let program = Program::start_with(folder.path(), &[], "webhooks.allow_private = true");
    json(program.post("/v1/webhooks", &json!({ "url": "http://127.0.0.1:9/" }))).await;
    json(program.post("/v1/streams", &json!({ "name": "a" }))).await;
    program.line("not delivered");
    let page = program.get("/metrics").send().await.expect("it answers").text().await.expect("it is text");
    let documented = include_str!("../../../../docs/metrics.md");
    let names = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    for name in names {
        assert!(documented.contains(&format!("| `{name}` |")), "{name} is not in docs/metrics.md");
    }
    for line in [
        "streamd_events_total{type=\"stream.created\"} 1",
        "streamd_http_requests_total{method=\"POST\",route=\"/v1/streams\",status=\"201\"} 1",
        "streamd_webhook_attempts_total{outcome=\"failed\"}",
        "streamd_http_request_seconds_count{method=\"POST\",route=\"/v1/webhooks\"} 1",
        "streamd_store_change_seconds_count",
        "streamd_webhook_attempt_seconds_count",
    ] {
        assert!(page.contains(line), "{line} is not in:\n{page}");
    }
}
