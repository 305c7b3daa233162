//! The codec parameters that every unit of sound carries beside its segments.

use std::ops::Range;

use crate::Error;

use super::depth::Depth;
use super::ladder::Ladder;
use super::lapped::Division;
use super::rotation::{self, Rotation};

const START: u8 = 1;
const EXACT: u8 = 2;
const SILENT: u8 = 4;
const BLOCKS: u8 = 8;

/// What a decoder needs to read any segment of a unit.
///
/// As bytes: flags (bit 0 start, 1 exact, 2 silent, 3 blocks), the sequence number, how many layers the encoder coded, how
/// many samples come out of the unit and the ladder's step as two bytes each, big-endian, then the rotations.
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
    /// How the channels were rotated, in this order.
    pub rotations: Vec<Rotation>,
}

impl Params {
    pub(super) fn to_bytes(&self, channels: usize) -> Vec<u8> {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        let flags = flag(self.start, START)
            | flag(self.exact, EXACT)
            | flag(self.ladder.is_none(), SILENT)
            | flag(self.division == Division::Blocks, BLOCKS);
        let mut out = vec![flags, self.sequence, self.coded];
        out.extend(self.samples.to_be_bytes());
        out.extend(self.ladder.map_or(0, Ladder::step).to_be_bytes());
        out.extend(rotation::to_bytes(&self.rotations, channels));
        out
    }

    /// Reads what [`Params::to_bytes`] wrote for this many channels.
    pub(super) fn from_bytes(bytes: &[u8], channels: usize, depth: Depth) -> Result<Self, Error> {
        let Some((head, rotations)) = bytes.split_first_chunk::<7>() else {
            return Err(Error::Params("they are shorter than those of a unit of sound"));
        };
        let [flags, sequence, coded, samples @ .., _, _] = *head;
        let ladder = Ladder::from_step(u16::from_be_bytes([head[5], head[6]]), depth)
            .ok_or(Error::Params("the peak is above that of any sound"))?;
        Ok(Self {
            start: flags & START != 0,
            exact: flags & EXACT != 0,
            division: if flags & BLOCKS == 0 { Division::Whole } else { Division::Blocks },
            sequence,
            coded,
            samples: u16::from_be_bytes(samples),
            ladder: (flags & SILENT == 0).then_some(ladder),
            rotations: rotation::from_bytes(rotations, channels)?,
        })
    }

    /// Up to which step the encoder coded in all.
    pub(super) fn end(&self) -> i32 {
        self.steps_of(self.coded.saturating_sub(1)).end
    }

    /// The steps that a layer holds.
    pub(super) fn steps_of(&self, layer: u8) -> Range<i32> {
        self.ladder.map_or(0..0, |ladder| ladder.steps_of(layer, self.is_exact_layer(layer)))
    }

    /// Whether this is the exact layer.
    pub(super) fn is_exact_layer(&self, layer: u8) -> bool {
        self.exact && layer + 1 == self.coded
    }
}
