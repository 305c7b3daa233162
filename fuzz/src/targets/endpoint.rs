use std::net::SocketAddr;

use fql_transport::{Arrival, Endpoint, EndpointConfig, Key, KeyId, Seed, ServerKey, Time};

use super::{MAX_STEPS, START, drain, millis};
use crate::input::Input;

const MAX_HALF_OPEN: usize = 4;
const FIRST: [u8; 2] = [0xf0, 0xf5];
const COOKIE: u8 = 0xf2;
const WITH_COOKIE: u8 = 0xf3;

/// A server's port before strangers: whatever they send, also behind a true cookie, it gives no session, holds no more
/// than its bounds, and gives no more bytes than it got to whom has not shown its address.
pub fn endpoint(bytes: &[u8]) {
    let config = EndpointConfig {
        max_half_open: MAX_HALF_OPEN,
        ..EndpointConfig::new(ServerKey::from_bytes([9; 32]))
    };
    let mut endpoint = Endpoint::new(config, Seed::from_bytes([1; 32])).expect("the defaults are valid");
    let (mut now, mut input) = (START, Input::new(bytes));
    for _ in 0..MAX_STEPS {
        if input.is_empty() {
            break;
        }
        let (from, wait, kind, datagram) = (input.u8(), input.u16(), input.u8(), input.bytes());
        now = now + millis(wait);
        let from = SocketAddr::from(([10, 0, 0, from % 8], 4000 + u16::from(from)));
        match kind % 3 {
            0 => drop(offer(&mut endpoint, now, from, datagram)),
            // A first message of a publisher or a viewer, which fetches its cookie.
            kind => {
                let first = [&[FIRST[usize::from(kind - 1)]], datagram].concat();
                for answer in offer(&mut endpoint, now, from, &first) {
                    if let Some((&COOKIE, rest)) = answer.split_first() {
                        offer(&mut endpoint, now, from, &[&[WITH_COOKIE], &rest[4..], &first].concat());
                    }
                }
            }
        }
    }
}

/// Gives the endpoint a datagram, and what it answers.
fn offer(endpoint: &mut Endpoint<SocketAddr>, now: Time, from: SocketAddr, datagram: &[u8]) -> Vec<Vec<u8>> {
    let keys = |_: &KeyId| Some(Key::from_bytes([7; 32]));
    let arrival = endpoint.handle_datagram(now, from, datagram, &keys);
    // Nobody here knows a key; a viewer needs none, but cannot guess what seals.
    assert!(matches!(arrival, Arrival::Nothing), "{arrival:?}");
    let answers = drain(|| endpoint.poll_transmit(now));
    assert!(answers.iter().all(|(to, _)| *to == from));
    let answers: Vec<Vec<u8>> = answers.into_iter().map(|(_, answer)| answer.to_vec()).collect();
    assert!(answers.iter().map(Vec::len).sum::<usize>() <= datagram.len());
    let stats = endpoint.stats();
    assert!(stats.half_open <= MAX_HALF_OPEN && stats.sessions == 0);
    assert!(endpoint.poll_timeout().is_none_or(|time| time > now));
    answers
}
