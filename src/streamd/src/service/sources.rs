//! Sources of pulled streams: what they do now, and what became of the attempts to open them.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Caller, Error, EventKind, Result, Scope, Service, Stream};
use crate::store::source_events::{self as rows, SourceEventRow};
use crate::store::{self, from_millis, streams, to_millis};

/// What a source does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceState {
    /// Nobody watches: there is no connection.
    Idle,
    /// It is being opened for those who wait.
    Connecting,
    /// Media comes.
    Live,
    /// It has failed, and is tried again after a while.
    Retrying,
    /// The daemon is configured to open none.
    Disabled,
}

impl SourceState {
    /// Its name, as in `retrying`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Connecting => "connecting",
            Self::Live => "live",
            Self::Retrying => "retrying",
            Self::Disabled => "disabled",
        }
    }
}

/// What a source does now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceStatus {
    /// What.
    pub state: SourceState,
    /// Since when.
    pub since: Timestamp,
    /// How many attempts have failed since it was live.
    pub failures: u64,
    /// Why the latest of them has; null where none has.
    pub reason: Option<String>,
    /// When it is tried again; null where it need not be.
    pub retry_at: Option<Timestamp>,
}

/// How an attempt went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceOutcome {
    /// Media came.
    Live,
    /// None came.
    Failed,
    /// Media came, and does not come any more.
    Ended,
}

/// What became of an attempt to open a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceEvent {
    /// When.
    pub at: Timestamp,
    /// How it went.
    pub outcome: SourceOutcome,
    /// Why it failed or ended, in a word: `unresolved`, `unreachable`, `refused`, `untrusted`, `unauthorized`, `not_found`,
    /// `no_media`, `private_address`, `malformed`, `too_large`, `lost`, `disabled`, `idle` or `finished`.
    pub reason: Option<String>,
    /// The same for people.
    pub detail: Option<String>,
    /// What was connected to; null where it did not come so far.
    pub address: Option<String>,
    /// How long it had taken since the attempt began, in milliseconds.
    #[schema(minimum = 0)]
    pub took_ms: i64,
}

impl SourceOutcome {
    const ALL: [Self; 3] = [Self::Live, Self::Failed, Self::Ended];

    const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Failed => "failed",
            Self::Ended => "ended",
        }
    }
}

impl Service {
    /// What became of the attempts to open a stream's source, the newest first: the latest hundred.
    pub async fn source_events(&self, caller: &Caller, id_or_name: &str) -> Result<Vec<SourceEvent>> {
        caller.require(Scope::StreamsRead)?;
        let row = streams::find(self.store().read(), id_or_name).await?;
        let row = row.ok_or_else(|| Error::not_found("stream", id_or_name))?;
        let found = rows::of_stream(self.store().read(), &row.id).await?;
        found.into_iter().map(|event| of_row(&row.id, event)).collect()
    }

    /// Takes down what became of an attempt.
    pub(crate) async fn source_event(&self, id: &str, event: &SourceEvent) -> Result<()> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Subject<'a> {
            stream: Stream,
            source_event: &'a SourceEvent,
        }
        let mut change = self.begin_unasked().await?;
        let row = SourceEventRow {
            at: to_millis(event.at),
            outcome: event.outcome.name().to_owned(),
            reason: event.reason.clone(),
            detail: event.detail.clone(),
            address: event.address.clone(),
            took: event.took_ms,
        };
        rows::insert(change.database(), id, &row).await?;
        let stream = change.shown_stream(id).await?;
        change.record(EventKind::StreamSource, &Subject { stream, source_event: event }).await?;
        change.commit().await
    }
}

fn of_row(stream: &str, row: SourceEventRow) -> Result<SourceEvent> {
    let outcome = SourceOutcome::ALL.into_iter().find(|outcome| outcome.name() == row.outcome);
    let outcome = outcome.ok_or_else(|| store::Error::Row {
        row: stream.to_owned(),
        problem: "an outcome that this version does not understand".to_owned(),
    })?;
    let SourceEventRow { at, reason, detail, address, took, .. } = row;
    Ok(SourceEvent { at: from_millis(at), outcome, reason, detail, address, took_ms: took })
}
