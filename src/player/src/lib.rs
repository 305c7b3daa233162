//! A viewer of FQL streams in a browser: the receiver and the decoders behind functions that JavaScript calls.
//!
//! [`ViewingSession`] turns datagrams into units, [`VideoDecoder`] and [`SoundDecoder`] turn units into pictures and
//! sound. They are plain Rust: no socket, no clock, no thread. [`Module`] keeps them by number, and `abi` is the thin
//! layer of `extern "C"` functions over it, with nothing of `wasm-bindgen`. The module imports nothing: its random
//! bytes come with each session, its time with each call, in milliseconds since the epoch.
//!
//! What a server sends is never trusted: any bytes are used, refused with words, or counted and dropped.

mod abi;
mod describe;
mod error;
mod module;
#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
mod random;
mod reduce;
mod session;
mod sound;
mod time;
mod video;

pub use error::Error;
pub use module::{Module, SessionInput};
pub use session::{Arrival, Happening, ViewOptions, ViewingSession};
pub use sound::{Heard, SoundDecoder};
pub use video::{MAX_PICTURE, VideoDecoder};
