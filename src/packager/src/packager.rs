//! Where the tracks of a stream meet: one timeline, and segments that begin together.

use bytes::Bytes;
use fql_unit::{Media, TrackTable};

use crate::codec::{Configuration, frame_length};
use crate::fmp4::{self, Sample};
use crate::rendition::{Boundary, Rendition};
use crate::track::{JUMP, Track, Waiting};
use crate::{Error, Settings, Transport};

/// How long samples of one track wait for those of another, in nanoseconds. A picture waits longer for the next one,
/// which says how long it lasts: up to what is a jump.
const SKEW: u64 = 1_000_000_000;
/// The most samples of a track that wait, and the most bytes.
const MOST_WAITING: usize = 4096;
/// How far sound may be from where its samples say that it is, in parts of a second.
const DRIFT: u64 = 50;

/// One access unit, as it comes.
#[derive(Debug, Clone)]
pub struct AccessUnit {
    /// The id of its track.
    pub track: u8,
    /// When it is decoded, in nanoseconds, on the same clock for all tracks.
    pub time: u64,
    /// How long after that it is presented, in nanoseconds.
    pub composition: i64,
    /// How long it lasts, in nanoseconds; 0 where it is not known.
    pub duration: u64,
    /// Whether a decoder can begin here.
    pub key: bool,
    /// Its bytes, as the configuration of its track says.
    pub data: Bytes,
}

/// Access units in; segments, parts and playlists out.
#[derive(Debug)]
pub struct Packager {
    settings: Settings,
    tracks: Vec<Track>,
    fragments: u32,
    /// The boundary that the growing segments began at; `None` until there is a first key frame, and after a
    /// discontinuity until there is another.
    begun: Option<Boundary>,
    next_number: u64,
    period: u64,
    /// When the first picture since the last discontinuity is shown, in nanoseconds on the timeline.
    period_begun: u64,
    /// When the last access unit came, in nanoseconds since 1970.
    now: u64,
    /// What is added to times of access units to be on the stream's timeline, in nanoseconds.
    offset: i64,
    /// What is added to times of the timeline to be on the wall's clock, in nanoseconds.
    wall: i64,
    /// The wall's clock at the beginning of the timeline; never changes.
    first_wall: Option<i64>,
    /// The target duration in seconds.
    target: Option<u64>,
    has_ended: bool,
    version: u64,
    /// The same as MPEG transport streams, where somebody wants it so.
    transport: Option<Transport>,
}

impl Packager {
    /// A packager without tracks.
    pub fn new(settings: Settings) -> Self {
        let next_number = settings.first_number;
        Self {
            settings,
            tracks: Vec::new(),
            fragments: 0,
            begun: None,
            next_number,
            // hls.js counts up to it: no large number, as others are.
            period: 0,
            period_begun: 0,
            now: 0,
            offset: 0,
            wall: 0,
            first_wall: None,
            target: None,
            has_ended: false,
            version: 0,
            transport: None,
        }
    }

    /// The tracks from here on. A changed configuration is a discontinuity; tracks that cannot be packaged are left
    /// out, and why is given.
    pub fn tracks(&mut self, table: &TrackTable) -> Vec<(u8, Error)> {
        let is_same =
            |track: &Track| table.tracks().iter().any(|new| new.id == track.id && new.media == track.media);
        if !self.tracks.is_empty() && !self.tracks.iter().all(is_same) {
            self.discontinue();
        }
        let (mut refused, mut tracks) = (Vec::new(), Vec::new());
        for new in table.tracks() {
            let old = self.tracks.iter().position(|old| old.id == new.id).map(|at| self.tracks.remove(at));
            match Track::update(old, new) {
                Ok(track) => tracks.push(track),
                Err(error) => refused.push((new.id, error)),
            }
        }
        self.tracks = tracks;
        for at in 0..self.tracks.len() {
            if let Err(error) = self.open_rendition(at) {
                refused.push((self.tracks[at].id, error));
            }
        }
        self.tracks.retain(|track| !refused.iter().any(|(id, _)| *id == track.id));
        refused
    }

