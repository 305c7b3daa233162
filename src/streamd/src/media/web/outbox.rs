//! Datagrams that wait until a browser's connection takes them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Notify;

/// The most datagrams that wait: a tenth of a second at 10 Mbit/s.
const MOST: usize = 128;
/// What has waited for so long is of no use to somebody who watches live: over TCP, which drops nothing by itself, it
/// would only hold up what is still of use.
const OLDEST: Duration = Duration::from_millis(500);

/// The datagrams that wait for one connection, the oldest first.
///
/// Where there is no room the oldest goes: it is the first to be of no use, and the viewer sees the gap sooner, so that
/// FQL's rate control sooner sends less.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: Mutex<VecDeque<(Instant, Bytes)>>,
    changed: Notify,
}

impl Outbox {
    /// Puts a datagram in; says how many were lost for it.
    pub fn put(&self, now: Instant, datagram: &[u8]) -> u64 {
        let mut waiting = self.lock();
        let lost = u64::from(waiting.len() >= MOST && waiting.pop_front().is_some());
        waiting.push_back((now, Bytes::copy_from_slice(datagram)));
        let is_first = waiting.len() == 1;
        drop(waiting);
        if is_first {
            self.changed.notify_one();
        }
        lost
    }

    /// Takes the oldest that is not too old; and says how many were.
    pub fn take(&self, now: Instant) -> (Option<Bytes>, u64) {
        let mut waiting = self.lock();
        let mut lost = 0;
        while let Some((since, datagram)) = waiting.pop_front() {
            if now.saturating_duration_since(since) <= OLDEST {
                return (Some(datagram), lost);
            }
            lost += 1;
        }
        (None, lost)
    }

    /// Waits until something may have been put in.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(Instant, Bytes)>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_is_no_room_the_oldest_goes() {
        let (outbox, now) = (Outbox::default(), Instant::now());
        let lost: u64 = (0..MOST + 3).map(|i| outbox.put(now, &i.to_be_bytes())).sum();
        assert_eq!(lost, 3);
        assert_eq!(outbox.take(now), (Some(Bytes::copy_from_slice(&3usize.to_be_bytes())), 0));
    }

    #[test]
    fn what_has_waited_too_long_is_not_sent() {
        let (outbox, now) = (Outbox::default(), Instant::now());
        outbox.put(now, b"old");
        outbox.put(now, b"old, too");
        outbox.put(now + OLDEST, b"new");
        let later = now + OLDEST + Duration::from_millis(1);
        assert_eq!(outbox.take(later), (Some(Bytes::from_static(b"new")), 2));
        assert_eq!(outbox.take(later), (None, 0));
    }
}
