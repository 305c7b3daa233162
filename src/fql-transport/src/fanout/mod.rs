//! A stream on its way to many viewers: shards are given on the moment they come, in blocks whose parity is computed
//! once, and kept for the viewers that join.

mod block;
mod item;
mod line;
mod rates;
mod ring;
mod units;
mod utc;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use fql_unit::{MAX_LAYERS, Media, Track, TrackTable};

use crate::datagram::{self, HEADER, TAG};
use crate::message::PARITY_OVERHEAD;
use crate::piece::MAX_PTS;
use crate::rs::{LENGTH, MAX_SOURCES};
use crate::{ReceiverEvent, Shard, Time, UtcOffset};
pub(crate) use block::{Block, Part};
use block::{OpenBlock, TrackKind, Workshop};
pub use item::Item;
pub(crate) use item::{Kind, Source, UnitInfo};
use line::Line;
pub(crate) use rates::Rates;
use rates::{Told, TrackRates};
use ring::Ring;
pub use units::{Collected, Units};
use utc::StreamUtc;

/// Publishers spread units over no more than this, however large the latency budget.
const MAX_BUDGET: Duration = Duration::from_millis(400);
/// The share of the latency budget after which nothing more of a unit is to be expected: publishers spread a unit over
/// three quarters of it, and what is rebuilt needs no longer.
const CLOSE: f64 = 0.8;
/// The same for blocks of several units, and the share of the budget that their units last.
const CLOSE_JOINED: f64 = 0.55;
const JOIN: f64 = 0.5;
/// A clock that is off by more than this from where it should be is another one.
const JUMP: Duration = Duration::from_secs(1);
/// Blocks that are open at a time; a stream of eight tracks has a hundred.
const MAX_OPEN: usize = 512;
/// With a longer content there would be no room in a datagram for the block's parity.
pub(crate) const MAX_CONTENT: usize = datagram::MAX - HEADER - TAG - PARITY_OVERHEAD - LENGTH;
/// Items that wait for a caller that does not ask.
const MAX_WAITING: usize = 16_384;

/// How a stream is given to viewers.
#[derive(Debug, Clone)]
pub struct FanoutConfig {
    /// The latency budget of the session that the shards come from: what is missing of a unit is not waited for
    /// longer than that.
    pub latency: Duration,
    /// How much of the stream is kept.
    pub ring: Duration,
    /// The most bytes that are kept.
    pub ring_bytes: usize,
}

impl Default for FanoutConfig {
    /// 120 ms, 50 s, 32 MiB.
    fn default() -> Self {
        Self { latency: Duration::from_millis(120), ring: Duration::from_secs(50), ring_bytes: 32 << 20 }
    }
}

/// Shards in, items for viewers out. Each viewer's [`Viewer`](crate::Viewer) takes every item.
pub struct Fanout {
    config: FanoutConfig,
    tracks: Option<Arc<TrackTable>>,
    paused: bool,
    /// Counts publishing sessions.
    session: u64,
    clock: StreamClock,
    utc: StreamUtc,
    lines: BTreeMap<u8, Line>,
    open: Vec<OpenBlock>,
    next_block: u64,
    workshop: Arc<Workshop>,
    rates: Told,
    ring: Ring,
    out: VecDeque<Item>,
    shards: u64,
    late: u64,
    dropped: u64,
}

/// Carries presentation times on from one publishing session to the next.
#[derive(Default)]
struct StreamClock {
    session: u64,
    offset: i128,
    /// The newest presentation time that was given, and when.
    last: Option<(u64, Time)>,
}

