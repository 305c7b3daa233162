//! From samples to coefficients: the encoder's choices of transform and of what pairs of channels share.

use super::lapped::{Division, FRACTION, Lapped};
use super::pairs;

/// Makes coefficients of samples.
#[derive(Debug, Clone)]
pub(super) struct Analysis {
    frame: usize,
    channels: usize,
    lapped: Lapped,
}

/// A frame as coefficients.
pub(super) struct Spectrum {
    /// Of all channels, one after the other, rotated in pairs, with [`FRACTION`] fractional bits.
    pub coefficients: Vec<i64>,
    /// How the frame was transformed.
    pub division: Division,
    /// How the pairs were rotated.
    pub angles: Vec<u8>,
}

impl Spectrum {
    fn bits(&self) -> u64 {
        self.coefficients.iter().map(|c| pairs::bits(*c)).sum()
    }
}

impl Analysis {
    pub(super) fn new(frame: usize, channels: usize) -> Self {
        Self { frame, channels, lapped: Lapped::new(frame) }
    }

    /// The coefficients of a frame, in the division that has the fewest bits. `source` is the overlap before the
    /// frame and the frame, channels interleaved.
    pub(super) fn run(&mut self, source: &[i16]) -> Spectrum {
        let channel = |c: usize| source.iter().skip(c).step_by(self.channels);
        let channels: Vec<Vec<i64>> = (0..self.channels)
            .map(|c| channel(c).map(|sample| i64::from(*sample) << FRACTION).collect())
            .collect();
        let whole = self.spectrum(&channels, Division::Whole);
        let blocks = self.spectrum(&channels, Division::Blocks);
        // The models know whole frames better: a gain must be clear.
        if blocks.bits() * 128 < whole.bits() * 127 { blocks } else { whole }
    }

    fn spectrum(&mut self, channels: &[Vec<i64>], division: Division) -> Spectrum {
        let mut coefficients = vec![0; self.frame * self.channels];
        for (samples, coefficients) in channels.iter().zip(coefficients.chunks_exact_mut(self.frame)) {
            self.lapped.analyse(samples, division, coefficients);
        }
        let mut angles = Vec::new();
        for pair in coefficients.chunks_exact_mut(2 * self.frame) {
            let (first, second) = pair.split_at_mut(self.frame);
            let angle = pairs::best_angle(first, second);
            pairs::rotate(angle, first, second);
            angles.push(angle);
        }
        Spectrum { coefficients, division, angles }
    }
}
