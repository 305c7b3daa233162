//! A receiver before a peer that has the key and means harm.

use fql_unit::{Segment, UnitFlags};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::message::Message;
use crate::piece::{self, End, Piece, UnitHeader};
use crate::report::Report;
use crate::seal::Sealer;
use crate::{Sender, SenderConfig};

const KEY: Key = Key::from_bytes([1; 32]);
const SALTY: [u8; SALT] = [5; SALT];

/// A one-way session, which needs no answers to be hostile in.
struct Peer {
    sealer: Sealer,
    receiver: Receiver<()>,
    now: Time,
}

impl Peer {
    fn new(config: ReceiverConfig) -> Self {
        let sealer = Sealer::new(&KEY.one_way(&SALTY), datagram::ONE_WAY, 77);
        let receiver = Receiver::new(config, Seed::from_bytes([0; 32])).unwrap();
        let mut peer = Self { sealer, receiver, now: Time::from_nanos(1_000_000_000) };
        let tracks = vec![fql_unit::Track {
            id: 0,
            name: String::new(),
            layers: 15,
            media: fql_unit::Media::Data(fql_unit::DataInfo { caps: String::new() }),
        }];
        let bytes = TrackTable::new(tracks).unwrap().to_bytes().into();
        let table = Message::Tracks { version: 1, part: 0, parts: 1, bytes };
        let hello = peer.sealer.seal_as(datagram::ANNOUNCE, &SALTY, |out| table.encode(0, out));
        peer.receiver.handle_datagram(peer.now, (), &hello);
        assert!(peer.receiver.stats(peer.now).connected);
        peer
    }

    fn say(&mut self, message: &Message) {
        let micros = self.now.wire_micros();
        let datagram = self.sealer.seal(|out| message.encode(micros, out));
        self.receiver.handle_datagram(self.now, (), &datagram);
    }
}

fn small() -> ReceiverConfig {
    ReceiverConfig {
        max_bytes: 200_000,
        max_units: 50,
        latency: crate::MAX_LATENCY,
        ..ReceiverConfig::new(KEY)
    }
}

fn shard(number: u32, layer: u8, offset: u32, len: usize) -> Bytes {
    let header = UnitHeader {
        track: 0,
        number,
        timing: Timing { pts: 0, duration: 0 },
        flags: UnitFlags::default(),
        layers: 15,
        coded: 15,
        slices: 32,
        reference_layers: 0,
        params: Bytes::new(),
    };
    let data = Bytes::from(vec![1; len]);
    piece::encode(&header, &[Piece { layer, slice: 0, offset, data, end: End::Not }])
}

#[test]
fn units_that_never_complete_are_bounded_in_bytes_and_number() {
    let mut peer = Peer::new(small());
    for number in 0..3000 {
        peer.say(&Message::Source { block: None, ceiling: None, content: shard(number, 0, 0, 900) });
        let held = peer.receiver.stats(peer.now).held_bytes;
        assert!(held <= 200_000 + 50_000, "{held} bytes after {number} units");
    }
    // What had to leave early is there as it was, cut off.
    let came = std::iter::from_fn(|| peer.receiver.poll_event()).filter_map(|event| match event {
        ReceiverEvent::Unit { unit, .. } => Some(unit),
        _ => None,
    });
    let units: Vec<_> = came.collect();
    assert!((1..=50).contains(&units.len()), "{}", units.len());
    assert!(units.iter().all(|unit| unit.segment(0, 0) == Some(&Segment::truncated(vec![1; 900]))));
}

#[test]
fn a_segment_that_never_ends_is_bounded() {
    let mut peer = Peer::new(small());
    for part in 0..2000 {
        peer.say(&Message::Source { block: None, ceiling: None, content: shard(0, 3, part * 1000, 1000) });
        let held = peer.receiver.stats(peer.now).held_bytes;
        assert!(held <= 250_000, "{held} bytes after {part} parts");
    }
}

#[test]
fn blocks_that_never_complete_are_bounded() {
    let mut peer = Peer::new(small());
    for block in 0..5000u16 {
        let bytes = Bytes::from(vec![0; 1000]);
        peer.say(&Message::Parity { block, sources: 40, row: 0, ceiling: None, bytes });
        let held = peer.receiver.stats(peer.now).held_bytes;
        assert!(held <= 100_000, "{held} bytes after {block} blocks");
    }
}

#[test]
fn tracks_that_nobody_announced_are_refused() {
    let mut peer = Peer::new(small());
    let unit = Unit::new(1, 1, []).unwrap();
    for track in 1..=255 {
        let content = piece::encode(&UnitHeader::of(&unit, track, 0, Timing::default(), 0), &[]);
        peer.say(&Message::Source { block: None, ceiling: None, content });
    }
    assert_eq!(peer.receiver.stats(peer.now).refused.malformed, 255);
    assert_eq!(peer.receiver.stats(peer.now).tracks.len(), 0);
}

