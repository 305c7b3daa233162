//! Encoded media for ordinary players: access units with their times in; CMAF segments and parts, playlists of HLS and
//! Low-Latency HLS, the same segments as MPEG transport streams, the description of DASH, fragmented MP4 and ADTS out.
//!
//! Nothing here reads a clock or a socket: [`Packager::unit`] is told when a unit came, and everything that a player
//! can fetch is asked for by its name. What waits for a part looks again when [`Packager::version`] has grown.

mod bits;
mod codec;
mod error;
mod fmp4;
mod mpd;
mod nal;
mod packager;
mod playlist;
mod rendition;
mod settings;
mod track;
mod transport;

pub mod check;

pub use error::Error;
pub use packager::{AccessUnit, Packager};
pub use playlist::Reached;
pub use rendition::{Part, Rendition, Segment};
pub use settings::{LEAST_WINDOW, Settings};
pub use transport::{Transport, TransportSegment};

/// The ADTS header of a frame of AAC of so many bytes, by its AudioSpecificConfig; `None` where ADTS cannot say the
/// configuration or the length.
pub fn adts_header(config: &[u8], length: usize) -> Option<[u8; 7]> {
    codec::adts_header(config, length)
}
