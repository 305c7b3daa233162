//! `/v1/webhooks`
#![allow(unused_qualifications, reason = "utoipa's macros write paths out")]

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::manage::{self, Delivery, NewWebhook, Webhook, WebhookChanges};
use crate::api::list::{ListQuery, next_page};
use crate::api::{Answer, App, Body, Id, Once, Post, Problem, Query};
use crate::service::{Caller, PageRequest};

/// Which webhook.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "only its description is used")]
struct WebhookPath {
    /// Its id.
    #[param(pattern = "^wh_[a-z2-7]{16}$")]
    id: String,
}

/// The routes, with their description.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(create, list))
        .routes(routes!(show, change, delete))
        .routes(routes!(test))
        .routes(routes!(deliveries))
}

/// Make a webhook
///
/// The secret that its deliveries are signed with is in the answer, and can never be seen again.
#[utoipa::path(post, path = "/v1/webhooks", tag = "Webhooks", operation_id = "createWebhook", request_body = NewWebhook,
    responses((status = 201, description = "The webhook, with its secret", body = Webhook)), security(("apiKey" = [])))]
async fn create(State(app): State<App>, caller: Caller, post: Post<NewWebhook>) -> Answer {
    let mut change = app.change(&caller, post.once).await?;
    let webhook = manage::create(&mut change, app.webhook_rules(), post.body).await?;
    change.created(format!("/v1/webhooks/{}", webhook.id), &webhook).await
}

/// List webhooks, the oldest first
#[utoipa::path(get, path = "/v1/webhooks", tag = "Webhooks", operation_id = "listWebhooks", params(ListQuery),
    responses((status = 200, description = "The webhooks, without their secrets", body = [Webhook])), security(("apiKey" = [])))]
async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Response, Problem> {
    let request = PageRequest::new(query.limit, query.cursor.as_deref())?;
    let page = manage::list(&app.service, &caller, &request).await?;
    Ok((next_page("/v1/webhooks?", &request, &page), Json(page.items)).into_response())
}

/// Show a webhook
#[utoipa::path(get, path = "/v1/webhooks/{id}", tag = "Webhooks", operation_id = "showWebhook",
    params(WebhookPath),
    responses((status = 200, description = "The webhook, without its secret", body = Webhook)), security(("apiKey" = [])))]
async fn show(State(app): State<App>, caller: Caller, Id(id): Id) -> Result<Json<Webhook>, Problem> {
    Ok(Json(manage::get(&app.service, &caller, &id).await?))
}

/// Change a webhook
///
/// What waits for it is tried at once.
#[utoipa::path(patch, path = "/v1/webhooks/{id}", tag = "Webhooks", operation_id = "changeWebhook",
    params(WebhookPath), request_body = WebhookChanges,
    responses((status = 200, description = "The webhook as it is now", body = Webhook)), security(("apiKey" = [])))]
async fn change(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Body(changes): Body<WebhookChanges>,
) -> Answer {
    let mut change = app.change(&caller, Once::not_asked()).await?;
    let webhook = manage::update(&mut change, app.webhook_rules(), &id, changes).await?;
    change.done(&webhook).await
}

/// Delete a webhook
///
/// What waits for it is not sent any more.
#[utoipa::path(delete, path = "/v1/webhooks/{id}", tag = "Webhooks", operation_id = "deleteWebhook",
    params(WebhookPath),
    responses((status = 204, description = "It is gone")), security(("apiKey" = [])))]
async fn delete(State(app): State<App>, caller: Caller, Id(id): Id) -> Result<StatusCode, Problem> {
    let mut change = app.service.begin(&caller).await?;
    manage::delete(&mut change, &id).await?;
    change.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Send a test event
///
/// Its type is `webhook.test`. The list of deliveries shows what becomes of it.
#[utoipa::path(post, path = "/v1/webhooks/{id}/test", tag = "Webhooks", operation_id = "testWebhook",
    params(WebhookPath),
    responses((status = 201, description = "The delivery, on its way", body = Delivery)), security(("apiKey" = [])))]
async fn test(State(app): State<App>, caller: Caller, Id(id): Id, once: Once) -> Answer {
    let mut change = app.change(&caller, once).await?;
    let delivery = manage::test(&mut change, &id).await?;
    change.created(format!("/v1/webhooks/{id}/deliveries"), &delivery).await
}

/// List the deliveries of a webhook, the latest first
#[utoipa::path(get, path = "/v1/webhooks/{id}/deliveries", tag = "Webhooks", operation_id = "listDeliveries",
    params(WebhookPath, ListQuery),
    responses((status = 200, description = "What it was and will be told", body = [Delivery])), security(("apiKey" = [])))]
async fn deliveries(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    Query(query): Query<ListQuery>,
) -> Result<Response, Problem> {
    let request = PageRequest::new(query.limit, query.cursor.as_deref())?;
    let page = manage::deliveries(&app.service, &caller, &id, &request).await?;
    let path = format!("/v1/webhooks/{id}/deliveries?");
    Ok((next_page(&path, &request, &page), Json(page.items)).into_response())
}
