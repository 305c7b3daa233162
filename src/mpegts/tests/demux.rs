//! Transport streams of ffmpeg's are read as ffmpeg reads them, whole and damaged.

mod common;

use common::*;
use fql_mpegts::{Demuxer, Losses, PACKET_SIZE};
use fql_unit::{AudioCodec, Media, VideoCodec};
use proptest::prelude::*;

fn read(path: &std::path::Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

/// Compares a track with what ffmpeg finds; sound without own times may differ by the rounding of a tick.
fn assert_same(units: &[fql_mpegts::Unit], expected: &[Packet]) {
    assert!(!expected.is_empty());
    assert_eq!(units.len(), expected.len());
    for (at, (unit, expected)) in units.iter().zip(expected).enumerate() {
        let found = packet(unit);
        assert_eq!((&found.hash, found.size), (&expected.hash, expected.size), "packet {at}");
        for (ours, theirs) in
            [(found.decoding, expected.decoding), (found.presentation, expected.presentation)]
        {
            assert!((ours - theirs).abs() <= 2, "packet {at}: {ours} is not {theirs}");
        }
    }
}

#[test]
fn pictures_with_b_frames_and_sound_are_those_that_ffmpeg_finds() {
    let (_folder, path) = made(&[PICTURES, SOUND, H264, AAC, &["-metadata:s:a:0", "language=deu"]]);
    let bytes = read(&path);
    let (events, demuxer) = demuxed(&bytes, 1316);
    assert_eq!(demuxer.losses(), Losses::default());
    let (tables, units) = tables_and_units(events);
    let [table] = tables.as_slice() else { panic!("{} tables", tables.len()) };
    let [video, sound] = table.tracks() else { panic!("{table:?}") };
    let Media::EncodedVideo(info) = &video.media else { panic!("{video:?}") };
    assert_eq!((info.codec, info.width, info.height), (VideoCodec::H264, 192, 108));
    assert_eq!(video.layers, 3);
    let Media::EncodedAudio(info) = &sound.media else { panic!("{sound:?}") };
    assert_eq!((info.codec, info.rate, info.channels), (AudioCodec::Aac, 48_000, 2));
    assert_eq!((info.config.as_slice(), sound.name.as_str()), (&[0x11, 0x90][..], "deu"));
    let pictures = of_track(&units, video.id);
    assert_same(&pictures, &found_by_ffmpeg(&path, "0:v", &[]));
    assert_same(&of_track(&units, sound.id), &found_by_ffmpeg(&path, "0:a", &["-bsf:a", "aac_adtstoasc"]));
    let keys: Vec<usize> =
        pictures.iter().enumerate().filter(|(_, unit)| unit.key).map(|(at, _)| at).collect();
    assert_eq!(keys, [0, 25]);
    assert!(pictures.iter().any(|unit| unit.presentation > unit.decoding), "there are no B-frames");
    // However the bytes come, the same comes out.
    for piece in [1, 187, 10_000] {
        assert_eq!(tables_and_units(demuxed(&bytes, piece).0), (tables.clone(), units.clone()));
    }
}

#[test]
fn h265_and_mpeg_audio_are_those_that_ffmpeg_finds() {
    let (_folder, path) = made(&[PICTURES, SOUND, H265, &["-c:a", "mp2"]]);
    let (tables, units) = tables_and_units(demuxed(&read(&path), 1316).0);
    let [video, sound] = tables[0].tracks() else { panic!("{tables:?}") };
    let Media::EncodedVideo(info) = &video.media else { panic!("{video:?}") };
    assert_eq!((info.codec, info.width, info.height), (VideoCodec::H265, 192, 108));
    let Media::Data(info) = &sound.media else { panic!("{sound:?}") };
    assert!(
        info.caps.starts_with("audio/mpeg, mpegversion=(int)1")
            && info.caps.contains("layer=(int)2, rate=(int)48000")
    );
    // ffmpeg's parser of H.265 takes a zero of the next start code along, so that its packets differ from those that
    // were written, but not their bytes as a whole.
    let pictures = of_track(&units, video.id);
    let whole = path.with_extension("h265");
    let copy =
        ["-i", path.to_str().unwrap(), "-map", "0:v", "-c", "copy", "-f", "hevc", whole.to_str().unwrap()];
    ffmpeg_that_says("warning", &copy);
    let ours: Vec<u8> = pictures.iter().flat_map(|unit| unit.data.iter().copied()).collect();
    assert!(ours == read(&whole), "the pictures are others");
    let times = |packet: Packet| (packet.decoding, packet.presentation);
    let theirs: Vec<_> = found_by_ffmpeg(&path, "0:v", &[]).into_iter().map(times).collect();
    assert_eq!(pictures.iter().map(|unit| times(packet(unit))).collect::<Vec<_>>(), theirs);
    assert_same(&of_track(&units, sound.id), &found_by_ffmpeg(&path, "0:a", &[]));
}

#[test]
fn opus_is_that_which_ffmpeg_finds() {
    let (_folder, path) = made(&[SOUND, &["-c:a", "libopus", "-b:a", "64k", "-ac", "2"]]);
    let (tables, units) = tables_and_units(demuxed(&read(&path), 1316).0);
    let [sound] = tables[0].tracks() else { panic!("{tables:?}") };
    let Media::EncodedAudio(info) = &sound.media else { panic!("{sound:?}") };
    assert_eq!((info.codec, info.rate, info.channels), (AudioCodec::Opus, 48_000, 2));
    assert!(info.config.starts_with(b"OpusHead\x01\x02"));
    assert_same(&units, &found_by_ffmpeg(&path, "0:a", &[]));
    assert!(units.iter().all(|unit| unit.duration == 20_000_000));
}

#[test]
fn times_go_on_where_the_33_bits_begin_anew() {
    // 2^33 ticks of 90 kHz are 95443.7 s.
    let (_folder, path) = made(&[PICTURES, SOUND, H264, AAC, &["-output_ts_offset", "95441.5"]]);
    let (tables, units) = tables_and_units(demuxed(&read(&path), 1316).0);
    assert_eq!(tables.len(), 1);
    let pictures = of_track(&units, 0);
    assert!(pictures.last().unwrap().decoding > 95_444_000_000_000, "the stream does not reach the wrap");
    for pair in pictures.windows(2) {
        let step = pair[1].decoding - pair[0].decoding;
        assert!(step.abs_diff(40_000_000) < 20_000, "a picture lasts {step} ns");
    }
    let sound = of_track(&units, 1);
    assert!(sound.windows(2).all(|pair| pair[0].decoding < pair[1].decoding));
}

/// The places of the packets of a stream in which nothing begins.
fn middles(bytes: &[u8], pid: u16) -> Vec<usize> {
    let packets = bytes.chunks(PACKET_SIZE).enumerate();
    let of = packets.filter(|(_, packet)| packet[1] == (pid >> 8) as u8 && packet[2] == pid as u8);
    of.map(|(at, _)| at * PACKET_SIZE).collect()
}

#[test]
fn a_lost_packet_costs_its_access_unit_and_no_other() {
    let (_folder, path) = made(&[PICTURES, SOUND, H264, AAC]);
    let mut bytes = read(&path);
    let (_, whole) = tables_and_units(demuxed(&bytes, 1316).0);
    let pictures = middles(&bytes, 0x100);
    let at = pictures[pictures.len() - 20];
    bytes.drain(at..at + PACKET_SIZE);
    let (events, demuxer) = demuxed(&bytes, 1316);
    let (_, units) = tables_and_units(events);
    assert_eq!(demuxer.losses(), Losses { alignment: 0, packets: 1, units: 1 });
    assert_eq!(units.len(), whole.len() - 1);
    assert_eq!(of_track(&units, 1), of_track(&whole, 1));
    let discont: Vec<_> = units.iter().filter(|unit| unit.discont).collect();
    let [after] = discont.as_slice() else { panic!("{} units after a gap", discont.len()) };
    let lost: Vec<_> = of_track(&whole, 0)
        .into_iter()
        .filter(|unit| !of_track(&units, 0).iter().any(|other| other.decoding == unit.decoding))
        .collect();
    assert!(lost.len() == 1 && lost[0].decoding < after.decoding);
}

#[test]
fn a_picture_whose_end_was_cut_off_is_not_given_out() {
    let (_folder, path) = made(&[PICTURES, SOUND, H264, AAC]);
    let bytes = read(&path);
    let (_, whole) = tables_and_units(demuxed(&bytes, 1316).0);
    let pictures = middles(&bytes, 0x100);
    // Full packets in the middle of the last key picture, which has many.
    let full = |at: &usize| bytes[at + 3] & 0x30 == 0x10;
    let (at, _) =
        pictures.windows(2).map(|two| (two[0], two[1])).rfind(|(one, two)| full(one) && full(two)).unwrap();
    let (events, demuxer) = demuxed(&bytes[..at + PACKET_SIZE], 1316);
    let (_, units) = tables_and_units(events);
    assert_eq!(demuxer.losses().units, 1);
    let given = of_track(&units, 0);
    assert!(!given.is_empty());
    assert_eq!(given, of_track(&whole, 0)[..given.len()]);
}

#[test]
fn a_packet_that_comes_twice_is_taken_once() {
    let (_folder, path) = made(&[PICTURES, H264]);
    let mut bytes = read(&path);
    let whole = demuxed(&bytes, 1316).0;
    let at = middles(&bytes, 0x100)[20];
    let twice = bytes[at..at + PACKET_SIZE].to_vec();
    bytes.splice(at..at, twice);
    let (events, demuxer) = demuxed(&bytes, 1316);
    assert_eq!((events, demuxer.losses()), (whole, Losses::default()));
}

#[test]
fn bytes_between_packets_are_skipped() {
    let (_folder, path) = made(&[PICTURES, SOUND, H264, AAC]);
    let mut bytes = read(&path);
    let whole = demuxed(&bytes, 1316).0;
    // With a byte in them that looks as if a packet began there.
    bytes.splice(100 * PACKET_SIZE..100 * PACKET_SIZE, [1, 2, 0x47, 3, 4]);
    let (events, demuxer) = demuxed(&bytes, 1316);
    assert!(demuxer.losses().alignment > 0);
    assert_eq!(events, whole);
}

#[test]
fn a_second_stream_behind_the_first_has_its_own_table() {
    let (_folder, first) = made(&[PICTURES, H264]);
    let (_other_folder, second) = made(&[SOUND, &["-c:a", "libopus", "-b:a", "64k", "-ac", "2"]]);
    let bytes = [read(&first), read(&second)].concat();
    let (tables, units) = tables_and_units(demuxed(&bytes, 1316).0);
    let kinds: Vec<Vec<bool>> = tables
        .iter()
        .map(|table| table.tracks().iter().map(|track| track.media.is_video()).collect())
        .collect();
    assert_eq!(kinds, [[true], [false]]);
    let id = tables[1].tracks()[0].id;
    assert_ne!(tables[0].tracks()[0].id, id);
    assert!(of_track(&units, id).len() > 90);
}

#[test]
fn a_picture_size_that_changes_is_told() {
    let small: &[&str] = &["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=25:duration=1"];
    let (_folder, first) = made(&[PICTURES, H264]);
    let (_other_folder, second) = made(&[small, H264]);
    let bytes = [read(&first), read(&second)].concat();
    let (tables, _) = tables_and_units(demuxed(&bytes, 1316).0);
    let widths: Vec<u32> = tables
        .iter()
        .map(|table| match &table.tracks()[0].media {
            Media::EncodedVideo(video) => video.width,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(widths, [192, 64]);
}

/// Takes every event, and fails where more comes out than went in.
fn survive(bytes: &[u8], piece: usize) {
    let (_, units) = tables_and_units(demuxed(bytes, piece).0);
    assert!(units.iter().map(|unit| unit.data.len()).sum::<usize>() <= bytes.len());
}

fn short_stream() -> Vec<u8> {
    use std::sync::OnceLock;
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES
        .get_or_init(|| {
            let (_folder, path) = made(&[
                PICTURES,
                SOUND,
                H264,
                &["-map", "0:v", "-map", "1:a", "-map", "1:a", "-map", "1:a"],
                &["-c:a:0", "aac", "-c:a:1", "libopus", "-b:a:1", "64k", "-c:a:2", "mp2", "-t", "0.5"],
            ]);
            read(&path)
        })
        .clone()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..4000), piece in 1usize..2000) {
        survive(&bytes, piece);
    }

    #[test]
    fn packets_with_any_content_are_survived(
        packets in prop::collection::vec((prop::sample::select(vec![0u16, 0x100, 0x101, 0x102, 0x103, 0x1000]), any::<[u8; 32]>()), 1..200),
    ) {
        // The tables first, so that the packets are of streams that are looked at.
        let mut bytes = short_stream()[..3 * PACKET_SIZE].to_vec();
        for (pid, noise) in packets {
            let mut packet = noise.repeat(6);
            packet.resize(PACKET_SIZE, 0xff);
            packet[..3].copy_from_slice(&[0x47, (noise[0] & 1) << 6 | (pid >> 8) as u8, pid as u8]);
            bytes.extend(packet);
        }
        survive(&bytes, 1316);
    }

    #[test]
    fn a_stream_with_damaged_bytes_is_survived(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..60),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = short_stream();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(cut.index(bytes.len()));
        survive(&bytes, 1316);
    }
}

#[test]
fn a_picture_without_an_end_does_not_fill_the_memory() {
    let mut demuxer = Demuxer::new();
    demuxer.push(&short_stream()[..3 * PACKET_SIZE]);
    let mut packet = [0u8; PACKET_SIZE];
    packet[..13].copy_from_slice(&[0x47, 0x41, 0, 0x10, 0, 0, 1, 0xe0, 0, 0, 0x80, 0, 0]);
    demuxer.push(&packet);
    for counter in 1..200_000u32 {
        packet[..13].copy_from_slice(&[0x47, 1, 0, 0x10 | counter as u8 & 15, 9, 9, 9, 9, 9, 9, 9, 9, 9]);
        demuxer.push(&packet);
    }
    // 16 MiB are reached after 91,181 packets; what follows belongs to nothing.
    assert_eq!(demuxer.losses().units, 1);
}
