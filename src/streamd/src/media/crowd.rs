//! Subscriptions that are given the same units: each begins with the last key unit, and one that is slow loses units up to
//! the next and slows nobody.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use fql_unit::TrackTable;
use tokio::sync::mpsc::UnboundedSender;

use super::subscription::{MediaUnit, Watched};

/// The most units that wait for a subscription, whatever time they take.
const MOST_WAITING: usize = 8192;
/// What a unit costs beside its bytes.
const UNIT_COST: usize = 256;

/// A subscription that begins.
pub struct NewSubscriber {
    /// A number that no other one of this run has.
    pub id: u64,
    /// Where its units go.
    pub units: UnboundedSender<Watched>,
    /// How far it is behind.
    pub behind: Arc<Behind>,
}

/// How far a subscription is behind: what both its ends know.
#[derive(Debug)]
pub struct Behind {
    /// How much that may be, in nanoseconds.
    most: u64,
    /// The newest decoding time of those that it has taken, or need not have.
    taken: AtomicU64,
    waiting: AtomicUsize,
}

impl Behind {
    /// One that may be so far behind.
    pub fn new(most: Duration) -> Self {
        let most = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        Self { most, taken: AtomicU64::new(0), waiting: AtomicUsize::new(0) }
    }

    /// The subscription has taken a unit.
    pub fn taken(&self, unit: &MediaUnit) {
        self.taken.fetch_max(unit.dts, Ordering::Relaxed);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// A unit goes to the subscription. One before which nothing waits is not behind, however long nothing came.
    fn sent(&self, dts: u64) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) == 0 {
            self.forgive(dts);
        }
    }

    /// What has been sent so far is not held against it.
    fn forgive(&self, dts: u64) {
        self.taken.fetch_max(dts, Ordering::Relaxed);
    }

    fn is_too_far(&self, dts: u64) -> bool {
        let waiting = self.waiting.load(Ordering::Relaxed);
        let behind = dts.saturating_sub(self.taken.load(Ordering::Relaxed));
        waiting >= MOST_WAITING || (waiting > 0 && behind > self.most)
    }
}

/// Subscriptions that are given the same.
#[derive(Default)]
pub struct Crowd {
    tracks: Arc<TrackTable>,
    backlog: Backlog,
    /// Whether what comes is kept for nobody.
    is_paused: bool,
    subscribers: BTreeMap<u64, Subscriber>,
}

/// Units since the last key unit of each video track, for the next subscription.
#[derive(Default)]
struct Backlog {
    units: VecDeque<Arc<MediaUnit>>,
    /// How many have left.
    left: u64,
    bytes: usize,
    /// Where the last key unit of each video track is.
    keys: BTreeMap<u8, u64>,
}

/// Where one subscription is.
pub struct Subscriber {
    new: NewSubscriber,
    tracks: Arc<TrackTable>,
    /// Video tracks of which it waits for a key unit.
    awaits: BTreeSet<u8>,
    /// Whether it lost units because it was slow, and gets nothing until a key unit comes.
    lags: bool,
    /// Tracks of which it was not given something before the next unit.
    gaps: BTreeSet<u8>,
}

impl Crowd {
    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.subscribers.is_empty()
    }

    /// Whether anybody waits for a key unit of a video track.
    pub fn awaits_key(&self) -> bool {
        self.subscribers.values().any(|subscriber| !subscriber.awaits.is_empty())
    }

    /// The tracks that everybody knows of.
    pub fn tracks(&self) -> &Arc<TrackTable> {
        &self.tracks
    }

    /// Takes a subscription, and gives it what there is.
    pub fn subscribe(&mut self, new: NewSubscriber) {
        let id = new.id;
        let mut subscriber = Subscriber::new(new);
        if !self.tracks.tracks().is_empty() {
            subscriber.set_tracks(&self.tracks);
        }
        if let Some(last) = self.backlog.units.back() {
            subscriber.new.behind.forgive(last.dts);
        }
        for unit in &self.backlog.units {
            subscriber.give(unit);
        }
        self.subscribers.insert(id, subscriber);
    }

    /// A subscription is over.
    pub fn unsubscribe(&mut self, id: u64) {
        self.subscribers.remove(&id);
    }

    /// The tracks are others; where they are the same, nothing happens. Gives those of before.
    pub fn set_tracks(&mut self, tracks: Arc<TrackTable>) -> Arc<TrackTable> {
        if self.tracks != tracks {
            self.backlog = Backlog::default();
            self.subscribers.values_mut().for_each(|subscriber| subscriber.set_tracks(&tracks));
        }
        std::mem::replace(&mut self.tracks, tracks)
    }

    /// Gives a unit to everybody. No more than `most` bytes are kept for those that come.
    pub fn give(&mut self, unit: &Arc<MediaUnit>, most: usize) {
        if !self.is_paused {
            self.backlog.push(unit, &self.tracks, most);
        }
        self.subscribers.values_mut().for_each(|subscriber| subscriber.give(unit));
    }

    /// The stream is paused, or goes on: everybody is told, and those who come begin with what is after the pause.
    pub fn set_paused(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
        self.backlog = Backlog::default();
        self.tell(&Watched::Paused(is_paused));
    }

    /// Tells everybody something.
    pub fn tell(&self, watched: &Watched) {
        self.subscribers.values().for_each(|subscriber| subscriber.send(watched.clone()));
    }
}

