//! The vectors of 256 bits that processors of x86-64 have had since 2013.

use std::arch::x86_64::*;

use super::lanes::Lanes;
use super::words::Words;
use super::{Kernel, WordKernel};

/// Vectors of 8 numbers of 32 bits. There is a value only where the processor has AVX2.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    /// Whether the processor has these instructions; the standard library remembers the answer.
    #[inline(always)]
    pub(super) fn detect() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }

    /// Runs a kernel compiled for these instructions.
    #[inline]
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2")]
        fn run<K: Kernel>(kernel: K, lanes: Avx2) -> K::Output {
            kernel.run(lanes)
        }
        // SAFETY: self exists only where the processor has AVX2.
        unsafe { run(kernel, self) }
    }

    /// Runs a kernel compiled for these instructions.
    #[inline]
    pub(super) fn run_words<K: WordKernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2")]
        fn run<K: WordKernel>(kernel: K, lanes: Avx2) -> K::Output {
            kernel.run(lanes)
        }
        // SAFETY: self exists only where the processor has AVX2.
        unsafe { run(kernel, self) }
    }
}

/// Calls an intrinsic that needs nothing but the instructions.
macro_rules! avx2 {
    ($call:expr) => {
        // SAFETY: a value of Avx2 exists only where the processor has AVX2, and this is part of one of its methods.
        unsafe { $call }
    };
}

/// Numbers from 0 to 65535 in half of the bits.
#[inline(always)]
fn narrow(x: __m256i) -> __m128i {
    avx2!({
        let words = _mm256_packus_epi32(x, x);
        _mm256_castsi256_si128(_mm256_permute4x64_epi64::<0b11_01_10_00>(words))
    })
}

impl Lanes for Avx2 {
    const COUNT: usize = 8;
    type I32 = __m256i;

