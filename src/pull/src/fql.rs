//! A stream of another daemon, by FQL: its segments go on as they come, in their layers.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use fql_transport::{EndReason, PublicKey, Receiver, ReceiverConfig, ReceiverEvent, Seed, Time, View};
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep_until, timeout};

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
const IDLE: Duration = Duration::from_millis(100);

pub(crate) async fn pull<S: Sink>(
    address: &Address,
    rules: &Rules,
    out: &mut Out<'_, S>,
) -> Result<(), Error> {
    let (playback_id, server) =
        stream(address).ok_or_else(|| Error::malformed("the address is incomplete"))?;
    let (host, port) = address.host_and_port();
    let found = reach::resolve(host, port, rules).await?;
    let view = View { server, playback_id, token: address.query("token") };
    let mut watching = Watching::first(&found, &view, rules.patience).await?;
    out.connected(watching.remote);
    let mut is_paused = false;
    loop {
        while let Some(event) = watching.receiver.poll_event() {
            match event {
                ReceiverEvent::Ended { reason } => return Err(ended(reason)),
                ReceiverEvent::Paused(paused) => is_paused = paused,
                event => out.relay(event).await?,
            }
        }
        if watching.receiver.is_over() {
            return Err(lost());
        }
        if is_paused {
            out.touch();
        }
        watching.turn().await?;
    }
}

/// The stream that an address names, and what its server is known by.
pub(crate) fn stream(address: &Address) -> Option<(String, PublicKey)> {
    let playback_id = address.url().path().strip_prefix("/play/")?;
    let is_good = !playback_id.is_empty() && !playback_id.contains('/') && playback_id.len() <= 64;
    let key = address.query("server-key")?.parse().ok()?;
    is_good.then(|| (playback_id.to_owned(), key))
}

fn lost() -> Error {
    Error::new(Reason::Lost, "the session ended")
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
    /// With the first of these addresses that answers: nothing else says whether one does.
    async fn first(found: &[SocketAddr], view: &View, patience: Duration) -> Result<Self, Error> {
        let mut error = Error::new(Reason::Unreachable, "there is no address");
        for &remote in found {
            error = match timeout(patience, Self::begin(remote, view.clone())).await {
                Ok(Ok(watching)) => return Ok(watching),
                Ok(Err(error)) => error,
                Err(_) => Error::new(Reason::Unreachable, format!("{remote} does not answer")),
            };
            if !matches!(error.reason, Reason::Unreachable | Reason::Refused) {
                return Err(error);
            }
        }
        Err(error)
    }

    /// Waits until the server has begun to say what the stream is.
    async fn begin(remote: SocketAddr, view: View) -> Result<Self, Error> {
        let mut watching = Self::open(remote, view).await?;
        loop {
            watching.turn().await?;
            match watching.receiver.poll_event() {
                Some(ReceiverEvent::Started { .. }) => return Ok(watching),
                Some(ReceiverEvent::Ended { reason }) => return Err(ended(reason)),
                _ if watching.receiver.is_over() => return Err(lost()),
                _ => {}
            }
        }
    }

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
        let due = self.begun + Duration::from_nanos(due.as_nanos());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_address_is_asked_until_one_answers() {
        let (one, other) =
            (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let found = [one.local_addr().unwrap(), other.local_addr().unwrap()];
        let text = "fql://a/play/b?server-key=5-efa-ETDZIlF2SYoLA-b0ZDAgFZ_9h_t3mehdkU73o";
        let (playback_id, server) = stream(&Address::parse(text).unwrap()).unwrap();
        let view = View { server, playback_id, token: None };
        let error = Watching::first(&found, &view, Duration::from_millis(300)).await.err().unwrap();
        assert_eq!(error.reason, Reason::Unreachable, "{error}");
        assert!(error.detail.contains(&found[1].to_string()), "{error}");
        for asked in [one, other] {
            assert!(asked.recv(&mut [0; LARGEST]).await.unwrap() > 0);
        }
    }
}
