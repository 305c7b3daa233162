//! Deliveries in the store. Times are milliseconds since 1970.
//!
//! A delivery is `waiting` in its webhook's line, or stands `aside` after it failed some times and those behind it
//! were let pass; both are pending for those who ask. It ends `delivered` or `failed`.

use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use sqlx::{Executor, Row, Sqlite, SqliteConnection};

use super::backoff::Backoff;
use super::send::Outcome;
use crate::store::{Result, to_millis};

/// Deliveries that are over and stay in the list of one webhook, at most.
const MOST_KEPT: i64 = 1000;
/// Deliveries that wait for one webhook, at most.
const MOST_WAITING: i64 = 10_000;

/// What a webhook is told.
pub struct Occurrence<'a> {
    /// `evt_…`, the same for all webhooks that are told of it.
    pub id: &'a str,
    /// Its type, as in `stream.live`.
    pub kind: &'a str,
    /// When it happened.
    pub at: Timestamp,
    /// To what.
    pub data: &'a Value,
}

/// Puts a delivery at the end of a webhook's line and gives its id.
pub async fn insert(db: &mut SqliteConnection, webhook: &str, told: &Occurrence<'_>) -> Result<String> {
    let number = sqlx::query("UPDATE webhooks SET sequence = sequence + 1 WHERE id = $1 RETURNING sequence");
    let sequence: i64 = number.bind(webhook).fetch_one(&mut *db).await?.try_get(0)?;
    let body = json!({
        "id": told.id,
        "type": told.kind,
        "sequence": sequence,
        "createdAt": told.at,
        "data": told.data,
    });
    let id = crate::random::id("dlv_");
    let insert = sqlx::query(
        "INSERT INTO deliveries (id, webhook_id, sequence, event_id, kind, body, state, attempts, retry_at, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, 'waiting', 0, 0, $7)",
    );
    let insert = insert.bind(&id).bind(webhook).bind(sequence).bind(told.id).bind(told.kind);
    insert.bind(body.to_string()).bind(to_millis(told.at)).execute(db).await?;
    Ok(id)
}

/// A delivery that is to be tried now.
#[derive(Debug)]
pub struct Due {
    /// Its id.
    pub id: String,
    /// The event's type.
    pub kind: String,
    /// The event as JSON.
    pub body: String,
    /// The webhook's URL.
    pub url: String,
    /// The webhook's secret, sealed.
    pub sealed_secret: String,
    attempts: i64,
    /// Failures in a row of those in the line.
    failures: i64,
    aside: bool,
    created_at: i64,
}

/// Webhooks that have something to be tried.
pub async fn due_webhooks(db: impl Executor<'_, Database = Sqlite>, now: i64) -> Result<Vec<String>> {
    let due = sqlx::query_scalar(
        "SELECT id FROM webhooks WHERE enabled = TRUE AND ( \
             (retry_at <= $1 AND EXISTS ( \
                 SELECT 1 FROM deliveries WHERE webhook_id = webhooks.id AND state = 'waiting')) \
             OR EXISTS ( \
                 SELECT 1 FROM deliveries \
                 WHERE webhook_id = webhooks.id AND state = 'aside' AND deliveries.retry_at <= $1))",
    );
    Ok(due.bind(now).fetch_all(db).await?)
}

/// What this webhook is to be told next: what stood aside long enough, then the first in the line.
pub async fn next_due(
    db: impl Executor<'_, Database = Sqlite>,
    webhook: &str,
    now: i64,
) -> Result<Option<Due>> {
    let next = sqlx::query(
        "SELECT d.id, d.kind, d.body, w.url, w.secret, d.attempts, w.failures, d.state = 'aside', d.created_at \
         FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id \
         WHERE d.webhook_id = $1 AND w.enabled = TRUE \
             AND ((d.state = 'aside' AND d.retry_at <= $2) OR (d.state = 'waiting' AND w.retry_at <= $2)) \
         ORDER BY d.state, d.sequence LIMIT 1",
    );
    let due = |row: SqliteRow| -> sqlx::Result<Due> {
        Ok(Due {
            id: row.try_get(0)?,
            kind: row.try_get(1)?,
            body: row.try_get(2)?,
            url: row.try_get(3)?,
            sealed_secret: row.try_get(4)?,
            attempts: row.try_get(5)?,
            failures: row.try_get(6)?,
            aside: row.try_get(7)?,
            created_at: row.try_get(8)?,
        })
    };
    Ok(next.bind(webhook).bind(now).try_map(due).fetch_optional(db).await?)
}

/// How deliveries are retried, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The waits.
    pub backoff: Backoff,
    /// Milliseconds after which a delivery is given up.
    pub give_up_after: i64,
}

impl Patience {
    /// The state of a delivery after this outcome of its latest attempt.
    fn state(&self, due: &Due, outcome: &Outcome, now: i64) -> &'static str {
        if outcome.error.is_none() {
            "delivered"
        } else if now.saturating_sub(due.created_at) >= self.give_up_after {
            "failed"
        } else if due.attempts + 1 >= self.backoff.patience {
            "aside"
        } else {
            "waiting"
        }
    }

    /// When it is tried again after this many failures.
    fn retry_at(&self, failures: i64, now: i64) -> i64 {
        let wait = self.backoff.wait(failures, fastrand::f64());
        now.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Writes down how an attempt ended and when the next one is; the state that it has now.
pub async fn finish(
    db: &mut SqliteConnection,
    due: &Due,
    outcome: &Outcome,
    patience: &Patience,
    now: i64,
) -> Result<&'static str> {
    let state = patience.state(due, outcome, now);
    let attempts = due.attempts + 1;
    let update = sqlx::query(
        "UPDATE deliveries SET state = $2, attempts = $3, retry_at = $4, attempted_at = $5, status = $6, error = $7 \
         WHERE id = $1",
    );
    let update = update.bind(&due.id).bind(state).bind(attempts).bind(patience.retry_at(attempts, now));
    let update = update.bind(now).bind(outcome.status.map(i64::from)).bind(&outcome.error);
    update.execute(&mut *db).await?;
    match &outcome.error {
        None if due.failures == 0 => {}
        None => set_failures(db, due, 0, 0).await?,
        // One that stands aside says nothing about the line.
        Some(_) if due.aside => {}
        Some(_) => {
            let failures = due.failures.saturating_add(1);
            set_failures(db, due, failures, patience.retry_at(failures, now)).await?;
        }
    }
    Ok(state)
}

