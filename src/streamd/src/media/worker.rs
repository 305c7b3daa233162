//! A thread that owns some of the live streams. Streams share nothing, so each thread goes on without waiting for
//! another.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fql_transport::{Accepted, EndReason, SessionId, Time};
use metrics::Counter;
use tokio::sync::mpsc::{Sender as EventSender, error::TrySendError};
use tokio::sync::oneshot;

use super::board::Board;
use super::crowd::NewSubscriber;
use super::feed::{FromFeed, NewFeed};
use super::live::{Happened, LiveStream, Rules};
use super::peer::{Carrier, ConnectionId, Peer, Way};
use super::publication::Refused;
use super::pull::Sources;
use super::socket::MediaSocket;
use super::timers::Timers;
use super::web::Web;
use super::{Clock, Event};
use crate::service::{Entry, LiveChange, Service, Viewer};

/// Commands that are taken before what they lead to is sent.
const BATCH: usize = 64;
/// How long the thread may sleep where nothing is due.
const IDLE: Duration = Duration::from_millis(500);
/// What is due within this time is done together: waking up for each viewer's next datagram would cost more than
/// sending it.
const TOGETHER: Duration = Duration::from_millis(1);
/// How often the figures of live streams are made anew.
const FIGURES: Duration = Duration::from_millis(500);

/// The most datagrams that wait for a worker: what a fast link brings in half a second.
const MOST_WAITING: usize = 16_384;

/// The way to a worker. Nobody who tells it something ever waits for it.
#[derive(Clone)]
pub struct Inbox {
    commands: Sender<Command>,
    /// Datagrams that it has not taken yet.
    waiting: Arc<AtomicUsize>,
}

impl Inbox {
    /// An inbox, and where its commands come out.
    pub fn new() -> (Self, Outlet) {
        let (commands, taken) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        (Self { commands, waiting: Arc::clone(&waiting) }, Outlet { commands: taken, waiting })
    }

    /// Tells the worker something. One that is gone has nothing to do any more.
    pub fn tell(&self, command: Command) {
        let _ = self.commands.send(command);
    }

    /// Passes datagrams on, unless so many wait that the worker is far behind; says whether it did.
    pub fn pass(&self, datagrams: Vec<Passed>) -> bool {
        if self.waiting.load(Ordering::Relaxed) >= MOST_WAITING {
            return false;
        }
        self.waiting.fetch_add(datagrams.len(), Ordering::Relaxed);
        self.tell(Command::Datagrams(datagrams));
        true
    }
}

/// Where a worker takes its commands from.
pub struct Outlet {
    commands: Receiver<Command>,
    waiting: Arc<AtomicUsize>,
}

impl Outlet {
    fn next(&self, timeout: Duration) -> Result<Command, RecvTimeoutError> {
        self.commands.recv_timeout(timeout).map(|command| self.taken(command))
    }

    /// Those that are there already.
    fn ready(&self) -> impl Iterator<Item = Command> {
        self.commands.try_iter().map(|command| self.taken(command))
    }

    fn taken(&self, command: Command) -> Command {
        if let Command::Datagrams(datagrams) = &command {
            self.waiting.fetch_sub(datagrams.len(), Ordering::Relaxed);
        }
        command
    }
}

/// What a worker is told.
pub enum Command {
    /// A publisher of this stream has a session, and this was its first datagram.
    Publish(Arc<Entry>, Newcomer),
    /// A viewer of this stream has a session, and this was its first datagram.
    Watch(Arc<Entry>, Newcomer),
    /// What a publication of the stream with this id says.
    Feed(Arc<str>, FromFeed),
    /// Somebody takes whole units of this stream from now on.
    Subscribe(Arc<Entry>, NewSubscriber),
    /// The subscription of this number, of the stream with this id, is over.
    Unsubscribe(Arc<str>, u64),
    /// Somebody who takes whole units of the stream with this id needs a key unit.
    WantKey(Arc<str>),
    /// A viewer by another protocol than FQL, with a number, is there.
    Attend(Arc<Entry>, u64, Viewer),
    /// It is gone.
    Leave(Arc<str>, u64),
    /// Datagrams of sessions.
    Datagrams(Vec<Passed>),
    /// The stream with this id has changed; the entry is what it is now, if it still is.
    Changed(Arc<str>, Option<Arc<Entry>>, LiveChange),
    /// This connection of a browser is over, and with it the sessions that it carried.
    Gone(ConnectionId),
    /// All sessions end.
    Stop,
}

