//! Players of RTSP 1.0 (RFC 2326): what they ask by a [`Session`], what they are told of a stream by its [`Description`],
//! and its units as RTP packets with sender reports (RFC 3550) by a [`Sender`]. There is no input or output in this crate,
//! and no clock: bytes and units go in, bytes and packets come out.
//!
//! | codec | packets |
//! | --- | --- |
//! | H.264 | RFC 6184, mode 1 |
//! | H.265 | RFC 7798 |
//! | VP8, VP9 | RFC 7741, RFC 9628 |
//! | AV1 | RTP Payload Format For AV1 1.0 |
//! | AAC | RFC 3640, AAC-hbr |
//! | Opus | RFC 7587 |
//! | MPEG audio | RFC 2250 |
//!
//! # Which libraries
//!
//! Messages are read and written by `rtsp-types`. `gst-rtsp-server` would have a pipeline for each stream, and the
//! packetizers of `str0m` are not those of its stable interface and have no AAC; what RTP wants beyond that are the few
//! lines of each format.

mod description;
mod payload;
mod sender;
mod session;
mod transport;

pub use description::Description;
pub use sender::{MediaUnit, Packet, Sender, Start};
pub use session::{Event, Refusal, Session, TIMEOUT, Unreadable, interleaved};
pub use transport::Destination;
