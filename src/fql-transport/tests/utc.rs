//! The sender's UTC at the receiver, and at viewers behind a server, in simulated time.

mod hub;
mod world;

use std::time::Duration;

use fql_transport::{Receiver, ReceiverConfig, ReceiverEvent, SenderConfig, Time, UtcOffset};
use fql_unit::Timing;
use hub::Host;
use world::{Dice, KEY, Link, unit, video_table};

const FRAME: Duration = Duration::from_millis(40);
/// Something in 2020.
const UTC: u64 = 1_600_000_000_000_000_000;

/// What units say of when they were taken: their number, and the UTC that the receiver makes of their time.
fn utc_of_units<'a>(events: impl Iterator<Item = &'a ReceiverEvent>) -> Vec<(u64, Option<u64>)> {
    let mut offset: Option<UtcOffset> = None;
    let mut units = Vec::new();
    for event in events {
        match event {
            ReceiverEvent::Utc(offsets) => {
                offset = offsets.iter().find(|(track, _)| *track == 3).map(|(_, offset)| *offset);
            }
            ReceiverEvent::Unit { number, timing, .. } => {
                units.push((*number, offset.and_then(|offset| offset.at(timing.pts))));
            }
            _ => (),
        }
    }
    units
}

fn crosses(one_way: bool) {
    let config = SenderConfig { one_way, ..SenderConfig::new(KEY) };
    let mut world = world::World::with(config, ReceiverConfig::new(KEY), Link::losing(0.2, 1.0), 3);
    world.sender.set_tracks(world.now, video_table(10));
    world.sender.set_utc(world.now, 3, UtcOffset::between(0, UTC).unwrap());
    world.connect();
    let mut dice = Dice(1);
    let units: Vec<_> = (0..50).map(|_| unit(&mut dice, 10, 4, &[250, 450, 2000])).collect();
    world.play(3, &units);
    world.run(Duration::from_millis(300));
    let seen = utc_of_units(world.received.iter());
    assert!(seen.len() > 40);
    for (number, utc) in seen {
        assert_eq!(utc, Some(UTC + number * 40_000_000), "unit {number}");
    }
}

#[test]
fn every_unit_has_the_senders_utc_over_a_lossy_link() {
    crosses(false);
}

#[test]
fn every_unit_has_the_senders_utc_one_way() {
    crosses(true);
}

#[test]
fn a_receiver_that_joins_one_way_has_it_within_a_second() {
    let config = SenderConfig { one_way: true, ..SenderConfig::new(KEY) };
    let mut world = world::World::with(config, ReceiverConfig::new(KEY), Link::PERFECT, 3);
    world.sender.set_tracks(world.now, video_table(10));
    world.sender.set_utc(world.now, 3, UtcOffset::from_nanos(5));
    world.run(Duration::from_secs(5));
    let seed = fql_transport::Seed::from_bytes([9; 32]);
    world.receiver = Receiver::new(ReceiverConfig::new(KEY), seed).unwrap();
    world.received.clear();
    world.run(Duration::from_millis(1100));
    let told = ReceiverEvent::Utc(vec![(3, UtcOffset::from_nanos(5))]);
    assert!(world.received.contains(&told), "{:?}", world.received);
}

#[test]
fn drift_and_leaps_arrive() {
    let mut world = world::World::new(Link::PERFECT, 3);
    world.sender.set_tracks(world.now, video_table(10));
    world.connect();
    let mut told = Vec::new();
    for (offset, within) in [(0, 200), (400_000, 1200), (-3_000_000_000, 200)] {
        world.sender.set_utc(world.now, 3, UtcOffset::from_nanos(offset));
        world.run(Duration::from_millis(within));
        told.push(ReceiverEvent::Utc(vec![(3, UtcOffset::from_nanos(offset))]));
    }
    let seen: Vec<_> = world.received.into_iter().filter(|e| matches!(e, ReceiverEvent::Utc(_))).collect();
    assert_eq!(seen, told);
}

fn film(world: &mut hub::World, publisher: Host, start: Time, frames: std::ops::Range<u32>) {
    let mut dice = Dice(7);
    for number in frames {
        let picture = unit(&mut dice, 10, 4, &[250, 450]);
        let timing = Timing { pts: (FRAME * number).as_nanos() as u64, duration: 40_000_000 };
        let utc = UTC + (world.now - start).as_nanos() as u64;
        let sender = &mut world.publishers.get_mut(&publisher).unwrap().sender;
        sender.set_utc(world.now, 3, UtcOffset::between(timing.pts, utc).unwrap());
        sender.push_unit(world.now, 3, timing, &picture).unwrap();
        world.run(FRAME);
    }
}

#[test]
fn viewers_of_a_server_get_the_publishers_utc_and_another_publishers_after_it() {
    let mut world = hub::World::new();
    let start = world.now;
    let early = world.watch(8, Link::PERFECT, ReceiverConfig::default());
    let first = world.publish(1, Link::losing(0.05, 1.0), &video_table(10));
    world.connect(first);
    film(&mut world, first, start, 0..50);
    let late = world.watch(9, Link::losing(0.05, 1.0), ReceiverConfig::default());
    film(&mut world, first, start, 50..75);
    // The second counts from 1000 s, so that viewers' times are not its own.
    let second = world.publish(2, Link::PERFECT, &video_table(10));
    world.connect(second);
    let before = (world.now - start).as_nanos() as u64;
    film(&mut world, second, start, 25_000..25_050);
    world.run(Duration::from_millis(300));
    for host in [early, late] {
        let watcher = &world.watchers[&host];
        let seen = utc_of_units(watcher.seen.iter().map(|(_, event)| event));
        assert!(seen.iter().all(|(_, utc)| utc.is_some()), "{host:?}: {seen:?}");
        let (_, utc) = seen.last().unwrap();
        let last = UTC + before + 49 * 40_000_000;
        assert!(utc.unwrap().abs_diff(last) < 1_000_000, "{host:?}: {utc:?} instead of {last}");
        // One after the other, with no leap back where the publishers changed.
        assert!(seen.is_sorted_by_key(|(_, utc)| *utc), "{host:?}: {seen:?}");
    }
}
