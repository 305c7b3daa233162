//! When sources are open, when they are tried again, and who is told of it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::servers::{camera, free_port};
use super::studio::{PRIVATE, Studio};
use crate::program::{PATIENCE, json};
use crate::webhooks::receiver;

#[tokio::test]
async fn a_camera_is_opened_while_somebody_watches() {
    let (_camera, port) = camera(&[]);
    let source = format!("rtsp://127.0.0.1:{port}/camera");
    let studio = Studio::new(PRIVATE, &source).await;
    let stream = studio.stream().await;
    assert_eq!(
        (&stream["state"], &stream["sourceStatus"]["state"]),
        (&json!("idle"), &json!("idle")),
        "{stream}"
    );
    assert_eq!(stream["source"], format!("rtsp://127.0.0.1:{port}/***"));
    assert!(studio.events().await.is_empty(), "nobody has wanted it");

    studio.plays(&["h264", "opus"]).await;
    // Its viewer has gone; after the grace time the connection goes, too.
    let stream = studio.wait_for_source("idle").await;
    assert_eq!(stream["state"], "idle", "{stream}");
    let events = studio.events().await;
    let outcomes: Vec<_> = events.iter().map(|event| (&event["outcome"], &event["reason"])).collect();
    assert_eq!(outcomes, [(&json!("ended"), &json!("idle")), (&json!("live"), &Value::Null)], "{events:?}");
    assert_eq!(events[1]["address"], format!("127.0.0.1:{port}"));
    // The first picture came in this time, and was there for somebody for at least the grace time.
    let took = |event: &Value| event["tookMs"].as_i64().expect("it is there");
    assert!((1..20_000).contains(&took(&events[1])), "{events:?}");
    assert!(took(&events[0]) >= took(&events[1]) + 1000, "{events:?}");
}

