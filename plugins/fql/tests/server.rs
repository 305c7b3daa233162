//! `fqlfecsink` and `fqlsrc` with a server between them, over real sockets.

mod common;

use std::io::{Read, Write};
use std::net::TcpListener;

use common::server::{Command, PLAYBACK_ID, STREAM_KEY, Server, TOKEN, server_key};
use common::{Player, Receiver, Sender, Wanted, wait_for};
use fql_transport::EndReason;
use gst::prelude::*;

fn publisher(server: &Server, options: &str, wanted: Wanted) -> Sender {
    Sender::to(&server.publish_uri(), &format!("stream-key={STREAM_KEY} {options}"), wanted).start()
}

#[test]
fn what_is_published_by_stream_key_is_viewed_by_playback_id() {
    common::init();
    let server = Server::start();
    let viewer = Receiver::start(&server.play_uri(), "");
    let _sender = publisher(&server, "", Wanted { audio: true, ..Wanted::VIDEO });
    viewer.wait_for_buffers("video", 50);
    viewer.wait_for_buffers("audio", 50);
    let pictures = common::decode(&viewer.caps("video"), viewer.buffers("video")[..5].to_vec());
    assert_eq!(pictures.len(), 5);
    // The second viewer joins in the middle, with the same picture at once.
    let late = Receiver::start(&server.play_uri(), "latency=200");
    late.wait_for_buffers("video", 20);
    wait_for("two viewers", || server.seen().viewers == 2);
    late.player.stop();
    wait_for("one viewer", || server.seen().viewers == 1);
}

#[test]
fn the_stream_key_may_come_from_a_file_and_only_from_one_place() {
    common::init();
    let server = Server::start();
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("stream-key");
    std::fs::write(&file, format!("{STREAM_KEY}\n")).unwrap();
    let options = format!("stream-key-file={}", file.display());
    let _sender = Sender::to(&server.publish_uri(), &options, Wanted::VIDEO).start();
    wait_for("a publisher", || server.seen().publishers == 1);
    let error = |options: &str| {
        let sender = Sender::to(&server.publish_uri(), options, Wanted::VIDEO);
        assert!(sender.player.pipeline.set_state(gst::State::Playing).is_err());
        sender.player.wait_for_error()
    };
    assert!(error(&format!("passphrase=x stream-key={STREAM_KEY}")).contains("both set"));
    assert!(error(&format!("{options} stream-key={STREAM_KEY}")).contains("both set"));
    assert!(error(&format!("one-way=true stream-key={STREAM_KEY}")).contains("return path"));
    let wrong = error("stream-key=sk_wrong");
    assert!(wrong.contains("32 characters") && !wrong.contains("sk_wrong"), "{wrong}");
}

#[test]
fn a_second_publisher_takes_over_and_the_first_is_told() {
    common::init();
    let server = Server::start();
    let first = publisher(&server, "", Wanted::VIDEO);
    wait_for("a publisher", || server.seen().publishers == 1);
    let _second = publisher(&server, "", Wanted::VIDEO);
    let error = first.player.wait_for_error();
    assert!(error.contains("another publisher took over") && error.contains("Only one"), "{error}");
    let message = first.player.wait_for_session("disconnected");
    assert_eq!(message.get::<&str>("reason"), Ok("replaced"));
    wait_for("one publisher", || server.seen().publishers == 1 && server.seen().accepted == 2);
}

#[test]
fn a_second_publisher_is_refused_and_told() {
    common::init();
    let server = Server::start();
    server.tell(Command::Refuse(Some(EndReason::Refused)));
    let first = publisher(&server, "", Wanted::VIDEO);
    wait_for("a publisher", || server.seen().publishers == 1);
    let second = publisher(&server, "", Wanted::VIDEO);
    let error = second.player.wait_for_error();
    assert!(error.contains("another publisher is live"), "{error}");
    assert_eq!(server.seen().accepted, 1);
    assert_eq!(first.player.errors(), Vec::<String>::new());
}

#[test]
fn a_key_that_is_rotated_is_told() {
    common::init();
    let server = Server::start();
    let sender = publisher(&server, "", Wanted::VIDEO);
    wait_for("a publisher", || server.seen().publishers == 1);
    server.tell(Command::EndPublisher(EndReason::KeyRotated));
    let error = sender.player.wait_for_error();
    assert!(error.contains("new key") && error.contains("Set stream-key"), "{error}");
    wait_for("no publisher", || server.seen().publishers == 0);
}

#[test]
fn a_pause_is_told_to_both_ends_and_the_stream_goes_on_without_a_new_session() {
    common::init();
    let server = Server::start();
    let viewer = Receiver::start(&server.play_uri(), "");
    let sender = publisher(&server, "", Wanted::VIDEO);
    viewer.wait_for_buffers("video", 5);
    server.tell(Command::Pause(true));
    sender.player.wait_for_session("paused");
    viewer.player.wait_for_session("paused");
    server.tell(Command::Pause(false));
    sender.player.wait_for_session("resumed");
    viewer.player.wait_for_session("resumed");
    let before = viewer.buffers("video").len();
    viewer.wait_for_buffers("video", before + 10);
    assert_eq!(viewer.stats().get::<u64>("sessions"), Ok(1));
    assert_eq!(server.seen().accepted, 1);
}

