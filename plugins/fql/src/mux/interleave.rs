//! The order in which the units of several tracks go into one file.

use std::collections::{BTreeMap, VecDeque};

use fql_file::StoredUnit;
use fql_unit::Track;

/// How far, in nanoseconds, a track may be ahead of the others before it has to wait; and how long the others of it
/// are held back for a track that may never say anything.
const PATIENCE: i64 = 1_000_000_000;
/// How many bytes are held back at most before they are written as they are.
const MAX_BYTES: usize = 128 << 20;

/// What comes on a track, in its order.
pub enum Item {
    /// What the track is from here on.
    Track(Box<Track>),
    /// A unit of it.
    Unit(StoredUnit),
}

#[derive(Default)]
struct Lane {
    queue: VecDeque<Item>,
    /// All units before this time have come.
    position: Option<i64>,
    /// Data may come rarely, or never.
    is_sparse: bool,
    has_ended: bool,
}

/// Brings the units of several tracks into the order of their decoding times.
///
/// A unit leaves when every other track has come as far. Tracks of data, and all where the pipeline is live, are not
/// waited for longer than until a second of the others is held back.
#[derive(Default)]
pub struct Interleaver {
    lanes: BTreeMap<u8, Lane>,
    bytes: usize,
    is_live: bool,
}

impl Interleaver {
    /// A new track, or one that comes again: what came of it before stays.
    pub fn add(&mut self, id: u8) {
        let lane = self.lanes.entry(id).or_default();
        (lane.position, lane.has_ended) = (None, false);
    }

    /// What comes, comes at its own pace: nothing can be made to wait.
    pub fn set_live(&mut self) {
        self.is_live = true;
    }

    /// Whether a track is one that may say nothing for long.
    pub fn set_sparse(&mut self, id: u8, is_sparse: bool) {
        self.lanes.entry(id).or_default().is_sparse = is_sparse;
    }

    /// The next of a track.
    pub fn push(&mut self, id: u8, item: Item) {
        let lane = self.lanes.entry(id).or_default();
        if let Item::Unit(unit) = &item {
            self.bytes += unit.unit.len();
            lane.position = Some(unit.decoding_time());
        }
        lane.queue.push_back(item);
    }

    /// Nothing comes on a track before this time any more.
    pub fn advance(&mut self, id: u8, time: i64) {
        let lane = self.lanes.entry(id).or_default();
        lane.position = Some(lane.position.map_or(time, |position| position.max(time)));
    }

    /// Nothing comes on a track any more; what came stays.
    pub fn end(&mut self, id: u8) {
        self.lanes.entry(id).or_default().has_ended = true;
    }

    /// What is not yet written of a track's units is not wanted; its end is none.
    pub fn flush(&mut self, id: u8) {
        let lane = self.lanes.entry(id).or_default();
        lane.queue.retain(|item| matches!(item, Item::Track(_)));
        (lane.position, lane.has_ended) = (None, false);
        self.bytes = self.lanes.values().map(Lane::bytes).sum();
    }

    /// Whether there are tracks, and all of them ended.
    pub fn has_ended(&self) -> bool {
        !self.lanes.is_empty() && self.lanes.values().all(|lane| lane.has_ended)
    }

    /// Whether nothing waits to be written.
    pub fn is_empty(&self) -> bool {
        self.lanes.values().all(|lane| lane.queue.is_empty())
    }

    /// Whether a track is so far ahead that it has to wait for the others.
    pub fn must_wait(&self, id: u8) -> bool {
        let Some(lane) = self.lanes.get(&id).filter(|_| !self.is_live) else { return false };
        lane.first().zip(lane.last()).is_some_and(|(first, last)| last.saturating_sub(first) >= PATIENCE)
    }

    /// The next that is to be written, if it is time for it.
    pub fn pop(&mut self) -> Option<Item> {
        let is_track = |lane: &&mut Lane| matches!(lane.queue.front(), Some(Item::Track(_)));
        if let Some(lane) = self.lanes.values_mut().find(is_track) {
            return lane.queue.pop_front();
        }
        let (time, id) = self.lanes.iter().filter_map(|(id, lane)| Some((lane.first()?, *id))).min()?;
        let newest = self.lanes.values().filter_map(Lane::last).max()?;
        let is_late = newest.saturating_sub(time) >= PATIENCE;
        let holds = |(_, lane): (&u8, &Lane)| {
            lane.may_have_before(time) && !((lane.is_sparse || self.is_live) && is_late)
        };
        if self.bytes <= MAX_BYTES && self.lanes.iter().any(holds) {
            return None;
        }
        let item = self.lanes.get_mut(&id)?.queue.pop_front()?;
        if let Item::Unit(unit) = &item {
            self.bytes -= unit.unit.len();
        }
        Some(item)
    }
}

impl Lane {
    fn times(&self) -> impl DoubleEndedIterator<Item = i64> {
        self.queue.iter().filter_map(|item| match item {
            Item::Unit(unit) => Some(unit.decoding_time()),
            Item::Track(_) => None,
        })
    }

    fn first(&self) -> Option<i64> {
        self.times().next()
    }

    fn last(&self) -> Option<i64> {
        self.times().next_back()
    }

    /// Whether something may still come on this track that belongs before a time.
    fn may_have_before(&self, time: i64) -> bool {
        !self.has_ended && self.first().is_none() && self.position.is_none_or(|position| position <= time)
    }

