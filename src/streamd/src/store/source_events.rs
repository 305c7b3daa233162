//! The rows of attempts to open sources.

use sqlx::sqlite::SqliteRow;
use sqlx::{Executor, FromRow, Row, Sqlite, SqliteConnection};

use super::Result;

/// How many of each stream are kept.
pub const KEPT: i64 = 100;

/// One attempt as it is stored; `service::sources` gives the columns their meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the columns are told in the migration")]
pub struct SourceEventRow {
    pub at: i64,
    pub outcome: String,
    pub reason: Option<String>,
    pub detail: Option<String>,
    pub address: Option<String>,
    pub took: i64,
}

impl FromRow<'_, SqliteRow> for SourceEventRow {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            at: row.try_get("at")?,
            outcome: row.try_get("outcome")?,
            reason: row.try_get("reason")?,
            detail: row.try_get("detail")?,
            address: row.try_get("address")?,
            took: row.try_get("took")?,
        })
    }
}

/// Stores an attempt, and lets go of those that are too many.
pub async fn insert(db: &mut SqliteConnection, stream: &str, event: &SourceEventRow) -> Result<()> {
    let newest =
        sqlx::query_scalar("SELECT COALESCE(MAX(number), 0) FROM source_events WHERE stream_id = $1");
    let newest: i64 = newest.bind(stream).fetch_one(&mut *db).await?;
    sqlx::query(
        "INSERT INTO source_events (stream_id, number, at, outcome, reason, detail, address, took) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(stream)
    .bind(newest + 1)
    .bind(event.at)
    .bind(&event.outcome)
    .bind(&event.reason)
    .bind(&event.detail)
    .bind(&event.address)
    .bind(event.took)
    .execute(&mut *db)
    .await?;
    let old = sqlx::query("DELETE FROM source_events WHERE stream_id = $1 AND number <= $2");
    old.bind(stream).bind(newest + 1 - KEPT).execute(&mut *db).await?;
    Ok(())
}

/// Those of a stream, the newest first.
pub async fn of_stream(
    db: impl Executor<'_, Database = Sqlite>,
    stream: &str,
) -> Result<Vec<SourceEventRow>> {
    let query = sqlx::query_as("SELECT * FROM source_events WHERE stream_id = $1 ORDER BY number DESC");
    Ok(query.bind(stream).fetch_all(db).await?)
}