    /// Makes the rendition of a track whose configuration is known, or changes its configuration.
    fn open_rendition(&mut self, at: usize) -> Result<(), Error> {
        let track = &mut self.tracks[at];
        let Some(configuration) = track.configuration.clone() else { return Ok(()) };
        match &mut track.rendition {
            Some(rendition) if *rendition.configuration() == configuration => {}
            Some(rendition) => rendition.configure(configuration)?,
            None => {
                let mut rendition = Rendition::new(track.id, configuration, &self.settings)?;
                if let Some(begun) = self.begun {
                    rendition.open(begun);
                }
                track.rendition = Some(rendition);
            }
        }
        Ok(())
    }

    /// The track whose key frames begin segments: the first with video, or else the first with sound, that in transport
    /// streams alone last.
    fn leader(&self) -> Option<usize> {
        let first = |is_it: fn(&Track) -> bool| self.tracks.iter().position(is_it);
        first(Track::is_video).or(first(|track| track.media.is_audio())).or(first(|_| true))
    }

    /// Takes an access unit that came at this time, in nanoseconds since 1970. What cannot be used is left out.
    pub fn unit(&mut self, unit: AccessUnit, now: u64) -> Result<(), Error> {
        let Some(at) = self.tracks.iter().position(|track| track.id == unit.track) else { return Ok(()) };
        let converted = self.tracks[at].converter.convert(&unit.data, unit.key);
        let is_leader = self.leader() == Some(at);
        if let Some(configuration) = converted.configuration {
            self.reconfigure(at, configuration)?;
        }
        if !self.tracks[at].is_open() {
            return Ok(());
        }
        if is_leader && self.tracks[at].jumps_to(unit.time) {
            self.discontinue();
        }
        let track = &mut self.tracks[at];
        track.last_time = Some(unit.time);
        let mut time = unit.time;
        for data in converted.samples {
            let (composition, duration) = (unit.composition, unit.duration);
            let sample = Waiting { time, composition, duration, key: unit.key || !track.is_video(), data };
            time =
                time.saturating_add(track.usual_duration(&Waiting { data: sample.data.clone(), ..sample }));
            track.waiting.push_back(sample);
        }
        self.now = now;
        self.release(false)
    }

    fn reconfigure(&mut self, at: usize, configuration: Configuration) -> Result<(), Error> {
        if self.tracks[at].configuration.as_ref() == Some(&configuration) {
            return Ok(());
        }
        if self.tracks[at].is_open() {
            self.discontinue();
        }
        self.tracks[at].configuration = Some(configuration);
        self.open_rendition(at)
    }

    /// Ends all segments: no more will come.
    pub fn end(&mut self) {
        self.discontinue();
        self.has_ended = true;
        self.version += 1;
    }

    /// Takes the samples that wait in order of time, as far as those of other tracks cannot come before them.
    fn release(&mut self, all: bool) -> Result<(), Error> {
        while let Some(at) = self.next_track(all) {
            let track = &mut self.tracks[at];
            let Some(sample) = track.waiting.pop_front() else { return Ok(()) };
            self.place(at, sample)?;
        }
        Ok(())
    }

    fn next_track(&self, all: bool) -> Option<usize> {
        let open = || self.tracks.iter().enumerate().filter(|(_, track)| track.is_open());
        let first =
            |(_, track): &(usize, &Track)| track.waiting.front().map_or(u64::MAX, |sample| sample.time);
        let (at, track) = open().filter(|(_, track)| !track.waiting.is_empty()).min_by_key(first)?;
        if all || track.waiting.len() >= MOST_WAITING {
            return Some(at);
        }
        let time = track.waiting.front()?.time;
        let newest = open().filter_map(|(_, track)| track.waiting.back()).map(|sample| sample.time).max()?;
        let lacks_next = track.is_video() && track.waiting.len() < 2;
        let is_late = newest.saturating_sub(time) > if lacks_next { JUMP } else { SKEW };
        // Where the next sample begins, this one ends.
        let is_known = track.waiting.len() >= 2 && open().all(|(_, track)| !track.waiting.is_empty());
        (is_known || is_late).then_some(at)
    }

