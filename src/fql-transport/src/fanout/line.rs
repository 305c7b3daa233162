use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::item::UnitInfo;
use super::rates::TrackMeter;
use crate::Time;

/// A shard of a unit that is further behind the newest one, or began longer ago, is of use to nobody.
const MAX_BEHIND: u64 = 256;
const MAX_AGE: Duration = Duration::from_secs(2);

/// The units of one track, as viewers count them: on and on, whatever sessions they come from.
#[derive(Default)]
pub(super) struct Line {
    /// The publishing session whose numbers `shift` is for.
    session: u64,
    /// What is added to the numbers of that session, modulo 2^64.
    shift: u64,
    /// The first unit of that session.
    first: u64,
    /// The number after the newest unit.
    next: u64,
    units: BTreeMap<u64, UnitState>,
    /// Where in the ring the last key unit begins.
    key: Option<u64>,
    pub(super) meter: TrackMeter,
}

/// A unit of which shards come.
pub(super) struct UnitState {
    pub(super) info: Arc<UnitInfo>,
    /// Bit *k*: no shard of layer *k* can join a block any more.
    pub(super) closed: u16,
}

impl Line {
    /// The number as viewers count of a unit of this session; `None` where it is older than all that has been seen of
    /// the session.
    pub(super) fn number(&mut self, session: u64, number: u64) -> Option<u64> {
        if self.session != session {
            self.session = session;
            self.first = self.next;
            // Of the first session nothing has to be changed.
            self.shift = if self.next == 0 { 0 } else { self.next.wrapping_sub(number) };
        }
        Some(number.wrapping_add(self.shift)).filter(|&number| number >= self.first)
    }

    /// Whether a unit is the first one of a session that is not the stream's first.
    pub(super) fn is_after_break(&self, number: u64) -> bool {
        number == self.first && number > 0
    }

    /// Whether a shard of this unit is of use to anybody.
    pub(super) fn is_useful(&self, now: Time, number: u64) -> bool {
        match self.units.get(&number) {
            Some(unit) => now - unit.info.came <= MAX_AGE,
            // One that was overtaken may still begin.
            None => number.saturating_add(MAX_BEHIND) > self.next,
        }
    }

    pub(super) fn get(&mut self, number: u64) -> Option<&mut UnitState> {
        self.units.get_mut(&number)
    }

    /// Begins a unit at a place in the ring.
    pub(super) fn begin(&mut self, now: Time, info: Arc<UnitInfo>, place: u64) -> &mut UnitState {
        if info.is_key && info.number >= self.next {
            self.key = Some(place);
        }
        self.next = self.next.max(info.number.saturating_add(1));
        while let Some((&number, unit)) = self.units.first_key_value()
            && (self.next - number > MAX_BEHIND || now - unit.info.came > MAX_AGE)
        {
            self.units.remove(&number);
        }
        self.units.entry(info.number).or_insert(UnitState { info, closed: 0 })
    }

    /// Where in the ring the last key unit begins.
    pub(super) fn key(&self) -> Option<u64> {
        self.key
    }

    /// Nobody begins with the last key unit any more.
    pub(super) fn forget_key(&mut self) {
        self.key = None;
    }

    /// Units so far.
    pub(super) fn units(&self) -> u64 {
        self.next
    }
}
