//! From bytes, in pieces of any size, to records.

use bytes::{Buf, Bytes, BytesMut};
use fql_unit::TrackTable;

use crate::record::{HEADER_LENGTH, VERSION};
use crate::{End, Error, Head, Index, RecordHeader, RecordKind, SYNC, StoredUnit, Tags};

/// What a record holds, or that there was something that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// The beginning of the file.
    Head(Head),
    /// What the tracks are from here on. It may be the same as before.
    Tracks(TrackTable),
    /// What people want to know of the file.
    Tags(Tags),
    /// A unit. It may be one of a track that no table has named.
    Unit(StoredUnit),
    /// Where refresh points are.
    Index(Index),
    /// The end of a file that was finished.
    End(End),
    /// So many bytes before the next record were damaged, or belong to nothing.
    Damage(u64),
}

/// A record and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// Where it begins, in bytes from the beginning of the file.
    pub offset: u64,
    /// What it holds.
    pub record: Record,
}

/// How a file ends, as far as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was finished.
    Finished,
    /// It was cut off, or is still being written: so many bytes are left that are not a whole record.
    Cut(u64),
}

/// Takes the bytes of a file as they come and gives its records.
///
/// It holds no more than the bytes of one record, and looks at every byte a bounded number of times. Bytes that are
/// none of a record are skipped up to the next one: where the header of a record is whole, but not its body, that
/// record alone.
#[derive(Debug, Default)]
pub struct Parser {
    buffer: BytesMut,
    /// Where the buffer begins in the file.
    at: u64,
    /// That of the first record.
    serial: Option<u16>,
    /// The header at the beginning of the buffer, where one was found.
    header: Option<RecordHeader>,
    /// Bytes that were skipped since the last record.
    skipped: u64,
    /// What comes after damage was told.
    next: Option<Parsed>,
    is_finished: bool,
}

impl Parser {
    /// Goes on elsewhere in the same file: the next bytes are those from this offset on.
    pub fn jump(&mut self, offset: u64) {
        *self = Self { at: offset, serial: self.serial, ..Self::default() };
    }

    /// Takes bytes that follow those before.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Where the next bytes that are pushed belong.
    pub fn position(&self) -> u64 {
        self.at + self.buffer.len() as u64
    }

    /// The next record; `None` where more bytes are needed. The error is for files of another version of the format,
    /// and stays.
    pub fn next_record(&mut self) -> Result<Option<Parsed>, Error> {
        if let Some(next) = self.next.take() {
            return Ok(Some(next));
        }
        while let Some(header) = self.find_header() {
            if header.version != VERSION {
                return Err(Error::Version(header.version));
            }
            let length = HEADER_LENGTH + header.length;
            if self.buffer.len() < length {
                return Ok(None);
            }
            let offset = self.at;
            let body = self.take(length).slice(HEADER_LENGTH..);
            self.header = None;
            let record = if header.fits(&body) { read(header.kind, &body) } else { Found::Damaged };
            match record {
                Found::Record(record) => return Ok(Some(self.give(Parsed { offset, record }))),
                Found::Unknown => (),
                Found::Damaged => self.skipped += length as u64,
            }
        }
        Ok(None)
    }

    /// What the end of the bytes means, if nothing more comes.
    pub fn ending(&self) -> Ending {
        match self.is_finished {
            true => Ending::Finished,
            false => Ending::Cut(self.skipped + self.buffer.len() as u64),
        }
    }

    /// Bytes that were skipped since the last record.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Gives a record, after the damage before it.
    fn give(&mut self, parsed: Parsed) -> Parsed {
        self.is_finished = matches!(parsed.record, Record::End(_));
        match std::mem::take(&mut self.skipped) {
            0 => parsed,
            skipped => {
                let offset = parsed.offset.saturating_sub(skipped);
                self.next = Some(parsed);
                Parsed { offset, record: Record::Damage(skipped) }
            }
        }
    }

    /// The header at the beginning of the buffer, after skipping what is none.
    fn find_header(&mut self) -> Option<RecordHeader> {
        while self.header.is_none() {
            self.skip_to_sync();
            if self.buffer.len() < HEADER_LENGTH {
                return None;
            }
            let header = RecordHeader::from_bytes(&self.buffer);
            match header.filter(|header| self.serial.is_none_or(|serial| serial == header.serial)) {
                Some(header) => {
                    self.serial = Some(header.serial);
                    self.header = Some(header);
                }
                None => self.skip(1),
            }
        }
        self.header
    }

    /// Skips what cannot be the beginning of a header.
    fn skip_to_sync(&mut self) {
        let bytes = &self.buffer;
        let may_begin = |at: &usize| {
            let rest = &bytes[*at..];
            let known = rest.len().min(SYNC.len());
            rest[..known] == SYNC[..known]
        };
        let at = (0..bytes.len()).find(may_begin).unwrap_or(bytes.len());
        self.skip(at);
    }

    fn skip(&mut self, count: usize) {
        self.buffer.advance(count);
        self.at += count as u64;
        self.skipped += count as u64;
    }

    fn take(&mut self, count: usize) -> Bytes {
        self.at += count as u64;
        self.buffer.split_to(count).freeze()
    }
}

enum Found {
    Record(Record),
    /// Of a later version: not to be understood, and no damage.
    Unknown,
    Damaged,
}

fn read(kind: RecordKind, body: &Bytes) -> Found {
    let record = match kind {
        RecordKind::Head => Head::from_bytes(body).map(Record::Head),
        RecordKind::Tracks => TrackTable::from_bytes(body).map(Record::Tracks).map_err(Error::from),
        RecordKind::Tags => Tags::from_bytes(body).map(Record::Tags),
        RecordKind::Unit => StoredUnit::from_bytes(body).map(Record::Unit),
        RecordKind::Index => Index::from_bytes(body).map(Record::Index),
        RecordKind::End => End::from_bytes(body).map(Record::End),
        RecordKind::Other(_) => return Found::Unknown,
    };
    record.map_or(Found::Damaged, Found::Record)
}