    /// Puts a sample on the timeline, and into a segment.
    fn place(&mut self, at: usize, sample: Waiting) -> Result<(), Error> {
        let is_leader = self.leader() == Some(at);
        if is_leader && self.begun.is_none() {
            if !sample.key {
                return Ok(());
            }
            self.begin(at, &sample);
        }
        if self.begun.is_none() {
            return Ok(());
        }
        let shown = self.on_timeline(sample.time).saturating_add_signed(sample.composition);
        let goes_on = self.tracks[at].clock.is_some();
        let (time, duration) = self.times(at, &sample);
        if !is_leader {
            let middle = shown.saturating_add(self.rendition(at).nanos(duration / 2));
            let is_early = middle < self.period_begun;
            if is_early || self.tracks[at].needs_key && !sample.key {
                self.tracks[at].clock = None;
                return Ok(());
            }
        }
        self.tracks[at].needs_key = false;
        let rendition = self.rendition(at);
        let timescale = i128::from(rendition.timescale());
        let composition = (i128::from(sample.composition) * timescale / 1_000_000_000) as i64;
        let composition = composition.clamp(i32::MIN.into(), i32::MAX.into());
        let (end, longest) = (rendition.end(), rendition.ticks(JUMP));
        // What is longer was said by mistake, or is of another clock.
        let duration = duration.min(longest);
        if goes_on && time.saturating_sub(end) <= longest {
            self.rest(at, composition, end, time)?;
        }
        self.turn(at, is_leader, shown, duration.min(self.rendition(at).most_duration()), sample.key, false)?;
        let share = self.rendition(at).share(duration);
        // A picture is shown until the next one; sound is no longer than its samples.
        let length = match self.frame_length(at, &sample) {
            Some(length) if share < duration => duration.min(length),
            _ => duration,
        };
        let (Waiting { key, data, .. }, length) = (sample, u32::try_from(length).unwrap_or(u32::MAX));
        self.push(at, Sample { time, composition, duration: share as u32, length, key, data })?;
        self.rest(at, composition, time + share, time + duration)
    }

    /// Puts a sample into the segment that grows.
    fn push(&mut self, at: usize, sample: Sample) -> Result<(), Error> {
        let rendition = self.tracks[at].rendition.as_mut().expect("only open tracks have samples");
        let part = rendition.ticks(self.settings.part.as_nanos() as u64);
        if rendition.push(sample, part, &mut self.fragments)? {
            self.version += 1;
        }
        Ok(())
    }

    /// Lets a track go on from one time to another, in ticks, without a sample: the one before is still shown, or there is
    /// none. Segments and parts are what they would be, so that playlists tell the time that passes.
    fn rest(&mut self, at: usize, composition: i64, from: u64, to: u64) -> Result<(), Error> {
        let is_leader = self.leader() == Some(at);
        let mut time = from;
        while time < to {
            let rendition = self.rendition(at);
            let share = (to - time).min(rendition.room());
            let shown = rendition.nanos(time.saturating_add_signed(composition));
            let is_sound = !is_leader && !self.tracks[at].is_video();
            self.turn(at, is_leader, shown, share, is_sound, true)?;
            self.push(at, Sample::rest(time, composition, share as u32))?;
            time += share;
        }
        Ok(())
    }

    /// Ends the segment that grows where the next one is to begin before what is shown at this time, and takes so many
    /// ticks of it.
    fn turn(
        &mut self,
        at: usize,
        is_leader: bool,
        shown: u64,
        duration: u64,
        key: bool,
        is_rest: bool,
    ) -> Result<(), Error> {
        if is_leader {
            return self.cut_at(at, (key, is_rest), duration, shown);
        }
        let middle = shown.saturating_add(self.rendition(at).nanos(duration / 2));
        self.reach(at, middle, key)
    }

