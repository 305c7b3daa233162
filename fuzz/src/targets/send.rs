use std::sync::LazyLock;

use bytes::Bytes;
use fql_transport::{Key, Seed, Sender, SenderConfig};
use fql_unit::Timing;
use fql_unit::wire::put_varint;

use super::{MAX_STEPS, START, drain, millis};
use crate::input::Input;
use crate::media;
use crate::noise::Pattern;
use crate::sealing::Sealing;

const KEY: [u8; 32] = [7; 32];
const RESPOND: u8 = 0xf1;
const FRAME: u64 = 40_000_000;

/// The second message of the handshake, and what the receiver then seals with: the same in each run, because the
/// sender's random numbers are.
static ANSWER: LazyLock<(Vec<u8>, [u8; 32])> = LazyLock::new(|| {
    let first = sender().poll_transmit(START).expect("it begins with a first message");
    let mut server = Pattern::Publishing(&KEY).answer();
    server.read(&first[6..]).expect("it was sealed with this key");
    let mut payload = 2u32.to_be_bytes().to_vec();
    put_varint(&mut payload, 120);
    let answer = [&[RESPOND], &first[1..5], &server.write(&payload)].concat();
    (answer, server.keys().1)
});

fn sender() -> Sender {
    let config = SenderConfig::new(Key::from_bytes(KEY));
    Sender::new(config, Seed::from_bytes([1; 32]), START).expect("the defaults are valid")
}

/// A receiver that means harm: whatever it reports to a sender that has units to send, the sender goes on, and comes
/// to an end of what it sends at a time.
pub fn send(bytes: &[u8]) {
    let (answer, key) = &*ANSWER;
    let mut sender = sender();
    let first = sender.poll_transmit(START).expect("it begins with a first message");
    let session = u32::from_be_bytes(first[1..5].try_into().expect("an id has four bytes"));
    sender.handle_datagram(START, answer);
    assert!(sender.stats(START).connected);
    sender.set_tracks(START, media::tracks());
    let mut sealing = Sealing::transport(key, session);
    let (mut now, mut input, mut pts) = (START, Input::new(bytes), 0);
    for _ in 0..MAX_STEPS {
        if input.is_empty() {
            break;
        }
        let (skipped, wait, units, message) = (input.u8(), input.u8(), input.u8(), input.bytes());
        for number in 0..units % 4 {
            let (track, unit) = match number {
                0 => (media::VIDEO, media::unit(media::LAYERS, 1 + units % 3, 5 * usize::from(units))),
                1 => (media::SOUND, media::unit(12, 1, 10)),
                _ => (media::ENCODED_VIDEO, media::unit(3, 1, 20 * usize::from(units))),
            };
            let timing = Timing { pts, duration: FRAME };
            pts += FRAME / 4;
            // A session that the receiver has ended takes none.
            let _ = sender.push_unit(now, track, timing, &unit);
        }
        sender.handle_datagram(now, &sealing.seal(skipped, message));
        let sent: Vec<Bytes> = drain(|| sender.poll_transmit(now));
        assert!(sent.iter().all(|datagram| datagram.len() <= fql_transport::MAX_DATAGRAM));
        drain(|| sender.poll_event());
        let stats = sender.stats(now);
        assert_eq!(stats.refused.forged, 0);
        now = now + millis(wait);
    }
}
