//! Sessions: how they begin, die, return and end, and that units cross them unchanged.

mod world;

use std::time::Duration;

use fql_transport::{
    EndReason, Error, Key, Receiver, ReceiverConfig, ReceiverEvent, Seed, Sender, SenderConfig, SenderEvent,
    Time,
};
use fql_unit::Timing;
use world::{Dice, KEY, Link, World, ended, frames, playing, uncontrolled, unit, video_table};

#[test]
fn units_cross_a_perfect_link_unchanged_and_in_order() {
    let mut world = World::with(uncontrolled(), ReceiverConfig::new(KEY), Link::PERFECT, 1);
    world.sender.set_tracks(world.now, video_table(10));
    world.connect();
    let mut dice = Dice(7);
    let units: Vec<_> = (0..50).map(|_| unit(&mut dice, 10, 4, &[250, 450, 900, 1700, 3000])).collect();
    world.play(3, &units);
    world.run(Duration::from_millis(300));
    assert!(matches!(world.received[0], ReceiverEvent::Started { one_way: false }));
    assert!(matches!(&world.received[1], ReceiverEvent::Tracks(table) if *table == video_table(10)));
    assert!(world.sent.iter().any(|event| matches!(event, SenderEvent::Connected { .. })));
    let came = world.units();
    assert_eq!(came.len(), units.len());
    for (number, (came, sent)) in came.iter().zip(&units).enumerate() {
        assert_eq!(came.0, number as u64);
        assert!(came.1 == sent, "unit {number}");
    }
}

#[test]
fn a_goodbye_ends_the_session_after_the_last_unit() {
    let mut world = playing(Link::PERFECT);
    world.play(3, &frames(10));
    world.sender.close(world.now);
    assert_eq!(world.sender.push_unit(world.now, 3, Timing::default(), &frames(1)[0]), Err(Error::Closed));
    world.run_until("the end", |world| world.sent.contains(&SenderEvent::Closed) && !ended(world).is_empty());
    assert_eq!(world.units().len(), 10);
    assert_eq!(world.received.last(), Some(&ReceiverEvent::Ended { reason: EndReason::Goodbye }));
    assert!(world.sender.poll_timeout().is_none() && world.receiver.poll_timeout().is_none());
}

#[test]
fn a_goodbye_arrives_on_a_bad_link_too() {
    for seed in 0..20 {
        let mut world = World::new(Link::losing(0.2, 2.0), seed);
        world.sender.set_tracks(world.now, video_table(10));
        world.connect();
        world.play(3, &frames(5));
        world.sender.close(world.now);
        world.run_until("the end", |world| !ended(world).is_empty());
        assert_eq!(ended(&world), [EndReason::Goodbye], "seed {seed}");
    }
}

#[test]
fn a_session_that_dies_comes_back_by_itself() {
    let mut world = playing(Link::PERFECT);
    world.play(3, &frames(5));
    world.there.link.loss = 1.0;
    world.back.link.loss = 1.0;
    world.run(Duration::from_secs(6));
    assert_eq!(ended(&world), [EndReason::Silence]);
    assert!(world.sent.contains(&SenderEvent::Disconnected { reason: EndReason::Silence }));
    assert!(!world.sender.stats(world.now).connected);
    world.there.link.loss = 0.0;
    world.back.link.loss = 0.0;
    world.connect();
    world.received.clear();
    world.play(3, &frames(5));
    world.run(Duration::from_millis(200));
    assert!(matches!(world.received[..2], [ReceiverEvent::Started { .. }, ReceiverEvent::Tracks(_)]));
    assert_eq!(world.units().len(), 5);
    assert_eq!(world.receiver.stats(world.now).sessions, 2);
}

#[test]
fn a_session_without_media_stays_alive() {
    let mut world = playing(Link::losing(0.3, 1.0));
    world.run(Duration::from_secs(30));
    assert!(world.sender.stats(world.now).connected && world.receiver.stats(world.now).connected);
    assert_eq!((world.sender.stats(world.now).sessions, ended(&world).len()), (1, 0));
}

#[test]
fn a_sender_that_restarts_takes_over() {
    let mut world = playing(Link::PERFECT);
    world.play(3, &frames(5));
    world.sender = Sender::new(SenderConfig::new(KEY), Seed::from_bytes([99; 32]), world.now).unwrap();
    world.sender.set_tracks(world.now, video_table(4));
    world.connect();
    world.run(Duration::from_millis(200));
    assert_eq!(ended(&world), [EndReason::Replaced]);
    assert_eq!(world.received.last(), Some(&ReceiverEvent::Tracks(video_table(4))));
}

