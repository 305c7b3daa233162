//! The packager of one stream, fed by a subscription for as long as somebody plays.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use fql_packager::{AccessUnit, Packager, Settings};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Player;
use super::audience::Audience;
use crate::media::{Media, MediaUnit, NotWatched, Subscribing, Subscription, Takes, Watched};

/// How long a channel goes on when nobody asks for anything any more.
const IDLE: Duration = Duration::from_secs(30);
/// How often it is looked whether somebody does.
const LOOK: Duration = Duration::from_secs(1);

/// A stream as players of HTTP find it.
pub(super) struct Channel {
    media: Arc<Media>,
    /// The stream's own id.
    stream: String,
    state: Mutex<State>,
    /// Grows whenever there is something new.
    version: watch::Sender<u64>,
    has_stopped: AtomicBool,
}

struct State {
    packager: Packager,
    /// Grows with every packager: what was made from another is of no use.
    generation: u64,
    asked: Instant,
    /// How many connections get media for as long as there is any.
    listeners: usize,
    audience: Audience,
    rendered: HashMap<Page, Rendered>,
}

/// A text that many ask for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Page {
    Multivariant,
    Playlist { rendition: String, skip: bool },
    Description,
    TransportMultivariant,
    TransportPlaylist,
}

/// A text, made once.
#[derive(Debug, Clone)]
pub(super) struct Rendered {
    version: u64,
    pub plain: Bytes,
    /// The same in gzip, once somebody wanted it so.
    pub gzip: Option<Bytes>,
}

/// A connection that gets media for as long as there is any: while it is there the channel does not end.
pub(super) struct Listener(Arc<Channel>);

impl Channel {
    /// Subscribes to a stream, and packages it.
    pub fn start(media: &Arc<Media>, playback_id: &str) -> Result<Arc<Self>, NotWatched> {
        let subscription = media.subscribe_as(playback_id, Subscribing::default(), Takes::FRAGMENTS)?;
        let audience = Audience::new(Arc::clone(media), playback_id);
        let state = State {
            packager: new_packager(0),
            generation: 0,
            asked: Instant::now(),
            listeners: 0,
            audience,
            rendered: HashMap::new(),
        };
        let (version, _) = watch::channel(0);
        let stream = subscription.entry().id.clone();
        let (media, state, has_stopped) = (Arc::clone(media), Mutex::new(state), AtomicBool::new(false));
        let channel = Arc::new(Self { media, stream, state, version, has_stopped });
        tokio::spawn(Arc::clone(&channel).run(subscription));
        Ok(channel)
    }

    /// Whether tracks of the stream are converted, which takes some time to begin.
    pub fn converts(&self) -> bool {
        self.media.converts(&self.stream, Takes::FRAGMENTS)
    }

    /// Why tracks that would have to be converted are not.
    pub fn unconverted(&self) -> Option<String> {
        self.media.unconverted(&self.stream, Takes::FRAGMENTS)
    }

    /// Whether it does not follow its stream any more.
    pub fn has_stopped(&self) -> bool {
        self.has_stopped.load(Ordering::SeqCst)
    }

