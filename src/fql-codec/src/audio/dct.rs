//! The discrete cosine transform of type IV in fixed point: orthonormal, its own inverse.
//!
//! Computed by a complex Fourier transform of half the length between two rotations (H. S. Malvar, "Signal
//! Processing with Lapped Transforms", 1992), which runs in place of radices 4, 2, 3 and 5 in the self-sorting order
//! of Stockham.
//!
//! Values are integers with a common unit. The Euclidean norm of the input must stay below 2^32, then no
//! intermediate value leaves 63 bits: the norm of a stage's output is that of its input times the root of the radix,
//! at most 2^38 in all, times tables of 23 bits.

use super::trig::{TRIG_BITS, round_product, turn};

/// Fractional bits of the scale after the transform.
const SCALE_BITS: u32 = 30;

#[derive(Debug, Clone, Copy, Default)]
struct Complex {
    re: i64,
    im: i64,
}

impl Complex {
    fn turn(part: u64, whole: u64) -> Self {
        let (re, im) = turn(part % whole, whole);
        Self { re, im }
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        Self { re: self.re + other.re, im: self.im + other.im }
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        Self { re: self.re - other.re, im: self.im - other.im }
    }

    /// Times -i.
    #[inline(always)]
    fn turned_back(self) -> Self {
        Self { re: self.im, im: -self.re }
    }

    /// Times a table entry.
    #[inline(always)]
    fn rotated(self, by: Self) -> Self {
        Self {
            re: round_product(self.re * by.re - self.im * by.im),
            im: round_product(self.re * by.im + self.im * by.re),
        }
    }

    /// `a * x + b * y` for real table entries.
    #[inline(always)]
    fn mix(a: i64, x: Self, b: i64, y: Self) -> Self {
        Self { re: round_product(a * x.re + b * y.re), im: round_product(a * x.im + b * y.im) }
    }
}

/// One stage of the Fourier transform.
#[derive(Debug, Clone)]
struct Stage {
    radix: usize,
    /// How many transforms lie interleaved.
    stride: usize,
    /// For every butterfly, the rotations of its outputs but the first.
    rotations: Vec<Complex>,
}

/// The transform of one length, with its tables and working memory.
#[derive(Debug, Clone)]
pub(super) struct Dct {
    rotations: Vec<Complex>,
    stages: Vec<Stage>,
    scale: i64,
    fifths: [(i64, i64); 2],
    third_sine: i64,
    work: [Vec<Complex>; 2],
}

impl Dct {
    /// The transform of `len` values: even, without prime factors above 5.
    pub(super) fn new(len: usize) -> Self {
        let half = len / 2;
        let rotations =
            (0..half as u64).map(|n| Complex::turn(16 * len as u64 - (8 * n + 1), 16 * len as u64)).collect();
        Self {
            rotations,
            stages: stages(half),
            scale: ((1u64 << (2 * SCALE_BITS)) / half as u64).isqrt() as i64,
            fifths: [turn(1, 5), turn(2, 5)],
            third_sine: turn(1, 3).1,
            work: [vec![Complex::default(); half], vec![Complex::default(); half]],
        }
    }

    /// Transforms in place.
    pub(super) fn run(&mut self, values: &mut [i64]) {
        let len = values.len();
        let [mut from, mut to] = std::mem::take(&mut self.work);
        for (n, (value, rotation)) in from.iter_mut().zip(&self.rotations).enumerate() {
            *value = Complex { re: values[2 * n], im: values[len - 1 - 2 * n] }.rotated(*rotation);
        }
        for stage in &self.stages {
            self.run_stage(stage, &from, &mut to);
            std::mem::swap(&mut from, &mut to);
        }
        for (k, (value, rotation)) in from.iter().zip(&self.rotations).enumerate() {
            let value = value.rotated(*rotation);
            values[2 * k] = self.scaled(value.re);
            values[len - 1 - 2 * k] = self.scaled(-value.im);
        }
        self.work = [from, to];
    }

    #[inline(always)]
    fn scaled(&self, value: i64) -> i64 {
        (value * self.scale + (1 << (SCALE_BITS - 1))) >> SCALE_BITS
    }

    fn run_stage(&self, stage: &Stage, from: &[Complex], to: &mut [Complex]) {
        match stage.radix {
            2 => butterflies(stage, from, to, |[a, b]| [a.plus(b), a.minus(b)]),
            3 => butterflies(stage, from, to, |a| self.radix3(a)),
            4 => butterflies(stage, from, to, radix4),
            _ => butterflies(stage, from, to, |a| self.radix5(a)),
        }
    }

