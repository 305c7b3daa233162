use bytes::Bytes;
use fql_unit::{Chroma, Timing, UnitFlags, VideoInfo};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::piece::{self, End, Piece, UnitHeader};

const MS: Duration = Duration::from_millis(1);

fn video() -> TrackTable {
    let media = Media::Video(VideoInfo { frame_rate: (25, 1), ..VideoInfo::new(64, 64, Chroma::Yuv420) });
    TrackTable::new(vec![Track { id: 3, name: String::new(), layers: 10, media }]).unwrap()
}

fn shard(number: u64, layer: u8, closed: u16, len: usize) -> Shard {
    let timing = Timing { pts: number.min(1 << 40) * 40_000_000, duration: 40_000_000 };
    let flags = UnitFlags { key: true, ..UnitFlags::default() };
    let header = UnitHeader {
        track: 3,
        number: number as u32,
        timing,
        flags,
        layers: 10,
        coded: 6,
        slices: 1,
        reference_layers: 0,
        params: Bytes::new(),
    };
    let piece = Piece { layer, slice: 0, offset: 0, data: vec![7; len].into(), end: End::Complete };
    let content = piece::encode(&header, std::slice::from_ref(&piece));
    Shard { closed, ..Shard::new(&header, number, &[piece], content) }
}

fn items(fanout: &mut Fanout, now: Time) -> Vec<Item> {
    std::iter::from_fn(|| fanout.poll(now)).collect()
}

fn blocks(items: &[Item]) -> Vec<Arc<Block>> {
    let block = |item: &Item| match &item.kind {
        Kind::Parity(block) => Some(block.clone()),
        _ => None,
    };
    items.iter().filter_map(block).collect()
}

#[test]
fn whoever_joins_sound_begins_with_the_newest_and_not_with_data_of_long_ago() {
    let (mut fanout, now) = (Fanout::new(FanoutConfig::default()), Time::ZERO + MS);
    let sound = Media::EncodedAudio(fql_unit::EncodedAudioInfo {
        codec: fql_unit::AudioCodec::Opus,
        rate: 48_000,
        channels: 2,
        config: Vec::new(),
        caps: String::new(),
    });
    let data = Media::Data(fql_unit::DataInfo { caps: "text/x-raw".into() });
    let track = |id, media| Track { id, name: String::new(), layers: 1, media };
    fanout.set_tracks(now, TrackTable::new(vec![track(3, data), track(4, sound)]).unwrap());
    fanout.push(now, shard(0, 0, 1, 50));
    for number in 0..100 {
        let at = now + MS * 20 * number as u32;
        fanout.push(at, Shard { track: 4, ..shard(number, 0, 1, 50) });
        items(&mut fanout, at);
    }
    let joined = fanout.join(now + MS * 2000);
    let sources = joined.iter().filter(|item| matches!(item.kind, Kind::Source(_))).count();
    assert_eq!(sources, 1, "{joined:?}");
}

#[test]
fn whoever_joins_after_the_last_key_unit_was_forgotten_is_not_sent_what_rests_on_it() {
    let config = FanoutConfig { ring: MS * 1000, ..FanoutConfig::default() };
    let (mut fanout, start) = (Fanout::new(config), Time::ZERO + MS);
    fanout.set_tracks(start, video());
    let sources = |fanout: &Fanout, now| {
        fanout.join(now).iter().filter(|item| matches!(item.kind, Kind::Source(_))).count()
    };
    let mut joined = Vec::new();
    for number in 0..61 {
        let now = start + MS * 40 * number as u32;
        let flags = UnitFlags { key: number % 60 == 0, ..UnitFlags::default() };
        fanout.push(now, shard(number, 0, 1, 50).moved(number, number * 40_000_000, flags).unwrap());
        items(&mut fanout, now);
        joined.push(sources(&fanout, now));
    }
    assert_eq!((joined[0], joined[20]), (1, 21), "all since the key unit");
    assert_eq!((joined[30], joined[59]), (0, 0), "the next key unit is waited for");
    assert_eq!(joined[60], 1);
}

#[test]
fn after_a_publisher_with_a_time_at_the_end_of_all_times_the_next_one_is_given_on() {
    let (mut fanout, now) = (Fanout::new(FanoutConfig::default()), Time::ZERO + MS);
    fanout.start(now);
    fanout.set_tracks(now, video());
    let last = shard(0, 0, 1, 50).moved(0, MAX_PTS, UnitFlags { key: true, ..UnitFlags::default() }).unwrap();
    fanout.push(now, last);
    fanout.start(now + MS);
    fanout.push(now + MS, shard(0, 0, 1, 50));
    let stats = fanout.stats(now + MS);
    assert_eq!((stats.shards, stats.dropped), (2, 0));
}

#[test]
fn whoever_joins_before_there_are_tracks_is_told_of_a_pause() {
    let mut fanout = Fanout::new(FanoutConfig::default());
    fanout.set_paused(Time::ZERO, true);
    let joined = fanout.join(Time::ZERO);
    assert!(matches!(&joined[..], [Item { kind: Kind::Paused(true), .. }]), "{joined:?}");
}

