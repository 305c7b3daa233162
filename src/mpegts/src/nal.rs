//! NAL units of H.264 and H.265 as transport streams want them: each after a start code, with an access unit delimiter
//! first and the parameter sets before each key picture.

use bytes::Bytes;
use fql_unit::VideoCodec;
use fql_unit::encoded::Framing;

const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// The NAL units of an access unit of H.264 or H.265, in order; none is empty, and what is cut off is left out.
pub fn nals(access_unit: &[u8], framing: Framing) -> Vec<&[u8]> {
    let mut all = Vec::new();
    let mut rest = access_unit;
    match framing {
        Framing::StartCodes => {
            let Some(first) = start_code(rest) else { return all };
            rest = &rest[first + 3..];
            while !rest.is_empty() {
                let end = start_code(rest);
                // Zeros before a start code are no part of a NAL unit, which ends with a bit that is set.
                let nal = rest[..end.unwrap_or(rest.len())].trim_suffix_zeros();
                all.extend((!nal.is_empty()).then_some(nal));
                rest = end.map_or(&[], |end| &rest[end + 3..]);
            }
        }
        Framing::Lengths(size) => {
            while let Some((length, later)) = rest.split_at_checked(size.clamp(1, 4).into()) {
                let length = length.iter().fold(0, |value, &byte| value << 8 | usize::from(byte));
                let Some((nal, later)) = later.split_at_checked(length) else { break };
                all.extend((!nal.is_empty()).then_some(nal));
                rest = later;
            }
        }
    }
    all
}

trait TrimZeros {
    fn trim_suffix_zeros(&self) -> &Self;
}

impl TrimZeros for [u8] {
    fn trim_suffix_zeros(&self) -> &Self {
        let end = self.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        &self[..end]
    }
}

fn start_code(bytes: &[u8]) -> Option<usize> {
    bytes.windows(3).position(|window| window == [0, 0, 1])
}

/// What a NAL unit is, as far as writing needs it.
#[derive(PartialEq, Eq)]
enum Part {
    Delimiter,
    Parameters,
    Other,
}

fn part(codec: VideoCodec, nal: &[u8]) -> Part {
    let (kind, delimiter, parameters) = match codec {
        VideoCodec::H265 => (nal[0] >> 1 & 63, 35, 32..=34),
        _ => (nal[0] & 31, 9, 7..=8),
    };
    match kind {
        kind if kind == delimiter => Part::Delimiter,
        kind if parameters.contains(&kind) => Part::Parameters,
        _ => Part::Other,
    }
}

/// Writes access units of one track as byte streams.
#[derive(Debug)]
pub(crate) struct ByteStream {
    codec: VideoCodec,
    framing: Framing,
    /// The parameter sets of the configuration, or of the last key picture that had any, each after a start code.
    parameters: Vec<u8>,
}

impl ByteStream {
    pub(crate) fn new(codec: VideoCodec, config: &[u8]) -> Self {
        let mut parameters = Vec::new();
        for set in parameter_sets(codec, config) {
            parameters.extend_from_slice(&START_CODE);
            parameters.extend_from_slice(set);
        }
        Self { codec, framing: Framing::of_config(codec, config), parameters }
    }

    /// A key picture with parameter sets: its own, which are kept, or those of the last one that had any. Encoders may
    /// send them once, and a viewer that begins later needs them all the same.
    pub(crate) fn complete(&mut self, key_picture: Bytes) -> Bytes {
        let nals = nals(&key_picture, self.framing);
        let own = nals.iter().filter(|nal| part(self.codec, nal) == Part::Parameters);
        let own: Vec<_> = own.flat_map(|nal| [&START_CODE, *nal]).collect();
        if !own.is_empty() {
            self.parameters = own.concat();
            return key_picture;
        }
        if self.parameters.is_empty() { key_picture } else { self.write(&key_picture, true).into() }
    }

