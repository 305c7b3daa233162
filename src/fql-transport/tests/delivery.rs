//! What travels in a session: rates, tables, acknowledgements, and units in time.

mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use fql_transport::{
    Error, Fec, Receiver, ReceiverConfig, ReceiverEvent, Seed, Sender, SenderConfig, SenderEvent, Time,
};
use fql_unit::{DataInfo, Media, Timing, Track, TrackTable, Unit};
use world::{Dice, KEY, Link, World, frames, playing, sound_table, uncontrolled, unit, video_table};

#[test]
fn encoders_know_their_rate_before_the_first_unit() {
    let config = SenderConfig { max_bitrate: Some(2_000_000), ..SenderConfig::new(KEY) };
    let mut world = World::with(config, ReceiverConfig::new(KEY), Link::PERFECT, 1);
    world.sender.set_tracks(world.now, video_table(10));
    let event = world.sender.poll_event();
    let Some(SenderEvent::MediaRate { bits_per_second, tracks, .. }) = event else { panic!("{event:?}") };
    assert!((600_000..1_200_000).contains(&bits_per_second) && tracks == [(3, bits_per_second)]);
}

#[test]
fn sound_beside_video_is_not_held_to_what_it_takes_now() {
    let table = |tracks: &[TrackTable]| {
        TrackTable::new(tracks.iter().flat_map(|table| table.tracks().to_vec()).collect()).unwrap()
    };
    let config = SenderConfig { max_bitrate: Some(2_000_000), ..SenderConfig::new(KEY) };
    let mut world = World::with(config, ReceiverConfig::new(KEY), Link::PERFECT, 1);
    let mut told = |tracks: &[TrackTable]| {
        world.sender.set_tracks(world.now, table(tracks));
        match world.sender.poll_event() {
            Some(SenderEvent::MediaRate { tracks, .. }) => {
                tracks.iter().map(|&(id, _)| id).collect::<Vec<_>>()
            }
            event => panic!("{event:?}"),
        }
    };
    assert_eq!(told(&[video_table(10), sound_table(10)]), [3]);
    assert_eq!(told(&[sound_table(10)]), [5]);
}

#[test]
fn a_changed_max_bitrate_is_kept_and_told() {
    let config = SenderConfig { max_bitrate: Some(2_000_000), ..SenderConfig::new(KEY) };
    let mut world = World::with(config, ReceiverConfig::new(KEY), Link::PERFECT, 1);
    world.sender.set_tracks(world.now, video_table(10));
    world.connect();
    let mut dice = Dice(1);
    let units: Vec<_> = (0..50).map(|_| unit(&mut dice, 10, 4, &[250, 450, 900, 1700, 3000, 6000])).collect();
    world.play(3, &units);
    world.sender.set_max_bitrate(world.now, Some(600_000)).unwrap();
    world.run(Duration::from_millis(100));
    let bytes = world.there.bytes;
    world.play(3, &units);
    let rate = (world.there.bytes - bytes) * 8 / 2;
    assert!((480_000..=600_000).contains(&rate), "{rate} bit/s");
    let told = world.sent.iter().rev().find_map(|event| match event {
        SenderEvent::MediaRate { bits_per_second, .. } => Some(*bits_per_second),
        _ => None,
    });
    assert!(told.is_some_and(|told| told < 600_000), "{told:?}");
    assert!(world.units().iter().all(|(_, unit)| unit.complete_layers_everywhere() >= 1));
    assert_eq!(world.sender.stats(world.now).units_dropped, 0);
}

