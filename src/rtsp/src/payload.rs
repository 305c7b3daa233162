//! Units cut into what packets carry.

mod av1;
mod nal;

use fql_mpegts::nal::parameter_sets;
use fql_unit::VideoCodec;
use fql_unit::encoded::Framing;

/// The most bytes of a packet: what every path on the Internet takes in one datagram, with room for tunnels.
const MOST_PACKET: usize = 1400;
/// Bytes of the header of RTP.
pub(crate) const HEADER: usize = 12;
/// The most bytes of a payload.
pub(crate) const MOST_PAYLOAD: usize = MOST_PACKET - HEADER;
/// The most bytes that a payload has before those of the unit.
const MOST_HEAD: usize = 4;

/// What one packet carries: a few bytes that say how, and those of the unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payload<'a> {
    head: [u8; MOST_HEAD],
    head_length: usize,
    body: &'a [u8],
}

impl<'a> Payload<'a> {
    fn new(head: &[u8], body: &'a [u8]) -> Self {
        let mut payload = Self { head: [0; MOST_HEAD], head_length: head.len(), body };
        payload.head[..head.len()].copy_from_slice(head);
        payload
    }

    pub(crate) fn len(&self) -> usize {
        self.head_length + self.body.len()
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head[..self.head_length]);
        out.extend_from_slice(self.body);
    }
}

/// How units of a track are cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Payloader {
    /// H.264 and H.265: NAL units, with the parameter sets before key pictures that lack them.
    Nal {
        codec: VideoCodec,
        framing: Framing,
        parameters: Vec<Vec<u8>>,
    },
    Vp8,
    Vp9,
    /// With the sequence header of the configuration for key pictures that lack it.
    Av1 {
        header: Vec<u8>,
    },
    Aac,
    Opus,
    MpegAudio,
}

impl Payloader {
    /// Of H.264 or H.265 with this configuration.
    pub(crate) fn nal(codec: VideoCodec, config: &[u8]) -> Self {
        let parameters = parameter_sets(codec, config).into_iter().map(<[u8]>::to_vec).collect();
        Self::Nal { codec, framing: Framing::of_config(codec, config), parameters }
    }

    /// Whether the last packet of a unit is marked: that of a picture, or of a frame of AAC.
    pub(crate) fn marks_end(&self) -> bool {
        !matches!(self, Self::Opus | Self::MpegAudio)
    }

    /// The payloads of a unit, in order.
    pub(crate) fn cut<'a>(&'a self, unit: &'a [u8], key: bool) -> Vec<Payload<'a>> {
        match self {
            Self::Nal { codec, framing, parameters } => nal::cut(*codec, *framing, parameters, unit, key),
            Self::Av1 { header } => av1::cut(header, unit, key),
            Self::Vp8 => vp8(unit),
            Self::Vp9 => vp9(unit, key),
            Self::Aac => aac(unit),
            Self::Opus => vec![Payload::new(&[], unit)],
            Self::MpegAudio => mpeg_audio(unit),
        }
    }
}

/// A piece of something that is too long for one packet.
struct Fragment<'a> {
    at: usize,
    is_first: bool,
    is_last: bool,
    body: &'a [u8],
}

/// Pieces of at most so many bytes.
fn fragments(body: &[u8], most: usize) -> impl Iterator<Item = Fragment<'_>> {
    let count = body.len().div_ceil(most);
    body.chunks(most).enumerate().map(move |(i, piece)| Fragment {
        at: i * most,
        is_first: i == 0,
        is_last: i + 1 == count,
        body: piece,
    })
}

/// RFC 7741, 4.2: the descriptor without extensions.
fn vp8(frame: &[u8]) -> Vec<Payload<'_>> {
    const START: u8 = 0x10;
    fragments(frame, MOST_PAYLOAD - 1)
        .map(|fragment| Payload::new(&[if fragment.is_first { START } else { 0 }], fragment.body))
        .collect()
}

/// RFC 9628, 4.2: without picture IDs and layers.
fn vp9(frame: &[u8], key: bool) -> Vec<Payload<'_>> {
    const PREDICTED: u8 = 0x40;
    const START: u8 = 0x08;
    const END: u8 = 0x04;
    let head = |fragment: &Fragment<'_>| {
        let predicted = if key { 0 } else { PREDICTED };
        let start = if fragment.is_first { START } else { 0 };
        let end = if fragment.is_last { END } else { 0 };
        predicted | start | end
    };
    fragments(frame, MOST_PAYLOAD - 1)
        .map(|fragment| Payload::new(&[head(&fragment)], fragment.body))
        .collect()
}

/// RFC 3640, 3.3.6: one frame, whose length every piece of it says.
fn aac(frame: &[u8]) -> Vec<Payload<'_>> {
    const BITS_OF_HEADERS: [u8; 2] = 16u16.to_be_bytes();
    let Some(length) = u16::try_from(frame.len()).ok().filter(|length| *length < 1 << 13) else {
        return Vec::new();
    };
    let [high, low] = (length << 3).to_be_bytes();
    let head = [BITS_OF_HEADERS[0], BITS_OF_HEADERS[1], high, low];
    fragments(frame, MOST_PAYLOAD - head.len()).map(|fragment| Payload::new(&head, fragment.body)).collect()
}

/// RFC 2250, 3.5: where in the frame the packet begins.
fn mpeg_audio(frame: &[u8]) -> Vec<Payload<'_>> {
    let head = |at: usize| {
        let [high, low] = (at as u16).to_be_bytes();
        [0, 0, high, low]
    };
    fragments(frame, MOST_PAYLOAD - 4)
        .map(|fragment| Payload::new(&head(fragment.at), fragment.body))
        .collect()
}

#[cfg(test)]
mod tests;
