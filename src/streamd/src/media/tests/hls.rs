//! Players of HLS, DASH, MP4 and AAC over a real connection, with a real clip.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Extension;
use fql_packager::check::Checker;
use reqwest::{Response, StatusCode, header};
use tokio::sync::oneshot;

use super::super::hls;
use super::clip::{self, PICTURE};
use super::ordinary::{Hub, until};
use super::*;
use crate::config::Addresses;
use crate::http::client::Client;

/// Nanoseconds of a frame of AAC.
const FRAME: i64 = 21_333_333;
/// A frame of silence in stereo.
const SILENCE: [u8; 9] = [0x21, 0x00, 0x49, 0x90, 0x02, 0x19, 0x00, 0x23, 0x80];
/// How much faster than the clip its pictures come.
const HASTE: u32 = 8;

/// A daemon's hub with its HTTP face.
pub(super) struct Stage {
    pub(super) hub: Hub,
    pub(super) base: String,
    client: reqwest::Client,
}

impl Stage {
    pub(super) async fn new() -> Self {
        Self::of(Hub::new().await).await
    }

    pub(super) async fn of(hub: Hub) -> Self {
        let (service, media) = (hub.bench.service.clone(), hub.media.clone());
        let hls = hls::Hls::new(service.clone(), media.clone());
        let addresses = Addresses::new(&Config::default());
        let asks = Client { address: Ipv4Addr::LOCALHOST.into(), secure: false };
        let routes = play::router(service, media, addresses, None, hls.clone()).merge(hls::router(hls));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes.layer(Extension(asks))).await });
        let base = format!("http://{address}/play/{}", hub.bench.stream.playback_id);
        // Another test of the same process may have done so.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { hub, base, client: reqwest::Client::new() }
    }

    /// Publishes the clip again and again, and says goodbye when what is given is dropped.
    async fn publish(&self) -> oneshot::Sender<()> {
        self.publish_faster(HASTE).await
    }

    pub(super) async fn publish_faster(&self, haste: u32) -> oneshot::Sender<()> {
        let mut publication = self.hub.publish().await;
        publication.tracks(clip::tracks()).unwrap();
        let (stop, mut stopped) = oneshot::channel();
        tokio::spawn(async move {
            for round in 0.. {
                for picture in clip::pictures(round * clip::PICTURES as i64 * PICTURE) {
                    let (from, to) = (picture.dts, picture.dts + PICTURE);
                    publication.unit(picture).unwrap();
                    for frame in (from + FRAME - 1) / FRAME..(to + FRAME - 1) / FRAME {
                        publication.unit(sound(frame)).unwrap();
                    }
                    let next = tokio::time::sleep(Duration::from_nanos(PICTURE as u64) / haste);
                    tokio::select! {
                        () = next => {}
                        _ = &mut stopped => return publication.end(),
                    }
                }
            }
        });
        let (media, stream) = (&self.hub.media, &self.hub.bench.stream.id);
        until("the stream is live", async || media.is_live(stream)).await;
        stop
    }

    pub(super) async fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.base)).send().await.unwrap()
    }

    async fn text(&self, path: &str) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.text().await.unwrap()
    }
}

/// A frame of sound.
fn sound(number: i64) -> SourceUnit {
    let dts = number * FRAME;
    SourceUnit {
        track: 2,
        dts,
        pts: dts,
        duration: FRAME as u64,
        key: true,
        data: Bytes::from_static(&SILENCE),
    }
}

