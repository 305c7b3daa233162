//! One track in segments and parts.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::codec::{Configuration, timescale};
use crate::fmp4::{self, Sample};
use crate::settings::LEAST_WINDOW;
use crate::{Error, Settings};

/// A part of a segment: one fragment.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its number among all parts of the rendition.
    pub number: u64,
    /// Its number among all fragments of the stream.
    pub fragment: u32,
    /// How long it lasts, in ticks.
    pub duration: u64,
    /// Whether it begins with a key frame.
    pub independent: bool,
    /// `moof` and `mdat`.
    pub data: Bytes,
    /// The samples in it, whose bytes are those of `data`.
    pub(crate) samples: Vec<Sample>,
}

/// A segment, whole or growing.
#[derive(Debug, Clone)]
pub struct Segment {
    /// Its media sequence number.
    pub number: u64,
    /// The number of its initialization segment.
    pub initialization: u64,
    /// How many discontinuities there were up to its beginning.
    pub period: u64,
    /// When the first picture since the last of them is shown, in nanoseconds on the stream's timeline; 0 before there is one.
    pub period_begun: u64,
    /// Whether one of them is right before it.
    pub discontinuity: bool,
    /// When its first sample is presented, in ticks.
    pub start: u64,
    /// The same on the wall's clock, in nanoseconds since 1970.
    pub wall: u64,
    /// How long its parts last, in ticks. A segment without parts is a gap of this length.
    pub duration: u64,
    /// Its parts so far.
    pub parts: Vec<Part>,
}

impl Segment {
    /// How many bytes its parts have together.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(|part| part.data.len()).sum()
    }
}

/// Where segments begin, in all renditions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Boundary {
    pub number: u64,
    pub period: u64,
    pub period_begun: u64,
    pub discontinuity: bool,
    /// Presentation time on the stream's timeline, in nanoseconds.
    pub time: u64,
    /// The same on the clock of the wall, in nanoseconds since 1970.
    pub wall: u64,
}

/// An initialization segment, and what it says.
#[derive(Debug)]
struct Initialization {
    number: u64,
    data: Bytes,
    configuration: Configuration,
}

/// One track in segments and parts, the youngest last.
#[derive(Debug)]
pub struct Rendition {
    id: u8,
    is_video: bool,
    configuration: Configuration,
    timescale: u32,
    initializations: VecDeque<Initialization>,
    next_initialization: u64,
    whole: VecDeque<Segment>,
    /// The number of the first segment that is listed.
    first_listed: u64,
    growing: Option<Segment>,
    samples: Vec<Sample>,
    next_part: u64,
    longest_frame: u64,
    part_target: Option<u64>,
    /// Where the last sample ended, in ticks.
    end: u64,
}

/// What a part shall last at least, as per cent of the target (RFC 8216bis, 4.4.4.9).
const LEAST_PART: u64 = 85;
/// How many parts a second a rendition has at the very most, for numbers that do not come again.
const MOST_PARTS_A_SECOND: u64 = 8;

impl Rendition {
    pub(crate) fn new(id: u8, configuration: Configuration, settings: &Settings) -> Result<Self, Error> {
        let mut rendition = Self {
            id,
            is_video: configuration.entry.visual().is_some(),
            timescale: timescale(&configuration),
            configuration: configuration.clone(),
            initializations: VecDeque::new(),
            next_initialization: settings.first_number,
            whole: VecDeque::new(),
            first_listed: 0,
            growing: None,
            samples: Vec::new(),
            next_part: settings.first_number.saturating_mul(MOST_PARTS_A_SECOND),
            longest_frame: 0,
            part_target: None,
            end: 0,
        };
        rendition.configure(configuration)?;
        Ok(rendition)
    }

    /// Segments from here on have another configuration.
    pub(crate) fn configure(&mut self, configuration: Configuration) -> Result<(), Error> {
        let data = fmp4::initialization(&[(self.number(), &configuration)])?;
        let old = self.timescale;
        self.timescale = timescale(&configuration);
        self.end = scale(self.end, old, self.timescale);
        self.configuration = configuration.clone();
        let number = self.next_initialization;
        self.initializations.push_back(Initialization { number, data, configuration });
        self.next_initialization += 1;
        Ok(())
    }

    /// The track's id.
    pub fn id(&self) -> u8 {
        self.id
    }

    /// Whether it is video.
    pub fn is_video(&self) -> bool {
        self.is_video
    }

    /// The track's number in MP4, which is never 0.
    pub(crate) fn number(&self) -> u32 {
        u32::from(self.id) + 1
    }

    /// What its playlist and files are named by: `v1` for the video with the id 1, `a2` for the sound with the id 2.
    pub fn name(&self) -> String {
        format!("{}{}", if self.is_video { 'v' } else { 'a' }, self.id)
    }

    /// Ticks a second.
    pub fn timescale(&self) -> u32 {
        self.timescale
    }

    pub(crate) fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// The name of its codec, as RFC 6381 says.
    pub fn codec(&self) -> &str {
        &self.configuration.name
    }

