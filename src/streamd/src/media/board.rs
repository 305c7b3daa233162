//! What live streams look like from outside of the threads that own them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use fql_transport::Time;
use fql_unit::TrackTable;

use crate::service::{CarrierCounts, LiveStats, PacketStats};

/// The figures of all streams that somebody publishes or watches.
#[derive(Debug, Default)]
pub struct Board(RwLock<HashMap<String, Notice>>);

/// One stream.
#[derive(Debug, Default, Clone)]
struct Notice {
    live_since: Option<Time>,
    stats: LiveStats,
    tracks: TrackTable,
    /// When something came of its publisher last, in nanoseconds; 0 where there is none.
    heard: Arc<AtomicU64>,
}

impl Board {
    /// Since when somebody publishes it.
    pub fn live_since(&self, stream: &str) -> Option<Time> {
        self.read(stream, |notice| notice.live_since).flatten()
    }

    /// Its figures, at most half a second old.
    pub fn stats(&self, stream: &str) -> Option<LiveStats> {
        self.read(stream, |notice| notice.stats.clone())
    }

    /// Its tracks.
    pub fn tracks(&self, stream: &str) -> Option<TrackTable> {
        self.read(stream, |notice| notice.tracks.clone())
    }

    /// When something came of its publisher last; none where there is no publisher.
    pub fn heard(&self, stream: &str) -> Option<Time> {
        let heard = self.read(stream, |notice| notice.heard.load(Ordering::Relaxed))?;
        (heard > 0).then(|| Time::from_nanos(heard))
    }

    /// Viewers and publishers of all streams.
    pub fn count(&self) -> (CarrierCounts, u64) {
        let notices = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut viewers = CarrierCounts::default();
        for counts in notices.values().map(|notice| notice.stats.viewers_by_carrier) {
            viewers.udp += counts.udp;
            viewers.webtransport += counts.webtransport;
            viewers.websocket += counts.websocket;
            viewers.other += counts.other;
        }
        (viewers, notices.values().filter(|notice| notice.live_since.is_some()).count() as u64)
    }

    pub(super) fn set_live(&self, stream: &str, since: Option<Time>) {
        self.write(stream, |notice| notice.live_since = since);
    }

    pub(super) fn set_stats(&self, stream: &str, stats: LiveStats) {
        self.write(stream, |notice| {
            count(&notice.stats.packets, &stats.packets);
            notice.stats = stats;
        });
    }

    pub(super) fn set_tracks(&self, stream: &str, tracks: &TrackTable) {
        let is_same = self.read(stream, |notice| notice.tracks == *tracks);
        if is_same != Some(true) {
            self.write(stream, |notice| notice.tracks = tracks.clone());
        }
    }

    pub(super) fn set_heard(&self, stream: &str, heard: Option<Time>) {
        let nanos = heard.map_or(0, |heard| heard.as_nanos().max(1));
        // This is said again and again: others may read meanwhile.
        if self.read(stream, |notice| notice.heard.store(nanos, Ordering::Relaxed)).is_none() {
            self.write(stream, |notice| notice.heard.store(nanos, Ordering::Relaxed));
        }
    }

    pub(super) fn remove(&self, stream: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(stream);
    }

    fn read<T>(&self, stream: &str, look: impl FnOnce(&Notice) -> T) -> Option<T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(stream).map(look)
    }

    fn write(&self, stream: &str, change: impl FnOnce(&mut Notice)) {
        let mut notices = self.0.write().unwrap_or_else(PoisonError::into_inner);
        change(notices.entry(stream.to_owned()).or_default());
    }
}

/// Counts what became of datagrams since the figures before, for the whole node.
fn count(before: &PacketStats, now: &PacketStats) {
    // A new session counts from zero.
    let nothing = PacketStats::default();
    let before = if now.received < before.received { &nothing } else { before };
    let new = |name: &'static str, before: u64, now: u64| {
        metrics::counter!(name).increment(now.saturating_sub(before));
    };
    new("streamd_datagrams_lost_total", before.lost, now.lost);
    new("streamd_datagrams_recovered_total", before.recovered, now.recovered);
    new("streamd_datagrams_late_total", before.late, now.late);
}
