//! A sending session on a socket: one thread that sends when the session says so, one that hears the answers.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fql_transport::{EndReason, Error, Fec, Sender, SenderEvent, SenderStats, Time, UtcOffset};
use fql_unit::{Timing, TrackTable, Unit};

use super::{MAX_DATAGRAM, Notify, SHORTEST_WAIT, is_passing, join, spawn};

/// How long the session may go without a look at it, where it asks for none.
const IDLE: Duration = Duration::from_millis(500);
/// Datagrams that are sent before the session is free for others again.
const BATCH: usize = 32;
/// How long the end of a session may take when nobody waits for what is queued: three goodbyes.
const GOODBYE_TIME: Duration = Duration::from_millis(200);

/// How long a receiver may take for its first answer before that is told.
const ANSWER_TIME: Duration = Duration::from_secs(3);

/// What happens to the session, told on its sending thread.
#[derive(Debug)]
pub enum Notice {
    /// The key is there, and the session looks for its receiver.
    Started,
    /// A receiver answered, or there needs to be none.
    Connected,
    /// No receiver has answered for some seconds since the start; the session goes on looking for one. Told once.
    Unanswered,
    /// The session is over. Unless the reason is final, the receiver is looked for again.
    Disconnected(EndReason),
    /// The receiver drops media because the stream is paused, or takes it again.
    Paused(bool),
    /// The media rates that tracks which adapt may have, in bit/s, by their ids; and how much of it one unit may have
    /// at once.
    Rates(Vec<(u8, u64)>, Duration),
    /// The receiver has so many complete layers of a unit, or has given it up. Each unit is told of once, in order.
    Acknowledged { track: u8, number: u64, layers: u8 },
    /// All is sent, and goodbye said.
    Finished,
    /// The session cannot begin.
    Failed(Error),
    /// The system refuses to send.
    Socket(io::Error),
}

/// Makes the session; slow, as it derives the key.
pub type Make = Box<dyn FnOnce(Time) -> Result<Sender, Error> + Send>;

/// A running session.
pub struct Outgoing {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    socket: UdpSocket,
    remote: SocketAddr,
    /// Whether a receiver may answer.
    hears: bool,
    epoch: Instant,
    inner: Mutex<Inner>,
    changed: Condvar,
    /// Whether the sending thread is done.
    over: AtomicBool,
}

#[derive(Default)]
struct Inner {
    sender: Option<Sender>,
    /// What came before the session was made.
    tracks: Option<TrackTable>,
    phase: Phase,
    connected: bool,
    failed: bool,
    /// Whoever waits for the session is to give up.
    released: bool,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    #[default]
    Running,
    /// What is queued is sent and goodbye said, until this instant at the latest.
    Ending(Instant),
    /// The session has said that all is done.
    Over,
}

/// How waiting for the receiver ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// It is there.
    Connected,
    /// It did not come in time.
    TimedOut,
    /// The wait was ended from outside, or the session failed.
    Released,
}

