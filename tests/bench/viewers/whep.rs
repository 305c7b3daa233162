//! Viewers by WHEP: connectivity checks, DTLS and SRTP as in a browser, and a count of the packets instead of pictures.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use str0m::change::SdpAnswer;
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::media::{Direction, MediaKind};
use str0m::net::{Protocol, Receive};
use str0m::rtp::Ssrc;
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

use super::crew::Stage;

/// After this time a packet that was missed is lost: it would come too late to be shown.
const REPAIR: Duration = Duration::from_secs(1);
/// A viewer to whom nothing comes for so long stands still.
const STILL: Duration = Duration::from_millis(500);
/// As much as the system gives without asking: what browsers ask for is about as much.
const BUFFER: usize = 1 << 20;
/// How long the network is waited for where nothing else is due.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// What all viewers share: making it takes longer than a session.
pub struct Identity {
    crypto: Arc<CryptoProvider>,
    certificate: DtlsCert,
}

impl Identity {
    /// A new one.
    pub fn new() -> Result<Self> {
        let crypto = Arc::new(str0m::crypto::from_feature_flags());
        let certificate = crypto.dtls_provider.generate_certificate().context("no certificate")?;
        Ok(Self { crypto, certificate })
    }
}

/// One viewer.
pub struct Client {
    rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    timeout: Instant,
    streams: HashMap<Ssrc, Sequence>,
    heard: Option<Instant>,
    /// What it has had.
    pub had: Had,
}

/// What a viewer has had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Had {
    /// Packets of media, each once.
    pub packets: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// Packets that were missed first, and came again.
    pub repaired: u64,
    /// Packets that never came.
    pub lost: u64,
    /// How often nothing came for half a second.
    pub stalls: u64,
    /// Pictures and sounds of which something came.
    pub streams: u64,
}

impl Client {
    /// Asks a server to be played a stream.
    pub fn begin(identity: &Identity, url: &str) -> Result<Self> {
        let (rtc, socket) = connect(identity, url, &[MediaKind::Video, MediaKind::Audio], true)?;
        let address = socket.local_addr()?;
        let timeout = Instant::now();
        let streams = HashMap::new();
        Ok(Self { rtc, socket, address, timeout, streams, heard: None, had: Had::default() })
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<()> {
        loop {
            let (length, from) = match self.socket.recv_from(buffer) {
                Ok(received) => received,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let now = Instant::now();
            let datagram = Receive::new(Protocol::Udp, from, self.address, &buffer[..length])?;
            self.rtc.handle_input(Input::Receive(now, datagram))?;
            self.drain(now)?;
        }
    }

    fn drain(&mut self, now: Instant) -> Result<()> {
        ensure!(self.rtc.is_alive(), "a session of a viewer ended");
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(at) => {
                    self.timeout = at;
                    return Ok(());
                }
                Output::Transmit(transmit) => {
                    // What finds no room is lost, as on any way.
                    let _ = self.socket.send_to(&transmit.contents, transmit.destination);
                }
                Output::Event(Event::RtpPacket(packet)) => {
                    let sequence = self.streams.entry(packet.header.ssrc).or_default();
                    if sequence.take(*packet.seq_no, now, &mut self.had) {
                        self.had.packets += 1;
                        self.had.bytes += packet.payload.len() as u64;
                    }
                    let before = self.heard.replace(now);
                    self.had.stalls += u64::from(before.is_some_and(|before| now - before > STILL));
                }
                Output::Event(_) => {}
            }
        }
    }

    /// Counts what is missing by now.
    fn end(&mut self) {
        let now = Instant::now();
        let still = self.heard.is_none_or(|heard| now - heard > STILL);
        self.had.stalls += u64::from(still);
        self.had.streams = self.streams.len() as u64;
        self.had.lost += self.streams.values().map(|sequence| sequence.lost(now)).sum::<u64>();
    }
}

