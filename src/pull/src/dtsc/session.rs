//! A conversation with a DTSC origin, as bytes in and events out.

use std::collections::BTreeMap;

use bytes::{Buf, Bytes, BytesMut};
use fql_unit::encoded::{AudioShape, ENCODED_AUDIO_LAYERS, ENCODED_VIDEO_LAYERS, VideoShape};
use fql_unit::{AudioCodec, EncodedAudioInfo, EncodedVideoInfo, Media, Track, TrackTable, VideoCodec};

use super::packed::{self, Value};
use crate::describe::parameter_sets_of;
use crate::out::Unit;

/// The longest message.
const LONGEST: usize = 64 << 20;
/// The most tracks that are taken.
const MOST_TRACKS: usize = 32;
const MILLISECOND: i64 = 1_000_000;

/// What comes of what the origin says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// To be sent to it.
    Send(Vec<u8>),
    /// The tracks of what follows.
    Tracks(TrackTable),
    /// A unit of one.
    Unit(Unit),
    /// It will not go on, and says this.
    Refused(String),
}

/// What is no DTSC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damaged;

impl From<packed::Damaged> for Damaged {
    fn from(_: packed::Damaged) -> Self {
        Self
    }
}

/// A conversation.
#[derive(Debug, Default)]
pub(super) struct Session {
    unread: BytesMut,
    /// By the origin's ids.
    lines: BTreeMap<i64, Line>,
    /// The next track's number here: those of tracks that are gone come again at last.
    next: u8,
}

#[derive(Debug)]
struct Line {
    number: u8,
    media: Media,
    /// The newest time that was given.
    newest: i64,
    /// Whether the track has gone back, and repeats what was given.
    repeats: bool,
}

/// What asks for a stream.
pub(super) fn play(stream: &str, options: &[(String, String)]) -> Vec<u8> {
    let own =
        [("cmd", "play"), ("stream", stream), ("version", concat!("streamd/", env!("CARGO_PKG_VERSION")))];
    // In the order of time, from the newest key frame.
    let has_sync = options.iter().any(|(name, _)| name == "sync");
    let sync = (!has_sync).then_some(("sync", "1"));
    let options = options.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let options = options.filter(|(name, _)| !matches!(*name, "" | "cmd" | "stream" | "version"));
    command(&packed::object(own.into_iter().chain(sync).chain(options)))
}

fn command(object: &[u8]) -> Vec<u8> {
    [b"DTCM", &(object.len() as u32).to_be_bytes()[..], object].concat()
}

impl Session {
    /// Takes bytes.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Vec<Event>, Damaged> {
        self.unread.extend_from_slice(bytes);
        let mut events = Vec::new();
        while self.unread.len() >= 8 {
            let magic = [self.unread[0], self.unread[1], self.unread[2], self.unread[3]];
            let length = u32::from_be_bytes([self.unread[4], self.unread[5], self.unread[6], self.unread[7]]);
            let length = length as usize;
            if &magic[..2] != b"DT" || length > LONGEST {
                return Err(Damaged);
            }
            if self.unread.len() < 8 + length {
                break;
            }
            self.unread.advance(8);
            let body = self.unread.split_to(length).freeze();
            match &magic {
                b"DTCM" => events.extend(self.command(&body)?),
                b"DTSC" => events.extend(self.header(&body)?),
                b"DTP2" => events.extend(self.packet(&body)?),
                _ => {}
            }
        }
        Ok(events)
    }

    fn command(&self, body: &Bytes) -> Result<Option<Event>, Damaged> {
        let value = Value::read(body)?;
        Ok(match value.get("cmd").and_then(Value::text) {
            Some("ping") => Some(Event::Send(command(&packed::object([("cmd", "ok"), ("msg", "Pong!")])))),
            Some("error") => {
                let why = value.get("msg").and_then(Value::text).unwrap_or_default();
                Some(Event::Refused(why.chars().filter(|c| !c.is_control()).take(200).collect()))
            }
            _ => None,
        })
    }

    fn header(&mut self, body: &Bytes) -> Result<Option<Event>, Damaged> {
        let value = Value::read(body)?;
        let tracks = value.get("tracks").map(Value::members).unwrap_or_default();
        let mut before = std::mem::take(&mut self.lines);
        for (_, track) in tracks {
            let Some((id, media)) = track.get("trackid").and_then(Value::number).zip(media(track)) else {
                continue;
            };
            if self.lines.len() >= MOST_TRACKS {
                break;
            }
            let line = match before.remove(&id) {
                Some(line) if line.media == media => line,
                _ => Line { number: self.number(), media, newest: i64::MIN, repeats: false },
            };
            self.lines.insert(id, line);
        }
        let tracks = self.lines.values().map(|line| {
            let layers = if line.media.is_video() { ENCODED_VIDEO_LAYERS } else { ENCODED_AUDIO_LAYERS };
            Track { id: line.number, name: String::new(), layers, media: line.media.clone() }
        });
        Ok(Some(Event::Tracks(TrackTable::new(tracks.collect()).map_err(|_| Damaged)?)))
    }

    fn number(&mut self) -> u8 {
        let number = self.next;
        self.next = (self.next + 1) % 128;
        number
    }

    fn packet(&mut self, body: &Bytes) -> Result<Option<Event>, Damaged> {
        let mut body = body.clone();
        if body.len() < 12 {
            return Err(Damaged);
        }
        let (id, time) = (i64::from(body.get_u32()), body.get_i64());
        let Some(line) = self.lines.get_mut(&id) else { return Ok(None) };
        let packet = Value::read(&body)?;
        let Some(data) = packet.get("data").and_then(Value::bytes).filter(|data| !data.is_empty()) else {
            return Ok(None);
        };
        // After another header a track begins again at its last key frame, and repeats what was given.
        line.repeats = time < line.newest || (line.repeats && time <= line.newest);
        if line.repeats {
            return Ok(None);
        }
        line.newest = time;
        let dts = time.saturating_mul(MILLISECOND);
        let offset = packet.get("offset").and_then(Value::number).unwrap_or(0);
        let pts = dts.saturating_add(offset.saturating_mul(MILLISECOND));
        let key = !line.media.is_video()
            || packet.get("keyframe").and_then(Value::number).is_some_and(|key| key != 0);
        Ok(Some(Event::Unit(Unit { track: line.number, dts, pts, duration: 0, key, data: data.clone() })))
    }
}

