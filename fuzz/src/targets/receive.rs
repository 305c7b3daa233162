use fql_transport::{Key, MAX_DATAGRAM, Receiver, ReceiverConfig, ReceiverEvent, Seed, Sender, SenderConfig};

use super::{MAX_STEPS, START, drain, millis};
use crate::input::Input;
use crate::sealing::Sealing;

const KEY: [u8; 32] = [7; 32];
/// What the receiver may hold; a datagram more is not yet too much.
const MAX_BYTES: usize = 1 << 16;

/// Strangers: no datagram without the key starts a session, or makes a receiver or a sender hold anything.
pub fn receive_any_bytes(bytes: &[u8]) {
    let key = Key::from_bytes(KEY);
    let mut sender = Sender::new(SenderConfig::new(key.clone()), Seed::from_bytes([1; 32]), START)
        .expect("the defaults are valid");
    let mut receiver =
        Receiver::new(ReceiverConfig::new(key), Seed::from_bytes([2; 32])).expect("the defaults are valid");
    let (mut now, mut input) = (START, Input::new(bytes));
    for _ in 0..MAX_STEPS {
        if input.is_empty() {
            break;
        }
        let (wait, datagram) = (input.u8(), input.bytes());
        receiver.handle_datagram(now, 1u8, datagram);
        sender.handle_datagram(now, datagram);
        assert!(receiver.poll_transmit(now).is_none());
        drain(|| sender.poll_transmit(now));
        now = now + millis(wait);
    }
    let told = drain(|| receiver.poll_event());
    assert!(told.iter().all(|event| *event == ReceiverEvent::Unauthenticated) && told.len() <= 1);
    assert!(sender.poll_event().is_none());
    assert_eq!(receiver.stats(now).held_bytes, 0);
}

/// Holders of the key who mean harm: any messages, sealed as a one-way sender seals them, stay within the memory that
/// the receiver may take.
pub fn receive_sealed(bytes: &[u8]) {
    let config =
        ReceiverConfig { max_bytes: MAX_BYTES, max_units: 64, ..ReceiverConfig::new(Key::from_bytes(KEY)) };
    let mut receiver = Receiver::new(config, Seed::from_bytes([2; 32])).expect("the values are valid");
    let (mut now, mut input, mut sealing) = (START, Input::new(bytes), Sealing::one_way(&KEY));
    for _ in 0..MAX_STEPS {
        if input.is_empty() {
            break;
        }
        let (skipped, wait, message) = (input.u8(), input.u8(), input.bytes());
        receiver.handle_datagram(now, 1u8, &sealing.seal(skipped, message));
        assert_eq!(receiver.stats(now).refused.forged, 0);
        assert!(receiver.stats(now).held_bytes <= MAX_BYTES + MAX_DATAGRAM);
        now = now + millis(wait);
        drain(|| receiver.poll_transmit(now));
        let events = drain(|| receiver.poll_event());
        assert!(events.len() < 1_000);
        for event in events {
            if let ReceiverEvent::Unit { unit, .. } = event {
                assert!(unit.payload_len() <= MAX_BYTES + MAX_DATAGRAM);
            }
        }
    }
}
