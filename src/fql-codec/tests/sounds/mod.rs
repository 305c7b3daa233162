//! Sounds to test with, and what is done with them in every test.
#![allow(dead_code)] // Each test program uses some of it.

use std::process::Command;

use fql_codec::audio::{Decoder, DecoderConfig, Encoder, EncoderConfig, Rate, Sound};
use fql_unit::Unit;

/// What a track of sound is.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub rate: u32,
    pub channels: u8,
    pub layers: u8,
}

impl Shape {
    pub fn encoder(self) -> Encoder {
        let Self { rate, channels, layers } = self;
        Encoder::new(EncoderConfig { rate, channels, layers }).unwrap()
    }

    pub fn decoder(self) -> Decoder {
        Decoder::new(DecoderConfig { rate: self.rate, channels: self.channels }).unwrap()
    }

    pub fn encode(self, source: &[i16], rate: Rate) -> Vec<Unit> {
        let mut encoder = self.encoder();
        let frames = source.chunks_exact(encoder.frame_len() * usize::from(self.channels));
        let rest = frames.remainder();
        let mut units: Vec<Unit> = frames.map(|frame| encoder.encode(frame, rate).unwrap()).collect();
        units.extend(encoder.finish(rest, rate).unwrap());
        units
    }

    pub fn decode(self, units: &[Unit], max_layer: u8) -> (Vec<i16>, Vec<Sound>) {
        let (mut decoder, mut samples) = (self.decoder(), Vec::new());
        let sounds =
            units.iter().map(|unit| decoder.decode(unit, max_layer, &mut samples).unwrap()).collect();
        (samples, sounds)
    }
}

/// Pseudo-random numbers, the same on every run.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as u32
    }
}

/// White noise of full scale.
pub fn noise(samples: usize, seed: u64) -> Vec<i16> {
    let mut random = Random(seed);
    (0..samples).map(|_| random.next() as i16).collect()
}

/// A square wave between the extremes.
pub fn square(samples: usize, channels: usize, half_period: usize) -> Vec<i16> {
    let level = |i: usize| if (i / channels / half_period).is_multiple_of(2) { i16::MAX } else { i16::MIN };
    (0..samples * channels).map(level).collect()
}

/// Three tones that swell and fade, in other proportions in each channel.
pub fn tones(samples: usize, channels: usize, rate: u32) -> Vec<i16> {
    let at = |t: usize, channel: usize| {
        let time = t as f64 / f64::from(rate);
        let tone = |hertz: f64| (std::f64::consts::TAU * hertz * time).sin();
        let swell = 0.6 + 0.4 * (std::f64::consts::TAU * 1.7 * time).sin();
        let pan = channel as f64 / channels as f64;
        (12_000.0 * swell * (tone(220.0) + pan * tone(331.0) + 0.3 * tone(1_760.0))) as i16
    };
    (0..samples * channels).map(|i| at(i / channels, i % channels)).collect()
}

/// The sound of the bundled clip, by ffmpeg.
pub fn clip(rate: u32, channels: u8) -> Vec<i16> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/media/bigbuckbunny.mp4");
    let [rate, channels] = [rate.to_string(), channels.to_string()];
    let arguments = ["-v", "error", "-i", path, "-vn", "-ac", &channels, "-ar", &rate, "-f", "s16le", "-"];
    let output = Command::new("ffmpeg").args(arguments).output().expect("these tests need ffmpeg");
    assert!(output.status.success(), "ffmpeg: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
}

pub fn power(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|v| v * v).sum()
}

/// Signal power over error power in dB.
pub fn snr(source: &[i16], decoded: &[i16]) -> f64 {
    assert_eq!(source.len(), decoded.len());
    let signal = power(source.iter().map(|v| f64::from(*v)));
    let error = power(source.iter().zip(decoded).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    10.0 * (signal / error).log10()
}
