//! The index of a file that can be read anywhere: from its end, or made anew where it has none.

use std::io;

use bytes::Bytes;
use fql_unit::TrackTable;

use crate::record::{END_LENGTH, End, HEADER_LENGTH, VERSION};
use crate::stored::MAX_UNIT_HEAD;
use crate::{Error, Index, IndexBuilder, ReadError, RecordHeader, RecordKind, SYNC, StoredUnit};

/// Bytes that are read at once: a few headers.
const WINDOW: usize = 8 << 10;
/// The most bytes before the first record of what may still be a file.
pub(crate) const MAX_LEAD: u64 = 1 << 20;
/// The interval of an index that is made anew, in nanoseconds.
const INTERVAL: u64 = 500_000_000;

/// Something that can be read anywhere.
pub trait ReadAt {
    /// How many bytes there are at present.
    fn size(&mut self) -> io::Result<u64>;
    /// The bytes from an offset on: as many as asked for, fewer only where they end.
    fn read_at(&mut self, offset: u64, length: usize) -> io::Result<Bytes>;
}

/// What was found of a file without reading all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Where its refresh points are.
    pub index: Index,
    /// Whether the index was made anew: the file has none, or a damaged one.
    pub is_rebuilt: bool,
}

/// Loads the index from the end of a file, or [makes it anew](scan) where it is not there or damaged.
pub fn load_index(source: &mut impl ReadAt) -> Result<Loaded, ReadError> {
    if let Some(index) = stored_index(source)? {
        return Ok(Loaded { index, is_rebuilt: false });
    }
    Ok(Loaded { index: scan(source)?, is_rebuilt: true })
}

/// The index that the end of the file points at.
fn stored_index(source: &mut impl ReadAt) -> Result<Option<Index>, ReadError> {
    let size = source.size()?;
    let Some(end_at) = size.checked_sub(END_LENGTH as u64) else { return Ok(None) };
    let Some(first) = RecordHeader::from_bytes(&source.read_at(0, HEADER_LENGTH)?) else { return Ok(None) };
    if first.version != VERSION {
        return Err(Error::Version(first.version).into());
    }
    let body = |source: &mut _, at, kind| record_body(source, at, size, kind, first.serial);
    let Some(end) = body(source, end_at, RecordKind::End)? else { return Ok(None) };
    let Ok(End { index, .. }) = End::from_bytes(&end) else { return Ok(None) };
    let Some(index) = body(source, index, RecordKind::Index)? else { return Ok(None) };
    let is_inside = |index: &Index| index.entries.iter().all(|entry| entry.offset < size);
    Ok(Index::from_bytes(&index).ok().filter(is_inside))
}

/// The body of the record at an offset, where it is whole, of this kind and of this file.
fn record_body(
    source: &mut impl ReadAt,
    at: u64,
    size: u64,
    kind: RecordKind,
    serial: u16,
) -> io::Result<Option<Bytes>> {
    let Some(header) = RecordHeader::from_bytes(&source.read_at(at, HEADER_LENGTH)?) else { return Ok(None) };
    let body_at = at.saturating_add(HEADER_LENGTH as u64);
    let is_right = header.version == VERSION && header.kind == kind && header.serial == serial;
    if !is_right || header.length as u64 > size.saturating_sub(body_at) {
        return Ok(None);
    }
    let body = source.read_at(body_at, header.length)?;
    Ok(Some(body).filter(|body| header.fits(body)))
}

/// Makes the index of a file by going from record to record, without reading the units themselves.
pub fn scan(source: &mut impl ReadAt) -> Result<Index, ReadError> {
    let size = source.size()?;
    let mut scan = Scan {
        window: Window { source, at: 0, bytes: Bytes::new() },
        size,
        serial: None,
        table: None,
        builder: IndexBuilder::new(INTERVAL),
    };
    let mut at = 0;
    while let Some(next) = scan.step(at)? {
        at = next;
    }
    match scan.serial {
        Some(_) => Ok(scan.builder.index()),
        None => Err(ReadError::NoFile(size.min(MAX_LEAD))),
    }
}

