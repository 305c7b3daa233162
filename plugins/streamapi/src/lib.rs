//! The GStreamer element `streamapisink`: connects any pipeline to a stream of the control API.
//!
//! It asks the daemon where the stream goes, and plugs elements of other plugins by their names: what it needs of them
//! is in one table ([`protocols`]).

mod ingest;
mod keeper;
mod media;
mod pads;
mod plugin;
mod protocols;
mod sender;
mod sink;

pub use plugin::plugin_register_static;
