//! One number at a time: what every machine can do, and what the other sets of instructions must equal.

use super::lanes::Lanes;
use super::words::Words;

/// Vectors of one number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct One;

impl Lanes for One {
    const COUNT: usize = 1;
    type I32 = i32;

    #[inline(always)]
    fn splat(self, x: i32) -> i32 {
        x
    }
    #[inline(always)]
    fn load(self, from: &[i32]) -> i32 {
        from[0]
    }
    #[inline(always)]
    fn store(self, x: i32, to: &mut [i32]) {
        to[0] = x;
    }
    #[inline(always)]
    fn load_u8(self, from: &[u8]) -> i32 {
        from[0].into()
    }
    #[inline(always)]
    fn load_u16(self, from: &[u8]) -> i32 {
        u16::from_le_bytes([from[0], from[1]]).into()
    }
    #[inline(always)]
    fn load_u32(self, from: &[u8]) -> i32 {
        i32::from_le_bytes([from[0], from[1], from[2], from[3]])
    }
    #[inline(always)]
    fn store_u8(self, x: i32, to: &mut [u8]) {
        to[0] = x as u8;
    }
    #[inline(always)]
    fn store_u16(self, x: i32, to: &mut [u8]) {
        to[..2].copy_from_slice(&(x as u16).to_le_bytes());
    }
    #[inline(always)]
    fn store_u32(self, x: i32, to: &mut [u8]) {
        to[..4].copy_from_slice(&x.to_le_bytes());
    }
    #[inline(always)]
    fn load_words(self, from: &[u16]) -> i32 {
        from[0].into()
    }
    #[inline(always)]
    fn store_words(self, x: i32, to: &mut [u16]) {
        to[0] = x as u16;
    }
    #[inline(always)]
    fn load_i16(self, from: &[i16]) -> i32 {
        from[0].into()
    }
    #[inline(always)]
    fn store_i16(self, x: i32, to: &mut [i16]) {
        to[0] = x as i16;
    }
    #[inline(always)]
    fn load_i8(self, from: &[i8]) -> i32 {
        from[0].into()
    }
    #[inline(always)]
    fn add(self, a: i32, b: i32) -> i32 {
        a.wrapping_add(b)
    }
    #[inline(always)]
    fn sub(self, a: i32, b: i32) -> i32 {
        a.wrapping_sub(b)
    }
    #[inline(always)]
    fn mul(self, a: i32, b: i32) -> i32 {
        a.wrapping_mul(b)
    }
    #[inline(always)]
    fn shr<const N: i32>(self, a: i32) -> i32 {
        a >> N
    }
    #[inline(always)]
    fn shr_by(self, a: i32, bits: u32) -> i32 {
        a.wrapping_shr(bits)
    }
    #[inline(always)]
    fn shl_by(self, a: i32, bits: u32) -> i32 {
        a.wrapping_shl(bits)
    }
    #[inline(always)]
    fn and(self, a: i32, b: i32) -> i32 {
        a & b
    }
    #[inline(always)]
    fn or(self, a: i32, b: i32) -> i32 {
        a | b
    }
    #[inline(always)]
    fn min(self, a: i32, b: i32) -> i32 {
        a.min(b)
    }
    #[inline(always)]
    fn max(self, a: i32, b: i32) -> i32 {
        a.max(b)
    }
    #[inline(always)]
    fn min_u32(self, a: i32, b: i32) -> i32 {
        (a as u32).min(b as u32) as i32
    }
    #[inline(always)]
    fn abs(self, a: i32) -> i32 {
        a.wrapping_abs()
    }
    #[inline(always)]
    fn equal(self, a: i32, b: i32) -> i32 {
        if a == b { -1 } else { 0 }
    }
    #[inline(always)]
    fn scaled_f32(self, a: i32, factor: f32) -> i32 {
        (a as f32 * factor).to_bits() as i32
    }
    #[inline(always)]
    fn mul_high_u32(self, a: i32, b: i32) -> i32 {
        ((u64::from(a as u32) * u64::from(b as u32)) >> 32) as i32
    }
    #[inline(always)]
    fn after(self, before: i32, _: i32) -> i32 {
        before
    }
    #[inline(always)]
    fn split(self, a: i32, b: i32) -> (i32, i32) {
        (a, b)
    }
    #[inline(always)]
    fn merge(self, even: i32, odd: i32) -> (i32, i32) {
        (even, odd)
    }
}

/// Eight numbers of 16 bits, one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Eight;

/// Does something to each lane.
#[inline(always)]
fn each<T>(work: impl Fn(usize) -> T) -> [T; 8] {
    std::array::from_fn(work)
}

impl Words for Eight {
    const COUNT: usize = 8;
    type I16 = [i16; 8];
    type Sums = [i32; 8];
    type Pairs = u32;
    type Factors = [i16; 2];
    type Two = [[i16; 8]; 2];
    type Eight = Self;

