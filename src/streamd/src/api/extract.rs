//! What handlers take from requests, with errors that name what is wrong.

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::problem::Kind;
use super::{App, Once, Problem};
use crate::json;

/// The `{id}` of a path.
#[derive(Debug, Clone)]
pub struct Id(pub String);

impl FromRequestParts<App> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Path(id) = Path::<String>::from_request_parts(parts, app)
            .await
            .map_err(|error| Problem::new(Kind::MalformedRequest, error.body_text()))?;
        Ok(Self(id))
    }
}

/// What stands behind the `?`.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Problem> {
        let query = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        let axum::extract::Query(query) = query.map_err(|error| {
            let text = error.body_text();
            let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
            let (field, message) = text.split_once(": ").unwrap_or(("", text));
            misfit(field, message)
        })?;
        Ok(Self(query))
    }
}

/// A body of JSON.
#[derive(Debug, Clone)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        check_media_type(&parts.headers)?;
        parse(&read(body, app).await?).map(Self)
    }
}

/// A POST: its body of JSON, and whether it is to be done once only.
#[derive(Debug, Clone)]
pub struct Post<T> {
    /// What is asked.
    pub body: T,
    /// For [`App::change`].
    pub once: Once,
}

impl<T: DeserializeOwned> FromRequest<App> for Post<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        check_media_type(&parts.headers)?;
        let bytes = read(body, app).await?;
        let once = Once::of(&parts, &bytes)?;
        Ok(Self { body: parse(&bytes)?, once })
    }
}

/// A POST without a body; one that has one is not read.
impl FromRequest<App> for Once {
    type Rejection = Problem;

    async fn from_request(request: Request, _app: &App) -> Result<Self, Problem> {
        Once::of(&request.into_parts().0, &[])
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let what = if kind.is_empty() { "is missing" } else { "names something else" };
    Err(Problem::new(
        Kind::UnsupportedMediaType,
        format!("Content-Type {what}; it has to be application/json"),
    ))
}

async fn read(body: axum::body::Body, app: &App) -> Result<Bytes, Problem> {
    let limit = app.settings.max_body;
    let read = axum::body::to_bytes(body, limit);
    let Ok(read) = tokio::time::timeout(app.settings.body_timeout, read).await else {
        return Err(Problem::timeout(app.settings.body_timeout));
    };
    read.map_err(|error| {
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            if error.to_string() == "length limit exceeded" {
                return Problem::new(Kind::TooLarge, format!("the body may have {limit} bytes"));
            }
            cause = error.source();
        }
        Problem::new(Kind::MalformedRequest, "the body ended before its end")
    })
}

pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // By way of a map: an array is no object, though serde would fill a struct from one.
    let value = serde_json::from_slice::<Value>(bytes)
        .map_err(|error| Problem::new(Kind::MalformedRequest, format!("the body is not JSON: {error}")))?;
    let Value::Object(object) = value else {
        return Err(Problem::new(Kind::InvalidField, "the body is not a JSON object"));
    };
    json::read(object).map_err(|(path, message)| misfit(&path, &message))
}

/// Serde's own message, and the field that it is about: which it names in the message where the field is not one of
/// the type's.
fn misfit(path: &str, message: &str) -> Problem {
    // Within an object, its own path stands before the message.
    if let Some((inner, message)) = message.split_once(": ").filter(|(inner, _)| is_path(inner)) {
        return misfit(&format!("{path}.{inner}"), message);
    }
    let named = ["unknown field `", "missing field `", "duplicate field `"]
        .iter()
        .find_map(|start| message.strip_prefix(start)?.split('`').next());
    let field = match named {
        Some(name) if path.is_empty() => name.to_owned(),
        Some(name) if path != name && !path.ends_with(&format!(".{name}")) => format!("{path}.{name}"),
        _ => path.to_owned(),
    };
    Problem::field(&field, message)
}

fn is_path(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'[' | b']'))
}
