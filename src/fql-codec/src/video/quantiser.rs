//! Between coefficients of the transform and intervals of the layers.

use super::layout::{BLOCK, Band, Layout, Region, Slice};
use super::planes::{FINEST, MAX_MAGNITUDE, States, Truth};
use super::weights::half_interval;

/// No coefficient of a real picture is larger; those of garbage are cut here.
const MAX_COEFFICIENT: u64 = 1 << 20;
const NEGATIVE: u16 = 1 << 15;

/// Half of the interval of layer 8 of a band, in coefficients' units of 2^-8. Chroma's intervals are twice as
/// long: one layer coarser is +0.3 dB of luma at equal rate.
fn band_half_interval(band: &Band, scale: u8) -> u32 {
    half_interval(band.bases.0, band.bases.1, scale) << u32::from(band.plane > 0)
}

/// The coefficients of a slice in whole intervals of one layer.
#[derive(Debug, Clone)]
pub(super) struct Quantised {
    /// Magnitudes and, in the top bit, signs; placed like the states.
    values: Vec<u16>,
    /// The largest magnitude of each block.
    largest: Vec<u16>,
}

impl Quantised {
    pub(super) fn new(slice: &Slice) -> Self {
        Self { values: vec![0; slice.states], largest: vec![0; slice.blocks] }
    }

    /// Takes the coefficients of a slice (a stripe of each transformed plane, with its width) in intervals of a
    /// layer of at most 8.
    pub(super) fn take(&mut self, layout: &Layout, slice: &Slice, stripes: &[&[i32]], layer: u32, scale: u8) {
        self.largest.fill(0);
        for (band, region) in layout.bands.iter().zip(&slice.regions) {
            let interval = u64::from(band_half_interval(band, scale)) << (1 + FINEST - layer);
            let inverse = (1 << 40) / interval;
            let largest = MAX_MAGNITUDE >> (FINEST - layer);
            let plane_width = layout.planes[band.plane].0;
            for row in 0..region.rows {
                let from = (band.row + row * band.row_step) * plane_width + band.column;
                let source = &stripes[band.plane][from..][..band.width];
                let values = &mut self.values[region.first + row * region.stride..][..band.width];
                for (value, &x) in values.iter_mut().zip(source) {
                    let magnitude = ((u64::from(x.unsigned_abs()) * inverse) >> 32) as u32;
                    *value = magnitude.min(largest) as u16 | if x < 0 { NEGATIVE } else { 0 };
                }
                let blocks = region.first_block + row / BLOCK * region.block_stride;
                for (largest, values) in self.largest[blocks..].iter_mut().zip(values.chunks(BLOCK)) {
                    *largest = values.iter().fold(*largest, |max, value| max.max(value & !NEGATIVE));
                }
            }
        }
    }

    /// The coefficients as a layer sees them that is `shift` coarser than the one they were taken in.
    pub(super) fn at_layer(&self, shift: u32) -> impl Truth + '_ {
        Shifted { quantised: self, shift }
    }
}

struct Shifted<'a> {
    quantised: &'a Quantised,
    shift: u32,
}

impl Truth for Shifted<'_> {
    #[inline(always)]
    fn magnitude(&self, state: usize) -> u32 {
        u32::from(self.quantised.values[state] & !NEGATIVE) >> self.shift
    }
    #[inline(always)]
    fn is_negative(&self, state: usize) -> bool {
        self.quantised.values[state] & NEGATIVE != 0
    }
    #[inline(always)]
    fn is_empty(&self, block: usize) -> bool {
        self.quantised.largest[block] >> self.shift == 0
    }
}

/// Puts what the states know into a stripe of each transformed plane.
pub(super) fn reconstruct(
    layout: &Layout,
    slice: &Slice,
    states: &States,
    scale: u8,
    stripes: &mut [&mut [i32]],
) {
    for (band, region) in layout.bands.iter().zip(&slice.regions) {
        let half = band_half_interval(band, scale);
        let plane_width = layout.planes[band.plane].0;
        for row in 0..region.rows {
            let to = (band.row + row * band.row_step) * plane_width + band.column;
            let target = &mut stripes[band.plane][to..][..band.width];
            reconstruct_row(region, row, states, half, target);
        }
    }
}

fn reconstruct_row(region: &Region, row: usize, states: &States, half: u32, target: &mut [i32]) {
    let from = region.first + row * region.stride;
    let magnitudes = &states.magnitudes[from..][..target.len()];
    let signs = &states.signs[from..][..target.len()];
    for ((x, &m), &sign) in target.iter_mut().zip(magnitudes).zip(signs) {
        // A little below the middle, as smaller magnitudes are likelier: at 0.41 of the first interval from zero,
        // at 0.47 of the others.
        let m = u32::from(m);
        let low = m & m.wrapping_neg();
        let value = 16 * m - if m == 3 * low { 3 * low } else { low };
        *x = ((u64::from(value) * u64::from(half)) >> 12).min(MAX_COEFFICIENT) as i32 * i32::from(sign);
    }
}
