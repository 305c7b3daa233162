//! Media that comes faster than it passes, as files and segments do, given as fast as it passes.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How far what is given may be ahead: what the first units of a file are before they can be shown.
const LEAD: i64 = 300_000_000;
/// A step of the media's clock that is more than this is a jump, which is followed.
const JUMP: i64 = 5_000_000_000;

/// A clock that media goes by.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// When a moment of the media was, and the newest time that was seen.
    base: Option<(Instant, i64, i64)>,
}

impl Pace {
    /// Waits until it is time for what is decoded then.
    pub async fn wait(&mut self, dts: i64) {
        let now = Instant::now();
        let (at, zero, newest) = *self.base.get_or_insert((now, dts, dts));
        let ahead = dts.saturating_sub(zero);
        let due = at + Duration::from_nanos(u64::try_from(ahead.saturating_sub(LEAD)).unwrap_or(0));
        // A source that paused, or that jumped, goes on from now; what is of a slower track waits for nothing.
        let is_jump = dts.saturating_sub(newest) > JUMP || newest.saturating_sub(dts) > JUMP;
        if is_jump || now > due + Duration::from_nanos(JUMP as u64) {
            self.base = Some((now, dts, dts));
            return;
        }
        self.base = Some((at, zero, newest.max(dts)));
        if due > now {
            sleep_until(due).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn media_is_given_as_fast_as_it_passes() {
        let mut pace = Pace::default();
        let begun = Instant::now();
        for second in 0..10 {
            pace.wait(7_000_000_000 + second * 1_000_000_000).await;
        }
        assert_eq!(begun.elapsed().as_millis(), 8_700);
    }

    #[tokio::test(start_paused = true)]
    async fn a_jump_is_followed() {
        let mut pace = Pace::default();
        let begun = Instant::now();
        for time in [0, 100_000_000, 90_000_000_000_000, 90_000_100_000_000, 5] {
            pace.wait(time).await;
        }
        assert_eq!(begun.elapsed().as_millis(), 0);
    }
}