    #[inline(always)]
    fn splat(self, x: i32) -> __m256i {
        avx2!(_mm256_set1_epi32(x))
    }
    #[inline(always)]
    fn load(self, from: &[i32]) -> __m256i {
        let from = &from[..8];
        // SAFETY: the processor has AVX2 (see Avx2), and there are 8 numbers, which need no alignment.
        unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
    }
    #[inline(always)]
    fn store(self, x: __m256i, to: &mut [i32]) {
        let to = &mut to[..8];
        // SAFETY: the processor has AVX2 (see Avx2), and there is room for 8 numbers, which need no alignment.
        unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), x) }
    }
    #[inline(always)]
    fn load_u8(self, from: &[u8]) -> __m256i {
        let from = &from[..8];
        // SAFETY: the processor has AVX2 (see Avx2), and there are 8 bytes, which need no alignment.
        unsafe { _mm256_cvtepu8_epi32(_mm_loadl_epi64(from.as_ptr().cast())) }
    }
    #[inline(always)]
    fn load_u16(self, from: &[u8]) -> __m256i {
        let from = &from[..16];
        // SAFETY: the processor has AVX2 (see Avx2), and there are 16 bytes, which need no alignment.
        unsafe { _mm256_cvtepu16_epi32(_mm_loadu_si128(from.as_ptr().cast())) }
    }
    #[inline(always)]
    fn load_u32(self, from: &[u8]) -> __m256i {
        let from = &from[..32];
        // SAFETY: the processor has AVX2 (see Avx2), and there are 32 bytes, which need no alignment.
        unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
    }
    #[inline(always)]
    fn store_u8(self, x: __m256i, to: &mut [u8]) {
        let to = &mut to[..8];
        // SAFETY: the processor has AVX2 (see Avx2), and there is room for 8 bytes, which need no alignment.
        unsafe {
            let words = narrow(x);
            _mm_storel_epi64(to.as_mut_ptr().cast(), _mm_packus_epi16(words, words));
        }
    }
    #[inline(always)]
    fn store_u16(self, x: __m256i, to: &mut [u8]) {
        let to = &mut to[..16];
        // SAFETY: the processor has AVX2 (see Avx2), and there is room for 16 bytes, which need no alignment.
        unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), narrow(x)) }
    }
    #[inline(always)]
    fn store_u32(self, x: __m256i, to: &mut [u8]) {
        let to = &mut to[..32];
        // SAFETY: the processor has AVX2 (see Avx2), and there is room for 32 bytes, which need no alignment.
        unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), x) }
    }
    #[inline(always)]
    fn load_words(self, from: &[u16]) -> __m256i {
        let from = &from[..8];
        // SAFETY: the processor has AVX2 (see Avx2), and there are 8 numbers, which need no alignment.
        unsafe { _mm256_cvtepu16_epi32(_mm_loadu_si128(from.as_ptr().cast())) }
    }
    #[inline(always)]
    fn store_words(self, x: __m256i, to: &mut [u16]) {
        let to = &mut to[..8];
        // SAFETY: the processor has AVX2 (see Avx2), and there is room for 8 numbers, which need no alignment.
        unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), narrow(x)) }
    }
    #[inline(always)]
    fn load_i16(self, from: &[i16]) -> __m256i {
        let from = &from[..8];
        // SAFETY: the processor has AVX2 (see Avx2), and there are 8 numbers, which need no alignment.
        unsafe { _mm256_cvtepi16_epi32(_mm_loadu_si128(from.as_ptr().cast())) }
    }
    #[inline(always)]
    fn store_i16(self, x: __m256i, to: &mut [i16]) {
        let to = &mut to[..8];
        // SAFETY: the processor has AVX2 (see Avx2), and there is room for 8 numbers, which need no alignment.
        unsafe {
            let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(x, x));
            _mm_storeu_si128(to.as_mut_ptr().cast(), _mm256_castsi256_si128(words));
        }
    }
    #[inline(always)]
    fn load_i8(self, from: &[i8]) -> __m256i {
        let from = &from[..8];
        // SAFETY: the processor has AVX2 (see Avx2), and there are 8 bytes, which need no alignment.
        unsafe { _mm256_cvtepi8_epi32(_mm_loadl_epi64(from.as_ptr().cast())) }
    }
    #[inline(always)]
    fn add(self, a: __m256i, b: __m256i) -> __m256i {
        avx2!(_mm256_add_epi32(a, b))
    }
    #[inline(always)]
    fn sub(self, a: __m256i, b: __m256i) -> __m256i {
        avx2!(_mm256_sub_epi32(a, b))
    }
    #[inline(always)]
    fn mul(self, a: __m256i, b: __m256i) -> __m256i {
        avx2!(_mm256_mullo_epi32(a, b))
    }
    #[inline(always)]
    fn shr<const N: i32>(self, a: __m256i) -> __m256i {
        avx2!(_mm256_srai_epi32::<N>(a))
    }
    #[inline(always)]
    fn shr_by(self, a: __m256i, bits: u32) -> __m256i {
        avx2!(_mm256_sra_epi32(a, _mm_cvtsi32_si128(bits as i32)))
    }
    #[inline(always)]
    fn shl_by(self, a: __m256i, bits: u32) -> __m256i {
        avx2!(_mm256_sll_epi32(a, _mm_cvtsi32_si128(bits as i32)))
    }
    #[inline(always)]
    fn and(self, a: __m256i, b: __m256i) -> __m256i {
        avx2!(_mm256_and_si256(a, b))
    }
    #[inline(always)]
    fn or(self, a: __m256i, b: __m256i) -> __m256i {
        avx2!(_mm256_or_si256(a, b))
    }
    #[inline(always)]
    fn min(self, a: __m256i, b: __m256i) -> __m256i {
        avx2!(_mm256_min_epi32(a, b))
    }
    #[inline(always)]
    fn max(self, a: __m256i, b: __m256i) -> __m256i {
        avx2!(_mm256_max_epi32(a, b))
    }
    #[inline(always)]
    fn min_u32(self, a: __m256i, b: __m256i) -> __m256i {
        avx2!(_mm256_min_epu32(a, b))
    }
    #[inline(always)]
    fn abs(self, a: __m256i) -> __m256i {
        avx2!(_mm256_abs_epi32(a))
    }
    #[inline(always)]
    fn equal(self, a: __m256i, b: __m256i) -> __m256i {
        avx2!(_mm256_cmpeq_epi32(a, b))
    }
    #[inline(always)]
    fn scaled_f32(self, a: __m256i, factor: f32) -> __m256i {
        avx2!(_mm256_castps_si256(_mm256_mul_ps(_mm256_cvtepi32_ps(a), _mm256_set1_ps(factor))))
    }
    #[inline(always)]
    fn mul_high_u32(self, a: __m256i, b: __m256i) -> __m256i {
        avx2!({
            let even = _mm256_srli_epi64::<32>(_mm256_mul_epu32(a, b));
            let odd = _mm256_mul_epu32(_mm256_srli_epi64::<32>(a), _mm256_srli_epi64::<32>(b));
            _mm256_blend_epi32::<0b1010_1010>(even, odd)
        })
    }
    #[inline(always)]
    fn after(self, before: __m256i, x: __m256i) -> __m256i {
        // The upper half of the vector before and the lower half of this one; then a shift within halves.
        avx2!(_mm256_alignr_epi8::<12>(x, _mm256_permute2x128_si256::<0x21>(before, x)))
    }
    #[inline(always)]
    fn split(self, a: __m256i, b: __m256i) -> (__m256i, __m256i) {
        // Within halves first, which leaves the quarters in the order 0, 2, 1, 3.
        avx2!({
            let (a, b) = (_mm256_castsi256_ps(a), _mm256_castsi256_ps(b));
            let even = _mm256_castps_si256(_mm256_shuffle_ps::<0b10_00_10_00>(a, b));
            let odd = _mm256_castps_si256(_mm256_shuffle_ps::<0b11_01_11_01>(a, b));
            (_mm256_permute4x64_epi64::<0b11_01_10_00>(even), _mm256_permute4x64_epi64::<0b11_01_10_00>(odd))
        })
    }
    #[inline(always)]
    fn merge(self, even: __m256i, odd: __m256i) -> (__m256i, __m256i) {
        avx2!({
            let (low, high) = (_mm256_unpacklo_epi32(even, odd), _mm256_unpackhi_epi32(even, odd));
            (_mm256_permute2x128_si256::<0x20>(low, high), _mm256_permute2x128_si256::<0x31>(low, high))
        })
    }
}

