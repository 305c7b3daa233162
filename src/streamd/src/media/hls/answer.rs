//! Answers as caches and players want them: how long they hold, gzip, and ranges of bytes.

use std::io::Write;
use std::ops::Range;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;

use super::Unplayable;
use super::channel::Rendered;
use crate::api::problem::{Kind, Problem};

/// What never changes, under a name that never comes again.
const FOR_LONG: &str = "public, max-age=3600, immutable";

/// Counts bytes that a player is given.
pub(super) fn count(protocol: &'static str, bytes: u64) {
    metrics::counter!("streamd_played_bytes_total", "protocol" => protocol).increment(bytes);
}

/// Bytes in gzip; `None` where that fails, which it does not in memory.
pub(super) fn gzip(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// Whether the client takes gzip: it is named, and not with the weight 0.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
        matches!(name.trim(), "gzip" | "*") && weight.is_none_or(|weight| weight > 0.0)
    })
}

/// A text that holds for so many seconds.
pub(super) fn text(rendered: Rendered, kind: &'static str, seconds: u64) -> Response {
    count("hls", rendered.gzip.as_ref().unwrap_or(&rendered.plain).len() as u64);
    let mut response = match rendered.gzip {
        Some(gzip) => ([(header::CONTENT_ENCODING, "gzip")], gzip).into_response(),
        None => rendered.plain.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    let control = format!("public, max-age={seconds}");
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::try_from(control).unwrap_or(HeaderValue::from_static("no-store")),
    );
    response
}

/// Media that lies in several pieces, or the range of it that is asked for.
pub(super) fn media(pieces: Vec<Bytes>, kind: &'static str, headers: &HeaderMap) -> Response {
    let length: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
    let range = headers.get(header::RANGE).and_then(|range| asked_range(range.to_str().ok()?, length));
    let mut response = match range {
        None => body(pieces, 0..length),
        Some(Some(range)) => {
            let shown = format!("bytes {}-{}/{length}", range.start, range.end - 1);
            let mut response = body(pieces, range);
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            insert(&mut response, header::CONTENT_RANGE, shown);
            response
        }
        Some(None) => {
            let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
            insert(&mut response, header::CONTENT_RANGE, format!("bytes */{length}"));
            return response;
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(FOR_LONG));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    response
}

fn insert(response: &mut Response, name: header::HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
}

/// The range of a request (RFC 9110, 14.1.2): none where it is not one that is understood, or several, and the whole is
/// given; `Some(None)` where there is nothing in it.
fn asked_range(value: &str, length: u64) -> Option<Option<Range<u64>>> {
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first.trim(), last.trim()) {
        ("", suffix) => length.saturating_sub(suffix.parse().ok()?)..length,
        (first, "") => first.parse().ok()?..length,
        (first, last) => {
            let (first, last) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(length)
        }
    };
    Some((range.start < range.end).then_some(range))
}

/// A range of what lies in several pieces, without copying any of it.
fn body(pieces: Vec<Bytes>, range: Range<u64>) -> Response {
    let mut at = 0;
    let mut kept = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let end = at + piece.len() as u64;
        let (from, to) = (range.start.clamp(at, end), range.end.clamp(at, end));
        if from < to {
            kept.push(piece.slice((from - at) as usize..(to - at) as usize));
        }
        at = end;
    }
    let length = range.end - range.start;
    count("hls", length);
    let body = Body::from_stream(stream::iter(kept.into_iter().map(Ok::<_, std::convert::Infallible>)));
    ([(header::CONTENT_LENGTH, length)], body).into_response()
}

/// A stream that cannot be played, or something of it that is not there. No cache keeps that.
pub(super) fn refusal(kind: Kind, why: impl Into<String>) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], Problem::new(kind, why.into())).into_response()
}

impl IntoResponse for Unplayable {
    fn into_response(self) -> Response {
        let kind = if let Self::Unconverted(_) = self { Kind::Unavailable } else { Kind::NotFound };
        refusal(kind, self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_http_says() {
        assert_eq!(asked_range("bytes=0-9", 100), Some(Some(0..10)));
        assert_eq!(asked_range("bytes=90-", 100), Some(Some(90..100)));
        assert_eq!(asked_range("bytes=-10", 100), Some(Some(90..100)));
        assert_eq!(asked_range("bytes=-1000", 100), Some(Some(0..100)));
        assert_eq!(asked_range("bytes=50-18446744073709551615", 100), Some(Some(50..100)));
        assert_eq!(asked_range("bytes=100-", 100), Some(None));
        assert_eq!(asked_range("bytes=-0", 100), Some(None));
        for other in
            ["bytes=9-0", "bytes=0-1,5-6", "lines=1-2", "bytes=a-b", "bytes=-", "bytes=-18446744073709551616"]
        {
            assert_eq!(asked_range(other, 100), None, "{other}");
        }
    }

    #[test]
    fn gzip_is_for_those_that_take_it() {
        let takes = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, value.parse().unwrap());
            takes_gzip(&headers)
        };
        assert!(takes("gzip, deflate, br") && takes("br;q=1.0, gzip;q=0.8") && takes("*"));
        assert!(!takes("br") && !takes("gzip;q=0") && !takes("identity") && !takes_gzip(&HeaderMap::new()));
    }
}
