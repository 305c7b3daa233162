use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use fql_unit::{MAX_LAYERS, TrackTable};

use super::ladder::{Ladder, Way};
use super::track::TrackOut;
use super::{ViewerConfig, ViewerStats};
use crate::adaptive::{Estimate, Need};
use crate::congestion::{Congestion, Feedback};
use crate::datagram::{HEADER, TAG};
use crate::fanout::{Block, Part, Rates, Source};
use crate::message::{Message, PARITY_OVERHEAD, SOURCE_OVERHEAD};
use crate::meter::Meter;
use crate::pacer::{Pacer, Slot};
use crate::report::Report;
use crate::session::Load;
use crate::{Accepted, CongestionState, Fec, Time};

/// With a larger latency budget than this nothing is spread further.
const MAX_BUDGET: Duration = Duration::from_millis(400);
/// The share of the latency budget from the first shard of a unit on within which its parity is sent, and the share
/// that it is spread over at least.
const SPREAD: f64 = 0.75;
const LEAST_SPREAD: f64 = 0.1;
/// Datagrams in the time that a block is spread over that are reckoned with at least when bursts are.
const LEAST_DATAGRAMS: f64 = 4.0;
/// Shards may leave this much faster than they do in the mean: units are not of a size.
const PACE: f64 = 1.25;
/// What would wait longer than this share of the budget is given up from the top, until no more waits than the second
/// share.
const MOST_WAITING: f64 = 0.85;
const LEFT_WAITING: f64 = 0.6;
/// The layers are chosen anew after this time.
const CHOOSE: Duration = Duration::from_millis(100);
/// How often is asked whether more should be sent, and of how many shards that is made.
const PADDING: Duration = Duration::from_millis(20);
const REPEATED: usize = 32;
/// For so long a viewer that has joined may be behind, until it has all since the last key unit.
const CATCH_UP: Duration = Duration::from_secs(5);
/// How far targets are relaxed at most to keep the share of parity.
const MAX_RELAX: u32 = 14;

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
    /// How far the targets of protection are relaxed to keep the share of parity.
    relax: u32,
    congestion: Congestion,
    ladder: Ladder,
    chosen: Option<Time>,
    /// The highest layer of tracks beside the video.
    aside: u8,
    pacer: Pacer<Queued>,
    padding: Padding,
    datagrams: Meter,
    tracks: BTreeMap<u8, TrackOut>,
    has_video: bool,
    /// Whether all video is encoded by others: a key unit is whole on layer 0, and without it nothing that follows shows
    /// anything.
    is_encoded: bool,
    /// Until when what is sent may be behind, because the viewer has joined.
    catches_up: Time,
    sources: u64,
    parity: u64,
    dropped: u64,
    repeated: u64,
}

/// A shard that waits for its time.
enum Queued {
    Source(Arc<Source>),
    /// A row of a block.
    Parity(Arc<Block>, u8),
    /// A source shard once more.
    Repeat(Arc<Source>),
}

/// Shards that are sent once more where the layers are too large to use the rate: only what is sent shows what the way
/// carries, and so whether it has room for another layer.
#[derive(Default)]
struct Padding {
    /// Bits a second that would be used.
    wanted: f64,
    /// When the next is due; none where nothing is asked for, or no media comes.
    next: Option<Time>,
    /// When media came last.
    media: Time,
    /// What was sent last.
    recent: VecDeque<Arc<Source>>,
}

impl Outgoing {
    pub(super) fn new(config: &ViewerConfig, accepted: &Accepted, now: Time) -> Self {
        let congestion = Congestion::new(now);
        Self {
            header_bytes: config.header_bytes,
            max_bytes: config.max_bytes,
            fec: config.fec.clone(),
            budget: budget(accepted.latency()),
            max_layer: accepted.max_layer().min(MAX_LAYERS - 1),
            losses: Estimate::new(),
            relax: 0,
            pacer: Pacer::new(now, congestion.rate(now) as f64 / 8.0 * PACE),
            padding: Padding::default(),
            congestion,
            ladder: Ladder::new(now),
            chosen: None,
            aside: MAX_LAYERS - 1,
            datagrams: Meter::default(),
            tracks: BTreeMap::new(),
            has_video: false,
            is_encoded: false,
            catches_up: now + CATCH_UP,
            sources: 0,
            parity: 0,
            dropped: 0,
            repeated: 0,
        }
    }

