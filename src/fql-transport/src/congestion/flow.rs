use std::collections::VecDeque;
use std::time::Duration;

use crate::Time;

/// How far back a rate can be asked for.
const SPAN: Duration = Duration::from_secs(1);
/// Marks are at least so far apart, so that there are few.
const GAP: Duration = Duration::from_millis(10);

/// Bytes that passed a point, and at which rate they did lately.
#[derive(Debug, Default)]
pub(super) struct Flow {
    total: u64,
    /// Times and the bytes until then, the newest last; one is older than [`SPAN`] where there is one.
    marks: VecDeque<(Time, u64)>,
}

impl Flow {
    /// So many bytes more passed.
    pub(super) fn add(&mut self, now: Time, bytes: u64) {
        // The mark stands before the bytes: they passed at once and the time after them is theirs.
        if self.marks.back().is_none_or(|&(last, _)| now >= last + GAP) {
            self.marks.push_back((now, self.total));
        }
        self.total += bytes;
        self.forget(now);
    }

    /// So many bytes passed in all until now.
    pub(super) fn set(&mut self, now: Time, total: u64) {
        self.total = total;
        // The time is the other side's word: there are few marks whatever it says.
        if self.marks.back().is_none_or(|&(last, _)| now >= last + GAP) {
            self.marks.push_back((now, total));
        }
        self.forget(now);
    }

    fn forget(&mut self, now: Time) {
        while self.marks.get(1).is_some_and(|&(time, _)| time + SPAN <= now) {
            self.marks.pop_front();
        }
    }

    /// Bits a second over the last `window` (at most a second), or a little more where nothing was noted then; `None`
    /// where not even a third of that has been seen.
    pub(super) fn rate(&self, now: Time, window: Duration) -> Option<f64> {
        let (began, before) = self.mark(now, window)?;
        Some((self.total - before) as f64 * 8.0 / (now - began).max(GAP).as_secs_f64())
    }

    /// Bytes of the same time.
    pub(super) fn bytes(&self, now: Time, window: Duration) -> Option<u64> {
        Some(self.total - self.mark(now, window)?.1)
    }

    fn mark(&self, now: Time, window: Duration) -> Option<(Time, u64)> {
        let oldest = self.marks.front().filter(|&&(time, _)| time + window / 3 <= now);
        self.marks.iter().rev().find(|&&(time, _)| time + window <= now).or(oldest).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_window_asked_for() {
        let at = |ms: u64| Time::from_nanos(ms * 1_000_000);
        let mut flow = Flow::default();
        assert_eq!(flow.rate(at(0), Duration::from_millis(100)), None);
        for ms in 0..5000 {
            flow.add(at(ms), if ms < 4800 { 100 } else { 50 });
        }
        let rate = |window| flow.rate(at(5000), Duration::from_millis(window)).unwrap();
        assert!((rate(100) - 400_000.0).abs() < 4000.0, "{}", rate(100));
        assert!((rate(400) - 600_000.0).abs() < 20_000.0, "{}", rate(400));
        assert!(flow.marks.len() < 110, "{}", flow.marks.len());
    }

    #[test]
    fn a_clock_that_hardly_goes_on_takes_no_memory() {
        let mut flow = Flow::default();
        for nanos in 0..100_000 {
            flow.set(Time::from_nanos(nanos), nanos);
        }
        assert_eq!(flow.marks.len(), 1);
    }
}