/// Begins a session with a server that is to send these; in packets, or put together to access units.
pub fn connect(
    identity: &Identity,
    url: &str,
    kinds: &[MediaKind],
    in_packets: bool,
) -> Result<(Rtc, UdpSocket)> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_nonblocking(true)?;
    rustix::net::sockopt::set_socket_recv_buffer_size(&socket, BUFFER)?;
    let config = RtcConfig::new().set_crypto_provider(Arc::clone(&identity.crypto));
    let config = config.set_dtls_cert(identity.certificate.clone()).set_rtp_mode(in_packets);
    let mut rtc = config.build(Instant::now());
    rtc.add_local_candidate(Candidate::host(socket.local_addr()?, "udp")?);
    let mut change = rtc.sdp_api();
    for kind in kinds {
        change.add_media(*kind, Direction::RecvOnly, None, None, None);
    }
    let (offer, pending) = change.apply().context("no offer")?;
    let mut answer = ureq::post(url)
        .header("content-type", "application/sdp")
        .send(offer.to_sdp_string())
        .context("the offer is refused")?;
    let answer = SdpAnswer::from_sdp_string(&answer.body_mut().read_to_string()?)?;
    rtc.sdp_api().accept_answer(pending, answer)?;
    Ok((rtc, socket))
}

/// Serves viewers until the stage is over. Gives what they had when it was measured first, and at the end.
pub fn run(mut clients: Vec<Client>, stage: &Stage) -> Result<Vec<(Had, Had)>> {
    let mut buffer = vec![0; 2048];
    let mut before = None;
    while !stage.is_over() {
        if before.is_none() && stage.is_measuring() {
            before = Some(clients.iter().map(|client| client.had).collect::<Vec<_>>());
        }
        let now = Instant::now();
        for client in clients.iter_mut().filter(|client| client.timeout <= now) {
            client.rtc.handle_input(Input::Timeout(now))?;
            client.drain(now)?;
        }
        let next = clients.iter().map(|client| client.timeout).min().unwrap_or(now);
        for ready in wait(&clients, next.saturating_duration_since(Instant::now()))? {
            clients[ready].receive(&mut buffer)?;
        }
    }
    clients.iter_mut().for_each(Client::end);
    let before = before.unwrap_or_else(|| vec![Had::default(); clients.len()]);
    Ok(before.into_iter().zip(clients.iter().map(|client| client.had)).collect())
}

/// Waits for datagrams; gives which of the viewers have some.
fn wait(clients: &[Client], longest: Duration) -> Result<Vec<usize>> {
    let mut waiting: Vec<_> =
        clients.iter().map(|client| PollFd::new(&client.socket, PollFlags::IN)).collect();
    let longest = Timespec::try_from(longest.min(LONGEST_WAIT))?;
    match poll(&mut waiting, Some(&longest)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let ready = waiting.iter().enumerate().filter(|(_, waiting)| !waiting.revents().is_empty());
    Ok(ready.map(|(number, _)| number).collect())
}

/// Which packets of a stream have come.
#[derive(Debug, Default)]
struct Sequence {
    next: Option<u64>,
    missing: HashMap<u64, Instant>,
}

impl Sequence {
    /// Takes a packet; `false` where it has come before.
    fn take(&mut self, number: u64, now: Instant, had: &mut Had) -> bool {
        let next = *self.next.get_or_insert(number);
        if number >= next {
            self.missing.extend((next..number).map(|missing| (missing, now)));
            self.next = Some(number + 1);
            return true;
        }
        let was_missing = self.missing.remove(&number).is_some();
        had.repaired += u64::from(was_missing);
        was_missing
    }

    /// How many have not come that should have.
    fn lost(&self, now: Instant) -> u64 {
        self.missing.values().filter(|since| now.saturating_duration_since(**since) >= REPAIR).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_is_repaired_and_what_does_not_is_lost() {
        let now = Instant::now();
        let (mut sequence, mut had) = (Sequence::default(), Had::default());
        let taken: Vec<_> = [10, 11, 14, 12, 12, 15].map(|n| sequence.take(n, now, &mut had)).into();
        assert_eq!(taken, [true, true, true, true, false, true]);
        assert_eq!((had.repaired, sequence.lost(now)), (1, 0), "13 may still come");
        assert_eq!(sequence.lost(now + REPAIR), 1);
    }
}
