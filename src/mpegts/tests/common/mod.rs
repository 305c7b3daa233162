//! Transport streams made by ffmpeg, and what ffmpeg finds in them.

use std::path::{Path, PathBuf};
use std::process::Command;

use fql_mpegts::{Demuxer, Event, Unit};
use fql_unit::TrackTable;
use sha2::{Digest, Sha256};

pub const PICTURES: &[&str] = &["-f", "lavfi", "-i", "testsrc2=size=192x108:rate=25:duration=2"];
pub const SOUND: &[&str] = &["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=2"];
pub const H264: &[&str] =
    &["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-pix_fmt", "yuv420p"];
pub const H265: &[&str] =
    &["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=25:pools=1"];
pub const AAC: &[&str] = &["-c:a", "aac", "-ac", "2"];

/// Runs ffmpeg, which must print nothing of this level or a worse one.
pub fn ffmpeg_that_says(level: &str, args: &[&str]) -> String {
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-nostdin", "-y", "-v", level])
        .args(args)
        .output()
        .expect("ffmpeg does not start");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "ffmpeg {}: {said}", args.join(" "));
    String::from_utf8(output.stdout).expect("ffmpeg printed something else than text")
}

/// A transport stream with what these arguments make.
pub fn made(args: &[&[&str]]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.ts");
    let mut args = args.concat();
    args.extend(["-f", "mpegts", path.to_str().unwrap()]);
    // It warns that it does not know how long frames of Opus are when it begins.
    ffmpeg_that_says("error", &args);
    (folder, path)
}

/// A packet of a stream: when it is decoded and presented, in ticks of 90 kHz, how long it is and its checksum.
#[derive(Debug, PartialEq, Eq, Clone)]
pub struct Packet {
    pub decoding: i64,
    pub presentation: i64,
    pub size: usize,
    pub hash: String,
}

/// The packets that ffmpeg finds, of one stream, with filters such as `-bsf:a aac_adtstoasc`.
pub fn found_by_ffmpeg(path: &Path, stream: &str, filters: &[&str]) -> Vec<Packet> {
    let mut args = vec!["-copyts", "-i", path.to_str().unwrap(), "-map", stream, "-c", "copy"];
    args.extend(filters);
    args.extend(["-enc_time_base", "1:90000", "-f", "framehash", "-hash", "sha256", "-"]);
    let printed = ffmpeg_that_says("warning", &args);
    let base: Vec<i64> = printed
        .lines()
        .find_map(|line| line.strip_prefix("#tb 0: "))
        .unwrap()
        .split('/')
        .map(|number| number.parse().unwrap())
        .collect();
    let ticks = |text: &str| text.parse::<i64>().unwrap() * 90_000 * base[0] / base[1];
    let rows = printed.lines().filter(|line| !line.starts_with('#'));
    rows.map(|row| {
        let row: Vec<&str> = row.split(',').map(str::trim).collect();
        let (size, hash) = (row[4].parse().unwrap(), row[5].to_owned());
        Packet { decoding: ticks(row[1]), presentation: ticks(row[2]), size, hash }
    })
    .collect()
}

/// A unit as ffmpeg would print it.
pub fn packet(unit: &Unit) -> Packet {
    let ticks = |nanos: u64| ((nanos * 9 + 50_000) / 100_000) as i64;
    let hash = Sha256::digest(&unit.data).iter().map(|byte| format!("{byte:02x}")).collect();
    Packet {
        decoding: ticks(unit.decoding),
        presentation: ticks(unit.presentation),
        size: unit.data.len(),
        hash,
    }
}

/// All that a stream gives when it comes in pieces of this size.
pub fn demuxed(bytes: &[u8], piece: usize) -> (Vec<Event>, Demuxer) {
    let (mut demuxer, mut events) = (Demuxer::new(), Vec::new());
    for piece in bytes.chunks(piece) {
        demuxer.push(piece);
        events.extend(std::iter::from_fn(|| demuxer.next_event()));
    }
    demuxer.finish();
    events.extend(std::iter::from_fn(|| demuxer.next_event()));
    (events, demuxer)
}

/// The only track table, and all units.
pub fn tables_and_units(events: Vec<Event>) -> (Vec<TrackTable>, Vec<Unit>) {
    let (mut tables, mut units) = (Vec::new(), Vec::new());
    for event in events {
        match event {
            Event::Tracks(table) => tables.push(table),
            Event::Unit(unit) => units.push(unit),
        }
    }
    (tables, units)
}

/// The units of one track.
pub fn of_track(units: &[Unit], track: u8) -> Vec<Unit> {
    units.iter().filter(|unit| unit.track == track).cloned().collect()
}