#[test]
fn a_receiver_that_restarts_gets_a_new_session() {
    let mut world = playing(Link::PERFECT);
    world.play(3, &frames(5));
    world.receiver.close(world.now);
    world.step();
    world.receiver = Receiver::new(ReceiverConfig::new(KEY), Seed::from_bytes([98; 32])).unwrap();
    world.run_until("the goodbye", |world| !world.sender.stats(world.now).connected);
    world.connect();
    world.received.clear();
    world.play(3, &frames(5));
    world.run(Duration::from_millis(200));
    assert_eq!(world.units().len(), 5);
}

#[test]
fn a_handshake_survives_heavy_loss() {
    for seed in 0..20 {
        let mut world = World::new(Link::losing(0.5, 1.0), seed);
        world.sender.set_tracks(world.now, video_table(10));
        world.connect();
        world.run_until("the tracks", |world| {
            world.received.contains(&ReceiverEvent::Tracks(video_table(10)))
        });
    }
}

#[test]
fn an_answer_is_no_longer_than_the_question() {
    let mut sender = Sender::new(SenderConfig::new(KEY), Seed::from_bytes([1; 32]), Time::ZERO).unwrap();
    let config = ReceiverConfig { latency: fql_transport::MAX_LATENCY, ..ReceiverConfig::new(KEY) };
    let mut receiver = Receiver::new(config, Seed::from_bytes([2; 32])).unwrap();
    let question = sender.poll_transmit(Time::ZERO).unwrap();
    receiver.handle_datagram(Time::ZERO, 1, &question);
    let (_, answer) = receiver.poll_transmit(Time::ZERO).unwrap();
    assert!(answer.len() <= question.len(), "{} bytes for {}", answer.len(), question.len());
}

#[test]
fn forged_answers_do_not_keep_the_true_one_out() {
    let now = Time::from_nanos(1_000_000_000);
    let mut sender = Sender::new(SenderConfig::new(KEY), Seed::from_bytes([1; 32]), now).unwrap();
    let mut receiver = Receiver::<u8>::new(ReceiverConfig::new(KEY), Seed::from_bytes([2; 32])).unwrap();
    receiver.handle_datagram(now, 1, &sender.poll_transmit(now).unwrap());
    let (_, answer) = receiver.poll_transmit(now).unwrap();
    for at in 0..answer.len() {
        let mut forged = answer.to_vec();
        forged[at] ^= 1;
        sender.handle_datagram(now, &forged);
        sender.handle_datagram(now, &answer[..at]);
        assert!(!sender.stats(now).connected, "byte {at}");
    }
    sender.handle_datagram(now, &answer);
    assert!(sender.stats(now).connected);
    receiver.handle_datagram(now, 1, &sender.poll_transmit(now).unwrap());
    assert!(receiver.stats(now).connected);
}

#[test]
fn a_wrong_passphrase_gets_no_answer() {
    let mut world = World::with(
        SenderConfig::new(Key::from_passphrase("wrong").unwrap()),
        ReceiverConfig::new(Key::from_passphrase("right").unwrap()),
        Link::PERFECT,
        1,
    );
    world.run(Duration::from_secs(10));
    assert_eq!(world.received, [ReceiverEvent::Unauthenticated], "told, and once");
    assert!(world.sent.is_empty());
    let stats = world.receiver.stats(world.now);
    assert!((5..20).contains(&stats.refused.foreign), "tried again with growing pauses: {stats:?}");
    assert_eq!(world.back.bytes, 0, "a stranger gets no byte");
}

#[test]
fn the_same_passphrase_gives_the_same_key() {
    let key = || Key::from_passphrase("correct horse battery staple").unwrap();
    let mut world = World::with(SenderConfig::new(key()), ReceiverConfig::new(key()), Link::PERFECT, 1);
    world.connect();
}

#[test]
fn a_passphrase_that_cannot_be_used_is_an_error() {
    assert_eq!(Key::from_passphrase("").unwrap_err(), Error::Passphrase("is empty"));
    assert!(Key::from_passphrase(&"x".repeat(1025)).is_err());
    assert_eq!(format!("{:?}", KEY), "Key(..)");
}

#[test]
fn replayed_datagrams_are_counted_and_do_nothing() {
    let mut world = playing(Link::PERFECT);
    world.record = Some(Vec::new());
    world.play(3, &frames(5));
    world.run(Duration::from_millis(200));
    let record = world.record.take().unwrap();
    let before = world.received.len();
    for datagram in &record {
        world.receiver.handle_datagram(world.now, 66, datagram);
    }
    world.run(Duration::from_millis(200));
    assert_eq!(world.receiver.stats(world.now).refused.replayed, record.len() as u64);
    assert_eq!(world.received.len(), before);
}

