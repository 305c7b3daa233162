//! WHIP: packets of RTP for a connection of WebRTC.

use super::piece::Piece;
use super::{Plan, Protocol, Track, encoders, fql};
use crate::media::Codec::{H264, Opus, Vp8, Vp9};
use crate::media::Media;
use crate::sender::{Client, Sender};

pub const WHIP: Protocol = Protocol {
    name: "whip",
    is_lasting: false,
    needs: &["whipsink", "nicesink", "dtlssrtpenc"],
    most: (1, 1),
    carries: |media| {
        matches!(media, Media::RawVideo | Media::RawAudio | Media::Encoded(H264 | Vp8 | Vp9 | Opus))
    },
    transport,
    chain,
};

/// Seconds that a request of the client may take.
const TIMEOUT: u32 = 5;
/// The first of the payload types that an offer may choose.
const FIRST_PAYLOAD_TYPE: u32 = 96;

fn transport(plan: &Plan) -> Result<gst::Element, String> {
    let element = Piece::new("whipsink")
        .with("whip-endpoint", &plan.address)
        .with("auth-token", &plan.stream_key)
        .with("timeout", TIMEOUT)
        .make()?;
    Ok(Sender::of_client(&Client { element, is_local: is_local(&plan.address) }))
}

/// Whether a URL is of this machine, by its loopback address.
fn is_local(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '?']).next().unwrap_or_default();
    authority.starts_with("localhost") || authority.starts_with("127.") || authority.starts_with("[::1]")
}

fn chain(track: &Track, plan: &Plan) -> Vec<Piece> {
    let (mut chain, codec) = match track.media {
        Media::RawVideo => {
            let mut chain = encoders::h264(track, plan);
            chain.push(Piece::caps("video/x-h264,profile=constrained-baseline"));
            (chain, H264)
        }
        Media::RawAudio => (encoders::opus(plan), Opus),
        Media::Encoded(codec) => (vec![], codec),
        Media::AsItIs => return vec![],
    };
    chain.extend(fql::parser(codec));
    // Connections of WebRTC send what they get at once: a file is to last as long as it does.
    chain.push(Piece::new("clocksync"));
    let payloader = match codec {
        Vp8 => Piece::new("rtpvp8pay").with("picture-id-mode", "15-bit"),
        Vp9 => Piece::new("rtpvp9pay").with("picture-id-mode", "15-bit"),
        Opus => Piece::new("rtpopuspay"),
        _ => Piece::new("rtph264pay").with("config-interval", -1).with("aggregate-mode", "zero-latency"),
    };
    chain.push(payloader.with("pt", FIRST_PAYLOAD_TYPE + track.number % 32));
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_this_machine_are_known() {
        for local in ["http://127.0.0.1:8080/whip", "http://localhost/whip", "https://[::1]:8443/whip"] {
            assert!(is_local(local), "{local}");
        }
        for other in ["https://live.example.com/127.0.0.1", "http://192.0.2.7:8080/whip"] {
            assert!(!is_local(other), "{other}");
        }
    }
}
