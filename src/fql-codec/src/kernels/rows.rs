//! Rows of samples between where they lie in memory and where they are worked on.

use super::{Kernel, Lanes, One};

/// How the samples of a row lie in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packing {
    /// Bytes from one sample to the next.
    pub step: usize,
    /// Whether a sample is in one byte; in two, the less significant first, otherwise.
    pub bytes: bool,
    /// Unused bits under a sample.
    pub shift: u32,
    /// The largest sample. What is read is limited to it, and so is what is written.
    pub max: i32,
}

/// A way to hold samples that vectors of them can be read from and written to.
trait Pack {
    /// Bytes from one sample to the next.
    const STEP: usize;
    fn load<L: Lanes>(lanes: L, from: &[u8]) -> L::I32;
    /// Writes samples, and leaves what is between them as it is.
    fn store<L: Lanes>(lanes: L, x: L::I32, to: &mut [u8]);
}

/// Bytes, one after the other.
struct Bytes;
/// One byte of two.
struct BytesOfTwo;
/// One byte of four.
struct BytesOfFour;
/// Pairs of bytes, one after the other.
struct Words;
/// One pair of bytes of two.
struct WordsOfTwo;

impl Pack for Bytes {
    const STEP: usize = 1;
    #[inline(always)]
    fn load<L: Lanes>(lanes: L, from: &[u8]) -> L::I32 {
        lanes.load_u8(from)
    }
    #[inline(always)]
    fn store<L: Lanes>(lanes: L, x: L::I32, to: &mut [u8]) {
        lanes.store_u8(x, to);
    }
}

impl Pack for Words {
    const STEP: usize = 2;
    #[inline(always)]
    fn load<L: Lanes>(lanes: L, from: &[u8]) -> L::I32 {
        lanes.load_u16(from)
    }
    #[inline(always)]
    fn store<L: Lanes>(lanes: L, x: L::I32, to: &mut [u8]) {
        lanes.store_u16(x, to);
    }
}

macro_rules! part {
    ($name:ident, $step:expr, $mask:expr, $load:ident, $store:ident) => {
        impl Pack for $name {
            const STEP: usize = $step;
            #[inline(always)]
            fn load<L: Lanes>(lanes: L, from: &[u8]) -> L::I32 {
                lanes.and(lanes.$load(from), lanes.splat($mask))
            }
            #[inline(always)]
            fn store<L: Lanes>(lanes: L, x: L::I32, to: &mut [u8]) {
                let others = lanes.and(lanes.$load(to), lanes.splat(!$mask));
                lanes.$store(lanes.or(x, others), to);
            }
        }
    };
}

part!(BytesOfTwo, 2, 0xff, load_u16, store_u16);
part!(BytesOfFour, 4, 0xff, load_u32, store_u32);
part!(WordsOfTwo, 4, 0xffff, load_u32, store_u32);

/// Reads samples, takes `middle` away, and shifts them left by `fraction`.
pub(crate) struct ReadRow<'a> {
    /// The bytes from the first sample on; the last sample may end before its step does.
    pub from: &'a [u8],
    pub packing: Packing,
    pub middle: i32,
    pub fraction: u32,
    pub to: &'a mut [i32],
}

impl Kernel for ReadRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let done = match (self.packing.bytes, self.packing.step) {
            (true, 1) => self.vectors::<L, Bytes>(lanes),
            (true, 2) => self.vectors::<L, BytesOfTwo>(lanes),
            (true, 4) => self.vectors::<L, BytesOfFour>(lanes),
            (false, 2) => self.vectors::<L, Words>(lanes),
            (false, 4) => self.vectors::<L, WordsOfTwo>(lanes),
            _ => 0,
        };
        self.rest(done);
    }
}

