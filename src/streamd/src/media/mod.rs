//! Media: publishing sessions in, the live hub, viewing sessions out, on one UDP port; for browsers by WebTransport and
//! WebSocket, too.
//!
//! ```text
//! socket -> router (handshakes; whose datagram is it?) -> workers, each with the live streams that it owns
//!                                                          publisher -> fan-out -> viewers -> socket
//! ```
//!
//! The sessions and the fan-out are `fql-transport`'s, which knows neither sockets nor clocks. A stream and its
//! viewers live on one thread, so that nothing of the hot path takes a lock.

mod audience;
mod board;
mod convert;
mod crowd;
mod feed;
mod figures;
pub mod hls;
mod live;
mod peer;
mod publication;
mod router;
mod server_key;
mod socket;
mod subscription;
mod tell;
mod timeline;
mod timers;
mod transport_stream;
mod web;
mod worker;

pub mod play;
pub mod pull;
pub mod rtc;
pub mod rtmp;
pub mod rtsp;
pub mod srt;

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fql_transport::{Endpoint, EndpointConfig, PublicKey, Seed, ServerKey, Time};
use fql_unit::TrackTable;
use tokio::sync::{mpsc, watch};

pub use convert::{Conversions, Takes, Target};
pub use live::{Happened, Rules};
pub use publication::{Ended, KeyWanted, Origin, Protocol, Publication, Refused, SourceUnit};
pub use server_key::server_key;
pub use socket::{MediaSocket, bind};
pub use subscription::{
    Attendance, KeyAsker, MediaUnit, NotWatched, Payload, Subscribing, Subscription, Watched, Watcher,
};
pub use tell::tell;
pub use transport_stream::{Piece, TransportStream};
pub use web::{Room, webtransport};

use crate::config::{Config, Convert, Fql};
use crate::service::{CarrierCounts, Live, LiveChange, LiveStats, Service, SourceState, SourceStatus};
use board::Board;
use pull::Sources;
use router::{Router, worker_of};
use web::Web;
use worker::{Command, Inbox, Returns, Sent, Shared, Worker};

/// How long one who is about to watch waits for a source at most.
const LONGEST_WAKE: Duration = Duration::from_secs(20);
/// Events that wait to be stored. Those of viewers have half of the room.
const MOST_EVENTS: usize = 32_768;

/// How media is set up.
#[derive(Debug, Clone)]
pub struct MediaConfig {
    /// What viewers know the server by.
    pub server_key: ServerKey,
    /// The most sessions, publishers and viewers together.
    pub max_sessions: usize,
    /// The most handshakes that are answered and not completed.
    pub max_half_open: usize,
    /// How sessions are set up.
    pub rules: Rules,
    /// How many browsers may be connected.
    pub room: Room,
    /// The most publishers by other protocols than FQL.
    pub max_publishers: usize,
    /// What is converted.
    pub convert: Convert,
}

/// What happened to which stream.
#[derive(Debug, Clone)]
pub struct Event {
    /// The stream's id.
    pub stream: String,
    /// What.
    pub happened: Happened,
}

/// The clock of all sessions.
#[derive(Debug, Clone, Copy)]
struct Clock(Instant);

impl Clock {
    fn now(self) -> Time {
        Time::from_nanos(self.0.elapsed().as_nanos() as u64)
    }
}