#[test]
fn a_shard_is_given_on_at_once_and_a_block_closes_when_nothing_more_of_its_layer_comes() {
    let (mut fanout, now) = (Fanout::new(FanoutConfig::default()), Time::ZERO + MS);
    fanout.start(now);
    fanout.set_tracks(now, video());
    items(&mut fanout, now);
    fanout.push(now, shard(0, 2, 0, 50));
    let first = items(&mut fanout, now);
    assert!(
        matches!(&first[..], [Item { kind: Kind::Source(source), .. }] if source.is_first && source.layer == 2)
    );
    fanout.push(now, shard(0, 2, 1 << 2, 40));
    let closed = blocks(&items(&mut fanout, now));
    assert_eq!(closed.iter().map(|block| block.sources()).collect::<Vec<_>>(), [2]);
    // One of which something stays missing closes in time all the same.
    fanout.push(now, shard(0, 3, 0, 50));
    assert!(blocks(&items(&mut fanout, now)).is_empty());
    let deadline = fanout.poll_timeout().unwrap();
    assert!(deadline < now + MS * 120, "{deadline:?}");
    assert_eq!(blocks(&items(&mut fanout, deadline)).len(), 1);
    // And what comes after that goes on without a block.
    fanout.push(deadline, shard(0, 3, 0, 60));
    let late = items(&mut fanout, deadline);
    assert!(matches!(&late[..], [Item { kind: Kind::Source(source), .. }] if source.block.is_none()));
    assert_eq!(fanout.stats(deadline).late, 1);
}

#[test]
fn parity_is_computed_when_it_is_asked_for_once_and_a_row_is_the_same_for_all() {
    let (mut fanout, now) = (Fanout::new(FanoutConfig::default()), Time::ZERO + MS);
    fanout.start(now);
    fanout.set_tracks(now, video());
    fanout.push(now, shard(0, 0, 0, 50));
    fanout.push(now, shard(0, 0, 1, 40));
    let block = blocks(&items(&mut fanout, now)).remove(0);
    assert_eq!(fanout.stats(now).rows_computed, 0);
    for rows in [1, 5, 3] {
        block.want(rows);
    }
    let rows: Vec<_> = (0..5).map(|row| block.row(row).unwrap()).collect();
    assert_eq!(rows, (0..5).map(|row| block.row(row).unwrap()).collect::<Vec<_>>());
    let stats = fanout.stats(now);
    assert_eq!((stats.blocks_computed, stats.rows_computed), (1, 5));
    assert!(rows.iter().all(|row| row.len() == block.row_len()));
}

#[test]
fn the_ring_is_bounded_in_bytes_and_in_seconds() {
    let config =
        FanoutConfig { ring: Duration::from_secs(2), ring_bytes: 100_000, ..FanoutConfig::default() };
    let (mut fanout, mut now) = (Fanout::new(config), Time::ZERO + MS);
    fanout.start(now);
    fanout.set_tracks(now, video());
    for number in 0..1000 {
        now = now + MS * 40;
        fanout.push(now, shard(number, 0, 1, if number < 500 { 1000 } else { 10 }));
        let stats = fanout.stats(now);
        assert!(stats.ring_bytes <= 100_000 && stats.ring <= Duration::from_secs(2), "{stats:?}");
        items(&mut fanout, now);
    }
    assert!(fanout.stats(now).ring >= Duration::from_millis(1900));
}

#[derive(Debug, Clone)]
enum Doing {
    Push(Shard),
    Start,
    Tracks,
    Pause(bool),
}

fn doing() -> impl Strategy<Value = Doing> {
    let number = prop_oneof![0u64..50, any::<u64>()];
    let pushed = (any::<u8>(), number, any::<u64>(), any::<u64>(), any::<(u8, u8, u16)>(), 0usize..1200)
        .prop_map(|(track, number, pts, duration, (lowest, coded, closed), len)| {
            let flags = UnitFlags { key: lowest % 2 == 0, ..UnitFlags::default() };
            let content = Bytes::from(vec![lowest; len]);
            let timing = Timing { pts, duration };
            let (lowest, coded) = (lowest % 15, coded % 16);
            Doing::Push(Shard {
                track: track % 5,
                number,
                timing,
                flags,
                layers: 15,
                coded,
                reference_layers: 0,
                lowest,
                closed,
                content,
            })
        });
    let sane = (0u64..50, 0u8..6, any::<u16>(), 0usize..900)
        .prop_map(|(number, layer, closed, len)| Doing::Push(shard(number, layer, closed, len)));
    let pause = any::<bool>().prop_map(Doing::Pause);
    prop_oneof![4 => pushed, 8 => sane, 1 => Just(Doing::Start), 1 => Just(Doing::Tracks), 1 => pause]
}

proptest! {
    #[test]
    fn whatever_a_publisher_sends_does_no_harm(doings in vec((doing(), 0u32..50), 0..200)) {
        let config = FanoutConfig { ring_bytes: 50_000, ..FanoutConfig::default() };
        let (mut fanout, mut now) = (Fanout::new(config), Time::ZERO + MS);
        for (doing, wait) in doings {
            now = now + MS * wait;
            match doing {
                Doing::Push(shard) => fanout.push(now, shard),
                Doing::Start => fanout.start(now),
                Doing::Tracks => fanout.set_tracks(now, video()),
                Doing::Pause(paused) => fanout.set_paused(now, paused),
            }
            for block in blocks(&items(&mut fanout, now)) {
                prop_assert!((1..=MAX_SOURCES).contains(&block.sources()));
                prop_assert!(block.row(0).is_some_and(|row| row.len() == block.row_len()));
            }
            prop_assert!(fanout.poll_timeout().is_none_or(|time| time > now));
            prop_assert!(fanout.stats(now).ring_bytes <= 50_000 && fanout.open.len() <= MAX_OPEN);
            fanout.join(now);
        }
    }
}
