//! `/v1/streams`
#![allow(unused_qualifications, reason = "utoipa's macros write paths out")]

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::list::next_page;
use super::{Answer, App, Body, Id, Once, Post, Problem, Query};
use crate::service::{Caller, NewStream, PageRequest, SourceEvent, Stream, StreamChanges, StreamStats};

/// Which stream.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "only its description is used")]
struct StreamPath {
    /// Its id or its name.
    #[param(pattern = "^(str_[a-z2-7]{16}|[a-z0-9-]{1,63})$")]
    id: String,
}

/// Which streams.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StreamsQuery {
    /// How many at most; 20 where nothing is said.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<i64>,
    /// Where to go on, from the `Link` header of the page before.
    #[param(pattern = "^[0-9a-f]{12}[a-z]{2,3}_[a-z2-7]{16}$")]
    cursor: Option<String>,
    /// The archived ones instead of the others.
    archived: Option<bool>,
}

/// Make a stream
#[utoipa::path(post, path = "/v1/streams", tag = "Streams", operation_id = "createStream", request_body = NewStream,
    responses((status = 201, description = "The stream", body = Stream)), security(("apiKey" = [])))]
pub(super) async fn create(State(app): State<App>, caller: Caller, post: Post<NewStream>) -> Answer {
    let mut change = app.change(&caller, post.once).await?;
    let stream = change.create_stream(post.body).await?;
    change.created(format!("/v1/streams/{}", stream.id), &stream).await
}

/// List streams, the oldest first
#[utoipa::path(get, path = "/v1/streams", tag = "Streams", operation_id = "listStreams", params(StreamsQuery),
    responses((status = 200, description = "The streams", body = [Stream])), security(("apiKey" = [])))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<StreamsQuery>,
) -> Result<Response, Problem> {
    let archived = query.archived.unwrap_or(false);
    let request = PageRequest::new(query.limit, query.cursor.as_deref())?;
    let page = app.service.streams(&caller, archived, &request).await?;
    let path = if archived { "/v1/streams?archived=true&" } else { "/v1/streams?" };
    Ok((next_page(path, &request, &page), Json(page.items)).into_response())
}

/// Show a stream
#[utoipa::path(get, path = "/v1/streams/{id}", tag = "Streams", operation_id = "showStream",
    params(StreamPath),
    responses((status = 200, description = "The stream", body = Stream)), security(("apiKey" = [])))]
pub(super) async fn show(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Stream>, Problem> {
    Ok(Json(app.service.stream(&caller, &id).await?))
}

/// Change a stream
#[utoipa::path(patch, path = "/v1/streams/{id}", tag = "Streams", operation_id = "changeStream",
    params(StreamPath),
    request_body = StreamChanges,
    responses((status = 200, description = "The stream", body = Stream)), security(("apiKey" = [])))]
pub(super) async fn change(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(changes): Body<StreamChanges>,
) -> Answer {
    let mut change = app.change(&caller, Once::not_asked()).await?;
    let stream = change.change_stream(&id, changes).await?;
    change.done(&stream).await
}

/// Archive a stream
///
/// Its sessions end, its stream key is refused from now on, its name is free.
#[utoipa::path(delete, path = "/v1/streams/{id}", tag = "Streams", operation_id = "archiveStream",
    params(StreamPath),
    responses((status = 200, description = "The stream, archived", body = Stream)), security(("apiKey" = [])))]
pub(super) async fn archive(State(app): State<App>, caller: Caller, Id(id): Id) -> Answer {
    let mut change = app.change(&caller, Once::not_asked()).await?;
    let stream = change.archive_stream(&id).await?;
    change.done(&stream).await
}

/// What a stream does now, in figures
#[utoipa::path(get, path = "/v1/streams/{id}/stats", tag = "Streams", operation_id = "showStreamStats",
    params(StreamPath),
    responses((status = 200, description = "The figures", body = StreamStats)), security(("apiKey" = [])))]
pub(super) async fn stats(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<StreamStats>, Problem> {
    Ok(Json(app.service.stream_stats(&caller, &id).await?))
}

/// What became of the attempts to open a stream's source
///
/// The newest first: the latest hundred.
#[utoipa::path(get, path = "/v1/streams/{id}/source-events", tag = "Streams", operation_id = "listSourceEvents",
    params(StreamPath),
    responses((status = 200, description = "The attempts", body = [SourceEvent])), security(("apiKey" = [])))]
pub(super) async fn source_events(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Vec<SourceEvent>>, Problem> {
    Ok(Json(app.service.source_events(&caller, &id).await?))
}

/// Pause a stream
///
/// Its media is dropped; the publisher's session stays, and its viewers are told.
#[utoipa::path(post, path = "/v1/streams/{id}/pause", tag = "Streams", operation_id = "pauseStream",
    params(StreamPath),
    responses((status = 200, description = "The stream", body = Stream)), security(("apiKey" = [])))]
pub(super) async fn pause(State(app): State<App>, caller: Caller, Id(id): Id, once: Once) -> Answer {
    let mut change = app.change(&caller, once).await?;
    let stream = change.pause_stream(&id).await?;
    change.done(&stream).await
}

/// Resume a stream
#[utoipa::path(post, path = "/v1/streams/{id}/resume", tag = "Streams", operation_id = "resumeStream",
    params(StreamPath),
    responses((status = 200, description = "The stream", body = Stream)), security(("apiKey" = [])))]
pub(super) async fn resume(State(app): State<App>, caller: Caller, Id(id): Id, once: Once) -> Answer {
    let mut change = app.change(&caller, once).await?;
    let stream = change.resume_stream(&id).await?;
    change.done(&stream).await
}

/// Give a stream a new stream key
///
/// The one before is refused, and a session that it opened ends.
#[utoipa::path(post, path = "/v1/streams/{id}/rotate-key", tag = "Streams", operation_id = "rotateStreamKey",
    params(StreamPath),
    responses((status = 200, description = "The stream with its new key", body = Stream)), security(("apiKey" = [])))]
pub(super) async fn rotate_key(State(app): State<App>, caller: Caller, Id(id): Id, once: Once) -> Answer {
    let mut change = app.change(&caller, once).await?;
    let stream = change.rotate_stream_key(&id).await?;
    change.done(&stream).await
}
