use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use fql_unit::{MAX_TRACKS, Unit};

use super::table::Table;
use super::{ReceiverConfig, ReceiverEvent};
use crate::Time;
use crate::blocks::Blocks;
use crate::clock::Clock;
use crate::error::Malformed;
use crate::meter::Meter;
use crate::piece;
use crate::reassembly::{Added, Delivered, Reassembly};
use crate::report::{Ack, Counts, MAX_ACKED, MAX_ACKED_TRACKS, Report};
use crate::shard::Shard;
use crate::stats::{ReceiverStats, ReceiverTrackStats};

/// How much the newest unit counts in the mean of layers.
const NEWEST: f64 = 0.05;
/// What a unit costs in the queue of events beside its segments.
const EVENT_COST: usize = 1024;
/// How much longer than the latency budget blocks are remembered: what comes late, and was rebuilt before, is not given on
/// twice by a relay; and a key picture that a viewer begins with may come slowly.
const BLOCK_AGE: Duration = Duration::from_secs(1);
/// Bytes of a report without acknowledgements at most, its datagram's header and tag included, and of one
/// acknowledgement.
const REPORT_BYTES: usize = 180;
const ACK_BYTES: usize = 6 + MAX_ACKED / 2;
/// For so long after its first shard a receiver catches up with a stream.
const CATCH_UP: Duration = Duration::from_secs(5);
/// Reports that say the same bad news: one alone is lost like any other datagram, and where few datagrams go, a burst of
/// losses lasts for as many of them as where many do.
const BAD_NEWS_REPORTS: u8 = 8;

/// Shards in, units out.
pub(super) struct Media {
    decode_time: Duration,
    latency: Duration,
    /// When the first shard came.
    began: Option<Time>,
    max_bytes: usize,
    max_units: usize,
    max_layer: u8,
    clock: Clock,
    blocks: Blocks,
    table: Table,
    tracks: BTreeMap<u8, Track>,
    counts: Counts,
    /// Bytes and number of the units in the queue of events.
    queued: (usize, usize),
    /// How many more reports are to say soon that a unit left without all the layers that others are predicted from.
    bad_news: u8,
    /// The track that the next report speaks of first.
    first_acked: usize,
    /// Whether shards are given on, and not units.
    relay: bool,
}

/// A parity shard as it came.
pub(super) struct Parity {
    pub(super) block: u16,
    pub(super) sources: u8,
    pub(super) row: u8,
    pub(super) ceiling: Option<u8>,
    pub(super) bytes: Bytes,
}

/// How a source shard got here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Came,
    /// It had been rebuilt before it came.
    CameAgain,
    /// It says nothing of how long the way takes.
    Rebuilt,
}

struct Track {
    reassembly: Reassembly,
    /// The number of the last unit that left, and the complete layers of it and those before it.
    last: u64,
    acks: VecDeque<u8>,
    media: Meter,
    /// The same for each layer.
    layers: Vec<Meter>,
    /// Whether the next gap is a pause and no loss.
    forgives: bool,
    stats: ReceiverTrackStats,
}

impl Media {
    pub(super) fn new(config: &ReceiverConfig) -> Self {
        Self {
            relay: config.relay,
            decode_time: config.decode_time.min(config.latency / 2),
            latency: config.latency,
            began: None,
            max_bytes: config.max_bytes,
            max_units: config.max_units.max(1),
            max_layer: config.max_layer,
            clock: Clock::new(config.latency),
            blocks: Blocks::new(config.max_bytes / 4, config.latency + BLOCK_AGE),
            table: Table::default(),
            tracks: BTreeMap::new(),
            counts: Counts::default(),
            queued: (0, 0),
            bad_news: 0,
            first_acked: 0,
        }
    }

    pub(super) fn add_source(
        &mut self,
        now: Time,
        block: Option<(u16, u8)>,
        ceiling: Option<u8>,
        content: Bytes,
        events: &mut VecDeque<ReceiverEvent>,
    ) -> Result<(), Malformed> {
        let Some((block, index)) = block else {
            return self.add_shard(now, &content, ceiling, Way::Came, events);
        };
        let (is_new, rebuilt) = self.blocks.add_source(now, block, index, content.clone());
        let way = if is_new { Way::Came } else { Way::CameAgain };
        self.add_shard(now, &content, ceiling, way, events)?;
        self.add_rebuilt(now, ceiling, &rebuilt, events)
    }

