//! The vectors of 128 bits of WebAssembly, for modules that are built with them.

use std::arch::wasm32::*;

use super::lanes::Lanes;
use super::words::Words;

/// Vectors of 4 numbers of 32 bits. Only compiled where the target has them, where all of these are safe to call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Simd128(());

impl Simd128 {
    pub(super) fn new() -> Self {
        Self(())
    }
}

impl Lanes for Simd128 {
    const COUNT: usize = 4;
    type I32 = v128;

    #[inline(always)]
    fn splat(self, x: i32) -> v128 {
        i32x4_splat(x)
    }
    #[inline(always)]
    fn load(self, from: &[i32]) -> v128 {
        let from = &from[..4];
        // SAFETY: there are 4 numbers, which need no alignment.
        unsafe { v128_load(from.as_ptr().cast()) }
    }
    #[inline(always)]
    fn store(self, x: v128, to: &mut [i32]) {
        let to = &mut to[..4];
        // SAFETY: there is room for 4 numbers, which need no alignment.
        unsafe { v128_store(to.as_mut_ptr().cast(), x) }
    }
    #[inline(always)]
    fn load_u8(self, from: &[u8]) -> v128 {
        let from = &from[..4];
        // SAFETY: there are 4 bytes, which need no alignment.
        let bytes = unsafe { v128_load32_zero(from.as_ptr().cast()) };
        u32x4_extend_low_u16x8(u16x8_extend_low_u8x16(bytes))
    }
    #[inline(always)]
    fn load_u16(self, from: &[u8]) -> v128 {
        let from = &from[..8];
        // SAFETY: there are 8 bytes, which need no alignment.
        unsafe { u32x4_extend_low_u16x8(v128_load64_zero(from.as_ptr().cast())) }
    }
    #[inline(always)]
    fn load_u32(self, from: &[u8]) -> v128 {
        let from = &from[..16];
        // SAFETY: there are 16 bytes, which need no alignment.
        unsafe { v128_load(from.as_ptr().cast()) }
    }
    #[inline(always)]
    fn store_u8(self, x: v128, to: &mut [u8]) {
        let to = &mut to[..4];
        let bytes = u8x16_shuffle::<0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12>(x, x);
        // SAFETY: there is room for 4 bytes, which need no alignment.
        unsafe { v128_store32_lane::<0>(bytes, to.as_mut_ptr().cast()) }
    }
    #[inline(always)]
    fn store_u16(self, x: v128, to: &mut [u8]) {
        let to = &mut to[..8];
        let words = u16x8_shuffle::<0, 2, 4, 6, 0, 2, 4, 6>(x, x);
        // SAFETY: there is room for 8 bytes, which need no alignment.
        unsafe { v128_store64_lane::<0>(words, to.as_mut_ptr().cast()) }
    }
    #[inline(always)]
    fn store_u32(self, x: v128, to: &mut [u8]) {
        let to = &mut to[..16];
        // SAFETY: there is room for 16 bytes, which need no alignment.
        unsafe { v128_store(to.as_mut_ptr().cast(), x) }
    }
    #[inline(always)]
    fn load_words(self, from: &[u16]) -> v128 {
        let from = &from[..4];
        // SAFETY: there are 4 numbers, which need no alignment.
        unsafe { u32x4_extend_low_u16x8(v128_load64_zero(from.as_ptr().cast())) }
    }
    #[inline(always)]
    fn store_words(self, x: v128, to: &mut [u16]) {
        let to = &mut to[..4];
        let words = u16x8_shuffle::<0, 2, 4, 6, 0, 2, 4, 6>(x, x);
        // SAFETY: there is room for 4 numbers, which need no alignment.
        unsafe { v128_store64_lane::<0>(words, to.as_mut_ptr().cast()) }
    }
    #[inline(always)]
    fn load_i16(self, from: &[i16]) -> v128 {
        let from = &from[..4];
        // SAFETY: there are 4 numbers, which need no alignment.
        unsafe { i32x4_load_extend_i16x4(from.as_ptr()) }
    }
    #[inline(always)]
    fn store_i16(self, x: v128, to: &mut [i16]) {
        let to = &mut to[..4];
        // SAFETY: there is room for 4 numbers, which need no alignment.
        unsafe { v128_store64_lane::<0>(i16x8_narrow_i32x4(x, x), to.as_mut_ptr().cast()) }
    }
    #[inline(always)]
    fn load_i8(self, from: &[i8]) -> v128 {
        let from = &from[..4];
        // SAFETY: there are 4 bytes, which need no alignment.
        let bytes = unsafe { v128_load32_zero(from.as_ptr().cast()) };
        i32x4_extend_low_i16x8(i16x8_extend_low_i8x16(bytes))
    }
    #[inline(always)]
    fn add(self, a: v128, b: v128) -> v128 {
        i32x4_add(a, b)
    }
    #[inline(always)]
    fn sub(self, a: v128, b: v128) -> v128 {
        i32x4_sub(a, b)
    }
    #[inline(always)]
    fn mul(self, a: v128, b: v128) -> v128 {
        i32x4_mul(a, b)
    }
    #[inline(always)]
    fn shr<const N: i32>(self, a: v128) -> v128 {
        i32x4_shr(a, N as u32)
    }
    #[inline(always)]
    fn shr_by(self, a: v128, bits: u32) -> v128 {
        i32x4_shr(a, bits)
    }
    #[inline(always)]
    fn shl_by(self, a: v128, bits: u32) -> v128 {
        i32x4_shl(a, bits)
    }
    #[inline(always)]
    fn and(self, a: v128, b: v128) -> v128 {
        v128_and(a, b)
    }
    #[inline(always)]
    fn or(self, a: v128, b: v128) -> v128 {
        v128_or(a, b)
    }
    #[inline(always)]
    fn min(self, a: v128, b: v128) -> v128 {
        i32x4_min(a, b)
    }
    #[inline(always)]
    fn max(self, a: v128, b: v128) -> v128 {
        i32x4_max(a, b)
    }
    #[inline(always)]
    fn min_u32(self, a: v128, b: v128) -> v128 {
        u32x4_min(a, b)
    }
    #[inline(always)]
    fn abs(self, a: v128) -> v128 {
        i32x4_abs(a)
    }
    #[inline(always)]
    fn equal(self, a: v128, b: v128) -> v128 {
        i32x4_eq(a, b)
    }
    #[inline(always)]
    fn scaled_f32(self, a: v128, factor: f32) -> v128 {
        f32x4_mul(f32x4_convert_i32x4(a), f32x4_splat(factor))
    }
    #[inline(always)]
    fn mul_high_u32(self, a: v128, b: v128) -> v128 {
        i32x4_shuffle::<1, 3, 5, 7>(u64x2_extmul_low_u32x4(a, b), u64x2_extmul_high_u32x4(a, b))
    }
    #[inline(always)]
    fn after(self, before: v128, x: v128) -> v128 {
        i32x4_shuffle::<3, 4, 5, 6>(before, x)
    }
    #[inline(always)]
    fn split(self, a: v128, b: v128) -> (v128, v128) {
        (i32x4_shuffle::<0, 2, 4, 6>(a, b), i32x4_shuffle::<1, 3, 5, 7>(a, b))
    }
    #[inline(always)]
    fn merge(self, even: v128, odd: v128) -> (v128, v128) {
        (i32x4_shuffle::<0, 4, 1, 5>(even, odd), i32x4_shuffle::<2, 6, 3, 7>(even, odd))
    }
}

