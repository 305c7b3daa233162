//! The files of the pages: found, and answered in the encoding that the client takes.

use std::borrow::Cow;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

/// What `src/player/build` made. In every build from within the program, so that a test sees what users will.
#[derive(RustEmbed)]
#[folder = "../player/pages/dist"]
#[allow_missing = true]
struct Built;

/// How long clients may keep a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// As long as they like: another content has another name.
    ForEver,
    /// Until they have asked whether it is still the same.
    AskAgain,
}

/// Where files are.
#[derive(Clone, Copy)]
pub(super) struct Files(fn(&str) -> Option<EmbeddedFile>);

/// The encodings that the build leaves beside a file, the smallest first.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];
const YEAR: &str = "public, max-age=31536000, immutable";

impl Files {
    pub(super) fn built_in() -> Self {
        Self(Built::get)
    }

    #[cfg(test)]
    pub(super) fn from(find: fn(&str) -> Option<EmbeddedFile>) -> Self {
        Self(find)
    }

    /// The answer that is this file, or that it is the one which the client has; `None` where there is no such file.
    pub(super) fn answer(&self, path: &str, request: &HeaderMap, keep: Keep) -> Option<Response> {
        let plain = (self.0)(path)?;
        let (encoding, file) = self.encoded(path, request).unwrap_or(("", plain));
        let tag = tag(&file, encoding);
        let is_known = request.get_all(header::IF_NONE_MATCH).iter().any(|tags| names(tags, &tag));
        let mut response = match is_known {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => ([(header::CONTENT_TYPE, kind(path))], body(file)).into_response(),
        };
        let headers = response.headers_mut();
        let mut put = |name: HeaderName, value: &str| headers.insert(name, as_header(value));
        put(header::ETAG, &tag);
        put(header::VARY, "accept-encoding");
        put(header::CACHE_CONTROL, if keep == Keep::ForEver { YEAR } else { "no-cache" });
        if !is_known && !encoding.is_empty() {
            put(header::CONTENT_ENCODING, encoding);
        }
        Some(response)
    }

    fn encoded(&self, path: &str, request: &HeaderMap) -> Option<(&'static str, EmbeddedFile)> {
        let taken = ENCODINGS.into_iter().filter(|(name, _)| takes(request, name));
        taken.map(|(name, end)| Some((name, (self.0)(&format!("{path}{end}"))?))).find_map(|found| found)
    }
}

fn body(file: EmbeddedFile) -> Body {
    match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes).into(),
        Cow::Owned(bytes) => bytes.into(),
    }
}

/// Whether a client takes an encoding (RFC 9110, 12.5.3).
fn takes(request: &HeaderMap, encoding: &str) -> bool {
    let lists = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|list| list.to_str().ok());
    let mut entries = lists.flat_map(|list| list.split(','));
    entries.any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let is_named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        // A weight of nothing refuses, as in "br;q=0".
        let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
        is_named && weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0))
    })
}

/// Names this content in this encoding.
fn tag(file: &EmbeddedFile, encoding: &str) -> String {
    let hash = data_encoding::HEXLOWER.encode(&file.metadata.sha256_hash()[..16]);
    if encoding.is_empty() { format!("\"{hash}\"") } else { format!("\"{hash}-{encoding}\"") }
}

/// Whether an `If-None-Match` names this tag. It is compared weakly (RFC 9110, 13.1.2).
fn names(tags: &HeaderValue, tag: &str) -> bool {
    let tags = tags.to_str().unwrap_or_default();
    tags.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

/// Whether a file is named after its content: the build writes `name-` and eight characters of its hash.
pub(super) fn is_named_by_content(path: &str) -> bool {
    const HASH: usize = 8;
    let name = path.rsplit('/').next().unwrap_or_default();
    let Some((stem, _)) = name.split_once('.') else { return false };
    let is_of_hash = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let Some(start) = stem.len().checked_sub(HASH + 1) else { return false };
    path.starts_with("assets/")
        && stem.as_bytes()[start] == b'-'
        && stem.as_bytes()[start..].iter().all(is_of_hash)
}

/// The media type of a file by the end of its name.
fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, end)| end) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("json" | "map") => "application/json",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn as_header(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).expect("what is put together here can stand in a header")
}
