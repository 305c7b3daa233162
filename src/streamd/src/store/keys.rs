//! The rows of API keys.

use sqlx::sqlite::SqliteRow;
use sqlx::{Executor, FromRow, Row, Sqlite};

use super::Result;

/// One API key as it is stored; `service::keys` gives the columns their meaning.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the columns are told in the migration")]
pub struct KeyRow {
    pub id: String,
    pub name: String,
    pub hash: String,
    pub scopes: String,
    pub lineage: String,
    pub preset: bool,
    pub max_streams: Option<i64>,
    pub max_layers: Option<i64>,
    pub max_rate: Option<i64>,
    pub expires_at: Option<i64>,
    pub created_at: i64,
    pub revoked_at: Option<i64>,
}

impl FromRow<'_, SqliteRow> for KeyRow {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            hash: row.try_get("hash")?,
            scopes: row.try_get("scopes")?,
            lineage: row.try_get("lineage")?,
            preset: row.try_get("preset")?,
            max_streams: row.try_get("max_streams")?,
            max_layers: row.try_get("max_layers")?,
            max_rate: row.try_get("max_rate")?,
            expires_at: row.try_get("expires_at")?,
            created_at: row.try_get("created_at")?,
            revoked_at: row.try_get("revoked_at")?,
        })
    }
}

/// Stores a new key.
pub async fn insert(db: impl Executor<'_, Database = Sqlite>, key: &KeyRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO api_keys (id, name, hash, scopes, lineage, preset, max_streams, max_layers, max_rate, \
         expires_at, created_at, revoked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(&key.id)
    .bind(&key.name)
    .bind(&key.hash)
    .bind(&key.scopes)
    .bind(&key.lineage)
    .bind(key.preset)
    .bind(key.max_streams)
    .bind(key.max_layers)
    .bind(key.max_rate)
    .bind(key.expires_at)
    .bind(key.created_at)
    .bind(key.revoked_at)
    .execute(db)
    .await?;
    Ok(())
}

/// The key whose text has this SHA-256.
pub async fn by_hash(db: impl Executor<'_, Database = Sqlite>, hash: &str) -> Result<Option<KeyRow>> {
    let query = sqlx::query_as("SELECT * FROM api_keys WHERE hash = $1").bind(hash);
    Ok(query.fetch_optional(db).await?)
}

/// The key with this id.
pub async fn by_id(db: impl Executor<'_, Database = Sqlite>, id: &str) -> Result<Option<KeyRow>> {
    let query = sqlx::query_as("SELECT * FROM api_keys WHERE id = $1").bind(id);
    Ok(query.fetch_optional(db).await?)
}

/// The keys that are neither revoked nor expired at `now`.
pub async fn valid(db: impl Executor<'_, Database = Sqlite>, now: i64) -> Result<Vec<KeyRow>> {
    let query = sqlx::query_as(
        "SELECT * FROM api_keys WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1) \
         ORDER BY created_at, id",
    );
    Ok(query.bind(now).fetch_all(db).await?)
}

/// At most `limit` keys after (`created_at`, `id`) in the order of their creation.
pub async fn page(
    db: impl Executor<'_, Database = Sqlite>,
    (created_at, id): (i64, &str),
    limit: i64,
) -> Result<Vec<KeyRow>> {
    let query = sqlx::query_as(
        "SELECT * FROM api_keys WHERE created_at > $1 OR (created_at = $1 AND id > $2) \
         ORDER BY created_at, id LIMIT $3",
    );
    Ok(query.bind(created_at).bind(id).bind(limit).fetch_all(db).await?)
}

/// Marks a key as revoked.
pub async fn revoke(db: impl Executor<'_, Database = Sqlite>, id: &str, now: i64) -> Result<()> {
    sqlx::query("UPDATE api_keys SET revoked_at = $2 WHERE id = $1").bind(id).bind(now).execute(db).await?;
    Ok(())
}
