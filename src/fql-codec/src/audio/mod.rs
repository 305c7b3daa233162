//! Sound in quality layers.
//!
//! Samples of 16 or 24 bits, 1 to 8 channels at 8 to 192 kHz, channels interleaved, in frames of 12 to 16 ms that
//! overlap by a quarter. A unit holds one frame in one slice:
//!
//! - **Layer 0** tells the sign and a rough magnitude of every coefficient; every further layer halves all intervals, which
//!   is 6 dB (on sound with many small coefficients first less: those below the interval are still missing). The
//!   intervals follow what the sound itself masks: bands in which an error is heard sooner are some planes ahead.
//! - With 10 layers or more, every frame has an **exact layer**, after which the samples are the source bit for bit.
//!   It is the first layer that would have an interval below one sample, or the stream's last, which then takes all
//!   intervals that are left. Loud frames need about 15 layers before the first (5 more of 24 bits), quiet ones fewer; layers above the
//!   exact one are empty. With fewer than 10 layers there is none.
//! - [`Rate::Bytes`] enlarges all intervals of the frame by one factor from 1 to 2 and leaves layers empty from that
//!   on where the bytes are spent. [`RateControl`] turns a bitrate into it, frame by frame; by a leaky bucket of 200 ms.
//!
//! The encoder holds back [`Encoder::delay`] samples, and nothing of that shows in the stream: units tell how many
//! samples they hold, the first one fewer than the others, so that all units together hold exactly the samples that
//! went in, and the first decoded sample is the first one encoded.
//!
//! Reconstruction is integer arithmetic throughout, so that every platform hears the same.
//!
//! A lost unit costs its own samples and, of the next unit's, exactness in the first [`Encoder::delay`] ones.
//!
//! ```
//! use fql_codec::audio::{Decoder, DecoderConfig, Encoder, EncoderConfig, Rate};
//! use fql_unit::AudioFormat;
//!
//! let source: Vec<i32> = (0..2 * 5_000).map(|i| i * 37 % 9_001).collect();
//! let format = AudioFormat::S16;
//! let mut encoder = Encoder::new(EncoderConfig { rate: 48_000, channels: 2, format, layers: 12 })?;
//! let frames = source.chunks_exact(2 * encoder.frame_len());
//! let rest = frames.remainder();
//! let mut units = Vec::new();
//! for frame in frames {
//!     units.push(encoder.encode(frame, Rate::WholeLadder)?);
//! }
//! units.extend(encoder.finish(rest, Rate::WholeLadder)?);
//!
//! let mut decoder = Decoder::new(DecoderConfig { rate: 48_000, channels: 2, format })?;
//! let mut decoded = Vec::new();
//! for unit in &units {
//!     assert!(decoder.decode(unit, 14, &mut decoded)?.exact);
//! }
//! assert_eq!(decoded, source);
//! # Ok::<(), fql_codec::Error>(())
//! ```

mod analysis;
mod bands;
mod concealment;
mod dct;
mod decoder;
mod depth;
mod encoder;
mod fitting;
mod ladder;
mod lapped;
mod masking;
mod pairing;
mod params;
mod planes;
mod rate;
mod reading;
mod residual;
mod rotation;
mod synthesis;
mod tables;
mod trig;
mod weights;
mod window;

use fql_unit::{AudioFormat, MAX_LAYERS, Unit};

use crate::{Error, error::check};

pub use decoder::Decoder;
pub use encoder::Encoder;

pub use rate::{Rate, RateControl};

/// What an encoder needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderConfig {
    /// Samples a second and channel, 8,000 to 192,000.
    pub rate: u32,
    /// Number of channels, 1 to 8, in any order: what they share is found by measuring.
    pub channels: u8,
    /// How many bits a sample has.
    pub format: AudioFormat,
    /// How many layers the stream has, 1 to 15; from 10 on it is exact at the top.
    pub layers: u8,
}

/// What a decoder needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecoderConfig {
    /// Samples a second and channel, 8,000 to 192,000.
    pub rate: u32,
    /// Number of channels, 1 to 8.
    pub channels: u8,
    /// How many bits a sample has.
    pub format: AudioFormat,
}

/// What came out of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sound {
    /// How many samples a channel were appended.
    pub samples: usize,
    /// How many layers were decoded completely.
    pub layers: u8,
    /// Whether the samples are the source bit for bit.
    pub exact: bool,
    /// Whether nothing of layer 0 was there, so that the samples continue the sound before.
    pub concealed: bool,
}

/// How many samples a channel a unit of sound holds, by its parameters alone.
pub fn unit_samples(unit: &Unit, channels: u8) -> Result<usize, Error> {
    // The number of samples does not depend on how many bits they have.
    let depth = depth::Depth::new(AudioFormat::S24);
    let params = params::Params::from_bytes(unit.params(), check_channels(channels)?, depth)?;
    Ok(params.samples.into())
}

fn check_rate(rate: u32) -> Result<(), Error> {
    check("a sample rate", rate, 8_000..=192_000, "8000 to 192000")
}

fn check_layers(layers: u8) -> Result<(), Error> {
    check("the number of layers", layers, 1..=MAX_LAYERS.into(), "1 to 15")
}

fn check_channels(channels: u8) -> Result<usize, Error> {
    check("the number of channels", channels, 1..=8, "1 to 8")?;
    Ok(channels.into())
}

/// The tables that the specification refers to.
#[cfg(test)]
pub(crate) fn published() -> crate::published::Tables {
    tables::published()
}
