//! Opus in transport streams (ETSI TS 103 491, and the draft "Opus in MPEG-TS" that encoders follow): each packet has a
//! control header with its length before it.

use bytes::{Buf, Bytes};
use fql_unit::{AudioCodec, EncodedAudioInfo, Media};

use super::{Part, Piece, descriptor};
use crate::psi::Entry;

const RATE: u32 = 48_000;
/// Samples that a decoder drops at the beginning: 80 ms, as RFC 7845, 4.2 advises for a stream that is joined.
const PRE_SKIP: u16 = 3840;

/// Cuts Opus into its packets.
#[derive(Debug)]
pub(crate) struct Opus {
    media: Option<Media>,
}

impl Opus {
    pub(crate) fn of(entry: &Entry) -> Self {
        let code = entry.descriptors(descriptor::EXTENSION).find_map(|content| match content {
            [descriptor::OPUS_CHANNELS, code, ..] => Some(*code),
            _ => None,
        });
        // Without a descriptor, and where it speaks of two mono channels (0), two channels are coded as one stream.
        let channels = match code {
            None | Some(0) => Some(2),
            Some(code) => (code <= 8).then_some(code),
        };
        Self { media: channels.map(described) }
    }

    pub(crate) fn media(&self) -> Option<&Media> {
        self.media.as_ref()
    }

    pub(crate) fn cut(&mut self, piece: Piece, each: &mut dyn FnMut(Part)) {
        let mut time = piece.nanos();
        let mut rest = piece.data;
        while let Some(length) = take_control_header(&mut rest).filter(|&length| length <= rest.len()) {
            let data = rest.split_to(length);
            // One of no bytes says nothing, and three bytes of a stream would become a unit each.
            if data.is_empty() {
                continue;
            }
            let duration = duration(&data);
            each(Part { decoding: time, presentation: time, duration, is_key: true, data });
            time += duration;
        }
    }
}

fn described(channels: u8) -> Media {
    let family = u8::from(channels > 2);
    let mut config = b"OpusHead\x01".to_vec();
    config.push(channels);
    config.extend_from_slice(&PRE_SKIP.to_le_bytes());
    config.extend_from_slice(&RATE.to_le_bytes());
    config.extend_from_slice(&[0, 0, family]);
    if let Some((streams, coupled, mapping)) = mapping(channels) {
        config.extend_from_slice(&[streams, coupled]);
        config.extend_from_slice(mapping);
    }
    let caps = format!(
        "audio/x-opus, channel-mapping-family=(int){family}, rate=(int){RATE}, channels=(int){channels}"
    );
    Media::EncodedAudio(EncodedAudioInfo { codec: AudioCodec::Opus, rate: RATE, channels, config, caps })
}

/// Streams, coupled ones among them, and which channel each speaker has, as Vorbis orders them (RFC 7845, 5.1.1.2).
fn mapping(channels: u8) -> Option<(u8, u8, &'static [u8])> {
    Some(match channels {
        3 => (2, 1, &[0, 2, 1]),
        4 => (2, 2, &[0, 1, 2, 3]),
        5 => (3, 2, &[0, 4, 1, 2, 3]),
        6 => (4, 2, &[0, 4, 1, 2, 3, 5]),
        7 => (4, 3, &[0, 4, 1, 2, 3, 5, 6]),
        8 => (5, 3, &[0, 6, 1, 2, 3, 4, 5, 7]),
        _ => return None,
    })
}

/// Takes a control header off the bytes and gives the length of the packet that follows.
fn take_control_header(bytes: &mut Bytes) -> Option<usize> {
    let flags = u16::from_be_bytes(*bytes.first_chunk()?);
    if flags >> 5 != 0x3ff {
        return None;
    }
    bytes.advance(2);
    let full = bytes.iter().take_while(|&&byte| byte == 255).count();
    let length = full * 255 + usize::from(*bytes.get(full)?);
    bytes.advance(full + 1);
    // How many samples are cut off at the beginning and at the end, and what later versions add.
    let trimmed = 2 * (usize::from(flags >> 4 & 1) + usize::from(flags >> 3 & 1));
    skip(bytes, trimmed)?;
    if flags >> 2 & 1 == 1 {
        let extension = usize::from(*bytes.first()?);
        skip(bytes, 1 + extension)?;
    }
    Some(length)
}

fn skip(bytes: &mut Bytes, count: usize) -> Option<()> {
    if count > bytes.len() {
        return None;
    }
    bytes.advance(count);
    Some(())
}

/// The control header of a packet of this length.
pub(crate) fn control_header(length: usize) -> Vec<u8> {
    let mut out = vec![0x7f, 0xe0];
    out.resize(2 + length / 255, 255);
    out.push((length % 255) as u8);
    out
}

/// How long a packet lasts, in nanoseconds (RFC 6716, 3.1).
fn duration(packet: &[u8]) -> u64 {
    let Some(&head) = packet.first() else { return 0 };
    let config = head >> 3;
    let frame: u64 = match config {
        0..12 => [10_000, 20_000, 40_000, 60_000][usize::from(config & 3)],
        12..16 => [10_000, 20_000][usize::from(config & 1)],
        _ => [2_500, 5_000, 10_000, 20_000][usize::from(config & 3)],
    };
    let frames = match head & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => packet.get(1).map_or(0, |count| u64::from(count & 63)),
    };
    frame * 1000 * frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_of_no_bytes_are_no_units() {
        let mut opus = Opus { media: None };
        let bytes = [control_header(0), control_header(2), vec![0x08, 1], control_header(0)].concat();
        let piece = Piece { decoding: Some(0), presentation: Some(0), now: 0, data: bytes.into() };
        let mut found = Vec::new();
        opus.cut(piece, &mut |part| found.push(part.data.to_vec()));
        assert_eq!(found, [[0x08, 1]]);
    }
}
