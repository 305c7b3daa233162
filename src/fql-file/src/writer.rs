//! From tracks and units to the bytes of a file.

use fql_unit::TrackTable;

use crate::record::{End, MAX_RECORD, RecordHeader};
use crate::{Error, Head, IndexBuilder, RecordKind, StoredUnit, Tags};

/// The track table is repeated after so many nanoseconds, so that a reader can begin anywhere.
const REPEAT_TIME: u64 = 2_000_000_000;
/// ... or after so many bytes.
const REPEAT_BYTES: u64 = 4 << 20;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriterOptions {
    /// Tells the records of this file from those of a file within it: any number, best a random one.
    pub serial: u16,
    /// When the file was begun, in microseconds since 1970-01-01 00:00 UTC; 0 where that is not known.
    pub created: i64,
    /// The least time from one refresh point of a track in the index to the next, in nanoseconds. What lies between
    /// is found by reading on.
    pub index_interval: u64,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self { serial: 0, created: 0, index_interval: 500_000_000 }
    }
}

/// Makes the bytes of a file. Every method gives those that follow the ones before; nothing is ever changed later.
#[derive(Debug)]
pub struct Writer {
    options: WriterOptions,
    /// How many bytes were given.
    at: u64,
    table: TrackTable,
    /// Where the table stands, and what the time was then.
    table_at: u64,
    table_time: Option<i64>,
    tags: Tags,
    index: IndexBuilder,
    is_finished: bool,
}

impl Writer {
    /// A file of which nothing is written yet.
    pub fn new(options: WriterOptions) -> Self {
        Self {
            options,
            at: 0,
            table: TrackTable::default(),
            table_at: 0,
            table_time: None,
            tags: Tags::default(),
            index: IndexBuilder::new(options.index_interval),
            is_finished: false,
        }
    }

    /// How many bytes were given so far.
    pub fn written(&self) -> u64 {
        self.at
    }

    /// What people want to know of the file, from here on; in place of what was told before.
    pub fn tags(&mut self, tags: &Tags) -> Vec<u8> {
        let mut out = self.begin();
        if *tags != self.tags {
            self.tags = tags.clone();
            self.record(&mut out, RecordKind::Tags, &tags.to_bytes());
        }
        out
    }

    /// What the tracks are from here on. To be called before the first unit.
    pub fn tracks(&mut self, table: &TrackTable) -> Vec<u8> {
        let mut out = self.begin();
        if *table != self.table {
            self.table = table.clone();
            self.index.tracks(table);
            self.write_table(&mut out, self.table_time);
        }
        out
    }

    /// A unit. Units come in the order of their decoding times, within a second or so: a reader that plays two tracks
    /// holds what is between them.
    pub fn unit(&mut self, stored: &StoredUnit) -> Result<Vec<u8>, Error> {
        if self.table.get(stored.track).is_none() {
            return Err(Error::UnknownTrack(stored.track));
        }
        let body = stored.to_bytes();
        if body.len() > MAX_RECORD {
            return Err(Error::TooLong(body.len() as u64));
        }
        let mut out = self.begin();
        self.repeat_table(&mut out, stored.decoding_time());
        self.index.unit(stored, self.at, self.table_at);
        self.record(&mut out, RecordKind::Unit, &body);
        Ok(out)
    }

    /// The index and the end of the file. Nothing may follow.
    pub fn finish(&mut self) -> Vec<u8> {
        if std::mem::replace(&mut self.is_finished, true) {
            return Vec::new();
        }
        let mut out = self.begin();
        let index = self.index.index();
        let (at, units) = (self.at, index.summaries.iter().map(|summary| summary.units).sum());
        let end = End { index: at, begin: index.begin(), end: index.end(), units };
        self.record(&mut out, RecordKind::Index, &index.to_bytes());
        self.record(&mut out, RecordKind::End, &end.to_bytes());
        out
    }

    fn begin(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.at == 0 {
            let head = Head { created: self.options.created };
            self.record(&mut out, RecordKind::Head, &head.to_bytes());
        }
        out
    }

    fn repeat_table(&mut self, out: &mut Vec<u8>, time: i64) {
        let began = *self.table_time.get_or_insert(time);
        if began.abs_diff(time) >= REPEAT_TIME || self.at - self.table_at >= REPEAT_BYTES {
            self.write_table(out, Some(time));
        }
    }

    fn write_table(&mut self, out: &mut Vec<u8>, time: Option<i64>) {
        (self.table_at, self.table_time) = (self.at, time);
        self.record(out, RecordKind::Tracks, &self.table.to_bytes());
    }

    fn record(&mut self, out: &mut Vec<u8>, kind: RecordKind, body: &[u8]) {
        let record = RecordHeader::record(kind, self.options.serial, body);
        self.at += record.len() as u64;
        out.extend(record);
    }
}
