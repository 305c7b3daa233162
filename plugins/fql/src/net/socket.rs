//! UDP sockets as senders and receivers of a stream need them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;

use super::interface::{Interface, InterfaceError};
use super::multicast;

/// How long a thread waits for a datagram before it looks whether it should end.
const READ_TIMEOUT: Duration = Duration::from_millis(50);

/// What a socket is to be like.
#[derive(Debug, Clone)]
pub struct Options {
    /// The local address; `None` leaves the choice to the system.
    pub local: Option<IpAddr>,
    /// Bytes that the system may hold for the socket in each direction; 0 for the system's default. The system
    /// may give less.
    pub buffer_size: usize,
    /// Where a group is joined, and over which (the first) is sent to it; with none the interface of the local address,
    /// or one that the system chooses.
    pub interfaces: Vec<Interface>,
    /// From whom a group is heard; all where there are none.
    pub sources: Vec<IpAddr>,
    /// Through how many routers datagrams go at most, 1 to 255; `None` for the system's default.
    pub ttl: Option<u8>,
    /// The same for those to a group; 0 for this machine only, 1 for the network.
    pub multicast_ttl: u8,
    /// Whether this machine hears what it sends to a group.
    pub multicast_loop: bool,
    /// The code point of differentiated services, 0 to 63, that datagrams are marked with; `None` for no mark.
    pub dscp: Option<u8>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            local: None,
            buffer_size: 0,
            interfaces: Vec::new(),
            sources: Vec::new(),
            ttl: None,
            multicast_ttl: 1,
            multicast_loop: true,
            dscp: None,
        }
    }
}

impl Options {
    /// The same with an interface for groups, where one is named or follows from the local address.
    fn with_interface(&self) -> Result<Self, InterfaceError> {
        let mut options = self.clone();
        if let Some(local) = self.local.filter(|local| self.interfaces.is_empty() && !local.is_unspecified())
        {
            options.interfaces.push(Interface::find(&local.to_string())?);
        }
        Ok(options)
    }
}

