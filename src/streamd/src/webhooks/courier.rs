//! The delivery loop: takes what is due from the store, sends it, writes down how that ended.
//!
//! All that it knows stands in the store, so a restart or a kill changes nothing: what was sent and not yet written
//! down is sent again. Each webhook has one delivery under way at most, so its deliveries go out in order and a
//! slow receiver holds up itself alone.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

use super::backoff::Backoff;
use super::deliveries::{self, Due, Patience};
use super::send::{Outcome, Parcel, Sender};
use crate::config::Webhooks;
use crate::store::{Result, Store, to_millis};

/// How often the store is asked, besides when somebody says that there is something: retries come due by time.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How often what is over is given up and forgotten.
const CLEAN_AGAIN: Duration = Duration::from_secs(30);

/// How long what is due may take once the end has begun.
const LAST_ATTEMPTS: Duration = Duration::from_secs(3);

/// The delivery loop of a node.
pub struct Courier {
    store: Store,
    sender: Sender,
    patience: Patience,
    keep: i64,
    wake: Arc<Notify>,
    permits: Semaphore,
    /// Webhooks that a task serves now.
    busy: Mutex<HashSet<String>>,
}

impl Courier {
    /// As configured; `wake` is notified when a transaction with new deliveries is through.
    pub fn new(store: Store, config: &Webhooks, backoff: Backoff, wake: Arc<Notify>) -> Self {
        Self {
            store,
            sender: Sender::new(config),
            patience: Patience { backoff, give_up_after: millis(config.give_up_after) },
            keep: millis(config.keep),
            wake,
            permits: Semaphore::new(config.concurrency),
            busy: Mutex::default(),
        }
    }

    /// Delivers until `stop` says true. What is due then gets a moment; what is cut short is sent again after the next
    /// start.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut tasks = JoinSet::new();
        let mut looks = tokio::time::interval(LOOK_AGAIN.min(self.patience.backoff.first));
        let mut cleanings = tokio::time::interval(CLEAN_AGAIN);
        loop {
            tokio::select! {
                () = told_to_stop(&mut stop) => break,
                _ = cleanings.tick() => self.clean().await,
                _ = looks.tick() => self.look(&mut tasks).await,
                () = self.wake.notified() => self.look(&mut tasks).await,
                Some(_) = tasks.join_next() => {}
            }
        }
        // What is left then ends with its tasks, when they are dropped.
        let _ = tokio::time::timeout(LAST_ATTEMPTS, self.finish(&mut tasks)).await;
    }

    /// Delivers until nothing is due, or the store fails.
    async fn finish(self: &Arc<Self>, tasks: &mut JoinSet<bool>) {
        loop {
            self.look(tasks).await;
            let Some(Ok(true)) = tasks.join_next().await else { break };
        }
    }

    /// Starts a task for each webhook that has something due and no task yet.
    async fn look(self: &Arc<Self>, tasks: &mut JoinSet<bool>) {
        let due = match deliveries::due_webhooks(self.store.read(), now()).await {
            Ok(due) => due,
            Err(error) => return tracing::error!("the store does not say which webhooks are due: {error}"),
        };
        for webhook in due {
            if self.busy().insert(webhook.clone()) {
                tasks.spawn(self.clone().serve(webhook));
            }
        }
    }

    /// Delivers what is due for one webhook, and says whether the store let it.
    async fn serve(self: Arc<Self>, webhook: String) -> bool {
        let busy = Busy { courier: &self, webhook: &webhook };
        loop {
            // In the order in which they ask: a webhook with much to be told does not keep others waiting.
            let _permit = self.permits.acquire().await;
            match self.deliver_next(&webhook).await {
                Ok(true) => {}
                Ok(false) => break,
                // The next regular look tries again, not sooner.
                Err(error) => {
                    tracing::error!(webhook, "the store does not take or give a delivery: {error}");
                    return false;
                }
            }
        }
        drop(busy);
        // What came between the last look and this moment found the webhook busy.
        self.wake.notify_one();
        true
    }

    /// Makes one attempt if one is due, and says whether one was.
    async fn deliver_next(&self, webhook: &str) -> Result<bool> {
        let Some(due) = deliveries::next_due(self.store.read(), webhook, now()).await? else {
            return Ok(false);
        };
        let outcome = self.attempt(webhook, &due).await;
        let mut transaction = self.store.write().await?;
        let state = deliveries::finish(&mut transaction, &due, &outcome, &self.patience, now()).await?;
        transaction.commit().await?;
        report(webhook, &due, &outcome, state);
        Ok(true)
    }

    async fn attempt(&self, webhook: &str, due: &Due) -> Outcome {
        let secret = match self.store.vault().open_text(webhook, &due.sealed_secret) {
            Ok(secret) => secret,
            Err(error) => {
                return Outcome { status: None, error: Some(error.to_string()) };
            }
        };
        let begun = Instant::now();
        let parcel =
            Parcel { delivery: &due.id, kind: &due.kind, url: &due.url, secret: &secret, body: &due.body };
        let outcome = self.sender.send(&parcel).await;
        metrics::histogram!("streamd_webhook_attempt_seconds").record(begun.elapsed());
        outcome
    }

    async fn clean(&self) {
        if let Err(error) = self.try_clean().await {
            tracing::error!("the store does not let old deliveries go: {error}");
        }
    }

    async fn try_clean(&self) -> Result<()> {
        let mut transaction = self.store.write().await?;
        let given_up = deliveries::give_up(&mut transaction, self.patience.give_up_after, now()).await?;
        deliveries::forget(&mut transaction, self.keep, now()).await?;
        let pending = deliveries::pending(&mut *transaction).await?;
        transaction.commit().await?;
        if given_up > 0 {
            tracing::warn!(given_up, "webhook deliveries were given up");
            metrics::counter!("streamd_webhook_given_up_total").increment(given_up);
        }
        metrics::gauge!("streamd_webhook_deliveries_pending").set(pending as f64);
        Ok(())
    }

    fn busy(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.busy.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Until it is said, or nobody is left who could.
async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Says and counts how an attempt ended.
fn report(webhook: &str, due: &Due, outcome: &Outcome, state: &str) {
    let (delivery, kind) = (&due.id, &due.kind);
    // Counted before it is said: whoever reads the line finds it in the figures.
    let label = if outcome.error.is_none() { "delivered" } else { "failed" };
    metrics::counter!("streamd_webhook_attempts_total", "outcome" => label).increment(1);
    match &outcome.error {
        None => tracing::debug!(webhook, delivery, kind, "delivered"),
        Some(error) => tracing::warn!(webhook, delivery, kind, "not delivered: {error}"),
    }
    if state == "failed" {
        tracing::warn!(webhook, delivery, kind, "given up");
        metrics::counter!("streamd_webhook_given_up_total").increment(1);
    }
}

fn now() -> i64 {
    to_millis(jiff::Timestamp::now())
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// A webhook that a task serves; dropped, whichever way the task ended, it is free again.
struct Busy<'a> {
    courier: &'a Courier,
    webhook: &'a str,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.courier.busy().remove(self.webhook);
    }
}
