//! A receiving session on a socket: one thread that hears datagrams, one that answers them and tells what came.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use fql_transport::{Error, Receiver, ReceiverEvent, ReceiverStats, Time};

use super::{MAX_DATAGRAM, Notify, SHORTEST_WAIT, is_passing, join, spawn};

/// How long the session may go without a look at it, where it asks for none.
const IDLE: Duration = Duration::from_millis(500);
/// Datagrams and events that are handled before the session is free for others again.
const BATCH: usize = 64;

/// What is told of the session, on one thread.
#[derive(Debug)]
pub enum Notice {
    /// Something came of it.
    Event(ReceiverEvent),
    /// The session cannot begin.
    Failed(Error),
}

/// Makes the session; slow, as it derives the key.
pub type Make = Box<dyn FnOnce() -> Result<Receiver<SocketAddr>, Error> + Send>;
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
        let shared = Arc::new(Shared {
            socket,
            clock,
            receiver: Mutex::new(None),
            changed: Condvar::new(),
            stopping: AtomicBool::new(false),
        });
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
    fn lock(&self) -> MutexGuard<'_, Option<Receiver<SocketAddr>>> {
        self.receiver.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// The thread that makes the session, answers and tells.
    fn deliver_all(&self, make: Make, notify: &Notify<Notice>) {
        match make() {
            Ok(receiver) => *self.lock() = Some(receiver),
            Err(err) => return notify(Notice::Failed(err)),
        }
        while let Some((datagrams, events)) = self.next() {
            self.answer(datagrams);
            for event in events {
                notify(Notice::Event(event));
            }
        }
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
            let now = (self.clock)();
            let receiver = guard.as_mut()?;
            if self.is_stopping() {
                receiver.close(now);
                self.answer(std::iter::from_fn(|| receiver.poll_transmit(now)).take(BATCH));
                return None;
            }
            let datagrams: Vec<_> = std::iter::from_fn(|| receiver.poll_transmit(now)).take(BATCH).collect();
            let events: Vec<_> = std::iter::from_fn(|| receiver.poll_event()).take(BATCH).collect();
            if !datagrams.is_empty() || !events.is_empty() {
                return Some((datagrams, events));
            }
            let wait = receiver.poll_timeout().map_or(IDLE, |at| at - now);
            guard = match self.changed.wait_timeout(guard, wait.clamp(SHORTEST_WAIT, IDLE)) {
                Ok((guard, _)) => guard,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    /// The thread that hears.
    fn hear_all(&self) {
        let mut buffer = vec![0; MAX_DATAGRAM];
        while !self.is_stopping() {
            let (len, from) = match self.socket.recv_from(&mut buffer) {
                Ok(got) => got,
                Err(err) if is_passing(&err) => continue,
                Err(_) => {
                    // Nothing that waiting for could repair quickly: look again, but do not spin.
                    std::thread::sleep(Duration::from_millis(10));
                    continue;
                }
            };
            let now = (self.clock)();
            if let Some(receiver) = &mut *self.lock() {
                receiver.handle_datagram(now, from, &buffer[..len]);
                self.changed.notify_one();
            }
        }
    }
}
