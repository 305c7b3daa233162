//! Units into a fan-out and out again, without any session.

use std::time::Duration;

use bytes::Bytes;
use fql_transport::{Collected, Error, Fanout, FanoutConfig, ReceiverEvent, Time, Units, shards};
use fql_unit::encoded::{AccessUnit, Importance};
use fql_unit::{
    Chroma, EncodedVideoInfo, Media, Segment, Timing, Track, TrackTable, Unit, VideoCodec, VideoInfo,
};
use proptest::prelude::*;

const LATENCY: Duration = Duration::from_millis(120);

fn tracks() -> TrackTable {
    let (codec, frame_rate) = (VideoCodec::H264, (25, 1));
    let (config, caps) = (Vec::new(), String::new());
    let encoded = EncodedVideoInfo { codec, width: 64, height: 48, frame_rate, config, caps };
    let layered = Media::Video(VideoInfo::new(64, 48, Chroma::Yuv420));
    let track = |id, layers, media| Track { id, name: String::new(), layers, media };
    TrackTable::new(vec![track(1, 3, Media::EncodedVideo(encoded)), track(2, 12, layered)]).unwrap()
}

fn picture(length: usize, importance: Importance) -> Unit {
    let data: Bytes = (0..length).map(|i| (i * 7 % 251) as u8).collect::<Vec<u8>>().into();
    let (key, discont, references, composition) = (importance == Importance::Key, false, 0, Some(40));
    AccessUnit { data, importance, key, discont, references, composition }.into_unit(3).unwrap()
}

fn layered(lengths: &[usize]) -> Unit {
    let mut unit = Unit::new(12, 1, b"params").unwrap();
    unit.set_reference_layers(2);
    for (layer, &length) in lengths.iter().enumerate() {
        unit.set(layer as u8, 0, Segment::complete(vec![layer as u8; length]));
    }
    unit
}

/// What comes out of a stream for these units on its tracks, of whose shards `keep` says which come.
fn through(units: &[(u8, Unit)], keep: impl Fn(usize) -> bool) -> Vec<Collected> {
    let start = Time::ZERO + Duration::from_secs(1);
    let mut fanout = Fanout::new(FanoutConfig::default());
    let mut collector = Units::new(LATENCY);
    fanout.handle_event(start, ReceiverEvent::Started { one_way: false });
    fanout.handle_event(start, ReceiverEvent::Tracks(tracks()));
    let mut number = [0, 0, 0];
    let mut count = 0;
    for (track, unit) in units {
        let number = &mut number[usize::from(*track)];
        let timing = Timing { pts: *number * 40_000_000, duration: 40_000_000 };
        for shard in shards(tracks().get(*track).unwrap(), *number, timing, unit).unwrap() {
            if keep(count) {
                fanout.push(start, shard);
            }
            count += 1;
        }
        *number += 1;
    }
    let mut out = Vec::new();
    for now in [start, start + LATENCY * 2] {
        while let Some(item) = fanout.poll(now) {
            collector.push(now, &item);
        }
        out.extend(std::iter::from_fn(|| collector.poll(now)));
    }
    assert_eq!(collector.poll_timeout(), None, "nothing is held for ever");
    out
}

fn units(collected: Vec<Collected>) -> Vec<(u8, u64, Unit, u64)> {
    let unit = |collected| match collected {
        Collected::Unit { track, number, unit, lost, .. } => Some((track, number, unit, lost)),
        _ => None,
    };
    collected.into_iter().filter_map(unit).collect()
}

#[test]
fn units_of_every_size_come_out_as_they_went_in() {
    for length in [1, 500, 1000, 1100, 5000, 60_000, 300_000] {
        for importance in [Importance::Key, Importance::Reference, Importance::Disposable] {
            let sent = vec![(1, picture(length, importance)), (2, layered(&[length, 0, 3, length / 2]))];
            let out = through(&sent, |_| true);
            assert_eq!(out[0], Collected::Tracks(tracks().into()));
            let got: Vec<_> = units(out).into_iter().map(|(track, _, unit, _)| (track, unit)).collect();
            assert_eq!(got, sent, "{length} bytes");
        }
    }
}

#[test]
fn what_is_lost_on_the_way_is_told_and_holds_nothing_up_for_longer_than_the_latency() {
    // Each of these is one shard.
    let sent = vec![(1, picture(100, Importance::Key)); 5];
    let got = units(through(&sent, |shard| shard != 1 && shard != 2));
    let numbers: Vec<_> = got.iter().map(|(_, number, _, lost)| (*number, *lost)).collect();
    assert_eq!(numbers, [(0, 0), (3, 2), (4, 0)]);
    let part = units(through(&[(1, picture(5000, Importance::Key))], |shard| shard != 1));
    assert!(!part[0].2.segment(0, 0).unwrap().is_complete());
}

#[test]
fn what_is_taken_long_after_it_came_is_as_whole_as_if_it_was_taken_at_once() {
    let start = Time::ZERO + Duration::from_secs(1);
    let mut fanout = Fanout::new(FanoutConfig::default());
    fanout.handle_event(start, ReceiverEvent::Started { one_way: false });
    fanout.handle_event(start, ReceiverEvent::Tracks(tracks()));
    let sent: Vec<_> = (0..76)
        .map(|number| match number {
            0 => picture(80_000, Importance::Key),
            _ => picture(5000, Importance::Reference),
        })
        .collect();
    let mut now = start;
    for (number, unit) in (0..).zip(&sent) {
        let timing = Timing { pts: number * 40_000_000, duration: 40_000_000 };
        for shard in shards(tracks().get(1).unwrap(), number, timing, unit).unwrap() {
            fanout.push(now, shard);
        }
        while fanout.poll(now).is_some() {}
        now = now + Duration::from_millis(40);
    }
    let mut collector = Units::new(LATENCY);
    fanout.join(now).iter().for_each(|item| collector.push(now, item));
    let got = units(std::iter::from_fn(|| collector.poll(now)).collect());
    assert_eq!(got.len(), sent.len());
    for ((_, number, unit, lost), sent) in got.into_iter().zip(sent) {
        assert!(lost == 0 && unit == sent, "unit {number} is another one");
    }
}

#[test]
fn units_that_do_not_fit_their_track_are_refused() {
    let table = tracks();
    let track = table.get(2).unwrap();
    let other = picture(10, Importance::Key);
    let error = shards(track, 0, Timing::default(), &other).unwrap_err();
    assert_eq!(error, Error::Layers { track: 2, found: 3, expected: 12 });
    let late = Timing { pts: u64::MAX, duration: 0 };
    assert_eq!(shards(track, 0, late, &layered(&[1])).unwrap_err(), Error::Pts(u64::MAX));
    assert!(shards(track, 0, Timing::default(), &layered(&[])).unwrap().is_empty());
}

proptest! {
    #[test]
    fn no_loss_makes_a_unit_wrong(
        lengths in proptest::collection::vec(1usize..4000, 1..20),
        lost in proptest::collection::hash_set(0usize..60, 0..10),
    ) {
        let sent: Vec<_> = lengths.iter().map(|&length| (1, picture(length, Importance::Reference))).collect();
        for (_, number, unit, _) in units(through(&sent, |shard| !lost.contains(&shard))) {
            let (got, expected) = (unit.segment(1, 0).unwrap(), sent[number as usize].1.segment(1, 0).unwrap());
            prop_assert!(expected.data().starts_with(got.data()));
            prop_assert_eq!(got.is_complete(), got.data() == expected.data());
        }
    }
}