#[test]
fn video_does_not_crowd_out_sound() {
    let tracks = [video_table(10), sound_table(10)].map(|table| table.tracks()[0].clone());
    let config = SenderConfig { max_bitrate: Some(800_000), ..SenderConfig::new(KEY) };
    let mut world = World::with(config, ReceiverConfig::new(KEY), Link::losing(0.05, 1.0), 1);
    world.sender.set_tracks(world.now, TrackTable::new(tracks.to_vec()).unwrap());
    world.connect();
    let mut dice = Dice(1);
    for number in 0..250u64 {
        let at = number * 20_000_000;
        if number % 2 == 0 {
            // Far more than fits: this encoder does not listen.
            let frame = unit(&mut dice, 10, 4, &[250, 450, 900, 1700, 3000, 6000]);
            world.sender.push_unit(world.now, 3, Timing { pts: at, duration: 40_000_000 }, &frame).unwrap();
        }
        let sound = unit(&mut dice, 10, 1, &[20, 40, 60, 80]);
        world.sender.push_unit(world.now, 5, Timing { pts: at, duration: 20_000_000 }, &sound).unwrap();
        world.run(Duration::from_millis(20));
    }
    world.run(Duration::from_millis(300));
    let stats = world.receiver.stats(world.now);
    let track = |id| stats.tracks.iter().find(|track| track.id == id).unwrap();
    assert!(track(5).units_complete >= 240, "sound: {:?}", track(5));
    assert!(track(3).units_complete + track(3).units_partial >= 120, "video: {:?}", track(3));
    let rate = world.sender.stats(world.now).wire_rate;
    assert!(rate <= 800_000, "{rate} bit/s");
}

#[test]
fn a_long_track_table_crosses_in_parts_and_changes_reach_the_receiver() {
    let caps = "application/x-long, words=".to_owned() + &"x".repeat(200);
    let tracks = (0..64).map(|id| Track {
        id,
        name: format!("the track {id} with a long name"),
        layers: 1,
        media: Media::Data(DataInfo { caps: caps.clone() }),
    });
    let long = TrackTable::new(tracks.collect()).unwrap();
    let config = SenderConfig { mtu: 256, ..SenderConfig::new(KEY) };
    let mut world = World::with(config, ReceiverConfig::new(KEY), Link::losing(0.2, 1.0), 4);
    world.sender.set_tracks(world.now, long.clone());
    world.run_until("the long table", |world| world.received.contains(&ReceiverEvent::Tracks(long.clone())));
    world.sender.set_tracks(world.now, video_table(3));
    world.run_until("the short one", |world| world.received.contains(&ReceiverEvent::Tracks(video_table(3))));
    world.run(Duration::from_secs(2));
    let bytes = world.there.bytes;
    world.run(Duration::from_secs(5));
    assert!(world.there.bytes - bytes < 2000, "nothing is repeated that the receiver has");
}

#[test]
fn a_track_that_returns_before_the_receiver_missed_it_goes_on() {
    let mut world = playing(Link::PERFECT);
    world.play(3, &frames(30));
    world.run(Duration::from_millis(200));
    world.sender.set_tracks(world.now, sound_table(4));
    world.sender.set_tracks(world.now, video_table(10));
    world.received.clear();
    world.play(3, &frames(20));
    world.run(Duration::from_millis(200));
    assert_eq!(world.units().iter().map(|(number, _)| *number).collect::<Vec<_>>(), Vec::from_iter(30..50));
}

#[test]
fn a_sender_that_closes_behind_a_long_table_is_not_due_all_the_time() {
    let config = SenderConfig { max_bitrate: Some(16_000), fec: Some(Fec::None), ..SenderConfig::new(KEY) };
    let mut world = World::with(config, ReceiverConfig::new(KEY), Link::PERFECT, 1);
    world.sender.set_tracks(world.now, sound_table(4));
    world.connect();
    world.run(Duration::from_secs(1));
    let mut dice = Dice(1);
    let timing = Timing { pts: 0, duration: 40_000_000 };
    let tracks = (0..40).map(|id| Track {
        id,
        name: "a name that is as long as names may be, or not far from there".into(),
        layers: 1,
        media: Media::Data(DataInfo { caps: String::new() }),
    });
    world.sender.set_tracks(world.now, TrackTable::new(tracks.collect()).unwrap());
    world.sender.push_unit(world.now, 5, timing, &unit(&mut dice, 1, 1, &[50])).unwrap();
    assert_eq!(world.sender.stats(world.now).queued, 1);
    world.sender.close(world.now);
    world.run_until("the end", |world| world.sent.contains(&SenderEvent::Closed));
}

