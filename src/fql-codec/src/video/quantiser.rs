//! Between coefficients of the transform and intervals of the layers.

use super::format::Role;
use super::layout::{BLOCK, Band, Layout, Region, Slice};
use super::planes::{MAX_MAGNITUDE, States, Truth};
use super::weights::half_interval;
use crate::kernels::quantising::{NEGATIVE, Quantise, Reconstruct};
use crate::kernels::run;

/// No coefficient of a real picture is larger; those of garbage are cut here.
const MAX_COEFFICIENT: u32 = 1 << 20;

/// Half of the interval of the finest lossy layer for a band, in 2^-8 of a coefficient's unit. Chroma's intervals
/// are twice as long: one layer coarser is +0.3 dB of luma at equal rate.
pub(super) fn band_half_interval(layout: &Layout, band: &Band, scale: u8) -> u32 {
    half_interval(band.bases, layout.format.fraction(), scale) << u32::from(band.role == Role::Chroma)
}

/// Half of the interval of the finest layer that a band has.
pub(super) fn finest_half_interval(layout: &Layout, band: &Band, scale: u8) -> u32 {
    band_half_interval(layout, band, scale) << (layout.format.finest() - band.finest)
}

/// The coefficients of a slice in whole intervals of one layer.
#[derive(Debug, Clone)]
pub(super) struct Quantised {
    /// Magnitudes and, in the top bit, signs; placed like the states.
    pub(super) values: Vec<u16>,
    /// All magnitudes of each block, or-ed.
    pub(super) largest: Vec<u16>,
    /// The layer they were taken in; coarser in bands that have no such fine one.
    pub(super) layer: u32,
}

impl Quantised {
    pub(super) fn new(slice: &Slice) -> Self {
        Self { values: vec![0; slice.states + BLOCK], largest: vec![0; slice.blocks], layer: 0 }
    }

    /// Takes the coefficients of a slice (a stripe of each transformed plane, with its width) in intervals of a
    /// lossy layer.
    pub(super) fn take(&mut self, layout: &Layout, slice: &Slice, stripes: &[&[i32]], layer: u32, scale: u8) {
        self.layer = layer;
        self.largest.fill(0);
        for (band, region) in layout.bands.iter().zip(&slice.regions) {
            let shift = band.finest - layer.min(band.finest);
            let interval = u64::from(finest_half_interval(layout, band, scale)) << (1 + shift);
            let (inverse, largest) = (((1 << 40) / interval) as u32, (MAX_MAGNITUDE >> shift) as u16);
            let plane_width = layout.planes[band.plane].width;
            for row in 0..region.rows {
                let from = (band.row + row * band.row_step) * plane_width + band.column;
                let source = &stripes[band.plane][from..][..band.width];
                let values = &mut self.values[region.first + row * region.stride..][..band.width];
                run(Quantise { from: source, inverse, largest, to: values });
                let blocks = region.first_block + row / BLOCK * region.block_stride;
                // Of those that are whole the compiler knows how long they are.
                let (whole, rest) = values.split_at(values.len() - values.len() % BLOCK);
                let mut largest = self.largest[blocks..].iter_mut();
                for (values, largest) in whole.chunks_exact(BLOCK).zip(&mut largest) {
                    *largest |= any(values);
                }
                if let Some(largest) = largest.next() {
                    *largest |= any(rest);
                }
            }
        }
    }

    /// The coefficients of a band as a layer sees them, at most as fine as the one they were taken in.
    pub(super) fn at_layer<'a>(&'a self, layer: u32, band: &Band) -> impl Truth + use<'a> {
        Shifted { quantised: self, shift: self.layer.min(band.finest) - layer }
    }
}

/// All magnitudes or-ed: whether there is one of so many bits is all that is asked of them.
#[inline(always)]
pub(super) fn any(values: &[u16]) -> u16 {
    values.iter().fold(0, |any, value| any | value) & !NEGATIVE
}

struct Shifted<'a> {
    quantised: &'a Quantised,
    shift: u32,
}

impl Truth for Shifted<'_> {
    #[inline(always)]
    fn magnitudes(&self, state: usize) -> [u16; BLOCK] {
        let values: [u16; BLOCK] = *self.quantised.values[state..].first_chunk().expect("a border");
        values.map(|value| (value & !NEGATIVE) >> self.shift)
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

/// Takes the coefficients of a slice (a stripe of each transformed plane) as states that know them precisely.
pub(super) fn recall<S: AsRef<[i32]>>(
    layout: &Layout,
    slice: &Slice,
    stripes: &[S],
    scale: u8,
    states: &mut States,
) {
    for (band, region) in layout.bands.iter().zip(&slice.regions) {
        let half = u64::from(finest_half_interval(layout, band, scale));
        let plane_width = layout.planes[band.plane].width;
        for row in 0..region.rows {
            let from = (band.row + row * band.row_step) * plane_width + band.column;
            let at = region.first + row * region.stride;
            let source = stripes[band.plane].as_ref()[from..][..band.width].iter();
            let magnitudes = states.magnitudes[at..].iter_mut().zip(&mut states.signs[at..]);
            for ((magnitude, sign), &x) in magnitudes.zip(source) {
                *magnitude = ((u64::from(x.unsigned_abs()) << 8) / half).min(u16::MAX.into()) as u16;
                *sign = if *magnitude == 0 { 0 } else { x.signum() as i8 };
            }
        }
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
        let half = finest_half_interval(layout, band, scale);
        let plane_width = layout.planes[band.plane].width;
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
    run(Reconstruct { magnitudes, signs, half, largest: MAX_COEFFICIENT, to: target });
}
