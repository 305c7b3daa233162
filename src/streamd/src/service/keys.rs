//! API keys: made, used, listed, revoked.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::page::{self, Page, PageRequest};
use super::stream_limits::{StreamLimit, stream_limits};
use super::{Change, Error, EventKind, FieldError, Result, Scope, Scopes, Service};
use crate::store::keys::{self as rows, KeyRow};
use crate::store::streams as stream_rows;
use crate::store::{self, dashboard, from_millis, to_millis};

/// How every API key begins.
pub const PREFIX: &str = "ak_";
const MAX_NAME: usize = 100;
const MAX_STREAMS: i64 = 1_000_000;
const MAX_RATE: i64 = 1_000_000;
/// How deep keys may make keys; each generation lengthens the lineage.
const MAX_GENERATIONS: usize = 16;
const PRESET_LENGTH: std::ops::RangeInclusive<usize> = 24..=128;

/// What a key may use at most. A limit that is not there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// How many streams that are not archived it and the keys made with it may have made.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub streams: Option<i64>,
    /// How many layers its streams may have.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 15)]
    pub layers: Option<i64>,
    /// How many requests a minute it may make; null is what the daemon is configured to.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub rate: Option<i64>,
}

/// What a new API key is asked to be.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewKey {
    /// What people call it.
    #[schema(min_length = 1, max_length = 100, pattern = r"^[^\u0000-\u001f\u007f]+$")]
    pub name: String,
    /// What it may do; no more than the key that makes it.
    #[schema(min_items = 1, max_items = 6)]
    pub scopes: Vec<Scope>,
    /// What it may use; no more than the key that makes it, whose limits hold where none are given.
    #[serde(default, deserialize_with = "crate::json::object")]
    pub limits: Option<Limits>,
    /// From when on it does nothing. Not later than that of the key that makes it, which holds where none is given.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<String>,
}

/// An API key as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// `key_…`
    #[schema(pattern = "^key_[a-z2-7]{16}$")]
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// What it may use.
    pub limits: Limits,
    /// The secret itself: `ak_…`, in the answer to its making and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub key: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it does nothing.
    pub expires_at: Option<Timestamp>,
    /// Since when it does nothing.
    pub revoked_at: Option<Timestamp>,
}

/// What the key that asks is, and what it has used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OwnKey {
    /// What it is.
    #[serde(flatten)]
    pub key: ApiKey,
    /// What it has used of its limits.
    pub usage: Usage,
}

/// What a key has used of its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// How many streams that are not archived it and the keys made with it have made.
    #[schema(minimum = 0)]
    pub streams: i64,
    /// How many more it may make now: its own limit, those of the keys that it was made with and the daemon's.
    #[schema(minimum = 0)]
    pub streams_left: i64,
}

/// Who asks: an API key that was found valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// `key_…`
    pub id: String,
    /// What it may do.
    pub scopes: Scopes,
    /// What it may use.
    pub limits: Limits,
    pub(super) lineage: String,
    pub(super) expires_at: Option<Timestamp>,
}

impl AsRef<Self> for Caller {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Caller {
    /// Refuses unless the key has `scope`.
    pub fn require(&self, scope: Scope) -> Result<()> {
        if self.scopes.allow(scope) { Ok(()) } else { Err(Error::Scope(scope)) }
    }

    pub(super) fn from_row(row: KeyRow) -> Result<Self> {
        Ok(Self {
            scopes: scopes_of(&row)?,
            limits: limits_of(&row),
            expires_at: row.expires_at.map(from_millis),
            id: row.id,
            lineage: row.lineage,
        })
    }
}

impl Service {
    /// The caller whose API key this is.
    pub async fn authenticate(&self, api_key: &str) -> Result<Caller> {
        Caller::from_row(self.valid_key(api_key, Timestamp::now()).await?)
    }

    pub(super) async fn valid_key(&self, api_key: &str, now: Timestamp) -> Result<KeyRow> {
        check_valid(rows::by_hash(self.store().read(), &hash(api_key)).await?, now)
    }

