//! A stream that is watched: one subscription for all its viewers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fql_unit::{Media, TrackTable, VideoCodec};
use fql_webrtc::{Endpoint, MediaUnit, Prepared, Preparer, SessionId};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::{Begun, NotPlayed};
use crate::media::{self, Attendance, KeyAsker, Takes, Watcher};

/// The most that is kept of the pictures since the last key picture, for those that join: about as much as can be sent
/// again to one that lost some of so many packets at once.
const MOST_PAST_BYTES: usize = 1 << 20;
const MOST_PAST: usize = 600;

/// How often viewers together may ask for a key picture.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// A stream as it is given to some of its viewers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Showing {
    /// Its playback ID.
    pub playback_id: Arc<str>,
    /// What these viewers take as it is.
    pub takes: Takes,
}

/// When whoever makes the pictures was asked for a key picture.
#[derive(Debug, Default)]
struct Asked {
    at: Option<Instant>,
    /// Whether somebody wanted one too soon after that, and none has come since. Not all ask twice.
    is_owed: bool,
}

impl Asked {
    /// Somebody wants a key picture; says whether it is time to ask for one.
    fn wants(&mut self, now: Instant) -> bool {
        self.is_owed = self.at.is_some_and(|at| now.saturating_duration_since(at) < ASK_EVERY);
        if !self.is_owed {
            self.at = Some(now);
        }
        !self.is_owed
    }
}

/// Somebody who waits for the tracks of a stream to be known.
pub struct Waiting {
    pub offer: String,
    /// Whom it is counted as, once it plays.
    pub watcher: Watcher,
    pub answer: oneshot::Sender<Result<Begun, NotPlayed>>,
    pub until: Instant,
}

/// A stream, its viewers and what those who join begin with.
pub struct Watched {
    /// The stream's own id.
    pub stream: String,
    pub preparer: Option<Preparer>,
    /// The codec of the pictures.
    pub codec: Option<VideoCodec>,
    pub waiting: Vec<Waiting>,
    /// Each is counted as long as it is here.
    pub viewers: HashMap<SessionId, Attendance>,
    past: Vec<Prepared>,
    past_bytes: usize,
    /// Asks whoever makes the pictures for a key picture, and when it did.
    asker: KeyAsker,
    asked: Asked,
    /// The task that waits for units.
    pub task: AbortHandle,
}

impl Watched {
    pub fn new(stream: String, asker: KeyAsker, task: AbortHandle) -> Self {
        Self {
            stream,
            preparer: None,
            codec: None,
            waiting: Vec::new(),
            viewers: HashMap::new(),
            past: Vec::new(),
            past_bytes: 0,
            asker,
            asked: Asked::default(),
            task,
        }
    }

    /// Whether nobody watches or is about to.
    pub fn is_unwatched(&self) -> bool {
        self.viewers.is_empty() && self.waiting.is_empty()
    }

    /// Takes other tracks. Gives the viewers that cannot go on with them: what was agreed on stays as it is.
    pub fn set_tracks(&mut self, tracks: &TrackTable) -> Vec<SessionId> {
        let preparer = Preparer::new(tracks);
        let goes_on = self.preparer.as_ref().is_none_or(|before| before.is_like(&preparer));
        self.preparer = Some(preparer);
        self.codec = tracks.tracks().iter().find_map(|track| match &track.media {
            Media::EncodedVideo(info) => Some(info.codec),
            _ => None,
        });
        self.forget_past();
        if goes_on { Vec::new() } else { self.viewers.keys().copied().collect() }
    }

    /// Sends a unit to all viewers.
    pub fn send(&mut self, now: Instant, endpoint: &mut Endpoint, unit: &Arc<media::MediaUnit>) {
        let Some((preparer, data)) = self.preparer.as_mut().zip(unit.data()) else { return };
        let unit = MediaUnit { track: unit.track, pts: unit.pts(), key: unit.key, data: data.clone() };
        let Some(prepared) = preparer.prepare(&unit) else { return };
        for viewer in self.viewers.keys() {
            endpoint.send(now, *viewer, &prepared);
        }
        if prepared.is_video() {
            self.remember(prepared);
        }
    }

    /// Sends a viewer that is connected now the pictures since the last key picture.
    pub fn begin(&self, now: Instant, endpoint: &mut Endpoint, viewer: SessionId) {
        endpoint.send_past(now, viewer, &self.past);
    }

    /// A viewer needs a key picture: one is asked for, for all who need one.
    pub fn ask_for_key(&mut self, now: Instant) {
        if self.asked.wants(now) {
            self.asker.ask();
        }
    }

    /// Asks for the key picture that it was too soon to ask for.
    pub fn ask_again(&mut self, now: Instant) {
        if self.asked.is_owed {
            self.ask_for_key(now);
        }
    }

    /// Whether viewers wait for a key picture.
    pub fn waits_for_key(&self) -> bool {
        let has_video = self.preparer.as_ref().is_some_and(Preparer::has_video);
        has_video && self.past.is_empty() && !self.viewers.is_empty()
    }

    fn remember(&mut self, unit: Prepared) {
        if unit.is_key() {
            self.asked.is_owed = false;
            self.forget_past();
        } else if self.past.is_empty() {
            return;
        }
        self.past_bytes += unit.len();
        self.past.push(unit);
        // Without the first ones the rest is of no use: those who join wait for the next key picture.
        if self.past_bytes > MOST_PAST_BYTES || self.past.len() > MOST_PAST {
            self.forget_past();
        }
    }

    /// What came so far is of no use to those who join.
    pub fn forget_past(&mut self) {
        self.past.clear();
        self.past_bytes = 0;
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_wanted_too_soon_is_asked_for_later() {
        let (start, mut asked) = (Instant::now(), Asked::default());
        let after = |ms| start + Duration::from_millis(ms);
        assert!(asked.wants(after(0)) && !asked.is_owed);
        assert!(!asked.wants(after(120)) && asked.is_owed);
        assert!(!asked.wants(after(400)) && asked.is_owed);
        assert!(asked.wants(after(500)) && !asked.is_owed);
    }
}
