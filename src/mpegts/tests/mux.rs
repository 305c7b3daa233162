//! What is written is read by ffmpeg and GStreamer without a warning, and as it was.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use common::*;
use fql_mpegts::{Error, Muxer, PACKET_SIZE, Unit};
use fql_unit::{DataInfo, EncodedAudioInfo, Media, Track, TrackTable};

/// Writes units as a stream.
fn muxed(table: &TrackTable, units: &[Unit]) -> Vec<u8> {
    let (mut muxer, mut out) = (Muxer::new(table).unwrap(), Vec::new());
    for unit in units {
        muxer.write(unit, &mut out);
    }
    out
}

/// Reads what ffmpeg made and writes it again.
fn written_again(path: &Path) -> (tempfile::TempDir, PathBuf, Vec<u8>) {
    let (tables, units) = tables_and_units(demuxed(&std::fs::read(path).unwrap(), 1316).0);
    let bytes = muxed(&tables[0], &units);
    let (folder, path) = saved(&bytes);
    (folder, path, bytes)
}

fn saved(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("again.ts");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// Fails where the packets are others than in the stream that they are from; all times differ by the same.
fn assert_same(again: &[Packet], before: &[Packet]) {
    assert!(!before.is_empty());
    let shift = again[0].decoding - before[0].decoding;
    let shifted = before.iter().cloned().map(|packet| Packet {
        decoding: packet.decoding + shift,
        presentation: packet.presentation + shift,
        ..packet
    });
    for (again, before) in again.iter().zip(shifted) {
        assert_eq!((again.size, &again.hash), (before.size, &before.hash));
        assert!(
            (again.decoding - before.decoding).abs() <= 1
                && (again.presentation - before.presentation).abs() <= 1
        );
    }
    assert_eq!(again.len(), before.len());
}

/// The checksums of the pictures and samples that ffmpeg decodes.
fn decoded(path: &Path, stream: &str) -> Vec<String> {
    let args = ["-i", path.to_str().unwrap(), "-map", stream, "-f", "framehash", "-hash", "sha256", "-"];
    let printed = ffmpeg_that_says("warning", &args);
    printed
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.rsplit(',').next().unwrap().trim().to_owned())
        .collect()
}

#[test]
fn pictures_with_b_frames_and_sound_come_back_as_they_were() {
    let (_folder, path) = made(&[PICTURES, SOUND, H264, AAC]);
    let (_again, again, _) = written_again(&path);
    assert_eq!(decoded(&again, "0:v"), decoded(&path, "0:v"));
    assert_same(&found_by_ffmpeg(&again, "0:a", &[]), &found_by_ffmpeg(&path, "0:a", &[]));
    // The distance of sound and pictures stays, and that of decoding and presentation.
    let times = |path: &Path| {
        let (tables, units) = tables_and_units(demuxed(&std::fs::read(path).unwrap(), 1316).0);
        assert_eq!(tables.len(), 1);
        let first = packet(&units[0]).decoding;
        units.iter().map(packet).map(|p| (p.decoding - first, p.presentation - first)).collect::<Vec<_>>()
    };
    for (again, before) in times(&again).into_iter().zip(times(&path)) {
        assert!(
            (again.0 - before.0).abs() <= 1 && (again.1 - before.1).abs() <= 1,
            "{again:?} is not {before:?}"
        );
    }
}

#[test]
fn h265_and_mpeg_audio_come_back_as_they_were() {
    let (_folder, path) = made(&[PICTURES, SOUND, H265, &["-c:a", "mp2"]]);
    let (_again, again, _) = written_again(&path);
    assert_eq!(decoded(&again, "0:v"), decoded(&path, "0:v"));
    assert_same(&found_by_ffmpeg(&again, "0:a", &[]), &found_by_ffmpeg(&path, "0:a", &[]));
}

#[test]
fn opus_comes_back_as_it_was() {
    let (_folder, path) = made(&[PICTURES, SOUND, H264, &["-c:a", "libopus", "-b:a", "64k", "-ac", "2"]]);
    let (_again, again, _) = written_again(&path);
    assert_same(&found_by_ffmpeg(&again, "0:a", &[]), &found_by_ffmpeg(&path, "0:a", &[]));
}

/// What the packets of a stream say of themselves: places, identifiers and clocks.
struct Seen {
    at: usize,
    pid: u16,
    clock: Option<u64>,
    is_random_access: bool,
}

fn packets(bytes: &[u8]) -> Vec<Seen> {
    assert_eq!(bytes.len() % PACKET_SIZE, 0);
    bytes
        .chunks(PACKET_SIZE)
        .enumerate()
        .map(|(at, packet)| {
            assert_eq!(packet[0], 0x47);
            let pid = u16::from(packet[1] & 0x1f) << 8 | u16::from(packet[2]);
            let flags = if packet[3] & 0x20 != 0 && packet[4] > 0 { packet[5] } else { 0 };
            let clock = (flags & 0x10 != 0).then(|| {
                let field = packet[6..12].iter().fold(0u64, |field, &byte| field << 8 | u64::from(byte));
                (field >> 15) * 300 + (field & 511)
            });
            Seen { at, pid, clock, is_random_access: flags & 0x40 != 0 }
        })
        .collect()
}