#[test]
fn times_beyond_all_reason_do_no_harm() {
    let mut peer = Peer::new(ReceiverConfig::new(KEY));
    let unit = Unit::new(1, 1, []).unwrap();
    for (number, pts) in [0, i64::MAX as u64, 1, u64::MAX, 1 << 62, 0].into_iter().enumerate() {
        for duration in [0, 1, u64::MAX] {
            let timing = Timing { pts, duration };
            let number = number as u32 * 7 + u32::from(duration == 1);
            let mut header = UnitHeader::of(&unit, 0, number, timing, 1);
            header.coded = 1;
            let content = piece::encode(&header, &[]);
            peer.say(&Message::Source { block: None, ceiling: None, content });
            peer.now = peer.now + Duration::from_millis(10);
        }
    }
    peer.now = peer.now + Duration::from_millis(200);
    peer.receiver.poll_transmit(peer.now);
    let events = std::iter::from_fn(|| peer.receiver.poll_event());
    let waits = events.filter_map(|event| match event {
        ReceiverEvent::Unit { due, .. } => Some(due),
        _ => None,
    });
    let dues: Vec<_> = waits.collect();
    assert!(dues.len() >= 5, "{}", dues.len());
    assert!(dues.iter().all(|due| *due <= peer.now), "nothing is due later than the budget");
}

fn message() -> impl Strategy<Value = Message> {
    let bytes = || vec(any::<u8>(), 0..60).prop_map(Bytes::from);
    prop_oneof![
        (prop::option::of((0u16..4, 0u8..50)), prop::option::of(0u8..15), bytes())
            .prop_map(|(block, ceiling, content)| Message::Source { block, ceiling, content }),
        (
            prop::option::of((0u16..4, 0u8..50)),
            prop::option::of(0u8..15),
            (0u32..9, 0u8..15, 0u32..90, 1usize..90)
        )
            .prop_map(|(block, ceiling, (number, layer, offset, len))| {
                Message::Source { block, ceiling, content: shard(number, layer, offset, len) }
            }),
        (0u16..4, 0u8..50, 0u8..70, bytes()).prop_map(|(block, sources, row, bytes)| Message::Parity {
            block,
            sources,
            row,
            ceiling: None,
            bytes
        }),
        (0u16..4, 0u8..4, 0u8..4, bytes()).prop_map(|(version, part, parts, bytes)| Message::Tracks {
            version,
            part,
            parts,
            bytes
        }),
        any::<bool>().prop_map(|paused| Message::Ping { paused }),
        Just(Message::Report(Box::default())),
    ]
}

proptest! {
    #[test]
    fn whatever_a_holder_of_the_key_says_does_no_harm(messages in vec((message(), 0u64..50), 0..120)) {
        let mut peer = Peer::new(small());
        for (message, ms) in messages {
            peer.now = peer.now + Duration::from_millis(ms);
            peer.say(&message);
            while peer.receiver.poll_transmit(peer.now).is_some() {}
            prop_assert!(peer.receiver.poll_timeout().is_none_or(|time| time > peer.now));
            prop_assert!(peer.receiver.stats(peer.now).held_bytes <= 250_000);
        }
    }

    #[test]
    fn whatever_a_receiver_says_does_a_sender_no_harm(reports in vec(any::<([u64; 8], u64, u8, u32)>(), 0..30)) {
        let mut now = Time::from_nanos(1_000_000_000);
        let mut sender = Sender::new(SenderConfig { max_bitrate: Some(1_000_000), ..SenderConfig::new(KEY) }, Seed::from_bytes([1; 32]), now).unwrap();
        let mut receiver = Receiver::<()>::new(ReceiverConfig::new(KEY), Seed::from_bytes([2; 32])).unwrap();
        let tracks = vec![fql_unit::Track { id: 0, name: String::new(), layers: 3, media: fql_unit::Media::Data(fql_unit::DataInfo { caps: String::new() }) }];
        sender.set_tracks(now, TrackTable::new(tracks).unwrap());
        receiver.handle_datagram(now, (), &sender.poll_transmit(now).unwrap());
        let (_, answer) = receiver.poll_transmit(now).unwrap();
        sender.handle_datagram(now, &answer);
        let half = receiver.half_open.pop_back().unwrap();
        let mut sealer = Sealer::new(&half.keys.sealing, datagram::TRANSPORT, half.initiator);
        let mut unit = Unit::new(3, 1, []).unwrap();
        unit.set(0, 0, Segment::complete(vec![1; 500]));
        unit.set(1, 0, Segment::complete(vec![2; 5000]));
        for (counts, value, layer, last) in reports {
            let [received, lost, bursts, recovered, late, complete, partial, missing] = counts;
            let counts = crate::report::Counts { received, lost, bursts, recovered, late, complete, partial, missing };
            let acks = vec![crate::report::Ack { track: layer % 2, last, layers: vec![layer % 16; 32] }];
            let report = Report { counts, echo: last, held: value, queueing: value, standing: value, delivered_rate: value, arrived: value, latency: value, max_layer: layer, tracks: Some(last as u16), paused: layer > 100, out_of_turn: layer % 3 == 0, acks };
            let message = Message::Report(Box::new(report));
            sender.handle_datagram(now, &sealer.seal(|out| message.encode(last, out)));
            sender.push_unit(now, 0, Timing::default(), &unit).unwrap();
            now = now + Duration::from_millis(20);
            while sender.poll_transmit(now).is_some() {}
        }
        prop_assert!(sender.stats(now).connected);
    }
}
