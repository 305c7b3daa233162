//! Answers kept for a day, for callers who ask again because they lost them.

use super::{Change, Result, page};
use crate::store::idempotency::{self as rows, KeptAnswer};
use crate::store::to_millis;

const KEPT_FOR_MILLIS: i64 = 24 * 60 * 60 * 1000;

impl Change {
    /// What this caller was answered under `key` within the last day: the request's fingerprint, and the answer.
    pub async fn kept_answer(&mut self, key: &str) -> Result<Option<(String, Vec<u8>)>> {
        let caller = self.caller()?.id.clone();
        let since = to_millis(page::now()) - KEPT_FOR_MILLIS;
        let Some(kept) = rows::find(&mut *self.tx, (&caller, key), since).await? else { return Ok(None) };
        let answer = self.service.store().vault().open_sealed(&row_id(&caller, key), &kept.answer)?;
        Ok(Some((kept.fingerprint, answer)))
    }

    /// Keeps the answer to this change under `key`, and forgets those that are older than a day.
    pub async fn keep_answer(&mut self, key: &str, fingerprint: &str, answer: &[u8]) -> Result<()> {
        let caller = self.caller()?.id.clone();
        let now = to_millis(page::now());
        rows::forget(&mut *self.tx, now - KEPT_FOR_MILLIS).await?;
        let answer = self.service.store().vault().seal(&row_id(&caller, key), answer);
        let kept = KeptAnswer { fingerprint: fingerprint.to_owned(), answer };
        Ok(rows::insert(&mut *self.tx, (&caller, key), &kept, now).await?)
    }
}

fn row_id(caller: &str, key: &str) -> String {
    format!("{caller}/{key}")
}
