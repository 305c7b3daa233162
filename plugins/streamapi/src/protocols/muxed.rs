//! SRT and RTMP: one muxer and one sink.

use super::piece::Piece;
use super::{Plan, Protocol, Track, encoders, fql};
use crate::media::Codec::{Aac, H264, H265, Klv, MpegAudio, Opus};
use crate::media::Media;
use crate::sender::{PadNames, Sender};

pub const SRT: Protocol = Protocol {
    name: "srt",
    is_lasting: false,
    needs: &["srtsink", "mpegtsmux"],
    most: (usize::MAX, usize::MAX),
    carries: |media| match media {
        Media::RawVideo | Media::RawAudio => true,
        Media::Encoded(codec) => [H264, H265, Aac, Opus, MpegAudio, Klv].contains(&codec),
        Media::AsItIs => false,
    },
    transport: srt,
    chain,
};

pub const RTMP: Protocol = Protocol {
    name: "rtmp",
    is_lasting: false,
    needs: &["rtmp2sink", "flvmux"],
    most: (1, 1),
    carries: |media| matches!(media, Media::RawVideo | Media::RawAudio | Media::Encoded(H264 | Aac)),
    transport: rtmp,
    chain,
};

fn srt(plan: &Plan) -> Result<gst::Element, String> {
    // Seven packets fill a datagram.
    let mux = Piece::new("mpegtsmux").with("alignment", 7).make()?;
    let mut sink = Piece::new("srtsink")
        .with("uri", &plan.address)
        .with("streamid", format!("#!::r={},m=publish", plan.stream_key))
        // Whoever keeps the stream with its daemon hears of a break, and begins a session that knows its tables.
        .with("auto-reconnect", false);
    if !plan.srt_passphrase.is_empty() {
        sink = sink.with("passphrase", &plan.srt_passphrase).with("pbkeylen", 16);
    }
    Ok(Sender::of_muxer(&mux, &sink.make()?, PadNames::Any("sink_%d")))
}

fn rtmp(plan: &Plan) -> Result<gst::Element, String> {
    let mux = Piece::new("flvmux").with("streamable", true).make()?;
    let location = format!("{}/{}", plan.address.trim_end_matches('/'), plan.stream_key);
    let sink = Piece::new("rtmp2sink").with("location", location).make()?;
    Ok(Sender::of_muxer(&mux, &sink, PadNames::VideoAudio))
}

fn chain(track: &Track, plan: &Plan) -> Vec<Piece> {
    let mut chain = match track.media {
        Media::RawVideo => encoders::h264(track, plan),
        Media::RawAudio => encoders::aac(plan),
        _ => vec![],
    };
    let codec = match track.media {
        Media::RawVideo => H264,
        Media::RawAudio => Aac,
        Media::Encoded(codec) => codec,
        Media::AsItIs => return chain,
    };
    chain.extend(fql::parser(codec));
    chain
}
