//! Streams from WebRTC clients (WHIP, RFC 9725) and to them (WHEP, draft-ietf-wish-whep), without I/O: offers,
//! datagrams and instants in; answers, datagrams, units and timeouts out.
//!
//! An [`Endpoint`] holds all sessions of one UDP port. It is an ICE-lite agent: clients find it, and it answers. Which
//! session a datagram belongs to is told by the username fragment of the connectivity checks, and after those by the
//! address that it comes from.
//!
//! A publisher's RTP becomes access units, as [`fql_unit::encoded`] has them, with times on one clock for picture and
//! sound. A viewer's RTP is made of such units: see [`Preparer`].

mod canonical;
mod clock;
mod codecs;
mod endpoint;
mod error;
mod fragment;
mod handshake;
mod media;
mod offer;
mod prepare;
mod publisher;
mod session;
mod viewer;

pub use endpoint::{Endpoint, Output, SessionId, Settings};
pub use error::{OfferError, TrickleError};
pub use media::{Event, MediaUnit};
pub use offer::{check as check_offer, offers};
pub use prepare::{Prepared, Preparer};
