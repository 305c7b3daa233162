//! A stream of VP8, as browsers publish it, for players that do not take it.

use std::process::Command;

use fql_unit::encoded::ENCODED_VIDEO_LAYERS;
use fql_unit::{EncodedVideoInfo, Media as TrackMedia, Track, TrackTable, VideoCodec};
use tokio::task::AbortHandle;

use super::clip::{self, PICTURE};
use super::hls::{Stage, run};
use super::layered::{codecs, next_tracks, subscribe};
use super::ordinary::{Hub, ORIGIN, until};
use super::*;

/// A publisher, which is gone when it is dropped.
pub(in crate::media) struct Publisher(AbortHandle);

impl Publisher {
    /// Publishes the clip, small and in VP8, in real time.
    pub(in crate::media) async fn start(media: &Arc<Media>, stream: &Stream) -> Self {
        let pictures = tokio::task::spawn_blocking(pictures).await.unwrap();
        let mut publication = media.publish(stream.stream_key.as_deref().unwrap(), ORIGIN).await.unwrap();
        publication.tracks(tracks()).unwrap();
        let mut due = tokio::time::interval(Duration::from_nanos(PICTURE as u64));
        let publishing = tokio::spawn(async move {
            for (number, data) in pictures.iter().cycle().enumerate() {
                due.tick().await;
                let dts = number as i64 * PICTURE;
                // RFC 6386, 9.1: the first bit is of no key picture.
                let key = data[0] & 1 == 0;
                let duration = PICTURE as u64;
                let unit = SourceUnit { track: 1, dts, pts: dts, duration, key, data: data.clone() };
                publication.unit(unit).unwrap();
            }
        });
        until("the stream has its track", async || media.tracks(&stream.id) == Some(tracks())).await;
        Self(publishing.abort_handle())
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn tracks() -> TrackTable {
    let info = EncodedVideoInfo {
        codec: VideoCodec::Vp8,
        width: 320,
        height: 180,
        frame_rate: (0, 1),
        config: Vec::new(),
        caps: "video/x-vp8".to_owned(),
    };
    let media = TrackMedia::EncodedVideo(info);
    TrackTable::new(vec![Track { id: 1, name: String::new(), layers: ENCODED_VIDEO_LAYERS, media }]).unwrap()
}

/// The pictures of an IVF file: after a head of 32 bytes each has its length, in four bytes, and its time, in eight.
fn pictures() -> Vec<Bytes> {
    let made = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-i", clip::PATH, "-an", "-vf", "scale=320:180"])
        .args(["-frames:v", "100", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"])
        .args(["-b:v", "500k", "-g", "25", "-f", "ivf", "-"])
        .output()
        .expect("ffmpeg is installed");
    let mut rest = Bytes::from(made.stdout).slice(32..);
    let mut pictures = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[..4].try_into().unwrap()) as usize;
        pictures.push(rest.slice(12..12 + length));
        rest = rest.slice(12 + length..);
    }
    pictures
}

#[tokio::test(flavor = "multi_thread")]
async fn players_that_do_not_take_it_get_h264_and_others_get_it_as_it_is() {
    let stage = Stage::of(Hub::new().await).await;
    let hub = &stage.hub;
    let _publisher = Publisher::start(&hub.media, &hub.bench.stream).await;
    let sources = stage.get("").await.text().await.unwrap();
    for protocol in ["hls", "dash", "mp4", "ts"] {
        assert!(sources.contains(&format!("\"protocol\":\"{protocol}\"")), "{protocol}: {sources}");
    }
    for takes in [Takes::WEBRTC, Takes::RTP] {
        let tracks = next_tracks(&mut subscribe(hub, takes)).await;
        assert_eq!(codecs(&tracks).0, [VideoCodec::Vp8], "{takes:?}");
    }
    assert!(hub.media.conversions.is_empty(), "nobody needs it");
    let mut viewers =
        [Takes::FRAGMENTS, Takes::TRANSPORT_STREAM, Takes::TELEVISION].map(|takes| subscribe(hub, takes));
    for viewer in &mut viewers {
        assert_eq!(codecs(&*next_tracks(viewer).await).0, [VideoCodec::H264]);
    }
    assert_eq!(hub.media.conversions.len(), 1, "once for all");
    drop(viewers);
    until("conversion stops", async || hub.media.conversions.is_empty()).await;
    let seen = ["-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0"];
    for path in [".mp4", "/hls/index.m3u8", ".ts"] {
        let url = format!("{}{path}", stage.base);
        let told = run("ffprobe", &[&seen[..], &[&url]].concat()).await;
        assert_eq!(told.lines().next(), Some("h264,320,180"), "{path}");
    }
}