#[test]
fn every_unit_is_acknowledged_with_its_layers() {
    let mut world = playing(Link::losing(0.1, 1.0));
    world.play(3, &frames(50));
    world.run(Duration::from_secs(2));
    let acknowledged = world.sent.iter().filter_map(|event| match event {
        SenderEvent::Acknowledged { track: 3, number, layers } => Some((*number, *layers)),
        _ => None,
    });
    let delivered: Vec<_> =
        world.units().iter().map(|(number, unit)| (*number, unit.complete_layers_everywhere())).collect();
    let acknowledged: Vec<_> = acknowledged.collect();
    assert_eq!(
        acknowledged.iter().map(|(number, _)| *number).collect::<Vec<_>>(),
        (0..50).collect::<Vec<_>>()
    );
    for unit in delivered {
        assert!(acknowledged.contains(&unit), "{unit:?}");
    }
}

/// How long after the moment at which it was pushed each unit was acknowledged.
fn acknowledged_after(world: &mut World, units: &[Unit]) -> BTreeMap<u64, (Duration, u8)> {
    let (start, mut after) = (world.now, BTreeMap::new());
    for step in 0..units.len() * 40 + 400 {
        if let Some(unit) = (step % 40 == 0).then(|| units.get(step / 40)).flatten() {
            let timing = Timing { pts: (world.now - start).as_nanos() as u64, duration: 40_000_000 };
            world.sender.push_unit(world.now, 3, timing, unit).unwrap();
        }
        world.step();
        for event in world.sent.drain(..) {
            if let SenderEvent::Acknowledged { number, layers, .. } = event {
                let pushed = start + Duration::from_millis(40) * number as u32;
                assert!(after.insert(number, (world.now - pushed, layers)).is_none(), "{number} twice");
            }
        }
    }
    after
}

#[test]
fn a_unit_that_others_are_predicted_from_and_lacks_layers_is_told_of_at_once() {
    let mut units = frames(50);
    units.iter_mut().for_each(|unit| unit.set_reference_layers(unit.coded_layers()));
    for (loss, burst) in [(0.05, 1.0), (0.1, 5.0)] {
        let mut world = playing(Link::losing(loss, burst));
        world.back.link = Link::PERFECT;
        world.sender.set_fec(world.now, Fec::None);
        let after = acknowledged_after(&mut world, &units);
        assert_eq!(after.keys().copied().collect::<Vec<_>>(), (0..50).collect::<Vec<_>>());
        // Of a unit of which nothing came nobody knows before the next one that it should have been there.
        let came: Vec<u64> = world.units().iter().map(|(number, _)| *number).collect();
        let is_bad = |number: &u64| after[number].1 < units[*number as usize].reference_layers();
        let waits: Vec<_> =
            came.iter().filter(|number| is_bad(number)).map(|number| after[number].0.as_millis()).collect();
        assert!(waits.len() >= 2, "{after:?}");
        // There and back, what the receiver waits before it gives a unit up, and the least time between two reports.
        assert!(waits.iter().all(|&wait| wait <= 60 + 120 + 20), "{waits:?}");
    }
}

#[test]
fn a_receiver_that_wants_fewer_layers_has_all_that_it_wants() {
    let mut world = playing(Link::PERFECT);
    world.receiver.set_max_layer(0);
    world.run(Duration::from_millis(300));
    let mut units = frames(20);
    units.iter_mut().for_each(|unit| unit.set_reference_layers(unit.coded_layers()));
    let after = acknowledged_after(&mut world, &units);
    assert!(after.values().all(|&(_, layers)| layers == fql_unit::MAX_LAYERS), "{after:?}");
}