impl Outgoing {
    /// Starts the threads. `hears` says whether a receiver may answer.
    pub fn start(
        socket: UdpSocket,
        remote: SocketAddr,
        hears: bool,
        make: Make,
        notify: Notify<Notice>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            socket,
            remote,
            hears,
            epoch: Instant::now(),
            inner: Mutex::default(),
            changed: Condvar::new(),
            over: AtomicBool::new(false),
        });
        let mut outgoing = Self { shared: shared.clone(), threads: Vec::new() };
        let for_sending = shared.clone();
        outgoing.threads.push(spawn("fql-send", move || for_sending.send_all(make, &notify))?);
        if hears {
            outgoing.threads.push(spawn("fql-reports", move || shared.hear_all())?);
        }
        Ok(outgoing)
    }

    /// Whether [`Outgoing::finish`] was called: the session takes nothing more.
    pub fn was_finished(&self) -> bool {
        self.shared.lock().phase != Phase::Running
    }

    /// Whether all is sent and the session at its end.
    pub fn is_over(&self) -> bool {
        self.shared.over.load(Ordering::SeqCst)
    }

    /// Says what the tracks are.
    pub fn set_tracks(&self, tracks: TrackTable) {
        let mut inner = self.shared.lock();
        let now = self.shared.now();
        match &mut inner.sender {
            Some(sender) => sender.set_tracks(now, tracks),
            None => inner.tracks = Some(tracks),
        }
        self.shared.changed.notify_all();
    }

    /// Gives a unit to the session, and says its number. Where the session is not made yet, the unit is gone.
    pub fn push(&self, track: u8, timing: Timing, unit: &Unit) -> Result<Option<u64>, Error> {
        let mut inner = self.shared.lock();
        let now = self.shared.now();
        let result = match &mut inner.sender {
            Some(sender) => sender.push_unit(now, track, timing, unit).map(Some),
            None => Ok(None),
        };
        self.shared.changed.notify_all();
        result
    }

    /// Says where the presentation times of a track lie in UTC.
    pub fn set_utc(&self, track: u8, offset: UtcOffset) {
        let now = self.shared.now();
        if let Some(sender) = &mut self.shared.lock().sender {
            sender.set_utc(now, track, offset);
        }
    }

    /// Changes the error correction.
    pub fn set_fec(&self, fec: Fec) {
        let now = self.shared.now();
        if let Some(sender) = &mut self.shared.lock().sender {
            sender.set_fec(now, fec);
        }
    }

    /// Changes the rate on the wire, in bit/s; `None` for no bound.
    pub fn set_max_bitrate(&self, bits_per_second: Option<u64>) -> Result<(), Error> {
        let now = self.shared.now();
        match &mut self.shared.lock().sender {
            Some(sender) => sender.set_max_bitrate(now, bits_per_second),
            None => Ok(()),
        }
    }

    /// What the session did so far; `None` where it is not made yet.
    pub fn stats(&self) -> Option<SenderStats> {
        let now = self.shared.now();
        self.shared.lock().sender.as_ref().map(|sender| sender.stats(now))
    }

    /// Waits for the receiver: until the session is made, and this much longer.
    pub fn wait_connected(&self, timeout: Duration) -> Waited {
        let mut inner = self.shared.lock();
        let mut deadline = None;
        loop {
            if inner.connected {
                return Waited::Connected;
            }
            if inner.released || inner.failed || inner.phase != Phase::Running {
                return Waited::Released;
            }
            if inner.sender.is_some() {
                deadline.get_or_insert_with(|| Instant::now() + timeout);
            }
            let left = deadline.map_or(IDLE, |at| at.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Waited::TimedOut;
            }
            inner = self.shared.wait(inner, left);
        }
    }

    /// Ends (or allows again) all waits for the receiver.
    pub fn release_waits(&self, released: bool) {
        self.shared.lock().released = released;
        self.shared.changed.notify_all();
    }

    /// Sends what is queued and says goodbye, within this time at the most, and notifies [`Notice::Finished`].
    pub fn finish(&self, within: Duration) {
        let mut inner = self.shared.lock();
        let deadline = Instant::now() + within;
        inner.phase = match inner.phase {
            Phase::Running => Phase::Ending(deadline),
            Phase::Ending(before) => Phase::Ending(before.min(deadline)),
            Phase::Over => Phase::Over,
        };
        let now = self.shared.now();
        if let Some(sender) = &mut inner.sender {
            sender.close(now);
        }
        self.shared.changed.notify_all();
    }

    fn end(&mut self) {
        self.finish(GOODBYE_TIME);
        join(self.threads.drain(..));
    }
}

