//! What is known of all sources: who wants them, and what they do. Threads that own streams, tasks that pull and answers
//! over HTTP meet here.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};

use jiff::Timestamp;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;

use crate::service::{SourceState, SourceStatus};

/// All sources.
pub(in crate::media) struct Sources {
    known: RwLock<HashMap<String, Known>>,
    changed: UnboundedSender<String>,
    /// Until somebody follows them.
    changes: Mutex<Option<UnboundedReceiver<String>>>,
}

/// One source.
struct Known {
    wanted: watch::Sender<Wanted>,
    status: watch::Sender<SourceStatus>,
}

/// Who wants a source to be open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Whether the hub has viewers.
    is_watched: bool,
    /// How many wait for it who are no viewers yet.
    waiting: usize,
    /// How many ever did.
    asked: u64,
}

/// One who waits for a source, until it is dropped.
pub(in crate::media) struct Waiting(watch::Sender<Wanted>);

impl Sources {
    pub fn new() -> Self {
        let (changed, changes) = mpsc::unbounded_channel();
        Self { known: RwLock::default(), changed, changes: Mutex::new(Some(changes)) }
    }

    /// Which streams are to be looked at: there is one who follows them.
    pub(super) fn changes(&self) -> Option<UnboundedReceiver<String>> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A stream is new, or has changed; whether it is pulled. Its viewers may be there before its task is.
    pub fn changed(&self, stream: &str, is_pulled: bool) {
        if is_pulled {
            self.known(stream, |_| ());
        }
        // Where nobody pulls, nobody hears it.
        let _ = self.changed.send(stream.to_owned());
    }

    /// There is a source; it may have been there before, as another one. Those who want it stay.
    pub(super) fn add(&self, stream: &str) -> (watch::Receiver<Wanted>, watch::Sender<SourceStatus>) {
        self.known(stream, |source| {
            source.status.send_replace(status(SourceState::Idle));
            (source.wanted.subscribe(), source.status.clone())
        })
    }

    fn known<T>(&self, stream: &str, look: impl FnOnce(&Known) -> T) -> T {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        look(known.entry(stream.to_owned()).or_insert_with(|| Known {
            wanted: watch::channel(Wanted::default()).0,
            status: watch::channel(status(SourceState::Idle)).0,
        }))
    }

    /// There is none any more.
    pub(super) fn remove(&self, stream: &str) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).remove(stream);
    }

    /// Whether a stream has viewers; of no account where it has no source.
    pub fn set_watched(&self, stream: &str, is_watched: bool) {
        self.look(stream, |known| {
            known.wanted.send_if_modified(|wanted| {
                let is_new = wanted.is_watched != is_watched;
                wanted.is_watched = is_watched;
                is_new
            })
        });
    }

    /// Wants the source of a stream; gives what it does from now on. None where it has none.
    pub fn wait_for(&self, stream: &str) -> Option<(Waiting, watch::Receiver<SourceStatus>)> {
        self.look(stream, |known| {
            known.wanted.send_modify(|wanted| {
                (wanted.waiting, wanted.asked) = (wanted.waiting + 1, wanted.asked + 1);
            });
            (Waiting(known.wanted.clone()), known.status.subscribe())
        })
    }

    /// What the source of a stream does.
    pub fn status(&self, stream: &str) -> Option<SourceStatus> {
        self.look(stream, |known| known.status.borrow().clone())
    }

    fn look<T>(&self, stream: &str, look: impl FnOnce(&Known) -> T) -> Option<T> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(stream).map(look)
    }
}

impl Wanted {
    /// Whether anybody does.
    pub fn is_any(self) -> bool {
        self.is_watched || self.waiting > 0
    }
}

impl Wanted {
    /// Whether anybody does, or did since so many had asked.
    pub fn is_asked(self, before: u64) -> bool {
        self.is_any() || self.asked > before
    }

    /// How many ever waited for it.
    pub fn asked(self) -> u64 {
        self.asked
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.send_modify(|wanted| wanted.waiting -= 1);
    }
}

/// A status that begins now.
pub(super) fn status(state: SourceState) -> SourceStatus {
    SourceStatus { state, since: Timestamp::now(), failures: 0, reason: None, retry_at: None }
}