/// What a stream gives to its viewers. Counts are since the stream began.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct FanoutStats {
    /// Publishing sessions so far.
    pub sessions: u64,
    /// Source shards that were given on.
    pub shards: u64,
    /// Those of them that came too late for a block, and so have no parity.
    pub late: u64,
    /// Source shards that were of use to nobody: of unknown tracks, or far too late.
    pub dropped: u64,
    /// Blocks whose parity was computed, counting those twice that were computed twice.
    pub blocks_computed: u64,
    /// Parity rows that were computed.
    pub rows_computed: u64,
    /// Bytes of the ring, with what holding them costs.
    pub ring_bytes: usize,
    /// How much of the stream the ring holds.
    pub ring: Duration,
    /// Units of each track so far.
    pub units: Vec<(u8, u64)>,
    /// Whether the stream is paused.
    pub paused: bool,
}

impl Fanout {
    /// A stream without tracks.
    pub fn new(config: FanoutConfig) -> Self {
        let ring = Ring::new(config.ring, config.ring_bytes);
        Self {
            config,
            tracks: None,
            paused: false,
            session: 0,
            clock: StreamClock::default(),
            utc: StreamUtc::default(),
            lines: BTreeMap::new(),
            open: Vec::new(),
            next_block: 0,
            workshop: Arc::default(),
            rates: Told::default(),
            ring,
            out: VecDeque::new(),
            shards: 0,
            late: 0,
            dropped: 0,
        }
    }

    /// Takes what a [`Receiver`](crate::Receiver) in relay mode says: a new session, the track table, shards, a pause.
    pub fn handle_event(&mut self, now: Time, event: ReceiverEvent) {
        match event {
            ReceiverEvent::Started { .. } => self.start(now),
            ReceiverEvent::Tracks(tracks) => self.set_tracks(now, tracks),
            ReceiverEvent::Shard(shard) => self.push(now, shard),
            ReceiverEvent::Paused(paused) => self.set_paused(now, paused),
            ReceiverEvent::Utc(offsets) => self.set_utc(&offsets),
            ReceiverEvent::Unit { .. } | ReceiverEvent::Ended { .. } | ReceiverEvent::Unauthenticated => {}
        }
    }

    /// A publishing session begins. It may count its units, and its time, anew: for viewers both go on.
    pub fn start(&mut self, now: Time) {
        self.session += 1;
        self.utc.begin();
        while !self.open.is_empty() {
            self.close(now, 0);
        }
    }

    /// Sets the tracks of the stream.
    pub fn set_tracks(&mut self, _now: Time, tracks: TrackTable) {
        if self.tracks.as_deref() != Some(&tracks) {
            let tracks = Arc::new(tracks);
            self.tracks = Some(tracks.clone());
            self.give(Kind::Tracks(tracks));
        }
    }

    /// Tells viewers that the stream is paused, or goes on. Shards are given on all the same; but those who join begin
    /// with what comes after the pause.
    pub fn set_paused(&mut self, _now: Time, paused: bool) {
        if self.paused != paused {
            self.paused = paused;
            self.lines.values_mut().for_each(Line::forget_key);
            self.give(Kind::Paused(paused));
        }
    }

    /// Takes where presentation times of the publishing session lie in UTC.
    fn set_utc(&mut self, offsets: &[(u8, UtcOffset)]) {
        self.utc.set(offsets);
        // Before the first unit of a session nobody knows what viewers' times have to do with its own.
        if self.clock.session == self.session {
            self.give_utc();
        }
    }

    fn give_utc(&mut self) {
        if let Some(offsets) = self.utc.for_viewers(self.clock.offset) {
            self.give(Kind::Utc(offsets));
        }
    }

    /// Changes how much of the stream is kept.
    pub fn set_ring(&mut self, now: Time, length: Duration, bytes: usize) {
        (self.config.ring, self.config.ring_bytes) = (length, bytes);
        self.ring.set(now, length, bytes);
    }

    /// Takes a source shard. Each is taken once: a [`Receiver`](crate::Receiver) in relay mode gives it once.
    pub fn push(&mut self, now: Time, shard: Shard) {
        if self.take(now, shard).is_none() {
            self.dropped += 1;
        }
    }