    fn bytes(&self) -> usize {
        let bytes = |item: &Item| match item {
            Item::Unit(unit) => unit.unit.len(),
            Item::Track(_) => 0,
        };
        self.queue.iter().map(bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use fql_file::StoredFlags;
    use fql_unit::{DataInfo, Media};

    use super::*;

    fn unit(track: u8, millis: i64) -> Item {
        let (pts, flags) = (millis * 1_000_000, StoredFlags::default());
        Item::Unit(StoredUnit { track, pts, dts: None, duration: None, flags, unit: vec![0; 10].into() })
    }

    fn tracks(ids: &[u8]) -> Interleaver {
        let mut interleaver = Interleaver::default();
        ids.iter().for_each(|id| interleaver.add(*id));
        interleaver
    }

    /// The track and the time in milliseconds of all that leaves at present.
    fn leaving(interleaver: &mut Interleaver) -> Vec<(u8, i64)> {
        let tell = |item| match item {
            Item::Unit(unit) => (unit.track, unit.pts / 1_000_000),
            Item::Track(track) => (track.id, -1),
        };
        std::iter::from_fn(|| interleaver.pop()).map(tell).collect()
    }

    #[test]
    fn units_leave_in_order_as_soon_as_every_track_has_come_as_far() {
        let mut interleaver = tracks(&[0, 1]);
        for time in [0, 40, 80] {
            interleaver.push(0, unit(0, time));
        }
        assert_eq!(leaving(&mut interleaver), []);
        interleaver.push(1, unit(1, 20));
        assert_eq!(leaving(&mut interleaver), [(0, 0), (1, 20)]);
        interleaver.push(1, unit(1, 60));
        assert_eq!(leaving(&mut interleaver), [(0, 40), (1, 60)]);
        interleaver.end(1);
        assert_eq!(leaving(&mut interleaver), [(0, 80)]);
        assert!(interleaver.is_empty() && !interleaver.has_ended());
    }

    #[test]
    fn a_track_that_is_a_second_ahead_waits() {
        let mut interleaver = tracks(&[0, 1]);
        (0..25).for_each(|n| interleaver.push(0, unit(0, n * 40)));
        assert!(!interleaver.must_wait(0));
        interleaver.push(0, unit(0, 1_000));
        assert!(interleaver.must_wait(0) && !interleaver.must_wait(1));
        assert_eq!(leaving(&mut interleaver), []);
        interleaver.push(1, unit(1, 500));
        leaving(&mut interleaver);
        assert!(!interleaver.must_wait(0));
    }

    #[test]
    fn nobody_waits_for_data_and_data_that_comes_within_a_second_is_in_order() {
        let mut interleaver = tracks(&[0, 1]);
        interleaver.set_sparse(1, true);
        (0..=30).for_each(|n| interleaver.push(0, unit(0, n * 40)));
        assert_eq!(leaving(&mut interleaver).last(), Some(&(0, 200)));
        interleaver.push(1, unit(1, 210));
        assert_eq!(leaving(&mut interleaver), [(1, 210)]);
        interleaver.advance(1, 500 * 1_000_000);
        assert_eq!(leaving(&mut interleaver).last(), Some(&(0, 480)));
    }

    #[test]
    fn a_live_track_is_never_made_to_wait_nor_waited_for() {
        let mut interleaver = tracks(&[0, 1]);
        interleaver.set_live();
        (0..=30).for_each(|n| interleaver.push(0, unit(0, n * 40)));
        assert!(!interleaver.must_wait(0));
        assert_eq!(leaving(&mut interleaver).last(), Some(&(0, 200)));
    }

    #[test]
    fn what_a_track_is_leaves_at_once_but_after_its_units_before() {
        let track = |id| {
            let media = Media::Data(DataInfo { caps: "a/b".into() });
            Item::Track(Box::new(Track { id, name: String::new(), layers: 1, media }))
        };
        let mut interleaver = tracks(&[0, 1]);
        interleaver.push(0, track(0));
        interleaver.push(0, unit(0, 0));
        interleaver.push(0, track(0));
        interleaver.push(0, unit(0, 40));
        assert_eq!(leaving(&mut interleaver), [(0, -1)]);
        interleaver.push(1, unit(1, 20));
        assert_eq!(leaving(&mut interleaver), [(0, 0), (0, -1), (1, 20)]);
    }

    #[test]
    fn a_track_that_comes_again_keeps_what_waits_and_is_waited_for() {
        let mut interleaver = tracks(&[0, 1]);
        interleaver.push(0, unit(0, 0));
        interleaver.end(0);
        interleaver.add(0);
        interleaver.push(1, unit(1, 10));
        interleaver.push(1, unit(1, 20));
        assert_eq!(leaving(&mut interleaver), [(0, 0)]);
        interleaver.end(0);
        assert_eq!(leaving(&mut interleaver), [(1, 10), (1, 20)]);
    }

    #[test]
    fn a_flush_takes_what_waits_and_the_end_with_it() {
        let mut interleaver = tracks(&[0]);
        interleaver.add(1);
        interleaver.push(0, unit(0, 0));
        interleaver.end(0);
        interleaver.end(1);
        assert!(interleaver.has_ended());
        interleaver.flush(0);
        assert!(!interleaver.has_ended());
        assert_eq!(leaving(&mut interleaver), []);
    }
}
