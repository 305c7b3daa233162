//! The thread that reads the socket and takes what browsers bring: it does the handshakes and passes datagrams on to the
//! worker that owns their session.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use fql_transport::{Accepted, Arrival, EndReason, Endpoint, SessionId, Time};

use super::Clock;
use super::peer::{Carrier, Peer, Way};
use super::socket::MediaSocket;
use super::web::Web;
use super::worker::{Command, Inbox, Newcomer, Passed, Return, Returns};
use crate::service::{Entry, Service};

/// How long the thread may wait for a datagram, so that it sees what workers give back.
const IDLE: Duration = Duration::from_millis(20);

/// The reading end of the socket.
pub struct Router {
    pub(super) clock: Clock,
    pub(super) socket: Arc<MediaSocket>,
    pub(super) web: Arc<Web>,
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
            let received = self.socket.receive(&mut batch, wait, self.web.inbox().bell());
            if let (Err(error), false) = (&received, is_broken) {
                tracing::error!(%error, "the FQL socket cannot be read");
            }
            is_broken = received.is_err();
            if is_broken {
                // There is nothing to wait for on a broken socket, and no reason to spin on it.
                std::thread::sleep(IDLE);
            }
            self.route(batch.datagrams());
            // Where the socket is broken nobody has looked at the bell.
            if received.unwrap_or(true) {
                self.take_from_web();
            }
            self.take_back();
            self.answer();
        }
    }

    /// Takes what browsers' connections brought, and tells everybody which of them are over.
    fn take_from_web(&mut self) {
        let waiting = self.web.inbox().take();
        let datagrams =
            waiting.datagrams.iter().map(|(from, datagram, _)| (*from, Duration::ZERO, &datagram[..]));
        self.route(datagrams);
        for connection in waiting.gone {
            for worker in &self.workers {
                worker.tell(Command::Gone(connection));
            }
        }
    }

    /// Each datagram comes with the time that it has waited for this thread.
    fn route<'a>(&mut self, datagrams: impl Iterator<Item = (Peer, Duration, &'a [u8])>) {
        let now = self.clock.now();
        let mut passed: Vec<Vec<Passed>> = vec![Vec::new(); self.workers.len()];
        let mut received = [(0, 0); Carrier::ALL.len()];
        for (from, waited, datagram) in datagrams {
            let (count, bytes) = &mut received[from.carrier() as usize];
            *count += 1;
            *bytes += datagram.len() as u64;
            let keys = |id: &_| self.service.directory().by_key_id(id).map(|entry| entry.key.clone());
            match self.endpoint.handle_datagram(now, from, datagram, &keys) {
                Arrival::Nothing => {}
                Arrival::Session(session) => {
                    if let Some(&worker) = self.sessions.get(&session) {
                        let datagram = Bytes::copy_from_slice(datagram);
                        passed[worker].push(Passed { session, from, arrived: now - waited, datagram });
                    }
                }
                Arrival::Publisher { accepted, .. } if from.carrier() != Carrier::Udp => {
                    self.endpoint.refuse(now, from, accepted, EndReason::Refused);
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
        for (carrier, (count, bytes)) in
            Carrier::ALL.into_iter().zip(received).filter(|(_, (count, _))| *count > 0)
        {
            let labels = [("carrier", carrier.name())];
            metrics::counter!("streamd_datagrams_received_total", &labels).increment(count);
            metrics::counter!("streamd_bytes_received_total", &labels).increment(bytes);
        }
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
            let _ = match to.way {
                Way::Udp(local) => self.socket.send(to.remote, local, &datagram).is_ok(),
                Way::Web(connection) => self.web.send(connection, &datagram),
            };
        }
    }

    /// Passes on what came. A worker that is that far behind loses it, as the socket would for a slow process.
    fn pass(&self, worker: usize, datagrams: Vec<Passed>) {
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
