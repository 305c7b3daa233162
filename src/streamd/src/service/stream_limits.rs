//! How many streams there may be: of the daemon, and of each API key with those made with it.

use super::{Caller, Change, Error, Result};
use crate::store::{keys, streams as rows};

impl Change {
    /// A key's limit holds for the keys made with it together: making keys makes no room.
    pub(super) async fn check_stream_limits(&mut self, caller: &Caller) -> Result<()> {
        let most = self.service.settings().max_streams;
        if u64::try_from(rows::count(&mut *self.tx, "").await?).unwrap_or(0) >= most {
            return Err(Error::Forbidden(format!(
                "this daemon is configured to have {most} streams at most"
            )));
        }
        for StreamLimit { key, limit, count } in stream_limits(&mut self.tx, caller).await? {
            if count >= limit {
                return Err(Error::Forbidden(format!(
                    "the API key {key} and those made with it may have {limit} streams, and have {count}"
                )));
            }
        }
        Ok(())
    }
}

/// How many streams an API key and those made with it may have, and have.
pub(super) struct StreamLimit {
    /// The key's id.
    pub(super) key: String,
    pub(super) limit: i64,
    pub(super) count: i64,
}

/// The limits that hold for a caller: those of its key and of the keys that made it, as far as they have any.
pub(super) async fn stream_limits(
    db: &mut sqlx::SqliteConnection,
    caller: &Caller,
) -> Result<Vec<StreamLimit>> {
    let mut limits = Vec::new();
    for id in caller.lineage.split('/').filter(|id| !id.is_empty()) {
        let Some(key) = keys::by_id(&mut *db, id).await? else { continue };
        let Some(limit) = key.max_streams else { continue };
        let count = rows::count(&mut *db, &key.lineage).await?;
        limits.push(StreamLimit { key: key.id, limit, count });
    }
    Ok(limits)
}
