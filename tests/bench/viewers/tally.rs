//! What viewers have had, together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How many errors are kept in words.
const MOST_WORDS: usize = 5;

/// What has come, counted by many at once.
#[derive(Debug, Default)]
pub struct Tally {
    requests: AtomicU64,
    bytes: AtomicU64,
    pieces: AtomicU64,
    stalls: AtomicU64,
    failures: AtomicU64,
    words: Mutex<Vec<String>>,
}

/// A tally at a moment, or between two.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests of HTTP that were answered.
    pub requests: u64,
    /// Bytes of bodies, as they came.
    pub bytes: u64,
    /// Segments or parts.
    pub pieces: u64,
    /// How often somebody had nothing to show.
    pub stalls: u64,
    /// Viewers that gave up.
    pub failures: u64,
}

impl Tally {
    /// A request was answered with so many bytes.
    pub fn asked(&self, bytes: usize) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// A piece of media came.
    pub fn piece(&self) {
        self.pieces.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody has nothing to show.
    pub fn stalled(&self) {
        self.stalls.fetch_add(1, Ordering::Relaxed);
    }

    /// A viewer gave up.
    pub fn fail(&self, error: &anyhow::Error) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        if words.len() < MOST_WORDS {
            words.push(format!("{error:#}"));
        }
    }

    /// The first errors.
    pub fn words(&self) -> String {
        self.words.lock().unwrap_or_else(PoisonError::into_inner).join("; ")
    }

    /// As it is now.
    pub fn counts(&self) -> Counts {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            requests: of(&self.requests),
            bytes: of(&self.bytes),
            pieces: of(&self.pieces),
            stalls: of(&self.stalls),
            failures: of(&self.failures),
        }
    }
}

impl Counts {
    /// What has come since. Stalls and failures count from the beginning.
    pub fn since(self, before: Self) -> Self {
        Self {
            requests: self.requests - before.requests,
            bytes: self.bytes - before.bytes,
            pieces: self.pieces - before.pieces,
            ..self
        }
    }
}