#[test]
fn reports_tell_the_round_trip_and_the_queueing_delay() {
    let mut world = playing(Link { jitter: Duration::from_millis(10), ..Link::PERFECT });
    world.play(3, &frames(50));
    let peer = world.sender.stats(world.now).peer.unwrap();
    assert!((60..=85).contains(&peer.round_trip.as_millis()), "{peer:?}");
    assert!((2..=8).contains(&peer.queueing_delay.as_millis()), "{peer:?}");
    assert_eq!(peer.latency, Duration::from_millis(120));
    let wire = world.sender.stats(world.now).wire_rate;
    assert!(peer.delivered_rate.abs_diff(wire) < wire / 5, "{} of {wire}", peer.delivered_rate);
}

#[test]
fn units_come_in_time_and_are_due_as_evenly_as_they_were_sent() {
    let link = Link { jitter: Duration::from_millis(10), ..Link::losing(0.15, 2.0) };
    let mut world = playing(link);
    let sent = frames(150);
    let start = world.now;
    let mut came = Vec::new();
    for (number, unit) in sent.iter().enumerate() {
        let pts = 40_000_000 * number as u64;
        world.sender.push_unit(world.now, 3, Timing { pts, duration: 40_000_000 }, unit).unwrap();
        for _ in 0..40 {
            world.step();
            let new = world.received.drain(..).filter_map(|event| match event {
                ReceiverEvent::Unit { number, due, .. } => Some((number, due, world.now)),
                _ => None,
            });
            came.extend(new);
        }
    }
    assert!(came.len() > 140);
    for (number, due, came) in came {
        // 30 to 40 ms on the way, then the budget of 120 ms.
        let due = due - (start + Duration::from_millis(40 * number));
        assert!((150..=163).contains(&due.as_millis()), "unit {number} is due {due:?} after it was sent");
        let at = came - (start + Duration::from_millis(40 * number));
        assert!(
            due - at >= Duration::from_millis(9),
            "unit {number} came {at:?} after it was sent, due {due:?}"
        );
    }
}

#[test]
fn a_receiver_that_was_held_up_loses_nothing_that_waits_in_its_socket() {
    let mut world = playing(Link::PERFECT);
    world.play(3, &frames(5));
    // Nobody reads for half a second; then all is read before anything is asked.
    world.record = Some(Vec::new());
    world.there.link.loss = 1.0;
    world.play(3, &frames(10));
    world.run(Duration::from_millis(100));
    world.there.link.loss = 0.0;
    for datagram in world.record.take().unwrap() {
        world.receiver.handle_datagram(world.now, 1, &datagram);
    }
    world.run(Duration::from_millis(200));
    assert_eq!(world.units().len(), 15);
    assert!(world.units().iter().all(|(_, unit)| unit.is_complete()));
}

#[test]
fn units_of_an_encoder_that_lags_now_and_then_come_in_time() {
    let mut world = playing(Link::PERFECT);
    let sent = frames(100);
    let (start, mut dice) = (world.now, Dice(8));
    for (number, unit) in sent.iter().enumerate() {
        let pts = 40_000_000 * number as u64;
        // Every fourth is up to 80 ms late.
        let lag = if number % 4 == 3 { Duration::from_millis(dice.below(80) as u64) } else { Duration::ZERO };
        let at = start + Duration::from_nanos(pts) + lag;
        while world.now < at {
            world.step();
        }
        world.sender.push_unit(world.now, 3, Timing { pts, duration: 40_000_000 }, unit).unwrap();
    }
    world.run(Duration::from_millis(300));
    let stats = world.receiver.stats(world.now);
    assert_eq!((stats.units_complete, stats.units_partial, stats.units_lost), (100, 0, 0));
}

