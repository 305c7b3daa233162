//! Pushing and playing: pipelines of GStreamer around the elements of FQL.

mod bus;
mod data;
mod devices;
mod feed;
mod input;
mod kind;
mod play;
mod played;
mod plugins;
mod progress;
mod push;
mod reader;
mod recording;
mod sources;
#[cfg(test)]
mod tests;
mod turns;

pub use devices::list as list_devices;
pub use play::play;
pub use push::{only_lists_devices, push};
