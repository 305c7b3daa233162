//! The exact layer: what is missing between the reconstruction of all lossy layers and the source, without loss.
//!
//! What the lossy layers leave is not white: a sample's error is predicted from those around it (`prediction.rs`)
//! and added to the reconstruction. That has fractional bits, and they say much of the difference between its
//! rounded samples and the source: at 0.4 above a sample's value the source is rather above than below. So a
//! difference is coded as whether there is one, its sign (the likelier one first) and its magnitude, in contexts
//! of the fraction and of the differences around it.

use super::format::Role;
use super::layout::PlaneShape;
use super::picture::FRACTION;
use super::planes::Exhausted;
use super::prediction::{LARGEST_ERROR, Prediction, Row};
use super::tables::EXACT;
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
/// Distances count as at most this: it alone is the largest activity.
const LARGEST_DISTANCE: u32 = 120;

/// The exact layer's coder of one slice.
#[derive(Debug)]
pub(super) struct Exact {
    pub(super) models: [BitModel; COUNT],
    prediction: Prediction,
    /// Magnitudes of the distances between the predicted reconstruction and the source, in 1/16, of a row, one
    /// column of border on either side.
    distances: Vec<u8>,
    /// What those of the row above add to what is around each sample.
    around: Vec<u16>,
    /// A row of the source.
    samples: Vec<i32>,
}

impl Exact {
    pub(super) fn new() -> Self {
        Self {
            models: EXACT.map(BitModel::new),
            prediction: Prediction::default(),
            distances: Vec::new(),
            around: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// Writes the exact layer of a plane's part of a slice, of which `stripe` is the reconstruction. `source` gives
    /// each row's samples.
    pub(super) fn encode(
        &mut self,
        coder: &mut impl Coder,
        shape: &PlaneShape,
        stripe: &mut [i32],
        mut source: impl FnMut(usize, &mut [i32]),
    ) {
        self.start(shape);
        let mut samples = std::mem::take(&mut self.samples);
        samples.resize(shape.width, 0);
        for (number, row) in stripe.chunks_exact_mut(shape.width).enumerate() {
            source(number, &mut samples);
            // An encoder is never exhausted.
            let _ = self.row(coder, shape, row, samples.iter().copied());
        }
        self.samples = samples;
    }

    /// Reads the exact layer of a plane's part of a slice, and makes its reconstruction exact. On exhaustion,
    /// samples that were not reached stay as they are.
    pub(super) fn decode(
        &mut self,
        coder: &mut impl Coder,
        shape: &PlaneShape,
        stripe: &mut [i32],
    ) -> Result<(), Exhausted> {
        self.start(shape);
        stripe
            .chunks_exact_mut(shape.width)
            .try_for_each(|row| self.row(coder, shape, row, std::iter::repeat(0)))
    }

    /// Begins with a slice.
    pub(super) fn restart(&mut self) {
        self.models = EXACT.map(BitModel::new);
    }

    fn start(&mut self, shape: &PlaneShape) {
        if shape.role == Role::Alpha {
            // Opacity has nothing in common with the colours.
            self.restart();
        }
        self.prediction.start(shape.role == Role::Chroma, shape.width);
        self.distances.clear();
        self.distances.resize(shape.width + 2, 0);
        self.around.resize(shape.width, 0);
    }

    #[inline(always)]
    fn row(
        &mut self,
        coder: &mut impl Coder,
        shape: &PlaneShape,
        row: &mut [i32],
        source: impl Iterator<Item = i32>,
    ) -> Result<(), Exhausted> {
        let Self { models, prediction, distances, around, .. } = self;
        for (sum, distances) in around.iter_mut().zip(distances.windows(3)) {
            let [left, above, right] = [0, 1, 2].map(|i| u16::from(distances[i]));
            *sum = left + 2 * above + right;
        }
        let (max, chroma) = ((1 << shape.bits) - 1, usize::from(shape.role == Role::Chroma));
        let errors = prediction.next_row();
        let weights = errors.left();
        // What is left of the sample before: its distance, and the errors of the last two.
        let (mut left, mut last) = (0, [0; 2]);
        let known = errors.above.iter().zip(&*around);
        let found = distances[1..].iter_mut().zip(errors.errors);
        for (((x, source), (&above, &around)), (distance, error)) in
            row.iter_mut().zip(source).zip(known).zip(found)
        {
            let likely = x.wrapping_add(Row::expect(weights, above, last)).clamp(0, max << FRACTION);
            let activity = activity(u32::from(around) + 2 * left);
            let sample = sample(models, coder, chroma * ACTIVITIES + activity, likely, max, source);
            if coder.is_exhausted() {
                return Err(Exhausted);
            }
            let exact = sample << FRACTION;
            left = ((likely - exact).unsigned_abs() >> 2).min(LARGEST_DISTANCE);
            *distance = left as u8;
            last = [exact.wrapping_sub(*x).clamp(-LARGEST_ERROR, LARGEST_ERROR), last[0]];
            *error = last[0] as i16;
            *x = exact;
        }
        Ok(())
    }
}

/// Codes one sample, of which the reconstruction is `x`, not below 0 nor above `max`.
#[inline(always)]
fn sample(
    models: &mut [BitModel; COUNT],
    coder: &mut impl Coder,
    class: usize,
    x: i32,
    max: i32,
    source: i32,
) -> i32 {
    let base = (x + UNIT / 2) >> FRACTION;
    let fraction = x - (base << FRACTION);
    // The likelier direction is up where the fraction was rounded down.
    let up = fraction >= 0;
    let distance = (if up { fraction } else { -1 - fraction }) as usize * FRACTIONS / (UNIT as usize / 2);
    let towards = || (source - base) * if up { 1 } else { -1 };
    let context = class * FRACTIONS + distance;
    if !coder.code(&mut models[ZERO + context], || source != base) {
        return base;
    }
    let away = coder.code(&mut models[SIGN + context], || towards() < 0);
    let more = &mut models[MORE + class * MORE_EACH..][..MORE_EACH];
    let found = coder.code_integer(more, || towards().unsigned_abs() - 1);
    let magnitude = 1 + found.min(max as u32) as i32;
    // Wrong data can lead out of the range, right ones never do.
    (if up == away { base - magnitude } else { base + magnitude }).clamp(0, max)
}

/// From the weighted sum of the distances of four neighbours, in 1/16, six weights in all.
#[inline(always)]
fn activity(around: u32) -> usize {
    ACTIVITY[around.min(LARGEST_DISTANCE) as usize].into()
}

/// How many of these the sum of distances reaches.
const ACTIVITY: [u8; LARGEST_DISTANCE as usize + 1] = {
    let starts = [16, 28, 40, 52, 66, 86, 120];
    let mut table = [0; LARGEST_DISTANCE as usize + 1];
    let mut i = 0;
    while i < table.len() {
        while (table[i] as usize) < starts.len() && i >= starts[table[i] as usize] {
            table[i] += 1;
        }
        i += 1;
    }
    table
};
