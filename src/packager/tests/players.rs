//! What ffmpeg finds in segments and playlists, against the files that they were made of.

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use common::{Clip, folder, media, run};
use fql_packager::check::Checker;
use fql_packager::{AccessUnit, Packager, Rendition, Settings};
use fql_unit::{Track, TrackTable};

/// Packages a clip, checks every playlist on the way, and writes everything as a server would have it.
fn package(clip: &Clip, name: &str) -> (PathBuf, Packager) {
    let mut packager = Packager::new(Settings::default());
    let mut checkers = BTreeMap::<String, Checker>::new();
    let mut transport_checker = Checker::default();
    let mut check = |packager: &Packager| {
        if let Some(playlist) = packager.transport_playlist() {
            let found = transport_checker.check(&playlist);
            assert!(found.is_empty(), "{found:#?}\n{playlist}");
        }
        for rendition in packager.renditions() {
            if let Some(playlist) = packager.media_playlist(rendition, false) {
                let found = checkers.entry(rendition.name()).or_default().check(&playlist);
                assert!(found.is_empty(), "{found:#?}\n{playlist}");
            }
        }
    };
    packager.start_transport();
    clip.feed(&mut packager, &mut check);
    packager.end();
    check(&packager);
    let folder = folder(name);
    for rendition in packager.renditions() {
        write(&folder, &packager, rendition);
    }
    write_transport(&folder, &packager);
    std::fs::write(folder.join("index.m3u8"), packager.multivariant_playlist().unwrap()).unwrap();
    std::fs::write(folder.join("index.mpd"), packager.presentation_description("./").unwrap()).unwrap();
    (folder, packager)
}

fn write(folder: &Path, packager: &Packager, rendition: &Rendition) {
    let name = rendition.name();
    let files = folder.join(&name);
    std::fs::create_dir_all(&files).unwrap();
    let playlist = packager.media_playlist(rendition, false).unwrap();
    std::fs::write(folder.join(format!("{name}.m3u8")), playlist).unwrap();
    for segment in rendition.listed() {
        let parts: Vec<_> = segment.parts.iter().map(|part| part.data.clone()).collect();
        std::fs::write(files.join(format!("seg-{}.m4s", segment.number)), parts.concat()).unwrap();
        let number = segment.initialization;
        std::fs::write(files.join(format!("init-{number}.mp4")), rendition.initialization(number).unwrap())
            .unwrap();
    }
}

fn write_transport(folder: &Path, packager: &Packager) {
    let Some(playlist) = packager.transport_playlist() else { return };
    std::fs::create_dir_all(folder.join("ts")).unwrap();
    for segment in packager.transport().unwrap().listed() {
        std::fs::write(folder.join(format!("ts/seg-{}.ts", segment.number)), &segment.data).unwrap();
    }
    std::fs::write(folder.join("ts.m3u8"), playlist).unwrap();
    let index = packager.transport_multivariant_playlist().unwrap();
    std::fs::write(folder.join("index-ts.m3u8"), index).unwrap();
}

/// A packet as ffmpeg tells of it: when it is presented, in seconds, and a hash of its bytes.
type Packet = (f64, String);

/// The packets of the video or the sound of a file.
fn packets(input: &Path, kind: &str) -> Vec<Packet> {
    all(input, kind, &["-c", "copy"])
}

/// What a file shows, or the frames of its AAC, however they are framed: transport streams frame them otherwise.
fn shown(input: &Path, kind: &str) -> Vec<Packet> {
    let how: &[&str] = match kind {
        "v" => &["-fps_mode", "passthrough", "-enc_time_base", "-1"],
        _ => &["-c", "copy", "-bsf:a", "aac_adtstoasc"],
    };
    all(input, kind, how)
}

fn all(input: &Path, kind: &str, how: &[&str]) -> Vec<Packet> {
    let map = format!("0:{kind}:0");
    let before = ["-v", "error", "-i", input.to_str().unwrap(), "-map", &map];
    let all = run("ffmpeg", &[&before, how, &["-copyts", "-f", "framemd5", "-"]].concat());
    let tick = all.lines().find_map(|line| line.strip_prefix("#tb 0: 1/")).unwrap().parse::<f64>().unwrap();
    let packet = |line: &str| {
        let fields: Vec<_> = line.split(',').map(str::trim).collect();
        (fields[2].parse::<f64>().unwrap() / tick, fields[5].to_owned())
    };
    // Encoders put silence before the sound: what begins before the first picture is left out.
    all.lines().filter(|line| !line.starts_with('#')).map(packet).filter(|packet| packet.0 > -0.001).collect()
}

