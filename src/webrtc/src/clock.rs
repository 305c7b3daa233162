//! From RTP timestamps to presentation times on one clock.
//!
//! RTP timestamps of each medium begin anywhere. At first the arrival of the first packet stands for the time of its
//! sample. When sender reports (RFC 3550, 6.4.1) have said what the timestamps of two media are on the sender's clock,
//! those of the video are moved to agree with those of the sound, slowly, so that no time goes back.

use std::time::{Duration, Instant, SystemTime};

/// How far a timestamp may be from its arrival before it counts as a jump.
const JUMP: i64 = 5_000_000_000;
/// How much of the passing time is used to move the video: one in this.
const SLEW: i64 = 25;
/// Sender reports that are further off than this do not come from one clock.
const LARGEST_SKEW: i64 = 2_000_000_000;

/// A time on the sender's clock, and the timestamp of the same moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SenderTime {
    pub(crate) wall: SystemTime,
    /// In nanoseconds.
    pub(crate) rtp: i64,
}

/// The times of one medium.
#[derive(Debug, Default)]
pub(crate) struct TrackClock {
    /// Added to timestamps.
    offset: Option<i64>,
    last: Option<i64>,
    sender: Option<SenderTime>,
}

impl TrackClock {
    /// The presentation time in nanoseconds of a timestamp in nanoseconds that arrived so long after the session began.
    pub(crate) fn time(&mut self, rtp: i64, arrival: Duration) -> u64 {
        let arrival = i64::try_from(arrival.as_nanos()).unwrap_or(i64::MAX / 2);
        let offset = self.offset.unwrap_or(arrival - rtp);
        let is_jump = (rtp + offset - arrival).abs() > JUMP;
        let offset = if is_jump { arrival - rtp } else { offset };
        if is_jump {
            self.sender = None;
        }
        self.offset = Some(offset);
        let time = rtp + offset;
        self.last = Some(time);
        u64::try_from(time).unwrap_or(0)
    }

    /// Takes what a report said.
    pub(crate) fn report(&mut self, report: SenderTime) {
        self.sender = Some(report);
    }

    /// Moves these times towards those of a medium that they belong to.
    pub(crate) fn follow(&mut self, sound: &Self, rtp: i64) {
        let Some((skew, offset)) = self.skew(sound).zip(self.offset) else { return };
        let passed = self.last.map_or(0, |last| rtp + offset - last).max(0);
        let step = passed / SLEW;
        self.offset = Some(offset + skew.clamp(-step, step));
    }

    /// What is to be added to these times so that they agree with those of the sound.
    fn skew(&self, sound: &Self) -> Option<i64> {
        let (own, other) = (self.sender?, sound.sender?);
        let passed = signed_since(own.wall, other.wall);
        let skew = (other.rtp + sound.offset?) + passed - (own.rtp + self.offset?);
        (skew.abs() < LARGEST_SKEW).then_some(skew)
    }
}

fn signed_since(later: SystemTime, earlier: SystemTime) -> i64 {
    let nanos = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX / 4);
    match later.duration_since(earlier) {
        Ok(passed) => nanos(passed),
        Err(before) => -nanos(before.duration()),
    }
}

/// How long after another instant this is; nothing where it is before.
pub(crate) fn since(now: Instant, start: Instant) -> Duration {
    now.saturating_duration_since(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn arrival(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn times_follow_the_timestamps_and_not_the_arrival() {
        let mut clock = TrackClock::default();
        assert_eq!(clock.time(900_000 * MS, arrival(100)), 100_000_000);
        assert_eq!(clock.time(900_040 * MS, arrival(190)), 140_000_000);
        assert_eq!(clock.time(900_080 * MS, arrival(191)), 180_000_000);
    }

    #[test]
    fn timestamps_that_jump_begin_anew_at_their_arrival() {
        let mut clock = TrackClock::default();
        clock.time(900_000 * MS, arrival(100));
        assert_eq!(clock.time(5 * MS, arrival(140)), 140_000_000);
        assert_eq!(clock.time(45 * MS, arrival(180)), 180_000_000);
    }

    #[test]
    fn video_moves_to_where_the_reports_have_it_without_going_back() {
        let (mut sound, mut video) = (TrackClock::default(), TrackClock::default());
        // The video took 60 ms more on its way to the first packet.
        sound.time(0, arrival(0));
        video.time(0, arrival(60));
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        sound.report(SenderTime { wall, rtp: 0 });
        video.report(SenderTime { wall: wall + Duration::from_millis(40), rtp: 40 * MS });
        let mut last = 60_000_000;
        for frame in 1..100 {
            let rtp = frame * 40 * MS;
            video.follow(&sound, rtp);
            let time = video.time(rtp, arrival(frame as u64 * 40 + 60));
            assert!(time > last, "{time} after {last}");
            last = time;
        }
        assert_eq!(last, 99 * 40_000_000);
    }

    #[test]
    fn reports_of_two_clocks_change_nothing() {
        let (mut sound, mut video) = (TrackClock::default(), TrackClock::default());
        sound.time(0, arrival(0));
        video.time(0, arrival(60));
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        sound.report(SenderTime { wall, rtp: 0 });
        video.report(SenderTime { wall: wall + Duration::from_secs(90), rtp: 0 });
        video.follow(&sound, 40 * MS);
        assert_eq!(video.time(40 * MS, arrival(100)), 100_000_000);
    }
}
