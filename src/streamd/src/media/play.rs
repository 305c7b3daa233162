//! What anybody may ask about a stream by its playback ID: how it can be played, and a WebSocket that plays it.

use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use axum::{Extension, Router};
use fql_unit::{Media as TrackMedia, Track, TrackTable};
use jiff::Timestamp;
use serde::Serialize;

use super::figures::{codec, kind};
use super::hls::{self, Hls};
use super::web;
use super::web::webtransport::Identity;
use super::{Media, Takes};
use crate::api::problem::{Kind, Problem};
use crate::config::Addresses;
use crate::http::client::Client;
use crate::service::{Entry, Live, Service, SourceState, SourceStatus};

/// Every way to play a stream.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Playable {
    playback_id: String,
    name: String,
    state: &'static str,
    /// How it goes with the source of a stream that is pulled: for those who wait for the first picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Progress>,
    /// What viewers know the server by, base64url without padding.
    server_key: String,
    sources: Vec<Source>,
    tracks: Vec<PlayableTrack>,
}

/// What a source does, as far as everybody may know: why one fails is its owner's business.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    state: SourceState,
    /// When it is tried again: from now, as clocks differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_in_ms: Option<u64>,
}

/// One way to play a stream.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    protocol: &'static str,
    uri: String,
    /// SHA-256 hashes, base64, of the certificate in use and of the next one, where browsers know it by those.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    certificate_hashes: Vec<String>,
}

/// A track of a stream.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlayableTrack {
    id: u8,
    kind: &'static str,
    codec: &'static str,
    name: String,
    layers: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample_rate: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channels: Option<u8>,
}

#[derive(Clone)]
struct Play {
    service: Service,
    media: Arc<Media>,
    addresses: Arc<Addresses>,
    /// What WebTransport is known by, where there is any.
    identity: Option<Identity>,
    hls: Hls,
}

/// How a request came.
struct Asked<'a> {
    host: Option<&'a str>,
    secure: bool,
}

/// `/play/{playback ID}` as JSON, for programs anywhere, and `/play/{playback ID}/ws`.
pub fn router<S: Clone + Send + Sync + 'static>(
    service: Service,
    media: Arc<Media>,
    addresses: Addresses,
    identity: Option<Identity>,
    hls: Hls,
) -> Router<S> {
    Router::new()
        .route("/play/{playback_id}", get(play))
        .route("/play/{playback_id}/ws", get(websocket))
        .with_state(Play { service, media, addresses: Arc::new(addresses), identity, hls })
}

async fn play(
    State(play): State<Play>,
    Extension(client): Extension<Client>,
    Path(playback_id): Path<String>,
    headers: HeaderMap,
) -> Response {
    if let Some((playback_id, form)) = hls::form(&playback_id) {
        return play.hls.progressive(playback_id, form, client, &headers).await;
    }
    let answer = match play.service.directory().by_playback_id(&playback_id) {
        Some(entry) => Json(play.describe(&entry, &asked(&headers, client))).into_response(),
        None => no_such_stream(),
    };
    ([(header::CACHE_CONTROL, "no-store")], answer).into_response()
}

/// A session over WebSocket.
async fn websocket(
    State(play): State<Play>,
    Extension(client): Extension<Client>,
    Path(playback_id): Path<String>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if play.service.directory().by_playback_id(&playback_id).is_none() {
        return no_such_stream();
    }
    match upgrade {
        Ok(upgrade) => web::upgrade(play.media.web(), client.address, upgrade),
        Err(rejection) => Problem::new(Kind::MalformedRequest, rejection.body_text()).into_response(),
    }
}

fn no_such_stream() -> Response {
    Problem::new(Kind::NotFound, "no stream has this playback ID").into_response()
}

fn asked(headers: &HeaderMap, client: Client) -> Asked<'_> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    Asked { host, secure: client.secure }
}

impl Play {
    fn describe(&self, entry: &Entry, asked: &Asked<'_>) -> Playable {
        let is_live = self.media.is_live(&entry.id);
        let tracks = self.media.tracks(&entry.id).filter(|_| is_live).unwrap_or_default();
        Playable {
            playback_id: entry.playback_id.clone(),
            name: entry.name.clone(),
            state: match (entry.paused, is_live) {
                (true, _) => "paused",
                (false, true) => "live",
                (false, false) if entry.source.is_some() => "idle",
                (false, false) => "offline",
            },
            source: self.media.source(&entry.id).map(Progress::of),
            server_key: self.media.public_key().to_string(),
            sources: self.sources(entry, &tracks, asked),
            tracks: tracks.tracks().iter().map(PlayableTrack::of).collect(),
        }
    }

