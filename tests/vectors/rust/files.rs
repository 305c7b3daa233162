//! `files.json`: whole, cut and damaged `.fql` files.

use fql_file::{Parser, Record, StoredUnit, Tags, Writer, WriterOptions};
use fql_unit::{Chroma, DataInfo, Media, Segment, Track, TrackTable, Unit, VideoInfo};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{from_base64, sha256, to_base64};

#[derive(Serialize, Deserialize)]
struct Vector {
    name: String,
    file: String,
    /// Of each record, what it says; nothing at all where the file has to be refused.
    records: Value,
}

impl Vector {
    fn new(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        Self { name: name.into(), file: to_base64(bytes), records: Value::Null }
    }

    fn decode(&mut self) {
        let mut parser = Parser::default();
        parser.push(&from_base64(&self.file));
        let mut records = Vec::new();
        self.records = loop {
            match parser.next_record() {
                Ok(Some(parsed)) => records.extend(record(parsed.record)),
                Ok(None) => break records.into(),
                Err(_) => break Value::Null,
            }
        };
    }
}

fn ids(table: &TrackTable) -> Vec<u8> {
    table.tracks().iter().map(|track| track.id).collect()
}

fn record(record: Record) -> Option<Value> {
    Some(match record {
        Record::Head(head) => json!({ "kind": "head", "created": head.created }),
        Record::Tracks(table) => json!({ "kind": "tracks", "tracks": ids(&table) }),
        Record::Tags(tags) => json!({ "kind": "tags", "tags": tags.iter().collect::<Vec<_>>() }),
        Record::Unit(stored) => json!({
            "kind": "unit",
            "track": stored.track,
            "key": stored.flags.key,
            "discont": stored.flags.discont,
            "corrupt": stored.flags.corrupt,
            "header": stored.flags.header,
            "pts": stored.pts,
            "ahead": stored.dts.map(|dts| stored.pts - dts),
            "duration": stored.duration,
            "unit": sha256(&stored.unit),
        }),
        Record::Index(index) => json!({
            "kind": "index",
            "tracks": ids(&index.table),
            "summaries": index.summaries.iter().map(|summary| json!({
                "track": summary.track,
                "units": summary.units,
                "keys": summary.keys,
                "begin": summary.begin,
                "end": summary.end,
                "bytes": summary.layer_bytes,
            })).collect::<Vec<_>>(),
            "points": index.entries.iter().map(|point| json!({
                "track": point.track, "pts": point.pts, "offset": point.offset, "table": point.table,
            })).collect::<Vec<_>>(),
        }),
        Record::End(end) => json!({
            "kind": "end", "index": end.index, "begin": end.begin, "end": end.end, "units": end.units,
        }),
        Record::Damage(_) => return None,
    })
}

/// A file of two tracks, and where its records of units begin.
fn file() -> (Vec<u8>, Vec<usize>) {
    let track = |id, layers, media| Track { id, name: String::new(), layers, media };
    let pictures = Media::Video(VideoInfo::new(64, 48, Chroma::Grey));
    let data = Media::Data(DataInfo { caps: "text/x-raw".into() });
    let table = TrackTable::new(vec![track(0, 12, pictures), track(9, 1, data)]).unwrap();
    let options =
        WriterOptions { serial: 0xbeef, created: 1_700_000_000_000_000, ..WriterOptions::default() };
    let mut writer = Writer::new(options);
    let mut tags = Tags::default();
    tags.set("title", "Ein Test").unwrap();
    tags.set("comment", "").unwrap();
    let mut file = writer.tags(&tags);
    file.extend(writer.tracks(&table));
    let mut begins = Vec::new();
    for number in 0..8u8 {
        begins.push(file.len());
        file.extend(writer.unit(&stored(number)).unwrap());
    }
    file.extend(writer.finish());
    (file, begins)
}

fn stored(number: u8) -> StoredUnit {
    let pictures = number % 3 != 2;
    let mut unit = Unit::new(if pictures { 12 } else { 1 }, 1, []).unwrap();
    unit.set(0, 0, Segment::complete(vec![number; 5 + usize::from(number)]));
    if pictures {
        unit.set(1, 0, Segment::truncated(vec![0xf4; 3]));
        unit.flags.key = number.is_multiple_of(4);
    }
    unit.flags.discont = number == 3;
    let mut stored = StoredUnit::of(if pictures { 0 } else { 9 }, i64::from(number) * 300_000_000 - 5, &unit);
    stored.dts = (number == 4).then_some(stored.pts + 80_000_000);
    stored.duration = pictures.then_some(300_000_000);
    (stored.flags.corrupt, stored.flags.header) = (number == 1, number == 0);
    stored
}

fn vectors() -> Vec<Vector> {
    let (whole, begins) = file();
    let with = |at: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[at] ^= byte;
        bytes
    };
    let inner = [&whole[..begins[1]], &file_within()[..], &whole[begins[1]..]].concat();
    vec![
        Vector::new("a whole file", &whole),
        Vector::new("cut off", &whole[..begins[5] + 30]),
        Vector::new("a damaged body", with(begins[2] + 25, 1)),
        Vector::new("a damaged header", with(begins[3] + 9, 0x80)),
        Vector::new("a file within it", inner),
        Vector::new("nothing", []),
        Vector::new("bytes that are no file", b"these are not the records that you are looking for"),
        Vector::new("refused: another version", later_version(&whole)),
    ]
}

/// Records of another serial: none of this file.
fn file_within() -> Vec<u8> {
    let mut writer = Writer::new(WriterOptions { serial: 1, ..WriterOptions::default() });
    let mut file = writer.tags(&Tags::default());
    file.extend(writer.finish());
    file
}

/// The same file with a head of version 2, whose header is right.
fn later_version(whole: &[u8]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    bytes[4] = 2;
    let sum = crc32(&bytes[..16]);
    bytes[16..20].copy_from_slice(&sum.to_be_bytes());
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    let bit = |sum: u32| if sum & 1 != 0 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 };
    !bytes.iter().fold(!0, |sum, &byte| (0..8).fold(sum ^ u32::from(byte), |sum, _| bit(sum)))
}

#[test]
fn files_are_read_as_they_always_were() {
    super::check("files.json", vectors, Vector::decode);
}
