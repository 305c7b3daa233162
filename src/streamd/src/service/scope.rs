//! What an API key may do.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One thing that an API key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub enum Scope {
    /// See streams, and their figures.
    #[serde(rename = "streams:read")]
    StreamsRead,
    /// Make, change, pause, resume and archive streams, and rotate their keys.
    #[serde(rename = "streams:write")]
    StreamsWrite,
    /// See stream keys.
    #[serde(rename = "ingest")]
    Ingest,
    /// Make, see and revoke API keys that can do no more than this one.
    #[serde(rename = "keys")]
    Keys,
    /// Make, see, change and delete webhooks.
    #[serde(rename = "webhooks")]
    Webhooks,
    /// All of it.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 6] =
        [Self::StreamsRead, Self::StreamsWrite, Self::Ingest, Self::Keys, Self::Webhooks, Self::Admin];

    /// Its name, as in `streams:read`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StreamsRead => "streams:read",
            Self::StreamsWrite => "streams:write",
            Self::Ingest => "ingest",
            Self::Keys => "keys",
            Self::Webhooks => "webhooks",
            Self::Admin => "admin",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}

impl Display for Scope {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The scopes of one key: in order, each once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// These scopes.
    pub fn new(mut scopes: Vec<Scope>) -> Self {
        scopes.sort_unstable();
        scopes.dedup();
        Self(scopes)
    }

    /// Whether they allow what `scope` allows; `admin` allows everything.
    pub fn allow(&self, scope: Scope) -> bool {
        self.0.contains(&scope) || self.0.contains(&Scope::Admin)
    }

    /// The first of `others` that these do not allow.
    pub fn lacking(&self, others: &Self) -> Option<Scope> {
        others.0.iter().copied().find(|&scope| !self.allow(scope))
    }

    /// One after the other.
    pub fn as_slice(&self) -> &[Scope] {
        &self.0
    }

    /// As the store holds them: names with a space between.
    pub(super) fn to_text(&self) -> String {
        self.0.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(" ")
    }

    /// The inverse of `to_text`; `None` for a name that this version does not know.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        text.split_whitespace().map(Scope::from_name).collect::<Option<Vec<_>>>().map(Self::new)
    }
}