#[test]
fn any_latency_works() {
    for latency in [20, 50, 500, 10_000] {
        let latency = Duration::from_millis(latency);
        let link = Link { delay: Duration::from_millis(5), ..Link::losing(0.05, 1.0) };
        let receiver = ReceiverConfig { latency, ..ReceiverConfig::new(KEY) };
        let sender = SenderConfig { max_bitrate: Some(1_500_000), ..SenderConfig::new(KEY) };
        let mut world = World::with(sender, receiver, link, 3);
        world.sender.set_tracks(world.now, video_table(10));
        world.connect();
        world.play(3, &frames(50));
        world.run(latency + Duration::from_millis(100));
        let pictures = world.units().iter().filter(|(_, unit)| unit.has_picture()).count();
        assert!(pictures >= 48, "{pictures} pictures with {latency:?}");
    }
}

#[test]
fn layers_that_the_receiver_does_not_want_are_not_sent() {
    let mut world = World::with(
        SenderConfig::new(KEY),
        ReceiverConfig { max_layer: 0, ..ReceiverConfig::new(KEY) },
        Link::PERFECT,
        1,
    );
    world.sender.set_tracks(world.now, video_table(10));
    world.connect();
    world.play(3, &frames(25));
    world.run(Duration::from_millis(200));
    assert_eq!(world.units().len(), 25);
    assert!(world.units().iter().all(|(_, unit)| unit.coded_layers() == 1 && unit.is_complete()));
    assert_eq!(world.sender.stats(world.now).tracks[0].layers_sent, 1);
}

#[test]
fn datagrams_keep_to_the_mtu() {
    for mtu in [256, 500, 1120] {
        let config = SenderConfig { mtu, ..uncontrolled() };
        let mut world = World::with(config, ReceiverConfig::new(KEY), Link::PERFECT, 1);
        world.record = Some(Vec::new());
        world.sender.set_tracks(world.now, video_table(10));
        world.connect();
        let units = [unit(&mut Dice(1), 10, 4, &[250, 450, 9000, 40_000])];
        world.play(3, &units);
        world.run(Duration::from_millis(200));
        let largest = world.record.as_ref().unwrap().iter().map(Vec::len).max().unwrap();
        assert!((mtu - 100..=mtu).contains(&largest), "{largest} of {mtu}");
        assert!(world.units()[0].1 == &units[0], "mtu {mtu}");
    }
}

#[test]
fn settings_out_of_range_are_errors() {
    let sender = |config| Sender::new(config, Seed::from_bytes([1; 32]), Time::ZERO).err();
    assert_eq!(sender(SenderConfig { mtu: 1121, ..SenderConfig::new(KEY) }), Some(Error::Mtu(1121)));
    assert_eq!(sender(SenderConfig { mtu: 255, ..SenderConfig::new(KEY) }), Some(Error::Mtu(255)));
    let low = SenderConfig { max_bitrate: Some(100), ..SenderConfig::new(KEY) };
    assert_eq!(sender(low), Some(Error::MaxBitrate(100)));
    let config = ReceiverConfig { latency: Duration::from_millis(5), ..ReceiverConfig::new(KEY) };
    assert_eq!(Receiver::<u8>::new(config, Seed::from_bytes([1; 32])).err(), Some(Error::Latency(5)));
}

#[test]
fn units_that_do_not_fit_their_track_are_errors() {
    let mut world = playing(Link::PERFECT);
    let unit = frames(1).remove(0);
    let now = world.now;
    assert_eq!(world.sender.push_unit(now, 4, Timing::default(), &unit), Err(Error::UnknownTrack(4)));
    world.sender.set_tracks(now, video_table(9));
    let error = world.sender.push_unit(now, 3, Timing::default(), &unit).unwrap_err();
    assert_eq!(error.to_string(), "a unit of 10 layers on the track 3, which has 9");
}

#[test]
fn the_receiver_knows_the_rate_of_each_layer() {
    let mut world = playing(Link::PERFECT);
    world.play(3, &frames(50));
    let stats = world.receiver.stats(world.now);
    // Four slices of each layer, 25 times a second.
    for (rate, bytes) in stats.tracks[0].layer_rates.iter().zip([250u64, 450, 900]) {
        let expected = bytes * 8 * 25;
        assert!(rate.abs_diff(expected) < expected / 4, "{rate} of {expected}");
    }
}
