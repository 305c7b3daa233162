use std::collections::BTreeMap;
use std::time::Duration;

use fql_unit::{Timing, TrackTable, Unit};

use super::rate::{Advice, Bucket, Share};
use super::safety::{Claim, Safety};
use super::shards::{Origin, Shards};
use super::track::TrackState;
use super::{SenderConfig, SenderEvent};
use crate::clock::Clock;
use crate::datagram::{HEADER, TAG};
use crate::message::{Message, PARITY_OVERHEAD};
use crate::meter::Meter;
use crate::piece::{self, UnitHeader};
use crate::plan::{Cut, Plan, Sizes};
use crate::report::Report;
use crate::rs::LENGTH;
use crate::session::Load;
use crate::stats::SenderStats;
use crate::{Error, Fec, Time};

/// The share of the latency budget within which all of a unit is on the wire.
const HORIZON: f64 = 0.85;
/// The share of that time whose rate one unit may have: parity comes in steps, and something may still wait.
const BURST: f64 = 0.9;
/// The share of what fits in that time that goes on waiting where more than fits does.
const KEPT: f64 = 0.4;
/// A highest layer of which no more than this would fit is left out.
const LEAST_TOP: f64 = 0.2;
/// What is put back of a highest layer is a little less than what is left, because parity comes in steps.
const STEPS: f64 = 0.95;
/// Without `max_bitrate` the rate on the wire stays within this multiple of the rate lately.
const PACE: f64 = 1.25;
/// Bytes of the longest presentation time.
const LONGEST_PTS: usize = 9;
/// How much the newest unit counts in the mean share of parity.
const NEWEST: f64 = 0.15;
/// Datagrams in the time that a block is spread over that are reckoned with at least when bursts are.
const LEAST_SPREAD: f64 = 4.0;

/// How far the targets of one unit's protection are relaxed, so that all layers fit that later ones are predicted from: to
/// one in sixteen.
const MAX_SQUEEZE: u32 = 5;

/// The bytes on the wire that a unit may have, and those that its layer 0 may.
#[derive(Debug, Clone, Copy)]
struct Room {
    bytes: f64,
    least: f64,
}

impl Room {
    fn takes(self, plan: &Plan) -> bool {
        plan.wire() as f64 <= self.bytes
    }
}

/// Turns units into shards: as much of each as fits, protected as the losses need it.
pub(super) struct Media {
    header_bytes: usize,
    mtu: usize,
    /// Whether the receiver is a server, which gives shards on with times of its own.
    is_given_on: bool,
    latency: Duration,
    max_bitrate: Option<u64>,
    /// Bits a second that congestion control gives, where there is one.
    allowed: Option<u64>,
    /// The highest layer that the receiver wants.
    max_layer: u8,
    pub(super) safety: Safety,
    shards: Shards,
    pub(super) bucket: Option<Bucket>,
    advice: Advice,
    pub(super) tracks: Vec<TrackState>,
    /// The number of the next unit of tracks that are not in the table any more.
    gone: BTreeMap<u8, u64>,
    /// Tells which units come late, as the receiver will see it.
    clock: Clock,
    wire: Meter,
    parity_share: f64,
    units_dropped: u64,
    pub(super) units_trimmed: u64,
}

impl Media {
    pub(super) fn new(config: &SenderConfig, fec: Fec, now: Time) -> Self {
        let mut media = Self {
            header_bytes: config.header_bytes,
            mtu: config.mtu,
            is_given_on: config.key_id.is_some(),
            latency: Duration::ZERO,
            max_bitrate: config.max_bitrate,
            allowed: None,
            max_layer: fql_unit::MAX_LAYERS - 1,
            safety: Safety::new(fec),
            shards: Shards::new(now, config.header_bytes),
            bucket: None,
            advice: Advice::default(),
            tracks: Vec::new(),
            gone: BTreeMap::new(),
            clock: Clock::new(config.latency),
            wire: Meter::default(),
            parity_share: 0.0,
            units_dropped: 0,
            units_trimmed: 0,
        };
        media.set_latency(now, config.latency);
        media
    }

    pub(super) fn set_tracks(&mut self, tracks: &TrackTable) {
        let mut old = std::mem::take(&mut self.tracks);
        for track in tracks.tracks() {
            let kept = old.iter().position(|state| state.id == track.id).map(|at| old.swap_remove(at));
            let next = self.gone.remove(&track.id).unwrap_or(0);
            let mut state = kept.unwrap_or_else(|| TrackState::new(track.id, next));
            state.describe(track);
            self.tracks.push(state);
        }
        // A track that returns goes on counting: a receiver that never saw the table without it would take units
        // that count from 0 again for late ones.
        self.gone.extend(old.iter().map(|state| (state.id, state.next)));
        self.advice.clear();
    }

