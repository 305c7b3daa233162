//! The source pads of a file, one for each track, and what goes through them.

use fql_file::StoredUnit;
use fql_unit::encoded::Chain;
use fql_unit::{Media, Track, TrackTable};
use gst::prelude::*;

use super::course::Course;
use crate::{caps, kinds};

/// A track that is silent for longer than this while others are not gets a gap event, in nanoseconds.
const SILENCE: i64 = 500_000_000;

/// How many bytes and pictures are held at most that those that are played may rest on.
const MAX_LEAD_BYTES: usize = 64 << 20;
const MAX_LEAD: usize = 1_000;

/// What is to be done with the pads, without any lock.
#[derive(Debug)]
pub enum Action {
    /// A new pad, with the events that it begins with.
    Add(gst::Pad, Vec<gst::Event>),
    /// A pad goes.
    Remove(gst::Pad),
    /// An event through a pad.
    Event(gst::Pad, gst::Event),
    /// A buffer through a pad.
    Buffer(gst::Pad, gst::Buffer),
    /// These are the streams now.
    Collection(gst::StreamCollection),
}

/// A track and its pad.
struct Stream {
    track: Track,
    pad: gst::Pad,
    about: gst::Stream,
    chain: Option<Chain>,
    /// Where what was pushed ends, in times of the file.
    end: Option<i64>,
    /// When the last unit was presented that was not left out.
    shown: Option<i64>,
    needs_segment: bool,
    is_discont: bool,
    /// All that is to be played was pushed.
    is_done: bool,
    /// Layered pictures before what is played, from the last key frame on.
    lead: Vec<StoredUnit>,
}

/// All tracks and their pads.
#[derive(Default)]
pub struct Streams {
    list: Vec<Stream>,
    upstream_id: String,
    group: Option<gst::GroupId>,
    tags: Option<gst::Event>,
}

impl Streams {
    /// Of a file whose stream has this id.
    pub fn new(upstream_id: String, group: gst::GroupId) -> Self {
        Self { upstream_id, group: Some(group), ..Self::default() }
    }

    /// Whether there are no tracks.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The pads of all tracks.
    pub fn pads(&self) -> Vec<gst::Pad> {
        self.list.iter().map(|stream| stream.pad.clone()).collect()
    }

    /// The track whose refresh points people see: the first of video, or of sound, or of anything.
    pub fn main_track(&self) -> Option<u8> {
        let first = |is_kind: fn(&Media) -> bool| {
            self.list.iter().find(|stream| is_kind(&stream.track.media)).map(|stream| stream.track.id)
        };
        first(Media::is_video).or_else(|| first(Media::is_audio)).or_else(|| first(|_| true))
    }

    /// Follows a track table: pads of tracks that stay are kept, with new caps where these changed; others go; new
    /// ones come, made by `make` with the name of a template and one of their own.
    pub fn follow(
        &mut self,
        table: &TrackTable,
        make: impl Fn(&str, &str) -> Option<gst::Pad>,
    ) -> Vec<Action> {
        let mut actions = self.remove_others(table);
        let count = self.list.len();
        for track in table.tracks() {
            match self.list.iter_mut().find(|stream| stream.track.id == track.id) {
                Some(stream) => actions.extend(stream.change(track)),
                None => self.list.extend(self.stream(track, &make)),
            }
        }
        let is_changed = self.list.len() > count || !actions.is_empty();
        if is_changed {
            let collection = self.collection();
            let added = self.list[count..].iter().map(|stream| {
                Action::Add(
                    stream.pad.clone(),
                    stream.first_events(self.group, &collection, self.tags.as_ref()),
                )
            });
            actions.extend(added);
            actions.push(Action::Collection(collection));
        }
        actions
    }

    fn remove_others(&mut self, table: &TrackTable) -> Vec<Action> {
        let stays = |stream: &Stream| {
            table
                .get(stream.track.id)
                .is_some_and(|t| kinds::name(&t.media) == kinds::name(&stream.track.media))
        };
        let (stay, go): (Vec<_>, Vec<_>) = self.list.drain(..).partition(stays);
        self.list = stay;
        let leave = |stream: Stream| {
            [Action::Event(stream.pad.clone(), gst::event::Eos::new()), Action::Remove(stream.pad)]
        };
        go.into_iter().flat_map(leave).collect()
    }

