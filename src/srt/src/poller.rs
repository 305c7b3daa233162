//! The thread that waits for all sockets and wakes the futures that wait for one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread;

use tokio::sync::Notify;

use crate::Error;
use crate::ffi::{Epoll, Event, Number, Socket, ready};

/// How many sockets are told of at a time.
const EVENTS: usize = 64;
/// The thread waits as long as this for anything at all, in milliseconds: -1 is for ever.
const FOR_EVER: i64 = -1;

/// Wakes what waits for a socket. Each of both has one that waits at a time; a change before that is not forgotten.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    pub(crate) readable: Notify,
    pub(crate) writable: Notify,
}

type Watched = Mutex<HashMap<Number, Weak<Readiness>>>;

#[derive(Debug)]
struct Poller {
    epoll: Epoll,
    watched: Watched,
}

/// Watches a socket until it is closed. Every change of its readiness is told once, so whoever waits has to try first.
pub(crate) fn watch(socket: &Socket) -> Result<Arc<Readiness>, Error> {
    let poller = poller()?;
    let readiness = Arc::new(Readiness::default());
    {
        let mut watched = poller.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|_, readiness| readiness.strong_count() > 0);
        watched.insert(socket.number(), Arc::downgrade(&readiness));
    }
    poller.epoll.add(socket, ready::IN | ready::OUT | ready::ERR | ready::EDGE)?;
    Ok(readiness)
}

/// The only one, which lives as long as the process, as libsrt's own threads do.
fn poller() -> Result<&'static Poller, Error> {
    static POLLER: OnceLock<Result<&'static Poller, Error>> = OnceLock::new();
    POLLER
        .get_or_init(|| {
            let poller: &'static Poller =
                Box::leak(Box::new(Poller { epoll: Epoll::new()?, watched: Watched::default() }));
            let started = thread::Builder::new().name("srt-epoll".into()).spawn(|| poller.run());
            started.map_err(|error| Error::Failed { code: 0, message: format!("no thread: {error}") })?;
            Ok(poller)
        })
        .clone()
}

impl Poller {
    fn run(&self) {
        let mut events = [Event::default(); EVENTS];
        loop {
            for event in self.epoll.wait(&mut events, FOR_EVER) {
                self.tell(event);
            }
        }
    }

    fn tell(&self, event: &Event) {
        let watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(readiness) = watched.get(&event.socket).and_then(Weak::upgrade) else { return };
        let is_over = event.events & ready::ERR != 0;
        if is_over || event.events & ready::IN != 0 {
            readiness.readable.notify_one();
        }
        if is_over || event.events & ready::OUT != 0 {
            readiness.writable.notify_one();
        }
    }
}