    fn take(&mut self, now: Time, shard: Shard) -> Option<()> {
        let track = self.tracks.as_ref().map(|tracks| tracks.get(shard.track));
        let media = track.map(|track| track.map(|track| &track.media));
        let kind = TrackKind::of(match media {
            None => None,
            Some(media) => Some(media?),
        });
        let line = self.lines.entry(shard.track).or_default();
        let number = line.number(self.session, shard.number)?;
        if !line.is_useful(now, number) {
            return None;
        }
        let pts = self.clock.map(now, self.session, shard.timing.pts)?;
        let mut flags = shard.flags;
        flags.discont |= line.is_after_break(number);
        let shard = shard.moved(number, pts, flags).filter(|shard| shard.content.len() <= MAX_CONTENT)?;
        // All bytes of an encoded unit lie on one layer; the empty ones below travel with it.
        let layer = if kind.is_encoded { shard.coded.saturating_sub(1) } else { shard.lowest };
        line.meter.add(now, layer, shard.content.len());
        let is_first = line.get(number).is_none();
        if is_first {
            let (track, is_key, rates) = (shard.track, flags.key, self.rates(now));
            let reference_layers = if kind.is_encoded { 0 } else { shard.reference_layers };
            let unit = UnitInfo { track, number, is_key, reference_layers, came: now, rates };
            let line = self.lines.get_mut(&track)?;
            line.meter.begin(unit.reference_layers);
            line.begin(now, Arc::new(unit), self.ring.end());
        }
        let line = self.lines.get_mut(&shard.track)?;
        let unit = line.get(number)?;
        let (info, closed) = (unit.info.clone(), unit.closed);
        let is_late = closed & Part::Layer(layer).bit() != 0;
        if self.utc.is_owed() {
            self.give_utc();
        }
        self.shards += 1;
        self.late += u64::from(is_late);
        let block = (!is_late).then(|| {
            let most = if kind.is_sound { self.units_of_block(shard.timing.duration) } else { 1 };
            self.add_to_block(now, &info, (kind, Part::Layer(layer)), most, &shard)
        });
        let is_of_reference = layer < info.reference_layers && closed & Part::Reference.bit() == 0;
        let together =
            is_of_reference.then(|| self.add_to_block(now, &info, (kind, Part::Reference), 1, &shard));
        let source = Source { unit: info, is_first, layer, block, together, content: shard.content };
        self.give_and_keep(now, Kind::Source(Arc::new(source)));
        self.close_layers(now, shard.track, number, shard.closed);
        Some(())
    }

    /// What the stream takes on the wire.
    fn rates(&mut self, now: Time) -> Arc<Rates> {
        let (tracks, lines) = (&self.tracks, &self.lines);
        self.rates.update(now, &self.workshop, || {
            let tracks = tracks.as_ref().map_or(&[][..], |tracks| tracks.tracks());
            let rates = |track: &Track| {
                Some(TrackRates {
                    kind: TrackKind::of(Some(&track.media)),
                    layers: lines.get(&track.id)?.meter.rates(now),
                    reference: lines.get(&track.id)?.meter.reference(now),
                })
            };
            tracks.iter().filter_map(rates).collect()
        });
        self.rates.rates.clone()
    }

    /// How many units of this duration, in nanoseconds, share a block. For sound, whose units are small, one for each
    /// would cost several times the sound.
    fn units_of_block(&self, duration: u64) -> usize {
        let span = self.budget().mul_f64(JOIN).as_nanos() as u64;
        (1 + span.checked_div(duration).unwrap_or(0)).min(MAX_SOURCES as u64) as usize
    }

    fn budget(&self) -> Duration {
        self.config.latency.min(MAX_BUDGET)
    }