    /// How many ticks of sound a sample has; none for pictures.
    fn frame_length(&self, at: usize, sample: &Waiting) -> Option<u64> {
        let configuration = self.tracks[at].configuration.as_ref()?;
        frame_length(configuration, &sample.data).map(u64::from)
    }

    fn rendition(&self, at: usize) -> &Rendition {
        self.tracks[at].rendition.as_ref().expect("only open tracks have samples")
    }

    fn on_timeline(&self, time: u64) -> u64 {
        time.saturating_add_signed(self.offset)
    }

    /// When a sample is decoded, and for how long it lasts, in ticks.
    fn times(&mut self, at: usize, sample: &Waiting) -> (u64, u64) {
        let track = &self.tracks[at];
        let rendition = self.rendition(at);
        let length = self.frame_length(at, sample);
        let drift = u64::from(rendition.timescale()) / DRIFT;
        let own = rendition.ticks(self.on_timeline(sample.time));
        // Times in whole milliseconds would tear holes between the frames of sound.
        let goes_on = |clock: &u64| length.is_some() && clock.abs_diff(own) <= drift;
        let time = track.clock.filter(goes_on).unwrap_or(own).max(rendition.end());
        let next = match track.waiting.front() {
            Some(next) => rendition.ticks(self.on_timeline(next.time)),
            None => time + rendition.ticks(self.so_far(at, sample)),
        };
        let next = match length {
            Some(length) if next.abs_diff(time + length) <= drift => time + length,
            _ => next.max(time + 1),
        };
        self.tracks[at].clock = Some(next);
        (time, next - time)
    }

    /// How long a sample lasts after which none is there, in nanoseconds: as long as it usually would, or, where others
    /// have gone on for long without another picture, until now.
    fn so_far(&self, at: usize, sample: &Waiting) -> u64 {
        let track = &self.tracks[at];
        let newest =
            self.tracks.iter().filter_map(|track| track.waiting.back()).map(|sample| sample.time).max();
        let waited = newest.map_or(0, |newest| newest.saturating_sub(sample.time));
        let usual = track.usual_duration(sample);
        if track.is_video() && waited > SKEW { usual.max(waited) } else { usual }
    }

    /// The first key frame of the leader, or the first after a discontinuity.
    fn begin(&mut self, at: usize, sample: &Waiting) {
        let end = self.tracks.iter().filter_map(|track| track.rendition.as_ref());
        let end = end.map(|rendition| rendition.nanos(rendition.end())).max().unwrap_or(0);
        let time = self.on_timeline(sample.time);
        let is_first = self.first_wall.is_none();
        if !is_first && (time < end || time - end > JUMP) {
            // Where nothing came for a while, nothing is there for as long: players by the wall's clock look for what
            // comes now at the time that it is now.
            let live = self.first_wall.map_or(0, |wall| (self.now as i64 - wall).max(0) as u64);
            self.offset = end.max(live) as i64 - sample.time as i64;
        }
        let time = self.on_timeline(sample.time);
        let shown = time.saturating_add_signed(sample.composition);
        self.wall = self.now as i64 - time as i64;
        self.period_begun = shown;
        self.first_wall.get_or_insert(self.wall);
        if !is_first {
            self.period += 1;
        }
        let boundary = self.boundary(shown, !is_first);
        self.begun = Some(boundary);
        for (other, track) in self.tracks.iter_mut().enumerate() {
            track.boundaries.clear();
            track.clock = None;
            track.needs_key = track.is_video() && other != at;
            if let Some(rendition) = &mut track.rendition {
                rendition.open(boundary);
            }
        }
    }

