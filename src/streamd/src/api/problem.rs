//! Problem documents (RFC 9457): every answer that is not what was asked for.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::service::{Error, FieldError};

/// The kinds of problems: a stable name, a title and a status each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is told by its title")]
pub enum Kind {
    MalformedRequest,
    Unauthenticated,
    Forbidden,
    Disabled,
    NotFound,
    MethodNotAllowed,
    Timeout,
    Conflict,
    TooLarge,
    UnsupportedMediaType,
    InvalidField,
    IdempotencyKeyReused,
    TooManyRequests,
    Internal,
    Unavailable,
}

impl Kind {
    /// All kinds, by their status.
    pub const ALL: [Self; 15] = [
        Self::MalformedRequest,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::Disabled,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Timeout,
        Self::Conflict,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::InvalidField,
        Self::IdempotencyKeyReused,
        Self::TooManyRequests,
        Self::Internal,
        Self::Unavailable,
    ];

    /// The last part of its `type`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MalformedRequest => "malformed-request",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::Disabled => "disabled",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::Timeout => "timeout",
            Self::Conflict => "conflict",
            Self::TooLarge => "too-large",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::InvalidField => "invalid-field",
            Self::IdempotencyKeyReused => "idempotency-key-reused",
            Self::TooManyRequests => "too-many-requests",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
        }
    }

    /// What it is, in a few words.
    pub const fn title(self) -> &'static str {
        match self {
            Self::MalformedRequest => "The request cannot be read",
            Self::Unauthenticated => "No valid key came with the request",
            Self::Forbidden => "The key may not do this",
            Self::Disabled => "The daemon is configured not to do this",
            Self::NotFound => "There is no such thing",
            Self::MethodNotAllowed => "This cannot be done to it",
            Self::Timeout => "The request took too long",
            Self::Conflict => "The request contradicts the state of things",
            Self::TooLarge => "The request is too large",
            Self::UnsupportedMediaType => "The request is not JSON",
            Self::InvalidField => "A field has a value that it cannot have",
            Self::IdempotencyKeyReused => "The idempotency key was used for another request",
            Self::TooManyRequests => "Too many requests",
            Self::Internal => "The daemon failed",
            Self::Unavailable => "It cannot be done for now",
        }
    }

    /// Its status.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::MalformedRequest => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::Disabled => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::InvalidField | Self::IdempotencyKeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// A problem, on its way to become an answer.
#[derive(Debug, Clone)]
pub struct Problem {
    kind: Kind,
    detail: String,
    errors: Vec<FieldError>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// A problem document.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Document {
    /// The kind of problem: a stable name, and a place on this server that tells about it.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words.
    pub title: String,
    /// The status of the answer.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What happened this time.
    pub detail: String,
    /// The fields that are wrong, where it is about fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<Field>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = FieldProblem)]
pub struct Field {
    /// Its name, as in `layers` or `ring.seconds`; of a query, the parameter's.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl Problem {
    /// A problem of this kind.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), errors: Vec::new(), headers: Vec::new() }
    }

    /// A field that is wrong.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Error::invalid(field, message).into()
    }

    /// The answer to requests whose bearer token is missing or good for nothing.
    pub fn unauthenticated(detail: impl Into<String>) -> Self {
        let challenge = HeaderValue::from_static("Bearer realm=\"streamd\"");
        Self::new(Kind::Unauthenticated, detail).with_header(header::WWW_AUTHENTICATE, challenge)
    }

    pub(super) fn timeout(after: Duration) -> Self {
        Self::new(Kind::Timeout, format!("it was given up after {} seconds", after.as_secs()))
    }

    /// The same with one more header.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// As it is sent.
    pub fn document(&self) -> Document {
        let field = |error: &FieldError| Field { field: error.field.clone(), message: error.message.clone() };
        Document {
            kind: format!("/docs#problem-{}", self.kind.name()),
            title: self.kind.title().to_owned(),
            status: self.kind.status().as_u16(),
            detail: self.detail.clone(),
            errors: self.errors.iter().map(field).collect(),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = error.to_string();
        match error {
            Error::Invalid(errors) => Self::new(Kind::InvalidField, detail).with_errors(errors),
            Error::NotFound { .. } => Self::new(Kind::NotFound, detail),
            Error::Conflict { field, message } => {
                let errors = field.map(|field| FieldError::new(field, message)).into_iter().collect();
                Self::new(Kind::Conflict, detail).with_errors(errors)
            }
            Error::Unauthenticated(_) => Self::unauthenticated(detail),
            Error::Scope(_) | Error::Forbidden(_) => Self::new(Kind::Forbidden, detail),
            // What failed is for the operator's log, not for the caller.
            Error::Store(error) => {
                tracing::error!(%error, "a request failed");
                Self::new(Kind::Internal, "its log says what happened")
            }
        }
    }
}

impl From<crate::store::Error> for Problem {
    fn from(error: crate::store::Error) -> Self {
        Error::Store(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.document()).expect("a problem document can be written as JSON");
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        let headers = self.headers.into_iter().chain([kind]).collect::<HeaderMap>();
        (self.kind.status(), headers, body).into_response()
    }
}

pub(super) async fn no_such_page(uri: Uri) -> Problem {
    Problem::new(Kind::NotFound, format!("there is nothing at {}", uri.path()))
}

pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(Kind::MethodNotAllowed, format!("{} has no {method}", uri.path()))
}
