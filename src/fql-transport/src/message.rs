//! What is sealed in a datagram: one message, its kind in the lower half of the first byte, then the time it was sent at
//! (the low 32 bits of microseconds on the sending side's clock), then its fields. Integers are big-endian.
//!
//! The upper half of the first byte is, for shards, how many layers of the unit are sent to this receiver at most, 0
//! where that is what the unit's header says; otherwise 0.
//!
//! | kind | message | fields |
//! | --- | --- | --- |
//! | 0 | source shard without parity | content (see `piece`) |
//! | 1 | source shard of a block | low 16 bits of the block's number (2), index (1), content |
//! | 2 | parity shard | low 16 bits of the block's number (2), number of source shards (1), row (1), bytes |
//! | 3 | track table | version (2), part (1), number of parts (1), bytes |
//! | 4 | ping | flags (1): bit 0 where the stream is paused |
//! | 5 | goodbye | reason (1), see `EndReason` |
//! | 6 | report | see `report` |
//! | 7 | UTC | of each of one or more tracks: track (1), what to add to its presentation times, in ns (8, signed) |
//!
//! 0 to 3 and 7 go to the receiver, 6 to the sender, 4 and 5 both ways.

use bytes::Bytes;
use fql_unit::MAX_LAYERS;
use fql_unit::wire::Reader;

use crate::EndReason;
use crate::error::Malformed;
use crate::report::Report;
use crate::utc::UtcOffset;

/// In a ping's flags.
const PAUSED: u8 = 1;
/// Bytes before the fields.
const START: usize = 5;
/// Bytes of a message around the content of a source shard of a block.
pub(crate) const SOURCE_OVERHEAD: usize = START + 3;
/// Bytes of a message around the bytes of a parity shard.
pub(crate) const PARITY_OVERHEAD: usize = START + 4;

/// Bytes of a message around a part of the track table.
pub(crate) const TRACKS_OVERHEAD: usize = START + 4;

/// Bytes of a message around the offsets of tracks, and of one of them.
pub(crate) const UTC_OVERHEAD: usize = START;
pub(crate) const UTC_ENTRY: usize = 9;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    /// Pieces of a unit (see `piece`).
    Source {
        /// The low 16 bits of the number of the block that it belongs to and its index there, where it has parity.
        block: Option<(u16, u8)>,
        /// The highest layer of the unit that is sent to this receiver, where that is not for the unit to say.
        ceiling: Option<u8>,
        content: Bytes,
    },
    /// Parity of a block.
    Parity {
        /// The low 16 bits of the block's number.
        block: u16,
        /// How many source shards the block has.
        sources: u8,
        row: u8,
        /// That of the block's unit, or of the last one where it has several.
        ceiling: Option<u8>,
        bytes: Bytes,
    },
    /// The track table, or a part of it where it is too long for a datagram.
    Tracks {
        /// Counts up with each table.
        version: u16,
        part: u8,
        parts: u8,
        bytes: Bytes,
    },
    /// So that the other side sees that this one lives.
    Ping {
        /// Whether the stream is paused: only the side that gives media out to viewers says so.
        paused: bool,
    },
    /// The session ends.
    Goodbye(EndReason),
    /// What the receiver saw.
    Report(Box<Report>),
    /// Where the presentation times of these tracks lie in UTC; at least one.
    Utc(Vec<(u8, UtcOffset)>),
}

