use std::time::Duration;

use bytes::Bytes;
use fql_unit::{Media as Kind, Timing, TrackTable, Unit};

use super::rate::{Advice, Bucket, Share};
use super::{SenderConfig, SenderEvent};
use crate::adaptive::{Estimate, Protector};
use crate::datagram::{HEADER, TAG};
use crate::message::{Message, PARITY_OVERHEAD};
use crate::meter::Meter;
use crate::pacer::Pacer;
use crate::piece::{self, UnitHeader};
use crate::plan::{Cut, Group, Parity, Plan, Protection, Sizes};
use crate::replay::nearest;
use crate::report::{Ack, Report};
use crate::rs::{Codecs, LENGTH, MAX_SOURCES};
use crate::stats::{SenderStats, SenderTrackStats};
use crate::{Error, Fec, Time};

/// With a larger latency budget than this nothing is spread further: the rate has to follow the link.
const MAX_BUDGET: Duration = Duration::from_millis(400);
/// The share of the latency budget over which the shards of a unit are spread.
const SPREAD: f64 = 0.75;
/// The share of the latency budget within which all of a unit is on the wire.
const HORIZON: f64 = 0.85;
/// The share of the latency budget that the first unit of a block may wait for the last one, and that within which
/// the parity of the block is sent.
const JOIN: f64 = 0.5;
const JOINED_PARITY: f64 = 0.75;
/// A highest layer of which no more than this would fit is left out.
const LEAST_TOP: f64 = 0.2;
/// Without `max_bitrate` the rate on the wire stays within this multiple of the rate lately.
const PACE: f64 = 1.25;
/// Bytes a second of pacing while nobody knows the rate.
const START_PACE: f64 = 500_000.0;
/// How much the newest unit counts in means over units.
const NEWEST: f64 = 0.15;
/// Media bytes for each byte on the wire, before anything was planned.
const START_EFFICIENCY: f64 = 0.45;
/// Datagrams a second that are reckoned with at least when losses in a burst are estimated.
const LEAST_DATAGRAMS: f64 = 50.0;
/// How often targets are relaxed at most to keep the share of parity.
const MAX_RELAX: u32 = 12;

/// Turns units into datagrams that wait for their time.
pub(super) struct Media {
    header_bytes: usize,
    mtu: usize,
    latency: Duration,
    max_bitrate: Option<u64>,
    max_layer: u8,
    fec: Fec,
    estimate: Estimate,
    protector: Protector,
    relax: u32,
    codecs: Codecs,
    pacer: Pacer,
    bucket: Option<Bucket>,
    advice: Advice,
    next_block: u16,
    tracks: Vec<TrackState>,
    wire: Meter,
    datagrams: Meter,
    parity_share: f64,
    source_shards: u64,
    parity_shards: u64,
    units_dropped: u64,
    units_trimmed: u64,
}

struct TrackState {
    id: u8,
    layers: u8,
    is_layered: bool,
    is_video: bool,
    /// The number of the next unit.
    next: u64,
    /// The number after the last acknowledged unit.
    acknowledged: u64,
    /// Media bytes for each byte on the wire, lately.
    efficiency: f64,
    wire: Meter,
    media: Meter,
    layer_media: Vec<Meter>,
    layers_sent: u8,
    layers_acknowledged: u8,
    /// Blocks that go on with the next unit.
    open: Vec<OpenBlock>,
}

/// A block of layers of consecutive units, of which all but the parity has been sent.
struct OpenBlock {
    /// The lowest layer.
    layer: u8,
    number: u16,
    opened: Time,
    units: usize,
    contents: Vec<Bytes>,
}

