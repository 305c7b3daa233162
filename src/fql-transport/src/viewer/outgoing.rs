use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fql_unit::{MAX_LAYERS, TrackTable};

use super::{ViewerConfig, ViewerStats};
use crate::adaptive::{Estimate, Need};
use crate::datagram::{HEADER, TAG};
use crate::fanout::{Block, Source};
use crate::message::{Message, PARITY_OVERHEAD, SOURCE_OVERHEAD};
use crate::meter::Meter;
use crate::pacer::Pacer;
use crate::report::Report;
use crate::session::Load;
use crate::{Accepted, Fec, Time};

/// Bytes a second of pacing while nobody knows the rate.
const START_PACE: f64 = 1_250_000.0;
/// With a larger latency budget than this nothing is spread further.
const MAX_BUDGET: Duration = Duration::from_millis(400);
/// The share of the latency budget from the first shard of a unit on within which its parity is sent, and the share
/// that it is spread over at least.
const SPREAD: f64 = 0.75;
const LEAST_SPREAD: f64 = 0.1;

/// Shards on their way to one viewer.
pub(super) struct Outgoing {
    header_bytes: usize,
    max_bytes: usize,
    fec: Fec,
    /// The part of the viewer's latency budget that is used for spreading.
    budget: Duration,
    /// The highest layer that the viewer wants.
    max_layer: u8,
    losses: Estimate,
    pacer: Pacer<Queued>,
    datagrams: Meter,
    /// The first unit of each track that is sent.
    joined: BTreeMap<u8, u64>,
    layers: u8,
    sources: u64,
    parity: u64,
    dropped: u64,
}

/// A shard that waits for its time.
enum Queued {
    Source(Arc<Source>, u8),
    Parity(Arc<Block>, u8, u8),
}

impl Outgoing {
    pub(super) fn new(config: &ViewerConfig, accepted: &Accepted, now: Time) -> Self {
        Self {
            header_bytes: config.header_bytes,
            max_bytes: config.max_bytes,
            fec: config.fec.clone(),
            budget: budget(accepted.latency()),
            max_layer: accepted.max_layer().min(MAX_LAYERS - 1),
            losses: Estimate::new(),
            pacer: Pacer::new(now, START_PACE),
            datagrams: Meter::default(),
            joined: BTreeMap::new(),
            layers: 0,
            sources: 0,
            parity: 0,
            dropped: 0,
        }
    }

    pub(super) fn set_tracks(&mut self, tracks: &TrackTable) {
        self.joined.retain(|&id, _| tracks.get(id).is_some());
    }

    /// Takes a source shard, which is sent at once: its publisher has spread them.
    pub(super) fn push_source(&mut self, now: Time, source: &Arc<Source>) {
        let unit = &source.unit;
        // What came of a unit before the viewer did is missing: it begins with the next one.
        if source.is_first {
            self.joined.entry(unit.track).or_insert(unit.number);
        }
        if !self.has(unit.track, unit.number) || source.layer > self.max_layer {
            return;
        }
        self.layers = self.max_layer + 1;
        let len = SOURCE_OVERHEAD + source.content.len();
        self.queue(now, len, source.layer, Queued::Source(source.clone(), self.max_layer));
    }

    /// Whether the viewer gets a unit from its first shard on.
    fn has(&self, track: u8, number: u64) -> bool {
        self.joined.get(&track).is_some_and(|&first| number >= first)
    }

    /// Takes a block that is closed: as much of its parity is sent as the viewer's losses need.
    pub(super) fn push_parity(&mut self, now: Time, block: &Arc<Block>) {
        if !self.has(block.track, block.units.0) || block.layer > self.max_layer {
            return;
        }
        let end = block.came + self.budget.mul_f64(SPREAD);
        let window = (end - now).max(self.budget.mul_f64(LEAST_SPREAD));
        let spread =
            self.datagrams.bits_per_second(now) as f64 / 8.0 * self.budget.mul_f64(SPREAD).as_secs_f64();
        let rows = block.protection(&self.fec, Need::new(self.losses.losses(), spread.max(4.0)));
        block.want(rows);
        let gap = window / (rows as u32 + 1);
        for row in 0..rows {
            let due = now + gap * (row as u32 + 1);
            let len = PARITY_OVERHEAD + block.row_len();
            self.queue(due, len, block.layer, Queued::Parity(block.clone(), row as u8, self.max_layer));
        }
    }

    fn queue(&mut self, due: Time, len: usize, layer: u8, shard: Queued) {
        let wire = self.header_bytes + HEADER + TAG + len;
        if self.pacer.bytes() + wire > self.max_bytes {
            self.dropped += 1;
            return;
        }
        self.pacer.push(due, wire, layer, shard);
    }

    pub(super) fn handle_report(&mut self, now: Time, report: &Report) {
        self.max_layer = report.max_layer.min(MAX_LAYERS - 1);
        self.budget = budget(Duration::from_millis(report.latency));
        let counts = &report.counts;
        self.losses.update(now, [counts.received, counts.lost, counts.bursts]);
    }

    pub(super) fn clear(&mut self) {
        self.pacer.clear();
    }

    pub(super) fn fill_stats(&self, stats: &mut ViewerStats) {
        stats.source_shards = self.sources;
        stats.parity_shards = self.parity;
        stats.dropped_shards = self.dropped;
        stats.queued = self.pacer.len();
        stats.layers = self.layers;
    }
}

/// The part of a latency budget that is used for spreading.
fn budget(latency: Duration) -> Duration {
    latency.clamp(crate::MIN_LATENCY, MAX_BUDGET)
}

impl Queued {
    fn message(self) -> Option<Message> {
        Some(match self {
            Self::Source(source, ceiling) => Message::Source {
                block: source.block.map(|(number, index)| (number as u16, index)),
                ceiling: Some(ceiling),
                content: source.content.clone(),
            },
            Self::Parity(block, row, ceiling) => Message::Parity {
                block: block.number as u16,
                sources: block.sources() as u8,
                row,
                ceiling: Some(ceiling),
                bytes: block.row(row.into())?,
            },
        })
    }
}

impl Load for Outgoing {
    fn poll(&mut self, now: Time) -> Option<Message> {
        let message = std::iter::from_fn(|| self.pacer.pop(now)).find_map(Queued::message)?;
        self.datagrams.add(now, 1);
        match &message {
            Message::Parity { .. } => self.parity += 1,
            _ => self.sources += 1,
        }
        Some(message)
    }

    fn timeout(&self) -> Option<Time> {
        self.pacer.timeout()
    }

    fn is_waiting(&self) -> bool {
        self.pacer.len() > 0
    }

    fn spend(&mut self, datagram: usize) {
        self.pacer.spend(datagram + self.header_bytes);
    }
}
