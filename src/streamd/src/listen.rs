//! The TCP sockets that are listened on: on IPv4 and IPv6 at once where the address is `[::]`, on IPv4 alone where IPv6 is off.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context, Result};
use socket2::{Domain, Protocol, Socket, Type};

/// Connections that wait to be taken.
const BACKLOG: i32 = 1024;

/// Bytes that a connection may hand to the system before those before them are sent.
const MOST_UNSENT: u32 = 16 << 10;

/// A TCP socket that has its address and takes no connections yet.
pub struct Bound {
    socket: Socket,
    /// What is spoken there, for errors.
    protocol: &'static str,
    /// The address, with the port that it got where none was asked for.
    pub address: SocketAddr,
}

impl Bound {
    /// At this address, for this protocol.
    pub fn to(protocol: &'static str, asked: SocketAddr) -> Result<Self> {
        let why = || format!("{protocol} cannot listen on {asked}");
        let socket = either(asked, open).with_context(why)?;
        let address = socket.local_addr().with_context(why)?.as_socket().with_context(why)?;
        Ok(Self { socket, protocol, address })
    }

    /// Takes connections from now on.
    pub fn listen(self) -> Result<TcpListener> {
        let why = || format!("{} cannot listen on {}", self.protocol, self.address);
        self.socket.listen(BACKLOG).with_context(why)?;
        Ok(self.socket.into())
    }
}

/// The socket at the address, or at all of IPv4 where all of IPv6 was asked for and there is no IPv6.
fn either(
    address: SocketAddr,
    open: impl Fn(SocketAddr) -> std::io::Result<Socket>,
) -> std::io::Result<Socket> {
    match open(address) {
        Err(error) if address.is_ipv6() && address.ip().is_unspecified() && is_without_ipv6(&error) => {
            tracing::info!("IPv6 is off here; listening on IPv4 alone");
            open(SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())))
        }
        result => result,
    }
}

/// The kernel has no IPv6, or no address of it: EAFNOSUPPORT and EADDRNOTAVAIL.
fn is_without_ipv6(error: &std::io::Error) -> bool {
    const NO_FAMILY: i32 = 97;
    error.raw_os_error() == Some(NO_FAMILY) || error.kind() == std::io::ErrorKind::AddrNotAvailable
}

fn open(address: SocketAddr) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // A restart finds connections of the run before that are not quite gone.
    socket.set_reuse_address(true)?;
    // What is accepted inherits these. Datagrams that a WebSocket carries wait for nothing; and what the system has not
    // sent yet stays here, where what is too old can still be dropped.
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_notsent_lowat(MOST_UNSENT)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_takes_ipv4_too() {
        let listener =
            Bound::to("HTTP", "[::]:0".parse().expect("it is an address")).expect("a port is free");
        let port = listener.address.port();
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "nobody listens yet");
        let _listener = listener.listen().expect("the port is ours");
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    }

    #[test]
    fn a_port_that_is_taken_is_named() {
        let first =
            Bound::to("HTTP", "127.0.0.1:0".parse().expect("it is an address")).expect("a port is free");
        let address = first.address;
        let _first = first.listen().expect("the port is ours");
        let error = Bound::to("HTTP", address).and_then(Bound::listen).expect_err("the port is taken");
        assert!(format!("{error:#}").contains(&address.to_string()), "{error:#}");
    }

    #[test]
    fn where_ipv6_is_off_ipv4_is_listened_on() {
        const NO_FAMILY: i32 = 97;
        let asked: SocketAddr = "[::]:0".parse().expect("it is an address");
        let open = |address: SocketAddr| match address {
            SocketAddr::V6(_) => Err(std::io::Error::from_raw_os_error(NO_FAMILY)),
            SocketAddr::V4(_) => open(address),
        };
        assert!(either(asked, open).is_ok());
        let one: SocketAddr = "[::1]:0".parse().expect("it is an address");
        assert!(either(one, open).is_err(), "only what means everything falls back");
    }
}
