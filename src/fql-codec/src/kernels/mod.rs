//! The loops that the codec spends its time in, with the vector instructions of the machine.
//!
//! Each kernel is written once, over the operations of [`Lanes`] or of [`Words`], and compiled for every set of instructions:
//! AVX2, where the processor turns out to have it, NEON on 64-bit Arm, the 128-bit vectors of WebAssembly where the
//! module is built with them, and plain numbers ([`One`], [`Eight`]) everywhere. The last is the twin that tests hold the
//! others equal to, bit for bit: all arithmetic is of integers, and wraps.
//!
//! This is the only place of the crate with `unsafe`: intrinsics may only be called where the processor has their
//! instructions. A value of a type of [`Lanes`] exists only there, so that kernels themselves are safe code.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod avx2;
pub(crate) mod classes;
pub(crate) mod differences;
mod lanes;
pub(crate) mod lifting;
#[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
mod neon;
pub(crate) mod prediction;
pub(crate) mod quantising;
pub(crate) mod rows;
mod scalar;
#[cfg(test)]
mod tests;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;
mod words;

use lanes::Lanes;
use scalar::{Eight, One};
use words::Words;

/// A loop over slices, with what it works on.
///
/// `run` and all that it calls must be inlined: only then is it compiled with the instructions of its lanes.
pub(crate) trait Kernel {
    type Output;
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}

/// Runs a kernel with the best instructions that there are.
#[inline]
pub(crate) fn run<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    if let Some(lanes) = avx2::Avx2::detect() {
        return lanes.run(kernel);
    }
    #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
    return kernel.run(neon::Neon::new());
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    return kernel.run(wasm::Simd128::new());
    #[allow(unreachable_code)]
    kernel.run(One)
}

/// A loop over numbers of 16 bits, with what it works on. All that it calls must be inlined, as for [`Kernel`].
pub(crate) trait WordKernel {
    type Output;
    fn run<L: Words>(self, lanes: L) -> Self::Output;
}

/// Runs a kernel with the best instructions that there are.
#[inline]
pub(crate) fn run_words<K: WordKernel>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    if let Some(lanes) = avx2::Avx2::detect() {
        return lanes.run_words(kernel);
    }
    #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
    return kernel.run(neon::Neon::new());
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    return kernel.run(wasm::Simd128::new());
    #[allow(unreachable_code)]
    kernel.run(Eight)
}
