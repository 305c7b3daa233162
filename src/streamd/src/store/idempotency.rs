//! Answers that were given under an idempotency key, kept for those who ask again.

use sqlx::{Executor, Row, Sqlite};

use super::Result;

/// One kept answer.
#[derive(Debug, Clone)]
pub struct KeptAnswer {
    /// SHA-256 of the request, in hexadecimal.
    pub fingerprint: String,
    /// The sealed answer.
    pub answer: String,
}

/// The answer given to `api_key` under `idempotency_key` after `since`.
pub async fn find(
    db: impl Executor<'_, Database = Sqlite>,
    (api_key, idempotency_key): (&str, &str),
    since: i64,
) -> Result<Option<KeptAnswer>> {
    let query = sqlx::query(
        "SELECT fingerprint, answer FROM idempotency \
         WHERE api_key = $1 AND idempotency_key = $2 AND created_at > $3",
    );
    let row = query.bind(api_key).bind(idempotency_key).bind(since).fetch_optional(db).await?;
    let kept = row.map(|row| -> sqlx::Result<_> {
        Ok(KeptAnswer { fingerprint: row.try_get("fingerprint")?, answer: row.try_get("answer")? })
    });
    Ok(kept.transpose()?)
}

/// Keeps an answer; one under the same key that is too old to be found gives way.
pub async fn insert(
    db: impl Executor<'_, Database = Sqlite>,
    (api_key, idempotency_key): (&str, &str),
    kept: &KeptAnswer,
    now: i64,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO idempotency (api_key, idempotency_key, fingerprint, answer, created_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (api_key, idempotency_key) DO UPDATE SET \
         fingerprint = excluded.fingerprint, answer = excluded.answer, created_at = excluded.created_at",
    )
    .bind(api_key)
    .bind(idempotency_key)
    .bind(&kept.fingerprint)
    .bind(&kept.answer)
    .bind(now)
    .execute(db)
    .await?;
    Ok(())
}

/// Forgets answers given before `until`.
pub async fn forget(db: impl Executor<'_, Database = Sqlite>, until: i64) -> Result<u64> {
    let done = sqlx::query("DELETE FROM idempotency WHERE created_at <= $1").bind(until).execute(db).await?;
    Ok(done.rows_affected())
}
