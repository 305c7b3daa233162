//! MPEG transport streams (Rec. ITU-T H.222.0, ISO/IEC 13818-1): bytes to a track table and units by the [`Demuxer`],
//! and back by the [`Muxer`]. There is no input or output in this crate: bytes go in and values come out, and the other
//! way round.
//!
//! | stream | becomes | its units |
//! | --- | --- | --- |
//! | H.264, H.265 | encoded video without a configuration | an access unit, its NAL units after start codes |
//! | AAC (ADTS) | encoded sound with an AudioSpecificConfig | a raw frame |
//! | Opus | encoded sound with an identification header | a packet |
//! | MPEG audio, layers I to III | data, `audio/mpeg, mpegversion=(int)1` | a frame with its header |
//! | KLV, synchronous or not | data, `meta/x-klv` | one or more KLV items |
//!
//! Other streams of a program are skipped.
//!
//! # Why not a library
//!
//! `mpeg2ts` (0.6) reads from a blocking source, fails for good at the first packet of a stream that no map has named
//! and at any byte out of place, reads no table that is longer than a packet, and holds as much as a stream of PES
//! packets without a length has. `mpeg2ts-reader` (0.18) reads tables well, but leaves PES packets, access units, lost
//! packets and times that wrap to its user, and writes nothing. What either would take over is less than half of this
//! crate's smaller half.

mod demux;
mod media;
mod mux;
pub mod nal;
mod packet;
mod pes;
mod psi;
mod time;

pub use demux::{Demuxer, Event, Losses, Unit};
pub use mux::{Error, Muxer};

/// Bytes of a packet of a transport stream.
pub const PACKET_SIZE: usize = packet::PACKET;
