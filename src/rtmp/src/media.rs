//! From tags of video and sound to a track table and access units.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use fql_unit::TrackTable;

use crate::amf::{self, Value};
use crate::flv::{self, Body, Codec, Part};
use crate::track::{Metadata, TrackState};

/// Tracks of a kind that are taken; more are left out.
const MOST_OF_A_KIND: u8 = 16;
/// How long the first units wait until all tracks that were announced are known.
const LONGEST_WAIT: i64 = 1_000_000_000;
/// How many of them wait at most, and of how many bytes.
const MOST_WAITING: usize = 512;
const MOST_WAITING_BYTES: usize = 16 << 20;
/// Codecs that are not taken, of which is told.
const MOST_TOLD: usize = 8;
/// Tags without anything that is taken before it is an error.
const MOST_IN_VAIN: u32 = 500;

/// One access unit of video, or one frame of sound.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessUnit {
    /// The track, by its id in the track table.
    pub track: u8,
    /// When it is decoded, in nanoseconds on the publisher's clock, without its wrapping around.
    pub dts: i64,
    /// When it is presented, on the same clock.
    pub pts: i64,
    /// Whether the publisher says that a viewer can join here.
    pub key: bool,
    /// Its bytes, framed as the configuration of its track says.
    pub data: Bytes,
}

/// Bytes may be a whole picture: how many there are says enough.
impl std::fmt::Debug for AccessUnit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { track, dts, pts, key, data } = self;
        write!(
            f,
            "AccessUnit {{ track: {track}, dts: {dts}, pts: {pts}, key: {key}, bytes: {} }}",
            data.len()
        )
    }
}

/// What a publisher's media is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    /// The tracks: before the first unit, and whenever they change.
    Tracks(TrackTable),
    /// A unit of one of them.
    Unit(AccessUnit),
    /// Something is left out: what, and why, for a log.
    LeftOut(String),
}

/// Nothing that is sent is taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no track is of a codec that is taken (H.264, H.265, AV1, VP8, VP9, AAC, Opus)")]
pub struct NothingTaken;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Video,
    Audio,
}

/// Reads the tags of one publisher, in order.
#[derive(Default)]
pub struct MediaReader {
    clock: Clock,
    metadata: Metadata,
    tracks: BTreeMap<u8, TrackState>,
    /// What was told last; `None` until the first units may go.
    table: Option<TrackTable>,
    /// Whether the tracks of a kind are known, or known not to be taken.
    knows_video: bool,
    knows_audio: bool,
    waiting: VecDeque<AccessUnit>,
    waiting_bytes: usize,
    told: Vec<String>,
    in_vain: u32,
    ready: VecDeque<Media>,
}

impl MediaReader {
    /// A tag of video. `timestamp` is in milliseconds modulo 2^32.
    ///
    /// # Errors
    /// Where so far nothing was taken of many tags.
    pub fn video(&mut self, timestamp: u32, payload: &Bytes) -> Result<(), NothingTaken> {
        self.tag(Kind::Video, timestamp, flv::video(payload))
    }

    /// A tag of sound.
    ///
    /// # Errors
    /// As [`MediaReader::video`].
    pub fn audio(&mut self, timestamp: u32, payload: &Bytes) -> Result<(), NothingTaken> {
        self.tag(Kind::Audio, timestamp, flv::audio(payload))
    }

    /// Data in AMF0, of which `onMetaData` helps to describe the tracks. What cannot be read is of no account.
    pub fn data(&mut self, payload: &Bytes) {
        let values = amf::read_all(payload).unwrap_or_default();
        let is_metadata =
            |value: &Value| value.as_text().is_some_and(|name| name.eq_ignore_ascii_case("onMetaData"));
        if values.iter().any(is_metadata)
            && let Some(object) = values.iter().find(|value| matches!(value, Value::Object(_)))
        {
            self.metadata = Metadata::of(object);
            // Encoders say it again with other figures: a track is what it was until its configuration changes.
            if self.table.is_none() {
                self.describe_again();
            }
        }
    }

    /// What was read, in order.
    pub fn read(&mut self) -> Option<Media> {
        self.ready.pop_front()
    }

    /// Nothing more comes: what waits goes on.
    pub fn finish(&mut self) {
        if self.table.is_none() {
            self.settle();
        }
    }

    fn tag(&mut self, kind: Kind, timestamp: u32, parts: Option<Vec<Part>>) -> Result<(), NothingTaken> {
        let time = self.clock.at(timestamp);
        let Some(parts) = parts else {
            self.leave_out("a damaged tag".to_owned());
            return self.count_in_vain();
        };
        for part in parts {
            self.part(kind, time, part);
        }
        if self.table.is_none() && self.is_settled() {
            self.settle();
        }
        if self.tracks.values().any(TrackState::is_described) { Ok(()) } else { self.count_in_vain() }
    }

