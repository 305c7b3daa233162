//! Ways to look for what tests start.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use fql_discover::{Credentials, Device, Found, GROUP, Options, discover};

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// On loopback, in a group of this port.
pub fn options(port: u16) -> Options {
    Options {
        group: SocketAddrV4::new(*GROUP.ip(), port),
        interfaces: vec![Ipv4Addr::LOCALHOST],
        timeout: Duration::from_secs(1),
        credentials: None,
        addresses: Vec::new(),
        may_ask: Arc::new(|_| true),
    }
}

/// As this user.
pub fn as_user(port: u16, password: &str) -> Options {
    let credentials = Credentials { username: "admin".to_owned(), password: password.to_owned() };
    Options { credentials: Some(credentials), ..options(port) }
}

/// Looks until so many answer: a packet to a group may be lost on a machine that has other things to do.
pub async fn find(options: &Options, devices: usize) -> Found {
    let begun = std::time::Instant::now();
    loop {
        let found = discover(options).await.expect("loopback is there");
        if found.devices.len() >= devices {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{found:?}");
    }
}

/// The only one.
pub async fn find_one(options: &Options) -> Device {
    let Found { mut devices, is_more } = find(options, 1).await;
    assert!(devices.len() == 1 && !is_more, "{devices:?}");
    devices.remove(0)
}
