//! Coefficients in classes of their size.

use super::{Kernel, Lanes, One};

/// The class of each coefficient: its magnitude, times a weight, as the exponent and the highest bits of the fraction
/// of an `f32`, which is its logarithm in steps of nearly equal length.
pub(crate) struct Classes<'a> {
    pub from: &'a [i32],
    /// Not negative.
    pub weight: f32,
    /// Magnitudes with these bits and all below are of class 0.
    pub first: u32,
    /// All above this class are of this class.
    pub last: u16,
    pub to: &'a mut [u16],
}

/// Bits of a fraction that do not matter: there are 16 classes an octave.
pub(crate) const CLASS_SHIFT: i32 = 19;

impl Kernel for Classes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { from, weight, first, last, to } = self;
        let (vectors, rest) = from.split_at(from.len() - from.len() % L::COUNT);
        let (to, to_rest) = to.split_at_mut(vectors.len());
        for (from, to) in vectors.chunks_exact(L::COUNT).zip(to.chunks_exact_mut(L::COUNT)) {
            lanes.store_words(class(lanes, lanes.load(from), weight, first, last), to);
        }
        for (&x, to) in rest.iter().zip(to_rest) {
            *to = class(One, x, weight, first, last) as u16;
        }
    }
}

#[inline(always)]
fn class<L: Lanes>(lanes: L, x: L::I32, weight: f32, first: u32, last: u16) -> L::I32 {
    let magnitude = lanes.and(lanes.scaled_f32(x, weight), lanes.splat(i32::MAX));
    let class = lanes.sub(lanes.shr::<CLASS_SHIFT>(magnitude), lanes.splat(first as i32));
    lanes.min(lanes.max(class, lanes.splat(0)), lanes.splat(last.into()))
}
