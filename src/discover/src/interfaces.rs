//! The interfaces that probes are sent from.

use std::io;
use std::net::Ipv4Addr;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;

/// The most interfaces that probes are sent from where none are named.
const MOST: usize = 32;

/// Why nobody could be asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine has no network that multicasts.
    #[error("no network interface of this machine multicasts; discover.interfaces names others")]
    NoInterface,
    /// An interface is named that is not there.
    #[error("{0} is no address of this machine")]
    NotHere(Ipv4Addr),
    /// The system refuses it.
    #[error("the probe cannot be sent from {0}: {1}")]
    Send(Ipv4Addr, io::Error),
    /// The system does not even tell what interfaces there are.
    #[error("the network interfaces are not known: {0}")]
    Unknown(io::Error),
    /// Whoever answers could not be asked.
    #[error("there is no HTTP client: {0}")]
    Client(String),
}

/// An address of this machine, with its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interface {
    pub address: Ipv4Addr,
    mask: Ipv4Addr,
}

impl Interface {
    /// Whether somebody at this address is reached by it without a router.
    pub fn reaches(self, other: Ipv4Addr) -> bool {
        self.address.to_bits() & self.mask.to_bits() == other.to_bits() & self.mask.to_bits()
    }
}

/// The addresses of this machine, but for loopback.
pub(crate) fn own() -> Result<Vec<Ipv4Addr>, Error> {
    let all = getifaddrs().map_err(|error| Error::Unknown(error.into()))?;
    let addresses = all.filter_map(|found| Some(found.address?.as_sockaddr_in()?.ip()));
    Ok(addresses.filter(|address| !address.is_loopback()).collect())
}

/// Those that are named, or else all that multicast, but for loopback.
pub(crate) fn interfaces(named: &[Ipv4Addr]) -> Result<Vec<Interface>, Error> {
    let all = getifaddrs().map_err(|error| Error::Unknown(error.into()))?;
    let mut here = Vec::new();
    for found in all {
        let ip = |address: Option<nix::sys::socket::SockaddrStorage>| Some(address?.as_sockaddr_in()?.ip());
        let (Some(address), Some(mask)) = (ip(found.address), ip(found.netmask)) else { continue };
        here.push((Interface { address, mask }, found.flags));
    }
    if named.is_empty() {
        let wanted = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_MULTICAST;
        let unwanted = InterfaceFlags::IFF_LOOPBACK;
        here.retain(|(_, flags)| flags.contains(wanted) && !flags.intersects(unwanted));
        here.truncate(MOST);
        let all: Vec<_> = here.into_iter().map(|(interface, _)| interface).collect();
        return if all.is_empty() { Err(Error::NoInterface) } else { Ok(all) };
    }
    let mut chosen = Vec::new();
    for &address in named {
        let found = here.iter().find(|(interface, _)| interface.address == address);
        // All of 127.0.0.0/8 is this machine, though but one of it is listed.
        let on_loopback =
            || here.iter().find(|(interface, _)| address.is_loopback() && interface.reaches(address));
        let (interface, _) = found.or_else(on_loopback).ok_or(Error::NotHere(address))?;
        chosen.push(Interface { address, mask: interface.mask });
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_reaches_its_own_network() {
        let interface =
            Interface { address: Ipv4Addr::new(192, 168, 7, 2), mask: Ipv4Addr::new(255, 255, 255, 0) };
        assert!(interface.reaches(Ipv4Addr::new(192, 168, 7, 200)));
        assert!(!interface.reaches(Ipv4Addr::new(192, 168, 8, 200)));
        assert!(!interface.reaches(Ipv4Addr::LOCALHOST));
    }

    #[test]
    fn addresses_of_this_machine_are_found_and_others_are_not() {
        let named = [Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 7, 7, 7)];
        let found = interfaces(&named).unwrap();
        assert_eq!(found.iter().map(|interface| interface.address).collect::<Vec<_>>(), named);
        assert!(found[0].reaches(named[1]));
        let documentation = Ipv4Addr::new(192, 0, 2, 1);
        assert!(
            matches!(interfaces(&[documentation]), Err(Error::NotHere(address)) if address == documentation)
        );
        // A machine may have no network; loopback is never one of those that nobody named.
        let all = interfaces(&[]).unwrap_or_default();
        assert!(!all.iter().any(|interface| interface.address.is_loopback()));
        let own = own().unwrap();
        assert!(all.iter().all(|interface| own.contains(&interface.address)));
        assert!(!own.iter().any(Ipv4Addr::is_loopback), "cameras of tests are there");
    }
}
