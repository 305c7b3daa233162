//! The bit-plane coder: one layer of one slice as decisions, the same code for writing and for reading.

use super::contexts::{Contexts, Kind};
use super::layout::{BLOCK, Band, Layout, Region, Slice};
use crate::entropy::Coder;

/// The finest lossy layer.
pub(super) const FINEST: u32 = 8;
/// The largest magnitude that a state holds, in intervals of layer 8.
pub(super) const MAX_MAGNITUDE: u32 = 0x7fff;

/// What is known of the coefficients of a slice so far.
#[derive(Debug, Clone)]
pub(super) struct States {
    /// The middle of the interval in which a coefficient lies, in halves of the interval of layer 8; 0 where it is
    /// not significant. The lowest bit that is set is half of the interval, so precision is a part of the value.
    pub(super) magnitudes: Vec<u16>,
    /// -1 or 1 where it is significant.
    pub(super) signs: Vec<i8>,
    /// 1 where a block has a significant coefficient.
    filled: Vec<u8>,
}

impl States {
    pub(super) fn new(slice: &Slice) -> Self {
        Self {
            magnitudes: vec![0; slice.states],
            signs: vec![0; slice.states],
            filled: vec![0; slice.blocks],
        }
    }

    pub(super) fn clear(&mut self) {
        self.magnitudes.fill(0);
        self.signs.fill(0);
        self.filled.fill(0);
    }
}

/// What an encoder knows of the coefficients, and a decoder does not.
pub(super) trait Truth {
    /// The magnitude in whole intervals of the layer.
    fn magnitude(&self, state: usize) -> u32;
    fn is_negative(&self, state: usize) -> bool;
    /// Whether all coefficients of a block are zero at the layer.
    fn is_empty(&self, block: usize) -> bool;
}

/// What a decoder knows: nothing.
pub(super) struct Unknown;

impl Truth for Unknown {
    #[inline(always)]
    fn magnitude(&self, _: usize) -> u32 {
        0
    }
    #[inline(always)]
    fn is_negative(&self, _: usize) -> bool {
        false
    }
    #[inline(always)]
    fn is_empty(&self, _: usize) -> bool {
        true
    }
}

/// The data ended inside a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exhausted;

/// Codes one layer, 0 to 8, of one slice: all coefficients, coarse bands first. On exhaustion the coefficients
/// that were not reached stay as the layer before left them.
pub(super) fn code_layer<C: Coder, T: Truth>(
    coder: &mut C,
    contexts: &mut Contexts,
    states: &mut States,
    layout: &Layout,
    slice: &Slice,
    layer: u32,
    truth: &T,
) -> Result<(), Exhausted> {
    for (band, &region) in layout.bands.iter().zip(&slice.regions) {
        let relatives = Relatives::of(band, slice);
        let mut pass = Pass {
            coder,
            contexts,
            states,
            region,
            relatives,
            kind: Kind::of(band),
            shift: FINEST - layer,
            truth,
        };
        pass.band()?;
    }
    Ok(())
}

/// Regions whose coefficients tell something about those of a band.
struct Relatives {
    parent: Option<Region>,
    peers: [Option<Region>; 2],
    twin: Option<Region>,
}

impl Relatives {
    fn of(band: &Band, slice: &Slice) -> Self {
        let region = |index: usize| slice.regions[index];
        Self {
            parent: band.parent.map(region),
            peers: band.peers.map(|peer| peer.map(region)),
            twin: band.twin.map(region),
        }
    }
}

/// One layer of one band of one slice.
struct Pass<'a, C, T> {
    coder: &'a mut C,
    contexts: &'a mut Contexts,
    states: &'a mut States,
    region: Region,
    relatives: Relatives,
    kind: Kind,
    /// Layers from this one to layer 8.
    shift: u32,
    truth: &'a T,
}

