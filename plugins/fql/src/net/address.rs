//! Addresses: `udp://host:port/name`.

use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use thiserror::Error;

const MAX_NAME: usize = 64;

/// Where a stream goes to or comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// A host name or an IP address, without brackets.
    pub host: String,
    /// The UDP port.
    pub port: u16,
    /// What the stream is called; empty where it has no name.
    pub name: String,
}

/// Why text is no address, or why an address cannot be used.
#[derive(Debug, Error)]
pub enum AddressError {
    /// It does not begin with `udp://`.
    #[error("the address \"{0}\" does not begin with udp://")]
    Scheme(String),
    /// There is no host.
    #[error("the address \"{0}\" has no host; write udp://host:port/name")]
    Host(String),
    /// There is no port, or it is none.
    #[error("the address \"{0}\" has no port of 0 to 65535; write udp://host:port/name")]
    Port(String),
    /// The name is too long.
    #[error("the stream's name in \"{0}\" is longer than 64 bytes")]
    Name(String),
    /// The host name cannot be resolved.
    #[error("the host {host} cannot be resolved: {reason}")]
    Resolve {
        /// The host.
        host: String,
        /// What the system says.
        reason: String,
    },
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let rest = text.strip_prefix("udp://").ok_or_else(|| AddressError::Scheme(text.into()))?;
        let (authority, name) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = split_port(authority).ok_or_else(|| AddressError::Port(text.into()))?;
        if host.is_empty() || host.contains(['[', ']', '@', '?', '#']) {
            return Err(AddressError::Host(text.into()));
        }
        let digits = port.bytes().all(|b| b.is_ascii_digit());
        let port = port.parse().ok().filter(|_| digits).ok_or_else(|| AddressError::Port(text.into()))?;
        if name.len() > MAX_NAME {
            return Err(AddressError::Name(text.into()));
        }
        Ok(Self { host: host.into(), port, name: name.into() })
    }
}

/// Host and port of `host:port` or `[IPv6]:port`.
pub(super) fn split_port(authority: &str) -> Option<(&str, &str)> {
    match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            Some((host, rest.strip_prefix(':')?))
        }
        None => {
            let (host, port) = authority.rsplit_once(':')?;
            // An IPv6 address without brackets has no telling where it ends.
            (!host.contains(':')).then_some((host, port))
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "udp://[{}]:{}", self.host, self.port)?;
        } else {
            write!(f, "udp://{}:{}", self.host, self.port)?;
        }
        if self.name.is_empty() { Ok(()) } else { write!(f, "/{}", self.name) }
    }
}

impl Address {
    /// The socket address of the host that a socket bound to `local` can reach. Of a host with addresses of both
    /// kinds it is the IPv4 one, as receivers listen on 0.0.0.0 unless told otherwise. Asks the name servers where
    /// the host is a name.
    pub fn resolve(&self, local: Option<IpAddr>) -> Result<SocketAddr, AddressError> {
        let failed = |reason: String| AddressError::Resolve { host: self.host.clone(), reason };
        let fits = |addr: &SocketAddr| local.is_none_or(|local| local.is_ipv4() == addr.is_ipv4());
        (self.host.as_str(), self.port)
            .to_socket_addrs()
            .map_err(|err| failed(err.to_string()))?
            .filter(fits)
            .min_by_key(SocketAddr::is_ipv6)
            .ok_or_else(|| failed("it has no address of the same kind as the bind address".into()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> (String, u16, String) {
        let address: Address = text.parse().unwrap();
        assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
        (address.host, address.port, address.name)
    }

    #[test]
    fn hosts_of_every_kind_are_understood() {
        assert_eq!(parse("udp://127.0.0.1:4242/my-stream"), ("127.0.0.1".into(), 4242, "my-stream".into()));
        assert_eq!(parse("udp://[::1]:4242"), ("::1".into(), 4242, String::new()));
        assert_eq!(parse("udp://live.example.org:1/a/b"), ("live.example.org".into(), 1, "a/b".into()));
        assert_eq!(parse("udp://0.0.0.0:0/"), ("0.0.0.0".into(), 0, String::new()));
    }

    #[test]
    fn an_address_that_is_none_is_named_with_what_is_wrong() {
        let error = |text: &str| text.parse::<Address>().unwrap_err().to_string();
        assert!(error("http://host:1").contains("does not begin with udp://"));
        for text in
            ["udp://host", "udp://host:", "udp://host:x", "udp://host:70000", "udp://host:+1", "udp://::1:5"]
        {
            assert!(error(text).contains("port"), "{text}: {}", error(text));
        }
        for text in ["udp://:1", "udp://[]:1", "udp://user@host:1"] {
            assert!(error(text).contains("no host"), "{text}: {}", error(text));
        }
        assert!(error(&format!("udp://host:1/{}", "x".repeat(65))).contains("64 bytes"));
    }

    #[test]
    fn addresses_resolve_to_the_kind_of_the_bind_address() {
        let v4: Address = "udp://127.0.0.1:9".parse().unwrap();
        assert_eq!(v4.resolve(None).unwrap(), "127.0.0.1:9".parse().unwrap());
        assert!(v4.resolve(Some("::".parse().unwrap())).is_err());
        let v6: Address = "udp://[::1]:9".parse().unwrap();
        assert_eq!(v6.resolve(Some("::".parse().unwrap())).unwrap(), "[::1]:9".parse().unwrap());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "(udp://)?[\\[\\]:/a-z0-9.%@]{0,40}") {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
            }
        }
    }
}
