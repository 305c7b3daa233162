//! Multicast groups: joining them on interfaces, from any source or from some, and sending to them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::Socket;

use super::interface::Interface;
use super::socket::{Options, SocketError};

/// Lets the socket hear what is sent to a group: on each of the interfaces, or on the one that the system chooses,
/// and from the wanted sources alone where there are any.
pub(super) fn join(socket: &Socket, group: IpAddr, options: &Options) -> Result<(), SocketError> {
    if let Some(source) = options.sources.iter().find(|source| source.is_ipv4() != group.is_ipv4()) {
        return Err(SocketError::SourceKind { source_address: *source, group });
    }
    only_what_is_joined(socket, group)
        .map_err(|err| SocketError::step("multicast groups be told apart", err))?;
    if options.interfaces.is_empty() {
        return join_on(socket, group, None, &options.sources);
    }
    if let ([interface], IpAddr::V6(_)) = (options.interfaces.as_slice(), group) {
        hear_only(socket, interface);
    }
    options
        .interfaces
        .iter()
        .try_for_each(|interface| join_on(socket, group, Some(interface), &options.sources))
}

fn join_on(
    socket: &Socket,
    group: IpAddr,
    interface: Option<&Interface>,
    sources: &[IpAddr],
) -> Result<(), SocketError> {
    let place = interface.map_or(String::new(), |interface| format!(" on {interface}"));
    if sources.is_empty() {
        let what = format!("the group {group} be joined{place}");
        return join_any(socket, group, interface).map_err(|err| SocketError::step(what, err));
    }
    sources.iter().try_for_each(|source| {
        let what = format!("the source {source} of the group {group} be joined{place}");
        join_source(socket, group, *source, interface).map_err(|err| SocketError::step(what, err))
    })
}

fn join_any(socket: &Socket, group: IpAddr, interface: Option<&Interface>) -> io::Result<()> {
    match group {
        IpAddr::V4(group) => join_any_v4(socket, group, interface),
        IpAddr::V6(group) => socket.join_multicast_v6(&group, index(interface)),
    }
}

#[cfg(unix)]
fn join_any_v4(socket: &Socket, group: Ipv4Addr, interface: Option<&Interface>) -> io::Result<()> {
    use socket2::InterfaceIndexOrAddress::{Address, Index};
    let interface = interface.map_or(Address(Ipv4Addr::UNSPECIFIED), |interface| Index(interface.index));
    socket.join_multicast_v4_n(&group, &interface)
}

#[cfg(not(unix))]
fn join_any_v4(socket: &Socket, group: Ipv4Addr, interface: Option<&Interface>) -> io::Result<()> {
    socket.join_multicast_v4(&group, &address(interface))
}

/// Source-specific multicast (IGMPv3, MLDv2). Without an interface the system chooses the one that leads to the group.
#[cfg(unix)]
fn join_source(
    socket: &Socket,
    group: IpAddr,
    source: IpAddr,
    interface: Option<&Interface>,
) -> io::Result<()> {
    use std::os::fd::AsRawFd;

    use socket2::{SockAddr, SockAddrStorage};

    /// `struct group_source_req` of RFC 3678, the same for IPv4 and IPv6.
    #[repr(C)]
    struct GroupSource {
        interface: u32,
        group: SockAddrStorage,
        source: SockAddrStorage,
    }

    let storage = |ip: IpAddr| SockAddr::from(SocketAddr::new(ip, 0)).as_storage();
    let request = GroupSource { interface: index(interface), group: storage(group), source: storage(source) };
    let level = if group.is_ipv4() { libc::IPPROTO_IP } else { libc::IPPROTO_IPV6 };
    // SAFETY: the request is laid out as the system has it (an interface's number and two sockaddr_storage), lives for
    // the time of the call, and its length is its own; the socket is open.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            libc::MCAST_JOIN_SOURCE_GROUP,
            (&raw const request).cast(),
            size_of::<GroupSource>() as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(unix))]
fn join_source(
    socket: &Socket,
    group: IpAddr,
    source: IpAddr,
    interface: Option<&Interface>,
) -> io::Result<()> {
    match (group, source) {
        (IpAddr::V4(group), IpAddr::V4(source)) => socket.join_ssm_v4(&source, &group, &address(interface)),
        _ => Err(io::Error::new(io::ErrorKind::Unsupported, "not on this system")),
    }
}

