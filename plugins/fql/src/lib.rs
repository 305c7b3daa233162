//! GStreamer elements for FQL: live media in quality layers over lossy links.
//!
//! - `fqlenc`, `fqldec`: samples to layers and back, for video and sound; around `fqlvideoenc`, `fqlaudioenc`,
//!   `fqlvideodec` and `fqlaudiodec`.
//! - `fqlfecsink`, `fqlsrc`: tracks over UDP with error correction in proportion to the importance of a layer.

mod audiodec;
mod audioenc;
pub mod caps;
mod control;
mod dec;
mod enc;
mod fecsink;
mod fqlsrc;
mod net;
mod planes;
mod plug;
mod plugin;
pub mod rate;
mod receiving;
mod samples;
mod sending;
mod settings;
mod stats;
mod templates;
mod timeline;
mod tracks;
mod tracksink;
mod videodec;
mod videoenc;

pub use plugin::plugin_register_static;
