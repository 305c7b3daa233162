//! What differs between samples of 16 and of 24 bits.
//!
//! Inside of the codec both have the same unit: one of 24 bits is one of 16 bits with eight fractional bits. So the
//! transform and all that follows work in one range of numbers, and only the finest interval and the exact layer's
//! last part know which it is.

use std::ops::RangeInclusive;

use fql_unit::AudioFormat;

/// Fractional bits of samples and coefficients, in units of a 16-bit sample.
pub(super) const FRACTION: u32 = 8;

/// How many bits a sample has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Depth(AudioFormat);

impl Depth {
    pub(super) fn new(format: AudioFormat) -> Self {
        Self(format)
    }

    pub(super) fn format(self) -> AudioFormat {
        self.0
    }

    /// How many of the [`FRACTION`] bits lie below a sample's last one.
    pub(super) fn fraction(self) -> u32 {
        match self.0 {
            AudioFormat::S16 => FRACTION,
            AudioFormat::S24 => 0,
        }
    }

    /// How many planes there are with an interval below that of the finest plane of 16 bits.
    ///
    /// That of 24 bits has 8 samples: the transforms are off by about 0.7 samples there, so that a finer one would
    /// tell less than it costs.
    pub(super) fn finer_planes(self) -> u32 {
        match self.0 {
            AudioFormat::S16 => 0,
            AudioFormat::S24 => 5,
        }
    }

    /// Half of the finest interval, with [`FRACTION`] fractional bits: what is below is nothing.
    pub(super) fn least(self) -> u64 {
        1 << (FRACTION - 1 - self.finer_planes())
    }

    /// All samples that there are.
    pub(super) fn range(self) -> RangeInclusive<i32> {
        let half = 1 << (self.0.bits() - 1);
        -half..=half - 1
    }

    /// A sample with [`FRACTION`] fractional bits.
    pub(super) fn widen(self, sample: i32) -> i64 {
        i64::from(sample) << self.fraction()
    }

    /// The sample next to a value with [`FRACTION`] fractional bits.
    #[inline(always)]
    pub(super) fn round(self, value: i64) -> i32 {
        match self.0 {
            AudioFormat::S16 => {
                let half = 1 << (FRACTION - 1);
                ((value + half) >> FRACTION).clamp(i16::MIN.into(), i16::MAX.into()) as i32
            }
            AudioFormat::S24 => value.clamp(-(1 << 23), (1 << 23) - 1) as i32,
        }
    }
}