fn of<'a>(response: &'a Response, name: &header::HeaderName) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_player_that_waits_for_each_part_gets_all_of_them_by_the_rules() {
    let stage = Stage::new().await;
    let _publishing = stage.publish().await;
    let index = stage.text("/hls/index.m3u8").await;
    assert!(
        index.contains("CODECS=\"avc1.4d401f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=25.000"),
        "{index}"
    );
    let follow = async |name: &str| {
        let mut checker = Checker::default();
        let (mut query, mut deltas) = (String::new(), 0);
        for _ in 0..90 {
            let text = stage.text(&format!("/hls/{name}.m3u8{query}")).await;
            deltas += usize::from(text.contains("#EXT-X-SKIP"));
            let found = checker.check(&text);
            assert!(found.is_empty(), "{found:#?}\n{query}\n{text}");
            let playlist = checker.playlist().unwrap();
            let last = playlist.segments.last().unwrap();
            let (number, part) = match last.duration {
                Some(_) => (last.number + 1, 0),
                None => (last.number, last.parts.len()),
            };
            if !query.is_empty() {
                assert!(
                    playlist
                        .segments
                        .iter()
                        .any(|segment| query.contains(&format!("msn={}", segment.number)))
                );
            }
            query = format!("?_HLS_msn={number}&_HLS_part={part}&_HLS_skip=YES");
        }
        assert!(deltas > 0, "no delta update came");
        let hint = checker.playlist().unwrap().hint.clone().unwrap();
        let part = stage.get(&format!("/hls/{hint}")).await;
        assert_eq!(part.status(), StatusCode::OK, "the part that was hinted at is waited for");
        assert_eq!(&part.bytes().await.unwrap()[4..8], b"moof");
    };
    tokio::join!(follow("v1"), follow("a2"));
}

