//! Lists: plain arrays, in pages, with the next page's address in the `Link` header (RFC 8288).

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::AppendHeaders;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::service::{Page, PageRequest};

/// Which part of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// How many at most; 20 where nothing is said.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<i64>,
    /// Where to go on, from the `Link` header of the page before.
    #[param(pattern = "^[0-9a-f]{12}[a-z]{2,3}_[a-z2-7]{16}$")]
    pub cursor: Option<String>,
}

/// A `Link` header, or none.
pub type Link = Option<AppendHeaders<[(HeaderName, HeaderValue); 1]>>;

/// The `Link` header of a page, where there is a next one. `path` ends with `?` or `&`. The address is relative: it
/// holds wherever the daemon is reached from.
pub fn next_page<T>(path: &str, request: &PageRequest, page: &Page<T>) -> Link {
    let link = page.next.as_ref().and_then(|cursor| {
        let link = format!("<{path}limit={}&cursor={}>; rel=\"next\"", request.limit, cursor.to_text());
        HeaderValue::try_from(link).ok()
    });
    link.map(|link| AppendHeaders([(header::LINK, link)]))
}
