//! Where a webhook may go: judged on its URL when it is set, and on every address that is connected to.
//!
//! A name says nothing about where it leads, and it can lead somewhere else the next moment. So names are not
//! judged at all: the resolver that the HTTP client connects by leaves out the addresses that are refused, and
//! the client never sees any other. Addresses that stand in the URL itself are not resolved, so they are judged
//! before each attempt.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::config::Webhooks;

/// The longest URL that is taken.
const LONGEST_URL: usize = 2048;

/// Why a target is refused. The texts hold no URL: one may have a secret in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is not a URL.
    #[error("is not a URL")]
    Unreadable,
    /// It is longer than anybody needs.
    #[error("is longer than {LONGEST_URL} characters")]
    TooLong,
    /// It is something else than HTTP.
    #[error("begins with something else than https:// or http://")]
    Scheme,
    /// It has a user name or a password in it.
    #[error("has a user name or a password in it; verify the signature instead")]
    Credentials,
    /// It has a fragment, which no server ever sees.
    #[error("has a fragment (#), which is never sent")]
    Fragment,
    /// It leads to an address that is not public.
    #[error(
        "leads to {0}, which is not a public address; webhooks.allow_private and webhooks.allowed_networks allow others"
    )]
    Address(IpAddr),
}

/// Which addresses are valid targets.
#[derive(Clone, Debug)]
pub struct Targets {
    allow_private: bool,
    allowed: Vec<IpNet>,
}

impl Targets {
    /// As configured.
    pub fn new(config: &Webhooks) -> Self {
        Self { allow_private: config.allow_private, allowed: config.allowed_networks.clone() }
    }

    /// These.
    pub fn of(allow_private: bool, allowed: Vec<IpNet>) -> Self {
        Self { allow_private, allowed }
    }

    /// The URL, if it may be a target as far as it shows by itself.
    pub fn url(&self, text: &str) -> Result<Url, Refused> {
        if text.len() > LONGEST_URL {
            return Err(Refused::TooLong);
        }
        let url = Url::parse(text).map_err(|_| Refused::Unreadable)?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(Refused::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Credentials);
        }
        if url.fragment().is_some() {
            return Err(Refused::Fragment);
        }
        match literal(&url) {
            Some(address) if !self.allow(address) => Err(Refused::Address(address)),
            _ => Ok(url),
        }
    }

    /// Whether this address may be connected to.
    pub fn allow(&self, address: IpAddr) -> bool {
        let address = plain(address);
        if self.allowed.iter().any(|network| network.contains(&address)) {
            return true;
        }
        if self.allow_private && is_private(address) {
            return true;
        }
        is_public(address)
    }
}

impl Targets {
    /// Those of the addresses of a name that may be connected to; refused if that is none of them.
    fn allowed_of(&self, mut found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Refused> {
        let first = found.first().map(SocketAddr::ip);
        found.retain(|address| self.allow(address.ip()));
        match first {
            Some(refused) if found.is_empty() => Err(Refused::Address(refused)),
            _ => Ok(found),
        }
    }
}

/// The address that stands in the URL itself.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    // The parser has already turned every way of writing an IPv4 address (hexadecimal, one number) into this one.
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// The IPv4 address in an IPv6 one that stands for it (mapped, NAT64, 6to4): that is where the packets go.
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let octets = v6.octets();
    let v4 =
        |at: usize| IpAddr::V4(Ipv4Addr::new(octets[at], octets[at + 1], octets[at + 2], octets[at + 3]));
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => v4(12),
        [0x2002, ..] => v4(2),
        _ => address,
    }
}

/// Loopback and private networks: what `webhooks.allow_private` is about.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private(),
        // The metadata service of one large cloud stands in the private range.
        IpAddr::V6(v6) => v6.is_loopback() || (v6.is_unique_local() && v6 != METADATA_V6),
    }
}

const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// Whether an address is one of the public internet, by IANA's registries of special-purpose addresses.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !SPECIAL_V4.iter().any(|network| network.contains(&v4)),
        IpAddr::V6(v6) => GLOBAL_V6.contains(&v6) && !SPECIAL_V6.iter().any(|network| network.contains(&v6)),
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(a: u16, b: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), length)
}

const SPECIAL_V4: [Ipv4Net; 15] = [
    v4(0, 0, 0, 0, 8),        // this network
    v4(10, 0, 0, 0, 8),       // private
    v4(100, 64, 0, 0, 10),    // shared by carriers; metadata of one cloud
    v4(127, 0, 0, 0, 8),      // loopback
    v4(169, 254, 0, 0, 16),   // link-local; metadata of most clouds
    v4(168, 63, 129, 16, 32), // public by number; metadata and host services of one cloud
    v4(172, 16, 0, 0, 12),    // private
    v4(192, 0, 0, 0, 24),     // protocol assignments; metadata of one cloud
    v4(192, 0, 2, 0, 24),     // documentation
    v4(192, 168, 0, 0, 16),   // private
    v4(198, 18, 0, 0, 15),    // benchmarks
    v4(198, 51, 100, 0, 24),  // documentation
    v4(203, 0, 113, 0, 24),   // documentation
    v4(224, 0, 0, 0, 4),      // multicast
    v4(240, 0, 0, 0, 4),      // reserved, and broadcast
];

