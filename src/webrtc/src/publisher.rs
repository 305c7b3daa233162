//! What a publisher sends: packets that were put together become access units, on tracks that are known once there was
//! a key picture.

use std::time::{Duration, Instant};

use bytes::Bytes;
use fql_unit::encoded::{ENCODED_AUDIO_LAYERS, ENCODED_VIDEO_LAYERS, Framing, Judge, VideoShape};
use fql_unit::{Media, Track, TrackTable, VideoCodec};
use str0m::format::PayloadParams;
use str0m::media::{MediaData, Mid, Rid};

use crate::clock::{SenderTime, TrackClock, since};
use crate::codecs::{self, Known};
use crate::media::{Event, MediaUnit};
use crate::session::Agreed;

/// How long media is held back for tracks of which nothing came.
const LATE_TRACK: Duration = Duration::from_secs(2);
/// How long pictures are held back after a loss, for a key picture.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a key picture is asked for.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// The most tracks of a publisher.
const MOST_TRACKS: usize = 16;

/// Everything that one publisher sends.
#[derive(Debug)]
pub(crate) struct Publisher {
    start: Instant,
    lines: Vec<Line>,
    /// When the first media came.
    first: Option<Instant>,
    announced: Vec<Track>,
}

/// One medium of the offer, which is one track.
#[derive(Debug)]
struct Line {
    mid: Mid,
    /// The one of several versions of a picture that is taken.
    version: Option<Option<Rid>>,
    track: u8,
    media: Option<Media>,
    clock: TrackClock,
    judge: Option<(VideoCodec, Judge)>,
    /// Since when a key picture is waited for.
    awaits_key: Option<Instant>,
    asked: Option<Instant>,
}

/// What is to be done about data that came.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    pub(crate) events: Vec<Event>,
    /// A key picture is to be asked for.
    pub(crate) ask: Option<(Mid, Option<Rid>)>,
}

impl Publisher {
    pub(crate) fn new(start: Instant) -> Self {
        Self { start, lines: Vec::new(), first: None, announced: Vec::new() }
    }

    /// Takes a medium that can come in one of these formats.
    pub(crate) fn add(&mut self, now: Instant, added: &Agreed, formats: &[PayloadParams]) {
        let is_taken = formats.iter().any(|format| codecs::known(format.spec().codec).is_some());
        if is_taken && added.direction.is_receiving() && self.lines.len() < MOST_TRACKS {
            let track = self.lines.len() as u8;
            self.lines.push(Line {
                mid: added.mid,
                version: None,
                track,
                media: None,
                clock: TrackClock::default(),
                judge: None,
                awaits_key: Some(now),
                asked: None,
            });
        }
    }

