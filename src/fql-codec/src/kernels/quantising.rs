//! Coefficients to magnitudes in intervals, and back.

use super::{Kernel, Lanes, One};

/// The bit of a quantised number that says that it is negative.
pub(crate) const NEGATIVE: u16 = 1 << 15;

/// Takes coefficients in whole intervals, rounded towards zero: magnitudes, and [`NEGATIVE`] where they are.
pub(crate) struct Quantise<'a> {
    pub from: &'a [i32],
    /// 2^32 over the interval.
    pub inverse: u32,
    /// No magnitude is larger; below 2^15.
    pub largest: u16,
    pub to: &'a mut [u16],
}

impl Kernel for Quantise<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { from, inverse, largest, to } = self;
        let (vectors, rest) = from.split_at(from.len() - from.len() % L::COUNT);
        let (to, to_rest) = to.split_at_mut(vectors.len());
        for (from, to) in vectors.chunks_exact(L::COUNT).zip(to.chunks_exact_mut(L::COUNT)) {
            lanes.store_words(quantised(lanes, lanes.load(from), inverse, largest), to);
        }
        for (&x, to) in rest.iter().zip(to_rest) {
            *to = quantised(One, x, inverse, largest) as u16;
        }
    }
}

#[inline(always)]
fn quantised<L: Lanes>(lanes: L, x: L::I32, inverse: u32, largest: u16) -> L::I32 {
    let magnitude = lanes.mul_high_u32(lanes.abs(x), lanes.splat(inverse as i32));
    let magnitude = lanes.min_u32(magnitude, lanes.splat(largest.into()));
    lanes.or(magnitude, lanes.and(lanes.shr::<31>(x), lanes.splat(NEGATIVE.into())))
}

/// Turns states into coefficients.
pub(crate) struct Reconstruct<'a> {
    /// The middles of the intervals in which coefficients lie, in halves of the finest interval; 0 where they are not
    /// significant.
    pub magnitudes: &'a [u16],
    /// -1 or 1, or 0 where they are not significant.
    pub signs: &'a [i8],
    /// Half of the finest interval, in 2^-8 of a coefficient's unit, less than 2^24.
    pub half: u32,
    /// The largest coefficient.
    pub largest: u32,
    pub to: &'a mut [i32],
}

impl Kernel for Reconstruct<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { magnitudes, signs, half, largest, to } = self;
        let half = half << 8;
        let whole = to.len() - to.len() % L::COUNT;
        let (to, to_rest) = to.split_at_mut(whole);
        let from = magnitudes.chunks_exact(L::COUNT).zip(signs.chunks_exact(L::COUNT));
        for ((magnitudes, signs), to) in from.zip(to.chunks_exact_mut(L::COUNT)) {
            let (magnitudes, signs) = (lanes.load_words(magnitudes), lanes.load_i8(signs));
            lanes.store(coefficient(lanes, magnitudes, signs, half, largest), to);
        }
        for ((&magnitude, &sign), to) in magnitudes[whole..].iter().zip(&signs[whole..]).zip(to_rest) {
            *to = coefficient(One, magnitude.into(), sign.into(), half, largest);
        }
    }
}

/// A little below the middle, as smaller magnitudes are likelier: at 0.41 of the first interval from zero, at 0.47 of
/// the others.
#[inline(always)]
fn coefficient<L: Lanes>(lanes: L, m: L::I32, sign: L::I32, half: u32, largest: u32) -> L::I32 {
    let low = lanes.and(m, lanes.sub(lanes.splat(0), m));
    let low3 = lanes.add(low, lanes.add(low, low));
    let is_first = lanes.equal(m, low3);
    let below = lanes.add(low, lanes.and(is_first, lanes.add(low, low)));
    let value = lanes.sub(lanes.shl_by(m, 4), below);
    // In 1/16 of 2^-8: with the value 12 bits up and the half 8 bits up, the upper 32 bits are the whole part.
    let whole = lanes.mul_high_u32(lanes.shl_by(value, 12), lanes.splat(half as i32));
    lanes.mul(lanes.min_u32(whole, lanes.splat(largest as i32)), sign)
}