/// All of IPv6 that is given out for the public internet.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 3);

const SPECIAL_V6: [Ipv6Net; 3] = [
    v6(0x2001, 0, 23),     // protocol assignments, Teredo among them
    v6(0x2001, 0xdb8, 32), // documentation
    v6(0x3fff, 0, 20),     // documentation
];

/// Gives the HTTP client the addresses of a name that may be connected to, and no others.
pub struct PublicNames(pub Arc<Targets>);

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let targets = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(targets.allowed_of(found)?.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(allow_private: bool, allowed: &[&str]) -> Targets {
        let allowed = allowed.iter().map(|text| text.parse().expect("it is a network")).collect();
        Targets { allow_private, allowed }
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("it is an address")
    }

    const PRIVATE: [&str; 9] = [
        "127.0.0.1",
        "127.255.255.254",
        "10.1.2.3",
        "172.31.0.1",
        "192.168.1.1",
        "::1",
        "fd12:3456::1",
        "::ffff:127.0.0.1",
        "64:ff9b::10.0.0.1",
    ];
    const SPECIAL: [&str; 18] = [
        "0.0.0.0",
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "2002:a9fe:a9fe::1",
        "2001::1",
        "2001:db8::1",
        "::169.254.169.254",
    ];

    #[test]
    fn addresses_that_are_not_public_are_refused() {
        let targets = targets(false, &[]);
        for text in PRIVATE.into_iter().chain(SPECIAL) {
            assert!(!targets.allow(address(text)), "{text}");
        }
        for text in ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "2002:101:101::1"] {
            assert!(targets.allow(address(text)), "{text}");
        }
    }

    #[test]
    fn private_ones_can_be_allowed_and_metadata_stays_refused() {
        let targets = targets(true, &[]);
        for text in PRIVATE {
            assert!(targets.allow(address(text)), "{text}");
        }
        for text in SPECIAL {
            assert!(!targets.allow(address(text)), "{text}");
        }
    }

    #[test]
    fn a_network_can_be_allowed_by_itself() {
        let targets = targets(false, &["10.1.0.0/16", "169.254.0.0/16"]);
        assert!(targets.allow(address("10.1.2.3")));
        assert!(targets.allow(address("::ffff:10.1.2.3")));
        assert!(targets.allow(address("169.254.169.254")));
        assert!(!targets.allow(address("10.2.0.1")));
    }

    #[test]
    fn urls_are_refused_for_what_they_show() {
        let targets = targets(false, &[]);
        let cases = [
            ("here", Refused::Unreadable),
            ("https://", Refused::Unreadable),
            ("ftp://example.com/", Refused::Scheme),
            ("file:///etc/passwd", Refused::Scheme),
            ("https://me@example.com/", Refused::Credentials),
            ("https://:word@example.com/", Refused::Credentials),
            ("https://example.com/#a", Refused::Fragment),
        ];
        for (text, expected) in cases {
            assert_eq!(targets.url(text), Err(expected), "{text}");
        }
        assert_eq!(targets.url(&format!("https://example.com/{}", "a".repeat(2048))), Err(Refused::TooLong));
        assert!(targets.url("https://example.com/hook?token=a").is_ok());
    }

    #[test]
    fn every_way_of_writing_loopback_is_seen() {
        let targets = targets(false, &[]);
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "①27.0.0.1",
        ] {
            let refused = targets.url(&format!("http://{host}:8080/"));
            assert!(matches!(refused, Err(Refused::Address(_))), "{host}: {refused:?}");
        }
    }

    #[test]
    fn of_a_name_with_public_and_private_addresses_only_the_public_ones_are_connected_to() {
        let addresses = |texts: &[&str]| -> Vec<SocketAddr> {
            texts.iter().map(|text| SocketAddr::new(address(text), 443)).collect()
        };
        let targets = targets(false, &[]);
        let mixed = addresses(&["10.0.0.1", "1.1.1.1", "::1", "2606:4700::1111"]);
        assert_eq!(targets.allowed_of(mixed), Ok(addresses(&["1.1.1.1", "2606:4700::1111"])));
        let private = targets.allowed_of(addresses(&["10.0.0.1", "::1"]));
        assert_eq!(private, Err(Refused::Address(address("10.0.0.1"))));
        assert_eq!(targets.allowed_of(Vec::new()), Ok(Vec::new()));
    }

    #[tokio::test]
    async fn a_name_that_leads_to_loopback_gives_no_address() {
        let resolver = PublicNames(Arc::new(targets(false, &[])));
        let refused = resolver.resolve("localhost".parse().expect("it is a name")).await.err();
        let refused = refused.expect("localhost is loopback").to_string();
        assert!(refused.contains("not a public address"), "{refused}");

        let resolver = PublicNames(Arc::new(targets(true, &[])));
        let allowed = resolver.resolve("localhost".parse().expect("it is a name")).await;
        assert!(allowed.expect("it may be connected to").next().is_some());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic_and_none_leads_to_loopback(text in "(https?://)?\\PC{0,40}") {
            if let Ok(url) = targets(false, &[]).url(&text) {
                proptest::prop_assert!(!literal(&url).is_some_and(|address| address.is_loopback()));
            }
        }
    }
}
