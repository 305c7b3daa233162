//! Whole files, cut off files, damaged files.

mod common;

use std::io::Cursor;

use common::{only_units, parse, units, write};
use fql_file::{
    Ending, Error, FileReader, Parser, ReadError, Record, StoredUnit, Writer, WriterOptions, thin,
};
use fql_unit::TrackTable;
use proptest::prelude::*;

#[test]
fn a_file_comes_back_as_it_went() {
    let units = units(60);
    let (file, _) = write(&units);
    let records = parse(&file);
    assert!(matches!(&records[0], Record::Head(head) if head.created == 1_700_000_000_000_000));
    assert!(matches!(&records[1], Record::Tags(tags) if tags.get("title") == Some("a test")));
    assert!(matches!(&records[2], Record::Tracks(table) if *table == common::table()));
    let Some(Record::End(end)) = records.last() else { panic!("no end") };
    assert_eq!((end.begin, end.end, end.units), (0, 60 * 40_000_000, units.len() as u64));
    let tables = records.iter().filter(|record| matches!(record, Record::Tracks(_))).count();
    assert_eq!(tables, 2, "the table is repeated after two seconds");
    assert_eq!(only_units(records), units);
}

#[test]
fn a_file_that_comes_in_pieces_is_the_same() {
    let (file, _) = write(&units(6));
    for size in [1, 2, 19, 20, 21, 64, 1000] {
        let mut parser = Parser::default();
        let mut records = Vec::new();
        for piece in file.chunks(size) {
            parser.push(piece);
            while let Some(parsed) = parser.next_record().unwrap() {
                records.push(parsed.record);
            }
        }
        assert_eq!(records, parse(&file), "in pieces of {size}");
        assert_eq!(parser.ending(), Ending::Finished);
    }
}

#[test]
fn a_file_cut_off_at_any_byte_gives_its_whole_units() {
    let units = units(12);
    let (file, ends) = write(&units);
    for cut in 0..file.len() {
        let mut parser = Parser::default();
        parser.push(&file[..cut]);
        let mut found = Vec::new();
        while let Some(parsed) = parser.next_record().unwrap() {
            assert!(
                !matches!(parsed.record, Record::Damage(_)),
                "nothing before the cut at {cut} is damaged"
            );
            found.push(parsed.record);
        }
        let whole = ends.iter().filter(|end| **end <= cut).count();
        assert_eq!(only_units(found), units[..whole], "cut off at {cut}");
        assert!(matches!(parser.ending(), Ending::Cut(_)), "cut off at {cut}");
    }
}

#[test]
fn the_index_of_a_cut_off_file_is_made_anew_and_the_same_up_to_there() {
    let units = units(30);
    let (file, ends) = write(&units);
    let index = FileReader::new(Cursor::new(&file)).index().unwrap();
    assert!(!index.is_rebuilt);
    for (at, end) in ends.iter().enumerate() {
        let loaded = FileReader::new(Cursor::new(&file[..end + 3])).index().unwrap();
        assert!(loaded.is_rebuilt);
        let counted: u64 = loaded.index.summaries.iter().map(|summary| summary.units).sum();
        assert_eq!(counted, at as u64 + 1);
        assert_eq!(loaded.index.table, index.index.table);
        let last = units[..=at].iter().map(StoredUnit::end).max();
        assert_eq!(Some(loaded.index.end()), last);
    }
    let rebuilt = fql_file::scan(&mut InMemory(&file)).unwrap();
    let stored = index.index;
    assert_eq!(rebuilt.table, stored.table);
    assert_eq!(rebuilt.entries, stored.entries);
}

#[test]
fn a_search_for_records_reads_no_byte_often() {
    let (mut file, _) = write(&units(2));
    file.truncate(file.len() - fql_file::END_LENGTH);
    // Every one of these looks like the beginning of a record, and is none.
    file.extend(fql_file::SYNC.repeat(20_000));
    let mut source = Counting { inner: InMemory(&file), read: 0 };
    let index = fql_file::scan(&mut source).unwrap();
    assert!(!index.entries.is_empty());
    assert!(source.read < 3 * file.len(), "{} bytes were read of {}", source.read, file.len());
}

/// Counts the bytes that are read.
struct Counting<'a> {
    inner: InMemory<'a>,
    read: usize,
}

