//! Which pictures are to be key frames, from which a viewer can join and with which drift ends.

use gst::ClockTime;

/// How far apart key frames are where nothing else is asked for.
const USUAL_INTERVAL: ClockTime = ClockTime::SECOND;
/// How many frames that is where nothing tells the time.
const USUAL_FRAMES: u32 = 30;

/// How often there is to be a key frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    /// Every so many frames, at least 1.
    Frames(u32),
    /// Every second: by the frame rate of the caps, or by the times of the frames where that varies or frames are
    /// missing.
    Second,
}

impl Interval {
    /// What the property `keyframe-interval` says: 0 is a second.
    pub fn of_property(frames: u32) -> Self {
        if frames == 0 { Self::Second } else { Self::Frames(frames) }
    }

    /// How many frames that is at `rate` frames a second (a numerator and a denominator), as far as one can tell.
    pub fn frames(self, rate: (u32, u32)) -> u32 {
        match self {
            Self::Frames(frames) => frames,
            Self::Second => frames_a_second(rate).unwrap_or(USUAL_FRAMES),
        }
    }

    /// Whether no frame is predicted from another.
    pub fn is_every_frame(self) -> bool {
        self == Self::Frames(1)
    }
}

/// Counts from key frame to key frame.
#[derive(Debug, Default)]
pub struct Refresh {
    /// How many frames ago the last key frame was; `None` before the first.
    since: Option<u32>,
    /// When it was presented.
    last: Option<ClockTime>,
}

impl Refresh {
    /// What comes has no connection with what came: the next frame is to be a key frame.
    pub fn restart(&mut self) {
        *self = Self::default();
    }

    /// Whether a frame that is presented at `pts` is to be a key frame, with `rate` frames a second (a numerator and
    /// a denominator; nought where the rate varies).
    pub fn is_due(&self, interval: Interval, rate: (u32, u32), pts: Option<ClockTime>) -> bool {
        let Some(since) = self.since else { return true };
        let elapsed = pts.zip(self.last).map(|(now, last)| now.saturating_sub(last));
        match interval {
            Interval::Frames(frames) => since >= frames,
            Interval::Second => {
                let by_time = elapsed.is_some_and(|elapsed| elapsed >= USUAL_INTERVAL);
                let usual = elapsed.is_none().then_some(USUAL_FRAMES);
                by_time || frames_a_second(rate).or(usual).is_some_and(|frames| since >= frames)
            }
        }
    }

    /// What a frame became: an encoder may make a key frame where none was due.
    pub fn coded(&mut self, is_key: bool, pts: Option<ClockTime>) {
        if is_key {
            (self.since, self.last) = (Some(1), pts);
        } else {
            self.since = Some(self.since.map_or(1, |since| since.saturating_add(1)));
        }
    }
}

/// The frames of a second, rounded, at least one; `None` where their number varies.
fn frames_a_second((numerator, denominator): (u32, u32)) -> Option<u32> {
    if numerator == 0 || denominator == 0 {
        return None;
    }
    let rounded = (u64::from(numerator) + u64::from(denominator) / 2) / u64::from(denominator);
    Some((rounded as u32).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The frames of `times` in milliseconds that become key frames.
    fn keys(
        interval: Interval,
        rate: (u32, u32),
        times: impl IntoIterator<Item = Option<u64>>,
    ) -> Vec<usize> {
        let mut refresh = Refresh::default();
        let mut is_key = |time: Option<u64>| {
            let pts = time.map(ClockTime::from_mseconds);
            let is_due = refresh.is_due(interval, rate, pts);
            refresh.coded(is_due, pts);
            is_due
        };
        times.into_iter().enumerate().filter_map(|(n, time)| is_key(time).then_some(n)).collect()
    }

    fn steady(step: u64, frames: u64) -> impl Iterator<Item = Option<u64>> {
        (0..frames).map(move |n| Some(n * step))
    }

    #[test]
    fn every_so_many_frames_are_counted_whatever_the_time() {
        assert_eq!(keys(Interval::of_property(10), (25, 1), steady(40, 25)), [0, 10, 20]);
        assert_eq!(keys(Interval::of_property(10), (0, 1), steady(4_000, 25)), [0, 10, 20]);
        assert_eq!(keys(Interval::of_property(1), (25, 1), steady(40, 4)), [0, 1, 2, 3]);
    }

    #[test]
    fn nought_is_a_second_by_the_frame_rate() {
        assert_eq!(keys(Interval::of_property(0), (25, 1), steady(40, 60)), [0, 25, 50]);
        assert_eq!(keys(Interval::Second, (30_000, 1_001), steady(33, 70)), [0, 30, 60]);
        assert_eq!(keys(Interval::Second, (25, 1), (0..60).map(|_| None)), [0, 25, 50]);
        assert_eq!(keys(Interval::Second, (1, 5), steady(5_000, 3)), [0, 1, 2]);
    }

    #[test]
    fn a_second_is_one_by_the_clock_where_the_rate_varies_or_frames_are_missing() {
        assert_eq!(keys(Interval::Second, (0, 1), steady(125, 20)), [0, 8, 16]);
        assert_eq!(keys(Interval::Second, (50, 1), steady(100, 25)), [0, 10, 20]);
    }

    #[test]
    fn without_rate_and_times_there_are_key_frames_still() {
        assert_eq!(keys(Interval::Second, (0, 1), (0..61).map(|_| None)), [0, 30, 60]);
        assert_eq!(keys(Interval::Second, (25, 0), (0..31).map(|_| None)), [0, 30]);
    }

    #[test]
    fn times_that_run_backwards_leave_it_to_the_count() {
        let times = (0..60).map(|n| Some(10_000 - n * 40));
        assert_eq!(keys(Interval::Second, (25, 1), times), [0, 25, 50]);
    }

    #[test]
    fn a_key_frame_of_the_encoders_own_choice_counts() {
        let mut refresh = Refresh::default();
        let mut next = |is_chosen: bool| {
            let is_key = refresh.is_due(Interval::Frames(4), (25, 1), None) || is_chosen;
            refresh.coded(is_key, None);
            is_key
        };
        let all: Vec<bool> = (0..8).map(|n| next(n == 2)).collect();
        assert_eq!(all, [true, false, true, false, false, false, true, false]);
        refresh.restart();
        assert!(refresh.is_due(Interval::Frames(4), (25, 1), None));
    }

    #[test]
    fn counts_do_not_run_over() {
        let mut refresh = Refresh { since: Some(u32::MAX), last: None };
        refresh.coded(false, None);
        assert!(refresh.is_due(Interval::Frames(u32::MAX), (0, 1), None));
        assert_eq!(frames_a_second((u32::MAX, 1)), Some(u32::MAX));
    }
}
