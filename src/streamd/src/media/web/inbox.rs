//! Datagrams of browsers on their way to the router, which waits for them and for its socket at the same time.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use rustix::event::{EventfdFlags, eventfd};

use super::super::peer::{ConnectionId, Peer};

/// The most datagrams that wait, of all connections together.
const MOST: usize = 4096;
/// The most of one connection. A viewer sends some tens in a second; one that sends more loses its own.
const MOST_OF_ONE: usize = 64;

/// What waits for the router.
#[derive(Debug)]
pub struct Inbox {
    waiting: Mutex<Waiting>,
    /// Readable while something waits.
    bell: OwnedFd,
}

/// What came since the router looked last.
#[derive(Debug, Default)]
pub struct Waiting {
    /// Datagrams, the oldest first.
    pub datagrams: Vec<(Peer, Bytes, Share)>,
    /// Connections that are over.
    pub gone: Vec<ConnectionId>,
}

/// How many datagrams of one connection wait.
#[derive(Debug, Clone, Default)]
pub struct Share(Arc<AtomicUsize>);

impl Inbox {
    /// Nothing waits.
    pub fn new() -> io::Result<Self> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { waiting: Mutex::default(), bell })
    }

    /// What to wait for: it is readable while something is here.
    pub fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// Puts a datagram in, if there is room; says whether there was.
    pub fn put(&self, from: Peer, datagram: Bytes, share: &Share) -> bool {
        let mut waiting = self.lock();
        if waiting.datagrams.len() >= MOST || share.0.load(Ordering::Relaxed) >= MOST_OF_ONE {
            return false;
        }
        share.0.fetch_add(1, Ordering::Relaxed);
        let is_first = waiting.is_empty();
        waiting.datagrams.push((from, datagram, share.clone()));
        self.ring(is_first);
        true
    }

    /// Says that a connection is over.
    pub fn gone(&self, connection: ConnectionId) {
        let mut waiting = self.lock();
        let is_first = waiting.is_empty();
        waiting.gone.push(connection);
        self.ring(is_first);
    }

    /// Takes all that waits.
    pub fn take(&self) -> Waiting {
        let mut waiting = self.lock();
        let mut count = [0; 8];
        // It may not have rung.
        let _ = rustix::io::read(&self.bell, &mut count);
        let taken = std::mem::take(&mut *waiting);
        for (_, _, share) in &taken.datagrams {
            share.0.fetch_sub(1, Ordering::Relaxed);
        }
        taken
    }

    fn ring(&self, is_first: bool) {
        if is_first {
            // It fails only where it rings already.
            let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.datagrams.is_empty() && self.gone.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::super::super::peer::{Carrier, Way};
    use super::*;

    fn rings(inbox: &Inbox) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut [PollFd::from_borrowed_fd(inbox.bell(), PollFlags::IN)], Some(&now)).unwrap() > 0
    }

    fn peer(number: u64) -> Peer {
        let way = Way::Web(ConnectionId { carrier: Carrier::WebSocket, number });
        Peer { remote: ([127, 0, 0, 1], 1).into(), way }
    }

    #[test]
    fn it_rings_until_what_waits_is_taken() {
        let inbox = Inbox::new().unwrap();
        assert!(!rings(&inbox));
        assert!(inbox.put(peer(1), Bytes::from_static(b"a"), &Share::default()));
        assert!(inbox.put(peer(2), Bytes::from_static(b"b"), &Share::default()));
        assert!(rings(&inbox));
        assert_eq!(inbox.take().datagrams.len(), 2);
        assert!(!rings(&inbox));
        inbox.gone(ConnectionId { carrier: Carrier::WebSocket, number: 1 });
        assert!(rings(&inbox));
        assert_eq!(inbox.take().gone.len(), 1);
    }

    #[test]
    fn one_connection_cannot_take_the_room_of_the_others_and_all_of_them_have_a_bound() {
        let inbox = Inbox::new().unwrap();
        let flood = |number| {
            let share = Share::default();
            (0..1000).filter(|_| inbox.put(peer(number), Bytes::from_static(b"x"), &share)).count()
        };
        assert_eq!(flood(0), MOST_OF_ONE);
        assert_eq!((1..200).map(flood).sum::<usize>(), MOST - MOST_OF_ONE);
        assert_eq!(inbox.take().datagrams.len(), MOST);
        assert_eq!(flood(0), MOST_OF_ONE);
    }
}
