//! The exact layer: what is missing between the reconstruction of layers 0 to 8 and the source, without loss.
//!
//! What the lossy layers leave is not white: a sample's error is predicted from those around it (`prediction.rs`)
//! and added to the reconstruction. That has fractional bits, and they say much of the difference between its
//! rounded samples and the source: at 0.4 above a sample's value the source is rather above than below. So a
//! difference is coded as whether there is one, its sign (the likelier one first) and its magnitude, in contexts
//! of the fraction and of the differences around it.

use super::planes::Exhausted;
use super::prediction::Prediction;
use super::tables::EXACT;
use super::transform::FRACTION;
use super::{Plane, PlaneMut};
use crate::entropy::{BitModel, Coder};

/// How much the neighbours differ, in steps.
const ACTIVITIES: usize = 8;
/// Distances from the next whole sample, in steps.
const FRACTIONS: usize = 8;
const ZERO: usize = 0;
const SIGN: usize = ZERO + 2 * ACTIVITIES * FRACTIONS;
const MORE: usize = SIGN + 2 * ACTIVITIES * FRACTIONS;
const MORE_EACH: usize = 10;
/// How many models a slice's exact layer has.
pub(super) const COUNT: usize = MORE + 2 * ACTIVITIES * MORE_EACH;

const UNIT: i32 = 1 << FRACTION;

/// The sample that a reconstruction with fractional bits is rounded to.
#[inline(always)]
pub(super) fn rounded(x: i32) -> u8 {
    (x.saturating_add(UNIT / 2) >> FRACTION).clamp(0, 255) as u8
}

/// The exact layer's coder of one slice.
pub(super) struct Exact {
    pub(super) models: [BitModel; COUNT],
    /// Magnitudes of the distances between the predicted reconstruction and the source, in 1/16, of this row and
    /// the one before, one column of border on either side.
    above: Vec<u16>,
    here: Vec<u16>,
    prediction: Prediction,
}

impl Exact {
    pub(super) fn new() -> Self {
        Self {
            models: EXACT.map(BitModel::new),
            above: Vec::new(),
            here: Vec::new(),
            prediction: Prediction::default(),
        }
    }

    /// Writes the exact layer of a slice.
    pub(super) fn encode(
        &mut self,
        coder: &mut impl Coder,
        stripes: &[&[i32]],
        widths: &[usize],
        source: &[Plane],
    ) {
        for ((plane, stripe), (source, &width)) in stripes.iter().enumerate().zip(source.iter().zip(widths)) {
            self.start(plane, width);
            for (row, source) in stripe.chunks_exact(width).zip(source.data.chunks(source.stride)) {
                // An encoder is never exhausted.
                let _ = self.row(coder, plane, row, |column| source[column], |_, _| {});
            }
        }
    }

    /// Reads the exact layer of a slice. On exhaustion, samples that were not reached stay as they are.
    pub(super) fn decode(
        &mut self,
        coder: &mut impl Coder,
        stripes: &[&[i32]],
        widths: &[usize],
        target: &mut [PlaneMut],
    ) -> Result<(), Exhausted> {
        for ((plane, stripe), (target, &width)) in
            stripes.iter().enumerate().zip(target.iter_mut().zip(widths))
        {
            self.start(plane, width);
            for (row, target) in stripe.chunks_exact(width).zip(target.data.chunks_mut(target.stride)) {
                self.row(coder, plane, row, |_| 0, |column, sample| target[column] = sample)?;
            }
        }
        Ok(())
    }

    fn start(&mut self, plane: usize, width: usize) {
        self.prediction.start(plane > 0, width);
        for row in [&mut self.above, &mut self.here] {
            row.clear();
            row.resize(width + 2, 0);
        }
    }

    #[inline(always)]
    fn row(
        &mut self,
        coder: &mut impl Coder,
        plane: usize,
        row: &[i32],
        source: impl Fn(usize) -> u8,
        mut found: impl FnMut(usize, u8),
    ) -> Result<(), Exhausted> {
        std::mem::swap(&mut self.above, &mut self.here);
        self.prediction.next_row();
        for (column, &x) in row.iter().enumerate() {
            let (above, left) = (&self.above[column..column + 3], self.here[column]);
            let around =
                2 * u32::from(left) + 2 * u32::from(above[1]) + u32::from(above[0]) + u32::from(above[2]);
            let likely = x.saturating_add(self.prediction.error(column)).clamp(0, 255 << FRACTION);
            let sample = self.sample(coder, usize::from(plane > 0), likely, around, || source(column));
            if coder.is_exhausted() {
                return Err(Exhausted);
            }
            let exact = i32::from(sample) << FRACTION;
            self.here[column + 1] = ((likely - exact).unsigned_abs() >> 2).min(255) as u16;
            self.prediction.learn(column, exact.saturating_sub(x));
            found(column, sample);
        }
        Ok(())
    }

    #[inline(always)]
    fn sample(
        &mut self,
        coder: &mut impl Coder,
        chroma: usize,
        x: i32,
        around: u32,
        source: impl Fn() -> u8,
    ) -> u8 {
        let base = i32::from(rounded(x));
        let fraction = (x - (base << FRACTION)).clamp(-UNIT / 2, UNIT / 2 - 1);
        // The likelier direction is up where the fraction was rounded down.
        let up = fraction >= 0;
        let distance = (if up { fraction } else { -1 - fraction }) as usize * FRACTIONS / (UNIT as usize / 2);
        let activity = activity(around);
        let towards = || (i32::from(source()) - base) * if up { 1 } else { -1 };
        let context = (chroma * ACTIVITIES + activity) * FRACTIONS + distance;
        if !coder.code(&mut self.models[ZERO + context], || towards() != 0) {
            return base as u8;
        }
        let away = coder.code(&mut self.models[SIGN + context], || towards() < 0);
        let more = &mut self.models[MORE + (chroma * ACTIVITIES + activity) * MORE_EACH..][..MORE_EACH];
        let magnitude = 1 + coder.code_integer(more, || towards().unsigned_abs() - 1).min(255) as i32;
        // Wrong data can lead out of the range, right ones never do.
        (if up == away { base - magnitude } else { base + magnitude }).clamp(0, 255) as u8
    }
}

/// From the weighted sum of the distances of four neighbours, in 1/16, six weights in all.
#[inline(always)]
fn activity(around: u32) -> usize {
    match around {
        0..16 => 0,
        16..28 => 1,
        28..40 => 2,
        40..52 => 3,
        52..66 => 4,
        66..86 => 5,
        86..120 => 6,
        _ => 7,
    }
}
