use std::collections::VecDeque;
use std::time::Duration;

use crate::Time;

const BUCKET: Duration = Duration::from_secs(1);
const BUCKETS: usize = 10;

/// The newest datagrams, which tell of the queue that stands: those of this time, and so many at least.
const STANDING: Duration = Duration::from_millis(40);
const STANDING_COUNT: u32 = 4;
/// They are kept by this time, and so many times of it.
const SLOT: Duration = Duration::from_millis(10);
const STANDING_SLOTS: usize = 8;

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
    /// The newest differences, the last one last.
    newest: VecDeque<Newest>,
    last_mean: u64,
}

/// Datagrams of [`SLOT`].
struct Newest {
    began: Time,
    least: i32,
    count: u32,
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
        self.add_newest(now, relative);
        let least = self.least().unwrap_or(relative);
        self.sum += u64::from(relative.abs_diff(least));
        self.count += 1;
    }

    fn least(&self) -> Option<i32> {
        self.minima.iter().map(|&(_, least)| least).min()
    }

    fn add_newest(&mut self, now: Time, relative: i32) {
        match self.newest.back_mut() {
            Some(slot) if now < slot.began + SLOT => {
                slot.least = relative.min(slot.least);
                slot.count += 1;
            }
            _ => self.newest.push_back(Newest { began: now, least: relative, count: 1 }),
        }
        if self.newest.len() > STANDING_SLOTS {
            self.newest.pop_front();
        }
    }

    /// The queue that stands: how many microseconds longer than the fastest of ten seconds the fastest of the newest
    /// datagrams took: of those of the last [`STANDING`], and of [`STANDING_COUNT`] at least. A queue that grows is
    /// seen at once, and a receiver that pauses is no queue: of what waited for it the last did not wait long.
    pub(crate) fn standing(&self, now: Time) -> u64 {
        let (mut least, mut count) = (None, 0);
        for slot in self.newest.iter().rev() {
            if now - slot.began > STANDING && count >= STANDING_COUNT {
                break;
            }
            least = least.min(Some(slot.least)).or(Some(slot.least));
            count += slot.count;
        }
        least.zip(self.least()).map_or(0, |(newest, least)| newest.abs_diff(least).into())
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
