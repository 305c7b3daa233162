//! Players of RTSP over real connections, with a real clip.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::rtsp::{Port, Server};
use super::clip;
use super::hls::{Stage, run, shown};
use super::ordinary::until;
use super::*;

/// The longest that the end of a stream may take to be the end of a program that plays it.
const END: Duration = Duration::from_secs(20);

/// The hub with RTSP.
struct Readers {
    stage: Stage,
    address: SocketAddr,
    _server: Server,
}

impl Readers {
    async fn new() -> Self {
        let stage = Stage::new().await;
        let port = Port::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = port.address();
        let server = port.serve(stage.hub.bench.service.clone(), stage.hub.media.clone()).unwrap();
        Self { stage, address, _server: server }
    }

    fn uri(&self) -> String {
        format!("rtsp://{}/{}", self.address, self.stage.hub.bench.stream.playback_id)
    }
}

async fn ffmpeg_shows_the_very_pictures(transport: &str) {
    let readers = Readers::new().await;
    let _publishing = readers.stage.publish_faster(3).await;
    let (clip, _) = shown(&["-i", clip::PATH], &clip::KEYS.to_string()).await;
    let (pictures, sound) = shown(&["-rtsp_transport", transport, "-i", &readers.uri()], "75").await;
    assert_eq!(pictures.len(), 75);
    for (i, (time, hash)) in pictures.iter().enumerate() {
        assert_eq!(*hash, clip[i % clip::KEYS].1, "picture {i}");
        let expected = pictures[0].0 + i as f64 * 0.04;
        assert!((time - expected).abs() < 0.001, "picture {i} is at {time}");
    }
    let apart = sound[0].0 - pictures[0].0;
    assert!(apart.abs() < 0.04, "sound begins {apart} s after the picture");
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_shows_the_very_pictures_with_their_sound_over_the_connection() {
    ffmpeg_shows_the_very_pictures("tcp").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_shows_the_very_pictures_with_their_sound_by_udp() {
    ffmpeg_shows_the_very_pictures("udp").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rtspsrc_of_gstreamer_shows_the_very_pictures() {
    let readers = Readers::new().await;
    let publishing = readers.stage.publish_faster(2).await;
    let (clip, _) = shown(&["-i", clip::PATH], &clip::KEYS.to_string()).await;
    let location = format!("location={}", readers.uri());
    let source = ["-q", "rtspsrc", &location, "protocols=tcp", "!", "rtph264depay", "!", "h264parse"];
    let shown = async {
        let sink = ["!", "avdec_h264", "!", "checksumsink", "hash=sha256", "sync=false"];
        run("gst-launch-1.0", &[&source[..], &sink].concat()).await
    };
    let end = async {
        let (media, stream) = (&readers.stage.hub.media, &readers.stage.hub.bench.stream.id);
        let sent = || media.stats(stream).map_or(0, |stats| stats.tracks[0].units_complete);
        until("it watches", async || media.stats(stream).is_some_and(|stats| stats.viewers > 0)).await;
        let begun = sent();
        until("it has been sent two groups of pictures", async || sent() > begun + 2 * clip::KEYS as u64)
            .await;
        drop(publishing);
    };
    let (shown, ()) = tokio::join!(shown, end);
    let hashes: Vec<_> = shown.lines().filter_map(|line| line.split_whitespace().last()).collect();
    assert!(hashes.len() > clip::KEYS, "{} pictures", hashes.len());
    for (i, hash) in hashes.iter().enumerate() {
        assert_eq!(*hash, clip[i % clip::KEYS].1, "picture {i}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_stream_is_the_end_for_ffmpeg_and_gstreamer() {
    let readers = Readers::new().await;
    let publishing = readers.stage.publish_faster(2).await;
    let uri = readers.uri();
    let ffmpeg = async |transport: &str| {
        let input = ["-v", "error", "-rtsp_transport", transport, "-i", &uri];
        let output = ["-map", "0", "-c", "copy", "-f", "framehash", "-"];
        let shown = run("ffmpeg", &[&input[..], &output].concat()).await;
        let of = |stream: &str| shown.lines().filter(|line| line.starts_with(stream)).count();
        assert!(of("0,") > 0 && of("1,") > 0, "{shown}");
    };
    let location = format!("location={uri}");
    let gstreamer = async |protocol: &str| {
        let protocols = format!("protocols={protocol}");
        let source = ["-q", "rtspsrc", &location, &protocols, "name=source", "source."];
        let video = ["!", "rtph264depay", "!", "avdec_h264", "!", "fakesink", "sync=false", "source."];
        let sound = ["!", "rtpmp4gdepay", "!", "aacparse", "!", "fakesink", "sync=false"];
        run("gst-launch-1.0", &[&source[..], &video, &sound].concat()).await
    };
    let end_when_watched_by = async |count: u64| {
        let (media, stream) = (&readers.stage.hub.media, &readers.stage.hub.bench.stream.id);
        let heard = || media.stats(stream).map_or(0, |stats| stats.tracks[1].units_complete);
        until("all of them watch", async || media.stats(stream).is_some_and(|stats| stats.viewers >= count))
            .await;
        let begun = heard();
        until("all of them have been sent sound, too", async || heard() > begun + 50).await;
        drop(publishing);
    };
    let all = async {
        tokio::join!(
            ffmpeg("tcp"),
            ffmpeg("udp"),
            gstreamer("tcp"),
            gstreamer("udp"),
            end_when_watched_by(4)
        );
    };
    tokio::time::timeout(END + Duration::from_secs(20), all).await.expect("the programs end");
}

#[tokio::test]
async fn what_nobody_publishes_is_not_found() {
    let readers = Readers::new().await;
    let mut connection = tokio::net::TcpStream::connect(readers.address).await.unwrap();
    for uri in [readers.uri(), format!("rtsp://{}/nosuchstream", readers.address)] {
        let request = format!("DESCRIBE {uri} RTSP/1.0\r\nCSeq: 7\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = vec![0; 1000];
        let length = connection.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]);
        assert!(answer.starts_with("RTSP/1.0 404 ") && answer.contains("CSeq: 7\r\n"), "{answer}");
    }
    connection.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(END, connection.read_to_end(&mut rest)).await.expect("it is ended").unwrap();
    assert!(rest.starts_with(b"RTSP/1.0 400 "));
}