/// Ends the session with a goodbye, and the threads.
impl Drop for Outgoing {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn wait<'a>(&self, inner: MutexGuard<'a, Inner>, timeout: Duration) -> MutexGuard<'a, Inner> {
        match self.changed.wait_timeout(inner, timeout) {
            Ok((inner, _)) => inner,
            Err(poisoned) => poisoned.into_inner().0,
        }
    }

    fn now(&self) -> Time {
        Time::from_nanos(self.epoch.elapsed().as_nanos() as u64)
    }

    /// The sending thread.
    fn send_all(&self, make: Make, notify: &Notify<Notice>) {
        if let Err(err) = self.make(make) {
            self.over.store(true, Ordering::SeqCst);
            self.lock().failed = true;
            self.changed.notify_all();
            notify(Notice::Failed(err));
            return;
        }
        notify(Notice::Started);
        // Sessions that look for their receiver send now and again, so that the loop comes by in time.
        let mut answer_until = self.hears.then(|| Instant::now() + ANSWER_TIME);
        let mut socket_works = true;
        while let Some((datagrams, events)) = self.next() {
            for event in events {
                self.tell(event, notify);
            }
            for datagram in &datagrams {
                let result = self.send(datagram);
                if let (true, Err(err)) = (socket_works, &result) {
                    notify(Notice::Socket(io::Error::new(err.kind(), err.to_string())));
                }
                socket_works = result.is_ok();
            }
            if self.lock().connected {
                answer_until = None;
            }
            if answer_until.take_if(|until| Instant::now() >= *until).is_some() {
                notify(Notice::Unanswered);
            }
        }
        self.over.store(true, Ordering::SeqCst);
        notify(Notice::Finished);
    }

    fn make(&self, make: Make) -> Result<(), Error> {
        let mut sender = make(self.now())?;
        let mut inner = self.lock();
        if let Some(tracks) = inner.tracks.take() {
            sender.set_tracks(self.now(), tracks);
        }
        if inner.phase != Phase::Running {
            sender.close(self.now());
        }
        inner.sender = Some(sender);
        self.changed.notify_all();
        Ok(())
    }

    /// Waits until there is something to send or to tell; `None` when the session is over.
    fn next(&self) -> Option<(Vec<Bytes>, Vec<SenderEvent>)> {
        let mut inner = self.lock();
        loop {
            let now = self.now();
            let phase = inner.phase;
            let sender = inner.sender.as_mut()?;
            let datagrams: Vec<_> = std::iter::from_fn(|| sender.poll_transmit(now)).take(BATCH).collect();
            let events: Vec<_> = std::iter::from_fn(|| sender.poll_event()).collect();
            let wait = sender.poll_timeout().map_or(IDLE, |at| at - now);
            if !datagrams.is_empty() || !events.is_empty() {
                return Some((datagrams, events));
            }
            match phase {
                Phase::Over => return None,
                Phase::Ending(deadline) if Instant::now() >= deadline => return None,
                Phase::Ending(_) | Phase::Running => (),
            }
            inner = self.wait(inner, wait.clamp(SHORTEST_WAIT, IDLE));
        }
    }

    fn tell(&self, event: SenderEvent, notify: &Notify<Notice>) {
        match event {
            SenderEvent::Connected { .. } => {
                self.set_connected(true);
                notify(Notice::Connected);
            }
            SenderEvent::Disconnected { reason } => {
                self.set_connected(false);
                notify(Notice::Disconnected(reason));
            }
            SenderEvent::Paused(paused) => notify(Notice::Paused(paused)),
            SenderEvent::MediaRate { tracks, burst, .. } => notify(Notice::Rates(tracks, burst)),
            SenderEvent::Acknowledged { track, number, layers } => {
                notify(Notice::Acknowledged { track, number, layers });
            }
            SenderEvent::Closed => self.lock().phase = Phase::Over,
            _ => (),
        }
    }

    fn set_connected(&self, connected: bool) {
        self.lock().connected = connected;
        self.changed.notify_all();
    }

    fn send(&self, datagram: &[u8]) -> io::Result<()> {
        let result = if self.remote.ip().is_multicast() {
            self.socket.send_to(datagram, self.remote)
        } else {
            self.socket.send(datagram)
        };
        match result {
            Ok(_) => Ok(()),
            Err(err) if is_passing(&err) => Ok(()),
            Err(err) => Err(err),
        }
    }

    /// The thread that hears reports.
    fn hear_all(&self) {
        let mut buffer = vec![0; MAX_DATAGRAM];
        while !self.over.load(Ordering::SeqCst) {
            let Ok((len, _)) = self.socket.recv_from(&mut buffer) else { continue };
            let mut inner = self.lock();
            let now = self.now();
            if let Some(sender) = &mut inner.sender {
                sender.handle_datagram(now, &buffer[..len]);
                self.changed.notify_all();
            }
        }
    }
}