    /// Whether nothing comes.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The video that a key picture is asked for.
    pub(crate) fn videos(&self) -> impl Iterator<Item = (Mid, Option<Rid>)> + '_ {
        let is_video = |line: &&Line| line.judge.is_some();
        self.lines.iter().filter(is_video).map(|line| (line.mid, line.version.flatten()))
    }

    /// Takes an access unit.
    pub(crate) fn take(&mut self, now: Instant, data: &MediaData) -> Taken {
        let mut taken = Taken::default();
        let Some(at) = self.lines.iter().position(|line| line.mid == data.mid) else { return taken };
        if *self.lines[at].version.get_or_insert(data.rid) != data.rid {
            return taken;
        }
        self.first.get_or_insert(now);
        let pts = self.time(at, data);
        let line = &mut self.lines[at];
        let key = match codecs::known(data.params.spec().codec) {
            Some(Known::Audio(_)) => {
                line.media.get_or_insert_with(codecs::opus);
                Some(true)
            }
            Some(Known::Video(codec)) => line.take_picture(now, codec, data, &mut taken),
            None => None,
        };
        let Some(key) = key else { return taken };
        let track = line.track;
        taken.events.extend(self.announce(now));
        if self.announced.iter().any(|announced| announced.id == track) {
            let data = Bytes::from_owner(data.data.clone());
            taken.events.push(Event::Unit(MediaUnit { track, pts, key, data }));
        }
        taken
    }

    /// The presentation time of data of a line.
    fn time(&mut self, at: usize, data: &MediaData) -> u64 {
        let nanos = |time: str0m::media::MediaTime| {
            let nanos = i128::from(time.numer()) * 1_000_000_000 / i128::from(time.frequency().get());
            i64::try_from(nanos).unwrap_or(i64::MAX / 4)
        };
        let rtp = nanos(data.time);
        let report =
            data.last_sender_info.map(|info| SenderTime { wall: info.ntp_time, rtp: nanos(info.rtp_time) });
        let is_video = self.lines[at].judge.is_some();
        let mut clock = std::mem::take(&mut self.lines[at].clock);
        if let Some(report) = report {
            clock.report(report);
        }
        let sound = self.lines.iter().find(|line| matches!(line.media, Some(Media::EncodedAudio(_))));
        if let Some(sound) = sound.filter(|_| is_video) {
            clock.follow(&sound.clock, rtp);
        }
        let time = clock.time(rtp, since(data.network_time, self.start));
        self.lines[at].clock = clock;
        time
    }

    /// The table, where it is to be told: when every track is known, or the rest is late, and whenever it changes.
    fn announce(&mut self, now: Instant) -> Option<Event> {
        let is_late = self.first.is_some_and(|first| since(now, first) >= LATE_TRACK);
        if self.announced.is_empty() && !is_late && self.lines.iter().any(|line| line.media.is_none()) {
            return None;
        }
        let tracks: Vec<_> = self.lines.iter().filter_map(Line::describe).collect();
        if tracks == self.announced {
            return None;
        }
        let table = TrackTable::new(tracks.clone()).ok()?;
        self.announced = tracks;
        Some(Event::Tracks(table))
    }
}

impl Line {
    fn describe(&self) -> Option<Track> {
        let media = self.media.clone()?;
        let layers = if media.is_video() { ENCODED_VIDEO_LAYERS } else { ENCODED_AUDIO_LAYERS };
        Some(Track { id: self.track, name: String::new(), layers, media })
    }

    /// Whether a picture is a key picture; `None` where it is of no use.
    fn take_picture(
        &mut self,
        now: Instant,
        codec: VideoCodec,
        data: &MediaData,
        taken: &mut Taken,
    ) -> Option<bool> {
        let has_judge = self.judge.as_ref().is_some_and(|(judged, _)| *judged == codec);
        if !has_judge {
            self.judge = Some((codec, Judge::new(codec, Framing::StartCodes)));
            self.awaits_key = Some(now);
        }
        let (_, judge) = self.judge.as_mut()?;
        let judgement = judge.judge(&data.data);
        let key = judgement.is_some_and(|judgement| judgement.key);
        if !data.contiguous && !key {
            self.awaits_key.get_or_insert(now);
        }
        if key {
            self.learn(codec, &data.data);
        }
        let is_known = self.media.is_some();
        let waits_in_vain = self.awaits_key.is_some_and(|asked| since(now, asked) > PATIENCE) && is_known;
        if (key && is_known) || waits_in_vain {
            self.awaits_key = None;
        }
        if self.awaits_key.is_some() {
            self.ask(now, data.rid, taken);
            return None;
        }
        judgement.map(|judgement| judgement.key)
    }

    /// A key picture says how large the pictures are.
    fn learn(&mut self, codec: VideoCodec, picture: &[u8]) {
        if let Some(shape) = VideoShape::of_access_unit(codec, Framing::StartCodes, picture) {
            self.media = Some(codecs::video(codec, (shape.width, shape.height)));
        }
    }

    fn ask(&mut self, now: Instant, rid: Option<Rid>, taken: &mut Taken) {
        if self.asked.is_none_or(|asked| since(now, asked) >= ASK_EVERY) {
            self.asked = Some(now);
            taken.ask = Some((self.mid, rid));
        }
    }
}
