//! The way in for media that ordinary encoders send: every protocol ends here, and nothing past it knows which it was.
//!
//! A protocol shows the stream key with [`Media::publish`] before it reads any media, and gets a [`Publication`]: it says
//! what tracks there are, and gives one access unit after the other. What becomes of them is what becomes of an FQL
//! publisher's: viewers get them under forward error correction, as they are.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use fql_transport::{EndReason, ReceiverEvent, Shard, StreamKey};
use fql_unit::TrackTable;
use tokio::sync::{Notify, oneshot, watch};

use super::Media;
use super::feed::{FromFeed, NewFeed};
use super::router::worker_of;
use super::worker::{Command, Inbox};
use crate::service::Entry;

/// The most bytes of one publication that wait for the hub.
const MOST_WAITING: usize = 16 << 20;
/// What a unit costs beside its bytes: otherwise tiny ones would wait without an end.
const UNIT_COST: usize = 256;

/// What an ordinary encoder publishes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// RTMP and Enhanced RTMP, over TLS or not.
    Rtmp,
    /// MPEG-TS over SRT.
    Srt,
    /// WebRTC, offered by WHIP.
    Whip,
    /// Nobody: the daemon fetches it.
    Pulled(fql_pull::Scheme),
}

impl Protocol {
    /// Its name in figures and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rtmp => "rtmp",
            Self::Srt => "srt",
            Self::Whip => "whip",
            Self::Pulled(scheme) => scheme.name(),
        }
    }
}

/// Who publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// By what.
    pub protocol: Protocol,
    /// From where.
    pub address: SocketAddr,
}

/// Why nobody may publish so. Each protocol says it in its own way, before it reads media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No stream has this key, or what was shown is no stream key. The error does not repeat it.
    #[error("no stream has this key")]
    UnknownKey,
    /// Another publisher is live, and `fql.second_publisher` is `refuse`.
    #[error("another publisher is live")]
    AlreadyLive,
    /// As many publish by ordinary protocols as may.
    #[error("the server has no room")]
    Full,
    /// The daemon is ending.
    #[error("the server is ending")]
    Ending,
}

/// Why a publication is over although its publisher did not end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// Another publisher took over.
    #[error("another publisher took over")]
    Replaced,
    /// The stream has another key now.
    #[error("the stream has a new key")]
    KeyRotated,
    /// The stream is not there any more.
    #[error("the stream is archived")]
    Archived,
    /// The daemon is ending.
    #[error("the server is ending")]
    Ending,
}

impl Ended {
    pub(super) fn of(reason: EndReason) -> Self {
        match reason {
            EndReason::Replaced => Self::Replaced,
            EndReason::KeyRotated => Self::KeyRotated,
            EndReason::Archived => Self::Archived,
            _ => Self::Ending,
        }
    }
}

/// One access unit, or one unit of data.
#[derive(Clone)]
pub struct SourceUnit {
    /// The track, by its id in the track table.
    pub track: u8,
    /// When it is decoded, in nanoseconds on a clock that all tracks of the publication share. Where that clock starts is
    /// of no account, and a clock that jumps is followed: but what wraps around is to be unwrapped before.
    pub dts: i64,
    /// When it is presented, on the same clock.
    pub pts: i64,
    /// How long it is shown or heard, in nanoseconds; 0 where that is not known.
    pub duration: u64,
    /// Whether a viewer can join here, as the protocol says: of account only where the bytes themselves say nothing.
    pub key: bool,
    /// Its bytes, framed as the configuration of its track says.
    pub data: Bytes,
}

/// What a shard takes while it waits.
pub(super) fn cost_of(shard: &Shard) -> usize {
    shard.content.len() + UNIT_COST
}

impl SourceUnit {
    /// What it takes while it waits.
    pub(super) fn cost(&self) -> usize {
        self.data.len() + UNIT_COST
    }
}

/// One publisher of a stream. Dropping it begins the grace time, in which the stream stays live and waits for the
/// publisher to come back; [`Publication::end`] is a goodbye.
pub struct Publication {
    /// Gives its place back.
    _place: Place,
    entry: Arc<Entry>,
    id: u64,
    inbox: Inbox,
    waiting: Arc<AtomicUsize>,
    dropped: u64,
    key_wanted: Arc<Notify>,
    ended: watch::Receiver<Option<Ended>>,
    is_over: bool,
}

