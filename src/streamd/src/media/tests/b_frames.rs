//! Streams whose pictures do not come in the order in which they are shown, for players of WebRTC.

use std::process::Command;

use fql_unit::encoded::{ENCODED_AUDIO_LAYERS, ENCODED_VIDEO_LAYERS};
use fql_unit::{
    AudioCodec, EncodedAudioInfo, EncodedVideoInfo, Media as TrackMedia, Track, TrackTable, VideoCodec,
};
use tokio::task::AbortHandle;

use super::clip::{self, PICTURE};
use super::layered::{codecs, next_tracks, subscribe};
use super::ordinary::{Hub, take, until};
use super::*;

/// Pictures from one key picture to the next: the last ones are two B-frames, too.
const KEYS: i64 = 25;

/// A publisher, which is gone when it is dropped.
struct Publisher(AbortHandle);

impl Drop for Publisher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Publisher {
    /// Publishes the clip with two B-frames between others, and a sound every 20 ms, in real time.
    async fn start(hub: &Hub, codec: VideoCodec) -> Self {
        let pictures = tokio::task::spawn_blocking(move || pictures(codec)).await.unwrap();
        assert_eq!(pictures.len(), 100);
        let mut publication = hub.publish().await;
        publication.tracks(tracks(codec)).unwrap();
        let mut due = tokio::time::interval(Duration::from_nanos(PICTURE as u64));
        let publishing = tokio::spawn(async move {
            for (number, data) in (0..).zip(pictures.iter().cycle()) {
                due.tick().await;
                let (dts, pts) = (number * PICTURE, (shown(number) + 2) * PICTURE);
                let (duration, data) = (PICTURE as u64, data.clone());
                let key = number % KEYS == 0;
                publication.unit(SourceUnit { track: 1, dts, pts, duration, key, data }).unwrap();
                for dts in [dts, dts + PICTURE / 2] {
                    let (duration, data) = (PICTURE as u64 / 2, Bytes::from_static(&[0xfc, 0xff, 0xfe]));
                    publication
                        .unit(SourceUnit { track: 2, dts, pts: dts, duration, key: true, data })
                        .unwrap();
                }
            }
        });
        let id = &hub.bench.stream.id;
        until("the stream has its tracks", async || hub.media.tracks(id) == Some(tracks(codec))).await;
        Self(publishing.abort_handle())
    }
}

/// When the picture with this number in the order of decoding is shown, in pictures.
fn shown(number: i64) -> i64 {
    let (group, at) = (number / KEYS * KEYS, number % KEYS);
    group + [at - 1, at + 2, at - 1][at as usize % 3].max(0)
}

fn tracks(codec: VideoCodec) -> TrackTable {
    let name = if codec == VideoCodec::H264 { "h264" } else { "h265" };
    let media = TrackMedia::EncodedVideo(EncodedVideoInfo {
        codec,
        width: 320,
        height: 180,
        frame_rate: (25, 1),
        config: Vec::new(),
        caps: format!("video/x-{name}, stream-format=(string)byte-stream, alignment=(string)au"),
    });
    let video = Track { id: 1, name: String::new(), layers: ENCODED_VIDEO_LAYERS, media };
    let media = TrackMedia::EncodedAudio(EncodedAudioInfo {
        codec: AudioCodec::Opus,
        rate: 48_000,
        channels: 2,
        config: Vec::new(),
        caps: "audio/x-opus, channel-mapping-family=(int)0".to_owned(),
    });
    let audio = Track { id: 2, name: String::new(), layers: ENCODED_AUDIO_LAYERS, media };
    TrackTable::new(vec![video, audio]).unwrap()
}

