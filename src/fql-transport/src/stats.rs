use std::time::Duration;

use crate::CongestionState;
use crate::Time;
use crate::report::Report;

/// What a sender did and what its receiver reported. Counts are since the sender was made, unless said otherwise.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct SenderStats {
    /// Whether there is a session: with a receiver that answered, or one way.
    pub connected: bool,
    /// Sessions so far, this one included.
    pub sessions: u64,
    /// Datagrams sent.
    pub datagrams: u64,
    /// Bytes sent, UDP and IP headers included.
    pub bytes: u64,
    /// Bits a second on the wire over the last second, UDP and IP headers included.
    pub wire_rate: u64,
    /// Bits a second of media (segments alone) over the last second.
    pub media_rate: u64,
    /// Source shards sent.
    pub source_shards: u64,
    /// Parity shards sent.
    pub parity_shards: u64,
    /// Share of parity in the bytes on the wire lately, 0 to 1.
    pub parity_share: f64,
    /// Datagrams waiting for their time.
    pub queued: usize,
    /// The setting of forward error correction.
    pub fec: String,
    /// The most bits a second on the wire now, everything included: the smaller one of `max_bitrate` and what
    /// congestion control gives, where there is either.
    pub allowed_rate: Option<u64>,
    /// What congestion control does; `None` without it, and without a session.
    pub congestion: Option<CongestionState>,
    /// Bits a second of media that all layered tracks may have together of that.
    pub allowed_media_rate: Option<u64>,
    /// Units pushed that could not be sent at all: no session, or no room under `max_bitrate`.
    pub units_dropped: u64,
    /// Units of which top layers, or parts of them, were left out to keep the rate.
    pub units_trimmed: u64,
    /// Datagrams that came and could not be used.
    pub refused: Refusals,
    /// The loss that protection is computed for, 0 to 1 (adaptive protection only).
    pub assumed_loss: f64,
    /// The mean length of a burst of losses that protection is computed for (adaptive protection only).
    pub assumed_burst: f64,
    /// What the receiver last reported; `None` before its first report and one way.
    pub peer: Option<PeerStats>,
    /// For each track.
    pub tracks: Vec<SenderTrackStats>,
}

/// What the receiver reported; counts are since the session began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerStats {
    /// Datagrams that arrived.
    pub received: u64,
    /// Datagrams that were lost.
    pub lost: u64,
    /// Source shards rebuilt from parity.
    pub recovered: u64,
    /// Source shards that came too late.
    pub late: u64,
    /// Units delivered complete, as they were sent.
    pub units_complete: u64,
    /// Units delivered with something missing.
    pub units_partial: u64,
    /// Units of which nothing came in time.
    pub units_lost: u64,
    /// Bits a second on the wire that arrived lately.
    pub delivered_rate: u64,
    /// How much longer than the fastest the datagrams took lately.
    pub queueing_delay: Duration,
    /// There and back.
    pub round_trip: Duration,
    /// The receiver's latency budget.
    pub latency: Duration,
}

impl PeerStats {
    pub(crate) fn of(now: Time, report: &Report) -> Self {
        let counts = report.counts;
        let elapsed = now.wire_micros().wrapping_sub(report.echo);
        Self {
            received: counts.received,
            lost: counts.lost,
            recovered: counts.recovered,
            late: counts.late,
            units_complete: counts.complete,
            units_partial: counts.partial,
            units_lost: counts.missing,
            delivered_rate: report.delivered_rate,
            queueing_delay: Duration::from_micros(report.queueing),
            round_trip: Duration::from_micros(u64::from(elapsed).saturating_sub(report.held)),
            latency: Duration::from_millis(report.latency),
        }
    }
}

/// What a sender did with one track.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SenderTrackStats {
    /// The track.
    pub id: u8,
    /// Units pushed.
    pub units: u64,
    /// Bits a second of media over the last second.
    pub media_rate: u64,
    /// The same for each layer.
    pub layer_rates: Vec<u64>,
    /// Layers sent of the last unit.
    pub layers_sent: u8,
    /// Layers of the last acknowledged unit that the receiver has completely.
    pub layers_acknowledged: u8,
}

/// What a receiver saw. Counts are since the receiver was made, unless said otherwise.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ReceiverStats {
    /// Whether a session is live.
    pub connected: bool,
    /// Sessions so far, this one included.
    pub sessions: u64,
    /// Datagrams of a session that arrived.
    pub received: u64,
    /// Bytes of them, UDP and IP headers included.
    pub bytes: u64,
    /// Bits a second on the wire over the last second, UDP and IP headers included.
    pub delivered_rate: u64,
    /// Datagrams that were lost on the way.
    pub lost: u64,
    /// Runs of lost datagrams: `lost / bursts` is the mean length of a burst.
    pub bursts: u64,
    /// Source shards rebuilt from parity.
    pub recovered: u64,
    /// Source shards that came after their unit was delivered.
    pub late: u64,
    /// Datagrams that came and could not be used.
    pub refused: Refusals,
    /// Units delivered complete, as they were sent.
    pub units_complete: u64,
    /// Units delivered with something missing.
    pub units_partial: u64,
    /// Units of which nothing came in time.
    pub units_lost: u64,
    /// How much longer than the fastest the datagrams took lately.
    pub queueing_delay: Duration,
    /// Bytes held for units and blocks that are not complete.
    pub held_bytes: usize,
    /// For each track of the table.
    pub tracks: Vec<ReceiverTrackStats>,
}

/// What a receiver saw of one track in this session.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ReceiverTrackStats {
    /// The track.
    pub id: u8,
    /// Units delivered with everything that was sent.
    pub units_complete: u64,
    /// Units delivered with something missing.
    pub units_partial: u64,
    /// Units of which nothing came in time.
    pub units_lost: u64,
    /// Layers complete in every slice of the last unit.
    pub last_layers: u8,
    /// The mean of that over the last units.
    pub mean_layers: f64,
    /// How many units came with exactly 0, 1, 2, ... 15 layers complete in every slice.
    pub layers: [u64; 16],
    /// Bits a second of media over the last second.
    pub media_rate: u64,
    /// The same for each layer.
    pub layer_rates: Vec<u64>,
}

/// Datagrams that came and could not be used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusals {
    /// Came before.
    pub replayed: u64,
    /// Not sealed with the session's key, or changed on the way.
    pub forged: u64,
    /// Of another protocol or session, or of a sender with another key.
    pub foreign: u64,
    /// Of the session, but without meaning.
    pub malformed: u64,
}
