//! A receiving session on a socket: one thread that hears datagrams, one that answers them and tells what came.
//!
//! The session judges what is too late whenever it is polled. Both threads may be held up for longer than its latency,
//! by a busy machine, while datagrams wait in the socket. So datagrams are only ever read under the lock of the
//! session, and all that wait are read right before each poll.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fql_transport::{Receiver, ReceiverEvent, ReceiverStats, Time};

use super::socket::wait_readable;
use super::{MAX_DATAGRAM, Notify, SHORTEST_WAIT, is_passing, join, spawn};

/// How long the session may go without a look at it, where it asks for none.
const IDLE: Duration = Duration::from_millis(500);
/// How long a server may take for its first answer before that is told.
const ANSWER_TIME: Duration = Duration::from_secs(3);
/// Datagrams and events that are handled before the session is free for others again.
const BATCH: usize = 64;
/// The most datagrams that are read before a poll: more than a socket of the usual size holds, and an end to a flood.
const MAX_WAITING: usize = 8192;

/// What is told of the session, on one thread.
#[derive(Debug)]
pub enum Notice {
    /// Something came of it.
    Event(ReceiverEvent),
    /// The session asks a server, which has not answered for some seconds since the start; it goes on asking. Told
    /// once.
    Unanswered,
    /// The session cannot begin.
    Failed(Failure),
}

/// Why a session cannot begin.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
/// Makes the session; slow, as it derives or fetches the key. It is told whether it is still wanted.
pub type Make = Box<dyn FnOnce(&dyn Fn() -> bool) -> Result<Receiver<SocketAddr>, Failure> + Send>;
/// The clock of the session.
pub type Clock = Box<dyn Fn() -> Time + Send + Sync>;

/// A running session.
pub struct Incoming {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    socket: UdpSocket,
    clock: Clock,
    receiver: Mutex<Option<Receiver<SocketAddr>>>,
    changed: Condvar,
    stopping: AtomicBool,
}

impl Incoming {
    /// Starts the threads.
    pub fn start(socket: UdpSocket, clock: Clock, make: Make, notify: Notify<Notice>) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(socket, clock)?);
        let mut incoming = Self { shared: shared.clone(), threads: Vec::new() };
        let for_answers = shared.clone();
        incoming.threads.push(spawn("fql-deliver", move || for_answers.deliver_all(make, &notify))?);
        incoming.threads.push(spawn("fql-receive", move || shared.hear_all())?);
        Ok(incoming)
    }

    /// Changes the highest layer that is of use.
    pub fn set_max_layer(&self, max_layer: u8) {
        if let Some(receiver) = &mut *self.shared.lock() {
            receiver.set_max_layer(max_layer);
        }
    }

    /// What the session saw so far; `None` where it is not made yet.
    pub fn stats(&self) -> Option<ReceiverStats> {
        let now = (self.shared.clock)();
        self.shared.lock().as_ref().map(|receiver| receiver.stats(now))
    }

    fn end(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        {
            // Under the lock, so that no thread is between its look at the flag and its wait.
            let _session = self.shared.lock();
            self.shared.changed.notify_all();
        }
        join(self.threads.drain(..));
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.end();
    }
}

type Polled = (Vec<(SocketAddr, Bytes)>, Vec<ReceiverEvent>);

