//! `/session`: signing in to the dashboard with an API key, and out again.
#![allow(unused_qualifications, reason = "utoipa's macros write paths out")]

use axum::Json;
use axum::extract::State;
use axum::http::{Extensions, HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::limits::Grant;
use super::{App, Body, Problem, auth, client, cookie};
use crate::service::{DashboardSession, SignedIn, Usage};

/// Shows that a page of this daemon asks, and not one of another site.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "only its description is used")]
struct OwnPage {
    /// `1`: pages of other origins cannot send it.
    #[param(rename = "X-Stream-Dashboard", pattern = "^1$")]
    own_page: String,
}

/// What one signs in with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    /// An API key: `ak_…`
    #[schema(min_length = 1, max_length = 256)]
    key: String,
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
pub(super) struct Session {
    #[serde(flatten)]
    session: DashboardSession,
    /// What the API key has used of its limits.
    usage: Usage,
}

/// Sign in to the dashboard
///
/// The answer sets a cookie that stands for the API key from now on, for this browser and until the session ends: it
/// is not used for 12 hours, is a week old, or its key expires or is revoked. Requests with it have the header
/// `X-Stream-Dashboard: 1`.
#[utoipa::path(post, path = "/session", tag = "Dashboard", operation_id = "signIn", params(OwnPage), request_body = SignIn,
    responses((status = 200, description = "Who is signed in", body = Session,
        headers(("Set-Cookie" = String, description = "The session")))), security(()))]
pub(super) async fn begin(
    State(app): State<App>,
    asked: Extensions,
    headers: HeaderMap,
    body: Result<Body<SignIn>, Problem>,
) -> Response {
    let secure = client::is_secure(&asked);
    let who = async {
        app.require_own_page(&headers, secure)?;
        let Body(SignIn { key }) = body?;
        Ok(app.service.sign_in(&key, cookie::token(&headers, secure), Timestamp::now()).await?)
    };
    let (new, grant) = match app.admit(&asked, who).await {
        Ok(admitted) => admitted,
        Err(refused) => return *refused,
    };
    let mut response = shown(&app, new.signed_in, grant).await;
    response.headers_mut().insert(header::SET_COOKIE, cookie::keep(&new.token, new.keep, secure));
    response
}

/// Show who is signed in
#[utoipa::path(get, path = "/session", tag = "Dashboard", operation_id = "showSession", params(OwnPage),
    responses((status = 200, description = "Who is signed in", body = Session)), security(("session" = [])))]
pub(super) async fn show(State(app): State<App>, asked: Extensions, headers: HeaderMap) -> Response {
    let who = signed_in(&app, &headers, client::is_secure(&asked));
    match app.admit(&asked, who).await {
        Ok((signed_in, grant)) => shown(&app, signed_in, grant).await,
        Err(refused) => *refused,
    }
}

async fn shown(app: &App, signed_in: SignedIn, grant: Grant) -> Response {
    let usage = app.service.usage(&signed_in.caller).await.map_err(Problem::from);
    let shown = usage.map(|usage| Json(Session { session: signed_in.session, usage }));
    let mut response = shown.into_response();
    grant.write(response.headers_mut());
    auth::no_store(response.headers_mut());
    response
}

/// Sign out
#[utoipa::path(delete, path = "/session", tag = "Dashboard", operation_id = "signOut", params(OwnPage),
    responses((status = 204, description = "Nobody is signed in any more")), security(("session" = [])))]
pub(super) async fn end(State(app): State<App>, asked: Extensions, headers: HeaderMap) -> Response {
    let secure = client::is_secure(&asked);
    let who = async {
        let who = signed_in(&app, &headers, secure).await?;
        // It was found by this token a moment ago.
        if let Some(token) = cookie::token(&headers, secure) {
            app.service.sign_out(token).await?;
        }
        Ok(who)
    };
    let mut response = match app.admit(&asked, who).await {
        Ok((_, grant)) => {
            let mut response = StatusCode::NO_CONTENT.into_response();
            grant.write(response.headers_mut());
            response
        }
        Err(refused) => *refused,
    };
    response.headers_mut().insert(header::SET_COOKIE, cookie::forget(secure));
    response
}

async fn signed_in(app: &App, headers: &HeaderMap, secure: bool) -> Result<SignedIn, Problem> {
    let token =
        cookie::token(headers, secure).ok_or_else(|| Problem::unauthenticated("nobody is signed in"))?;
    app.require_own_page(headers, secure)?;
    Ok(app.service.signed_in(token, Timestamp::now()).await?)
}
