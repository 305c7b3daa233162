//! What browsers watch by: WebTransport datagrams and WebSocket messages, each of which carries one datagram of FQL as
//! UDP does. Sessions know nothing of it: a connection is one more [`Peer`].
//!
//! ```text
//! connection (a task) -> inbox -> router -> workers -> outbox of the connection -> connection
//! ```
//!
//! Every queue is bounded, and what finds no room is one more lost datagram to the session.

mod inbox;
mod outbox;
mod places;
mod websocket;
pub mod webtransport;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fql_transport::Address;
use tokio::sync::watch;

use super::peer::{Carrier, ConnectionId, Peer, Way};
pub use inbox::{Inbox, Share};
use outbox::Outbox;
use places::{Place, Places};
pub use websocket::upgrade;

/// Longer messages are of no session: FQL's datagrams have 1,120 bytes at most.
pub const LARGEST: usize = 2048;
/// A connection on which nothing came for so long is closed. Viewers send several reports a second, and their sessions
/// are over after 5 seconds of silence.
const SILENCE: Duration = Duration::from_secs(15);
/// How long connections may take for their last datagrams when the daemon ends.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How many connections there may be at a time.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// WebTransport sessions.
    pub webtransport: usize,
    /// WebSockets.
    pub websocket: usize,
}

/// All connections of browsers.
#[derive(Debug)]
pub struct Web {
    webtransport: Places,
    websocket: Places,
    connections: RwLock<HashMap<u64, (Carrier, Arc<Outbox>)>>,
    next: AtomicU64,
    inbox: Inbox,
    /// Whether the daemon ends; each connection has a receiver.
    ending: watch::Sender<bool>,
}

impl Web {
    /// Without connections.
    pub fn new(room: Room) -> io::Result<Self> {
        Ok(Self {
            webtransport: Places::new(room.webtransport),
            websocket: Places::new(room.websocket),
            connections: RwLock::default(),
            next: AtomicU64::new(1),
            inbox: Inbox::new()?,
            ending: watch::Sender::new(false),
        })
    }

    /// What connections bring.
    pub fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// A new connection from this address, if there is room for it and the daemon does not end.
    pub fn connect(self: &Arc<Self>, carrier: Carrier, remote: SocketAddr) -> Option<Connection> {
        let mut connections = self.connections.write().unwrap_or_else(PoisonError::into_inner);
        let is_ending = *self.ending.borrow();
        let place = self.places(carrier).filter(|_| !is_ending).and_then(|places| places.take(remote.host()));
        let Some(place) = place else {
            metrics::counter!("streamd_web_connections_refused_total", "carrier" => carrier.name())
                .increment(1);
            return None;
        };
        let id = ConnectionId { carrier, number: self.next.fetch_add(1, Ordering::Relaxed) };
        let outbox = Arc::new(Outbox::default());
        connections.insert(id.number, (carrier, Arc::clone(&outbox)));
        metrics::gauge!("streamd_web_connections", "carrier" => carrier.name()).increment(1);
        Some(Connection {
            web: Arc::clone(self),
            id,
            peer: Peer { remote, way: Way::Web(id) },
            outbox,
            share: Share::default(),
            ending: self.ending.subscribe(),
            _place: place,
        })
    }

    fn places(&self, carrier: Carrier) -> Option<&Places> {
        match carrier {
            Carrier::Udp => None,
            Carrier::WebTransport => Some(&self.webtransport),
            Carrier::WebSocket => Some(&self.websocket),
        }
    }

    /// Sends a datagram by a connection; says whether there is such a one.
    pub fn send(&self, to: ConnectionId, datagram: &[u8]) -> bool {
        let connections = self.connections.read().unwrap_or_else(PoisonError::into_inner);
        let Some((carrier, outbox)) = connections.get(&to.number) else { return false };
        count_lost(*carrier, "out", outbox.put(Instant::now(), datagram));
        true
    }

    /// Ends all connections when what waits for them is sent and they are told, but soon.
    pub async fn end(&self) {
        self.ending.send_replace(true);
        // Those that are left have been given their time.
        let _ = tokio::time::timeout(LAST_WORDS, self.ending.closed()).await;
    }

    fn disconnect(&self, id: ConnectionId) {
        let mut connections = self.connections.write().unwrap_or_else(PoisonError::into_inner);
        connections.remove(&id.number);
        metrics::gauge!("streamd_web_connections", "carrier" => id.carrier.name()).decrement(1);
        self.inbox.gone(id);
    }
}

/// A browser's connection; when it is dropped, the sessions that it carried are over.
#[derive(Debug)]
pub struct Connection {
    web: Arc<Web>,
    id: ConnectionId,
    peer: Peer,
    outbox: Arc<Outbox>,
    share: Share,
    ending: watch::Receiver<bool>,
    _place: Place,
}

/// Somebody is still to be told that a connection is closed.
#[derive(Debug)]
pub struct Farewell {
    _ending: watch::Receiver<bool>,
}

/// What a connection has to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// To send this.
    Send(Bytes),
    /// To end: the daemon does, and everything is sent.
    End,
}

impl Connection {
    /// While what this gives is there, the end of the daemon waits, although the connection itself may be over.
    pub fn farewell(&self) -> Farewell {
        Farewell { _ending: self.ending.clone() }
    }

    /// Passes on a datagram that came.
    pub fn take(&self, datagram: Bytes) {
        let is_taken = self.web.inbox.put(self.peer, datagram, &self.share);
        count_lost(self.id.carrier, "in", u64::from(!is_taken));
    }

    /// Waits for what is to be done. Nothing is lost where the wait is given up.
    pub async fn next(&mut self) -> Next {
        loop {
            let is_ending = *self.ending.borrow_and_update();
            let (datagram, lost) = self.outbox.take(Instant::now());
            count_lost(self.id.carrier, "out", lost);
            match datagram {
                Some(datagram) => return Next::Send(datagram),
                None if is_ending => return Next::End,
                None => tokio::select! {
                    () = self.outbox.changed() => {}
                    _ = self.ending.changed() => {}
                },
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.web.disconnect(self.id);
    }
}

/// Counts datagrams that found no room or were too old, on their way in or out.
fn count_lost(carrier: Carrier, way: &'static str, lost: u64) {
    if lost > 0 {
        let labels = [("carrier", carrier.name()), ("way", way)];
        metrics::counter!("streamd_web_datagrams_dropped_total", &labels).increment(lost);
    }
}

#[cfg(test)]
mod tests;
