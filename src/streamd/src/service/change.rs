//! One change of what is stored: a transaction, the events it records, and what media has to know once it is done.

use std::time::Instant;

use serde::Serialize;
use tokio::sync::OwnedMutexGuard;
use tracing::Instrument;

use super::{Caller, Entry, Error, Event, EventKind, LiveChange, Result, Service};
use crate::store::Tx;
use crate::webhooks;

/// A change that is being made. Dropped without [`Change::commit`], it never was.
///
/// It is the only one until it ends: the directory follows the store in the order of the commits.
pub struct Change {
    pub(super) service: Service,
    pub(super) tx: Tx,
    pub(super) caller: Option<Caller>,
    effects: Vec<Effect>,
    recorded: Vec<Event>,
    begun: Instant,
    _turn: OwnedMutexGuard<()>,
}

/// What follows from a commit.
pub(super) enum Effect {
    /// The directory has the stream so from now on.
    Put(Box<Entry>),
    /// The directory has it no more.
    Remove(String),
    /// Media is told.
    Tell(String, LiveChange),
}

impl Service {
    /// Begins a change that `caller` asks for.
    pub async fn begin(&self, caller: &Caller) -> Result<Change> {
        let change = self.begin_unasked().await?;
        Ok(Change { caller: Some(caller.clone()), ..change })
    }

    /// Begins a change that the daemon makes by itself.
    pub(crate) async fn begin_unasked(&self) -> Result<Change> {
        let turn = self.turns().lock_owned().await;
        let tx = self.store().write().await?;
        Ok(Change {
            service: self.clone(),
            tx,
            caller: None,
            effects: Vec::new(),
            recorded: Vec::new(),
            begun: Instant::now(),
            _turn: turn,
        })
    }
}

impl Change {
    /// The database as this change sees it, for what belongs to the same transaction.
    pub fn database(&mut self) -> &mut sqlx::SqliteConnection {
        &mut self.tx
    }

    /// What seals the secrets that it stores.
    pub fn vault(&self) -> &crate::store::Vault {
        self.service.store().vault()
    }

    /// Who asked for the change.
    pub fn caller(&self) -> Result<&Caller> {
        self.caller.as_ref().ok_or(Error::Unauthenticated("nobody asked for this"))
    }

    /// Records an event about `subject` in the same transaction.
    pub async fn record(&mut self, kind: EventKind, subject: &impl Serialize) -> Result<()> {
        let data = serde_json::to_value(subject).expect("what the API shows can be written as JSON");
        let event = Event::now(kind, data);
        webhooks::record(&mut self.tx, &event).await?;
        self.recorded.push(event);
        Ok(())
    }

    pub(super) fn after_commit(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Makes it last. Goes on when its caller is dropped, as a request's is when its client goes away: the directory
    /// must follow what is stored.
    pub async fn commit(self) -> Result<()> {
        let done = async move {
            self.tx.commit().await?;
            metrics::histogram!("streamd_store_change_seconds").record(self.begun.elapsed());
            self.recorded.iter().for_each(tell);
            self.service.recorded().notify_one();
            for effect in self.effects {
                self.service.follow(effect);
            }
            Ok(())
        };
        match tokio::spawn(done.in_current_span()).await {
            Ok(result) => result,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

/// Says and counts what happened. Only the id of what it happened to: the rest is of no use here.
fn tell(event: &Event) {
    let kind = event.kind.name();
    let id = event.data["id"].as_str().or_else(|| event.data["stream"]["id"].as_str());
    tracing::info!(event = event.id, id, "{kind}");
    metrics::counter!("streamd_events_total", "type" => kind).increment(1);
}
