//! Streams that are pulled from real servers: GStreamer's RTSP server, srt-live-transmit, ristsink, nginx, multicast.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::program::{PATIENCE, Program, json};

/// What tests of sources on this machine need, with a grace time that they can wait for.
const PRIVATE: &str = "[pull]\nallow_private = true\ngrace = \"1s\"\ntimeout = \"4s\"\nlongest_wait = \"2s\"\n\
    [ingest]\ngrace = \"1s\"\n[limits]\nrequests_per_minute = 100000\nanonymous_requests_per_minute = 100000\n";

/// Without that.
const PUBLIC: &str = "[limits]\nrequests_per_minute = 100000\n";

/// A daemon with one pulled stream.
struct Studio {
    program: Program,
    playback_id: String,
    folder: TempDir,
}

impl Studio {
    async fn new(configuration: &str, source: &str) -> Self {
        let folder = TempDir::new().expect("there is room");
        let program = Program::start_with(folder.path(), &[], configuration);
        let body = json!({ "name": "camera", "type": "pull", "source": source });
        let stream = json(program.post("/v1/streams", &body)).await;
        assert_eq!((&stream["type"], &stream["streamKey"]), (&json!("pull"), &Value::Null), "{stream}");
        let playback_id = stream["playbackId"].as_str().expect("it is there").to_owned();
        Self { program, playback_id, folder }
    }

    async fn stream(&self) -> Value {
        json(self.program.get("/v1/streams/camera")).await
    }

    async fn events(&self) -> Vec<Value> {
        let events = json(self.program.get("/v1/streams/camera/source-events")).await;
        events.as_array().expect("it is a list").clone()
    }

    /// Somebody who watches until this is dropped; none where there is nothing to watch.
    async fn watch(&self) -> Option<Viewer> {
        let response = self.program.get(&format!("/play/{}.ts", self.playback_id)).send().await;
        let response = response.expect("it answers");
        response.status().is_success().then_some(Viewer(response))
    }

    /// Waits until the source does this.
    async fn wait_for_source(&self, state: &str) -> Value {
        self.wait(|stream| stream["sourceStatus"]["state"] == state).await
    }

