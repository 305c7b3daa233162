use std::collections::VecDeque;
use std::time::Duration;

use super::item::{Item, Kind};
use crate::Time;

/// What an entry costs beside the bytes of its shard.
const ENTRY_COST: usize = 256;

/// Parity is held for as long as it is of use to viewers; sources for as long as the ring is.
const PARITY_AGE: Duration = Duration::from_secs(3);

/// The last seconds of a stream, as they were given to viewers.
pub(super) struct Ring {
    entries: VecDeque<(Time, Item)>,
    /// How many entries have left.
    left: u64,
    bytes: usize,
    /// The place up to which parity was released.
    released: u64,
    max_age: Duration,
    max_bytes: usize,
}

impl Ring {
    pub(super) fn new(max_age: Duration, max_bytes: usize) -> Self {
        Self { entries: VecDeque::new(), left: 0, bytes: 0, released: 0, max_age, max_bytes }
    }

    /// Changes the bounds.
    pub(super) fn set(&mut self, now: Time, max_age: Duration, max_bytes: usize) {
        (self.max_age, self.max_bytes) = (max_age, max_bytes);
        self.forget(now);
    }

    /// Adds an entry.
    pub(super) fn push(&mut self, now: Time, item: Item) {
        self.bytes += cost(&item);
        self.entries.push_back((now, item));
        self.forget(now);
    }

    /// The place that the next entry gets.
    pub(super) fn end(&self) -> u64 {
        self.left + self.entries.len() as u64
    }

    /// Whether the entry of this place is still there.
    pub(super) fn has(&self, place: u64) -> bool {
        (self.left..self.end()).contains(&place)
    }

    /// The entries from this place on that are still there.
    pub(super) fn since(&self, place: u64) -> impl Iterator<Item = &Item> {
        let skipped = place.saturating_sub(self.left) as usize;
        self.entries.range(skipped.min(self.entries.len())..).map(|(_, item)| item)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How long ago the oldest entry came.
    pub(super) fn age(&self, now: Time) -> Duration {
        self.entries.front().map_or(Duration::ZERO, |&(came, _)| now - came)
    }

    /// Drops what is too old or too much.
    pub(super) fn forget(&mut self, now: Time) {
        self.released = self.released.max(self.left);
        while let Some((came, item)) = self.entries.get((self.released - self.left) as usize)
            && now - *came > PARITY_AGE
        {
            if let Kind::Parity(block) = &item.kind {
                block.release();
            }
            self.released += 1;
        }
        while let Some((came, item)) = self.entries.front()
            && (now - *came > self.max_age || self.bytes > self.max_bytes)
        {
            self.bytes -= cost(item);
            self.entries.pop_front();
            self.left += 1;
        }
    }
}

fn cost(item: &Item) -> usize {
    ENTRY_COST
        + match &item.kind {
            Kind::Source(source) => source.content.len(),
            Kind::Tracks(_) | Kind::Paused(_) | Kind::Utc(_) | Kind::Parity(_) => 0,
        }
}
