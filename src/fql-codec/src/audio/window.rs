//! Which samples a unit holds, and in which order the exact layer completes them.

use std::ops::Range;

use super::params::Params;

/// Which samples of a frame's synthesis come out, and in which order the residual codes them.
pub(super) struct Window {
    /// Positions in the synthesis, which begins an overlap before the frame.
    pub range: Range<usize>,
    /// Positions below this depend on the frame before.
    pub overlap: usize,
}

impl Window {
    pub(super) fn new(params: &Params, overlap: usize) -> Self {
        let first = if params.start { overlap } else { 0 };
        Self { range: first..first + usize::from(params.samples), overlap }
    }

    /// Position and channel of every sample: those that depend on this frame alone, then the overlap.
    pub(super) fn order(&self, channels: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let edge = self.overlap.clamp(self.range.start, self.range.end);
        let positions = (edge..self.range.end).chain(self.range.start..edge);
        positions.flat_map(move |at| (0..channels).map(move |channel| (at, channel)))
    }
}
