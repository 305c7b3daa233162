//! A server's port before strangers: whatever they send, also behind a true cookie, it gives no session, holds no more
//! than its bounds, and gives no more bytes than it got to whom has not shown its address.
#![no_main]

use std::net::SocketAddr;
use std::time::Duration;

use arbitrary::Arbitrary;
use fql_transport::{Arrival, Endpoint, EndpointConfig, Key, KeyId, Seed, ServerKey, Time};
use libfuzzer_sys::fuzz_target;

const MAX_HALF_OPEN: usize = 4;
const FIRST: [u8; 2] = [0xf0, 0xf5];
const COOKIE: u8 = 0xf2;
const WITH_COOKIE: u8 = 0xf3;

#[derive(Debug, Arbitrary)]
struct Step {
    from: u8,
    wait: u16,
    what: What,
}

#[derive(Debug, Arbitrary)]
enum What {
    /// Any datagram.
    Bytes(Vec<u8>),
    /// A first message of a publisher or a viewer, which fetches its cookie.
    First(bool, Vec<u8>),
}

fuzz_target!(|steps: Vec<Step>| {
    let config = EndpointConfig {
        max_half_open: MAX_HALF_OPEN,
        ..EndpointConfig::new(ServerKey::from_bytes([9; 32]))
    };
    let mut endpoint = Endpoint::new(config, Seed::from_bytes([1; 32])).expect("the defaults are valid");
    let mut now = Time::from_nanos(1_000_000_000);
    for Step { from, wait, what } in &steps {
        now = now + Duration::from_millis((*wait).into());
        let from = SocketAddr::from(([10, 0, 0, from % 8], 4000 + u16::from(*from)));
        match what {
            What::Bytes(bytes) => drop(offer(&mut endpoint, now, from, bytes)),
            What::First(is_view, rest) => {
                let first = [&FIRST[usize::from(*is_view)..][..1], rest].concat();
                for answer in offer(&mut endpoint, now, from, &first) {
                    if let Some((&COOKIE, cookie)) = answer.split_first().map(|(kind, rest)| (kind, &rest[4..])) {
                        offer(&mut endpoint, now, from, &[&[WITH_COOKIE], cookie, &first].concat());
                    }
                }
            }
        }
    }
});

/// Gives the endpoint a datagram, and what it answers.
fn offer(endpoint: &mut Endpoint<SocketAddr>, now: Time, from: SocketAddr, datagram: &[u8]) -> Vec<Vec<u8>> {
    let keys = |_: &KeyId| Some(Key::from_bytes([7; 32]));
    let arrival = endpoint.handle_datagram(now, from, datagram, &keys);
    // Nobody here knows a key; a viewer needs none, but cannot guess what seals.
    assert!(matches!(arrival, Arrival::Nothing), "{arrival:?}");
    let mut answers = Vec::new();
    while let Some((to, answer)) = endpoint.poll_transmit(now) {
        assert_eq!(to, from);
        answers.push(answer.to_vec());
    }
    assert!(answers.iter().map(Vec::len).sum::<usize>() <= datagram.len());
    let stats = endpoint.stats();
    assert!(stats.half_open <= MAX_HALF_OPEN && stats.sessions == 0);
    assert!(endpoint.poll_timeout().is_none_or(|time| time > now));
    answers
}
