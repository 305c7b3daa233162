//! Small files to read, cut off and damage.
#![allow(dead_code, reason = "every test file uses a part of it")]

use fql_file::{Parser, Record, StoredUnit, Tags, Writer, WriterOptions};
use fql_unit::encoded::{AccessUnit, Importance};
use fql_unit::{
    AudioCodec, DataInfo, EncodedAudioInfo, EncodedVideoInfo, Media, Segment, Track, TrackTable, Unit,
    VideoCodec,
};

pub const VIDEO: u8 = 0;
pub const SOUND: u8 = 1;
pub const DATA: u8 = 7;
pub const LAYERED: u8 = 9;

/// Encoded video and sound, data, and a track of units in layers.
pub fn table() -> TrackTable {
    let caps = String::from("video/x-h264");
    let (codec, frame_rate) = (VideoCodec::H264, (25, 1));
    let video = EncodedVideoInfo { codec, width: 64, height: 48, frame_rate, config: vec![1, 2], caps };
    let (codec, caps) = (AudioCodec::Opus, String::from("audio/x-opus"));
    let sound = EncodedAudioInfo { codec, rate: 48_000, channels: 2, config: vec![], caps };
    let data = || Media::Data(DataInfo { caps: "text/x-raw, format=utf8".into() });
    let track = |id, layers, media| Track { id, name: "a".into(), layers, media };
    TrackTable::new(vec![
        track(VIDEO, 3, Media::EncodedVideo(video)),
        track(SOUND, 1, Media::EncodedAudio(sound)),
        track(DATA, 1, data()),
        track(LAYERED, 5, data()),
    ])
    .unwrap()
}

/// A unit of a track that holds something of this number.
pub fn stored(track: u8, number: u64, pts: i64) -> StoredUnit {
    let bytes = vec![number as u8; 6 + (number as usize * 7) % 40];
    let unit = match track {
        VIDEO => access_unit(bytes, number, [Importance::Key, Importance::Disposable, Importance::Reference]),
        SOUND => access_unit(bytes, number, [Importance::Key; 3]),
        DATA => {
            let mut unit = Unit::new(1, 1, b"").unwrap();
            unit.set(0, 0, Segment::complete(bytes));
            unit
        }
        _ => layered(bytes),
    };
    let mut stored = StoredUnit::of(track, pts, &unit);
    stored.duration = Some(40_000_000);
    stored.dts = (track == VIDEO).then_some(pts - 80_000_000);
    stored
}

fn access_unit(data: Vec<u8>, number: u64, kinds: [Importance; 3]) -> Unit {
    let importance = kinds[number as usize % 3];
    let (references, composition) = (number as u8, None);
    let key = importance == Importance::Key;
    let data = data.into();
    let layers = if kinds[1] == Importance::Key { 1 } else { 3 };
    AccessUnit { data, importance, key, discont: false, references, composition }.into_unit(layers).unwrap()
}

fn layered(bytes: Vec<u8>) -> Unit {
    let mut unit = Unit::new(5, 2, b"params").unwrap();
    for layer in 0..4 {
        for slice in 0..2 {
            unit.set(layer, slice, Segment::complete(bytes[..3 + usize::from(layer)].to_vec()));
        }
    }
    unit.set(4, 0, Segment::truncated("cut"));
    unit
}

/// The units of a file of so many pictures of 40 ms.
pub fn units(count: u64) -> Vec<StoredUnit> {
    let mut all = Vec::new();
    for number in 0..count {
        let pts = number as i64 * 40_000_000;
        all.push(stored(VIDEO, number, pts));
        all.push(stored(SOUND, number, pts));
        all.push(stored(LAYERED, number, pts));
        if number % 5 == 4 {
            all.push(stored(DATA, number, pts));
        }
    }
    all
}

/// The bytes of a file, and where the record of each unit ends.
pub fn write(units: &[StoredUnit]) -> (Vec<u8>, Vec<usize>) {
    let options =
        WriterOptions { serial: 0xabcd, created: 1_700_000_000_000_000, ..WriterOptions::default() };
    let mut writer = Writer::new(options);
    let mut tags = Tags::default();
    tags.set("title", "a test").unwrap();
    let mut file = writer.tags(&tags);
    file.extend(writer.tracks(&table()));
    let mut ends = Vec::new();
    for unit in units {
        file.extend(writer.unit(unit).unwrap());
        ends.push(file.len());
    }
    file.extend(writer.finish());
    (file, ends)
}

/// Everything that a parser gives of bytes.
pub fn parse(bytes: &[u8]) -> Vec<Record> {
    let mut parser = Parser::default();
    parser.push(bytes);
    std::iter::from_fn(|| parser.next_record().unwrap()).map(|parsed| parsed.record).collect()
}

/// The units among records.
pub fn only_units(records: Vec<Record>) -> Vec<StoredUnit> {
    let unit = |record| match record {
        Record::Unit(unit) => Some(unit),
        _ => None,
    };
    records.into_iter().filter_map(unit).collect()
}