impl fql_file::ReadAt for Counting<'_> {
    fn size(&mut self) -> std::io::Result<u64> {
        self.inner.size()
    }

    fn read_at(&mut self, offset: u64, length: usize) -> std::io::Result<bytes::Bytes> {
        let bytes = self.inner.read_at(offset, length)?;
        self.read += bytes.len();
        Ok(bytes)
    }
}

struct InMemory<'a>(&'a [u8]);

impl fql_file::ReadAt for InMemory<'_> {
    fn size(&mut self) -> std::io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_at(&mut self, offset: u64, length: usize) -> std::io::Result<bytes::Bytes> {
        let from = (offset as usize).min(self.0.len());
        let to = from.saturating_add(length).min(self.0.len());
        Ok(bytes::Bytes::copy_from_slice(&self.0[from..to]))
    }
}

#[test]
fn every_refresh_point_of_the_index_is_where_it_says() {
    let units = units(60);
    let (file, _) = write(&units);
    let mut reader = FileReader::new(Cursor::new(&file));
    let index = reader.index().unwrap().index;
    assert!(index.entries.len() > 12, "{}", index.entries.len());
    for entry in &index.entries {
        reader.jump(entry).unwrap();
        let first = reader.next_record().unwrap().unwrap();
        assert!(matches!(first.record, Record::Tracks(_)), "{first:?}");
        let found =
            std::iter::from_fn(|| reader.next_record().unwrap()).find(|parsed| parsed.offset == entry.offset);
        let Some(Record::Unit(unit)) = found.map(|parsed| parsed.record) else {
            panic!("no unit at {entry:?}")
        };
        assert_eq!((unit.track, unit.pts, unit.flags.key), (entry.track, entry.pts, true));
    }
}

#[test]
fn a_file_that_grows_is_followed() {
    let units = units(10);
    let (file, ends) = write(&units);
    let input = std::cell::RefCell::new(std::collections::VecDeque::<u8>::new());
    struct Growing<'a>(&'a std::cell::RefCell<std::collections::VecDeque<u8>>);
    impl std::io::Read for Growing<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            self.0.borrow_mut().read(out)
        }
    }
    let mut reader = FileReader::new(Growing(&input));
    let (mut written, mut found) = (0, Vec::new());
    for (at, end) in ends.iter().enumerate() {
        input.borrow_mut().extend(&file[written..*end]);
        written = *end;
        while let Some(parsed) = reader.next_record().unwrap() {
            found.extend(only_units(vec![parsed.record]));
        }
        assert_eq!(found, units[..=at]);
    }
}

#[test]
fn what_is_no_file_is_told_so() {
    for bytes in [vec![], vec![7; 100], vec![0xf4; 3_000_000]] {
        let mut reader = FileReader::new(Cursor::new(bytes));
        assert!(matches!(reader.next_record(), Err(ReadError::NoFile(_))));
        assert!(matches!(reader.index(), Err(ReadError::NoFile(_))));
    }
}

#[test]
fn another_version_is_told() {
    let (mut file, _) = write(&units(1));
    file[4] = 9;
    let crc = crc32fast::hash(&file[..16]).to_be_bytes();
    file[16..20].copy_from_slice(&crc);
    let mut parser = Parser::default();
    parser.push(&file);
    assert_eq!(parser.next_record(), Err(Error::Version(9)));
    let error = FileReader::new(Cursor::new(&file)).index().unwrap_err().to_string();
    assert_eq!(error, "the file is of version 9 of the format; this program reads version 1");
}

#[test]
fn units_of_tracks_that_are_not_in_the_table_are_not_written() {
    let mut writer = Writer::new(WriterOptions::default());
    assert_eq!(writer.unit(&common::stored(3, 0, 0)), Err(Error::UnknownTrack(3)));
    writer.tracks(&TrackTable::default());
    assert_eq!(writer.unit(&common::stored(3, 0, 0)), Err(Error::UnknownTrack(3)));
}

