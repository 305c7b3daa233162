use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::ffi::{Error, Setting, Socket};
use crate::listener::Admitted;
use crate::poller::{Readiness, watch};

/// The bytes of a payload that hold seven packets of an MPEG transport stream, which is what is sent at most.
pub const PAYLOAD: usize = 1316;
/// The most bytes of a payload that may be received.
pub const MAX_PAYLOAD: usize = 1456;
const MAX_STREAM_ID: usize = 512;

/// How to call a listener.
#[derive(Clone)]
pub struct Call {
    /// Where it listens.
    pub address: SocketAddr,
    /// What is wanted, at most 512 bytes; may be empty.
    pub stream_id: String,
    /// What media is encrypted with: 10 to 79 bytes.
    pub passphrase: Option<String>,
    /// How long media waits for what was lost before it, at least.
    pub latency: Duration,
}

/// A live connection. Both ends may send and receive payloads; each direction has one user at a time.
pub struct Connection {
    socket: Socket,
    readiness: Arc<Readiness>,
    peer: SocketAddr,
    stream_id: String,
    passphrase: Option<String>,
}

/// What a connection has measured since its beginning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Statistics {
    /// Packets that were sent, those that were sent again among them.
    pub packets_sent: u64,
    /// Packets that were sent again.
    pub packets_sent_again: u64,
    /// Packets that were not sent because it was too late for them.
    pub packets_not_sent: u64,
    /// Packets that came.
    pub packets_received: u64,
    /// Packets that were found missing.
    pub packets_lost: u64,
    /// Packets that were given up.
    pub packets_dropped: u64,
    /// Bytes that were sent, with headers.
    pub bytes_sent: u64,
    /// Bytes that came, with headers.
    pub bytes_received: u64,
    /// The time to the other end and back.
    pub round_trip: Duration,
    /// What was agreed on for what comes.
    pub latency: Duration,
    /// What was agreed on for what is sent.
    pub peer_latency: Duration,
}

impl Connection {
    /// Calls a listener.
    pub async fn call(call: Call) -> Result<Self, Error> {
        let socket = Socket::new()?;
        let latency = milliseconds(call.latency);
        socket.set(Setting::ReceiveLatency, latency)?;
        socket.set(Setting::PeerLatency, latency)?;
        socket.set(Setting::ConnectTimeout, 3_000)?;
        if call.stream_id.len() > MAX_STREAM_ID {
            return Err(Error::Setting("a stream id has at most 512 bytes"));
        }
        socket.set_text(Setting::StreamId, &call.stream_id)?;
        if let Some(passphrase) = &call.passphrase {
            check_passphrase(passphrase)?;
            socket.set_text(Setting::Passphrase, passphrase)?;
        }
        let readiness = watch(&socket)?;
        socket.connect(call.address)?;
        readiness.writable.notified().await;
        if !socket.is_connected() {
            return Err(socket.end());
        }
        let Call { address: peer, stream_id, passphrase, .. } = call;
        Ok(Self { socket, readiness, peer, stream_id, passphrase })
    }

    pub(crate) fn accepted(socket: Socket, peer: SocketAddr, admitted: Admitted) -> Result<Self, Error> {
        let readiness = watch(&socket)?;
        let Admitted { stream_id, passphrase } = admitted;
        Ok(Self { socket, readiness, peer, stream_id, passphrase })
    }

    /// The other end.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// What the caller said that it wants. It may be a secret.
    pub fn stream_id(&self) -> &str {
        &self.stream_id
    }

    /// What its media is encrypted with.
    pub fn passphrase(&self) -> Option<&str> {
        self.passphrase.as_deref()
    }

    /// Waits for the next payload and gives its length; `None` when the connection has ended. There should be room for
    /// [`MAX_PAYLOAD`] bytes. May be dropped at any time without losing one.
    pub async fn receive(&self, room: &mut [u8]) -> Option<usize> {
        loop {
            match self.socket.receive(room) {
                Ok(Some(length)) => return Some(length),
                Ok(None) => self.readiness.readable.notified().await,
                // Whatever it is, there is nothing to be done about it but to end.
                Err(_) => return None,
            }
        }
    }

    /// Sends a payload of at most [`PAYLOAD`] bytes, when there is room for it in the buffer; it fails when the
    /// connection has ended. May be dropped at any time: then it is not sent.
    pub async fn send(&self, payload: &[u8]) -> Result<(), Error> {
        if payload.len() > PAYLOAD {
            return Err(Error::TooLong(payload.len()));
        }
        while self.socket.send(payload)?.is_none() {
            self.readiness.writable.notified().await;
        }
        Ok(())
    }

    /// How many packets were not yet acknowledged by the other end. When it is dropped, they are lost.
    pub fn unsent(&self) -> usize {
        self.socket.get(Setting::UnsentPackets).map_or(0, |count| count.max(0) as usize)
    }

    /// What it has measured; `None` when it has ended.
    pub fn statistics(&self) -> Option<Statistics> {
        let measured = self.socket.measured().ok()?;
        let count = |count: i32| u64::try_from(count).unwrap_or(0);
        let large = |count: i64| u64::try_from(count).unwrap_or(0);
        let delay = |milliseconds: i32| Duration::from_millis(count(milliseconds));
        Some(Statistics {
            packets_sent: large(measured.packets_sent),
            packets_sent_again: count(measured.packets_sent_again),
            packets_not_sent: count(measured.send_drop),
            packets_received: large(measured.packets_received),
            packets_lost: count(measured.receive_loss),
            packets_dropped: count(measured.receive_drop),
            bytes_sent: measured.bytes_sent,
            bytes_received: measured.bytes_received,
            round_trip: Duration::try_from_secs_f64(measured.round_trip_ms / 1000.0).unwrap_or_default(),
            latency: delay(measured.receive_delay_ms),
            peer_latency: delay(measured.send_delay_ms),
        })
    }
}

/// Without what may be a secret.
impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Connection").field("peer", &self.peer).finish_non_exhaustive()
    }
}

pub(crate) fn check_passphrase(passphrase: &str) -> Result<(), Error> {
    let is_possible = (10..=79).contains(&passphrase.len());
    if is_possible { Ok(()) } else { Err(Error::Setting("a passphrase has 10 to 79 bytes")) }
}

/// As libsrt takes it, at most a minute.
pub(crate) fn milliseconds(duration: Duration) -> i32 {
    duration.as_millis().min(60_000) as i32
}
