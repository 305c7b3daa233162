//! From samples to coefficients: the encoder's choices of transform and of what pairs of channels share.

use super::depth::Depth;
use super::lapped::{Division, Lapped};
use super::pairing;
use super::rotation::Rotation;

/// Makes coefficients of samples.
#[derive(Debug, Clone)]
pub(super) struct Analysis {
    frame: usize,
    channels: usize,
    depth: Depth,
    lapped: Lapped,
}

/// A frame as coefficients.
pub(super) struct Spectrum {
    /// Of all channels, one after the other, rotated.
    pub coefficients: Vec<i64>,
    /// How the frame was transformed.
    pub division: Division,
    /// How the channels were rotated, in this order.
    pub rotations: Vec<Rotation>,
}

impl Spectrum {
    fn bits(&self, depth: Depth) -> u64 {
        self.coefficients.iter().map(|c| pairing::bits(*c, depth)).sum()
    }
}

impl Analysis {
    pub(super) fn new(frame: usize, channels: usize, depth: Depth) -> Self {
        Self { frame, channels, depth, lapped: Lapped::new(frame) }
    }

    /// The coefficients of a frame, in the division that has the fewest bits. `source` is the overlap before the
    /// frame and the frame, channels interleaved.
    pub(super) fn run(&mut self, source: &[i32]) -> Spectrum {
        let channel = |c: usize| source.iter().skip(c).step_by(self.channels);
        let channels: Vec<Vec<i64>> = (0..self.channels)
            .map(|c| channel(c).map(|sample| self.depth.widen(*sample)).collect())
            .collect();
        let whole = self.spectrum(&channels, Division::Whole);
        let blocks = self.spectrum(&channels, Division::Blocks);
        // The models know whole frames better: a gain must be clear.
        if blocks.bits(self.depth) * 128 < whole.bits(self.depth) * 127 { blocks } else { whole }
    }

    fn spectrum(&mut self, channels: &[Vec<i64>], division: Division) -> Spectrum {
        let mut coefficients = vec![0; self.frame * self.channels];
        for (samples, coefficients) in channels.iter().zip(coefficients.chunks_exact_mut(self.frame)) {
            self.lapped.analyse(samples, division, coefficients);
        }
        let rotations = pairing::rotate(&mut coefficients, self.frame, self.depth);
        Spectrum { coefficients, division, rotations }
    }
}
