use std::net::SocketAddr;
use std::rc::Rc;

use fql_transport::{
    Fanout, FanoutConfig, Item, Key, Receiver, ReceiverConfig, Seed, Sender, SenderConfig, Viewer,
    ViewerConfig, fuzzing,
};
use fql_unit::Timing;

use super::{MAX_STEPS, START, drain, millis};
use crate::input::Input;
use crate::media;
use crate::sealing::Sealing;

const KEYS: ([u8; 32], [u8; 32]) = ([3; 32], [4; 32]);
const FRAME: u64 = 40_000_000;
const FRAMES: u64 = 12;
const MAX_BYTES: usize = 12_000;

thread_local! {
    /// What a fanout gives of a second of a stream.
    static ITEMS: Rc<Vec<Item>> = Rc::new(items());
}

fn items() -> Vec<Item> {
    let key = Key::from_bytes([7; 32]);
    let config = SenderConfig { one_way: true, ..SenderConfig::new(key.clone()) };
    let mut sender = Sender::new(config, Seed::from_bytes([1; 32]), START).expect("the defaults are valid");
    let config = ReceiverConfig { relay: true, ..ReceiverConfig::new(key) };
    let mut receiver = Receiver::new(config, Seed::from_bytes([2; 32])).expect("the defaults are valid");
    let mut fanout = Fanout::new(FanoutConfig::default());
    sender.set_tracks(START, media::tracks());
    let mut items = Vec::new();
    for frame in 0..=FRAMES * 8 {
        let now = START + millis(frame * 5);
        if frame % 8 == 0 {
            let timing = Timing { pts: frame / 8 * FRAME, duration: FRAME };
            for (track, unit) in
                [(media::VIDEO, media::unit(media::LAYERS, 2, 200)), (media::SOUND, media::unit(12, 1, 10))]
            {
                sender.push_unit(now, track, timing, &unit).expect("the track is there");
            }
        }
        for datagram in drain(|| sender.poll_transmit(now)) {
            receiver.handle_datagram(now, 1u8, &datagram);
        }
        drain(|| receiver.poll_transmit(now));
        for event in drain(|| receiver.poll_event()) {
            fanout.handle_event(now, event);
        }
        items.extend(drain(|| fanout.poll(now)));
    }
    items
}

/// A viewer that means harm: whatever it reports, from whatever address, what waits for it stays within its memory,
/// nothing goes to another host, and it never takes an endless time to serve.
pub fn viewer(bytes: &[u8]) {
    let items = ITEMS.with(Rc::clone);
    let mut input = Input::new(bytes);
    let latency = millis(20 + input.u16() % 1000);
    let accepted = fuzzing::accepted(KEYS.0, KEYS.1, latency);
    let from = SocketAddr::from(([10, 0, 0, 1], 4000));
    let config = ViewerConfig { max_bytes: MAX_BYTES, ..ViewerConfig::default() };
    let mut viewer = Viewer::accepted(config, accepted, START, from);
    let mut sealing = Sealing::transport(&KEYS.1, fuzzing::SESSION);
    let (mut now, mut items, mut out) = (START, items.iter(), Vec::new());
    for _ in 0..MAX_STEPS {
        if input.is_empty() {
            break;
        }
        let (skipped, wait, pushed, message) = (input.u8(), input.u8(), input.u8(), input.bytes());
        for item in items.by_ref().take((pushed % 16).into()) {
            viewer.push(now, item);
        }
        let host = if pushed >= 240 { 2 } else { 1 };
        let sender = SocketAddr::from(([10, 0, 0, host], 4000 + u16::from(pushed >> 4)));
        viewer.handle_datagram(now, sender, &sealing.seal(skipped, message));
        out.clear();
        for to in drain(|| viewer.poll_transmit(now, &mut out)) {
            assert_eq!(to.ip(), from.ip());
        }
        drain(|| viewer.poll_event());
        assert_eq!(viewer.stats(now).refused.forged, 0);
        now = now + millis(wait);
    }
}
