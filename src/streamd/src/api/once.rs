//! `Idempotency-Key`: a POST that is sent again because its answer was lost is not done again. The answer is stored in
//! the transaction of the change, sealed (it may hold a secret), and given again for a day.

use std::collections::HashSet;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::problem::Kind;
use super::{App, Problem};
use crate::service::{Caller, Change};

/// The header's name.
pub const HEADER: &str = "idempotency-key";
const MAX_KEY: usize = 255;

/// What a handler answers.
pub type Answer = Result<Response, Stop>;

/// Why a handler goes no further.
#[derive(Debug)]
pub enum Stop {
    /// It cannot.
    Problem(Problem),
    /// It was done before: this was the answer.
    Replayed(Box<Response>),
}

impl<P: Into<Problem>> From<P> for Stop {
    fn from(problem: P) -> Self {
        Self::Problem(problem.into())
    }
}

impl IntoResponse for Stop {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Replayed(response) => *response,
        }
    }
}

/// Whether, and under which name, a request is to be done once only.
#[derive(Debug, Clone)]
pub struct Once {
    key: Option<String>,
    fingerprint: String,
}

impl Once {
    /// From a request and its body.
    pub(super) fn of(parts: &Parts, body: &[u8]) -> Result<Self, Problem> {
        let key = parts.headers.get(HEADER).map(|value| {
            let key = value.to_str().ok().map(str::trim);
            let good = key.filter(|key| {
                (1..=MAX_KEY).contains(&key.len())
                    && key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
            });
            good.map(str::to_owned).ok_or_else(|| {
                Problem::field("Idempotency-Key", format!("is not 1 to {MAX_KEY} printable ASCII characters"))
            })
        });
        let mut hash = Sha256::new();
        hash.update(parts.method.as_str());
        hash.update([0]);
        hash.update(parts.uri.path());
        hash.update([0]);
        hash.update(body);
        Ok(Self { key: key.transpose()?, fingerprint: data_encoding::HEXLOWER.encode(&hash.finalize()) })
    }

    /// For what can be done again and again.
    pub fn not_asked() -> Self {
        Self { key: None, fingerprint: String::new() }
    }
}

/// The idempotency keys of the requests that are being answered, by API key.
#[derive(Debug, Default)]
pub(super) struct InFlight(Mutex<HashSet<(String, String)>>);

/// One of them; dropped when the request is over.
#[derive(Debug)]
struct Flight {
    all: Arc<InFlight>,
    name: (String, String),
}

impl Flight {
    fn begin(all: &Arc<InFlight>, caller: &Caller, key: &str) -> Result<Self, Problem> {
        let name = (caller.id.clone(), key.to_owned());
        if !all.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone()) {
            let detail = "a request with this Idempotency-Key is being answered; ask again when it is done";
            return Err(Problem::new(Kind::Conflict, detail));
        }
        Ok(Self { all: Arc::clone(all), name })
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

/// A change whose answer is kept with it. It is used as the [`Change`] that it holds.
pub struct Answering {
    change: Change,
    kept: Option<(String, String)>,
    _flight: Option<Flight>,
}

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    location: Option<String>,
    body: String,
}

impl App {
    /// Begins what a request asks for, unless it was done before.
    pub async fn change(&self, caller: &Caller, once: Once) -> Result<Answering, Stop> {
        let Some(key) = once.key else {
            return Ok(Answering { change: self.service.begin(caller).await?, kept: None, _flight: None });
        };
        let flight = Flight::begin(&self.in_flight, caller, &key)?;
        let mut change = self.service.begin(caller).await?;
        // Looked for within the change: it waited for the one before, which may have been the same request.
        if let Some((fingerprint, answer)) = change.kept_answer(&key).await? {
            if fingerprint != once.fingerprint {
                let detail =
                    "this Idempotency-Key was used for a request that was not the same; choose another";
                return Err(Problem::new(Kind::IdempotencyKeyReused, detail).into());
            }
            let kept = serde_json::from_slice::<Kept>(&answer)
                .map_err(|error| Problem::new(Kind::Internal, error.to_string()))?;
            return Err(Stop::Replayed(Box::new(kept.replay())));
        }
        Ok(Answering { change, kept: Some((key, once.fingerprint)), _flight: Some(flight) })
    }
}

impl Answering {
    /// Makes the change last and answers with what was made, at `location`.
    pub async fn created(self, location: String, body: &impl Serialize) -> Answer {
        self.answer(StatusCode::CREATED, Some(location), body).await
    }

    /// Makes the change last and answers with what it changed.
    pub async fn done(self, body: &impl Serialize) -> Answer {
        self.answer(StatusCode::OK, None, body).await
    }

    async fn answer(mut self, status: StatusCode, location: Option<String>, body: &impl Serialize) -> Answer {
        let body = serde_json::to_string(body).expect("what the API shows can be written as JSON");
        let kept = Kept { status: status.as_u16(), location, body };
        if let Some((key, fingerprint)) = &self.kept {
            let answer = serde_json::to_vec(&kept).expect("a kept answer can be written as JSON");
            self.change.keep_answer(key, fingerprint, &answer).await?;
        }
        self.change.commit().await?;
        Ok(kept.response())
    }
}

impl Deref for Answering {
    type Target = Change;

    fn deref(&self) -> &Change {
        &self.change
    }
}

impl DerefMut for Answering {
    fn deref_mut(&mut self) -> &mut Change {
        &mut self.change
    }
}

impl Kept {
    fn response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut response = (status, [json], self.body).into_response();
        if let Some(Ok(location)) = self.location.map(HeaderValue::try_from) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response
    }

    fn replay(self) -> Response {
        let mut response = self.response();
        response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
        response
    }
}