impl Shared {
    fn new(socket: UdpSocket, clock: Clock) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            clock,
            receiver: Mutex::new(None),
            changed: Condvar::new(),
            stopping: AtomicBool::new(false),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Receiver<SocketAddr>>> {
        self.receiver.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// The thread that makes the session, answers and tells.
    fn deliver_all(&self, make: Make, notify: &Notify<Notice>) {
        match make(&|| !self.is_stopping()) {
            Ok(receiver) => *self.lock() = Some(receiver),
            Err(_) if self.is_stopping() => return,
            Err(err) => return notify(Notice::Failed(err)),
        }
        let mut answer_until = self.asks().then(|| Instant::now() + ANSWER_TIME);
        while let Some((datagrams, events)) = self.next() {
            self.answer(datagrams);
            for event in events {
                answer_until.take_if(|_| matches!(event, ReceiverEvent::Started { .. }));
                notify(Notice::Event(event));
            }
            // Whoever asks sends now and again, so that the loop comes by in time.
            if answer_until.take_if(|until| Instant::now() >= *until).is_some() {
                notify(Notice::Unanswered);
            }
        }
    }

    /// Whether the session asks a server, and does not wait for senders.
    fn asks(&self) -> bool {
        self.lock().as_ref().is_some_and(Receiver::is_viewing)
    }

    fn answer(&self, datagrams: impl IntoIterator<Item = (SocketAddr, Bytes)>) {
        for (to, datagram) in datagrams {
            // An answer that cannot be sent is one that is lost; the session copes with these.
            let _ = self.socket.send_to(&datagram, to);
        }
    }

    /// Waits until there is something to send or to tell; `None` when it is time to end.
    fn next(&self) -> Option<Polled> {
        let mut guard = self.lock();
        loop {
            let receiver = guard.as_mut()?;
            if self.is_stopping() {
                let now = (self.clock)();
                receiver.close(now);
                self.answer(std::iter::from_fn(|| receiver.poll_transmit(now)).take(BATCH));
                return None;
            }
            let (datagrams, events) = self.poll(receiver);
            if !datagrams.is_empty() || !events.is_empty() {
                return Some((datagrams, events));
            }
            let wait = receiver.poll_timeout().map_or(IDLE, |at| at - (self.clock)());
            guard = match self.changed.wait_timeout(guard, wait.clamp(SHORTEST_WAIT, IDLE)) {
                Ok((guard, _)) => guard,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    /// What there is to send and to tell, after a look at all that waits in the socket.
    fn poll(&self, receiver: &mut Receiver<SocketAddr>) -> Polled {
        // Whether the socket works is for the hearing thread to see.
        let _ = self.read_waiting(Some(receiver), MAX_WAITING);
        let now = (self.clock)();
        let datagrams = std::iter::from_fn(|| receiver.poll_transmit(now)).take(BATCH).collect();
        let events = std::iter::from_fn(|| receiver.poll_event()).take(BATCH).collect();
        (datagrams, events)
    }

    /// The thread that hears.
    fn hear_all(&self) {
        while !self.is_stopping() {
            let heard = wait_readable(&self.socket).and_then(|readable| {
                if readable { self.read_waiting(self.lock().as_mut(), BATCH) } else { Ok(()) }
            });
            self.changed.notify_one();
            if heard.is_err() {
                // Nothing that waiting for could repair quickly: look again, but do not spin.
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }

    /// Gives the session what waits in the socket. What comes before the session is made is gone.
    fn read_waiting(&self, mut receiver: Option<&mut Receiver<SocketAddr>>, most: usize) -> io::Result<()> {
        let mut buffer = [0; MAX_DATAGRAM];
        for _ in 0..most {
            match self.socket.recv_from(&mut buffer) {
                Ok((len, from)) => {
                    if let Some(receiver) = &mut receiver {
                        receiver.handle_datagram((self.clock)(), from, &buffer[..len]);
                    }
                }
                Err(err) if err.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(err) if is_passing(&err) => (),
                Err(err) => return Err(err),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use fql_transport::{Fec, Key, ReceiverConfig, Seed, Sender, SenderConfig};
    use fql_unit::{DataInfo, Media, Segment, Timing, Track, TrackTable, Unit};

    use super::*;
    use crate::net::{Options, listen, open};

    /// A session on a socket without its threads, on a clock that the test moves, and who sends to it.
    struct Bench {
        shared: Shared,
        nanos: Arc<AtomicU64>,
        sender: Sender,
        link: UdpSocket,
    }

    fn key() -> Key {
        Key::from_bytes([7; 32])
    }

    fn bench() -> Bench {
        let socket = listen("127.0.0.1:0".parse().unwrap(), &Options::default()).unwrap();
        let link = open(socket.local_addr().unwrap(), &Options::default()).unwrap();
        let nanos = Arc::new(AtomicU64::new(1_000_000_000));
        let for_clock = nanos.clone();
        let clock = move || Time::from_nanos(for_clock.load(Ordering::SeqCst));
        let shared = Shared::new(socket, Box::new(clock)).unwrap();
        let config = ReceiverConfig::new(key());
        *shared.lock() = Some(Receiver::new(config, Seed::from_os().unwrap()).unwrap());
        let config = SenderConfig { one_way: true, fec: Some(Fec::None), ..SenderConfig::new(key()) };
        let mut sender = Sender::new(config, Seed::from_os().unwrap(), (shared.clock)()).unwrap();
        let media = Media::Data(DataInfo { caps: "text/x-raw".into() });
        let track = Track { id: 0, name: String::new(), layers: 1, media };
        sender.set_tracks((shared.clock)(), TrackTable::new(vec![track]).unwrap());
        Bench { shared, nanos, sender, link }
    }

    impl Bench {
        fn pass(&self, time: Duration) {
            self.nanos.fetch_add(time.as_nanos() as u64, Ordering::SeqCst);
        }

        /// Puts this many of the datagrams that the sender has into the receiver's socket.
        fn send(&mut self, most: usize) -> usize {
            let now = (self.shared.clock)();
            let datagrams: Vec<_> =
                std::iter::from_fn(|| self.sender.poll_transmit(now)).take(most).collect();
            for datagram in &datagrams {
                self.link.send(datagram).unwrap();
            }
            datagrams.len()
        }

        /// Does what the hearing thread does.
        fn hear(&self) {
            self.shared.read_waiting(self.shared.lock().as_mut(), usize::MAX).unwrap();
        }

        fn poll(&self) -> Vec<ReceiverEvent> {
            self.shared.poll(self.shared.lock().as_mut().unwrap()).1
        }

        fn send_all(&mut self) {
            for _ in 0..100 {
                self.send(usize::MAX);
                self.pass(Duration::from_millis(1));
            }
        }
    }

    #[test]
    fn a_session_that_was_held_up_reads_what_waits_before_it_gives_anything_up() {
        let mut bench = bench();
        bench.send_all();
        bench.hear();
        assert!(!bench.poll().is_empty(), "the session should have begun");
        let text = "x".repeat(8000);
        let mut unit = Unit::new(1, 1, b"").unwrap();
        unit.set(0, 0, Segment::complete(text.clone()));
        let now = (bench.shared.clock)();
        bench.sender.push_unit(now, 0, Timing { pts: 0, duration: 0 }, &unit).unwrap();
        assert_eq!(bench.send(1), 1);
        bench.hear();
        bench.send_all();
        bench.pass(Duration::from_secs(1));
        let events = bench.poll();
        let whole = events.iter().any(|event| match event {
            ReceiverEvent::Unit { unit, .. } => unit.segment(0, 0).is_some_and(|s| *s.data() == text),
            _ => false,
        });
        assert!(whole, "{events:?}");
        assert_eq!(bench.shared.lock().as_ref().unwrap().stats(now).units_lost, 0);
    }
}