    /// Every way to play, the best for a browser first.
    fn sources(&self, entry: &Entry, tracks: &TrackTable, asked: &Asked<'_>) -> Vec<Source> {
        let playback_id = &entry.playback_id;
        // What a source that is not open will bring is not known, and it is opened by whoever plays it.
        let is_unknown = entry.source.is_some() && tracks.tracks().is_empty();
        let webtransport = self.identity.iter().flat_map(|identity| {
            let source = |address| Source {
                protocol: "webtransport",
                uri: format!("https://{address}/play/{playback_id}"),
                certificate_hashes: identity.hashes(),
            };
            self.addresses.webtransport(asked.host).into_iter().map(source)
        });
        let websocket = self.addresses.websocket(asked.host, asked.secure);
        let websocket = Source {
            protocol: "websocket",
            uri: format!("{websocket}/play/{playback_id}/ws"),
            certificate_hashes: Vec::new(),
        };
        let whep = self.addresses.has_rtc().then(|| Source {
            protocol: "whep",
            uri: format!("{}/play/{playback_id}/webrtc", self.addresses.http(asked.host, asked.secure)),
            certificate_hashes: Vec::new(),
        });
        let server_key = self.media.public_key();
        let fql = self.addresses.fql(asked.host).into_iter().map(|address| Source {
            protocol: "fql",
            uri: format!("fql://{address}/play/{playback_id}?server-key={server_key}"),
            certificate_hashes: Vec::new(),
        });
        let srt = self.addresses.srt(asked.host).map(|address| Source {
            protocol: "srt",
            uri: format!("srt://{address}?streamid={playback_id}"),
            certificate_hashes: Vec::new(),
        });
        let has_rtsp = is_unknown
            || self.media.plays(tracks, Takes::RTP).is_any()
            || !fql_rtsp::Description::new(tracks).is_empty();
        let rtsp = self.addresses.rtsp(asked.host).filter(|_| has_rtsp).map(|address| Source {
            protocol: "rtsp",
            uri: format!("rtsp://{address}/{playback_id}"),
            certificate_hashes: Vec::new(),
        });
        let http = self.addresses.http(asked.host, asked.secure);
        let others = by_http(&self.media, tracks, is_unknown).map(|(protocol, ending)| Source {
            protocol,
            uri: format!("{http}/play/{playback_id}{ending}"),
            certificate_hashes: Vec::new(),
        });
        webtransport.chain([websocket]).chain(whep).chain(fql).chain(srt).chain(rtsp).chain(others).collect()
    }
}

/// What a stream with these tracks plays as over HTTP, by the name of the protocol and the end of its address. Nothing
/// while nobody publishes; what it most likely will where its tracks are not known yet.
fn by_http(
    media: &Media,
    tracks: &TrackTable,
    is_unknown: bool,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let segments = is_unknown || media.plays(tracks, Takes::FRAGMENTS).is_any();
    let ways = [
        (segments, "hls", "/hls/index.m3u8"),
        (segments, "dash", "/cmaf/index.mpd"),
        (segments, "mp4", ".mp4"),
        (
            is_unknown
                || media.plays(tracks, Takes::TELEVISION).is_any()
                || fql_mpegts::Muxer::new(tracks).is_ok(),
            "ts",
            ".ts",
        ),
        (is_unknown || media.plays(tracks, Takes::AAC).audio, "aac", ".aac"),
    ];
    ways.into_iter().filter(|(plays, ..)| *plays).map(|(_, protocol, ending)| (protocol, ending))
}

impl Progress {
    fn of(status: SourceStatus) -> Self {
        let wait = status.retry_at.map(|at| at.duration_since(Timestamp::now()).as_millis());
        Self { state: status.state, retry_in_ms: wait.map(|wait| u64::try_from(wait).unwrap_or(0)) }
    }
}

impl PlayableTrack {
    fn of(track: &Track) -> Self {
        let (mut size, mut sound) = (None, None);
        match &track.media {
            TrackMedia::Video(video) => size = Some((video.width, video.height)),
            TrackMedia::Audio(audio) => sound = Some((audio.rate, audio.channels)),
            TrackMedia::EncodedVideo(video) => size = Some((video.width, video.height)),
            TrackMedia::EncodedAudio(audio) => sound = Some((audio.rate, audio.channels)),
            TrackMedia::Data(_) => {}
        }
        Self {
            id: track.id,
            kind: kind(&track.media),
            codec: codec(&track.media),
            name: track.name.clone(),
            layers: track.layers,
            width: size.map(|(width, _)| width),
            height: size.map(|(_, height)| height),
            sample_rate: sound.map(|(rate, _)| rate),
            channels: sound.map(|(_, channels)| channels),
        }
    }
}
