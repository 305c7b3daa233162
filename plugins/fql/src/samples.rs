//! Sound samples as bytes in buffers.

use std::time::Duration;

use fql_codec::audio::Rate;

/// 16-bit samples from bytes, least significant first; an odd byte at the end is left out.
pub fn from_le_bytes(bytes: &[u8]) -> Vec<i16> {
    bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// 16-bit samples to bytes, least significant first.
pub fn to_le_bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// What a frame of this length may have at a rate in kbit/s, 0 being the whole ladder.
pub fn rate(kbit_per_second: u32, duration: Duration) -> Rate {
    if kbit_per_second == 0 {
        return Rate::WholeLadder;
    }
    let bits = u128::from(kbit_per_second) * 1000 * duration.as_nanos() / 1_000_000_000;
    Rate::Bytes(usize::try_from(bits / 8).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_survive_as_bytes() {
        let samples = [0, 1, -1, i16::MIN, i16::MAX, 256];
        let bytes = to_le_bytes(&samples);
        assert_eq!(bytes[2..4], [1, 0]);
        assert_eq!(from_le_bytes(&bytes), samples);
        assert_eq!(from_le_bytes(&bytes[..3]), [0]);
    }

    #[test]
    fn a_frame_gets_its_share_of_the_rate() {
        assert_eq!(rate(0, Duration::from_millis(20)), Rate::WholeLadder);
        assert_eq!(rate(128, Duration::from_millis(20)), Rate::Bytes(320));
        assert_eq!(rate(u32::MAX, Duration::from_secs(1)), Rate::Bytes(536_870_911_875));
    }
}
