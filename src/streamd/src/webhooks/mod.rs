//! Webhooks: other servers are told what happens to streams, API keys and viewers.
//!
//! [`record`] writes a delivery for each webhook that asked for an event, in the transaction of the change itself:
//! what happened is told, what was rolled back is not. The [`Courier`] sends them afterwards. [`manage`] holds the
//! rules of webhooks, [`api`] is their face over HTTP.

pub mod api;
mod backoff;
mod courier;
mod deliveries;
pub mod manage;
mod rows;
mod send;
mod signature;
mod target;

#[cfg(test)]
mod tests;

use sqlx::{Executor, Sqlite, SqliteConnection};

pub use backoff::Backoff;
pub use courier::Courier;
pub use target::{Refused, Targets};

use crate::service::{Event, EventKind};
use crate::store::Result;

/// What a test delivery's type is.
pub const TEST: &str = "webhook.test";

/// Whether there is a webhook that wants to be told of such events.
pub async fn is_wanted(db: impl Executor<'_, Database = Sqlite>, kind: EventKind) -> Result<bool> {
    let enabled = rows::enabled(db).await?;
    Ok(enabled.iter().any(|(_, events)| names(events, kind)))
}

/// Whether what a webhook wants to be told of, as it is stored, has this kind in it.
fn names(events: &str, kind: EventKind) -> bool {
    events.split(' ').any(|wanted| wanted == kind.name())
}

/// Makes a delivery of `event` for each webhook that wants it, in the transaction of the change that it tells. It is
/// sent once that transaction is through.
pub async fn record(db: &mut SqliteConnection, event: &Event) -> Result<()> {
    let kind = event.kind.name();
    for (webhook, events) in rows::enabled(&mut *db).await? {
        if names(&events, event.kind) {
            let occurrence = deliveries::Occurrence { id: &event.id, kind, at: event.at, data: &event.data };
            deliveries::insert(db, &webhook, &occurrence).await?;
        }
    }
    Ok(())
}
