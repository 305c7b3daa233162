//! Webhooks in the store.

use sqlx::sqlite::SqliteRow;
use sqlx::{Executor, Row, Sqlite};

use crate::store::Result;

/// One webhook as it is stored; the migration gives the columns their meaning.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the columns are told in the migration")]
pub struct WebhookRow {
    pub id: String,
    pub url: String,
    pub events: String,
    pub description: String,
    pub enabled: bool,
    pub secret: String,
    pub failures: i64,
    pub retry_at: i64,
    pub created_at: i64,
    pub updated_at: i64,
}

const COLUMNS: &str =
    "id, url, events, description, enabled, secret, failures, retry_at, created_at, updated_at";

fn row(row: SqliteRow) -> sqlx::Result<WebhookRow> {
    Ok(WebhookRow {
        id: row.try_get(0)?,
        url: row.try_get(1)?,
        events: row.try_get(2)?,
        description: row.try_get(3)?,
        enabled: row.try_get(4)?,
        secret: row.try_get(5)?,
        failures: row.try_get(6)?,
        retry_at: row.try_get(7)?,
        created_at: row.try_get(8)?,
        updated_at: row.try_get(9)?,
    })
}

/// The ids of those that are told anything, and what they want to be told.
pub async fn enabled(db: impl Executor<'_, Database = Sqlite>) -> Result<Vec<(String, String)>> {
    let query =
        sqlx::query_as("SELECT id, events FROM webhooks WHERE enabled = TRUE ORDER BY created_at, id");
    Ok(query.fetch_all(db).await?)
}

/// How many there are.
pub async fn count(db: impl Executor<'_, Database = Sqlite>) -> Result<i64> {
    Ok(sqlx::query_scalar("SELECT COUNT(*) FROM webhooks").fetch_one(db).await?)
}

/// Stores a new one.
pub async fn insert(db: impl Executor<'_, Database = Sqlite>, webhook: &WebhookRow) -> Result<()> {
    let query = format!(
        "INSERT INTO webhooks ({COLUMNS}, sequence) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0)"
    );
    bound(sqlx::query(&query), webhook).execute(db).await?;
    Ok(())
}

/// Stores what it has become.
pub async fn update(db: impl Executor<'_, Database = Sqlite>, webhook: &WebhookRow) -> Result<()> {
    let query = sqlx::query(
        "UPDATE webhooks SET url = $2, events = $3, description = $4, enabled = $5, secret = $6, failures = $7, \
         retry_at = $8, created_at = $9, updated_at = $10 WHERE id = $1",
    );
    bound(query, webhook).execute(db).await?;
    Ok(())
}

type Query<'q> = sqlx::query::Query<'q, Sqlite, sqlx::sqlite::SqliteArguments<'q>>;

/// The row in the order of its columns.
fn bound<'q>(query: Query<'q>, webhook: &'q WebhookRow) -> Query<'q> {
    query
        .bind(&webhook.id)
        .bind(&webhook.url)
        .bind(&webhook.events)
        .bind(&webhook.description)
        .bind(webhook.enabled)
        .bind(&webhook.secret)
        .bind(webhook.failures)
        .bind(webhook.retry_at)
        .bind(webhook.created_at)
        .bind(webhook.updated_at)
}

/// The webhook with this id.
pub async fn by_id(db: impl Executor<'_, Database = Sqlite>, id: &str) -> Result<Option<WebhookRow>> {
    let query = format!("SELECT {COLUMNS} FROM webhooks WHERE id = $1");
    Ok(sqlx::query(&query).bind(id).try_map(row).fetch_optional(db).await?)
}

/// At most `limit` webhooks after (`created_at`, `id`) in the order of their creation.
pub async fn page(
    db: impl Executor<'_, Database = Sqlite>,
    (created_at, id): (i64, &str),
    limit: i64,
) -> Result<Vec<WebhookRow>> {
    let query = format!(
        "SELECT {COLUMNS} FROM webhooks WHERE created_at > $1 OR (created_at = $1 AND id > $2) \
         ORDER BY created_at, id LIMIT $3"
    );
    let query = sqlx::query(&query).bind(created_at).bind(id).bind(limit);
    Ok(query.try_map(row).fetch_all(db).await?)
}

/// Deletes one and all its deliveries; whether there was one.
pub async fn delete(db: impl Executor<'_, Database = Sqlite>, id: &str) -> Result<bool> {
    let deleted = sqlx::query("DELETE FROM webhooks WHERE id = $1").bind(id).execute(db).await?;
    Ok(deleted.rows_affected() > 0)
}
