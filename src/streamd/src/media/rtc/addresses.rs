//! Where clients reach the port.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use crate::config::Config;

/// The addresses that answers name, the best first: those that are configured, or else the host of the public URL and
/// the addresses of this machine. Never empty.
pub async fn candidates(config: &Config, bound: SocketAddr) -> Vec<SocketAddr> {
    let mut found = Vec::new();
    for host in named(config, bound.port()) {
        match tokio::net::lookup_host(&host).await {
            Ok(addresses) => found.extend(addresses),
            Err(error) => {
                tracing::warn!(%host, %error, "the address that WebRTC clients are told is not known");
            }
        }
    }
    if config.rtc.advertise.is_empty() || found.is_empty() {
        found.extend(own(bound));
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|address| seen.insert(*address) && !address.ip().is_unspecified());
    found
}

/// `host:port` of what is configured.
fn named(config: &Config, port: u16) -> Vec<String> {
    if !config.rtc.advertise.is_empty() {
        return config.rtc_addresses(port);
    }
    let url = config.http.public_url.as_deref().and_then(|url| reqwest::Url::parse(url).ok());
    url.and_then(|url| Some(format!("{}:{port}", url.host()?))).into_iter().collect()
}

/// The addresses of this machine that what is bound so is reached at.
fn own(bound: SocketAddr) -> Vec<SocketAddr> {
    let at = |ip: IpAddr| SocketAddr::new(ip, bound.port());
    if !bound.ip().is_unspecified() {
        return vec![bound];
    }
    let four = [outward(Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into())];
    let six = [outward(Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into())];
    let mut found: Vec<IpAddr> = four.into_iter().flatten().chain([Ipv4Addr::LOCALHOST.into()]).collect();
    if bound.is_ipv6() {
        found.extend(six.into_iter().flatten().chain([Ipv6Addr::LOCALHOST.into()]));
    }
    found.into_iter().map(at).collect()
}

/// The address of this machine towards others. Connecting a UDP socket asks the routing table and sends nothing; the
/// addresses are those that documentation has (RFC 5737, RFC 3849), which nobody has.
fn outward(from: IpAddr, towards: IpAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind(SocketAddr::new(from, 0)).ok()?;
    socket.connect(SocketAddr::new(towards, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn candidates(bound: &str, change: impl FnOnce(&mut Config)) -> Vec<String> {
        let mut config = Config::default();
        change(&mut config);
        super::candidates(&config, bound.parse().unwrap()).await.iter().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn what_is_bound_to_one_address_is_reached_there() {
        assert_eq!(candidates("192.0.2.7:8189", |_| {}).await, ["192.0.2.7:8189"]);
    }

    #[tokio::test]
    async fn what_is_bound_to_all_addresses_is_reached_on_this_machine_at_least() {
        let found = candidates("[::]:8189", |_| {}).await;
        assert!(found.contains(&"127.0.0.1:8189".to_owned()), "{found:?}");
        assert!(!found.iter().any(|address| address.starts_with("0.0.0.0")), "{found:?}");
    }

    #[tokio::test]
    async fn advertised_addresses_are_the_only_ones() {
        let advertise = |config: &mut Config| {
            config.rtc.advertise = vec!["203.0.113.7".into(), "203.0.113.8:99".into()];
        };
        assert_eq!(candidates("[::]:8189", advertise).await, ["203.0.113.7:8189", "203.0.113.8:99"]);
    }

    #[tokio::test]
    async fn the_host_of_the_public_url_comes_first() {
        let url = |config: &mut Config| config.http.public_url = Some("https://203.0.113.9".into());
        assert_eq!(candidates("[::]:8189", url).await[0], "203.0.113.9:8189");
    }
}
