//! Pages that are there even where the others are not built: a heading and a few sentences.

use std::sync::LazyLock;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::guard::{self, Page};

/// The colours are those of the other pages (`src/player/pages/shared/style.css`).
const STYLE: &str = ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:0;min-height:100vh;\
display:grid;place-items:center;background:#f5f4f0;color:#171a21}main{max-width:30rem;margin:1rem;padding:2rem;\
background:#fff;border:1px solid #dcd9d1;border-radius:16px}header{display:flex;align-items:center;gap:.75rem;\
font-weight:600}h1{font-size:1.6rem;margin:1.5rem 0 .5rem}p{margin:0}code{font:14px ui-monospace,monospace}\
@media(prefers-color-scheme:dark){body{background:#0c0e14;color:#e9eaee}main{background:#14171f;border-color:#2a2f3b}}";

/// The style is the one thing that such a page has, and nothing else gets in.
static STYLE_HASH: LazyLock<String> =
    LazyLock::new(|| data_encoding::BASE64.encode(&Sha256::digest(STYLE.as_bytes())));

/// Instead of a page that this program was built without.
pub(super) fn not_built(page: Page) -> Response {
    let text = "<p>This <code>streamd</code> was built without its pages. Build them with \
                <code>src/player/build</code>, and then <code>streamd</code> again; everything else works as it is.</p>";
    frame(StatusCode::NOT_IMPLEMENTED, "No pages in here", text, page)
}

/// Instead of a page about a stream that is not there.
pub(super) fn no_such_stream(page: Page) -> Response {
    let text = "<p>There is no stream at this address. It may have been archived or renamed.</p>";
    frame(StatusCode::NOT_FOUND, "No such stream", text, page)
}

/// Instead of a file that is no page.
pub(super) fn no_such_file() -> Response {
    let text = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    guard::no_sniffing((StatusCode::NOT_FOUND, text, "there is no such file\n").into_response())
}

/// A page of a title and a body that is HTML already.
fn frame(status: StatusCode, title: &str, body: &str, page: Page) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <link rel=\"icon\" href=\"/favicon.svg\">\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<main>\n<header><img src=\"/favicon.svg\" alt=\"\" width=\"32\" height=\"32\">The Stream</header>\n\
         <h1>{title}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    );
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; img-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors {}",
        *STYLE_HASH,
        page.framed_by()
    );
    let mut answer = (status, Html(html)).into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let policy = HeaderValue::try_from(policy).expect("a hash in base64 can stand in a header");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    guard::calm(headers);
    answer
}