    fn stream(&self, track: &Track, make: &impl Fn(&str, &str) -> Option<gst::Pad>) -> Option<Stream> {
        let kind = kinds::name(&track.media);
        let is_free = |name: &String| self.list.iter().all(|stream| stream.pad.name() != name.as_str());
        let name = (0..).map(|n| format!("{kind}_{n}")).find(is_free)?;
        let pad = make(&format!("{kind}_%u"), &name)?;
        Some(Stream {
            about: kinds::stream(&self.upstream_id, track),
            chain: Chain::of(&track.media),
            track: track.clone(),
            pad,
            end: None,
            shown: None,
            needs_segment: true,
            is_discont: true,
            is_done: false,
            lead: Vec::new(),
        })
    }

    fn collection(&self) -> gst::StreamCollection {
        let streams = self.list.iter().map(|stream| stream.about.clone());
        gst::StreamCollection::builder(Some(&self.upstream_id)).streams(streams).build()
    }

    /// What people want to know of the file, for all pads that are there and those that come.
    pub fn set_tags(&mut self, tags: &gst::TagList) -> Vec<Action> {
        let event = gst::event::Tag::new(tags.clone());
        self.tags = Some(event.clone());
        self.list.iter().map(|stream| Action::Event(stream.pad.clone(), event.clone())).collect()
    }

    /// A unit, which may not be one that is played. Tracks that are silent are told to go on.
    pub fn push(&mut self, unit: StoredUnit, course: &Course) -> Vec<Action> {
        let mut actions = self.bridge(unit.track, unit.decoding_time(), course);
        if let Some(stream) = self.list.iter_mut().find(|stream| stream.track.id == unit.track) {
            actions.extend(stream.push(unit, course));
        }
        actions
    }

    fn bridge(&mut self, except: u8, now: i64, course: &Course) -> Vec<Action> {
        let others = self.list.iter_mut().filter(|stream| stream.track.id != except);
        others.flat_map(|stream| stream.bridge(now, course)).collect()
    }

    /// What follows has no connection with what came before.
    pub fn restart(&mut self) {
        for stream in &mut self.list {
            stream.lose();
            (stream.end, stream.shown) = (None, None);
            (stream.needs_segment, stream.is_done) = (true, false);
            stream.lead.clear();
        }
    }

    /// Something is missing before what follows.
    pub fn lose(&mut self) {
        self.list.iter_mut().for_each(Stream::lose);
    }

    /// Whether there are tracks, and all that is to be played of them was pushed. Data may come later, or not.
    pub fn is_done(&self) -> bool {
        let counts = |stream: &&Stream| !matches!(stream.track.media, Media::Data(_));
        match self.list.iter().any(|stream| counts(&stream)) {
            true => self.list.iter().filter(counts).all(|stream| stream.is_done),
            false => !self.list.is_empty() && self.list.iter().all(|stream| stream.is_done),
        }
    }

    /// An event through all pads, each after the segment where it has none yet.
    pub fn end(&mut self, event: &gst::Event, course: &Course) -> Vec<Action> {
        let end = |stream: &mut Stream| {
            let last = Action::Event(stream.pad.clone(), event.clone());
            stream.segment(course).into_iter().chain([last]).collect::<Vec<_>>()
        };
        self.list.iter_mut().flat_map(end).collect()
    }
}

impl Stream {
    fn first_events(
        &self,
        group: Option<gst::GroupId>,
        collection: &gst::StreamCollection,
        tags: Option<&gst::Event>,
    ) -> Vec<gst::Event> {
        let id = self.about.stream_id().unwrap_or_default();
        let flags = kinds::flags(&self.track.media);
        let start = gst::event::StreamStart::builder(&id).stream(self.about.clone()).flags(flags);
        let start = match group {
            Some(group) => start.group_id(group),
            None => start,
        };
        let mut events = vec![
            start.build(),
            gst::event::Caps::new(&caps::of_media(&self.track.media, self.track.layers)),
            gst::event::StreamCollection::new(collection),
        ];
        events.extend(tags.cloned());
        events.extend(kinds::tags(&self.track, None));
        events
    }

    fn change(&mut self, track: &Track) -> Vec<Action> {
        if self.track == *track {
            return Vec::new();
        }
        let caps = caps::of_media(&track.media, track.layers);
        self.about.set_caps(Some(&caps));
        if std::mem::discriminant(&self.track.media) != std::mem::discriminant(&track.media) {
            self.chain = Chain::of(&track.media);
        }
        let tags = kinds::tags(track, Some(&self.track));
        self.track = track.clone();
        let events = [gst::event::Caps::new(&caps)].into_iter().chain(tags);
        events.map(|event| Action::Event(self.pad.clone(), event)).collect()
    }

    fn lose(&mut self) {
        self.is_discont = true;
        if let Some(chain) = &mut self.chain {
            chain.restart();
        }
    }

