//! The FQL **unit**: one frame of a track as quality layers and slices, and the **track table** that says what
//! each track is.
//!
//! A codec writes units, the transport cuts them into datagrams and rebuilds them, GStreamer buffers and files
//! hold them as the bytes of [`Unit::to_bytes`]. This crate knows neither how segments are decoded nor how they
//! travel.
//!
//! ```
//! use fql_unit::{Segment, Unit};
//!
//! let mut unit = Unit::new(12, 2, b"q").unwrap();
//! unit.set(0, 0, Segment::complete("rough"));
//! unit.set(0, 1, Segment::complete("rough too"));
//! unit.set(1, 0, Segment::truncated("fin"));
//! let again = Unit::from_bytes(&unit.to_bytes()).unwrap();
//! assert_eq!(again, unit);
//! assert!(again.has_picture());
//! ```

mod attachments;
mod codes;
pub mod encoded;
mod error;
mod timing;
mod track;
mod unit;
mod video;
pub mod wire;

pub use attachments::{
    Attachment, Attachments, CaptionKind, DailyJam, Fields, MAX_ATTACHED, MAX_CAPTION, Timecode,
};
pub use error::Error;
pub use timing::Timing;
pub use track::{
    AudioCodec, AudioFormat, AudioInfo, DataInfo, EncodedAudioInfo, EncodedVideoInfo, Media, Track,
    TrackTable, VideoCodec,
};
pub use unit::{Segment, Unit, UnitFlags};
pub use video::{
    Chroma, ContentLight, FieldOrder, HdrInfo, Interlace, MasteringDisplay, Orientation, VideoInfo,
};

/// The most layers that a unit can have.
pub const MAX_LAYERS: u8 = 15;
/// The most slices that a unit can have.
pub const MAX_SLICES: u8 = 32;
/// The most bytes of codec parameters that a unit can carry beside its segments.
pub const MAX_PARAMS: usize = 24;
/// The most tracks in a track table.
pub const MAX_TRACKS: usize = 64;
/// The largest width and height of a video track, in samples.
pub const MAX_DIMENSION: u32 = 8192;
