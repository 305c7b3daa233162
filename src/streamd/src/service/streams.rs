//! Streams: made, shown, changed, paused, archived.

use fql_transport::{Fec, StreamKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::change::Effect;
use super::page::{self, Page, PageRequest};
use super::{
    Caller, Change, Entry, Error, EventKind, LiveChange, LiveStats, Passphrase, Result, Ring, Scope, Service,
    Source, SourceStatus, checks, stream_key,
};
use crate::store::streams::{self as rows, StreamRow};
use crate::store::{self, from_millis, to_millis};

pub use super::checks::{DEFAULT_LAYERS, NewStream, RingSize, StreamChanges, StreamType};

/// What a stream does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nobody publishes it.
    Offline,
    /// It is fetched from elsewhere as soon as somebody watches.
    Idle,
    /// Somebody publishes it.
    Live,
    /// It is live, and kept.
    Recording,
    /// Its media is dropped.
    Paused,
    /// It is gone; its name is free, its key is refused.
    Archived,
}

/// A stream as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stream {
    /// `str_…`
    #[schema(pattern = "^str_[a-z2-7]{16}$")]
    pub id: String,
    /// Its name: 1 to 63 of `a` to `z`, `0` to `9` and `-`; no other stream has it until this one is archived.
    #[schema(pattern = "^[a-z0-9-]{1,63}$")]
    pub name: String,
    /// What people should know about it.
    pub description: String,
    /// Whether media is pushed to the daemon or pulled by it.
    #[serde(rename = "type")]
    pub kind: StreamType,
    /// How many layers it has at most.
    #[schema(minimum = 1, maximum = 15)]
    pub layers: u8,
    /// How it is protected against loss.
    pub fec: String,
    /// Where it is.
    pub region: String,
    /// Whether it is recorded.
    pub record: bool,
    /// The secret by which it is published; null for keys without the scope `ingest`, where it is pulled, and once it is
    /// archived.
    pub stream_key: Option<String>,
    /// The secret that encrypts connections by SRT; null where they are not encrypted, for keys without the scope
    /// `ingest`, and once it is archived.
    pub srt_passphrase: Option<String>,
    /// Where a pulled stream comes from, without credentials, query and the last part of the path; null where it is
    /// pushed, and once it is archived.
    pub source: Option<String>,
    /// Whether its source is open while nobody watches, too; null where it is pushed.
    pub always: Option<bool>,
    /// What its source does now; null where it is pushed.
    pub source_status: Option<SourceStatus>,
    /// The public name by which it is watched.
    #[schema(pattern = "^[a-z2-7]{16}$")]
    pub playback_id: String,
    /// What it does now.
    pub state: State,
    /// Where it is published to.
    pub ingest: IngestUrls,
    /// Where it is watched.
    pub playback: PlaybackUrls,
    /// How much of it the hub keeps.
    pub ring: RingSize,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// When it was archived; null while it is not.
    pub archived_at: Option<Timestamp>,
}

/// Where a stream is published to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct IngestUrls {
    /// By FQL, with the stream key.
    pub fql: String,
    /// By RTMP: the stream key follows after a slash, or is what encoders ask for beside the server. Not there where the
    /// daemon takes no RTMP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtmp: Option<String>,
    /// By SRT: with the stream key as the stream id. Not there where the daemon takes no SRT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub srt: Option<String>,
    /// By WHIP: with the stream key as the bearer token. Not there where the daemon takes no WebRTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whip: Option<String>,
}

/// Where a stream is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PlaybackUrls {
    /// A page for people.
    pub page: String,
    /// Every way to play it, as JSON.
    pub play: String,
    /// By FQL.
    pub fql: String,
}

/// What a publisher is told for its stream key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IngestSettings {
    /// The stream's name.
    pub stream: String,
    /// Its public playback ID.
    pub playback_id: String,
    /// How many layers it may have.
    #[schema(minimum = 1, maximum = 15)]
    pub layers: u8,
    /// How it is protected against loss.
    pub fec: String,
    /// The most that it may send, in bit/s; null is no bound.
    pub max_bitrate: Option<u64>,
    /// Where it is published to.
    pub ingest: IngestUrls,
}

/// What a stream does now, in figures.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamStats {
    /// What it does.
    pub state: State,
    /// What its source does; null where it is pushed.
    #[serde(rename = "sourceStatus")]
    pub source_status: Option<SourceStatus>,
    /// What is measured.
    #[serde(flatten)]
    pub live: LiveStats,
}