/// Fails where the clock or the tables are further apart than players may reckon with.
fn assert_regular(bytes: &[u8]) {
    const MILLISECOND: u64 = 27_000;
    let all = packets(bytes);
    assert_eq!((all[0].pid, all[1].pid), (0, 0x1000), "the tables are not first");
    let clocks: Vec<(usize, u64)> = all.iter().filter_map(|seen| Some((seen.at, seen.clock?))).collect();
    for pair in clocks.windows(2) {
        assert!(pair[1].1 >= pair[0].1 && pair[1].1 - pair[0].1 <= 40 * MILLISECOND, "clocks {pair:?}");
    }
    let clock_at =
        |at: usize| clocks.iter().take_while(|(before, _)| *before <= at).last().map_or(clocks[0].1, |c| c.1);
    for pid in [0, 0x1000] {
        let mut times =
            all.iter().filter(|seen| seen.pid == pid).map(|seen| clock_at(seen.at)).collect::<Vec<_>>();
        times.push(clocks.last().unwrap().1);
        for pair in times.windows(2) {
            assert!(
                pair[1] - pair[0] <= 100 * MILLISECOND,
                "tables {} ms apart",
                (pair[1] - pair[0]) / MILLISECOND
            );
        }
    }
}

#[test]
fn clock_and_tables_come_in_time_also_where_pictures_do_not() {
    let slow: &[&str] = &["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=2:duration=3"];
    for source in [&[PICTURES, SOUND, H264, AAC][..], &[slow, H264], &[SOUND, AAC]] {
        let (_folder, path) = made(source);
        let (_again, _, bytes) = written_again(&path);
        assert_regular(&bytes);
    }
}

#[test]
fn a_stream_begins_with_a_key_unit() {
    let (_folder, path) = made(&[PICTURES, SOUND, H264, AAC]);
    let (tables, units) = tables_and_units(demuxed(&std::fs::read(&path).unwrap(), 1316).0);
    let bytes = muxed(&tables[0], &units[5..]);
    let first = packets(&bytes).into_iter().find(|seen| seen.pid >= 0x100 && seen.pid < 0x1000).unwrap();
    assert!(first.pid == 0x100 && first.is_random_access);
    let (_, again) = tables_and_units(demuxed(&bytes, 1316).0);
    let second = units.iter().filter(|unit| unit.track == 0 && unit.key).nth(1).unwrap();
    assert!(again[0].key && again[0].presentation.abs_diff(second.presentation + 1_400_000_000) < 20_000);
    let (_saved, path) = saved(&bytes);
    assert_eq!(decoded(&path, "0:v").len(), 25);
}

#[test]
fn a_media_player_of_gstreamers_plays_it() {
    let (_folder, path) = made(&[PICTURES, SOUND, H264, AAC]);
    let (_again, again, _) = written_again(&path);
    let pipeline = format!(
        "filesrc location={} ! tsdemux name=d d. ! queue ! h264parse ! avdec_h264 ! fakesink d. ! queue ! aacparse ! avdec_aac ! fakesink",
        again.display()
    );
    let output = Command::new("gst-launch-1.0")
        .args(["-q", "--no-position"])
        .args(pipeline.split(' '))
        .env("GST_DEBUG", "2")
        .env("GST_DEBUG_NO_COLOR", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let complaints: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("tsdemux") || line.contains("mpegts") || line.contains("parse"))
        .collect();
    assert!(output.status.success() && complaints.is_empty(), "{said}");
}

fn data_track(id: u8, caps: &str) -> Track {
    Track { id, name: String::new(), layers: 1, media: Media::Data(DataInfo { caps: caps.into() }) }
}

#[test]
fn metadata_travels_beside_pictures_and_ffmpeg_knows_what_it_is() {
    let (_folder, path) = made(&[PICTURES, H264]);
    let (tables, mut units) = tables_and_units(demuxed(&std::fs::read(&path).unwrap(), 1316).0);
    let mut tracks = tables[0].tracks().to_vec();
    tracks.push(data_track(9, "meta/x-klv, parsed=(boolean)true"));
    let table = TrackTable::new(tracks).unwrap();
    let (time, data) = (
        units[3].decoding,
        Bytes::from_static(b"\x06\x0e\x2b\x34\x02\x0b\x01\x01\x0e\x01\x03\x01\x01\0\0\0\x02\x01\x07"),
    );
    units.insert(
        4,
        Unit {
            track: 9,
            decoding: time,
            presentation: time,
            duration: 0,
            key: true,
            discont: false,
            data: data.clone(),
        },
    );
    let bytes = muxed(&table, &units);
    let (again, found) = tables_and_units(demuxed(&bytes, 1316).0);
    let track = again[0].tracks().last().unwrap();
    assert_eq!(track.media, table.tracks().last().unwrap().media);
    let found = of_track(&found, track.id);
    assert_eq!((found.len(), &found[0].data), (1, &data));
    let (_saved, path) = saved(&bytes);
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", path.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(String::from_utf8_lossy(&output.stdout).contains("klv"), "{output:?}");
}

#[test]
fn tracks_that_no_transport_stream_carries_are_refused_with_what_it_does_carry() {
    let table = TrackTable::new(vec![data_track(1, "text/x-raw, format=utf8")]).unwrap();
    let error = Muxer::new(&table).unwrap_err();
    assert_eq!(error, Error::NoTracks);
    assert!(error.to_string().contains("H.264, H.265, AAC"));
}

#[test]
fn a_configuration_that_adts_cannot_say_leaves_its_track_out() {
    let audio = EncodedAudioInfo {
        codec: fql_unit::AudioCodec::Aac,
        rate: 48_000,
        channels: 2,
        // Object type 42, which is xHE-AAC.
        config: vec![0xf9, 0x46, 0x40],
        caps: String::new(),
    };
    let sound = Track { id: 1, name: String::new(), layers: 1, media: Media::EncodedAudio(audio) };
    let table = TrackTable::new(vec![sound, data_track(2, "meta/x-klv")]).unwrap();
    let muxer = Muxer::new(&table).unwrap();
    assert!(!muxer.carries(1) && muxer.carries(2));
}
