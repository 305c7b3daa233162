//! Which quantization interval each layer has.
//!
//! Coefficients are coded in **planes**: the first has four times the interval of layer 0, each following one half
//! of that before. The ladder is climbed in **steps**: at each one every band codes a plane, which is further on by the
//! band's weight. Layer 0 holds all up to the third step (sign, and a magnitude of 0 to 7 intervals in the bands without a
//! weight), every further lossy layer one. The last plane is the one whose interval is at least 1, in units of a sample of 16
//! bits, and below 2 (24 bits: at least 8 of their samples, and below 16); nothing finer is useful, because the exact
//! layer then costs a quarter of a bit a sample more than the source's own entropy, whatever the interval.
//!
//! A stream of 10 layers or more has an **exact layer** in every frame: it is the first layer that finds no step
//! left, or the stream's last, which then takes all steps that are left; after them comes what is left of
//! the samples. Layers above it are empty.

use std::ops::Range;

use super::depth::{Depth, FRACTION};
use super::weights;

/// From this many layers on, a stream has an exact layer.
pub(super) const LAYERS_FOR_EXACTNESS: u8 = 10;

/// How many planes layer 0 has of a band without a weight: its interval is an eighth to a quarter of the peak, which is 8 to
/// 14 dB.
const FIRST_PLANES: u32 = 3;

/// Steps in an octave of intervals.
pub(super) const STEPS_PER_OCTAVE: u16 = 16;

/// The largest octave of 16 bits: no coefficient of any sound needs more.
const MAX_OCTAVE: u32 = 20;

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
    /// Logarithm of layer 0's interval, in sixteenths of an octave of the last plane's.
    step: u16,
    depth: Depth,
}

impl Ladder {
    /// The ladder of this step, `None` where it is too large.
    pub(super) fn from_step(step: u16, depth: Depth) -> Option<Self> {
        (step <= max_step(depth)).then_some(Self { step, depth })
    }

    /// The finest ladder of whole octaves whose first plane holds this magnitude (with [`FRACTION`] bits) as 0 or 1.
    pub(super) fn covering(peak: u64, depth: Depth) -> Self {
        let octaves = (peak >> (FRACTION - depth.finer_planes()))
            .checked_ilog2()
            .unwrap_or(0)
            .saturating_sub(FIRST_PLANES - 1);
        Self { step: (octaves as u16 * STEPS_PER_OCTAVE).min(max_step(depth)), depth }
    }

    /// This ladder with all intervals enlarged, as far as there are larger ones.
    pub(super) fn enlarged(self, steps: u16) -> Self {
        Self { step: (self.step + steps).min(max_step(self.depth)), ..self }
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

    /// The steps that a layer holds: all up to the third plane in layer 0, one in each further layer, all that are left
    /// in the exact one. At step *s* a band codes the plane *s* and as many further as its weight.
    pub(super) fn steps_of(self, layer: u8, exact: bool) -> Range<i32> {
        let all = self.planes() as i32;
        let first =
            if layer == 0 { -i32::from(weights::MOST) } else { i32::from(layer) + FIRST_PLANES as i32 - 1 };
        let end = if exact { all } else { i32::from(layer) + FIRST_PLANES as i32 };
        first.min(all)..end.min(all)
    }

    /// The interval of a plane, in 16-bit samples with [`INTERVAL_BITS`] fractional bits.
    pub(super) fn interval(self, plane: u32) -> u64 {
        let mantissa = MANTISSAS[usize::from(self.step % STEPS_PER_OCTAVE)];
        mantissa << (INTERVAL_BITS - 16 - self.depth.finer_planes() + self.planes() - 1 - plane)
    }
}

/// The largest step.
fn max_step(depth: Depth) -> u16 {
    (MAX_OCTAVE + depth.finer_planes()) as u16 * STEPS_PER_OCTAVE
}

#[cfg(test)]
mod tests {
    use fql_unit::AudioFormat;

    use super::*;

    const DEPTHS: [AudioFormat; 2] = [AudioFormat::S16, AudioFormat::S24];

    #[test]
    fn every_plane_halves_the_interval_down_to_the_finest() {
        for (depth, finest) in DEPTHS.map(Depth::new).into_iter().zip([1 << INTERVAL_BITS, 8 << 16]) {
            for step in 0..=max_step(depth) {
                let ladder = Ladder::from_step(step, depth).unwrap();
                let last = ladder.planes() - 1;
                for plane in 0..last {
                    assert_eq!(ladder.interval(plane), 2 * ladder.interval(plane + 1));
                }
                assert!((finest..2 * finest).contains(&ladder.interval(last)));
            }
            assert!(Ladder::from_step(max_step(depth) + 1, depth).is_none());
        }
    }

    #[test]
    fn the_first_plane_tells_the_peak_from_nothing() {
        for depth in DEPTHS.map(Depth::new) {
            for peak in [1u64, 7, 8, 256, 1_000, 65_535, 65_536, 1 << 20, (1 << 30) - 1] {
                let ladder = Ladder::covering(peak, depth);
                assert!(peak << (INTERVAL_BITS - FRACTION) < 2 * ladder.interval(0), "{peak}");
            }
        }
    }
}
