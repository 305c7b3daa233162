use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use crate::Time;

/// What may leave back to back: as much as the rate gives in this time, or two of the largest datagrams.
const BURST: Duration = Duration::from_millis(4);
const MIN_BURST: f64 = 2400.0;

/// Datagrams waiting for their time, and the rate at which they may leave.
pub(crate) struct Pacer<T> {
    /// What is not due, the next first.
    waiting: BinaryHeap<Reverse<Entry<T>>>,
    /// What is due: where the rate lets things wait, those go first that have to be there first.
    due: BinaryHeap<Reverse<Entry<T>>>,
    bytes: usize,
    counter: u64,
    /// Bytes a second.
    rate: f64,
    /// Bytes that may leave at once; below zero while the last datagram still occupies the wire.
    credit: f64,
    filled: Time,
}

/// When something is sent, and which layer it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot {
    /// When it is due.
    pub(crate) due: Time,
    /// When it should have left at the latest.
    pub(crate) by: Time,
    /// The lowest layer in it: how much it matters.
    pub(crate) layer: u8,
}

struct Entry<T> {
    /// By what it is sorted: when it is due, or when it should have left.
    key: Time,
    slot: Slot,
    /// Keeps the order of datagrams that are due at the same time.
    order: u64,
    wire: usize,
    content: T,
}

impl Slot {
    /// A moment that is kept as well as it can be.
    pub(crate) fn at(due: Time, layer: u8) -> Self {
        Self { due, by: due, layer }
    }
}

impl<T> Pacer<T> {
    pub(crate) fn new(now: Time, rate: f64) -> Self {
        let (waiting, due) = (BinaryHeap::new(), BinaryHeap::new());
        Self { waiting, due, bytes: 0, counter: 0, rate, credit: MIN_BURST, filled: now }
    }

    /// Sets the rate in bytes a second.
    pub(crate) fn set_rate(&mut self, now: Time, rate: f64) {
        self.fill(now);
        self.rate = rate.max(1.0);
    }

    /// Adds something that takes `wire` bytes on the wire.
    pub(crate) fn push(&mut self, slot: Slot, wire: usize, content: T) {
        self.counter += 1;
        self.bytes += wire;
        self.waiting.push(Reverse(Entry { key: slot.due, slot, order: self.counter, wire, content }));
    }

    /// The next that is due, if the rate allows.
    pub(crate) fn pop(&mut self, now: Time) -> Option<T> {
        self.fill(now);
        while self.waiting.peek().is_some_and(|Reverse(entry)| entry.slot.due <= now)
            && let Some(Reverse(entry)) = self.waiting.pop()
        {
            self.due.push(Reverse(Entry { key: entry.slot.by, ..entry }));
        }
        if self.credit < 0.0 {
            return None;
        }
        let Reverse(entry) = self.due.pop()?;
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
        let due = match self.due.is_empty() {
            true => self.waiting.peek()?.0.slot.due,
            false => self.filled,
        };
        let wait = Duration::from_secs_f64((-self.credit).max(0.0) / self.rate);
        // Rounded up, or else a caller that wakes up just then would find nothing.
        Some(due.max(self.filled + wait + Duration::from_nanos(1)))
    }

    /// Datagrams that wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.due.len()
    }

    /// Bytes that they take on the wire.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Gives up what waits from the highest layer down, until no more than `most` bytes do: at a rate that fell it
    /// would come too late, and make what matters wait for it. Of layer 0 so many bytes are kept as `most_lowest` at
    /// least. Gives what was given up.
    pub(crate) fn shed(&mut self, most: usize, most_lowest: usize) -> Vec<T> {
        let mut entries: Vec<Entry<T>> =
            self.waiting.drain().chain(self.due.drain()).map(|Reverse(entry)| entry).collect();
        entries.sort_by_key(|entry| (entry.slot.layer, entry.slot.by, entry.slot.due, entry.order));
        self.bytes = 0;
        let mut shed = Vec::new();
        for entry in entries {
            let most = if entry.slot.layer == 0 { most.max(most_lowest) } else { most };
            if self.bytes + entry.wire <= most {
                self.bytes += entry.wire;
                self.waiting.push(Reverse(Entry { key: entry.slot.due, ..entry }));
            } else {
                shed.push(entry.content);
            }
        }
        shed
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
        self.due.clear();
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
        (self.key, self.order).cmp(&(other.key, other.order))
    }
}

#[cfg(test)]
mod tests;
