//! How long the intervals are, so that a frame has the bytes that it may have.

use super::Rate;
use super::layout::Layout;
use super::planes::FINEST;
use super::weights::half_interval;

/// Bins an octave.
const FINENESS: u32 = 16;
const BINS: usize = 20 * FINENESS as usize;
/// Bytes for each coefficient above the interval, where no frame has shown it yet.
const FIRST_COST: f32 = 0.7;
/// What is aimed at, of what is allowed: cutting a segment costs more quality than this.
const AIM: f32 = 0.997;
/// No frame exceeds what the channel carries in this time, in nanoseconds.
const LONGEST_BURST: u64 = 200_000_000;
/// For frames that do not say how long they last.
const USUAL_DURATION: u64 = 40_000_000;

/// The finest interval of a frame: a layer and the scale of all intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Finest {
    pub(super) layer: u32,
    pub(super) scale: u8,
}

impl Finest {
    fn interval(self) -> f32 {
        (256 + u32::from(self.scale)) as f32 / 256.0 * (2 << (FINEST - self.layer)) as f32
    }

    /// All, from the coarsest to the finest, for streams with lossy layers to `top`.
    fn all(top: u32) -> impl Iterator<Item = Self> {
        (0..=top).flat_map(|layer| (0..=u8::MAX).rev().map(move |scale| Self { layer, scale }))
    }
}

/// Predicts bytes from the number of coefficients above the interval, which is nearly proportional (Z. He and
/// S. Mitra, "A unified rate-distortion analysis framework for transform coding", 2001: the rho domain).
#[derive(Debug)]
pub(super) struct Model {
    /// Coefficients in classes of their weighted magnitude, then how many are in a class or above.
    above: Vec<u32>,
    cost: f32,
    /// Whether a frame has shown the cost.
    learnt: bool,
}

impl Model {
    pub(super) fn new() -> Self {
        Self { above: vec![0; BINS + 1], cost: FIRST_COST, learnt: false }
    }

    /// Looks at the coefficients of a frame.
    pub(super) fn survey<'a>(&mut self, layout: &Layout, coefficients: impl Iterator<Item = &'a [i32]>) {
        let planes: Vec<&[i32]> = coefficients.collect();
        self.above.fill(0);
        for band in &layout.bands {
            let (width, height, _) = layout.planes[band.plane];
            let half = half_interval(band.bases.0, band.bases.1, 0) << u32::from(band.plane > 0);
            let weight = 256.0 / half as f32;
            // Every fourth row of the finest bands, which are most of the work, says enough about them.
            let every = if band.level == 1 && height >= 256 { 4 } else { 1 };
            for row in (band.row..height).step_by(band.row_step * every) {
                for &x in &planes[band.plane][row * width + band.column..][..band.width] {
                    self.above[bin(x.unsigned_abs() as f32 * weight)] += every as u32;
                }
            }
        }
        let mut sum = 0;
        for count in self.above.iter_mut().rev() {
            sum += *count;
            *count = sum;
        }
    }

    /// The finest intervals that are predicted to fit in `bytes`.
    pub(super) fn choose(&self, bytes: usize, top: u32) -> Finest {
        let allowed = bytes as f32 * AIM;
        Finest::all(top)
            .take_while(|&finest| self.predict(finest) <= allowed)
            .last()
            .unwrap_or(Finest { layer: 0, scale: u8::MAX })
    }

    /// Learns from a frame's bytes. Whether the prediction was so wrong that the frame is worth coding again.
    pub(super) fn learn(&mut self, finest: Finest, bytes: usize, allowed: usize) -> bool {
        let count = self.count(finest.interval());
        if count < 64.0 {
            return false;
        }
        self.cost = (bytes as f32 / count).clamp(0.05, 20.0);
        let tolerance = if self.learnt { 0.85..1.06 } else { 0.9..1.04 };
        self.learnt = true;
        !tolerance.contains(&(bytes as f32 / allowed.max(1) as f32))
    }

    fn predict(&self, finest: Finest) -> f32 {
        self.cost * self.count(finest.interval())
    }

    /// How many coefficients are above an interval, interpolated within a class.
    fn count(&self, interval: f32) -> f32 {
        let at = bin(interval);
        let start = f32::from_bits((at as u32 + FIRST_BIN) << BIN_SHIFT);
        let end = f32::from_bits((at as u32 + 1 + FIRST_BIN) << BIN_SHIFT);
        let part = ((interval - start) / (end - start)).clamp(0.0, 1.0);
        let (here, next) = (self.above[at] as f32, self.above[(at + 1).min(BINS)] as f32);
        here + (next - here) * part
    }
}

/// Exponent and the highest bits of the fraction of an `f32` are its logarithm in steps of nearly equal length.
const BIN_SHIFT: u32 = 23 - FINENESS.ilog2();
const FIRST_BIN: u32 = 1f32.to_bits() >> BIN_SHIFT;

/// The class of a magnitude; all below 1 are in the first.
#[inline(always)]
fn bin(magnitude: f32) -> usize {
    ((magnitude.to_bits() >> BIN_SHIFT).saturating_sub(FIRST_BIN) as usize).min(BINS - 1)
}

/// Turns a bitrate into a [`Rate`] for each frame: a leaky bucket. What a frame leaves is spread over the next
/// ones, and no frame exceeds what the bitrate carries in 200 ms.
#[derive(Debug, Clone)]
pub struct RateControl {
    bits_per_second: u64,
    /// Bytes that frames have left, at most those of 200 ms.
    saved: u64,
}

impl RateControl {
    /// A rate in kbit/s of all segments of the units; 0 for the whole ladder whatever it takes.
    pub fn new(kbit_per_second: u32) -> Self {
        Self { bits_per_second: u64::from(kbit_per_second) * 1000, saved: 0 }
    }

    /// Changes the rate from the next frame on.
    pub fn set_kbit_per_second(&mut self, kbit_per_second: u32) {
        self.set_bits_per_second(u64::from(kbit_per_second) * 1000);
    }

    /// Changes the rate from the next frame on, in bit/s.
    pub fn set_bits_per_second(&mut self, bits_per_second: u64) {
        self.bits_per_second = bits_per_second;
        self.saved = self.saved.min(self.bytes_in(LONGEST_BURST));
    }

    /// What the next frame may have, which lasts for `duration` nanoseconds; 0 where that is not known.
    pub fn next(&mut self, duration: u64) -> Rate {
        if self.bits_per_second == 0 {
            return Rate::WholeLadder;
        }
        let burst = self.bytes_in(LONGEST_BURST);
        let own = self.bytes_in(if duration == 0 { USUAL_DURATION } else { duration }).min(burst);
        self.saved = (self.saved + own).min(burst);
        let bytes = (own + self.saved.saturating_sub(own) / 4).min(self.saved).max(1);
        Rate::Bytes(usize::try_from(bytes).unwrap_or(usize::MAX))
    }

    /// Says how many bytes the frame took.
    pub fn spent(&mut self, bytes: usize) {
        self.saved = self.saved.saturating_sub(bytes as u64);
    }

    fn bytes_in(&self, nanoseconds: u64) -> u64 {
        (u128::from(self.bits_per_second) * u128::from(nanoseconds) / 8_000_000_000).min(u64::MAX.into())
            as u64
    }
}
