use std::time::Duration;

const FIRST: Duration = Duration::from_millis(250);
const LAST: Duration = Duration::from_secs(8);
/// A session that lived so long was a good one.
const GOOD: Duration = Duration::from_secs(10);

/// The pauses before new sessions: none at first, then growing ones while sessions end soon after they began.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    /// The pause before the next session, after one that lived this long.
    pub(crate) fn after(&mut self, lived: Duration) -> Duration {
        if lived >= GOOD {
            self.next = Duration::ZERO;
        }
        let pause = self.next;
        self.next = (pause * 2).clamp(FIRST, LAST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_while_sessions_are_short_and_begin_anew_after_a_long_one() {
        let mut backoff = Backoff::default();
        let mut after = |lived| backoff.after(Duration::from_secs(lived)).as_millis();
        let pauses: Vec<_> = (0..8).map(|_| after(0)).collect();
        assert_eq!(pauses, [0, 250, 500, 1000, 2000, 4000, 8000, 8000]);
        assert_eq!([after(10), after(9)], [0, 250]);
    }
}