    /// Part of the list of all keys, the revoked ones included.
    pub async fn keys(&self, caller: &Caller, request: &PageRequest) -> Result<Page<ApiKey>> {
        caller.require(Scope::Keys)?;
        let rows = rows::page(self.store().read(), request.after.position(), request.rows()).await?;
        let page = request.page(rows, |row| (row.created_at, &row.id));
        let items = page.items.into_iter().map(|row| shown(&row)).collect::<Result<_>>()?;
        Ok(Page { items, next: page.next })
    }

    /// One key.
    pub async fn key(&self, caller: &Caller, id: &str) -> Result<ApiKey> {
        caller.require(Scope::Keys)?;
        let row = rows::by_id(self.store().read(), id).await?;
        shown(&row.ok_or_else(|| Error::not_found("API key", id))?)
    }

    /// The key that asks, whatever its scopes are, and what it has used.
    pub async fn own_key(&self, caller: &Caller) -> Result<OwnKey> {
        let row = rows::by_id(self.store().read(), &caller.id).await?;
        let key = shown(&row.ok_or_else(|| Error::not_found("API key", &caller.id))?)?;
        Ok(OwnKey { key, usage: self.usage(caller).await? })
    }

    /// What the key that asks has used of its limits.
    pub async fn usage(&self, caller: &Caller) -> Result<Usage> {
        // One transaction: what it adds up must not change in between.
        let mut db = self.store().read().begin().await?;
        let streams = stream_rows::count(&mut *db, &caller.lineage).await?;
        let most = i64::try_from(self.settings().max_streams).unwrap_or(i64::MAX);
        let mut streams_left = most.saturating_sub(stream_rows::count(&mut *db, "").await?);
        for StreamLimit { limit, count, .. } in stream_limits(&mut db, caller).await? {
            streams_left = streams_left.min(limit.saturating_sub(count));
        }
        Ok(Usage { streams, streams_left: streams_left.max(0) })
    }

    /// Sees to it that there is a key that administers. `preset` (`STREAMD_ADMIN_KEY`) becomes one, and takes the place
    /// of the preset before; without one, a key is made where no valid one is left, and given to `announce` before it
    /// is stored: a crash between the two must not leave a key that nobody knows.
    pub async fn ensure_administrator(
        &self,
        preset: Option<&str>,
        announce: impl FnOnce(&str),
    ) -> Result<()> {
        let mut change = self.begin_unasked().await?;
        let valid = rows::valid(&mut *change.tx, to_millis(Timestamp::now())).await?;
        match preset {
            Some(preset) => {
                check_preset(preset)?;
                let hash = hash(preset);
                let admin = |row: &&KeyRow| {
                    row.hash == hash && Scopes::from_text(&row.scopes).is_some_and(|s| s.allow(Scope::Admin))
                };
                if valid.iter().find(admin).is_some() {
                    return Ok(());
                }
                if rows::by_hash(&mut *change.tx, &hash).await?.is_some() {
                    return Err(Error::invalid(
                        "STREAMD_ADMIN_KEY",
                        "is a key that was revoked, has expired or administers nothing; choose another",
                    ));
                }
                for old in valid.iter().filter(|row| row.preset) {
                    change.revoke_row(&old.id, to_millis(Timestamp::now())).await?;
                }
                change.store_administrator("administrator (preset)", preset, true).await?;
            }
            None => {
                if valid
                    .iter()
                    .any(|row| Scopes::from_text(&row.scopes).is_some_and(|s| s.allow(Scope::Admin)))
                {
                    return Ok(());
                }
                let key = crate::random::secret(PREFIX);
                change.store_administrator("administrator", &key, false).await?;
                announce(&key);
            }
        }
        change.commit().await
    }
}

impl Change {
    /// Makes an API key. Its text is in the answer, and nowhere else.
    pub async fn create_key(&mut self, new: NewKey) -> Result<ApiKey> {
        let caller = self.caller()?.clone();
        caller.require(Scope::Keys)?;
        let now = page::now();
        let expires_at = check(&new, now)?;
        let scopes = Scopes::new(new.scopes);
        if let Some(scope) = caller.scopes.lacking(&scopes) {
            return Err(Error::Forbidden(format!(
                "a key without the scope {scope} cannot make one that has it"
            )));
        }
        if caller.lineage.matches("key_").count() >= MAX_GENERATIONS {
            return Err(Error::Forbidden(
                "this key is too many generations away from the first to make another".into(),
            ));
        }
        let limits = within(new.limits.unwrap_or_default(), caller.limits)?;
        let expires_at = not_after(expires_at, caller.expires_at)?;

        let key = crate::random::secret(PREFIX);
        let id = crate::random::id("key_");
        let row = KeyRow {
            name: new.name,
            hash: hash(&key),
            scopes: scopes.to_text(),
            lineage: format!("{}{id}/", caller.lineage),
            preset: false,
            max_streams: limits.streams,
            max_layers: limits.layers,
            max_rate: limits.rate,
            expires_at: expires_at.map(to_millis),
            created_at: to_millis(now),
            revoked_at: None,
            id,
        };
        rows::insert(&mut *self.tx, &row).await?;
        let shown = shown(&row)?;
        self.record(EventKind::KeyCreated, &shown).await?;
        Ok(ApiKey { key: Some(key), ..shown })
    }