    pub(super) fn add_parity(
        &mut self,
        now: Time,
        parity: Parity,
        events: &mut VecDeque<ReceiverEvent>,
    ) -> Result<(), Malformed> {
        let Parity { block, sources, row, ceiling, bytes } = parity;
        let rebuilt = self.blocks.add_parity(now, block, sources, row, bytes);
        self.add_rebuilt(now, ceiling, &rebuilt, events)
    }

    fn add_rebuilt(
        &mut self,
        now: Time,
        ceiling: Option<u8>,
        rebuilt: &[Bytes],
        events: &mut VecDeque<ReceiverEvent>,
    ) -> Result<(), Malformed> {
        self.counts.recovered += rebuilt.len() as u64;
        rebuilt.iter().try_for_each(|content| self.add_shard(now, content, ceiling, Way::Rebuilt, events))
    }

    /// Takes a source shard.
    fn add_shard(
        &mut self,
        now: Time,
        content: &Bytes,
        ceiling: Option<u8>,
        way: Way,
        events: &mut VecDeque<ReceiverEvent>,
    ) -> Result<(), Malformed> {
        let came = way != Way::Rebuilt;
        let (header, pieces) = piece::parse(content)?;
        let is_foreign = self.table.tracks().is_some_and(|tracks| tracks.get(header.track).is_none());
        if is_foreign || (!self.tracks.contains_key(&header.track) && self.tracks.len() >= MAX_TRACKS) {
            return Err(Malformed);
        }
        let max_layer = self.max_layer;
        let catches_up = now < *self.began.get_or_insert(now) + CATCH_UP
            && self.table.tracks().and_then(|tracks| tracks.get(header.track)).is_some_and(is_encoded_video);
        let track = self.tracks.entry(header.track).or_insert_with(|| Track::new(header.track, max_layer));
        let due = match (track.reassembly.is_new(header.number), came) {
            (true, true) => self.clock.due(now, header.track, header.timing.pts),
            (true, false) => self.clock.due_unmeasured(now, header.track, header.timing.pts),
            // Known, or gone: not used.
            (false, _) => now,
        };
        let number = track.reassembly.expand(header.number);
        let mut shard = (self.relay && way != Way::CameAgain)
            .then(|| Shard::new(&header, number, &pieces, content.clone()));
        let added = track.reassembly.add(header, pieces, due);
        if let Some(ceiling) = ceiling {
            track.reassembly.limit(number, ceiling);
        }
        if catches_up {
            track.reassembly.wait(number, now + self.latency);
        }
        if let Some(shard) = &mut shard {
            shard.closed = track.reassembly.closed_layers(shard.number);
        }
        match added {
            Added::Yes | Added::Needless => {}
            Added::Late => self.counts.late += u64::from(came),
            Added::Misfit => return Err(Malformed),
        }
        if let Some(shard) = shard {
            self.give(ReceiverEvent::Shard(shard), events);
        }
        Ok(())
    }

    /// Queues an event that holds media.
    fn give(&mut self, event: ReceiverEvent, events: &mut VecDeque<ReceiverEvent>) {
        let (bytes, units) = media_of(&event);
        self.queued.0 += bytes;
        self.queued.1 += units;
        events.push_back(event);
        self.bound_events(events);
    }

    pub(super) fn add_table(
        &mut self,
        version: u16,
        part: u8,
        parts: u8,
        bytes: Bytes,
        events: &mut VecDeque<ReceiverEvent>,
    ) -> Result<(), Malformed> {
        if let Some(tracks) = self.table.add(version, part, parts, bytes)? {
            self.tracks.retain(|&id, _| tracks.get(id).is_some());
            events.push_back(ReceiverEvent::Tracks(tracks));
        }
        Ok(())
    }

    /// Delivers units whose time has come, and all that [`Media::deliver_complete`] does.
    pub(super) fn deliver(&mut self, now: Time, events: &mut VecDeque<ReceiverEvent>) {
        self.deliver_until(now, now + self.decode_time, events);
    }

