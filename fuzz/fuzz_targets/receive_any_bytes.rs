//! Strangers: no datagram without the key starts a session, or makes a receiver or a sender hold anything.
#![no_main]

use std::time::Duration;

use fql_transport::{Key, Receiver, ReceiverConfig, Seed, Sender, SenderConfig, Time};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|datagrams: Vec<(Vec<u8>, u8)>| {
    let key = Key::from_bytes([7; 32]);
    let mut now = Time::from_nanos(1_000_000_000);
    let mut sender = Sender::new(SenderConfig::new(key.clone()), Seed::from_bytes([1; 32]), now)
        .expect("the defaults are valid");
    let mut receiver =
        Receiver::new(ReceiverConfig::new(key), Seed::from_bytes([2; 32])).expect("the defaults are valid");
    for (datagram, wait) in &datagrams {
        receiver.handle_datagram(now, 1u8, datagram);
        sender.handle_datagram(now, datagram);
        assert!(receiver.poll_transmit(now).is_none());
        while sender.poll_transmit(now).is_some() {}
        now = now + Duration::from_millis((*wait).into());
    }
    assert!(receiver.poll_event().is_none() && sender.poll_event().is_none());
    assert_eq!(receiver.stats(now).held_bytes, 0);
});