impl<C: Coder, T: Truth> Pass<'_, C, T> {
    fn band(&mut self) -> Result<(), Exhausted> {
        for block_row in 0..self.region.rows.div_ceil(BLOCK) {
            for block_column in 0..self.region.width.div_ceil(BLOCK) {
                if self.block_is_filled(block_row, block_column)? {
                    self.block(block_row, block_column)?;
                }
            }
        }
        Ok(())
    }

    fn block_is_filled(&mut self, row: usize, column: usize) -> Result<bool, Exhausted> {
        let Region { first_block, block_stride, .. } = self.region;
        let at = first_block + row * block_stride + column;
        let filled = &self.states.filled;
        if filled[at] != 0 {
            return Ok(true);
        }
        let neighbours =
            filled[at - 1] + filled[at + 1] + filled[at - block_stride] + filled[at + block_stride];
        let mut relatives = 0;
        if let Some(parent) = self.relatives.parent {
            relatives += filled[parent.first_block + row / 2 * parent.block_stride + column / 2];
        }
        for peer in self.relatives.peers.iter().flatten() {
            relatives += filled[peer.first_block + row * peer.block_stride + column];
        }
        let context = self.kind.empty(neighbours.into(), relatives.into());
        let fill = self.coder.code(&mut self.contexts.models[context], || !self.truth.is_empty(at));
        if self.coder.is_exhausted() {
            return Err(Exhausted);
        }
        self.states.filled[at] = u8::from(fill);
        Ok(fill)
    }

    fn block(&mut self, block_row: usize, block_column: usize) -> Result<(), Exhausted> {
        let Region { width, rows, first, stride, .. } = self.region;
        let columns = block_column * BLOCK..(block_column * BLOCK + BLOCK).min(width);
        for row in block_row * BLOCK..(block_row * BLOCK + BLOCK).min(rows) {
            for column in columns.clone() {
                self.coefficient(first + row * stride + column, row, column)?;
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn coefficient(&mut self, at: usize, row: usize, column: usize) -> Result<(), Exhausted> {
        let stride = self.region.stride;
        let m = &self.states.magnitudes;
        let (above, below) = (at - stride, at + stride);
        let activity = self.kind.activity(
            [m[above - 1], m[above], m[above + 1]],
            [m[at - 1], m[at + 1]],
            [m[below - 1], m[below], m[below + 1]],
            self.shift,
        );
        let known = m[at];
        let (magnitude, sign) = if known == 0 {
            match self.significance(at, activity, row, column) {
                Some(found) => found,
                None => return if self.coder.is_exhausted() { Err(Exhausted) } else { Ok(()) },
            }
        } else {
            (self.refinement(at, known, activity), self.states.signs[at])
        };
        if self.coder.is_exhausted() {
            return Err(Exhausted);
        }
        self.states.magnitudes[at] = magnitude;
        self.states.signs[at] = sign;
        Ok(())
    }

    /// Magnitude and sign of a coefficient that becomes significant.
    #[inline(always)]
    fn significance(&mut self, at: usize, activity: usize, row: usize, column: usize) -> Option<(u16, i8)> {
        let hint = self.hint(row, column);
        let model = &mut self.contexts.models[self.kind.significant(activity, hint)];
        let truth = || self.truth.magnitude(at);
        if !self.coder.code(model, || truth() > 0) {
            return None;
        }
        let mut magnitude = 1;
        let larger = &mut self.contexts.models[self.kind.larger(self.shift == FINEST, activity)];
        if self.coder.code(larger, || truth() > 1) {
            let models = &mut self.contexts.models[self.kind.magnitude()];
            magnitude = 2 + self.coder.code_integer(models, || truth() - 2);
        }
        let magnitude = magnitude.min(MAX_MAGNITUDE >> self.shift);
        let sign = self.sign(at, row, column);
        Some((((2 * magnitude + 1) << self.shift) as u16, sign))
    }

    /// What the parent and the peers say: 0 for nothing.
    #[inline(always)]
    fn hint(&self, row: usize, column: usize) -> usize {
        let m = &self.states.magnitudes;
        let mut hint = 0;
        if let Some(parent) = self.relatives.parent {
            hint += u32::from(m[parent.first + row / 2 * parent.stride + column / 2]);
        }
        for peer in self.relatives.peers.iter().flatten() {
            hint += u32::from(m[peer.first + row * peer.stride + column]);
        }
        match hint >> self.shift {
            0 => 0,
            1..=3 => 1,
            4..=5 => 2,
            6..=8 => 3,
            9..=14 => 4,
            _ => 5,
        }
    }

    #[inline(always)]
    fn sign(&mut self, at: usize, row: usize, column: usize) -> i8 {
        let (stride, signs) = (self.region.stride, &self.states.signs);
        let sum = |a: usize, b: usize| i32::from(signs[a]) + i32::from(signs[b]);
        let twin = self.relatives.twin.map_or(0, |twin| signs[twin.first + row * twin.stride + column]);
        let (model, reversed) =
            self.kind.sign(sum(at - 1, at + 1), sum(at - stride, at + stride), twin.into());
        let negative =
            self.coder.code(&mut self.contexts.models[model], || self.truth.is_negative(at) != reversed)
                != reversed;
        if negative { -1 } else { 1 }
    }

    #[inline(always)]
    fn refinement(&mut self, at: usize, known: u16, activity: usize) -> u16 {
        let half = 1 << self.shift;
        // It lay in the second interval from zero, of twice the length.
        let first = known == 6 * half;
        let context = if self.kind.is_low() {
            self.kind.refine_low(self.mean_above(at, known) >> (self.shift + 2))
        } else {
            self.kind.refine(first, activity)
        };
        let model = &mut self.contexts.models[context];
        let upper = self.coder.code(model, || self.truth.magnitude(at) & 1 != 0);
        if upper { known + half } else { known - half }
    }

    /// Four times how far the mean of four neighbours is above a coefficient, above meaning away from zero on the
    /// coefficient's side; with the half of a step of the context added, for rounding.
    fn mean_above(&self, at: usize, known: u16) -> i32 {
        let States { magnitudes, signs, .. } = &*self.states;
        let value = |at: usize| i32::from(magnitudes[at]) * i32::from(signs[at]);
        let stride = self.region.stride;
        let sum = value(at - 1) + value(at + 1) + value(at - stride) + value(at + stride);
        sum * i32::from(signs[at]) - 4 * i32::from(known) + (2 << self.shift)
    }
}
