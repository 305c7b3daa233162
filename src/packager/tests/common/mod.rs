//! Access units of real files, as protocols would bring them.
#![allow(dead_code, reason = "each program of tests uses its part")]

use std::path::{Path, PathBuf};
use std::process::Command;

use fql_packager::{AccessUnit, Packager};
use fql_unit::{AudioCodec, EncodedAudioInfo, EncodedVideoInfo, Media, Track, TrackTable, VideoCodec};
use mp4_atom::{Atom, Codec, Encode, Header, Moov, ReadAtom, ReadFrom, Stbl, Trak};

/// The clock of the wall when the first unit comes, in nanoseconds since 1970.
pub const NOW: u64 = 1_800_000_000_000_000_000;

pub fn media(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/media").join(name)
}

/// A folder of this test alone, empty.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs a program, and gives what it says.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|e| panic!("{program}: {e}"));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Tracks and access units, in order of their decoding times.
pub struct Clip {
    pub table: TrackTable,
    pub units: Vec<AccessUnit>,
}

impl Clip {
    /// Reads an MP4 file without fragments.
    pub fn open(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let mut reader = &bytes[..];
        let moov = loop {
            let header = Header::read_from(&mut reader).unwrap();
            if header.kind == Moov::KIND {
                break Moov::read_atom(&header, &mut reader).unwrap();
            }
            reader = &reader[header.size.unwrap()..];
        };
        let (mut tracks, mut units) = (Vec::new(), Vec::new());
        for (i, trak) in moov.trak.iter().enumerate() {
            let id = i as u8 + 1;
            tracks.push(Track { id, name: String::new(), layers: 3, media: describe(trak) });
            units.extend(samples(id, trak, &bytes));
        }
        units.sort_by_key(|unit: &AccessUnit| unit.time);
        Self { table: TrackTable::new(tracks).unwrap(), units }
    }

    /// Gives all units to a packager as they would come in real time, and looks after each.
    pub fn feed(&self, packager: &mut Packager, mut look: impl FnMut(&Packager)) {
        assert!(packager.tracks(&self.table).is_empty());
        let first = self.units[0].time;
        for unit in &self.units {
            packager.unit(unit.clone(), NOW + unit.time - first).unwrap();
            look(packager);
        }
    }
}

/// The body of a box that the decoder is set up with.
fn body(atom: &impl Encode) -> Vec<u8> {
    let mut out = Vec::new();
    atom.encode(&mut out).unwrap();
    out.split_off(8)
}

fn describe(trak: &Trak) -> Media {
    let video = |codec, config, visual: &mp4_atom::Visual| {
        let (width, height) = (visual.width.into(), visual.height.into());
        let (frame_rate, caps) = ((25, 1), String::new());
        Media::EncodedVideo(EncodedVideoInfo { codec, width, height, frame_rate, config, caps })
    };
    let sound = |codec, config, audio: &mp4_atom::Audio| {
        let (rate, channels) = (audio.sample_rate.integer().into(), audio.channel_count as u8);
        Media::EncodedAudio(EncodedAudioInfo { codec, rate, channels, config, caps: String::new() })
    };
    match &trak.mdia.minf.stbl.stsd.codecs[0] {
        Codec::Avc1(entry) => video(VideoCodec::H264, body(&entry.avcc), &entry.visual),
        Codec::Hvc1(entry) => video(VideoCodec::H265, body(&entry.hvcc), &entry.visual),
        Codec::Hev1(entry) => video(VideoCodec::H265, body(&entry.hvcc), &entry.visual),
        Codec::Av01(entry) => video(VideoCodec::Av1, body(&entry.av1c), &entry.visual),
        Codec::Vp09(entry) => video(VideoCodec::Vp9, Vec::new(), &entry.visual),
        Codec::Mp4a(entry) => {
            let config = entry.esds.es_desc.dec_config.dec_specific.clone().unwrap().raw;
            sound(AudioCodec::Aac, config, &entry.audio)
        }
        Codec::Opus(entry) => sound(AudioCodec::Opus, Vec::new(), &entry.audio),
        other => panic!("{other:?}"),
    }
}

/// Where each sample is in the file.
fn offsets(stbl: &Stbl) -> Vec<u64> {
    let sizes = sizes(stbl);
    let chunks: Vec<u64> = match (&stbl.stco, &stbl.co64) {
        (Some(stco), _) => stco.entries.iter().map(|&offset| offset.into()).collect(),
        (_, Some(co64)) => co64.entries.clone(),
        _ => panic!("no chunks"),
    };
    let mut out = Vec::new();
    for (i, mut at) in chunks.into_iter().enumerate() {
        let entry = stbl.stsc.entries.iter().rev().find(|entry| entry.first_chunk as usize <= i + 1).unwrap();
        for _ in 0..entry.samples_per_chunk {
            out.push(at);
            at += u64::from(sizes[out.len() - 1]);
        }
    }
    out
}

fn sizes(stbl: &Stbl) -> Vec<u32> {
    match &stbl.stsz.samples {
        mp4_atom::StszSamples::Identical { count, size } => vec![*size; *count as usize],
        mp4_atom::StszSamples::Different { sizes } => sizes.clone(),
    }
}

/// A second is added to all times, since some begin before 0.
fn samples(track: u8, trak: &Trak, file: &[u8]) -> Vec<AccessUnit> {
    let stbl = &trak.mdia.minf.stbl;
    let timescale = i64::from(trak.mdia.mdhd.timescale);
    let nanos = |ticks: i64| ticks * 1_000_000_000 / timescale;
    let durations = stbl.stts.entries.iter().flat_map(|e| vec![e.sample_delta; e.sample_count as usize]);
    let compositions: Vec<i64> = match &stbl.ctts {
        Some(ctts) => {
            ctts.entries.iter().flat_map(|e| vec![e.sample_offset; e.sample_count as usize]).collect()
        }
        None => Vec::new(),
    };
    let edit = trak.edts.as_ref().and_then(|edts| edts.elst.as_ref());
    let shift =
        edit.and_then(|elst| elst.entries.iter().find_map(|entry| entry.media_time)).unwrap_or(0) as i64;
    let mut time = -shift;
    let mut out = Vec::new();
    for (i, ((offset, size), duration)) in
        offsets(stbl).into_iter().zip(sizes(stbl)).zip(durations).enumerate()
    {
        let key = stbl.stss.as_ref().is_none_or(|stss| stss.entries.contains(&(i as u32 + 1)));
        out.push(AccessUnit {
            track,
            time: (1_000_000_000 + nanos(time)) as u64,
            composition: nanos(compositions.get(i).copied().unwrap_or(0)),
            duration: nanos(duration.into()) as u64,
            key,
            data: file[offset as usize..][..size as usize].to_vec().into(),
        });
        time += i64::from(duration);
    }
    out
}
