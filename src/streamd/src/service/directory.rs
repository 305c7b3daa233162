//! The streams as media needs them: in memory, found by key id and playback ID, changed the moment a stream is.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use fql_transport::{Fec, Key, KeyId};
use sha2::{Digest, Sha256};

/// What media needs to know of a stream.
#[derive(Debug, Clone)]
pub struct Entry {
    /// `str_…`
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its public playback ID.
    pub playback_id: String,
    /// What publishers name its key by.
    pub key_id: KeyId,
    /// The pre-shared key of its publishing sessions.
    pub key: Key,
    /// SHA-256 of its text, by which one is known that comes over HTTP.
    pub key_digest: [u8; 32],
    /// How many layers it has at most, 1 to 15.
    pub layers: u8,
    /// How it is protected.
    pub fec: Fec,
    /// How much of it the hub keeps.
    pub ring: Ring,
    /// Whether its media is dropped now.
    pub paused: bool,
    /// What encrypts connections by SRT; none where they are not.
    pub srt_passphrase: Option<Passphrase>,
    /// Where it is pulled from; none where it is pushed.
    pub source: Option<Source>,
}

/// Where a stream is pulled from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What is opened.
    pub address: fql_pull::Address,
    /// Whether that is so while nobody watches, too.
    pub always: bool,
}

/// A secret that is never written to a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(String);

impl Passphrase {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for whoever encrypts with it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}

impl Entry {
    /// Whether this is the stream's key, as text. The id that a key is found by is public: it proves nothing.
    pub fn is_key(&self, stream_key: &str) -> bool {
        let digest: [u8; 32] = Sha256::digest(stream_key.as_bytes()).into();
        // Of two digests of which one is secret, how far they agree says nothing of the key.
        self.key_digest == digest
    }
}

/// The bounds of what the hub keeps of a stream: whichever is reached first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ring {
    /// Seconds of media.
    pub seconds: u32,
    /// Bytes of media.
    pub bytes: u64,
}

/// All streams that are not archived.
#[derive(Debug, Default)]
pub struct Directory(RwLock<Maps>);

#[derive(Debug, Default)]
struct Maps {
    by_id: HashMap<String, Arc<Entry>>,
    by_key: HashMap<KeyId, Arc<Entry>>,
    by_playback_id: HashMap<String, Arc<Entry>>,
    by_name: HashMap<String, Arc<Entry>>,
}

impl Directory {
    /// The stream whose publishers name their key so.
    pub fn by_key_id(&self, key_id: &KeyId) -> Option<Arc<Entry>> {
        self.read(|maps| maps.by_key.get(key_id).cloned())
    }

    /// The stream with this playback ID.
    pub fn by_playback_id(&self, playback_id: &str) -> Option<Arc<Entry>> {
        self.read(|maps| maps.by_playback_id.get(playback_id).cloned())
    }

    /// The stream of this name.
    pub fn by_name(&self, name: &str) -> Option<Arc<Entry>> {
        self.read(|maps| maps.by_name.get(name).cloned())
    }

    /// The stream with this id.
    pub fn by_id(&self, id: &str) -> Option<Arc<Entry>> {
        self.read(|maps| maps.by_id.get(id).cloned())
    }

    /// Those that are pulled.
    pub fn pulled(&self) -> Vec<Arc<Entry>> {
        self.read(|maps| maps.by_id.values().filter(|entry| entry.source.is_some()).cloned().collect())
    }

    /// How many streams there are.
    pub fn len(&self) -> usize {
        self.read(|maps| maps.by_id.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn put(&self, entry: Entry) {
        let mut maps = self.0.write().unwrap_or_else(PoisonError::into_inner);
        maps.take(&entry.id);
        let entry = Arc::new(entry);
        maps.by_id.insert(entry.id.clone(), Arc::clone(&entry));
        maps.by_key.insert(entry.key_id, Arc::clone(&entry));
        maps.by_playback_id.insert(entry.playback_id.clone(), Arc::clone(&entry));
        maps.by_name.insert(entry.name.clone(), entry);
    }

    pub(super) fn remove(&self, id: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).take(id);
    }

    fn read<T>(&self, look: impl FnOnce(&Maps) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Maps {
    fn take(&mut self, id: &str) {
        let Some(entry) = self.by_id.remove(id) else { return };
        self.by_key.remove(&entry.key_id);
        self.by_playback_id.remove(&entry.playback_id);
        self.by_name.remove(&entry.name);
    }
}
