//! Samples between samples.

use std::ops::Range;

use super::{WordKernel, Words};

/// Taps of a filter.
pub(crate) const TAPS: usize = 8;
/// Taps before the sample that a filter is about.
pub(crate) const BEFORE: usize = 3;
/// The highest block.
pub(crate) const MAX_HEIGHT: usize = 8;
/// A block is made in columns of whole eights, of which the last may go on behind it.
pub(crate) const EIGHT: usize = 8;

/// The weights of a filter, in 1/64.
pub(crate) type Filter = [i16; TAPS];

/// A filter between two samples, half way from one to the other.
const MIDDLE: Filter = [-1, 4, -11, 40, 40, -11, 4, -1];

/// The weights of a filter of `2 N` taps, two and two: all of them, or those in the middle.
#[derive(Clone, Copy)]
struct Weights<L: Words, const N: usize>([L::Factors; N]);

impl<L: Words, const N: usize> Weights<L, N> {
    /// Taps of a filter that are left out on either side.
    const SKIPPED: usize = TAPS / 2 - N;

    #[inline(always)]
    fn new(lanes: L, filter: &Filter) -> Self {
        let mut weights = [lanes.factors(0, 0); N];
        for (at, weights) in weights.iter_mut().enumerate() {
            let at = Self::SKIPPED + 2 * at;
            *weights = lanes.factors(filter[at], filter[at + 1]);
        }
        Self(weights)
    }

    /// What it makes of rows, two and two, of which the first is the first that this filter takes.
    #[inline(always)]
    fn down(&self, lanes: L, rows: &[L::Two; N]) -> L::I16 {
        let mut sums = lanes.weigh_two(rows[0], self.0[0]);
        for (&rows, &weights) in rows.iter().zip(&self.0).skip(1) {
            sums = lanes.add_sums(sums, lanes.weigh_two(rows, weights));
        }
        lanes.narrow::<6>(sums)
    }
}

/// What is done to a row from left to right.
trait Across<L: Words> {
    /// What becomes of a vector of numbers, from the first that a filter of eight taps takes on.
    fn along(&self, lanes: L, from: &[i16]) -> L::I16;
}

impl<L: Words, const N: usize> Across<L> for Weights<L, N> {
    #[inline(always)]
    fn along(&self, lanes: L, from: &[i16]) -> L::I16 {
        lanes.narrow::<6>(lanes.filter(&from[Self::SKIPPED..], &self.0))
    }
}

/// Nothing.
struct Whole;

impl<L: Words> Across<L> for Whole {
    #[inline(always)]
    fn along(&self, lanes: L, from: &[i16]) -> L::I16 {
        lanes.load(&from[BEFORE..])
    }
}

/// A block of samples, of `width` times `height` (at most 8), between those of `source`, which begins three samples
/// above and to the left of the block and goes on behind its last row. A direction without a filter stays on whole
/// samples. The horizontal direction goes first; each result is rounded and saturated to 16 bits.
///
/// Each row is made in whole eights: what is behind its end, up to seven samples, is overwritten with anything.
pub(crate) struct Interpolate<'a> {
    pub source: &'a [i16],
    pub stride: usize,
    pub horizontal: Option<&'a Filter>,
    pub vertical: Option<&'a Filter>,
    pub width: usize,
    pub height: usize,
    pub out: &'a mut [i16],
    pub out_stride: usize,
}

impl WordKernel for Interpolate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Words>(mut self, lanes: L) {
        assert!(self.height <= MAX_HEIGHT, "a block of {} rows", self.height);
        // Chroma of half size has filters of four taps.
        let is_long = |filter: Option<&Filter>| filter.is_some_and(|&[a, b, .., g, h]| (a | b | g | h) != 0);
        if is_long(self.horizontal) || is_long(self.vertical) {
            self.with_taps::<_, 4>(lanes);
        } else {
            self.with_taps::<_, 2>(lanes);
        }
    }
}

