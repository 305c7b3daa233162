//! Why something is not done, as WHIP and WHEP clients are told: a problem document (RFC 9457) with the status that says
//! it to programs.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use fql_webrtc::{OfferError, TrickleError};

use super::NotPlayed;
use crate::media::Refused;

/// What is answered instead of what was asked for.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    detail: String,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), header: None }
    }

    fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.header = Some((name, HeaderValue::from_static(value)));
        self
    }

    /// No key came, or one that no stream has. The answer does not repeat it.
    pub fn unauthenticated(detail: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail).with(header::WWW_AUTHENTICATE, "Bearer realm=\"streamd\"")
    }

    pub fn no_session() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such session, or it is over")
    }

    pub fn ending() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the server is ending")
    }

    /// The answer says in `accept` what would be taken: `Accept-Post`, or `Accept-Patch`.
    pub fn of_another_type(accept: HeaderName, expected: &'static str) -> Self {
        let detail = format!("the body is to be {expected}, and the header Content-Type says otherwise");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail).with(accept, expected)
    }

    /// There is no room for now.
    fn full(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).with(header::RETRY_AFTER, "5")
    }
}

impl From<OfferError> for Refusal {
    fn from(error: OfferError) -> Self {
        let status = match error {
            OfferError::Malformed(_) => StatusCode::BAD_REQUEST,
            OfferError::NoCommonMedia(_) => StatusCode::NOT_ACCEPTABLE,
            OfferError::Full => return Self::full(error.to_string()),
        };
        Self::new(status, error.to_string())
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::UnknownKey => Self::unauthenticated("no stream has this key"),
            Refused::AlreadyLive => Self::new(StatusCode::CONFLICT, "another publisher is live"),
            Refused::Full => Self::full("the server has no room"),
            Refused::Ending => Self::ending(),
        }
    }
}

impl From<NotPlayed> for Refusal {
    fn from(error: NotPlayed) -> Self {
        let detail = error.to_string();
        match error {
            NotPlayed::Offline | NotPlayed::Source(_) | NotPlayed::Paused => {
                Self::new(StatusCode::CONFLICT, detail).with(header::RETRY_AFTER, "2")
            }
            NotPlayed::NoTrack => Self::new(StatusCode::NOT_ACCEPTABLE, detail),
            NotPlayed::Unconverted(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).with(header::RETRY_AFTER, "5")
            }
            NotPlayed::Offer(error) => error.into(),
        }
    }
}

impl From<TrickleError> for Refusal {
    fn from(error: TrickleError) -> Self {
        let status = match error {
            TrickleError::Malformed(_) => StatusCode::BAD_REQUEST,
            TrickleError::Restart => StatusCode::UNPROCESSABLE_ENTITY,
            TrickleError::NoSession => StatusCode::NOT_FOUND,
        };
        Self::new(status, error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let document = serde_json::json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or_default(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        let mut answer = (self.status, [kind], document.to_string()).into_response();
        answer.headers_mut().extend(self.header);
        answer
    }
}
