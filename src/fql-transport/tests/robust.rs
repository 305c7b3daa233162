//! No bytes from the network make a sender or a receiver panic, grow or get stuck.

mod world;

use std::time::Duration;

use fql_transport::{Receiver, ReceiverConfig, Seed, Sender, SenderConfig, Time};
use proptest::collection::vec;
use proptest::prelude::*;
use world::{Dice, KEY, Link, World, unit, video_table};

fn world(one_way: bool) -> World {
    let config = SenderConfig { one_way, ..SenderConfig::new(KEY) };
    let mut world = World::with(config, ReceiverConfig::new(KEY), Link::PERFECT, 3);
    world.record = Some(Vec::new());
    world.sender.set_tracks(world.now, video_table(10));
    world.connect();
    let mut dice = Dice(1);
    let units: Vec<_> = (0..4).map(|_| unit(&mut dice, 10, 4, &[250, 450, 2000])).collect();
    world.play(3, &units);
    world
}

proptest! {
    #[test]
    fn any_bytes_do_no_harm(datagrams in vec((vec(any::<u8>(), 0..1300), 0xefu8..=0xf8), 0..40)) {
        let mut now = Time::from_nanos(1_000_000_000);
        let mut sender = Sender::new(SenderConfig::new(KEY), Seed::from_bytes([1; 32]), now).unwrap();
        let mut receiver = Receiver::new(ReceiverConfig::new(KEY), Seed::from_bytes([2; 32])).unwrap();
        let count = datagrams.len() as u64;
        for (mut datagram, kind) in datagrams {
            receiver.handle_datagram(now, 1, &datagram);
            if let Some(first) = datagram.first_mut() {
                *first = kind;
            }
            receiver.handle_datagram(now, 1, &datagram);
            sender.handle_datagram(now, &datagram);
            now = now + Duration::from_millis(10);
        }
        let (sent, received) = (sender.stats(now), receiver.stats(now));
        prop_assert_eq!(received.refused.foreign, 2 * count);
        prop_assert_eq!(sent.refused.foreign + sent.refused.forged, count);
        prop_assert_eq!(received.held_bytes, 0);
        prop_assert!(receiver.poll_transmit(now).is_none());
    }

    #[test]
    fn damaged_datagrams_of_a_session_do_no_harm(
        one_way: bool,
        damage in vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>(), any::<prop::sample::Index>()), 1..80),
    ) {
        let mut world = world(one_way);
        let record = world.record.take().unwrap();
        let before = world.receiver.stats(world.now);
        for (which, at, to, cut) in damage {
            let mut datagram = which.get(&record).clone();
            let at = at.index(datagram.len());
            datagram[at] ^= to;
            if to % 4 == 0 {
                datagram.truncate(cut.index(datagram.len()));
            }
            world.receiver.handle_datagram(world.now, 1, &datagram);
            world.sender.handle_datagram(world.now, &datagram);
        }
        let after = world.receiver.stats(world.now);
        prop_assert_eq!((after.received, after.sessions), (before.received, before.sessions));
        world.run(Duration::from_millis(200));
        prop_assert_eq!(world.units().len(), 4);
    }
}

#[test]
fn a_flood_of_first_messages_leaves_no_more_than_a_few_half_open_sessions() {
    let mut world = world(false);
    world.run(Duration::from_millis(200));
    let before = world.received.len();
    for seed in 0..200u8 {
        let mut stranger =
            Sender::new(SenderConfig::new(KEY), Seed::from_bytes([seed; 32]), world.now).unwrap();
        let first = stranger.poll_transmit(world.now).unwrap();
        world.receiver.handle_datagram(world.now, 66, &first);
    }
    let answers = std::iter::from_fn(|| world.receiver.poll_transmit(world.now)).count();
    assert!((8..=20).contains(&answers), "{answers} answers wait at most");
    let mut dice = Dice(1);
    world.play(3, &[unit(&mut dice, 10, 4, &[250])]);
    world.run(Duration::from_millis(200));
    assert_eq!(world.units().len(), 5, "the session goes on");
    assert_eq!(world.received.len(), before + 1);
}
