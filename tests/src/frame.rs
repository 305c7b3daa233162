//! Frames in memory, and the numbers that are stamped into them.

use anyhow::{Result, ensure};

/// One 8-bit 4:2:0 picture, its planes packed without padding: luma, then the two chroma planes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Width in luma samples, even.
    pub width: usize,
    /// Height in luma samples, even.
    pub height: usize,
    /// `width * height * 3 / 2` samples.
    pub samples: Vec<u8>,
}

/// Rows at the top that hold the stamp and are left out of every measurement.
pub const STAMP_ROWS: usize = 16;
const STAMP_BITS: usize = 16;

impl Frame {
    /// A frame of these samples.
    pub fn new(width: usize, height: usize, samples: Vec<u8>) -> Result<Self> {
        ensure!(width.is_multiple_of(2) && height.is_multiple_of(2), "{width}x{height} is not even");
        ensure!(
            samples.len() == width * height * 3 / 2,
            "{} samples are not a 4:2:0 frame of {width}x{height}",
            samples.len()
        );
        Ok(Self { width, height, samples })
    }

    /// The luma samples from row `skip` on.
    pub fn luma(&self, skip: usize) -> &[u8] {
        &self.samples[skip * self.width..self.width * self.height]
    }

    /// Luma PSNR against `other` in dB, 99 where both are the same; the top `skip` rows do not count.
    pub fn luma_psnr(&self, other: &Self, skip: usize) -> f64 {
        let (a, b) = (self.luma(skip), other.luma(skip));
        let error: u64 = a.iter().zip(b).map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum();
        if error == 0 {
            return 99.0;
        }
        (10.0 * (255.0f64.powi(2) * a.len() as f64 / error as f64).log10()).min(99.0)
    }

    /// Copies `other` into this frame, its left upper corner at an even column `x` and row `y`.
    ///
    /// # Panics
    /// If it does not fit.
    pub fn paste(&mut self, other: &Self, x: usize, y: usize) {
        let (luma, others_luma) = (self.width * self.height, other.width * other.height);
        let (half, others_half) = (self.width / 2, other.width / 2);
        let planes = [
            (0, self.width, 0, other.width, other.height, x, y),
            (luma, half, others_luma, others_half, other.height / 2, x / 2, y / 2),
            (luma * 5 / 4, half, others_luma * 5 / 4, others_half, other.height / 2, x / 2, y / 2),
        ];
        for (to, stride, from, width, height, x, y) in planes {
            for row in 0..height {
                let (to, from) = (to + (y + row) * stride + x, from + row * width);
                self.samples[to..to + width].copy_from_slice(&other.samples[from..from + width]);
            }
        }
    }

    /// Writes `number` as sixteen black or white blocks of 16x16 along the top edge.
    ///
    /// # Panics
    /// If the frame is smaller than 256x16.
    pub fn stamp(&mut self, number: u16) {
        let (w, h) = (self.width, self.height);
        for row in self.samples[..STAMP_ROWS * w].chunks_exact_mut(w) {
            for (bit, block) in row.chunks_exact_mut(16).take(STAMP_BITS).enumerate() {
                block.fill(if number >> (STAMP_BITS - 1 - bit) & 1 == 1 { 235 } else { 16 });
            }
        }
        for plane in self.samples[w * h..].chunks_exact_mut(w * h / 4) {
            for row in plane.chunks_exact_mut(w / 2).take(STAMP_ROWS / 2) {
                row[..8 * STAMP_BITS].fill(128);
            }
        }
    }

    /// Reads the number that [`Frame::stamp`] wrote, from the middle of each block, so that a coarse picture
    /// still tells it.
    pub fn number(&self) -> u16 {
        (0..STAMP_BITS).fold(0, |number, bit| {
            let rows = self.samples.chunks_exact(self.width).skip(4).take(8);
            let sum: u32 =
                rows.flat_map(|row| &row[bit * 16 + 4..bit * 16 + 12]).map(|&s| u32::from(s)).sum();
            number << 1 | u16::from(sum > 125 * 64)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_reads_back_through_noise() {
        let mut frame = Frame::new(256, 32, vec![90; 256 * 32 * 3 / 2]).unwrap();
        let mut random = fastrand::Rng::with_seed(1);
        for number in [0, 1, 0x5a5a, 374, 0xffff] {
            frame.stamp(number);
            for sample in &mut frame.samples {
                *sample = sample.saturating_add_signed(random.i8(-60..=60));
            }
            assert_eq!(frame.number(), number);
        }
    }

    #[test]
    fn a_pasted_frame_covers_its_place_and_nothing_else() {
        let flat =
            |width, height, value| Frame::new(width, height, vec![value; width * height * 3 / 2]).unwrap();
        let mut frame = flat(8, 6, 1);
        frame.paste(&flat(4, 2, 2), 4, 2);
        let luma = [[1, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 2, 2, 2, 2]];
        let rows: Vec<_> = frame.samples[..48].chunks(8).collect();
        assert_eq!(rows, [luma[0], luma[0], luma[1], luma[1], luma[0], luma[0]]);
        for plane in frame.samples[48..].chunks(12) {
            assert_eq!(plane, [1, 1, 1, 1, 1, 1, 2, 2, 1, 1, 1, 1]);
        }
    }

    #[test]
    fn psnr_is_that_of_the_definition() {
        let flat = |value| Frame::new(16, 16, vec![value; 16 * 16 * 3 / 2]).unwrap();
        assert_eq!(flat(10).luma_psnr(&flat(10), 0), 99.0);
        // An error of 1 everywhere: 20 log10(255).
        assert!((flat(10).luma_psnr(&flat(11), 0) - 48.13).abs() < 0.01);
    }
}
