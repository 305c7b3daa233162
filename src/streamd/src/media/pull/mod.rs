//! Streams that are pulled: each has a task that opens its source while somebody watches, and lets go of it after the
//! last has gone.
//!
//! The protocols are the crate `fql-pull`'s, which knows nothing of streams; a [`Publication`] takes what it reads, as of
//! any publisher. Who watches is known to the threads that own the streams: they tell [`Sources`].
//!
//! [`Publication`]: super::Publication

mod line;
mod publishing;
mod sources;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tokio::sync::Mutex;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinHandle;

use super::Media;
use crate::config;
use crate::service::{Service, Source};
use crate::webhooks::{Backoff, Targets};
use line::Line;
pub(super) use sources::Sources;

/// The first wait before a source that failed is tried again.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// What holds for all sources.
#[derive(Clone)]
struct Settings {
    is_enabled: bool,
    grace: Duration,
    backoff: Backoff,
    rules: fql_pull::Rules,
}

impl Settings {
    fn new(config: &config::Pull) -> Self {
        Self {
            is_enabled: config.enabled,
            grace: config.grace,
            backoff: Backoff { first: FIRST_WAIT, longest: config.longest_wait, patience: i64::MAX },
            rules: fql_pull::Rules { judge: Arc::new(Networks::new(config)), patience: config.timeout },
        }
    }
}

/// The tasks of all pulled streams. Dropping it lets go of all sources.
pub struct Pulls(JoinHandle<()>);

impl Pulls {
    /// Pulls from now on, as configured.
    pub fn start(config: &config::Pull, service: Service, media: Arc<Media>) -> Self {
        let changed = media.sources.changes();
        let mut tasks = Tasks { settings: Settings::new(config), service, media, running: HashMap::new() };
        for entry in tasks.service.directory().pulled() {
            tasks.follow(&entry.id);
        }
        Self(tokio::spawn(tasks.run(changed)))
    }
}

impl Drop for Pulls {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The tasks, by the ids of their streams.
struct Tasks {
    settings: Settings,
    service: Service,
    media: Arc<Media>,
    running: HashMap<String, Task>,
}

/// One stream's. Dropping it ends it.
struct Task {
    source: Source,
    /// Held for as long as anything of a task of this stream is left.
    turn: Arc<Mutex<()>>,
    handle: JoinHandle<()>,
}

impl Tasks {
    async fn run(mut self, changed: Option<UnboundedReceiver<String>>) {
        let Some(mut changed) = changed else { return };
        while let Some(stream) = changed.recv().await {
            self.follow(&stream);
        }
    }

    /// Brings the task of a stream to what the stream is now.
    fn follow(&mut self, stream: &str) {
        let source = self.service.directory().by_id(stream).and_then(|entry| entry.source.clone());
        let Some(source) = source else {
            self.running.remove(stream);
            return self.media.sources.remove(stream);
        };
        if self.running.get(stream).is_some_and(|task| task.source == source) {
            return;
        }
        let before = self.running.remove(stream);
        let (wanted, status) = self.media.sources.add(stream);
        let line = Line {
            service: self.service.clone(),
            media: Arc::clone(&self.media),
            settings: self.settings.clone(),
            stream: stream.to_owned(),
            source: source.clone(),
            wanted,
            status,
        };
        self.running.insert(stream.to_owned(), Task::after(before, source, line.run()));
    }
}

impl Task {
    /// Ends the task before, which lets go of its source first: two connections are one more than many sources take.
    fn after(before: Option<Self>, source: Source, run: impl Future<Output = ()> + Send + 'static) -> Self {
        let turn = before.as_ref().map_or_else(Arc::default, |task| Arc::clone(&task.turn));
        drop(before);
        let next = Arc::clone(&turn);
        let handle = tokio::spawn(async move {
            // A task that is told to end does so later, on a thread of its own choice.
            let _turn = next.lock().await;
            run.await;
        });
        Self { source, turn, handle }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.handle.abort();
    }
}

/// Where sources may be.
struct Networks {
    targets: Targets,
    allow_private: bool,
    allowed: Vec<IpNet>,
}

impl Networks {
    fn new(config: &config::Pull) -> Self {
        let config::Pull { allow_private, allowed_networks, .. } = config;
        let targets = Targets::of(*allow_private, allowed_networks.clone());
        Self { targets, allow_private: *allow_private, allowed: allowed_networks.clone() }
    }
}

impl fql_pull::Judge for Networks {
    fn may_connect(&self, address: IpAddr) -> bool {
        self.targets.allow(address)
    }

    fn may_listen(&self, address: IpAddr) -> bool {
        self.allow_private || self.allowed.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests;