    async fn run(self: Arc<Self>, mut subscription: Subscription) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                watched = subscription.next() => match watched {
                    Some(watched) => self.take(watched),
                    None => break,
                },
                _ = look.tick() => {
                    if self.is_idle() {
                        break;
                    }
                }
            }
        }
        self.has_stopped.store(true, Ordering::SeqCst);
        self.state().packager.end();
        self.tell();
    }

    fn take(&self, watched: Watched) {
        let mut state = self.state();
        let before = (state.generation, state.packager.version());
        // That none of the tracks can be had is news, too.
        let are_tracks = matches!(watched, Watched::Tracks(_));
        match watched {
            Watched::Tracks(table) => {
                state.go_on();
                for (track, why) in state.packager.tracks(&table) {
                    tracing::debug!(track, %why, "a track is left out of HLS");
                }
            }
            Watched::Unit(unit) => state.unit(&unit),
            Watched::Paused(_) => {}
            Watched::Offline => state.packager.end(),
        }
        let is_new = are_tracks || before != (state.generation, state.packager.version());
        drop(state);
        if is_new {
            self.tell();
        }
    }

    fn tell(&self) {
        self.version.send_modify(|version| *version += 1);
    }

    fn is_idle(&self) -> bool {
        let mut state = self.state();
        state.audience.forget();
        state.listeners == 0 && state.asked.elapsed() > IDLE
    }

    /// Somebody plays.
    pub fn attend(&self, player: Player) {
        let mut state = self.state();
        state.asked = Instant::now();
        state.audience.attend(player);
    }

    /// Somebody wants segments of MPEG transport streams.
    pub fn start_transport(&self) {
        self.state().packager.start_transport();
    }

    /// Somebody gets media for as long as there is any.
    pub fn listen(self: &Arc<Self>) -> Listener {
        self.state().listeners += 1;
        Listener(Arc::clone(self))
    }

    /// Looks at the packager.
    pub fn look<T>(&self, look: impl FnOnce(&Packager) -> T) -> T {
        look(&self.state().packager)
    }

    /// Looks at the packager whenever there is something new, until there is what is looked for; `None` where that takes
    /// too long.
    pub async fn wait<T>(
        &self,
        longest: Duration,
        mut look: impl FnMut(&Packager) -> Option<T>,
    ) -> Option<T> {
        let mut version = self.version.subscribe();
        let found = async {
            loop {
                if let Some(found) = self.look(&mut look) {
                    return Some(found);
                }
                version.changed().await.ok()?;
            }
        };
        tokio::time::timeout(longest, found).await.ok().flatten()
    }

    /// What tells when there is something new, and the number of the packager.
    pub fn follow(&self) -> (watch::Receiver<u64>, u64) {
        (self.version.subscribe(), self.generation())
    }

    /// The number of the packager: another one has other segments, and other initialization segments.
    pub fn generation(&self) -> u64 {
        self.state().generation
    }

    /// A text of the packager, which is only made where there is something new.
    pub fn render(
        &self,
        page: Page,
        with_gzip: bool,
        make: impl FnOnce(&Packager) -> Option<String>,
    ) -> Option<Rendered> {
        let mut state = self.state();
        let version = state.packager.version();
        let known = state.rendered.get(&page).filter(|known| known.version == version).cloned();
        let mut rendered = match known {
            Some(known) => known,
            None => Rendered { version, plain: make(&state.packager)?.into(), gzip: None },
        };
        if with_gzip && rendered.gzip.is_none() {
            rendered.gzip = super::answer::gzip(&rendered.plain);
        }
        state.rendered.insert(page, rendered.clone());
        // Others may have wanted it so.
        rendered.gzip.take_if(|_| !with_gzip);
        Some(rendered)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// After an end a stream begins anew: a playlist that has ended never changes.
    fn go_on(&mut self) {
        if self.packager.has_ended() {
            let (last, has_transport) = (self.packager.next_number(), self.packager.transport().is_some());
            self.packager = new_packager(last + 1);
            if has_transport {
                self.packager.start_transport();
            }
            self.generation += 1;
            self.rendered.clear();
        }
    }

    fn unit(&mut self, unit: &MediaUnit) {
        let Some(data) = unit.data() else { return };
        let unit = AccessUnit {
            track: unit.track,
            time: unit.dts,
            composition: unit.composition,
            duration: unit.duration,
            key: unit.key,
            data: data.clone(),
        };
        if let Err(why) = self.packager.unit(unit, now()) {
            tracing::debug!(%why, "a unit is left out of HLS");
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.listeners -= 1;
        state.asked = Instant::now();
    }
}

/// In nanoseconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

/// Seconds count faster than segments: the first number is higher than all that were there before.
fn new_packager(least: u64) -> Packager {
    Packager::new(Settings { first_number: least.max(now() / 1_000_000_000), ..Settings::default() })
}
