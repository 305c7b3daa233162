//! Addresses: `udp://host:port/name`, with what a multicast group takes: `?multicast-source=...&multicast-iface=...`.

use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use thiserror::Error;

const MAX_NAME: usize = 64;

/// Where a stream goes to or comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// A host name or an IP address, without brackets.
    pub host: String,
    /// The UDP port.
    pub port: u16,
    /// What the stream is called; empty where it has no name.
    pub name: String,
    /// From whom a multicast group is heard; all where there are none.
    pub sources: Vec<IpAddr>,
    /// The interfaces for a multicast group, with commas; empty for those of the property.
    pub interfaces: String,
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
    /// What follows the question mark is not understood.
    #[error(
        "the address \"{text}\" has the parameter \"{parameter}\": there are multicast-source and multicast-iface"
    )]
    Parameter {
        /// The address.
        text: String,
        /// The parameter.
        parameter: String,
    },
    /// A source is none.
    #[error("the multicast source \"{0}\" is no IP address")]
    Source(String),
    /// Sources can be chosen, not left out.
    #[error(
        "the multicast source \"{0}\": leaving sources out (with a -) is not supported; name those to hear"
    )]
    Exclusion(String),
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
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
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
        let mut address = Self { host: host.into(), port, name: name.into(), ..Self::default() };
        address.take_query(text, query)?;
        Ok(address)
    }
}

const SOURCE: &str = "multicast-source";
const INTERFACE: &str = "multicast-iface";

/// The addresses of those from whom a multicast group is to be heard: with commas, or each after a `+`.
pub fn sources(text: &str) -> Result<Vec<IpAddr>, AddressError> {
    let source = |source: &str| match source.parse() {
        Ok(ip) => Ok(ip),
        Err(_) if source.starts_with('-') => Err(AddressError::Exclusion(source.into())),
        Err(_) => Err(AddressError::Source(source.into())),
    };
    text.split([',', '+']).map(str::trim).filter(|part| !part.is_empty()).map(source).collect()
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
        if !self.name.is_empty() {
            write!(f, "/{}", self.name)?;
        }
        let mut before = '?';
        if !self.sources.is_empty() {
            let sources: Vec<_> = self.sources.iter().map(IpAddr::to_string).collect();
            write!(f, "{before}{SOURCE}={}", sources.join(","))?;
            before = '&';
        }
        if self.interfaces.is_empty() { Ok(()) } else { write!(f, "{before}{INTERFACE}={}", self.interfaces) }
    }
}

impl Address {
    fn take_query(&mut self, text: &str, query: &str) -> Result<(), AddressError> {
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some((SOURCE, value)) => self.sources = sources(value)?,
                Some((INTERFACE, value)) => self.interfaces = value.into(),
                _ => {
                    return Err(AddressError::Parameter { text: text.into(), parameter: parameter.into() });
                }
            }
        }
        Ok(())
    }

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
    fn an_address_of_a_group_may_say_from_whom_and_where() {
        let text = "udp://232.1.2.3:4242/name?multicast-source=192.0.2.1+192.0.2.2&multicast-iface=eth0,eth1";
        let address: Address = text.parse().unwrap();
        assert_eq!((&address.host[..], address.port, &address.name[..]), ("232.1.2.3", 4242, "name"));
        assert_eq!(address.sources, ["192.0.2.1".parse::<IpAddr>().unwrap(), "192.0.2.2".parse().unwrap()]);
        assert_eq!(address.interfaces, "eth0,eth1");
        assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
        let of_v6: Address = "udp://[ff3e::1]:1?multicast-source=+2001:db8::1".parse().unwrap();
        assert_eq!(of_v6.sources, ["2001:db8::1".parse::<IpAddr>().unwrap()]);
        let error = |text: &str| text.parse::<Address>().unwrap_err().to_string();
        assert!(error("udp://232.1.2.3:1?ttl=3").contains("\"ttl=3\""));
        assert!(error("udp://232.1.2.3:1?multicast-source=-192.0.2.1").contains("leaving sources out"));
        assert!(error("udp://232.1.2.3:1?multicast-source=eth0").contains("\"eth0\" is no IP address"));
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
        fn no_text_makes_the_parser_panic(text in "(udp://)?[\\[\\]:/a-z0-9.%@]{0,40}(\\?multicast-(source|iface)=)?[a-z0-9.:,+&=-]{0,20}") {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
            }
        }
    }
}