/// What a track is; none where it is of no codec that is taken.
fn media(track: &Value) -> Option<Media> {
    let codec = track.get("codec")?.text()?;
    let config = track.get("init").and_then(Value::bytes).map(|init| init.to_vec()).unwrap_or_default();
    let config = if codec == "HEVC" { parameter_sets_of(config) } else { config };
    let number = |name: &str| u32::try_from(track.get(name)?.number()?).ok();
    let video = |codec, name: &str, format: &str| {
        let told = VideoShape::of_config(codec, &config);
        let width = told.map(|shape| shape.width).or(number("width"))?;
        let height = told.map(|shape| shape.height).or(number("height"))?;
        let frame_rate = (0, 1);
        let caps =
            format!("{name}{format}, width=(int){width}, height=(int){height}, framerate=(fraction)0/1");
        let config = config.clone();
        Some(Media::EncodedVideo(EncodedVideoInfo { codec, width, height, frame_rate, config, caps }))
    };
    match codec {
        "H264" => {
            video(VideoCodec::H264, "video/x-h264", ", stream-format=(string)avc, alignment=(string)au")
        }
        "HEVC" => {
            video(VideoCodec::H265, "video/x-h265", ", stream-format=(string)hvc1, alignment=(string)au")
        }
        "AV1" => {
            video(VideoCodec::Av1, "video/x-av1", ", stream-format=(string)obu-stream, alignment=(string)tu")
        }
        "VP8" => video(VideoCodec::Vp8, "video/x-vp8", ""),
        "VP9" => video(VideoCodec::Vp9, "video/x-vp9", ""),
        "AAC" => {
            let codec = AudioCodec::Aac;
            // The members are hints only.
            let told = AudioShape::of_config(codec, &config);
            let rate = told.map(|shape| shape.rate).or(number("rate"))?;
            let channels = told.map(|shape| shape.channels).or(number("channels")?.try_into().ok())?;
            let caps = format!(
                "audio/mpeg, mpegversion=(int)4, stream-format=(string)raw, rate=(int){rate}, channels=(int){channels}"
            );
            Some(Media::EncodedAudio(EncodedAudioInfo { codec, rate, channels, config, caps }))
        }
        "opus" => {
            let (codec, config) = (AudioCodec::Opus, opus_head(config));
            let AudioShape { rate, channels } = AudioShape::of_config(codec, &config)?;
            let caps = format!(
                "audio/x-opus, channel-mapping-family=(int)0, rate=(int){rate}, channels=(int){channels}"
            );
            Some(Media::EncodedAudio(EncodedAudioInfo { codec, rate, channels, config, caps }))
        }
        _ => None,
    }
}

