//! What is done with each record of a file, whichever way it comes.

use fql_file::{Ending, Error, Index, Parsed, Parser, Record, StoredUnit};
use fql_unit::{Media, TrackTable};

use super::course::Course;
use super::landing::{Landing, Snap};
use super::streams::{Action, Streams};
use crate::file_tags;

/// The most bytes before the first record of what may still be a file.
const MAX_LEAD: u64 = 1 << 20;

/// A file that is played.
#[derive(Default)]
pub struct Playback {
    /// What comes of it.
    pub parser: Parser,
    /// Its tracks.
    pub streams: Streams,
    /// Which part of it is played.
    pub course: Course,
    /// Where its refresh points are, if that is known.
    pub index: Option<Index>,
    /// Units before this offset are not played: they stand between a track table and a refresh point.
    from: u64,
    landing: Option<Landing>,
    has_begun: bool,
    /// Bytes that could not be read so far.
    pub damaged: u64,
}

/// What came of a record.
#[derive(Default)]
pub struct Step {
    /// What is to be done.
    pub actions: Vec<Action>,
    /// Bytes that were damaged, where there are some since the last step.
    pub damage: u64,
    /// Whether all that is to be played was.
    pub is_done: bool,
}

/// Where to go on reading for a seek.
#[derive(Debug, Clone, PartialEq)]
pub struct Jump {
    /// From which byte on.
    pub offset: u64,
    from: u64,
    course_start: i64,
    snap: Option<Snap>,
}

impl Playback {
    /// Takes the next record, if it is there. `make` makes pads.
    pub fn step(&mut self, make: impl Fn(&str, &str) -> Option<gst::Pad>) -> Result<Option<Step>, Error> {
        let Some(Parsed { offset, record }) = self.parser.next_record()? else { return Ok(None) };
        let mut step = Step::default();
        match record {
            Record::Tracks(table) => step.actions = self.streams.follow(&self.with_others(table), make),
            Record::Tags(tags) => step.actions = self.streams.set_tags(&file_tags::to_list(&tags)),
            Record::Unit(unit) if offset >= self.from => step.actions = self.take_unit(unit),
            Record::Damage(bytes) => {
                self.streams.lose();
                self.damaged += bytes;
                step.damage = bytes;
            }
            Record::Head(_) | Record::Unit(_) | Record::Index(_) | Record::End(_) => (),
        }
        step.is_done = self.streams.is_done();
        Ok(Some(step))
    }

    /// The tracks of a table, and those that the file has elsewhere: all pads are there from the beginning on.
    fn with_others(&self, table: TrackTable) -> TrackTable {
        let Some(index) = &self.index else { return table };
        let others = index.table.tracks().iter().filter(|track| table.get(track.id).is_none());
        let all = table.tracks().iter().chain(others).cloned().collect();
        TrackTable::new(all).unwrap_or(table)
    }

    fn take_unit(&mut self, unit: StoredUnit) -> Vec<Action> {
        if !std::mem::replace(&mut self.has_begun, true) && self.index.is_none() {
            self.course.begin_at(unit.pts);
        }
        let Some(landing) = &mut self.landing else { return self.streams.push(unit, &self.course) };
        if landing.take(unit) { self.land() } else { Vec::new() }
    }

    /// Begins at the refresh point that was found, with what was held back.
    fn land(&mut self) -> Vec<Action> {
        let Some(landing) = self.landing.take() else { return Vec::new() };
        let (begin, held) = landing.end();
        self.course.land(begin);
        let course = &self.course;
        held.into_iter().flat_map(|unit| self.streams.push(unit, course)).collect()
    }

    /// Nothing more comes: what is to be done before the end.
    pub fn finish(&mut self) -> Vec<Action> {
        self.land()
    }

    /// How the file ends, as far as it was read.
    pub fn ending(&self) -> Ending {
        self.parser.ending()
    }

    /// Whether what came so far cannot be a file.
    pub fn is_no_file(&self) -> bool {
        self.streams.is_empty() && !self.has_begun && self.parser.skipped() > MAX_LEAD
    }

    /// Takes the index of the file, before the first record.
    pub fn set_index(&mut self, index: Index) {
        self.course.begin_at(index.begin());
        self.index = Some(index);
        self.course.segment.set_duration(self.duration());
    }

    /// How long the file lasts, where that is known.
    pub fn duration(&self) -> Option<gst::ClockTime> {
        self.index.as_ref().map(|index| self.course.time(index.end()))
    }

    /// Where to go on for this part of the file; `None` where there is no index, or nothing in it.
    pub fn plan(&self, course: &Course, flags: gst::SeekFlags) -> Option<Jump> {
        let index = self.index.as_ref()?;
        let start = course.start();
        let no_data = |track: &fql_unit::Track| !matches!(track.media, Media::Data(_));
        let entry = index.start(start, no_data).or_else(|| index.start(start, |_| true))?;
        Some(Jump { offset: entry.table, from: entry.offset, course_start: start, snap: Snap::of(flags) })
    }

    /// Goes on there. The next bytes are those from the jump's offset on.
    pub fn jump(&mut self, course: Course, jump: &Jump) {
        self.parser.jump(jump.offset);
        self.from = jump.from;
        self.course = course;
        self.streams.restart();
        let landing = |track| jump.snap.map(|snap| Landing::new(track, jump.course_start, snap));
        self.landing = self.streams.main_track().and_then(landing);
    }
}
