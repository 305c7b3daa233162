//! The lapped transform: frames overlap by a quarter of their length, so that a rough layer has no edges between
//! frames, and still there are as many coefficients as samples.
//!
//! A modified cosine transform with a short overlap, written as two steps that are each orthonormal: the samples
//! around a frame's edge are folded into each other by rotations (the window of the Vorbis format), then each frame
//! is transformed by itself.

use super::dct::Dct;
#[cfg(test)]
use super::depth::FRACTION;
use super::trig::{Quarter, round_product};

/// How many blocks a frame with an attack has. A block is as long as the overlap, so that the same window fits.
const BLOCKS: usize = 4;

/// Into how many transforms a frame is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Division {
    /// One: the frame sounds the same all along.
    Whole,
    /// Four, interleaved by frequency: the error of an attack stays near it.
    Blocks,
}

/// The lapped transform of one frame length.
#[derive(Debug, Clone)]
pub(super) struct Lapped {
    frame: usize,
    /// Sine and cosine of the rotation for each pair of samples around an edge, innermost first.
    window: Vec<(i64, i64)>,
    whole: Dct,
    block: Dct,
}

impl Lapped {
    /// Frames of this length; it is a multiple of 16 without prime factors above 5.
    pub(super) fn new(frame: usize) -> Self {
        let overlap = frame / 4;
        let half = overlap / 2;
        let window = (half..overlap)
            .map(|i| Quarter::part(2 * i as u64 + 1, 2 * overlap as u64).squared_sine().sine_cosine())
            .collect();
        Self { frame, window, whole: Dct::new(frame), block: Dct::new(frame / BLOCKS) }
    }

    /// How many samples two frames share.
    pub(super) fn overlap(&self) -> usize {
        self.frame / 4
    }

    /// The coefficients of a frame from its samples: `overlap` samples before the frame and the frame's.
    pub(super) fn analyse(&mut self, samples: &[i64], division: Division, coefficients: &mut [i64]) {
        let (overlap, half) = (self.overlap(), self.overlap() / 2);
        let (mut head, mut tail) = (samples[..overlap].to_vec(), samples[self.frame..].to_vec());
        self.fold(&mut head);
        self.fold(&mut tail);
        let (start, end) = coefficients.split_at_mut(self.frame - half);
        start[..half].copy_from_slice(&head[half..]);
        start[half..].copy_from_slice(&samples[overlap..self.frame]);
        end.copy_from_slice(&tail[..half]);
        self.transform(division, coefficients);
    }

    /// What a frame keeps of the last `overlap` samples before its end, folded at the edge.
    pub(super) fn fold_tail(&self, mut samples: Vec<i64>) -> Vec<i64> {
        self.fold(&mut samples);
        samples.truncate(self.overlap() / 2);
        samples
    }

    /// The samples of a frame from its coefficients (which it overwrites), beginning `overlap` samples before it.
    /// `tail` is what the frame before left, and becomes what this one leaves.
    pub(super) fn synthesise(
        &mut self,
        coefficients: &mut [i64],
        division: Division,
        tail: &mut [i64],
        samples: &mut [i64],
    ) {
        let half = self.overlap() / 2;
        self.transform_back(division, coefficients);
        let (start, end) = coefficients.split_at(self.frame - half);
        samples[..half].copy_from_slice(tail);
        samples[half..].copy_from_slice(start);
        self.unfold(&mut samples[..2 * half]);
        tail.copy_from_slice(end);
    }

    fn transform(&mut self, division: Division, values: &mut [i64]) {
        if division == Division::Whole {
            return self.whole.run(values);
        }
        for edge in self.inner_edges() {
            self.fold(&mut values[edge]);
        }
        let len = self.frame / BLOCKS;
        let mut blocks = values.to_vec();
        for (b, block) in blocks.chunks_exact_mut(len).enumerate() {
            self.block.run(block);
            for (k, value) in block.iter().enumerate() {
                values[BLOCKS * k + b] = *value;
            }
        }
    }

    fn transform_back(&mut self, division: Division, values: &mut [i64]) {
        if division == Division::Whole {
            return self.whole.run(values);
        }
        let interleaved = values.to_vec();
        for (b, block) in values.chunks_exact_mut(self.frame / BLOCKS).enumerate() {
            for (k, value) in block.iter_mut().enumerate() {
                *value = interleaved[BLOCKS * k + b];
            }
            self.block.run(block);
        }
        for edge in self.inner_edges() {
            self.unfold(&mut values[edge]);
        }
    }

    /// The samples around the edges between blocks.
    fn inner_edges(&self) -> impl Iterator<Item = std::ops::Range<usize>> + use<> {
        let (len, half) = (self.frame / BLOCKS, self.overlap() / 2);
        (1..BLOCKS).map(move |b| b * len - half..b * len + half)
    }

    /// Folds the samples around an edge into each other.
    fn fold(&self, around: &mut [i64]) {
        let (before, after) = around.split_at_mut(self.window.len());
        for ((a, b), &(rise, fall)) in before.iter_mut().rev().zip(after).zip(&self.window) {
            (*a, *b) = (round_product(rise * *a - fall * *b), round_product(rise * *b + fall * *a));
        }
    }

    /// Undoes [`Lapped::fold`].
    fn unfold(&self, around: &mut [i64]) {
        let (before, after) = around.split_at_mut(self.window.len());
        for ((a, b), &(rise, fall)) in before.iter_mut().rev().zip(after).zip(&self.window) {
            (*a, *b) = (round_product(rise * *a + fall * *b), round_product(rise * *b - fall * *a));
        }
    }
}

/// The frame length for a sample rate: the longest multiple of 16 without prime factors above 5 that lasts 20 ms at
/// most together with its overlap.
pub(super) fn frame_len(rate: u32) -> usize {
    let longest = rate as usize / 50 * 4 / 5;
    (1..=longest / 16).rev().map(|n| 16 * n).find(|n| is_smooth(*n)).unwrap_or(16)
}

fn is_smooth(mut n: usize) -> bool {
    for factor in [2, 3, 5] {
        while n.is_multiple_of(factor) {
            n /= factor;
        }
    }
    n == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_and_its_overlap_last_20_ms_at_most() {
        for rate in [8_000, 11_025, 12_000, 16_000, 22_050, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000]
        {
            let frame = frame_len(rate);
            assert!(
                frame * 5 / 4 * 50 <= rate as usize && frame * 5 / 4 * 64 > rate as usize,
                "{rate}: {frame}"
            );
        }
    }

    #[test]
    fn frames_of_both_kinds_join_into_the_samples_that_were_analysed() {
        use Division::{Blocks, Whole};
        let mut lapped = Lapped::new(128);
        let source: Vec<i64> = (0..128 * 5i64).map(|i| (i * i * 31 % 65_536 - 32_768) << FRACTION).collect();
        let mut tail = vec![0; 16];
        let padded: Vec<i64> = [vec![0; 32], source.clone()].concat();
        let mut decoded = Vec::new();
        for (frame, division) in [Whole, Blocks, Blocks, Whole, Blocks].into_iter().enumerate() {
            let (mut coefficients, mut samples) = (vec![0; 128], vec![0; 128]);
            lapped.analyse(&padded[frame * 128..][..160], division, &mut coefficients);
            lapped.synthesise(&mut coefficients, division, &mut tail, &mut samples);
            decoded.extend(samples);
        }
        for (i, (decoded, source)) in decoded[32..].iter().zip(&source).enumerate() {
            assert!((decoded - source).abs() < 40, "sample {i} is {decoded}, not {source}");
        }
    }
}
