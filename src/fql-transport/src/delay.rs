use std::collections::VecDeque;
use std::time::Duration;

use crate::Time;

const BUCKET: Duration = Duration::from_secs(1);
const BUCKETS: usize = 10;

/// How much longer datagrams take than the fastest of the last ten seconds: what they wait in queues on the way. The
/// clocks of the two sides need not agree.
#[derive(Default)]
pub(crate) struct QueueingDelay {
    /// The first difference that was seen; the others are relative to it, so that 32 bits may wrap.
    reference: Option<u32>,
    /// The least difference in each second, the newest last, and when that began.
    minima: VecDeque<(Time, i32)>,
    sum: u64,
    count: u64,
    /// The least difference since [`QueueingDelay::take_least`] was called last.
    newest_least: Option<i32>,
    last_least: u64,
    last_mean: u64,
}

impl QueueingDelay {
    /// A datagram that was sent at `micros` on its sender's clock arrived.
    pub(crate) fn add(&mut self, now: Time, micros: u32) {
        let difference = now.wire_micros().wrapping_sub(micros);
        let relative = difference.wrapping_sub(*self.reference.get_or_insert(difference)) as i32;
        match self.minima.back_mut() {
            Some((began, least)) if now < *began + BUCKET => *least = relative.min(*least),
            _ => self.minima.push_back((now, relative)),
        }
        if self.minima.len() > BUCKETS {
            self.minima.pop_front();
        }
        self.newest_least = Some(self.newest_least.map_or(relative, |least| least.min(relative)));
        let least = self.least().unwrap_or(relative);
        self.sum += u64::from(relative.abs_diff(least));
        self.count += 1;
    }

    fn least(&self) -> Option<i32> {
        self.minima.iter().map(|&(_, least)| least).min()
    }

    /// The queue that stands: how many microseconds longer than the fastest of ten seconds the fastest datagram took
    /// since this was called last; where none came, what was said last.
    pub(crate) fn take_least(&mut self) -> u64 {
        if let (Some(newest), Some(least)) = (self.newest_least.take(), self.least()) {
            self.last_least = newest.abs_diff(least).into();
        }
        self.last_least
    }

    /// The mean in microseconds since this was called last.
    pub(crate) fn take_mean(&mut self) -> u64 {
        self.last_mean = self.sum.checked_div(self.count).unwrap_or(self.last_mean);
        (self.sum, self.count) = (0, 0);
        self.last_mean
    }

    /// What [`QueueingDelay::take_mean`] gave last.
    pub(crate) fn last_mean(&self) -> Duration {
        Duration::from_micros(self.last_mean)
    }
}