#[tokio::test]
async fn answers_are_what_caches_browsers_and_seeking_players_need() {
    let stage = Stage::new().await;
    let _publishing = stage.publish().await;
    let request = stage.client.get(format!("{}/hls/index.m3u8", stage.base));
    let plain = request.try_clone().unwrap().send().await.unwrap();
    assert_eq!(of(&plain, &header::CONTENT_TYPE), "application/vnd.apple.mpegurl");
    assert_eq!(of(&plain, &header::ACCESS_CONTROL_ALLOW_ORIGIN), "*");
    assert_eq!(of(&plain, &header::CONTENT_ENCODING), "");
    let packed = request.header(header::ACCEPT_ENCODING, "gzip").send().await.unwrap();
    assert_eq!(
        (of(&packed, &header::CONTENT_ENCODING), of(&packed, &header::VARY)),
        ("gzip", "accept-encoding")
    );
    let mut unpacked = String::new();
    let packed = packed.bytes().await.unwrap();
    io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&packed[..]), &mut unpacked).unwrap();
    assert!(unpacked.starts_with("#EXTM3U"));
    let again = stage.get("/hls/index.m3u8").await;
    assert_eq!(of(&again, &header::CONTENT_ENCODING), "", "who does not take it does not get it");

    let playlist = stage.text("/hls/v1.m3u8").await;
    let segment = playlist.lines().find(|line| line.ends_with(".m4s") && !line.starts_with('#')).unwrap();
    let address = format!("{}/hls/{segment}", stage.base);
    let whole = stage.client.get(&address).send().await.unwrap();
    assert_eq!(of(&whole, &header::CACHE_CONTROL), "public, max-age=3600, immutable");
    let whole = whole.bytes().await.unwrap();
    let some = stage.client.get(&address).header(header::RANGE, "bytes=1000-29999").send().await.unwrap();
    assert_eq!(some.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(of(&some, &header::CONTENT_RANGE), format!("bytes 1000-29999/{}", whole.len()));
    assert_eq!(some.bytes().await.unwrap(), whole[1000..30_000]);
    let none = stage.client.get(&address).header(header::RANGE, "bytes=99999999-").send().await.unwrap();
    assert_eq!(none.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    let description = stage.get("/cmaf/index.mpd").await;
    assert_eq!(of(&description, &header::CONTENT_TYPE), "application/dash+xml");
    assert!(description.text().await.unwrap().contains("<BaseURL>../hls/</BaseURL>"));
}

#[tokio::test]
async fn directives_and_names_that_make_no_sense_are_refused_at_once() {
    let stage = Stage::new().await;
    assert_eq!(stage.get("/hls/index.m3u8").await.status(), StatusCode::NOT_FOUND, "nobody publishes");
    let _publishing = stage.publish().await;
    let playlist = stage.text("/hls/v1.m3u8").await;
    let next = fql_next(&playlist);
    let begun = Instant::now();
    for (path, status) in [
        ("/hls/v1.m3u8?_HLS_part=1".to_owned(), StatusCode::BAD_REQUEST),
        ("/hls/v1.m3u8?_HLS_msn=x".to_owned(), StatusCode::BAD_REQUEST),
        ("/hls/v1.m3u8?_HLS_msn=18446744073709551615".to_owned(), StatusCode::BAD_REQUEST),
        (format!("/hls/v1.m3u8?_HLS_msn={}", next + 100), StatusCode::BAD_REQUEST),
        (format!("/hls/v1.m3u8?_HLS_msn={next}&_HLS_part=1000000"), StatusCode::BAD_REQUEST),
        ("/hls/v1.m3u8?_HLS_msn=0&_HLS_part=0".to_owned(), StatusCode::OK),
        ("/hls/v9.m3u8".to_owned(), StatusCode::NOT_FOUND),
        ("/hls/v1/seg-1.m4s".to_owned(), StatusCode::NOT_FOUND),
        ("/hls/v1/part-99999999999999999999.m4s".to_owned(), StatusCode::NOT_FOUND),
        ("/hls/v1/..%2f..%2fetc".to_owned(), StatusCode::NOT_FOUND),
        ("/cmaf/other.mpd".to_owned(), StatusCode::NOT_FOUND),
    ] {
        let response = stage.get(&path).await;
        assert_eq!(response.status(), status, "{path}");
        if status != StatusCode::OK {
            assert_eq!(of(&response, &header::CACHE_CONTROL), "no-store", "{path}");
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(3), "one of them was waited for");
    let other = stage.base.replace(&stage.hub.bench.stream.playback_id, "nosuchstream");
    let response = stage.client.get(format!("{other}/hls/index.m3u8")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

/// The number of the segment that grows.
fn fql_next(playlist: &str) -> u64 {
    let mut checker = Checker::default();
    checker.check(playlist);
    checker.playlist().unwrap().segments.last().unwrap().number
}

#[tokio::test]
async fn one_answer_goes_on_until_the_stream_ends_and_the_playlist_says_so() {
    let stage = Stage::new().await;
    let publishing = stage.publish().await;
    let aac = stage.get(".aac").await;
    assert_eq!(of(&aac, &header::CONTENT_TYPE), "audio/aac");
    let mp4 = stage.get(".mp4").await;
    assert_eq!(of(&mp4, &header::CONTENT_TYPE), "video/mp4");
    let ts = stage.get(".ts").await;
    assert_eq!(of(&ts, &header::CONTENT_TYPE), "video/mp2t");
    assert_eq!(of(&ts, &header::CACHE_CONTROL), "no-store");
    drop(publishing);
    let all = async { tokio::join!(mp4.bytes(), aac.bytes(), ts.bytes()) };
    let (mp4, aac, ts) = tokio::time::timeout(Duration::from_secs(25), all).await.unwrap();
    let (mp4, aac, ts) = (mp4.unwrap(), aac.unwrap(), ts.unwrap());
    assert!(ts.len() > 50_000 && ts.len() % fql_mpegts::PACKET_SIZE == 0, "{} bytes", ts.len());
    assert!(ts.chunks(fql_mpegts::PACKET_SIZE).all(|packet| packet[0] == 0x47));
    assert_eq!(&mp4[4..8], b"ftyp");
    assert!(mp4.len() > 100_000, "{} bytes", mp4.len());
    assert_eq!(aac[..2], [0xff, 0xf1]);
    assert_eq!(aac.len() % (7 + SILENCE.len()), 0, "a header of 7 bytes before each frame");
    assert!(stage.text("/hls/v1.m3u8").await.ends_with("#EXT-X-ENDLIST\n"));
}

/// What a program prints that ends well.
pub(super) async fn run(program: &str, arguments: &[&str]) -> String {
    let mut command = std::process::Command::new(program);
    command.args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Times in seconds and hashes of the packets of a stream, as ffmpeg prints them.
fn packets(all: &str, stream: &str) -> Vec<(f64, String)> {
    let tick = all.lines().find_map(|line| line.strip_prefix(&format!("#tb {stream}: 1/"))).unwrap();
    let tick: f64 = tick.parse().unwrap();
    let of_stream = all.lines().filter(|line| line.starts_with(&format!("{stream},")));
    let fields = of_stream.map(|line| line.split(',').map(str::trim).collect::<Vec<_>>());
    fields.map(|fields| (fields[2].parse::<f64>().unwrap() / tick, fields[5].to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_reads_the_very_pictures_with_their_sound_by_hls_dash_and_mp4() {
    let stage = Stage::new().await;
    let _publishing = stage.publish_faster(2).await;
    let clip: Vec<String> = clip::pictures(0).iter().map(|picture| sha256(&picture.data)).collect();
    stage.text("/hls/index.m3u8").await;
    let read = async |path: &str| {
        let uri = format!("{}{path}", stage.base);
        let how = ["-frames:v", "50", "-copyts", "-c", "copy", "-f", "framehash", "-hash", "sha256", "-"];
        let maps = ["-v", "error", "-i", &uri, "-map", "0:v:0", "-map", "0:a:0"];
        let all = run("ffmpeg", &[&maps[..], &how].concat()).await;
        let (pictures, sound) = (packets(&all, "0"), packets(&all, "1"));
        assert_eq!(pictures.len(), 50, "{path}");
        let first = clip.iter().position(|hash| *hash == pictures[0].1).expect("it is one of the clip's");
        assert_eq!(first, 0, "{path} begins with a key picture");
        for (i, (time, hash)) in pictures.iter().enumerate() {
            assert_eq!(*hash, clip[i], "picture {i} of {path}");
            assert!(
                (time - pictures[0].0 - i as f64 * 0.04).abs() < 0.001,
                "picture {i} of {path} is at {time}"
            );
        }
        let apart = sound[0].0 - pictures[0].0;
        assert!(apart.abs() < 0.04, "sound begins {apart} s after the picture in {path}");
    };
    tokio::join!(read("/hls/index.m3u8"), read("/cmaf/index.mpd"), read(".mp4"));
}

/// What ffmpeg shows of a clip: times in seconds and hashes of the pictures, and the times of the frames of sound.
pub(super) async fn shown(input: &[&str], pictures: &str) -> (Vec<(f64, String)>, Vec<(f64, String)>) {
    let how = ["-fps_mode", "passthrough", "-enc_time_base:v", "-1", "-frames:v", pictures, "-c:a", "copy"];
    let maps = ["-map", "0:v:0", "-map", "0:a:0"];
    let out = ["-copyts", "-f", "framehash", "-hash", "sha256", "-"];
    let all = run("ffmpeg", &[&["-v", "error", "-xerror"], input, &maps, &how, &out].concat()).await;
    (packets(&all, "0"), packets(&all, "1"))
}

#[tokio::test(flavor = "multi_thread")]
async fn ffmpeg_shows_the_very_pictures_with_their_sound_by_mpeg_ts_in_one_answer_and_in_segments() {
    let stage = Stage::new().await;
    let _publishing = stage.publish_faster(2).await;
    let (clip, _) = shown(&["-i", clip::PATH], &clip::KEYS.to_string()).await;
    stage.text("/hls/index.m3u8?segments=ts").await;
    let read = async |path: &str| {
        let (pictures, sound) = shown(&["-i", &format!("{}{path}", stage.base)], "40").await;
        assert_eq!(pictures.len(), 40, "{path}");
        for (i, (time, hash)) in pictures.iter().enumerate() {
            assert_eq!(*hash, clip[i % clip::KEYS].1, "picture {i} of {path}");
            let expected = pictures[0].0 + i as f64 * 0.04;
            assert!((time - expected).abs() < 0.001, "picture {i} of {path} is at {time}");
        }
        let apart = sound[0].0 - pictures[0].0;
        assert!(apart.abs() < 0.04, "sound begins {apart} s after the picture in {path}");
    };
    tokio::join!(read("/hls/index.m3u8?segments=ts"), read(".ts"));
}

#[tokio::test]
async fn segments_of_mpeg_ts_come_on_request_and_by_the_rules() {
    let stage = Stage::new().await;
    let publishing = stage.publish().await;
    let index = stage.text("/hls/index.m3u8?segments=ts").await;
    assert!(index.contains("CODECS=\"avc1.4d401f,mp4a.40.2\",RESOLUTION=1280x720"), "{index}");
    assert!(index.ends_with("\nts.m3u8\n"), "{index}");
    let (mut checker, mut query) = (Checker::default(), String::new());
    for _ in 0..14 {
        let text = stage.text(&format!("/hls/ts.m3u8{query}")).await;
        let found = checker.check(&text);
        assert!(found.is_empty(), "{found:#?}\n{query}\n{text}");
        let last = checker.playlist().unwrap().segments.last().unwrap().number;
        assert!(query.is_empty() || query.ends_with(&format!("={last}")), "{query}: {last} is the last");
        query = format!("?_HLS_msn={}", last + 1);
    }
    let segment = checker.playlist().unwrap().segments.last().unwrap().uri.clone();
    let address = format!("{}/hls/{segment}", stage.base);
    let whole = stage.client.get(&address).send().await.unwrap();
    assert_eq!(of(&whole, &header::CONTENT_TYPE), "video/mp2t");
    assert_eq!(of(&whole, &header::CACHE_CONTROL), "public, max-age=3600, immutable");
    assert_eq!(of(&whole, &header::ACCESS_CONTROL_ALLOW_ORIGIN), "*");
    let whole = whole.bytes().await.unwrap();
    let some = stage.client.get(&address).header(header::RANGE, "bytes=188-375").send().await.unwrap();
    assert_eq!(some.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(some.bytes().await.unwrap(), whole[188..376]);
    for (path, status) in [
        ("/hls/index.m3u8?segments=avi", StatusCode::BAD_REQUEST),
        ("/hls/ts.m3u8?_HLS_msn=18446744073709551615", StatusCode::BAD_REQUEST),
        ("/hls/ts/seg-1.ts", StatusCode::NOT_FOUND),
        ("/hls/ts/seg-x.ts", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(stage.get(path).await.status(), status, "{path}");
    }
    drop(publishing);
    let (media, stream) = (&stage.hub.media, &stage.hub.bench.stream.id);
    until("the stream is offline", async || !media.is_live(stream)).await;
    let last = stage.text("/hls/ts.m3u8").await;
    assert!(last.ends_with("#EXT-X-ENDLIST\n"), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hlsdemux2_of_gstreamer_plays() {
    let stage = Stage::new().await;
    let _publishing = stage.publish_faster(2).await;
    stage.text("/hls/index.m3u8").await;
    let uri = format!("uri={}/hls/index.m3u8", stage.base);
    let sink = ["!", "video/x-raw,width=1280", "!", "fakesink", "sync=false", "num-buffers=50"];
    let source = ["-q", "uridecodebin3", &uri, "!", "videoconvert"];
    run("gst-launch-1.0", &[&source[..], &sink].concat()).await;
}

fn sha256(data: &[u8]) -> String {
    use sha2::Digest;
    data_encoding::HEXLOWER.encode(&sha2::Sha256::digest(data))
}
