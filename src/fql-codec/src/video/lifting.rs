//! The CDF 9/7 wavelet as lifting steps on whole rows, in integers.
//!
//! Source: I. Daubechies and W. Sweldens, "Factoring wavelet transforms into lifting steps", 1998. The four
//! factors are rounded to dyadic fractions, exact enough that the high-pass leaks 0.01 of a sample's unit of a
//! constant of 8 bits, and small enough that products fit in 32 bits. The two scalings at the end are left out:
//! the bands' weights hold them. Every step is undone exactly, so that forward and inverse lose nothing.
//!
//! Arithmetic wraps: the coefficients of a real picture come nowhere near the limit, and those of garbage may be
//! anything.

/// One lifting step: adds `FACTOR / 2^SHIFT` times the sum of two neighbours, or takes it away again.
pub(super) trait Step {
    const FACTOR: i32;
    const SHIFT: u32;

    #[inline(always)]
    fn amount(a: i32, b: i32) -> i32 {
        const { assert!(Self::SHIFT > 0) };
        a.wrapping_add(b).wrapping_mul(Self::FACTOR).wrapping_add(1 << (Self::SHIFT - 1)) >> Self::SHIFT
    }
}

macro_rules! step {
    ($name:ident, $factor:expr, $shift:expr, $doc:expr) => {
        #[doc = $doc]
        pub(super) struct $name;
        impl Step for $name {
            const FACTOR: i32 = $factor;
            const SHIFT: u32 = $shift;
        }
    };
}

step!(Alpha, -203, 7, "First step, on high-pass rows: -1.586134342.");
step!(Beta, -217, 12, "Second step, on low-pass rows: -0.052980118.");
step!(Gamma, 113, 7, "Third step, on high-pass rows: 0.882911076.");
step!(Delta, 1817, 12, "Fourth step, on low-pass rows: 0.443506852.");

/// Applies a step to a row, its neighbours given.
#[inline(always)]
pub(super) fn lift<S: Step, const INVERSE: bool>(row: &mut [i32], a: &[i32], b: &[i32]) {
    for ((x, &a), &b) in row.iter_mut().zip(a).zip(b) {
        let amount = S::amount(a, b);
        *x = if INVERSE { x.wrapping_sub(amount) } else { x.wrapping_add(amount) };
    }
}

/// Room for one row, split in its even (low-pass) and odd (high-pass) samples with mirrored samples around them.
#[derive(Debug, Default)]
pub(super) struct SplitRow {
    /// Even samples from index 0, and one more.
    low: Vec<i32>,
    /// Odd samples from index 1, one before and one more after them.
    high: Vec<i32>,
}

impl SplitRow {
    /// Room for rows of at most `width` samples.
    pub(super) fn new(width: usize) -> Self {
        Self { low: vec![0; width / 2 + 2], high: vec![0; width / 2 + 3] }
    }

    /// Transforms a row of samples into its low-pass half, then its high-pass half.
    pub(super) fn forward(&mut self, row: &mut [i32]) {
        if row.len() < 2 {
            return;
        }
        let (lows, highs) = (row.len().div_ceil(2), row.len() / 2);
        for (pair, (low, high)) in row.chunks_exact(2).zip(self.low.iter_mut().zip(&mut self.high[1..])) {
            (*low, *high) = (pair[0], pair[1]);
        }
        if lows > highs {
            self.low[highs] = row[row.len() - 1];
        }
        self.high_step::<Alpha, false>(lows, highs);
        self.low_step::<Beta, false>(lows, highs);
        self.high_step::<Gamma, false>(lows, highs);
        self.low_step::<Delta, false>(lows, highs);
        row[..lows].copy_from_slice(&self.low[..lows]);
        row[lows..].copy_from_slice(&self.high[1..=highs]);
    }

    /// Undoes [`SplitRow::forward`].
    pub(super) fn inverse(&mut self, row: &mut [i32]) {
        if row.len() < 2 {
            return;
        }
        let (lows, highs) = (row.len().div_ceil(2), row.len() / 2);
        self.low[..lows].copy_from_slice(&row[..lows]);
        self.high[1..=highs].copy_from_slice(&row[lows..]);
        self.low_step::<Delta, true>(lows, highs);
        self.high_step::<Gamma, true>(lows, highs);
        self.low_step::<Beta, true>(lows, highs);
        self.high_step::<Alpha, true>(lows, highs);
        for (pair, (low, high)) in row.chunks_exact_mut(2).zip(self.low.iter().zip(&self.high[1..])) {
            (pair[0], pair[1]) = (*low, *high);
        }
        if lows > highs {
            row[lows + highs - 1] = self.low[highs];
        }
    }

    fn high_step<S: Step, const INVERSE: bool>(&mut self, lows: usize, highs: usize) {
        // Sample n mirrors to n - 2, which matters for an even length only.
        self.low[lows] = self.low[lows - 1];
        lift::<S, INVERSE>(&mut self.high[1..=highs], &self.low[..highs], &self.low[1..=highs]);
    }

    fn low_step<S: Step, const INVERSE: bool>(&mut self, lows: usize, highs: usize) {
        self.high[0] = self.high[1];
        self.high[highs + 1] = self.high[highs];
        lift::<S, INVERSE>(&mut self.low[..lows], &self.high[..lows], &self.high[1..=lows]);
    }
}
