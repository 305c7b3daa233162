//! The way out for players that take whole units: everything that is not FQL begins here.
//!
//! A [`Subscription`] starts with the last key unit that the hub has, and goes on with every unit the moment it is there.
//! Units are shared by all subscriptions of a stream, never copied. One that is slow loses units up to the next key unit
//! and slows nobody.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use fql_unit::{TrackTable, Unit};
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::task::AbortHandle;

use super::Media;
use super::crowd::{Behind, NewSubscriber};
use super::router::worker_of;
use super::worker::{Command, Inbox};
use crate::service::{Entry, Viewer};

/// Why nobody may subscribe so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotWatched {
    /// No stream has this playback ID.
    #[error("no stream has this playback ID")]
    UnknownStream,
}

/// What a subscription gives.
#[derive(Debug, Clone)]
pub enum Watched {
    /// The tracks: before any unit of theirs, and whenever they change.
    Tracks(Arc<TrackTable>),
    /// A unit: of each track in the order in which they are decoded.
    Unit(Arc<MediaUnit>),
    /// The stream is paused, or goes on: what was before is of no use to those who come. Nothing comes in between.
    Paused(bool),
    /// Nobody publishes the stream any more. If somebody begins again, it goes on.
    Offline,
}

/// One unit of a stream.
#[derive(Clone)]
pub struct MediaUnit {
    /// The track.
    pub track: u8,
    /// Its number on the track.
    pub number: u64,
    /// When it is decoded, in nanoseconds on the stream's clock, which all tracks share and which goes on across
    /// publishers.
    pub dts: u64,
    /// How much later it is presented, in nanoseconds.
    pub composition: i64,
    /// How long it is shown or heard, in nanoseconds; 0 where that is not known.
    pub duration: u64,
    /// Whether decoding can begin here.
    pub key: bool,
    /// Whether something is missing before it.
    pub discont: bool,
    /// What it holds.
    pub payload: Payload,
}

/// What a unit holds.
#[derive(Clone)]
pub enum Payload {
    /// An access unit of an encoded track, framed as its configuration says, or the bytes of a data track: all of it.
    Whole(Bytes),
    /// A unit of a track in layers, with all layers that came in time.
    Layered(Unit),
}

impl MediaUnit {
    /// When it is presented, in nanoseconds on the stream's clock.
    pub fn pts(&self) -> u64 {
        self.dts.saturating_add_signed(self.composition)
    }

    /// The bytes of an access unit, or of data; none where the track is in layers.
    pub fn data(&self) -> Option<&Bytes> {
        match &self.payload {
            Payload::Whole(data) => Some(data),
            Payload::Layered(_) => None,
        }
    }

    /// How many bytes of media it is.
    pub fn len(&self) -> usize {
        match &self.payload {
            Payload::Whole(data) => data.len(),
            Payload::Layered(unit) => unit.payload_len(),
        }
    }

    /// Whether there is not a byte of it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Who watches by something other than FQL, as the viewers of a stream are counted and told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watcher {
    /// The protocol as `/play` names it: `hls`, `dash`, `whep`, `srt`, `ts`, `mp4`.
    pub protocol: &'static str,
    /// Where it watches from.
    pub address: SocketAddr,
}

/// How to subscribe.
#[derive(Debug, Clone, Copy)]
pub struct Subscribing {
    /// Whom the subscription is for, where it is one viewer; none where it serves many, or works for the daemon itself.
    /// See [`Media::attend`] for viewers without a subscription of their own.
    pub watcher: Option<Watcher>,
    /// How far it may be behind before it loses units up to the next key unit, as stream time.
    pub most_behind: Duration,
}

impl Default for Subscribing {
    /// Nobody's, 5 s.
    fn default() -> Self {
        Self { watcher: None, most_behind: Duration::from_secs(5) }
    }
}

/// The units of one stream. Dropping it ends it.
pub struct Subscription {
    entry: Arc<Entry>,
    units: UnboundedReceiver<Watched>,
    behind: Arc<Behind>,
    source: Source,
    /// Counts its viewer, where it has one.
    _attendance: Option<Attendance>,
}

/// Where the units of a subscription come from.
enum Source {
    /// The hub, which knows the subscription by a number.
    Hub(Inbox, u64),
    /// A task, which puts them together, and what tells it that a key picture is needed.
    Task(AbortHandle, Arc<Notify>),
}

/// Asks for key pictures on behalf of those who watch by a subscription, wherever that is.
#[derive(Clone)]
pub struct KeyAsker(Asks);

#[derive(Clone)]
enum Asks {
    Hub(Inbox, Arc<str>),
    Task(Arc<Notify>),
}

/// One viewer of a stream that is counted: from now until this is dropped.
pub struct Attendance {
    stream: Arc<str>,
    id: u64,
    players: metrics::Gauge,
    inbox: Inbox,
}

impl Media {
    /// Subscribes to the stream with this playback ID, whether anybody publishes it or not.
    ///
    /// # Errors
    /// Where there is no such stream.
    pub fn subscribe(&self, playback_id: &str, how: Subscribing) -> Result<Subscription, NotWatched> {
        let entry = self.watchable(playback_id)?;
        let attendance = how.watcher.map(|watcher| self.attend_stream(&entry, watcher));
        let inbox = self.inbox_of(&entry);
        let mut subscription = Subscription::of_hub(entry, inbox, how.most_behind);
        subscription._attendance = attendance;
        Ok(subscription)
    }

