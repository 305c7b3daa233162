//! An adaptive binary range coder of which every prefix decodes.
//!
//! [`Encoder`] and [`Decoder`] share the trait [`Coder`], so that a codec is written once and serves as both: the
//! encoder codes the bit that the closure gives, the decoder ignores the closure and returns the bit of the stream.
//!
//! **The truncation rule.** Bytes past the end of the data are *unknown*, not zero. The decoder notes before each
//! decision whether it depends on them; once it does, [`Decoder::is_exhausted`] is true and every bit from that one
//! on is meaningless. So code a coefficient with as many decisions as it takes, ask `is_exhausted`, and take the
//! coefficient only where the answer is no. [`Encoder::finish`] writes as many bytes as it takes for every coded
//! decision to be certain, so a complete codeword is never exhausted within the symbols that were coded; a cut one
//! loses its last symbols and nothing else.
//!
//! The arithmetic is that of a 32-bit range coder with carry (G. N. N. Martin, "Range encoding", 1979; the carry
//! runs back into the bytes that are written), with probabilities of 16 bits.
//!
//! ```
//! use fql_codec::entropy::{BitModel, Coder, Decoder, Encoder};
//!
//! let bits = [true, true, false, true, true, true];
//! let (mut encoder, mut model) = (Encoder::new(), BitModel::EVEN);
//! for bit in bits {
//!     encoder.code(&mut model, || bit);
//! }
//! let bytes = encoder.finish();
//!
//! let (mut decoder, mut model) = (Decoder::new(&bytes), BitModel::EVEN);
//! for bit in bits {
//!     assert_eq!(decoder.code(&mut model, || unreachable!()), bit);
//!     assert!(!decoder.is_exhausted());
//! }
//! ```

mod decoder;
mod encoder;
mod model;
#[cfg(test)]
mod tests;

pub use decoder::Decoder;
pub use encoder::Encoder;
pub use model::BitModel;

/// The range is kept at or above this; below it a byte is shifted.
const LOW_RANGE: u32 = 1 << 24;

/// The part of the range that belongs to `false`; at least 1 and less than the range.
#[inline(always)]
fn scale(range: u32, model: BitModel) -> u32 {
    ((u64::from(range) * u64::from(model.probability_of_false())) >> 16) as u32
}

/// Codes binary decisions: an [`Encoder`] or a [`Decoder`].
pub trait Coder {
    /// Codes one decision with an adaptive model. An encoder takes it from `bit`, a decoder from the stream; both
    /// return it.
    fn code(&mut self, model: &mut BitModel, bit: impl FnOnce() -> bool) -> bool;

    /// Codes one decision with both outcomes equally likely.
    fn code_even(&mut self, bit: impl FnOnce() -> bool) -> bool;

    /// Whether decisions were asked for that depend on bytes that are not there; never so for an encoder.
    fn is_exhausted(&self) -> bool;

    /// Codes the `count` low bits of a value, each equally likely, highest first. At most 32.
    fn code_bits(&mut self, count: u32, value: impl Fn() -> u32) -> u32 {
        (0..count).rev().fold(0, |acc, i| acc << 1 | u32::from(self.code_even(|| value() >> i & 1 != 0)))
    }

    /// Codes an integer of any size by Elias-gamma with adaptive models for its magnitude: small values, or those
    /// that the models have learnt, are cheap. `models` are one for each bit length that is told apart; the last
    /// serves for all longer. At most 2^31 - 2: an encoder's value must not be larger, a decoder's never is, whatever
    /// the bytes are.
    fn code_integer(&mut self, models: &mut [BitModel], value: impl Fn() -> u32) -> u32 {
        let last = models.len() - 1;
        let mut bits = 0;
        while bits < 30
            && self.code(&mut models[last.min(bits as usize)], || (value() + 1) >> (bits + 1) != 0)
        {
            bits += 1;
        }
        let low = self.code_bits(bits, || (value() + 1) & ((1 << bits) - 1));
        (1 << bits | low) - 1
    }
}
