//! The vectors of 128 bits that every 64-bit processor of Arm has.

// Which intrinsics are safe to call is not the same for all versions of the compiler.
#![allow(unused_unsafe)]

use std::arch::aarch64::*;

use super::lanes::Lanes;
use super::words::Words;

/// Vectors of 4 numbers of 32 bits. Only compiled where the target has NEON.
#[derive(Debug, Clone, Copy)]
pub(super) struct Neon(());

impl Neon {
    pub(super) fn new() -> Self {
        Self(())
    }
}

/// Calls an intrinsic that needs nothing but the instructions.
macro_rules! neon {
    ($call:expr) => {
        // SAFETY: this module is only compiled for targets with NEON.
        unsafe { $call }
    };
}

impl Lanes for Neon {
    const COUNT: usize = 4;
    type I32 = int32x4_t;

    #[inline(always)]
    fn splat(self, x: i32) -> int32x4_t {
        neon!(vdupq_n_s32(x))
    }
    #[inline(always)]
    fn load(self, from: &[i32]) -> int32x4_t {
        let from = &from[..4];
        // SAFETY: targets of this module have NEON, and there are 4 numbers.
        unsafe { vld1q_s32(from.as_ptr()) }
    }
    #[inline(always)]
    fn store(self, x: int32x4_t, to: &mut [i32]) {
        let to = &mut to[..4];
        // SAFETY: targets of this module have NEON, and there is room for 4 numbers.
        unsafe { vst1q_s32(to.as_mut_ptr(), x) }
    }
    #[inline(always)]
    fn load_u8(self, from: &[u8]) -> int32x4_t {
        let four = u32::from_le_bytes([from[0], from[1], from[2], from[3]]);
        neon!({
            let bytes = vcreate_u8(four.into());
            vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(bytes))))
        })
    }
    #[inline(always)]
    fn load_u16(self, from: &[u8]) -> int32x4_t {
        let from = &from[..8];
        // SAFETY: targets of this module have NEON, and there are 8 bytes.
        unsafe { vreinterpretq_s32_u32(vmovl_u16(vreinterpret_u16_u8(vld1_u8(from.as_ptr())))) }
    }
    #[inline(always)]
    fn load_u32(self, from: &[u8]) -> int32x4_t {
        let from = &from[..16];
        // SAFETY: targets of this module have NEON, and there are 16 bytes.
        unsafe { vreinterpretq_s32_u8(vld1q_u8(from.as_ptr())) }
    }
    #[inline(always)]
    fn store_u8(self, x: int32x4_t, to: &mut [u8]) {
        let four = neon!({
            let words = vmovn_u32(vreinterpretq_u32_s32(x));
            let bytes = vmovn_u16(vcombine_u16(words, words));
            vget_lane_u32::<0>(vreinterpret_u32_u8(bytes))
        });
        to[..4].copy_from_slice(&four.to_le_bytes());
    }
    #[inline(always)]
    fn store_u16(self, x: int32x4_t, to: &mut [u8]) {
        let to = &mut to[..8];
        // SAFETY: targets of this module have NEON, and there is room for 8 bytes.
        unsafe { vst1_u8(to.as_mut_ptr(), vreinterpret_u8_u16(vmovn_u32(vreinterpretq_u32_s32(x)))) }
    }
    #[inline(always)]
    fn store_u32(self, x: int32x4_t, to: &mut [u8]) {
        let to = &mut to[..16];
        // SAFETY: targets of this module have NEON, and there is room for 16 bytes.
        unsafe { vst1q_u8(to.as_mut_ptr(), vreinterpretq_u8_s32(x)) }
    }
    #[inline(always)]
    fn load_words(self, from: &[u16]) -> int32x4_t {
        let from = &from[..4];
        // SAFETY: targets of this module have NEON, and there are 4 numbers.
        unsafe { vreinterpretq_s32_u32(vmovl_u16(vld1_u16(from.as_ptr()))) }
    }
    #[inline(always)]
    fn store_words(self, x: int32x4_t, to: &mut [u16]) {
        let to = &mut to[..4];
        // SAFETY: targets of this module have NEON, and there is room for 4 numbers.
        unsafe { vst1_u16(to.as_mut_ptr(), vmovn_u32(vreinterpretq_u32_s32(x))) }
    }
    #[inline(always)]
    fn load_i16(self, from: &[i16]) -> int32x4_t {
        let from = &from[..4];
        // SAFETY: targets of this module have NEON, and there are 4 numbers.
        unsafe { vmovl_s16(vld1_s16(from.as_ptr())) }
    }
    #[inline(always)]
    fn store_i16(self, x: int32x4_t, to: &mut [i16]) {
        let to = &mut to[..4];
        // SAFETY: targets of this module have NEON, and there is room for 4 numbers.
        unsafe { vst1_s16(to.as_mut_ptr(), vmovn_s32(x)) }
    }
    #[inline(always)]
    fn load_i8(self, from: &[i8]) -> int32x4_t {
        let four = u32::from_le_bytes([from[0] as u8, from[1] as u8, from[2] as u8, from[3] as u8]);
        neon!(vmovl_s16(vget_low_s16(vmovl_s8(vcreate_s8(four.into())))))
    }
    #[inline(always)]
    fn add(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        neon!(vaddq_s32(a, b))
    }
    #[inline(always)]
    fn sub(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        neon!(vsubq_s32(a, b))
    }
    #[inline(always)]
    fn mul(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        neon!(vmulq_s32(a, b))
    }
    #[inline(always)]
    fn shr<const N: i32>(self, a: int32x4_t) -> int32x4_t {
        neon!(vshrq_n_s32::<N>(a))
    }
    #[inline(always)]
    fn shr_by(self, a: int32x4_t, bits: u32) -> int32x4_t {
        // A shift left by a negative number of bits is one to the right.
        neon!(vshlq_s32(a, vdupq_n_s32(-(bits as i32))))
    }
    #[inline(always)]
    fn shl_by(self, a: int32x4_t, bits: u32) -> int32x4_t {
        neon!(vshlq_s32(a, vdupq_n_s32(bits as i32)))
    }
    #[inline(always)]
    fn and(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        neon!(vandq_s32(a, b))
    }
    #[inline(always)]
    fn or(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        neon!(vorrq_s32(a, b))
    }
    #[inline(always)]
    fn min(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        neon!(vminq_s32(a, b))
    }
    #[inline(always)]
    fn max(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        neon!(vmaxq_s32(a, b))
    }
    #[inline(always)]
    fn min_u32(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        neon!(vreinterpretq_s32_u32(vminq_u32(vreinterpretq_u32_s32(a), vreinterpretq_u32_s32(b))))
    }
    #[inline(always)]
    fn abs(self, a: int32x4_t) -> int32x4_t {
        neon!(vabsq_s32(a))
    }
    #[inline(always)]
    fn equal(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        neon!(vreinterpretq_s32_u32(vceqq_s32(a, b)))
    }
    #[inline(always)]
    fn scaled_f32(self, a: int32x4_t, factor: f32) -> int32x4_t {
        neon!(vreinterpretq_s32_f32(vmulq_n_f32(vcvtq_f32_s32(a), factor)))
    }
    #[inline(always)]
    fn mul_high_u32(self, a: int32x4_t, b: int32x4_t) -> int32x4_t {
        neon!({
            let (a, b) = (vreinterpretq_u32_s32(a), vreinterpretq_u32_s32(b));
            let low = vreinterpretq_s32_u64(vmull_u32(vget_low_u32(a), vget_low_u32(b)));
            let high = vreinterpretq_s32_u64(vmull_high_u32(a, b));
            vuzp2q_s32(low, high)
        })
    }
    #[inline(always)]
    fn after(self, before: int32x4_t, x: int32x4_t) -> int32x4_t {
        neon!(vextq_s32::<3>(before, x))
    }
    #[inline(always)]
    fn split(self, a: int32x4_t, b: int32x4_t) -> (int32x4_t, int32x4_t) {
        neon!((vuzp1q_s32(a, b), vuzp2q_s32(a, b)))
    }
    #[inline(always)]
    fn merge(self, even: int32x4_t, odd: int32x4_t) -> (int32x4_t, int32x4_t) {
        neon!((vzip1q_s32(even, odd), vzip2q_s32(even, odd)))
    }
}

