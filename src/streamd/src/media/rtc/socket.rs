//! The UDP socket of all sessions: batches in, runs of datagrams out, answers from the address that was asked.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Longer datagrams than any of WebRTC are cut by the system, and then dropped.
const LARGEST: usize = 2048;
/// The most bytes that the system takes at once: the longest datagram of UDP, which it cuts up itself.
const LONGEST_RUN: usize = 65_000;

/// A bound socket with memory for what it reads.
pub struct RtcSocket {
    socket: UdpSocket,
    state: UdpSocketState,
    /// Whether IPv4 addresses go as IPv6 ones.
    is_mapped: bool,
    bytes: Vec<Vec<u8>>,
    meta: Vec<RecvMeta>,
    run: Run,
    sent: metrics::Counter,
    dropped: metrics::Counter,
}

/// Datagrams of one length for one client that wait to be sent together: a picture has dozens of them, and the system
/// takes as long for one as for all.
#[derive(Debug, Default)]
struct Run {
    way: Option<(SocketAddr, Option<IpAddr>)>,
    length: usize,
    bytes: Vec<u8>,
    /// Whether the last one was shorter than the others: none may follow.
    is_closed: bool,
}

impl RtcSocket {
    /// Of one that is bound.
    pub fn new(socket: std::net::UdpSocket) -> io::Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let is_mapped = socket.local_addr()?.is_ipv6();
        let bytes = vec![vec![0; LARGEST * state.gro_segments()]; BATCH_SIZE];
        let meta = vec![RecvMeta::default(); BATCH_SIZE];
        let socket = UdpSocket::from_std(socket)?;
        let sent = metrics::counter!("streamd_played_bytes_total", "protocol" => "whep");
        let dropped = metrics::counter!("streamd_rtc_datagrams_dropped_total");
        Ok(Self { socket, state, is_mapped, bytes, meta, run: Run::default(), sent, dropped })
    }

    /// Waits for datagrams. Cancelling the wait loses nothing.
    pub async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Gives the datagrams that are there: where each came from, which address of this machine it came to, and its bytes.
    pub fn read(&mut self, mut take: impl FnMut(SocketAddr, Option<IpAddr>, &[u8])) {
        let mut slices: Vec<_> = self.bytes.iter_mut().map(|bytes| IoSliceMut::new(bytes)).collect();
        let reading = || self.state.recv(UdpSockRef::from(&self.socket), &mut slices, &mut self.meta);
        // What the system says of an earlier datagram is no news of this one.
        let filled = self.socket.try_io(Interest::READABLE, reading).unwrap_or(0);
        for (meta, bytes) in self.meta[..filled].iter().zip(&self.bytes) {
            let from = SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port());
            for datagram in bytes[..meta.len].chunks(meta.stride.max(1)) {
                take(from, meta.dst_ip, datagram);
            }
        }
    }

    /// Takes a datagram that is to go out from this address of the machine, at the latest with [`RtcSocket::flush`].
    pub fn send(&mut self, to: SocketAddr, from: Option<IpAddr>, contents: &[u8]) {
        let destination = match to.ip() {
            IpAddr::V4(ip) if self.is_mapped => SocketAddr::new(ip.to_ipv6_mapped().into(), to.port()),
            _ => to,
        };
        if !self.run.add((destination, from), contents, self.state.max_gso_segments()) {
            self.flush();
            self.run.add((destination, from), contents, 1);
        }
    }

    /// Sends what waits. What the system has no room for is one more loss.
    pub fn flush(&mut self) {
        let run = std::mem::take(&mut self.run);
        let Some((destination, from)) = run.way else { return };
        let is_sent = |contents: &[u8], segment_size: Option<usize>| {
            let transmit = Transmit { destination, ecn: None, contents, segment_size, src_ip: from };
            let sending = || self.state.try_send(UdpSockRef::from(&self.socket), &transmit);
            self.socket.try_io(Interest::WRITABLE, sending).is_ok()
        };
        let is_one = run.bytes.len() <= run.length;
        if is_sent(&run.bytes, (!is_one).then_some(run.length)) {
            self.sent.increment(run.bytes.len() as u64);
        } else if !is_one && self.state.max_gso_segments() == 1 {
            // The way out turned out not to cut runs up.
            let lost = run.bytes.chunks(run.length).filter(|datagram| !is_sent(datagram, None)).count();
            self.dropped.increment(lost as u64);
        } else {
            self.dropped.increment(run.bytes.chunks(run.length.max(1)).count() as u64);
        }
        self.run = run.emptied();
    }
}

impl Run {
    /// Adds a datagram, where it can go together with those that are here and there are fewer than `most`.
    fn add(&mut self, way: (SocketAddr, Option<IpAddr>), contents: &[u8], most: usize) -> bool {
        if self.way.is_none() {
            (self.way, self.length) = (Some(way), contents.len());
            self.bytes.extend_from_slice(contents);
            return true;
        }
        let is_alike = self.way == Some(way) && !self.is_closed && contents.len() <= self.length;
        let has_room = self.bytes.len() + self.length <= LONGEST_RUN.min(most.saturating_mul(self.length));
        if !is_alike || !has_room || contents.is_empty() {
            return false;
        }
        self.is_closed = contents.len() < self.length;
        self.bytes.extend_from_slice(contents);
        true
    }

    /// Nothing, with the memory of this one.
    fn emptied(mut self) -> Self {
        self.bytes.clear();
        Self { bytes: self.bytes, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(port: u16) -> (SocketAddr, Option<IpAddr>) {
        (SocketAddr::from(([192, 0, 2, 1], port)), None)
    }

    #[test]
    fn datagrams_of_one_length_for_one_client_go_together_and_a_shorter_one_is_the_last() {
        let mut run = Run::default();
        assert!(run.add(way(1), &[1; 10], 64) && run.add(way(1), &[2; 10], 64));
        assert!(!run.add(way(2), &[3; 10], 64), "another client");
        assert!(!run.add(way(1), &[3; 11], 64), "a longer one");
        assert!(run.add(way(1), &[3; 4], 64), "a shorter one");
        assert!(!run.add(way(1), &[4; 4], 64), "nothing follows it");
        assert_eq!((run.length, run.bytes.len()), (10, 24));
        let mut run = run.emptied();
        assert!(run.bytes.is_empty() && run.add(way(2), &[1; 3], 64));
    }

    #[test]
    fn a_run_is_no_longer_than_the_system_takes() {
        let mut run = Run::default();
        assert_eq!((0..100).take_while(|_| run.add(way(1), &[0; 1200], 64)).count(), 54);
        let mut run = Run::default();
        assert_eq!((0..100).take_while(|_| run.add(way(1), &[0; 100], 8)).count(), 8);
    }

    #[tokio::test]
    async fn runs_arrive_as_the_datagrams_that_they_are() {
        let receiver = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        let bound = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        bound.set_nonblocking(true).unwrap();
        let mut socket = RtcSocket::new(bound).unwrap();
        let to = receiver.local_addr().unwrap();
        // The runtime has to hear once that there is room.
        socket.socket.writable().await.unwrap();
        let lengths = [1200, 1200, 1200, 300, 1200, 40, 50];
        for (number, length) in lengths.iter().enumerate() {
            socket.send(to, None, &vec![number as u8; *length]);
        }
        socket.flush();
        let mut buffer = [0; 2000];
        for (number, length) in lengths.iter().enumerate() {
            let received = receiver.recv(&mut buffer).unwrap();
            assert_eq!((received, buffer[0]), (*length, number as u8));
        }
    }
}