    pub(super) fn set_tracks(&mut self, tracks: &TrackTable) {
        let mut videos = tracks.tracks().iter().filter(|track| track.media.is_video()).peekable();
        self.has_video = videos.peek().is_some();
        self.is_encoded = self.has_video && videos.all(|track| track.media.is_encoded());
        let mut old = std::mem::take(&mut self.tracks);
        for track in tracks.tracks() {
            let out = old.remove(&track.id).unwrap_or_default();
            let adapts = if self.has_video { track.media.is_video() } else { track.media.is_audio() };
            self.tracks.insert(track.id, out.adapting(adapts));
        }
    }

    /// Takes a source shard, which is sent at once: its publisher has spread them.
    pub(super) fn push_source(&mut self, now: Time, source: &Arc<Source>) {
        let unit = &source.unit;
        if source.is_first {
            self.choose(now, &unit.rates);
        }
        let main = if self.takes_all() { MAX_LAYERS - 1 } else { self.ladder.ceiling().unwrap_or(0) };
        let aside = self.aside;
        let Some(track) = self.tracks.get_mut(&unit.track) else { return };
        if source.is_first {
            let ceiling = if track.adapts { main } else { aside }.min(self.max_layer);
            // Who does not get all of them has each layer's own block: of one that holds them all too much would be
            // missing.
            let has_reference = ceiling.saturating_add(1) >= unit.reference_layers;
            let is_adaptive = matches!(self.fec, Fec::Adaptive { .. });
            let together = if has_reference && is_adaptive { unit.reference_layers } else { 0 };
            track.begin(unit.number, ceiling, together);
        }
        if track.ceiling(unit.number).is_some_and(|ceiling| source.layer <= ceiling) {
            let len = SOURCE_OVERHEAD + source.content.len();
            self.queue(now, now, len, source.layer, Queued::Source(source.clone()));
            self.padding.remember(now, source);
        }
    }

    /// Takes a block that is closed: as much of its parity is sent as the viewer's losses need.
    pub(super) fn push_parity(&mut self, now: Time, block: &Arc<Block>) {
        // Without its source shards, or some of them, parity is of little use.
        let layer = block.part.lowest();
        let has = |number| {
            let Some(track) = self.tracks.get(&block.track) else { return false };
            let is_together = layer < track.together(number);
            let is_its = is_together == (block.part == Part::Reference);
            is_its && track.ceiling(number).is_some_and(|ceiling| layer <= ceiling)
        };
        if !has(block.units.0) || !has(block.units.1) {
            return;
        }
        let end = block.came + self.budget.mul_f64(SPREAD);
        // Of one that is sent late it is sent before what follows, which is late too.
        let is_late = end <= now && self.catches_up(now);
        let least = if is_late { Duration::ZERO } else { self.budget.mul_f64(LEAST_SPREAD) };
        let window = (end - now).max(least);
        let rows = block.protection(&self.fec, self.need(now));
        block.want(rows);
        let gap = window / (rows as u32 + 1);
        for row in 0..rows {
            let due = now + gap * (row as u32 + 1);
            let len = PARITY_OVERHEAD + block.row_len();
            self.queue(now, due, len, layer, Queued::Parity(block.clone(), row as u8));
        }
    }

    /// What protection is computed for.
    fn need(&self, now: Time) -> Need {
        let window = self.budget.mul_f64(SPREAD).as_secs_f64();
        let datagrams = self.datagrams.bits_per_second(now) as f64 / 8.0 * window;
        Need::new(self.losses.losses(), datagrams.max(LEAST_DATAGRAMS)).relaxed(self.relax)
    }

