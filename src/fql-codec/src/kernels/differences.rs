//! How different two blocks are.

use super::{WordKernel, Words};

/// Two blocks of bytes, of `size` (8 or 16) in each direction: one, and the mean of two others, which may be the same,
/// rounded up.
#[derive(Clone, Copy)]
pub(crate) struct Blocks<'a> {
    pub own: &'a [u8],
    pub own_stride: usize,
    pub others: [&'a [u8]; 2],
    pub stride: usize,
    /// 8 or 16.
    pub size: usize,
}

/// Rows of as many bytes, a stride apart.
#[derive(Clone, Copy)]
struct Square<'a, const SIZE: usize> {
    bytes: &'a [u8],
    stride: usize,
}

impl<'a, const SIZE: usize> Square<'a, SIZE> {
    /// Panics where there are not so many bytes.
    #[inline(always)]
    fn new(bytes: &'a [u8], stride: usize) -> Self {
        let needed = stride.checked_mul(SIZE - 1).and_then(|before| before.checked_add(SIZE));
        assert!(needed.is_some_and(|needed| needed <= bytes.len()), "a block of {SIZE} rows {stride} apart");
        Self { bytes, stride }
    }

    /// Some bytes of a row. These are looked up so often that asking every time whether they are there is most of the
    /// work; what is asked here the compiler knows.
    #[inline(always)]
    fn row<const COUNT: usize>(&self, row: usize, column: usize) -> &'a [u8; COUNT] {
        assert!(row < SIZE && column < SIZE && COUNT <= SIZE - column);
        let at = row * self.stride + column;
        // SAFETY: the row and its bytes are in the block, as was asked above, and the block is in the slice, as `new` asked.
        unsafe { &*self.bytes.as_ptr().add(at).cast() }
    }
}

/// The sum of absolute differences of a block and the first of the others.
pub(crate) struct Absolute<'a>(pub Blocks<'a>);

impl WordKernel for Absolute<'_> {
    type Output = u32;

    #[inline(always)]
    fn run<L: Words>(self, lanes: L) -> u32 {
        match self.0.size {
            8 => self.sum::<_, 8>(lanes.eight()),
            _ => self.sum::<_, 16>(lanes),
        }
    }
}

impl Absolute<'_> {
    #[inline(always)]
    fn sum<L: Words, const SIZE: usize>(&self, lanes: L) -> u32 {
        let own = Square::<SIZE>::new(self.0.own, self.0.own_stride);
        let other = Square::<SIZE>::new(self.0.others[0], self.0.stride);
        let mut sum = lanes.no_pairs();
        for row in 0..SIZE {
            if L::COUNT == 16 {
                sum = lanes.add_differences(sum, own.row::<16>(row, 0), other.row::<16>(row, 0));
            } else {
                for column in 0..SIZE / 8 {
                    let column = 8 * column;
                    sum = lanes.add_differences(sum, own.row::<8>(row, column), other.row::<8>(row, column));
                }
            }
        }
        let [a, b] = lanes.totals(sum);
        a + b
    }
}

/// The sum of the magnitudes of the Hadamard transform of the difference, over 8, of each 8x8: that which the
/// difference takes to code, and the absolute difference where it is noise. Above left, above right, below left, below
/// right; a block of 8 has the first alone.
pub(crate) struct Transformed<'a>(pub Blocks<'a>);

impl WordKernel for Transformed<'_> {
    type Output = [u32; 4];

    #[inline(always)]
    fn run<L: Words>(self, lanes: L) -> [u32; 4] {
        match self.0.size {
            8 => self.sums::<_, 8>(lanes.eight()),
            _ => self.sums::<_, 16>(lanes),
        }
    }
}

impl Transformed<'_> {
    #[inline(always)]
    fn sums<L: Words, const SIZE: usize>(&self, lanes: L) -> [u32; 4] {
        let Blocks { own, own_stride, others: [a, b], stride, .. } = self.0;
        let own = Square::<SIZE>::new(own, own_stride);
        let others = [Square::<SIZE>::new(a, stride), Square::new(b, stride)];
        let mut sums = [0; 4];
        for row in (0..SIZE).step_by(8) {
            for column in (0..SIZE).step_by(L::COUNT) {
                let mut block = [lanes.splat(0); 8];
                for (line, x) in block.iter_mut().enumerate() {
                    *x = difference(lanes, own, others, (row + line, column));
                }
                let at = row / 8 * 2 + column / 8;
                put_sums(lanes, block, &mut sums[at..]);
            }
        }
        sums
    }
}

