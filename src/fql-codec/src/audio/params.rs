//! The codec parameters that every unit of sound carries beside its segments.

use std::ops::Range;

use crate::Error;

use super::ladder::Ladder;
use super::lapped::Division;

const START: u8 = 1;
const EXACT: u8 = 2;
const SILENT: u8 = 4;
const BLOCKS: u8 = 8;

/// What a decoder needs to read any segment of a unit.
///
/// As bytes: flags (bit 0 start, 1 exact, 2 silent, 3 blocks), the sequence number, how many layers the encoder coded, how
/// many samples come out of the unit and the ladder's step as two bytes each, big-endian, then one byte for each
/// pair of channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Params {
    /// The first unit of a stream, which lacks the samples that overlap with the frame before.
    pub start: bool,
    /// Whether the last coded layer is the exact one.
    pub exact: bool,
    /// How the frame was transformed.
    pub division: Division,
    /// Counts units; tells whether one follows the other.
    pub sequence: u8,
    /// How many layers the encoder coded.
    pub coded: u8,
    /// How many samples a channel come out.
    pub samples: u16,
    /// The intervals; `None` where all coefficients are zero.
    pub ladder: Option<Ladder>,
    /// The rotation of each pair of channels, 0 to 63.
    pub angles: Vec<u8>,
}

impl Params {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let flags = flag(self.start, START)
            | flag(self.exact, EXACT)
            | flag(self.ladder.is_none(), SILENT)
            | flag(self.division == Division::Blocks, BLOCKS);
        let mut out = vec![flags, self.sequence, self.coded];
        out.extend(self.samples.to_be_bytes());
        out.extend(self.ladder.map_or(0, Ladder::step).to_be_bytes());
        out.extend(&self.angles);
        out
    }

    /// Reads what [`Params::to_bytes`] wrote for this many channels.
    pub(super) fn from_bytes(bytes: &[u8], channels: usize) -> Result<Self, Error> {
        let Some((head, angles)) = bytes.split_first_chunk::<7>() else {
            return Err(Error::Params("they are shorter than those of a unit of sound"));
        };
        let [flags, sequence, coded, samples @ .., _, _] = *head;
        if angles.len() != channels / 2 || angles.iter().any(|angle| *angle > 63) {
            return Err(Error::Params("the rotations do not fit the number of channels"));
        }
        let ladder = Ladder::from_step(u16::from_be_bytes([head[5], head[6]]))
            .ok_or(Error::Params("the peak is above that of any sound"))?;
        Ok(Self {
            start: flags & START != 0,
            exact: flags & EXACT != 0,
            division: if flags & BLOCKS == 0 { Division::Whole } else { Division::Blocks },
            sequence,
            coded,
            samples: u16::from_be_bytes(samples),
            ladder: (flags & SILENT == 0).then_some(ladder),
            angles: angles.to_vec(),
        })
    }

    /// How many planes the encoder coded in all.
    pub(super) fn planes(&self) -> u32 {
        match self.ladder {
            None => 0,
            Some(ladder) if self.exact => ladder.planes(),
            Some(ladder) => ladder.planes_of(self.coded.saturating_sub(1), false).end,
        }
    }

    /// The planes that a layer holds.
    pub(super) fn planes_of(&self, layer: u8) -> Range<u32> {
        self.ladder.map_or(0..0, |ladder| ladder.planes_of(layer, self.is_exact_layer(layer)))
    }

    /// Whether this is the exact layer.
    pub(super) fn is_exact_layer(&self, layer: u8) -> bool {
        self.exact && layer + 1 == self.coded
    }
}
