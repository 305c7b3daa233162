//! A publication on the thread that owns its stream: its access units become units, and these the shards of the fan-out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use fql_transport::{EndReason, Fanout, ReceiverEvent, ReceiverStats, ReceiverTrackStats, Time};
use fql_unit::encoded::{AccessUnit, Framing, Importance, Judge, Judgement};
use fql_unit::{Media, Segment, Timing, Track, TrackTable, Unit};
use tokio::sync::{Notify, oneshot, watch};

use super::publication::{Ended, Origin, Refused, SourceUnit, cost_of};
use super::timeline::{Placed, Timeline};
use crate::service::Entry;

/// Rates are means over at least this time.
const SPAN: Duration = Duration::from_secs(1);
/// How often a publisher is asked for a key unit.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// What a publication tells the thread that owns its stream, with its number.
pub enum FromFeed {
    /// It wants to begin, and hears whether it may.
    Begin(Arc<Entry>, NewFeed, oneshot::Sender<Result<(), Refused>>),
    /// Its tracks.
    Tracks(u64, TrackTable),
    /// A unit of a track.
    Unit(u64, SourceUnit),
    /// What a session of FQL brought.
    Relay(u64, ReceiverEvent),
    /// Its publisher has ended it.
    End(u64),
    /// Its publisher is gone, and may come back.
    Gone(u64),
}

/// A publication that begins.
pub struct NewFeed {
    /// A number that no other one of this run has.
    pub id: u64,
    /// Who publishes.
    pub origin: Origin,
    /// Tells it why it is over.
    pub end: watch::Sender<Option<Ended>>,
    /// Its bytes that wait for this thread.
    pub waiting: Arc<AtomicUsize>,
    /// Says that somebody waits for a key unit.
    pub key_wanted: Arc<Notify>,
}

/// A publication that is under way.
pub struct Feed {
    new: NewFeed,
    heard: Time,
    /// When it was asked for a key unit last.
    asked: Option<Time>,
    lines: BTreeMap<u8, Line>,
    rate: Meter,
}

/// The units of one track.
struct Line {
    track: Track,
    judge: Option<Judge>,
    /// How many units came that others need, modulo 256.
    references: u8,
    number: u64,
    rate: Meter,
    stats: ReceiverTrackStats,
}

impl Feed {
    /// Begins a publishing session of the stream.
    pub fn begin(now: Time, new: NewFeed, fanout: &mut Fanout) -> Self {
        fanout.handle_event(now, ReceiverEvent::Started { one_way: false });
        Self { new, heard: now, asked: None, lines: BTreeMap::new(), rate: Meter::default() }
    }

    /// Which publication it is.
    pub fn id(&self) -> u64 {
        self.new.id
    }

    /// Who publishes.
    pub fn origin(&self) -> Origin {
        self.new.origin
    }

    /// When something came of it last.
    pub fn heard(&self) -> Time {
        self.heard
    }

    /// Somebody waits for a key unit. Where the protocol has a way to ask for one, the publisher hears of it, now and then.
    pub fn ask_for_key(&mut self, now: Time) {
        if self.asked.is_none_or(|asked| now >= asked + ASK_EVERY) {
            self.asked = Some(now);
            self.new.key_wanted.notify_one();
        }
    }

    /// Tells the publisher why it is over.
    pub fn end(self, reason: EndReason) {
        self.new.end.send_replace(Some(Ended::of(reason)));
    }

    /// Takes the tracks. Those that stay go on.
    pub fn set_tracks(&mut self, now: Time, tracks: TrackTable, fanout: &mut Fanout) {
        self.heard = now;
        let mut before = std::mem::take(&mut self.lines);
        for track in tracks.tracks() {
            let line = before.remove(&track.id);
            self.lines.insert(track.id, Line::following(line, track));
        }
        fanout.handle_event(now, ReceiverEvent::Tracks(tracks));
    }

    /// Takes a unit. While the stream is paused it goes nowhere.
    pub fn push(
        &mut self,
        now: Time,
        unit: SourceUnit,
        is_paused: bool,
        timeline: &mut Timeline,
        fanout: &mut Fanout,
    ) {
        self.heard = now;
        self.new.waiting.fetch_sub(unit.cost(), Ordering::Relaxed);
        self.rate.add(now, unit.data.len());
        let Some(line) = self.lines.get_mut(&unit.track) else { return };
        let placed = timeline.place(now, unit.track, unit.dts, unit.pts);
        if is_paused || unit.data.is_empty() {
            return;
        }
        let timing = Timing { pts: placed.dts, duration: unit.duration };
        line.stats.units_complete += 1;
        line.rate.add(now, unit.data.len());
        let Some(made) = line.unit(unit.data, unit.key, placed) else { return };
        let number = line.number;
        line.number += 1;
        let Ok(shards) = fql_transport::shards(&line.track, number, timing, &made) else { return };
        for shard in shards {
            fanout.handle_event(now, ReceiverEvent::Shard(shard));
        }
    }

