//! Dashboard sessions: somebody signs in with an API key once, and what he does then counts as that key's. A browser
//! holds a token in a cookie in place of the key; the store holds only the token's hash, so that a restart signs nobody
//! out and the database signs nobody in.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::{Caller, Error, Limits, Result, Scope, Service, keys};
use crate::store::dashboard::{self as rows, SessionRow};
use crate::store::keys::{self as key_rows, KeyRow};
use crate::store::{from_millis, to_millis};

/// A session ends when it was not used for so long.
pub const IDLE: Duration = Duration::from_secs(12 * 3600);
/// And when it is so old, however much it is used.
pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// Sessions that one API key can have; the one that would end first gives way to a new one.
pub const MOST: i64 = 32;
/// Its end is moved on no more often than this: a page that polls must not make the store write each time.
const BETWEEN_WRITES: Duration = Duration::from_secs(30 * 60);

/// A dashboard session: what the API key that signed in is and may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DashboardSession {
    /// The API key's: `key_…`
    #[schema(pattern = "^key_[a-z2-7]{16}$")]
    pub id: String,
    /// What people call the API key.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// What it may use.
    pub limits: Limits,
    /// When the session ends if it is not used until then.
    pub expires_at: Timestamp,
}

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// As whom its requests count.
    pub caller: Caller,
    /// What it is shown.
    pub session: DashboardSession,
}

/// A session that has just begun.
pub struct NewSession {
    /// What the browser keeps; it is stored nowhere else.
    pub token: String,
    /// The longest that the token can be of use.
    pub keep: Duration,
    /// Who is signed in.
    pub signed_in: SignedIn,
}

impl AsRef<Caller> for SignedIn {
    fn as_ref(&self) -> &Caller {
        &self.caller
    }
}

impl AsRef<Caller> for NewSession {
    fn as_ref(&self) -> &Caller {
        &self.signed_in.caller
    }
}

impl Service {
    /// Begins a session for whoever has this API key, always with a new token. The session of the token `before`, which
    /// the browser had until now, ends.
    pub async fn sign_in(&self, api_key: &str, before: Option<&str>, now: Timestamp) -> Result<NewSession> {
        let token = data_encoding::BASE64URL_NOPAD.encode(&crate::random::bytes::<32>());
        // Looked for before anything is written: whoever guesses does not make others wait.
        self.valid_key(api_key, now).await?;
        let mut tx = self.store().write().await?;
        let key = key_rows::by_hash(&mut *tx, &keys::hash(api_key)).await?;
        let key = keys::check_valid(key, now)?;
        if let Some(before) = before {
            rows::delete(&mut *tx, &hash(before)).await?;
        }
        let began_at = to_millis(now);
        rows::forget(&mut *tx, began_at).await?;
        rows::delete_all_but(&mut *tx, &key.id, MOST - 1).await?;
        let row = SessionRow { ends_at: end(&key, began_at, now), began_at, key };
        rows::insert(&mut *tx, (&hash(&token), &row.key.id), row.began_at, row.ends_at).await?;
        tx.commit().await?;
        tracing::info!(key = row.key.id, "signed in to the dashboard");
        let longest = latest_end(&row.key, began_at).saturating_sub(began_at);
        let keep = Duration::from_millis(longest.try_into().unwrap_or_default());
        Ok(NewSession { token, keep, signed_in: SignedIn::from_row(row)? })
    }

    /// Who has this token. Using it keeps the session alive.
    pub async fn signed_in(&self, token: &str, now: Timestamp) -> Result<SignedIn> {
        let hash = hash(token);
        let row = rows::by_hash(self.store().read(), &hash).await?;
        let row = row.filter(|row| row.ends_at > to_millis(now));
        let mut row = row.ok_or(Error::Unauthenticated("nobody is signed in, or not any more"))?;
        keys::check_valid(Some(row.key.clone()), now)?;
        let end = end(&row.key, row.began_at, now);
        if end - row.ends_at >= BETWEEN_WRITES.as_millis() as i64 {
            let mut tx = self.store().write().await?;
            rows::prolong(&mut *tx, &hash, end).await?;
            tx.commit().await?;
            row.ends_at = end;
        }
        SignedIn::from_row(row)
    }

    /// Ends the session of this token; one that is over is none.
    pub async fn sign_out(&self, token: &str) -> Result<()> {
        let mut tx = self.store().write().await?;
        rows::delete(&mut *tx, &hash(token)).await?;
        Ok(tx.commit().await?)
    }
}

impl SignedIn {
    fn from_row(row: SessionRow) -> Result<Self> {
        let expires_at = from_millis(row.ends_at);
        let name = row.key.name.clone();
        let caller = Caller::from_row(row.key)?;
        let session = DashboardSession {
            id: caller.id.clone(),
            name,
            scopes: caller.scopes.as_slice().to_vec(),
            limits: caller.limits,
            expires_at,
        };
        Ok(Self { caller, session })
    }
}

/// When a session that is used now ends. Not after its API key.
fn end(key: &KeyRow, began_at: i64, now: Timestamp) -> i64 {
    to_millis(now).saturating_add(IDLE.as_millis() as i64).min(latest_end(key, began_at))
}

fn latest_end(key: &KeyRow, began_at: i64) -> i64 {
    let longest = began_at.saturating_add(LONGEST.as_millis() as i64);
    key.expires_at.map_or(longest, |end| end.min(longest))
}

/// A fast hash is right: a token is 256 random bits, nobody guesses it from a list.
fn hash(token: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(token.as_bytes()))
}
