//! The eleven variables that tell how two sounds differ: section 4 of annex 2 of ITU-R BS.1387-1.

use std::f64::consts::PI;
use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

use super::ear::{BANDS, Ear, FRAME, Heard, Memory, WIDTH};
use super::network::INPUTS;
use super::patterns::{Adaptation, Modulation};

/// Frames at the start that changes over time are not told of: half a second.
const SETTLING: usize = 24;
/// Frames of about 50 ms after which loudness counts once there is any.
const LOUD_AFTER: usize = 3;
/// Lags of the correlation that finds a harmonic structure in the error.
const LAGS: usize = 256;
/// Frames over which a change is averaged.
const CHANGE_FRAMES: usize = 4;
/// Noise of 1.5 dB above the mask disturbs.
const DISTURBING: f64 = 1.412_537_544_622_75;

/// Both sounds on one channel.
struct Channel {
    memories: [Memory; 2],
    adaptation: Adaptation,
    modulation: [Modulation; 2],
    bandwidths: [Mean; 2],
    noise_to_mask: Mean,
    disturbed: Mean,
    changes: [Mean; 2],
    recent_changes: Vec<f64>,
    windowed_change: Mean,
    noise_loudness: Mean,
    harmonic_error: Mean,
}

/// A weighted mean in the making; 0 where nothing was added.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    sum: f64,
    weight: f64,
}

impl Mean {
    fn add(&mut self, value: f64, weight: f64) {
        self.sum += weight * value;
        self.weight += weight;
    }

    fn value(self) -> f64 {
        if self.weight == 0.0 { 0.0 } else { self.sum / self.weight }
    }
}

/// Compares frame after frame.
pub struct Variables<'a> {
    ear: &'a Ear,
    channels: Vec<Channel>,
    correlation: Correlation,
    frame: usize,
    /// The frame at which there was something to hear on a channel.
    loud_from: Option<usize>,
    detection: f64,
    most_detection: f64,
    steps: Mean,
}

impl<'a> Variables<'a> {
    /// At the start of two sounds.
    pub fn new(ear: &'a Ear, channels: usize) -> Self {
        Self {
            ear,
            channels: (0..channels).map(|_| Channel::new(ear)).collect(),
            correlation: Correlation::new(),
            frame: 0,
            loud_from: None,
            detection: 0.0,
            most_detection: 0.0,
            steps: Mean::default(),
        }
    }

    /// Compares the next frame of all channels.
    pub fn compare(&mut self, reference: &[Vec<f64>], test: &[Vec<f64>]) {
        let mut heard = Vec::new();
        for (channel, samples) in self.channels.iter_mut().zip(reference.iter().zip(test)) {
            let [first, second] = &mut channel.memories;
            heard.push([self.ear.hear(samples.0, first), self.ear.hear(samples.1, second)]);
        }
        for ((channel, heard), samples) in
            self.channels.iter_mut().zip(&heard).zip(reference.iter().zip(test))
        {
            channel.compare_spectra(self.ear, heard);
            let adapted = channel.adapt(heard);
            let is_loud = heard.iter().all(|one| self.ear.loudness(&one.excitation) > 0.1);
            if is_loud && self.loud_from.is_none() {
                self.loud_from = Some(self.frame);
            }
            if self.frame >= SETTLING {
                channel.compare_changes(self.ear);
                if self.loud_from.is_some_and(|from| self.frame >= from + LOUD_AFTER) {
                    let loudness = channel.loudness_of_noise(self.ear, &adapted);
                    channel.noise_loudness.add(loudness.powi(2), 1.0);
                }
            }
            if is_energetic(samples.0) || is_energetic(samples.1) {
                channel.harmonic_error.add(self.correlation.harmonic_error(heard), 1.0);
            }
        }
        self.detect(&heard);
        self.frame += 1;
    }

    /// How likely somebody hears a difference with the better ear, and how large it is.
    fn detect(&mut self, heard: &[[Heard; 2]]) {
        let (mut missed, mut steps) = (1.0, 0.0);
        for band in 0..BANDS {
            let each = heard.iter().map(|[a, b]| detection(a.excitation[band], b.excitation[band]));
            let (probability, size) =
                each.fold((0f64, 0f64), |most, one| (most.0.max(one.0), most.1.max(one.1)));
            missed *= 1.0 - probability;
            steps += size;
        }
        let probability = 1.0 - missed;
        if probability > 0.5 {
            self.steps.add(steps, 1.0);
        }
        self.detection = 0.9 * self.detection + 0.1 * probability;
        self.most_detection = self.most_detection.max(self.detection);
    }

