//! Sessions over links on which nothing comes back.

mod world;

use std::time::Duration;

use fql_transport::{EndReason, ReceiverConfig, ReceiverEvent, Seed, Sender, SenderConfig};
use world::{KEY, Link, World, ended, frames, playing, video_table};

fn one_way(seed: u64, link: Link) -> World {
    let config = SenderConfig { one_way: true, ..SenderConfig::new(KEY) };
    let mut world = World::with(config, ReceiverConfig::new(KEY), link, seed);
    world.sender.set_tracks(world.now, video_table(10));
    world
}

#[test]
fn one_way_needs_no_answer() {
    let mut world = one_way(1, Link::PERFECT);
    let sent = frames(10);
    world.play(3, &sent);
    world.run(Duration::from_millis(200));
    assert_eq!(world.back.bytes, 0);
    assert!(world.received.contains(&ReceiverEvent::Started { one_way: true }));
    assert_eq!(
        world.units().iter().map(|(_, unit)| *unit).collect::<Vec<_>>(),
        sent.iter().collect::<Vec<_>>()
    );
    world.sender.close(world.now);
    world.run_until("the end", |world| ended(world) == [EndReason::Goodbye]);
}

#[test]
fn one_way_a_receiver_joins_in_the_middle_within_a_second() {
    let mut world = one_way(1, Link::PERFECT);
    world.there.link.loss = 1.0;
    world.play(3, &frames(100));
    world.there.link.loss = 0.0;
    world.play(3, &frames(50));
    let numbers: Vec<u64> = world.units().iter().map(|(number, _)| *number).collect();
    assert!((100..=126).contains(&numbers[0]), "{numbers:?}");
    assert!(numbers.is_sorted_by(|a, b| a + 1 == *b));
    assert_eq!(world.receiver.stats(world.now).units_lost, 0, "what was before the start is not lost");
}

#[test]
fn one_way_a_restart_takes_over_and_its_recorded_past_does_not() {
    let mut world = one_way(1, Link::PERFECT);
    world.record = Some(Vec::new());
    world.play(3, &frames(30));
    let past = world.record.take().unwrap();
    let config = SenderConfig { one_way: true, ..SenderConfig::new(KEY) };
    world.sender = Sender::new(config, Seed::from_bytes([77; 32]), world.now).unwrap();
    world.sender.set_tracks(world.now, video_table(10));
    world.play(3, &frames(5));
    assert_eq!(ended(&world), [EndReason::Replaced]);
    for datagram in &past {
        world.receiver.handle_datagram(world.now, 66, datagram);
    }
    world.received.clear();
    world.play(3, &frames(5));
    world.run(Duration::from_millis(200));
    assert!(ended(&world).is_empty());
    assert!(world.units().len() >= 5);
}

#[test]
fn one_way_a_session_goes_on_after_the_link_was_down() {
    let mut world = one_way(1, Link::PERFECT);
    world.record = Some(Vec::new());
    world.play(3, &frames(20));
    let past = world.record.take().unwrap();
    world.there.link.loss = 1.0;
    world.run(Duration::from_secs(20));
    assert_eq!(ended(&world), [EndReason::Silence]);
    for datagram in &past {
        world.receiver.handle_datagram(world.now, 66, datagram);
    }
    assert!(!world.receiver.stats(world.now).connected, "what came before begins nothing");
    let lost = world.receiver.stats(world.now).lost;
    world.there.link.loss = 0.0;
    world.received.clear();
    world.play(3, &frames(50));
    world.run(Duration::from_millis(200));
    assert!(world.units().len() >= 24, "{} units", world.units().len());
    let stats = world.receiver.stats(world.now);
    assert_eq!((stats.sessions, stats.lost >= lost), (2, true));
    let sent = world.sender.stats(world.now).datagrams;
    assert!(stats.received + stats.lost <= sent, "{} and {} of {sent}", stats.received, stats.lost);
}

#[test]
fn one_way_a_recording_that_took_over_does_not_keep_the_stream_out() {
    let mut past = one_way(9, Link::PERFECT);
    past.record = Some(Vec::new());
    past.play(3, &frames(3));
    let mut world = one_way(1, Link::PERFECT);
    world.play(3, &frames(20));
    world.receiver.handle_datagram(world.now, 66, &past.record.as_ref().unwrap()[0]);
    world.received.clear();
    world.play(3, &frames(125));
    assert!(world.units().len() >= 25, "{} units", world.units().len());
    assert_eq!(world.receiver.stats(world.now).sessions, 3);
}

#[test]
fn one_way_a_session_that_said_goodbye_does_not_come_back() {
    let mut world = one_way(1, Link::PERFECT);
    world.record = Some(Vec::new());
    world.play(3, &frames(5));
    world.there.link.delay = Duration::from_secs(30);
    world.run(Duration::from_secs(3));
    let late = world.record.take().unwrap();
    world.there.link.delay = Duration::from_millis(1);
    world.sender.close(world.now);
    world.run_until("the end", |world| ended(world) == [EndReason::Goodbye]);
    for datagram in &late {
        world.receiver.handle_datagram(world.now, 66, datagram);
    }
    assert!(!world.receiver.stats(world.now).connected);
}

#[test]
fn one_way_nothing_recorded_ends_a_session_with_a_handshake() {
    let mut past = one_way(1, Link::PERFECT);
    past.record = Some(Vec::new());
    past.play(3, &frames(3));
    let mut world = playing(Link::PERFECT);
    world.play(3, &frames(3));
    for datagram in past.record.as_ref().unwrap() {
        world.receiver.handle_datagram(world.now, 66, datagram);
    }
    world.play(3, &frames(3));
    world.run(Duration::from_millis(200));
    assert_eq!((world.units().len(), ended(&world).len()), (6, 0));
}
