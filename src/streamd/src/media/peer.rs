//! The other end of a session, and what carries its datagrams.

use std::net::{IpAddr, SocketAddr};

use fql_transport::Address;

/// One end of a session as the daemon sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Peer {
    /// Where its datagrams come from.
    pub remote: SocketAddr,
    /// The way that they take.
    pub way: Way,
}

/// The way of a session's datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// The UDP socket; to which of this machine's addresses they come: answers leave from there.
    Udp(Option<IpAddr>),
    /// A connection of a browser.
    Web(ConnectionId),
}

/// Which connection of a browser. No two of one run of the daemon have the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnectionId {
    /// What it is.
    pub carrier: Carrier,
    /// Its number.
    pub number: u64,
}

/// What carries datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// UDP itself.
    Udp,
    /// Datagrams of a WebTransport session, which is QUIC.
    WebTransport,
    /// Messages of a WebSocket, which is TCP.
    WebSocket,
}

impl Carrier {
    /// All there are, each at the place of its number.
    pub const ALL: [Self; 3] = [Self::Udp, Self::WebTransport, Self::WebSocket];

    /// Its name in figures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::WebTransport => "webtransport",
            Self::WebSocket => "websocket",
        }
    }

    /// How somebody watches who uses it: the name of the protocol as in the answer of `/play`.
    pub fn protocol(self) -> &'static str {
        match self {
            Self::Udp => "fql",
            Self::WebTransport | Self::WebSocket => self.name(),
        }
    }

    /// What it adds to a datagram on the wire, in bytes: IPv4 and UDP; QUIC's packet and frame, sealed, with the
    /// session's number; TCP with timestamps, WebSocket and TLS.
    pub fn header_bytes(self) -> usize {
        match self {
            Self::Udp => 28,
            Self::WebTransport => 28 + 32 + 4,
            Self::WebSocket => 20 + 32 + 4 + 22,
        }
    }
}

impl Peer {
    /// What carries its datagrams.
    pub fn carrier(self) -> Carrier {
        match self.way {
            Way::Udp(_) => Carrier::Udp,
            Way::Web(connection) => connection.carrier,
        }
    }
}

impl Address for Peer {
    fn host(&self) -> u64 {
        self.remote.host()
    }
}
