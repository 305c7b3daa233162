//! A stream in layers, published by FQL, for players that know nothing of layers.

use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use fql_codec::audio::{self, EncoderConfig as SoundConfig};
use fql_codec::video::{self, EncoderConfig, Format, Plane};
use fql_unit::{AudioCodec, AudioFormat, AudioInfo, Chroma, Media as TrackMedia, Timing, Track, VideoCodec};
use fql_unit::{TrackTable, VideoInfo};
use reqwest::StatusCode;

use super::hls::Stage;
use super::ordinary::{Hub, take, until};
use super::*;

const PATIENCE: Duration = Duration::from_secs(30);
const LAYERS: u8 = 10;
/// Nanoseconds of a picture.
const PICTURE: u64 = 40_000_000;
const SECOND: u64 = 1_000_000_000;
const RATE: u64 = 48_000;
/// When in every second a picture is white and a tone is heard.
const SHOWN: std::ops::Range<u64> = 400_000_000..600_000_000;

/// Somebody who publishes white pictures and a tone in every second, and black ones and silence otherwise; says goodbye
/// when it is dropped.
pub(in crate::media) struct Publisher {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Publisher {
    /// Begins to publish pictures of this size, and sound.
    async fn start(hub: &Hub, width: u32, height: u32) -> Self {
        Self::of(&hub.media, hub.fql, &hub.bench.stream, (width, height)).await
    }

    /// The same for a hub that takes FQL at this address.
    pub(in crate::media) async fn of(
        media: &Arc<Media>,
        server: SocketAddr,
        stream: &Stream,
        (width, height): (u32, u32),
    ) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let key = StreamKey::parse(stream.stream_key.as_deref().unwrap()).unwrap();
        let stopped = stop.clone();
        let run = move || Layered::new(width, height).publish(server, &key, &stopped);
        let thread = Some(std::thread::spawn(run));
        let has_both = |tracks: TrackTable| tracks.tracks().len() == 2;
        until("the stream is live", async || {
            media.is_live(&stream.id) && media.tracks(&stream.id).is_some_and(has_both)
        })
        .await;
        Self { stop, thread }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let joined = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || joined.is_none_or(|joined| joined.is_ok()));
    }
}

/// What makes units.
struct Layered {
    video: VideoInfo,
    audio: AudioInfo,
    pictures: video::Encoder,
    sound: audio::Encoder,
}

impl Layered {
    fn new(width: u32, height: u32) -> Self {
        let video = VideoInfo { frame_rate: (25, 1), ..VideoInfo::new(width, height, Chroma::Yuv420) };
        let (rate, channels, format) = (RATE as u32, 2, AudioFormat::S16);
        let config = EncoderConfig {
            width,
            height,
            format: Format::from(&video),
            layers: LAYERS,
            slices: 1,
            threads: 1,
            motion: None,
        };
        Self {
            video,
            audio: AudioInfo { rate, channels, format, channel_mask: 0 },
            pictures: video::Encoder::new(config).unwrap(),
            sound: audio::Encoder::new(SoundConfig { rate, channels, format, layers: LAYERS }).unwrap(),
        }
    }

    fn tracks(&self) -> TrackTable {
        let track = |id, media| Track { id, name: "main".into(), layers: LAYERS, media };
        let (video, audio) = (TrackMedia::Video(self.video.clone()), TrackMedia::Audio(self.audio.clone()));
        TrackTable::new(vec![track(1, video), track(2, audio)]).unwrap()
    }

    /// The picture of a time.
    fn picture(&mut self, time: u64) -> fql_unit::Unit {
        let luma = if SHOWN.contains(&(time % SECOND)) { 235 } else { 16 };
        let (width, height) = (self.video.width as usize, self.video.height as usize);
        let (luma, chroma) = (vec![luma; width * height], vec![128; width * height / 4]);
        let planes =
            [Plane::bytes(&luma, width), Plane::bytes(&chroma, width / 2), Plane::bytes(&chroma, width / 2)];
        self.pictures.encode(&planes, video::Rate::WholeLadder).unwrap()
    }

