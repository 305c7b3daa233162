//! A stream of another daemon, by FQL: its segments go on as they come, in their layers.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use fql_transport::{EndReason, PublicKey, Receiver, ReceiverConfig, ReceiverEvent, Seed, Time, View};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until};

use crate::address::Address;
use crate::error::{Error, Reason};
use crate::out::{Out, Sink};
use crate::reach::{self, Rules};

/// What a datagram may have at most is less.
const LARGEST: usize = 2048;
/// Datagrams that are taken before what is due is done.
const BATCH: usize = 64;
/// The most bytes of units that are not complete.
const MOST_BYTES: usize = 16 << 20;
const IPV4_HEADERS: usize = 28;
const IPV6_HEADERS: usize = 48;
/// How long nothing need be due.
const IDLE: std::time::Duration = std::time::Duration::from_millis(100);

pub(crate) async fn pull<S: Sink>(
    address: &Address,
    rules: &Rules,
    out: &mut Out<'_, S>,
) -> Result<(), Error> {
    let (playback_id, server) =
        stream(address).ok_or_else(|| Error::malformed("the address is incomplete"))?;
    let (host, port) = address.host_and_port();
    // Nothing says whether an address answers but its answer: the first is asked.
    let found = reach::resolve(host, port, rules).await?;
    let remote = found[0];
    let view = View { server, playback_id, token: address.query("token") };
    let mut watching = Watching::open(remote, view).await?;
    let mut is_paused = false;
    loop {
        watching.turn().await?;
        while let Some(event) = watching.receiver.poll_event() {
            match event {
                ReceiverEvent::Started { .. } => out.connected(remote),
                ReceiverEvent::Ended { reason } => return Err(ended(reason)),
                ReceiverEvent::Paused(paused) => is_paused = paused,
                event => out.relay(event).await?,
            }
        }
        if watching.receiver.is_over() {
            return Err(Error::new(Reason::Lost, "the session ended"));
        }
        if is_paused {
            out.touch();
        }
    }
}

/// The stream that an address names, and what its server is known by.
pub(crate) fn stream(address: &Address) -> Option<(String, PublicKey)> {
    let playback_id = address.url().path().strip_prefix("/play/")?;
    let is_good = !playback_id.is_empty() && !playback_id.contains('/') && playback_id.len() <= 64;
    let key = address.query("server-key")?.parse().ok()?;
    is_good.then(|| (playback_id.to_owned(), key))
}

fn ended(reason: EndReason) -> Error {
    let reason_here = match reason {
        EndReason::UnknownStream | EndReason::Archived => Reason::NotFound,
        EndReason::Unauthorized => Reason::Unauthorized,
        EndReason::Refused | EndReason::Full => Reason::Refused,
        EndReason::Silence => Reason::Unreachable,
        _ => Reason::Lost,
    };
    Error::new(reason_here, format!("the session ended: {reason}"))
}

/// A session that watches; dropping it says goodbye.
struct Watching {
    receiver: Receiver<SocketAddr>,
    socket: UdpSocket,
    remote: SocketAddr,
    begun: Instant,
    datagram: Vec<u8>,
}

impl Watching {
    async fn open(remote: SocketAddr, view: View) -> Result<Self, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::new(Reason::Unreachable, error.to_string());
        let (local, header_bytes) = match remote {
            SocketAddr::V4(_) => (SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), IPV4_HEADERS),
            SocketAddr::V6(_) => (SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)), IPV6_HEADERS),
        };
        let socket = UdpSocket::bind(local).await.map_err(|error| failed(&error))?;
        socket.connect(remote).await.map_err(|error| failed(&error))?;
        let config =
            ReceiverConfig { relay: true, max_bytes: MOST_BYTES, header_bytes, ..ReceiverConfig::default() };
        let seed = Seed::from_os().map_err(|error| failed(&error))?;
        let receiver =
            Receiver::viewing(config, view, remote, seed, Time::ZERO).map_err(|error| failed(&error))?;
        Ok(Self { receiver, socket, remote, begun: Instant::now(), datagram: vec![0; LARGEST] })
    }

    fn now(&self) -> Time {
        Time::from_nanos(u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    /// Sends what there is to send, and waits until something comes or is due.
    async fn turn(&mut self) -> Result<(), Error> {
        self.send();
        let idle = Time::from_nanos(self.now().as_nanos() + IDLE.as_nanos() as u64);
        let due = self.receiver.poll_timeout().map_or(idle, |due| due.min(idle));
        let due = self.begun + std::time::Duration::from_nanos(due.as_nanos());
        tokio::select! {
            readable = self.socket.readable() => {
                readable.map_err(|error| Error::connecting(self.remote, &error))?;
            }
            () = sleep_until(due) => {}
        }
        for _ in 0..BATCH {
            match self.socket.try_recv(&mut self.datagram) {
                Ok(length) => {
                    self.receiver.handle_datagram(self.now(), self.remote, &self.datagram[..length]);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                // Nobody listens there.
                Err(error) => return Err(Error::connecting(self.remote, &error)),
            }
        }
        self.send();
        Ok(())
    }

    fn send(&mut self) {
        let now = self.now();
        while let Some((_, datagram)) = self.receiver.poll_transmit(now) {
            // To the server it is one more loss.
            let _ = self.socket.try_send(&datagram);
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.receiver.close(self.now());
        self.send();
    }
}