impl Media {
    /// The stream that this key publishes, without beginning to: for protocols that have to know before they can accept a
    /// connection. It looks only at what is in memory.
    ///
    /// # Errors
    /// [`Refused::UnknownKey`].
    pub fn stream_of_key(&self, stream_key: &str) -> Result<Arc<Entry>, Refused> {
        let key = StreamKey::parse(stream_key).map_err(|_| Refused::UnknownKey)?;
        let entry = self.service.directory().by_key_id(&key.id()).ok_or(Refused::UnknownKey)?;
        // The id alone is public: it proves nothing.
        if entry.is_key(stream_key) { Ok(entry) } else { Err(Refused::UnknownKey) }
    }

    /// The same for one that is about to publish: whether it would be refused now. Who is accepted may still be refused by
    /// [`Media::publish`], where another one was faster.
    ///
    /// # Errors
    /// [`Refused::UnknownKey`], [`Refused::AlreadyLive`], [`Refused::Full`].
    pub fn may_publish(&self, stream_key: &str) -> Result<Arc<Entry>, Refused> {
        let entry = self.stream_of_key(stream_key)?;
        if self.rules.keeps_out(self.clock.now(), self.board.heard(&entry.id)) {
            return Err(Refused::AlreadyLive);
        }
        let is_full = self.publications.load(Ordering::Relaxed) >= self.max_publishers;
        if is_full { Err(Refused::Full) } else { Ok(entry) }
    }

    /// Begins to publish the stream of this key. When this returns, the stream is live.
    ///
    /// # Errors
    /// Says why not; then nothing has changed.
    pub async fn publish(&self, stream_key: &str, origin: Origin) -> Result<Publication, Refused> {
        let (publication, answer) = self.ask_to_publish(stream_key, origin)?;
        answer.await.unwrap_or(Err(Refused::Ending)).map(|()| publication)
    }

    /// The same for threads that are not the runtime's.
    ///
    /// # Errors
    /// As [`Media::publish`].
    pub fn publish_blocking(&self, stream_key: &str, origin: Origin) -> Result<Publication, Refused> {
        let (publication, answer) = self.ask_to_publish(stream_key, origin)?;
        answer.blocking_recv().unwrap_or(Err(Refused::Ending)).map(|()| publication)
    }

    /// The same for a stream that the daemon itself fetches.
    pub(super) async fn publish_pulled(
        &self,
        entry: Arc<Entry>,
        origin: Origin,
    ) -> Result<Publication, Refused> {
        let (publication, answer) = self.ask_to_publish_as(entry, origin)?;
        answer.await.unwrap_or(Err(Refused::Ending)).map(|()| publication)
    }

    fn ask_to_publish(
        &self,
        stream_key: &str,
        origin: Origin,
    ) -> Result<(Publication, oneshot::Receiver<Result<(), Refused>>), Refused> {
        self.ask_to_publish_as(self.stream_of_key(stream_key)?, origin)
    }

    fn ask_to_publish_as(
        &self,
        entry: Arc<Entry>,
        origin: Origin,
    ) -> Result<(Publication, oneshot::Receiver<Result<(), Refused>>), Refused> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let place = Place::take(&self.publications, self.max_publishers).ok_or(Refused::Full)?;
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let (end, ended) = watch::channel(None);
        let (answer, answered) = oneshot::channel();
        let (waiting, key_wanted) = (Arc::default(), Arc::<Notify>::default());
        let inbox = self.workers[worker_of(&entry.id, self.workers.len())].clone();
        let new =
            NewFeed { id, origin, end, waiting: Arc::clone(&waiting), key_wanted: Arc::clone(&key_wanted) };
        inbox.tell(Command::Feed(entry.id.as_str().into(), FromFeed::Begin(Arc::clone(&entry), new, answer)));
        let publication = Publication {
            _place: place,
            entry,
            id,
            inbox,
            waiting,
            dropped: 0,
            key_wanted,
            ended,
            is_over: false,
        };
        Ok((publication, answered))
    }
}