    fn queue(&mut self, now: Time, due: Time, len: usize, layer: u8, shard: Queued) {
        self.pacer.push(Slot::at(due, layer), self.header_bytes + HEADER + TAG + len, shard);
        let rate = self.congestion.rate(now) as f64 / 8.0;
        let in_time = (rate * self.budget.mul_f64(MOST_WAITING).as_secs_f64()) as usize;
        let most = if self.takes_all() || self.catches_up(now) { self.max_bytes } else { in_time };
        if self.pacer.bytes() > most.clamp(MIN_WAITING, self.max_bytes) {
            self.shed((most as f64 * LEFT_WAITING / MOST_WAITING) as usize);
        }
    }

    /// Whether the link has not shown yet that it cannot carry all of an encoded stream. Of that there is nothing smaller
    /// to begin with: what is left out at the rate of the start, which is low, is missing until the next key unit.
    fn takes_all(&self) -> bool {
        self.is_encoded && self.congestion.state() == CongestionState::Starting
    }

    /// Whether what waits is sent late rather than not at all: the receiver waits for it as well.
    fn catches_up(&self, now: Time) -> bool {
        self.is_encoded && now < self.catches_up
    }

    /// Gives up what waits from the top layer down: of those units these layers, and those above, are not sent.
    fn shed(&mut self, most: usize) {
        let most = most.clamp(MIN_WAITING / 2, self.max_bytes);
        for shard in self.pacer.shed(most, MOST_LOWEST.min(self.max_bytes)) {
            self.dropped += 1;
            if let Queued::Source(source) = shard
                && let Some(track) = self.tracks.get_mut(&source.unit.track)
            {
                track.lower(source.unit.number, source.layer.saturating_sub(1));
            }
        }
    }

    /// Chooses the layers that are sent from now on.
    fn choose(&mut self, now: Time, rates: &Rates) {
        if self.chosen.is_some_and(|chosen| now < chosen + CHOOSE) {
            return;
        }
        self.chosen = Some(now);
        let way = self.way(now);
        self.relax = self.relax.saturating_sub(1);
        let mut costs = self.costs(now, rates);
        while self.is_parity_too_much(&costs) && self.relax < MAX_RELAX {
            self.relax += 1;
            costs = self.costs(now, rates);
        }
        let main: Vec<f64> = costs.main.iter().map(|cost| cost.total() + costs.all_aside().total()).collect();
        let ceiling = self.ladder.update(now, way, &main);
        // Sound and data take little; they lose layers only where not even the lowest of the video fits.
        let lowest = costs.main.first().map_or(0.0, Cost::total);
        let fits = |cost: &Cost| lowest + cost.total() <= way.rate;
        self.aside = match ceiling {
            0 if !fits(&costs.all_aside()) => costs.aside.iter().rposition(fits).unwrap_or(0) as u8,
            _ => MAX_LAYERS - 1,
        };
        self.padding.want(now, self.ladder.wants(now, &main));
        self.set_pace(now);
    }

    /// Queues shards once more, if the search for a higher rate asks for it.
    fn pad(&mut self, now: Time) {
        if self.padding.next.is_none_or(|next| now < next) {
            return;
        }
        let mut bytes = self.congestion.padding(now, self.padding.wanted as u64);
        self.padding.schedule(now);
        for source in self.padding.recent.iter().rev() {
            if bytes == 0 {
                return;
            }
            let wire = self.header_bytes + HEADER + TAG + SOURCE_OVERHEAD + source.content.len();
            bytes = bytes.saturating_sub(wire);
            self.pacer.push(Slot::at(now, MAX_LAYERS), wire, Queued::Repeat(source.clone()));
        }
    }

    fn way(&self, now: Time) -> Way {
        Way {
            rate: self.congestion.rate(now) as f64,
            steady: self.congestion.steady_rate(),
            is_draining: self.congestion.state() == CongestionState::Draining,
        }
    }