impl Service {
    /// Part of the list of streams, the oldest first: those that are archived, or those that are not.
    pub async fn streams(
        &self,
        caller: &Caller,
        archived: bool,
        request: &PageRequest,
    ) -> Result<Page<Stream>> {
        caller.require(Scope::StreamsRead)?;
        let rows =
            rows::page(self.store().read(), archived, request.after.position(), request.rows()).await?;
        let page = request.page(rows, |row| (row.created_at, &row.id));
        let items = page.items.iter().map(|row| self.shown_to(caller, row)).collect::<Result<_>>()?;
        Ok(Page { items, next: page.next })
    }

    /// The stream with this id, or of this name.
    pub async fn stream(&self, caller: &Caller, id_or_name: &str) -> Result<Stream> {
        caller.require(Scope::StreamsRead)?;
        let row = rows::find(self.store().read(), id_or_name).await?;
        self.shown_to(caller, &row.ok_or_else(|| Error::not_found("stream", id_or_name))?)
    }

    /// What the stream does now, in figures.
    pub async fn stream_stats(&self, caller: &Caller, id_or_name: &str) -> Result<StreamStats> {
        caller.require(Scope::StreamsRead)?;
        let row = rows::find(self.store().read(), id_or_name).await?;
        let row = row.ok_or_else(|| Error::not_found("stream", id_or_name))?;
        let live = self.live().stats(&row.id).unwrap_or_default();
        Ok(StreamStats { state: self.state(&row), source_status: self.live().source(&row.id), live })
    }

    /// What a publisher needs to know, for its stream key.
    pub fn ingest_settings(&self, stream_key: &str) -> Result<IngestSettings> {
        let unknown = Error::Unauthenticated("this stream key is not known here");
        let Ok(key) = StreamKey::parse(stream_key) else { return Err(unknown) };
        let entry = self.directory().by_key_id(&key.id());
        let Some(entry) = entry.filter(|entry| entry.is_key(stream_key)) else { return Err(unknown) };
        Ok(IngestSettings {
            stream: entry.name.clone(),
            playback_id: entry.playback_id.clone(),
            layers: entry.layers,
            fec: entry.fec.to_string(),
            max_bitrate: None,
            ingest: self.ingest_urls(&entry.name),
        })
    }

    /// Fills the directory, and tells the end of what was live when the process before this one ended.
    pub(super) async fn load_streams(&self) -> Result<()> {
        let mut change = self.begin_unasked().await?;
        for row in rows::all(&mut *change.tx).await? {
            if row.live_since.is_some() {
                change.set_live(row.clone(), None).await?;
            }
            change.after_commit(Effect::Put(Box::new(self.entry(&row)?)));
        }
        change.commit().await
    }

    /// Somebody publishes the stream that nobody published.
    pub async fn went_live(&self, id: &str) -> Result<()> {
        let mut change = self.begin_unasked().await?;
        let row = change.stream_row(id).await?;
        if row.archived_at.is_none() && row.live_since.is_none() {
            change.set_live(row, Some(to_millis(page::now()))).await?;
        }
        change.commit().await
    }

    /// Nobody publishes it any more.
    pub async fn went_offline(&self, id: &str) -> Result<()> {
        let mut change = self.begin_unasked().await?;
        let row = change.stream_row(id).await?;
        if row.live_since.is_some() {
            change.set_live(row, None).await?;
        }
        change.commit().await
    }

    /// Somebody began to watch the stream.
    pub async fn viewer_joined(&self, id: &str, viewer: &Viewer) -> Result<()> {
        self.record_viewer(EventKind::ViewerJoined, id, viewer).await
    }

    /// Somebody stopped to watch it.
    pub async fn viewer_left(&self, id: &str, viewer: &Viewer) -> Result<()> {
        self.record_viewer(EventKind::ViewerLeft, id, viewer).await
    }

