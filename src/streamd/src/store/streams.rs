//! The rows of streams.

use sqlx::sqlite::SqliteRow;
use sqlx::{Executor, FromRow, Row, Sqlite};

use super::Result;

/// One stream as it is stored; `service::streams` gives the columns their meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the columns are told in the migration")]
pub struct StreamRow {
    pub id: String,
    pub name: String,
    pub description: String,
    pub kind: String,
    pub layers: i64,
    pub fec: String,
    pub region: String,
    pub record: bool,
    pub ring_seconds: Option<i64>,
    pub ring_bytes: Option<i64>,
    pub playback_id: String,
    pub stream_key: Option<String>,
    pub created_by: String,
    pub created_at: i64,
    pub updated_at: i64,
    pub paused_at: Option<i64>,
    pub live_since: Option<i64>,
    pub archived_at: Option<i64>,
    pub srt_passphrase: Option<String>,
    pub source: Option<String>,
    pub always: bool,
}

impl FromRow<'_, SqliteRow> for StreamRow {
    fn from_row(row: &SqliteRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            description: row.try_get("description")?,
            kind: row.try_get("type")?,
            layers: row.try_get("layers")?,
            fec: row.try_get("fec")?,
            region: row.try_get("region")?,
            record: row.try_get("record")?,
            ring_seconds: row.try_get("ring_seconds")?,
            ring_bytes: row.try_get("ring_bytes")?,
            playback_id: row.try_get("playback_id")?,
            stream_key: row.try_get("stream_key")?,
            created_by: row.try_get("created_by")?,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
            paused_at: row.try_get("paused_at")?,
            live_since: row.try_get("live_since")?,
            archived_at: row.try_get("archived_at")?,
            srt_passphrase: row.try_get("srt_passphrase")?,
            source: row.try_get("source")?,
            always: row.try_get("always")?,
        })
    }
}

/// Stores a new stream.
pub async fn insert(db: impl Executor<'_, Database = Sqlite>, stream: &StreamRow) -> Result<()> {
    sqlx::query(
        "INSERT INTO streams (id, name, description, type, layers, fec, region, record, ring_seconds, ring_bytes, \
         playback_id, stream_key, created_by, created_at, updated_at, paused_at, live_since, archived_at, \
         srt_passphrase, source, always) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, \
         $16, $17, $18, $19, $20, $21)",
    )
    .bind(&stream.id)
    .bind(&stream.name)
    .bind(&stream.description)
    .bind(&stream.kind)
    .bind(stream.layers)
    .bind(&stream.fec)
    .bind(&stream.region)
    .bind(stream.record)
    .bind(stream.ring_seconds)
    .bind(stream.ring_bytes)
    .bind(&stream.playback_id)
    .bind(&stream.stream_key)
    .bind(&stream.created_by)
    .bind(stream.created_at)
    .bind(stream.updated_at)
    .bind(stream.paused_at)
    .bind(stream.live_since)
    .bind(stream.archived_at)
    .bind(&stream.srt_passphrase)
    .bind(&stream.source)
    .bind(stream.always)
    .execute(db)
    .await?;
    Ok(())
}

/// Stores what may change of a stream, under its id.
pub async fn update(db: impl Executor<'_, Database = Sqlite>, stream: &StreamRow) -> Result<()> {
    sqlx::query(
        "UPDATE streams SET name = $2, description = $3, layers = $4, fec = $5, ring_seconds = $6, \
         ring_bytes = $7, stream_key = $8, updated_at = $9, paused_at = $10, live_since = $11, archived_at = $12, \
         region = $13, srt_passphrase = $14, source = $15, always = $16 WHERE id = $1",
    )
    .bind(&stream.id)
    .bind(&stream.name)
    .bind(&stream.description)
    .bind(stream.layers)
    .bind(&stream.fec)
    .bind(stream.ring_seconds)
    .bind(stream.ring_bytes)
    .bind(&stream.stream_key)
    .bind(stream.updated_at)
    .bind(stream.paused_at)
    .bind(stream.live_since)
    .bind(stream.archived_at)
    .bind(&stream.region)
    .bind(&stream.srt_passphrase)
    .bind(&stream.source)
    .bind(stream.always)
    .execute(db)
    .await?;
    Ok(())
}

/// The stream with this id, or the one that bears this name now.
pub async fn find(db: impl Executor<'_, Database = Sqlite>, id_or_name: &str) -> Result<Option<StreamRow>> {
    let query = sqlx::query_as("SELECT * FROM streams WHERE id = $1 OR (name = $1 AND archived_at IS NULL)");
    Ok(query.bind(id_or_name).fetch_optional(db).await?)
}

/// All streams that are not archived.
pub async fn all(db: impl Executor<'_, Database = Sqlite>) -> Result<Vec<StreamRow>> {
    let query = sqlx::query_as("SELECT * FROM streams WHERE archived_at IS NULL ORDER BY created_at, id");
    Ok(query.fetch_all(db).await?)
}

/// At most `limit` streams after (`created_at`, `id`) in the order of their creation: those that are archived, or
/// those that are not.
pub async fn page(
    db: impl Executor<'_, Database = Sqlite>,
    archived: bool,
    (created_at, id): (i64, &str),
    limit: i64,
) -> Result<Vec<StreamRow>> {
    let query = sqlx::query_as(
        "SELECT * FROM streams WHERE (archived_at IS NOT NULL) = $1 \
         AND (created_at > $2 OR (created_at = $2 AND id > $3)) ORDER BY created_at, id LIMIT $4",
    );
    Ok(query.bind(archived).bind(created_at).bind(id).bind(limit).fetch_all(db).await?)
}

/// How many streams there are that are not archived, made by keys whose lineage begins with `lineage`.
pub async fn count(db: impl Executor<'_, Database = Sqlite>, lineage: &str) -> Result<i64> {
    // substr, because LIKE takes the underscore of every id for any character.
    let query = sqlx::query_scalar(
        "SELECT COUNT(*) FROM streams JOIN api_keys ON api_keys.id = streams.created_by \
         WHERE streams.archived_at IS NULL AND substr(api_keys.lineage, 1, length($1)) = $1",
    );
    Ok(query.bind(lineage).fetch_one(db).await?)
}
