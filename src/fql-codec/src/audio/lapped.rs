//! The lapped transform: frames overlap by a quarter of their length, so that a rough layer has no edges between
//! frames, and still there are as many coefficients as samples.
//!
//! A modified cosine transform with a short overlap, written as two steps that are each orthonormal: the samples
//! around a frame's edge are folded into each other by rotations (the window of the Vorbis format), then each frame
//! is transformed by itself.

use super::dct::Dct;
use super::trig::{Quarter, round_product};

/// Fractional bits of samples and coefficients.
pub(super) const FRACTION: u32 = 8;

/// The lapped transform of one frame length.
#[derive(Debug, Clone)]
pub(super) struct Lapped {
    frame: usize,
    /// Sine and cosine of the rotation for each pair of samples around an edge, innermost first.
    window: Vec<(i64, i64)>,
    dct: Dct,
}

impl Lapped {
    /// Frames of this length; it is a multiple of 16 without prime factors above 5.
    pub(super) fn new(frame: usize) -> Self {
        let overlap = frame / 4;
        let half = overlap / 2;
        let window = (half..overlap)
            .map(|i| Quarter::part(2 * i as u64 + 1, 2 * overlap as u64).squared_sine().sine_cosine())
            .collect();
        Self { frame, window, dct: Dct::new(frame) }
    }

    /// How many samples two frames share.
    pub(super) fn overlap(&self) -> usize {
        self.frame / 4
    }

    /// The coefficients of a frame in place of its samples: `overlap` samples before the frame and the frame's.
    pub(super) fn analyse(&mut self, samples: &[i64], coefficients: &mut [i64]) {
        let (overlap, half) = (self.overlap(), self.overlap() / 2);
        let end = self.frame - half;
        let (head, tail) = (&samples[..overlap], &samples[self.frame..]);
        for (j, &(rise, fall)) in self.window.iter().enumerate() {
            let (before, after) = (head[half - 1 - j], head[half + j]);
            coefficients[j] = round_product(rise * after + fall * before);
        }
        coefficients[half..end].copy_from_slice(&samples[overlap..self.frame]);
        coefficients[end..].copy_from_slice(&self.fold_tail(tail));
        self.dct.run(coefficients);
    }

    /// What a frame keeps of the last `overlap` samples before its end, folded at the edge.
    pub(super) fn fold_tail(&self, samples: &[i64]) -> Vec<i64> {
        let half = self.overlap() / 2;
        let fold = |j: usize| {
            let (rise, fall) = self.window[j];
            round_product(rise * samples[half - 1 - j] - fall * samples[half + j])
        };
        (0..half).rev().map(fold).collect()
    }

    /// The samples of a frame in place of its coefficients, beginning `overlap` samples before it. `tail` is what
    /// the frame before left, and becomes what this one leaves.
    pub(super) fn synthesise(&mut self, coefficients: &mut [i64], tail: &mut [i64], samples: &mut [i64]) {
        let (overlap, half) = (self.overlap(), self.overlap() / 2);
        let end = self.frame - half;
        self.dct.run(coefficients);
        for (j, &(rise, fall)) in self.window.iter().enumerate() {
            let (left, right) = (tail[half - 1 - j], coefficients[j]);
            samples[half + j] = round_product(rise * right - fall * left);
            samples[half - 1 - j] = round_product(fall * right + rise * left);
        }
        samples[overlap..].copy_from_slice(&coefficients[half..end]);
        tail.copy_from_slice(&coefficients[end..]);
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
    fn frames_join_into_the_samples_that_were_analysed() {
        let mut lapped = Lapped::new(128);
        let source: Vec<i64> = (0..128 * 5i64).map(|i| (i * i * 31 % 65_536 - 32_768) << FRACTION).collect();
        let mut tail = vec![0; 16];
        let padded: Vec<i64> = [vec![0; 32], source.clone()].concat();
        let mut decoded = Vec::new();
        for frame in 0..5 {
            let (mut coefficients, mut samples) = (vec![0; 128], vec![0; 128]);
            lapped.analyse(&padded[frame * 128..][..160], &mut coefficients);
            lapped.synthesise(&mut coefficients, &mut tail, &mut samples);
            decoded.extend(samples);
        }
        for (i, (decoded, source)) in decoded[32..].iter().zip(&source).enumerate() {
            assert!((decoded - source).abs() < 40, "sample {i} is {decoded}, not {source}");
        }
    }
}
