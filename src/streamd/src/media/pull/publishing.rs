//! What comes from a source, on its way to the hub.

use std::net::SocketAddr;
use std::sync::Arc;

use fql_pull::{Address, Scheme, Sink, Stopped, Unit};
use fql_transport::ReceiverEvent;
use fql_unit::TrackTable;

use crate::media::{Media, Origin, Protocol, Publication, SourceUnit};
use crate::service::Entry;

/// A publisher that is there once the source has said what its tracks are.
pub(super) struct Publishing<'a> {
    media: &'a Media,
    entry: Arc<Entry>,
    scheme: Scheme,
    peer: Option<SocketAddr>,
    publication: Option<Publication>,
    when_live: Option<Box<dyn FnOnce(Option<String>) + Send>>,
    is_live: bool,
}

impl<'a> Publishing<'a> {
    pub fn new(media: &'a Media, entry: Arc<Entry>, address: &Address) -> Self {
        let scheme = address.scheme();
        Self { media, entry, scheme, peer: None, publication: None, when_live: None, is_live: false }
    }

    /// What to do when the first media has come, with the address that it comes from.
    pub fn when_live(&mut self, act: impl FnOnce(Option<String>) + Send + 'static) {
        self.when_live = Some(Box::new(act));
    }

    /// Whether media has come.
    pub fn is_live(&self) -> bool {
        self.is_live
    }

    /// What was connected to.
    pub fn address(&self) -> Option<String> {
        self.peer.map(|peer| peer.to_string())
    }

    /// The publication, which begins with the first that is known of the media.
    async fn publication(&mut self) -> Result<&mut Publication, Stopped> {
        if self.publication.is_none() {
            let address = self.peer.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)));
            let origin = Origin { protocol: Protocol::Pulled(self.scheme), address };
            match self.media.publish_pulled(Arc::clone(&self.entry), origin).await {
                Ok(publication) => self.publication = Some(publication),
                Err(refused) => {
                    tracing::warn!(stream = self.entry.id, %refused, "a source cannot be published");
                    return Err(Stopped);
                }
            }
        }
        self.publication.as_mut().ok_or(Stopped)
    }

    fn goes_live(&mut self) {
        self.is_live = true;
        if let Some(act) = self.when_live.take() {
            act(self.address());
        }
    }

    /// The stream is offline at once.
    pub fn end(self) {
        if let Some(publication) = self.publication {
            publication.end();
        }
    }
}

impl Sink for Publishing<'_> {
    fn connected(&mut self, peer: SocketAddr) {
        self.peer = Some(peer);
    }

    async fn tracks(&mut self, tracks: TrackTable) -> Result<(), Stopped> {
        self.publication().await?.tracks(tracks).map_err(|_| Stopped)
    }

    async fn relay(&mut self, event: ReceiverEvent) -> Result<(), Stopped> {
        let is_media = matches!(event, ReceiverEvent::Shard(_));
        self.publication().await?.relay(event).map_err(|_| Stopped)?;
        if is_media {
            self.goes_live();
        }
        Ok(())
    }

    fn unit(&mut self, unit: Unit) -> Result<(), Stopped> {
        let Unit { track, dts, pts, duration, key, data } = unit;
        let unit = SourceUnit { track, dts, pts, duration, key, data };
        self.publication.as_mut().ok_or(Stopped)?.unit(unit).map_err(|_| Stopped)?;
        self.goes_live();
        Ok(())
    }
}