#[test]
fn a_viewer_whose_server_says_goodbye_comes_back() {
    common::init();
    let server = Server::start();
    let viewer = Receiver::start(&server.play_uri(), "");
    let _sender = publisher(&server, "", Wanted::VIDEO);
    viewer.wait_for_buffers("video", 5);
    server.tell(Command::EndViewers(EndReason::Goodbye));
    wait_for("another session", || viewer.stats().get::<u64>("sessions").is_ok_and(|n| n == 2));
    let before = viewer.buffers("video").len();
    viewer.wait_for_buffers("video", before + 5);
    assert_eq!(viewer.player.errors(), Vec::<String>::new());
}

#[test]
fn a_viewer_that_is_refused_fails_with_what_to_do() {
    common::init();
    let server = Server::start();
    let unknown = server.play_uri().replace(PLAYBACK_ID, "nothing");
    let error = Receiver::start(&unknown, "").player.wait_for_error();
    assert!(error.contains("no stream has this playback ID"), "{error}");
    server.tell(Command::AskForToken);
    let error = Receiver::start(&server.play_uri(), "token=wrong").player.wait_for_error();
    assert!(error.contains("Set the property token"), "{error}");
    let viewer = Receiver::start(&server.play_uri(), &format!("token=\"{TOKEN}\""));
    wait_for("a viewer", || server.seen().viewers == 1);
    assert_eq!(viewer.player.errors(), Vec::<String>::new());
}

#[test]
fn another_server_than_the_address_says_gets_a_warning() {
    common::init();
    let server = Server::start();
    let other = fql_transport::ServerKey::from_bytes([1; 32]).public().to_string();
    let uri = server.play_uri().replace(&server_key().public().to_string(), &other);
    let viewer = Receiver::start(&uri, "");
    let warning = viewer.player.wait_for_warning();
    assert!(warning.contains("No server answers"), "{warning}");
    assert_eq!(server.seen().viewers, 0);
}

#[test]
fn the_server_key_is_fetched_from_the_api_where_the_address_has_none() {
    common::init();
    let server = Server::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let api = format!("http://{}", listener.local_addr().unwrap());
    let body = format!("{{\"serverKey\":\"{}\"}}", server_key().public());
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let len = stream.read(&mut request).unwrap();
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        String::from_utf8_lossy(&request[..len]).into_owned()
    });
    let bare = format!("fql://{}/play/{PLAYBACK_ID}", server.address);
    let _viewer = Receiver::start(&bare, &format!("api-url={api}"));
    wait_for("a viewer", || server.seen().viewers == 1);
    assert!(asked.join().unwrap().starts_with(&format!("GET /play/{PLAYBACK_ID} ")));
    let player = Player::new(&format!("fqlsrc uri={bare}"));
    assert!(player.pipeline.set_state(gst::State::Playing).is_err());
    let error = player.wait_for_error();
    assert!(error.contains("add ?server-key=... or set api-url"), "{error}");
}

#[test]
fn only_addresses_of_streams_to_view_are_claimed() {
    common::init();
    let make = |uri: &str| gst::Element::make_from_uri(gst::URIType::Src, uri, None);
    let element = make("fql://127.0.0.1:4242/play/x").unwrap();
    assert_eq!(element.factory().unwrap().name(), "fqlsrc");
    let handler = element.dynamic_cast_ref::<gst::URIHandler>().unwrap();
    assert_eq!(handler.uri().unwrap(), "fql://127.0.0.1:4242/play/x");
    assert!(handler.set_uri("fql://127.0.0.1:4242/").is_err());
    let udp = make("udp://127.0.0.1:4242").map(|element| element.factory().unwrap().name().to_string());
    assert_ne!(udp.unwrap_or_default(), "fqlsrc");
}

/// Plays what a server gives by an element that finds all others by itself.
fn is_played_by(description: &str) {
    common::init();
    let server = Server::start();
    let _sender = publisher(&server, "", Wanted { audio: true, ..Wanted::VIDEO });
    wait_for("a publisher", || server.seen().publishers == 1);
    let player = Player::new(&description.replace("URI", &server.play_uri()));
    player.pipeline.set_state(gst::State::Playing).unwrap();
    for sink in ["video", "audio"] {
        wait_for(&format!("decoded {sink}"), || {
            assert_eq!(player.errors(), Vec::<String>::new());
            // A player plugs its sinks when it knows what it plays.
            let Some(sink) = player.pipeline.by_name(sink) else { return false };
            let stats = sink.property::<gst::Structure>("stats");
            stats.get::<u64>("rendered").is_ok_and(|n| n >= 20)
        });
    }
}

#[test]
fn uridecodebin3_plays_what_a_server_gives() {
    is_played_by(
        "uridecodebin3 name=in uri=URI in. ! video/x-raw ! fakesink name=video sync=true \
         in. ! audio/x-raw ! fakesink name=audio sync=true",
    );
}

#[test]
fn playbin3_plays_what_a_server_gives() {
    is_played_by(
        "playbin3 uri=URI video-sink=\"fakesink name=video sync=true\" \
         audio-sink=\"fakesink name=audio sync=true\"",
    );
}