    fn boundary(&mut self, time: u64, discontinuity: bool) -> Boundary {
        let number = self.next_number;
        self.next_number += 1;
        let wall = time.saturating_add_signed(self.wall);
        // The first period is the timeline's own: it begins where that does, whenever the first player came.
        let period_begun = if self.period == 0 { 0 } else { self.period_begun };
        Boundary { number, period: self.period, period_begun, discontinuity, time, wall }
    }

    /// Ends the leader's segment before this sample, where it is time. Others are given up waiting for after another
    /// segment; but in the midst of a picture that lasts for several, their samples are only about to come.
    fn cut_at(
        &mut self,
        at: usize,
        (key, is_rest): (bool, bool),
        duration: u64,
        shown: u64,
    ) -> Result<(), Error> {
        let rendition = self.rendition(at);
        let grown = rendition.grown();
        let is_due = key && rendition.nanos(grown) >= self.settings.shortest_segment.as_nanos() as u64;
        let longest = match self.target {
            Some(seconds) => seconds * u64::from(rendition.timescale()),
            None => rendition.ticks(self.settings.longest_segment.as_nanos() as u64),
        };
        let is_forced = grown + duration > longest;
        if grown == 0 || !is_due && !is_forced {
            return Ok(());
        }
        let boundary = self.boundary(shown, false);
        self.close(at, boundary.time)?;
        self.settle(at);
        self.begun = Some(boundary);
        for other in 0..self.tracks.len() {
            if other != at && self.tracks[other].is_open() {
                self.tracks[other].boundaries.push_back(boundary);
                while !is_rest && self.tracks[other].boundaries.len() > 1 {
                    self.pass_boundary(other)?;
                }
            }
        }
        self.tracks[at].rendition.as_mut().expect("it had samples").open(boundary);
        Ok(())
    }

    /// Ends a follower's segments that begin before a sample with its middle here.
    fn reach(&mut self, at: usize, middle: u64, key: bool) -> Result<(), Error> {
        while key && self.tracks[at].boundaries.front().is_some_and(|boundary| boundary.time <= middle) {
            self.pass_boundary(at)?;
        }
        Ok(())
    }

    fn pass_boundary(&mut self, at: usize) -> Result<(), Error> {
        let Some(boundary) = self.tracks[at].boundaries.pop_front() else { return Ok(()) };
        self.close(at, boundary.time)?;
        if let Some(rendition) = &mut self.tracks[at].rendition {
            rendition.open(boundary);
        }
        Ok(())
    }

    fn close(&mut self, at: usize, time: u64) -> Result<(), Error> {
        self.version += 1;
        let closed = match &mut self.tracks[at].rendition {
            Some(rendition) => rendition.close(time, &mut self.fragments, &self.settings),
            None => Ok(()),
        };
        self.follow();
        closed
    }

    /// Makes the segments of the transport stream that all tracks have come to the end of.
    fn follow(&mut self) {
        if let Some(mut transport) = self.transport.take() {
            transport.follow(&self.all_renditions().collect::<Vec<_>>());
            self.transport = Some(transport);
        }
    }

    /// Has segments of an MPEG transport stream from now on, which begin and end as those of the renditions do, and
    /// where there are segments already, has them of those that are listed.
    pub fn start_transport(&mut self) {
        if self.transport.is_none() {
            self.transport = Some(Transport::default());
            self.follow();
            self.version += 1;
        }
    }

    /// The segments of the MPEG transport stream; none where nobody has asked for them.
    pub fn transport(&self) -> Option<&Transport> {
        self.transport.as_ref()
    }

    /// The first whole segment says how long segments and parts are, once and for all.
    fn settle(&mut self, leader: usize) {
        if self.target.is_none() {
            let rendition = self.rendition(leader);
            let first = rendition.listed().next().map_or(0, |segment| segment.duration);
            let least = self.settings.shortest_segment.as_secs() + 1;
            self.target = Some(first.div_ceil(rendition.timescale().into()).max(least));
        }
        let part = self.settings.part.as_nanos() as u64;
        for rendition in self.tracks.iter_mut().filter_map(|track| track.rendition.as_mut()) {
            rendition.settle(rendition.ticks(part));
        }
    }

