use std::collections::VecDeque;
use std::time::Duration;

use crate::Time;

const BUCKET: Duration = Duration::from_millis(100);
const BUCKETS: usize = 10;

/// A rate over the last second, in constant memory.
#[derive(Default)]
pub(crate) struct Meter {
    start: Option<Time>,
    /// Bytes in each tenth of a second, the newest last, and when it began.
    buckets: VecDeque<(Time, u64)>,
}

impl Meter {
    pub(crate) fn add(&mut self, now: Time, bytes: usize) {
        self.start.get_or_insert(now);
        match self.buckets.back_mut() {
            Some((began, count)) if now < *began + BUCKET => *count += bytes as u64,
            _ => self.buckets.push_back((now, bytes as u64)),
        }
        if self.buckets.len() > BUCKETS + 1 {
            self.buckets.pop_front();
        }
    }

    /// Bits a second over the last second, or over the time since the first bytes where that is shorter.
    pub(crate) fn bits_per_second(&self, now: Time) -> u64 {
        let second = Duration::from_secs(1);
        let Some(start) = self.start else { return 0 };
        let span = (now - start).clamp(BUCKET, second);
        let bytes: u64 =
            self.buckets.iter().filter(|(began, _)| now - *began < second).map(|&(_, count)| count).sum();
        (bytes as f64 * 8.0 / span.as_secs_f64()) as u64
    }
}