/// The access units, each of which begins with a delimiter.
fn pictures(codec: VideoCodec) -> Vec<Bytes> {
    let (encoder, option, filter, format, delimiter): (_, _, _, _, &[u8]) = match codec {
        VideoCodec::H264 => ("libx264", "-x264-params", "h264_metadata=aud=insert", "h264", &[0, 0, 0, 1, 9]),
        _ => ("libx265", "-x265-params", "hevc_metadata=aud=insert", "hevc", &[0, 0, 0, 1, 0x46]),
    };
    let parameters = format!(
        "bframes=2:b-adapt=0:b-pyramid=0:scenecut=0:open-gop=0:keyint={KEYS}:min-keyint={KEYS}:log-level=none"
    );
    let made = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-i", clip::PATH, "-an", "-vf", "scale=320:180"])
        .args(["-frames:v", "100", "-c:v", encoder, "-preset", "ultrafast", option, &parameters])
        .args(["-bsf:v", filter, "-f", format, "-"])
        .output()
        .expect("ffmpeg is installed");
    let made = Bytes::from(made.stdout);
    let begins = made.windows(delimiter.len()).enumerate().filter(|(_, bytes)| *bytes == delimiter);
    let begins: Vec<_> = begins.map(|(at, _)| at).chain([made.len()]).collect();
    begins.windows(2).map(|unit| made.slice(unit[0]..unit[1])).collect()
}

#[test]
fn pictures_are_shown_as_the_encoder_orders_them() {
    let order: Vec<_> = (0..8).chain([23, 24, 25, 26]).map(shown).collect();
    assert_eq!(order, [0, 3, 1, 2, 6, 4, 5, 9, 22, 23, 25, 28]);
}

#[tokio::test(flavor = "multi_thread")]
async fn h264_with_b_frames_is_converted_for_players_that_show_pictures_as_they_come() {
    let hub = Hub::new().await;
    let _publisher = Publisher::start(&hub, VideoCodec::H264).await;
    let mut viewer = subscribe(&hub, Takes::WEBRTC);
    assert_eq!(codecs(&*next_tracks(&mut viewer).await), (vec![VideoCodec::H264], vec![AudioCodec::Opus]));
    let mut units = Vec::new();
    let in_order = |units: &[Arc<MediaUnit>]| {
        let pictures: Vec<_> = units.iter().filter(|unit| unit.track == 1).map(|unit| unit.pts()).collect();
        pictures.len() > 50 && pictures.windows(2).rev().take(50).all(|pair| pair[0] < pair[1])
    };
    let begun = Instant::now();
    while !in_order(&units) {
        assert!(begun.elapsed() < Duration::from_secs(30), "{} units", units.len());
        units.extend(take(&mut viewer, 1).await);
    }
    assert_eq!(hub.media.conversions.len(), 1);
    // Sound needs not wait for the encoder of the pictures.
    let sounds: Vec<_> = units.iter().filter(|unit| unit.track == 2).map(|unit| unit.pts()).collect();
    assert!(sounds.windows(2).all(|pair| pair[1] == pair[0] + PICTURE as u64 / 2), "{sounds:?}");
    let pictures = units.iter().enumerate().filter(|(_, unit)| unit.track == 1).map(|(at, _)| at);
    let longest = pictures.clone().zip(pictures.skip(1)).map(|(one, next)| next - one - 1).max();
    assert!(longest > Some(2), "no sound came while the encoder began");

    let mut other = subscribe(&hub, Takes::RTP);
    next_tracks(&mut other).await;
    let pictures = take(&mut other, 60).await;
    let pictures: Vec<_> = pictures.iter().filter(|unit| unit.track == 1).map(|unit| unit.pts()).collect();
    assert!(pictures.windows(2).any(|pair| pair[0] > pair[1]), "others get it as it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn h265_with_b_frames_passes_since_those_who_agreed_on_it_take_nothing_else() {
    let hub = Hub::new().await;
    let _publisher = Publisher::start(&hub, VideoCodec::H265).await;
    let mut viewer = subscribe(&hub, Takes::WEBRTC);
    assert_eq!(codecs(&*next_tracks(&mut viewer).await).0, [VideoCodec::H265]);
    let mut units = Vec::new();
    while units.len() < 150 {
        let next = tokio::time::timeout(Duration::from_secs(20), viewer.next()).await.expect("units come");
        match next.expect("the stream is there") {
            Watched::Tracks(tracks) => panic!("other tracks: {tracks:?}"),
            Watched::Unit(unit) => units.push(unit),
            _ => {}
        }
    }
    let pictures: Vec<_> = units.iter().filter(|unit| unit.track == 1).map(|unit| unit.pts()).collect();
    assert!(pictures.windows(2).any(|pair| pair[0] > pair[1]), "it is as it was");
    assert!(hub.media.conversions.is_empty());
}