    /// Delivers units that are complete, and the oldest while there are too many.
    pub(super) fn deliver_complete(&mut self, now: Time, events: &mut VecDeque<ReceiverEvent>) {
        self.deliver_until(now, Time::ZERO, events);
    }

    fn deliver_until(&mut self, now: Time, deadline: Time, events: &mut VecDeque<ReceiverEvent>) {
        let ids: Vec<u8> = self.tracks.keys().copied().collect();
        for id in ids {
            while let Some(unit) = self.tracks.get_mut(&id).and_then(|track| track.reassembly.poll(deadline))
            {
                self.deliver_unit(now, id, unit, events);
            }
        }
        while self.is_full()
            && let Some((id, unit)) = self.pop_largest()
        {
            self.deliver_unit(now, id, unit, events);
        }
    }

    fn is_full(&self) -> bool {
        let units: usize = self.tracks.values().map(|track| track.reassembly.units()).sum();
        let bytes: usize = self.tracks.values().map(|track| track.reassembly.bytes()).sum();
        units > self.max_units || bytes > self.max_bytes / 2
    }

    /// The oldest unit of the track that holds most.
    fn pop_largest(&mut self) -> Option<(u8, Delivered)> {
        let (&id, track) = self.tracks.iter_mut().max_by_key(|(_, track)| track.reassembly.bytes())?;
        Some((id, track.reassembly.pop()?))
    }

    /// Delivers everything that is held.
    pub(super) fn flush(&mut self, now: Time, events: &mut VecDeque<ReceiverEvent>) {
        while let Some((id, unit)) = self.pop_largest() {
            self.deliver_unit(now, id, unit, events);
        }
    }

    fn deliver_unit(
        &mut self,
        now: Time,
        id: u8,
        delivered: Delivered,
        events: &mut VecDeque<ReceiverEvent>,
    ) {
        let is_announced = self.table.tracks().is_some_and(|tracks| tracks.get(id).is_some());
        let Some(track) = self.tracks.get_mut(&id) else { return };
        let Delivered { number, timing, due, unit, mut missing, is_complete } = delivered;
        if missing > 0 && std::mem::take(&mut track.forgives) {
            missing = 0;
        }
        self.counts.missing += missing;
        track.stats.units_lost += missing;
        if !is_announced {
            // Before the track table nobody can tell what it is.
            self.counts.missing += 1;
            track.stats.units_lost += 1;
            return;
        }
        let layers = unit.complete_layers_everywhere();
        let wanted = unit.reference_layers().min(self.max_layer.saturating_add(1));
        if layers < wanted || (missing > 0 && wanted > 0) {
            self.bad_news = BAD_NEWS_REPORTS;
        }
        track.record(now, number, missing, &unit, layers, is_complete);
        if is_complete {
            self.counts.complete += 1;
        } else {
            self.counts.partial += 1;
        }
        if !self.relay {
            self.give(ReceiverEvent::Unit { track: id, number, timing, unit, due, lost: missing }, events);
        }
    }

    /// Drops the oldest media that the caller has not asked for.
    fn bound_events(&mut self, events: &mut VecDeque<ReceiverEvent>) {
        while self.queued.0 > self.max_bytes / 4 || self.queued.1 > self.max_units {
            let is_media = |event: &ReceiverEvent| media_of(event).0 > 0;
            let Some(event) = events.iter().position(is_media).and_then(|at| events.remove(at)) else {
                self.queued = (0, 0);
                return;
            };
            self.taken(&event);
        }
    }

    /// The caller has taken an event from the queue.
    pub(super) fn taken(&mut self, event: &ReceiverEvent) {
        let (bytes, units) = media_of(event);
        self.queued.0 = self.queued.0.saturating_sub(bytes);
        self.queued.1 = self.queued.1.saturating_sub(units);
    }

    /// When [`Media::deliver`] has something, whatever comes.
    pub(super) fn timeout(&self) -> Option<Time> {
        let deadlines = self.tracks.values().filter_map(|track| track.reassembly.deadline());
        deadlines.min().map(|time| time - self.decode_time)
    }

    /// Whether no unit is held.
    pub(super) fn is_empty(&self) -> bool {
        self.tracks.values().all(|track| track.reassembly.units() == 0)
    }

