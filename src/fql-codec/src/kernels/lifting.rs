//! The CDF 9/7 wavelet as lifting steps, in integers: all four of a direction in one sweep.
//!
//! Source: I. Daubechies and W. Sweldens, "Factoring wavelet transforms into lifting steps", 1998. The four
//! factors are rounded to dyadic fractions, exact enough that the high-pass leaks 0.01 of a sample's unit of a
//! constant of 8 bits, and small enough that products fit in 32 bits. The two scalings at the end are left out:
//! the bands' weights hold them. Every step is undone exactly, so that forward and inverse lose nothing.
//!
//! Arithmetic wraps: the coefficients of a real picture come nowhere near the limit, and those of garbage may be
//! anything.
//!
//! A signal continues mirrored at its first and last sample. As each step adds the same to a sample and to its mirror
//! image, mirroring the samples before the first step is the same as mirroring before each; so these kernels know
//! nothing of ends.

use super::{Kernel, Lanes};

/// How many mirrored samples a result depends on.
pub(crate) const REACH: usize = 4;
/// Numbers in front of a row that kernels may read, and write nonsense to; those next to the row are mirrored.
pub(crate) const BEFORE: usize = 32;
/// The same after the row.
const AFTER: usize = 32;
/// The most lanes that there are, twice: a row's length is rounded up to a multiple.
const ROUND: usize = 16;
/// The results of a vector depend on four pairs of samples before it.
const WARM_UP: usize = 4;

/// How many numbers a row of samples needs with what is in front of it and after it.
pub(crate) fn padded(width: usize) -> usize {
    BEFORE + width.next_multiple_of(ROUND) + AFTER
}

/// The samples of a padded row, their number rounded up to whole vectors.
pub(crate) fn inner(row: &mut [i32], width: usize) -> &mut [i32] {
    &mut row[BEFORE..][..width.next_multiple_of(ROUND)]
}

/// Where a signal of `len` samples, two at least, has what is mirrored to a place.
pub(crate) fn mirrored(at: isize, len: usize) -> usize {
    let last = len as isize - 1;
    let at = at.rem_euclid(2 * last);
    (if at > last { 2 * last - at } else { at }) as usize
}

/// Puts the mirrored samples around those of a padded row, of which there are at least two.
pub(crate) fn mirror_ends(row: &mut [i32], width: usize) {
    for distance in 1..=REACH {
        let after = width + distance - 1;
        row[BEFORE - distance] = row[BEFORE + mirrored(-(distance as isize), width)];
        row[BEFORE + after] = row[BEFORE + mirrored(after as isize, width)];
    }
}

/// One lifting step: adds a part of the sum of two neighbours, or takes it away again.
trait Step {
    /// What is added, from the sum.
    fn amount<L: Lanes>(lanes: L, sum: L::I32) -> L::I32;

    #[inline(always)]
    fn add<L: Lanes>(lanes: L, x: L::I32, a: L::I32, b: L::I32) -> L::I32 {
        lanes.add(x, Self::amount(lanes, lanes.add(a, b)))
    }

    #[inline(always)]
    fn take<L: Lanes>(lanes: L, x: L::I32, a: L::I32, b: L::I32) -> L::I32 {
        lanes.sub(x, Self::amount(lanes, lanes.add(a, b)))
    }
}

macro_rules! step {
    ($name:ident, $factor:expr, $shift:expr, $doc:expr) => {
        #[doc = $doc]
        struct $name;
        impl Step for $name {
            #[inline(always)]
            fn amount<L: Lanes>(lanes: L, sum: L::I32) -> L::I32 {
                let product = lanes.mul(sum, lanes.splat($factor));
                lanes.shr::<$shift>(lanes.add(product, lanes.splat(1 << ($shift - 1))))
            }
        }
    };
}

step!(Alpha, -203, 7, "First step, on high-pass samples: -1.586134342.");
step!(Beta, -217, 12, "Second step, on low-pass samples: -0.052980118.");
step!(Gamma, 113, 7, "Third step, on high-pass samples: 0.882911076.");

/// Fourth step, on low-pass samples: 0.443506852, as 1817 / 2^12.
struct Delta;

impl Step for Delta {
    /// `(sum * 1817 + 2^11) >> 12` in another order: high-pass results of the coarsest level are so large, with 10 and 12
    /// bits, that this product would not fit in 32 bits.
    #[inline(always)]
    fn amount<L: Lanes>(lanes: L, sum: L::I32) -> L::I32 {
        let eighth = lanes.shr::<3>(lanes.add(sum, lanes.splat(1 << 11)));
        lanes.shr::<9>(lanes.add(lanes.mul(sum, lanes.splat(227)), eighth))
    }
}

/// The four vertical steps, each on another row, so that every row is read and written once for all of them. Rows 2t - 3
/// to 2t + 2, of the same length, a multiple of 16: the last two are samples; in the others the steps before have been
/// done. Row 2t - 2 and row 2t - 1 are done then.
pub(crate) struct ForwardRows<'a>(pub [&'a mut [i32]; 6]);

