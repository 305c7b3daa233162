//! Forward error correction at its exact limit: as many losses as there is parity cost nothing, one more costs what was
//! lost and never gives a wrong byte.

mod world;

use std::time::Duration;

use fql_transport::{Fec, Receiver, ReceiverConfig, ReceiverEvent, Seed, Sender, SenderConfig, Time};
use fql_unit::{Segment, Timing, Unit};
use world::{Dice, KEY, Link, World, data_table, uncontrolled, unit, video_table};

/// Pieces of this size fill a datagram each.
const FULL: usize = 1060;

/// A unit of one segment and the datagrams that carry it: the source shards, then the parity.
struct Sent {
    unit: Unit,
    datagrams: Vec<Vec<u8>>,
    hello: Vec<Vec<u8>>,
    end: Time,
}

/// Sends a unit of one segment of so many full shards. The receiver that it is for has the seed 2.
fn send(fec: &Fec, shards: usize) -> (Sent, Receiver<u8>) {
    let config = SenderConfig { fec: Some(fec.clone()), ..uncontrolled() };
    let mut now = Time::from_nanos(1_000_000_000);
    let mut sender = Sender::new(config, Seed::from_bytes([1; 32]), now).unwrap();
    sender.set_tracks(now, data_table());
    let mut receiver = Receiver::new(ReceiverConfig::new(KEY), Seed::from_bytes([2; 32])).unwrap();
    receiver.handle_datagram(now, 1, &sender.poll_transmit(now).unwrap());
    let (_, answer) = receiver.poll_transmit(now).unwrap();
    sender.handle_datagram(now, &answer);
    let hello: Vec<_> = std::iter::from_fn(|| sender.poll_transmit(now)).map(|d| d.to_vec()).collect();

    let mut dice = Dice(shards as u64);
    let mut unit = Unit::new(1, 1, []).unwrap();
    unit.set(0, 0, Segment::complete((0..shards * FULL).map(|_| dice.next() as u8).collect::<Vec<_>>()));
    sender.push_unit(now, 9, Timing { pts: 0, duration: 40_000_000 }, &unit).unwrap();
    let mut datagrams = Vec::new();
    for _ in 0..200 {
        now = now + Duration::from_millis(1);
        datagrams.extend(std::iter::from_fn(|| sender.poll_transmit(now)).map(|d| d.to_vec()));
    }
    // What is not of the unit is smaller than any shard.
    datagrams.retain(|datagram| datagram.len() > 150);
    (Sent { unit, datagrams, hello, end: now }, receiver)
}

/// What comes of the unit without these datagrams.
fn receive(
    sent: &Sent,
    mut receiver: Receiver<u8>,
    lost: &[usize],
) -> (Option<Unit>, fql_transport::ReceiverStats) {
    let now = Time::from_nanos(1_060_000_000);
    for hello in &sent.hello {
        receiver.handle_datagram(now, 1, hello);
    }
    for (i, datagram) in sent.datagrams.iter().enumerate() {
        if !lost.contains(&i) {
            receiver.handle_datagram(now, 1, datagram);
        }
    }
    receiver.poll_transmit(sent.end + Duration::from_millis(500));
    let unit = std::iter::from_fn(|| receiver.poll_event()).find_map(|event| match event {
        ReceiverEvent::Unit { unit, .. } => Some(unit),
        _ => None,
    });
    (unit, receiver.stats(sent.end))
}

/// So many different numbers below `of`.
fn choose(dice: &mut Dice, count: usize, of: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..of).collect();
    (0..count).map(|_| all.swap_remove(dice.below(all.len()))).collect()
}

fn check_limit(setting: &str, shards: usize, parity: usize) {
    let fec: Fec = setting.parse().unwrap();
    let (sent, _) = send(&fec, shards);
    assert_eq!(sent.datagrams.len(), shards + parity, "{setting}: {shards} source shards");
    let mut dice = Dice(parity as u64);
    for _ in 0..12 {
        let lost = choose(&mut dice, parity, shards + parity);
        let (unit, stats) = receive(&sent, send(&fec, shards).1, &lost);
        assert!(unit.as_ref() == Some(&sent.unit), "{setting}: {shards}+{parity} without {lost:?}");
        assert_eq!(stats.recovered as usize, lost.iter().filter(|lost| **lost < shards).count());

        let lost = choose(&mut dice, parity + 1, shards + parity);
        let (unit, stats) = receive(&sent, send(&fec, shards).1, &lost);
        assert_eq!(
            (stats.units_complete, stats.recovered),
            (0, 0),
            "{setting}: {shards}+{parity} without {lost:?}"
        );
        if let Some(unit) = unit {
            let (whole, came) = (sent.unit.segment(0, 0).unwrap(), unit.segment(0, 0).unwrap());
            assert!(!came.is_complete() && whole.data().starts_with(came.data()));
            let first = lost.iter().filter(|lost| **lost < shards).min().unwrap();
            assert!(came.data().len() / FULL >= *first, "everything before the first loss is there");
        }
    }
}

#[test]
fn without_parity_every_loss_counts() {
    for shards in [1, 2, 10] {
        check_limit("none", shards, 0);
        check_limit("equal:0", shards, 0);
    }
}

