//! What anybody may ask about a stream by its playback ID: how it can be played, and a page for people.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::get;
use fql_unit::{Media as TrackMedia, Track};
use serde::Serialize;

use super::Media;
use super::figures::{codec, kind};
use crate::api::problem::{Kind, Problem};
use crate::service::{Entry, Live, Service};

/// Every way to play a stream.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Playable {
    playback_id: String,
    name: String,
    state: &'static str,
    /// What viewers know the server by, base64url without padding.
    server_key: String,
    sources: Vec<Source>,
    tracks: Vec<PlayableTrack>,
}

/// One way to play a stream.
#[derive(Debug, Serialize)]
pub struct Source {
    protocol: &'static str,
    uri: String,
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
}

/// `/play/{playback ID}` as JSON, for programs anywhere, and `/v/{name or playback ID}` for people.
pub fn router<S: Clone + Send + Sync + 'static>(service: Service, media: Arc<Media>) -> Router<S> {
    Router::new()
        .route("/play/{playback_id}", get(play))
        .route("/v/{stream}", get(page))
        .with_state(Play { service, media })
}

async fn play(State(play): State<Play>, Path(playback_id): Path<String>) -> Response {
    let answer = match play.service.directory().by_playback_id(&playback_id) {
        Some(entry) => Json(play.describe(&entry)).into_response(),
        None => Problem::new(Kind::NotFound, "no stream has this playback ID").into_response(),
    };
    ([(header::CACHE_CONTROL, "no-store")], answer).into_response()
}

async fn page(State(play): State<Play>, Path(stream): Path<String>) -> Response {
    let directory = play.service.directory();
    match directory.by_name(&stream).or_else(|| directory.by_playback_id(&stream)) {
        Some(entry) => {
            let html = html(&play.describe(&entry));
            ([(header::CACHE_CONTROL, "no-store")], Html(html)).into_response()
        }
        None => {
            (StatusCode::NOT_FOUND, Html(frame("No such stream", "<p>There is no stream of this name.</p>")))
                .into_response()
        }
    }
}

impl Play {
    fn describe(&self, entry: &Entry) -> Playable {
        let urls = self.service.playback_urls(&entry.name, &entry.playback_id);
        let is_live = self.media.is_live(&entry.id);
        let tracks = self.media.tracks(&entry.id).filter(|_| is_live).unwrap_or_default();
        Playable {
            playback_id: entry.playback_id.clone(),
            name: entry.name.clone(),
            state: match (entry.paused, is_live) {
                (true, _) => "paused",
                (false, true) => "live",
                (false, false) => "offline",
            },
            server_key: self.media.public_key().to_string(),
            sources: vec![Source { protocol: "fql", uri: urls.fql }],
            tracks: tracks.tracks().iter().map(PlayableTrack::of).collect(),
        }
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

fn html(stream: &Playable) -> String {
    let mut body = format!("<p class=\"state {0}\">{0}</p>\n", stream.state);
    if !stream.tracks.is_empty() {
        body += "<table><tr><th>track</th><th>kind</th><th>codec</th><th>layers</th></tr>\n";
        for track in &stream.tracks {
            let name = if track.name.is_empty() { track.id.to_string() } else { escape(&track.name) };
            body += &format!(
                "<tr><td>{name}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                track.kind, track.codec, track.layers
            );
        }
        body += "</table>\n";
    }
    body += "<h2>Watch it</h2>\n";
    body += &format!("<pre>stream play {}</pre>\n", escape(&stream.playback_id));
    for source in &stream.sources {
        body += &format!("<pre>gst-launch-1.0 playbin3 uri=\"{}\"</pre>\n", escape(&source.uri));
    }
    frame(&escape(&stream.name), &body)
}

/// A page around a body; both are HTML already.
fn frame(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width\"><meta http-equiv=\"refresh\" content=\"10\">\n\
         <style>{STYLE}</style></head>\n<body><main><h1>{title}</h1>\n{body}</main></body></html>\n"
    )
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:45rem;padding:0 1rem;\
color:#1c1c1c;background:#fff}pre{background:#f2f2f2;padding:.75rem;border-radius:.4rem;overflow-x:auto}\
table{border-collapse:collapse}td,th{padding:.25rem 1rem .25rem 0;text-align:left}\
.state{display:inline-block;padding:.1rem .7rem;border-radius:1rem;background:#ddd}.live{background:#c00;color:#fff}\
@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}pre{background:#262626}.state{background:#444}\
.live{background:#c00}}";

/// Text as HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(name: &str, tracks: Vec<PlayableTrack>) -> Playable {
        let uri = "fql://127.0.0.1:4242/play/abc?server-key=xyz".to_owned();
        Playable {
            playback_id: "abc".to_owned(),
            name: name.to_owned(),
            state: "live",
            server_key: "xyz".to_owned(),
            sources: vec![Source { protocol: "fql", uri }],
            tracks,
        }
    }

    #[test]
    fn what_a_publisher_calls_its_tracks_cannot_script_the_page() {
        let track = PlayableTrack {
            id: 0,
            kind: "video",
            codec: "fql",
            name: "<script>alert('&')</script>".to_owned(),
            layers: 12,
            width: None,
            height: None,
            sample_rate: None,
            channels: None,
        };
        let page = html(&stream("news", vec![track]));
        assert!(
            page.contains("&lt;script&gt;alert('&amp;')&lt;/script&gt;") && !page.contains("<script"),
            "{page}"
        );
    }

    #[test]
    fn the_page_tells_how_to_watch() {
        let page = html(&stream("news", Vec::new()));
        assert!(
            page.contains("stream play abc") && page.contains("playbin3 uri=\"fql://127.0.0.1:4242/play/abc")
        );
    }
}
