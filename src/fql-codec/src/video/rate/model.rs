//! How many bytes a frame takes, by how long its intervals are.

use super::super::layout::{Layout, PlaneShape};
use super::super::parallel::for_each;
use super::super::quantiser::band_half_interval;
use super::{Coded, Rate, key_interval};
use crate::kernels::classes::{CLASS_SHIFT, Classes};
use crate::kernels::run;

/// Bins an octave.
const FINENESS: u32 = 1 << (23 - CLASS_SHIFT);
const BINS: usize = 20 * FINENESS as usize;
/// Bytes for each coefficient above the interval, where no frame has shown it yet.
const FIRST_COST: f32 = 0.7;
/// What is aimed at, of what is allowed: cutting a segment costs more quality than this.
const AIM: f32 = 0.997;
/// What is aimed at in each further attempt, of the one before, where nothing may be cut off.
const CAUTION: f32 = 0.95;
/// Fewer coefficients than these say nothing of what one costs.
const FEW: f32 = 64.0;

/// The finest interval of a frame: a layer and the scale of all intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Finest {
    pub(in super::super) layer: u32,
    pub(in super::super) scale: u8,
}

impl Finest {
    /// That with this interval in 1/256 of a sample's unit, or the nearest there is; `finest` is the finest lossy
    /// layer that there is, `top` the finest that is coded.
    fn of_interval(interval: u32, finest: u32, top: u32) -> Self {
        let interval = interval.clamp(512, (512 << finest) + (511 << finest));
        let octave = interval.ilog2() - 8;
        let layer = (finest + 1).saturating_sub(octave);
        let scale = ((interval >> octave) - 256).min(255) as u8;
        if layer > top { Self { layer: top, scale: 0 } } else { Self { layer, scale } }
    }

    /// The interval in 1/256 of a sample's unit; `finest` is the finest lossy layer that there is.
    fn interval(self, finest: u32) -> u32 {
        (256 + u32::from(self.scale)) << (1 + finest - self.layer)
    }

    /// How many there are in streams with lossy layers to `top`.
    fn count(top: u32) -> usize {
        (top as usize + 1) * 256
    }

    /// One of them, from the coarsest to the finest.
    fn nth(number: usize) -> Self {
        Self { layer: (number / 256) as u32, scale: (255 - number % 256) as u8 }
    }
}

/// Predicts bytes from the number of coefficients above the interval, which is nearly proportional (Z. He and
/// S. Mitra, "A unified rate-distortion analysis framework for transform coding", 2001: the rho domain), and those
/// of the motion, which do not depend on it.
#[derive(Debug)]
pub(in super::super) struct Model {
    /// How many coefficients are in a class of their weighted magnitude or above.
    above: Vec<u32>,
    /// What each thread counts.
    counts: Vec<Counts>,
    /// The finest lossy layer that there is.
    finest: u32,
    /// Bytes beside the coefficients.
    side: usize,
    is_key: bool,
    /// What a coefficient costs in predicted frames and in key frames.
    costs: [Cost; 2],
    /// How often the frame was coded.
    attempts: i32,
}

/// What a coefficient above the interval costs.
#[derive(Debug, Clone, Copy)]
struct Cost {
    bytes: f32,
    /// Whether a frame has shown it.
    is_learnt: bool,
}

impl Model {
    pub(in super::super) fn new(finest: u32, threads: usize) -> Self {
        Self {
            above: vec![0; BINS + 1],
            counts: (0..threads).map(|_| Counts::new()).collect(),
            finest,
            side: 0,
            is_key: true,
            costs: [Cost { bytes: FIRST_COST, is_learnt: false }; 2],
            attempts: 0,
        }
    }

