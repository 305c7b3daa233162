//! The ear by Fourier transforms: from samples to how strongly each place of the inner ear is excited.
//!
//! After ITU-R BS.1387-1, section 2.1 of annex 2, basic version, with the closed forms of P. Kabal, "An Examination
//! and Interpretation of ITU-R BS.1387", 2002 (section numbers below are Kabal's).

use std::f64::consts::PI;
use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

/// Samples that are looked at together.
pub const FRAME: usize = 2048;
/// Samples from one frame to the next.
pub const STEP: usize = FRAME / 2;
/// Samples a second.
pub const RATE: f64 = 48_000.0;
/// Bands of a quarter of a Bark from 80 Hz to 18 kHz.
pub const BANDS: usize = 109;
/// The width of a band, in Bark.
pub const WIDTH: f64 = 0.25;

/// How loud a sine of full scale is played, in dB.
const LEVEL: f64 = 92.0;
/// The most that a Hann window lets a sine lose between two lines of the spectrum, as a factor.
const WORST_LINE: f64 = 0.849_717_626_412_05;

/// The ear: what it knows of frequencies, and nothing of the past.
pub struct Ear {
    fft: Arc<dyn Fft<f64>>,
    window: Vec<f64>,
    /// What outer and middle ear let through, as power, for each line of the spectrum.
    outer: Vec<f64>,
    bands: Vec<Band>,
    spreading: Vec<f64>,
}

/// A band of the ear.
pub struct Band {
    /// The first and the last line in it, and how much of each.
    lines: [(usize, f64); 2],
    /// The frequency in its middle, in Hz.
    pub centre: f64,
    /// The noise of the ear itself.
    pub noise: f64,
}

/// What one ear has of a frame.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Power of each line.
    pub spectrum: Vec<f64>,
    /// The same behind outer and middle ear.
    pub weighted: Vec<f64>,
    /// Excitation of each band by this frame.
    pub sudden: Vec<f64>,
    /// The same, with what is left of the frames before.
    pub excitation: Vec<f64>,
}

/// What an ear keeps from frame to frame.
pub struct Memory(Vec<f64>);

impl Memory {
    /// Silence before.
    pub fn new() -> Self {
        Self(vec![0.0; BANDS])
    }
}

impl Ear {
    /// An ear at 48 kHz.
    pub fn new() -> Self {
        let hann = |k: usize| 0.5 * (1.0 - (2.0 * PI * k as f64 / (FRAME - 1) as f64).cos());
        // So that a sine of full scale has its level in the strongest line.
        let scale = 10f64.powf(LEVEL / 20.0) / (WORST_LINE / 4.0 * (FRAME - 1) as f64);
        let mut ear = Self {
            fft: FftPlanner::new().plan_fft_forward(FRAME),
            window: (0..FRAME).map(|k| scale * hann(k)).collect(),
            outer: (0..=FRAME / 2).map(|k| outer_ear(k as f64 * RATE / FRAME as f64)).collect(),
            bands: bands(),
            spreading: vec![1.0; BANDS],
        };
        ear.spreading = ear.spread(&[1.0; BANDS]);
        ear
    }

    /// Its bands.
    pub fn bands(&self) -> &[Band] {
        &self.bands
    }

    /// Hears a frame of samples between -1 and 1.
    pub fn hear(&self, samples: &[f64], memory: &mut Memory) -> Heard {
        let mut lines: Vec<Complex<f64>> =
            samples.iter().zip(&self.window).map(|(sample, weight)| Complex::from(sample * weight)).collect();
        self.fft.process(&mut lines);
        let spectrum: Vec<f64> = lines[..=FRAME / 2].iter().map(Complex::norm_sqr).collect();
        let weighted: Vec<f64> = spectrum.iter().zip(&self.outer).map(|(power, part)| power * part).collect();
        let noisy: Vec<f64> =
            self.group(&weighted).iter().zip(&self.bands).map(|(power, band)| power + band.noise).collect();
        let sudden = self.spread(&noisy);
        let mut excitation = sudden.clone();
        for ((excitation, kept), band) in excitation.iter_mut().zip(&mut memory.0).zip(&self.bands) {
            let rest = band.fading(0.03, 0.008);
            *kept = rest * *kept + (1.0 - rest) * *excitation;
            *excitation = excitation.max(*kept);
        }
        Heard { spectrum, weighted, sudden, excitation }
    }

    /// The power in each band.
    pub fn group(&self, lines: &[f64]) -> Vec<f64> {
        let power = |band: &Band| {
            let [(first, low), (last, high)] = band.lines;
            let inner: f64 = lines[first + 1..last.max(first + 1)].iter().sum();
            (low * lines[first] + inner + high * lines[last]).max(1e-12)
        };
        self.bands.iter().map(power).collect()
    }

