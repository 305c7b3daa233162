//! The publisher's UTC for viewers, whose presentation times go on from one publishing session to the next.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::UtcOffset;

/// Where presentation times lie in UTC.
#[derive(Default)]
pub(super) struct StreamUtc {
    /// Those of the publishing session, by tracks.
    offsets: BTreeMap<u8, UtcOffset>,
    /// What viewers were told last.
    given: Option<Arc<[(u8, UtcOffset)]>>,
    /// Whether they were not told of anything of this session.
    is_owed: bool,
}

impl StreamUtc {
    /// A publishing session begins, of which nothing is known.
    pub(super) fn begin(&mut self) {
        self.offsets.clear();
        self.is_owed = true;
    }

    /// Takes what the publisher says.
    pub(super) fn set(&mut self, offsets: &[(u8, UtcOffset)]) {
        self.offsets.extend(offsets.iter().copied());
    }

    /// Whether viewers were told nothing of this session, and there is something to tell.
    pub(super) fn is_owed(&self) -> bool {
        self.is_owed && !self.offsets.is_empty()
    }

    /// What viewers are to be told, whose presentation times are later by this many nanoseconds; `None` for nothing.
    pub(super) fn for_viewers(&mut self, later: i128) -> Option<Arc<[(u8, UtcOffset)]>> {
        let moved = |(&track, offset): (&u8, &UtcOffset)| Some((track, offset.for_later(later)?));
        let offsets: Arc<[_]> = self.offsets.iter().filter_map(moved).collect();
        if offsets.is_empty() {
            return None;
        }
        self.is_owed = false;
        self.given = Some(offsets.clone());
        Some(offsets)
    }

    /// What viewers were told last.
    pub(super) fn given(&self) -> Option<Arc<[(u8, UtcOffset)]>> {
        self.given.clone()
    }
}
