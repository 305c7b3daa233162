//! What the API answers with, as far as commands show it. Fields that are not known are left alone; what an older
//! or newer server may leave out has a default.

use serde::Deserialize;

/// A stream.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stream {
    /// `str_…`.
    pub id: String,
    /// Unique among the streams that are not archived.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// `push` or `pull`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// 1 to 15.
    pub layers: u8,
    /// The protection, such as `unequal:3,2,1,0`.
    #[serde(default)]
    pub fec: String,
    /// The region that it is in.
    #[serde(default)]
    pub region: String,
    /// The secret that lets somebody publish; only for keys that may see it.
    pub stream_key: Option<String>,
    /// The secret that media by SRT is encrypted with, where it is; only for keys that may see it.
    pub srt_passphrase: Option<String>,
    /// Where it is pulled from, as far as it is shown.
    pub source: Option<String>,
    /// Whether its source is open while nobody watches, too.
    pub always: Option<bool>,
    /// What its source does.
    pub source_status: Option<SourceStatus>,
    /// What viewers know it by.
    pub playback_id: String,
    /// `offline`, `idle`, `live`, `recording`, `paused` or `archived`.
    pub state: String,
    /// Where to send it to.
    #[serde(default)]
    pub ingest: Ingest,
    /// Where to watch it.
    #[serde(default)]
    pub playback: Playback,
    /// RFC 3339.
    #[serde(default)]
    pub created_at: String,
}

/// The cameras that the server found.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Discovered {
    /// They.
    pub devices: Vec<Camera>,
    /// Whether more answered than it tells of.
    #[serde(default)]
    pub is_more: bool,
}

/// A camera.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Camera {
    /// Its IPv4 address.
    pub address: String,
    /// What people call it.
    pub name: Option<String>,
    /// Who made it.
    pub manufacturer: Option<String>,
    /// What they made.
    pub model: Option<String>,
    /// Its streams.
    pub sources: Vec<CameraSource>,
    /// Whether it refused to answer without a user.
    #[serde(default)]
    pub needs_credentials: bool,
    /// Why it was not asked, or not to the end.
    pub problem: Option<CameraProblem>,
}

/// A stream of a camera.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CameraSource {
    /// A name for a stream that is made of it.
    pub stream_name: String,
    /// Its address, without credentials.
    pub source: String,
    /// Its pictures.
    pub video: Option<CameraVideo>,
}

/// The pictures of a stream of a camera.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CameraVideo {
    /// As `h264`.
    pub codec: Option<String>,
    /// Pixels in a line.
    pub width: Option<u32>,
    /// Lines.
    pub height: Option<u32>,
    /// Pictures a second.
    pub frames_per_second: Option<f64>,
}

/// Why a camera was not asked.
#[derive(Debug, Clone, Deserialize)]
pub struct CameraProblem {
    /// In a word.
    pub reason: String,
    /// For people.
    pub detail: String,
}

/// What the source of a pulled stream does.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceStatus {
    /// `idle`, `connecting`, `live`, `retrying` or `disabled`.
    pub state: String,
    /// How many attempts have failed since it was live.
    #[serde(default)]
    pub failures: u64,
    /// Why the latest attempt has failed.
    pub reason: Option<String>,
    /// When it is tried again, RFC 3339.
    pub retry_at: Option<String>,
}

impl std::fmt::Display for SourceStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.state)?;
        if let Some(reason) = &self.reason {
            write!(f, " ({reason})")?;
        }
        if self.failures > 1 {
            write!(f, ", failed {} times in a row", self.failures)?;
        }
        self.retry_at.as_ref().map_or(Ok(()), |at| write!(f, ", tried again at {at}"))
    }
}

/// What became of an attempt to open a source.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceEvent {
    /// RFC 3339.
    #[serde(default)]
    pub at: String,
    /// `live`, `failed` or `ended`.
    #[serde(default)]
    pub outcome: String,
    /// Why it failed or ended, in a word.
    pub reason: Option<String>,
    /// The same for people.
    pub detail: Option<String>,
    /// What was connected to.
    pub address: Option<String>,
    /// Since the attempt began.
    #[serde(default)]
    pub took_ms: u64,
}

/// Where a stream is sent to.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Ingest {
    /// `udp://host:port/name`.
    pub fql: Option<String>,
    /// `rtmp://host:port/live`: the stream key follows after a slash.
    pub rtmp: Option<String>,
    /// `srt://host:port`: the stream key is the stream id.
    pub srt: Option<String>,
    /// `https://host/whip`: the stream key is the bearer token.
    pub whip: Option<String>,
}

/// Where a stream is watched.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Playback {
    /// A page for people.
    pub page: Option<String>,
    /// `fql://host:port/play/…`.
    pub fql: Option<String>,
}