impl Kernel for ForwardRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let [high_done, low_before, high_before, low, high, low_after] = self.0;
        let before = high_done.chunks_exact(L::COUNT).zip(low_before.chunks_exact_mut(L::COUNT));
        let here = high_before.chunks_exact_mut(L::COUNT).zip(low.chunks_exact_mut(L::COUNT));
        let after = high.chunks_exact_mut(L::COUNT).zip(low_after.chunks_exact(L::COUNT));
        for (((high_done, low_before), (high_before, low)), (high, low_after)) in before.zip(here).zip(after)
        {
            let (s, d_before, s_before) = (lanes.load(low), lanes.load(high_before), lanes.load(low_before));
            let d = Alpha::add(lanes, lanes.load(high), s, lanes.load(low_after));
            let s = Beta::add(lanes, s, d_before, d);
            let d_before = Gamma::add(lanes, d_before, s_before, s);
            let s_before = Delta::add(lanes, s_before, lanes.load(high_done), d_before);
            lanes.store(d, high);
            lanes.store(s, low);
            lanes.store(d_before, high_before);
            lanes.store(s_before, low_before);
        }
    }
}

/// Undoes [`ForwardRows`]: rows 2t - 4 to 2t + 1, of which the last two are coefficients. Row 2t - 3 and row 2t - 2 are
/// done then.
pub(crate) struct InverseRows<'a>(pub [&'a mut [i32]; 6]);

impl Kernel for InverseRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let [low_done, high_done, low_before, high_before, low, high] = self.0;
        let done = low_done.chunks_exact(L::COUNT).zip(high_done.chunks_exact_mut(L::COUNT));
        let before = low_before.chunks_exact_mut(L::COUNT).zip(high_before.chunks_exact_mut(L::COUNT));
        let here = low.chunks_exact_mut(L::COUNT).zip(high.chunks_exact(L::COUNT));
        for (((low_done, high_done), (low_before, high_before)), (low, high)) in done.zip(before).zip(here) {
            let (d_before, d_done) = (lanes.load(high_before), lanes.load(high_done));
            let s = Delta::take(lanes, lanes.load(low), d_before, lanes.load(high));
            let s_before = lanes.load(low_before);
            let d_before = Gamma::take(lanes, d_before, s_before, s);
            let s_before = Beta::take(lanes, s_before, d_done, d_before);
            let d_done = Alpha::take(lanes, d_done, lanes.load(low_done), s_before);
            lanes.store(s, low);
            lanes.store(d_before, high_before);
            lanes.store(s_before, low_before);
            lanes.store(d_done, high_done);
        }
    }
}

/// The four horizontal steps on a padded row with its ends mirrored, into its low-pass and its high-pass results.
///
/// The steps go along the row together, each a sample behind the one before it.
pub(crate) struct ForwardRow<'a> {
    pub row: &'a [i32],
    pub low: &'a mut [i32],
    pub high: &'a mut [i32],
}

impl Kernel for ForwardRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { row, low, high } = self;
        let first = WARM_UP.max(L::COUNT);
        let mut steps = ForwardSteps::new(lanes);
        // Pairs are of a high-pass sample and the low-pass sample after it.
        let pairs = &row[BEFORE + 1 - 2 * first..];
        let pair = |number: usize| &pairs[2 * L::COUNT * number..][..2 * L::COUNT];
        let place = |number: usize| (number * L::COUNT) as isize - first as isize - 1;
        let before = first / L::COUNT + 1;
        for number in 0..before {
            let (s, d) = steps.next(lanes, pair(number));
            put(lanes, s, low, place(number));
            put(lanes, d, high, place(number));
        }
        // From here on vectors are whole, up to the last.
        let whole = ((high.len() + 1) / L::COUNT).saturating_sub(1);
        let lows = low.get_mut(L::COUNT - 1..).unwrap_or_default().chunks_exact_mut(L::COUNT);
        let highs = high.get_mut(L::COUNT - 1..).unwrap_or_default().chunks_exact_mut(L::COUNT);
        let inner = pairs[2 * L::COUNT * before..][..2 * L::COUNT * whole].chunks_exact(2 * L::COUNT);
        for (pair, (low, high)) in inner.zip(lows.zip(highs)) {
            let (s, d) = steps.next(lanes, pair);
            lanes.store(s, low);
            lanes.store(d, high);
        }
        for number in before + whole..(first + low.len() + 1).div_ceil(L::COUNT) {
            let (s, d) = steps.next(lanes, pair(number));
            put(lanes, s, low, place(number));
            put(lanes, d, high, place(number));
        }
    }
}

/// The last results of the steps along a row.
struct ForwardSteps<L: Lanes> {
    next: L::I32,
    d1: L::I32,
    s1: L::I32,
    d2: L::I32,
}

impl<L: Lanes> ForwardSteps<L> {
    #[inline(always)]
    fn new(lanes: L) -> Self {
        let nothing = lanes.splat(0);
        Self { next: nothing, d1: nothing, s1: nothing, d2: nothing }
    }

