//! Who is at the other end of a connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::Extensions;

use crate::http::client::Client;

/// The address that a request came from.
pub fn address(extensions: &Extensions) -> IpAddr {
    if let Some(client) = extensions.get::<Client>() {
        return client.address;
    }
    match extensions.get::<ConnectInfo<SocketAddr>>() {
        Some(ConnectInfo(address)) => address.ip().to_canonical(),
        // Only where the router is called without the layers around it.
        None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    }
}

/// Whether a request came over HTTPS, to this daemon or to a proxy that it trusts.
pub fn is_secure(extensions: &Extensions) -> bool {
    extensions.get::<Client>().is_some_and(|client| client.secure)
}

/// What is taken for one client: an IPv4 address, or the /64 of an IPv6 address, of which one client has all.
pub fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}
