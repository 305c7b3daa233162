//! What the service knows of media: a trait that the hub implements, and the figures it gives.

use serde::Serialize;
use utoipa::ToSchema;

use super::SourceStatus;

/// The hub, as the service sees it. Calls come from many threads, and must not wait for anything slow.
pub trait Live: Send + Sync + 'static {
    /// The public key by which viewers know this server: base64url without padding.
    fn server_key(&self) -> Option<String>;

    /// Whether somebody publishes the stream with this id now.
    fn is_live(&self, stream: &str) -> bool;

    /// What is measured of the stream; `None` when nobody publishes it and nobody watches.
    fn stats(&self, stream: &str) -> Option<LiveStats>;

    /// What the source of a pulled stream does now; `None` where media opens none.
    fn source(&self, _stream: &str) -> Option<SourceStatus> {
        None
    }

    /// Something changed that running sessions must follow. The directory shows it already.
    fn changed(&self, stream: &str, change: LiveChange);
}

/// What changed of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiveChange {
    /// Media is dropped from now on, sessions stay.
    Paused,
    /// Media goes on.
    Resumed,
    /// All sessions end.
    Archived,
    /// The publishing session ends: its key is not the stream's any more.
    KeyRotated,
    /// Layers, FEC, ring, name or source are others now.
    Changed,
}

/// Where there is no hub: nothing is live.
#[derive(Debug, Clone, Copy)]
pub struct NoMedia;

impl Live for NoMedia {
    fn server_key(&self) -> Option<String> {
        None
    }

    fn is_live(&self, _stream: &str) -> bool {
        false
    }

    fn stats(&self, _stream: &str) -> Option<LiveStats> {
        None
    }

    fn changed(&self, _stream: &str, _change: LiveChange) {}
}

/// What is measured of a stream while it is live or watched. Rates are in bit/s.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LiveStats {
    /// How long it has been live, in seconds.
    #[schema(minimum = 0)]
    pub uptime_seconds: f64,
    /// How many watch.
    #[schema(minimum = 0)]
    pub viewers: u64,
    /// How many of them watch by what.
    pub viewers_by_carrier: CarrierCounts,
    /// Who publishes; null when nobody does.
    pub publisher: Option<PublisherStats>,
    /// The tracks, by their number.
    pub tracks: Vec<TrackStats>,
    /// Datagrams of the publishing session.
    pub packets: PacketStats,
    /// The way from the publisher to here, in milliseconds: half a round trip, and what queues add to it. Null until it
    /// is measured.
    pub delay_ms: Option<f64>,
}

/// Viewers, by what carries the datagrams of their sessions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CarrierCounts {
    /// UDP itself: programs.
    pub udp: u64,
    /// Browsers by WebTransport.
    pub webtransport: u64,
    /// Browsers by WebSocket.
    pub websocket: u64,
    /// Players of other protocols than FQL.
    pub other: u64,
}

/// The publishing session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublisherStats {
    /// How it publishes: `fql`, `rtmp`, `srt` or `whip`; of a pulled stream the protocol of its source: `rtsp`, `rtsps`,
    /// `srt`, `rist`, `tsudp`, `dtsc`, `fql`, `hls`, `ts` or `file`.
    pub protocol: String,
    /// Where it sends from.
    pub address: String,
    /// Round trip as the beginning of the session has shown, in milliseconds; null where a message of it was lost.
    pub round_trip_ms: Option<f64>,
    /// How much of the delay is queues on the way, in milliseconds.
    pub queueing_delay_ms: Option<f64>,
    /// What arrives, parity included, in bit/s.
    pub rate: u64,
}

/// One track.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrackStats {
    /// Its number in the stream.
    pub id: u8,
    /// `video`, `audio` or `data`.
    pub kind: String,
    /// What the publisher calls it.
    pub name: String,
    /// How it is coded, as in `fql`, `h264` or `opus`.
    pub codec: String,
    /// What arrives of it, in bit/s.
    pub bitrate: u64,
    /// Units a second.
    pub frame_rate: f64,
    /// How many layers it has.
    pub layers: u8,
    /// What each layer takes, the lowest first, in bit/s.
    pub layer_rates: Vec<u64>,
    /// Units of which everything came.
    pub units_complete: u64,
    /// Units of which upper layers are missing.
    pub units_partial: u64,
    /// Units of which nothing can be shown.
    pub units_lost: u64,
}

/// Datagrams that carry media.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PacketStats {
    /// Came.
    pub received: u64,
    /// Did not come.
    pub lost: u64,
    /// Were rebuilt from parity.
    pub recovered: u64,
    /// Came too late to be of use.
    pub late: u64,
}
