//! Which conversions are under way: one for each track and codec.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fql_unit::TrackTable;

use super::line::Line;
use super::takes::{Plan, Takes, Target};
use super::{Hub, maker};
use crate::config::Convert;

/// Of which track of which stream, to what.
pub(super) type Key = (String, u8, Target);

/// All conversions of the daemon.
#[derive(Debug)]
pub struct Conversions {
    pub(super) config: Convert,
    lines: Mutex<HashMap<Key, Arc<Line>>>,
    under_way: Arc<AtomicUsize>,
}

/// One of the places that there are for conversions.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Conversions {
    /// None so far.
    pub fn new(config: Convert) -> Self {
        Self { config, lines: Mutex::default(), under_way: Arc::default() }
    }

    /// How many tracks are converted now.
    pub fn len(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What becomes of these tracks, as far as conversion is allowed.
    pub(super) fn plan(&self, tracks: &TrackTable, takes: Takes, reordered: &BTreeSet<u8>) -> Plan {
        match self.forbidden() {
            // Data that would have been converted passes then, for what can carry it, and so do pictures out of order.
            Some(_) => {
                let takes = Takes { mpeg_audio: true, any_order: true, ..takes };
                let plan = Plan::new(tracks, takes, reordered);
                Plan { converted: Vec::new(), ..plan }
            }
            None => Plan::new(tracks, takes, reordered),
        }
    }

    /// Why a track is not converted.
    pub(super) fn why_not(&self, stream: &str, track: u8, target: Target) -> Option<String> {
        let key = (stream.to_owned(), track, target);
        self.forbidden().map(str::to_owned).or_else(|| self.lines().get(&key)?.failure())
    }

    /// Why nothing is converted at all.
    fn forbidden(&self) -> Option<&'static str> {
        match self.config.enabled {
            true => maker::MISSING,
            false => Some("the stream would have to be converted, and convert.enabled is false"),
        }
    }

    /// The line of a track, which begins now where there is none. Whoever asks has it counted as watched at once.
    pub(super) fn line(self: &Arc<Self>, hub: &Hub, track: u8, target: Target) -> Arc<Line> {
        let key = (hub.0.id.clone(), track, target);
        let mut lines = self.lines();
        let line = lines.entry(key.clone()).or_insert_with(|| Line::start(key, hub.clone(), self.clone()));
        line.hold();
        Arc::clone(line)
    }

    /// Takes a line out that nobody watches; says whether it did.
    pub(super) fn end_if_idle(&self, key: &Key) -> bool {
        let mut lines = self.lines();
        let is_idle = lines.get(key).is_none_or(|line| line.is_idle());
        if is_idle {
            lines.remove(key);
        }
        is_idle
    }

    /// A line has ended by itself.
    pub(super) fn remove(&self, key: &Key) {
        self.lines().remove(key);
    }

    /// A place for one more conversion; none where there are as many as may be.
    pub(super) fn place(&self) -> Result<Place, String> {
        let place = Place(Arc::clone(&self.under_way));
        let most = self.config.max;
        match self.under_way.fetch_add(1, Ordering::Relaxed) < most {
            true => Ok(place),
            // One too many gives its place back as it goes.
            false => Err(format!("as many tracks are converted as may be at a time: convert.max is {most}")),
        }
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<Key, Arc<Line>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
