//! The bit-plane coder: one layer of one slice as decisions, the same code for writing and for reading.

use super::contexts::{self, Contexts, Kind, NEAR};
use super::format::Role;
use super::layout::{BLOCK, Band, Layout, Region, Slice};
use crate::entropy::Coder;

/// The largest magnitude that a state holds, in intervals of the band's finest layer.
pub(super) const MAX_MAGNITUDE: u32 = 0x7fff;

/// What is known of the coefficients of a slice so far.
#[derive(Debug)]
pub(super) struct States {
    /// The middle of the interval in which a coefficient lies, in halves of the band's finest interval; 0 where
    /// it is not significant. The lowest bit that is set is half of the interval, so precision is a part of the value.
    pub(super) magnitudes: Vec<u16>,
    /// -1 or 1 where it is significant.
    pub(super) signs: Vec<i8>,
    /// 1 where a block has a significant coefficient.
    filled: Vec<u8>,
    /// 1 where a row of blocks has one.
    filled_rows: Vec<u8>,
    /// What each coefficient tells its neighbours while a layer is coded: its magnitude in halves of the layer's
    /// interval, at most `NEAR`. Bytes, so that many are added at once.
    near: Vec<u8>,
}

impl States {
    pub(super) fn new(slice: &Slice) -> Self {
        Self {
            magnitudes: vec![0; slice.states],
            signs: vec![0; slice.states],
            filled: vec![0; slice.blocks],
            filled_rows: vec![0; slice.block_rows],
            near: vec![0; slice.states + BLOCK],
        }
    }

    /// Turns what coefficients tell their neighbours into halves of an interval of half the length.
    fn halve_intervals(&mut self, region: &Region) {
        let columns = region.width.div_ceil(BLOCK);
        for row in 0..region.rows.div_ceil(BLOCK) {
            let filled = &self.filled[region.first_block + row * region.block_stride..][..columns];
            for (column, _) in filled.iter().enumerate().filter(|(_, filled)| **filled != 0) {
                for row in row * BLOCK..(row * BLOCK + BLOCK).min(region.rows) {
                    let at = region.first + row * region.stride + column * BLOCK;
                    // What is behind the end of a row belongs to its border, which is 0.
                    let len = BLOCK.min(region.width - column * BLOCK);
                    self.near[at..at + len].iter_mut().for_each(|near| *near = (2 * *near).min(NEAR));
                }
            }
        }
    }

    /// Takes over what another of the same slice knows.
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.magnitudes.copy_from_slice(&other.magnitudes);
        self.signs.copy_from_slice(&other.signs);
        self.filled.copy_from_slice(&other.filled);
        self.filled_rows.copy_from_slice(&other.filled_rows);
        self.near.copy_from_slice(&other.near);
    }

    pub(super) fn clear(&mut self) {
        self.magnitudes.fill(0);
        self.signs.fill(0);
        self.filled.fill(0);
        self.filled_rows.fill(0);
        self.near.fill(0);
    }
}

/// What a row of a block has for each coefficient.
type Row = [u8; BLOCK];

/// The bytes from a place on.
#[inline(always)]
fn window<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    *bytes[at..].first_chunk().expect("a border behind all states")
}

/// A coefficient, or the first of a row of a block: its state, and where it is in its region.
#[derive(Clone, Copy)]
struct Place {
    at: usize,
    row: usize,
    column: usize,
}

/// What an encoder knows of the coefficients, and a decoder does not.
pub(super) trait Truth {
    /// The magnitudes of a row of a block in whole intervals of the layer; anything behind the end of a band.
    fn magnitudes(&self, state: usize) -> [u16; BLOCK];
    fn is_negative(&self, state: usize) -> bool;
    /// Whether all coefficients of a block are zero at the layer.
    fn is_empty(&self, block: usize) -> bool;
}

/// What a decoder knows: nothing.
pub(super) struct Unknown;