    /// Adds a shard to the block that is open for its layer. Gives the block's number and the shard's index.
    fn add_to_block(
        &mut self,
        now: Time,
        unit: &UnitInfo,
        (kind, part): (TrackKind, Part),
        most: usize,
        shard: &Shard,
    ) -> (u64, u8) {
        let takes = |block: &OpenBlock| {
            let is_near = unit.number.abs_diff(block.units.0) < block.most as u64;
            (block.track, block.part) == (unit.track, part) && is_near
        };
        let mut found = self.open.iter().position(takes);
        if let Some(at) = found.filter(|&at| self.open[at].contents.len() >= MAX_SOURCES) {
            // What follows of the unit begins another one.
            self.give_block(now, at);
            found = None;
        }
        if found.is_none() && self.open.len() >= MAX_OPEN {
            self.close(now, 0);
        }
        let at = found.unwrap_or_else(|| {
            let share = if most > 1 { CLOSE_JOINED } else { CLOSE };
            let block = OpenBlock {
                number: self.next_block,
                track: unit.track,
                part,
                kind,
                units: (unit.number, unit.number),
                came: unit.came,
                deadline: unit.came + self.budget().mul_f64(share),
                complete: 0,
                most,
                contents: Vec::new(),
            };
            self.next_block += 1;
            self.open.push(block);
            self.open.len() - 1
        });
        let block = &mut self.open[at];
        block.units = (block.units.0.min(unit.number), block.units.1.max(unit.number));
        block.contents.push(shard.content.clone());
        (block.number, (block.contents.len() - 1) as u8)
    }

    /// Closes the blocks of layers of which nothing more comes.
    fn close_layers(&mut self, now: Time, track: u8, number: u64, layers: u16) {
        let Some(unit) = self.lines.get_mut(&track).and_then(|line| line.get(number)) else { return };
        let reference = (1u16 << unit.info.reference_layers) - 1;
        let is_reference_there = reference != 0 && (layers | unit.closed) & reference == reference;
        let layers = layers & !Part::Reference.bit();
        let parts = layers | if is_reference_there { Part::Reference.bit() } else { 0 };
        let new = parts & !unit.closed;
        unit.closed |= parts;
        let parts = (0..MAX_LAYERS).map(Part::Layer).chain([Part::Reference]);
        for part in parts.filter(|part| new & part.bit() != 0) {
            let is_its = |block: &OpenBlock| {
                (block.track, block.part) == (track, part)
                    && (block.units.0..=block.units.1).contains(&number)
            };
            let Some(at) = self.open.iter().position(is_its) else { continue };
            self.open[at].complete += 1;
            if self.open[at].complete >= self.open[at].most {
                self.close(now, at);
            }
        }
    }

    /// Closes a block: its parity may follow.
    fn close(&mut self, now: Time, at: usize) {
        let block = &self.open[at];
        if let Some(line) = self.lines.get_mut(&block.track) {
            for number in block.units.0..=block.units.1 {
                if let Some(unit) = line.get(number) {
                    unit.closed |= block.part.bit();
                }
            }
        }
        self.give_block(now, at);
    }

    /// Takes a block from those that are open, and gives it to the viewers.
    fn give_block(&mut self, now: Time, at: usize) {
        let block = self.open.swap_remove(at);
        if let Some(line) = self.lines.get_mut(&block.track) {
            line.meter.add_block(block.part, block.contents.len());
        }
        let block = Arc::new(block.close(&self.workshop));
        self.give_and_keep(now, Kind::Parity(block));
    }

    fn give_and_keep(&mut self, now: Time, kind: Kind) {
        self.ring.push(now, Item { place: self.ring.end(), kind: kind.clone() });
        self.give_at(self.ring.end() - 1, kind);
    }

    fn give(&mut self, kind: Kind) {
        self.give_at(self.ring.end(), kind);
    }

    fn give_at(&mut self, place: u64, kind: Kind) {
        if self.out.len() == MAX_WAITING {
            self.out.pop_front();
        }
        self.out.push_back(Item { place, kind });
    }

    /// The next item for all viewers.
    pub fn poll(&mut self, now: Time) -> Option<Item> {
        while let Some(at) = self.open.iter().position(|block| block.deadline <= now) {
            self.close(now, at);
        }
        self.out.pop_front()
    }

