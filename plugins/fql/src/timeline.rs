//! From the session's time to the pipeline's running time.

use std::time::Duration;

use fql_transport::Time;

/// A difference of the clocks that is taken over at once.
const JUMP: i64 = 10_000_000;
/// How slowly smaller differences are: looking at two clocks one after the other is never exact.
const SMOOTHING: i64 = 16;

/// The offset of the pipeline's clock from the session's, both in nanoseconds.
#[derive(Debug, Default)]
pub struct Timeline {
    offset: Option<i64>,
}

impl Timeline {
    /// Takes a look at both clocks, one right after the other.
    pub fn observe(&mut self, session: u64, pipeline: u64) {
        let sample = pipeline.wrapping_sub(session) as i64;
        let offset = match self.offset {
            Some(offset) if sample.abs_diff(offset) < JUMP as u64 => offset + (sample - offset) / SMOOTHING,
            _ => sample,
        };
        self.offset = Some(offset);
    }

    /// Forgets the offset, as for another clock.
    pub fn reset(&mut self) {
        self.offset = None;
    }

    /// The running time at which a unit was captured that is due at a time of the session; `None` where that is
    /// before the pipeline ran.
    pub fn running_time(&self, due: Time, latency: Duration, base_time: u64) -> Option<u64> {
        let captured = due.as_nanos().checked_sub(latency.as_nanos() as u64)?;
        captured.checked_add_signed(self.offset?)?.checked_sub(base_time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATENCY: Duration = Duration::from_millis(120);

    #[test]
    fn a_unit_has_the_running_time_at_which_it_was_captured() {
        let mut timeline = Timeline::default();
        timeline.observe(5_000_000_000, 5_000_000_000);
        let due = Time::from_nanos(6_120_000_000);
        assert_eq!(timeline.running_time(due, LATENCY, 4_000_000_000), Some(2_000_000_000));
        assert_eq!(timeline.running_time(due, LATENCY, 7_000_000_000), None);
    }

    #[test]
    fn another_clock_shifts_it_and_small_differences_do_so_slowly() {
        let mut timeline = Timeline::default();
        assert_eq!(timeline.running_time(Time::from_nanos(1 << 40), LATENCY, 0), None);
        timeline.observe(5_000_000_000, 1_000_000_000);
        let due = Time::from_nanos(6_120_000_000);
        assert_eq!(timeline.running_time(due, LATENCY, 0), Some(2_000_000_000));
        timeline.observe(5_000_000_000, 1_000_001_600);
        assert_eq!(timeline.running_time(due, LATENCY, 0), Some(2_000_000_100));
        timeline.observe(5_000_000_000, 3_000_000_000);
        assert_eq!(timeline.running_time(due, LATENCY, 0), Some(4_000_000_000));
    }
}