    pub(super) fn set_fec(&mut self, fec: Fec) {
        self.safety.set_fec(fec);
    }

    pub(super) fn set_max_bitrate(&mut self, now: Time, max_bitrate: Option<u64>) {
        self.max_bitrate = max_bitrate;
        self.apply_bound(now);
        self.advice.clear();
    }

    /// Sets the bits a second on the wire that congestion control gives; `None` where there is none.
    pub(super) fn set_allowed(&mut self, now: Time, allowed: Option<u64>) {
        if self.allowed != allowed {
            self.allowed = allowed;
            self.apply_bound(now);
        }
    }

    /// The most bits a second on the wire now.
    fn bound(&self) -> Option<u64> {
        self.max_bitrate.into_iter().chain(self.allowed).min()
    }

    fn apply_bound(&mut self, now: Time) {
        let horizon = self.shards.budget().mul_f64(HORIZON);
        let bound = self.bound();
        match (&mut self.bucket, bound) {
            (Some(bucket), Some(bits)) => bucket.set(now, bits, horizon),
            (bucket, bits) => *bucket = bits.map(|bits| Bucket::new(now, bits, horizon)),
        }
        self.shed();
        self.set_pace(now);
    }

    /// Where the rate fell so far that what waits would come too late, the higher layers of it are given up: the
    /// lowest ones, and units that follow, must not wait for them.
    fn shed(&mut self) {
        let Some(bucket) = &mut self.bucket else { return };
        if self.shards.waiting_bytes() as f64 > bucket.depth() {
            self.shards.shed((bucket.depth() * KEPT) as usize);
            bucket.settle(self.shards.waiting_bytes());
        }
    }

    fn set_latency(&mut self, now: Time, latency: Duration) {
        let latency = latency.clamp(crate::MIN_LATENCY, crate::MAX_LATENCY);
        if latency != self.latency {
            self.latency = latency;
            self.shards.set_latency(latency);
            self.clock = Clock::new(latency);
            self.apply_bound(now);
            self.advice.clear();
        }
    }

    fn set_pace(&mut self, now: Time) {
        let lately = self.wire.bits_per_second(now) as f64 / 8.0 * PACE;
        self.shards.set_pace(now, self.bound().map(|bits| bits as f64 / 8.0), lately);
    }

    pub(super) fn new_session(&mut self, now: Time, latency: Duration) {
        self.set_latency(now, latency);
        self.clock = Clock::new(self.latency);
        self.safety.new_session();
        self.shards.clear();
        self.tracks.iter_mut().for_each(TrackState::new_session);
    }

    pub(super) fn end_session(&mut self) {
        self.shards.clear();
    }