    fn set_pace(&mut self, now: Time) {
        let way = self.way(now);
        let share = if way.is_draining { 1.0 } else { PACE };
        self.pacer.set_rate(now, way.rate / 8.0 * share);
    }

    /// What the layers take, each with those below it.
    fn costs(&self, now: Time, rates: &Rates) -> Costs {
        let need = self.need(now);
        let mut costs = Costs::default();
        for track in &rates.tracks {
            let is_main = if self.has_video { track.kind.is_video } else { track.kind.is_sound };
            let sums = if is_main { &mut costs.main } else { &mut costs.aside };
            for (layer, rate) in track.layers.iter().enumerate() {
                let parity = rates.parity(layer as u8, *rate, track.kind, &self.fec, need);
                if sums.len() <= layer {
                    sums.resize_with(layer + 1, Cost::default);
                }
                sums[layer].source += rate.bits;
                sums[layer].parity += parity;
            }
            // From the last of them on, all that later units are predicted from has one block instead.
            let last = usize::from(track.reference.layers).checked_sub(1);
            if let Some(sum) = last.and_then(|last| sums.get_mut(last))
                && matches!(self.fec, Fec::Adaptive { .. })
            {
                let apart = track.layers.iter().take(track.reference.layers.into()).enumerate();
                let apart: f64 = apart
                    .map(|(layer, rate)| rates.parity(layer as u8, *rate, track.kind, &self.fec, need))
                    .sum();
                sum.parity += rates.parity_together(track, &self.fec, need) - apart;
            }
        }
        costs.main.truncate(usize::from(self.max_layer) + 1);
        costs.aside.truncate(usize::from(self.max_layer) + 1);
        accumulate(&mut costs.main);
        accumulate(&mut costs.aside);
        costs
    }

    /// Whether parity passes its share of what would be sent.
    fn is_parity_too_much(&self, costs: &Costs) -> bool {
        let Fec::Adaptive { max_percent } = self.fec else { return false };
        let at = usize::from(self.ladder.ceiling().unwrap_or(0)).min(costs.main.len().saturating_sub(1));
        let (main, aside) = (costs.main.get(at).copied().unwrap_or_default(), costs.all_aside());
        (main.parity + aside.parity) * 100.0 > (main.total() + aside.total()) * f64::from(max_percent)
    }

    pub(super) fn handle_report(&mut self, now: Time, written: u32, report: &Report, round_trip: Duration) {
        self.max_layer = report.max_layer.min(MAX_LAYERS - 1);
        self.budget = budget(Duration::from_millis(report.latency));
        let counts = &report.counts;
        self.losses.update(now, [counts.received, counts.lost, counts.bursts]);
        if !report.out_of_turn {
            self.congestion.handle_report(now, Feedback::new(written, report, round_trip));
        }
        self.set_pace(now);
    }

    /// A datagram left.
    pub(super) fn on_sent(&mut self, now: Time, wire: usize) {
        self.congestion.on_sent(now, wire);
    }

    pub(super) fn clear(&mut self) {
        self.pacer.clear();
        self.padding = Padding::default();
    }

    pub(super) fn fill_stats(&self, now: Time, stats: &mut ViewerStats) {
        let losses = self.losses.losses();
        stats.source_shards = self.sources;
        stats.parity_shards = self.parity;
        stats.dropped_shards = self.dropped;
        stats.repeated_shards = self.repeated;
        stats.queued = self.pacer.len();
        stats.layers = self.ladder.ceiling().map_or(0, |ceiling| ceiling.min(self.max_layer) + 1);
        stats.allowed_rate = self.congestion.rate(now);
        stats.congestion = self.congestion.state();
        stats.assumed_loss = losses.rate;
        stats.assumed_burst = losses.burst();
    }

