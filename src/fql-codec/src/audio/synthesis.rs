//! From coefficients to samples, the same way in the decoder and in the encoder that has to know what it will say.

use super::lapped::Lapped;
use super::params::Params;

/// Makes samples of coefficients, frame after frame.
#[derive(Debug, Clone)]
pub(super) struct Synthesis {
    frame: usize,
    channels: usize,
    lapped: Lapped,
}

/// What a frame leaves of its end for the next one to complete, channel after channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tail(Vec<i64>);

impl Synthesis {
    pub(super) fn new(frame: usize, channels: usize) -> Self {
        Self { frame, channels, lapped: Lapped::new(frame) }
    }

    pub(super) fn overlap(&self) -> usize {
        self.lapped.overlap()
    }

    /// The tail of silence.
    pub(super) fn silent_tail(&self) -> Tail {
        Tail(vec![0; self.channels * self.overlap() / 2])
    }

    /// The tail that a frame would leave whose last `overlap` samples are these, with fractional bits, channels
    /// interleaved.
    pub(super) fn tail_of(&self, samples: &[i64]) -> Tail {
        let channel = |c: usize| samples.iter().skip(c).step_by(self.channels).copied().collect::<Vec<_>>();
        Tail((0..self.channels).flat_map(|c| self.lapped.fold_tail(channel(c))).collect())
    }

    /// The samples of a frame (with fractional bits, channel after channel), which begin `overlap` samples before
    /// it, from its coefficients. `tail` is that of the frame before and becomes that of this one.
    pub(super) fn run(&mut self, mut coefficients: Vec<i64>, params: &Params, tail: &mut Tail) -> Vec<i64> {
        for rotation in params.rotations.iter().rev() {
            rotation.undo(&mut coefficients, self.frame);
        }
        let mut samples = vec![0; coefficients.len()];
        let tails = tail.0.chunks_exact_mut(self.lapped.overlap() / 2);
        let channels = coefficients.chunks_exact_mut(self.frame).zip(samples.chunks_exact_mut(self.frame));
        for ((coefficients, samples), tail) in channels.zip(tails) {
            self.lapped.synthesise(coefficients, params.division, tail, samples);
        }
        samples
    }
}
