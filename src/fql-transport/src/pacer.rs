use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::Time;

/// What may leave back to back: as much as the rate gives in this time, or two of the largest datagrams.
const BURST: Duration = Duration::from_millis(4);
const MIN_BURST: f64 = 2400.0;

/// Datagrams waiting for their time, and the rate at which they may leave.
pub(crate) struct Pacer<T> {
    queue: BinaryHeap<Reverse<Entry<T>>>,
    bytes: usize,
    counter: u64,
    /// Bytes a second.
    rate: f64,
    /// Bytes that may leave at once; below zero while the last datagram still occupies the wire.
    credit: f64,
    filled: Time,
}

struct Entry<T> {
    due: Time,
    /// Keeps the order of datagrams that are due at the same time.
    order: u64,
    wire: usize,
    /// The lowest layer in it: how much it matters.
    layer: u8,
    content: T,
}

impl<T> Pacer<T> {
    pub(crate) fn new(now: Time, rate: f64) -> Self {
        let queue = BinaryHeap::new();
        Self { queue, bytes: 0, counter: 0, rate, credit: MIN_BURST, filled: now }
    }

    /// Sets the rate in bytes a second.
    pub(crate) fn set_rate(&mut self, now: Time, rate: f64) {
        self.fill(now);
        self.rate = rate.max(1.0);
    }

    /// Adds something that is due then, takes `wire` bytes on the wire, and belongs to this layer.
    pub(crate) fn push(&mut self, due: Time, wire: usize, layer: u8, content: T) {
        self.counter += 1;
        self.bytes += wire;
        self.queue.push(Reverse(Entry { due, order: self.counter, wire, layer, content }));
    }

    /// The next that is due, if the rate allows.
    pub(crate) fn pop(&mut self, now: Time) -> Option<T> {
        self.fill(now);
        let is_due = self.queue.peek().is_some_and(|Reverse(entry)| entry.due <= now);
        if !is_due || self.credit < 0.0 {
            return None;
        }
        let Reverse(entry) = self.queue.pop()?;
        self.bytes -= entry.wire;
        self.credit -= entry.wire as f64;
        Some(entry.content)
    }

    /// Takes what was sent past the queue out of the rate.
    pub(crate) fn spend(&mut self, wire: usize) {
        self.credit -= wire as f64;
    }

    /// When [`Pacer::pop`] has something again.
    pub(crate) fn timeout(&self) -> Option<Time> {
        let Reverse(entry) = self.queue.peek()?;
        let wait = Duration::from_secs_f64((-self.credit).max(0.0) / self.rate);
        // Rounded up, or else a caller that wakes up just then would find nothing.
        Some(entry.due.max(self.filled + wait + Duration::from_nanos(1)))
    }

    /// Datagrams that wait.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Bytes that they take on the wire.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Gives up what waits from the highest layer down, until no more than `most` bytes do: at a rate that fell it
    /// would come too late, and make what matters wait for it. Gives what was given up.
    pub(crate) fn shed(&mut self, most: usize) -> Vec<T> {
        let mut entries: Vec<Entry<T>> = self.queue.drain().map(|Reverse(entry)| entry).collect();
        entries.sort_by_key(|entry| (entry.layer, entry.due, entry.order));
        self.bytes = 0;
        let mut shed = Vec::new();
        for entry in entries {
            if self.bytes + entry.wire <= most {
                self.bytes += entry.wire;
                self.queue.push(Reverse(entry));
            } else {
                shed.push(entry.content);
            }
        }
        shed
    }

    pub(crate) fn clear(&mut self) {
        self.queue.clear();
        self.bytes = 0;
    }

    fn fill(&mut self, now: Time) {
        let burst = (self.rate * BURST.as_secs_f64()).max(MIN_BURST);
        self.credit = (self.credit + self.rate * (now - self.filled).as_secs_f64()).min(burst);
        self.filled = self.filled.max(now);
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.order).cmp(&(other.due, other.order))
    }
}

#[cfg(test)]
mod tests;
