//! Encoders that are not ours publish, and all that they send arrives unchanged.

mod common;

use std::path::PathBuf;

use common::{KEY, Packet, Record, Server, as_packets, ffmpeg, folder, packets, run};
use fql_unit::{AudioCodec, Media, VideoCodec};
use rtmp::{End, Error, SessionError};

/// A second of picture and sound as FLV, with B-frames.
async fn clip(name: &str, extra: &[&str]) -> PathBuf {
    let file = folder(name).join("clip.flv");
    let video = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=30", "-f", "lavfi", "-i", "sine=r=48000"];
    let coded = ["-t", "1", "-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "15"];
    let sound = ["-c:a", "aac", "-ac", "2", "-pix_fmt", "yuv420p"];
    ffmpeg(&[&video[..], &coded, &sound, extra, &["-f", "flv", file.to_str().unwrap()]].concat()).await;
    file
}

fn assert_is_h264_and_aac(record: &Record) {
    assert_eq!(record.tables.len(), 1, "{:?}", record.tables);
    let tracks = record.tables[0].tracks();
    let Media::EncodedVideo(video) = &tracks[0].media else { panic!("{tracks:?}") };
    assert_eq!((video.codec, video.width, video.height), (VideoCodec::H264, 320, 180));
    assert_eq!(video.frame_rate, (30, 1));
    let Media::EncodedAudio(audio) = &tracks[1].media else { panic!("{tracks:?}") };
    assert_eq!((audio.codec, audio.rate, audio.channels), (AudioCodec::Aac, 48_000, 2));
}

fn assert_same(found: &[Packet], expected: &[Packet]) {
    let differs = found.iter().zip(expected).find(|(found, expected)| found != expected);
    assert_eq!(differs, None);
    assert_eq!(found.len(), expected.len());
}

#[tokio::test]
async fn all_that_ffmpeg_publishes_arrives_unchanged_and_in_order() {
    let clip = clip("ffmpeg", &[]).await;
    let server = Server::new().await;
    let url = server.url(KEY);
    let copy = ["-i", clip.to_str().unwrap(), "-c", "copy", "-f", "flv", &url];
    let client = ffmpeg(&copy);
    let ((), result, record) = server.with(client).await;
    assert_eq!(result.unwrap(), End::Finished);
    assert_eq!(record.goodbyes, 1);
    assert_is_h264_and_aac(&record);
    let video = as_packets(&record.of_track(1));
    assert_same(&video, &packets(&clip, "v:0").await);
    assert_same(&as_packets(&record.of_track(2)), &packets(&clip, "a:0").await);
    assert!(video.iter().any(|packet| packet.pts > packet.dts + 40), "there are B-frames");
    assert!(video.is_sorted_by_key(|packet| packet.dts), "decoding times go on");
    assert_eq!(record.of_track(1).iter().filter(|unit| unit.key).count(), 2);
}

#[tokio::test]
async fn all_that_gstreamer_publishes_arrives_unchanged() {
    let clip = clip("gstreamer", &[]).await;
    let server = Server::new().await;
    let url = server.url(KEY);
    let location = format!("location={}", clip.to_str().unwrap());
    let to = format!("location={url}");
    let pipeline = [
        "-q",
        "filesrc",
        &location,
        "!",
        "flvdemux",
        "name=d",
        "flvmux",
        "name=m",
        "streamable=true",
        "!",
        "rtmp2sink",
        &to,
        "async-connect=false",
        "d.video",
        "!",
        "h264parse",
        "!",
        "queue",
        "!",
        "m.video",
        "d.audio",
        "!",
        "aacparse",
        "!",
        "queue",
        "!",
        "m.audio",
    ];
    let client = run("gst-launch-1.0", &pipeline);
    let ((is_done, said), result, record) = server.with(client).await;
    assert!(is_done, "{said}");
    assert!(matches!(result, Ok(End::Finished | End::Lost)), "{result:?}");
    assert_is_h264_and_aac(&record);
    let content = |packets: Vec<Packet>| -> Vec<_> { packets.iter().map(|p| (p.size, p.checksum)).collect() };
    assert_eq!(content(as_packets(&record.of_track(1))), content(packets(&clip, "v:0").await));
    assert_eq!(content(as_packets(&record.of_track(2))), content(packets(&clip, "a:0").await));
}

#[tokio::test]
async fn sound_alone_and_picture_alone_do_not_wait_for_each_other() {
    for (kept, count) in [("-an", 30), ("-vn", 0)] {
        let clip = clip(&format!("alone{kept}"), &[kept]).await;
        let server = Server::new().await;
        let url = server.url(KEY);
        let copy = ["-i", clip.to_str().unwrap(), "-c", "copy", "-f", "flv", &url];
        let client = ffmpeg(&copy);
        let ((), result, record) = server.with(client).await;
        assert_eq!(result.unwrap(), End::Finished);
        assert_eq!(record.tables[0].tracks().len(), 1);
        assert_eq!(record.of_track(1).len(), count);
        assert_eq!(record.of_track(2).is_empty(), count > 0);
    }
}

#[tokio::test]
async fn a_wrong_key_is_refused_before_media_and_the_encoder_is_told() {
    let server = Server::new().await;
    let url = server.url("a-wrong-key");
    let encoder = ["-f", "lavfi", "-i", "testsrc2=s=64x64", "-c:v", "libx264", "-f", "flv", &url];
    let client = run("ffmpeg", &encoder);
    let ((is_done, said), result, record) = server.with(client).await;
    assert!(!is_done);
    assert!(said.contains("Server error: no stream has this key"), "{said}");
    let error = result.unwrap_err();
    assert!(matches!(error, Error::Session(SessionError::Refused(_))), "{error}");
    assert!(!error.to_string().contains("a-wrong-key"), "{error}");
    assert!(record.units.is_empty() && record.tables.is_empty());
}

#[tokio::test]
async fn another_application_is_refused() {
    let server = Server::new().await;
    let url = server.url(KEY).replace("/live/", "/vod/");
    let encoder = ["-f", "lavfi", "-i", "testsrc2=s=64x64", "-c:v", "libx264", "-f", "flv", &url];
    let client = run("ffmpeg", &encoder);
    let ((is_done, said), result, _) = server.with(client).await;
    assert!(!is_done);
    assert!(said.contains("The application is \"live\""), "{said}");
    assert!(matches!(result, Err(Error::Session(SessionError::NoApplication))), "{result:?}");
}
