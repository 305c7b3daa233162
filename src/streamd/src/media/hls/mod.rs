//! HLS, Low-Latency HLS, DASH and progressive MP4, MPEG-TS and AAC: what ordinary players fetch over HTTP.
//!
//! One [`Channel`] a stream subscribes to it when the first player asks, and ends some time after the last one did.
//! Names of segments never come again, so caches may keep them; playlists are made once for all who ask.

mod answer;
mod audience;
mod channel;
mod pages;
mod progressive;
mod query;
mod transport;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use axum::Router;
use axum::http::{HeaderName, Method, header};
use axum::routing::get;
use tower_http::cors::{Any, CorsLayer};

use super::Media;
use crate::service::{Entry, Live, Service};
use channel::Channel;

pub(super) use progressive::form;

/// The channels of all streams that are played so.
#[derive(Clone)]
pub struct Hls(Arc<Inner>);

struct Inner {
    service: Service,
    media: Arc<Media>,
    channels: Mutex<HashMap<String, Weak<Channel>>>,
}

/// Why a stream cannot be played so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unplayable {
    #[error("no stream has this playback ID")]
    UnknownStream,
    #[error("the stream is offline")]
    Offline,
    #[error("the stream is not live: its source is {0}")]
    Source(&'static str),
    #[error("the stream is paused")]
    Paused,
    #[error("the stream has no track of pictures or sound, which players of HLS and DASH take")]
    NoTrack,
    #[error(
        "the stream has no track that segments of MPEG-TS can carry: H.264, H.265, AAC, Opus or MPEG audio"
    )]
    NoTransport,
    #[error("{0}")]
    Unconverted(String),
    #[error("the stream has not begun yet: no key frame came in time")]
    NotBegun,
}

/// Who plays, and by what.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Player {
    pub address: IpAddr,
    pub protocol: &'static str,
    /// What the program says that it is: several may play from behind one address.
    pub agent: String,
}

impl Hls {
    /// For the streams of this service.
    pub fn new(service: Service, media: Arc<Media>) -> Self {
        Self(Arc::new(Inner { service, media, channels: Mutex::default() }))
    }

    /// Has the source of a stream opened, where it is pulled: for those who begin to play.
    async fn wake(&self, playback_id: &str) {
        if let Ok(entry) = self.entry(playback_id) {
            self.0.media.wake(&entry.id).await;
        }
    }

    /// The channel of a stream, which begins now if nobody has asked before.
    fn channel(&self, playback_id: &str) -> Result<Arc<Channel>, Unplayable> {
        let entry = self.entry(playback_id)?;
        let mut channels = self.channels();
        if let Some(channel) = channels.get(&entry.id).and_then(Weak::upgrade)
            && !channel.has_stopped()
        {
            return Ok(channel);
        }
        if !self.0.media.is_live(&entry.id) {
            return Err(self.not_live(&entry));
        }
        channels.retain(|_, channel| channel.strong_count() > 0);
        let channel = Channel::start(&self.0.media, playback_id).map_err(|_| Unplayable::UnknownStream)?;
        channels.insert(entry.id.clone(), Arc::downgrade(&channel));
        Ok(channel)
    }

    fn entry(&self, playback_id: &str) -> Result<Arc<Entry>, Unplayable> {
        let entry =
            self.0.service.directory().by_playback_id(playback_id).ok_or(Unplayable::UnknownStream)?;
        if entry.paused { Err(Unplayable::Paused) } else { Ok(entry) }
    }

    /// Why a stream is not played that is not live.
    fn not_live(&self, entry: &Entry) -> Unplayable {
        let source = self.0.media.source(&entry.id);
        source.map_or(Unplayable::Offline, |status| Unplayable::Source(status.state.name()))
    }

    fn channels(&self) -> MutexGuard<'_, HashMap<String, Weak<Channel>>> {
        self.0.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Playlists and media of `/play/{playback ID}/hls` and `/cmaf`, for pages of all origins. Players ask many times a second:
/// no rate of requests is set for them.
pub fn router(hls: Hls) -> Router {
    let headers = ["content-length", "content-range", "date", "x-request-id"];
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers([header::RANGE, header::CONTENT_TYPE])
        .expose_headers(headers.map(HeaderName::from_static))
        // The answer is the same for all origins: caches need not hold one for each.
        .vary(Vec::new());
    Router::new()
        .route("/play/{playback_id}/hls/{file}", get(pages::playlist))
        .route("/play/{playback_id}/hls/ts.m3u8", get(transport::playlist))
        .route("/play/{playback_id}/hls/ts/{file}", get(transport::media))
        .route("/play/{playback_id}/hls/{rendition}/{file}", get(pages::media))
        .route("/play/{playback_id}/cmaf/{file}", get(pages::description))
        .layer(cors)
        .with_state(hls)
}