impl ReadRow<'_> {
    /// Reads all whole vectors. How many samples those have.
    #[inline(always)]
    fn vectors<L: Lanes, P: Pack>(&mut self, lanes: L) -> usize {
        let Packing { shift, max, .. } = self.packing;
        let (max, middle, fraction) = (lanes.splat(max), lanes.splat(self.middle), self.fraction);
        let from = self.from.chunks_exact(P::STEP * L::COUNT);
        let to = self.to.chunks_exact_mut(L::COUNT);
        let done = from.len().min(to.len()) * L::COUNT;
        for (from, to) in from.zip(to) {
            let x = lanes.min(lanes.shr_by(P::load(lanes, from), shift), max);
            lanes.store(lanes.shl_by(lanes.sub(x, middle), fraction), to);
        }
        done
    }

    #[inline(always)]
    fn rest(&mut self, done: usize) {
        let Packing { step, bytes, shift, max } = self.packing;
        let from = self.from.get(done * step..).unwrap_or_default();
        for (x, from) in self.to[done..].iter_mut().zip(from.chunks(step)) {
            let sample = if bytes { from[0].into() } else { u16::from_le_bytes([from[0], from[1]]) };
            *x = ((i32::from(sample) >> shift).min(max) - self.middle) << self.fraction;
        }
    }
}

/// Writes samples that have `FRACTION` fractional bits, rounded and limited to the samples that there are.
pub(crate) struct WriteRow<'a, const FRACTION: i32> {
    pub from: &'a [i32],
    pub packing: Packing,
    /// The bytes from the first sample on; the last sample may end before its step does.
    pub to: &'a mut [u8],
}

impl<const FRACTION: i32> Kernel for WriteRow<'_, FRACTION> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let done = match (self.packing.bytes, self.packing.step) {
            (true, 1) => self.vectors::<L, Bytes>(lanes),
            (true, 2) => self.vectors::<L, BytesOfTwo>(lanes),
            (true, 4) => self.vectors::<L, BytesOfFour>(lanes),
            (false, 2) => self.vectors::<L, Words>(lanes),
            (false, 4) => self.vectors::<L, WordsOfTwo>(lanes),
            _ => 0,
        };
        self.rest(done);
    }
}

impl<const FRACTION: i32> WriteRow<'_, FRACTION> {
    /// Writes all whole vectors. How many samples those have.
    #[inline(always)]
    fn vectors<L: Lanes, P: Pack>(&mut self, lanes: L) -> usize {
        let Packing { shift, max, .. } = self.packing;
        let from = self.from.chunks_exact(L::COUNT);
        let to = self.to.chunks_exact_mut(P::STEP * L::COUNT);
        let done = from.len().min(to.len()) * L::COUNT;
        for (from, to) in from.zip(to) {
            let x = rounded::<L, FRACTION>(lanes, lanes.load(from), max);
            P::store(lanes, lanes.shl_by(x, shift), to);
        }
        done
    }

    #[inline(always)]
    fn rest(&mut self, done: usize) {
        let Packing { step, bytes, shift, max } = self.packing;
        let to = self.to.get_mut(done * step..).unwrap_or_default();
        for (&x, to) in self.from[done..].iter().zip(to.chunks_mut(step)) {
            let sample = (rounded::<_, FRACTION>(One, x, max) << shift) as u16;
            let [low, high] = sample.to_le_bytes();
            to[0] = low;
            if !bytes {
                to[1] = high;
            }
        }
    }
}

/// The nearest samples, the greater of two.
#[inline(always)]
fn rounded<L: Lanes, const FRACTION: i32>(lanes: L, x: L::I32, max: i32) -> L::I32 {
    // A half is added after half of the shift, where it cannot overflow.
    let x = lanes.shr_by(x, FRACTION as u32 - 1);
    let x = lanes.shr::<1>(lanes.add(x, lanes.splat(1)));
    lanes.min(lanes.max(x, lanes.splat(0)), lanes.splat(max))
}

/// What is done to each number of a row.
trait Change {
    /// What becomes of numbers, and what is beside them.
    fn apply<L: Lanes>(&self, lanes: L, x: L::I32, beside: L::I32) -> L::I32;
}

