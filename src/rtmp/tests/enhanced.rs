//! Enhanced RTMP, with what ffmpeg's encoders made in tags made by hand: Debian's ffmpeg has no such tags.

mod common;

use std::path::Path;

use bytes::Bytes;
use common::{Client, KEY, Packet, Record, Server, as_packets, ffmpeg, folder, packets};
use fql_unit::{AudioCodec, Media, VideoCodec};
use rtmp::{AccessUnit, End, MediaReader};

const OPUS_HEAD: &[u8] = b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0";

/// A stream of a file: its packets as ffmpeg tells of them, with their bytes.
struct Source {
    packets: Vec<Packet>,
    data: Vec<Vec<u8>>,
}

impl Source {
    async fn of(file: &Path, stream: &str) -> Self {
        let packets = packets(file, stream).await;
        let raw = file.with_extension(format!("{}.raw", &stream[..1]));
        let map = format!("0:{stream}");
        let (from, to) = (file.to_str().unwrap(), raw.to_str().unwrap());
        ffmpeg(&["-i", from, "-map", &map, "-c", "copy", "-f", "data", to]).await;
        let bytes = std::fs::read(raw).unwrap();
        let mut rest = &bytes[..];
        let cut = |packet: &Packet| {
            let (data, after) = rest.split_at(packet.size);
            rest = after;
            data.to_vec()
        };
        let data = packets.iter().map(cut).collect();
        Self { packets, data }
    }
}

/// The box of this name in an MP4 file, without its header.
fn mp4_box(file: &Path, name: &[u8; 4]) -> Vec<u8> {
    let bytes = std::fs::read(file).unwrap();
    let at = bytes.windows(4).position(|window| window == name).unwrap();
    let size = u32::from_be_bytes(bytes[at - 4..at].try_into().unwrap()) as usize;
    bytes[at + 4..at - 4 + size].to_vec()
}

/// A little of picture, as this encoder makes it.
async fn clip(name: &str, encoder: &[&str]) -> std::path::PathBuf {
    let file = folder(name).join("clip.mp4");
    let source = ["-f", "lavfi", "-i", "testsrc2=s=322x242:r=25", "-t", "0.6", "-pix_fmt", "yuv420p", "-c:v"];
    ffmpeg(&[&source[..], encoder, &[file.to_str().unwrap()]].concat()).await;
    file
}

const H265: &[&str] = &["libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:bframes=3"];
const AV1: &[&str] = &["libaom-av1", "-usage", "realtime", "-cpu-used", "8"];
const VP9: &[&str] = &["libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"];
const H264: &[&str] = &["libx264", "-preset", "ultrafast"];

/// A tag of video: frame type 1 (key) or 2, packet type, code.
fn tag(key: bool, kind: u8, code: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let frame = if key { 0x90 } else { 0xa0 };
    [&[frame | kind][..], code, body].concat()
}

/// A coded frame with its composition time.
fn composed(key: bool, code: &[u8; 4], packet: &Packet, data: &[u8]) -> Vec<u8> {
    let composition = (packet.pts - packet.dts) as i32;
    tag(key, 1, code, &[&composition.to_be_bytes()[1..], data].concat())
}

/// Publishes these tags of video and, beside the first, the frames of Opus.
async fn publish(tags: Vec<(u32, Vec<u8>)>) -> Record {
    let server = Server::new().await;
    let port = server.port();
    let client = async {
        let mut client = Client::publish(port, KEY).await;
        for (time, tag) in tags {
            let is_audio = tag[0] & 0xf0 == 0x90 && tag.get(1..5) == Some(b"Opus");
            match is_audio {
                true => client.audio(time, &tag).await,
                false => client.video(time, &tag).await,
            }
        }
        client.goodbye().await;
    };
    let ((), result, record) = server.with(client).await;
    assert_eq!(result.unwrap(), End::Finished);
    record
}

fn assert_video(record: &Record, expected: VideoCodec) {
    let Media::EncodedVideo(video) = &record.tables[0].tracks()[0].media else { panic!() };
    assert_eq!((video.codec, video.width, video.height), (expected, 322, 242));
}