impl Words for Avx2 {
    const COUNT: usize = 16;
    type I16 = __m256i;
    /// Lanes 0 to 3 and 8 to 11, then the others: multiplying and narrowing both work within halves.
    type Sums = (__m256i, __m256i);
    type Pairs = __m256i;
    type Factors = __m256i;
    type Two = (__m256i, __m256i);
    type Eight = Half;

    #[inline(always)]
    fn eight(self) -> Half {
        Half(self)
    }
    #[inline(always)]
    fn join(self, first: __m128i, second: __m128i) -> __m256i {
        avx2!(_mm256_set_m128i(second, first))
    }
    #[inline(always)]
    fn splat(self, x: i16) -> __m256i {
        avx2!(_mm256_set1_epi16(x))
    }
    #[inline(always)]
    fn load(self, from: &[i16]) -> __m256i {
        let from = &from[..16];
        // SAFETY: the processor has AVX2 (see Avx2), and there are 16 numbers, which need no alignment.
        unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
    }
    #[inline(always)]
    fn store(self, x: __m256i, to: &mut [i16]) {
        let to = &mut to[..16];
        // SAFETY: the processor has AVX2 (see Avx2), and there is room for 16 numbers, which need no alignment.
        unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), x) }
    }
    #[inline(always)]
    fn load_bytes(self, from: &[u8]) -> __m256i {
        let from = &from[..16];
        // SAFETY: the processor has AVX2 (see Avx2), and there are 16 bytes, which need no alignment.
        unsafe { _mm256_cvtepu8_epi16(_mm_loadu_si128(from.as_ptr().cast())) }
    }
    #[inline(always)]
    fn store_bytes(self, x: __m256i, to: &mut [u8]) {
        let to = &mut to[..16];
        // SAFETY: the processor has AVX2 (see Avx2), and there is room for 16 bytes, which need no alignment.
        unsafe {
            let bytes = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi16(x, x));
            _mm_storeu_si128(to.as_mut_ptr().cast(), _mm256_castsi256_si128(bytes));
        }
    }
    #[inline(always)]
    fn add(self, a: __m256i, b: __m256i) -> __m256i {
        avx2!(_mm256_add_epi16(a, b))
    }
    #[inline(always)]
    fn sub(self, a: __m256i, b: __m256i) -> __m256i {
        avx2!(_mm256_sub_epi16(a, b))
    }
    #[inline(always)]
    fn add_limited(self, a: __m256i, b: __m256i) -> __m256i {
        avx2!(_mm256_adds_epi16(a, b))
    }
    #[inline(always)]
    fn abs(self, a: __m256i) -> __m256i {
        avx2!(_mm256_abs_epi16(a))
    }
    #[inline(always)]
    fn max(self, a: __m256i, b: __m256i) -> __m256i {
        avx2!(_mm256_max_epi16(a, b))
    }
    #[inline(always)]
    fn shr_by(self, a: __m256i, bits: u32) -> __m256i {
        avx2!(_mm256_sra_epi16(a, _mm_cvtsi32_si128(bits as i32)))
    }
    #[inline(always)]
    fn zip(self, a: __m256i, b: __m256i) -> (__m256i, __m256i) {
        avx2!((_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b)))
    }
    #[inline(always)]
    fn weigh(self, a: __m256i, b: __m256i, wa: __m256i, wb: __m256i) -> Self::Sums {
        let ((low, high), (w_low, w_high)) = (Words::zip(self, a, b), Words::zip(self, wa, wb));
        avx2!((_mm256_madd_epi16(low, w_low), _mm256_madd_epi16(high, w_high)))
    }
    #[inline(always)]
    fn factors(self, a: i16, b: i16) -> __m256i {
        avx2!(_mm256_set1_epi32(i32::from(b) << 16 | i32::from(a as u16)))
    }
    #[inline(always)]
    fn two(self, a: __m256i, b: __m256i) -> (__m256i, __m256i) {
        Words::zip(self, a, b)
    }
    #[inline(always)]
    fn weigh_two(self, x: (__m256i, __m256i), factors: __m256i) -> Self::Sums {
        avx2!((_mm256_madd_epi16(x.0, factors), _mm256_madd_epi16(x.1, factors)))
    }
    #[inline(always)]
    fn filter<const N: usize>(self, from: &[i16], factors: &[__m256i; N]) -> Self::Sums {
        let from = &from[..16 + 2 * N - 1];
        // SAFETY: the processor has AVX2 (see Avx2), and the last vector that is read ends where the numbers do.
        unsafe {
            // The results of even lanes, and those of odd ones.
            let (mut even, mut odd) = (_mm256_setzero_si256(), _mm256_setzero_si256());
            for (number, &factors) in factors.iter().enumerate() {
                let at = from.as_ptr().add(2 * number);
                let (here, next) = (_mm256_loadu_si256(at.cast()), _mm256_loadu_si256(at.add(1).cast()));
                even = _mm256_add_epi32(even, _mm256_madd_epi16(here, factors));
                odd = _mm256_add_epi32(odd, _mm256_madd_epi16(next, factors));
            }
            (_mm256_unpacklo_epi32(even, odd), _mm256_unpackhi_epi32(even, odd))
        }
    }
    #[inline(always)]
    fn add_sums(self, a: Self::Sums, b: Self::Sums) -> Self::Sums {
        avx2!((_mm256_add_epi32(a.0, b.0), _mm256_add_epi32(a.1, b.1)))
    }
    #[inline(always)]
    fn narrow<const SHIFT: i32>(self, x: Self::Sums) -> __m256i {
        avx2!({
            let half = _mm256_set1_epi32(1 << (SHIFT - 1));
            let low = _mm256_srai_epi32::<SHIFT>(_mm256_add_epi32(x.0, half));
            let high = _mm256_srai_epi32::<SHIFT>(_mm256_add_epi32(x.1, half));
            _mm256_packs_epi32(low, high)
        })
    }
    #[inline(always)]
    fn no_pairs(self) -> __m256i {
        avx2!(_mm256_setzero_si256())
    }
    #[inline(always)]
    fn add_pairs(self, sum: __m256i, x: __m256i) -> __m256i {
        avx2!(_mm256_add_epi32(sum, _mm256_madd_epi16(x, _mm256_set1_epi16(1))))
    }
    #[inline(always)]
    fn add_differences(self, sum: __m256i, a: &[u8], b: &[u8]) -> __m256i {
        let (a, b) = (&a[..16], &b[..16]);
        // SAFETY: the processor has AVX2 (see Avx2), and there are 16 bytes each, which need no alignment.
        unsafe {
            let a = _mm_loadu_si128(a.as_ptr().cast());
            let differences = _mm_sad_epu8(a, _mm_loadu_si128(b.as_ptr().cast()));
            // The sums of both eights, each to its half.
            _mm256_add_epi32(sum, _mm256_cvtepu32_epi64(differences))
        }
    }
    #[inline(always)]
    fn totals(self, sum: __m256i) -> [u32; 2] {
        avx2!({
            let sum = _mm256_add_epi32(sum, _mm256_shuffle_epi32::<0b01_00_11_10>(sum));
            let sum = _mm256_add_epi32(sum, _mm256_shuffle_epi32::<0b10_11_00_01>(sum));
            [_mm256_extract_epi32::<0>(sum) as u32, _mm256_extract_epi32::<4>(sum) as u32]
        })
    }
    #[inline(always)]
    fn load_means(self, [a, b]: [&[u8]; 2]) -> __m256i {
        let (a, b) = (&a[..16], &b[..16]);
        // SAFETY: the processor has AVX2 (see Avx2), and there are 16 bytes each, which need no alignment.
        unsafe {
            let (a, b) = (_mm_loadu_si128(a.as_ptr().cast()), _mm_loadu_si128(b.as_ptr().cast()));
            _mm256_cvtepu8_epi16(_mm_avg_epu8(a, b))
        }
    }
}