impl Backlog {
    fn push(&mut self, unit: &Arc<MediaUnit>, tracks: &TrackTable, most: usize) {
        let place = self.left + self.units.len() as u64;
        self.units.push_back(Arc::clone(unit));
        self.bytes += unit.len() + UNIT_COST;
        if unit.key && video(tracks).any(|id| id == unit.track) {
            self.keys.insert(unit.track, place);
        }
        // Without video the newest unit is where to begin.
        let has_video = video(tracks).next().is_some();
        let keys = video(tracks).filter_map(|id| self.keys.get(&id)).min().copied();
        let start = if has_video { keys.unwrap_or(place + 1) } else { place };
        while self.left < start || (self.bytes > most && !self.units.is_empty()) {
            let Some(unit) = self.units.pop_front() else { break };
            self.bytes -= unit.len() + UNIT_COST;
            self.left += 1;
        }
        let left = self.left;
        self.keys.retain(|_, place| *place >= left);
    }
}

impl Subscriber {
    /// One that knows of no tracks.
    pub fn new(new: NewSubscriber) -> Self {
        Self { new, tracks: Arc::default(), awaits: BTreeSet::new(), lags: false, gaps: BTreeSet::new() }
    }

    /// Tells it of the tracks, which are others than before. Of video that is new it waits for a key unit.
    pub fn set_tracks(&mut self, tracks: &Arc<TrackTable>) {
        let is_same = |id: u8| tracks.get(id).is_some() && tracks.get(id) == self.tracks.get(id);
        let new = video(tracks).filter(|&id| !is_same(id));
        self.awaits.retain(|&id| tracks.get(id).is_some());
        self.awaits.extend(new);
        self.tracks = Arc::clone(tracks);
        self.send(Watched::Tracks(Arc::clone(tracks)));
    }

    /// Gives it a unit, unless it is too far behind or waits for a key unit.
    pub fn give(&mut self, unit: &Arc<MediaUnit>) {
        if self.new.behind.is_too_far(unit.dts) {
            self.lags = true;
            self.awaits = video(&self.tracks).collect();
            self.gaps.extend(self.tracks.tracks().iter().map(|track| track.id));
            return;
        }
        if unit.key && self.awaits.remove(&unit.track) {
            self.lags = false;
        }
        let has_video = video(&self.tracks).next().is_some();
        if self.awaits.contains(&unit.track) || (self.lags && has_video) {
            return;
        }
        self.lags = false;
        let unit = if self.gaps.remove(&unit.track) && !unit.discont {
            Arc::new(MediaUnit { discont: true, ..MediaUnit::clone(unit) })
        } else {
            Arc::clone(unit)
        };
        self.new.behind.sent(unit.dts);
        self.send(Watched::Unit(unit));
    }

    /// Tells it something.
    pub fn send(&self, watched: Watched) {
        // One that is gone says so soon.
        let _ = self.new.units.send(watched);
    }

    /// Whether nobody takes anything any more.
    pub fn is_gone(&self) -> bool {
        self.new.units.is_closed()
    }
}

/// The video tracks.
fn video(tracks: &TrackTable) -> impl Iterator<Item = u8> + '_ {
    tracks.tracks().iter().filter(|track| track.media.is_video()).map(|track| track.id)
}