/// Without this Linux gives a socket all that any other one of the machine has joined: another source of the same
/// group, or the group on another interface.
#[cfg(target_os = "linux")]
fn only_what_is_joined(socket: &Socket, group: IpAddr) -> io::Result<()> {
    match group {
        IpAddr::V4(_) => socket.set_multicast_all_v4(false),
        IpAddr::V6(_) => socket.set_multicast_all_v6(false),
    }
}

#[cfg(not(target_os = "linux"))]
fn only_what_is_joined(_socket: &Socket, _group: IpAddr) -> io::Result<()> {
    Ok(())
}

/// Linux tells groups of IPv6 apart by their addresses alone: what another socket has joined on another interface would
/// be heard, too. Before 5.7 only root may ask for this; then that stays so.
#[cfg(target_os = "linux")]
fn hear_only(socket: &Socket, interface: &Interface) {
    let _ = socket.bind_device(Some(interface.name.as_bytes()));
}

#[cfg(not(target_os = "linux"))]
fn hear_only(_socket: &Socket, _interface: &Interface) {}

/// Sends what goes to this group over the first of the interfaces, or the one that the system chooses, so far and (or
/// not) back to this machine.
pub(super) fn send_to(socket: &Socket, group: IpAddr, options: &Options) -> Result<(), SocketError> {
    let interface = options.interfaces.first();
    if let Some(interface) = interface {
        let what = || format!("the group {group} be sent to over {interface}");
        choose(socket, group, interface).map_err(|err| SocketError::step(what(), err))?;
    }
    let hops = options.multicast_ttl.into();
    let set = match group {
        IpAddr::V4(_) => socket
            .set_multicast_ttl_v4(hops)
            .and_then(|()| socket.set_multicast_loop_v4(options.multicast_loop)),
        IpAddr::V6(_) => socket
            .set_multicast_hops_v6(hops)
            .and_then(|()| socket.set_multicast_loop_v6(options.multicast_loop)),
    };
    set.map_err(|err| SocketError::step("the TTL of multicast be set", err))
}

fn choose(socket: &Socket, group: IpAddr, interface: &Interface) -> io::Result<()> {
    match group {
        IpAddr::V4(_) => choose_v4(socket, interface),
        IpAddr::V6(_) => socket.set_multicast_if_v6(interface.index),
    }
}

#[cfg(target_os = "linux")]
fn choose_v4(socket: &Socket, interface: &Interface) -> io::Result<()> {
    let (any, own) = (Ipv4Addr::UNSPECIFIED, address(Some(interface)));
    let set = rustix::net::sockopt::set_ip_multicast_if_with_ifindex(socket, &any, &own, interface.index);
    Ok(set?)
}

#[cfg(not(target_os = "linux"))]
fn choose_v4(socket: &Socket, interface: &Interface) -> io::Result<()> {
    socket.set_multicast_if_v4(&address(Some(interface)))
}

fn index(interface: Option<&Interface>) -> u32 {
    interface.map_or(0, |interface| interface.index)
}

fn address(interface: Option<&Interface>) -> Ipv4Addr {
    interface.and_then(|interface| interface.v4).unwrap_or(Ipv4Addr::UNSPECIFIED)
}

/// Where a socket that hears a group is bound: the group itself, so that nothing else that comes to its port is heard.
pub(super) fn bind_to(group: SocketAddr, options: &Options) -> SocketAddr {
    match group {
        _ if cfg!(windows) => SocketAddr::new(super::socket::unspecified(group), group.port()),
        // A group that is one of a link alone has to say of which.
        SocketAddr::V6(mut group) if is_of_a_link(group.ip()) => {
            group.set_scope_id(index(options.interfaces.first()));
            group.into()
        }
        group => group,
    }
}

/// Whether the group reaches no further than one link (ff02::/16) or one interface (ff01::/16).
fn is_of_a_link(group: &Ipv6Addr) -> bool {
    matches!(group.segments()[0] & 0xff0f, 0xff01 | 0xff02)
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