/// The same of one block of 8 and each of two others.
pub(crate) struct TransformedTwo<'a> {
    pub own: &'a [u8],
    pub own_stride: usize,
    /// Each the mean of two.
    pub others: [[&'a [u8]; 2]; 2],
    pub stride: usize,
}

impl WordKernel for TransformedTwo<'_> {
    type Output = [u32; 2];

    #[inline(always)]
    fn run<L: Words>(self, lanes: L) -> [u32; 2] {
        let Self { own, own_stride, others: [[a, b], [c, d]], stride } = self;
        let eight = lanes.eight();
        let own = Square::<8>::new(own, own_stride);
        let first = [Square::<8>::new(a, stride), Square::new(b, stride)];
        let second = [Square::<8>::new(c, stride), Square::new(d, stride)];
        let mut sums = [0; 2];
        if L::COUNT == 16 {
            let mut both = [lanes.splat(0); 8];
            for (row, x) in both.iter_mut().enumerate() {
                let first = difference(eight, own, first, (row, 0));
                *x = lanes.join(first, difference(eight, own, second, (row, 0)));
            }
            put_sums(lanes, both, &mut sums);
            return sums;
        }
        for (others, sum) in [first, second].into_iter().zip(sums.chunks_mut(1)) {
            let mut block = [eight.splat(0); 8];
            for (row, x) in block.iter_mut().enumerate() {
                *x = difference(eight, own, others, (row, 0));
            }
            put_sums(eight, block, sum);
        }
        sums
    }
}

/// The same of each 8x8 of a block of 16 and its mean, summed.
pub(crate) struct TransformedAlone<'a> {
    pub own: &'a [u8],
    pub stride: usize,
}

impl WordKernel for TransformedAlone<'_> {
    type Output = u32;

    #[inline(always)]
    fn run<L: Words>(self, lanes: L) -> u32 {
        let own = Square::<16>::new(self.own, self.stride);
        let mut sums = [0; 4];
        for row in [0, 8] {
            for column in (0..16).step_by(L::COUNT) {
                let mut block = [lanes.splat(0); 8];
                let mut total = lanes.no_pairs();
                for (line, x) in block.iter_mut().enumerate() {
                    *x = bytes(lanes, own, (row + line, column));
                    total = lanes.add_pairs(total, *x);
                }
                let [a, b] = lanes.totals(total);
                let eight = lanes.eight();
                let mean = |total: u32| ((total + 32) / 64) as i16;
                let means = lanes.join(eight.splat(mean(a)), eight.splat(mean(b)));
                for x in &mut block {
                    *x = lanes.sub(*x, means);
                }
                put_sums(lanes, block, &mut sums[row / 4 + column / 8..]);
            }
        }
        sums.iter().sum()
    }
}

/// Some bytes of a row as numbers.
#[inline(always)]
fn bytes<L: Words, const SIZE: usize>(lanes: L, own: Square<SIZE>, (row, column): (usize, usize)) -> L::I16 {
    if L::COUNT == 16 {
        lanes.load_bytes(own.row::<16>(row, column))
    } else {
        lanes.load_bytes(own.row::<8>(row, column))
    }
}

/// The difference of some bytes of a row and the mean of two others.
#[inline(always)]
fn difference<L: Words, const SIZE: usize>(
    lanes: L,
    own: Square<SIZE>,
    [a, b]: [Square<SIZE>; 2],
    (row, column): (usize, usize),
) -> L::I16 {
    let mean = if L::COUNT == 16 {
        lanes.load_means([a.row::<16>(row, column), b.row::<16>(row, column)])
    } else {
        lanes.load_means([a.row::<8>(row, column), b.row::<8>(row, column)])
    };
    lanes.sub(bytes(lanes, own, (row, column)), mean)
}

/// The sum of magnitudes, over 8, of each 8x8 of those beside each other: as many as there are eights of lanes.
#[inline(always)]
fn put_sums<L: Words>(lanes: L, block: [L::I16; 8], to: &mut [u32]) {
    let block = turned(lanes, sums_and_differences(lanes, block, [4, 2, 1]));
    let block = sums_and_differences(lanes, block, [4, 2, 0]);
    // Of the last step, the magnitudes of a sum and a difference together are twice the larger magnitude.
    let mut sum = lanes.no_pairs();
    for pair in block.chunks_exact(2) {
        let largest = lanes.max(lanes.abs(pair[0]), lanes.abs(pair[1]));
        sum = lanes.add_pairs(sum, lanes.add(largest, largest));
    }
    let [a, b] = lanes.totals(sum);
    to[0] = a / 8;
    if L::COUNT == 16 {
        to[1] = b / 8;
    }
}

/// Steps of the Hadamard transform between rows that are some rows apart; 0 for none.
#[inline(always)]
fn sums_and_differences<L: Words>(lanes: L, mut block: [L::I16; 8], distances: [usize; 3]) -> [L::I16; 8] {
    for distance in distances {
        if distance == 0 {
            continue;
        }
        for row in 0..8 {
            if row & distance == 0 {
                let (a, b) = (block[row], block[row + distance]);
                block[row] = lanes.add(a, b);
                block[row + distance] = lanes.sub(a, b);
            }
        }
    }
    block
}

/// Rows as columns, in each eight.
#[inline(always)]
fn turned<L: Words>(lanes: L, mut block: [L::I16; 8]) -> [L::I16; 8] {
    for _ in 0..3 {
        let [a, b, c, d, e, f, g, h] = block;
        let (x0, x1) = lanes.zip(a, e);
        let (x2, x3) = lanes.zip(b, f);
        let (x4, x5) = lanes.zip(c, g);
        let (x6, x7) = lanes.zip(d, h);
        block = [x0, x1, x2, x3, x4, x5, x6, x7];
    }
    block
}
