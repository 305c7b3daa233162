//! The exact layer's last part: what is left between the source and the samples that all planes give.
//!
//! **16 bits.** The planes leave an error of about a third of a sample, so most of what is left is 0, then 1 towards
//! the side that the fraction of the decoded sample points to. That fraction is the context: with it, exactness costs
//! about a quarter of a bit a sample above the entropy of the source, and half a bit without.
//!
//! **24 bits.** The planes leave an error of 2 to 3 samples. Its distribution is learnt in steps of one, in the
//! context of how much was left of the two samples before.

use crate::entropy::{BitModel, Coder};

use super::depth::{Depth, FRACTION};
use super::tables;

/// Classes of the distance from a decoded sample to the integer next to it.
pub(super) const DISTANCES: usize = 8;
/// Classes of what was left of the samples before, with 16 bits.
pub(super) const ACTIVITY: usize = 3;
/// Classes of what was left of the samples before, with 24 bits.
pub(super) const SPREADS: usize = 3;
/// Magnitudes that have a model of their own, with 24 bits.
pub(super) const STEPS: usize = 12;

/// The adaptive models for 16 bits.
#[derive(Debug, Clone)]
pub(super) struct NearModels {
    pub zero: [[BitModel; ACTIVITY]; DISTANCES],
    pub sign: [BitModel; DISTANCES],
    pub one: [[BitModel; ACTIVITY]; 2],
    pub more: [BitModel; 16],
}

/// The adaptive models for 24 bits.
#[derive(Debug, Clone)]
pub(super) struct WideModels {
    /// Whether a magnitude is above 0, 1, 2 and so on.
    pub above: [[BitModel; STEPS]; SPREADS],
    pub more: [BitModel; 16],
}

#[derive(Debug, Clone)]
enum Models {
    Near(NearModels),
    Wide(WideModels),
}

/// Codes what is left of the samples of one unit, channels interleaved.
#[derive(Debug, Clone)]
pub(super) struct Residual {
    depth: Depth,
    models: Models,
    /// For each channel, what was left of the two samples before.
    before: Vec<[u32; 2]>,
}

impl Residual {
    pub(super) fn new(channels: usize, depth: Depth) -> Self {
        let models = match depth.fraction() {
            0 => Models::Wide(tables::WIDE_MODELS),
            _ => Models::Near(tables::RESIDUAL_MODELS),
        };
        Self { depth, models, before: vec![[0; 2]; channels] }
    }

    /// Codes one sample of a channel: `decoded` is what the planes give, with [`FRACTION`] fractional bits. An
    /// encoder gives the sample by `source`. `None` where a decoder's bytes ended.
    #[inline(always)]
    pub(super) fn code<C: Coder>(
        &mut self,
        channel: usize,
        decoded: i64,
        coder: &mut C,
        source: impl Fn() -> i32,
    ) -> Option<i32> {
        let nearest = self.depth.round(decoded);
        let before = &mut self.before[channel];
        let left = || source() - nearest;
        let left = match &mut self.models {
            Models::Near(models) => models.code(decoded - self.depth.widen(nearest), *before, coder, left),
            Models::Wide(models) => models.code(*before, coder, left),
        };
        if coder.is_exhausted() {
            return None;
        }
        *before = [left.unsigned_abs(), before[0]];
        Some((nearest + left).clamp(*self.depth.range().start(), *self.depth.range().end()))
    }
}

impl NearModels {
    fn code<C: Coder>(
        &mut self,
        offset: i64,
        [one, two]: [u32; 2],
        coder: &mut C,
        left: impl Fn() -> i32,
    ) -> i32 {
        let distance =
            ((offset.unsigned_abs() * 2 * DISTANCES as u64) >> FRACTION).min(DISTANCES as u64 - 1) as usize;
        let activity = match 2 * one + two {
            0 => 0,
            1..=3 => 1,
            _ => 2,
        };
        if !coder.code(&mut self.zero[distance][activity], || left() != 0) {
            return 0;
        }
        let towards = if offset < 0 { -1 } else { 1 };
        let away = coder.code(&mut self.sign[distance], || left().signum() != towards);
        if !coder.code(&mut self.one[usize::from(away)][activity], || left().unsigned_abs() > 1) {
            return if away { -towards } else { towards };
        }
        let more = coder.code_integer(&mut self.more, || left().unsigned_abs() - 2);
        // No sample is further than this from another; a damaged stream may say so.
        let magnitude = more.min(0xffff) as i32 + 2;
        if away { -towards * magnitude } else { towards * magnitude }
    }
}

impl WideModels {
    fn code<C: Coder>(&mut self, [one, two]: [u32; 2], coder: &mut C, left: impl Fn() -> i32) -> i32 {
        let spread = match 2 * one + two {
            0..=5 => 0,
            6..=12 => 1,
            _ => 2,
        };
        let mut magnitude = 0;
        for model in &mut self.above[spread] {
            if !coder.code(model, || left().unsigned_abs() > magnitude) {
                break;
            }
            magnitude += 1;
        }
        if magnitude == STEPS as u32 {
            let more = coder.code_integer(&mut self.more, || left().unsigned_abs() - STEPS as u32);
            // No sample is further than this from another; a damaged stream may say so.
            magnitude += more.min(0xff_ffff);
        }
        if magnitude != 0 && coder.code_even(|| left() < 0) { -(magnitude as i32) } else { magnitude as i32 }
    }
}
