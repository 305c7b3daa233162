//! Tracks for players that do not take them as they are: made while somebody plays them so, once for all.
//!
//! ```text
//! hub -> line (a thread a track and codec): fql-convert -> crowd
//! hub -------------------------------------------------------> joint (a task a subscription) -> Subscription
//!                                                  crowd ---/
//! ```

mod joint;
mod line;
#[cfg_attr(not(feature = "convert"), path = "no_maker.rs")]
mod maker;
mod order;
mod quiet;
mod registry;
mod takes;

use std::collections::BTreeSet;
use std::sync::Arc;

use fql_unit::TrackTable;
use tokio::sync::Notify;

pub use registry::Conversions;
pub use takes::{Takes, Target};

use super::crowd::{NewSubscriber, Subscriber};
use super::{Media, NotWatched, Subscribing, Subscription};
use crate::service::Entry;
use joint::Joint;
use takes::Plan;

impl Media {
    /// As [`Media::subscribe`], with tracks that such players take: what does not pass as it is, is converted, once for
    /// all who subscribe so, and from the first of them on until the last has gone. Of each kind there is one converted
    /// track where none passes, with the id of the track that it is made from. Tracks that cannot be converted are left
    /// out, and those that cannot be for now, too: see [`Media::unconverted`].
    ///
    /// The first [`Watched::Tracks`](super::Watched::Tracks) comes when all converted tracks have begun, or have had the
    /// time to.
    ///
    /// # Errors
    /// Where there is no such stream.
    ///
    /// # Panics
    /// Outside of the runtime.
    pub fn subscribe_as(
        &self,
        playback_id: &str,
        how: Subscribing,
        takes: Takes,
    ) -> Result<Subscription, NotWatched> {
        let entry = self.watchable(playback_id)?;
        let attendance = how.watcher.map(|watcher| self.attend_stream(&entry, watcher));
        let (new, units) = NewSubscriber::new(how.most_behind);
        let behind = new.behind.clone();
        let hub = (entry.clone(), self.inbox_of(&entry));
        let key_wanted = Arc::<Notify>::default();
        let joint =
            Joint::new(hub, takes, self.conversions.clone(), Subscriber::new(new), Arc::clone(&key_wanted));
        let task = tokio::spawn(joint.run()).abort_handle();
        Ok(Subscription::of_task(entry, (units, behind), (task, key_wanted), attendance))
    }

    /// Whether a stream plays for players that take this only because tracks of it are converted.
    pub fn converts(&self, stream: &str, takes: Takes) -> bool {
        let plan = self.tracks(stream).map(|tracks| self.conversions.plan(&tracks, takes, &BTreeSet::new()));
        plan.is_some_and(|plan| !plan.converted.is_empty())
    }

    /// Why a track of a stream is not converted, where one that such players need cannot be: no encoder is installed,
    /// conversion is turned off, too many are under way. For the detail of a 503.
    pub fn unconverted(&self, stream: &str, takes: Takes) -> Option<String> {
        let tracks = self.tracks(stream)?;
        let Plan { converted, .. } = Plan::new(&tracks, takes, &BTreeSet::new());
        converted.into_iter().find_map(|(track, target)| self.conversions.why_not(stream, track, target))
    }

    /// What players that take this get of these tracks, as far as conversion is allowed at all: for what is offered.
    pub(super) fn plays(&self, tracks: &TrackTable, takes: Takes) -> Playing {
        let Plan { passing, converted } = self.conversions.plan(tracks, takes, &BTreeSet::new());
        let has = |is_kind: fn(&fql_unit::Media) -> bool| {
            let of_kind = tracks.tracks().iter().filter(|track| is_kind(&track.media));
            of_kind
                .map(|track| track.id)
                .any(|id| passing.contains(&id) || converted.iter().any(|(made, _)| *made == id))
        };
        Playing { video: has(fql_unit::Media::is_video), audio: has(takes::is_sound) }
    }
}

/// What is there of a stream for players of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Playing {
    /// Pictures.
    pub video: bool,
    /// Sound.
    pub audio: bool,
}

/// What the parts of a subscription need of the hub.
type Hub = (Arc<Entry>, super::worker::Inbox);

impl Playing {
    /// Whether there is anything.
    pub fn is_any(self) -> bool {
        self.video || self.audio
    }
}
