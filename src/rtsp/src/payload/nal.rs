//! H.264 (RFC 6184, packetization mode 1) and H.265 (RFC 7798): NAL units as they are, or cut into fragmentation units.

use fql_mpegts::nal::nals;
use fql_unit::VideoCodec;
use fql_unit::encoded::Framing;

use super::{MOST_PAYLOAD, Payload, fragments};

/// The types of fragmentation units: RFC 6184, 5.8, and RFC 7798, 4.4.3.
const FU_A: u8 = 28;
const FU: u8 = 49;
const START: u8 = 0x80;
const END: u8 = 0x40;

pub(super) fn cut<'a>(
    codec: VideoCodec,
    framing: Framing,
    parameters: &'a [Vec<u8>],
    access_unit: &'a [u8],
    key: bool,
) -> Vec<Payload<'a>> {
    let own = nals(access_unit, framing);
    let needs_parameters = key && !own.iter().any(|nal| is_parameters(codec, nal));
    let before = parameters.iter().filter(|_| needs_parameters).map(Vec::as_slice);
    let mut out = Vec::with_capacity(access_unit.len() / MOST_PAYLOAD + 4);
    for nal in before.chain(own).filter(|nal| !is_delimiter(codec, nal)) {
        push(codec, nal, &mut out);
    }
    out
}

fn kind(codec: VideoCodec, nal: &[u8]) -> u8 {
    match codec {
        VideoCodec::H265 => nal[0] >> 1 & 63,
        _ => nal[0] & 31,
    }
}

fn is_parameters(codec: VideoCodec, nal: &[u8]) -> bool {
    let kind = kind(codec, nal);
    if codec == VideoCodec::H265 { (32..=34).contains(&kind) } else { matches!(kind, 7 | 8) }
}

/// Access unit delimiters say nothing that marked packets do not.
fn is_delimiter(codec: VideoCodec, nal: &[u8]) -> bool {
    kind(codec, nal) == if codec == VideoCodec::H265 { 35 } else { 9 }
}

fn push<'a>(codec: VideoCodec, nal: &'a [u8], out: &mut Vec<Payload<'a>>) {
    if nal.len() <= MOST_PAYLOAD {
        return out.push(Payload::new(&[], nal));
    }
    let ends = |is_first, is_last| if is_first { START } else { 0 } | if is_last { END } else { 0 };
    if codec == VideoCodec::H265 {
        let (head, body) = nal.split_at(2);
        let kind = head[0] >> 1 & 63;
        let indicator = head[0] & 0x81 | FU << 1;
        out.extend(fragments(body, MOST_PAYLOAD - 3).map(|piece| {
            Payload::new(&[indicator, head[1], ends(piece.is_first, piece.is_last) | kind], piece.body)
        }));
    } else {
        let (head, body) = nal.split_at(1);
        let (kind, indicator) = (head[0] & 31, head[0] & 0xe0 | FU_A);
        out.extend(
            fragments(body, MOST_PAYLOAD - 2).map(|piece| {
                Payload::new(&[indicator, ends(piece.is_first, piece.is_last) | kind], piece.body)
            }),
        );
    }
}