impl Interpolate<'_> {
    /// With `2 N` taps.
    #[inline(always)]
    fn with_taps<L: Words, const N: usize>(&mut self, lanes: L) {
        let wide = self.width.next_multiple_of(EIGHT) / L::COUNT * L::COUNT;
        self.columns::<_, N>(lanes, 0..wide);
        self.columns::<_, N>(lanes.eight(), wide..self.width);
    }

    /// Some columns, a vector after the other.
    #[inline(always)]
    fn columns<L: Words, const N: usize>(&mut self, lanes: L, columns: Range<usize>) {
        match (self.horizontal, self.vertical) {
            (None, None) => self.level(lanes, columns, &Whole),
            (Some(across), None) => self.level(lanes, columns, &Weights::<L, N>::new(lanes, across)),
            (None, Some(down)) => self.upright(lanes, columns, &Whole, &Weights::<L, N>::new(lanes, down)),
            (Some(across), Some(down)) => {
                let across = Weights::<L, N>::new(lanes, across);
                self.upright(lanes, columns, &across, &Weights::<L, N>::new(lanes, down));
            }
        }
    }

    /// Without a vertical filter.
    #[inline(always)]
    fn level<L: Words>(&mut self, lanes: L, columns: Range<usize>, across: &impl Across<L>) {
        let mut at = columns.start;
        while at < columns.end {
            for row in 0..self.height {
                let x = across.along(lanes, &self.source[(BEFORE + row) * self.stride + at..]);
                lanes.store(x, &mut self.out[row * self.out_stride + at..]);
            }
            at += L::COUNT;
        }
    }

    /// With one.
    #[inline(always)]
    fn upright<L: Words, const N: usize>(
        &mut self,
        lanes: L,
        columns: Range<usize>,
        across: &impl Across<L>,
        down: &Weights<L, N>,
    ) {
        let nothing = lanes.splat(0);
        // Each row with the one below it serves up to four results.
        let mut rows = [lanes.two(nothing, nothing); MAX_HEIGHT + TAPS - 2];
        let rows = &mut rows[..self.height + 2 * N - 2];
        let first = Weights::<L, N>::SKIPPED;
        let mut at = columns.start;
        while at < columns.end {
            let mut above = across.along(lanes, &self.source[first * self.stride + at..]);
            for (row, two) in rows.iter_mut().enumerate() {
                let x = across.along(lanes, &self.source[(first + 1 + row) * self.stride + at..]);
                *two = lanes.two(above, x);
                above = x;
            }
            for row in 0..self.height {
                let mut taps = [rows[row]; N];
                for (at, taps) in taps.iter_mut().enumerate().skip(1) {
                    *taps = rows[row + 2 * at];
                }
                let x = down.down(lanes, &taps);
                lanes.store(x, &mut self.out[row * self.out_stride + at..]);
            }
            at += L::COUNT;
        }
    }
}

/// Mixes columns of a block with those of another one, each column as the weights of the other one say, in 1/64. In rows
/// of eight, a stride apart.
pub(crate) struct MixAcross<'a> {
    /// Counts for what is left of 64.
    pub before: &'a [i16; 8 * MAX_HEIGHT],
    pub weights: &'a [i16; 8],
    pub out: &'a mut [i16],
    pub stride: usize,
    pub height: usize,
}

impl WordKernel for MixAcross<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Words>(self, lanes: L) {
        let lanes = lanes.eight();
        let weights = lanes.load(self.weights);
        let rest = lanes.sub(lanes.splat(64), weights);
        let rows = self.out.chunks_mut(self.stride).zip(self.before.chunks_exact(8));
        for (out, before) in rows.take(self.height) {
            let sums = lanes.weigh(lanes.load(before), lanes.load(out), rest, weights);
            lanes.store(lanes.narrow::<6>(sums), out);
        }
    }
}

/// Mixes rows of a block with those of another one, each row as the weight of the other one says, in 1/64. The width is
/// a multiple of eight.
pub(crate) struct MixDown<'a> {
    pub out: &'a mut [i16],
    pub stride: usize,
    pub below: &'a [i16],
    pub below_stride: usize,
    pub width: usize,
    /// A weight for each row.
    pub weights: &'a [i16],
}