    fn message(&self, shard: &Queued) -> Option<Message> {
        Some(match shard {
            Queued::Source(source) | Queued::Repeat(source) => Message::Source {
                block: self.block(source).map(|(number, index)| (number as u16, index)),
                ceiling: Some(self.ceiling(source.unit.track, source.unit.number, source.layer)?),
                content: source.content.clone(),
            },
            Queued::Parity(block, row) => Message::Parity {
                block: block.number as u16,
                sources: block.sources() as u8,
                row: *row,
                ceiling: Some(self.ceiling(block.track, block.units.1, block.part.lowest())?),
                bytes: block.row((*row).into())?,
            },
        })
    }

    /// The block that a source shard has for this viewer.
    fn block(&self, source: &Source) -> Option<(u64, u8)> {
        let track = self.tracks.get(&source.unit.track)?;
        let is_together = source.layer < track.together(source.unit.number);
        if is_together { source.together } else { source.block }
    }

    /// The highest layer that is sent of a unit; `None` where this one is no longer.
    fn ceiling(&self, track: u8, number: u64, layer: u8) -> Option<u8> {
        self.tracks.get(&track)?.ceiling(number).filter(|&ceiling| layer <= ceiling)
    }
}

impl Padding {
    fn remember(&mut self, now: Time, source: &Arc<Source>) {
        self.media = now;
        if self.recent.len() == REPEATED {
            self.recent.pop_front();
        }
        self.recent.push_back(source.clone());
    }

    /// Sets the bits a second that would be used, 0 for no more than are.
    fn want(&mut self, now: Time, wanted: f64) {
        // What was asked for before has to be told that it no longer is.
        if wanted > 0.0 || self.wanted > 0.0 {
            self.next.get_or_insert(now);
        }
        self.wanted = wanted;
    }

    fn schedule(&mut self, now: Time) {
        let flows = now < self.media + PADDING * 10;
        self.next = (flows && self.wanted > 0.0).then_some(now + PADDING);
    }
}

/// Who joins gets all pictures since the last one that needs no other: of each something is to be there, because without
/// it the pictures that follow wait, and have nothing to be predicted from.
const MOST_LOWEST: usize = 48_000;
/// What is sent in any case waits until it is sent.
pub(super) const MIN_WAITING: usize = 12_000;

/// Bits a second of source shards and of their parity.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    source: f64,
    parity: f64,
}

impl Cost {
    fn total(&self) -> f64 {
        self.source + self.parity
    }
}

/// What layers take on the wire, each with those below it: of the tracks that adapt, and of all others.
#[derive(Debug, Default)]
struct Costs {
    main: Vec<Cost>,
    aside: Vec<Cost>,
}

impl Costs {
    fn all_aside(&self) -> Cost {
        self.aside.last().copied().unwrap_or_default()
    }
}

fn accumulate(costs: &mut [Cost]) {
    let mut sum = Cost::default();
    for cost in costs {
        sum = Cost { source: sum.source + cost.source, parity: sum.parity + cost.parity };
        *cost = sum;
    }
}

/// The part of a latency budget that is used for spreading.
fn budget(latency: Duration) -> Duration {
    latency.clamp(crate::MIN_LATENCY, MAX_BUDGET)
}

impl Load for Outgoing {
    fn poll(&mut self, now: Time) -> Option<Message> {
        self.pad(now);
        while let Some(shard) = self.pacer.pop(now) {
            let Some(message) = self.message(&shard) else { continue };
            self.datagrams.add(now, 1);
            match shard {
                Queued::Source(_) => self.sources += 1,
                Queued::Parity(..) => self.parity += 1,
                Queued::Repeat(_) => self.repeated += 1,
            }
            return Some(message);
        }
        None
    }

    fn timeout(&self) -> Option<Time> {
        self.pacer.timeout().into_iter().chain(self.padding.next).min()
    }

    fn is_waiting(&self) -> bool {
        self.pacer.len() > 0
    }

    fn spend(&mut self, datagram: usize) {
        self.pacer.spend(datagram + self.header_bytes);
    }
}