    /// The segments that are listed, all of them whole.
    pub fn listed(&self) -> impl DoubleEndedIterator<Item = &Segment> + Clone {
        self.whole.iter().filter(|segment| segment.number >= self.first_listed)
    }

    /// The segment that grows.
    pub fn growing(&self) -> Option<&Segment> {
        self.growing.as_ref()
    }

    /// The number that the next part will have.
    pub fn next_part(&self) -> u64 {
        self.next_part
    }

    /// The longest that a part is, in seconds; `None` until it is known.
    pub fn part_target(&self) -> Option<f64> {
        let milliseconds = self.part_target? as f64 * 1000.0 / f64::from(self.timescale);
        // Rounded up, with room for what a rounded number of ticks is off.
        Some((milliseconds - 1e-6).ceil() / 1000.0)
    }

    /// A whole segment that can be fetched, listed or not.
    pub fn segment(&self, number: u64) -> Option<&Segment> {
        self.whole.iter().find(|segment| segment.number == number)
    }

    /// A part that can be fetched.
    pub fn part(&self, number: u64) -> Option<&Part> {
        self.growing.iter().chain(self.whole.iter().rev()).find_map(|segment| {
            let at = number.checked_sub(segment.parts.first()?.number)?;
            segment.parts.get(usize::try_from(at).ok()?)
        })
    }

    /// The parts whose fragments come after this one, in order.
    pub(crate) fn parts_after(&self, fragment: u32) -> impl Iterator<Item = &Part> {
        let segments = self.whole.iter().chain(&self.growing);
        segments.flat_map(|segment| &segment.parts).filter(move |part| part.fragment > fragment)
    }

    /// An initialization segment that can be fetched.
    pub fn initialization(&self, number: u64) -> Option<&Bytes> {
        self.initializations.iter().find(|known| known.number == number).map(|known| &known.data)
    }

    /// What an initialization segment says that can be fetched.
    pub(crate) fn configuration_of(&self, initialization: u64) -> Option<&Configuration> {
        let known = self.initializations.iter().find(|known| known.number == initialization)?;
        Some(&known.configuration)
    }