    /// Takes the next pairs of samples, and gives the low-pass and the high-pass results of the pairs that are one
    /// before them.
    #[inline(always)]
    fn next(&mut self, lanes: L, pairs: &[i32]) -> (L::I32, L::I32) {
        let (d, next) = lanes.split(lanes.load(pairs), lanes.load(&pairs[L::COUNT..]));
        let s = lanes.after(self.next, next);
        let d1 = Alpha::add(lanes, d, s, next);
        let d1_before = lanes.after(self.d1, d1);
        let s1 = Beta::add(lanes, s, d1_before, d1);
        let s1_before = lanes.after(self.s1, s1);
        let d2 = Gamma::add(lanes, d1_before, s1_before, s1);
        let s2 = Delta::add(lanes, s1_before, lanes.after(self.d2, d2), d2);
        *self = Self { next, d1, s1, d2 };
        (s2, d2)
    }
}

/// Writes numbers from a place on, as far as there is room; the place may be before the first.
#[inline(always)]
fn put<L: Lanes>(lanes: L, x: L::I32, out: &mut [i32], at: isize) {
    if at >= 0 && at as usize + L::COUNT <= out.len() {
        lanes.store(x, &mut out[at as usize..]);
    } else {
        let mut some = [0; 8];
        lanes.store(x, &mut some);
        put_some(&some[..L::COUNT], out, at);
    }
}

#[inline(never)]
fn put_some(some: &[i32], out: &mut [i32], at: isize) {
    for (at, &x) in (at..).zip(some) {
        if let Some(out) = usize::try_from(at).ok().and_then(|at| out.get_mut(at)) {
            *out = x;
        }
    }
}

/// Room for the two halves of a transformed row, with their mirrored ends.
#[derive(Debug, Default)]
pub(crate) struct Halves {
    low: Vec<i32>,
    high: Vec<i32>,
}

/// In front of a half.
const BEFORE_HALF: usize = 8;
/// After a half.
const AFTER_HALF: usize = 16;

impl Halves {
    /// Room for rows of at most `width` samples.
    pub(crate) fn new(width: usize) -> Self {
        let len = BEFORE_HALF + width / 2 + 1 + AFTER_HALF;
        Self { low: vec![0; len], high: vec![0; len] }
    }

    /// Takes the halves of a transformed row of at least two samples.
    pub(crate) fn take(&mut self, row: &[i32]) {
        let width = row.len();
        let (low, high) = row.split_at(width.div_ceil(2));
        self.low[BEFORE_HALF..][..low.len()].copy_from_slice(low);
        self.high[BEFORE_HALF..][..high.len()].copy_from_slice(high);
        for at in [-2, -1, 0, 1] {
            let after = low.len() as isize + at;
            for at in [at, after] {
                let place = (BEFORE_HALF as isize + at) as usize;
                self.low[place] = low[mirrored(2 * at, width) / 2];
                self.high[place] = high[mirrored(2 * at + 1, width) / 2];
            }
        }
    }
}

/// Undoes [`ForwardRow`]: from the halves of a row of `width` samples into a padded row.
pub(crate) struct InverseRow<'a> {
    pub halves: &'a Halves,
    pub row: &'a mut [i32],
    pub width: usize,
}

impl Kernel for InverseRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let first = WARM_UP.max(L::COUNT);
        let count = (first + self.width.div_ceil(2) + 2).div_ceil(L::COUNT);
        let low = self.halves.low[BEFORE_HALF - first..][..count * L::COUNT].chunks_exact(L::COUNT);
        let high = self.halves.high[BEFORE_HALF - first..][..count * L::COUNT].chunks_exact(L::COUNT);
        // Results are of two pairs before.
        let out = &mut self.row[BEFORE - 2 * first - 4..][..2 * L::COUNT * count];
        let nothing = lanes.splat(0);
        let (mut last_d2, mut last_s1, mut last_d1, mut last_s0) = (nothing, nothing, nothing, nothing);
        for ((low, high), out) in low.zip(high).zip(out.chunks_exact_mut(2 * L::COUNT)) {
            let d2 = lanes.load(high);
            let d2_before = lanes.after(last_d2, d2);
            let s1 = Delta::take(lanes, lanes.load(low), d2_before, d2);
            let s1_before = lanes.after(last_s1, s1);
            let d1 = Gamma::take(lanes, d2_before, s1_before, s1);
            let d1_before = lanes.after(last_d1, d1);
            let s0 = Beta::take(lanes, s1_before, d1_before, d1);
            let s0_before = lanes.after(last_s0, s0);
            let d0 = Alpha::take(lanes, d1_before, s0_before, s0);
            (last_d2, last_s1, last_d1, last_s0) = (d2, s1, d1, s0);
            let (a, b) = lanes.merge(s0_before, d0);
            lanes.store(a, out);
            lanes.store(b, &mut out[L::COUNT..]);
        }
    }
}
