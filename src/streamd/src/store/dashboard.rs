//! The rows of dashboard sessions.

use sqlx::{Executor, FromRow, Row, Sqlite};

use super::Result;
use super::keys::KeyRow;

/// One dashboard session as it is stored, with the API key that signed in.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the columns are told in the migration")]
pub struct SessionRow {
    pub key: KeyRow,
    pub began_at: i64,
    pub ends_at: i64,
}

/// Stores a new one.
pub async fn insert(
    db: impl Executor<'_, Database = Sqlite>,
    (hash, api_key): (&str, &str),
    created_at: i64,
    expires_at: i64,
) -> Result<()> {
    let query = sqlx::query(
        "INSERT INTO dashboard_sessions (hash, api_key, created_at, expires_at) VALUES ($1, $2, $3, $4)",
    );
    query.bind(hash).bind(api_key).bind(created_at).bind(expires_at).execute(db).await?;
    Ok(())
}

/// The one whose token has this SHA-256.
pub async fn by_hash(db: impl Executor<'_, Database = Sqlite>, hash: &str) -> Result<Option<SessionRow>> {
    let query = sqlx::query(
        "SELECT api_keys.*, session.created_at AS began_at, session.expires_at AS ends_at \
         FROM dashboard_sessions AS session JOIN api_keys ON api_keys.id = session.api_key WHERE session.hash = $1",
    );
    let row = query.bind(hash).fetch_optional(db).await?;
    let row = row.map(|row| -> sqlx::Result<_> {
        Ok(SessionRow {
            key: KeyRow::from_row(&row)?,
            began_at: row.try_get("began_at")?,
            ends_at: row.try_get("ends_at")?,
        })
    });
    Ok(row.transpose()?)
}

/// Moves its end on.
pub async fn prolong(db: impl Executor<'_, Database = Sqlite>, hash: &str, expires_at: i64) -> Result<()> {
    let query = sqlx::query("UPDATE dashboard_sessions SET expires_at = $2 WHERE hash = $1");
    query.bind(hash).bind(expires_at).execute(db).await?;
    Ok(())
}

/// Ends it.
pub async fn delete(db: impl Executor<'_, Database = Sqlite>, hash: &str) -> Result<()> {
    sqlx::query("DELETE FROM dashboard_sessions WHERE hash = $1").bind(hash).execute(db).await?;
    Ok(())
}

/// Ends those of an API key but for so many that end last.
pub async fn delete_all_but(
    db: impl Executor<'_, Database = Sqlite>,
    api_key: &str,
    kept: i64,
) -> Result<()> {
    let query = sqlx::query(
        "DELETE FROM dashboard_sessions WHERE api_key = $1 AND hash NOT IN (SELECT hash FROM dashboard_sessions \
         WHERE api_key = $1 ORDER BY expires_at DESC, created_at DESC, hash LIMIT $2)",
    );
    query.bind(api_key).bind(kept).execute(db).await?;
    Ok(())
}

/// Forgets those that ended by `until`.
pub async fn forget(db: impl Executor<'_, Database = Sqlite>, until: i64) -> Result<()> {
    sqlx::query("DELETE FROM dashboard_sessions WHERE expires_at <= $1").bind(until).execute(db).await?;
    Ok(())
}
