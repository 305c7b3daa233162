//! SRT (Secure Reliable Transport) by the system's libsrt, the library that GStreamer's and ffmpeg's SRT rest on: live
//! payloads of up to 1,456 bytes, sent and received with a latency that both ends agree on.
//!
//! A [`Listener`] asks for a [`Decision`] on each caller before it accepts it: by its address and its stream id, which
//! [`StreamId`] reads. What is accepted is a [`Connection`]. All of it waits by futures: one thread, in libsrt's own
//! epoll, wakes them.
//!
//! libsrt is bound by hand: the crates that bind it build a copy of their own, or bring a generator of bindings and its
//! C compiler along, for two dozen functions. All that is unsafe is in the module `ffi`.

mod connection;
mod ffi;
mod listener;
mod poller;
mod reject;
mod stream_id;

pub use connection::{Call, Connection, MAX_PAYLOAD, PAYLOAD, Statistics};
pub use ffi::Error;
pub use listener::{Caller, Decision, Listener, Settings};
pub use reject::Reject;
pub use stream_id::{Mode, StreamId};