    /// Queues a unit, or as much of it as fits. Gives its number; and how many layers of it are sent, where these are
    /// fewer than later ones are predicted from, and than the receiver wants.
    pub(super) fn push(
        &mut self,
        now: Time,
        track: u8,
        timing: Timing,
        unit: &Unit,
        is_live: bool,
    ) -> Result<(u64, Option<u8>), Error> {
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
            return Ok((number, None));
        }
        let layers = unit.coded_layers().min(self.max_layer.saturating_add(1));
        let header = UnitHeader::of(unit, track, number as u32, timing, layers);
        let plan = self.plan(now, at, unit, &header);
        match &plan {
            Some(plan) => self.send(now, at, unit, &UnitHeader { coded: plan.cut.layers, ..header }, plan),
            None => self.units_dropped += 1,
        }
        self.set_pace(now);
        let whole = plan.map_or(0, |plan| plan.cut.whole_layers());
        let is_short = whole < unit.reference_layers().min(layers);
        Ok((number, is_short.then_some(whole)))
    }

    /// Plans a unit with as much of it as fits; `None` where nothing does.
    fn plan(&mut self, now: Time, at: usize, unit: &Unit, header: &UnitHeader) -> Option<Plan> {
        let lies_on = self.tracks[at].is_encoded.then(|| unit.coded_layers().saturating_sub(1));
        let units = self.units_of_block(at, header.timing);
        let sizes = Sizes { lies_on, ..self.sizes(header, units) };
        let datagrams = self.shards.datagrams_in_window(now).max(LEAST_SPREAD);
        self.safety.set_spread(datagrams, self.shards.units_in_window(header.timing.duration));
        let state = &mut self.tracks[at];
        state.claim.reference_layers = unit.reference_layers();
        state.claim.squeeze = 0;
        let cut = Cut { layers: header.coded, top: 1.0 };
        let whole = self.safety.plan_within_share(&mut state.claim, unit, cut, sizes);
        state.measure_efficiency(&whole);
        if state.is_encoded {
            return self.fit_whole(now, at, unit, sizes, whole);
        }
        let plan = self.fit(now, at, unit, sizes, whole);
        self.units_trimmed += u64::from(plan.as_ref().is_none_or(|plan| plan.cut != cut));
        plan
    }

    fn sizes(&self, header: &UnitHeader, units: usize) -> Sizes {
        let mut repeated = Vec::new();
        header.encode(&mut repeated);
        if self.is_given_on {
            repeated.resize(repeated.len() + LONGEST_PTS - piece::varint_len(header.timing.pts), 0);
        }
        let around = HEADER + TAG + PARITY_OVERHEAD + LENGTH + repeated.len();
        Sizes { room: self.mtu - around, overhead: self.header_bytes + around, units, lies_on: None }
    }

    /// How many units share a block. For sound, whose units are small, one for each would cost several times the
    /// sound. A picture's fill blocks of their own; sharing would lose two in a row where it loses any. What has no
    /// regular units cannot wait for the next one.
    fn units_of_block(&self, at: usize, timing: Timing) -> usize {
        let state = &self.tracks[at];
        if state.is_layered && !state.claim.is_video {
            self.shards.units_of_block(timing.duration)
        } else {
            1
        }
    }

    /// Takes layers off the top until the unit fits under `max_bitrate`; of the last one taken off as much as fits
    /// is put back. Those that later units are predicted from go last: before them, part of their protection goes. `None`
    /// where not even layer 0 fits.
    fn fit(&mut self, now: Time, at: usize, unit: &Unit, sizes: Sizes, whole: Plan) -> Option<Plan> {
        let Some(room) = self.room(now, at) else { return Some(whole) };
        if room.takes(&whole) {
            return Some(whole);
        }
        let mut above = whole;
        while above.cut.layers > 1 {
            if above.cut.layers <= unit.reference_layers()
                && let Some(plan) = self.squeeze(at, unit, above.cut, sizes, room)
            {
                return Some(plan);
            }
            let cut = Cut { layers: above.cut.layers - 1, top: 1.0 };
            let claim = self.tracks[at].claim;
            let plan = self.safety.plan(claim, unit, cut, sizes);
            if !room.takes(&plan) {
                above = plan;
                continue;
            }
            let (own, left) = (above.wire() as f64 - plan.wire() as f64, room.bytes - plan.wire() as f64);
            let top = (left / own.max(1.0)).min(1.0) * STEPS;
            if top < LEAST_TOP {
                return Some(plan);
            }
            let more = self.safety.plan(claim, unit, Cut { top, ..above.cut }, sizes);
            return Some(if room.takes(&more) { more } else { plan });
        }
        (above.wire() as f64 <= room.least).then_some(above)
    }

    /// What a unit of a track may have; `None` where nothing bounds it.
    fn room(&mut self, now: Time, at: usize) -> Option<Room> {
        let reserve = self.reserve(now, at);
        let runs_ahead = self.tracks.iter().any(|state| state.claim.is_predicted);
        let bucket = self.bucket.as_mut()?;
        let mut bytes = bucket.available(now) - reserve;
        if runs_ahead {
            // What encoded pictures took ahead of the rate is not for others to make up for.
            bytes = bytes.max(bucket.overdraft());
        }
        Some(Room { bytes, least: bytes + bucket.overdraft() })
    }

    /// The same layers with less protection, as little less as makes them fit. A unit that may lack something is better
    /// than one that does. `None` where too little would be left.
    fn squeeze(&mut self, at: usize, unit: &Unit, cut: Cut, sizes: Sizes, room: Room) -> Option<Plan> {
        if !self.safety.adapts() {
            return None;
        }
        let before = self.tracks[at].claim;
        let plan = (1..=MAX_SQUEEZE).find_map(|squeeze| {
            let claim = Claim { squeeze, ..before };
            let plan = self.safety.plan(claim, unit, cut, sizes);
            room.takes(&plan).then_some((claim, plan))
        });
        let (claim, plan) = plan?;
        self.tracks[at].claim = claim;
        Some(plan)
    }

    /// Bytes kept free for tracks that take less than this one, so that video does not crowd out sound.
    pub(super) fn reserve(&self, now: Time, at: usize) -> f64 {
        let own = self.tracks[at].wire_rate(now);
        let others = self.tracks.iter().enumerate().filter(|&(other, _)| other != at);
        let rates = others.map(|(_, state)| state.wire_rate(now)).filter(|&rate| rate < own);
        rates.sum::<u64>() as f64 / 8.0 * self.shards.budget().as_secs_f64() / 2.0
    }

    fn send(&mut self, now: Time, at: usize, unit: &Unit, header: &UnitHeader, plan: &Plan) {
        let began = now - self.clock.lag(now, header.track, header.timing.pts);
        let origin = Origin { track: header.track, claim: self.tracks[at].claim, began };
        for group in &plan.groups {
            self.shards.send(now, origin, header, group, &mut self.safety);
        }
        if let Some(bucket) = &mut self.bucket {
            bucket.reserve(plan.wire());
        }
        self.charge();
        self.wire.add(now, plan.wire());
        let share = plan.parity as f64 / plan.wire().max(1) as f64;
        self.parity_share += NEWEST * (share - self.parity_share);
        self.tracks[at].record(now, unit, plan);
    }

    /// Holds what was really queued against what plans reckoned: the parity of a block that many units share is only
    /// known when it closes, and what a plan reckons too little would add up in the queue for as long as the session
    /// lasts.
    fn charge(&mut self) {
        let bytes = self.shards.take_queued();
        if let Some(bucket) = &mut self.bucket {
            bucket.take(bytes);
        }
    }

    /// Takes note that a unit was told of before the receiver speaks of it.
    pub(super) fn told(&mut self, track: u8, number: u64) {
        if let Some(state) = self.tracks.iter_mut().find(|state| state.id == track) {
            state.told(number);
        }
    }

    /// Takes what the receiver saw. Gives an event for each unit that it newly speaks of.
    pub(super) fn handle_report(&mut self, now: Time, report: &Report) -> Vec<SenderEvent> {
        self.safety.handle_counts(now, &report.counts);
        self.max_layer = report.max_layer;
        self.set_latency(now, Duration::from_millis(report.latency));
        let mut events = Vec::new();
        for ack in &report.acks {
            let state = self.tracks.iter_mut().find(|state| state.id == ack.track);
            events.extend(state.into_iter().flat_map(|state| state.acknowledge(ack, report.max_layer)));
        }
        events
    }

    /// What encoders should know of the rate, if that has changed.
    pub(super) fn poll_rate(&mut self, now: Time) -> Option<SenderEvent> {
        let bits = self.bound()?;
        let has_video = self.tracks.iter().any(|state| state.claim.is_video);
        let shares: Vec<Share> = self.tracks.iter().map(|state| state.share(now, has_video)).collect();
        let (bits_per_second, tracks) = self.advice.update(now, bits, &shares)?;
        let burst = self.shards.budget().mul_f64(HORIZON * BURST);
        Some(SenderEvent::MediaRate { bits_per_second, tracks, burst })
    }

    pub(super) fn fill_stats(&self, now: Time, stats: &mut SenderStats) {
        let losses = self.safety.losses();
        (stats.source_shards, stats.parity_shards) = self.shards.counts();
        stats.parity_share = self.parity_share;
        stats.queued = self.shards.waiting();
        stats.fec = self.safety.fec().to_string();
        stats.allowed_rate = self.bound();
        stats.allowed_media_rate = self.advice.current();
        stats.units_dropped = self.units_dropped;
        stats.units_trimmed = self.units_trimmed;
        stats.assumed_loss = losses.rate;
        stats.assumed_burst = losses.burst();
        stats.tracks = self.tracks.iter().map(|state| state.stats(now)).collect();
        stats.media_rate = stats.tracks.iter().map(|track| track.media_rate).sum();
    }
}

impl Load for Media {
    fn poll(&mut self, now: Time) -> Option<Message> {
        let message = self.shards.poll(now, &mut self.safety);
        self.charge();
        message
    }

    fn timeout(&self) -> Option<Time> {
        self.shards.timeout()
    }

    fn is_waiting(&self) -> bool {
        !self.shards.is_empty()
    }

    fn spend(&mut self, datagram: usize) {
        self.shards.spend(datagram);
        self.charge();
    }
}
