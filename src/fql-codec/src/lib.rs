//! FQL's codecs: samples to units of quality layers, and back.
//!
//! [`video`] codes pictures and [`audio`] codes sound. Both write a [`fql_unit::Unit`]: layers of slices, each
//! segment embedded (every prefix of it decodes) and, at the top, exact. [`entropy`] is the adaptive binary range
//! coder under both. No input or output, no clock, and the same samples out of a unit on every platform: all
//! reconstruction is integer arithmetic.

// Allowed in one module only, for the vector instructions of processors.
#![deny(unsafe_code)]

pub mod audio;
mod bucket;
pub mod entropy;
mod error;
mod kernels;
#[cfg(test)]
mod published;
pub mod video;

pub use error::Error;