#[tokio::test]
async fn h265_arrives_unchanged_with_its_b_frames_and_without_the_messages_in_its_configuration() {
    let file = clip("h265", H265).await;
    let source = Source::of(&file, "v:0").await;
    let first = source.packets[0].dts.min(0);
    let config = mp4_box(&file, b"hvcC");
    assert!(config.len() > 1024, "x265 tells how it was called");
    let mut tags = vec![(0, tag(true, 0, b"hvc1", &config))];
    for (i, (packet, data)) in source.packets.iter().zip(&source.data).enumerate() {
        let time = (packet.dts - first) as u32;
        let in_order = packet.pts == packet.dts;
        tags.push((
            time,
            match in_order {
                true => tag(i == 0, 3, b"hvc1", data),
                false => composed(i == 0, b"hvc1", packet, data),
            },
        ));
    }
    let record = publish(tags).await;
    assert_video(&record, VideoCodec::H265);
    let expected: Vec<_> =
        source.packets.iter().map(|p| Packet { dts: p.dts - first, pts: p.pts - first, ..*p }).collect();
    assert_eq!(as_packets(&record.of_track(1)), expected);
    assert!(expected.iter().any(|packet| packet.pts > packet.dts + 40), "there are B-frames");
}

#[tokio::test]
async fn av1_and_vp9_and_opus_arrive_unchanged() {
    for (name, encoder, code, codec, config) in
        [("av1", AV1, b"av01", VideoCodec::Av1, b"av1C"), ("vp9", VP9, b"vp09", VideoCodec::Vp9, b"vpcC")]
    {
        let file = clip(name, encoder).await;
        let source = Source::of(&file, "v:0").await;
        let mut tags = vec![
            (0, tag(true, 0, code, &mp4_box(&file, config))),
            (0, [&[0x90][..], b"Opus", OPUS_HEAD].concat()),
        ];
        for (i, (packet, data)) in source.packets.iter().zip(&source.data).enumerate() {
            tags.push((packet.dts as u32, tag(i == 0, 1, code, data)));
            tags.push((packet.dts as u32, [&[0x91][..], b"Opus", &[0xfc, i as u8]].concat()));
        }
        let record = publish(tags).await;
        assert_video(&record, codec);
        assert_eq!(as_packets(&record.of_track(1)), source.packets);
        let Media::EncodedAudio(audio) = &record.tables[0].tracks()[1].media else { panic!() };
        assert_eq!((audio.codec, audio.channels, &audio.config[..]), (AudioCodec::Opus, 2, OPUS_HEAD));
        let sound = record.of_track(2);
        assert_eq!(sound.len(), source.packets.len());
        assert_eq!(sound[3].data[..], [0xfc, 3]);
    }
}

