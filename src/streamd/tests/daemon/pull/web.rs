//! HLS and files over HTTP, of nginx.

use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use super::servers::{Nginx, certificate, clip, free_port, sender};
use super::studio::{PRIVATE, Studio};
use crate::program::{PATIENCE, json};

#[tokio::test]
async fn playlists_and_files_of_a_web_server_are_taken() {
    let folder = TempDir::new().expect("there is room");
    clip(folder.path(), "clip.ts", &["-f", "mpegts"]);
    clip(folder.path(), "clip.mkv", &[]);
    clip(folder.path(), "clip.mp4", &["-movflags", "+faststart"]);
    clip(folder.path(), "index-at-end.mp4", &[]);
    clip(folder.path(), "ts.m3u8", &["-f", "hls", "-hls_time", "2", "-hls_list_size", "0"]);
    let fragments = ["-f", "hls", "-hls_segment_type", "fmp4", "-hls_time", "2", "-hls_list_size", "0"];
    clip(folder.path(), "fragments.m3u8", &fragments);
    let apart = ["-map", "0:v", "-map", "1:a", "-var_stream_map", "a:0,agroup:a,default:yes v:0,agroup:a"];
    let more = [&["-f", "hls", "-hls_list_size", "0", "-master_pl_name", "apart.m3u8"][..], &apart].concat();
    clip(folder.path(), "apart-%v.m3u8", &more);
    std::fs::write(folder.path().join("key"), b"0123456789abcdef").expect("there is room");
    let keys = folder.path().join("keys");
    std::fs::write(&keys, format!("key\n{}\n", folder.path().join("key").display())).expect("there is room");
    let keys = keys.to_str().expect("it is text");
    clip(folder.path(), "secret.m3u8", &["-f", "hls", "-hls_list_size", "0", "-hls_key_info_file", keys]);
    let there = "location /there/ { return 302 /ts.m3u8; }";
    let nginx = Nginx::start(folder.path(), there);
    for path in [
        "clip.ts",
        "clip.mkv",
        "clip.mp4",
        "index-at-end.mp4",
        "ts.m3u8",
        "fragments.m3u8",
        "apart.m3u8",
        "secret.m3u8",
        "there/a.m3u8",
    ] {
        let studio = Studio::new(PRIVATE, &nginx.url(path)).await;
        studio.plays(&["h264", "aac"]).await;
        drop(studio.folder);
    }
}

#[tokio::test]
async fn web_pictures_and_sound_are_taken_as_they_are() {
    let folder = TempDir::new().expect("there is room");
    let codecs = ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"];
    clip(folder.path(), "clip.webm", &codecs);
    let nginx = Nginx::start(folder.path(), "");
    Studio::new(PRIVATE, &nginx.url("clip.webm")).await.plays(&["vp8", "opus"]).await;
}

#[tokio::test]
async fn a_redirect_to_https_is_followed_where_the_certificate_is_trusted() {
    let folder = TempDir::new().expect("there is room");
    clip(folder.path(), "clip.ts", &["-f", "mpegts"]);
    let (certificate, whole) = certificate(folder.path());
    let port = free_port();
    let more = format!(
        "listen 127.0.0.1:{port} ssl; ssl_certificate {0}; ssl_certificate_key {0}; \
         location /there/ {{ return 301 https://localhost:{port}/clip.ts; }}",
        whole.display()
    );
    let nginx = Nginx::start(folder.path(), &more);
    let source = nginx.url("there/a.ts");
    Studio::trusting(Some(&certificate), PRIVATE, &source).await.plays(&["h264", "aac"]).await;
    let studio = Studio::new(PRIVATE, &source).await;
    assert_eq!(studio.fails_with().await, "untrusted");
}

#[tokio::test]
async fn a_live_playlist_is_followed_through_a_restart_of_its_encoder() {
    let folder = TempDir::new().expect("there is room");
    let file = clip(folder.path(), "clip.ts", &["-f", "mpegts"]);
    let nginx = Nginx::start(folder.path(), "");
    let playlist = folder.path().join("live.m3u8");
    let to = playlist.to_str().expect("it is text");
    let live = |first: &str| {
        let options = ["-f", "hls", "-hls_time", "1", "-hls_list_size", "4", "-hls_flags", "delete_segments"];
        let names = format!("{}/{first}-%d.ts", folder.path().display());
        let options = [&options[..], &["-start_number", first, "-hls_segment_filename", &names]].concat();
        sender(&file, &options, to)
    };
    let exists = |begin: &str| {
        std::fs::read_to_string(&playlist).is_ok_and(|list| list.lines().any(|line| line.starts_with(begin)))
    };
    let wait_for = async |begin: &str| {
        let begun = Instant::now();
        while !exists(begin) {
            assert!(begun.elapsed() < PATIENCE, "there is no {begin}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let first = live("70");
    wait_for("70-").await;
    let patient = PRIVATE.replacen("timeout = \"4s\"", "timeout = \"30s\"", 1);
    let studio = Studio::new(&patient, &nginx.url("live.m3u8")).await;
    studio.change(&json!({ "always": true })).await;
    studio.plays(&["h264", "aac"]).await;
    drop(first);
    // It numbers its segments anew, and its clock begins anew.
    let _second = live("3");
    wait_for("3-").await;
    let units = async || {
        let stats = json(studio.program.get("/v1/streams/camera/stats")).await;
        stats["tracks"][0]["unitsComplete"].as_u64().expect("it is a count")
    };
    let (before, begun) = (units().await, Instant::now());
    while units().await < before + 50 {
        assert!(begun.elapsed() < PATIENCE, "{:?}\n{}", studio.events().await, studio.program.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let events = studio.wait_for_events(|events| !events.is_empty()).await;
    assert_eq!(events.len(), 1, "it never ended: {events:?}");
}