    async fn wait(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let stream = self.stream().await;
            if is_so(&stream) {
                return stream;
            }
            assert!(begun.elapsed() < PATIENCE, "{stream}\n{}", self.program.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Watches until all of these codecs come.
    async fn plays(&self, codecs: &[&str]) {
        let Some(mut viewer) = self.watch().await else {
            panic!("{:?}\n{}", self.events().await, self.program.log());
        };
        assert!(viewer.take(20_000).await >= 20_000, "{}", self.program.log());
        let begun = Instant::now();
        loop {
            let stats = json(self.program.get("/v1/streams/camera/stats")).await;
            let come = |codec: &str| {
                let tracks = stats["tracks"].as_array().into_iter().flatten();
                tracks
                    .into_iter()
                    .any(|track| track["codec"] == codec && track["unitsComplete"].as_u64() > Some(10))
            };
            if codecs.iter().all(|codec| come(codec)) {
                assert_eq!(stats["sourceStatus"]["state"], "live", "{stats}");
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{stats}\n{}", self.program.log());
            let _ = viewer.take(1).await;
        }
    }

    /// The reason of the first event, when somebody wanted to watch.
    async fn fails_with(&self) -> String {
        assert!(self.watch().await.is_none(), "there is nothing to watch");
        let begun = Instant::now();
        loop {
            if let Some(event) = self.events().await.last() {
                assert_eq!(event["outcome"], "failed", "{event}");
                return event["reason"].as_str().expect("it is there").to_owned();
            }
            assert!(begun.elapsed() < PATIENCE, "{}", self.program.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

struct Viewer(reqwest::Response);

impl Viewer {
    /// Reads so many bytes, or until nothing comes.
    async fn take(&mut self, bytes: usize) -> usize {
        let mut taken = 0;
        while taken < bytes {
            match tokio::time::timeout(PATIENCE, self.0.chunk()).await {
                Ok(Ok(Some(chunk))) => taken += chunk.len(),
                _ => break,
            }
        }
        taken
    }
}

/// A program that is killed when this is dropped.
struct Server(Child);

impl Server {
    fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        Self(command.spawn().expect("it is installed"))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        let out = self.0.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut line).expect("it is text");
        line.trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An IP camera, and its port.
fn camera(options: &[&str]) -> (Server, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/e2e/rtsp_camera.py");
    // The system's own Python has the system's modules; another one may be before it in the path.
    let mut server = Server::start(Command::new("/usr/bin/python3").arg(script).args(options));
    let port = server.line();
    (server, port)
}

/// A port that nobody has now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("there is one").port()
}

/// An even port of UDP that nobody has now, nor the next one.
fn free_ports() -> u16 {
    let bound = |port| UdpSocket::bind(("127.0.0.1", port));
    loop {
        let first = bound(0).expect("there is one");
        let port = first.local_addr().expect("it has one").port();
        if port.is_multiple_of(2) && bound(port + 1).is_ok() {
            return port;
        }
    }
}

/// Ten seconds of pictures and sound in a file of this name.
fn clip(folder: &Path, name: &str, more: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args([
        "-nostdin",
        "-loglevel",
        "error",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=192x108:rate=25:duration=10",
    ]);
    ffmpeg.args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=10"]);
    ffmpeg.args(["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-pix_fmt", "yuv420p"]);
    ffmpeg.args(["-c:a", "aac", "-ac", "2"]).args(more).arg(&path);
    assert!(ffmpeg.status().expect("ffmpeg is installed").success());
    path
}

/// Sends a file again and again, as fast as it plays.
fn sender(file: &Path, options: &[&str], to: &str) -> Server {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-loglevel", "error", "-re", "-stream_loop", "-1", "-i"]).arg(file);
    Server::start(ffmpeg.args(["-c", "copy"]).args(options).arg(to))
}

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
}

#[tokio::test]
async fn two_viewers_are_one_connection() {
    let (_camera, port) = camera(&[]);
    let studio = Studio::new(PRIVATE, &format!("rtsp://127.0.0.1:{port}/camera")).await;
    let (one, other) = tokio::join!(studio.watch(), studio.watch());
    let (mut one, mut other) = (one.expect("it plays"), other.expect("it plays"));
    assert!(one.take(10_000).await >= 10_000 && other.take(10_000).await >= 10_000);
    let events = studio.events().await;
    assert_eq!(events.len(), 1, "{events:?}");
}

#[tokio::test]
async fn cameras_with_a_password_want_the_right_one() {
    for how in [&["--password", "secret"][..], &["--password", "secret", "--basic"]] {
        let (_camera, port) = camera(how);
        let studio = Studio::new(PRIVATE, &format!("rtsp://admin:secret@127.0.0.1:{port}/camera")).await;
        studio.plays(&["h264"]).await;
        let stream = studio.stream().await;
        assert_eq!(stream["source"], format!("rtsp://***@127.0.0.1:{port}/***"));
        let body = json!({ "source": format!("rtsp://admin:wrong@127.0.0.1:{port}/camera") });
        json(studio.program.patch("/v1/streams/camera", &body)).await;
        // The stream waits for a while for what may come back.
        studio.wait(|stream| stream["state"] == "idle").await;
        assert!(studio.watch().await.is_none(), "the password is wrong");
        let events = studio.events().await;
        assert_eq!(events[0]["reason"], "unauthorized", "{events:?}");
        assert!(!studio.program.log().contains("secret"), "{}", studio.program.log());
    }
}

#[tokio::test]
async fn a_camera_that_sends_by_udp_only_is_taken_so() {
    let (_camera, port) = camera(&["--udp"]);
    let studio = Studio::new(PRIVATE, &format!("rtsp://127.0.0.1:{port}/camera")).await;
    studio.plays(&["h264", "opus"]).await;
}

#[tokio::test]
async fn h265_and_aac_come_as_they_are() {
    let (_camera, port) = camera(&["--h265"]);
    let studio = Studio::new(PRIVATE, &format!("rtsp://127.0.0.1:{port}/camera")).await;
    studio.plays(&["h265", "aac"]).await;
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
    for protocol in ["websocket", "whep", "hls", "dash", "ts", "rtsp"] {
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
async fn addresses_that_are_not_public_are_refused() {
    for source in [
        "rtsp://127.0.0.1:1/a",
        "rtsp://localhost:1/a",
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

/// nginx that gives the files of a folder.
struct Nginx {
    server: Server,
    port: u16,
}

impl Nginx {
    fn start(folder: &Path, more: &str) -> Self {
        let port = free_port();
        let configuration = format!(
            "daemon off; master_process off; pid {0}/nginx.pid; error_log stderr; events {{}} http {{ access_log off; \
             client_body_temp_path {0}/b; proxy_temp_path {0}/p; fastcgi_temp_path {0}/f; uwsgi_temp_path {0}/u; \
             scgi_temp_path {0}/s; server {{ listen 127.0.0.1:{port}; root {0}; {more} }} }}",
            folder.display()
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, configuration).expect("there is room");
        let server =
            Server::start(Command::new("/usr/sbin/nginx").arg("-c").arg(file).args(["-e", "stderr"]));
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < PATIENCE, "nginx does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { server, port }
    }

    fn url(&self, path: &str) -> String {
        assert!(self.server.0.id() > 0);
        format!("http://127.0.0.1:{}/{path}", self.port)
    }
}

#[tokio::test]
async fn playlists_and_files_of_a_web_server_are_taken() {
    let folder = TempDir::new().expect("there is room");
    clip(folder.path(), "clip.ts", &["-f", "mpegts"]);
    clip(folder.path(), "clip.mkv", &[]);
    clip(folder.path(), "clip.mp4", &["-movflags", "+faststart"]);
    clip(folder.path(), "ts.m3u8", &["-f", "hls", "-hls_time", "2", "-hls_list_size", "0"]);
    let fragments = ["-f", "hls", "-hls_segment_type", "fmp4", "-hls_time", "2", "-hls_list_size", "0"];
    clip(folder.path(), "fragments.m3u8", &fragments);
    let there = "location /there/ { return 302 /ts.m3u8; }";
    let nginx = Nginx::start(folder.path(), there);
    for path in ["clip.ts", "clip.mkv", "clip.mp4", "ts.m3u8", "fragments.m3u8", "there/a.m3u8"] {
        let studio = Studio::new(PRIVATE, &nginx.url(path)).await;
        studio.plays(&["h264", "aac"]).await;
        drop(studio.folder);
    }
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
async fn a_camera_that_redirects_is_not_followed() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let elsewhere = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let (port, there) = (listener.local_addr().unwrap().port(), elsewhere.local_addr().unwrap().port());
    std::thread::spawn(move || {
        for connection in listener.incoming().map_while(Result::ok) {
            let lines =
                BufReader::new(connection.try_clone().expect("it can be")).lines().map_while(Result::ok);
            let mut sequence = String::new();
            for line in lines {
                if line.to_ascii_lowercase().starts_with("cseq") {
                    sequence = line;
                } else if line.is_empty() {
                    let answer = format!(
                        "RTSP/1.0 302 Moved\r\n{sequence}\r\nLocation: rtsp://127.0.0.1:{there}/a\r\n\r\n"
                    );
                    let _ = std::io::Write::write_all(&mut &connection, answer.as_bytes());
                }
            }
        }
    });
    let studio = Studio::new(PRIVATE, &format!("rtsp://127.0.0.1:{port}/a")).await;
    assert_eq!(studio.fails_with().await, "refused");
    elsewhere.set_nonblocking(true).expect("it can be");
    assert!(elsewhere.accept().is_err(), "nobody came");
}

/// An origin that says what one has said, to everybody who asks it for something.
fn origin(said: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let port = listener.local_addr().expect("it has one").port();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut asked = [0; 8];
                let is_asked = std::io::Read::read_exact(&mut connection, &mut asked).is_ok();
                assert!(is_asked && asked.starts_with(b"DTCM"));
                // What comes back is of no account; until its end the connection stays.
                let _ = std::io::Write::write_all(&mut connection, said);
                let _ = std::io::Read::read_to_end(&mut connection, &mut Vec::new());
            });
        }
    });
    port
}

#[tokio::test]
async fn an_origin_of_dtsc_is_asked_for_its_stream() {
    let port = origin(include_bytes!("../../../pull/tests/dtsc/live-sync.s2c.bin"));
    let studio = Studio::new(PRIVATE, &format!("dtsc://127.0.0.1:{port}/live")).await;
    studio.plays(&["h264", "aac"]).await;
    let port = origin(include_bytes!("../../../pull/tests/dtsc/error-nosuch.s2c.bin"));
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
