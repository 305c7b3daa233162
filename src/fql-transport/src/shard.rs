use bytes::Bytes;
use fql_unit::wire::{Reader, put_varint};
use fql_unit::{Timing, UnitFlags};

use crate::piece::{MAX_PTS, Piece, UnitHeader};

/// A source shard as it goes from one session to others: pieces of segments of a unit, with all that decoding them
/// needs. It is useful without any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// The track.
    pub track: u8,
    /// The unit's number on its track, as its sender counts.
    pub number: u64,
    /// The unit's timing on its sender's clock.
    pub timing: Timing,
    /// What holds for the whole unit.
    pub flags: UnitFlags,
    /// Layers that the track has, 1 to 15.
    pub layers: u8,
    /// Layers that were sent of the unit, 0 to `layers`.
    pub coded: u8,
    /// The lowest layers of the unit that later units are predicted from: how many, 0 to `layers`.
    pub reference_layers: u8,
    /// The lowest layer that a piece in it is of; 0 where it has none.
    pub lowest: u8,
    /// Bit *k* is set where all segments of layer *k* of the unit have come with this shard: nothing more of that layer
    /// follows. Zero for shards that come after their unit has left.
    pub closed: u16,
    /// The bytes that forward error correction protects (section 7 of `docs/fql-0.4.md`).
    pub content: Bytes,
}

impl Shard {
    pub(crate) fn new(header: &UnitHeader, number: u64, pieces: &[Piece], content: Bytes) -> Self {
        Self {
            track: header.track,
            number,
            timing: header.timing,
            flags: header.flags,
            layers: header.layers,
            coded: header.coded,
            reference_layers: header.reference_layers,
            lowest: pieces.iter().map(|piece| piece.layer).min().unwrap_or(0),
            closed: 0,
            content,
        }
    }

    /// The same shard of a unit with another number, presentation time and flags; the pieces stay as they are. `None`
    /// where the content is not that of a shard, or the time is out of range.
    pub(crate) fn moved(self, number: u64, pts: u64, flags: UnitFlags) -> Option<Self> {
        if (number, pts, flags) == (self.number, self.timing.pts, self.flags) {
            return Some(self);
        }
        if pts > MAX_PTS {
            return None;
        }
        let mut r = Reader::new(&self.content);
        let track = r.u8("").ok()?;
        r.u32("").ok()?;
        r.varint("").ok()?;
        let duration = r.varint("").ok()?;
        let (layers, slices) = (r.u8("").ok()?, r.u8("").ok()?);
        let mut content = Vec::with_capacity(self.content.len() + 8);
        content.push(track);
        content.extend((number as u32).to_be_bytes());
        put_varint(&mut content, pts);
        put_varint(&mut content, duration);
        content.extend([layers, flags.to_bits() << 5 | slices & 31]);
        content.extend_from_slice(r.rest());
        Some(Self { number, timing: Timing { pts, ..self.timing }, flags, content: content.into(), ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::piece::{self, End};

    fn header(number: u32, pts: u64, flags: UnitFlags) -> UnitHeader {
        let timing = Timing { pts, duration: 40_000_000 };
        let params = Bytes::from_static(b"params");
        UnitHeader {
            track: 3,
            number,
            timing,
            flags,
            layers: 12,
            coded: 5,
            slices: 4,
            reference_layers: 4,
            params,
        }
    }

    #[test]
    fn a_moved_shard_differs_in_number_time_and_flags_alone() {
        let data = Bytes::from_static(b"data");
        let pieces = [Piece { layer: 2, slice: 3, offset: 7, data, end: End::Complete }];
        let key = UnitFlags { key: true, ..UnitFlags::default() };
        let before = header(9, 5, key);
        let shard = Shard::new(&before, 9, &pieces, piece::encode(&before, &pieces));
        let discont = UnitFlags { discont: true, ..key };
        let moved = shard.clone().moved((7 << 32) + 1, 1 << 60, discont).unwrap();
        let after = header(1, 1 << 60, discont);
        assert_eq!(moved.content, piece::encode(&after, &pieces));
        assert_eq!((moved.number, moved.timing.pts, moved.lowest), ((7 << 32) + 1, 1 << 60, 2));
        assert_eq!(shard.clone().moved(9, 5, key), Some(shard.clone()), "nothing to move");
        assert_eq!(shard.moved(9, MAX_PTS + 1, key), None);
    }
}
