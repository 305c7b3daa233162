//! Where finer layers of a slice are lost, borrows them from the picture before.
//!
//! A coefficient whose finer layers are lost is known to lie in an interval. If the one at its place in the picture
//! before lies in that interval too, or not far from it, it is the better guess, as long as the picture does not
//! move there. Whether it does, the coefficients that are known say: a block does not borrow where they, and those
//! of the coarser block over it, contradict the picture before. What is borrowed never contradicts what was
//! received.

use super::layout::{BLOCK, Layout, Region, Slice};
use super::planes::States;

/// A coefficient that contradicts the picture before counts as much as this many that agree with it.
const CONTRADICTION: i32 = 3;
/// The evidence of a block, with that from coarser ones, counts up to this.
const MOST_EVIDENCE: i32 = 64;

/// Takes over what the picture before knows better. `scales` are the interval scales of this picture and the one
/// before; `layers` says how many layers are complete in this slice.
pub(super) fn borrow(
    layout: &Layout,
    slice: &Slice,
    states: &mut States,
    previous: &States,
    scales: (u8, u8),
    layers: u8,
) {
    let mut evidence = vec![0; slice.blocks];
    let ratio = Ratio::new(scales);
    for (at, (band, region)) in layout.bands.iter().zip(&slice.regions).enumerate() {
        // Without any complete layer, what was not reached may be anything.
        let finer = (band.finest + 1).saturating_sub(layers.into());
        let zero = if layers == 0 { 1 << 20 } else { 2 << finer };
        let over = match (band.parent, band.peers[0]) {
            (Some(parent), _) => Some((slice.regions[parent], 2)),
            (None, Some(peer)) => Some((slice.regions[peer], 1)),
            (None, None) if at > 0 => Some((slice.regions[0], 1)),
            (None, None) => None,
        };
        for row in 0..region.rows.div_ceil(BLOCK) {
            for column in 0..region.width.div_ceil(BLOCK) {
                let inherited = over.map_or(0, |(over, scale)| {
                    evidence[over.first_block + row / scale * over.block_stride + column / scale] / 2
                });
                let block = Block { region, row, column };
                let found = inherited + block.evidence(states, previous, ratio, zero);
                let found = found.clamp(-MOST_EVIDENCE, MOST_EVIDENCE);
                evidence[region.first_block + row * region.block_stride + column] = found;
                if found >= 0 {
                    block.borrow(states, previous, ratio, zero);
                }
            }
        }
    }
}

/// Turns magnitudes of the picture before into this one's intervals.
#[derive(Clone, Copy)]
struct Ratio {
    from: i64,
    to: i64,
}

impl Ratio {
    fn new((this, before): (u8, u8)) -> Self {
        Self { from: 256 + i64::from(before), to: 256 + i64::from(this) }
    }

    fn value(self, states: &States, at: usize) -> i32 {
        (i64::from(states.magnitudes[at]) * self.from / self.to) as i32 * i32::from(states.signs[at])
    }
}

#[derive(Clone, Copy)]
struct Block<'a> {
    region: &'a Region,
    row: usize,
    column: usize,
}

impl Block<'_> {
    /// The places of its coefficients.
    fn places(self) -> impl Iterator<Item = usize> {
        let Region { width, rows, first, stride, .. } = *self.region;
        let (row, column) = (self.row * BLOCK, self.column * BLOCK);
        let columns = column..(column + BLOCK).min(width);
        (row..(row + BLOCK).min(rows))
            .flat_map(move |row| columns.clone().map(move |c| first + row * stride + c))
    }

    /// How many more coefficients agree with the picture before than contradict it, of those that tell something.
    fn evidence(self, states: &States, previous: &States, ratio: Ratio, zero: i32) -> i32 {
        let weigh = |at: usize| {
            let before = ratio.value(previous, at);
            match Interval::of(states, at, zero).nearest(before) {
                None => -CONTRADICTION,
                Some(value) if value == before && states.magnitudes[at] != 0 => 1,
                Some(_) => 0,
            }
        };
        self.places().map(weigh).sum()
    }

    fn borrow(self, states: &mut States, previous: &States, ratio: Ratio, zero: i32) {
        for at in self.places() {
            if let Some(value) = Interval::of(states, at, zero).nearest(ratio.value(previous, at)) {
                // The lowest bit says that it is precise.
                let magnitude = value.unsigned_abs().min(u16::MAX.into()) as u16;
                states.magnitudes[at] = if magnitude == 0 { 0 } else { magnitude | 1 };
                states.signs[at] = value.signum() as i8;
            }
        }
    }
}

/// Where a coefficient is known to lie.
struct Interval {
    middle: i32,
    half: i32,
}

impl Interval {
    /// That of a coefficient, `zero` if it is not significant.
    fn of(states: &States, at: usize, zero: i32) -> Self {
        let magnitude = i32::from(states.magnitudes[at]);
        let half = if magnitude == 0 { zero } else { magnitude & magnitude.wrapping_neg() };
        Self { middle: magnitude * i32::from(states.signs[at]), half }
    }

    /// A value that is inside, its neighbour inside where it is not far outside, or nothing.
    fn nearest(&self, value: i32) -> Option<i32> {
        let away = value - self.middle;
        let (inside, near) = (self.half - self.half / 8, self.half + self.half / 2);
        (away.abs() < near).then(|| self.middle + away.clamp(-inside, inside))
    }
}