    async fn record_viewer(&self, kind: EventKind, id: &str, viewer: &Viewer) -> Result<()> {
        #[derive(Serialize)]
        struct Subject<'a> {
            stream: Stream,
            viewer: &'a Viewer,
        }
        // Most nodes tell nobody of viewers, and then viewers that come and go cost the store nothing.
        if !crate::webhooks::is_wanted(self.store().read(), kind).await? {
            metrics::counter!("streamd_events_total", "type" => kind.name()).increment(1);
            return Ok(());
        }
        let mut change = self.begin_unasked().await?;
        let stream = self.shown(&change.stream_row(id).await?)?;
        change.record(kind, &Subject { stream, viewer }).await?;
        change.commit().await
    }

    fn state(&self, row: &StreamRow) -> State {
        match row {
            StreamRow { archived_at: Some(_), .. } => State::Archived,
            StreamRow { paused_at: Some(_), .. } => State::Paused,
            row if self.live().is_live(&row.id) => State::Live,
            row if is_pulled(row) => State::Idle,
            _ => State::Offline,
        }
    }

    fn shown_to(&self, caller: &Caller, row: &StreamRow) -> Result<Stream> {
        let mut stream = self.shown(row)?;
        if caller.scopes.allow(Scope::Ingest) {
            // Nobody publishes a stream that is pulled.
            stream.stream_key = if is_pulled(row) { None } else { self.stream_key(row)? };
            stream.srt_passphrase = self.srt_passphrase(row)?;
        }
        Ok(stream)
    }

    /// The stream without its secret.
    fn shown(&self, row: &StreamRow) -> Result<Stream> {
        let ring = self.ring(row);
        let source = self.source(row)?;
        Ok(Stream {
            id: row.id.clone(),
            name: row.name.clone(),
            description: row.description.clone(),
            kind: StreamType::from_name(&row.kind).ok_or_else(|| odd(row, "type"))?,
            layers: layers_of(row)?,
            fec: row.fec.clone(),
            region: self.resolve_region(&row.region).to_owned(),
            record: row.record,
            stream_key: None,
            srt_passphrase: None,
            source: source.map(|source| source.address.redacted()),
            always: is_pulled(row).then_some(row.always),
            source_status: self.live().source(&row.id),
            playback_id: row.playback_id.clone(),
            state: self.state(row),
            ingest: self.ingest_urls(&row.name),
            playback: self.playback_urls(&row.name, &row.playback_id),
            ring: RingSize { seconds: Some(i64::from(ring.seconds)), bytes: i64::try_from(ring.bytes).ok() },
            created_at: from_millis(row.created_at),
            updated_at: from_millis(row.updated_at),
            archived_at: row.archived_at.map(from_millis),
        })
    }

    fn stream_key(&self, row: &StreamRow) -> Result<Option<String>> {
        let sealed = row.stream_key.as_deref();
        Ok(sealed.map(|sealed| self.store().vault().open_text(&row.id, sealed)).transpose()?)
    }

    fn srt_passphrase(&self, row: &StreamRow) -> Result<Option<String>> {
        let sealed = row.srt_passphrase.as_deref();
        let place = passphrase_place(&row.id);
        Ok(sealed.map(|sealed| self.store().vault().open_text(&place, sealed)).transpose()?)
    }

    /// What is stored of a passphrase; nothing of an empty one.
    fn sealed_passphrase(&self, id: &str, text: &str) -> Option<String> {
        let seal = || self.store().vault().seal(&passphrase_place(id), text.as_bytes());
        (!text.is_empty()).then(seal)
    }

    fn source(&self, row: &StreamRow) -> Result<Option<Source>> {
        let Some(sealed) = row.source.as_deref() else { return Ok(None) };
        let text = self.store().vault().open_text(&source_place(&row.id), sealed)?;
        let address = fql_pull::Address::parse(&text).map_err(|_| odd(row, "source"))?;
        Ok(Some(Source { address, always: row.always }))
    }

    fn sealed_source(&self, id: &str, text: &str) -> String {
        self.store().vault().seal(&source_place(id), text.as_bytes())
    }

    fn entry(&self, row: &StreamRow) -> Result<Entry> {
        let text = self.stream_key(row)?.ok_or_else(|| odd(row, "stream key"))?;
        let key = StreamKey::parse(&text).map_err(|_| odd(row, "stream key"))?;
        Ok(Entry {
            id: row.id.clone(),
            name: row.name.clone(),
            playback_id: row.playback_id.clone(),
            key_id: key.id(),
            key: key.key(),
            key_digest: Sha256::digest(text.as_bytes()).into(),
            layers: layers_of(row)?,
            fec: row.fec.parse::<Fec>().map_err(|_| odd(row, "fec"))?,
            ring: self.ring(row),
            paused: row.paused_at.is_some(),
            srt_passphrase: self.srt_passphrase(row)?.map(Passphrase::new),
            source: self.source(row)?,
        })
    }

    fn ring(&self, row: &StreamRow) -> Ring {
        let default = self.settings().ring;
        Ring {
            seconds: row.ring_seconds.and_then(|seconds| seconds.try_into().ok()).unwrap_or(default.seconds),
            bytes: row.ring_bytes.and_then(|bytes| bytes.try_into().ok()).unwrap_or(default.bytes),
        }
    }
}