/// Why there is no such socket.
#[derive(Debug, Error)]
pub enum SocketError {
    /// There is no such interface.
    #[error(transparent)]
    Interface(#[from] InterfaceError),
    /// Only a group has sources to choose from.
    #[error("multicast-source is set, but {0} is no multicast address (224.0.0.0/4 or ff00::/8)")]
    NoGroup(IpAddr),
    /// A source of IPv4 for a group of IPv6, or the other way round.
    #[error("the source {source_address} and the group {group} are not of the same kind of address")]
    SourceKind {
        /// The source.
        source_address: IpAddr,
        /// The group.
        group: IpAddr,
    },
    /// The system refuses a step.
    #[error("the system does not let {what}: {reason}")]
    Step {
        /// What is refused.
        what: String,
        /// Why.
        reason: io::Error,
    },
    /// The system refuses the socket.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl SocketError {
    pub(super) fn step(what: impl Into<String>, reason: io::Error) -> Self {
        Self::Step { what: what.into(), reason }
    }
}

/// A socket that sends to `remote`. It is connected, unless `remote` is a group.
pub fn open(remote: SocketAddr, options: &Options) -> Result<UdpSocket, SocketError> {
    let socket = new(remote, options)?;
    let local = options.local.unwrap_or_else(|| unspecified(remote));
    socket.bind(&SocketAddr::new(local, 0).into())?;
    if remote.ip().is_multicast() {
        multicast::send_to(&socket, remote.ip(), &options.with_interface()?)?;
    } else {
        socket.connect(&remote.into())?;
    }
    finish(socket)
}

/// A socket for asking a server at `remote`, whose answers it hears.
pub fn ask(remote: SocketAddr, options: &Options) -> Result<UdpSocket, SocketError> {
    let socket = new(remote, options)?;
    let local = options.local.unwrap_or_else(|| unspecified(remote));
    socket.bind(&SocketAddr::new(local, 0).into())?;
    finish(socket)
}

/// A socket that hears what is sent to `local`, which may be a group: the socket joins it.
pub fn listen(local: SocketAddr, options: &Options) -> Result<UdpSocket, SocketError> {
    let socket = new(local, options)?;
    if !local.ip().is_multicast() {
        if !options.sources.is_empty() {
            return Err(SocketError::NoGroup(local.ip()));
        }
        socket.bind(&local.into())?;
        return finish(socket);
    }
    let options = options.with_interface()?;
    // Several receivers on one machine may hear one group.
    socket.set_reuse_address(true)?;
    socket.bind(&multicast::bind_to(local, &options).into())?;
    multicast::join(&socket, local.ip(), &options)?;
    finish(socket)
}

fn new(peer: SocketAddr, options: &Options) -> Result<Socket, SocketError> {
    let socket = Socket::new(Domain::for_address(peer), Type::DGRAM, Some(Protocol::UDP))?;
    if peer.is_ipv6() && peer.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    if options.buffer_size > 0 {
        socket.set_recv_buffer_size(options.buffer_size)?;
        socket.set_send_buffer_size(options.buffer_size)?;
    }
    if let Some(ttl) = options.ttl {
        set_ttl(&socket, peer, ttl.into()).map_err(|err| SocketError::step("the TTL be set", err))?;
    }
    if let Some(dscp) = options.dscp {
        // The two bits below are those of congestion notification.
        let class = u32::from(dscp) << 2;
        set_class(&socket, peer, class).map_err(|err| SocketError::step("the DSCP be set", err))?;
    }
    Ok(socket)
}

fn set_ttl(socket: &Socket, peer: SocketAddr, ttl: u32) -> io::Result<()> {
    if peer.is_ipv4() { socket.set_ttl_v4(ttl) } else { socket.set_unicast_hops_v6(ttl) }
}

fn set_class(socket: &Socket, peer: SocketAddr, class: u32) -> io::Result<()> {
    if peer.is_ipv4() {
        return socket.set_tos_v4(class);
    }
    // What a socket of both kinds sends over IPv4 is marked on Linux only, where this works.
    let _ = socket.set_tos_v4(class);
    set_class_v6(socket, class)
}

#[cfg(unix)]
fn set_class_v6(socket: &Socket, class: u32) -> io::Result<()> {
    socket.set_tclass_v6(class)
}

#[cfg(not(unix))]
fn set_class_v6(_socket: &Socket, _class: u32) -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "not over IPv6 on this system"))
}

fn finish(socket: Socket) -> Result<UdpSocket, SocketError> {
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

pub(super) fn unspecified(of: SocketAddr) -> IpAddr {
    if of.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crosses(local: &str) {
        let receiver = listen(local.parse().unwrap(), &Options::default()).unwrap();
        let options = Options { buffer_size: 1 << 16, ..Options::default() };
        let sender = open(receiver.local_addr().unwrap(), &options).unwrap();
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
        let first = listen("127.0.0.1:0".parse().unwrap(), &Options::default()).unwrap();
        let second = listen(first.local_addr().unwrap(), &Options::default());
        assert!(matches!(second, Err(SocketError::Io(err)) if err.kind() == io::ErrorKind::AddrInUse));
    }

    #[test]
    fn a_group_is_heard_by_all_who_joined_it() {
        let options = Options { local: Some(Ipv4Addr::LOCALHOST.into()), ..Options::default() };
        let port = {
            let free = listen("127.0.0.1:0".parse().unwrap(), &Options::default()).unwrap();
            free.local_addr().unwrap().port()
        };
        let group = SocketAddr::new(Ipv4Addr::new(239, 255, 42, 1).into(), port);
        let receivers = [listen(group, &options).unwrap(), listen(group, &options).unwrap()];
        let sender = open(group, &options).unwrap();
        sender.send_to(b"all", group).unwrap();
        for receiver in receivers {
            let mut buffer = [0; 16];
            assert_eq!(receiver.recv(&mut buffer).unwrap(), 3);
        }
    }
}