    pub(super) fn set_max_layer(&mut self, max_layer: u8) {
        self.max_layer = max_layer;
        for track in self.tracks.values_mut() {
            track.reassembly.set_max_layer(max_layer);
        }
    }

    /// The stream pauses or goes on: the units that nobody sends meanwhile are not lost.
    pub(super) fn forgive_gaps(&mut self) {
        self.tracks.values_mut().for_each(|track| track.forgives = true);
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn table_version(&self) -> Option<u16> {
        self.table.version()
    }

    /// Whether there is something that the sender should hear soon.
    pub(super) fn has_bad_news(&self) -> bool {
        self.bad_news > 0
    }

    /// Adds as many acknowledgements to a report as fit, those tracks first that the last one had no room for.
    pub(super) fn acknowledge(&mut self, report: &mut Report, mtu: usize) {
        self.bad_news = self.bad_news.saturating_sub(1);
        let room = (mtu.saturating_sub(REPORT_BYTES) / ACK_BYTES).min(MAX_ACKED_TRACKS);
        let count = self.tracks.len();
        let tracks = self.tracks.iter().cycle().skip(self.first_acked).take(count.min(room));
        report.acks = tracks
            .filter(|(_, track)| !track.acks.is_empty())
            .map(|(&id, track)| Ack {
                track: id,
                last: track.last as u32,
                layers: track.acks.iter().copied().collect(),
            })
            .collect();
        self.first_acked = (self.first_acked + count.min(room)) % count.max(1);
    }

    pub(super) fn fill_stats(&self, now: Time, stats: &mut ReceiverStats) {
        let held: usize = self.tracks.values().map(|track| track.reassembly.bytes()).sum();
        stats.held_bytes = held + self.blocks.bytes() + self.queued.0;
        stats.tracks = self
            .tracks
            .values()
            .map(|track| ReceiverTrackStats {
                media_rate: track.media.bits_per_second(now),
                layer_rates: track.layers.iter().map(|meter| meter.bits_per_second(now)).collect(),
                ..track.stats.clone()
            })
            .collect();
    }
}

/// Whether a picture of a track is of no use in part, and those that follow it neither. While the sender finds out what
/// the way carries, such a picture comes slowly: as long as some of it comes it is waited for, even when it is late.
fn is_encoded_video(track: &fql_unit::Track) -> bool {
    track.media.is_video() && track.media.is_encoded()
}

impl Track {
    fn new(id: u8, max_layer: u8) -> Self {
        Self {
            reassembly: Reassembly::new(max_layer),
            last: 0,
            acks: VecDeque::new(),
            media: Meter::default(),
            layers: Vec::new(),
            forgives: false,
            stats: ReceiverTrackStats { id, ..ReceiverTrackStats::default() },
        }
    }

    fn record(&mut self, now: Time, number: u64, missing: u64, unit: &Unit, layers: u8, is_complete: bool) {
        self.last = number;
        for _ in 0..missing.min(MAX_ACKED as u64) {
            self.acks.push_front(0);
        }
        self.acks.push_front(layers);
        self.acks.truncate(MAX_ACKED);
        self.media.add(now, unit.payload_len());
        self.layers.resize_with(unit.layers().into(), Meter::default);
        for (layer, meter) in (0..unit.coded_layers()).zip(&mut self.layers) {
            let segments = (0..unit.slices()).filter_map(|slice| unit.segment(layer, slice));
            meter.add(now, segments.map(|segment| segment.data().len()).sum());
        }
        let stats = &mut self.stats;
        if is_complete {
            stats.units_complete += 1;
        } else {
            stats.units_partial += 1;
        }
        stats.last_layers = layers;
        let units = (stats.units_complete + stats.units_partial) as f64;
        stats.mean_layers += (f64::from(layers) - stats.mean_layers) * NEWEST.max(1.0 / units);
        stats.layers[usize::from(layers).min(15)] += 1;
    }
}

/// Bytes of media in an event, with what holding it costs, and how many units it is.
fn media_of(event: &ReceiverEvent) -> (usize, usize) {
    match event {
        ReceiverEvent::Unit { unit, .. } => (unit.payload_len() + EVENT_COST, 1),
        ReceiverEvent::Shard(shard) => (shard.content.len() + EVENT_COST, 0),
        _ => (0, 0),
    }
}