/// One of the places that there are for publications.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(taken: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let place = Self(Arc::clone(taken));
        let is_free = taken.fetch_add(1, Ordering::Relaxed) < most;
        // One too many gives its place back as it goes.
        is_free.then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Says that somebody who watches needs a key unit, to whoever can ask the encoder for one.
#[derive(Clone)]
pub struct KeyWanted(Arc<Notify>);

impl KeyWanted {
    /// Waits until somebody does: it is said once for all who wait, and again while they do. Cancelling the wait loses
    /// nothing.
    pub async fn next(&self) {
        self.0.notified().await;
    }
}

impl Publication {
    /// The stream that is published.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Says what tracks there are: before the first unit, and whenever that changes, as with another size of the picture.
    /// Units of tracks that are not in the table are dropped.
    ///
    /// # Errors
    /// Where the publication is over.
    pub fn tracks(&mut self, tracks: TrackTable) -> Result<(), Ended> {
        self.check()?;
        self.tell(FromFeed::Tracks(self.id, tracks));
        Ok(())
    }

    /// Gives a unit, those of each track in the order in which they are decoded. It never waits: where the hub is so far
    /// behind that 16 MiB wait, the unit is dropped and counted.
    ///
    /// # Errors
    /// Where the publication is over.
    pub fn unit(&mut self, unit: SourceUnit) -> Result<(), Ended> {
        self.check()?;
        let cost = unit.cost();
        if self.waiting.load(Ordering::Relaxed) + cost > MOST_WAITING {
            self.dropped += 1;
            return Ok(());
        }
        self.waiting.fetch_add(cost, Ordering::Relaxed);
        self.tell(FromFeed::Unit(self.id, unit));
        Ok(())
    }

    /// Gives what a session of FQL brought, instead of tracks and units. Shards are dropped as units are.
    ///
    /// # Errors
    /// Where the publication is over.
    pub(super) fn relay(&mut self, event: ReceiverEvent) -> Result<(), Ended> {
        self.check()?;
        if let ReceiverEvent::Shard(shard) = &event {
            let cost = cost_of(shard);
            if self.waiting.load(Ordering::Relaxed) + cost > MOST_WAITING {
                self.dropped += 1;
                return Ok(());
            }
            self.waiting.fetch_add(cost, Ordering::Relaxed);
        }
        self.tell(FromFeed::Relay(self.id, event));
        Ok(())
    }

    /// Units that were dropped because the hub was behind.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Waits until the hub ends the publication: to close a connection on which nothing comes.
    pub async fn ended(&mut self) -> Ended {
        match self.ended.wait_for(Option::is_some).await {
            Ok(ended) => ended.unwrap_or(Ended::Ending),
            Err(_) => Ended::Ending,
        }
    }

    /// What says that somebody who watches needs a key unit: for protocols that can ask the encoder for one.
    pub fn key_wanted(&self) -> KeyWanted {
        KeyWanted(Arc::clone(&self.key_wanted))
    }

    /// Ends it with a goodbye: the stream is offline at once.
    pub fn end(mut self) {
        self.is_over = true;
        self.tell(FromFeed::End(self.id));
    }

    fn check(&self) -> Result<(), Ended> {
        match *self.ended.borrow() {
            Some(ended) => Err(ended),
            None if self.ended.has_changed().is_err() => Err(Ended::Ending),
            None => Ok(()),
        }
    }

    fn tell(&self, told: FromFeed) {
        self.inbox.tell(Command::Feed(self.entry.id.as_str().into(), told));
    }
}

impl Drop for Publication {
    fn drop(&mut self) {
        if !self.is_over {
            self.tell(FromFeed::Gone(self.id));
        }
    }
}

impl fmt::Debug for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publication").field("stream", &self.entry.id).finish_non_exhaustive()
    }
}

/// Bytes may be a whole picture: how many there are says enough.
impl fmt::Debug for SourceUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { track, dts, pts, duration, key, data } = self;
        f.debug_struct("SourceUnit")
            .field("track", track)
            .field("dts", dts)
            .field("pts", pts)
            .field("duration", duration)
            .field("key", key)
            .field("bytes", &data.len())
            .finish()
    }
}
