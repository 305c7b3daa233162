//! Why the service does not do what it is asked.

use crate::service::Scope;
use crate::store;

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field's name as the API writes it, as in `ring.seconds`.
    pub field: String,
    /// What is wrong with it, as a sentence without its end.
    pub message: String,
}

impl FieldError {
    /// `field` is wrong because of `message`.
    pub fn new(field: &str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), message: message.into() }
    }
}

/// Why the service refuses.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields have values that they cannot have.
    #[error("{}", list(.0))]
    Invalid(Vec<FieldError>),
    /// There is no such stream, key or webhook.
    #[error("there is no {what} {name}")]
    NotFound {
        /// `stream`, `key`, ...
        what: &'static str,
        /// What was looked for.
        name: String,
    },
    /// It contradicts the state that things are in.
    #[error("{message}")]
    Conflict {
        /// The field that contradicts, if it is one.
        field: Option<&'static str>,
        /// In what.
        message: String,
    },
    /// The API key is unknown, expired or revoked.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// The API key lacks a scope.
    #[error("this needs an API key with the scope {0}")]
    Scope(Scope),
    /// The API key may not do this for another reason.
    #[error("{0}")]
    Forbidden(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// One field is wrong.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }

    pub(crate) fn not_found(what: &'static str, name: &str) -> Self {
        Self::NotFound { what, name: name.to_owned() }
    }

    pub(crate) fn conflict(field: Option<&'static str>, message: impl Into<String>) -> Self {
        Self::Conflict { field, message: message.into() }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// What the service answers.
pub type Result<T> = std::result::Result<T, Error>;

fn list(errors: &[FieldError]) -> String {
    let errors = errors.iter().map(|error| format!("{} {}", error.field, error.message));
    errors.collect::<Vec<_>>().join("; ")
}
