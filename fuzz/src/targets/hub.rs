use std::net::SocketAddr;

use fql_transport::{
    Fanout, FanoutConfig, MAX_DATAGRAM, Receiver, ReceiverConfig, Seed, Viewer, ViewerConfig, fuzzing,
};

use super::{MAX_STEPS, START, drain, millis};
use crate::input::Input;
use crate::sealing::Sealing;

const RECEIVER: ([u8; 32], [u8; 32]) = ([1; 32], [2; 32]);
const VIEWER: ([u8; 32], [u8; 32]) = ([3; 32], [4; 32]);
const MAX_BYTES: usize = 1 << 16;
const RING_BYTES: usize = 1 << 16;
const MAX_WAITING: usize = 1 << 16;
/// What a ring, or what waits for a viewer, may have above its bound: the newest of each.
const SLACK: usize = 1 << 16;

/// A publisher that a daemon has accepted, and that means harm: what it sends goes through the receiver in relay mode
/// and the fanout to a viewer, and each of them stays within its memory.
pub fn hub(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let latency = millis(20 + input.u16() % 1000);
    let from = SocketAddr::from(([10, 0, 0, 1], 4000));
    let config = ReceiverConfig {
        relay: true,
        latency,
        max_bytes: MAX_BYTES,
        max_units: 64,
        ..ReceiverConfig::default()
    };
    let accepted = fuzzing::accepted(RECEIVER.0, RECEIVER.1, latency);
    let mut receiver = Receiver::accepted(config, accepted, Seed::from_bytes([2; 32]), START, from)
        .expect("the values are valid");
    let mut fanout = Fanout::new(FanoutConfig { latency, ring_bytes: RING_BYTES, ..FanoutConfig::default() });
    let accepted = fuzzing::accepted(VIEWER.0, VIEWER.1, latency);
    let config = ViewerConfig { max_bytes: MAX_WAITING, ..ViewerConfig::default() };
    let mut viewer = Viewer::accepted(config, accepted, START, from);
    let mut sealing = Sealing::transport(&RECEIVER.1, fuzzing::SESSION);
    let (mut now, mut out) = (START, Vec::new());
    for _ in 0..MAX_STEPS {
        if input.is_empty() {
            break;
        }
        let (skipped, wait, message) = (input.u8(), input.u8(), input.bytes());
        receiver.handle_datagram(now, from, &sealing.seal(skipped, message));
        assert!(receiver.stats(now).held_bytes <= MAX_BYTES + MAX_DATAGRAM);
        now = now + millis(wait);
        drain(|| receiver.poll_transmit(now));
        for event in drain(|| receiver.poll_event()) {
            fanout.handle_event(now, event);
        }
        for item in drain(|| fanout.poll(now)) {
            viewer.push(now, &item);
        }
        assert!(fanout.stats(now).ring_bytes <= RING_BYTES + SLACK);
        out.clear();
        drain(|| viewer.poll_transmit(now, &mut out));
    }
    let mut joined =
        Viewer::accepted(ViewerConfig::default(), fuzzing::accepted(VIEWER.0, VIEWER.1, latency), now, from);
    for item in fanout.join(now) {
        joined.push(now, &item);
    }
    drain(|| joined.poll_transmit(now, &mut out));
}
