//! Configurations and access units in the one form that everyone behind expects: NAL units after lengths of four bytes,
//! configurations with parameter sets only, temporal units without delimiters.

use bytes::{BufMut, Bytes, BytesMut};
use fql_unit::VideoCodec;
use fql_unit::encoded::Framing;

/// Where in `avcC` and `hvcC` the size of lengths stands, in the two lowest bits.
const LENGTH_OF_AVCC: usize = 4;
const LENGTH_OF_HVCC: usize = 21;
const LENGTHS_OF_FOUR: u8 = 3;

/// The configuration of a decoder, and how the access units that come with it are framed.
pub(crate) fn config(codec: VideoCodec, config: &[u8]) -> (Vec<u8>, Framing) {
    let framing = Framing::of_config(codec, config);
    let mut config = match codec {
        VideoCodec::H265 => parameter_sets_only(config).unwrap_or_else(|| config.to_vec()),
        // What there is of VP8 and VP9 is in their key frames.
        VideoCodec::Vp8 | VideoCodec::Vp9 => Vec::new(),
        VideoCodec::H264 | VideoCodec::Av1 => config.to_vec(),
    };
    let length = match codec {
        VideoCodec::H264 => config.get_mut(LENGTH_OF_AVCC),
        VideoCodec::H265 => config.get_mut(LENGTH_OF_HVCC),
        _ => None,
    };
    if let Some(length) = length {
        *length |= LENGTHS_OF_FOUR;
    }
    (config, framing)
}

/// The access unit, as configurations from [`config`] say.
pub(crate) fn access_unit(codec: VideoCodec, framing: Framing, data: Bytes) -> Bytes {
    match (codec, framing) {
        (VideoCodec::Av1, _) => without_delimiter(data),
        (_, Framing::Lengths(size @ 1..=3)) => with_lengths_of_four(size, &data),
        _ => data,
    }
}

/// An `hvcC` without its SEI: x265 tells there in 2 KiB how it was called.
fn parameter_sets_only(config: &[u8]) -> Option<Vec<u8>> {
    const HEAD: usize = 22;
    /// Video, sequence and picture parameter sets.
    const SETS: std::ops::RangeInclusive<u8> = 32..=34;
    let mut out = config.get(..=HEAD)?.to_vec();
    let mut kept = 0;
    let mut rest = &config[HEAD + 1..];
    for _ in 0..config[HEAD] {
        let (array, after) = rest.split_at_checked(array_length(rest)?)?;
        rest = after;
        if SETS.contains(&(array[0] & 63)) {
            out.extend_from_slice(array);
            kept += 1;
        }
    }
    out[HEAD] = kept;
    Some(out)
}

/// How long the first array of NAL units is (ISO/IEC 14496-15, 8.3.3.1).
fn array_length(bytes: &[u8]) -> Option<usize> {
    let count = u16::from_be_bytes([*bytes.get(1)?, *bytes.get(2)?]);
    let mut at = 3;
    for _ in 0..count {
        at += 2 + usize::from(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    }
    Some(at)
}

/// A NAL unit that is cut off is left out.
fn with_lengths_of_four(size: u8, mut data: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(data.len() + 64);
    while let Some((length, rest)) = data.split_at_checked(size.into()) {
        let length = length.iter().fold(0, |value, byte| value << 8 | usize::from(*byte));
        let Some((nal, rest)) = rest.split_at_checked(length) else { break };
        out.put_u32(length as u32);
        out.extend_from_slice(nal);
        data = rest;
    }
    out.freeze()
}

/// A temporal unit without the OBU that says that one begins.
fn without_delimiter(data: Bytes) -> Bytes {
    const DELIMITER: [u8; 2] = [0x12, 0];
    if data.starts_with(&DELIMITER) { data.slice(DELIMITER.len()..) } else { data }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_lengths_become_four_bytes_long() {
        let avcc = [1, 100, 0, 13, 0xfc, 0xe0, 0];
        let (config, framing) = config(VideoCodec::H264, &avcc);
        assert_eq!((config[4], framing), (0xff, Framing::Lengths(1)));
        let unit = access_unit(VideoCodec::H264, framing, Bytes::from_static(&[2, 9, 8, 1, 7, 5, 1]));
        assert_eq!(&unit[..], [0, 0, 0, 2, 9, 8, 0, 0, 0, 1, 7]);
    }

    #[test]
    fn messages_are_left_out_of_configurations_of_h265() {
        let mut hvcc = vec![1; 22];
        hvcc[21] = 0xff;
        hvcc.extend([3, 0xa0, 0, 1, 0, 1, 7, 0x27, 0, 2, 0, 1, 8, 0, 0, 0xa1, 0, 1, 0, 2, 5, 6]);
        let (found, _) = config(VideoCodec::H265, &hvcc);
        assert_eq!(found[22..], [2, 0xa0, 0, 1, 0, 1, 7, 0xa1, 0, 1, 0, 2, 5, 6]);
        let cut = &hvcc[..hvcc.len() - 1];
        assert_eq!(config(VideoCodec::H265, cut).0, cut, "what is damaged stays as it is");
    }

    #[test]
    fn delimiters_are_left_out_of_temporal_units() {
        let unit = Bytes::from_static(&[0x12, 0, 0x32, 1, 5]);
        assert_eq!(&access_unit(VideoCodec::Av1, Framing::StartCodes, unit)[..], [0x32, 1, 5]);
    }
}
