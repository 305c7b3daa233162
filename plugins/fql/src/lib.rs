//! GStreamer elements for FQL: live media in quality layers over lossy links.
//!
//! - `fqlenc`, `fqldec`: samples to layers and back, for video and sound; around `fqlvideoenc`, `fqlaudioenc`,
//!   `fqlvideodec` and `fqlaudiodec`.
//! - `fqlfecsink`, `fqlsrc`: tracks over UDP with error correction in proportion to the importance of a layer.

pub mod acknowledgement;
mod attached;
mod audiodec;
mod audioenc;
pub mod caps;
mod control;
mod dec;
mod demux;
mod enc;
mod fecsink;
mod file_tags;
pub mod formats;
mod fqlsrc;
mod kinds;
mod mux;
mod net;
mod network;
mod orientation;
mod planar;
mod planes;
mod plug;
mod plugin;
pub mod rate;
mod receiving;
mod refresh;
mod samples;
mod sending;
mod sent;
mod settings;
mod stats;
mod templates;
mod thin;
mod timeline;
mod tracks;
mod tracksink;
mod typefind;
mod units;
mod utc;
mod videodec;
mod videoenc;

pub use plugin::plugin_register_static;
