//! Whole units of a stream, for whoever is in the same process: put together once, for as many as take them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use fql_unit::{MAX_TRACKS, Timing, TrackTable, Unit};

use super::Item;
use super::item::{Kind, Source};
use crate::reassembly::{Delivered, Reassembly};
use crate::{Time, piece};

/// The most bytes and units that are held incomplete: no more than the session they come from may hold.
const MAX_BYTES: usize = 16 << 20;
const MAX_UNITS: usize = 1024;

/// What comes out of a stream's items.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Collected {
    /// The tracks of the stream, before any unit of theirs and whenever they change.
    Tracks(Arc<TrackTable>),
    /// A unit, complete or with what came of it in time; on each track in order.
    Unit {
        /// The track.
        track: u8,
        /// Its number on the track as viewers count: on and on, whatever sessions units come from.
        number: u64,
        /// Its timing on the stream's clock.
        timing: Timing,
        /// The unit.
        unit: Unit,
        /// Units of the track just before this one of which nothing came.
        lost: u64,
    },
}

/// Items in, units out. What is complete comes out at once.
pub struct Units {
    latency: Duration,
    tracks: Option<Arc<TrackTable>>,
    pending: BTreeMap<u8, Reassembly>,
    /// The first place in the stream that was not taken.
    next: u64,
    /// When the first shard was taken.
    began: Option<Time>,
    out: VecDeque<Collected>,
}

impl Units {
    /// Waits for what is missing of a unit for this long after its first shard came: of those of
    /// [`Fanout::join`](crate::Fanout::join) after they were taken, however long ago that was.
    pub fn new(latency: Duration) -> Self {
        let (pending, out) = (BTreeMap::new(), VecDeque::new());
        Self { latency, tracks: None, pending, next: 0, began: None, out }
    }

    /// Takes an item: those of [`Fanout::join`](crate::Fanout::join) first, then each that the fan-out gives. None is taken
    /// twice.
    pub fn push(&mut self, now: Time, item: &Item) {
        match &item.kind {
            Kind::Tracks(tracks) => self.set_tracks(tracks),
            Kind::Source(source) if item.place >= self.next => {
                self.next = item.place + 1;
                self.add(now, source);
                self.give_due(now);
            }
            Kind::Source(_) | Kind::Parity(_) | Kind::Paused(_) | Kind::Utc(_) => {}
        }
    }

    fn set_tracks(&mut self, tracks: &Arc<TrackTable>) {
        self.pending.retain(|&id, _| tracks.get(id).is_some());
        self.tracks = Some(tracks.clone());
        self.out.push_back(Collected::Tracks(tracks.clone()));
    }

    fn add(&mut self, now: Time, source: &Source) {
        let track = source.unit.track;
        let is_known = self.tracks.as_ref().is_some_and(|tracks| tracks.get(track).is_some());
        if !is_known || (self.pending.len() >= MAX_TRACKS && !self.pending.contains_key(&track)) {
            return;
        }
        // A publisher's session has read it before; what is no shard is of no use here either.
        let Ok((header, pieces)) = piece::parse(&source.content) else { return };
        let pending = self.pending.entry(track).or_insert_with(|| Reassembly::new(fql_unit::MAX_LAYERS - 1));
        // Of one that came before there was anybody to take it the rest is next in the ring, not missing.
        let came = source.unit.came.max(*self.began.get_or_insert(now));
        pending.add(header, pieces, came + self.latency);
    }

    fn give_due(&mut self, now: Time) {
        for (&track, pending) in &mut self.pending {
            while let Some(unit) = pending.poll(now) {
                self.out.push_back(collected(track, unit));
            }
        }
        while self.is_full()
            && let Some((&track, largest)) =
                self.pending.iter_mut().max_by_key(|(_, pending)| pending.bytes())
            && let Some(unit) = largest.pop()
        {
            self.out.push_back(collected(track, unit));
        }
    }

    fn is_full(&self) -> bool {
        let sum = |count: fn(&Reassembly) -> usize| self.pending.values().map(count).sum::<usize>();
        sum(Reassembly::bytes) > MAX_BYTES || sum(Reassembly::units) > MAX_UNITS
    }

    /// What there is now.
    pub fn poll(&mut self, now: Time) -> Option<Collected> {
        if self.out.is_empty() {
            self.give_due(now);
        }
        self.out.pop_front()
    }

    /// When [`Units::poll`] has something, whatever comes.
    pub fn poll_timeout(&self) -> Option<Time> {
        if !self.out.is_empty() {
            return Some(Time::ZERO);
        }
        self.pending.values().filter_map(Reassembly::deadline).min()
    }
}

fn collected(track: u8, unit: Delivered) -> Collected {
    let Delivered { number, timing, unit, missing, .. } = unit;
    Collected::Unit { track, number, timing, unit, lost: missing }
}