#[test]
fn a_replayed_first_message_changes_nothing_however_often_it_comes() {
    let mut world = World::new(Link::PERFECT, 5);
    world.record = Some(Vec::new());
    world.sender.set_tracks(world.now, video_table(10));
    world.connect();
    world.play(3, &frames(2));
    let record = world.record.take().unwrap();
    // An older sender's first message, too.
    let mut old = Sender::new(SenderConfig::new(KEY), Seed::from_bytes([50; 32]), world.now).unwrap();
    let old = old.poll_transmit(world.now).unwrap();
    for _ in 0..1000 {
        world.receiver.handle_datagram(world.now, 66, &record[0]);
        world.receiver.handle_datagram(world.now, 66, &old);
    }
    world.play(3, &frames(5));
    world.run(Duration::from_millis(200));
    assert_eq!((world.units().len(), ended(&world).len()), (7, 0));
}

#[test]
fn one_recorded_first_message_under_many_ids_keeps_nobody_out() {
    let now = Time::from_nanos(1_000_000_000);
    let sender = |seed| Sender::new(SenderConfig::new(KEY), Seed::from_bytes([seed; 32]), now).unwrap();
    let recorded = sender(1).poll_transmit(now).unwrap();
    let mut sender = sender(2);
    let mut receiver = Receiver::<u8>::new(ReceiverConfig::new(KEY), Seed::from_bytes([3; 32])).unwrap();
    receiver.handle_datagram(now, 1, &sender.poll_transmit(now).unwrap());
    let (_, answer) = receiver.poll_transmit(now).unwrap();
    for id in 0..100u32 {
        let mut replayed = recorded.to_vec();
        replayed[1..5].copy_from_slice(&id.to_be_bytes());
        receiver.handle_datagram(now, 66, &replayed);
        while receiver.poll_transmit(now).is_some() {}
    }
    sender.handle_datagram(now, &answer);
    receiver.handle_datagram(now, 1, &sender.poll_transmit(now).unwrap());
    assert!(receiver.stats(now).connected);
}

#[test]
fn forged_and_truncated_datagrams_are_counted_and_do_nothing() {
    let mut world = playing(Link::PERFECT);
    world.record = Some(Vec::new());
    world.there.link.loss = 1.0;
    world.play(3, &frames(3));
    world.there.link.loss = 0.0;
    let record = world.record.take().unwrap();
    let mut dice = Dice(3);
    let before = world.receiver.stats(world.now);
    let mut sent = 0;
    for datagram in &record {
        for _ in 0..20 {
            let mut forged = datagram.clone();
            let at = dice.below(forged.len());
            forged[at] ^= 1 << dice.below(8);
            world.receiver.handle_datagram(world.now, 1, &forged);
            world.receiver.handle_datagram(world.now, 1, &datagram[..dice.below(datagram.len())]);
            sent += 2;
        }
    }
    let after = world.receiver.stats(world.now);
    let refused = |stats: &fql_transport::ReceiverStats| {
        stats.refused.forged + stats.refused.foreign + stats.refused.replayed + stats.refused.malformed
    };
    assert_eq!(refused(&after) - refused(&before), sent);
    assert_eq!(after.received, before.received);
    for datagram in &record {
        world.receiver.handle_datagram(world.now, 1, datagram);
    }
    world.run(Duration::from_millis(200));
    assert_eq!(world.units().len(), 3, "the real ones still count");
}

#[test]
fn units_survive_a_link_that_repeats_reorders_and_corrupts() {
    let link =
        Link { jitter: Duration::from_millis(25), repeat: 0.2, corrupt: 0.02, ..Link::losing(0.02, 1.0) };
    let mut world = playing(link);
    let sent = frames(100);
    world.play(3, &sent);
    world.run(Duration::from_millis(300));
    let came = world.units();
    assert!(came.iter().is_sorted_by_key(|(number, _)| *number));
    assert!(came.len() >= 99, "{}", came.len());
    for (number, unit) in came {
        let sent = &sent[number as usize];
        for (layer, slice, segment) in unit.segments() {
            let whole = sent.segment(layer, slice).unwrap();
            assert!(whole.data().starts_with(segment.data()), "unit {number} layer {layer} slice {slice}");
            assert!(!segment.is_complete() || segment == whole);
        }
    }
}