impl WordKernel for MixDown<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Words>(self, lanes: L) {
        let rows = self.out.chunks_mut(self.stride).zip(self.below.chunks(self.below_stride));
        for ((out, below), &weight) in rows.zip(self.weights) {
            let wide = self.width / L::COUNT * L::COUNT;
            mix(lanes, &mut out[..wide], &below[..wide], weight);
            mix(lanes.eight(), &mut out[wide..self.width], &below[wide..self.width], weight);
        }
    }
}

/// Mixes whole vectors.
#[inline(always)]
fn mix<L: Words>(lanes: L, out: &mut [i16], other: &[i16], weight: i16) {
    let factors = lanes.factors(64 - weight, weight);
    for (out, other) in out.chunks_exact_mut(L::COUNT).zip(other.chunks_exact(L::COUNT)) {
        let two = lanes.two(lanes.load(out), lanes.load(other));
        lanes.store(lanes.narrow::<6>(lanes.weigh_two(two, factors)), out);
    }
}

/// Samples in 8 bits: those around zero, shifted right by `shift` (1 to 15) and rounded, with 128 added.
#[inline(always)]
fn byte<L: Words>(lanes: L, x: L::I16, shift: u32) -> L::I16 {
    let half = lanes.splat(1 << (shift - 1));
    lanes.add_limited(lanes.shr_by(lanes.add_limited(x, half), shift), lanes.splat(128))
}

/// Rows of a plane in 8 bits, and what lies in the middle between samples and those to the right of them, in 16 bits
/// and in 8. The first three and the last four of what lies between are not touched.
pub(crate) struct MiddleAcross<'a> {
    pub source: &'a [i16],
    /// Bits of a sample beyond 8, 1 to 15.
    pub shift: u32,
    pub whole: &'a mut [u8],
    pub between: &'a mut [i16],
    pub right: &'a mut [u8],
}

impl WordKernel for MiddleAcross<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Words>(self, lanes: L) {
        let Self { source, shift, whole, between, right } = self;
        for at in places::<L>(source.len()) {
            lanes.store_bytes(byte(lanes, lanes.load(&source[at..]), shift), &mut whole[at..]);
        }
        let filter = Weights::<L, 4>::new(lanes, &MIDDLE);
        for at in places::<L>(source.len().saturating_sub(TAPS - 1)) {
            let x = filter.along(lanes, &source[at..]);
            lanes.store(x, &mut between[at + BEFORE..]);
            lanes.store_bytes(byte(lanes, x, shift), &mut right[at + BEFORE..]);
        }
    }
}

/// What lies in the middle between the samples of the fourth and of the fifth of eight rows, in 8 bits.
pub(crate) struct MiddleDown<'a> {
    /// From the first row on.
    pub source: &'a [i16],
    pub stride: usize,
    /// Bits of a sample beyond 8, 1 to 15.
    pub shift: u32,
    pub to: &'a mut [u8],
}

impl WordKernel for MiddleDown<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Words>(self, lanes: L) {
        let Self { source, stride, shift, to } = self;
        let filter = Weights::<L, 4>::new(lanes, &MIDDLE);
        let len = to.len();
        let [a, b, c, d, e, f, g, h]: [&[i16]; TAPS] =
            std::array::from_fn(|tap| &source[tap * stride..][..len]);
        for at in places::<L>(len) {
            let twos = [
                lanes.two(lanes.load(&a[at..]), lanes.load(&b[at..])),
                lanes.two(lanes.load(&c[at..]), lanes.load(&d[at..])),
                lanes.two(lanes.load(&e[at..]), lanes.load(&f[at..])),
                lanes.two(lanes.load(&g[at..]), lanes.load(&h[at..])),
            ];
            lanes.store_bytes(byte(lanes, filter.down(lanes, &twos), shift), &mut to[at..]);
        }
    }
}

/// Where the vectors of a row of numbers begin, of which there is one vector at least. The last one ends where the row
/// does, so that it may have a part of the one before it.
#[inline(always)]
fn places<L: Words>(len: usize) -> impl Iterator<Item = usize> {
    assert!(len >= L::COUNT, "a row of {len}");
    (0..len.div_ceil(L::COUNT)).map(move |number| (number * L::COUNT).min(len - L::COUNT))
}
