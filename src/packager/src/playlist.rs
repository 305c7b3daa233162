//! Playlists of HTTP Live Streaming (RFC 8216bis): one of media for each rendition, and the one above them.
//!
//! Written here because the library for playlists, `m3u8-rs` 6.0, knows none of the tags of Low-Latency HLS.

use std::fmt::Write;

use fql_unit::Media;
use mp4_atom::Codec;

use crate::Packager;
use crate::rendition::{Rendition, Segment};

/// How many target durations from the end parts are still listed (RFC 8216bis, 4.4.4.9).
const PARTS_LISTED: u64 = 3;
/// How many target durations from the end a delta update begins at the least (RFC 8216bis, 4.4.3.8).
const SKIP_UNTIL: u64 = 6;
/// How many target durations of parts a player stays away from the end (RFC 8216bis, 4.4.3.8).
const PARTS_HELD_BACK: f64 = 3.0;

/// How a time is written: nanoseconds since 1970 as ISO 8601, in UTC.
pub(crate) fn date_time(nanos: u64) -> String {
    let (seconds, millis) = (nanos / 1_000_000_000, nanos / 1_000_000 % 1000);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // The proleptic Gregorian calendar from a count of days, by eras of 400 years that begin in March.
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let (day, month) =
        (day_of_year - (153 * shifted + 2) / 5 + 1, if shifted < 10 { shifted + 3 } else { shifted - 9 });
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// How far a playlist has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// What was asked for is in it.
    Yes,
    /// It is not yet, and may soon be.
    NotYet,
    /// It is too far ahead (RFC 8216bis, 6.2.5.2).
    TooFar,
}

/// How many segments ahead a player may ask for.
const MOST_AHEAD: u64 = 2;
/// How many parts of a segment a player may ask for: more than there can be.
const MOST_PARTS: u64 = 1000;

impl Packager {
    /// Whether the playlist of a rendition has this segment, or this part of it.
    pub fn reached(&self, rendition: &Rendition, number: u64, part: Option<u64>) -> Reached {
        let whole = rendition.listed().last();
        let last_whole = whole.map(|segment| segment.number);
        let next = last_whole.map_or(number, |last| last + 1);
        if number > next.saturating_add(MOST_AHEAD) || part.is_some_and(|part| part >= MOST_PARTS) {
            return Reached::TooFar;
        }
        // Only then: answers are kept by caches under the number that was asked for, which a stream that begins again may
        // come to have.
        if self.has_ended() {
            return Reached::Yes;
        }
        let has_grown_to = |number: u64, part: u64| {
            let growing = rendition.growing().filter(|segment| segment.number == number);
            growing.is_some_and(|segment| segment.parts.len() as u64 > part)
        };
        let is_there = match part {
            _ if last_whole.is_some_and(|last| last > number) => true,
            None => last_whole == Some(number),
            // A part after the last one of a segment is the first one of the next.
            Some(part) if last_whole == Some(number) => {
                whole.is_some_and(|segment| segment.parts.len() as u64 > part) || has_grown_to(number + 1, 0)
            }
            Some(part) => has_grown_to(number, part),
        };
        if is_there { Reached::Yes } else { Reached::NotYet }
    }

    /// The media playlist of a rendition, or, where the player allows it and there is enough to skip, a delta update of
    /// it. `None` before there is a first segment.
    pub fn media_playlist(&self, rendition: &Rendition, skip: bool) -> Option<String> {
        let target = self.target_duration()?;
        let part_target = rendition.part_target()?;
        let first = rendition.listed().next()?;
        let mut out = String::from("#EXTM3U\n#EXT-X-VERSION:9\n");
        let _ = writeln!(out, "#EXT-X-TARGETDURATION:{target}");
        let (hold_back, until) = (PARTS_HELD_BACK * part_target, SKIP_UNTIL * target);
        let _ = writeln!(
            out,
            "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK={hold_back:.3},CAN-SKIP-UNTIL={until}.0"
        );
        let _ = writeln!(out, "#EXT-X-PART-INF:PART-TARGET={part_target:.3}");
        let _ = writeln!(out, "#EXT-X-MEDIA-SEQUENCE:{}", first.number);
        let before = first.period - u64::from(first.discontinuity);
        let _ = writeln!(out, "#EXT-X-DISCONTINUITY-SEQUENCE:{before}");
        let mut writer = Writer { out, rendition, target, initialization: None };
        let skipped = if skip { self.skipped(rendition, target) } else { 0 };
        if skipped > 0 {
            let _ = writeln!(writer.out, "#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}");
            writer.initialization = rendition.listed().nth(skipped - 1).map(|segment| segment.initialization);
        }
        writer.segments(skipped);
        let mut out = writer.out;
        if self.has_ended() {
            out.push_str("#EXT-X-ENDLIST\n");
        } else {
            let (name, part) = (rendition.name(), rendition.next_part());
            let _ = writeln!(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{name}/part-{part}.m4s\"");
            self.write_reports(&mut out, rendition);
        }
        Some(out)
    }

