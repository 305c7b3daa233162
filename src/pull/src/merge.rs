//! Tracks that come one after the other for a while, as they do in a segment that has the pictures first and then the
//! sound, put in the order in which they are decoded.

use std::collections::{BTreeMap, VecDeque};

use crate::out::Unit;

/// What waits for the other tracks at most: bytes, and media in nanoseconds. Segments are seldom longer than ten seconds.
const MOST_BYTES: usize = 32 << 20;
const LONGEST: i64 = 12_000_000_000;

/// The units of some tracks.
#[derive(Default)]
pub(crate) struct Merge {
    tracks: BTreeMap<u8, Track>,
    /// All tracks are known.
    is_complete: bool,
    bytes: usize,
    /// How many have come.
    come: u64,
}

#[derive(Default)]
struct Track {
    /// What waits, with its place among all that has come.
    units: VecDeque<(u64, Unit)>,
    /// Nobody waits for it until it gives something.
    is_quiet: bool,
}

impl Merge {
    /// There are these tracks, by their ids.
    pub fn expect(&mut self, tracks: impl Iterator<Item = u8>) {
        for id in tracks {
            self.tracks.entry(id).or_default();
        }
        self.is_complete = true;
    }

    /// Takes a unit.
    pub fn push(&mut self, unit: Unit) {
        self.bytes += unit.data.len();
        self.come += 1;
        let track = self.tracks.entry(unit.track).or_default();
        track.is_quiet = false;
        track.units.push_back((self.come, unit));
    }

    /// The next one, once no track can give one that is decoded before it; or once too much waits for that.
    pub fn next(&mut self) -> Option<Unit> {
        let is_full = self.is_full();
        let mut is_missing = !self.is_complete;
        for track in self.tracks.values_mut() {
            track.is_quiet |= is_full && track.units.is_empty();
            is_missing |= !track.is_quiet && track.units.is_empty();
        }
        // Where clocks jumped, the times say nothing of what came first.
        match (is_full, is_missing) {
            (true, _) => self.first(|come, _| come),
            (false, true) => None,
            (false, false) => self.rest(),
        }
    }

    /// The next one where nothing more is to come.
    pub fn rest(&mut self) -> Option<Unit> {
        self.first(|_, unit| unit.dts)
    }

    fn first<T: Ord>(&mut self, order: impl Fn(u64, &Unit) -> T) -> Option<Unit> {
        let next = |track: &Track| track.units.front().map(|(come, unit)| order(*come, unit));
        let (_, id) = self.tracks.iter().filter_map(|(id, track)| Some((next(track)?, *id))).min()?;
        let (_, unit) = self.tracks.get_mut(&id)?.units.pop_front()?;
        self.bytes -= unit.data.len();
        Some(unit)
    }

    fn is_full(&self) -> bool {
        let ends = self.tracks.values().flat_map(|track| [track.units.front(), track.units.back()]);
        let times = || ends.clone().flatten().map(|(_, unit)| unit.dts);
        let span = times().max().unwrap_or(0).saturating_sub(times().min().unwrap_or(0));
        self.bytes > MOST_BYTES || span > LONGEST
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn unit(track: u8, dts: i64, bytes: usize) -> Unit {
        Unit { track, dts, pts: dts, duration: 0, key: true, data: Bytes::from(vec![0; bytes]) }
    }

    /// What comes out while this goes in, as tracks and times.
    fn given(merge: &mut Merge, units: impl IntoIterator<Item = (u8, i64)>) -> Vec<(u8, i64)> {
        let mut given = Vec::new();
        for (track, dts) in units {
            merge.push(unit(track, dts, 1));
            given.extend(std::iter::from_fn(|| merge.next()).map(|unit| (unit.track, unit.dts)));
        }
        given
    }

    #[test]
    fn tracks_that_come_one_after_the_other_go_on_together() {
        let mut merge = Merge::default();
        merge.expect(0..2);
        assert!(given(&mut merge, [(0, 0), (0, 20), (0, 40)]).is_empty());
        assert_eq!(
            given(&mut merge, [(1, 10), (1, 30), (1, 50)]),
            [(0, 0), (1, 10), (0, 20), (1, 30), (0, 40)]
        );
        assert_eq!(given(&mut merge, [(0, 60)]), [(1, 50)]);
        assert_eq!(merge.rest().map(|unit| unit.dts), Some(60));
        assert_eq!(merge.rest(), None);
    }

    #[test]
    fn nothing_goes_on_before_it_is_known_what_there_is() {
        let mut merge = Merge::default();
        assert!(given(&mut merge, [(0, 0)]).is_empty());
        merge.expect(0..1);
        assert_eq!(given(&mut merge, [(0, 1)]), [(0, 0), (0, 1)]);
    }

    #[test]
    fn a_track_that_gives_nothing_is_not_waited_for_twice() {
        let mut merge = Merge::default();
        merge.expect(0..2);
        assert!(given(&mut merge, (0..13).map(|second| (0, second * SECOND))).is_empty());
        assert_eq!(given(&mut merge, [(0, 13 * SECOND)]).len(), 14, "all that waited");
        assert_eq!(given(&mut merge, [(0, 14 * SECOND)]), [(0, 14 * SECOND)]);
        // It gives again.
        assert!(given(&mut merge, [(1, 15 * SECOND)]).is_empty());
        assert_eq!(given(&mut merge, [(0, 16 * SECOND), (0, 17 * SECOND)]), [(1, 15 * SECOND)]);
    }

    #[test]
    fn what_waits_is_bounded_where_clocks_jump() {
        let mut merge = Merge::default();
        merge.expect(0..2);
        let before = (0..50).flat_map(|time| [(0, 1000 * SECOND + time), (1, 1000 * SECOND + time)]);
        // The pictures go back, and the sound does not.
        let after = (0..50).flat_map(|time| [(0, time), (1, 1000 * SECOND + 50 + time)]);
        assert!(given(&mut merge, before.chain(after)).len() > 190);
        for _ in 0..40 {
            merge.push(unit(0, 100, 1 << 20));
            while merge.next().is_some() {}
            assert!(merge.bytes <= MOST_BYTES);
        }
    }
}
