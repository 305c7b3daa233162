//! The socket of HTTP: on IPv4 and IPv6 at once where the address is `[::]`, on IPv4 alone where IPv6 is off.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context, Result};
use socket2::{Domain, Protocol, Socket, Type};

/// Connections that wait to be taken.
const BACKLOG: i32 = 1024;

/// A TCP socket that listens and does not block.
pub fn tcp(address: SocketAddr) -> Result<TcpListener> {
    let socket = either(address, open).with_context(|| format!("HTTP cannot listen on {address}"))?;
    Ok(socket.into())
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
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_takes_ipv4_too() {
        let listener = tcp("[::]:0".parse().expect("it is an address")).expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    }

    #[test]
    fn a_port_that_is_taken_is_named() {
        let first = tcp("127.0.0.1:0".parse().expect("it is an address")).expect("a port is free");
        let address = first.local_addr().expect("it is bound");
        let error = tcp(address).expect_err("the port is taken");
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