    /// The sound from a sample on.
    fn sound(&mut self, from: u64) -> fql_unit::Unit {
        let sample = |at: u64| {
            let is_heard = SHOWN.contains(&(at * SECOND / RATE % SECOND));
            let turn = (at % 48) as f64 / 48.0 * std::f64::consts::TAU;
            if is_heard { (turn.sin() * 10_000.0) as i32 } else { 0 }
        };
        let length = self.sound.frame_len() as u64;
        let samples: Vec<i32> = (from..from + length).flat_map(|at| [sample(at); 2]).collect();
        self.sound.encode(&samples, audio::Rate::WholeLadder).unwrap()
    }

    /// Publishes in real time until it is to stop.
    fn publish(mut self, server: SocketAddr, key: &StreamKey, stop: &AtomicBool) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
        let begun = Instant::now();
        let now = || Time::from_nanos(begun.elapsed().as_nanos() as u64);
        let mut sender = Sender::new(SenderConfig::publishing(key), Seed::from_os().unwrap(), now()).unwrap();
        sender.set_tracks(now(), self.tracks());
        let mut buffer = [0; 2048];
        // What is to come next: a time of pictures, a sample to encode, and one that comes out.
        let (mut picture, mut encoded, mut heard) = (0, 0, 0);
        loop {
            while let Some(datagram) = sender.poll_transmit(now()) {
                socket.send_to(&datagram, server).unwrap();
            }
            if let Ok((length, _)) = socket.recv_from(&mut buffer) {
                sender.handle_datagram(now(), &buffer[..length]);
            }
            while let Some(event) = sender.poll_event() {
                if let fql_transport::SenderEvent::Closed = event {
                    return;
                }
            }
            assert!(begun.elapsed() < 3 * PATIENCE, "nobody stops the publisher");
            if stop.load(Ordering::SeqCst) {
                sender.close(now());
                continue;
            }
            if !sender.stats(now()).connected {
                continue;
            }
            while picture <= now().as_nanos() {
                let unit = self.picture(picture);
                let timing = Timing { pts: picture, duration: PICTURE };
                sender.push_unit(now(), 1, timing, &unit).unwrap();
                picture += PICTURE;
            }
            while encoded * SECOND / RATE <= now().as_nanos() {
                let unit = self.sound(encoded);
                let count = audio::unit_samples(&unit, 2).unwrap() as u64;
                let (pts, duration) = (heard * SECOND / RATE, count * SECOND / RATE);
                sender.push_unit(now(), 2, Timing { pts, duration }, &unit).unwrap();
                encoded += self.sound.frame_len() as u64;
                heard += count;
            }
        }
    }
}

pub(super) async fn next_tracks(subscription: &mut Subscription) -> Arc<TrackTable> {
    loop {
        let next = tokio::time::timeout(PATIENCE, subscription.next()).await.expect("tracks come");
        if let Watched::Tracks(tracks) = next.expect("the stream is there") {
            return tracks;
        }
    }
}

pub(super) fn codecs(tracks: &TrackTable) -> (Vec<VideoCodec>, Vec<AudioCodec>) {
    let media = || tracks.tracks().iter().map(|track| &track.media);
    let video = media().filter_map(|media| match media {
        TrackMedia::EncodedVideo(info) => Some(info.codec),
        _ => None,
    });
    let audio = media().filter_map(|media| match media {
        TrackMedia::EncodedAudio(info) => Some(info.codec),
        _ => None,
    });
    (video.collect(), audio.collect())
}

