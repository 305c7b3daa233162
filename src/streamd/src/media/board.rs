//! What live streams look like from outside of the threads that own them.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use fql_transport::Time;
use fql_unit::TrackTable;

use crate::service::{LiveStats, PacketStats};

/// The figures of all streams that somebody publishes or watches.
#[derive(Debug, Default)]
pub struct Board(RwLock<HashMap<String, Notice>>);

/// One stream.
#[derive(Debug, Default, Clone)]
struct Notice {
    live_since: Option<Time>,
    stats: LiveStats,
    tracks: TrackTable,
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

    /// Viewers and publishers of all streams.
    pub fn count(&self) -> (u64, u64) {
        let notices = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let viewers = notices.values().map(|notice| notice.stats.viewers).sum();
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
