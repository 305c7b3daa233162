//! FQL: everything there is, under error correction.

use super::piece::Piece;
use super::{Plan, Protocol, Track};
use crate::media::{Codec, Media};

pub const FQL: Protocol = Protocol {
    name: "fql",
    is_lasting: true,
    needs: &["fqlfecsink", "fqlenc"],
    most: (usize::MAX, usize::MAX),
    carries: |_| true,
    transport,
    chain,
};

fn transport(plan: &Plan) -> Result<gst::Element, String> {
    Piece::new("fqlfecsink")
        .with("uri", &plan.address)
        .with("stream-key", &plan.stream_key)
        .with("fec", &plan.fec)
        .with("max-bitrate", plan.max_bitrate)
        .make()
}

fn chain(track: &Track, plan: &Plan) -> Vec<Piece> {
    let encoder = |bitrate: u32| Piece::new("fqlenc").with("layers", plan.layers).with("bitrate", bitrate);
    match track.media {
        Media::RawVideo => {
            let encoder = encoder(plan.bitrate).with("keyframe-interval", plan.keyframe_interval);
            vec![Piece::new("videoconvert"), encoder]
        }
        Media::RawAudio => {
            vec![Piece::new("audioconvert"), Piece::new("audioresample"), encoder(plan.audio_bitrate)]
        }
        // Carried as data, as it is.
        Media::Encoded(Codec::MpegAudio | Codec::Klv) | Media::AsItIs => vec![],
        Media::Encoded(codec) => parser(codec).into_iter().collect(),
    }
}

/// What brings encoded media into the form of one access unit a buffer. Viewers join at key pictures: these need their
/// parameters with them.
pub fn parser(codec: Codec) -> Option<Piece> {
    let parser = Piece::new(codec.parser()?);
    Some(match codec {
        Codec::H264 | Codec::H265 => parser.with("config-interval", -1),
        _ => parser,
    })
}
