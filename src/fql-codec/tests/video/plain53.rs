//! A plain 5/3 wavelet in floating point: what the codec's layers are compared with.
//!
//! As many levels as the codec has, symmetric extension, a quantiser with the interval given in units of a reconstructed sample, each
//! band weighted by the norm of its synthesis basis, reconstructed in the middle of the interval.

use crate::image::Image;

const LEVELS: usize = 6;

/// The coefficients of luma.
pub struct Coefficients {
    data: Vec<f64>,
    width: usize,
    height: usize,
    bits: u8,
}

impl Coefficients {
    pub fn of(image: &Image) -> Self {
        let (width, height, bits) = (image.width as usize, image.height as usize, image.format.bits);
        let middle = f64::from(1 << (bits - 1));
        let data = image.samples(0).map(|sample| sample - middle).collect();
        let mut all = Self { data, width, height, bits };
        for level in 0..LEVELS {
            all.columns(level, forward);
            all.rows(level, forward);
        }
        all
    }

    /// The samples with their coefficients quantised.
    pub fn quantised(&self, interval: f64) -> Vec<f64> {
        let norms = norms();
        let mut all = Self { data: self.data.clone(), ..*self };
        for y in 0..self.height {
            for x in 0..self.width {
                let value = &mut all.data[y * self.width + x];
                let step = interval / (norms[class(x)] * norms[class(y)]).max(f64::MIN_POSITIVE);
                let whole = (value.abs() / step).floor();
                *value = if whole == 0.0 { 0.0 } else { (whole + 0.5) * step * value.signum() };
            }
        }
        for level in (0..LEVELS).rev() {
            all.rows(level, inverse);
            all.columns(level, inverse);
        }
        let (middle, max) = (f64::from(1 << (self.bits - 1)), f64::from((1 << self.bits) - 1));
        all.data.iter().map(|&x| (x + middle).round().clamp(0.0, max)).collect()
    }

    fn rows(&mut self, level: usize, work: fn(&mut [f64])) {
        let step = 1 << level;
        for y in (0..self.height).step_by(step) {
            let row = &mut self.data[y * self.width..][..self.width];
            let mut line: Vec<f64> = row.iter().step_by(step).copied().collect();
            work(&mut line);
            row.iter_mut().step_by(step).zip(line).for_each(|(to, from)| *to = from);
        }
    }

    fn columns(&mut self, level: usize, work: fn(&mut [f64])) {
        let step = 1 << level;
        for x in (0..self.width).step_by(step) {
            let column = || (0..self.height).step_by(step).map(|y| y * self.width + x);
            let mut line: Vec<f64> = column().map(|at| self.data[at]).collect();
            work(&mut line);
            column().zip(line).for_each(|(at, value)| self.data[at] = value);
        }
    }
}

/// All stay in place: odd ones become high-pass, even ones low-pass, and take part in the next level.
fn forward(line: &mut [f64]) {
    lift(line, 1, -0.5);
    lift(line, 0, 0.25);
}

fn inverse(line: &mut [f64]) {
    lift(line, 0, -0.25);
    lift(line, 1, 0.5);
}

fn lift(line: &mut [f64], first: usize, factor: f64) {
    let len = line.len();
    for i in (first..len).step_by(2).filter(|_| len > 1) {
        let (before, after) = (if i == 0 { 1 } else { i - 1 }, if i + 1 == len { i - 1 } else { i + 1 });
        line[i] += factor * (line[before] + line[after]);
    }
}

/// Which band a position belongs to in one direction: 0 for low-pass, else the level of its high-pass.
fn class(position: usize) -> usize {
    let zeros = position.trailing_zeros() as usize;
    if zeros >= LEVELS { 0 } else { zeros + 1 }
}

/// The norms of the synthesis bases in one direction, by class.
fn norms() -> [f64; LEVELS + 1] {
    let mut norms = [0.0; LEVELS + 1];
    for (class, norm) in norms.iter_mut().enumerate() {
        let mut line = vec![0.0; 1024];
        line[512 + if class == 0 { 0 } else { 1 << (class - 1) }] = 1.0;
        let mut all = Coefficients { data: line, width: 1024, height: 1, bits: 8 };
        (0..LEVELS).rev().for_each(|level| all.rows(level, inverse));
        *norm = all.data.iter().map(|x| x * x).sum::<f64>().sqrt();
    }
    norms
}
