//! The frame of every record: where it begins, what it is, how long it is, whether it is whole.

use fql_unit::wire::Reader;

use crate::{Error, SYNC};

/// The version of the format that this crate reads and writes.
pub const VERSION: u8 = 1;
/// How many bytes come before the body of a record.
pub const HEADER_LENGTH: usize = 20;
/// The most bytes that the body of a record can have. A lossless picture of 8192x8192 has less in 8-bit 4:2:0; noise in
/// the largest formats would have more, and is refused.
pub const MAX_RECORD: usize = 256 << 20;
/// How many bytes the last record of a file that was finished has, its [`End`].
pub const END_LENGTH: usize = HEADER_LENGTH + END_BODY;

const END_BODY: usize = 32;
/// The bytes of a header that its checksum is of.
const CHECKED: usize = HEADER_LENGTH - 4;

/// What a record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// What a file begins with.
    Head,
    /// What the tracks are from here on.
    Tracks,
    /// What people want to know of the file, from here on.
    Tags,
    /// One unit of a track.
    Unit,
    /// Where refresh points are.
    Index,
    /// The end of a file that was finished.
    End,
    /// A kind of a later version, to be skipped.
    Other(u8),
}

impl RecordKind {
    fn code(self) -> u8 {
        match self {
            Self::Head => 0,
            Self::Tracks => 1,
            Self::Tags => 2,
            Self::Unit => 3,
            Self::Index => 4,
            Self::End => 5,
            Self::Other(code) => code,
        }
    }

    fn of(code: u8) -> Self {
        match code {
            0 => Self::Head,
            1 => Self::Tracks,
            2 => Self::Tags,
            3 => Self::Unit,
            4 => Self::Index,
            5 => Self::End,
            other => Self::Other(other),
        }
    }
}

/// What stands before the body of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordHeader {
    /// The version of the format.
    pub version: u8,
    /// What the body holds.
    pub kind: RecordKind,
    /// The same in all records of a file, so that a file within a file is not taken for a part of it.
    pub serial: u16,
    /// Bytes of the body, at most [`MAX_RECORD`].
    pub length: usize,
    /// CRC-32 of the body.
    pub body_crc: u32,
}

impl RecordHeader {
    /// The header of this body.
    pub(crate) fn new(kind: RecordKind, serial: u16, body: &[u8]) -> Self {
        Self { version: VERSION, kind, serial, length: body.len(), body_crc: crc32fast::hash(body) }
    }

    /// Header and body.
    pub(crate) fn record(kind: RecordKind, serial: u16, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_LENGTH + body.len());
        out.extend(Self::new(kind, serial, body).to_bytes());
        out.extend_from_slice(body);
        out
    }

    /// The header as bytes.
    pub fn to_bytes(&self) -> [u8; HEADER_LENGTH] {
        let mut out = [0; HEADER_LENGTH];
        out[..4].copy_from_slice(&SYNC);
        out[4] = self.version;
        out[5] = self.kind.code();
        out[6..8].copy_from_slice(&self.serial.to_be_bytes());
        out[8..12].copy_from_slice(&(self.length as u32).to_be_bytes());
        out[12..CHECKED].copy_from_slice(&self.body_crc.to_be_bytes());
        let crc = crc32fast::hash(&out[..CHECKED]);
        out[CHECKED..].copy_from_slice(&crc.to_be_bytes());
        out
    }

    /// Reads a header from the first bytes of `bytes`; `None` where there is none, or not all of it.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let head = bytes.first_chunk::<HEADER_LENGTH>()?;
        let mut r = Reader::new(head.strip_prefix(&SYNC)?);
        let (version, kind) = (r.u8("").ok()?, RecordKind::of(r.u8("").ok()?));
        let (serial, length) = (r.u16("").ok()?, r.u32("").ok()? as usize);
        let (body_crc, crc) = (r.u32("").ok()?, r.u32("").ok()?);
        let is_whole = crc == crc32fast::hash(&head[..CHECKED]) && length <= MAX_RECORD;
        is_whole.then_some(Self { version, kind, serial, length, body_crc })
    }

    /// Whether this is the body that the header was made for.
    pub fn fits(&self, body: &[u8]) -> bool {
        body.len() == self.length && crc32fast::hash(body) == self.body_crc
    }
}

/// What a file that was finished ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Where the index begins, in bytes from the beginning of the file; 0 where there is none.
    pub index: u64,
    /// The earliest presentation time in nanoseconds; 0 where there is no unit.
    pub begin: i64,
    /// The latest end of a unit in nanoseconds; 0 where there is no unit.
    pub end: i64,
    /// How many units the file has.
    pub units: u64,
}

impl End {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let fields = [self.index, self.begin as u64, self.end as u64, self.units];
        fields.into_iter().flat_map(u64::to_be_bytes).collect()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        const WHAT: &str = "the end of the file";
        let mut r = Reader::new(bytes);
        Ok(Self {
            index: r.u64(WHAT)?,
            begin: r.u64(WHAT)? as i64,
            end: r.u64(WHAT)? as i64,
            units: r.u64(WHAT)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_back_as_it_went() {
        for kind in [RecordKind::Head, RecordKind::Unit, RecordKind::End, RecordKind::Other(77)] {
            let header = RecordHeader::new(kind, 0xbeef, b"body");
            assert_eq!(RecordHeader::from_bytes(&header.to_bytes()), Some(header));
            assert!(header.fits(b"body") && !header.fits(b"bodx") && !header.fits(b"bod"));
        }
    }

    #[test]
    fn no_header_with_a_changed_bit_is_one() {
        let bytes = RecordHeader::new(RecordKind::Unit, 1, b"body").to_bytes();
        for bit in 0..HEADER_LENGTH * 8 {
            let mut changed = bytes;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(RecordHeader::from_bytes(&changed), None, "bit {bit}");
        }
        assert_eq!(RecordHeader::from_bytes(&bytes[..HEADER_LENGTH - 1]), None);
    }

    #[test]
    fn an_end_comes_back_as_it_went() {
        let end = End { index: 1 << 40, begin: -5, end: i64::MAX, units: 7 };
        assert_eq!(End::from_bytes(&end.to_bytes()), Ok(end));
        assert_eq!(end.to_bytes().len(), END_BODY);
        assert!(End::from_bytes(&[0; END_BODY - 1]).is_err());
    }
}