struct Scan<'a, S> {
    window: Window<'a, S>,
    size: u64,
    serial: Option<u16>,
    /// Where the last track table stands.
    table: Option<u64>,
    builder: IndexBuilder,
}

impl<S: ReadAt> Scan<'_, S> {
    /// Looks at what stands at an offset. Gives where to look next.
    fn step(&mut self, at: u64) -> Result<Option<u64>, ReadError> {
        let bytes = self.window.get(at, HEADER_LENGTH)?;
        if bytes.len() < HEADER_LENGTH || (self.serial.is_none() && at > MAX_LEAD) {
            return Ok(None);
        }
        let header = RecordHeader::from_bytes(&bytes);
        let header = header.filter(|header| self.serial.is_none_or(|serial| serial == header.serial));
        let Some(header) = header else { return self.next_sync(at + 1).map(Some) };
        if header.version != VERSION {
            return Err(Error::Version(header.version).into());
        }
        self.serial = Some(header.serial);
        let body_at = at + HEADER_LENGTH as u64;
        let end = body_at + header.length as u64;
        if end > self.size {
            return Ok(None);
        }
        match header.kind {
            RecordKind::Tracks => self.take_table(at, body_at, &header)?,
            RecordKind::Unit => self.take_unit(at, body_at, &header)?,
            _ => (),
        }
        Ok(Some(end))
    }

    fn take_table(&mut self, at: u64, body_at: u64, header: &RecordHeader) -> Result<(), ReadError> {
        let body = self.window.get(body_at, header.length)?;
        if header.fits(&body)
            && let Ok(table) = TrackTable::from_bytes(&body)
        {
            self.table = Some(at);
            self.builder.tracks(&table);
        }
        Ok(())
    }

    fn take_unit(&mut self, at: u64, body_at: u64, header: &RecordHeader) -> Result<(), ReadError> {
        let Some(table) = self.table else { return Ok(()) };
        let start = self.window.get(body_at, header.length.min(MAX_UNIT_HEAD))?;
        if let Ok((stored, _)) = StoredUnit::without_unit(&start) {
            self.builder.unit(&stored, at, table);
        }
        Ok(())
    }

    /// Where the next record may begin, from an offset on.
    fn next_sync(&mut self, mut at: u64) -> Result<u64, ReadError> {
        loop {
            let bytes = self.window.from(at, SYNC.len())?;
            if let Some(found) = bytes.windows(SYNC.len()).position(|four| four == SYNC) {
                return Ok(at + found as u64);
            }
            if bytes.len() < SYNC.len() || (self.serial.is_none() && at > MAX_LEAD) {
                return Ok(self.size);
            }
            at += (bytes.len() - SYNC.len() + 1) as u64;
        }
    }
}

/// What was read last, so that small records close to each other are not read one by one.
struct Window<'a, S> {
    source: &'a mut S,
    at: u64,
    bytes: Bytes,
}

impl<S: ReadAt> Window<'_, S> {
    /// So many bytes from an offset on; fewer only where they end.
    fn get(&mut self, at: u64, length: usize) -> io::Result<Bytes> {
        let bytes = self.from(at, length)?;
        Ok(bytes.slice(..length.min(bytes.len())))
    }

    /// All that is there from an offset on, at least so many bytes, fewer only where they end. What was read is not
    /// read again: a file may make a search begin anew at every byte.
    fn from(&mut self, at: u64, least: usize) -> io::Result<Bytes> {
        let start = at.checked_sub(self.at).and_then(|start| usize::try_from(start).ok());
        let cached = start.filter(|start| start.saturating_add(least) <= self.bytes.len());
        if let Some(start) = cached {
            return Ok(self.bytes.slice(start..));
        }
        self.bytes = self.source.read_at(at, least.max(WINDOW))?;
        self.at = at;
        Ok(self.bytes.clone())
    }
}
