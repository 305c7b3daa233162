use std::fmt;
use std::time::Duration;

use super::SessionId;
use crate::datagram::TRANSPORT;
use crate::handshake::Keys;
use crate::seal::{Opener, Sealer};

/// A session that its other side has shown to live: what [`crate::Receiver::accepted`] (of a publisher) or a viewer's
/// sender needs to go on with it.
pub struct Accepted {
    pub(crate) session: SessionId,
    /// How the other side knows the session.
    pub(crate) initiator: u32,
    pub(crate) keys: Keys,
    pub(crate) latency: Duration,
    pub(crate) max_layer: u8,
    pub(crate) round_trip: Option<Duration>,
}

impl Accepted {
    /// How this side knows the session: what its datagrams begin with, and [`crate::Endpoint`] calls it.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The latency budget: a viewer's own, or the one that a publisher was told.
    pub fn latency(&self) -> Duration {
        self.latency
    }

    /// The highest layer that a viewer wants; for a publisher's session the highest there is.
    pub fn max_layer(&self) -> u8 {
        self.max_layer
    }

    /// There and back, as the handshake has shown; `None` where a message of it was lost.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Seals what this side sends in the session. Make one only: two would seal different bytes with one nonce.
    pub(crate) fn sealer(&self) -> Sealer {
        Sealer::new(&self.keys.sealing, TRANSPORT, self.initiator)
    }

    /// Opens what the other side sends in the session, from its first datagram on.
    pub(crate) fn opener(&self) -> Opener {
        Opener::new(&self.keys.opening)
    }
}

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Accepted({}, ..)", self.session)
    }
}
