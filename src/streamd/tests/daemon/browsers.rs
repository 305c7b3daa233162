//! Sessions of browsers through the real program.

use std::time::Duration;

use bytes::Bytes;
use fql_transport::EndReason;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::browser::{
    Connection, Publisher, Seen, Stream, Viewer, authority, playable, refused, source, stream, until,
};
use super::program::{Program, json};

/// A daemon with a stream that somebody publishes.
struct Bench {
    program: Program,
    stream: Stream,
    play: Value,
    _publisher: Publisher,
    _folder: TempDir,
}

impl Bench {
    async fn new() -> Self {
        Self::with("").await
    }

    async fn with(configuration: &str) -> Self {
        let folder = TempDir::new().expect("there is room");
        let program = Program::start_with(folder.path(), &[], configuration);
        let stream = stream(&program, "news").await;
        let play = playable(&program, &stream).await;
        let publisher = Publisher::start(authority(source(&play, "fql")), &stream).await;
        Self { program, stream, play, _publisher: publisher, _folder: folder }
    }

    async fn watch(&self, protocol: &str) -> Viewer {
        Viewer::watch(&self.play, source(&self.play, protocol)).await
    }

    async fn connect(&self, protocol: &str) -> Connection {
        Connection::open(source(&self.play, protocol)).await.expect("the daemon takes it")
    }

    /// How many watch by this.
    async fn viewers(&self, protocol: &str) -> u64 {
        let stats = json(self.program.get(&format!("/v1/streams/{}/stats", self.stream.id))).await;
        stats["viewersByCarrier"][protocol].as_u64().expect("it is a count")
    }

    /// One of the daemon's figures; nothing is none.
    async fn figure(&self, name: &str) -> f64 {
        let page = self.program.get("/metrics").send().await.expect("it answers").text().await;
        let page = page.expect("it is text");
        let line = page.lines().find_map(|line| line.strip_prefix(name));
        line.map_or(0.0, |value| value.trim().parse().expect("it is a number"))
    }
}

/// A source with another path.
fn at(source: &Value, from: &str, to: &str) -> Value {
    let uri = source["uri"].as_str().expect("it has one").replace(from, to);
    json!({ "protocol": source["protocol"], "uri": uri, "certificateHashes": source["certificateHashes"] })
}

#[tokio::test]
async fn a_stream_is_watched_by_webtransport_and_by_websocket_at_the_same_time() {
    let bench = Bench::new().await;
    for protocol in ["webtransport", "websocket"] {
        let mut viewer = bench.watch(protocol).await;
        viewer.sees(50).await;
        until("the viewer is counted", async || bench.viewers(protocol).await == 1).await;
        let stats = viewer.stats();
        assert!(stats.lost == 0, "{stats:?}");
    }
}

#[tokio::test]
async fn where_a_connection_ends_so_does_the_session_that_it_carried() {
    let bench = Bench::new().await;
    for protocol in ["webtransport", "websocket"] {
        let mut viewer = bench.watch(protocol).await;
        viewer.sees(1).await;
        until("the viewer is counted", async || bench.viewers(protocol).await == 1).await;
        drop(viewer);
        until("the viewer is gone", async || bench.viewers(protocol).await == 0).await;
    }
}

#[tokio::test]
async fn what_is_no_stream_is_refused_and_others_go_on() {
    let bench = Bench::new().await;
    let id = bench.stream.playback_id.as_str();
    let mut viewers = [bench.watch("webtransport").await, bench.watch("websocket").await];
    let webtransport = source(&bench.play, "webtransport");
    for path in ["/play/nothing", "/play/", "/", "/v1/streams", "/play/%00"] {
        let there = at(webtransport, &format!("/play/{id}"), path);
        assert!(Connection::open(&there).await.is_err(), "{path}");
    }
    let there = at(webtransport, id, &format!("{id}?token=abc"));
    assert!(Connection::open(&there).await.is_ok(), "a query does not matter");
    let websocket = source(&bench.play, "websocket")["uri"].as_str().expect("it has one");
    assert_eq!(refused(&websocket.replace(id, "nothing")).await, 404);
    let plain = bench.program.get(&format!("/play/{id}/ws")).send().await.expect("it answers");
    assert_eq!(plain.status(), 400);
    for viewer in &mut viewers {
        viewer.sees(20).await;
    }
}

#[tokio::test]
async fn text_and_long_messages_end_a_websocket_with_a_reason() {
    let bench = Bench::new().await;
    let mut text = bench.connect("websocket").await;
    text.send_text("hello").await;
    assert_eq!(text.ended().await, Some((1003, "messages are binary: one FQL datagram each".to_owned())));
    let mut long = bench.connect("websocket").await;
    long.send(Bytes::from(vec![4; 2048])).await;
    long.send(Bytes::from(vec![4; 2049])).await;
    assert_eq!(long.ended().await, Some((1009, "a message has 2048 bytes at most".to_owned())));
}

