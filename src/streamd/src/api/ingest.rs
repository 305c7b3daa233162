//! `/v1/ingest`: what a publisher needs to know, for its stream key.
#![allow(unused_qualifications, reason = "utoipa's macros write paths out")]

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;

use super::{App, Problem, auth};
use crate::service::streams::IngestSettings;

/// What a publisher needs to know
///
/// The bearer token is the stream key.
#[utoipa::path(get, path = "/v1/ingest", tag = "Publishing", operation_id = "showIngest",
    responses((status = 200, description = "Where and how to publish", body = IngestSettings)), security(("streamKey" = [])))]
pub(super) async fn settings(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Json<IngestSettings>, Problem> {
    Ok(Json(app.service.ingest_settings(auth::bearer(&headers)?)?))
}
