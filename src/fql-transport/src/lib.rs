//! FQL on the wire: units become datagrams and datagrams units again, over links that lose, delay, repeat, reorder and
//! forge them.
//!
//! **Sans-I/O**: no socket, no clock, no thread. A [`Sender`] takes units and gives datagrams, a [`Receiver`] takes
//! datagrams and gives units; both take the [`Time`] with every call and say when they want to be called next.
//!
//! ```
//! use fql_transport::{Key, Receiver, ReceiverConfig, Seed, Sender, SenderConfig, Time};
//!
//! let key = Key::from_bytes([7; 32]); // or Key::from_passphrase("secret")
//! let now = Time::ZERO;
//! let mut sender = Sender::new(SenderConfig::new(key.clone()), Seed::from_bytes([1; 32]), now).unwrap();
//! let mut receiver = Receiver::<&str>::new(ReceiverConfig::new(key), Seed::from_bytes([2; 32])).unwrap();
//!
//! let hello = sender.poll_transmit(now).unwrap();
//! receiver.handle_datagram(now, "sender's address", &hello);
//! let (to, answer) = receiver.poll_transmit(now).unwrap();
//! assert_eq!(to, "sender's address");
//! sender.handle_datagram(now, &answer);
//! assert!(sender.stats(now).connected);
//! ```
//!
//! # A session
//! With a return path a session begins with a handshake (Noise `NNpsk0`, the key from a passphrase by Argon2id), and
//! the receiver reports what it lost, so that the sender can adapt parity and rate. One way there is neither: the key
//! comes from a random salt that is repeated with the track table every second. **What one way cannot prevent**:
//! whoever recorded a session can play it again to a receiver that has not seen it, and everyone who has the
//! passphrase can forge the sender. A receiver takes both kinds.
//!
//! Every datagram is encrypted and authenticated. What is replayed, forged, foreign or malformed is counted and
//! dropped; work and memory for it are constant.
//!
//! # In a browser
//! The crate builds for wasm32-unknown-unknown; the page passes random bytes as the [`Seed`].

#![forbid(unsafe_code)]

mod adaptive;
mod backoff;
mod blocks;
mod clock;
mod congestion;
mod cut;
mod datagram;
mod delay;
mod end;
mod endpoint;
mod error;
mod fanout;
mod farewell;
mod fec;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod handshake;
mod key;
mod loss;
mod message;
mod meter;
mod pacer;
mod piece;
mod plan;
mod random;
mod reassembly;
mod receiver;
mod replay;
mod report;
mod rs;
mod seal;
mod sender;
mod server_key;
mod session;
mod shard;
mod stats;
mod stream_key;
mod table;
mod time;
mod utc;
mod viewer;

use std::time::Duration;

pub use congestion::CongestionState;
pub use cut::shards;
pub use end::EndReason;
pub use endpoint::{Accepted, Address, Arrival, Endpoint, EndpointConfig, EndpointStats, SessionId};
pub use error::Error;
pub use fanout::{Collected, Fanout, FanoutConfig, FanoutStats, Item, Units};
pub use fec::Fec;
pub use key::Key;
pub use random::Seed;
pub use receiver::{Receiver, ReceiverConfig, ReceiverEvent, View};
pub use sender::{Sender, SenderConfig, SenderEvent};
pub use server_key::{PublicKey, ServerKey};
pub use shard::Shard;
pub use stats::{PeerStats, ReceiverStats, ReceiverTrackStats, Refusals, SenderStats, SenderTrackStats};
pub use stream_key::{KeyId, StreamKey};
pub use time::Time;
pub use utc::UtcOffset;
pub use viewer::{Viewer, ViewerConfig, ViewerEvent, ViewerStats};

/// The shortest latency budget.
pub const MIN_LATENCY: Duration = Duration::from_millis(20);
/// The longest latency budget.
pub const MAX_LATENCY: Duration = Duration::from_secs(10);
/// The most bytes of a datagram, UDP and IP headers not included.
pub const MAX_DATAGRAM: usize = datagram::MAX;

fn check_latency(latency: Duration) -> Result<(), Error> {
    if (MIN_LATENCY..=MAX_LATENCY).contains(&latency) {
        Ok(())
    } else {
        Err(Error::Latency(latency.as_millis()))
    }
}
