//! RTMP and Enhanced RTMP ingest: what OBS, ffmpeg, GStreamer and hardware encoders publish becomes a track table and
//! access units.
//!
//! ```text
//! bytes -> Session (handshake, chunks, commands, the stream key) -> tags -> MediaReader -> Tracks, Unit, Unit, ...
//! ```
//!
//! [`Session`] and [`MediaReader`] know neither sockets nor clocks; [`serve`] puts them on a connection, with
//! time limits. Whatever bytes come, they take bounded memory and time, and end in an error that names what was wrong
//! without repeating the stream key.

mod amf;
mod answer;
mod chunk;
mod flv;
mod framing;
mod key;
mod media;
mod serve;
mod session;
mod track;

pub use chunk::ChunkError;
pub use media::{AccessUnit, Media, MediaReader, NothingTaken};
pub use serve::{End, Error, Publisher, Sink, serve};
pub use session::{Event, Session, SessionError};