    /// Bandwidth of reference and test, total noise to mask, windowed change, distorted blocks, harmonic error, mean
    /// change of both kinds, loudness of noise, most probable detection, disturbed frames.
    pub fn values(&self) -> [f64; INPUTS] {
        let mean = |of: &dyn Fn(&Channel) -> f64| {
            self.channels.iter().map(of).sum::<f64>() / self.channels.len() as f64
        };
        let distortion = match self.steps {
            steps if steps.weight == 0.0 => 0.0,
            steps if steps.sum == 0.0 => -0.5,
            steps => steps.value().log10(),
        };
        [
            mean(&|channel| channel.bandwidths[0].value()),
            mean(&|channel| channel.bandwidths[1].value()),
            mean(&|channel| 10.0 * channel.noise_to_mask.value().max(1e-12).log10()),
            mean(&|channel| channel.windowed_change.value().sqrt()),
            distortion,
            mean(&|channel| 1000.0 * channel.harmonic_error.value()),
            mean(&|channel| channel.changes[0].value()),
            mean(&|channel| channel.changes[1].value()),
            mean(&|channel| channel.noise_loudness.value().sqrt()),
            self.most_detection,
            mean(&|channel| channel.disturbed.value()),
        ]
    }
}

impl Channel {
    fn new(ear: &Ear) -> Self {
        let bands = ear.bands();
        Self {
            memories: [Memory::new(), Memory::new()],
            adaptation: Adaptation::new(bands),
            modulation: [Modulation::new(bands), Modulation::new(bands)],
            bandwidths: Default::default(),
            noise_to_mask: Mean::default(),
            disturbed: Mean::default(),
            changes: Default::default(),
            recent_changes: Vec::new(),
            windowed_change: Mean::default(),
            noise_loudness: Mean::default(),
            harmonic_error: Mean::default(),
        }
    }

    fn compare_spectra(&mut self, ear: &Ear, [reference, test]: &[Heard; 2]) {
        if let Some(widths) = bandwidths(&reference.spectrum, &test.spectrum) {
            for (mean, width) in self.bandwidths.iter_mut().zip(widths) {
                mean.add(width as f64, 1.0);
            }
        }
        let lines = reference.weighted.iter().zip(&test.weighted);
        let noise: Vec<f64> = lines.map(|(a, b)| (a.sqrt() - b.sqrt()).powi(2)).collect();
        let over_mask = |(band, noise): (usize, f64)| noise * above_mask(band) / reference.excitation[band];
        let ratios: Vec<f64> = ear.group(&noise).into_iter().enumerate().map(over_mask).collect();
        self.noise_to_mask.add(ratios.iter().sum::<f64>() / BANDS as f64, 1.0);
        let most = ratios.iter().fold(0f64, |most, ratio| most.max(*ratio));
        self.disturbed.add(f64::from(u8::from(most > DISTURBING)), 1.0);
    }

    /// Follows both sounds; gives their excitations adapted to each other.
    fn adapt(&mut self, [reference, test]: &[Heard; 2]) -> [Vec<f64>; 2] {
        self.modulation[0].follow(&reference.sudden);
        self.modulation[1].follow(&test.sudden);
        self.adaptation.adapt([&reference.excitation, &test.excitation])
    }

    fn compare_changes(&mut self, ear: &Ear) {
        let [reference, test] = &self.modulation;
        let (mut plain, mut sharp, mut weight) = (0.0, 0.0, 0.0);
        for (band, ear_band) in ear.bands().iter().enumerate() {
            let (a, b) = (reference.depth[band], test.depth[band]);
            plain += (a - b).abs() / (1.0 + a);
            sharp += if b >= a { 1.0 } else { 0.1 } * (a - b).abs() / (0.01 + a);
            let loudness = reference.loudness[band];
            weight += loudness / (loudness + 100.0 * ear_band.noise.powf(0.3));
        }
        let scale = 100.0 / BANDS as f64;
        self.changes[0].add(scale * plain, weight);
        self.changes[1].add(scale * sharp, weight);
        self.recent_changes.push((scale * plain).sqrt());
        if let Some(recent) = self.recent_changes.last_chunk::<CHANGE_FRAMES>() {
            self.windowed_change.add((recent.iter().sum::<f64>() / CHANGE_FRAMES as f64).powi(4), 1.0);
        }
    }