/// Changes each number of a row, with the one beside it in another row of the same length, or with 0 where that is empty.
#[inline(always)]
fn change<L: Lanes>(lanes: L, row: &mut [i32], beside: &[i16], work: &impl Change) {
    let (row, row_rest) = row.split_at_mut(row.len() - row.len() % L::COUNT);
    if beside.is_empty() {
        for x in row.chunks_exact_mut(L::COUNT) {
            lanes.store(work.apply(lanes, lanes.load(x), lanes.splat(0)), x);
        }
        row_rest.iter_mut().for_each(|x| *x = work.apply(One, *x, 0));
        return;
    }
    let (beside, beside_rest) = beside.split_at(row.len());
    for (x, beside) in row.chunks_exact_mut(L::COUNT).zip(beside.chunks_exact(L::COUNT)) {
        lanes.store(work.apply(lanes, lanes.load(x), lanes.load_i16(beside)), x);
    }
    for (x, &beside) in row_rest.iter_mut().zip(beside_rest) {
        *x = work.apply(One, *x, beside.into());
    }
}

/// Turns numbers around zero into those that are shown: shifted left by `up`, with `middle`, which is not negative,
/// added. Sums that are too large are the largest number.
pub(crate) struct Raise<'a> {
    pub row: &'a mut [i32],
    pub up: u32,
    pub middle: i32,
}

impl Kernel for Raise<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        change(lanes, self.row, &[], &Raised { up: self.up, middle: self.middle });
    }
}

struct Raised {
    up: u32,
    middle: i32,
}

impl Change for Raised {
    #[inline(always)]
    fn apply<L: Lanes>(&self, lanes: L, x: L::I32, _: L::I32) -> L::I32 {
        let shifted = lanes.shl_by(x, self.up);
        lanes.add(lanes.min(shifted, lanes.splat(i32::MAX - self.middle)), lanes.splat(self.middle))
    }
}

/// Adds what is predicted of samples.
pub(crate) struct Add<'a> {
    pub row: &'a [i32],
    pub predicted: &'a [i16],
    pub to: &'a mut [i32],
}

impl Kernel for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { row, predicted, to } = self;
        let whole = row.len() - row.len() % L::COUNT;
        let (to, to_rest) = to.split_at_mut(whole);
        let from = row.chunks_exact(L::COUNT).zip(predicted.chunks_exact(L::COUNT));
        for ((row, predicted), to) in from.zip(to.chunks_exact_mut(L::COUNT)) {
            lanes.store(lanes.add(lanes.load(row), lanes.load_i16(predicted)), to);
        }
        for ((&x, &predicted), to) in row[whole..].iter().zip(&predicted[whole..]).zip(to_rest) {
            *to = x.wrapping_add(predicted.into());
        }
    }
}

/// Takes away what is predicted of samples.
pub(crate) struct Subtract<'a> {
    pub row: &'a mut [i32],
    pub predicted: &'a [i16],
}

impl Kernel for Subtract<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        change(lanes, self.row, self.predicted, &Difference);
    }
}

struct Difference;

impl Change for Difference {
    #[inline(always)]
    fn apply<L: Lanes>(&self, lanes: L, x: L::I32, beside: L::I32) -> L::I32 {
        lanes.sub(x, beside)
    }
}

/// Keeps samples in 16 bits, limited to a range.
pub(crate) struct Keep<'a> {
    pub from: &'a [i32],
    pub least: i16,
    pub most: i16,
    pub to: &'a mut [i16],
}

impl Kernel for Keep<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { from, least, most, to } = self;
        let (from, from_rest) = from.split_at(from.len() - from.len() % L::COUNT);
        let (to, to_rest) = to.split_at_mut(from.len());
        let (low, high) = (lanes.splat(least.into()), lanes.splat(most.into()));
        for (from, to) in from.chunks_exact(L::COUNT).zip(to.chunks_exact_mut(L::COUNT)) {
            lanes.store_i16(lanes.min(lanes.max(lanes.load(from), low), high), to);
        }
        for (&x, to) in from_rest.iter().zip(to_rest) {
            *to = x.clamp(least.into(), most.into()) as i16;
        }
    }
}
