//! `/v1/keys`
#![allow(unused_qualifications, reason = "utoipa's macros write paths out")]

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use utoipa::IntoParams;

use super::list::{ListQuery, next_page};
use super::{Answer, App, Id, Once, Post, Problem, Query};
use crate::service::{ApiKey, Caller, NewKey, OwnKey, PageRequest};

/// Which API key.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "only its description is used")]
struct KeyPath {
    /// Its id.
    #[param(pattern = "^key_[a-z2-7]{16}$")]
    id: String,
}

/// Make an API key
///
/// Its text is in the answer, and can never be seen again.
#[utoipa::path(post, path = "/v1/keys", tag = "API keys", operation_id = "createKey", request_body = NewKey,
    responses((status = 201, description = "The API key, with its text", body = ApiKey)), security(("apiKey" = [])))]
pub(super) async fn create(State(app): State<App>, caller: Caller, post: Post<NewKey>) -> Answer {
    let mut change = app.change(&caller, post.once).await?;
    let key = change.create_key(post.body).await?;
    change.created(format!("/v1/keys/{}", key.id), &key).await
}

/// List API keys, the oldest first, the revoked ones included
#[utoipa::path(get, path = "/v1/keys", tag = "API keys", operation_id = "listKeys", params(ListQuery),
    responses((status = 200, description = "The API keys, without their texts", body = [ApiKey])), security(("apiKey" = [])))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Response, Problem> {
    let request = PageRequest::new(query.limit, query.cursor.as_deref())?;
    let page = app.service.keys(&caller, &request).await?;
    Ok((next_page("/v1/keys?", &request, &page), Json(page.items)).into_response())
}

/// Show an API key
#[utoipa::path(get, path = "/v1/keys/{id}", tag = "API keys", operation_id = "showKey",
    params(KeyPath),
    responses((status = 200, description = "The API key, without its text", body = ApiKey)), security(("apiKey" = [])))]
pub(super) async fn show(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<ApiKey>, Problem> {
    Ok(Json(app.service.key(&caller, &id).await?))
}

/// Show the API key that asks
///
/// It needs no scope. What it has used of its requests a minute is in the headers of every answer.
#[utoipa::path(get, path = "/v1/keys/self", tag = "API keys", operation_id = "showOwnKey",
    responses((status = 200, description = "The API key, and what it has used of its limits", body = OwnKey)), security(("apiKey" = [])))]
pub(super) async fn show_own(State(app): State<App>, caller: Caller) -> Result<Json<OwnKey>, Problem> {
    Ok(Json(app.service.own_key(&caller).await?))
}

/// Revoke an API key
///
/// It does nothing from now on. Keys that it made stay: revoke them one by one.
#[utoipa::path(delete, path = "/v1/keys/{id}", tag = "API keys", operation_id = "revokeKey",
    params(KeyPath),
    responses((status = 200, description = "The API key, revoked", body = ApiKey)), security(("apiKey" = [])))]
pub(super) async fn revoke(State(app): State<App>, caller: Caller, Id(id): Id) -> Answer {
    let mut change = app.change(&caller, Once::not_asked()).await?;
    let key = change.revoke_key(&id).await?;
    change.done(&key).await
}