impl Media {
    pub(super) fn new(config: &SenderConfig, fec: Fec, now: Time) -> Self {
        let mut media = Self {
            header_bytes: config.header_bytes,
            mtu: config.mtu,
            latency: config.latency,
            max_bitrate: None,
            max_layer: fql_unit::MAX_LAYERS - 1,
            fec,
            estimate: Estimate::new(),
            protector: Protector::new(),
            relax: 0,
            codecs: Codecs::default(),
            pacer: Pacer::new(now, START_PACE),
            bucket: None,
            advice: Advice::default(),
            next_block: 0,
            tracks: Vec::new(),
            wire: Meter::default(),
            datagrams: Meter::default(),
            parity_share: 0.0,
            source_shards: 0,
            parity_shards: 0,
            units_dropped: 0,
            units_trimmed: 0,
        };
        media.set_max_bitrate(now, config.max_bitrate);
        media
    }

    pub(super) fn set_tracks(&mut self, tracks: &TrackTable) {
        let mut old = std::mem::take(&mut self.tracks);
        for track in tracks.tracks() {
            let kept = old.iter().position(|state| state.id == track.id).map(|at| old.swap_remove(at));
            let mut state = kept.unwrap_or_else(|| TrackState::new(track.id));
            state.layers = track.layers;
            state.is_layered = !matches!(track.media, Kind::Data(_));
            state.is_video = matches!(track.media, Kind::Video(_));
            state.layer_media.resize_with(track.layers.into(), Meter::default);
            self.tracks.push(state);
        }
        self.advice.clear();
    }

    pub(super) fn set_fec(&mut self, fec: Fec) {
        self.fec = fec;
    }

    pub(super) fn set_max_bitrate(&mut self, now: Time, max_bitrate: Option<u64>) {
        self.max_bitrate = max_bitrate;
        let horizon = self.budget().mul_f64(HORIZON);
        match (&mut self.bucket, max_bitrate) {
            (Some(bucket), Some(bits)) => bucket.set(now, bits, horizon),
            (bucket, bits) => *bucket = bits.map(|bits| Bucket::new(now, bits, horizon)),
        }
        self.set_pace(now);
        self.advice.clear();
    }

    pub(super) fn new_session(&mut self, now: Time, latency: Duration) {
        self.set_latency(now, latency);
        self.estimate.new_session();
        self.pacer.clear();
        for track in &mut self.tracks {
            track.acknowledged = track.next;
            track.open.clear();
        }
    }

    fn set_latency(&mut self, now: Time, latency: Duration) {
        let latency = latency.clamp(crate::MIN_LATENCY, crate::MAX_LATENCY);
        if latency != self.latency {
            self.latency = latency;
            self.set_max_bitrate(now, self.max_bitrate);
        }
    }

    pub(super) fn end_session(&mut self) {
        self.pacer.clear();
        for track in &mut self.tracks {
            track.open.clear();
        }
    }

    /// Queues a unit, or as much of it as fits. Gives its number.
    pub(super) fn push(
        &mut self,
        now: Time,
        track: u8,
        timing: Timing,
        unit: &Unit,
        is_live: bool,
    ) -> Result<u64, Error> {
        let at = self.tracks.iter().position(|state| state.id == track).ok_or(Error::UnknownTrack(track))?;
        let state = &mut self.tracks[at];
        if unit.layers() != state.layers {
            return Err(Error::Layers { track, found: unit.layers(), expected: state.layers });
        }
        if timing.pts > piece::MAX_PTS {
            return Err(Error::Pts(timing.pts));
        }
        let number = state.next;
        state.next += 1;
        if !is_live {
            self.units_dropped += 1;
            return Ok(number);
        }
        let mut header = UnitHeader::of(unit, track, number as u32, timing, unit.coded_layers());
        let sizes = self.sizes(&header, self.units_of_block(at, timing));
        let whole = self.plan_within_share(now, at, unit, sizes);
        self.tracks[at].measure_efficiency(&whole);
        match self.fit(now, at, unit, sizes, whole) {
            Some(plan) => {
                header.coded = plan.cut.layers;
                self.send(now, at, unit, &header, &plan);
            }
            None => self.units_dropped += 1,
        }
        self.set_pace(now);
        Ok(number)
    }

    fn sizes(&self, header: &UnitHeader, units: usize) -> Sizes {
        let mut repeated = Vec::new();
        header.encode(&mut repeated);
        let around = HEADER + TAG + PARITY_OVERHEAD + LENGTH + repeated.len();
        Sizes { room: self.mtu - around, overhead: self.header_bytes + around, units }
    }

