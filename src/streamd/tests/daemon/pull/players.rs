//! Players of all kinds, of which each opens a source that nobody watches.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use str0m::media::{Direction, MediaKind};
use tempfile::TempDir;

use super::servers::{camera, clip};
use super::studio::{PRIVATE, Studio};
use crate::browser::{Viewer, source};
use crate::program::{PATIENCE, json};

/// How a player ended; `None` where it had to be ended.
async fn ended(mut player: Child) -> Option<ExitStatus> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(status) = player.try_wait().expect("it is there") {
            return Some(status);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    player.kill().expect("it can be ended");
    player.wait().expect("it is there");
    None
}

/// How an idle stream can be played.
async fn playable(studio: &Studio) -> Value {
    let playable = json(studio.program.get(&format!("/play/{}", studio.playback_id))).await;
    assert_eq!(playable["state"], "idle", "{playable}");
    playable
}

#[tokio::test]
async fn a_player_of_layers_opens_a_source() {
    let (_camera, port) = camera(&[]);
    let studio = Studio::new(PRIVATE, &format!("rtsp://127.0.0.1:{port}/camera")).await;
    let playable = playable(&studio).await;
    let mut viewer = Viewer::watch(&playable, source(&playable, "websocket")).await;
    viewer.sees(20).await;
    let events = studio.wait_for_events(|events| !events.is_empty()).await;
    assert_eq!(events[0]["outcome"], "live");
}

#[tokio::test]
async fn players_of_ordinary_protocols_open_a_source() {
    let (_camera, port) = camera(&[]);
    for protocol in ["rtsp", "hls", "dash", "ts", "mp4"] {
        let studio = Studio::new(PRIVATE, &format!("rtsp://127.0.0.1:{port}/camera")).await;
        let playable = playable(&studio).await;
        let uri = source(&playable, protocol)["uri"].as_str().expect("it has one").to_owned();
        // What GStreamer's and ffmpeg's players take: pictures, and that they can be decoded.
        let mut ffmpeg = Command::new("ffmpeg");
        ffmpeg.args(["-nostdin", "-loglevel", "error"]);
        if protocol == "rtsp" {
            ffmpeg.args(["-rtsp_transport", "tcp"]);
        }
        ffmpeg.args(["-i", &uri, "-map", "0:v", "-frames:v", "10", "-f", "null", "-"]);
        ffmpeg.stdin(Stdio::null()).stdout(Stdio::null());
        let status = ended(ffmpeg.spawn().expect("it is installed")).await;
        let events = studio.wait_for_events(|events| !events.is_empty()).await;
        assert!(status.is_some_and(|status| status.success()), "{protocol}, {status:?}: {events:?}");
        assert_eq!(events[0]["outcome"], "live", "{protocol}");
    }
}

/// A server that keeps everybody waiting, and then gives a file for as long as it lasts.
fn slow(file: Vec<u8>, wait: Duration) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let port = listener.local_addr().expect("it has one").port();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            let _ = connection.read(&mut [0; 4096]);
            std::thread::sleep(wait);
            let head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
            // Whoever has enough goes away.
            let _ = connection.write_all(head).and_then(|()| connection.write_all(&file));
        }
    });
    port
}

#[tokio::test]
async fn a_player_of_webrtc_waits_for_a_slow_source_for_as_long_as_others_do() {
    let folder = TempDir::new().expect("there is room");
    let file = std::fs::read(clip(folder.path(), "clip.ts", &["-f", "mpegts"])).expect("it is there");
    // Longer than other requests may take.
    let wait = Duration::from_secs(12);
    let patient = PRIVATE.replacen("timeout = \"4s\"", "timeout = \"60s\"", 1);
    let studio = Studio::new(&patient, &format!("http://127.0.0.1:{}/a.ts", slow(file, wait))).await;
    let playable = playable(&studio).await;
    let uri = source(&playable, "whep")["uri"].as_str().expect("it has one").to_owned();
    let mut player = str0m::Rtc::new(Instant::now());
    let mut api = player.sdp_api();
    api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
    let (offer, _) = api.apply().expect("there is something to offer");
    let request = crate::program::client().post(uri).header("content-type", "application/sdp");
    let begun = Instant::now();
    let answer = request.body(offer.to_sdp_string()).send().await.expect("it answers");
    let (status, text) = (answer.status(), answer.text().await.expect("it is text"));
    assert_eq!(status, 201, "{text}\n{:?}", studio.events().await);
    assert!(text.starts_with("v=0") && begun.elapsed() >= wait, "{text}");
}