    /// The access unit as a byte stream.
    pub(crate) fn write(&self, access_unit: &[u8], is_key: bool) -> Vec<u8> {
        let nals = nals(access_unit, self.framing);
        let mut out = Vec::with_capacity(access_unit.len() + self.parameters.len() + 32);
        let own = nals.first().filter(|nal| part(self.codec, nal) == Part::Delimiter);
        out.extend_from_slice(&START_CODE);
        // Any kind of slice may follow.
        out.extend_from_slice(own.copied().unwrap_or(match self.codec {
            VideoCodec::H265 => &[0x46, 0x01, 0x50],
            _ => &[0x09, 0xf0],
        }));
        let has_parameters = nals.iter().any(|nal| part(self.codec, nal) == Part::Parameters);
        if is_key && !has_parameters {
            out.extend_from_slice(&self.parameters);
        }
        for nal in nals.iter().filter(|nal| part(self.codec, nal) != Part::Delimiter) {
            out.extend_from_slice(&START_CODE);
            out.extend_from_slice(nal);
        }
        out
    }
}

/// The parameter sets in the configuration of H.264 (`avcC`) or H.265 (`hvcC`), in order; none where it cannot be read.
/// Each has at least a byte: one that is empty says nothing.
pub fn parameter_sets(codec: VideoCodec, config: &[u8]) -> Vec<&[u8]> {
    let sets = match codec {
        VideoCodec::H265 => sets_of_hvcc(config),
        _ => sets_of_avcc(config),
    };
    let mut sets = sets.unwrap_or_default();
    sets.retain(|set| !set.is_empty());
    sets
}

/// The parameter sets of `avcC` (ISO/IEC 14496-15, 5.3.3.1.2).
fn sets_of_avcc(config: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = config.get(5..)?;
    let mut sets = Vec::new();
    for mask in [31, 255] {
        let (&count, later) = rest.split_first()?;
        rest = later;
        for _ in 0..count & mask {
            sets.push(take_set(&mut rest)?);
        }
    }
    Some(sets)
}

/// The parameter sets of `hvcC` (ISO/IEC 14496-15, 8.3.3.1.2).
fn sets_of_hvcc(config: &[u8]) -> Option<Vec<&[u8]>> {
    let (&arrays, mut rest) = config.get(22..)?.split_first()?;
    let mut sets = Vec::new();
    for _ in 0..arrays {
        let (&[_, high, low], later) = rest.split_first_chunk()?;
        rest = later;
        for _ in 0..u16::from_be_bytes([high, low]) {
            sets.push(take_set(&mut rest)?);
        }
    }
    Some(sets)
}

/// Takes a set with two bytes of length before it.
fn take_set<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (&length, later) = rest.split_first_chunk()?;
    let (set, later) = later.split_at_checked(u16::from_be_bytes(length).into())?;
    *rest = later;
    Some(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_picture_without_parameter_sets_gets_those_of_the_last_that_had_any() {
        let unit = |nals: &[&[u8]]| {
            Bytes::from(nals.iter().flat_map(|nal| [&START_CODE, *nal]).collect::<Vec<_>>().concat())
        };
        let (delimiter, sequence, picture, slice): (&[u8], &[u8], &[u8], &[u8]) =
            (&[0x09, 0xf0], &[0x67, 1, 2], &[0x68, 3], &[0x65, 4, 5]);
        let mut stream = ByteStream::new(VideoCodec::H264, &[]);
        let bare = unit(&[delimiter, slice]);
        assert_eq!(stream.complete(bare.clone()), bare, "there are none yet");
        let whole = unit(&[delimiter, sequence, picture, slice]);
        assert_eq!(stream.complete(whole.clone()), whole);
        assert_eq!(stream.complete(bare), whole);
        assert_eq!(stream.complete(unit(&[slice])), whole);
    }

    #[test]
    fn parameter_sets_that_are_empty_are_none() {
        let avcc = [1, 100, 0, 13, 0xff, 0xe2, 0, 2, 0x67, 1, 0, 0, 1, 0, 0];
        assert_eq!(parameter_sets(VideoCodec::H264, &avcc), [[0x67, 1]]);
        let hvcc = [&[1; 22][..], &[2, 0xa0, 0, 1, 0, 0, 0x21, 0, 1, 0, 2, 0x42, 1]].concat();
        assert_eq!(parameter_sets(VideoCodec::H265, &hvcc), [[0x42, 1]]);
    }
}