#[tokio::test]
async fn another_size_in_the_midst_is_another_table() {
    let small = clip("small", H264).await;
    let large = folder("large").join("clip.mp4");
    let video = ["-f", "lavfi", "-i", "testsrc2=s=640x480:r=25", "-t", "1", "-pix_fmt", "yuv420p", "-c:v"];
    ffmpeg(&[&video[..], H264, &[large.to_str().unwrap()]].concat()).await;
    let mut tags = Vec::new();
    for (file, start) in [(&small, 0), (&large, 1000)] {
        let source = Source::of(file, "v:0").await;
        let config = [&[0x17, 0, 0, 0, 0][..], &mp4_box(file, b"avcC")].concat();
        // Encoders send it again and again.
        tags.extend([(start, config.clone()), (start, config)]);
        for (i, (packet, data)) in source.packets.iter().zip(&source.data).enumerate() {
            let head = [if i == 0 { 0x17 } else { 0x27 }, 1, 0, 0, 0];
            tags.push((start + packet.dts as u32, [&head[..], data].concat()));
        }
    }
    let record = publish(tags).await;
    let sizes: Vec<_> = record
        .tables
        .iter()
        .map(|table| match &table.tracks()[0].media {
            Media::EncodedVideo(video) => (video.width, video.height),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(sizes, [(322, 242), (640, 480)]);
    assert_eq!(record.of_track(1).len(), 15 + 25);
}

/// A reader that knows a track of AAC.
fn reader_of_sound() -> MediaReader {
    let mut reader = MediaReader::default();
    reader.audio(0, &Bytes::from_static(&[0xaf, 0, 0x11, 0x90])).unwrap();
    reader
}

fn frame() -> Bytes {
    Bytes::from_static(&[0xaf, 1, 1, 2, 3])
}

fn units(reader: &mut MediaReader) -> Vec<AccessUnit> {
    reader.finish();
    let unit = |media| match media {
        rtmp::Media::Unit(unit) => Some(unit),
        _ => None,
    };
    std::iter::from_fn(|| reader.read()).filter_map(unit).collect()
}

#[test]
fn times_go_on_where_they_pass_32_bits_and_go_back_where_the_publisher_does() {
    let mut reader = reader_of_sound();
    let start = u32::MAX - 30;
    for time in [start, start.wrapping_add(21), start.wrapping_add(43), start.wrapping_add(64), 5] {
        reader.audio(time, &frame()).unwrap();
    }
    let times: Vec<_> = units(&mut reader).iter().map(|unit| unit.dts / 1_000_000).collect();
    let first = times[0];
    assert_eq!(times.iter().map(|time| time - first).collect::<Vec<_>>(), [0, 21, 43, 64, 36]);
}

#[test]
fn units_wait_for_the_tracks_that_were_announced_and_not_for_ever() {
    let mut reader = reader_of_sound();
    for time in 0..50 {
        reader.audio(time * 20, &frame()).unwrap();
        assert_eq!(reader.read(), None, "video may come");
    }
    reader.audio(1000, &frame()).unwrap();
    assert!(matches!(reader.read(), Some(rtmp::Media::Tracks(table)) if table.tracks().len() == 1));
    assert_eq!(units(&mut reader).len(), 51);

    let mut reader = reader_of_sound();
    let without_video =
        b"\x02\x00\x0aonMetaData\x08\0\0\0\0\x00\x0caudiocodecid\0\x40\x24\0\0\0\0\0\0\0\0\x09";
    reader.data(&Bytes::from_static(without_video));
    reader.audio(0, &frame()).unwrap();
    assert!(matches!(reader.read(), Some(rtmp::Media::Tracks(_))), "no video will come");
}

#[test]
fn the_frame_rate_is_what_the_metadata_says_before_the_first_unit_and_not_after() {
    let metadata = |rate: f64| {
        let fields = [&b"\x02\x00\x0aonMetaData\x08\0\0\0\0"[..], b"\0\x05width", &common::number(320.0)];
        let rate = [&b"\0\x09framerate"[..], &common::number(rate), &[0, 0, 9]];
        Bytes::from([fields.concat(), rate.concat()].concat())
    };
    // VP8 describes itself in its key frames: this one is of 322x242.
    let key = tag(true, 1, b"vp08", &[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x42, 1, 0xf2, 0]);
    let mut reader = MediaReader::default();
    for rate in [50.0, 25.0] {
        reader.data(&metadata(rate));
        reader.video(0, &Bytes::from(key.clone())).unwrap();
    }
    let Some(rtmp::Media::Tracks(table)) = reader.read() else { panic!() };
    let Media::EncodedVideo(video) = &table.tracks()[0].media else { panic!() };
    assert_eq!((video.width, video.height, video.frame_rate), (322, 242, (50, 1)));
    assert!(std::iter::from_fn(|| reader.read()).all(|media| matches!(media, rtmp::Media::Unit(_))));
}

#[test]
fn frames_before_what_describes_them_are_left_out_and_told_once() {
    let mut reader = MediaReader::default();
    for _ in 0..10 {
        reader.video(0, &Bytes::from_static(&[0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65])).unwrap();
    }
    let what = "units before what describes their track".to_owned();
    assert_eq!(reader.read(), Some(rtmp::Media::LeftOut(what)));
    assert_eq!(reader.read(), None);
}

#[test]
fn a_publisher_of_which_nothing_is_taken_is_told_so_in_the_end() {
    let mut reader = MediaReader::default();
    let mp3 = Bytes::from_static(&[0x2f, 0xff, 0xfb, 0x90]);
    let error = (0..1000).find_map(|time| reader.audio(time, &mp3).err()).unwrap();
    assert_eq!(
        error.to_string(),
        "no track is of a codec that is taken (H.264, H.265, AV1, VP8, VP9, AAC, Opus)"
    );
    assert_eq!(reader.read(), Some(rtmp::Media::LeftOut("a track of MP3".into())));
}
