//! The thread that reads the socket: it does the handshakes and passes datagrams on to the worker that owns their
//! session.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use fql_transport::{Accepted, Arrival, EndReason, Endpoint, SessionId, Time};

use super::Clock;
use super::socket::{Batch, MediaSocket, Peer};
use super::worker::{Command, Inbox, Newcomer, Return, Returns};
use crate::service::{Entry, Service};

/// How long the thread may wait for a datagram, so that it sees what workers give back.
const IDLE: Duration = Duration::from_millis(20);

/// The reading end of the socket.
pub struct Router {
    pub(super) clock: Clock,
    pub(super) socket: Arc<MediaSocket>,
    pub(super) endpoint: Endpoint<Peer>,
    pub(super) service: Service,
    pub(super) workers: Vec<Inbox>,
    pub(super) returns: Arc<Returns>,
    pub(super) sessions: HashMap<SessionId, usize>,
    pub(super) stopping: Arc<AtomicBool>,
}

impl Router {
    /// Reads until it is told to stop.
    pub fn run(mut self) {
        let mut batch = self.socket.batch();
        let mut is_broken = false;
        while !self.stopping.load(Ordering::SeqCst) {
            let now = self.clock.now();
            let wait = self.endpoint.poll_timeout().map_or(IDLE, |due| (due - now).min(IDLE));
            let received = self.socket.receive(&mut batch, wait);
            if let (Err(error), false) = (&received, is_broken) {
                tracing::error!(%error, "the FQL socket cannot be read");
            }
            is_broken = received.is_err();
            if is_broken {
                // There is nothing to wait for on a broken socket, and no reason to spin on it.
                std::thread::sleep(IDLE);
            }
            self.route(&batch);
            self.take_back();
            self.answer();
        }
    }

    fn route(&mut self, batch: &Batch) {
        let now = self.clock.now();
        let mut passed: Vec<Vec<(SessionId, Peer, Bytes)>> = vec![Vec::new(); self.workers.len()];
        let (mut count, mut bytes) = (0, 0);
        for (from, datagram) in batch.datagrams() {
            count += 1;
            bytes += datagram.len() as u64;
            let keys = |id: &_| self.service.directory().by_key_id(id).map(|entry| entry.key.clone());
            match self.endpoint.handle_datagram(now, from, datagram, &keys) {
                Arrival::Nothing => {}
                Arrival::Session(session) => {
                    if let Some(&worker) = self.sessions.get(&session) {
                        passed[worker].push((session, from, Bytes::copy_from_slice(datagram)));
                    }
                }
                Arrival::Publisher { key_id, accepted, .. } => {
                    let entry = self.service.directory().by_key_id(&key_id);
                    let newcomer = newcomer(accepted, from, datagram);
                    self.begin(now, entry, newcomer, EndReason::KeyRotated, Command::Publish);
                }
                Arrival::Viewer { playback_id, accepted, .. } => {
                    let entry = self.service.directory().by_playback_id(&playback_id);
                    let newcomer = newcomer(accepted, from, datagram);
                    self.begin(now, entry, newcomer, EndReason::UnknownStream, Command::Watch);
                }
            }
        }
        for (worker, datagrams) in passed.into_iter().enumerate().filter(|(_, some)| !some.is_empty()) {
            self.pass(worker, datagrams);
        }
        metrics::counter!("streamd_datagrams_received_total").increment(count);
        metrics::counter!("streamd_bytes_received_total").increment(bytes);
    }

    /// Gives a new session to the worker that owns its stream; where there is no such stream it is refused.
    fn begin(
        &mut self,
        now: Time,
        entry: Option<Arc<Entry>>,
        newcomer: Newcomer,
        otherwise: EndReason,
        command: impl FnOnce(Arc<Entry>, Newcomer) -> Command,
    ) {
        let Some(entry) = entry else {
            return self.endpoint.refuse(now, newcomer.from, newcomer.accepted, otherwise);
        };
        let worker = worker_of(&entry.id, self.workers.len());
        self.sessions.insert(newcomer.accepted.session(), worker);
        self.workers[worker].tell(command(entry, newcomer));
    }

    fn take_back(&mut self) {
        let now = self.clock.now();
        for given in self.returns.take() {
            match given {
                Return::Released(session) => {
                    self.sessions.remove(&session);
                    self.endpoint.release(session);
                }
                Return::Refused(from, accepted, reason) => {
                    self.sessions.remove(&accepted.session());
                    self.endpoint.refuse(now, from, accepted, reason);
                }
            }
        }
    }

    fn answer(&mut self) {
        let now = self.clock.now();
        while let Some((to, datagram)) = self.endpoint.poll_transmit(now) {
            // To the peer it is one more loss, after which it asks again.
            let _ = self.socket.send(to, &datagram);
        }
    }

    /// Passes on what came. A worker that is that far behind loses it, as the socket would for a slow process.
    fn pass(&self, worker: usize, datagrams: Vec<(SessionId, Peer, Bytes)>) {
        let count = datagrams.len() as u64;
        if !self.workers[worker].pass(datagrams) {
            metrics::counter!("streamd_datagrams_overflowed_total").increment(count);
        }
    }
}

fn newcomer(accepted: Accepted, from: Peer, datagram: &[u8]) -> Newcomer {
    Newcomer { accepted, from, datagram: Bytes::copy_from_slice(datagram) }
}

/// Which of so many workers owns a stream.
pub fn worker_of(stream: &str, workers: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    stream.hash(&mut hasher);
    (hasher.finish() % workers as u64) as usize
}
