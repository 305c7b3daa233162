//! Why a command failed: one line that says what to do, and an exit code that scripts can tell apart.

use std::fmt;
use std::io;

use serde_json::{Value, json};

use crate::text::one_line;

/// The result of anything that a command does.
pub type Result<T> = std::result::Result<T, Failure>;

/// What kind of failure it is; each has an exit code of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something went wrong that has no code of its own.
    Failed,
    /// The arguments are wrong, or the server refused a value.
    Usage,
    /// Nothing answers at the API's address.
    Unreachable,
    /// No API key, or one that is not valid.
    Unauthorised,
    /// The API key is valid, but may not do this.
    Forbidden,
    /// There is no such stream, key or webhook.
    NotFound,
    /// It is in the way of something that exists, such as another stream of the same name.
    Conflict,
    /// Too many requests at present, or a limit of the API key is reached.
    Limited,
    /// Standard output was closed by whoever read it.
    ClosedPipe,
}

impl Kind {
    /// The exit code, as `--help` and docs/cli.md list them.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::ClosedPipe => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Unauthorised | Self::Forbidden => 4,
            Self::NotFound => 5,
            Self::Conflict => 6,
            Self::Limited => 7,
        }
    }
}

/// A failure of a command. Its text is one line without control characters, whatever it was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    kind: Kind,
    text: String,
}

impl Failure {
    /// A failure of a kind.
    pub fn new(kind: Kind, text: impl AsRef<str>) -> Self {
        Self { kind, text: one_line(text.as_ref()) }
    }

    /// A failure without a kind of its own.
    pub fn failed(text: impl AsRef<str>) -> Self {
        Self::new(Kind::Failed, text)
    }

    /// Arguments that cannot be.
    pub fn usage(text: impl AsRef<str>) -> Self {
        Self::new(Kind::Usage, text)
    }

    /// What kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The exit code of its kind.
    pub fn exit_code(&self) -> u8 {
        self.kind.exit_code()
    }

    /// Whether nobody reads what the command prints.
    pub fn is_closed_pipe(&self) -> bool {
        self.kind == Kind::ClosedPipe
    }

    /// The same for programs: `{"error":{"code":4,"message":"…"}}`.
    pub fn to_json(&self) -> Value {
        json!({ "error": { "code": self.exit_code(), "message": self.text } })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

/// Failures of printing; everything else that does input or output says what it was doing.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Kind::ClosedPipe, "nobody reads the output"),
            _ => Self::failed(format!("cannot print: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line_without_control_characters() {
        let failure = Failure::failed("first\nsecond\r\n\u{1b}[31mred");
        assert_eq!(failure.to_string(), "first second [31mred");
    }

    #[test]
    fn kinds_have_different_exit_codes() {
        use Kind::*;
        let codes: std::collections::BTreeSet<u8> =
            [ClosedPipe, Failed, Usage, Unreachable, Unauthorised, NotFound, Conflict, Limited]
                .map(Kind::exit_code)
                .into();
        assert_eq!(codes.into_iter().collect::<Vec<_>>(), (0..8).collect::<Vec<_>>());
    }
}