    #[inline(always)]
    fn eight(self) -> Self {
        self
    }
    #[inline(always)]
    fn join(self, first: [i16; 8], _: [i16; 8]) -> [i16; 8] {
        first
    }
    #[inline(always)]
    fn splat(self, x: i16) -> [i16; 8] {
        [x; 8]
    }
    #[inline(always)]
    fn load(self, from: &[i16]) -> [i16; 8] {
        let from = &from[..8];
        each(|lane| from[lane])
    }
    #[inline(always)]
    fn store(self, x: [i16; 8], to: &mut [i16]) {
        to[..8].copy_from_slice(&x);
    }
    #[inline(always)]
    fn load_bytes(self, from: &[u8]) -> [i16; 8] {
        let from = &from[..8];
        each(|lane| from[lane].into())
    }
    #[inline(always)]
    fn store_bytes(self, x: [i16; 8], to: &mut [u8]) {
        to[..8].copy_from_slice(&x.map(|x| x.clamp(0, 255) as u8));
    }
    #[inline(always)]
    fn add(self, a: [i16; 8], b: [i16; 8]) -> [i16; 8] {
        each(|lane| a[lane].wrapping_add(b[lane]))
    }
    #[inline(always)]
    fn sub(self, a: [i16; 8], b: [i16; 8]) -> [i16; 8] {
        each(|lane| a[lane].wrapping_sub(b[lane]))
    }
    #[inline(always)]
    fn add_limited(self, a: [i16; 8], b: [i16; 8]) -> [i16; 8] {
        each(|lane| a[lane].saturating_add(b[lane]))
    }
    #[inline(always)]
    fn abs(self, a: [i16; 8]) -> [i16; 8] {
        a.map(i16::wrapping_abs)
    }
    #[inline(always)]
    fn max(self, a: [i16; 8], b: [i16; 8]) -> [i16; 8] {
        each(|lane| a[lane].max(b[lane]))
    }
    #[inline(always)]
    fn shr_by(self, a: [i16; 8], bits: u32) -> [i16; 8] {
        a.map(|x| x.wrapping_shr(bits))
    }
    #[inline(always)]
    fn zip(self, a: [i16; 8], b: [i16; 8]) -> ([i16; 8], [i16; 8]) {
        let taken = |lane: usize| if lane.is_multiple_of(2) { a[lane / 2] } else { b[lane / 2] };
        (each(taken), each(|lane| taken(lane + 8)))
    }
    #[inline(always)]
    fn weigh(self, a: [i16; 8], b: [i16; 8], wa: [i16; 8], wb: [i16; 8]) -> [i32; 8] {
        let product = |a: i16, b: i16| i32::from(a) * i32::from(b);
        each(|lane| product(a[lane], wa[lane]).wrapping_add(product(b[lane], wb[lane])))
    }
    #[inline(always)]
    fn factors(self, a: i16, b: i16) -> [i16; 2] {
        [a, b]
    }
    #[inline(always)]
    fn two(self, a: [i16; 8], b: [i16; 8]) -> [[i16; 8]; 2] {
        [a, b]
    }
    #[inline(always)]
    fn weigh_two(self, [a, b]: [[i16; 8]; 2], factors: [i16; 2]) -> [i32; 8] {
        self.weigh(a, b, [factors[0]; 8], [factors[1]; 8])
    }
    #[inline(always)]
    fn filter<const N: usize>(self, from: &[i16], factors: &[[i16; 2]; N]) -> [i32; 8] {
        let from = &from[..8 + 2 * N - 1];
        let tap =
            |lane: usize, tap: usize| i32::from(from[lane + tap]) * i32::from(factors[tap / 2][tap % 2]);
        each(|lane| (0..2 * N).fold(0i32, |sum, at| sum.wrapping_add(tap(lane, at))))
    }
    #[inline(always)]
    fn add_sums(self, a: [i32; 8], b: [i32; 8]) -> [i32; 8] {
        each(|lane| a[lane].wrapping_add(b[lane]))
    }
    #[inline(always)]
    fn narrow<const SHIFT: i32>(self, x: [i32; 8]) -> [i16; 8] {
        let limit = |x: i32| x.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        x.map(|x| limit(x.wrapping_add(1 << (SHIFT - 1)) >> SHIFT))
    }
    #[inline(always)]
    fn no_pairs(self) -> u32 {
        0
    }
    #[inline(always)]
    fn add_pairs(self, sum: u32, x: [i16; 8]) -> u32 {
        x.iter().fold(sum, |sum, &x| sum.wrapping_add_signed(x.into()))
    }
    #[inline(always)]
    fn add_differences(self, sum: u32, a: &[u8], b: &[u8]) -> u32 {
        let pairs = a[..8].iter().zip(&b[..8]);
        pairs.fold(sum, |sum, (&a, &b)| sum.wrapping_add(a.abs_diff(b).into()))
    }
    #[inline(always)]
    fn totals(self, sum: u32) -> [u32; 2] {
        [sum, 0]
    }
    #[inline(always)]
    fn load_means(self, [a, b]: [&[u8]; 2]) -> [i16; 8] {
        let (a, b) = (&a[..8], &b[..8]);
        each(|lane| (u16::from(a[lane]) + u16::from(b[lane])).div_ceil(2) as i16)
    }
}
