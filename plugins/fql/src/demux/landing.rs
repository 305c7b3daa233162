//! Where a seek to a refresh point ends: the refresh points themselves are read, those of the index are only some.

use fql_file::StoredUnit;

/// What is held back at most until the refresh point is found; then the best one so far is taken.
const MAX_BYTES: usize = 64 << 20;

/// Which refresh point is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Snap {
    /// The last one at or before the time.
    Before,
    /// The first one at or after it.
    After,
    /// The one that is closest.
    Nearest,
}

impl Snap {
    /// What a seek asks for; `None` where it wants the very time.
    pub fn of(flags: gst::SeekFlags) -> Option<Self> {
        let (before, after) = (gst::SeekFlags::SNAP_BEFORE, gst::SeekFlags::SNAP_AFTER);
        let has = |flag| flags.contains(flag);
        if !has(gst::SeekFlags::KEY_UNIT) {
            return None;
        }
        Some(match (has(before), has(after)) {
            (true, true) => Self::Nearest,
            (false, true) => Self::After,
            _ => Self::Before,
        })
    }
}

/// Holds units back until it is clear at which one to begin.
#[derive(Debug)]
pub struct Landing {
    /// The track whose refresh points count.
    track: u8,
    time: i64,
    snap: Snap,
    before: Option<i64>,
    after: Option<i64>,
    held: Vec<StoredUnit>,
    bytes: usize,
    is_over: bool,
}

impl Landing {
    /// Towards a time of the file, at a refresh point of this track.
    pub fn new(track: u8, time: i64, snap: Snap) -> Self {
        Self { track, time, snap, before: None, after: None, held: Vec::new(), bytes: 0, is_over: false }
    }

    /// Takes a unit. `true` when it is clear where to begin.
    pub fn take(&mut self, unit: StoredUnit) -> bool {
        if unit.track == self.track {
            self.look_at(&unit);
        }
        self.bytes += unit.unit.len();
        self.held.push(unit);
        self.is_over |= self.bytes > MAX_BYTES;
        self.is_over
    }

    fn look_at(&mut self, unit: &StoredUnit) {
        let is_past = unit.decoding_time() > self.time;
        if unit.flags.key && unit.pts <= self.time {
            self.before = self.before.max(Some(unit.pts));
            // What comes before it is not needed any more.
            self.held.retain(|held| held.end() > unit.pts && held.track != self.track);
            self.bytes = self.held.iter().map(|held| held.unit.len()).sum();
        }
        if unit.flags.key && unit.pts >= self.time {
            self.after.get_or_insert(unit.pts);
        }
        let is_exact = self.before == Some(self.time);
        self.is_over = match self.snap {
            Snap::Before => is_exact || (is_past && self.before.or(self.after).is_some()),
            Snap::After | Snap::Nearest => is_exact || self.after.is_some(),
        };
    }

    /// Where to begin, as far as is known, and what was held back from there on.
    pub fn end(self) -> (i64, Vec<StoredUnit>) {
        let (time, track) = (self.time, self.track);
        let chosen =
            match (self.snap, self.before, self.after) {
                (Snap::Before, Some(before), _) | (_, Some(before), None) => before,
                (Snap::After, _, Some(after)) | (_, None, Some(after)) => after,
                (Snap::Nearest, Some(before), Some(after)) => {
                    if time.abs_diff(before) <= time.abs_diff(after) { before } else { after }
                }
                (_, None, None) => time,
            };
        let mut has_begun = false;
        let mut held = self.held;
        held.retain(|unit| {
            has_begun |= unit.track == track && unit.flags.key && unit.pts >= chosen;
            if unit.track == track { has_begun } else { unit.end().max(unit.pts + 1) > chosen }
        });
        (chosen, held)
    }
}

#[cfg(test)]
mod tests {
    use fql_file::StoredFlags;

    use super::*;

    fn unit(track: u8, time: i64, key: bool) -> StoredUnit {
        let flags = StoredFlags { key, ..StoredFlags::default() };
        StoredUnit { track, pts: time, dts: None, duration: Some(1), flags, unit: vec![0].into() }
    }

    /// Lands in a video with a key unit at 0, 10, 20 ... 50, and sound at every time.
    fn land(time: i64, snap: Snap) -> (i64, Option<i64>, Option<i64>) {
        let mut landing = Landing::new(0, time, snap);
        let units = (0..60).flat_map(|n| [unit(1, n, true), unit(0, n, n % 10 == 0)]);
        for unit in units {
            if landing.take(unit) {
                break;
            }
        }
        let (chosen, held) = landing.end();
        let first = |track| held.iter().find(|unit| unit.track == track).map(|unit| unit.pts);
        (chosen, first(0), first(1))
    }

    #[test]
    fn the_refresh_point_is_the_one_that_was_asked_for() {
        assert_eq!(land(24, Snap::Before), (20, Some(20), Some(20)));
        assert_eq!(land(24, Snap::After), (30, Some(30), Some(30)));
        assert_eq!(land(24, Snap::Nearest), (20, Some(20), Some(20)));
        assert_eq!(land(26, Snap::Nearest), (30, Some(30), Some(30)));
        for snap in [Snap::Before, Snap::After, Snap::Nearest] {
            assert_eq!(land(20, snap), (20, Some(20), Some(20)));
        }
    }

    #[test]
    fn after_the_last_one_it_is_the_last_one() {
        for snap in [Snap::Before, Snap::After, Snap::Nearest] {
            assert_eq!(land(58, snap).0, 50);
        }
    }

    #[test]
    fn a_track_without_refresh_points_begins_at_the_time_itself() {
        assert_eq!(Landing::new(9, 5, Snap::After).end().0, 5);
    }

    #[test]
    fn what_is_held_back_is_bounded() {
        let mut landing = Landing::new(0, i64::MAX, Snap::After);
        let large = |n| StoredUnit { unit: vec![0; 1 << 20].into(), ..unit(1, n, true) };
        let taken = (0..1000).take_while(|n| !landing.take(large(*n))).count();
        assert!(taken <= 64, "{taken} MiB");
    }

    #[test]
    fn seeks_say_what_they_want_by_their_flags() {
        let key = gst::SeekFlags::KEY_UNIT;
        assert_eq!(Snap::of(gst::SeekFlags::ACCURATE), None);
        assert_eq!(Snap::of(key), Some(Snap::Before));
        assert_eq!(Snap::of(key | gst::SeekFlags::SNAP_BEFORE), Some(Snap::Before));
        assert_eq!(Snap::of(key | gst::SeekFlags::SNAP_AFTER), Some(Snap::After));
        assert_eq!(Snap::of(key | gst::SeekFlags::SNAP_NEAREST), Some(Snap::Nearest));
    }
}
