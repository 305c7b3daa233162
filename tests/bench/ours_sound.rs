//! Our sound codec: all that the measurements need of its interface.

use anyhow::{Context, Result};
use fql_codec::audio::{Decoder, DecoderConfig, Encoder, EncoderConfig, RateControl};
use fql_unit::{AudioFormat, Unit};

/// Layers of a stream, the last of which completes the samples.
pub const LAYERS: u8 = 12;

/// How sound lies in a file of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct Layout {
    /// Samples a second and channel.
    pub rate: u32,
    /// How many channels.
    pub channels: u8,
    /// Bits of a sample, 16 or 24.
    #[arg(value_parser = clap::value_parser!(u8).range(16..=24))]
    pub bits: u8,
}

/// Sound with its channels interleaved.
#[derive(Debug, Clone)]
pub struct Sound {
    /// What it is.
    pub layout: Layout,
    /// All samples.
    pub samples: Vec<i32>,
}

impl Layout {
    fn format(self) -> AudioFormat {
        if self.bits == 16 { AudioFormat::S16 } else { AudioFormat::S24 }
    }

    /// The samples in little-endian bytes.
    pub fn parse(self, bytes: &[u8]) -> Sound {
        let unused = 32 - u32::from(self.bits);
        // At the top of 32 bits first, so that the shift back brings the sign.
        let sample = |bytes: &[u8]| {
            bytes.iter().rev().fold(0, |value, &byte| value << 8 | i32::from(byte)) << unused >> unused
        };
        let samples = bytes.chunks_exact(usize::from(self.bits / 8)).map(sample).collect();
        Sound { layout: self, samples }
    }

    /// Decodes the layers up to `max_layer`.
    pub fn decode(self, units: &[Unit], max_layer: u8) -> Result<Sound> {
        let Self { rate, channels, .. } = self;
        let mut decoder = Decoder::new(DecoderConfig { rate, channels, format: self.format() })?;
        let mut samples = Vec::new();
        for unit in units {
            decoder.decode(unit, max_layer, &mut samples).context("a unit of sound")?;
        }
        Ok(Sound { layout: self, samples })
    }
}

impl Sound {
    /// How long it plays.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.layout.channels) / f64::from(self.layout.rate)
    }

    /// Signal power over error power of `other`, in dB; infinite where both are the same.
    pub fn snr(&self, other: &Self) -> f64 {
        let signal: f64 = self.samples.iter().map(|&v| f64::from(v).powi(2)).sum();
        let pairs = self.samples.iter().zip(&other.samples);
        let error: f64 = pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum();
        10.0 * (signal / error).log10()
    }

    /// Codes it at so many bits a second, or with the whole ladder.
    pub fn encode(&self, bits_per_second: Option<u64>) -> Result<Vec<Unit>> {
        let Layout { rate, channels, .. } = self.layout;
        let config = EncoderConfig { rate, channels, format: self.layout.format(), layers: LAYERS };
        let mut encoder = Encoder::new(config)?;
        let frame = encoder.frame_len();
        let duration = frame as u64 * 1_000_000_000 / u64::from(rate);
        let mut control = RateControl::new(bits_per_second.map_or(0, |bits| (bits / 1000) as u32));
        let frames = self.samples.chunks_exact(frame * usize::from(channels));
        let rest = frames.remainder();
        let mut units = Vec::new();
        for frame in frames {
            let unit = encoder.encode(frame, control.next(duration))?;
            control.spent(unit.params().len() + unit.payload_len());
            units.push(unit);
        }
        units.extend(encoder.finish(rest, control.next(duration))?);
        Ok(units)
    }
}

/// Bytes of units up to a layer, parameters included.
pub fn bytes(units: &[Unit], max_layer: u8) -> usize {
    let of = |unit: &Unit| {
        let segments = unit.segments().filter(|(layer, ..)| *layer <= max_layer);
        unit.params().len() + segments.map(|(.., segment)| segment.data().len()).sum::<usize>()
    };
    units.iter().map(of).sum()
}