    fn count_in_vain(&mut self) -> Result<(), NothingTaken> {
        let is_nothing_known = self.table.is_none() && self.waiting.is_empty();
        self.in_vain += u32::from(is_nothing_known);
        if is_nothing_known && self.in_vain > MOST_IN_VAIN { Err(NothingTaken) } else { Ok(()) }
    }

    fn part(&mut self, kind: Kind, time: i64, part: Part) {
        if let Codec::Other(name) = part.codec {
            self.know(kind);
            return self.leave_out(format!("a track of {name}"));
        }
        if part.number >= MOST_OF_A_KIND {
            return self.leave_out("tracks beyond the 16th of a kind".to_owned());
        }
        let id = 1 + 2 * part.number + u8::from(kind == Kind::Audio);
        let dts = time.saturating_add(part.nanos.into());
        let track = self.tracks.entry(id).or_insert_with(|| TrackState::new(id, part.codec.clone()));
        let next = match &part.body {
            Body::Config(config) => track.configured(&part.codec, config, &self.metadata),
            Body::Frame { key, data, .. } => track.seen(&part.codec, *key, data, &self.metadata),
        };
        if let Some(next) = next {
            self.change(kind, id, next);
        }
        if let Body::Frame { composition, key, data } = part.body {
            let pts = dts.saturating_add(i64::from(composition) * 1_000_000);
            self.frame(AccessUnit { track: id, dts, pts, key, data });
        }
    }

    fn frame(&mut self, mut unit: AccessUnit) {
        let Some(track) = self.tracks.get(&unit.track).filter(|track| track.is_described()) else {
            return self.leave_out("units before what describes their track".to_owned());
        };
        if unit.data.is_empty() {
            return;
        }
        unit.data = track.access_unit(unit.data);
        if self.table.is_some() {
            return self.ready.push_back(Media::Unit(unit));
        }
        self.waiting_bytes += unit.data.len();
        self.waiting.push_back(unit);
    }

    fn know(&mut self, kind: Kind) {
        match kind {
            Kind::Video => self.knows_video = true,
            Kind::Audio => self.knows_audio = true,
        }
    }

    /// Whether no more tracks are waited for.
    fn is_settled(&self) -> bool {
        let is_known = (self.knows_video || self.metadata.is_without_video())
            && (self.knows_audio || self.metadata.is_without_audio())
            && self.tracks.values().any(TrackState::is_described);
        let (first, last) = (self.waiting.front(), self.waiting.back());
        let waited =
            first.zip(last).map_or(0, |(first, last)| last.dts.saturating_sub(first.dts).saturating_abs());
        is_known && !self.waiting.is_empty()
            || waited >= LONGEST_WAIT
            || self.waiting.len() >= MOST_WAITING
            || self.waiting_bytes >= MOST_WAITING_BYTES
    }

    fn settle(&mut self) {
        if !self.tracks.values().any(TrackState::is_described) {
            return;
        }
        self.table = Some(TrackTable::default());
        self.tell_tracks();
        self.ready.extend(self.waiting.drain(..).map(Media::Unit));
        self.waiting_bytes = 0;
    }

    /// The track is another. Units that wait are of what it was.
    fn change(&mut self, kind: Kind, id: u8, next: TrackState) {
        let was_described = self.tracks.get(&id).is_some_and(TrackState::is_described);
        if was_described && !self.waiting.is_empty() {
            self.settle();
        }
        if next.is_described() {
            self.know(kind);
        }
        self.tracks.insert(id, next);
        self.tell_tracks();
    }

    fn describe_again(&mut self) {
        for track in self.tracks.values_mut() {
            *track = track.clone().described_by(&self.metadata);
        }
    }

    /// Tells the tracks where they are others than before.
    fn tell_tracks(&mut self) {
        let Some(told) = &self.table else { return };
        let tracks = self.tracks.values().filter_map(TrackState::described).cloned().collect();
        match TrackTable::new(tracks) {
            Ok(table) if table == *told => {}
            Ok(table) => {
                self.table = Some(table.clone());
                self.ready.push_back(Media::Tracks(table));
            }
            Err(error) => self.leave_out(format!("the change of tracks: {error}")),
        }
    }

    fn leave_out(&mut self, what: String) {
        if self.told.len() < MOST_TOLD && !self.told.contains(&what) {
            self.told.push(what.clone());
            self.ready.push_back(Media::LeftOut(what));
        }
    }
}

/// Milliseconds that do not wrap around.
#[derive(Default)]
struct Clock {
    last: Option<(u32, i64)>,
}

impl Clock {
    /// In nanoseconds.
    fn at(&mut self, timestamp: u32) -> i64 {
        let now = match self.last {
            None => timestamp.into(),
            Some((last, now)) => now + i64::from(timestamp.wrapping_sub(last) as i32),
        };
        self.last = Some((timestamp, now));
        now.saturating_mul(1_000_000)
    }
}
