//! Tracks for players that do not take them as they are: units in, units out.
//!
//! A [`Converter`] makes H.264 of video, and AAC or Opus of sound, in layers or encoded, MPEG audio in a data track
//! among it. Layers are decoded here, by fql-codec; what GStreamer has an element for is GStreamer's: colours and sizes,
//! the encoders, and the decoders of ordinary codecs. There is no main loop: what comes out is given to a function, on the threads of
//! GStreamer.
//!
//! Times are those of the source: a picture has the time of the picture that it was made from, and of sound the delay of
//! its encoder is taken off.
//!
//! Nothing waits and nothing piles up: where the encoder is behind, pictures are left out before it and counted.

mod chain;
mod converter;
mod describe;
mod elements;
mod encoded;
mod error;
mod keys;
mod layers;
mod pictures;
mod raw;
mod samples;
mod settings;
mod sound;

pub use converter::{Converter, Counts, Input, Output, Payload, Target, Unit};
pub use error::Error;
pub use settings::Settings;