    /// Ends all segments; the next begin at a key frame of the leader.
    fn discontinue(&mut self) {
        // A box that cannot be written has been told of when it was its turn; what is left of it is let go.
        let _ = self.release(true);
        if let Some(leader) = self.leader()
            && self.begun.is_some()
        {
            let end = self.tracks[leader].rendition.as_ref();
            let end = end.map_or(0, |rendition| rendition.nanos(rendition.end()));
            for at in 0..self.tracks.len() {
                while !self.tracks[at].boundaries.is_empty() {
                    let _ = self.pass_boundary(at);
                }
                let _ = self.close(at, end);
            }
            self.settle(leader);
        }
        self.begun = None;
        for track in &mut self.tracks {
            track.last_time = None;
            track.clock = None;
            track.waiting.clear();
        }
    }

    /// Grows with every new part or segment: what waits for one looks again when it does.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The number that the next segment will have.
    pub fn next_number(&self) -> u64 {
        self.next_number
    }

    /// The target duration in seconds; `None` until there is a first segment of each track, before which nothing can
    /// be played.
    pub fn target_duration(&self) -> Option<u64> {
        let mut renditions = self.all_renditions().peekable();
        let is_ready = renditions.peek().is_some() && renditions.all(Rendition::has_whole);
        self.target.filter(|_| is_ready)
    }

    /// Whether no more will come.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// The tracks that are packaged as MP4, those with video first.
    pub fn renditions(&self) -> impl Iterator<Item = &Rendition> {
        self.all_renditions().filter(|rendition| !rendition.configuration().is_mpeg_audio())
    }

    /// Those that are in transport streams alone, too.
    pub(crate) fn all_renditions(&self) -> impl Iterator<Item = &Rendition> {
        let all = || self.tracks.iter().filter_map(|track| track.rendition.as_ref());
        all().filter(|rendition| rendition.is_video()).chain(all().filter(|rendition| !rendition.is_video()))
    }

    /// The rendition of this name.
    pub fn rendition_named(&self, name: &str) -> Option<&Rendition> {
        self.renditions().find(|rendition| rendition.name() == name)
    }

    /// What the table of tracks says of a rendition.
    pub(crate) fn media(&self, id: u8) -> Option<&Media> {
        self.tracks.iter().find(|track| track.id == id).map(|track| &track.media)
    }

    /// The wall's clock at the beginning of the timeline, in nanoseconds since 1970.
    pub(crate) fn first_wall(&self) -> i64 {
        self.first_wall.unwrap_or(0)
    }

    /// The initialization segment of all tracks together, and the last fragment before a place where a player can
    /// begin; `None` until there is one. The fragments are those of [`Packager::fragments_after`].
    pub fn progressive(&self) -> Option<(Bytes, u32)> {
        let leader = self.leader().and_then(|at| self.tracks[at].rendition.as_ref())?;
        let segment =
            leader.growing().filter(|segment| !segment.parts.is_empty()).or(leader.listed().last())?;
        let first = segment.parts.first()?;
        let of = |rendition: &'_ Rendition| rendition.number();
        let tracks: Vec<_> =
            self.renditions().map(|rendition| (of(rendition), rendition.configuration())).collect();
        Some((fmp4::initialization(&tracks).ok()?, first.fragment.wrapping_sub(1)))
    }

    /// The fragments of all tracks after this one that can still be fetched, in order, each with its number.
    pub fn fragments_after(&self, fragment: u32) -> Vec<(u32, Bytes)> {
        let parts = self.renditions().flat_map(|rendition| rendition.parts_after(fragment));
        let mut parts: Vec<_> = parts.map(|part| (part.fragment, part.data.clone())).collect();
        parts.sort_unstable_by_key(|(number, _)| *number);
        parts
    }
}