#[test]
fn equal_parity_holds_to_its_limit() {
    for (ratio, shards, parity) in [(1, 1, 1), (1, 10, 1), (1, 11, 2), (3, 5, 3), (2, 40, 8), (10, 7, 10)] {
        check_limit(&format!("equal:{ratio}"), shards, parity);
    }
}

#[test]
fn unequal_parity_holds_to_its_limit() {
    for (setting, shards, parity) in [("3,2,1,0", 1, 3), ("3,2,1,0", 10, 3), ("2", 21, 6), ("0,5", 8, 0)] {
        check_limit(&format!("unequal:{setting}"), shards, parity);
    }
}

#[test]
fn adaptive_parity_holds_to_its_limit() {
    for shards in [1, 4, 12] {
        let (sent, _) = send(&Fec::default(), shards);
        let (sources, parity) = shape(&sent);
        assert!(parity >= 1, "some loss is assumed from the start");
        let mut dice = Dice(7);
        for _ in 0..12 {
            let lost = choose(&mut dice, parity, sources + parity);
            let (unit, _) = receive(&sent, send(&Fec::default(), shards).1, &lost);
            assert!(unit.as_ref() == Some(&sent.unit), "{sources}+{parity} without {lost:?}");
            let lost = choose(&mut dice, parity + 1, sources + parity);
            let (_, stats) = receive(&sent, send(&Fec::default(), shards).1, &lost);
            assert_eq!(stats.units_complete, 0, "{sources}+{parity} without {lost:?}");
        }
    }
}

/// How many of the datagrams are source shards: with no other, the unit is complete only with all of them.
fn shape(sent: &Sent) -> (usize, usize) {
    let all = sent.datagrams.len();
    let sources = (1..=all)
        .find(|&count| {
            let lost: Vec<usize> = (count..all).collect();
            receive(sent, send(&Fec::default(), sent.unit.payload_len() / FULL).1, &lost).1.units_complete
                == 1
        })
        .unwrap();
    (sources, all - sources)
}

#[test]
fn unequal_parity_gives_each_layer_its_own() {
    let fec: Fec = "unequal:3,2,1,0".parse().unwrap();
    let config = SenderConfig { fec: Some(fec), ..uncontrolled() };
    let mut world = World::with(config, ReceiverConfig::new(KEY), Link::PERFECT, 1);
    world.sender.set_tracks(world.now, video_table(10));
    world.connect();
    world.run(Duration::from_millis(300));
    let before = world.sender.stats(world.now);
    // Each layer fills three shards: layers 0 to 2 have parity, 3 and 4 have none.
    world.play(3, &[unit(&mut Dice(1), 10, 1, &[3 * 1000; 5])]);
    world.run(Duration::from_millis(200));
    let after = world.sender.stats(world.now);
    assert_eq!(after.parity_shards - before.parity_shards, 3 + 2 + 1);
    assert_eq!(after.source_shards - before.source_shards, 5 * 3);
}

/// Plays ten frames without these datagrams of the sender.
fn play_without(setting: &str, lost: impl Fn(u64) -> bool + 'static) -> (World, u64) {
    let config =
        SenderConfig { fec: Some(setting.parse().unwrap()), max_bitrate: Some(2_000_000), ..uncontrolled() };
    let mut world = World::with(config, ReceiverConfig::new(KEY), Link::PERFECT, 9);
    world.sender.set_tracks(world.now, video_table(10));
    world.connect();
    world.run(Duration::from_millis(300));
    let before = world.sender.stats(world.now).datagrams;
    world.there.drop = Some(Box::new(move |i| i >= before && lost(i - before)));
    let mut dice = Dice(4);
    let units: Vec<_> = (0..10).map(|_| unit(&mut dice, 10, 4, &[250, 450, 900, 1700, 2500])).collect();
    world.play(3, &units);
    let datagrams = world.sender.stats(world.now).datagrams - before;
    world.run(Duration::from_millis(300));
    (world, datagrams)
}

#[test]
fn a_burst_of_five_datagrams_leaves_layer_0_of_every_unit() {
    for setting in ["adaptive", "unequal:3,2,1,0", "equal:2"] {
        let (_, count) = play_without(setting, |_| false);
        assert!(count > 80, "{setting}: {count} datagrams");
        for first in 0..count {
            let (world, _) = play_without(setting, move |i| (first..first + 5).contains(&i));
            let units = world.units();
            assert_eq!(units.len(), 10, "{setting}: a burst from {first} on");
            for (number, unit) in units {
                assert!(
                    unit.complete_layers_everywhere() >= 1,
                    "{setting}: unit {number}, burst from {first} on"
                );
            }
        }
    }
}

#[test]
fn shards_of_layer_0_are_so_far_apart_that_a_burst_of_five_takes_one() {
    // With one parity shard a block survives one loss and not two.
    let (_, count) = play_without("unequal:1,0", |_| false);
    for first in 0..count {
        let (world, _) = play_without("unequal:1,0", move |i| (first..first + 5).contains(&i));
        let pictures =
            world.units().iter().filter(|(_, unit)| unit.complete_layers_everywhere() >= 1).count();
        assert_eq!(pictures, 10, "a burst from {first} on");
    }
}