    /// The segment, where what follows lies in another one than what came before.
    fn segment(&mut self, course: &Course) -> Option<Action> {
        let segment = gst::event::Segment::builder(&course.segment).seqnum(course.seqnum).build();
        std::mem::take(&mut self.needs_segment).then(|| Action::Event(self.pad.clone(), segment))
    }

    fn push(&mut self, unit: StoredUnit, course: &Course) -> Vec<Action> {
        self.is_done |= course.is_after(&unit);
        let media = &self.track.media;
        if self.is_done || course.is_skipped(&unit, media, self.shown) {
            return Vec::new();
        }
        if course.is_before(&unit, media) {
            return self.hold(unit, course);
        }
        let lead = std::mem::take(&mut self.lead);
        let needed = if unit.flags.key { Vec::new() } else { lead };
        needed.into_iter().chain([unit]).flat_map(|unit| self.play(&unit, course)).collect()
    }

    /// Keeps a unit that is not played itself where those that are may rest on it.
    fn hold(&mut self, unit: StoredUnit, course: &Course) -> Vec<Action> {
        if !matches!(self.track.media, Media::Video(_)) {
            return Vec::new();
        }
        if unit.flags.key {
            self.lead.clear();
        }
        self.lead.push(unit);
        let bytes: usize = self.lead.iter().map(|unit| unit.unit.len()).sum();
        if bytes <= MAX_LEAD_BYTES && self.lead.len() <= MAX_LEAD {
            return Vec::new();
        }
        // The decoder has to see them one way or the other.
        std::mem::take(&mut self.lead).iter().flat_map(|unit| self.play(unit, course)).collect()
    }

    fn play(&mut self, unit: &StoredUnit, course: &Course) -> Vec<Action> {
        let Some(buffer) = self.buffer(unit, course) else { return Vec::new() };
        self.shown = Some(unit.pts);
        self.end =
            self.end.max(Some(unit.decoding_time().saturating_add_unsigned(unit.duration.unwrap_or(0))));
        self.segment(course).into_iter().chain([Action::Buffer(self.pad.clone(), buffer)]).collect()
    }

    /// The buffer of a unit; `None` where it is of no use.
    fn buffer(&mut self, stored: &StoredUnit, course: &Course) -> Option<gst::Buffer> {
        let mut buffer = match (&mut self.chain, &self.track.media) {
            (Some(chain), media) => {
                let time = u64::try_from(stored.decoding_time().saturating_sub(course.origin)).unwrap_or(0);
                let usable = chain.take(&stored.unit().ok()?, 0, time)?;
                self.is_discont |= usable.follows_gap && media.is_video();
                gst::Buffer::from_slice(usable.data)
            }
            (None, Media::Data(_)) => {
                let unit = stored.unit().ok()?;
                let segment = unit.segment(0, 0).filter(|segment| segment.is_complete())?;
                gst::Buffer::from_slice(segment.data().clone())
            }
            (None, _) => gst::Buffer::from_slice(stored.unit.clone()),
        };
        let fields = buffer.get_mut()?;
        fields.set_pts(course.time(stored.pts));
        fields.set_dts(stored.dts.map(|dts| course.time(dts)));
        fields.set_duration(stored.duration.map(gst::ClockTime::from_nseconds));
        let is_discont = std::mem::take(&mut self.is_discont) || stored.flags.discont;
        for (is_set, flag) in [
            (!stored.flags.key, gst::BufferFlags::DELTA_UNIT),
            (is_discont, gst::BufferFlags::DISCONT),
            (stored.flags.corrupt, gst::BufferFlags::CORRUPTED),
            (stored.flags.header, gst::BufferFlags::HEADER),
        ] {
            if is_set {
                fields.set_flags(flag);
            }
        }
        Some(buffer)
    }

    /// Tells of a silence, if it lasts.
    fn bridge(&mut self, now: i64, course: &Course) -> Vec<Action> {
        let start = course.start();
        let end = self.end.unwrap_or(start);
        // A gap would make a decoder of encoded video forget the pictures that others are predicted from.
        let has_pictures = matches!(self.track.media, Media::EncodedVideo(_)) && self.shown.is_some();
        if self.is_done || has_pictures || now.saturating_sub(end) < SILENCE {
            return Vec::new();
        }
        self.end = Some(now);
        let duration = gst::ClockTime::from_nseconds(now.abs_diff(end));
        let gap = gst::event::Gap::builder(course.time(end)).duration(duration).seqnum(course.seqnum).build();
        self.segment(course).into_iter().chain([Action::Event(self.pad.clone(), gap)]).collect()
    }
}
