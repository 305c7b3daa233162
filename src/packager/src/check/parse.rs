//! Reads a media playlist.

use std::collections::HashMap;

/// A media playlist.
#[derive(Debug, Clone, Default)]
pub struct Playlist {
    /// `EXT-X-VERSION`.
    pub version: u64,
    /// `EXT-X-TARGETDURATION` in seconds.
    pub target: f64,
    /// `PART-TARGET` of `EXT-X-PART-INF` in seconds.
    pub part_target: Option<f64>,
    /// `EXT-X-MEDIA-SEQUENCE`.
    pub first_number: u64,
    /// `EXT-X-DISCONTINUITY-SEQUENCE`.
    pub discontinuities: u64,
    /// How many segments a delta update leaves out.
    pub skipped: u64,
    /// The segments; the last one may be without a duration, with parts alone.
    pub segments: Vec<Segment>,
    /// The URI of the part that comes next.
    pub hint: Option<String>,
    /// `EXT-X-RENDITION-REPORT`: the other playlist, its last segment and the last part of that.
    pub reports: Vec<(String, u64, Option<u64>)>,
    /// `EXT-X-ENDLIST`.
    pub has_ended: bool,
    pub(super) controls: HashMap<String, String>,
}

/// A segment of a playlist.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Segment {
    /// Its media sequence number.
    pub number: u64,
    /// Its discontinuity sequence number.
    pub period: u64,
    /// Empty where it is not whole.
    pub uri: String,
    /// In seconds; none where it is not whole.
    pub duration: Option<f64>,
    /// Whether `EXT-X-DISCONTINUITY` stands before it.
    pub discontinuity: bool,
    /// The URI of its initialization segment.
    pub map: Option<String>,
    /// `EXT-X-PROGRAM-DATE-TIME` in seconds of the day: of use for differences.
    pub date: Option<f64>,
    /// Whether it is `EXT-X-GAP`.
    pub gap: bool,
    /// Its parts.
    pub parts: Vec<Part>,
}

/// A part of a segment.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Where it is.
    pub uri: String,
    /// In seconds.
    pub duration: f64,
    /// Whether it begins with a key frame.
    pub independent: bool,
}

impl Segment {
    /// How long it is, as far as it is there, in seconds.
    pub fn length(&self) -> f64 {
        self.duration.unwrap_or_else(|| self.parts.iter().map(|part| part.duration).sum())
    }

    fn is_begun(&self) -> bool {
        !self.parts.is_empty()
    }
}

impl Playlist {
    /// A number of `EXT-X-SERVER-CONTROL`.
    pub fn control(&self, name: &str) -> Option<f64> {
        self.controls.get(name)?.parse().ok()
    }
}

/// Reads a playlist, and notes what cannot be read.
pub(super) fn parse(text: &str, found: &mut Vec<String>) -> Playlist {
    let mut reader = Reader::default();
    let mut lines = text.lines();
    if lines.next() != Some("#EXTM3U") {
        found.push("the first line is not #EXTM3U (4.4.1.1)".into());
    }
    for line in lines.filter(|line| !line.is_empty()) {
        if reader.line(line).is_none() {
            found.push(format!("this line cannot be read: {line}"));
        }
    }
    for tag in ["EXT-X-VERSION", "EXT-X-TARGETDURATION"] {
        match reader.counts.get(tag) {
            Some(1) => {}
            count => found.push(format!("{tag} is there {} times", count.copied().unwrap_or(0))),
        }
    }
    reader.end()
}

#[derive(Default)]
struct Reader {
    playlist: Playlist,
    segment: Segment,
    map: Option<String>,
    period_steps: u64,
    counts: HashMap<String, u64>,
}

