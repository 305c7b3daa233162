//! The encoders of ordinary codecs, for protocols that carry no layers.

use gst::prelude::*;

use super::piece::Piece;
use super::{Plan, Track};

/// Where the rate is to be the whole ladder, which these encoders have none of.
const VIDEO_RATE: u32 = 4000;
const AUDIO_RATE: u32 = 192;
/// Frames a second where the source does not say.
const FRAME_RATE: u32 = 30;

/// H.264 of 8 bits, without B-frames and look-ahead: every player shows it, and it comes at once.
pub fn h264(track: &Track, plan: &Plan) -> Vec<Piece> {
    let interval = match (plan.keyframe_interval, track.frame_rate) {
        (0, 0) => FRAME_RATE,
        (0, of_a_second) => of_a_second,
        (frames, _) => frames,
    };
    let encoder = Piece::new("x264enc")
        .with("tune", "zerolatency")
        .with("speed-preset", "veryfast")
        .with("bitrate", video_rate(plan.bitrate, plan.max_bitrate))
        .with("key-int-max", interval);
    vec![Piece::new("videoconvert"), Piece::caps("video/x-raw,format=I420"), encoder]
}

/// AAC at a rate that players know.
pub fn aac(plan: &Plan) -> Vec<Piece> {
    let encoder = Piece::new("avenc_aac").with("bitrate", bits(audio_rate(plan.audio_bitrate)));
    raw_sound("rate=(int){48000,44100},channels=(int)[1,8]", encoder)
}

/// Opus.
pub fn opus(plan: &Plan) -> Vec<Piece> {
    let encoder = Piece::new("opusenc").with("bitrate", opus_rate(plan.audio_bitrate));
    raw_sound("rate=48000,channels=(int)[1,2]", encoder)
}

fn raw_sound(fields: &str, encoder: Piece) -> Vec<Piece> {
    let caps = format!("audio/x-raw,{fields}");
    vec![Piece::new("audioconvert"), Piece::new("audioresample"), Piece::caps(&caps), encoder]
}

fn video_rate(rate: u32, most: u32) -> u32 {
    let rate = if rate == 0 { VIDEO_RATE } else { rate };
    if most == 0 { rate } else { rate.min(most) }
}

fn audio_rate(rate: u32) -> u32 {
    if rate == 0 { AUDIO_RATE } else { rate }
}

fn bits(kilobits: u32) -> i32 {
    i32::try_from(kilobits.saturating_mul(1000)).unwrap_or(i32::MAX)
}

/// In bit/s, within what the encoder takes.
fn opus_rate(rate: u32) -> i32 {
    bits(audio_rate(rate)).clamp(4000, 650_000)
}

/// Sets `bitrate` (kbit/s) or `keyframe-interval` (frames) of an encoder while it runs; elements that have no such
/// setting, or do not take another one now, stay as they are.
pub fn set_encoder(element: &gst::Element, name: &str, value: u32) {
    let factory = element.factory().map(|factory| factory.name().to_string()).unwrap_or_default();
    match (factory.as_str(), name) {
        ("fqlenc", _) => element.set_property(name, value),
        ("x264enc", "bitrate") => element.set_property(name, video_rate(value, 0)),
        ("opusenc", "bitrate") => element.set_property(name, opus_rate(value)),
        _ => (),
    }
}
