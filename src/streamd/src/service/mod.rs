//! The rules: what streams and API keys are, who may do what with them, and what follows from it. No HTTP here: a face
//! that speaks another language stands on the same functions.

mod answers;
mod change;
mod checks;
pub mod dashboard;
mod directory;
mod error;
mod event;
pub mod keys;
mod live;
pub mod page;
mod scope;
pub mod sources;
pub mod stream_key;
mod stream_limits;
pub mod streams;

use std::sync::{Arc, OnceLock};

use tokio::sync::{Mutex, Notify};

pub use change::Change;
pub use dashboard::{DashboardSession, NewSession, SignedIn};
pub use directory::{Directory, Entry, Passphrase, Ring, Source};
pub use error::{Error, FieldError, Result};
pub use event::{Event, EventKind};
pub use keys::{ApiKey, Caller, Limits, NewKey, OwnKey, Usage};
pub use live::{
    CarrierCounts, Live, LiveChange, LiveStats, NoMedia, PacketStats, PublisherStats, TrackStats,
};
pub use page::{Cursor, Page, PageRequest};
pub use scope::{Scope, Scopes};
pub use sources::{SourceEvent, SourceOutcome, SourceState, SourceStatus};
pub use streams::{NewStream, State, Stream, StreamChanges, StreamStats, Viewer};

use crate::config::Config;
use crate::store::Store;
use change::Effect;
use checks::AUTO;
use streams::{IngestUrls, PlaybackUrls};

/// What the rules depend on and an operator chooses.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The region of this node.
    pub region: String,
    /// Where the HTTP side is reached from outside, without a slash at its end: `http://127.0.0.1:8080`.
    pub public_url: String,
    /// Where FQL is reached from outside: `127.0.0.1:4242`.
    pub fql_authority: String,
    /// The same of RTMP; none where there is none.
    pub rtmp_authority: Option<String>,
    /// The same of SRT.
    pub srt_authority: Option<String>,
    /// Whether media comes and goes by WebRTC.
    pub has_rtc: bool,
    /// How much of a stream the hub keeps where the stream says nothing.
    pub ring: Ring,
    /// How many streams there may be that are not archived.
    pub max_streams: u64,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        let fql_authority = config.media_addresses().into_iter().next();
        Self {
            region: config.region.clone(),
            public_url: config.public_url(),
            fql_authority: fql_authority.expect("there is one media address at least"),
            rtmp_authority: config.address_of(config.rtmp.listen),
            srt_authority: config.address_of(config.srt.listen),
            has_rtc: config.rtc.listen.is_some(),
            ring: Ring { seconds: config.ring.seconds, bytes: config.ring.bytes },
            max_streams: config.limits.streams,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::from(&Config::default())
    }
}

/// The one place where streams and API keys are ruled. Clones are the same service.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

struct Inner {
    store: Store,
    settings: Settings,
    directory: Directory,
    live: OnceLock<Arc<dyn Live>>,
    turns: Arc<Mutex<()>>,
    recorded: Arc<Notify>,
}

impl Service {
    /// The service over `store`; the directory is full when this returns.
    pub async fn new(store: Store, settings: Settings) -> Result<Self> {
        let service = Self(Arc::new(Inner {
            store,
            settings,
            directory: Directory::default(),
            live: OnceLock::new(),
            turns: Arc::default(),
            recorded: Arc::default(),
        }));
        service.load_streams().await?;
        Ok(service)
    }

    /// Tells it of the hub. The hub needs the directory first, so it cannot be there from the start; a second one is
    /// ignored.
    pub fn attach(&self, live: Arc<dyn Live>) {
        let _ = self.0.live.set(live);
    }

    /// The streams as media needs them.
    pub fn directory(&self) -> &Directory {
        &self.0.directory
    }

    /// What an operator chose.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// What outlives the process.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The hub, as far as there is one.
    pub fn live(&self) -> &dyn Live {
        self.0.live.get().map_or(&NoMedia, AsRef::as_ref)
    }

    /// Where the stream of this name is published to.
    pub fn ingest_urls(&self, name: &str) -> IngestUrls {
        let Settings { public_url, fql_authority, rtmp_authority, srt_authority, has_rtc, .. } =
            self.settings();
        IngestUrls {
            fql: format!("udp://{fql_authority}/{name}"),
            rtmp: rtmp_authority.as_ref().map(|address| format!("rtmp://{address}/live")),
            srt: srt_authority.as_ref().map(|address| format!("srt://{address}")),
            whip: has_rtc.then(|| format!("{public_url}/whip")),
        }
    }

    /// Where the stream is watched.
    pub fn playback_urls(&self, name: &str, playback_id: &str) -> PlaybackUrls {
        let Settings { public_url, fql_authority, .. } = self.settings();
        let server_key = self.live().server_key().map(|key| format!("?server-key={key}")).unwrap_or_default();
        PlaybackUrls {
            page: format!("{public_url}/v/{name}"),
            play: format!("{public_url}/play/{playback_id}"),
            fql: format!("fql://{fql_authority}/play/{playback_id}{server_key}"),
        }
    }

    /// Notified after each change that is made: it may have recorded events for webhooks.
    pub fn recorded(&self) -> &Arc<Notify> {
        &self.0.recorded
    }

    fn turns(&self) -> Arc<Mutex<()>> {
        Arc::clone(&self.0.turns)
    }

    fn resolve_region<'a>(&'a self, region: &'a str) -> &'a str {
        if region == AUTO { &self.settings().region } else { region }
    }

    fn follow(&self, effect: Effect) {
        match effect {
            Effect::Put(entry) => self.directory().put(*entry),
            Effect::Remove(id) => self.directory().remove(&id),
            Effect::Tell(id, change) => self.live().changed(&id, change),
        }
    }
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Service").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
