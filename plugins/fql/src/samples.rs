//! Sound samples as bytes in buffers.

/// 16-bit samples from bytes, least significant first; an odd byte at the end is left out.
pub fn from_le_bytes(bytes: &[u8]) -> Vec<i16> {
    bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// 16-bit samples to bytes, least significant first.
pub fn to_le_bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
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
}
