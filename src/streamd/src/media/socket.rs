//! The UDP socket of all sessions: batches in, datagrams out, answers from the address that was asked.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::BorrowedFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

use super::peer::{Peer, Way};

/// What a key frame of every publisher may bring while the thread that reads is held up. The system may give less.
const BUFFER: usize = 8 << 20;
/// Longer datagrams than any of ours are cut by the system, and then refused.
const LARGEST: usize = 1500;
/// A datagram that is said to have waited for longer came before the system's clock was set.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How long the thread may wait in the system for room in a full sending buffer.
const SEND_WAIT: Duration = Duration::from_millis(2);

/// A bound socket.
#[derive(Debug)]
pub struct MediaSocket {
    socket: UdpSocket,
    state: UdpSocketState,
}

/// Memory for the datagrams of one read.
pub struct Batch {
    bytes: Vec<Vec<u8>>,
    meta: Vec<RecvMeta>,
    filled: usize,
    /// When they were read, since 1970.
    read: Duration,
}

impl MediaSocket {
    /// Binds to this address, as [`bind`] does.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = bind(address)?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        Ok(Self { socket, state })
    }

    /// The address that it is bound to.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Memory for [`MediaSocket::receive`].
    pub fn batch(&self) -> Batch {
        let bytes = LARGEST * self.state.gro_segments();
        Batch {
            bytes: vec![vec![0; bytes]; BATCH_SIZE],
            meta: vec![RecvMeta::default(); BATCH_SIZE],
            filled: 0,
            read: Duration::ZERO,
        }
    }

    /// Waits for datagrams or the bell, but no longer than this, and reads all that fit into the batch. Says whether
    /// the bell rings, that is, can be read.
    pub fn receive(&self, batch: &mut Batch, timeout: Duration, bell: BorrowedFd<'_>) -> io::Result<bool> {
        batch.filled = 0;
        let mut waited =
            [PollFd::new(&self.socket, PollFlags::IN), PollFd::from_borrowed_fd(bell, PollFlags::IN)];
        wait(&mut waited, timeout)?;
        let [has_datagrams, rings] = waited.map(|fd| !fd.revents().is_empty());
        if has_datagrams {
            self.read(batch)?;
        }
        Ok(rings)
    }

    fn read(&self, batch: &mut Batch) -> io::Result<()> {
        let mut slices: Vec<_> = batch.bytes.iter_mut().map(|bytes| IoSliceMut::new(bytes)).collect();
        match self.state.recv(UdpSockRef::from(&self.socket), &mut slices, &mut batch.meta) {
            Ok(filled) => {
                batch.filled = filled;
                batch.read = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            }
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Sends a datagram from this address of the machine. What the system refuses to carry is one more loss to the peer.
    pub fn send(&self, to: SocketAddr, from: Option<IpAddr>, datagram: &[u8]) -> io::Result<()> {
        let transmit =
            Transmit { destination: to, ecn: None, contents: datagram, segment_size: None, src_ip: from };
        let send = || self.state.try_send(UdpSockRef::from(&self.socket), &transmit);
        match send() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                wait(&mut [PollFd::new(&self.socket, PollFlags::OUT)], SEND_WAIT)?;
                send()
            }
            result => result,
        }
    }
}