/// The packets are the same, and come at the same times from some moment on, which is given.
fn assert_same(found: &[Packet], expected: &[Packet]) -> f64 {
    let hashes = |packets: &[Packet]| packets.iter().map(|packet| packet.1.clone()).collect::<Vec<_>>();
    assert!(
        hashes(found) == hashes(expected),
        "{} packets, not the {} of the source",
        found.len(),
        expected.len()
    );
    let offset = found[0].0 - expected[0].0;
    for (found, expected) in found.iter().zip(expected) {
        assert!((found.0 - expected.0 - offset).abs() < 0.002, "{found:?} {expected:?} {offset}");
    }
    offset
}

/// The times of sound and video, in a playlist and in the file that it was made of, are the same: within the millisecond
/// of a tick.
fn assert_plays(source: &Path, playlist: &Path) {
    let video = assert_same(&packets(playlist, "v"), &packets(source, "v"));
    let sound = assert_same(&packets(playlist, "a"), &packets(source, "a"));
    assert!((video - sound).abs() < 0.002, "sound is {} s off", video - sound);
}

/// The same of the transport stream, which is decoded without an error.
fn assert_plays_as_transport_stream(source: &Path, playlist: &Path) {
    let video = assert_same(&shown(playlist, "v"), &shown(source, "v"));
    let sound = assert_same(&shown(playlist, "a"), &shown(source, "a"));
    assert!((video - sound).abs() < 0.002, "sound is {} s off", video - sound);
}

/// A clip of six seconds with a key frame a second.
fn make(name: &str, arguments: &[&str]) -> PathBuf {
    let path = folder(&format!("made-{name}")).join("clip.mp4");
    let mut all =
        vec!["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i"];
    all.extend(["sine=sample_rate=48000", "-t", "6", "-pix_fmt", "yuv420p", "-g", "25", "-ac", "2"]);
    all.extend(arguments);
    all.push(path.to_str().unwrap());
    run("ffmpeg", &all);
    path
}

#[test]
fn every_packet_of_a_film_is_in_its_playlists_at_its_time() {
    let source = media("bigbuckbunny.mp4");
    let (folder, packager) = package(&Clip::open(&source), "film");
    assert_plays(&source, &folder.join("index.m3u8"));
    assert!(packager.multivariant_playlist().unwrap().contains("CODECS=\"avc1.4d401f,mp4a.40.2\""));
}

/// Where `CODECS` begins with this, every packet is there at its time.
fn assert_codec(name: &str, codecs: &str, arguments: &[&str]) {
    let source = make(name, arguments);
    let (folder, packager) = package(&Clip::open(&source), name);
    let playlist = packager.multivariant_playlist().unwrap();
    assert!(playlist.contains(&format!("CODECS=\"{codecs}")), "{playlist}");
    assert_plays(&source, &folder.join("index.m3u8"));
    assert_plays(&source, &folder.join("index.mpd"));
    if codecs.contains("vc1.") {
        assert_plays_as_transport_stream(&source, &folder.join("index-ts.m3u8"));
        assert_each_segment_stands_alone(&packager);
    }
}

/// Each segment begins with the tables, and the counters of packets go on from each to the next.
fn assert_each_segment_stands_alone(packager: &Packager) {
    let (mut counters, mut segments) = (BTreeMap::<u16, u8>::new(), 0);
    for segment in packager.transport().unwrap().listed() {
        let packets: Vec<_> = segment.data.chunks(188).collect();
        let pid = |packet: &[u8]| u16::from_be_bytes([packet[1] & 31, packet[2]]);
        assert_eq!((pid(packets[0]), pid(packets[1])), (0, 0x1000), "segment {}", segment.number);
        for packet in packets.iter().filter(|packet| packet[3] & 0x10 != 0) {
            let counter = packet[3] & 15;
            if let Some(last) = counters.insert(pid(packet), counter) {
                assert_eq!(counter, (last + 1) & 15, "packets are missing in segment {}", segment.number);
            }
        }
        segments += 1;
    }
    assert!(segments >= 3, "{segments} segments");
}

