//! Who asks: the address at the other end, or what trusted proxies say of it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use ipnet::IpNet;

use crate::config::Config;

/// Who asks. Every request has one in its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// The address of the client itself, not that of a trusted proxy.
    pub address: IpAddr,
    /// Whether the client speaks HTTPS, to this daemon or to a trusted proxy.
    pub secure: bool,
}

/// Which proxies are believed.
pub struct Trusted {
    networks: Vec<IpNet>,
    /// Whether connections to this daemon are HTTPS.
    tls: bool,
}

impl Trusted {
    /// As configured.
    pub fn new(config: &Config) -> Self {
        Self { networks: config.http.trusted_proxies.clone(), tls: config.http.certificate.is_some() }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Who asks, when `peer` is at the other end of the connection.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return Client { address: peer, secure: self.tls };
        }
        let secure = match headers.get("x-forwarded-proto") {
            Some(scheme) => scheme.as_bytes().eq_ignore_ascii_case(b"https"),
            None => self.tls,
        };
        Client { address: self.forwarded(peer, headers), secure }
    }

    /// The last address in `X-Forwarded-For` that no trusted proxy has. Each proxy adds the one that it saw at the
    /// end, so everything before that may be made up by the client.
    fn forwarded(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut nearest = peer;
        let values: Vec<&str> =
            headers.get_all("x-forwarded-for").iter().map(|value| value.to_str().unwrap_or("?")).collect();
        for text in values.iter().rev().flat_map(|value| value.rsplit(',')) {
            let Some(address) = address(text.trim()) else { break };
            nearest = address;
            if !self.trusts(address) {
                break;
            }
        }
        nearest
    }
}

/// An address, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let plain = text.trim_start_matches('[').trim_end_matches(']');
    let address = plain.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))?;
    Some(IpAddr::to_canonical(&address))
}

/// Puts the [`Client`] into the request's extensions.
pub async fn tell(
    State(trusted): State<Arc<Trusted>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    mut request: Request,
    next: Next,
) -> Response {
    let client = trusted.client(peer.ip(), request.headers());
    request.extensions_mut().insert(client);
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(trusted: &[&str], peer: &str, forwarded: &[&str], scheme: Option<&str>) -> (String, bool) {
        let networks = trusted.iter().map(|text| text.parse().expect("it is a network")).collect();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().expect("it is a header"));
        }
        if let Some(scheme) = scheme {
            headers.insert("x-forwarded-proto", scheme.parse().expect("it is a header"));
        }
        let client =
            Trusted { networks, tls: false }.client(peer.parse().expect("it is an address"), &headers);
        (client.address.to_string(), client.secure)
    }

    #[test]
    fn without_trusted_proxies_the_headers_say_nothing() {
        assert_eq!(ask(&[], "192.0.2.1", &["1.1.1.1"], Some("https")), ("192.0.2.1".to_owned(), false));
        assert_eq!(ask(&["10.0.0.0/8"], "192.0.2.1", &["1.1.1.1"], None).0, "192.0.2.1");
    }

    #[test]
    fn a_trusted_proxy_tells_who_asks() {
        let asked = ask(&["127.0.0.0/8"], "127.0.0.1", &["198.51.100.9"], Some("https"));
        assert_eq!(asked, ("198.51.100.9".to_owned(), true));
        assert_eq!(ask(&["127.0.0.0/8"], "::ffff:127.0.0.1", &["198.51.100.9"], None).0, "198.51.100.9");
        assert_eq!(ask(&["127.0.0.0/8"], "127.0.0.1", &[], None).0, "127.0.0.1");
    }

    #[test]
    fn what_a_client_makes_up_before_the_proxys_word_is_not_believed() {
        assert_eq!(ask(&["127.0.0.0/8"], "127.0.0.1", &["6.6.6.6, 198.51.100.9"], None).0, "198.51.100.9");
        assert_eq!(ask(&["127.0.0.0/8"], "127.0.0.1", &["6.6.6.6", "198.51.100.9"], None).0, "198.51.100.9");
        assert_eq!(ask(&["127.0.0.0/8"], "127.0.0.1", &["127.0.0.1, 198.51.100.9"], None).0, "198.51.100.9");
    }

    #[test]
    fn several_trusted_proxies_in_a_row_are_passed() {
        let trusted = ["127.0.0.0/8", "10.0.0.0/8"];
        assert_eq!(ask(&trusted, "127.0.0.1", &["6.6.6.6, 198.51.100.9, 10.1.1.1"], None).0, "198.51.100.9");
        assert_eq!(ask(&trusted, "127.0.0.1", &["[2001:db8::1]:443, 10.1.1.1:80"], None).0, "2001:db8::1");
    }

    #[test]
    fn what_is_no_address_ends_the_chain() {
        assert_eq!(ask(&["127.0.0.0/8"], "127.0.0.1", &["198.51.100.9, unknown"], None).0, "127.0.0.1");
        assert_eq!(ask(&["127.0.0.0/8"], "127.0.0.1", &[""], None).0, "127.0.0.1");
    }
}