/// How the line of the delivery's webhook does.
async fn set_failures(db: &mut SqliteConnection, due: &Due, failures: i64, retry_at: i64) -> Result<()> {
    let update = sqlx::query(
        "UPDATE webhooks SET failures = $2, retry_at = $3 \
         WHERE id = (SELECT webhook_id FROM deliveries WHERE id = $1)",
    );
    update.bind(&due.id).bind(failures).bind(retry_at).execute(db).await?;
    Ok(())
}

/// Gives up what is too old or too much, and says how many those are.
pub async fn give_up(db: &mut SqliteConnection, give_up_after: i64, now: i64) -> Result<u64> {
    let old = sqlx::query(
        "UPDATE deliveries \
         SET state = 'failed', error = COALESCE(error, 'not tried: those before it failed for too long') \
         WHERE state IN ('waiting', 'aside') AND created_at <= $1",
    );
    let old = old.bind(now.saturating_sub(give_up_after)).execute(&mut *db).await?;
    let many = sqlx::query(
        "UPDATE deliveries SET state = 'failed', error = 'not tried: too many deliveries waited for this webhook' \
         WHERE state IN ('waiting', 'aside') AND sequence <= \
             (SELECT webhooks.sequence FROM webhooks WHERE webhooks.id = deliveries.webhook_id) - $1",
    );
    let many = many.bind(MOST_WAITING).execute(db).await?;
    Ok(old.rows_affected() + many.rows_affected())
}

/// Forgets deliveries that are over and old, and all but the latest of each webhook.
pub async fn forget(db: &mut SqliteConnection, keep: i64, now: i64) -> Result<u64> {
    let forget = sqlx::query(
        "DELETE FROM deliveries WHERE state IN ('delivered', 'failed') AND (created_at <= $1 OR sequence <= \
             (SELECT webhooks.sequence FROM webhooks WHERE webhooks.id = deliveries.webhook_id) - $2)",
    );
    let forgotten = forget.bind(now.saturating_sub(keep)).bind(MOST_KEPT).execute(db).await?;
    Ok(forgotten.rows_affected())
}

/// Deliveries that are neither delivered nor given up.
pub async fn pending(db: impl Executor<'_, Database = Sqlite>) -> Result<i64> {
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM deliveries WHERE state IN ('waiting', 'aside')");
    Ok(count.fetch_one(db).await?)
}

/// A delivery as it is listed.
#[derive(Debug)]
pub struct DeliveryRow {
    /// `dlv_…`
    pub id: String,
    /// Its place in the line.
    pub sequence: i64,
    /// `evt_…`
    pub event_id: String,
    /// The event's type.
    pub kind: String,
    /// `waiting`, `aside`, `delivered` or `failed`.
    pub state: String,
    /// Attempts so far.
    pub attempts: i64,
    /// When the next attempt is, of one that stands aside.
    pub retry_at: i64,
    /// When the event was.
    pub created_at: i64,
    /// When the latest attempt was.
    pub attempted_at: Option<i64>,
    /// What it was answered.
    pub status: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
}

const COLUMNS: &str =
    "id, sequence, event_id, kind, state, attempts, retry_at, created_at, attempted_at, status, error";

fn listed(row: SqliteRow) -> sqlx::Result<DeliveryRow> {
    Ok(DeliveryRow {
        id: row.try_get(0)?,
        sequence: row.try_get(1)?,
        event_id: row.try_get(2)?,
        kind: row.try_get(3)?,
        state: row.try_get(4)?,
        attempts: row.try_get(5)?,
        retry_at: row.try_get(6)?,
        created_at: row.try_get(7)?,
        attempted_at: row.try_get(8)?,
        status: row.try_get(9)?,
        error: row.try_get(10)?,
    })
}

/// At most `limit` deliveries of a webhook before the one with this number, the latest first.
pub async fn page(
    db: impl Executor<'_, Database = Sqlite>,
    webhook: &str,
    before: i64,
    limit: i64,
) -> Result<Vec<DeliveryRow>> {
    let query = format!(
        "SELECT {COLUMNS} FROM deliveries WHERE webhook_id = $1 AND sequence < $2 ORDER BY sequence DESC LIMIT $3"
    );
    let query = sqlx::query(&query).bind(webhook).bind(before).bind(limit);
    Ok(query.try_map(listed).fetch_all(db).await?)
}

/// The delivery with this id.
pub async fn by_id(db: impl Executor<'_, Database = Sqlite>, id: &str) -> Result<Option<DeliveryRow>> {
    let query = format!("SELECT {COLUMNS} FROM deliveries WHERE id = $1");
    Ok(sqlx::query(&query).bind(id).try_map(listed).fetch_optional(db).await?)
}
