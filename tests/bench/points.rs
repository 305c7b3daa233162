//! Quality against size: points, and means.

use fql_tests::frame::Frame;

/// What a codec made of a clip: means over its frames.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Bytes a frame.
    pub bytes: f64,
    /// Luma PSNR in dB.
    pub luma: f64,
    /// PSNR over the samples of all planes in dB.
    pub all: f64,
}

impl Point {
    /// The means of `decoded` beside `source`, which took so many bytes in all.
    pub fn new(source: &[Frame], decoded: &[Frame], bytes: usize) -> Self {
        let count = source.len() as f64;
        let mean = |quality: fn(&Frame, &Frame) -> f64| {
            source.iter().zip(decoded).map(|(a, b)| quality(a, b)).sum::<f64>() / count
        };
        Self { bytes: bytes as f64 / count, luma: mean(|a, b| a.luma_psnr(b, 0)), all: mean(psnr) }
    }
}

/// PSNR over all samples in dB, 99 where all are the same.
fn psnr(a: &Frame, b: &Frame) -> f64 {
    let error: u64 = a.samples.iter().zip(&b.samples).map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2)).sum();
    if error == 0 { 99.0 } else { 10.0 * (255.0f64.powi(2) * a.samples.len() as f64 / error as f64).log10() }
}

/// The middle one of some figures, at least one.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// The value below which this share of sorted values lies; `None` where there are none.
pub fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((last as f64 * share).round() as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_the_mean_of_its_frames() {
        let flat = |value| Frame::new(2, 2, vec![value; 6]).unwrap();
        let point = Point::new(&[flat(1), flat(1)], &[flat(1), flat(2)], 30);
        assert_eq!(point.bytes, 15.0);
        assert!((point.luma - (99.0 + 48.13) / 2.0).abs() < 0.01 && (point.all - point.luma).abs() < 1e-9);
    }
}
