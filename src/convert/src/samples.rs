//! Samples of layered sound as GStreamer takes them.

use fql_unit::AudioFormat;

/// The format in raw caps.
pub fn name(format: AudioFormat) -> &'static str {
    match format {
        AudioFormat::S16 => "S16LE",
        AudioFormat::S24 => "S32LE",
    }
}

/// Samples as bytes: 24 bits lie in the highest ones of 32.
pub fn bytes(samples: &[i32], format: AudioFormat) -> Vec<u8> {
    match format {
        AudioFormat::S16 => samples.iter().flat_map(|sample| (*sample as i16).to_le_bytes()).collect(),
        AudioFormat::S24 => samples.iter().flat_map(|sample| (sample << 8).to_le_bytes()).collect(),
    }
}

/// How long so many samples are, in nanoseconds.
pub fn time(samples: u64, rate: u32) -> u64 {
    (u128::from(samples) * 1_000_000_000 / u128::from(rate.max(1))).try_into().unwrap_or(u64::MAX)
}

/// How many samples there are in a time, rounded.
pub fn count(time: u64, rate: u32) -> u64 {
    ((u128::from(time) * u128::from(rate) + 500_000_000) / 1_000_000_000).try_into().unwrap_or(u64::MAX)
}
