//! Bearer tokens: who asks.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{App, Problem, client};
use crate::service::Caller;

/// No token of this daemon is longer; nobody makes it hash megabytes.
const MAX_TOKEN: usize = 256;

/// Lets requests with a valid API key through, as often as its rate allows.
pub(super) async fn require_api_key(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let address = client::address(request.extensions());
    let address_rate = app.settings.address_rate;
    // Before the store is asked: whoever guesses is stopped here.
    let standing = app.limits.peek_address(address, address_rate);
    if !standing.allowed {
        return standing.refuse();
    }
    let caller = match authenticate(&app, request.headers()).await {
        Ok(caller) => caller,
        Err(problem) => {
            let grant = app.limits.take_for_address(address, address_rate);
            let mut response = problem.into_response();
            grant.write(response.headers_mut());
            return response;
        }
    };
    let rate = caller.limits.rate.and_then(|rate| u32::try_from(rate).ok()).unwrap_or(app.settings.key_rate);
    let grant = app.limits.take_for_key(&caller.id, rate);
    if !grant.allowed {
        return grant.refuse();
    }
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    grant.write(response.headers_mut());
    response
}

async fn authenticate(app: &App, headers: &HeaderMap) -> Result<Caller, Problem> {
    Ok(app.service.authenticate(bearer(headers)?).await?)
}

/// The bearer token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or_else(|| Problem::unauthenticated("there is no header Authorization"))?;
    let wrong = || Problem::unauthenticated("the header Authorization is not \"Bearer\" and a key");
    if values.next().is_some() {
        return Err(wrong());
    }
    let (scheme, token) = value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(wrong)?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || token.len() > MAX_TOKEN {
        return Err(wrong());
    }
    Ok(token)
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Problem::unauthenticated("there is no API key"))
    }
}
