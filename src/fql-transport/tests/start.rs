//! The first second of a stream, when little is known of its clock: what comes first must not make the rest late.

mod world;

use std::time::Duration;

use fql_transport::{ReceiverConfig, ReceiverEvent, Time};
use fql_unit::{Timing, TrackTable};
use world::{Dice, Link, STEP, World, sound_table, uncontrolled, unit, video_table};

const PICTURE: Duration = Duration::from_millis(40);
const SOUND: Duration = Duration::from_millis(20);
const PICTURES: usize = 50;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Plays two seconds of picture and sound; the two functions say when a unit is pushed that is to be presented then,
/// counted from the beginning. Gives the pictures whose layer 0 came in time.
fn play(pictures: impl Fn(Duration) -> Duration, sound: impl Fn(Duration) -> Duration) -> usize {
    let mut world = World::with(uncontrolled(), ReceiverConfig::new(world::KEY), Link::losing(0.1, 1.0), 5);
    let tracks = [video_table(10).tracks(), sound_table(10).tracks()].concat();
    world.sender.set_tracks(world.now, TrackTable::new(tracks).unwrap());
    world.connect();
    let mut dice = Dice(3);
    let mut queue: Vec<(Duration, u8, Duration, Duration)> = (0..PICTURES as u32)
        .map(|number| (pictures(PICTURE * number), 3, PICTURE * number, PICTURE))
        .chain((0..2 * PICTURES as u32).map(|number| (sound(SOUND * number), 5, SOUND * number, SOUND)))
        .collect();
    queue.sort();
    let start: Time = world.now;
    for (time, track, pts, duration) in queue {
        while world.now < start + time {
            world.run(STEP);
        }
        let timing = Timing { pts: pts.as_nanos() as u64, duration: duration.as_nanos() as u64 };
        let unit = match track {
            3 => unit(&mut dice, 10, 4, &[250, 450, 900, 1700]),
            _ => unit(&mut dice, 10, 1, &[20, 40, 60, 80, 120]),
        };
        world.sender.push_unit(world.now, track, timing, &unit).unwrap();
    }
    world.run(ms(500));
    let is_picture = |event: &&ReceiverEvent| matches!(event, ReceiverEvent::Unit { track: 3, unit, .. } if unit.has_picture());
    world.received.iter().filter(is_picture).count()
}

#[test]
fn a_stream_that_begins_well_loses_nothing() {
    let came = play(|pts| ms(200) + pts, |pts| ms(200) + pts);
    assert_eq!(came, PICTURES);
}

#[test]
fn one_unit_that_is_early_does_not_cost_the_pictures_after_it() {
    for early in [40, 70, 100, 120] {
        let first = |pts: Duration| if pts.is_zero() { ms(200 - early) } else { ms(200) + pts };
        let came = play(|pts| ms(200) + pts, first);
        assert!(came >= PICTURES - 4, "sound early by {early} ms: {came} pictures");
        let came = play(first, |pts| ms(200) + pts);
        assert!(came >= PICTURES - 4, "a picture early by {early} ms: {came} pictures");
    }
}

#[test]
fn pictures_that_lag_behind_the_sound_at_the_start_come() {
    for lag in [60, 90, 120] {
        let came = play(|pts| ms(200 + lag) + pts, |pts| ms(200) + pts);
        assert!(came >= PICTURES - 4, "a lag of {lag} ms: {came} pictures");
        // An encoder that is slow at first and catches up within two seconds.
        let catches_up = |pts: Duration| ms(200) + pts + ms(lag).mul_f64(1.0 - pts.as_secs_f64() / 2.0);
        let came = play(catches_up, |pts| ms(200) + pts);
        assert!(came >= PICTURES - 4, "a lag of {lag} ms at first: {came} pictures");
    }
}
