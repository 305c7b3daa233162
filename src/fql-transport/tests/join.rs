//! Who joins an encoded stream, of which there is no smaller layer to begin with, in simulated time.

mod hub;
mod world;

use std::time::Duration;

use bytes::Bytes;
use fql_transport::{ReceiverConfig, ReceiverEvent, Time, shards};
use fql_unit::encoded::{AccessUnit, Chain, Importance};
use fql_unit::{EncodedVideoInfo, Media, Timing, Track, TrackTable, Unit, VideoCodec};
use hub::{Host, World};
use world::Link;

const FRAME: Duration = Duration::from_millis(40);
const TRACK: u8 = 3;

/// 3 Mbit/s and one key picture.
const KEY: usize = 120_000;
const PREDICTED: usize = 15_000;

fn tracks() -> TrackTable {
    let (codec, frame_rate) = (VideoCodec::H264, (25, 1));
    let (config, caps) = (Vec::new(), String::new());
    let info = EncodedVideoInfo { codec, width: 64, height: 48, frame_rate, config, caps };
    let track = Track { id: TRACK, name: String::new(), layers: 3, media: Media::EncodedVideo(info) };
    TrackTable::new(vec![track]).unwrap()
}

fn picture(number: u64) -> Unit {
    let key = number == 0;
    let importance = if key { Importance::Key } else { Importance::Reference };
    let data: Bytes = vec![number as u8; if key { KEY } else { PREDICTED }].into();
    let references = number as u8;
    AccessUnit { data, importance, key, discont: false, references, composition: Some(0) }
        .into_unit(3)
        .unwrap()
}

/// A stream that an encoder sends straight to the server.
struct Encoder {
    number: u64,
}

impl Encoder {
    fn new(world: &mut World) -> Self {
        world.hub.fanout.handle_event(world.now, ReceiverEvent::Started { one_way: false });
        world.hub.fanout.handle_event(world.now, ReceiverEvent::Tracks(tracks()));
        Self { number: 0 }
    }

    fn film(&mut self, world: &mut World, time: Duration) {
        let end = world.now + time;
        while world.now < end {
            let timing = Timing { pts: (FRAME * self.number as u32).as_nanos() as u64, duration: 40_000_000 };
            let table = tracks();
            let made = shards(table.get(TRACK).unwrap(), self.number, timing, &picture(self.number)).unwrap();
            for shard in made {
                world.hub.fanout.handle_event(world.now, ReceiverEvent::Shard(shard));
            }
            self.number += 1;
            world.run(FRAME);
        }
    }
}

/// The numbers of the pictures that a decoder can show, and when they came.
fn shown(world: &World, host: Host) -> Vec<(u64, Time)> {
    let mut chain = Chain::of(&tracks().get(TRACK).unwrap().media).unwrap();
    let mut shown = Vec::new();
    for (at, event) in &world.watchers[&host].seen {
        let ReceiverEvent::Unit { number, timing, unit, lost, .. } = event else { continue };
        if chain.take(unit, *lost, timing.pts).is_some() {
            shown.push((*number, *at));
        }
    }
    shown
}

/// Somebody joins so long after the only key picture, over a link of so many bits a second. Gives the pictures that can be
/// shown, how many there were, and when the first came, counted from the beginning.
fn join(after: Duration, rate: Option<f64>, link: Link) -> (Vec<u64>, u64, Duration) {
    let mut world = World::new();
    let mut encoder = Encoder::new(&mut world);
    if !after.is_zero() {
        encoder.film(&mut world, after);
    }
    let begun = world.now;
    let host = world.watch(9, link, ReceiverConfig::default());
    world.watchers.get_mut(&host).unwrap().there.rate = rate;
    // The handshake is over before the first picture of those who are there from the start.
    world.run_until("a session", |world| world.hub.sessions.contains_key(&host));
    encoder.film(&mut world, Duration::from_secs(6));
    world.run(Duration::from_secs(1));
    let shown = shown(&world, host);
    let first = shown.first().map_or(Duration::MAX, |(_, at)| *at - begun);
    (shown.into_iter().map(|(number, _)| number).collect(), encoder.number, first)
}

#[test]
fn who_joins_an_encoded_stream_gets_its_only_key_picture_whole_and_all_that_follow() {
    for after in [0, 1, 2] {
        for rate in [None, Some(20e6), Some(8e6)] {
            let (shown, all, first) = join(Duration::from_secs(after), rate, Link::PERFECT);
            assert_eq!(shown, (0..all).collect::<Vec<_>>(), "{after} s after it, {rate:?}");
            assert!(first < Duration::from_millis(900), "{after} s after it, {rate:?}: {first:?}");
        }
    }
}

#[test]
fn a_link_that_carries_less_than_the_stream_brings_the_key_picture_at_least() {
    let (shown, _, first) = join(Duration::ZERO, Some(2e6), Link::PERFECT);
    assert_eq!(shown.first(), Some(&0), "{first:?}");
    assert!(shown.iter().zip(0..).take_while(|(shown, number)| *shown == number).count() > 1);
}

#[test]
fn a_key_picture_that_comes_slowly_is_repaired_like_any_other() {
    let (shown, all, _) = join(Duration::from_secs(1), None, Link::losing(0.02, 1.0));
    assert_eq!(shown, (0..all).collect::<Vec<_>>());
}
