//! UDP sockets as senders and receivers of a stream need them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

/// How long a thread waits for a datagram before it looks whether it should end.
const READ_TIMEOUT: Duration = Duration::from_millis(50);

/// What a socket is to be like.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// The local address; for multicast the interface. `None` leaves the choice to the system.
    pub local: Option<IpAddr>,
    /// Bytes that the system may hold for the socket in each direction; 0 for the system's default. The system
    /// may give less.
    pub buffer_size: usize,
}

/// A socket that sends to `remote`. It is connected, unless `remote` is a group.
pub fn open(remote: SocketAddr, options: Options) -> io::Result<UdpSocket> {
    let socket = new(remote, options)?;
    let local = options.local.unwrap_or_else(|| unspecified(remote));
    socket.bind(&SocketAddr::new(local, 0).into())?;
    if remote.ip().is_multicast() {
        if let Some(IpAddr::V4(interface)) = options.local {
            socket.set_multicast_if_v4(&interface)?;
        }
    } else {
        socket.connect(&remote.into())?;
    }
    finish(socket)
}

/// A socket for asking a server at `remote`, whose answers it hears.
pub fn ask(remote: SocketAddr, options: Options) -> io::Result<UdpSocket> {
    let socket = new(remote, options)?;
    let local = options.local.unwrap_or_else(|| unspecified(remote));
    socket.bind(&SocketAddr::new(local, 0).into())?;
    finish(socket)
}

/// A socket that hears what is sent to `local`, which may be a group: the socket joins it.
pub fn listen(local: SocketAddr, options: Options) -> io::Result<UdpSocket> {
    let socket = new(local, options)?;
    if local.ip().is_multicast() {
        // Several receivers on one machine may hear one group.
        socket.set_reuse_address(true)?;
    }
    let bind_to = if cfg!(windows) && local.ip().is_multicast() {
        SocketAddr::new(unspecified(local), local.port())
    } else {
        local
    };
    socket.bind(&bind_to.into())?;
    match (local.ip(), options.local) {
        (IpAddr::V4(group), interface) if group.is_multicast() => {
            let interface = match interface {
                Some(IpAddr::V4(interface)) => interface,
                _ => Ipv4Addr::UNSPECIFIED,
            };
            socket.join_multicast_v4(&group, &interface)?;
        }
        (IpAddr::V6(group), _) if group.is_multicast() => socket.join_multicast_v6(&group, 0)?,
        _ => (),
    }
    finish(socket)
}

fn new(peer: SocketAddr, options: Options) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(peer), Type::DGRAM, Some(Protocol::UDP))?;
    if peer.is_ipv6() && peer.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    if options.buffer_size > 0 {
        socket.set_recv_buffer_size(options.buffer_size)?;
        socket.set_send_buffer_size(options.buffer_size)?;
    }
    Ok(socket)
}

fn finish(socket: Socket) -> io::Result<UdpSocket> {
    let socket = UdpSocket::from(socket);
    socket.set_read_timeout(Some(READ_TIMEOUT))?;
    Ok(socket)
}

/// Waits for a datagram, but not for ever, and leaves it in the socket. Says whether there is one (or an error that
/// reading tells).
pub fn wait_readable(socket: &UdpSocket) -> io::Result<bool> {
    let timeout = Timespec::try_from(READ_TIMEOUT).map_err(io::Error::other)?;
    match poll(&mut [PollFd::new(socket, PollFlags::IN)], Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(err) => Err(err.into()),
    }
}

fn unspecified(of: SocketAddr) -> IpAddr {
    if of.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crosses(local: &str) {
        let receiver = listen(local.parse().unwrap(), Options::default()).unwrap();
        let options = Options { buffer_size: 1 << 16, ..Options::default() };
        let sender = open(receiver.local_addr().unwrap(), options).unwrap();
        sender.send(b"hello").unwrap();
        let mut buffer = [0; 16];
        let (len, from) = receiver.recv_from(&mut buffer).unwrap();
        assert_eq!(&buffer[..len], b"hello");
        receiver.send_to(b"back", from).unwrap();
        assert_eq!(sender.recv(&mut buffer).unwrap(), 4);
    }

    #[test]
    fn a_datagram_crosses_in_both_directions() {
        crosses("127.0.0.1:0");
    }

    #[test]
    fn a_datagram_crosses_over_ipv6() {
        crosses("[::1]:0");
    }

    #[test]
    fn a_taken_port_is_an_error() {
        let first = listen("127.0.0.1:0".parse().unwrap(), Options::default()).unwrap();
        let second = listen(first.local_addr().unwrap(), Options::default());
        assert_eq!(second.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn a_group_is_heard_by_all_who_joined_it() {
        let options = Options { local: Some(Ipv4Addr::LOCALHOST.into()), buffer_size: 0 };
        let port = {
            let free = listen("127.0.0.1:0".parse().unwrap(), Options::default()).unwrap();
            free.local_addr().unwrap().port()
        };
        let group = SocketAddr::new(Ipv4Addr::new(239, 255, 42, 1).into(), port);
        let receivers = [listen(group, options).unwrap(), listen(group, options).unwrap()];
        let sender = open(group, options).unwrap();
        sender.send_to(b"all", group).unwrap();
        for receiver in receivers {
            let mut buffer = [0; 16];
            assert_eq!(receiver.recv(&mut buffer).unwrap(), 3);
        }
    }
}