    /// The number of the oldest segment that can be fetched.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.whole.front().map(|segment| segment.number)
    }

    /// The last segment of which there is something, and how many parts it has: what `EXT-X-RENDITION-REPORT` says.
    pub fn last(&self) -> Option<(u64, usize)> {
        let growing = self.growing.as_ref().filter(|segment| !segment.parts.is_empty());
        growing.or(self.whole.back()).map(|segment| (segment.number, segment.parts.len()))
    }

    /// Ticks from nanoseconds.
    pub(crate) fn ticks(&self, nanos: u64) -> u64 {
        ((u128::from(nanos) * u128::from(self.timescale) + 500_000_000) / 1_000_000_000) as u64
    }

    /// Nanoseconds from ticks.
    pub(crate) fn nanos(&self, ticks: u64) -> u64 {
        (u128::from(ticks) * 1_000_000_000 / u128::from(self.timescale)) as u64
    }

    /// Where the last sample ended, in ticks.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// The longest that a sample may be in one part, in ticks.
    pub(crate) fn most_duration(&self) -> u64 {
        self.part_target.unwrap_or(self.timescale.into())
    }

    /// How much more the part that grows may last, in ticks; at least 1.
    pub(crate) fn room(&self) -> u64 {
        self.most_duration().saturating_sub(self.pending()).max(1)
    }

    /// How much of a sample that lasts so long is in the part that grows, or in the one after it: all of it, but where it
    /// is longer than a part, or would leave a part too short that is not the last one of its segment.
    pub(crate) fn share(&self, duration: u64) -> u64 {
        let (most, pending, room) = (self.most_duration(), self.pending(), self.room());
        let leaves_too_little =
            self.part_target.is_some() && pending > 0 && duration > room && pending * 100 < most * LEAST_PART;
        if duration > most || leaves_too_little { duration.min(room) } else { duration }
    }

    /// How long the growing segment is with all its samples, in ticks.
    pub(crate) fn grown(&self) -> u64 {
        let parts = self.growing.as_ref().map_or(0, |segment| segment.duration);
        parts + self.pending()
    }

    fn pending(&self) -> u64 {
        self.samples.iter().map(|sample| u64::from(sample.duration)).sum()
    }

    /// Whether a segment is whole.
    pub(crate) fn has_whole(&self) -> bool {
        !self.whole.is_empty()
    }

    pub(crate) fn open(&mut self, boundary: Boundary) {
        let start = self.ticks(boundary.time);
        self.growing = Some(Segment {
            number: boundary.number,
            initialization: self.next_initialization - 1,
            period: boundary.period,
            period_begun: boundary.period_begun,
            discontinuity: boundary.discontinuity,
            start,
            wall: boundary.wall,
            duration: 0,
            parts: Vec::new(),
        });
    }

    /// Adds a sample; a part before it that would become too long with it, or with another one like it, is ended.
    /// Gives whether there is a new part.
    pub(crate) fn push(&mut self, sample: Sample, part: u64, fragments: &mut u32) -> Result<bool, Error> {
        let duration = u64::from(sample.duration);
        let target = self.part_target.unwrap_or(part);
        self.longest_frame = self.longest_frame.max(duration);
        let mut is_new = false;
        if !self.samples.is_empty() && self.pending() + duration > target {
            is_new |= self.end_part(fragments)?;
        }
        self.end = sample.time + duration;
        // Samples of a fragment follow each other without a hole.
        let has_hole =
            self.samples.last().is_some_and(|last| last.time + u64::from(last.duration) < sample.time);
        if has_hole {
            is_new |= self.end_part(fragments)?;
        }
        self.samples.push(sample);
        let pending = self.pending();
        // Where it would be too short, some of the next sample is in it, too.
        let is_long_enough = self.part_target.is_none() || pending * 100 >= target * LEAST_PART;
        if pending >= target || pending + duration > target && is_long_enough {
            is_new |= self.end_part(fragments)?;
        }
        Ok(is_new)
    }

    fn end_part(&mut self, fragments: &mut u32) -> Result<bool, Error> {
        let number = self.number();
        let Some(segment) = &mut self.growing else { return Ok(false) };
        let mut samples = std::mem::take(&mut self.samples);
        let Some(first) = samples.first() else { return Ok(false) };
        // What is in transport streams alone has no place among the fragments that one answer gives in order.
        if !self.configuration.is_mpeg_audio() {
            *fragments = fragments.wrapping_add(1);
        }
        let data = fmp4::fragment(*fragments, number, &samples)?;
        if segment.parts.is_empty() {
            let shown = first.time.saturating_add_signed(first.composition);
            let late = shown as i64 - segment.start as i64;
            let late = i128::from(late) * 1_000_000_000 / i128::from(self.timescale);
            segment.wall = segment.wall.saturating_add_signed(late as i64);
            segment.start = shown;
        }
        let duration = samples.iter().map(|sample| u64::from(sample.duration)).sum();
        segment.duration += duration;
        let (number, independent) = (self.next_part, first.key);
        fmp4::share(&data, &mut samples);
        segment.parts.push(Part { number, fragment: *fragments, duration, independent, data, samples });
        self.next_part += 1;
        Ok(true)
    }

    /// Ends the growing segment, which lasts until this time in nanoseconds where there is nothing in it.
    pub(crate) fn close(&mut self, time: u64, fragments: &mut u32, settings: &Settings) -> Result<(), Error> {
        self.end_part(fragments)?;
        let Some(mut segment) = self.growing.take() else { return Ok(()) };
        if segment.parts.is_empty() {
            segment.duration = self.ticks(time).saturating_sub(segment.start);
        }
        self.whole.push_back(segment);
        self.forget(settings);
        Ok(())
    }

    /// Takes the oldest segments from the list, and lets go of those that have not been listed for long.
    fn forget(&mut self, settings: &Settings) {
        let most_bytes = settings.most_bytes;
        let mut bytes: usize = self.whole.iter().map(Segment::bytes).sum();
        loop {
            let listed = self.listed().count();
            let is_too_much = bytes > most_bytes;
            if listed > settings.window || is_too_much && listed == self.whole.len() && listed > LEAST_WINDOW
            {
                let first = self.listed().next().map_or(0, |segment| segment.number);
                self.first_listed = first + 1;
            } else if self.whole.len() > listed
                && (is_too_much || self.whole.len() > listed + settings.window)
            {
                bytes -= self.whole.pop_front().map_or(0, |segment| segment.bytes());
            } else {
                break;
            }
        }
        let oldest = self.whole.front().map_or(0, |segment| segment.initialization);
        self.initializations.retain(|known| known.number >= oldest);
    }

    /// Finds out how long parts are, from the frames so far.
    pub(crate) fn settle(&mut self, part: u64) {
        let longest = self.longest_frame.max(1);
        let full = part / longest * longest;
        let target = match full {
            0 => longest,
            // A part shall be at least 85 % of the target (RFC 8216bis, 4.4.4.9).
            _ if full * 100 < part * 87 => full,
            _ => part,
        };
        // Those of a segment that grows are listed as they are.
        let parts = self.growing.iter().flat_map(|segment| &segment.parts);
        let longest = parts.map(|part| part.duration).max().unwrap_or(0);
        self.part_target.get_or_insert(target.max(longest));
    }

    /// Whether a whole segment has parts as they shall be (RFC 8216bis, 4.4.4.9). Those that were made before it was
    /// known how long they are may not be so, where pictures were missing.
    pub(crate) fn has_parts(&self, segment: &Segment) -> bool {
        let target = self.most_duration();
        let last = segment.parts.len().saturating_sub(1);
        segment.parts.iter().enumerate().all(|(i, part)| {
            let is_long_enough = part.duration * 100 >= target.saturating_mul(LEAST_PART);
            part.duration <= target && (is_long_enough || i == last || part.independent)
        })
    }
}

fn scale(ticks: u64, from: u32, to: u32) -> u64 {
    (u128::from(ticks) * u128::from(to) / u128::from(from.max(1))) as u64
}