#[tokio::test]
async fn who_comes_back_within_the_grace_time_finds_the_same_connection() {
    let (_camera, port) = camera(&[]);
    let patient = PRIVATE.replacen("grace = \"1s\"", "grace = \"5m\"", 1);
    let studio = Studio::new(&patient, &format!("rtsp://127.0.0.1:{port}/camera")).await;
    for _ in 0..2 {
        studio.plays(&["h264", "opus"]).await;
        let begun = Instant::now();
        while json(studio.program.get("/v1/streams/camera/stats")).await["viewers"] != 0 {
            assert!(begun.elapsed() < PATIENCE, "the viewer has not gone");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let events = studio.wait_for_events(|events| !events.is_empty()).await;
    assert_eq!(events.len(), 1, "{events:?}");
}

#[tokio::test]
async fn what_a_source_does_is_seen_while_somebody_waits() {
    let (_camera, port) = camera(&["--silent"]);
    let studio = Studio::new(PRIVATE, &format!("rtsp://127.0.0.1:{port}/camera")).await;
    let looking = async {
        studio.wait_for_source("connecting").await;
        let stats = json(studio.program.get("/v1/streams/camera/stats")).await;
        assert_eq!(stats["sourceStatus"]["state"], "connecting", "{stats}");
        let stream = studio.wait_for_source("retrying").await;
        assert_eq!(stream["sourceStatus"]["reason"], "no_media", "{stream}");
        assert!(stream["sourceStatus"]["retryAt"].is_string(), "{stream}");
    };
    let (viewer, ()) = tokio::join!(studio.watch(), looking);
    assert!(viewer.is_none(), "there is nothing to watch");
}

#[tokio::test]
async fn a_camera_that_drops_its_connections_is_opened_again_and_again() {
    let (_camera, port) = camera(&["--drop", "3"]);
    let studio = Studio::new(PRIVATE, &format!("rtsp://127.0.0.1:{port}/camera")).await;
    studio.change(&json!({ "always": true })).await;
    let is = |event: &Value, outcome: &str| event["outcome"] == outcome;
    let events =
        studio.wait_for_events(|events| events.iter().filter(|event| is(event, "live")).count() > 1).await;
    let ended: Vec<_> = events.iter().filter(|event| is(event, "ended")).collect();
    // Some cameras say goodbye, and it depends on who is faster whether that is heard.
    let is_over = |event: &&Value| event["reason"] == "lost" || event["reason"] == "finished";
    assert!(!ended.is_empty() && ended.iter().all(is_over), "{events:?}");
    assert_eq!(studio.stream().await["sourceStatus"]["failures"], 0, "what was live has not failed");
}

#[tokio::test]
async fn another_source_is_opened_for_those_who_watch() {
    let ((_first, first), (_second, second)) = (camera(&[]), camera(&[]));
    let studio = Studio::new(PRIVATE, &format!("rtsp://127.0.0.1:{first}/camera")).await;
    let mut viewer = studio.watch().await.expect("it plays");
    assert!(viewer.take(10_000).await >= 10_000);
    studio.change(&json!({ "source": format!("rtsp://127.0.0.1:{second}/camera") })).await;
    let address = format!("127.0.0.1:{second}");
    let events = studio
        .wait_for_events(|events| events[0]["outcome"] == "live" && events[0]["address"] == address)
        .await;
    assert!(events.iter().all(|event| event["reason"].is_null()), "neither has failed: {events:?}");
    assert!(viewer.take(10_000).await >= 10_000, "whoever watched goes on watching");
}

#[tokio::test]
async fn what_is_always_open_is_so_after_a_crash() {
    let (_camera, port) = camera(&[]);
    let studio = Studio::new(PRIVATE, &format!("rtsp://127.0.0.1:{port}/camera")).await;
    assert_eq!(studio.stream().await["always"], false);
    studio.change(&json!({ "always": true })).await;
    studio.wait_for_source("live").await;
    let studio = studio.restart(PRIVATE);
    let stream = studio.wait_for_source("live").await;
    assert_eq!(stream["always"], true, "{stream}");
    studio.change(&json!({ "always": false })).await;
    studio.wait_for_source("idle").await;
}

#[tokio::test]
async fn a_pause_stops_viewers_and_not_the_source_that_they_opened() {
    let (_camera, port) = camera(&[]);
    let patient = PRIVATE.replacen("grace = \"1s\"", "grace = \"5m\"", 1);
    let studio = Studio::new(&patient, &format!("rtsp://127.0.0.1:{port}/camera")).await;
    let pause = async |how: &str| {
        json(studio.program.post(&format!("/v1/streams/camera/{how}"), &json!({}))).await;
    };
    pause("pause").await;
    assert!(studio.watch().await.is_none(), "it is paused");
    assert!(studio.events().await.is_empty(), "nobody wakes a source for a stream that is paused");
    pause("resume").await;
    studio.plays(&["h264", "opus"]).await;
    pause("pause").await;
    assert!(studio.watch().await.is_none(), "it is paused");
    assert_eq!(studio.stream().await["sourceStatus"]["state"], "live");
    pause("resume").await;
    studio.plays(&["h264", "opus"]).await;
    let events = studio.wait_for_events(|events| !events.is_empty()).await;
    assert_eq!(events.len(), 1, "it is the same connection: {events:?}");
}

#[tokio::test]
async fn a_webhook_is_told_of_attempts_and_of_no_secret() {
    let (_camera, port) = camera(&["--password", "topsecretword"]);
    let configuration = format!("{PRIVATE}[webhooks]\nallow_private = true\n");
    let source = format!("rtsp://admin:topsecretword@127.0.0.1:{port}/camera");
    let studio = Studio::new(&configuration, &source).await;
    let (url, mut told) = receiver().await;
    let hook = json!({ "url": url, "events": ["stream.source"] });
    json(studio.program.post("/v1/webhooks", &hook)).await;
    studio.plays(&["h264"]).await;
    let event = told.recv().await.expect("it comes");
    let (stream, attempt) = (&event["data"]["stream"], &event["data"]["sourceEvent"]);
    assert_eq!((&event["type"], &attempt["outcome"]), (&json!("stream.source"), &json!("live")), "{event}");
    assert_eq!(stream["source"], format!("rtsp://***@127.0.0.1:{port}/***"), "{event}");
    let body = json!({ "source": source.replace("topsecretword", "anotherword") });
    studio.change(&body).await;
    studio.wait(|stream| stream["state"] == "idle").await;
    assert!(studio.watch().await.is_none(), "the password is wrong");
    let event = told.recv().await.expect("it comes");
    assert_eq!(event["data"]["sourceEvent"]["reason"], "unauthorized", "{event}");
    for secret in ["topsecretword", "anotherword"] {
        assert!(!event.to_string().contains(secret) && !studio.program.log().contains(secret));
    }
}

#[tokio::test]
async fn two_viewers_are_one_connection() {
    let (_camera, port) = camera(&[]);
    let studio = Studio::new(PRIVATE, &format!("rtsp://127.0.0.1:{port}/camera")).await;
    let (one, other) = tokio::join!(studio.watch(), studio.watch());
    let (mut one, mut other) = (one.expect("it plays"), other.expect("it plays"));
    assert!(one.take(10_000).await >= 10_000 && other.take(10_000).await >= 10_000);
    let events = studio.wait_for_events(|events| !events.is_empty()).await;
    assert_eq!(events.len(), 1, "{events:?}");
}

#[tokio::test]
async fn a_camera_without_media_fails_and_is_tried_again() {
    let (_camera, port) = camera(&["--silent"]);
    let studio = Studio::new(PRIVATE, &format!("rtsp://127.0.0.1:{port}/camera")).await;
    assert_eq!(studio.fails_with().await, "no_media");
    // For whoever comes again it is tried again, and what failed before is not forgotten.
    let begun = Instant::now();
    while studio.stream().await["sourceStatus"]["failures"].as_u64() < Some(2) {
        assert!(studio.watch().await.is_none(), "there is nothing to watch");
        assert!(begun.elapsed() < PATIENCE, "{:?}\n{}", studio.events().await, studio.program.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let events = studio.events().await;
    let reasons: Vec<_> = events.iter().map(|event| &event["reason"]).collect();
    assert!(reasons.len() > 1 && reasons.iter().all(|reason| *reason == "no_media"), "{events:?}");
}

#[tokio::test]
async fn those_who_come_and_go_do_not_have_a_source_tried_more_often() {
    let studio = Studio::new(PRIVATE, &format!("http://127.0.0.1:{}/a.ts", free_port())).await;
    let begun = Instant::now();
    let events = loop {
        assert!(studio.watch().await.is_none(), "there is nothing to watch");
        let events = studio.events().await;
        if events.len() > 2 {
            break events;
        }
        assert!(begun.elapsed() < PATIENCE, "{events:?}\n{}", studio.program.log());
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let at = |event: &Value| -> jiff::Timestamp {
        event["at"].as_str().expect("it is there").parse().expect("it is a time")
    };
    let waits: Vec<_> = events.windows(2).map(|pair| at(&pair[0]).duration_since(at(&pair[1]))).collect();
    // The newest is the first. A wait may be a quarter shorter than a second, and the next one than two.
    let [.., second, first] = waits[..] else { panic!("{events:?}") };
    let milliseconds = (first.as_millis(), second.as_millis());
    assert!(milliseconds.0 >= 740 && milliseconds.1 >= 1490, "{milliseconds:?}: {events:?}");
}

#[tokio::test]
async fn a_camera_that_goes_comes_back() {
    let (server, port) = camera(&[]);
    let source = format!("rtsp://127.0.0.1:{port}/camera");
    let body = json!({ "source": source, "always": true });
    let studio = Studio::new(PRIVATE, &source).await;
    json(studio.program.patch("/v1/streams/camera", &body)).await;
    studio.wait_for_source("live").await;
    drop(server);
    let stream = studio.wait_for_source("retrying").await;
    assert_eq!(stream["sourceStatus"]["failures"], 1, "{stream}");
    studio.wait(|stream| stream["sourceStatus"]["reason"] == "refused").await;
    let (_server, port) = camera(&[]);
    let body = json!({ "source": format!("rtsp://127.0.0.1:{port}/camera") });
    json(studio.program.patch("/v1/streams/camera", &body)).await;
    studio.wait_for_source("live").await;
}

#[tokio::test]
async fn those_who_wait_for_a_source_are_told_what_it_does() {
    let studio = Studio::new(PRIVATE, &format!("rtsp://127.0.0.1:{}/secret-path", free_port())).await;
    let path = format!("/play/{}", studio.playback_id);
    let asked = async || json(studio.program.get(&path)).await;
    let idle = asked().await;
    assert_eq!((&idle["state"], &idle["source"]), (&json!("idle"), &json!({"state": "idle"})), "{idle}");
    let protocols: Vec<_> = idle["sources"]
        .as_array()
        .expect("there are some")
        .iter()
        .map(|source| &source["protocol"])
        .collect();
    for protocol in ["websocket", "whep", "hls", "dash", "mp4", "ts", "aac", "rtsp"] {
        assert!(protocols.contains(&&json!(protocol)), "no {protocol}: it opens the source. {idle}");
    }

    // Whoever wants to play it is told so, in each way, and when it is tried again; why it fails is the owner's business.
    let words = "its source is retrying";
    for file in [".ts", "/hls/index.m3u8", "/cmaf/index.mpd", ".mp4"] {
        let response = studio.program.get(&format!("{path}{file}")).send().await.expect("it answers");
        let (status, text) = (response.status(), response.text().await.expect("it is text"));
        assert!(status.as_u16() == 404 && text.contains(words), "{file}: {status} {text}");
    }
    let begun = Instant::now();
    let retrying = loop {
        let playable = asked().await;
        if playable["source"]["state"] == "retrying" {
            break playable;
        }
        assert!(begun.elapsed() < PATIENCE, "{playable}");
        let _ = studio.watch().await;
    };
    let wait = retrying["source"]["retryInMs"].as_u64().expect("it is told");
    assert!(wait <= 2000, "{retrying}");
    assert_eq!(retrying["source"].as_object().map(serde_json::Map::len), Some(2), "{retrying}");
    assert!(!retrying.to_string().contains("secret-path"), "{retrying}");
}