#[tokio::test]
async fn garbage_harms_nobody_not_even_the_session_of_the_same_connection() {
    let bench = Bench::new().await;
    let mut random = fastrand::Rng::with_seed(7);
    for protocol in ["webtransport", "websocket"] {
        let mut viewer = bench.watch(protocol).await;
        for _ in 0..300 {
            let mut garbage = vec![0; random.usize(0..1100)];
            random.fill(&mut garbage);
            if let Some(first) = garbage.first_mut() {
                // Many look like messages of the protocol.
                *first %= 12;
            }
            viewer.connection.send(garbage.into()).await;
        }
        viewer.sees(50).await;
    }
}

#[tokio::test]
async fn one_host_gets_half_of_the_connections_that_are_configured_and_their_room_is_used_again() {
    let configuration = "webtransport.max_sessions = 4\nwebsocket.max_connections = 4\n";
    let bench = Bench::with(configuration).await;
    for protocol in ["webtransport", "websocket"] {
        let source = source(&bench.play, protocol);
        let first = bench.connect(protocol).await;
        let mut second = bench.watch(protocol).await;
        assert!(Connection::open(source).await.is_err(), "{protocol}");
        second.sees(10).await;
        drop(first);
        until("there is room again", async || Connection::open(source).await.is_ok()).await;
        second.sees(10).await;
    }
}

#[tokio::test]
async fn many_that_come_at_once_are_all_served() {
    let bench = Bench::new().await;
    for protocol in ["webtransport", "websocket"] {
        let source = source(&bench.play, protocol);
        let all = futures_util::future::join_all((0..60).map(|_| Connection::open(source))).await;
        let opened = all.iter().filter(|one| one.is_ok()).count();
        assert_eq!(opened, 60, "{protocol}");
    }
}

#[tokio::test]
async fn a_connection_that_never_says_anything_is_closed_after_a_while() {
    let bench = Bench::new().await;
    let (mut webtransport, mut websocket) =
        (bench.connect("webtransport").await, bench.connect("websocket").await);
    let ended = async { tokio::join!(webtransport.ended(), websocket.ended()) };
    let ended = tokio::time::timeout(Duration::from_secs(40), ended).await;
    let (_, websocket) = ended.expect("both are closed");
    assert_eq!(websocket, Some((1008, "nothing came for too long".to_owned())));
}

#[tokio::test]
async fn viewers_are_told_that_the_stream_is_archived() {
    let bench = Bench::new().await;
    let mut viewers = [bench.watch("webtransport").await, bench.watch("websocket").await];
    for viewer in &mut viewers {
        viewer.sees(1).await;
    }
    let archived = bench.program.delete(&format!("/v1/streams/{}", bench.stream.id)).send().await;
    assert!(archived.expect("it answers").status().is_success());
    for viewer in &mut viewers {
        assert_eq!(viewer.end().await, Seen::Over(EndReason::Archived));
    }
}

#[tokio::test]
async fn viewers_hear_that_the_daemon_ends_and_it_ends_soon() {
    let mut bench = Bench::new().await;
    let mut viewers = [bench.watch("webtransport").await, bench.watch("websocket").await];
    for viewer in &mut viewers {
        viewer.sees(1).await;
    }
    let begun = std::time::Instant::now();
    bench.program.signal("TERM");
    for viewer in &mut viewers {
        assert_eq!(viewer.end().await, Seen::Over(EndReason::Goodbye));
    }
    for viewer in viewers {
        assert!(matches!(viewer.closed().await, Some((0 | 1001, reason)) if reason == "the server ends"));
    }
    assert!(bench.program.wait().success());
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn who_reads_too_slowly_holds_up_nobody_and_is_sent_away() {
    let bench = Bench::new().await;
    let websocket = source(&bench.play, "websocket");
    let mut slow = Viewer::over(&bench.play, Connection::narrow(websocket).await);
    slow.sees(1).await;
    let mut other = bench.watch("websocket").await;
    let dropped = r#"streamd_web_datagrams_dropped_total{carrier="websocket",way="out"}"#;
    // It goes on to report, so that the session lives, and reads nothing.
    let silent = tokio::spawn(async move { slow.report_only().await });
    other.sees(100).await;
    assert!(bench.figure(dropped).await > 0.0, "the queue of the slow one has a bound");
    let stats = other.stats();
    assert!(stats.lost == 0, "{stats:?}");
    until("the slow one is gone", async || bench.viewers("websocket").await == 1).await;
    other.sees(20).await;
    silent.abort();
}
