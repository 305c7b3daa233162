//! What a page may do and who may frame it, told to the browser in headers.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;

use crate::config::{Addresses, Config};

/// One of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    /// `/`
    Dashboard,
    /// `/v/{playback ID}`
    Watch,
    /// `/embed/{playback ID}`, within pages of other sites.
    Embed,
}

impl Page {
    /// The file that it is.
    pub(super) fn file(self) -> &'static str {
        match self {
            Self::Dashboard => "index.html",
            Self::Watch => "watch.html",
            Self::Embed => "embed.html",
        }
    }

    /// Who may show it in a frame.
    pub(super) fn framed_by(self) -> &'static str {
        if self == Self::Embed { "*" } else { "'none'" }
    }
}

/// Nothing of a page's address goes to other sites, and neither camera nor microphone is the business of any page but the
/// dashboard.
const CALM: [(&str, &str); 3] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
    (
        "permissions-policy",
        "autoplay=(self), fullscreen=(self), camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// The dashboard publishes camera, screen and microphone.
const DASHBOARD: &str = "autoplay=(self), fullscreen=(self), camera=(self), display-capture=(self), geolocation=(), microphone=(self), payment=(), usb=()";

/// What the headers depend on.
pub(super) struct Guard(Addresses);

impl Guard {
    pub(super) fn new(config: &Config) -> Self {
        Self(Addresses::new(config))
    }

    /// Puts the headers of a page around the answer to a request.
    pub(super) fn around(&self, page: Page, request: &HeaderMap, mut answer: Response) -> Response {
        let headers = answer.headers_mut();
        if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
            let policy = self.policy(page, request);
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        calm(headers);
        if page == Page::Dashboard {
            headers.insert("permissions-policy", HeaderValue::from_static(DASHBOARD));
        }
        answer
    }

    fn policy(&self, page: Page, request: &HeaderMap) -> HeaderValue {
        let asked = request.get(header::HOST).and_then(|host| host.to_str().ok());
        let policy = format!(
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
             connect-src 'self' {}; worker-src 'self'; media-src 'self' blob:; font-src 'self'; base-uri 'none'; \
             form-action 'self'; frame-ancestors {}",
            self.media(asked).join(" "),
            page.framed_by()
        );
        HeaderValue::try_from(policy).expect("hosts are checked before they are repeated")
    }

    /// Where the streams come from: all that `/play/{playback ID}` names to whoever asked this host.
    fn media(&self, asked: Option<&str>) -> Vec<String> {
        let Self(addresses) = self;
        // Not every browser counts WebSockets to 'self'. Whether HTTPS was asked does not matter to a policy.
        let mut origins = [false, true].map(|secure| origin(&addresses.websocket(asked, secure))).to_vec();
        origins.extend(
            addresses.webtransport(asked).iter().map(|address| origin(&format!("https://{address}"))),
        );
        origins.dedup();
        origins
    }
}

/// A URL without its path, as a policy names it. A policy cannot name an IPv6 address: its port has to do.
fn origin(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((_, port)) => format!("{scheme}://*{port}"),
        None => format!("{scheme}://{authority}"),
    }
}

/// Adds what every page has.
pub(super) fn calm(headers: &mut HeaderMap) {
    for (name, value) in CALM {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}

/// For what is no page: it is only ever what its type says.
pub(super) fn no_sniffing(mut answer: Response) -> Response {
    answer.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// For what pages of other origins load, also those that are isolated.
pub(super) fn for_everybody(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
    answer
}