    /// Counts a viewer of the stream with this playback ID: `viewer.joined` now, `viewer.left` when what is given is
    /// dropped.
    ///
    /// # Errors
    /// Where there is no such stream.
    pub fn attend(&self, playback_id: &str, watcher: Watcher) -> Result<Attendance, NotWatched> {
        Ok(self.attend_stream(&self.watchable(playback_id)?, watcher))
    }

    pub(super) fn attend_stream(&self, entry: &Arc<Entry>, watcher: Watcher) -> Attendance {
        let (id, inbox) = (number(), self.inbox_of(entry));
        let viewer = Viewer::new(watcher.protocol, watcher.address);
        inbox.tell(Command::Attend(Arc::clone(entry), id, viewer));
        let players = metrics::gauge!("streamd_players", "protocol" => watcher.protocol);
        players.increment(1.0);
        Attendance { stream: entry.id.as_str().into(), id, players, inbox }
    }

    pub(super) fn watchable(&self, playback_id: &str) -> Result<Arc<Entry>, NotWatched> {
        self.service.directory().by_playback_id(playback_id).ok_or(NotWatched::UnknownStream)
    }

    pub(super) fn inbox_of(&self, entry: &Entry) -> Inbox {
        self.workers[worker_of(&entry.id, self.workers.len())].clone()
    }
}

/// A number that no other subscription or viewer of this run has.
fn number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl NewSubscriber {
    /// One that may be so far behind, and what it is given.
    pub(super) fn new(most_behind: Duration) -> (Self, UnboundedReceiver<Watched>) {
        let (units, given) = mpsc::unbounded_channel();
        (Self { id: number(), units, behind: Arc::new(Behind::new(most_behind)) }, given)
    }
}

impl Subscription {
    /// To a stream as it is published, on the thread with this inbox.
    pub(super) fn of_hub(entry: Arc<Entry>, inbox: Inbox, most_behind: Duration) -> Self {
        let (new, units) = NewSubscriber::new(most_behind);
        let (id, behind) = (new.id, Arc::clone(&new.behind));
        inbox.tell(Command::Subscribe(Arc::clone(&entry), new));
        Self { entry, units, behind, source: Source::Hub(inbox, id), _attendance: None }
    }

    /// To what a task gives, which ends with it.
    pub(super) fn of_task(
        entry: Arc<Entry>,
        (units, behind): (UnboundedReceiver<Watched>, Arc<Behind>),
        (task, key_wanted): (AbortHandle, Arc<Notify>),
        attendance: Option<Attendance>,
    ) -> Self {
        Self { entry, units, behind, source: Source::Task(task, key_wanted), _attendance: attendance }
    }

    /// Somebody who watches cannot go on without a key picture. The publisher is asked for one where its protocol has a
    /// way to, or the encoder of a track that is converted: once for all who ask, and at most twice a second.
    pub fn ask_for_key(&self) {
        self.key_asker().ask();
    }

    /// Asks the same from elsewhere.
    pub fn key_asker(&self) -> KeyAsker {
        KeyAsker(match &self.source {
            Source::Hub(inbox, _) => Asks::Hub(inbox.clone(), self.entry.id.as_str().into()),
            Source::Task(_, key_wanted) => Asks::Task(Arc::clone(key_wanted)),
        })
    }

    /// The stream.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// What comes next; none once the stream is archived, or the daemon ends. Cancelling the wait loses nothing.
    pub async fn next(&mut self) -> Option<Watched> {
        let watched = self.units.recv().await?;
        Some(self.taken(watched))
    }

    /// The same for threads that are not the runtime's.
    pub fn next_blocking(&mut self) -> Option<Watched> {
        let watched = self.units.blocking_recv()?;
        Some(self.taken(watched))
    }

    /// What is there already.
    pub fn try_next(&mut self) -> Option<Watched> {
        let watched = self.units.try_recv().ok()?;
        Some(self.taken(watched))
    }

    fn taken(&self, watched: Watched) -> Watched {
        if let Watched::Unit(unit) = &watched {
            self.behind.taken(unit);
        }
        watched
    }
}

impl KeyAsker {
    /// As [`Subscription::ask_for_key`].
    pub fn ask(&self) {
        match &self.0 {
            Asks::Hub(inbox, stream) => inbox.tell(Command::WantKey(Arc::clone(stream))),
            Asks::Task(key_wanted) => key_wanted.notify_one(),
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        match &self.source {
            Source::Hub(inbox, id) => inbox.tell(Command::Unsubscribe(self.entry.id.as_str().into(), *id)),
            Source::Task(task, _) => task.abort(),
        }
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        self.players.decrement(1.0);
        self.inbox.tell(Command::Leave(Arc::clone(&self.stream), self.id));
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("stream", &self.entry.id).finish_non_exhaustive()
    }
}

/// Bytes may be a whole picture: how many there are says enough.
impl fmt::Debug for MediaUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaUnit")
            .field("track", &self.track)
            .field("number", &self.number)
            .field("dts", &self.dts)
            .field("composition", &self.composition)
            .field("key", &self.key)
            .field("discont", &self.discont)
            .field("bytes", &self.len())
            .finish_non_exhaustive()
    }
}