/// Who watches, as events tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Viewer {
    /// A number of this viewing that nothing else has.
    pub id: String,
    /// How it watches, as in `fql`.
    pub protocol: String,
    /// Where it watches from.
    pub address: String,
}

impl Viewer {
    /// A viewer that begins to watch.
    pub fn new(protocol: &str, address: std::net::SocketAddr) -> Self {
        let (protocol, address) = (protocol.to_owned(), address.to_string());
        Self { id: crate::random::id("view_"), protocol, address }
    }
}

impl Change {
    /// Makes a stream.
    pub async fn create_stream(&mut self, new: NewStream) -> Result<Stream> {
        let caller = self.caller()?.clone();
        caller.require(Scope::StreamsWrite)?;
        let checked = checks::new_stream(&new, self.service.settings(), caller.limits.layers)?;
        self.check_name_is_free(&checked.name).await?;
        self.check_stream_limits(&caller).await?;

        let now = to_millis(page::now());
        let id = crate::random::id("str_");
        let row = StreamRow {
            name: checked.name,
            description: checked.description,
            kind: checked.kind.name().to_owned(),
            layers: checked.layers,
            fec: checked.fec,
            region: checked.region,
            record: false,
            ring_seconds: checked.ring.seconds,
            ring_bytes: checked.ring.bytes,
            playback_id: crate::random::id(""),
            stream_key: Some(self.service.store().vault().seal(&id, stream_key::generate().as_bytes())),
            created_by: caller.id.clone(),
            created_at: now,
            updated_at: now,
            paused_at: None,
            live_since: None,
            archived_at: None,
            srt_passphrase: new.srt_passphrase.and_then(|text| self.service.sealed_passphrase(&id, &text)),
            source: new.source.map(|text| self.service.sealed_source(&id, &text)),
            always: new.always.unwrap_or(false),
            id,
        };
        rows::insert(&mut *self.tx, &row).await?;
        self.after_commit(Effect::Put(Box::new(self.service.entry(&row)?)));
        if is_pulled(&row) {
            self.after_commit(Effect::Tell(row.id.clone(), LiveChange::Changed));
        }
        self.record(EventKind::StreamCreated, &self.service.shown(&row)?).await?;
        self.service.shown_to(&caller, &row)
    }

    /// Changes what `changes` names, and nothing else.
    pub async fn change_stream(&mut self, id_or_name: &str, changes: StreamChanges) -> Result<Stream> {
        let (caller, mut row) = self.stream_to_change(id_or_name).await?;
        let before = row.clone();
        // Sealed again the same passphrase looks like another one, and nothing would have changed.
        let passphrase_before = self.service.srt_passphrase(&row)?.unwrap_or_default();
        let passphrase = changes.srt_passphrase.clone();
        let source_before = self.service.source(&row)?;
        let source = changes.source.clone();
        checks::change_stream(&mut row, changes, self.service.settings(), caller.limits.layers)?;
        if let Some(text) = passphrase.filter(|text| *text != passphrase_before) {
            row.srt_passphrase = self.service.sealed_passphrase(&row.id, &text);
        }
        if let Some(text) = source
            && source_before.is_none_or(|before| before.address.url().as_str() != text)
        {
            row.source = Some(self.service.sealed_source(&row.id, &text));
        }
        if row.name != before.name {
            self.check_name_is_free(&row.name).await?;
        }
        if row != before {
            self.store_stream(&mut row, Some(LiveChange::Changed)).await?;
        }
        self.service.shown_to(&caller, &row)
    }

    /// Drops its media from now on.
    pub async fn pause_stream(&mut self, id_or_name: &str) -> Result<Stream> {
        let (caller, mut row) = self.stream_to_change(id_or_name).await?;
        if row.paused_at.is_none() {
            row.paused_at = Some(to_millis(page::now()));
            self.store_stream(&mut row, Some(LiveChange::Paused)).await?;
            self.record(EventKind::StreamPaused, &self.service.shown(&row)?).await?;
        }
        self.service.shown_to(&caller, &row)
    }

    /// Lets its media through again.
    pub async fn resume_stream(&mut self, id_or_name: &str) -> Result<Stream> {
        let (caller, mut row) = self.stream_to_change(id_or_name).await?;
        if row.paused_at.take().is_some() {
            self.store_stream(&mut row, Some(LiveChange::Resumed)).await?;
            self.record(EventKind::StreamResumed, &self.service.shown(&row)?).await?;
        }
        self.service.shown_to(&caller, &row)
    }