impl Words for Simd128 {
    const COUNT: usize = 8;
    type I16 = v128;
    /// Lanes 0 to 3, then the others.
    type Sums = (v128, v128);
    type Pairs = v128;
    type Factors = v128;
    type Two = (v128, v128);
    type Eight = Self;

    #[inline(always)]
    fn eight(self) -> Self {
        self
    }
    #[inline(always)]
    fn join(self, first: v128, _: v128) -> v128 {
        first
    }
    #[inline(always)]
    fn splat(self, x: i16) -> v128 {
        i16x8_splat(x)
    }
    #[inline(always)]
    fn load(self, from: &[i16]) -> v128 {
        let from = &from[..8];
        // SAFETY: there are 8 numbers, which need no alignment.
        unsafe { v128_load(from.as_ptr().cast()) }
    }
    #[inline(always)]
    fn store(self, x: v128, to: &mut [i16]) {
        let to = &mut to[..8];
        // SAFETY: there is room for 8 numbers, which need no alignment.
        unsafe { v128_store(to.as_mut_ptr().cast(), x) }
    }
    #[inline(always)]
    fn load_bytes(self, from: &[u8]) -> v128 {
        let from = &from[..8];
        // SAFETY: there are 8 bytes, which need no alignment.
        unsafe { i16x8_load_extend_u8x8(from.as_ptr()) }
    }
    #[inline(always)]
    fn store_bytes(self, x: v128, to: &mut [u8]) {
        let to = &mut to[..8];
        // SAFETY: there is room for 8 bytes, which need no alignment.
        unsafe { v128_store64_lane::<0>(u8x16_narrow_i16x8(x, x), to.as_mut_ptr().cast()) }
    }
    #[inline(always)]
    fn add(self, a: v128, b: v128) -> v128 {
        i16x8_add(a, b)
    }
    #[inline(always)]
    fn sub(self, a: v128, b: v128) -> v128 {
        i16x8_sub(a, b)
    }
    #[inline(always)]
    fn add_limited(self, a: v128, b: v128) -> v128 {
        i16x8_add_sat(a, b)
    }
    #[inline(always)]
    fn abs(self, a: v128) -> v128 {
        i16x8_abs(a)
    }
    #[inline(always)]
    fn max(self, a: v128, b: v128) -> v128 {
        i16x8_max(a, b)
    }
    #[inline(always)]
    fn shr_by(self, a: v128, bits: u32) -> v128 {
        i16x8_shr(a, bits)
    }
    #[inline(always)]
    fn zip(self, a: v128, b: v128) -> (v128, v128) {
        (i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(a, b), i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(a, b))
    }
    #[inline(always)]
    fn weigh(self, a: v128, b: v128, wa: v128, wb: v128) -> Self::Sums {
        let ((low, high), (w_low, w_high)) = (self.zip(a, b), self.zip(wa, wb));
        (i32x4_dot_i16x8(low, w_low), i32x4_dot_i16x8(high, w_high))
    }
    #[inline(always)]
    fn factors(self, a: i16, b: i16) -> v128 {
        i32x4_splat(i32::from(b) << 16 | i32::from(a as u16))
    }
    #[inline(always)]
    fn two(self, a: v128, b: v128) -> (v128, v128) {
        self.zip(a, b)
    }
    #[inline(always)]
    fn weigh_two(self, x: (v128, v128), factors: v128) -> Self::Sums {
        (i32x4_dot_i16x8(x.0, factors), i32x4_dot_i16x8(x.1, factors))
    }
    #[inline(always)]
    fn filter<const N: usize>(self, from: &[i16], factors: &[v128; N]) -> Self::Sums {
        let from = &from[..8 + 2 * N - 1];
        // The results of even lanes, and those of odd ones.
        let (mut even, mut odd) = (i32x4_splat(0), i32x4_splat(0));
        for (number, &factors) in factors.iter().enumerate() {
            even = i32x4_add(even, i32x4_dot_i16x8(Words::load(self, &from[2 * number..]), factors));
            odd = i32x4_add(odd, i32x4_dot_i16x8(Words::load(self, &from[2 * number + 1..]), factors));
        }
        (i32x4_shuffle::<0, 4, 1, 5>(even, odd), i32x4_shuffle::<2, 6, 3, 7>(even, odd))
    }
    #[inline(always)]
    fn add_sums(self, a: Self::Sums, b: Self::Sums) -> Self::Sums {
        (i32x4_add(a.0, b.0), i32x4_add(a.1, b.1))
    }
    #[inline(always)]
    fn narrow<const SHIFT: i32>(self, x: Self::Sums) -> v128 {
        let half = i32x4_splat(1 << (SHIFT - 1));
        let shifted = |x: v128| i32x4_shr(i32x4_add(x, half), SHIFT as u32);
        i16x8_narrow_i32x4(shifted(x.0), shifted(x.1))
    }
    #[inline(always)]
    fn no_pairs(self) -> v128 {
        i32x4_splat(0)
    }
    #[inline(always)]
    fn add_pairs(self, sum: v128, x: v128) -> v128 {
        i32x4_add(sum, i32x4_extadd_pairwise_i16x8(x))
    }
    #[inline(always)]
    fn add_differences(self, sum: v128, a: &[u8], b: &[u8]) -> v128 {
        let differences = Words::abs(self, Words::sub(self, self.load_bytes(a), self.load_bytes(b)));
        self.add_pairs(sum, differences)
    }
    #[inline(always)]
    fn totals(self, sum: v128) -> [u32; 2] {
        let sum = i32x4_add(sum, i32x4_shuffle::<2, 3, 0, 1>(sum, sum));
        let sum = i32x4_add(sum, i32x4_shuffle::<1, 0, 3, 2>(sum, sum));
        [i32x4_extract_lane::<0>(sum) as u32, 0]
    }
    #[inline(always)]
    fn load_means(self, [a, b]: [&[u8]; 2]) -> v128 {
        let (a, b) = (&a[..8], &b[..8]);
        // SAFETY: there are 8 bytes each, which need no alignment.
        let mean =
            unsafe { u8x16_avgr(v128_load64_zero(a.as_ptr().cast()), v128_load64_zero(b.as_ptr().cast())) };
        i16x8_extend_low_u8x16(mean)
    }
}