    #[inline(always)]
    fn radix3(&self, [a, b, c]: [Complex; 3]) -> [Complex; 3] {
        let (sum, difference) = (b.plus(c), b.minus(c));
        let half = 1 << (TRIG_BITS - 1);
        let mean = a.minus(Complex::mix(half, sum, 0, sum));
        let side = Complex::mix(self.third_sine, difference, 0, difference).turned_back();
        [a.plus(sum), mean.plus(side), mean.minus(side)]
    }

    #[inline(always)]
    fn radix5(&self, [a, b, c, d, e]: [Complex; 5]) -> [Complex; 5] {
        let [(cos1, sin1), (cos2, sin2)] = self.fifths;
        let (outer, inner) = (b.plus(e), c.plus(d));
        let (outer_side, inner_side) = (b.minus(e), c.minus(d));
        let mean1 = a.plus(Complex::mix(cos1, outer, cos2, inner));
        let mean2 = a.plus(Complex::mix(cos2, outer, cos1, inner));
        let side1 = Complex::mix(sin1, outer_side, sin2, inner_side).turned_back();
        let side2 = Complex::mix(sin2, outer_side, -sin1, inner_side).turned_back();
        [
            a.plus(outer).plus(inner),
            mean1.plus(side1),
            mean2.plus(side2),
            mean2.minus(side2),
            mean1.minus(side1),
        ]
    }
}

#[inline(always)]
fn radix4([a, b, c, d]: [Complex; 4]) -> [Complex; 4] {
    let (even, even_side) = (a.plus(c), a.minus(c));
    let (odd, odd_side) = (b.plus(d), b.minus(d).turned_back());
    [even.plus(odd), even_side.plus(odd_side), even.minus(odd), even_side.minus(odd_side)]
}

#[inline(always)]
fn butterflies<const R: usize>(
    stage: &Stage,
    from: &[Complex],
    to: &mut [Complex],
    butterfly: impl Fn([Complex; R]) -> [Complex; R],
) {
    let (stride, span) = (stage.stride, from.len() / R);
    let groups = stage.rotations.chunks_exact(R - 1).zip(to.chunks_exact_mut(R * stride));
    for (group, (rotations, to)) in groups.enumerate() {
        for q in 0..stride {
            let at = group * stride + q;
            let out = butterfly(std::array::from_fn(|k| from[at + span * k]));
            to[q] = out[0];
            for k in 1..R {
                to[q + stride * k] = out[k].rotated(rotations[k - 1]);
            }
        }
    }
}

fn stages(len: usize) -> Vec<Stage> {
    let (mut rest, mut stride, mut stages) = (len, 1, Vec::new());
    while rest > 1 {
        let radix = [4, 2, 3, 5].into_iter().find(|r| rest.is_multiple_of(*r)).expect("no factor above 5");
        let rotations = (0..rest / radix)
            .flat_map(|p| (1..radix).map(move |k| Complex::turn((rest - p * k % rest) as u64, rest as u64)))
            .collect();
        stages.push(Stage { radix, stride, rotations });
        rest /= radix;
        stride *= radix;
    }
    stages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_definition(values: &[i64]) -> Vec<f64> {
        let n = values.len() as f64;
        let term =
            |i: usize, k: usize| (std::f64::consts::PI / n * (i as f64 + 0.5) * (k as f64 + 0.5)).cos();
        let sum = |k| values.iter().enumerate().map(|(i, v)| *v as f64 * term(i, k)).sum::<f64>();
        (0..values.len()).map(|k| (2.0 / n).sqrt() * sum(k)).collect()
    }

    #[test]
    fn every_radix_gives_the_cosine_transform() {
        for len in [4, 6, 10, 16, 48, 80, 128, 640, 768, 720] {
            let mut values: Vec<i64> = (0..len as i64).map(|i| (i * 7919 % 65_521 - 32_760) * 256).collect();
            let expected = by_definition(&values);
            Dct::new(len).run(&mut values);
            for (k, (value, expected)) in values.iter().zip(&expected).enumerate() {
                assert!(
                    (*value as f64 - expected).abs() < 24.0,
                    "{len}: coefficient {k} is {value}, not {expected}"
                );
            }
        }
    }

    #[test]
    fn the_transform_is_its_own_inverse_at_full_scale() {
        for len in [128, 640, 768, 3072] {
            let source: Vec<i64> =
                (0..len).map(|i| if i / 50 % 2 == 0 { 32_767 << 8 } else { -32_768 << 8 }).collect();
            let (mut values, mut dct) = (source.clone(), Dct::new(len));
            dct.run(&mut values);
            dct.run(&mut values);
            for (value, source) in values.iter().zip(&source) {
                assert!((value - source).abs() < 64, "{value} for {source} at length {len}");
            }
        }
    }
}
