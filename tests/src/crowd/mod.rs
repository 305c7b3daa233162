//! Many publishers and viewers of the daemon at once, each with a session and a socket of its own, without GStreamer.

mod clients;
mod cost;
mod material;
mod publisher;
mod viewer;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Instant;

use anyhow::{Result, anyhow};

pub use clients::{Client, Session, run};
pub use cost::{Cost, Rates};
pub use material::{FRAME, Material};
pub use publisher::Publisher;
pub use viewer::{Seen, Viewer};

/// When clients stop, and when what comes begins to count.
#[derive(Debug, Default)]
pub struct Stage {
    stopping: AtomicBool,
    measuring: AtomicBool,
}

impl Stage {
    /// What comes from now on counts.
    pub fn measure(&self) {
        self.measuring.store(true, Ordering::SeqCst);
    }

    /// All clients stop.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    fn is_measuring(&self) -> bool {
        self.measuring.load(Ordering::SeqCst)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}

/// Clients that run on some threads.
pub struct Crowd<'scope, S>(Vec<ScopedJoinHandle<'scope, Result<Vec<Client<S>>>>>);

impl<'scope, S: Session + Send + 'scope> Crowd<'scope, S> {
    /// Starts them on so many threads; `epoch` is the origin of their clock.
    pub fn start(
        scope: &'scope Scope<'scope, '_>,
        stage: &'scope Stage,
        epoch: Instant,
        clients: Vec<Client<S>>,
        threads: usize,
    ) -> Self {
        let start =
            |mut clients: Vec<_>| scope.spawn(move || run(&mut clients, epoch, stage).map(|()| clients));
        Self(divide(clients, threads.max(1)).into_iter().map(start).collect())
    }

    /// Waits until they have stopped, and gives their sessions in the order in which they were given.
    pub fn gather(self) -> Result<Vec<S>> {
        let mut parts = Vec::new();
        for thread in self.0 {
            let clients = thread.join().map_err(|_| anyhow!("a thread of clients panicked"))??;
            parts.push(clients.into_iter().map(|client| client.session));
        }
        Ok(unite(parts))
    }
}

/// Deals them out, one to each part in turn.
fn divide<T>(all: Vec<T>, parts: usize) -> Vec<Vec<T>> {
    let mut divided: Vec<Vec<T>> = std::iter::repeat_with(Vec::new).take(parts).collect();
    for (number, one) in all.into_iter().enumerate() {
        divided[number % parts].push(one);
    }
    divided.retain(|part| !part.is_empty());
    divided
}

/// What was divided, in its order.
fn unite<T>(mut parts: Vec<impl Iterator<Item = T>>) -> Vec<T> {
    let mut all = Vec::new();
    loop {
        let before = all.len();
        all.extend(parts.iter_mut().filter_map(Iterator::next));
        if all.len() == before {
            return all;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_divided_comes_back_in_its_order() {
        for (count, parts) in [(0, 2), (1, 2), (7, 2), (8, 3)] {
            let all: Vec<usize> = (0..count).collect();
            let divided = divide(all.clone(), parts);
            assert_eq!(unite(divided.into_iter().map(Vec::into_iter).collect()), all);
        }
    }
}
