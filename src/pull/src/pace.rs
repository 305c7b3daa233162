//! Media that comes faster than it passes, as files and segments do, given as fast as it passes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How far what is given may be ahead: what the first units of a file are before they can be shown.
const LEAD: i64 = 300_000_000;
/// A step of the media's clock that is more than this is a jump, which is followed.
const JUMP: i64 = 5_000_000_000;

/// A clock that media goes by; its clones are the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace(Arc<Mutex<Clock>>);

#[derive(Debug, Default)]
struct Clock {
    /// When a moment of the media was, and the newest time that was seen.
    base: Option<(Instant, i64, i64)>,
    /// How often the media has begun anew.
    part: u64,
}

impl Pace {
    /// Waits until it is time for what is decoded then.
    pub async fn wait(&self, dts: i64) {
        let now = Instant::now();
        let due = self.0.lock().unwrap_or_else(PoisonError::into_inner).due(now, dts);
        if due > now {
            sleep_until(due).await;
        }
    }

    /// What comes next has no connection with what came before: the media has begun anew so often. Of several that go by
    /// this clock, the first that does so counts.
    pub fn begin(&self, part: u64) {
        let mut clock = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if part > clock.part {
            *clock = Clock { base: None, part };
        }
    }
}

impl Clock {
    /// When it is time for it.
    fn due(&mut self, now: Instant, dts: i64) -> Instant {
        let (at, zero, newest) = *self.base.get_or_insert((now, dts, dts));
        let ahead = dts.saturating_sub(zero).saturating_sub(LEAD);
        let due = at + Duration::from_nanos(u64::try_from(ahead).unwrap_or(0));
        // A source that paused, or that jumped, goes on from now; what is of a slower track waits for nothing.
        let is_jump = dts.saturating_sub(newest) > JUMP || newest.saturating_sub(dts) > JUMP;
        if is_jump || now > due + Duration::from_nanos(JUMP as u64) {
            self.base = Some((now, dts, dts));
            return now;
        }
        self.base = Some((at, zero, newest.max(dts)));
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn media_is_given_as_fast_as_it_passes() {
        let (mut pace, begun) = (Clock::default(), Instant::now());
        let due = |second: i64| pace.due(begun, (7 + second) * SECOND) - begun;
        let waits: Vec<_> = (0..4).map(due).map(|wait| wait.as_millis()).collect();
        assert_eq!(waits, [0, 700, 1_700, 2_700]);
    }

    #[test]
    fn a_jump_is_followed() {
        let (mut pace, begun) = (Clock::default(), Instant::now());
        for time in [0, SECOND / 10, 90_000 * SECOND, 90_000 * SECOND + SECOND / 10, 5] {
            assert_eq!(pace.due(begun, time), begun, "{time}");
        }
    }

    #[test]
    fn media_that_begins_anew_is_not_late() {
        let pace = Pace::default();
        let (begun, other) = (Instant::now(), pace.clone());
        let due = |time: i64| pace.0.lock().unwrap().due(begun, time * SECOND) - begun;
        assert_eq!(due(0).as_millis(), 0);
        assert_eq!(due(4).as_millis(), 3_700);
        other.begin(1);
        assert_eq!(due(1).as_millis(), 0);
        // Sound that begins anew after the pictures did.
        pace.begin(1);
        assert_eq!(due(2).as_millis(), 700);
    }

    #[test]
    fn a_source_that_paused_goes_on_from_then() {
        let (mut pace, begun) = (Clock::default(), Instant::now());
        pace.due(begun, 0);
        let later = begun + Duration::from_secs(60);
        assert_eq!(pace.due(later, SECOND), later);
        assert_eq!(pace.due(later, 2 * SECOND) - later, Duration::from_millis(700));
    }
}