    /// Takes what a session of FQL brought. While the stream is paused media goes nowhere.
    pub fn relay(&mut self, now: Time, event: ReceiverEvent, is_paused: bool, fanout: &mut Fanout) {
        self.heard = now;
        let ReceiverEvent::Shard(shard) = &event else {
            if let ReceiverEvent::Tracks(tracks) = event {
                return self.set_tracks(now, tracks, fanout);
            }
            return fanout.handle_event(now, event);
        };
        self.new.waiting.fetch_sub(cost_of(shard), Ordering::Relaxed);
        self.rate.add(now, shard.content.len());
        if let Some(line) = self.lines.get_mut(&shard.track) {
            line.rate.add(now, shard.content.len());
            // Of a unit there are many shards.
            if line.number != shard.number || line.stats.units_complete == 0 {
                line.stats.units_complete += 1;
            }
            line.number = shard.number;
        }
        if !is_paused {
            fanout.handle_event(now, event);
        }
    }

    /// What came of it, as of a session.
    pub fn stats(&self, now: Time) -> ReceiverStats {
        let mut stats = ReceiverStats::default();
        stats.delivered_rate = self.rate.bits_per_second(now);
        stats.tracks = self.lines.values().map(|line| line.stats(now)).collect();
        stats
    }
}

impl Line {
    /// The line of this track after one that has the same id.
    fn following(before: Option<Self>, track: &Track) -> Self {
        let judge = match &track.media {
            Media::EncodedVideo(info) => {
                Some(Judge::new(info.codec, Framing::of_config(info.codec, &info.config)))
            }
            _ => None,
        };
        match before {
            Some(line) if line.track == *track => line,
            // A decoder that is set up anew begins with a key unit; but counting goes on.
            Some(line) => Self { track: track.clone(), judge, ..line },
            None => {
                let mut stats = ReceiverTrackStats::default();
                stats.id = track.id;
                let (references, number, rate) = (0, 0, Meter::default());
                Self { track: track.clone(), judge, references, number, rate, stats }
            }
        }
    }

    /// The unit of an access unit, or of data.
    fn unit(&mut self, data: Bytes, is_key: bool, placed: Placed) -> Option<Unit> {
        if !self.track.media.is_encoded() {
            let mut unit = Unit::new(self.track.layers, 1, b"").ok()?;
            unit.flags.key = true;
            unit.flags.discont = placed.jumped;
            unit.set(0, 0, Segment::complete(data));
            return Some(unit);
        }
        let judgement = match &mut self.judge {
            Some(judge) => judge.judge(&data).unwrap_or(Judgement {
                importance: if is_key { Importance::Key } else { Importance::Reference },
                key: is_key,
            }),
            None => Judgement { importance: Importance::Key, key: true },
        };
        let references = self.references;
        if judgement.importance < Importance::Disposable {
            self.references = references.wrapping_add(1);
        }
        let composition = self.judge.is_some().then_some(placed.composition);
        let Judgement { importance, key } = judgement;
        let unit = AccessUnit { data, importance, key, discont: placed.jumped, references, composition };
        unit.into_unit(self.track.layers).ok()
    }

    fn stats(&self, now: Time) -> ReceiverTrackStats {
        let media_rate = self.rate.bits_per_second(now);
        let mut stats = self.stats.clone();
        stats.media_rate = media_rate;
        stats
    }
}

/// Bits a second, lately.
#[derive(Debug, Default)]
struct Meter {
    began: Time,
    bytes: usize,
    /// The rate of the span before.
    rate: u64,
}

impl Meter {
    fn add(&mut self, now: Time, bytes: usize) {
        let span = now - self.began;
        if span >= SPAN {
            self.rate = (self.bytes as f64 * 8.0 / span.as_secs_f64()) as u64;
            (self.began, self.bytes) = (now, 0);
        }
        self.bytes += bytes;
    }

    fn bits_per_second(&self, now: Time) -> u64 {
        let span = now - self.began;
        if span >= SPAN { (self.bytes as f64 * 8.0 / span.as_secs_f64()) as u64 } else { self.rate }
    }
}
