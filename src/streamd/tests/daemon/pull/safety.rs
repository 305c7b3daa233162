//! Where sources may lead, and what may be seen of them.

use tempfile::TempDir;

use super::servers::{Nginx, camera, free_port};
use super::studio::{PRIVATE, PUBLIC, Studio};
use crate::program::json;

#[tokio::test]
async fn addresses_that_are_not_public_are_refused() {
    for source in [
        "rtsp://127.0.0.1:1/a",
        "rtsp://localhost:1/a",
        "rtsp://[::1]:1/a",
        "rtsp://[::ffff:127.0.0.1]:1/a",
        "rtsp://2130706433:1/a",
        "http://2130706433:1/a.ts",
        "dtsc://10.0.0.1/a",
        "fql://127.0.0.1/play/a?server-key=5-efa-ETDZIlF2SYoLA-b0ZDAgFZ_9h_t3mehdkU73o",
        "http://127.0.0.1:1/a.ts",
        "srt://127.0.0.1:1",
        "tsudp://239.1.2.3:5000",
        "rist://127.0.0.1:5000",
        "http://169.254.169.254/a.m3u8",
        "http://localhost:1/a.m3u8",
    ] {
        let studio = Studio::new(PUBLIC, source).await;
        assert_eq!(studio.fails_with().await, "private_address", "{source}");
    }
    let studio = Studio::new(PRIVATE, "http://169.254.169.254/a.m3u8").await;
    assert_eq!(studio.fails_with().await, "private_address", "metadata is no private network");
}

#[tokio::test]
async fn networks_that_are_allowed_are_gone_to_and_no_others() {
    let (_camera, port) = camera(&[]);
    let allowed = format!("{PUBLIC}[pull]\nallowed_networks = [\"127.0.0.1/32\"]\n");
    Studio::new(&allowed, &format!("rtsp://127.0.0.1:{port}/camera")).await.plays(&["h264", "opus"]).await;
    let studio = Studio::new(&allowed, &format!("rtsp://127.0.0.2:{port}/camera")).await;
    assert_eq!(studio.fails_with().await, "private_address");
}

#[tokio::test]
async fn what_cannot_be_reached_says_why() {
    let port = free_port();
    for (source, reason) in [
        (format!("rtsp://127.0.0.1:{port}/a"), "refused"),
        (format!("http://127.0.0.1:{port}/a.ts"), "refused"),
        (format!("srt://127.0.0.1:{port}"), "unreachable"),
        ("rtsp://there.is.no.such.name.invalid/a".to_owned(), "unresolved"),
    ] {
        let studio = Studio::new(PRIVATE, &source).await;
        assert_eq!(studio.fails_with().await, reason, "{source}");
    }
    let disabled = format!("{PUBLIC}[pull]\nenabled = false\n");
    let studio = Studio::new(&disabled, "rtsp://camera/a").await;
    assert_eq!(studio.fails_with().await, "disabled");
}

#[tokio::test]
async fn redirects_and_playlists_lead_to_no_other_place() {
    let folder = TempDir::new().expect("there is room");
    let playlist = |uri: &str| {
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-ENDLIST\n#EXTINF:2,\n{uri}\n")
            .replace("\n#EXT-X-ENDLIST", "")
    };
    std::fs::write(folder.path().join("file.m3u8"), playlist("file:///etc/passwd")).expect("there is room");
    std::fs::write(folder.path().join("metadata.m3u8"), playlist("http://169.254.169.254/a.ts"))
        .expect("room");
    let there = "location /there/ { return 302 http://169.254.169.254/a.m3u8; } \
                 location /round/ { return 302 /round/a.ts; }";
    let nginx = Nginx::start(folder.path(), there);
    for (path, reason) in [
        ("file.m3u8", "malformed"),
        ("metadata.m3u8", "private_address"),
        ("there/a.m3u8", "private_address"),
        ("round/a.ts", "malformed"),
        ("none.ts", "not_found"),
    ] {
        let studio = Studio::new(PRIVATE, &nginx.url(path)).await;
        assert_eq!(studio.fails_with().await, reason, "{path}");
    }
}

#[tokio::test]
async fn a_source_is_stored_sealed() {
    let studio = Studio::new(PRIVATE, "rtsp://admin:topsecretword@127.0.0.1:1/hidden").await;
    let data = studio.folder.path().join("data");
    let shown = json(studio.program.get("/v1/streams/camera")).await.to_string();
    assert!(!shown.contains("topsecretword") && !shown.contains("hidden"), "{shown}");
    for file in std::fs::read_dir(data).expect("it is there") {
        let bytes = std::fs::read(file.expect("it can be read").path()).expect("it can be read");
        let found = bytes.windows(13).any(|window| window == b"topsecretword");
        assert!(!found, "the source is not stored in clear");
    }
}