/// Vectors of 8 numbers of 16 bits, in half of a register.
#[derive(Debug, Clone, Copy)]
pub(super) struct Half(#[allow(dead_code)] Avx2);

impl Words for Half {
    const COUNT: usize = 8;
    type I16 = __m128i;
    /// Lanes 0 to 3, then the others.
    type Sums = (__m128i, __m128i);
    type Pairs = __m128i;
    type Factors = __m128i;
    type Two = (__m128i, __m128i);
    type Eight = Self;

    #[inline(always)]
    fn eight(self) -> Self {
        self
    }
    #[inline(always)]
    fn join(self, first: __m128i, _: __m128i) -> __m128i {
        first
    }
    #[inline(always)]
    fn splat(self, x: i16) -> __m128i {
        avx2!(_mm_set1_epi16(x))
    }
    #[inline(always)]
    fn load(self, from: &[i16]) -> __m128i {
        let from = &from[..8];
        // SAFETY: the processor has AVX2 (see Avx2), and there are 8 numbers, which need no alignment.
        unsafe { _mm_loadu_si128(from.as_ptr().cast()) }
    }
    #[inline(always)]
    fn store(self, x: __m128i, to: &mut [i16]) {
        let to = &mut to[..8];
        // SAFETY: the processor has AVX2 (see Avx2), and there is room for 8 numbers, which need no alignment.
        unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), x) }
    }
    #[inline(always)]
    fn load_bytes(self, from: &[u8]) -> __m128i {
        let from = &from[..8];
        // SAFETY: the processor has AVX2 (see Avx2), and there are 8 bytes, which need no alignment.
        unsafe { _mm_cvtepu8_epi16(_mm_loadl_epi64(from.as_ptr().cast())) }
    }
    #[inline(always)]
    fn store_bytes(self, x: __m128i, to: &mut [u8]) {
        let to = &mut to[..8];
        // SAFETY: the processor has AVX2 (see Avx2), and there is room for 8 bytes, which need no alignment.
        unsafe { _mm_storel_epi64(to.as_mut_ptr().cast(), _mm_packus_epi16(x, x)) }
    }
    #[inline(always)]
    fn add(self, a: __m128i, b: __m128i) -> __m128i {
        avx2!(_mm_add_epi16(a, b))
    }
    #[inline(always)]
    fn sub(self, a: __m128i, b: __m128i) -> __m128i {
        avx2!(_mm_sub_epi16(a, b))
    }
    #[inline(always)]
    fn add_limited(self, a: __m128i, b: __m128i) -> __m128i {
        avx2!(_mm_adds_epi16(a, b))
    }
    #[inline(always)]
    fn abs(self, a: __m128i) -> __m128i {
        avx2!(_mm_abs_epi16(a))
    }
    #[inline(always)]
    fn max(self, a: __m128i, b: __m128i) -> __m128i {
        avx2!(_mm_max_epi16(a, b))
    }
    #[inline(always)]
    fn shr_by(self, a: __m128i, bits: u32) -> __m128i {
        avx2!(_mm_sra_epi16(a, _mm_cvtsi32_si128(bits as i32)))
    }
    #[inline(always)]
    fn zip(self, a: __m128i, b: __m128i) -> (__m128i, __m128i) {
        avx2!((_mm_unpacklo_epi16(a, b), _mm_unpackhi_epi16(a, b)))
    }
    #[inline(always)]
    fn weigh(self, a: __m128i, b: __m128i, wa: __m128i, wb: __m128i) -> Self::Sums {
        let ((low, high), (w_low, w_high)) = (self.zip(a, b), self.zip(wa, wb));
        avx2!((_mm_madd_epi16(low, w_low), _mm_madd_epi16(high, w_high)))
    }
    #[inline(always)]
    fn factors(self, a: i16, b: i16) -> __m128i {
        avx2!(_mm_set1_epi32(i32::from(b) << 16 | i32::from(a as u16)))
    }
    #[inline(always)]
    fn two(self, a: __m128i, b: __m128i) -> (__m128i, __m128i) {
        Words::zip(self, a, b)
    }
    #[inline(always)]
    fn weigh_two(self, x: (__m128i, __m128i), factors: __m128i) -> Self::Sums {
        avx2!((_mm_madd_epi16(x.0, factors), _mm_madd_epi16(x.1, factors)))
    }
    #[inline(always)]
    fn filter<const N: usize>(self, from: &[i16], factors: &[__m128i; N]) -> Self::Sums {
        let from = &from[..8 + 2 * N - 1];
        // SAFETY: the processor has AVX2 (see Avx2), and the last vector that is read ends where the numbers do.
        unsafe {
            // The results of even lanes, and those of odd ones.
            let (mut even, mut odd) = (_mm_setzero_si128(), _mm_setzero_si128());
            for (number, &factors) in factors.iter().enumerate() {
                let at = from.as_ptr().add(2 * number);
                let (here, next) = (_mm_loadu_si128(at.cast()), _mm_loadu_si128(at.add(1).cast()));
                even = _mm_add_epi32(even, _mm_madd_epi16(here, factors));
                odd = _mm_add_epi32(odd, _mm_madd_epi16(next, factors));
            }
            (_mm_unpacklo_epi32(even, odd), _mm_unpackhi_epi32(even, odd))
        }
    }
    #[inline(always)]
    fn add_sums(self, a: Self::Sums, b: Self::Sums) -> Self::Sums {
        avx2!((_mm_add_epi32(a.0, b.0), _mm_add_epi32(a.1, b.1)))
    }
    #[inline(always)]
    fn narrow<const SHIFT: i32>(self, x: Self::Sums) -> __m128i {
        avx2!({
            let half = _mm_set1_epi32(1 << (SHIFT - 1));
            let low = _mm_srai_epi32::<SHIFT>(_mm_add_epi32(x.0, half));
            let high = _mm_srai_epi32::<SHIFT>(_mm_add_epi32(x.1, half));
            _mm_packs_epi32(low, high)
        })
    }
    #[inline(always)]
    fn no_pairs(self) -> __m128i {
        avx2!(_mm_setzero_si128())
    }
    #[inline(always)]
    fn add_pairs(self, sum: __m128i, x: __m128i) -> __m128i {
        avx2!(_mm_add_epi32(sum, _mm_madd_epi16(x, _mm_set1_epi16(1))))
    }
    #[inline(always)]
    fn add_differences(self, sum: __m128i, a: &[u8], b: &[u8]) -> __m128i {
        let (a, b) = (&a[..8], &b[..8]);
        // SAFETY: the processor has AVX2 (see Avx2), and there are 8 bytes each, which need no alignment.
        unsafe {
            let a = _mm_loadl_epi64(a.as_ptr().cast());
            _mm_add_epi32(sum, _mm_sad_epu8(a, _mm_loadl_epi64(b.as_ptr().cast())))
        }
    }
    #[inline(always)]
    fn totals(self, sum: __m128i) -> [u32; 2] {
        avx2!({
            let sum = _mm_add_epi32(sum, _mm_shuffle_epi32::<0b01_00_11_10>(sum));
            let sum = _mm_add_epi32(sum, _mm_shuffle_epi32::<0b10_11_00_01>(sum));
            [_mm_cvtsi128_si32(sum) as u32, 0]
        })
    }
    #[inline(always)]
    fn load_means(self, [a, b]: [&[u8]; 2]) -> __m128i {
        let (a, b) = (&a[..8], &b[..8]);
        // SAFETY: the processor has AVX2 (see Avx2), and there are 8 bytes each, which need no alignment.
        unsafe {
            let (a, b) = (_mm_loadl_epi64(a.as_ptr().cast()), _mm_loadl_epi64(b.as_ptr().cast()));
            _mm_cvtepu8_epi16(_mm_avg_epu8(a, b))
        }
    }
}