#[test]
fn a_file_within_a_file_is_not_taken_for_a_part_of_it() {
    let mut inner = Writer::new(WriterOptions { serial: 1, ..WriterOptions::default() });
    let mut bytes = inner.tracks(&common::table());
    bytes.extend(inner.unit(&common::stored(common::VIDEO, 1, 0)).unwrap());
    let mut unit = fql_unit::Unit::new(1, 1, b"").unwrap();
    unit.set(0, 0, fql_unit::Segment::complete(bytes));
    let outer = [StoredUnit::of(common::DATA, 0, &unit), common::stored(common::VIDEO, 2, 0)];
    let (mut file, ends) = write(&outer);
    assert!(
        file[..ends[0]].windows(4).filter(|four| *four == fql_file::SYNC).count() > 5,
        "the inner records"
    );
    // The header of the record that holds the inner file: what a search finds first is in there.
    let damaged = ends[0] - fql_file::HEADER_LENGTH - outer[0].unit.len() - 3;
    file[damaged] ^= 1;
    assert_eq!(only_units(parse(&file)), outer[1..]);
}

/// The records of a damaged file are those of the whole one, but for the ones that the damage touches.
fn loses_no_more_than_the_damage_touches(from: usize, length: usize, byte: u8) {
    let units = units(8);
    let (file, ends) = write(&units);
    let from = from % file.len();
    let to = (from + length).min(file.len());
    let mut damaged = file;
    damaged[from..to].iter_mut().for_each(|old| *old = byte);
    let begins = |at: usize| if at == 0 { ends[0] - 1 } else { ends[at - 1] };
    let is_untouched = |at: &usize| ends[*at] <= from || (*at > 0 && begins(*at) >= to);
    let expected: Vec<_> = (0..units.len()).filter(is_untouched).map(|at| units[at].clone()).collect();
    let found = only_units(parse(&damaged));
    let mut rest = found.iter();
    for unit in &expected {
        assert!(rest.any(|found| found == unit), "{from}..{to}: a unit at {} ns is lost", unit.pts);
    }
    assert!(found.iter().all(|unit| units.contains(unit)), "{from}..{to}: a unit that was none");
}

proptest! {
    #[test]
    fn damage_costs_the_records_that_it_touches(from: usize, length in 1..200usize, byte: u8) {
        loses_no_more_than_the_damage_touches(from, length, byte);
    }

    #[test]
    fn any_bytes_give_records_or_damage(bytes: Vec<u8>, at: usize) {
        let (mut file, _) = write(&units(3));
        let at = at % file.len();
        file.splice(at..at, bytes.iter().copied());
        parse(&file);
        parse(&bytes);
        let _ = FileReader::new(Cursor::new(&file)).index();
        let _ = thin::copy(Cursor::new(&file), &mut Vec::new(), 1, 5, |_| true);
    }

    #[test]
    fn missing_bytes_cost_no_more_than_one_record_beside_them(from: usize, length in 1..60usize) {
        let units = units(8);
        let (mut file, ends) = write(&units);
        let from = from % file.len();
        file.drain(from..(from + length).min(ends[ends.len() - 1]).max(from));
        let found = only_units(parse(&file));
        let touched = ends.windows(2).filter(|pair| pair[1] > from && pair[0] < from + length).count();
        prop_assert!(found.len() + touched + 2 >= units.len(), "{} of {}", found.len(), units.len());
        prop_assert!(found.iter().all(|unit| units.contains(unit)));
    }
}

#[test]
fn a_damaged_index_is_made_anew() {
    let (mut file, ends) = write(&units(30));
    let whole = FileReader::new(Cursor::new(&file)).index().unwrap().index;
    file[ends[ends.len() - 1] + 40] ^= 1;
    let loaded = FileReader::new(Cursor::new(&file)).index().unwrap();
    assert!(loaded.is_rebuilt);
    assert_eq!(loaded.index.end(), whole.end());
}

#[test]
fn a_header_that_promises_much_takes_no_memory_before_it_comes() {
    let (file, ends) = write(&units(2));
    let mut header = fql_file::RecordHeader::from_bytes(&file).unwrap();
    (header.kind, header.length) = (fql_file::RecordKind::Unit, fql_file::MAX_RECORD);
    let mut bytes = file[..ends[0]].to_vec();
    bytes.extend(header.to_bytes());
    bytes.extend([0; 1000]);
    let mut parser = Parser::default();
    parser.push(&bytes);
    let count = std::iter::from_fn(|| parser.next_record().unwrap()).count();
    assert_eq!((count, parser.ending()), (4, Ending::Cut(1020)));
}