#[test]
fn pictures_in_another_order_than_they_are_decoded_keep_their_times() {
    let x264 = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-b_strategy", "0", "-c:a", "aac"];
    assert_codec("b-frames", "avc1.4d", &x264);
}

/// The clip with its sound as frames of MPEG audio, as they come in transport streams.
fn with_mpeg_audio(source: &Path) -> (Clip, Vec<Packet>) {
    let sound = source.with_extension("mp2");
    let (from, to) = (source.to_str().unwrap(), sound.to_str().unwrap());
    run("ffmpeg", &["-v", "error", "-y", "-i", from, "-vn", "-c:a", "mp2", "-b:a", "192k", to]);
    let mut clip = Clip::open(source);
    let caps = "audio/mpeg, mpegversion=(int)1, layer=(int)2, rate=(int)48000, channels=(int)2";
    let media = fql_unit::Media::Data(fql_unit::DataInfo { caps: caps.into() });
    let mut tracks = clip.table.tracks().to_vec();
    tracks[1] = Track { id: 2, name: String::new(), layers: 1, media };
    clip.table = TrackTable::new(tracks).unwrap();
    clip.units.retain(|unit| unit.track == 1);
    let begin = clip.units[0].time;
    // 192 kbit/s at 48 kHz: 1152 samples of 576 bytes.
    for (i, frame) in std::fs::read(&sound).unwrap().chunks(576).enumerate() {
        let (data, time) = (frame.to_vec().into(), begin + i as u64 * 24_000_000);
        clip.units.push(AccessUnit { track: 2, time, composition: 0, duration: 0, key: true, data });
    }
    clip.units.sort_by_key(|unit| unit.time);
    (clip, packets(&sound, "a"))
}

#[test]
fn mpeg_audio_is_in_transport_streams_and_not_in_mp4() {
    let x264 = ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"];
    let source = make("mpeg-audio", &x264);
    let (clip, sound) = with_mpeg_audio(&source);
    let (folder, packager) = package(&clip, "mpeg-audio");
    assert_eq!(packager.renditions().map(Rendition::name).collect::<Vec<_>>(), ["v1"]);
    assert!(packager.transport_multivariant_playlist().unwrap().contains(",mp4a.40.33\""));
    let found = packets(&folder.join("index-ts.m3u8"), "a");
    assert_same(&found, &sound);
    assert_same(&packets(&folder.join("index.m3u8"), "v"), &packets(&source, "v"));
    let fragments: Vec<_> = packager.fragments_after(0).iter().map(|(number, _)| *number).collect();
    assert!(fragments.windows(2).all(|pair| pair[1] == pair[0] + 1), "{fragments:?}");
}

#[test]
fn tracks_may_count_from_0_as_those_of_transport_streams_do() {
    let source = make("from-0", &["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"]);
    let mut clip = Clip::open(&source);
    let tracks = clip.table.tracks().iter().map(|track| Track { id: track.id - 1, ..track.clone() });
    clip.table = TrackTable::new(tracks.collect()).unwrap();
    clip.units.iter_mut().for_each(|unit| unit.track -= 1);
    let (folder, _) = package(&clip, "from-0");
    assert_plays(&source, &folder.join("index.m3u8"));
    assert_plays(&source, &folder.join("index.mpd"));
}

#[test]
fn h265_is_packaged_with_b_frames() {
    let x265 = [
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-x265-params",
        "bframes=2:log-level=none:info=0",
        "-tag:v",
        "hvc1",
    ];
    assert_codec("h265", "hvc1.1.6.L", &[&x265[..], &["-c:a", "aac"]].concat());
}

#[test]
fn av1_and_opus_are_packaged() {
    assert_codec("av1", "av01.0.0", &["-c:v", "libsvtav1", "-preset", "12", "-c:a", "libopus"]);
}

#[test]
fn vp9_is_packaged() {
    assert_codec(
        "vp9",
        "vp09.00.41.08",
        &["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"],
    );
}
