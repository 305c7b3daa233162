//! The cookie of a dashboard session, and what shows that a request with it comes from the dashboard itself and not
//! from somebody else's page in the same browser.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};

use super::problem::Kind;
use super::{App, Problem};

const NAME: &str = "stream_session";
/// Over HTTPS. Browsers take a cookie of such a name from this host alone, not from one beside it.
const SECURE_NAME: &str = "__Host-stream_session";
/// Pages of other origins cannot send it: CORS does not allow it.
pub(super) const OWN_PAGE: &str = "x-stream-dashboard";
/// As long as a token is written.
const TOKEN: usize = 43;

fn name(secure: bool) -> &'static str {
    if secure { SECURE_NAME } else { NAME }
}

/// The token in the cookie, if there is one. Of two none counts: one of them was put there by somebody else.
pub(super) fn token(headers: &HeaderMap, secure: bool) -> Option<&str> {
    let lists = headers.get_all(header::COOKIE).iter().filter_map(|list| list.to_str().ok());
    let cookies = lists.flat_map(|list| list.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    let mut tokens = cookies.filter(|(cookie, _)| *cookie == name(secure)).map(|(_, token)| token);
    tokens.next().filter(|token| token.len() == TOKEN && tokens.next().is_none())
}

/// The `Set-Cookie` that keeps a token for so long.
pub(super) fn keep(token: &str, keep: Duration, secure: bool) -> HeaderValue {
    let end = if secure { "; Secure" } else { "" };
    let seconds = keep.as_secs();
    let cookie =
        format!("{}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{end}", name(secure));
    HeaderValue::try_from(cookie).expect("a token is letters, digits, dashes and underscores")
}

/// The `Set-Cookie` that forgets it.
pub(super) fn forget(secure: bool) -> HeaderValue {
    keep("", Duration::ZERO, secure)
}

impl App {
    /// Refuses what does not come from a page of this daemon. `SameSite=Strict` keeps the cookie from other sites'
    /// pages already; this does not rely on it.
    pub(super) fn require_own_page(&self, headers: &HeaderMap, secure: bool) -> Result<(), Problem> {
        if only(headers, OWN_PAGE) != Some("1") {
            let detail = "a request by a dashboard session has the header X-Stream-Dashboard: 1";
            return Err(Problem::new(Kind::Forbidden, detail));
        }
        let foreign = |header: &str| {
            let detail =
                format!("a request by a dashboard session comes from its own page; {header} says otherwise");
            Err(Problem::new(Kind::Forbidden, detail))
        };
        if headers.contains_key("sec-fetch-site") && only(headers, "sec-fetch-site") != Some("same-origin") {
            return foreign("Sec-Fetch-Site");
        }
        let is_own = |origin| is_own_origin(origin, headers, &self.service.settings().public_url, secure);
        if headers.contains_key(header::ORIGIN) && !only(headers, "origin").is_some_and(is_own) {
            return foreign("Origin");
        }
        Ok(())
    }
}

/// Whether an origin is the address that was asked, or the one that is configured, which a proxy may not hand on.
fn is_own_origin(origin: &str, headers: &HeaderMap, public_url: &str, secure: bool) -> bool {
    let is_asked = |host: &str| match origin.split_once("://") {
        Some(("https", authority)) => authority.eq_ignore_ascii_case(host),
        // A proxy that is not trusted may speak HTTPS for a daemon that does not know.
        Some(("http", authority)) => !secure && authority.eq_ignore_ascii_case(host),
        _ => false,
    };
    let is_configured = origin_of(public_url).is_some_and(|own| own.eq_ignore_ascii_case(origin));
    is_configured || only(headers, "host").is_some_and(is_asked)
}

/// A URL without its path.
fn origin_of(url: &str) -> Option<&str> {
    let start = url.find("://")? + 3;
    let end = url[start..].find('/').map_or(url.len(), |length| start + length);
    Some(&url[..end])
}

/// The text of a header that stands there once.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_token_is_found_among_other_cookies() {
        let token_text = "a".repeat(TOKEN);
        let cookie = format!("theme=dark; stream_session={token_text};other=1");
        assert_eq!(token(&headers(&[("cookie", &cookie)]), false), Some(token_text.as_str()));
        assert_eq!(token(&headers(&[("cookie", "a=b"), ("cookie", &cookie)]), false), Some(&token_text[..]));
        assert_eq!(token(&headers(&[("cookie", &cookie)]), true), None, "HTTPS has a cookie of its own");
    }

    #[test]
    fn of_two_tokens_none_counts_and_none_is_made_up() {
        let one = format!("stream_session={}", "a".repeat(TOKEN));
        let two = format!("stream_session={}", "b".repeat(TOKEN));
        assert_eq!(token(&headers(&[("cookie", &one), ("cookie", &two)]), false), None);
        assert_eq!(token(&headers(&[("cookie", &format!("{one}; {two}"))]), false), None);
        for cookie in
            ["", "stream_session", "stream_session=", "stream_session=short", "=;=;;", "xstream_session=a"]
        {
            assert_eq!(token(&headers(&[("cookie", cookie)]), false), None, "{cookie}");
        }
    }

    #[test]
    fn only_the_own_origin_is_own() {
        let own = |origin: &str, host: &str, public: &str, secure: bool| {
            is_own_origin(origin, &headers(&[("host", host)]), public, secure)
        };
        let public = "https://live.example.com/tv";
        assert!(own("http://localhost:8080", "localhost:8080", "http://127.0.0.1:8080", false));
        assert!(own("https://live.example.com", "10.0.0.7:8080", public, false));
        assert!(own("https://LIVE.example.com", "live.example.com", public, true));
        for foreign in [
            "null",
            "",
            "https://live.example.co",
            "https://live.example.com.evil.example",
            "https://live.example.com:444",
            "http://live.example.com",
            "https://live.example.com/tv",
            "https://",
        ] {
            assert!(!own(foreign, "live.example.com", public, true), "{foreign}");
        }
        assert!(!own("http://localhost:8081", "localhost:8080", "http://localhost:8080", false));
    }
}