/// The running threads. Dropping it ends all sessions with a goodbye.
pub struct Media {
    clock: Clock,
    public_key: PublicKey,
    service: Service,
    rules: Rules,
    board: Arc<Board>,
    sources: Arc<Sources>,
    web: Arc<Web>,
    workers: Vec<Inbox>,
    /// How many publish by other protocols than FQL, and how many may.
    publications: Arc<AtomicUsize>,
    max_publishers: usize,
    conversions: Arc<Conversions>,
    /// Counts changes of streams.
    changes: watch::Sender<u64>,
    stopping: Arc<AtomicBool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl MediaConfig {
    /// What the configuration says.
    pub fn new(config: &Config, server_key: ServerKey) -> Self {
        let Fql { second_publisher, latency, max_sessions, max_half_open, .. } = config.fql;
        let rules = Rules { second_publisher, latency, grace: config.ingest.grace };
        let room = Room {
            webtransport: config.webtransport.max_sessions,
            websocket: config.websocket.max_connections,
        };
        Self {
            server_key,
            max_sessions,
            max_half_open,
            rules,
            room,
            max_publishers: config.ingest.max_publishers,
            convert: config.convert.clone(),
        }
    }
}

impl Media {
    /// Starts the threads. Gives what happens to streams from then on.
    pub fn start(
        config: MediaConfig,
        socket: MediaSocket,
        service: Service,
    ) -> io::Result<(Self, mpsc::Receiver<Event>)> {
        let socket = Arc::new(socket);
        let web = Arc::new(Web::new(config.room)?);
        let clock = Clock(Instant::now());
        let public_key = config.server_key.public();
        let endpoint = EndpointConfig {
            latency: config.rules.latency,
            max_sessions: config.max_sessions,
            max_half_open: config.max_half_open,
            ..EndpointConfig::new(config.server_key)
        };
        let endpoint =
            Endpoint::new(endpoint, Seed::from_os().map_err(io::Error::other)?).map_err(io::Error::other)?;
        let (events, heard) = mpsc::channel(MOST_EVENTS);
        let (returns, board) = (Arc::new(Returns::default()), Arc::new(Board::default()));
        let sources = Arc::new(Sources::new());
        let shared = Shared {
            clock,
            socket: Arc::clone(&socket),
            web: Arc::clone(&web),
            returns: Arc::clone(&returns),
            board: Arc::clone(&board),
            sources: Arc::clone(&sources),
            events,
            rules: config.rules.clone(),
            service: service.clone(),
            sent: Sent::new(),
        };
        let mut media = Self {
            clock,
            public_key,
            service: service.clone(),
            rules: config.rules,
            board,
            sources,
            web: Arc::clone(&web),
            workers: Vec::new(),
            publications: Arc::default(),
            max_publishers: config.max_publishers,
            conversions: Arc::new(Conversions::new(config.convert)),
            changes: watch::Sender::new(0),
            stopping: Arc::default(),
            threads: Mutex::default(),
        };
        for number in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            let (inbox, commands) = Inbox::new();
            let worker = Worker::new(shared.clone());
            media.workers.push(inbox);
            media.spawn(&format!("media-{number}"), move || worker.run(&commands))?;
        }
        let router = Router {
            clock,
            socket,
            web,
            endpoint,
            service,
            workers: media.workers.clone(),
            returns,
            sessions: HashMap::new(),
            stopping: Arc::clone(&media.stopping),
        };
        media.spawn("media-in", move || router.run())?;
        Ok((media, heard))
    }

    /// What viewers know the server by.
    pub fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// The tracks of a stream that somebody publishes or watches.
    pub fn tracks(&self, stream: &str) -> Option<TrackTable> {
        self.board.tracks(stream)
    }

    /// Opens the source of a stream that is pulled and that nobody watches yet, for one who is about to: waits until
    /// there is media, or there is none to be had now. Of other streams, of those that are live and of those that are
    /// paused, it waits for nothing.
    pub async fn wake(&self, stream: &str) {
        let is_paused = self.service.directory().by_id(stream).is_some_and(|entry| entry.paused);
        if is_paused || self.is_live(stream) {
            return;
        }
        let Some((_waiting, mut status)) = self.sources.wait_for(stream) else { return };
        let is_decided = |status: &SourceStatus| {
            matches!(status.state, SourceState::Live | SourceState::Retrying | SourceState::Disabled)
        };
        let media = async {
            // What the source has done before it was wanted decides nothing; that it retries does.
            let _ = status.wait_for(is_decided).await;
            // The thread that owns the stream takes what it was told in its own time.
            while self.is_live(stream) && self.tracks(stream).is_none_or(|tracks| tracks.tracks().is_empty())
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = tokio::time::timeout(LONGEST_WAKE, media).await;
    }

    /// How many viewers there are, and how many streams are live.
    pub fn count(&self) -> (CarrierCounts, u64) {
        self.board.count()
    }

    /// Tells whenever a stream has changed, so that the directory is looked at anew.
    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Browsers' connections.
    pub(crate) fn web(&self) -> &Arc<Web> {
        &self.web
    }

    /// Ends all sessions with a goodbye, and the threads. What browsers are told still goes out: see [`Media::end_web`].
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        for worker in &self.workers {
            worker.tell(Command::Stop);
        }
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A panic of a thread has been printed.
            let _ = thread.join();
        }
    }

    /// Ends browsers' connections, when their sessions' last datagrams are sent.
    pub async fn end_web(&self) {
        self.web.end().await;
    }

    fn spawn(&self, name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }
}

impl Drop for Media {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Live for Media {
    fn server_key(&self) -> Option<String> {
        Some(self.public_key.to_string())
    }

    fn is_live(&self, stream: &str) -> bool {
        self.board.live_since(stream).is_some()
    }

    fn stats(&self, stream: &str) -> Option<LiveStats> {
        let mut stats = self.board.stats(stream)?;
        let uptime = self.board.live_since(stream).map_or(Duration::ZERO, |since| self.clock.now() - since);
        stats.uptime_seconds = uptime.as_secs_f64();
        Some(stats)
    }

    fn source(&self, stream: &str) -> Option<SourceStatus> {
        self.sources.status(stream)
    }

    fn changed(&self, stream: &str, change: LiveChange) {
        let entry = self.service.directory().by_id(stream);
        self.sources.changed(stream, entry.as_ref().is_some_and(|entry| entry.source.is_some()));
        let worker = &self.workers[worker_of(stream, self.workers.len())];
        worker.tell(Command::Changed(stream.into(), entry, change));
        self.changes.send_modify(|count| *count += 1);
    }
}

#[cfg(test)]
mod tests;
