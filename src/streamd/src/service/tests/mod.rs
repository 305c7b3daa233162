//! The rules, without HTTP.

mod dashboard;
mod keys;
mod streams;

use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::*;

/// A service on a folder of its own.
pub(super) struct Bench {
    pub(super) service: Service,
    pub(super) admin: Caller,
    pub(super) media: Arc<Media>,
    folder: TempDir,
}

impl Bench {
    pub(super) async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    pub(super) async fn with(settings: Settings) -> Self {
        Self::on(TempDir::new().unwrap(), settings).await
    }

    async fn on(folder: TempDir, settings: Settings) -> Self {
        let store = Store::open(folder.path()).await.unwrap();
        let service = Service::new(store, settings).await.unwrap();
        service.ensure_administrator(Some(ADMIN), |_| {}).await.unwrap();
        let media = Arc::new(Media::default());
        service.attach(media.clone());
        let admin = service.authenticate(ADMIN).await.unwrap();
        Self { service, admin, media, folder }
    }

    /// The same after a restart.
    pub(super) async fn restart(self) -> Self {
        let Self { service, folder, .. } = self;
        let settings = service.settings().clone();
        service.store().close().await;
        drop(service);
        Self::on(folder, settings).await
    }

    pub(super) async fn create(&self, name: &str) -> Stream {
        let mut change = self.service.begin(&self.admin).await.unwrap();
        let stream = change.create_stream(named(name)).await.unwrap();
        change.commit().await.unwrap();
        stream
    }

    /// A new key, as its callers.
    pub(super) async fn caller(&self, scopes: &[Scope], limits: Limits) -> Caller {
        let mut change = self.service.begin(&self.admin).await.unwrap();
        let key = change.create_key(new_key(scopes, limits)).await.unwrap();
        change.commit().await.unwrap();
        self.service.authenticate(key.key.as_deref().unwrap()).await.unwrap()
    }
}

pub(super) const ADMIN: &str = "ak_abcdefghijklmnopqrstuvwxyz234567";

pub(super) fn named(name: &str) -> NewStream {
    NewStream { name: name.to_owned(), ..NewStream::default() }
}

pub(super) fn new_key(scopes: &[Scope], limits: Limits) -> NewKey {
    NewKey { name: "a key".to_owned(), scopes: scopes.to_vec(), limits: Some(limits), expires_at: None }
}

/// The fields that an error names.
pub(super) fn fields(error: Error) -> Vec<String> {
    match error {
        Error::Invalid(errors) => errors.into_iter().map(|error| error.field).collect(),
        other => panic!("{other} names no fields"),
    }
}

/// Media that does what a test says, and remembers what it was told.
#[derive(Default)]
pub(super) struct Media {
    pub(super) live: Mutex<Vec<String>>,
    pub(super) told: Mutex<Vec<(String, LiveChange)>>,
}

impl Live for Media {
    fn server_key(&self) -> Option<String> {
        Some("server-key".to_owned())
    }

    fn is_live(&self, stream: &str) -> bool {
        self.live.lock().unwrap().iter().any(|live| live == stream)
    }

    fn stats(&self, stream: &str) -> Option<LiveStats> {
        self.is_live(stream).then(|| LiveStats { viewers: 3, ..LiveStats::default() })
    }

    fn changed(&self, stream: &str, change: LiveChange) {
        self.told.lock().unwrap().push((stream.to_owned(), change));
    }
}
