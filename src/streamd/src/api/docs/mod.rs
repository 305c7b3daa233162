//! The API's description for people: one page, made of the same document as `/v1/openapi.json`, without a script or
//! anything from elsewhere.

mod page;
mod schema;

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse};

use super::App;

pub(super) use page::page;

/// The page has no script, and nothing may put one in.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

pub(super) async fn serve(State(app): State<App>) -> impl IntoResponse {
    ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(app.document.page.clone()))
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
