//! Sounds to test with, and what is done with them in every test.
#![allow(dead_code)] // Each test program uses some of it.

use std::io::Write;
use std::process::{Command, Stdio};

use fql_codec::audio::{Decoder, DecoderConfig, Encoder, EncoderConfig, Rate, Sound};
use fql_unit::{AudioFormat, Unit};

/// What a track of sound is.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub rate: u32,
    pub channels: u8,
    pub format: AudioFormat,
    pub layers: u8,
}

impl Shape {
    pub fn encoder(self) -> Encoder {
        let Self { rate, channels, format, layers } = self;
        Encoder::new(EncoderConfig { rate, channels, format, layers }).unwrap()
    }

    pub fn decoder(self) -> Decoder {
        let Self { rate, channels, format, .. } = self;
        Decoder::new(DecoderConfig { rate, channels, format }).unwrap()
    }

    pub fn encode(self, source: &[i32], rate: Rate) -> Vec<Unit> {
        let mut encoder = self.encoder();
        let frames = source.chunks_exact(encoder.frame_len() * usize::from(self.channels));
        let rest = frames.remainder();
        let mut units: Vec<Unit> = frames.map(|frame| encoder.encode(frame, rate).unwrap()).collect();
        units.extend(encoder.finish(rest, rate).unwrap());
        units
    }

    pub fn decode(self, units: &[Unit], max_layer: u8) -> (Vec<i32>, Vec<Sound>) {
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

/// White noise of full scale, in 16 bits.
pub fn noise(samples: usize, seed: u64) -> Vec<i32> {
    let mut random = Random(seed);
    (0..samples).map(|_| (random.next() as i16).into()).collect()
}

/// A square wave between the extremes.
pub fn square(samples: usize, channels: usize, half_period: usize) -> Vec<i32> {
    let level = |i: usize| if (i / channels / half_period).is_multiple_of(2) { 32_767 } else { -32_768 };
    (0..samples * channels).map(level).collect()
}

/// Three tones that swell and fade, in other proportions in each channel.
pub fn tones(samples: usize, channels: usize, rate: u32) -> Vec<i32> {
    let at = |t: usize, channel: usize| {
        let time = t as f64 / f64::from(rate);
        let tone = |hertz: f64| (std::f64::consts::TAU * hertz * time).sin();
        let swell = 0.6 + 0.4 * (std::f64::consts::TAU * 1.7 * time).sin();
        let pan = channel as f64 / channels as f64;
        (12_000.0 * swell * (tone(220.0) + pan * tone(331.0) + 0.3 * tone(1_760.0))) as i32
    };
    (0..samples * channels).map(|i| at(i / channels, i % channels)).collect()
}

/// Samples of 16 bits as those of 24 bits that differ from them in what 16 bits cannot hold. Extremes stay extremes.
pub fn finer(samples: &[i32]) -> Vec<i32> {
    let mut random = Random(77);
    let finer = |sample: i32| match sample {
        32_767 => 0x7f_ffff,
        -32_768 => -0x80_0000,
        _ => sample * 256 + (random.next() & 0xff) as i32,
    };
    samples.iter().copied().map(finer).collect()
}

/// A piece for plucked strings in a room, in stereo, 24 bits at 48 kHz: notes at different places, their echoes from
/// both sides, and the noise of a quiet microphone. Nothing of it was ever compressed.
pub fn piece(seconds: usize) -> Vec<i32> {
    let len = seconds * 48_000;
    let mut random = Random(2);
    let mut dry = vec![[0.0; 2]; len];
    for note in 0..seconds * 6 {
        let hertz = 98.0 * 2f64.powf(f64::from(random.next() % 30) / 12.0);
        let right = f64::from(random.next() % 100) / 100.0;
        let from = note * 8_000 + random.next() as usize % 400;
        for (t, value) in pluck(hertz, 60_000.min(len - from.min(len)), &mut random).into_iter().enumerate() {
            dry[from + t][0] += value * (1.0 - right);
            dry[from + t][1] += value * right;
        }
    }
    let wet = room(&dry);
    let mut noise = || f64::from(random.next() as i16) / 3_000.0;
    wet.iter().flatten().map(|value| (900_000.0 * value + noise() + noise()) as i32).collect()
}

/// A string that is plucked (K. Karplus and A. Strong, 1983).
fn pluck(hertz: f64, len: usize, random: &mut Random) -> Vec<f64> {
    let period = (48_000.0 / hertz) as usize;
    let mut string: Vec<f64> = (0..period).map(|_| f64::from(random.next() as i16) / 32_768.0).collect();
    (0..len)
        .map(|t| {
            let (at, next) = (t % period, (t + 1) % period);
            string[at] = 0.498 * (string[at] + string[next]);
            string[at]
        })
        .collect()
}

/// The sound with echoes that cross from side to side.
fn room(dry: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut wet = dry.to_vec();
    for (delay, gain) in [(1_411, 0.35), (1_873, 0.3), (2_683, 0.25), (4_099, 0.2)] {
        for t in delay..wet.len() {
            let [left, right] = wet[t - delay];
            wet[t][0] += gain * (0.4 * left + 0.6 * right);
            wet[t][1] += gain * (0.6 * left + 0.4 * right);
        }
    }
    wet
}

/// How many bytes FLAC at level 5 takes for sound at 48 kHz, by ffmpeg.
pub fn flac_bytes(samples: &[i32], channels: u8, bits: u32) -> usize {
    let width = bits as usize / 8;
    let bytes: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes().into_iter().take(width)).collect();
    let (format, channels) = (format!("s{bits}le"), channels.to_string());
    let arguments = ["-v", "error", "-f", &format, "-ar", "48000", "-ac", &channels, "-i", "-"];
    let mut ffmpeg = Command::new("ffmpeg")
        .args(arguments)
        .args(["-c:a", "flac", "-compression_level", "5", "-f", "flac", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("these tests need ffmpeg");
    let mut stdin = ffmpeg.stdin.take().unwrap();
    // Beside, so that neither side waits for the other.
    let writing = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = ffmpeg.wait_with_output().unwrap();
    writing.join().unwrap().unwrap();
    assert!(output.status.success());
    output.stdout.len()
}

/// The sound of the bundled clip, by ffmpeg.
pub fn clip(rate: u32, channels: u8) -> Vec<i32> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/media/bigbuckbunny.mp4");
    let [rate, channels] = [rate.to_string(), channels.to_string()];
    let arguments = ["-v", "error", "-i", path, "-vn", "-ac", &channels, "-ar", &rate, "-f", "s16le", "-"];
    let output = Command::new("ffmpeg").args(arguments).output().expect("these tests need ffmpeg");
    assert!(output.status.success(), "ffmpeg: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]]).into()).collect()
}

pub fn power(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|v| v * v).sum()
}

/// Signal power over error power in dB.
pub fn snr(source: &[i32], decoded: &[i32]) -> f64 {
    assert_eq!(source.len(), decoded.len());
    let signal = power(source.iter().map(|v| f64::from(*v)));
    let error = power(source.iter().zip(decoded).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    10.0 * (signal / error).log10()
}
