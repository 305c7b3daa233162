//! The content of a source shard: which unit it belongs to, with all that decoding any part of it needs, and pieces
//! of that unit's segments. A shard that arrives is useful without any other.
//!
//! ```text
//! track (1), unit number (4), pts in ns (varint), duration in ns (varint),
//! layers << 4 | coded layers (1), flags << 5 | slices - 1 (1), referenced << 5 | length of params (1),
//! reference layers (1, where referenced), params, pieces
//! ```
//!
//! A piece begins with `layer << 4 | rest << 3 | offset << 2 | kind` and its slice, a byte each. Kinds: 0 more of the
//! segment follows elsewhere, 1 the segment ends here complete, 2 it ends here cut off, 3 a run of complete empty
//! segments from this one on (layer-major), whose count follows in a byte. With `offset` the piece's place in its
//! segment follows as a varint (0 otherwise), then its length as a varint, unless `rest` says that it takes all
//! bytes that are left.

use bytes::Bytes;
use fql_unit::wire::{Reader, put_varint};
use fql_unit::{MAX_LAYERS, MAX_PARAMS, Timing, Unit, UnitFlags};

use crate::error::Malformed;

/// Beside the length of the params: reference layers follow.
const REFERENCED: u8 = 1 << 5;
const REST: u8 = 8;
const OFFSET: u8 = 4;
const RUN: u8 = 3;
/// The most empty segments of a run.
const MAX_RUN: usize = 255;

/// The latest presentation time, 292 years from the start: differences of times have a sign.
pub(crate) const MAX_PTS: u64 = i64::MAX as u64;

/// What all shards of a unit repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnitHeader {
    pub(crate) track: u8,
    pub(crate) number: u32,
    pub(crate) timing: Timing,
    pub(crate) flags: UnitFlags,
    pub(crate) layers: u8,
    pub(crate) coded: u8,
    pub(crate) slices: u8,
    pub(crate) reference_layers: u8,
    pub(crate) params: Bytes,
}

impl UnitHeader {
    pub(crate) fn of(unit: &Unit, track: u8, number: u32, timing: Timing, coded: u8) -> Self {
        let (flags, layers, slices, params) =
            (unit.flags, unit.layers(), unit.slices(), unit.params().clone());
        let reference_layers = unit.reference_layers();
        Self { track, number, timing, flags, layers, coded, slices, reference_layers, params }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.track);
        out.extend(self.number.to_be_bytes());
        put_varint(out, self.timing.pts);
        put_varint(out, self.timing.duration);
        out.push(self.layers << 4 | self.coded);
        out.push(self.flags.to_bits() << 5 | (self.slices - 1));
        // Most units are of sound, or of media that does not say: they do without the byte.
        let referenced = if self.reference_layers > 0 { REFERENCED } else { 0 };
        out.push(referenced | self.params.len() as u8);
        if self.reference_layers > 0 {
            out.push(self.reference_layers);
        }
        out.extend_from_slice(&self.params);
    }

    fn parse(r: &mut Reader) -> Result<Self, Malformed> {
        let (track, number) = (r.u8("")?, r.u32("")?);
        let timing = Timing { pts: r.varint("")?, duration: r.varint("")? };
        let (layers, slices) = (r.u8("")?, r.u8("")?);
        let (layers, coded) = (layers >> 4, layers & 15);
        let (flags, slices) = (UnitFlags::from_bits(slices >> 5), (slices & 31) + 1);
        let params = r.u8("")?;
        let is_referenced = params & REFERENCED != 0;
        let reference_layers = if is_referenced { r.u8("")? } else { 0 };
        let params = usize::from(params & !REFERENCED);
        let is_valid = timing.pts <= MAX_PTS
            && (1..=MAX_LAYERS).contains(&layers)
            && coded <= layers
            && (u8::from(is_referenced)..=layers).contains(&reference_layers)
            && params <= MAX_PARAMS;
        let params = Bytes::copy_from_slice(r.bytes(params, "")?);
        if is_valid {
            Ok(Self { track, number, timing, flags, layers, coded, slices, reference_layers, params })
        } else {
            Err(Malformed)
        }
    }
}

/// Whether a piece ends its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// More of the segment follows elsewhere.
    Not,
    /// The segment ends here with its last byte.
    Complete,
    /// The sender has, or sends, no more of the segment.
    Cut,
}

/// Consecutive bytes of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) layer: u8,
    pub(crate) slice: u8,
    pub(crate) offset: u32,
    pub(crate) data: Bytes,
    pub(crate) end: End,
}

impl Piece {
    fn is_empty_segment(&self) -> bool {
        self.data.is_empty() && self.offset == 0 && self.end == End::Complete
    }

