//! Who asks: by the bearer token, or by the cookie of a dashboard session.

use std::future::Future;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use super::limits::Grant;
use super::{App, Problem, client, cookie};
use crate::service::Caller;

/// No token of this daemon is longer; nobody makes it hash megabytes.
const MAX_TOKEN: usize = 256;

/// Lets requests with a valid API key, or of somebody who is signed in, through, as often as the key's rate allows.
pub(super) async fn require_api_key(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let who = authenticate(&app, request.headers(), client::is_secure(request.extensions()));
    let (caller, grant) = match app.admit(request.extensions(), who).await {
        Ok(admitted) => admitted,
        Err(refused) => return *refused,
    };
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    grant.write(response.headers_mut());
    // Keys are in answers, and what one caller sees is not for the next.
    no_store(response.headers_mut());
    response
}

/// A bearer token goes before a cookie: who sends one means it.
async fn authenticate(app: &App, headers: &HeaderMap, secure: bool) -> Result<Caller, Problem> {
    let token = match headers.contains_key(header::AUTHORIZATION) {
        true => None,
        false => cookie::token(headers, secure),
    };
    let Some(token) = token else { return Ok(app.service.authenticate(bearer(headers)?).await?) };
    app.require_own_page(headers, secure)?;
    Ok(app.service.signed_in(token, Timestamp::now()).await?.caller)
}

impl App {
    /// Finds out who asks. That counts against the rate of his key; if he is nobody, against that of his address,
    /// which is looked at first: whoever guesses is stopped before the store is asked.
    pub(super) async fn admit<T: AsRef<Caller>>(
        &self,
        asked: &Extensions,
        who: impl Future<Output = Result<T, Problem>>,
    ) -> Result<(T, Grant), Box<Response>> {
        let address = client::address(asked);
        let address_rate = self.settings.address_rate;
        let standing = self.limits.peek_address(address, address_rate);
        if !standing.allowed {
            return Err(Box::new(standing.refuse()));
        }
        let who = match who.await {
            Ok(who) => who,
            Err(problem) => {
                let grant = self.limits.take_for_address(address, address_rate);
                let mut response = problem.into_response();
                grant.write(response.headers_mut());
                return Err(Box::new(response));
            }
        };
        let caller = who.as_ref();
        let rate = caller.limits.rate.and_then(|rate| u32::try_from(rate).ok());
        let grant = self.limits.take_for_key(&caller.id, rate.unwrap_or(self.settings.key_rate));
        if grant.allowed { Ok((who, grant)) } else { Err(Box::new(grant.refuse())) }
    }
}

/// Nothing keeps this answer.
pub(super) fn no_store(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
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
