//! Which quantization interval each layer has.
//!
//! Coefficients are coded in **planes**: the first has four times the interval of layer 0, each following one half
//! of that before. Layer 0 holds the first three planes (sign, and a magnitude of 0 to 7 intervals), every further
//! lossy layer one. The last plane is the one whose interval is at least 1, in units of a sample, and below 2; nothing
//! finer is useful, because the exact layer then costs a quarter of a bit a sample more than the source's own
//! entropy, whatever the interval.
//!
//! A stream of 10 layers or more has an **exact layer** in every frame: it is the first layer that finds no plane
//! left, or the stream's last, which then takes all planes that are left; after the planes comes what is left of
//! the samples. Layers above it are empty.

use std::ops::Range;

use super::lapped::FRACTION;

/// From this many layers on, a stream has an exact layer.
pub(super) const LAYERS_FOR_EXACTNESS: u8 = 10;

/// How many planes layer 0 has: its interval is an eighth to a quarter of the peak, which is 8 to 14 dB.
const FIRST_PLANES: u32 = 3;

/// Steps in an octave of intervals.
pub(super) const STEPS_PER_OCTAVE: u16 = 16;

/// The largest step: no coefficient of 16-bit samples needs more.
const MAX_STEP: u16 = 20 * STEPS_PER_OCTAVE;

/// Fractional bits of an interval.
pub(super) const INTERVAL_BITS: u32 = 24;

/// Powers of two in steps of a sixteenth, with 16 fractional bits.
const MANTISSAS: [u64; 16] = [
    65_536, 68_438, 71_468, 74_632, 77_936, 81_386, 84_990, 88_752, 92_682, 96_785, 101_070, 105_545,
    110_218, 115_098, 120_194, 125_515,
];

/// The intervals of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ladder {
    /// Logarithm of layer 0's interval, in sixteenths of an octave.
    step: u16,
}

impl Ladder {
    /// The ladder of this step, `None` where it is too large.
    pub(super) fn from_step(step: u16) -> Option<Self> {
        (step <= MAX_STEP).then_some(Self { step })
    }

    /// The finest ladder of whole octaves whose first plane holds this magnitude (with [`FRACTION`] bits) as 0 or 1.
    pub(super) fn covering(peak: u64) -> Self {
        let octaves = (peak >> FRACTION).checked_ilog2().unwrap_or(0).saturating_sub(FIRST_PLANES - 1);
        Self { step: (octaves as u16 * STEPS_PER_OCTAVE).min(MAX_STEP) }
    }

    /// This ladder with all intervals enlarged, as far as there are larger ones.
    pub(super) fn enlarged(self, steps: u16) -> Self {
        Self { step: (self.step + steps).min(MAX_STEP) }
    }

    pub(super) fn step(self) -> u16 {
        self.step
    }

    /// How many planes there are down to the finest.
    pub(super) fn planes(self) -> u32 {
        u32::from(self.step / STEPS_PER_OCTAVE) + FIRST_PLANES
    }

    /// How many layers have planes of their own.
    pub(super) fn lossy_layers(self) -> u8 {
        (self.planes() - FIRST_PLANES + 1) as u8
    }

    /// The planes that a layer holds: three in layer 0, one in each further layer, all that are left in the exact one.
    pub(super) fn planes_of(self, layer: u8, exact: bool) -> Range<u32> {
        let all = self.planes();
        let first = if layer == 0 { 0 } else { u32::from(layer) + FIRST_PLANES - 1 };
        let end = if exact { all } else { u32::from(layer) + FIRST_PLANES };
        first.min(all)..end.min(all)
    }

    /// The interval of a plane, in samples with [`INTERVAL_BITS`] fractional bits.
    pub(super) fn interval(self, plane: u32) -> u64 {
        let mantissa = MANTISSAS[usize::from(self.step % STEPS_PER_OCTAVE)];
        mantissa << (INTERVAL_BITS - 16 + self.planes() - 1 - plane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plane_halves_the_interval_down_to_one_sample() {
        for step in 0..=MAX_STEP {
            let ladder = Ladder::from_step(step).unwrap();
            let last = ladder.planes() - 1;
            for plane in 0..last {
                assert_eq!(ladder.interval(plane), 2 * ladder.interval(plane + 1));
            }
            assert!((1 << INTERVAL_BITS..2 << INTERVAL_BITS).contains(&ladder.interval(last)));
        }
    }

    #[test]
    fn the_first_plane_tells_the_peak_from_nothing() {
        for peak in [1u64, 256, 1_000, 65_535, 65_536, 1 << 20, (1 << 29) - 1] {
            let ladder = Ladder::covering(peak);
            assert!(peak << (INTERVAL_BITS - FRACTION) < 2 * ladder.interval(0), "{peak}");
        }
    }
}