    /// How many units share a block. For sound, whose units are small, one for each would cost several times the
    /// sound. A picture's fill blocks of their own; sharing would lose two in a row where it loses any. What has no
    /// regular units cannot wait for the next one.
    fn units_of_block(&self, at: usize, timing: Timing) -> usize {
        let state = &self.tracks[at];
        if state.is_video || !state.is_layered {
            return 1;
        }
        let time = self.budget().mul_f64(JOIN).as_nanos() as u64;
        1 + time.checked_div(timing.duration).unwrap_or(0) as usize
    }

    /// Plans all layers that the receiver wants, with as strong protection as the setting's share of parity allows.
    fn plan_within_share(&mut self, now: Time, at: usize, unit: &Unit, sizes: Sizes) -> Plan {
        let cut = Cut { layers: unit.coded_layers().min(self.max_layer.saturating_add(1)), top: 1.0 };
        let Fec::Adaptive { max_percent } = self.fec else { return self.plan(at, unit, cut, sizes) };
        let losses = self.estimate.losses();
        let datagrams = (self.datagrams.bits_per_second(now) as f64 / 8.0).max(LEAST_DATAGRAMS);
        self.protector.set(losses, datagrams * self.window().as_secs_f64());
        // From one step below the last, as it mostly stays the same.
        self.relax = self.relax.saturating_sub(1);
        loop {
            self.protector.set_relax(self.relax);
            let plan = self.plan(at, unit, cut, sizes);
            let is_within = plan.parity * 100 <= plan.wire() * usize::from(max_percent);
            if is_within || self.relax >= MAX_RELAX {
                return plan;
            }
            self.relax += 1;
        }
    }

    fn plan(&mut self, at: usize, unit: &Unit, cut: Cut, sizes: Sizes) -> Plan {
        let mut setting = self.setting(at);
        Plan::new(unit, cut, sizes, &mut setting)
    }

