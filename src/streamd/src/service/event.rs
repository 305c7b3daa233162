//! What happened, for those who want to be told.

use jiff::Timestamp;
use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Object, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// The kinds of events, by the names that webhooks know them by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A stream was made.
    StreamCreated,
    /// Somebody publishes a stream that nobody published.
    StreamLive,
    /// Nobody publishes it any more.
    StreamOffline,
    /// Its media is dropped until it is resumed.
    StreamPaused,
    /// Its media goes on.
    StreamResumed,
    /// It is gone, and its key with it.
    StreamArchived,
    /// The source of a pulled stream was opened, could not be, or has ended.
    StreamSource,
    /// An API key was made.
    KeyCreated,
    /// An API key does nothing any more.
    KeyRevoked,
    /// Somebody began to watch a stream.
    ViewerJoined,
    /// Somebody stopped to watch it.
    ViewerLeft,
}

impl EventKind {
    /// All kinds.
    pub const ALL: [Self; 11] = [
        Self::StreamCreated,
        Self::StreamLive,
        Self::StreamOffline,
        Self::StreamPaused,
        Self::StreamResumed,
        Self::StreamArchived,
        Self::StreamSource,
        Self::KeyCreated,
        Self::KeyRevoked,
        Self::ViewerJoined,
        Self::ViewerLeft,
    ];

    /// Its name, as in `stream.created`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StreamCreated => "stream.created",
            Self::StreamLive => "stream.live",
            Self::StreamOffline => "stream.offline",
            Self::StreamPaused => "stream.paused",
            Self::StreamResumed => "stream.resumed",
            Self::StreamArchived => "stream.archived",
            Self::StreamSource => "stream.source",
            Self::KeyCreated => "key.created",
            Self::KeyRevoked => "key.revoked",
            Self::ViewerJoined => "viewer.joined",
            Self::ViewerLeft => "viewer.left",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl PartialSchema for EventKind {
    fn schema() -> RefOr<Schema> {
        let names = Self::ALL.map(Self::name);
        let description = Some("What happened.");
        Object::builder().schema_type(Type::String).enum_values(Some(names)).description(description).into()
    }
}

impl ToSchema for EventKind {}

/// One thing that happened.
#[derive(Debug, Clone)]
pub struct Event {
    /// `evt_…`
    pub id: String,
    /// What.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// To what: the stream or the key as the API shows it, without its secrets.
    pub data: Value,
}

impl Event {
    /// An event that happens now.
    pub fn now(kind: EventKind, data: Value) -> Self {
        Self { id: crate::random::id("evt_"), kind, at: Timestamp::now(), data }
    }
}