    fn encode(&self, takes_rest: bool, out: &mut Vec<u8>) {
        let end = match self.end {
            End::Not => 0,
            End::Complete => 1,
            End::Cut => 2,
        };
        let rest = if takes_rest { REST } else { 0 };
        let offset = if self.offset > 0 { OFFSET } else { 0 };
        out.extend([self.layer << 4 | rest | offset | end, self.slice]);
        if self.offset > 0 {
            put_varint(out, self.offset.into());
        }
        if !takes_rest {
            put_varint(out, self.data.len() as u64);
        }
        out.extend_from_slice(&self.data);
    }
}

/// The most bytes that a piece needs beside its data.
pub(crate) fn overhead(offset: usize, len: usize) -> usize {
    2 + if offset > 0 { varint_len(offset as u64) } else { 0 } + varint_len(len as u64)
}

/// Bytes of a varint.
pub(crate) fn varint_len(value: u64) -> usize {
    (u64::BITS - value.leading_zeros()).div_ceil(7).max(1) as usize
}

/// The content of a shard; pieces in layer-major order.
pub(crate) fn encode(header: &UnitHeader, pieces: &[Piece]) -> Bytes {
    let len: usize = pieces.iter().map(|piece| 12 + piece.data.len()).sum();
    let mut out = Vec::with_capacity(32 + MAX_PARAMS + len);
    header.encode(&mut out);
    let mut at = 0;
    while let Some(piece) = pieces.get(at) {
        let run = run_len(header.slices, &pieces[at..]);
        if run > 0 {
            out.extend([piece.layer << 4 | RUN, piece.slice, run as u8]);
            at += run;
        } else {
            at += 1;
            piece.encode(at == pieces.len(), &mut out);
        }
    }
    out.into()
}

/// How many pieces at the start are empty segments one after the other.
fn run_len(slices: u8, pieces: &[Piece]) -> usize {
    let place = |piece: &Piece| usize::from(piece.layer) * usize::from(slices) + usize::from(piece.slice);
    let Some(first) = pieces.first().map(place) else { return 0 };
    let is_next = |(i, piece): &(usize, &Piece)| piece.is_empty_segment() && place(piece) == first + i;
    pieces.iter().take(MAX_RUN).enumerate().take_while(is_next).count()
}

/// A part of `content` that shares its memory, unless it would keep much more of that than it needs.
fn keep(content: &Bytes, part: &[u8]) -> Bytes {
    if part.len() < content.len() / 2 { Bytes::copy_from_slice(part) } else { content.slice_ref(part) }
}

/// Reads the content of a shard. A piece of most of `content` shares its memory; no piece is outside of its unit, and no more come out
/// than twice the segments that the unit has and the bytes that they need.
pub(crate) fn parse(content: &Bytes) -> Result<(UnitHeader, Vec<Piece>), Malformed> {
    let mut r = Reader::new(content);
    let header = UnitHeader::parse(&mut r)?;
    let segments = usize::from(header.coded) * usize::from(header.slices);
    let mut pieces = Vec::new();
    let mut in_runs = 0;
    while r.remaining() > 0 {
        let (first, slice) = (r.u8("")?, r.u8("")?);
        let (layer, kind) = (first >> 4, first & 3);
        if layer >= header.coded || slice >= header.slices {
            return Err(Malformed);
        }
        if kind == RUN {
            let count = usize::from(r.u8("")?);
            let start = usize::from(layer) * usize::from(header.slices) + usize::from(slice);
            in_runs += count;
            if start + count > segments || in_runs > segments {
                return Err(Malformed);
            }
            pieces.extend((start..start + count).map(|place| Piece {
                layer: (place / usize::from(header.slices)) as u8,
                slice: (place % usize::from(header.slices)) as u8,
                offset: 0,
                data: Bytes::new(),
                end: End::Complete,
            }));
            continue;
        }
        let offset = if first & OFFSET != 0 { r.varint("")? } else { 0 };
        let offset = u32::try_from(offset).map_err(|_| Malformed)?;
        let len =
            if first & REST != 0 { r.remaining() } else { r.varint("")?.try_into().unwrap_or(usize::MAX) };
        let data = keep(content, r.bytes(len, "")?);
        let end = match kind {
            0 => End::Not,
            1 => End::Complete,
            _ => End::Cut,
        };
        if (data.is_empty() && end == End::Not) || offset.checked_add(data.len() as u32).is_none() {
            return Err(Malformed);
        }
        pieces.push(Piece { layer, slice, offset, data, end });
    }
    Ok((header, pieces))
}

#[cfg(test)]
mod tests;
