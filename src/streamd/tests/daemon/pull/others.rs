//! SRT, RIST, MPEG-TS over UDP, DTSC, and another daemon.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use super::servers::{Server, camera, clip, free_port, free_ports, origin, sender};
use super::studio::{PRIVATE, Studio};
use crate::program::{PATIENCE, json};

#[tokio::test]
async fn a_listener_of_srt_is_called() {
    let folder = TempDir::new().expect("there is room");
    let file = clip(folder.path(), "clip.ts", &["-f", "mpegts"]);
    let (port, inner) = (free_port(), free_port());
    let _relay = Server::start(Command::new("srt-live-transmit").args([
        format!("udp://127.0.0.1:{inner}"),
        format!("srt://127.0.0.1:{port}?mode=listener&passphrase=abcdefghijkl"),
    ]));
    let _sender = sender(&file, &["-f", "mpegts"], &format!("udp://127.0.0.1:{inner}?pkt_size=1316"));
    let studio = Studio::new(PRIVATE, &format!("srt://127.0.0.1:{port}?passphrase=abcdefghijkl")).await;
    let source = format!("srt://127.0.0.1:{port}?passphrase=bbbbbbbbbbbb");
    let wrong = json!({ "name": "wrong", "type": "pull", "source": source });
    let wrong = json(studio.program.post("/v1/streams", &wrong)).await;
    let path = format!("/play/{}.ts", wrong["playbackId"].as_str().expect("it is there"));
    let begun = Instant::now();
    loop {
        let answer = studio.program.get(&path).send().await.expect("it answers");
        assert!(!answer.status().is_success(), "the passphrase is wrong");
        let events = json(studio.program.get("/v1/streams/wrong/source-events")).await;
        match events[0]["reason"].as_str() {
            Some("unauthorized") => break,
            // The listener may not be there yet.
            None | Some("unreachable") => {}
            other => panic!("{other:?}: {events}"),
        }
        assert!(begun.elapsed() < PATIENCE, "{events}\n{}", studio.program.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    studio.plays(&["h264", "aac"]).await;
}

#[tokio::test]
async fn what_is_sent_to_a_group_is_taken() {
    let folder = TempDir::new().expect("there is room");
    let file = clip(folder.path(), "clip.ts", &["-f", "mpegts"]);
    let port = free_port();
    let group = format!("udp://239.255.77.7:{port}?pkt_size=1316&localaddr=127.0.0.1&ttl=0");
    let _sender = sender(&file, &["-f", "mpegts"], &group);
    let source = format!("tsudp://239.255.77.7:{port}?interface=127.0.0.1");
    Studio::new(PRIVATE, &source).await.plays(&["h264", "aac"]).await;
}

#[tokio::test]
async fn what_is_sent_by_rist_is_taken() {
    let folder = TempDir::new().expect("there is room");
    let file = clip(folder.path(), "clip.ts", &["-f", "mpegts"]);
    // RTP takes an even port, and RTCP the next.
    let (port, inner) = (free_ports(), free_port());
    let pipeline = format!(
        "udpsrc address=127.0.0.1 port={inner} caps=video/mpegts,systemstream=true,packetsize=188 ! rtpmp2tpay ! \
         ristsink address=127.0.0.1 port={port}"
    );
    let _relay = Server::start(Command::new("gst-launch-1.0").arg("-q").args(pipeline.split_whitespace()));
    let _sender = sender(&file, &["-f", "mpegts"], &format!("udp://127.0.0.1:{inner}?pkt_size=1316"));
    Studio::new(PRIVATE, &format!("rist://127.0.0.1:{port}")).await.plays(&["h264", "aac"]).await;
}

#[tokio::test]
async fn an_origin_of_dtsc_is_asked_for_its_stream() {
    let port = origin(include_bytes!("../../../../pull/tests/dtsc/live-sync.s2c.bin"));
    let studio = Studio::new(PRIVATE, &format!("dtsc://127.0.0.1:{port}/live")).await;
    studio.plays(&["h264", "aac"]).await;
    let port = origin(include_bytes!("../../../../pull/tests/dtsc/error-nosuch.s2c.bin"));
    let studio = Studio::new(PRIVATE, &format!("dtsc://127.0.0.1:{port}/none")).await;
    assert_eq!(studio.fails_with().await, "not_found");
}

#[tokio::test]
async fn a_stream_of_another_daemon_is_taken() {
    let (_camera, port) = camera(&[]);
    let first = Studio::new(PRIVATE, &format!("rtsp://127.0.0.1:{port}/camera")).await;
    let stream = first.stream().await;
    let second = Studio::new(PRIVATE, stream["playback"]["fql"].as_str().expect("it is there")).await;
    assert_eq!(first.stream().await["state"], "idle", "nobody watches the second");
    second.plays(&["h264", "opus"]).await;
    assert_eq!(first.stream().await["sourceStatus"]["state"], "live");
    // The second lets go of the first, and that of the camera.
    second.wait_for_source("idle").await;
    first.wait_for_source("idle").await;
}