pub(super) fn subscribe(hub: &Hub, takes: Takes) -> Subscription {
    hub.media.subscribe_as(&hub.bench.stream.playback_id, Subscribing::default(), takes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_track_is_converted_once_for_all_who_watch_and_not_any_more_after_the_last() {
    let hub = Hub::new().await;
    let _publisher = Publisher::start(&hub, 320, 176).await;
    assert!(hub.media.conversions.is_empty(), "nobody watches");
    let mut viewers: Vec<_> = (0..10).map(|_| subscribe(&hub, Takes::FRAGMENTS)).collect();
    let mut by_webrtc = subscribe(&hub, Takes::WEBRTC);
    let mut pictures = Vec::new();
    for viewer in &mut viewers {
        let tracks = next_tracks(viewer).await;
        assert_eq!(codecs(&tracks), (vec![VideoCodec::H264], vec![AudioCodec::Aac]));
        let unit = loop {
            let unit = take(viewer, 1).await.remove(0);
            if unit.track == 1 {
                break unit;
            }
        };
        assert!(unit.key, "every viewer begins with a key picture");
        pictures.push(unit);
    }
    assert_eq!(codecs(&*next_tracks(&mut by_webrtc).await), (vec![VideoCodec::H264], vec![AudioCodec::Opus]));
    // Not only the same bytes: the same unit.
    let shared = pictures.iter().filter(|unit| Arc::ptr_eq(unit, &pictures[9])).count();
    assert!(shared > 1, "units are shared");
    assert_eq!(hub.media.conversions.len(), 3, "H.264, AAC and Opus");
    drop((viewers, by_webrtc));
    until("conversion stops", async || hub.media.conversions.is_empty()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_comes_back_with_another_size_is_converted_further() {
    let hub = Hub::new().await;
    let publisher = Publisher::start(&hub, 320, 176).await;
    let mut viewer = subscribe(&hub, Takes::FRAGMENTS);
    let width = |tracks: &TrackTable| match &tracks.tracks()[0].media {
        TrackMedia::EncodedVideo(info) => info.width,
        other => panic!("{other:?}"),
    };
    assert_eq!(width(&*next_tracks(&mut viewer).await), 320);
    take(&mut viewer, 20).await;
    drop(publisher);
    let offline = async { while !matches!(viewer.next().await, Some(Watched::Offline)) {} };
    tokio::time::timeout(PATIENCE, offline).await.expect("the publisher said goodbye");
    let _publisher = Publisher::start(&hub, 160, 96).await;
    while width(&*next_tracks(&mut viewer).await) != 160 {}
    let picture = loop {
        let unit = take(&mut viewer, 1).await.remove(0);
        if unit.track == 1 {
            break unit;
        }
    };
    assert!(picture.key && picture.discont, "{picture:?}");
}

/// The ends of something in what ffmpeg's filters tell, in seconds.
fn ends(told: &str, name: &str) -> Vec<f64> {
    let found = told.split(name).skip(1);
    let number = |rest: &str| {
        let text: String =
            rest.trim_start().chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        text.parse().ok()
    };
    found.filter_map(number).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_plays_a_stream_in_layers_by_hls_and_mp4_with_sound_and_picture_together() {
    let stage = Stage::of(Hub::new().await).await;
    let _publisher = Publisher::start(&stage.hub, 320, 176).await;
    let sources = stage.get("").await.text().await.unwrap();
    for protocol in ["hls", "dash", "mp4", "ts", "aac", "rtsp"] {
        assert!(sources.contains(&format!("\"protocol\":\"{protocol}\"")), "{protocol}: {sources}");
    }
    let playing = ["/hls/index.m3u8", ".mp4", ".ts"].map(|path| {
        let url = format!("{}{path}", stage.base);
        let run = move || {
            Command::new("ffmpeg")
                .args(["-nostdin", "-hide_banner", "-i", &url, "-t", "4"])
                .args(["-vf", "blackdetect=d=0.1:pix_th=0.2", "-af", "silencedetect=n=-30dB:d=0.1"])
                .args(["-f", "null", "-"])
                .output()
                .expect("ffmpeg is installed")
        };
        (path, tokio::task::spawn_blocking(run))
    });
    for (path, told) in playing {
        let told = told.await.unwrap();
        let told = String::from_utf8_lossy(&told.stderr).into_owned();
        let (seen, heard) = (ends(&told, "black_end:"), ends(&told, "silence_end:"));
        assert!(seen.len() >= 3 && heard.len() >= 3, "{path}: {told}");
        let together = |seen: &f64| heard.iter().any(|heard| (heard - seen).abs() < 0.04);
        // What is black or silent from the beginning or up to the end does not say when that began or ended.
        let within = seen.iter().filter(|seen| (1.0..3.8).contains(*seen));
        assert!(within.clone().count() >= 2, "{path}: {told}");
        assert!(within.clone().all(together), "{path}: seen at {seen:?} s and heard at {heard:?} s");
    }
}

/// Frames of layer II of a tone, 24 ms each.
fn layer_2() -> Vec<Bytes> {
    let told = Command::new("ffmpeg")
        .args([
            "-nostdin",
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "sine=frequency=440:sample_rate=48000:duration=1",
        ])
        .args(["-c:a", "mp2", "-b:a", "192k", "-ac", "2", "-f", "mp2", "-"])
        .output()
        .expect("ffmpeg is installed");
    assert!(told.status.success(), "{told:?}");
    told.stdout.chunks_exact(576).map(Bytes::copy_from_slice).collect()
}

/// Publishes pictures, and layer II up to this time.
async fn publish_layer_2(hub: &Hub, last: Duration) -> tokio::task::JoinHandle<()> {
    let caps = "audio/mpeg, mpegversion=(int)1, mpegaudioversion=(int)1, layer=(int)2, rate=(int)48000, \
                channels=(int)2, parsed=(boolean)true";
    let media = TrackMedia::Data(fql_unit::DataInfo { caps: caps.into() });
    let sound = Track { id: 2, name: String::new(), layers: 1, media };
    let tracks = TrackTable::new(vec![clip::tracks().tracks()[0].clone(), sound]).unwrap();
    let mut publication = hub.publish().await;
    publication.tracks(tracks).unwrap();
    tokio::spawn(async move {
        let (pictures, frames) = (clip::pictures(0), layer_2());
        let last = i64::try_from(last.as_nanos()).unwrap_or(i64::MAX);
        let (begun, mut ticks) =
            (tokio::time::Instant::now(), tokio::time::interval(Duration::from_millis(8)));
        let (mut shown, mut heard) = (0, 0);
        loop {
            ticks.tick().await;
            let now = begun.elapsed().as_nanos() as i64;
            while shown * clip::PICTURE <= now {
                let mut picture = pictures[shown as usize % clip::PICTURES].clone();
                (picture.dts, picture.pts) = (shown * clip::PICTURE, shown * clip::PICTURE);
                publication.unit(picture).unwrap();
                shown += 1;
            }
            while heard * 24_000_000 <= now.min(last) {
                let data = frames[heard as usize % frames.len()].clone();
                let (dts, duration) = (heard * 24_000_000, 24_000_000);
                publication.unit(SourceUnit { track: 2, dts, pts: dts, duration, key: true, data }).unwrap();
                heard += 1;
            }
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn mpeg_audio_is_heard_by_those_who_take_none() {
    let hub = Hub::new().await;
    let publishing = publish_layer_2(&hub, Duration::MAX).await;
    for (takes, audio) in [
        (Takes::FRAGMENTS, vec![AudioCodec::Aac]),
        (Takes::WEBRTC, vec![AudioCodec::Opus]),
        (Takes::AAC, vec![AudioCodec::Aac]),
        // As it is.
        (Takes::TRANSPORT_STREAM, vec![]),
        (Takes::TELEVISION, vec![]),
    ] {
        let mut viewer = subscribe(&hub, takes);
        let given = async {
            loop {
                let tracks = next_tracks(&mut viewer).await;
                let is_data = |track: &Track| matches!(track.media, TrackMedia::Data(_));
                if codecs(&tracks).1 == audio && tracks.tracks().iter().any(is_data) == audio.is_empty() {
                    break;
                }
            }
            while take(&mut viewer, 1).await[0].track != 2 {}
        };
        tokio::time::timeout(PATIENCE, given).await.unwrap_or_else(|_| panic!("{takes:?}"));
    }
    publishing.abort();
    let playing = hub.media.plays(&hub.media.tracks(&hub.bench.stream.id).unwrap(), Takes::WEBRTC);
    assert!(playing.audio && playing.video);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_microphone_that_is_switched_off_is_silent_for_those_it_is_converted_for() {
    const SECOND: u64 = 1_000_000_000;
    let hub = Hub::new().await;
    let publishing = publish_layer_2(&hub, Duration::from_secs(2)).await;
    let mut viewer = subscribe(&hub, Takes::FRAGMENTS);
    let (mut begin, mut end) = (None, None);
    // Players go on for as long as there is both.
    while begin.zip(end).is_none_or(|(begin, end)| end < begin + 5 * SECOND) {
        let unit = take(&mut viewer, 1).await.remove(0);
        if unit.track == 2 {
            let expected = *end.get_or_insert(unit.dts);
            assert!(unit.dts.abs_diff(expected) < SECOND / 1000, "{} after {expected}", unit.dts);
            end = Some(unit.dts + unit.duration);
            begin.get_or_insert(unit.dts);
        }
    }
    publishing.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cannot_be_given_a_conversion_is_told_why() {
    for (most, is_enabled, why) in [(0, true, "convert.max is 0"), (8, false, "convert.enabled is false")] {
        let hub = Hub::with(|config| {
            config.convert.max = most;
            config.convert.enabled = is_enabled;
        });
        let stage = Stage::of(hub.await).await;
        let _publisher = Publisher::start(&stage.hub, 320, 176).await;
        for path in ["/hls/index.m3u8", "/cmaf/index.mpd", ".mp4", ".ts", ".aac"] {
            let answer = stage.get(path).await;
            assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
            let text = answer.text().await.unwrap();
            assert!(text.contains(why), "{path}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_converted_is_played_where_not_everything_can() {
    let hub = Hub::with(|config| config.convert.max = 1).await;
    let _publisher = Publisher::start(&hub, 320, 176).await;
    let mut viewer = subscribe(&hub, Takes::FRAGMENTS);
    let first = next_tracks(&mut viewer).await;
    assert_eq!(first.tracks().len(), 1, "one of two is converted");
    let why = hub.media.unconverted(&hub.bench.stream.id, Takes::FRAGMENTS);
    assert!(why.is_some_and(|why| why.contains("convert.max is 1")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_converted_keeps_its_place_while_it_is_paused() {
    let hub = Hub::with(|config| config.convert.max = 2).await;
    let _publisher = Publisher::start(&hub, 320, 176).await;
    let mut viewer = subscribe(&hub, Takes::FRAGMENTS);
    let come = async |viewer: &mut Subscription| {
        let mut missing = vec![1, 2];
        while !missing.is_empty() {
            let unit = take(viewer, 1).await.remove(0);
            missing.retain(|track| *track != unit.track);
        }
    };
    come(&mut viewer).await;
    let paused = async |viewer: &mut Subscription, is_paused: bool| {
        let mut change = hub.bench.service.begin(&hub.bench.admin).await.unwrap();
        match is_paused {
            true => change.pause_stream("news").await.unwrap(),
            false => change.resume_stream("news").await.unwrap(),
        };
        change.commit().await.unwrap();
        let told = async {
            loop {
                let next = viewer.next().await.expect("the stream is there");
                if matches!(next, Watched::Paused(now) if now == is_paused) {
                    break;
                }
            }
        };
        tokio::time::timeout(PATIENCE, told).await.expect("the viewer is told");
    };
    paused(&mut viewer, true).await;
    let mut change = hub.bench.service.begin(&hub.bench.admin).await.unwrap();
    let new = NewStream { name: "other".to_owned(), ..NewStream::default() };
    let other = change.create_stream(new).await.unwrap();
    change.commit().await.unwrap();
    let _other = Publisher::of(&hub.media, hub.fql, &other, (320, 176)).await;
    let how = Subscribing::default();
    let _another = hub.media.subscribe_as(&other.playback_id, how, Takes::FRAGMENTS).unwrap();
    until("there is no place for the other stream", async || {
        let why = hub.media.unconverted(&other.id, Takes::FRAGMENTS);
        why.is_some_and(|why| why.contains("convert.max is 2"))
    })
    .await;
    paused(&mut viewer, false).await;
    come(&mut viewer).await;
}