    /// Revokes an API key: from the commit on it does nothing. One that is revoked already stays so.
    pub async fn revoke_key(&mut self, id: &str) -> Result<ApiKey> {
        let caller = self.caller()?.clone();
        caller.require(Scope::Keys)?;
        let row = rows::by_id(&mut *self.tx, id).await?.ok_or_else(|| Error::not_found("API key", id))?;
        let scopes = scopes_of(&row)?;
        if let Some(scope) = caller.scopes.lacking(&scopes) {
            return Err(Error::Forbidden(format!(
                "a key without the scope {scope} cannot revoke one that has it"
            )));
        }
        if row.revoked_at.is_some() {
            return shown(&row);
        }
        let now = to_millis(page::now());
        if scopes.allow(Scope::Admin) {
            self.keep_one_administrator(id, now).await?;
        }
        self.revoke_row(id, now).await?;
        let shown = shown(&KeyRow { revoked_at: Some(now), ..row })?;
        self.record(EventKind::KeyRevoked, &shown).await?;
        Ok(shown)
    }

    /// Who is signed in with it is not any more.
    async fn revoke_row(&mut self, id: &str, now: i64) -> Result<()> {
        rows::revoke(&mut *self.tx, id, now).await?;
        Ok(dashboard::delete_all_but(&mut *self.tx, id, 0).await?)
    }

    /// Without an administrator nobody could ever make one again.
    async fn keep_one_administrator(&mut self, but: &str, now: i64) -> Result<()> {
        for row in rows::valid(&mut *self.tx, now).await? {
            if row.id != but && scopes_of(&row)?.allow(Scope::Admin) {
                return Ok(());
            }
        }
        Err(Error::conflict(
            None,
            "this is the last API key with the scope admin; make another before it is revoked",
        ))
    }

    async fn store_administrator(&mut self, name: &str, key: &str, preset: bool) -> Result<()> {
        let id = crate::random::id("key_");
        let row = KeyRow {
            name: name.to_owned(),
            hash: hash(key),
            scopes: Scope::Admin.name().to_owned(),
            lineage: format!("/{id}/"),
            preset,
            max_streams: None,
            max_layers: None,
            max_rate: None,
            expires_at: None,
            created_at: to_millis(page::now()),
            revoked_at: None,
            id,
        };
        rows::insert(&mut *self.tx, &row).await?;
        self.record(EventKind::KeyCreated, &shown(&row)?).await
    }
}

/// The API key, unless it is good for nothing.
pub(super) fn check_valid(key: Option<KeyRow>, now: Timestamp) -> Result<KeyRow> {
    let key = key.ok_or(Error::Unauthenticated("this API key is not known here"))?;
    if key.revoked_at.is_some() {
        return Err(Error::Unauthenticated("this API key is revoked"));
    }
    if key.expires_at.is_some_and(|end| end <= to_millis(now)) {
        return Err(Error::Unauthenticated("this API key has expired"));
    }
    Ok(key)
}

/// A fast hash is right: an API key is as random as its hash, nobody guesses it from a list.
pub(super) fn hash(api_key: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(api_key.as_bytes()))
}

fn check_preset(key: &str) -> Result<()> {
    let wrong = |message| Err(Error::invalid("STREAMD_ADMIN_KEY", message));
    let Some(secret) = key.strip_prefix(PREFIX) else { return wrong("does not begin with ak_") };
    if !PRESET_LENGTH.contains(&secret.len()) || !secret.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return wrong("is not ak_ and 24 to 128 letters and digits, at random");
    }
    Ok(())
}