    /// The protection of a track.
    fn setting(&mut self, at: usize) -> Setting<'_> {
        Setting { is_video: self.tracks[at].is_video, fec: &self.fec, protector: &mut self.protector }
    }

    /// Takes layers off the top until the unit fits under `max_bitrate`; of the last one taken off as much as fits
    /// is put back. `None` where not even layer 0 fits.
    fn fit(&mut self, now: Time, at: usize, unit: &Unit, sizes: Sizes, whole: Plan) -> Option<Plan> {
        let reserve = self.reserve(now, at);
        let Some(bucket) = &mut self.bucket else { return Some(whole) };
        let available = bucket.available(now) - reserve;
        let least = available + bucket.overdraft();
        if whole.wire() as f64 <= available {
            return Some(whole);
        }
        let mut above = whole;
        self.units_trimmed += 1;
        while above.cut.layers > 1 {
            let layers = above.cut.layers - 1;
            let plan = self.plan(at, unit, Cut { layers, top: 1.0 }, sizes);
            if plan.wire() as f64 <= available {
                let left = available - plan.wire() as f64;
                // A little less than the share that is left, because parity comes in steps.
                let top = 0.95 * left / (above.wire() as f64 - plan.wire() as f64).max(1.0);
                let cut = Cut { layers: above.cut.layers, top: top.min(0.95) };
                if top < LEAST_TOP {
                    return Some(plan);
                }
                let cut = self.plan(at, unit, cut, sizes);
                return Some(if cut.wire() as f64 <= available { cut } else { plan });
            }
            above = plan;
        }
        (above.wire() as f64 <= least).then_some(above)
    }

    /// Bytes kept free for tracks that take less than this one, so that video does not crowd out sound.
    fn reserve(&self, now: Time, at: usize) -> f64 {
        let own = self.tracks[at].wire.bits_per_second(now);
        let others = self.tracks.iter().enumerate().filter(|&(other, _)| other != at);
        let rates = others.map(|(_, state)| state.wire.bits_per_second(now)).filter(|&rate| rate < own);
        rates.sum::<u64>() as f64 / 8.0 * self.budget().as_secs_f64() * 0.5
    }

    fn send(&mut self, now: Time, at: usize, unit: &Unit, header: &UnitHeader, plan: &Plan) {
        for group in &plan.groups {
            self.send_group(now, at, header, group);
        }
        if let Some(bucket) = &mut self.bucket {
            bucket.take(plan.wire());
        }
        self.wire.add(now, plan.wire());
        let share = plan.parity as f64 / plan.wire().max(1) as f64;
        self.parity_share += NEWEST * (share - self.parity_share);
        let state = &mut self.tracks[at];
        state.wire.add(now, plan.wire());
        state.media.add(now, plan.media);
        state.layers_sent = plan.cut.layers;
        for (layer, meter) in state.layer_media.iter_mut().enumerate().take(plan.cut.layers.into()) {
            let segments = (0..unit.slices()).filter_map(|slice| unit.segment(layer as u8, slice));
            meter.add(now, segments.map(|segment| segment.data().len()).sum());
        }
    }

    fn send_group(&mut self, now: Time, at: usize, header: &UnitHeader, group: &Group) {
        for shards in &group.blocks {
            let contents: Vec<_> = shards.iter().map(|pieces| piece::encode(header, pieces)).collect();
            self.source_shards += contents.len() as u64;
            if group.units > 1 {
                self.extend_block(now, at, group, contents);
            } else {
                self.send_block(now, at, group.layer, contents);
            }
        }
    }

    /// Sends the shards of a block of one unit.
    fn send_block(&mut self, now: Time, at: usize, layer: u8, contents: Vec<Bytes>) {
        let mut setting = self.setting(at);
        let parity = setting.parity(layer, contents.len()).shards;
        let parity = self.codecs.parity(&contents, parity);
        self.parity_shards += parity.len() as u64;
        let number = (!parity.is_empty()).then(|| {
            self.next_block = self.next_block.wrapping_add(1);
            self.next_block
        });
        let sources = contents.len() as u8;
        let source = |(index, content)| {
            let block = number.map(|number| (number, index as u8));
            Message::Source { block, content }
        };
        let mut messages: Vec<Message> = contents.into_iter().enumerate().map(source).collect();
        messages.extend(parity_messages(number.unwrap_or(0), sources, parity));
        self.spread(now, self.window(), messages);
    }

    /// Adds a unit's shards to the block that is open for its layers.
    fn extend_block(&mut self, now: Time, at: usize, group: &Group, contents: Vec<Bytes>) {
        let find = |open: &Vec<OpenBlock>| open.iter().position(|block| block.layer == group.layer);
        let is_full = |block: &OpenBlock| block.contents.len() + contents.len() > MAX_SOURCES;
        if let Some(found) = find(&self.tracks[at].open)
            && is_full(&self.tracks[at].open[found])
        {
            self.close_block(now, at, found);
        }
        let found = find(&self.tracks[at].open).unwrap_or_else(|| {
            self.next_block = self.next_block.wrapping_add(1);
            let open = &mut self.tracks[at].open;
            let (layer, number) = (group.layer, self.next_block);
            open.push(OpenBlock { layer, number, opened: now, units: 0, contents: Vec::new() });
            open.len() - 1
        });
        let block = &mut self.tracks[at].open[found];
        let first = block.contents.len();
        block.contents.extend(contents.iter().cloned());
        block.units += 1;
        let (number, is_last) = (block.number, block.units >= group.units);
        let source = |(i, content)| Message::Source { block: Some((number, (first + i) as u8)), content };
        self.spread(now, self.window(), contents.into_iter().enumerate().map(source).collect());
        if is_last {
            self.close_block(now, at, found);
        }
    }

    /// Sends the parity of an open block.
    fn close_block(&mut self, now: Time, at: usize, which: usize) {
        let block = self.tracks[at].open.swap_remove(which);
        let mut setting = self.setting(at);
        let parity = setting.parity(block.layer, block.contents.len()).shards;
        let parity = self.codecs.parity(&block.contents, parity);
        self.parity_shards += parity.len() as u64;
        let sources = block.contents.len() as u8;
        let end = block.opened + self.budget().mul_f64(JOINED_PARITY);
        self.spread(now, end - now, parity_messages(block.number, sources, parity));
    }

    /// Closes blocks whose last unit does not come in time.
    fn close_late_blocks(&mut self, now: Time) {
        for at in 0..self.tracks.len() {
            let budget = self.budget();
            let is_late = |block: &OpenBlock| block.closes(budget) <= now;
            while let Some(which) = self.tracks[at].open.iter().position(is_late) {
                self.close_block(now, at, which);
            }
        }
    }

    /// Queues the shards of a block, evenly spaced: the further apart they are, the fewer of them a burst takes.
    fn spread(&mut self, now: Time, window: Duration, messages: Vec<Message>) {
        let gap = window / messages.len().max(1) as u32;
        for (i, message) in messages.into_iter().enumerate() {
            let wire = self.header_bytes + HEADER + TAG + message.len();
            self.datagrams.add(now, 1);
            self.pacer.push(now + gap * i as u32, wire, message);
        }
    }

    /// How long the shards of a unit are spread over.
    fn window(&self) -> Duration {
        self.budget().mul_f64(SPREAD)
    }

    /// The part of the receiver's latency budget that is used for spreading.
    fn budget(&self) -> Duration {
        self.latency.min(MAX_BUDGET)
    }

    fn set_pace(&mut self, now: Time) {
        let rate = match self.max_bitrate {
            Some(bits) => bits as f64 / 8.0,
            None => {
                let lately = self.wire.bits_per_second(now) as f64 / 8.0 * PACE;
                // Never so slow that what waits comes too late.
                let waiting = self.pacer.bytes() as f64 / self.window().as_secs_f64();
                lately.max(waiting).max(START_PACE)
            }
        };
        self.pacer.set_rate(now, rate);
    }

    /// The next message whose time has come.
    pub(super) fn poll(&mut self, now: Time) -> Option<Message> {
        self.close_late_blocks(now);
        self.pacer.pop(now)
    }

    /// Takes a datagram that did not wait out of the rate.
    pub(super) fn spend(&mut self, datagram: usize) {
        self.pacer.spend(datagram + self.header_bytes);
    }

    /// When [`Media::poll`] has something.
    pub(super) fn timeout(&self) -> Option<Time> {
        let open = self.tracks.iter().flat_map(|state| &state.open);
        let closes = open.map(|block| block.closes(self.budget())).min();
        [self.pacer.timeout(), closes].into_iter().flatten().min()
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.pacer.len() > 0 || self.tracks.iter().any(|state| !state.open.is_empty())
    }

    /// Takes what the receiver saw. Gives an event for each unit that it newly speaks of.
    pub(super) fn handle_report(&mut self, now: Time, report: &Report) -> Vec<SenderEvent> {
        let counts = report.counts;
        self.estimate.update(now, [counts.received, counts.lost, counts.bursts]);
        self.max_layer = report.max_layer;
        self.set_latency(now, Duration::from_millis(report.latency));
        report.acks.iter().flat_map(|ack| self.acknowledge(ack)).collect()
    }

    fn acknowledge(&mut self, ack: &Ack) -> Vec<SenderEvent> {
        let Some(state) = self.tracks.iter_mut().find(|state| state.id == ack.track) else {
            return Vec::new();
        };
        let last = nearest(state.next, ack.last.into(), 32);
        if last >= state.next {
            return Vec::new();
        }
        let units = ack
            .layers
            .iter()
            .enumerate()
            .filter_map(|(back, &layers)| Some((last.checked_sub(back as u64)?, layers)));
        let mut new: Vec<_> = units.filter(|&(number, _)| number >= state.acknowledged).collect();
        new.reverse();
        if let Some(&(number, layers)) = new.last() {
            state.acknowledged = number + 1;
            state.layers_acknowledged = layers;
        }
        let track = ack.track;
        new.into_iter().map(|(number, layers)| SenderEvent::Acknowledged { track, number, layers }).collect()
    }

    /// What encoders should know of the rate, if that has changed.
    pub(super) fn poll_rate(&mut self, now: Time) -> Option<SenderEvent> {
        let bits = self.max_bitrate?;
        let has_video = self.tracks.iter().any(|state| state.is_video);
        let shares: Vec<Share> = self.tracks.iter().map(|state| state.share(now, has_video)).collect();
        let (bits_per_second, tracks) = self.advice.update(now, bits, &shares)?;
        Some(SenderEvent::MediaRate { bits_per_second, tracks })
    }

    pub(super) fn fill_stats(&self, now: Time, stats: &mut SenderStats) {
        let losses = self.estimate.losses();
        stats.source_shards = self.source_shards;
        stats.parity_shards = self.parity_shards;
        stats.parity_share = self.parity_share;
        stats.queued = self.pacer.len();
        stats.fec = self.fec.to_string();
        stats.allowed_media_rate = self.advice.current();
        stats.units_dropped = self.units_dropped;
        stats.units_trimmed = self.units_trimmed;
        stats.assumed_loss = losses.rate;
        stats.assumed_burst = losses.burst();
        stats.tracks = self.tracks.iter().map(|state| state.stats(now)).collect();
        stats.media_rate = stats.tracks.iter().map(|track| track.media_rate).sum();
    }
}

