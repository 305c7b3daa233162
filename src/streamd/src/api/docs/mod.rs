//! The API's description for people: one page, made of the same document as `/v1/openapi.json`, without a script or
//! anything from elsewhere.

mod page;
mod schema;

use std::sync::LazyLock;

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse};

use sha2::{Digest, Sha256};

use super::App;

pub(super) use page::page;

/// The page has its style and nothing else, and nothing may put more in.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = data_encoding::BASE64.encode(&Sha256::digest(page::STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; img-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
});

pub(super) async fn serve(State(app): State<App>) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY.as_str()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
    ];
    (headers, Html(app.document.page.clone()))
}

/// Text as HTML shows it; what stands between backticks is code.
fn text(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(number, part)| match (number % 2, escaped(part)) {
        (1, part) => format!("<code>{part}</code>"),
        (_, part) => part,
    });
    parts.collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_becomes_a_tag() {
        assert_eq!(text("a `<b>` & \"c\""), "a <code>&lt;b&gt;</code> &amp; &quot;c&quot;");
    }
}
