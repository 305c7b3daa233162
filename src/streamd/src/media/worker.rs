//! A thread that owns some of the live streams. Streams share nothing, so each thread goes on without waiting for
//! another.

use std::collections::{HashMap, HashSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fql_transport::{Accepted, EndReason, SessionId, Time};
use tokio::sync::mpsc::UnboundedSender;

use super::board::Board;
use super::live::{Happened, LiveStream, Rules};
use super::socket::{MediaSocket, Peer};
use super::timers::Timers;
use super::{Clock, Event};
use crate::service::{Entry, LiveChange};

/// Commands that are taken before what they lead to is sent.
const BATCH: usize = 64;
/// How long the thread may sleep where nothing is due.
const IDLE: Duration = Duration::from_millis(500);
/// What is due within this time is done together: waking up for each viewer's next datagram would cost more than
/// sending it.
const TOGETHER: Duration = Duration::from_millis(1);
/// How often the figures of live streams are made anew.
const FIGURES: Duration = Duration::from_millis(500);

/// What a worker is told.
pub enum Command {
    /// A publisher of this stream has a session, and this was its first datagram.
    Publish(Arc<Entry>, Newcomer),
    /// A viewer of this stream has a session, and this was its first datagram.
    Watch(Arc<Entry>, Newcomer),
    /// Datagrams of sessions.
    Datagrams(Vec<(SessionId, Peer, Bytes)>),
    /// The stream with this id has changed; the entry is what it is now, if it still is.
    Changed(Arc<str>, Option<Arc<Entry>>, LiveChange),
    /// All sessions end.
    Stop,
}

/// A session that begins.
pub struct Newcomer {
    /// What it goes on with.
    pub accepted: Accepted,
    /// Where it came from.
    pub from: Peer,
    /// The datagram that it began with.
    pub datagram: Bytes,
}

/// What workers give back to the thread that owns the endpoint.
#[derive(Default)]
pub struct Returns(Mutex<Vec<Return>>);

/// A session that no worker has any more.
pub enum Return {
    /// It is over.
    Released(SessionId),
    /// It was not taken.
    Refused(Peer, Accepted, EndReason),
}

impl Returns {
    fn put(&self, given: Return) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(given);
    }

    /// All that was given back since the last call.
    pub fn take(&self) -> Vec<Return> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What all workers share.
#[derive(Clone)]
pub struct Shared {
    pub(super) clock: Clock,
    pub(super) socket: Arc<MediaSocket>,
    pub(super) returns: Arc<Returns>,
    pub(super) board: Arc<Board>,
    pub(super) events: UnboundedSender<Event>,
    pub(super) rules: Rules,
}

/// One thread's streams.
pub struct Worker {
    shared: Shared,
    streams: HashMap<Arc<str>, LiveStream>,
    /// Whose stream each session is of.
    sessions: HashMap<SessionId, Arc<str>>,
    timers: Timers<Arc<str>>,
    /// Streams to which something happened since they were looked at.
    touched: HashSet<Arc<str>>,
    figures_due: Time,
}

impl Worker {
    /// A worker without streams.
    pub fn new(shared: Shared) -> Self {
        Self {
            figures_due: shared.clock.now(),
            shared,
            streams: HashMap::new(),
            sessions: HashMap::new(),
            timers: Timers::new(),
            touched: HashSet::new(),
        }
    }

    /// Works until it is told to stop, or nobody is left to tell it anything.
    pub fn run(mut self, commands: &Receiver<Command>) {
        loop {
            let wait = self.timers.next().map_or(IDLE, |due| due - self.shared.clock.now());
            match commands.recv_timeout(wait.clamp(TOGETHER, IDLE)) {
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(command) => self.take(command),
                Err(RecvTimeoutError::Timeout) => {}
            }
            for command in commands.try_iter().take(BATCH) {
                if let Command::Stop = command {
                    return self.stop();
                }
                self.take(command);
            }
            self.attend();
        }
        self.stop();
    }

    fn take(&mut self, command: Command) {
        match command {
            Command::Publish(entry, newcomer) => self.begin(entry, newcomer, LiveStream::publish),
            Command::Watch(entry, newcomer) => self.begin(entry, newcomer, LiveStream::watch),
            Command::Datagrams(datagrams) => {
                for (session, from, datagram) in datagrams {
                    self.handle_datagram(session, from, &datagram);
                }
            }
            Command::Changed(stream, entry, change) => {
                let now = self.shared.clock.now();
                if let Some(live) = self.streams.get_mut(&stream) {
                    live.change(now, entry, change);
                    self.touched.insert(stream);
                }
            }
            Command::Stop => {}
        }
    }

    fn begin(
        &mut self,
        entry: Arc<Entry>,
        newcomer: Newcomer,
        join: impl Fn(&mut LiveStream, Time, &Rules, Newcomer) -> Result<(), (Accepted, EndReason)>,
    ) {
        let (now, from, session) = (self.shared.clock.now(), newcomer.from, newcomer.accepted.session());
        let stream: Arc<str> = entry.id.as_str().into();
        let rules = &self.shared.rules;
        let live = self.streams.entry(stream.clone()).or_insert_with(|| LiveStream::new(entry, rules));
        match join(live, now, rules, newcomer) {
            Ok(()) => {
                self.sessions.insert(session, stream.clone());
            }
            Err((accepted, reason)) => self.shared.returns.put(Return::Refused(from, accepted, reason)),
        }
        self.touched.insert(stream);
    }

    fn handle_datagram(&mut self, session: SessionId, from: Peer, datagram: &[u8]) {
        let Some(stream) = self.sessions.get(&session) else { return };
        let Some(live) = self.streams.get_mut(stream) else { return };
        live.handle_datagram(self.shared.clock.now(), session, from, datagram);
        if !self.touched.contains(stream) {
            self.touched.insert(stream.clone());
        }
    }

    /// Sends what there is to send of streams to which something happened, or that are due.
    fn attend(&mut self) {
        let now = self.shared.clock.now();
        while let Some(stream) = self.timers.pop(now) {
            self.touched.insert(stream);
        }
        if now >= self.figures_due {
            self.figures_due = now + FIGURES;
            for (stream, live) in &mut self.streams {
                self.shared.board.set_stats(stream, live.stats(now));
            }
        }
        for stream in std::mem::take(&mut self.touched) {
            self.attend_stream(now, stream);
        }
    }

    fn attend_stream(&mut self, now: Time, stream: Arc<str>) {
        let Some(live) = self.streams.get_mut(&stream) else { return };
        live.pump(now, &mut |to, datagram| self.shared.send(to, datagram));
        for session in live.take_over() {
            self.sessions.remove(&session);
            self.shared.returns.put(Return::Released(session));
        }
        for happened in live.take_happened() {
            self.shared.tell(&stream, happened);
        }
        if live.is_empty() {
            self.streams.remove(&stream);
            self.shared.board.remove(&stream);
            self.timers.set(stream, None);
        } else {
            let due = live.poll_timeout();
            self.shared.board.set_tracks(&stream, live.tracks());
            self.timers.set(stream, due);
        }
    }

    /// Ends all sessions, with a goodbye to each.
    fn stop(mut self) {
        let now = self.shared.clock.now();
        for (stream, mut live) in self.streams.drain() {
            live.end(now, EndReason::Goodbye);
            live.pump(now, &mut |to, datagram| self.shared.send(to, datagram));
            for happened in live.take_happened() {
                self.shared.tell(&stream, happened);
            }
        }
    }
}

impl Shared {
    fn send(&self, to: Peer, datagram: &[u8]) {
        match self.socket.send(to, datagram) {
            Ok(()) => {
                metrics::counter!("streamd_datagrams_sent_total").increment(1);
                metrics::counter!("streamd_bytes_sent_total").increment(datagram.len() as u64);
            }
            // To the peer it is one more loss.
            Err(_) => metrics::counter!("streamd_datagrams_unsent_total").increment(1),
        }
    }

    fn tell(&self, stream: &str, happened: Happened) {
        match happened {
            Happened::Live => self.board.set_live(stream, Some(self.clock.now())),
            Happened::Offline => self.board.set_live(stream, None),
            Happened::ViewerJoined(_) | Happened::ViewerLeft(_) => {}
        }
        // Only at the very end nobody listens.
        let _ = self.events.send(Event { stream: stream.to_owned(), happened });
    }
}