/// A datagram of a session.
#[derive(Debug, Clone)]
pub struct Passed {
    /// Whose it is.
    pub session: SessionId,
    /// Where it came from.
    pub from: Peer,
    /// When it reached this machine: threads that had to wait for a processor are no queue on the way.
    pub arrived: Time,
    /// Its bytes.
    pub datagram: Bytes,
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
    pub(super) web: Arc<Web>,
    pub(super) returns: Arc<Returns>,
    pub(super) board: Arc<Board>,
    pub(super) sources: Arc<Sources>,
    pub(super) events: EventSender<Event>,
    pub(super) rules: Rules,
    pub(super) service: Service,
    pub(super) sent: Sent,
}

/// What became of datagrams by each carrier: held, since looking a counter up for each of them would cost.
#[derive(Clone)]
pub struct Sent([Counters; Carrier::ALL.len()]);

#[derive(Clone)]
struct Counters {
    datagrams: Counter,
    bytes: Counter,
    unsent: Counter,
}

impl Sent {
    /// The counters of the recorder that is installed.
    pub fn new() -> Self {
        Self(Carrier::ALL.map(|carrier| Counters {
            datagrams: metrics::counter!("streamd_datagrams_sent_total", "carrier" => carrier.name()),
            bytes: metrics::counter!("streamd_bytes_sent_total", "carrier" => carrier.name()),
            unsent: metrics::counter!("streamd_datagrams_unsent_total", "carrier" => carrier.name()),
        }))
    }
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
    /// Publications that wait to hear that they have begun.
    answers: Vec<oneshot::Sender<Result<(), Refused>>>,
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
            answers: Vec::new(),
        }
    }

    /// Works until it is told to stop, or nobody is left to tell it anything.
    pub fn run(mut self, commands: &Outlet) {
        loop {
            let wait = self.timers.next().map_or(IDLE, |due| due - self.shared.clock.now());
            match commands.next(wait.clamp(TOGETHER, IDLE)) {
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(command) => self.take(command),
                Err(RecvTimeoutError::Timeout) => {}
            }
            for command in commands.ready().take(BATCH) {
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
            Command::Publish(seen, newcomer) => {
                let entry = self.current(&seen).and_then(|entry| match entry.key_id == seen.key_id {
                    true => Ok(entry),
                    false => Err(EndReason::KeyRotated),
                });
                self.begin(entry, newcomer, LiveStream::publish);
            }
            Command::Watch(seen, newcomer) => self.begin(self.current(&seen), newcomer, LiveStream::watch),
            Command::Feed(_, FromFeed::Begin(seen, new, answer)) => self.begin_feed(&seen, new, answer),
            Command::Feed(stream, told) => self.with(stream, |live, now, rules| live.feed(now, rules, told)),
            Command::Subscribe(seen, new) => {
                if let Some(stream) = self.stream_of(&seen) {
                    self.with(stream, |live, now, _| live.subscribe(now, new));
                }
            }
            Command::Unsubscribe(stream, id) => self.with(stream, |live, _, _| live.unsubscribe(id)),
            Command::WantKey(stream) => self.with(stream, |live, now, _| live.ask_for_key(now)),
            Command::Attend(seen, id, viewer) => {
                if let Some(stream) = self.stream_of(&seen) {
                    self.with(stream, |live, _, _| live.attend(id, viewer));
                }
            }
            Command::Leave(stream, id) => self.with(stream, |live, _, _| live.leave(id)),
            Command::Datagrams(datagrams) => {
                for datagram in &datagrams {
                    self.handle_datagram(datagram);
                }
            }
            Command::Changed(stream, entry, change) => {
                self.with(stream, |live, now, _| live.change(now, entry, change));
            }
            Command::Gone(connection) => {
                for (stream, live) in &mut self.streams {
                    if live.drop_connection(connection) {
                        self.touched.insert(stream.clone());
                    }
                }
            }
            Command::Stop => {}
        }
    }

    /// What a stream is now. It may have changed since the router looked, and this thread was told of that before it
    /// had anything of the stream; of a change after this look it is told later.
    fn current(&self, seen: &Entry) -> Result<Arc<Entry>, EndReason> {
        self.shared.service.directory().by_id(&seen.id).ok_or(EndReason::Archived)
    }

    /// Does something with a stream that is here.
    fn with(&mut self, stream: Arc<str>, act: impl FnOnce(&mut LiveStream, Time, &Rules)) {
        let now = self.shared.clock.now();
        if let Some(live) = self.streams.get_mut(&stream) {
            act(live, now, &self.shared.rules);
            if !self.touched.contains(&stream) {
                self.touched.insert(stream);
            }
        }
    }

    /// Has the stream here, whoever begins with it; none where it is not there any more.
    fn stream_of(&mut self, seen: &Entry) -> Option<Arc<str>> {
        let entry = self.current(seen).ok()?;
        let stream: Arc<str> = entry.id.as_str().into();
        let rules = &self.shared.rules;
        self.streams.entry(stream.clone()).or_insert_with(|| LiveStream::new(entry, rules));
        Some(stream)
    }

    fn begin_feed(&mut self, seen: &Entry, new: NewFeed, answer: oneshot::Sender<Result<(), Refused>>) {
        // A key that was rotated since it was looked up is of no stream any more.
        let is_current = self.current(seen).is_ok_and(|entry| entry.key_id == seen.key_id);
        let Some(stream) = is_current.then(|| self.stream_of(seen)).flatten() else {
            let _ = answer.send(Err(Refused::UnknownKey));
            return;
        };
        let mut begun = Err(Refused::Ending);
        self.with(stream, |live, now, rules| begun = live.publish_feed(now, rules, new));
        match begun {
            Ok(()) => self.answers.push(answer),
            // Nobody waits for it any more, or hears it.
            Err(_) => drop(answer.send(begun)),
        }
    }

    fn begin(
        &mut self,
        entry: Result<Arc<Entry>, EndReason>,
        newcomer: Newcomer,
        join: impl Fn(&mut LiveStream, Time, &Rules, Newcomer) -> Result<(), (Accepted, EndReason)>,
    ) {
        let (now, from, session) = (self.shared.clock.now(), newcomer.from, newcomer.accepted.session());
        let entry = match entry {
            Ok(entry) => entry,
            Err(reason) => {
                return self.shared.returns.put(Return::Refused(from, newcomer.accepted, reason));
            }
        };
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

    fn handle_datagram(&mut self, Passed { session, from, arrived, datagram }: &Passed) {
        let Some(stream) = self.sessions.get(session) else { return };
        let Some(live) = self.streams.get_mut(stream) else { return };
        live.handle_datagram(*arrived, *session, *from, datagram);
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
        for answer in self.answers.drain(..) {
            // The stream is live for everybody by now. A publisher that does not wait any more ends by itself.
            let _ = answer.send(Ok(()));
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
        self.shared.sources.set_watched(&stream, live.is_watched());
        if live.is_empty() {
            self.streams.remove(&stream);
            self.shared.board.remove(&stream);
            self.timers.set(stream, None);
        } else {
            let due = live.poll_timeout();
            self.shared.board.set_tracks(&stream, live.tracks());
            self.shared.board.set_heard(&stream, live.heard());
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
        let is_sent = match to.way {
            Way::Udp(local) => self.socket.send(to.remote, local, datagram).is_ok(),
            Way::Web(connection) => self.web.send(connection, datagram),
        };
        let counters = &self.sent.0[to.carrier() as usize];
        if is_sent {
            counters.datagrams.increment(1);
            counters.bytes.increment(datagram.len() as u64);
        } else {
            // To the peer it is one more loss.
            counters.unsent.increment(1);
        }
    }

    pub(super) fn tell(&self, stream: &str, happened: Happened) {
        match happened {
            Happened::Live => self.board.set_live(stream, Some(self.clock.now())),
            Happened::Offline => self.board.set_live(stream, None),
            Happened::ViewerJoined(_) | Happened::ViewerLeft(_) => {}
        }
        let is_of_a_viewer = matches!(happened, Happened::ViewerJoined(_) | Happened::ViewerLeft(_));
        if is_of_a_viewer && self.events.capacity() < self.events.max_capacity() / 2 {
            // Anybody can come and go faster than the store takes it down; of that the rest need not know.
            return metrics::counter!("streamd_viewer_events_dropped_total").increment(1);
        }
        // Only at the very end nobody listens.
        if let Err(TrySendError::Full(event)) =
            self.events.try_send(Event { stream: stream.to_owned(), happened })
        {
            let _ = self.events.blocking_send(event);
        }
    }
}