fn wait(waited: &mut [PollFd<'_>], timeout: Duration) -> io::Result<()> {
    let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
    match poll(waited, Some(&timeout)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

impl Batch {
    /// The datagrams of the last read, each with where it came from and how long it had waited in the system, as far as
    /// that tells.
    pub fn datagrams(&self) -> impl Iterator<Item = (Peer, Duration, &[u8])> {
        self.meta[..self.filled].iter().zip(&self.bytes).flat_map(|(meta, bytes)| {
            let peer = Peer { remote: meta.addr, way: Way::Udp(meta.dst_ip) };
            let waited = meta.timestamp.and_then(|arrived| self.read.checked_sub(arrived));
            let waited = waited.filter(|waited| *waited <= LONGEST_WAIT).unwrap_or_default();
            bytes[..meta.len].chunks(meta.stride.max(1)).map(move |datagram| (peer, waited, datagram))
        })
    }
}

/// A UDP socket at this address, with room for bursts. The unspecified IPv6 address takes IPv4 as well, and stands for
/// the IPv4 one where the machine has no IPv6.
pub fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    match open(address) {
        Err(error) if is_without_ipv6(&error) && address.ip() == Ipv6Addr::UNSPECIFIED => {
            open(SocketAddr::new([0, 0, 0, 0].into(), address.port()))
        }
        result => result,
    }
}

fn open(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.ip() == Ipv6Addr::UNSPECIFIED {
        socket.set_only_v6(false)?;
    }
    socket.set_recv_buffer_size(BUFFER)?;
    socket.set_send_buffer_size(BUFFER)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn is_without_ipv6(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL | Errno::PROTONOSUPPORT))
}

/// What says something of an earlier datagram, or nothing.
fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionRefused, ConnectionReset, HostUnreachable, Interrupted, NetworkUnreachable, WouldBlock,
    };
    matches!(
        error.kind(),
        ConnectionRefused | ConnectionReset | HostUnreachable | Interrupted | NetworkUnreachable | WouldBlock
    )
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::peer::{Carrier, ConnectionId};
    use super::super::web::Inbox;
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    fn next(socket: &MediaSocket, batch: &mut Batch) -> Vec<(Peer, Vec<u8>)> {
        socket.receive(batch, PATIENCE, Inbox::new().unwrap().bell()).unwrap();
        batch.datagrams().map(|(peer, _, bytes)| (peer, bytes.to_vec())).collect()
    }

    fn answer(socket: &MediaSocket, to: Peer) {
        let Way::Udp(local) = to.way else { panic!("{to:?} came by the socket") };
        socket.send(to.remote, local, b"back").unwrap();
    }

    #[test]
    fn a_batch_holds_what_came_and_answers_go_back() {
        let server = MediaSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut batch = server.batch();
        let mut came = Vec::new();
        for number in 0..40u8 {
            client.send_to(&[number; 3], server.local_addr().unwrap()).unwrap();
        }
        while came.len() < 40 {
            let more = next(&server, &mut batch);
            assert!(!more.is_empty(), "only {} came", came.len());
            came.extend(more);
        }
        assert!(came.iter().enumerate().all(|(i, (_, bytes))| *bytes == [i as u8; 3]));
        answer(&server, came[0].0);
        let mut bytes = [0; 8];
        assert_eq!(client.recv(&mut bytes).unwrap(), 4);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_waited_for_a_busy_machine_says_for_how_long() {
        let server = MediaSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut batch = server.batch();
        // How long a datagram is said to have waited that waited for so long at least, and for how long at most.
        let mut exchange = |least| {
            let sent = Instant::now();
            client.send_to(b"early", server.local_addr().unwrap()).unwrap();
            std::thread::sleep(least);
            next(&server, &mut batch);
            let (_, waited, _) = batch.datagrams().next().unwrap();
            (waited, sent.elapsed())
        };
        // Linux begins to write down arrivals some time after it was asked to; until then it takes the time of reading.
        let (begun, short) = (Instant::now(), Duration::from_millis(10));
        while exchange(short).0 < short / 2 {
            assert!(begun.elapsed() < PATIENCE, "no arrival is written down");
        }
        let least = Duration::from_millis(60);
        let (waited, most) = loop {
            let (waited, most) = exchange(least);
            if most < LONGEST_WAIT {
                break (waited, most);
            }
            assert!(begun.elapsed() < 2 * PATIENCE, "the machine is too slow");
        };
        // The times are of the system's clock, which may run a little faster or slower than the other.
        let leeway = Duration::from_millis(5);
        assert!((least - leeway..=most + leeway).contains(&waited), "{waited:?} of {least:?} to {most:?}");
    }

    #[test]
    fn the_unspecified_ipv6_address_takes_ipv4_too() {
        let server = MediaSocket::bind("[::]:0".parse().unwrap()).unwrap();
        let client = UdpSocket::bind("127.0.0.1:0").unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.send_to(b"hello", ("127.0.0.1", server.local_addr().unwrap().port())).unwrap();
        let mut batch = server.batch();
        let came = next(&server, &mut batch);
        assert_eq!(came[0].1, b"hello");
        answer(&server, came[0].0);
        let mut bytes = [0; 8];
        assert_eq!(client.recv(&mut bytes).unwrap(), 4);
    }

    #[test]
    fn waiting_ends_without_a_datagram_and_when_the_bell_rings() {
        let server = MediaSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let (mut batch, inbox) = (server.batch(), Inbox::new().unwrap());
        assert!(!server.receive(&mut batch, Duration::from_millis(1), inbox.bell()).unwrap());
        assert_eq!(batch.datagrams().count(), 0);
        inbox.gone(ConnectionId { carrier: Carrier::WebSocket, number: 1 });
        assert!(server.receive(&mut batch, Duration::from_secs(3600), inbox.bell()).unwrap());
    }
}
