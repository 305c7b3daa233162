//! WHIP and WHEP over HTTP: offers become sessions, which are resources with an address of their own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{patch, post};
use axum::{Extension, Router};
use fql_webrtc::TrickleError;
use tower_http::cors::{Any, CorsLayer};

use super::refusal::Refusal;
use super::{Asked, Begun, NotPlayed, Rtc};
use crate::http::client::Client;
use crate::media::{LONGEST_WAKE, Media, Origin, Protocol, Watcher};
use crate::service::Live;

pub(super) const SDP: &str = "application/sdp";
pub(super) const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
/// What is posted, and with what a session is patched.
const OFFERED: Accepted = Accepted { header: ACCEPT_POST, kind: SDP, methods: "POST, OPTIONS" };
const PATCHED: Accepted =
    Accepted { header: ACCEPT_PATCH, kind: FRAGMENT, methods: "PATCH, DELETE, OPTIONS" };
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");
/// Longer bodies are no offers.
const LONGEST: usize = 64 << 10;
/// How long a body may take to arrive, and an answer to be made: each of them where a source is opened between.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The same where the source of the stream may have to be opened before.
const PLAY_TIMEOUT: Duration = TIMEOUT.saturating_add(LONGEST_WAKE);

#[derive(Clone)]
struct Face {
    rtc: Rtc,
    media: Arc<Media>,
}

/// `/whip`, `/whip/{stream key}` and `/play/{playback ID}/webrtc`, each with its sessions. Pages of all origins may use
/// them: who may publish is told by the key, and no cookie counts.
pub fn routes(rtc: Rtc, media: Arc<Media>) -> Router {
    let session = || patch(trickle).delete(end).fallback(not_allowed);
    let sessions = Router::new()
        .route("/whip/session/{session}", session())
        .route("/play/{playback_id}/webrtc/{session}", session());
    let endpoints = Router::new()
        .route("/whip", post(publish).fallback(not_allowed))
        .route("/whip/{stream_key}", post(publish_by_url).fallback(not_allowed));
    let play = Router::new().route("/play/{playback_id}/webrtc", post(play).fallback(not_allowed));
    let told = |routes: Router<Face>, accepted| {
        routes.layer(cors()).layer(middleware::from_fn_with_state(accepted, tell_what_is_accepted))
    };
    let within = |routes: Router<Face>, limit| routes.layer(middleware::from_fn_with_state(limit, in_time));
    within(told(sessions, PATCHED), TIMEOUT)
        .merge(within(told(endpoints, OFFERED), TIMEOUT))
        .merge(within(told(play, OFFERED), PLAY_TIMEOUT))
        .layer(DefaultBodyLimit::max(LONGEST))
        .with_state(Face { rtc, media })
}

/// What may be asked of a kind of resource.
#[derive(Clone)]
struct Accepted {
    /// In which header `OPTIONS` tells the type of bodies.
    header: HeaderName,
    kind: &'static str,
    methods: &'static str,
}

async fn publish(
    State(face): State<Face>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Refusal> {
    let key = bearer(&headers).ok_or_else(|| {
        Refusal::unauthenticated("the stream key is to come in the header Authorization: Bearer")
    })?;
    face.publish(client, key, &headers, request).await
}

async fn publish_by_url(
    State(face): State<Face>,
    Extension(client): Extension<Client>,
    Path(stream_key): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Refusal> {
    if face.media.stream_of_key(&stream_key).is_err() {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "no stream has this key"));
    }
    face.publish(client, &stream_key, &headers, request).await
}