    /// How each band excites its neighbours (section 2.8): 27 dB a Bark downwards, upwards less the louder it is.
    fn spread(&self, power: &[f64]) -> Vec<f64> {
        let down = 10f64.powf(-2.7 * WIDTH);
        let mut spread = vec![0.0; BANDS];
        for (at, (power, band)) in power.iter().zip(&self.bands).enumerate() {
            let up = 10f64.powf((-2.4 - 23.0 / band.centre) * WIDTH) * power.powf(0.2 * WIDTH);
            let below = (1.0 - down.powi(at as i32 + 1)) / (1.0 - down);
            let above = (1.0 - up.powi((BANDS - at) as i32)) / (1.0 - up);
            let own = (power / (below + above - 1.0)).powf(0.4);
            let (down, up) = (down.powf(0.4), up.powf(0.4));
            let mut part = own;
            for place in spread[..at].iter_mut().rev() {
                part *= down;
                *place += part;
            }
            let mut part = own;
            for place in &mut spread[at..] {
                *place += part;
                part *= up;
            }
        }
        spread.iter().zip(&self.spreading).map(|(sum, one)| sum.powf(1.0 / 0.4) / one).collect()
    }

    /// How loud it is all together, in sone (section 5 of the standard's annex 2).
    pub fn loudness(&self, excitation: &[f64]) -> f64 {
        let of = |(band, excitation): (&Band, &f64)| {
            let kilohertz = band.centre / 1000.0;
            let index = -2.0 - 2.05 * (kilohertz / 4.0).atan() - 0.75 * (kilohertz / 1.6).powi(2).atan();
            let (index, least) = (10f64.powf(index / 10.0), 10f64.powf(0.364 * kilohertz.powf(-0.8)));
            let scale = 1.07664 * (least / (index * 1e4)).powf(0.23);
            (scale * ((1.0 - index + index * excitation / least).powf(0.23) - 1.0)).max(0.0)
        };
        24.0 / BANDS as f64 * self.bands.iter().zip(excitation).map(of).sum::<f64>()
    }
}

impl Band {
    /// How much of a value of this band is left after one step, for a time constant (in seconds) that falls from
    /// `slow` at 100 Hz to `fast`.
    pub fn fading(&self, slow: f64, fast: f64) -> f64 {
        let seconds = fast + 100.0 / self.centre * (slow - fast);
        (-(STEP as f64) / (RATE * seconds)).exp()
    }
}

/// What outer and middle ear let through at a frequency in Hz, as power.
fn outer_ear(hertz: f64) -> f64 {
    if hertz == 0.0 {
        return 0.0;
    }
    let f = hertz / 1000.0;
    let decibels = -2.184 * f.powf(-0.8) + 6.5 * (-0.6 * (f - 3.3).powi(2)).exp() - 0.001 * f.powf(3.6);
    10f64.powf(decibels / 10.0)
}

fn bands() -> Vec<Band> {
    let (low, high) = ((80.0f64 / 650.0).asinh() * 7.0, (18_000.0f64 / 650.0).asinh() * 7.0);
    let hertz = |bark: f64| 650.0 * (bark / 7.0).sinh();
    let line = |hertz: f64| hertz / RATE * FRAME as f64;
    let band = |at: usize| {
        let (from, to) = (low + WIDTH * at as f64, (low + WIDTH * (at + 1) as f64).min(high));
        let centre = hertz(f64::midpoint(from, to));
        let (from, to) = (line(hertz(from)), line(hertz(to)));
        let (first, last) = (from.round(), to.round());
        let head = to.min(first + 0.5) - from;
        let tail = if first == last { 0.0 } else { to - (last - 0.5) };
        Band {
            lines: [(first as usize, head), (last as usize, tail)],
            centre,
            noise: 10f64.powf(0.1456 * (centre / 1000.0).powf(-0.8)),
        }
    };
    (0..BANDS).map(band).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hertz: f64, level: f64) -> Heard {
        let samples: Vec<f64> =
            (0..FRAME).map(|t| level * (2.0 * PI * hertz * t as f64 / RATE).sin()).collect();
        Ear::new().hear(&samples, &mut Memory::new())
    }

    #[test]
    fn a_sine_of_full_scale_has_92_db() {
        // On a line the window loses nothing, and between two at worst 1.42 dB: the standard calibrates there.
        let on_a_line = sine(43.0 * RATE / FRAME as f64, 1.0);
        let peak = 10.0 * on_a_line.spectrum[43].log10();
        assert!((peak - LEVEL + 20.0 * WORST_LINE.log10()).abs() < 0.1, "{peak}");
    }

    #[test]
    fn a_tone_excites_its_own_band_most_and_those_above_more_than_those_below() {
        let ear = Ear::new();
        let heard = sine(1000.0, 0.1);
        let own = ear.bands().iter().position(|band| band.centre > 1000.0).unwrap();
        let loudest = (0..BANDS).max_by(|a, b| heard.sudden[*a].total_cmp(&heard.sudden[*b])).unwrap();
        assert!(loudest.abs_diff(own) <= 1);
        assert!(heard.sudden[own + 12] > 10.0 * heard.sudden[own - 12]);
    }

    #[test]
    fn even_power_stays_even() {
        let spread = Ear::new().spread(&[1.0; BANDS]);
        assert!(spread.iter().all(|power| (power - 1.0).abs() < 1e-9));
    }
}
