//! Media: publishing sessions in, the live hub, viewing sessions out, all on one UDP port.
//!
//! ```text
//! socket -> router (handshakes; whose datagram is it?) -> workers, each with the live streams that it owns
//!                                                          publisher -> fan-out -> viewers -> socket
//! ```
//!
//! The sessions and the fan-out are `fql-transport`'s, which knows neither sockets nor clocks. A stream and its
//! viewers live on one thread, so that nothing of the hot path takes a lock.

mod board;
mod figures;
mod live;
mod router;
mod server_key;
mod socket;
mod tell;
mod timers;
mod worker;

pub mod play;

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fql_transport::{Endpoint, EndpointConfig, PublicKey, Seed, ServerKey, Time};
use fql_unit::TrackTable;
use tokio::sync::mpsc;

pub use live::{Happened, Rules};
pub use server_key::server_key;
pub use socket::MediaSocket;
pub use tell::tell;

use crate::config::{Config, Fql};
use crate::service::{Live, LiveChange, LiveStats, Service};
use board::Board;
use router::{Router, worker_of};
use worker::{Command, Inbox, Returns, Sent, Shared, Worker};

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
    board: Arc<Board>,
    workers: Vec<Inbox>,
    stopping: Arc<AtomicBool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl MediaConfig {
    /// What the configuration says.
    pub fn new(config: &Config, server_key: ServerKey) -> Self {
        let Fql { second_publisher, latency, max_sessions, max_half_open, .. } = config.fql;
        let rules = Rules { second_publisher, latency };
        Self { server_key, max_sessions, max_half_open, rules }
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
        let shared = Shared {
            clock,
            socket: Arc::clone(&socket),
            returns: Arc::clone(&returns),
            board: Arc::clone(&board),
            events,
            rules: config.rules,
            service: service.clone(),
            sent: Sent::new(),
        };
        let mut media = Self {
            clock,
            public_key,
            service: service.clone(),
            board,
            workers: Vec::new(),
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

    /// How many viewers there are, and how many streams are live.
    pub fn count(&self) -> (u64, u64) {
        self.board.count()
    }

    /// Ends all sessions with a goodbye, and the threads.
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

    fn changed(&self, stream: &str, change: LiveChange) {
        let entry = self.service.directory().by_id(stream);
        let worker = &self.workers[worker_of(stream, self.workers.len())];
        worker.tell(Command::Changed(stream.into(), entry, change));
    }
}

#[cfg(test)]
mod tests;
