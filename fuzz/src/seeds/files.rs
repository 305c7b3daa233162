use fql_file::{HEADER_LENGTH, RecordHeader, RecordKind, StoredUnit, Tags, Writer, WriterOptions};

use crate::input::Output;
use crate::media;

/// A file as it is, one that was cut off, and the records of one, whose checksums the target makes.
pub fn files() -> Vec<Vec<u8>> {
    let file = file();
    let whole = |file: &[u8]| [&Output::default().u16(99).u8(3).u8(0).0, file].concat();
    vec![whole(&file), whole(&file[..file.len() / 2]), records(&file)]
}

fn file() -> Vec<u8> {
    let mut writer =
        Writer::new(WriterOptions { serial: 0, created: 1_700_000_000_000_000, ..WriterOptions::default() });
    let mut tags = Tags::default();
    tags.set("title", "a seed").expect("it is short");
    let mut out = writer.tags(&tags);
    out.extend(writer.tracks(&media::tracks()));
    for frame in 0..4 {
        let pts = frame * 1_000_000_000;
        for (track, unit) in
            [(media::VIDEO, media::unit(media::LAYERS, 2, 3)), (media::SOUND, media::unit(12, 1, 2))]
        {
            out.extend(writer.unit(&StoredUnit::of(track, pts, &unit)).expect("it is small"));
        }
    }
    out.extend(writer.finish());
    out
}

fn records(mut file: &[u8]) -> Vec<u8> {
    let mut out = Output::default().u16(0xffff).u8(5);
    while let Some(header) = RecordHeader::from_bytes(file) {
        let (body, rest) = file[HEADER_LENGTH..].split_at(header.length);
        out = out.u8(number(header.kind)).bytes(body);
        file = rest;
    }
    out.0
}

/// As the target has them.
fn number(kind: RecordKind) -> u8 {
    match kind {
        RecordKind::Head => 2,
        RecordKind::Tracks => 3,
        RecordKind::Tags => 4,
        RecordKind::Unit => 5,
        RecordKind::Index => 6,
        RecordKind::End => 7,
        RecordKind::Other(_) => 8,
    }
}
