//! What is compared of two excitations: adapted to each other's level, and how they change over time.
//!
//! Section 3 of annex 2 of ITU-R BS.1387-1.

use super::ear::{BANDS, Band, RATE, STEP};

/// Slow and fast time constants, in seconds.
const TIMES: (f64, f64) = (0.05, 0.008);

fn follow(value: &mut f64, rest: f64, target: f64) {
    *value = rest * *value + (1.0 - rest) * target;
}

fn fadings(bands: &[Band]) -> Vec<f64> {
    bands.iter().map(|band| band.fading(TIMES.0, TIMES.1)).collect()
}

/// Takes out of two excitations what differs in level and slowly in timbre: nobody calls that noise.
pub struct Adaptation {
    rest: Vec<f64>,
    mean: [Vec<f64>; 2],
    products: Vec<f64>,
    squares: Vec<f64>,
    correction: [Vec<f64>; 2],
}

impl Adaptation {
    /// At the start of two signals.
    pub fn new(bands: &[Band]) -> Self {
        let zeros = || vec![0.0; BANDS];
        Self {
            rest: fadings(bands),
            mean: [zeros(), zeros()],
            products: zeros(),
            squares: zeros(),
            correction: [zeros(), zeros()],
        }
    }

    /// The excitations by reference and test, adapted to each other.
    pub fn adapt(&mut self, both: [&[f64]; 2]) -> [Vec<f64>; 2] {
        for (mean, excitation) in self.mean.iter_mut().zip(both) {
            for ((mean, value), rest) in mean.iter_mut().zip(excitation).zip(&self.rest) {
                follow(mean, *rest, *value);
            }
        }
        let [reference, test] = &self.mean;
        let shared: f64 = reference.iter().zip(test).map(|(a, b)| (a * b).sqrt()).sum();
        let level = (shared / test.iter().sum::<f64>()).powi(2);
        let gains = [1.0 / level.max(1.0), level.min(1.0)];
        let scaled = |i: usize| -> Vec<f64> { both[i].iter().map(|value| value * gains[i]).collect() };
        let mut adapted = [scaled(0), scaled(1)];
        let ratios = self.ratios(&adapted);
        for (i, adapted) in adapted.iter_mut().enumerate() {
            for (band, value) in adapted.iter_mut().enumerate() {
                let near = band.saturating_sub(3)..(band + 5).min(BANDS);
                let mean = ratios[i][near.clone()].iter().sum::<f64>() / near.len() as f64;
                follow(&mut self.correction[i][band], self.rest[band], mean);
                *value *= self.correction[i][band];
            }
        }
        adapted
    }

    fn ratios(&mut self, [reference, test]: &[Vec<f64>; 2]) -> [Vec<f64>; 2] {
        let mut ratios = [vec![1.0; BANDS], vec![1.0; BANDS]];
        for band in 0..BANDS {
            let rest = self.rest[band];
            self.products[band] = rest * self.products[band] + test[band] * reference[band];
            self.squares[band] = rest * self.squares[band] + reference[band] * reference[band];
            let ratio = self.products[band] / self.squares[band];
            ratios[0][band] = ratio.min(1.0);
            ratios[1][band] = (1.0 / ratio).min(1.0);
        }
        ratios
    }
}

/// How much the loudness of each band changes.
pub struct Modulation {
    rest: Vec<f64>,
    before: Vec<f64>,
    change: Vec<f64>,
    /// The mean loudness of each band.
    pub loudness: Vec<f64>,
    /// Its change in relation to it.
    pub depth: Vec<f64>,
}

impl Modulation {
    /// At the start of a signal.
    pub fn new(bands: &[Band]) -> Self {
        let zeros = || vec![0.0; BANDS];
        Self { rest: fadings(bands), before: zeros(), change: zeros(), loudness: zeros(), depth: zeros() }
    }

    /// Takes a frame into account.
    pub fn follow(&mut self, excitation: &[f64]) {
        for (band, value) in excitation.iter().enumerate() {
            let (loudness, rest) = (value.powf(0.3), self.rest[band]);
            let change = RATE / STEP as f64 * (loudness - self.before[band]).abs();
            follow(&mut self.change[band], rest, change);
            follow(&mut self.loudness[band], rest, loudness);
            self.depth[band] = self.change[band] / (1.0 + self.loudness[band] / 0.3);
            self.before[band] = loudness;
        }
    }
}