/// What happens to a stream at present.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// As in [`Stream::state`].
    pub state: String,
    /// Since it is live.
    #[serde(default)]
    pub uptime_seconds: Option<f64>,
    /// Who watch.
    #[serde(default)]
    pub viewers: u64,
    /// What its source does, where it is pulled.
    pub source_status: Option<SourceStatus>,
    /// Who publishes.
    pub publisher: Option<Publisher>,
    /// What the stream consists of.
    #[serde(default)]
    pub tracks: Vec<Track>,
    /// What became of the publisher's datagrams.
    #[serde(default)]
    pub packets: Packets,
}

/// Who publishes a stream.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Publisher {
    /// Its address and port.
    #[serde(default)]
    pub address: Option<String>,
    /// In milliseconds.
    #[serde(default)]
    pub round_trip_ms: Option<f64>,
    /// In milliseconds.
    #[serde(default)]
    pub queueing_delay_ms: Option<f64>,
    /// bit/s on the wire.
    #[serde(default)]
    pub rate: Option<u64>,
}

/// A track of a stream.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Track {
    /// Its number.
    #[serde(default)]
    pub id: u64,
    /// `video`, `audio` or `data`.
    #[serde(default)]
    pub kind: String,
    /// `fql`, `h264` ...
    #[serde(default)]
    pub codec: Option<String>,
    /// bit/s.
    #[serde(default)]
    pub bitrate: u64,
    /// Frames a second, of video.
    #[serde(default)]
    pub frame_rate: Option<f64>,
    /// How many it has.
    #[serde(default)]
    pub layers: u64,
    /// bit/s of each layer.
    #[serde(default)]
    pub layer_rates: Vec<u64>,
    /// Units that came whole.
    #[serde(default)]
    pub units_complete: u64,
    /// Units with something missing.
    #[serde(default)]
    pub units_partial: u64,
    /// Units of which nothing came.
    #[serde(default)]
    pub units_lost: u64,
}

/// Counts of datagrams.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Packets {
    /// Those that came.
    #[serde(default)]
    pub received: u64,
    /// Those that did not.
    #[serde(default)]
    pub lost: u64,
    /// Rebuilt from parity.
    #[serde(default)]
    pub recovered: u64,
    /// Came after their unit had left.
    #[serde(default)]
    pub late: u64,
}

impl Packets {
    /// The share of datagrams that were lost, 0 to 1.
    pub fn loss(&self) -> f64 {
        let sent = self.received.saturating_add(self.lost);
        if sent == 0 { 0.0 } else { self.lost as f64 / sent as f64 }
    }
}

/// An API key as the list shows it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// `key_…`.
    pub id: String,
    /// For people.
    #[serde(default)]
    pub name: String,
    /// What it may do.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The secret, in the answer that makes it and never again.
    pub key: Option<String>,
    /// RFC 3339.
    pub expires_at: Option<String>,
    /// RFC 3339; such a key is refused.
    pub revoked_at: Option<String>,
    /// RFC 3339.
    #[serde(default)]
    pub created_at: Option<String>,
}

/// A webhook.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Webhook {
    /// `wh_…`.
    pub id: String,
    /// Where events go.
    pub url: String,
    /// Which ones.
    #[serde(default)]
    pub events: Vec<String>,
    /// For people.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether events are sent.
    #[serde(default)]
    pub enabled: bool,
    /// The secret that signs them, in the answer that makes it and never again.
    pub secret: Option<String>,
    /// RFC 3339.
    #[serde(default)]
    pub created_at: Option<String>,
}

/// One event on its way to one webhook.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// `dlv_…`.
    pub id: String,
    /// Which event.
    #[serde(default)]
    pub event: Option<String>,
    /// What became of it.
    #[serde(default)]
    pub state: Option<String>,
    /// How often it was tried.
    #[serde(default)]
    pub attempts: u64,
    /// The receiver's last answer.
    #[serde(default)]
    pub status_code: Option<u64>,
    /// Why the last try failed.
    #[serde(default)]
    pub error: Option<String>,
    /// RFC 3339.
    #[serde(default)]
    pub created_at: Option<String>,
}

/// How to watch a stream, as everybody may ask.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Play {
    /// What viewers know it by.
    pub playback_id: String,
    /// As in [`Stream::state`].
    #[serde(default)]
    pub state: String,
    /// All ways to watch it.
    #[serde(default)]
    pub sources: Vec<Source>,
}

/// One way to watch a stream.
#[derive(Debug, Clone, Deserialize)]
pub struct Source {
    /// `fql` ...
    pub protocol: String,
    /// Where.
    pub uri: String,
}
