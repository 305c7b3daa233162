//! The targets: each takes any bytes, and panics where what must hold does not.

mod audio_decode;
mod datagram;
mod encoded;
mod endpoint;
mod file;
mod handshake;
mod hub;
mod mpegts;
mod receive;
mod rtmp;
mod rtsp;
mod send;
mod settings;
mod shapes;
mod source;
mod unit;
mod video_decode;
mod viewer;

use std::time::Duration;

use fql_transport::Time;
use fql_unit::VideoCodec;

pub use audio_decode::audio_decode;
pub use datagram::datagram;
pub use encoded::encoded;
pub use endpoint::endpoint;
pub use file::file;
pub use handshake::handshake;
pub use hub::hub;
pub use mpegts::mpegts;
pub use receive::{receive_any_bytes, receive_sealed};
pub use rtmp::rtmp;
pub use rtsp::rtsp;
pub use send::send;
pub use settings::settings;
pub use shapes::shapes;
pub use source::source;
pub use unit::{attachments, track_table, unit};
pub use video_decode::video_decode;
pub use viewer::viewer;

/// A target: its name, which is that of its binary and of its corpus, and what it runs.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const ALL: &[Target] = &[
    ("attachments", attachments),
    ("audio_decode", audio_decode),
    ("datagram", datagram),
    ("encoded", encoded),
    ("endpoint", endpoint),
    ("file", file),
    ("handshake", handshake),
    ("hub", hub),
    ("mpegts", mpegts),
    ("receive_any_bytes", receive_any_bytes),
    ("receive_sealed", receive_sealed),
    ("rtmp", rtmp),
    ("rtsp", rtsp),
    ("send", send),
    ("settings", settings),
    ("shapes", shapes),
    ("source", source),
    ("track_table", track_table),
    ("unit", unit),
    ("video_decode", video_decode),
    ("viewer", viewer),
];

/// All codecs of pictures.
const VIDEO_CODECS: [VideoCodec; 5] =
    [VideoCodec::H264, VideoCodec::H265, VideoCodec::Av1, VideoCodec::Vp8, VideoCodec::Vp9];
/// When everything begins: so late that times before it exist.
const START: Time = Time::from_nanos(10_000_000_000);
/// How many steps of an input are taken, so that a run stays short.
const MAX_STEPS: usize = 100;
/// More datagrams or events in a row than this, without time passing, are an endless loop.
const MAX_IN_A_ROW: usize = 10_000;

fn millis(millis: impl Into<u64>) -> Duration {
    Duration::from_millis(millis.into())
}

/// Calls `poll` until it has nothing more, which it must come to.
fn drain<T>(mut poll: impl FnMut() -> Option<T>) -> Vec<T> {
    let all: Vec<T> = std::iter::from_fn(&mut poll).take(MAX_IN_A_ROW).collect();
    assert!(all.len() < MAX_IN_A_ROW, "it never comes to an end");
    all
}