impl Words for Neon {
    const COUNT: usize = 8;
    type I16 = int16x8_t;
    /// Lanes 0 to 3, then the others.
    type Sums = (int32x4_t, int32x4_t);
    type Pairs = int32x4_t;
    type Factors = (i16, i16);
    type Two = (int16x8_t, int16x8_t);
    type Eight = Self;

    #[inline(always)]
    fn eight(self) -> Self {
        self
    }
    #[inline(always)]
    fn join(self, first: int16x8_t, _: int16x8_t) -> int16x8_t {
        first
    }
    #[inline(always)]
    fn splat(self, x: i16) -> int16x8_t {
        neon!(vdupq_n_s16(x))
    }
    #[inline(always)]
    fn load(self, from: &[i16]) -> int16x8_t {
        let from = &from[..8];
        // SAFETY: targets of this module have NEON, and there are 8 numbers.
        unsafe { vld1q_s16(from.as_ptr()) }
    }
    #[inline(always)]
    fn store(self, x: int16x8_t, to: &mut [i16]) {
        let to = &mut to[..8];
        // SAFETY: targets of this module have NEON, and there is room for 8 numbers.
        unsafe { vst1q_s16(to.as_mut_ptr(), x) }
    }
    #[inline(always)]
    fn load_bytes(self, from: &[u8]) -> int16x8_t {
        let from = &from[..8];
        // SAFETY: targets of this module have NEON, and there are 8 bytes.
        unsafe { vreinterpretq_s16_u16(vmovl_u8(vld1_u8(from.as_ptr()))) }
    }
    #[inline(always)]
    fn store_bytes(self, x: int16x8_t, to: &mut [u8]) {
        let to = &mut to[..8];
        // SAFETY: targets of this module have NEON, and there is room for 8 bytes.
        unsafe { vst1_u8(to.as_mut_ptr(), vqmovun_s16(x)) }
    }
    #[inline(always)]
    fn add(self, a: int16x8_t, b: int16x8_t) -> int16x8_t {
        neon!(vaddq_s16(a, b))
    }
    #[inline(always)]
    fn sub(self, a: int16x8_t, b: int16x8_t) -> int16x8_t {
        neon!(vsubq_s16(a, b))
    }
    #[inline(always)]
    fn add_limited(self, a: int16x8_t, b: int16x8_t) -> int16x8_t {
        neon!(vqaddq_s16(a, b))
    }
    #[inline(always)]
    fn abs(self, a: int16x8_t) -> int16x8_t {
        neon!(vabsq_s16(a))
    }
    #[inline(always)]
    fn max(self, a: int16x8_t, b: int16x8_t) -> int16x8_t {
        neon!(vmaxq_s16(a, b))
    }
    #[inline(always)]
    fn shr_by(self, a: int16x8_t, bits: u32) -> int16x8_t {
        // A shift left by a negative number of bits is one to the right.
        neon!(vshlq_s16(a, vdupq_n_s16(-(bits as i16))))
    }
    #[inline(always)]
    fn zip(self, a: int16x8_t, b: int16x8_t) -> (int16x8_t, int16x8_t) {
        neon!((vzip1q_s16(a, b), vzip2q_s16(a, b)))
    }
    #[inline(always)]
    fn weigh(self, a: int16x8_t, b: int16x8_t, wa: int16x8_t, wb: int16x8_t) -> Self::Sums {
        neon!({
            let low = vmull_s16(vget_low_s16(a), vget_low_s16(wa));
            let high = vmull_high_s16(a, wa);
            (vmlal_s16(low, vget_low_s16(b), vget_low_s16(wb)), vmlal_high_s16(high, b, wb))
        })
    }
    #[inline(always)]
    fn factors(self, a: i16, b: i16) -> (i16, i16) {
        (a, b)
    }
    #[inline(always)]
    fn two(self, a: int16x8_t, b: int16x8_t) -> (int16x8_t, int16x8_t) {
        (a, b)
    }
    #[inline(always)]
    fn weigh_two(self, (a, b): (int16x8_t, int16x8_t), factors: (i16, i16)) -> Self::Sums {
        neon!({
            let low = vmull_n_s16(vget_low_s16(a), factors.0);
            let high = vmull_high_n_s16(a, factors.0);
            (vmlal_n_s16(low, vget_low_s16(b), factors.1), vmlal_high_n_s16(high, b, factors.1))
        })
    }
    #[inline(always)]
    fn filter<const N: usize>(self, from: &[i16], factors: &[(i16, i16); N]) -> Self::Sums {
        let from = &from[..8 + 2 * N - 1];
        let two = |at: usize| (Words::load(self, &from[at..]), Words::load(self, &from[at + 1..]));
        let mut sums = self.weigh_two(two(0), factors[0]);
        for (number, &factors) in factors.iter().enumerate().skip(1) {
            sums = self.add_sums(sums, self.weigh_two(two(2 * number), factors));
        }
        sums
    }
    #[inline(always)]
    fn add_sums(self, a: Self::Sums, b: Self::Sums) -> Self::Sums {
        neon!((vaddq_s32(a.0, b.0), vaddq_s32(a.1, b.1)))
    }
    #[inline(always)]
    fn narrow<const SHIFT: i32>(self, x: Self::Sums) -> int16x8_t {
        neon!({
            let half = vdupq_n_s32(1 << (SHIFT - 1));
            let low = vshrq_n_s32::<SHIFT>(vaddq_s32(x.0, half));
            let high = vshrq_n_s32::<SHIFT>(vaddq_s32(x.1, half));
            vqmovn_high_s32(vqmovn_s32(low), high)
        })
    }
    #[inline(always)]
    fn no_pairs(self) -> int32x4_t {
        neon!(vdupq_n_s32(0))
    }
    #[inline(always)]
    fn add_pairs(self, sum: int32x4_t, x: int16x8_t) -> int32x4_t {
        neon!(vpadalq_s16(sum, x))
    }
    #[inline(always)]
    fn add_differences(self, sum: int32x4_t, a: &[u8], b: &[u8]) -> int32x4_t {
        let (a, b) = (&a[..8], &b[..8]);
        // SAFETY: targets of this module have NEON, and there are 8 bytes each.
        unsafe {
            let differences = vabdl_u8(vld1_u8(a.as_ptr()), vld1_u8(b.as_ptr()));
            vpadalq_s16(sum, vreinterpretq_s16_u16(differences))
        }
    }
    #[inline(always)]
    fn totals(self, sum: int32x4_t) -> [u32; 2] {
        [neon!(vaddvq_s32(sum)) as u32, 0]
    }
    #[inline(always)]
    fn load_means(self, [a, b]: [&[u8]; 2]) -> int16x8_t {
        let (a, b) = (&a[..8], &b[..8]);
        // SAFETY: targets of this module have NEON, and there are 8 bytes each.
        unsafe {
            let mean = vrhadd_u8(vld1_u8(a.as_ptr()), vld1_u8(b.as_ptr()));
            vreinterpretq_s16_u16(vmovl_u8(mean))
        }
    }
}