async fn play(
    State(face): State<Face>,
    Extension(client): Extension<Client>,
    Path(playback_id): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Refusal> {
    let unknown = || Refusal::new(StatusCode::NOT_FOUND, "no stream has this playback ID");
    let known = || face.media.service.directory().by_playback_id(&playback_id).ok_or_else(unknown);
    let id = known()?.id.clone();
    let offer = offered(&headers, &body(request).await?)?;
    face.media.wake(&id).await;
    // It may have been paused while its source was opened.
    let entry = known()?;
    if entry.paused {
        return Err(NotPlayed::Paused.into());
    }
    if !face.media.is_live(&entry.id) {
        let source = face.media.source(&entry.id);
        return Err(source
            .map_or(NotPlayed::Offline, |status| NotPlayed::Source(status.state.name()))
            .into());
    }
    let watcher = Watcher { protocol: "whep", address: SocketAddr::new(client.address, 0) };
    let base = format!("/play/{playback_id}/webrtc");
    let play = |answer| Asked::Play { playback_id, watcher, offer, answer };
    let begun = face.rtc.ask(play).await.ok_or_else(Refusal::ending)??;
    Ok(created(&base, begun))
}

/// Candidates that a client found late.
async fn trickle(
    State(face): State<Face>,
    Path(path): Path<Vec<(String, String)>>,
    headers: HeaderMap,
    fragment: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<Response, Refusal> {
    let name = session(path)?;
    let fragment = sdp(&headers, &PATCHED, &fragment.map_err(unread)?)?;
    let is_same = headers.contains_key(header::IF_MATCH).then(|| matches(&headers, &etag(&name)));
    let trickle = |answer| Asked::Trickle { name, fragment, answer };
    let taken = face.rtc.ask(trickle).await.ok_or_else(Refusal::ending)?;
    match is_same {
        // Of a session that there is not, nothing else is said.
        _ if taken == Err(TrickleError::NoSession) => Err(Refusal::no_session()),
        None => {
            let detail = "the header If-Match is to say which ICE session the candidates are of: the ETag of the answer";
            Err(Refusal::new(StatusCode::PRECONDITION_REQUIRED, detail))
        }
        Some(false) => {
            let detail = "the header If-Match is of another ICE session";
            Err(Refusal::new(StatusCode::PRECONDITION_FAILED, detail))
        }
        Some(true) => Ok(taken.map(|()| StatusCode::NO_CONTENT.into_response())?),
    }
}

/// Whether one of the tags in `If-Match` is this one, or it is for any (RFC 9110, 13.1.1).
fn matches(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(header::IF_MATCH).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|given| matches!(given.trim(), "*") || given.trim() == tag)
}

/// A client's goodbye.
async fn end(State(face): State<Face>, Path(path): Path<Vec<(String, String)>>) -> Result<Response, Refusal> {
    let name = session(path)?;
    let was_there = face.rtc.ask(|answer| Asked::Close { name, answer }).await.ok_or_else(Refusal::ending)?;
    if was_there { Ok(StatusCode::OK.into_response()) } else { Err(Refusal::no_session()) }
}

impl Face {
    async fn publish(
        &self,
        client: Client,
        stream_key: &str,
        headers: &HeaderMap,
        request: Request,
    ) -> Result<Response, Refusal> {
        // Nothing of an offer is read before its key.
        self.media.stream_of_key(stream_key)?;
        let offer = offered(headers, &body(request).await?)?;
        let begun =
            self.rtc.ask(|answer| Asked::Publish { offer, answer }).await.ok_or_else(Refusal::ending)??;
        let origin = Origin { protocol: Protocol::Whip, address: SocketAddr::new(client.address, 0) };
        let name = begun.name.clone();
        match self.media.publish(stream_key, origin).await {
            Ok(publication) => {
                let attach = Asked::Attach { name, publication: Box::new(publication) };
                self.rtc.asked.send(attach).await.map_err(|_| Refusal::ending())?;
                Ok(created("/whip/session", begun))
            }
            Err(refused) => {
                let _ = self.rtc.ask(|answer| Asked::Close { name, answer }).await;
                Err(refused.into())
            }
        }
    }
}

fn created(base: &str, begun: Begun) -> Response {
    let headers = [
        (header::CONTENT_TYPE, SDP.to_owned()),
        (header::LOCATION, format!("{base}/{}", begun.name)),
        (header::ETAG, etag(&begun.name)),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (ACCEPT_PATCH, FRAGMENT.to_owned()),
    ];
    (StatusCode::CREATED, headers, begun.answer).into_response()
}

/// The tag of a session's only ICE session.
fn etag(name: &str) -> String {
    format!("\"{}\"", &name[..name.len().min(8)])
}

/// The session is the last part of the path.
fn session(path: Vec<(String, String)>) -> Result<String, Refusal> {
    let last = path.into_iter().next_back();
    last.map(|(_, name)| name).ok_or_else(Refusal::no_session)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// What is sent with a request.
async fn body(request: Request) -> Result<Bytes, Refusal> {
    let read = tokio::time::timeout(TIMEOUT, Bytes::from_request(request, &())).await;
    read.map_err(|_| late())?.map_err(unread)
}

/// An offer of which something can come.
fn offered(headers: &HeaderMap, body: &Bytes) -> Result<String, Refusal> {
    let offer = sdp(headers, &OFFERED, body)?;
    fql_webrtc::check_offer(&offer)?;
    Ok(offer)
}

/// The body, where it is said to be of this type, as text.
fn sdp(headers: &HeaderMap, accepted: &Accepted, body: &Bytes) -> Result<String, Refusal> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = given.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case(accepted.kind) {
        return Err(Refusal::of_another_type(accepted.header.clone(), accepted.kind));
    }
    let text = std::str::from_utf8(body);
    text.map(str::to_owned).map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "the body is no text"))
}

fn unread(rejection: axum::extract::rejection::BytesRejection) -> Refusal {
    Refusal::new(rejection.status(), rejection.body_text())
}

async fn not_allowed(method: Method) -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, format!("{method} cannot be done to it"))
}

fn cors() -> CorsLayer {
    let told = [header::LOCATION, header::ETAG, header::LINK, ACCEPT_POST, ACCEPT_PATCH, header::RETRY_AFTER];
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::POST, Method::PATCH, Method::DELETE, Method::OPTIONS])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_MATCH])
        .expose_headers(told)
        .max_age(Duration::from_secs(3600))
}

/// What `OPTIONS` answers beside what pages of other origins are told.
async fn tell_what_is_accepted(State(accepted): State<Accepted>, request: Request, next: Next) -> Response {
    let is_question = request.method() == Method::OPTIONS;
    let mut answer = next.run(request).await;
    if is_question {
        answer.headers_mut().insert(accepted.header, HeaderValue::from_static(accepted.kind));
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(accepted.methods));
    }
    answer
}

async fn in_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(answer) => answer,
        Err(_) => late().into_response(),
    }
}

fn late() -> Refusal {
    Refusal::new(StatusCode::REQUEST_TIMEOUT, "the request took too long")
}