    /// When [`Fanout::poll`] has something, if no shard comes before.
    pub fn poll_timeout(&self) -> Option<Time> {
        if !self.out.is_empty() {
            return Some(Time::ZERO);
        }
        self.open.iter().map(|block| block.deadline).min()
    }

    /// Whether a new viewer begins with a key unit, or there is none yet to begin with.
    pub fn has_key(&self) -> bool {
        let mut videos =
            self.tracks.iter().flat_map(|tracks| tracks.tracks()).filter(|track| track.media.is_video());
        videos.all(|track| match self.lines.get(&track.id) {
            Some(line) => line.key().is_some_and(|place| self.ring.has(place)),
            None => true,
        })
    }

    /// What a new viewer begins with: the tracks, and all since the last key unit, so that the first picture comes at
    /// once. While the stream is paused, only the tracks: what was before is over. Take what [`Fanout::poll`] has for the other viewers first.
    pub fn join(&self, _now: Time) -> Vec<Item> {
        let mut items = vec![Item { place: 0, kind: Kind::Paused(self.paused) }];
        let Some(tracks) = &self.tracks else { return items };
        items.insert(0, Item { place: 0, kind: Kind::Tracks(tracks.clone()) });
        items.extend(self.utc.given().map(|offsets| Item { place: 0, kind: Kind::Utc(offsets) }));
        if self.paused {
            return items;
        }
        let first = |is_wanted: &dyn Fn(&Media) -> bool| {
            let ids = tracks.tracks().iter().filter(|track| is_wanted(&track.media)).map(|track| track.id);
            // Without its key unit what follows shows nothing: a viewer waits less for the next one.
            ids.filter_map(|id| self.lines.get(&id)?.key()).filter(|&place| self.ring.has(place)).min()
        };
        // Data may come rarely: the last of it is no reason to begin with all sound since then.
        let start = first(&Media::is_video).or_else(|| first(&Media::is_audio)).or_else(|| first(&|_| true));
        items.extend(start.into_iter().flat_map(|place| self.ring.since(place)).cloned());
        items
    }

    /// What the stream gave to its viewers.
    pub fn stats(&self, now: Time) -> FanoutStats {
        let (blocks_computed, rows_computed) = self.workshop.counts();
        FanoutStats {
            sessions: self.session,
            shards: self.shards,
            late: self.late,
            dropped: self.dropped,
            blocks_computed,
            rows_computed,
            ring_bytes: self.ring.bytes(),
            ring: self.ring.age(now),
            units: self.lines.iter().map(|(&id, line)| (id, line.units())).collect(),
            paused: self.paused,
        }
    }
}

impl TrackKind {
    fn of(media: Option<&Media>) -> Self {
        Self {
            is_video: media.is_some_and(Media::is_video),
            is_sound: media.is_some_and(Media::is_audio),
            is_encoded: media.is_some_and(Media::is_encoded),
        }
    }
}

impl StreamClock {
    /// The presentation time for viewers of one of a publishing session.
    fn map(&mut self, now: Time, session: u64, pts: u64) -> Option<u64> {
        if self.session != session {
            self.session = session;
            self.carry_on(now, pts);
        }
        let mapped = u64::try_from(i128::from(pts) + self.offset).ok()?;
        if self.last.is_none_or(|(last, _)| mapped >= last) {
            self.last = Some((mapped, now));
        }
        Some(mapped)
    }

    /// Puts the first time of a new session where the old clock would be now, unless that goes on by itself.
    fn carry_on(&mut self, now: Time, pts: u64) {
        let Some((last, then)) = self.last else { return };
        let expected = i128::from(last) + (now - then).as_nanos() as i128;
        if expected > i128::from(MAX_PTS / 2) {
            // A publisher that said nonsense must not leave those after it without times.
            (self.offset, self.last) = (0, None);
            return;
        }
        let is_same = (i128::from(pts) + self.offset).abs_diff(expected) < JUMP.as_nanos();
        if !is_same {
            self.offset = expected - i128::from(pts);
        }
    }
}

#[cfg(test)]
mod tests;
