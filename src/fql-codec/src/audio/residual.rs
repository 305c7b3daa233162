//! The exact layer's last part: what is left between the source and the samples that all planes give.
//!
//! The planes leave an error of about a third of a sample, so most of what is left is 0, then 1 towards the side that
//! the fraction of the decoded sample points to. That fraction is the context: with it, exactness costs about a
//! quarter of a bit a sample above the entropy of the source, and half a bit without.

use crate::entropy::{BitModel, Coder};

use super::lapped::FRACTION;
use super::tables;

/// Classes of the distance from a decoded sample to the integer next to it.
pub(super) const DISTANCES: usize = 8;
/// Classes of what was left of the samples before.
pub(super) const ACTIVITY: usize = 3;

/// The adaptive models.
#[derive(Debug, Clone)]
pub(super) struct Models {
    pub zero: [[BitModel; ACTIVITY]; DISTANCES],
    pub sign: [BitModel; DISTANCES],
    pub one: [[BitModel; ACTIVITY]; 2],
    pub more: [BitModel; 16],
}

/// Codes what is left of the samples of one unit, channels interleaved.
#[derive(Debug, Clone)]
pub(super) struct Residual {
    models: Models,
    /// For each channel, what was left of the two samples before.
    before: Vec<[u32; 2]>,
}

impl Residual {
    pub(super) fn new(channels: usize) -> Self {
        Self { models: tables::RESIDUAL_MODELS, before: vec![[0; 2]; channels] }
    }

    /// Codes one sample of a channel: `decoded` is what the planes give, with [`FRACTION`] fractional bits. An
    /// encoder gives the sample by `source`. `None` where a decoder's bytes ended.
    pub(super) fn code<C: Coder>(
        &mut self,
        channel: usize,
        decoded: i64,
        coder: &mut C,
        source: impl Fn() -> i16,
    ) -> Option<i16> {
        let nearest = round(decoded);
        let offset = decoded - (i64::from(nearest) << FRACTION);
        let left = self.code_left(channel, offset, coder, || i32::from(source()) - i32::from(nearest));
        if coder.is_exhausted() {
            return None;
        }
        let before = &mut self.before[channel];
        *before = [left.unsigned_abs(), before[0]];
        Some((i32::from(nearest) + left).clamp(i16::MIN.into(), i16::MAX.into()) as i16)
    }

    fn code_left<C: Coder>(
        &mut self,
        channel: usize,
        offset: i64,
        coder: &mut C,
        left: impl Fn() -> i32,
    ) -> i32 {
        let distance = ((offset.unsigned_abs() as usize * 2 * DISTANCES) >> FRACTION).min(DISTANCES - 1);
        let [one, two] = self.before[channel];
        let activity = match 2 * one + two {
            0 => 0,
            1..=3 => 1,
            _ => 2,
        };
        let models = &mut self.models;
        if !coder.code(&mut models.zero[distance][activity], || left() != 0) {
            return 0;
        }
        let towards = if offset < 0 { -1 } else { 1 };
        let away = coder.code(&mut models.sign[distance], || left().signum() != towards);
        if !coder.code(&mut models.one[usize::from(away)][activity], || left().unsigned_abs() > 1) {
            return if away { -towards } else { towards };
        }
        let more = coder.code_integer(&mut models.more, || left().unsigned_abs() - 2);
        // No sample is further than this from another; a damaged stream may say so.
        let magnitude = more.min(0xffff) as i32 + 2;
        if away { -towards * magnitude } else { towards * magnitude }
    }
}

/// The integer sample next to a decoded one.
pub(super) fn round(decoded: i64) -> i16 {
    let half = 1 << (FRACTION - 1);
    ((decoded + half) >> FRACTION).clamp(i16::MIN.into(), i16::MAX.into()) as i16
}
