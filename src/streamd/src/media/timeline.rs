//! One clock for a publication whose publisher's may jump.

use std::collections::BTreeMap;

use fql_transport::Time;

/// Where the first unit of a publication lies: others may come after it and lie before.
const START: i128 = 1_000_000_000;
/// A time that is further from where it should be is one on another clock.
const JUMP: i128 = 3_000_000_000;
/// Within a track time does not go back, but for what rounding does.
const BACK: i128 = 300_000_000;
/// No picture is presented so long after it is decoded.
const MOST_COMPOSITION: i128 = 10_000_000_000;

/// Maps the times of a publisher to those of the stream, which go on by themselves.
///
/// A time that jumps is put to where its track would be now. Each track jumps when its own units do, and they do so at
/// different moments: the ones after the first go where that one went, as long as that fits, so that sound and picture stay
/// together.
#[derive(Debug, Default)]
pub struct Timeline {
    /// What is added to times that the newest jump is in.
    offset: Option<i128>,
    tracks: BTreeMap<u8, Line>,
    /// Where the first time of another publisher lies.
    resumes: Option<i128>,
}

/// The times of one track.
#[derive(Debug, Clone, Copy)]
struct Line {
    offset: i128,
    /// The last decoding time on the stream's clock, and when it came.
    last: i128,
    came: Time,
}

/// When a unit is decoded and presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// On the stream's clock, in nanoseconds; never before that of the unit before it on its track.
    pub dts: u64,
    /// How much later it is presented, in nanoseconds; negative where the publisher says that it is earlier.
    pub composition: i64,
    /// Whether the publisher's clock jumped just before it.
    pub jumped: bool,
}

impl Timeline {
    /// Another publisher takes over, or the same one comes back: its clock may be any, and time goes on.
    pub fn restart(&mut self, now: Time) {
        let newest = self.tracks.values().max_by_key(|line| line.last).copied();
        self.tracks.clear();
        self.resumes = newest.map(|line| line.last + (now - line.came).as_nanos() as i128);
        self.offset = None;
    }

    /// Places the next unit of a track. Whatever the publisher says, time goes on.
    pub fn place(&mut self, now: Time, track: u8, dts: i64, pts: i64) -> Placed {
        let (offset, jumped) = self.offset_for(now, track, dts.into());
        let last = self.tracks.get(&track).map_or(0, |line| line.last);
        let placed = (i128::from(dts) + offset).max(last).max(0);
        self.tracks.insert(track, Line { offset, last: placed, came: now });
        let composition = i128::from(pts) - i128::from(dts);
        let composition = if composition.abs() > MOST_COMPOSITION { 0 } else { composition as i64 };
        Placed { dts: placed as u64, composition, jumped }
    }

    fn offset_for(&mut self, now: Time, track: u8, dts: i128) -> (i128, bool) {
        let Some(newest) = self.offset else {
            let offset = self.resumes.take().unwrap_or(START) - dts;
            self.offset = Some(offset);
            return (offset, false);
        };
        // A track of which nothing came yet is where the others are.
        let line = self.tracks.get(&track).copied().or_else(|| self.newest_line(newest));
        let Some(line) = line else { return (newest, false) };
        let expected = line.last + (now - line.came).as_nanos() as i128;
        // A publisher that stalls, and then sends what it held back, has not jumped.
        let back = if self.tracks.contains_key(&track) { BACK } else { JUMP };
        let fits = |offset: i128| (line.last - back..=expected + JUMP).contains(&(dts + offset));
        if fits(line.offset) {
            return (line.offset, false);
        }
        if fits(newest) {
            return (newest, true);
        }
        let offset = expected - dts;
        self.offset = Some(offset);
        (offset, true)
    }

    /// The line of the track that is furthest.
    fn newest_line(&self, offset: i128) -> Option<Line> {
        let lines = self.tracks.values().filter(|line| line.offset == offset);
        lines.max_by_key(|line| line.last).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MS: i64 = 1_000_000;

    fn at(millis: i64) -> Time {
        Time::ZERO + Duration::from_millis(millis as u64)
    }

    /// Places units that come every 40 ms with these times in milliseconds.
    fn place(times: &[i64]) -> Vec<i64> {
        let mut timeline = Timeline::default();
        let place = |(i, time): (usize, &i64)| {
            timeline.place(at(i as i64 * 40), 1, time * MS, time * MS).dts as i64 / MS
        };
        times.iter().enumerate().map(place).collect()
    }

    #[test]
    fn a_clock_that_starts_anywhere_starts_the_stream_at_one_second() {
        assert_eq!(place(&[70_000, 70_040, 70_080]), [1000, 1040, 1080]);
        assert_eq!(place(&[-50, -10, 30]), [1000, 1040, 1080]);
    }

    #[test]
    fn a_clock_that_jumps_forth_or_back_goes_on_where_the_track_would_be() {
        assert_eq!(place(&[0, 40, 3_600_000, 3_600_040]), [1000, 1040, 1080, 1120]);
        assert_eq!(place(&[3_600_000, 3_600_040, 0, 40]), [1000, 1040, 1080, 1120]);
    }

    #[test]
    fn a_publisher_that_comes_back_goes_on_after_the_time_in_between() {
        let mut timeline = Timeline::default();
        timeline.place(at(0), 1, 5000 * MS, 5000 * MS);
        timeline.place(at(0), 2, 5020 * MS, 5020 * MS);
        timeline.restart(at(300));
        let back = timeline.place(at(400), 1, 5000 * MS, 5000 * MS);
        assert_eq!((back.dts as i64 / MS, back.jumped), (1320, false));
    }

    #[test]
    fn a_little_step_back_holds_time_still() {
        assert_eq!(place(&[0, 40, 20, 60]), [1000, 1040, 1040, 1060]);
    }

    #[test]
    fn what_was_held_back_has_not_jumped() {
        let mut timeline = Timeline::default();
        timeline.place(at(0), 1, 0, 0);
        let late = timeline.place(at(20_000), 1, 40 * MS, 40 * MS);
        assert_eq!((late.dts as i64 / MS, late.jumped), (1040, false));
    }

    #[test]
    fn sound_that_jumps_after_the_picture_stays_with_it() {
        let mut timeline = Timeline::default();
        let mut placed =
            |now, track, time| timeline.place(at(now), track, time * MS, time * MS).dts as i64 / MS;
        assert_eq!((placed(0, 1, 0), placed(0, 2, 10)), (1000, 1010));
        assert_eq!((placed(40, 1, 90_040), placed(41, 2, 50)), (1040, 1050));
        // The sound follows: 90,060 on the new clock is 20 ms after the picture's 90,040.
        assert_eq!(placed(60, 2, 90_060), 1060);
        assert_eq!(placed(80, 1, 90_080), 1080);
    }

    #[test]
    fn no_time_a_publisher_can_name_breaks_the_clock() {
        let mut timeline = Timeline::default();
        let mut last = 0;
        for (i, time) in [0, i64::MAX, i64::MIN, -1, i64::MAX, 5, i64::MIN].into_iter().enumerate() {
            let placed = timeline.place(at(i as i64 * 40), 1, time, time.wrapping_neg());
            assert!(placed.dts >= last && placed.dts < 10_000_000_000, "{placed:?}");
            last = placed.dts;
        }
    }

    #[test]
    fn a_picture_that_is_decoded_before_others_keeps_its_distance() {
        let placed = Timeline::default().place(at(0), 1, 80 * MS, 200 * MS);
        assert_eq!(placed, Placed { dts: 1_000_000_000, composition: 120 * MS, jumped: false });
    }
}
