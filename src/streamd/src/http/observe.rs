//! Each request gets an id, a span that log lines stand in, and is counted.
//!
//! Lines name the route as it is written in the code, never the path, let alone the query, that was asked for: a
//! playback ID or a token may be in them. The id of a stream, key or webhook in the path is no secret and is named.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

/// The header that tells the client the request's id.
pub const REQUEST_ID: &str = "x-request-id";

/// The request's id; every request has one in its extensions.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// Gives the request its id and its span, and counts it.
pub async fn observe(mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = new_id();
    let method = method(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let subject = subject(request.uri().path()).map(str::to_owned);
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!("request", id, method, route, subject);

    let mut response = next.run(request).instrument(span.clone()).await;

    let status = response.status().as_u16();
    let took = begun.elapsed();
    span.in_scope(|| match status {
        500.. => tracing::error!(status, took_ms = took.as_millis() as u64, "failed"),
        _ => tracing::debug!(status, took_ms = took.as_millis() as u64, "answered"),
    });
    let labels = [("method", method.to_owned()), ("route", route), ("status", status.to_string())];
    metrics::counter!("streamd_http_requests_total", &labels).increment(1);
    metrics::histogram!("streamd_http_request_seconds", &labels[..2]).record(took);
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// The method, if it is one of the usual: clients can make up any number of others, and each would be a line more
/// on the page of figures for ever.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// The id in a path, if there is one.
fn subject(path: &str) -> Option<&str> {
    let is_id = |part: &&str| match part.split_once('_') {
        Some(("str" | "key" | "wh", rest)) => {
            rest.len() == 16 && rest.bytes().all(|b| b.is_ascii_alphanumeric())
        }
        _ => false,
    };
    path.split('/').find(is_id)
}

fn new_id() -> String {
    data_encoding::BASE32_NOPAD.encode(&fastrand::u128(..).to_be_bytes()[..10]).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_are_taken_from_a_path() {
        assert_eq!(subject("/v1/streams/str_abcdefghijklmnop/stats"), Some("str_abcdefghijklmnop"));
        assert_eq!(subject("/v1/webhooks/wh_abcdefghijklmnop"), Some("wh_abcdefghijklmnop"));
        for path in [
            "/play/abcdefghijklmnop",
            "/v1/streams/sk_abcdefghijklmnop",
            "/v1/streams/str_%0aabcdefghijklm",
            "/",
        ] {
            assert_eq!(subject(path), None, "{path}");
        }
    }
}