    /// Gives it a new stream key; the one before is refused.
    pub async fn rotate_stream_key(&mut self, id_or_name: &str) -> Result<Stream> {
        let (caller, mut row) = self.stream_to_change(id_or_name).await?;
        if is_pulled(&row) {
            return Err(Error::conflict(
                None,
                format!("the stream {id_or_name} is pulled, and has no stream key"),
            ));
        }
        row.stream_key = Some(self.service.store().vault().seal(&row.id, stream_key::generate().as_bytes()));
        self.store_stream(&mut row, Some(LiveChange::KeyRotated)).await?;
        self.service.shown_to(&caller, &row)
    }

    /// Ends it: its key is refused and forgotten, its name is free. One that is archived already stays so.
    pub async fn archive_stream(&mut self, id_or_name: &str) -> Result<Stream> {
        let caller = self.caller()?.clone();
        caller.require(Scope::StreamsWrite)?;
        let mut row = self.stream_row(id_or_name).await?;
        if row.archived_at.is_none() {
            let was_live = row.live_since.take().is_some();
            row.archived_at = Some(to_millis(page::now()));
            row.stream_key = None;
            row.srt_passphrase = None;
            row.source = None;
            self.store_stream(&mut row, Some(LiveChange::Archived)).await?;
            let shown = self.service.shown(&row)?;
            if was_live {
                self.record(EventKind::StreamOffline, &shown).await?;
            }
            self.record(EventKind::StreamArchived, &shown).await?;
        }
        self.service.shown_to(&caller, &row)
    }

    async fn stream_row(&mut self, id_or_name: &str) -> Result<StreamRow> {
        let row = rows::find(&mut *self.tx, id_or_name).await?;
        row.ok_or_else(|| Error::not_found("stream", id_or_name))
    }

    /// The stream as everybody may see it.
    pub(super) async fn shown_stream(&mut self, id: &str) -> Result<Stream> {
        let row = self.stream_row(id).await?;
        self.service.shown(&row)
    }

    async fn stream_to_change(&mut self, id_or_name: &str) -> Result<(Caller, StreamRow)> {
        let caller = self.caller()?.clone();
        caller.require(Scope::StreamsWrite)?;
        let row = self.stream_row(id_or_name).await?;
        if row.archived_at.is_some() {
            return Err(Error::conflict(None, format!("the stream {id_or_name} is archived")));
        }
        Ok((caller, row))
    }

    async fn store_stream(&mut self, row: &mut StreamRow, tell: Option<LiveChange>) -> Result<()> {
        row.updated_at = to_millis(page::now());
        rows::update(&mut *self.tx, row).await?;
        self.after_commit(match row.archived_at {
            Some(_) => Effect::Remove(row.id.clone()),
            None => Effect::Put(Box::new(self.service.entry(row)?)),
        });
        if let Some(change) = tell {
            self.after_commit(Effect::Tell(row.id.clone(), change));
        }
        Ok(())
    }

    async fn set_live(&mut self, mut row: StreamRow, since: Option<i64>) -> Result<()> {
        row.live_since = since;
        rows::update(&mut *self.tx, &row).await?;
        let (kind, state) = match since {
            Some(_) => (EventKind::StreamLive, State::Live),
            None => (EventKind::StreamOffline, State::Offline),
        };
        let mut stream = self.service.shown(&row)?;
        if matches!(stream.state, State::Live | State::Offline) {
            // Media may be further by now: what is told is the state that this event brought.
            stream.state = state;
        }
        self.record(kind, &stream).await
    }

    async fn check_name_is_free(&mut self, name: &str) -> Result<()> {
        match rows::find(&mut *self.tx, name).await? {
            Some(_) => Err(Error::conflict(Some("name"), format!("there is a stream {name} already"))),
            None => Ok(()),
        }
    }
}

/// What a sealed passphrase is bound to: so that it is not taken for a stream key.
fn passphrase_place(id: &str) -> String {
    format!("{id}/srt")
}

/// What a sealed source is bound to.
fn source_place(id: &str) -> String {
    format!("{id}/source")
}

fn is_pulled(row: &StreamRow) -> bool {
    row.kind == StreamType::Pull.name()
}

fn layers_of(row: &StreamRow) -> Result<u8> {
    u8::try_from(row.layers).map_err(|_| odd(row, "layers"))
}

fn odd(row: &StreamRow, column: &str) -> Error {
    store::Error::Row {
        row: row.id.clone(),
        problem: format!("a {column} that this version does not understand"),
    }
    .into()
}