    /// Looks at the coefficients of a frame, a key frame or what prediction leaves of another, which has `side` bytes
    /// of motion.
    pub(in super::super) fn survey<'a>(
        &mut self,
        layout: &Layout,
        coefficients: impl Iterator<Item = &'a [i32]>,
        is_key: bool,
        side: usize,
    ) {
        (self.is_key, self.side, self.attempts) = (is_key, side, 0);
        let planes: Vec<&[i32]> = coefficients.collect();
        let threads = self.counts.len();
        for_each(threads, self.counts.iter_mut().enumerate(), |(number, counts)| {
            counts.take(layout, &planes, (number, threads));
        });
        for (class, above) in self.above.iter_mut().take(BINS).enumerate() {
            *above = self.counts.iter().flat_map(|counts| counts.0[class]).sum();
        }
        let mut sum = 0;
        for count in self.above.iter_mut().rev() {
            sum += *count;
            *count = sum;
        }
    }

    /// The finest intervals that this rate gives the frame, of layers up to `top`.
    pub(in super::super) fn choose(&self, rate: Rate, top: u32) -> Finest {
        let of_interval = |interval| Finest::of_interval(interval, self.finest, top);
        match rate {
            Rate::WholeLadder => Finest { layer: top, scale: 0 },
            Rate::Interval(interval) if self.is_key => of_interval(key_interval(interval)),
            Rate::Interval(interval) => of_interval(interval),
            Rate::Bytes(bytes) => self.fitting(bytes, top),
            Rate::Live(live) => {
                let goal = live.goal(self.is_key);
                let wanted = of_interval(goal.interval);
                let most = live.most as f32 * CAUTION.powi(self.attempts);
                let fitting = self.fitting(goal.bytes.min(most as usize), top);
                if wanted.interval(self.finest) >= fitting.interval(self.finest) { wanted } else { fitting }
            }
        }
    }

    /// The finest intervals that are predicted to fit in `bytes`.
    fn fitting(&self, bytes: usize, top: u32) -> Finest {
        let allowed = bytes as f32 * AIM;
        // From coarse to fine they take more and more bytes.
        let (mut fits, mut too_many) = (0, Finest::count(top));
        while too_many - fits > 1 {
            let middle = usize::midpoint(fits, too_many);
            let taken = self.predict(Finest::nth(middle).interval(self.finest));
            *if taken <= allowed { &mut fits } else { &mut too_many } = middle;
        }
        Finest::nth(fits)
    }

    /// Learns from a frame's bytes. Whether the frame is worth coding again with what [`choose`](Self::choose) gives
    /// now.
    pub(in super::super) fn learn(&mut self, rate: Rate, finest: Finest, bytes: usize) -> bool {
        self.attempts += 1;
        let count = self.count(finest.interval(self.finest));
        let cost = &mut self.costs[usize::from(self.is_key)];
        let was_learnt = cost.is_learnt;
        if count >= FEW {
            let own = bytes.saturating_sub(self.side) as f32;
            *cost = Cost { bytes: (own / count).clamp(0.05, 20.0), is_learnt: true };
        }
        match rate {
            Rate::WholeLadder | Rate::Interval(_) => false,
            Rate::Live(live) => bytes > live.most,
            Rate::Bytes(_) if count < FEW => false,
            Rate::Bytes(allowed) => {
                let tolerance = if was_learnt { 0.85..1.06 } else { 0.9..1.04 };
                !tolerance.contains(&(bytes as f32 / allowed.max(1) as f32))
            }
        }
    }

    /// What became of the frame.
    pub(in super::super) fn coded(&self, finest: Finest, bytes: usize) -> Coded {
        Coded { key: self.is_key, bytes, interval: finest.interval(self.finest) }
    }

    fn predict(&self, interval: u32) -> f32 {
        self.side as f32 + self.costs[usize::from(self.is_key)].bytes * self.count(interval)
    }

    /// How many coefficients are above an interval, interpolated within a class.
    fn count(&self, interval: u32) -> f32 {
        let interval = interval as f32 / 256.0;
        let at = bin(interval);
        let start = f32::from_bits((at as u32 + FIRST_BIN) << BIN_SHIFT);
        let end = f32::from_bits((at as u32 + 1 + FIRST_BIN) << BIN_SHIFT);
        let part = ((interval - start) / (end - start)).clamp(0.0, 1.0);
        let (here, next) = (self.above[at] as f32, self.above[(at + 1).min(BINS)] as f32);
        here + (next - here) * part
    }
}

/// Coefficients in classes of their weighted magnitude. Those of one class come one after the other, so each class has
/// more than one count: adding to the same number again and again takes long.
#[derive(Debug)]
struct Counts(Vec<[u32; 4]>);

impl Counts {
    fn new() -> Self {
        Self(vec![[0; 4]; BINS])
    }

    /// Counts one part of so many of all coefficients.
    fn take(&mut self, layout: &Layout, planes: &[&[i32]], (part, parts): (usize, usize)) {
        self.0.fill([0; 4]);
        for band in &layout.bands {
            let PlaneShape { width, height, .. } = layout.planes[band.plane];
            let weight = 256.0 / band_half_interval(layout, band, 0) as f32;
            // Every fourth row of the finest bands, which are most of the work, says enough about them.
            let every = if band.row_step == 2 && height >= 256 { 4 } else { 1 };
            let rows = (band.row..height).step_by(band.row_step * every);
            for row in rows.skip(part).step_by(parts) {
                self.row(
                    &planes[band.plane][row * width + band.column..][..band.width],
                    weight,
                    every as u32,
                );
            }
        }
    }

    /// Counts those of a row, each for so many.
    fn row(&mut self, row: &[i32], weight: f32, every: u32) {
        let mut classes = [0; 256];
        for from in row.chunks(classes.len()) {
            let to = &mut classes[..from.len()];
            run(Classes { from, weight, first: FIRST_BIN, last: BINS as u16 - 1, to });
            for classes in to.chunks(4) {
                for (count, &class) in classes.iter().enumerate() {
                    self.0[usize::from(class)][count] += every;
                }
            }
        }
    }
}

/// Exponent and the highest bits of the fraction of an `f32` are its logarithm in steps of nearly equal length.
const BIN_SHIFT: u32 = CLASS_SHIFT as u32;
const FIRST_BIN: u32 = 1f32.to_bits() >> BIN_SHIFT;

/// The class of a magnitude; all below 1 are in the first.
#[inline(always)]
fn bin(magnitude: f32) -> usize {
    ((magnitude.to_bits() >> BIN_SHIFT).saturating_sub(FIRST_BIN) as usize).min(BINS - 1)
}