fn parity_messages(block: u16, sources: u8, parity: Vec<Bytes>) -> Vec<Message> {
    let message = |(row, bytes)| Message::Parity { block, sources, row: row as u8, bytes };
    parity.into_iter().enumerate().map(message).collect()
}

impl OpenBlock {
    /// When it closes, with or without more units.
    fn closes(&self, budget: Duration) -> Time {
        // Somewhat later than the last unit is expected, which may be a little late.
        self.opened + budget.mul_f64(JOIN * 1.1)
    }
}

/// The protection of a setting.
struct Setting<'a> {
    is_video: bool,
    fec: &'a Fec,
    protector: &'a mut Protector,
}

impl Protection for Setting<'_> {
    fn parity(&mut self, layer: u8, sources: usize) -> Parity {
        match self.fec.fixed_parity(layer, sources) {
            Some(shards) => Parity { shards, suffices: true },
            None => self.protector.parity(layer, sources, self.is_video),
        }
    }

    fn adapts(&self) -> bool {
        matches!(self.fec, Fec::Adaptive { .. })
    }
}

impl TrackState {
    fn new(id: u8) -> Self {
        Self {
            id,
            layers: 1,
            is_layered: false,
            is_video: false,
            next: 0,
            acknowledged: 0,
            efficiency: START_EFFICIENCY,
            wire: Meter::default(),
            media: Meter::default(),
            layer_media: Vec::new(),
            layers_sent: 0,
            layers_acknowledged: 0,
            open: Vec::new(),
        }
    }

    fn measure_efficiency(&mut self, plan: &Plan) {
        let efficiency = plan.media as f64 / plan.wire().max(1) as f64;
        self.efficiency += NEWEST * (efficiency - self.efficiency);
    }

    /// Video adapts to the rate; sound only where there is no video, because it takes little.
    fn share(&self, now: Time, has_video: bool) -> Share {
        let adapts = self.is_video || (self.is_layered && !has_video);
        Share {
            track: self.id,
            fixed: (!adapts).then(|| self.wire.bits_per_second(now)),
            media: self.media.bits_per_second(now),
            efficiency: self.efficiency,
            is_layered: self.is_layered,
        }
    }

    fn stats(&self, now: Time) -> SenderTrackStats {
        SenderTrackStats {
            id: self.id,
            units: self.next,
            media_rate: self.media.bits_per_second(now),
            layer_rates: self.layer_media.iter().map(|meter| meter.bits_per_second(now)).collect(),
            layers_sent: self.layers_sent,
            layers_acknowledged: self.layers_acknowledged,
        }
    }
}
