//! Network interfaces by their names, or by an address of theirs.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr};

use thiserror::Error;

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// How the system counts it, from 1.
    pub index: u32,
    /// How the system calls it.
    pub name: String,
    /// An address of IPv4 that it has.
    pub v4: Option<Ipv4Addr>,
}

/// Why there is no such interface.
#[derive(Debug, Error)]
pub enum InterfaceError {
    /// None has this name or address.
    #[error(
        "there is no network interface \"{0}\": multicast-iface takes a name such as eth0, or its address"
    )]
    Unknown(String),
    /// The system does not tell.
    #[error("the network interfaces cannot be listed: {0}")]
    List(#[from] io::Error),
}

impl Interface {
    /// The interface with this name or address.
    pub fn find(text: &str) -> Result<Self, InterfaceError> {
        match text.parse::<IpAddr>() {
            Ok(address) => Self::with_address(address),
            Err(_) => Self::with_name(text),
        }
    }

    /// The interfaces of a list with commas; none of an empty one.
    pub fn find_all(text: &str) -> Result<Vec<Self>, InterfaceError> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        names.map(Self::find).collect()
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

#[cfg(unix)]
mod system {
    use std::net::SocketAddr;

    use nix::ifaddrs::{InterfaceAddress, getifaddrs};
    use nix::net::if_::if_nametoindex;

    use super::*;

    impl Interface {
        pub(super) fn with_name(name: &str) -> Result<Self, InterfaceError> {
            let unknown = |_| InterfaceError::Unknown(name.into());
            let index = if_nametoindex(name).map_err(unknown)?;
            let v4 = addresses()?.filter(|entry| entry.interface_name == name).find_map(|entry| {
                match ip(&entry) {
                    Some(IpAddr::V4(address)) => Some(address),
                    _ => None,
                }
            });
            Ok(Self { index, name: name.into(), v4 })
        }

        pub(super) fn with_address(address: IpAddr) -> Result<Self, InterfaceError> {
            let unknown = || InterfaceError::Unknown(address.to_string());
            let entry = addresses()?.find(|entry| ip(entry) == Some(address)).ok_or_else(unknown)?;
            let interface = Self::with_name(&entry.interface_name)?;
            Ok(match address {
                IpAddr::V4(address) => Self { v4: Some(address), ..interface },
                IpAddr::V6(_) => interface,
            })
        }
    }

    fn addresses() -> Result<impl Iterator<Item = InterfaceAddress>, InterfaceError> {
        Ok(getifaddrs().map_err(io::Error::from)?)
    }

    fn ip(entry: &InterfaceAddress) -> Option<IpAddr> {
        let storage = entry.address?;
        let v4 = storage.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
        v4.or_else(|| storage.as_sockaddr_in6().map(|address| SocketAddr::V6((*address).into()).ip()))
    }
}

#[cfg(not(unix))]
impl Interface {
    fn with_name(name: &str) -> Result<Self, InterfaceError> {
        Err(InterfaceError::Unknown(name.into()))
    }

    /// Here interfaces are known by their IPv4 addresses alone.
    fn with_address(address: IpAddr) -> Result<Self, InterfaceError> {
        match address {
            IpAddr::V4(v4) => Ok(Self { index: 0, name: address.to_string(), v4: Some(v4) }),
            IpAddr::V6(_) => Err(InterfaceError::Unknown(address.to_string())),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn an_interface_is_found_by_its_name_and_by_its_address() {
        let by_name = Interface::find("lo").unwrap();
        assert_eq!((by_name.index, by_name.v4), (1, Some(Ipv4Addr::LOCALHOST)));
        let by_address = Interface::find("127.0.0.1").unwrap();
        assert_eq!((by_address.index, by_address.v4), (by_name.index, by_name.v4));
        let both = Interface::find_all(" lo, 127.0.0.1,").unwrap();
        assert_eq!(both, [by_name, by_address]);
        assert_eq!(Interface::find_all("").unwrap(), []);
    }

    #[test]
    fn one_that_is_not_there_is_named() {
        for name in ["no-such-one", "192.0.2.77", "2001:db8::77", "a name that is longer than any"] {
            let error = Interface::find(name).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