impl Reader {
    /// `None` where the line is not one of a media playlist.
    fn line(&mut self, line: &str) -> Option<()> {
        let Some(tag) = line.strip_prefix('#') else {
            self.segment.uri = line.to_owned();
            self.segment.duration?;
            self.end_segment();
            return Some(());
        };
        let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
        *self.counts.entry(name.to_owned()).or_default() += 1;
        match name {
            "EXT-X-DISCONTINUITY" => {
                self.segment.discontinuity = true;
                self.period_steps += 1;
            }
            "EXT-X-MAP" => self.map = Some(attributes(value)?.remove("URI")?),
            "EXT-X-PROGRAM-DATE-TIME" => self.segment.date = Some(seconds_of_day(value)?),
            "EXT-X-GAP" => self.segment.gap = true,
            "EXT-X-PART" => self.segment.parts.push(part(value)?),
            "EXTINF" => self.segment.duration = Some(value.split_once(',')?.0.parse().ok()?),
            _ => return self.of_playlist(name, value),
        }
        Some(())
    }

    fn of_playlist(&mut self, name: &str, value: &str) -> Option<()> {
        let playlist = &mut self.playlist;
        match name {
            "EXT-X-VERSION" => playlist.version = value.parse().ok()?,
            "EXT-X-TARGETDURATION" => playlist.target = value.parse::<u64>().ok()? as f64,
            "EXT-X-MEDIA-SEQUENCE" => playlist.first_number = value.parse().ok()?,
            "EXT-X-DISCONTINUITY-SEQUENCE" => playlist.discontinuities = value.parse().ok()?,
            "EXT-X-PART-INF" => {
                playlist.part_target = Some(attributes(value)?.get("PART-TARGET")?.parse().ok()?);
            }
            "EXT-X-SERVER-CONTROL" => playlist.controls = attributes(value)?,
            "EXT-X-SKIP" => playlist.skipped = attributes(value)?.get("SKIPPED-SEGMENTS")?.parse().ok()?,
            "EXT-X-PRELOAD-HINT" => playlist.hint = Some(attributes(value)?.remove("URI")?),
            "EXT-X-RENDITION-REPORT" => {
                let mut values = attributes(value)?;
                let part = values.get("LAST-PART").map(|part| part.parse()).transpose().ok()?;
                playlist.reports.push((values.remove("URI")?, values.get("LAST-MSN")?.parse().ok()?, part));
            }
            "EXT-X-ENDLIST" => playlist.has_ended = true,
            _ => return None,
        }
        Some(())
    }

    fn end_segment(&mut self) {
        let mut segment = std::mem::take(&mut self.segment);
        segment.number =
            self.playlist.first_number + self.playlist.skipped + self.playlist.segments.len() as u64;
        segment.period = self.playlist.discontinuities + self.period_steps;
        segment.map = self.map.clone();
        self.playlist.segments.push(segment);
    }

    fn end(mut self) -> Playlist {
        if self.segment.is_begun() {
            self.end_segment();
        }
        self.playlist
    }
}

fn part(value: &str) -> Option<Part> {
    let mut values = attributes(value)?;
    let independent = values.get("INDEPENDENT").is_some_and(|value| value == "YES");
    Some(Part { duration: values.get("DURATION")?.parse().ok()?, uri: values.remove("URI")?, independent })
}

/// An attribute list (4.2), without the quotes of its strings.
fn attributes(mut list: &str) -> Option<HashMap<String, String>> {
    let mut out = HashMap::new();
    while !list.is_empty() {
        let (name, rest) = list.split_once('=')?;
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (value, rest) = quoted.split_once('"')?;
                (value, rest.strip_prefix(',').unwrap_or(rest))
            }
            None => rest.split_once(',').unwrap_or((rest, "")),
        };
        if out.insert(name.to_owned(), value.to_owned()).is_some() {
            return None;
        }
        list = rest;
    }
    Some(out)
}

/// The day counts as a number of days of the month: enough for neighbours.
fn seconds_of_day(date: &str) -> Option<f64> {
    let (day, time) = date.strip_suffix('Z')?.split_once('T')?;
    let day: f64 = day.rsplit('-').next()?.parse().ok()?;
    let mut seconds = 0.0;
    for field in time.split(':') {
        seconds = seconds * 60.0 + field.parse::<f64>().ok()?;
    }
    Some(day * 86_400.0 + seconds)
}