    /// How many segments a delta update leaves out: those that end before the skip boundary.
    fn skipped(&self, rendition: &Rendition, target: u64) -> usize {
        let boundary = SKIP_UNTIL * target * u64::from(rendition.timescale());
        let growing = rendition.growing().map_or(0, |segment| segment.duration);
        let mut after: u64 = growing + rendition.listed().map(|segment| segment.duration).sum::<u64>();
        let is_left_out = |segment: &&Segment| {
            after -= segment.duration;
            after >= boundary
        };
        rendition.listed().take_while(is_left_out).count()
    }

    fn write_reports(&self, out: &mut String, rendition: &Rendition) {
        for other in self.renditions().filter(|other| other.id() != rendition.id()) {
            let Some((number, parts)) = other.last() else { continue };
            let _ = write!(out, "#EXT-X-RENDITION-REPORT:URI=\"{}.m3u8\",LAST-MSN={number}", other.name());
            if let Some(part) = parts.checked_sub(1) {
                let _ = write!(out, ",LAST-PART={part}");
            }
            out.push('\n');
        }
    }

    /// The multivariant playlist: sound is a rendition of its own, which all video shares. `None` before there is a
    /// first segment.
    pub fn multivariant_playlist(&self) -> Option<String> {
        self.target_duration()?;
        let mut out = String::from("#EXTM3U\n#EXT-X-VERSION:9\n");
        let (videos, sounds): (Vec<_>, Vec<_>) =
            self.renditions().partition(|rendition| rendition.is_video());
        if videos.is_empty() {
            for sound in &sounds {
                self.write_variant(&mut out, sound, &[]);
            }
            return Some(out);
        }
        for (i, sound) in sounds.iter().enumerate() {
            let channels = match &sound.configuration().entry {
                Codec::Mp4a(entry) => entry.audio.channel_count,
                Codec::Opus(entry) => entry.audio.channel_count,
                _ => 2,
            };
            let default = if i == 0 { "YES" } else { "NO" };
            let name = sound.name();
            let _ = writeln!(
                out,
                "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"sound\",NAME=\"{name}\",DEFAULT={default},AUTOSELECT=YES,\
                 CHANNELS=\"{channels}\",URI=\"{name}.m3u8\""
            );
        }
        for video in &videos {
            self.write_variant(&mut out, video, &sounds);
        }
        Some(out)
    }

    fn write_variant(&self, out: &mut String, rendition: &Rendition, sounds: &[&Rendition]) {
        let (sound_peak, sound_average) = sounds.iter().map(|sound| rates(sound)).max().unwrap_or_default();
        let (peak, average) = rates(rendition);
        let mut codecs = vec![rendition.codec()];
        for sound in sounds {
            if !codecs.contains(&sound.codec()) {
                codecs.push(sound.codec());
            }
        }
        let (peak, average, codecs) = (peak + sound_peak, average + sound_average, codecs.join(","));
        let _ =
            write!(out, "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average},CODECS=\"{codecs}\"");
        if let Some((width, height)) = size(rendition) {
            let _ = write!(out, ",RESOLUTION={width}x{height}");
        }
        if let Some(rate) = self.frame_rate(rendition) {
            let _ = write!(out, ",FRAME-RATE={rate:.3}");
        }
        if !sounds.is_empty() {
            out.push_str(",AUDIO=\"sound\"");
        }
        let _ = writeln!(out, "\n{}.m3u8", rendition.name());
    }

    /// Frames a second, where the table of tracks says it.
    pub(crate) fn frame_rate(&self, rendition: &Rendition) -> Option<f64> {
        match self.media(rendition.id())? {
            Media::EncodedVideo(video) if video.frame_rate.0 > 0 => {
                Some(f64::from(video.frame_rate.0) / f64::from(video.frame_rate.1))
            }
            _ => None,
        }
    }
}

/// The width and height of video.
pub(crate) fn size(rendition: &Rendition) -> Option<(u16, u16)> {
    rendition.configuration().entry.visual().map(|visual| (visual.width, visual.height))
}