/// The identification header with its numbers in the right order: from MP4 they come in the order of MP4.
fn opus_head(mut head: Vec<u8>) -> Vec<u8> {
    if head.get(12..16) == Some(&[0, 0, 0xbb, 0x80]) {
        head[10..12].reverse();
        head[12..16].reverse();
    }
    head
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVE: &[u8] = include_bytes!("../../tests/dtsc/live-sync.s2c.bin");
    const TRACKS: &[u8] = include_bytes!("../../tests/dtsc/live-tracks.s2c.bin");
    const FILE: &[u8] = include_bytes!("../../tests/dtsc/vod-hevc-opus.s2c.bin");
    const ERROR: &[u8] = include_bytes!("../../tests/dtsc/error-nosuch.s2c.bin");

    /// All events, from bytes in pieces of this size.
    fn events(bytes: &[u8], piece: usize) -> Vec<Event> {
        let mut session = Session::default();
        bytes.chunks(piece).flat_map(|piece| session.take(piece).unwrap()).collect()
    }

    /// How many units came of each track, how many of them are keys, and the first and last decoding times in ms.
    fn counts(events: &[Event]) -> Vec<(u8, usize, usize, i64, i64)> {
        let mut counts = BTreeMap::<u8, (usize, usize, i64, i64)>::new();
        for event in events {
            if let Event::Unit(unit) = event {
                let time = unit.dts / MILLISECOND;
                let count = counts.entry(unit.track).or_insert((0, 0, time, 0));
                *count = (count.0 + 1, count.1 + usize::from(unit.key), count.2, time);
            }
        }
        counts
            .into_iter()
            .map(|(track, (units, keys, first, last))| (track, units, keys, first, last))
            .collect()
    }

    #[test]
    fn a_live_stream_comes_whole_however_its_bytes_are_cut() {
        let whole = events(LIVE, LIVE.len());
        assert_eq!(counts(&whole), [(0, 108, 6, 10_312, 14_624), (1, 203, 203, 10_320, 14_608)]);
        let answers = whole.iter().filter(|event| matches!(event, Event::Send(_))).count();
        assert_eq!(answers, 1, "the ping is answered");
        for piece in [1, 7, 1000] {
            assert_eq!(events(LIVE, piece), whole, "in pieces of {piece}");
        }
        let tables: Vec<_> = whole
            .iter()
            .filter_map(|event| if let Event::Tracks(t) = event { Some(t) } else { None })
            .collect();
        let Media::EncodedVideo(video) = &tables[0].tracks()[0].media else { panic!("video") };
        assert_eq!((video.width, video.height, tables[0].tracks().len()), (640, 360, 2));
        let offsets = whole
            .iter()
            .filter_map(|event| if let Event::Unit(unit) = event { Some(unit.pts - unit.dts) } else { None });
        assert_eq!(offsets.max(), Some(160 * MILLISECOND));
    }

    #[test]
    fn what_is_repeated_after_another_header_is_given_once() {
        let all = counts(&events(TRACKS, 4096));
        let units: Vec<_> = all.iter().map(|(_, units, ..)| *units).collect();
        assert_eq!(units, [361, 726, 236]);
    }

    #[test]
    fn a_file_has_a_header_of_opus_that_decoders_take() {
        let all = events(FILE, 4096);
        assert_eq!(counts(&all), [(0, 99, 4, 0, 3_920), (1, 200, 200, 0, 3_980)]);
        let Some(Event::Tracks(table)) = all.iter().find(|event| matches!(event, Event::Tracks(_))) else {
            panic!()
        };
        let Media::EncodedAudio(sound) = &table.tracks()[1].media else { panic!("sound") };
        assert_eq!(sound.config[10..16], [0x38, 1, 0x80, 0xbb, 0, 0]);
    }

    #[test]
    fn what_is_not_there_is_said() {
        assert_eq!(events(ERROR, 4096), [Event::Refused("Stream open failed".to_owned())]);
    }

    #[test]
    fn what_is_asked_for_can_be_read() {
        let asked =
            play("live", &[("video".to_owned(), "none".to_owned()), ("cmd".to_owned(), "push".to_owned())]);
        let value = Value::read(&Bytes::copy_from_slice(&asked[8..])).unwrap();
        let texts: Vec<_> = value.members().iter().filter_map(|(_, value)| value.text()).collect();
        assert_eq!((texts[0], texts[1], &texts[3..]), ("play", "live", &["1", "none"][..]));
    }

    proptest::proptest! {
        #[test]
        fn no_damage_makes_it_panic(at in 0_usize..20_000, byte: u8, piece in 1_usize..5000) {
            let mut bytes = LIVE[..20_000].to_vec();
            bytes[at] = byte;
            let mut session = Session::default();
            for piece in bytes.chunks(piece) {
                if session.take(piece).is_err() {
                    break;
                }
            }
        }
    }
}