    /// How loud the noise is beside the sound that partly masks it.
    fn loudness_of_noise(&self, ear: &Ear, [reference, test]: &[Vec<f64>; 2]) -> f64 {
        let of = |band: usize| {
            let threshold = |depth: f64| 0.15 * depth + 0.5;
            let (a, b) = (reference[band], test[band]);
            let (lesser, greater) =
                (threshold(self.modulation[0].depth[band]), threshold(self.modulation[1].depth[band]));
            let masking = (-1.5 * (b - a) / a).exp();
            let noise = ear.bands()[band].noise;
            let excess = (greater * b - lesser * a).max(0.0) / (noise + lesser * a * masking);
            (noise / greater).powf(0.23) * ((1.0 + excess).powf(0.23) - 1.0)
        };
        24.0 / BANDS as f64 * (0..BANDS).map(of).sum::<f64>()
    }
}

/// By which factor the excitation of a band is above what it masks.
fn above_mask(band: usize) -> f64 {
    let bark = band as f64 * WIDTH;
    10f64.powf(if bark <= 12.0 { 0.3 } else { 0.025 * bark })
}

/// The highest lines of reference and test that are clearly above the noise at 22 kHz, `None` for sound without
/// treble.
fn bandwidths(reference: &[f64], test: &[f64]) -> Option<[usize; 2]> {
    let floor = test[921..1024].iter().fold(0f64, |most, power| most.max(*power));
    let first = reference[..921].iter().rposition(|power| *power > 10.0 * floor)? + 1;
    let second =
        test[..first].iter().rposition(|power| *power >= 10f64.sqrt() * floor).map_or(0, |at| at + 1);
    (first > 346).then_some([first, second])
}

/// How likely a difference of two excitations is heard, and of how many just noticeable steps it is.
fn detection(reference: f64, test: f64) -> (f64, f64) {
    let (a, b) = (10.0 * reference.log10(), 10.0 * test.log10());
    let level = 0.3 * a.max(b) + 0.7 * b;
    if level <= 0.0 {
        return (0.0, 0.0);
    }
    let step =
        5.95072 * (6.39468 / level).powf(1.71332) + 9.01033e-11 * level.powi(4) + 5.05622e-6 * level.powi(3)
            - 0.00102438 * level.powi(2)
            + 0.0550197 * level
            - 0.198719;
    let difference = a - b;
    let slope = if a > b { 4 } else { 6 };
    let probability = 1.0 - 0.5f64.powf((difference / step).powi(slope));
    (probability, difference.trunc().abs() / step)
}

/// Whether there is enough in a frame's second half to look for harmonics.
fn is_energetic(samples: &[f64]) -> bool {
    samples[FRAME / 2..].iter().map(|sample| sample * sample).sum::<f64>() >= 8000.0 / (32_768.0 * 32_768.0)
}

/// Finds harmonics in the error: those of a tone that was not there.
struct Correlation {
    fft: Arc<dyn Fft<f64>>,
    window: Vec<f64>,
}

impl Correlation {
    fn new() -> Self {
        let hann = |i: usize| 1.0 - (2.0 * PI * i as f64 / (LAGS - 1) as f64).cos();
        let scale = (2.0f64 / 3.0).sqrt() / LAGS as f64;
        Self {
            fft: FftPlanner::new().plan_fft_forward(LAGS),
            window: (0..LAGS).map(|i| scale * hann(i)).collect(),
        }
    }

    fn harmonic_error(&self, [reference, test]: &[Heard; 2]) -> f64 {
        let lines = reference.weighted.iter().zip(&test.weighted).take(2 * LAGS);
        let ratios: Vec<f64> = lines.map(|(a, b)| ((b + 1e-20) / (a + 1e-20)).ln()).collect();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let own = dot(&ratios[..LAGS], &ratios[..LAGS]);
        let correlation = |lag: usize| {
            let shifted = &ratios[lag..lag + LAGS];
            let energies = own * dot(shifted, shifted);
            if energies > 0.0 { dot(&ratios[..LAGS], shifted) / energies.sqrt() } else { 0.0 }
        };
        let correlations: Vec<f64> = (0..LAGS).map(correlation).collect();
        let mean = correlations.iter().sum::<f64>() / LAGS as f64;
        let mut lines: Vec<Complex<f64>> = correlations
            .iter()
            .zip(&self.window)
            .map(|(value, weight)| Complex::from((value - mean) * weight))
            .collect();
        self.fft.process(&mut lines);
        let powers: Vec<f64> = lines[..=LAGS / 2].iter().map(Complex::norm_sqr).collect();
        // The highest peak behind the first valley.
        let peaks = powers.windows(2).filter(|pair| pair[1] > pair[0]).map(|pair| pair[1]);
        peaks.fold(0.0, f64::max)
    }
}