impl Truth for Unknown {
    #[inline(always)]
    fn magnitudes(&self, _: usize) -> [u16; BLOCK] {
        [0; BLOCK]
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

/// Codes one lossy layer of one slice: all coefficients, coarse bands first. On exhaustion the coefficients
/// that were not reached stay as the layer before left them.
pub(super) fn code_layer<C: Coder, T: Truth>(
    coder: &mut C,
    contexts: &mut [Contexts],
    states: &mut States,
    layout: &Layout,
    slice: &Slice,
    layer: u32,
    truth: impl Fn(&Band) -> T,
) -> Result<(), Exhausted> {
    for (band, &region) in layout.bands.iter().zip(&slice.regions).filter(|(band, _)| layer <= band.finest) {
        let relatives = Relatives::of(band, layout, slice, layer);
        states.halve_intervals(&region);
        let mut pass = Pass {
            coder,
            contexts: &mut contexts[usize::from(band.role == Role::Alpha)],
            states,
            region,
            relatives,
            kind: Kind::of(band),
            is_first_layer: layer == 0,
            shift: band.finest - layer,
            truth: &truth(band),
        };
        pass.band()?;
    }
    Ok(())
}

/// Regions whose coefficients tell something about those of a band.
struct Relatives {
    parent: Option<Region>,
    /// How many more halvings of its interval the band has seen than its parent.
    parent_shift: u32,
    peers: [Option<Region>; 2],
    twin: Option<Region>,
}

impl Relatives {
    fn of(band: &Band, layout: &Layout, slice: &Slice, layer: u32) -> Self {
        let region = |index: usize| slice.regions[index];
        let left = |band: &Band| band.finest.saturating_sub(layer);
        Self {
            parent: band.parent.map(region),
            parent_shift: band.parent.map_or(0, |parent| left(band) - left(&layout.bands[parent])),
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
    is_first_layer: bool,
    /// Layers from this one to the finest of the band.
    shift: u32,
    truth: &'a T,
}

impl<C: Coder, T: Truth> Pass<'_, C, T> {
    fn band(&mut self) -> Result<(), Exhausted> {
        let columns = self.region.width.div_ceil(BLOCK);
        // A narrow plane has bands without columns, of which there is nothing to say.
        let rows = if columns == 0 { 0 } else { self.region.rows.div_ceil(BLOCK) };
        for row in 0..rows {
            let first = self.region.first_block + row * self.region.block_stride;
            let at = self.region.first_row + row;
            if self.states.filled_rows[at] == 0 {
                let fills = self.row_fills(row, first..first + columns)?;
                self.states.filled_rows[at] = fills.into();
                if !fills {
                    continue;
                }
            }
            for column in 0..columns {
                if self.states.filled[first + column] != 0 || self.block_fills(row, column)? {
                    self.block(row, column)?;
                }
            }
        }
        Ok(())
    }

    /// Whether some block of a row that was empty so far, with blocks at these places, is so no more.
    fn row_fills(&mut self, row: usize, mut blocks: std::ops::Range<usize>) -> Result<bool, Exhausted> {
        let filled = &self.states.filled_rows;
        let at = self.region.first_row + row;
        let parent = self.relatives.parent.map_or(0, |parent| filled[parent.first_row + row / 2]);
        let peers: u8 = self.relatives.peers.iter().flatten().map(|peer| filled[peer.first_row + row]).sum();
        let model = self.kind.empty_row((filled[at - 1] + filled[at + 1]).into(), (parent + peers).into());
        let truth = || !blocks.all(|at| self.truth.is_empty(at));
        let fills = self.coder.code(&mut self.contexts.models[model], truth);
        if self.coder.is_exhausted() { Err(Exhausted) } else { Ok(fills) }
    }

    /// Whether a block that was empty so far still is.
    fn block_fills(&mut self, row: usize, column: usize) -> Result<bool, Exhausted> {
        let Region { first_block, block_stride, .. } = self.region;
        let at = first_block + row * block_stride + column;
        let filled = &self.states.filled;
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
        let column = block_column * BLOCK;
        let columns = BLOCK.min(width - column);
        for row in block_row * BLOCK..(block_row * BLOCK + BLOCK).min(rows) {
            self.row(Place { at: first + row * stride + column, row, column }, columns)?;
        }
        Ok(())
    }

    /// Codes a row of a block.
    #[inline(always)]
    fn row(&mut self, first: Place, columns: usize) -> Result<(), Exhausted> {
        let (around, hints) = (self.around(first.at), self.hints(first));
        let magnitudes = self.truth.magnitudes(first.at);
        let significant = self.kind.significant();
        let mut near: Row = window(&self.states.near, first.at);
        let mut left = self.states.near[first.at - 1];
        for i in 0..columns.min(BLOCK) {
            let activity = self.kind.activity(around[i], left);
            let known = near[i];
            left = known;
            if known == 0 {
                let model = &mut self.contexts.models[significant + usize::from(hints[i]) + activity];
                if !self.coder.code(model, || magnitudes[i] > 0) {
                    // Where this was not certain, nothing that follows is, and the next that matters finds it out.
                    continue;
                }
            }
            let place = Place { at: first.at + i, column: first.column + i, ..first };
            let (magnitude, sign) = if known == 0 {
                self.significance(place, activity, magnitudes[i])
            } else {
                (self.refinement(place.at, known, activity, magnitudes[i]), self.states.signs[place.at])
            };
            if self.coder.is_exhausted() {
                return Err(Exhausted);
            }
            self.states.magnitudes[place.at] = magnitude;
            self.states.signs[place.at] = sign;
            left = (magnitude >> self.shift).min(NEAR.into()) as u8;
            near[i] = left;
        }
        self.states.near[first.at..][..BLOCK].copy_from_slice(&near);
        if self.coder.is_exhausted() { Err(Exhausted) } else { Ok(()) }
    }

    /// What the surroundings of a row of a block add to the activities, except for the coefficients to the left,
    /// which may just become significant.
    #[inline(always)]
    fn around(&self, at: usize) -> Row {
        let (near, stride) = (&self.states.near, self.region.stride);
        self.kind.around(window(near, at - stride - 1), window(near, at + 1), window(near, at + stride - 1))
    }

    /// What the parent and the peers say of a row of a block, as the contexts want it.
    #[inline(always)]
    fn hints(&self, first: Place) -> Row {
        let near = &self.states.near;
        let mut sums: Row = [0; BLOCK];
        if let Some(parent) = self.relatives.parent {
            let at = parent.first + first.row / 2 * parent.stride + first.column / 2;
            let row: [u8; BLOCK / 2] = window(near, at);
            for i in 0..BLOCK {
                sums[i] = row[i / 2] >> self.relatives.parent_shift;
            }
        }
        for peer in self.relatives.peers {
            let Some(peer) = peer else { break };
            let row: Row = window(near, peer.first + first.row * peer.stride + first.column);
            for i in 0..BLOCK {
                sums[i] = sums[i].saturating_add(row[i]);
            }
        }
        contexts::hints(sums)
    }

    /// Magnitude and sign of a coefficient that becomes significant.
    #[inline(always)]
    fn significance(&mut self, place: Place, activity: usize, truth: u16) -> (u16, i8) {
        let mut magnitude = 1;
        let larger = &mut self.contexts.models[self.kind.larger(self.is_first_layer, activity)];
        if self.coder.code(larger, || truth > 1) {
            let models = &mut self.contexts.models[self.kind.magnitude()];
            magnitude = 2 + self.coder.code_integer(models, || u32::from(truth) - 2);
        }
        let magnitude = magnitude.min(MAX_MAGNITUDE >> self.shift);
        (((2 * magnitude + 1) << self.shift) as u16, self.sign(place))
    }

    #[inline(always)]
    fn sign(&mut self, Place { at, row, column }: Place) -> i8 {
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

    /// The magnitude of a coefficient with one more bit.
    #[inline(always)]
    fn refinement(&mut self, at: usize, near: u8, activity: usize, truth: u16) -> u16 {
        let (half, known) = (1 << self.shift, self.states.magnitudes[at]);
        // It lay in the second interval from zero, of twice the length.
        let first = near == 6;
        let context = if self.kind.is_low() {
            self.kind.refine_low(self.mean_above(at, known) >> (self.shift + 2))
        } else {
            self.kind.refine(first, activity)
        };
        let model = &mut self.contexts.models[context];
        let upper = self.coder.code(model, || truth & 1 != 0);
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