fn check(new: &NewKey, now: Timestamp) -> Result<Option<Timestamp>> {
    let mut errors = Vec::new();
    if new.name.is_empty()
        || new.name.chars().count() > MAX_NAME
        || new.name.chars().any(|c| c.is_ascii_control())
    {
        errors.push(FieldError::new(
            "name",
            format!("is not 1 to {MAX_NAME} characters without control characters"),
        ));
    }
    if new.scopes.is_empty() {
        errors.push(FieldError::new("scopes", "is empty; a key without a scope can do nothing"));
    }
    if new.scopes.len() > Scope::ALL.len() {
        errors.push(FieldError::new("scopes", "has more than the 6 scopes that there are"));
    }
    let limits = new.limits.unwrap_or_default();
    for (field, value, range) in [
        ("limits.streams", limits.streams, 0..=MAX_STREAMS),
        ("limits.layers", limits.layers, 1..=i64::from(fql_unit::MAX_LAYERS)),
        ("limits.rate", limits.rate, 1..=MAX_RATE),
    ] {
        if let Some(value) = value.filter(|value| !range.contains(value)) {
            let message = format!("is {value}, and may be {} to {}", range.start(), range.end());
            errors.push(FieldError::new(field, message));
        }
    }
    let expires_at = new.expires_at.as_deref().map(parse_time).transpose();
    match &expires_at {
        Err(message) => errors.push(FieldError::new("expiresAt", *message)),
        Ok(Some(time)) if *time <= now => errors.push(FieldError::new("expiresAt", "is not in the future")),
        Ok(_) => {}
    }
    if errors.is_empty() { Ok(expires_at.unwrap_or_default()) } else { Err(Error::Invalid(errors)) }
}

/// RFC 3339, and nothing else that the library would read as a time.
fn parse_time(text: &str) -> std::result::Result<Timestamp, &'static str> {
    const WRONG: &str = "is not a time as RFC 3339 writes it, as in 2030-01-31T12:00:00Z";
    let plain = text.len() >= 20
        && text
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b':' | b'.' | b'T' | b't' | b'Z' | b'z'));
    if !plain {
        return Err(WRONG);
    }
    text.parse().map_err(|_| WRONG)
}

/// The limits of a new key: as asked where that is within its maker's, the maker's where nothing is asked.
fn within(asked: Limits, own: Limits) -> Result<Limits> {
    let one = |field: &str, asked: Option<i64>, own: Option<i64>| match (asked, own) {
        (Some(asked), Some(own)) if asked > own => Err(Error::Forbidden(format!(
            "limits.{field} is {asked}, and the key that asks has {own} itself"
        ))),
        (asked, own) => Ok(asked.or(own)),
    };
    Ok(Limits {
        streams: one("streams", asked.streams, own.streams)?,
        layers: one("layers", asked.layers, own.layers)?,
        rate: one("rate", asked.rate, own.rate)?,
    })
}

fn not_after(asked: Option<Timestamp>, own: Option<Timestamp>) -> Result<Option<Timestamp>> {
    match (asked, own) {
        (Some(asked), Some(own)) if asked > own => {
            Err(Error::Forbidden(format!("expiresAt is after {own}, when the key that asks expires itself")))
        }
        (asked, own) => Ok(asked.or(own)),
    }
}

fn scopes_of(row: &KeyRow) -> Result<Scopes> {
    Scopes::from_text(&row.scopes).ok_or_else(|| {
        let problem = format!("the scopes {:?}", row.scopes);
        store::Error::Row { row: row.id.clone(), problem }.into()
    })
}

fn limits_of(row: &KeyRow) -> Limits {
    Limits { streams: row.max_streams, layers: row.max_layers, rate: row.max_rate }
}

fn shown(row: &KeyRow) -> Result<ApiKey> {
    Ok(ApiKey {
        id: row.id.clone(),
        name: row.name.clone(),
        scopes: scopes_of(row)?.as_slice().to_vec(),
        limits: limits_of(row),
        key: None,
        created_at: from_millis(row.created_at),
        expires_at: row.expires_at.map(from_millis),
        revoked_at: row.revoked_at.map(from_millis),
    })
}
