//! Samples between samples: separable filters of eight taps.
//!
//! The filters are those of HEVC (Rec. ITU-T H.265, 8.5.3.3.3): for planes of full size in quarters of a sample, for
//! chroma of half size in eighths, where the outer four taps are zero.

use crate::kernels::prediction::{Filter, Interpolate};
use crate::kernels::run_words;

/// For quarters of a sample.
const FULL: [Filter; 4] = [
    [0, 0, 0, 64, 0, 0, 0, 0],
    [-1, 4, -10, 58, 17, -5, 1, 0],
    [-1, 4, -11, 40, 40, -11, 4, -1],
    [0, 1, -5, 17, 58, -10, 4, -1],
];
/// For eighths of a sample.
const HALF: [Filter; 8] = [
    [0, 0, 0, 64, 0, 0, 0, 0],
    [0, 0, -2, 58, 10, -2, 0, 0],
    [0, 0, -4, 54, 16, -2, 0, 0],
    [0, 0, -6, 46, 28, -4, 0, 0],
    [0, 0, -4, 36, 36, -4, 0, 0],
    [0, 0, -4, 28, 46, -6, 0, 0],
    [0, 0, -2, 16, 54, -4, 0, 0],
    [0, 0, -2, 10, 58, -2, 0, 0],
];

/// A displacement of a luma vector in a plane: whole samples, and the filter for the rest, if there is a rest.
/// `halved` says that the plane has half of the samples in this direction.
#[inline(always)]
pub(in crate::video) fn displacement(quarters: i32, halved: bool) -> (i32, Option<&'static Filter>) {
    let (whole, phase, table): (_, _, &'static [Filter]) = if halved {
        (quarters >> 3, quarters as usize & 7, &HALF)
    } else {
        (quarters >> 2, quarters as usize & 3, &FULL)
    };
    (whole, (phase != 0).then(|| &table[phase]))
}

/// A block of samples between those of `source`: see [`Interpolate`].
pub(in crate::video) fn interpolate(
    source: &[i16],
    stride: usize,
    (horizontal, vertical): (Option<&Filter>, Option<&Filter>),
    (width, height): (usize, usize),
    out: &mut [i16],
    out_stride: usize,
) {
    run_words(Interpolate { source, stride, horizontal, vertical, width, height, out, out_stride });
}

/// A sample between others by definition: `sample` gives those around it, so far to the right and below.
#[cfg(test)]
pub(super) fn at_once(
    (horizontal, vertical): (Option<&Filter>, Option<&Filter>),
    sample: impl Fn(i32, i32) -> i16,
) -> i16 {
    let filtered = |filter: Option<&Filter>, sample: &dyn Fn(i32) -> i16| {
        let filter = filter.unwrap_or(&FULL[0]);
        let sum: i32 =
            (-3..5).zip(filter).map(|(at, &weight)| i32::from(weight) * i32::from(sample(at))).sum();
        ((sum + 32) >> 6).clamp(i16::MIN.into(), i16::MAX.into()) as i16
    };
    filtered(vertical, &|y| filtered(horizontal, &|x| sample(x, y)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::prediction::BEFORE;

    #[test]
    fn filters_keep_a_constant() {
        assert!(FULL.iter().chain(&HALF).all(|filter| filter.iter().sum::<i16>() == 64));
    }

    #[test]
    fn a_slope_is_interpolated_in_both_directions() {
        let source: Vec<i16> = (0..40 * 40).map(|at| (64 * (at % 40) - 32 * (at / 40)) as i16).collect();
        for (quarters, halved, part) in [
            (0, false, 0.0),
            (1, false, 0.25),
            (2, false, 0.5),
            (7, false, 1.75),
            (3, true, 0.375),
            (-5, true, -0.625),
        ] {
            let (whole, filter) = displacement(quarters, halved);
            let (x, y) = ((10 + whole) as usize, (12 + whole) as usize);
            let mut out = [0; 64];
            let from = &source[(y - BEFORE) * 40 + x - BEFORE..];
            interpolate(from, 40, (filter, filter), (8, 8), &mut out, 8);
            for (at, &found) in out.iter().enumerate() {
                let (x, y) = (10.0 + part + (at % 8) as f64, 12.0 + part + (at / 8) as f64);
                assert!(
                    (f64::from(found) - (64.0 * x - 32.0 * y)).abs() <= 2.0,
                    "{quarters}/{halved}: {out:?}"
                );
            }
        }
    }
}