/// The highest rate of a segment, and the rate of all that are listed, in bits a second; at least 1.
pub(crate) fn rates(rendition: &Rendition) -> (u64, u64) {
    let timescale = u64::from(rendition.timescale());
    let rate = |bytes: usize, duration: u64| (bytes as u64 * 8 * timescale).div_ceil(duration.max(1)).max(1);
    let peak = rendition.listed().map(|segment| rate(segment.bytes(), segment.duration)).max();
    let bytes = rendition.listed().map(Segment::bytes).sum();
    let duration = rendition.listed().map(|segment| segment.duration).sum();
    (peak.unwrap_or(1), rate(bytes, duration))
}

/// Writes the segments of a media playlist.
struct Writer<'a> {
    out: String,
    rendition: &'a Rendition,
    target: u64,
    initialization: Option<u64>,
}

impl Writer<'_> {
    fn segments(&mut self, skipped: usize) {
        let rendition = self.rendition;
        let with_parts = PARTS_LISTED * self.target * u64::from(rendition.timescale());
        let growing = rendition.growing().filter(|segment| !segment.parts.is_empty());
        let all: u64 = rendition.listed().chain(growing).map(|segment| segment.duration).sum();
        let mut until_end = all;
        for (i, segment) in rendition.listed().enumerate() {
            until_end -= segment.duration;
            if i < skipped {
                continue;
            }
            self.head(segment);
            if until_end < with_parts && rendition.has_parts(segment) {
                self.parts(segment);
            }
            self.whole(segment);
        }
        if let Some(segment) = growing {
            self.head(segment);
            self.parts(segment);
        }
    }

    fn seconds(&self, ticks: u64) -> f64 {
        ticks as f64 / f64::from(self.rendition.timescale())
    }

    fn head(&mut self, segment: &Segment) {
        let name = self.rendition.name();
        if segment.discontinuity {
            self.out.push_str("#EXT-X-DISCONTINUITY\n");
        }
        let initialization = segment.initialization;
        if self.initialization.replace(initialization) != Some(initialization) {
            let _ = writeln!(self.out, "#EXT-X-MAP:URI=\"{name}/init-{initialization}.mp4\"");
        }
        let _ = writeln!(self.out, "#EXT-X-PROGRAM-DATE-TIME:{}", date_time(segment.wall));
    }

    fn parts(&mut self, segment: &Segment) {
        let name = self.rendition.name();
        for part in &segment.parts {
            let (duration, number) = (self.seconds(part.duration), part.number);
            let _ = write!(self.out, "#EXT-X-PART:DURATION={duration:.5},URI=\"{name}/part-{number}.m4s\"");
            self.out.push_str(if part.independent { ",INDEPENDENT=YES\n" } else { "\n" });
        }
    }

    fn whole(&mut self, segment: &Segment) {
        if segment.parts.is_empty() {
            self.out.push_str("#EXT-X-GAP\n");
        }
        let (duration, name) = (self.seconds(segment.duration), self.rendition.name());
        let _ = writeln!(self.out, "#EXTINF:{duration:.5},\n{name}/seg-{}.m4s", segment.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_dates() {
        assert_eq!(date_time(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(date_time(951_782_400_000_000_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(date_time(1_795_362_292_123_000_000), "2026-11-22T15:44:52.123Z");
    }

    #[test]
    fn a_playlist_that_has_ended_has_no_segments_far_ahead() {
        use fql_unit::encoded::ENCODED_AUDIO_LAYERS;
        use fql_unit::{AudioCodec, EncodedAudioInfo, Track, TrackTable};

        let info = EncodedAudioInfo {
            codec: AudioCodec::Opus,
            rate: 48_000,
            channels: 2,
            config: Vec::new(),
            caps: "audio/x-opus".into(),
        };
        let (name, media) = (String::new(), Media::EncodedAudio(info));
        let table =
            TrackTable::new(vec![Track { id: 1, name, layers: ENCODED_AUDIO_LAYERS, media }]).unwrap();
        let mut packager = Packager::new(crate::Settings::default());
        assert!(packager.tracks(&table).is_empty());
        for packet in 0..400 {
            // 20 ms each.
            let (time, data) = (packet * 20_000_000, bytes::Bytes::from_static(&[0x08, 1, 2]));
            let unit = crate::AccessUnit { track: 1, time, composition: 0, duration: 0, key: true, data };
            packager.unit(unit, time).unwrap();
        }
        packager.end();
        let rendition = packager.renditions().next().unwrap();
        let last = rendition.listed().last().unwrap().number;
        assert_eq!(packager.reached(rendition, last + 1, None), Reached::Yes, "who waited hears of the end");
        assert_eq!(packager.reached(rendition, last + 10, None), Reached::TooFar);
    }
}