impl Message {
    pub(crate) fn encode(&self, micros: u32, out: &mut Vec<u8>) {
        let kind = match self {
            Self::Source { block: None, .. } => 0,
            Self::Source { block: Some(_), .. } => 1,
            Self::Parity { .. } => 2,
            Self::Tracks { .. } => 3,
            Self::Ping { .. } => 4,
            Self::Goodbye(_) => 5,
            Self::Report(_) => 6,
            Self::Utc(_) => 7,
        };
        out.push(self.extra() << 4 | kind);
        out.extend(micros.to_be_bytes());
        match self {
            Self::Source { block, content, .. } => {
                if let Some((block, index)) = block {
                    out.extend(block.to_be_bytes());
                    out.push(*index);
                }
                out.extend_from_slice(content);
            }
            Self::Parity { block, sources, row, bytes, .. } => {
                out.extend(block.to_be_bytes());
                out.extend([*sources, *row]);
                out.extend_from_slice(bytes);
            }
            Self::Tracks { version, part, parts, bytes, .. } => {
                out.extend(version.to_be_bytes());
                out.extend([*part, *parts]);
                out.extend_from_slice(bytes);
            }
            Self::Ping { paused } => out.push(u8::from(*paused)),
            Self::Goodbye(reason) => out.push(reason.code()),
            Self::Report(report) => report.encode(out),
            Self::Utc(offsets) => {
                for (track, offset) in offsets {
                    out.push(*track);
                    out.extend(offset.as_nanos().to_be_bytes());
                }
            }
        }
    }

    /// Reads a message with the time at which it was sent.
    pub(crate) fn parse(body: &Bytes) -> Result<(u32, Self), Malformed> {
        let mut r = Reader::new(body);
        let (kind, micros) = (r.u8("")?, r.u32("")?);
        let (kind, extra) = (kind & 15, kind >> 4);
        let ceiling = extra.checked_sub(1);
        let message = match kind {
            0 => Self::Source { block: None, ceiling, content: body.slice_ref(r.rest()) },
            1 => {
                let block = Some((r.u16("")?, r.u8("")?));
                Self::Source { block, ceiling, content: body.slice_ref(r.rest()) }
            }
            2 => {
                let (block, sources, row) = (r.u16("")?, r.u8("")?, r.u8("")?);
                Self::Parity { block, sources, row, ceiling, bytes: body.slice_ref(r.rest()) }
            }
            3 if extra == 0 => {
                let (version, part, parts) = (r.u16("")?, r.u8("")?, r.u8("")?);
                Self::Tracks { version, part, parts, bytes: body.slice_ref(r.rest()) }
            }
            4 if extra == 0 => Self::Ping { paused: r.u8("")? & PAUSED != 0 },
            5 if extra == 0 => Self::Goodbye(EndReason::from_code(r.u8("")?)),
            6 if extra == 0 => Self::Report(Box::new(Report::parse(r.rest())?)),
            7 if extra == 0 => Self::Utc(parse_utc(r.rest())?),
            _ => return Err(Malformed),
        };
        Ok((micros, message))
    }

    /// What the upper half of the first byte says.
    fn extra(&self) -> u8 {
        match self {
            Self::Source { ceiling, .. } | Self::Parity { ceiling, .. } => {
                ceiling.map_or(0, |layer| layer.min(MAX_LAYERS - 1) + 1)
            }
            _ => 0,
        }
    }

    /// Bytes of the message when it is encoded.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Source { block: None, content, .. } => START + content.len(),
            Self::Source { content, .. } => SOURCE_OVERHEAD + content.len(),
            Self::Parity { bytes, .. } => PARITY_OVERHEAD + bytes.len(),
            Self::Tracks { bytes, .. } => TRACKS_OVERHEAD + bytes.len(),
            Self::Ping { .. } | Self::Goodbye(_) => START + 1,
            Self::Report(report) => START + report.len(),
            Self::Utc(offsets) => UTC_OVERHEAD + offsets.len() * UTC_ENTRY,
        }
    }
}

fn parse_utc(bytes: &[u8]) -> Result<Vec<(u8, UtcOffset)>, Malformed> {
    let (entries, rest) = bytes.as_chunks::<UTC_ENTRY>();
    if entries.is_empty() || !rest.is_empty() {
        return Err(Malformed);
    }
    let offset = |&[track, ref nanos @ ..]: &[u8; UTC_ENTRY]| {
        (track, UtcOffset::from_nanos(i64::from_be_bytes(*nanos)))
    };
    Ok(entries.iter().map(offset).collect())
}

#[cfg(test)]
mod tests;
