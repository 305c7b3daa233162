//! What a player is told of a stream: SDP (RFC 8866) as RTSP wants it (RFC 2326, appendix C).

use std::fmt::Write;

use data_encoding::{BASE64, HEXUPPER};
use fql_mpegts::nal::parameter_sets;
use fql_unit::{AudioCodec, EncodedAudioInfo, EncodedVideoInfo, Media, TrackTable, VideoCodec};

use crate::payload::Payloader;

/// The first payload type that has no fixed meaning (RFC 3551, 6).
const FIRST_TYPE: u8 = 96;
/// More tracks than these are left out.
const MOST_TRACKS: usize = 8;
/// Ticks a second of video.
const VIDEO_CLOCK: u32 = 90_000;

/// The tracks of a stream that RTP can carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    pub(crate) lines: Vec<Line>,
}

/// How a track is carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) track: u8,
    pub(crate) payload_type: u8,
    pub(crate) clock: u32,
    pub(crate) is_video: bool,
    pub(crate) payloader: Payloader,
    /// What `rtpmap` says beside the payload type.
    encoding: String,
    /// What `fmtp` says.
    format: String,
}

impl Description {
    /// Of these tracks. Those that RTP cannot carry are left out: media in layers, data, and AAC that brings its
    /// configuration with each frame.
    pub fn new(table: &TrackTable) -> Self {
        let lines = table.tracks().iter().filter_map(|track| Line::of(track.id, &track.media));
        let number = |(i, line): (usize, Line)| Line { payload_type: FIRST_TYPE + i as u8, ..line };
        Self { lines: lines.take(MOST_TRACKS).enumerate().map(number).collect() }
    }

    /// Whether nothing of the stream can be carried.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether a player that was told of the other can go on with this: the tracks and their codecs are the same. What has
    /// changed of their pictures is in the parameter sets that come with them.
    pub fn goes_on_from(&self, other: &Self) -> bool {
        let same = |(a, b): (&Line, &Line)| {
            let format = a.is_video || a.format == b.format;
            (a.track, a.payload_type, &a.encoding) == (b.track, b.payload_type, &b.encoding) && format
        };
        self.lines.len() == other.lines.len() && self.lines.iter().zip(&other.lines).all(same)
    }

    /// The text, for a stream of this name.
    pub(crate) fn to_sdp(&self, name: &str) -> String {
        let name: String = name.chars().filter(|char| !char.is_control()).collect();
        let name = if name.is_empty() { "-" } else { &name };
        let mut out = String::from("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n");
        let _ = write!(out, "s={name}\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=range:npt=now-\r\na=control:*\r\n");
        for (i, line) in self.lines.iter().enumerate() {
            line.write(i, &mut out);
        }
        out
    }
}

impl Line {
    fn of(track: u8, media: &Media) -> Option<Self> {
        match media {
            Media::EncodedVideo(video) => Some(Self::of_video(track, video)),
            Media::EncodedAudio(audio) => Self::of_audio(track, audio),
            Media::Data(data) if data.caps.starts_with("audio/mpeg, mpegversion=(int)1,") => {
                Some(Self::new(track, Payloader::MpegAudio, "MPA", VIDEO_CLOCK, "", String::new()))
            }
            _ => None,
        }
    }

    fn new(track: u8, payloader: Payloader, name: &str, clock: u32, channels: &str, format: String) -> Self {
        let is_video = matches!(name, "H264" | "H265" | "VP8" | "VP9" | "AV1");
        let encoding = format!("{name}/{clock}{channels}");
        Self { track, payload_type: FIRST_TYPE, clock, is_video, payloader, encoding, format }
    }

    fn of_video(track: u8, video: &EncodedVideoInfo) -> Self {
        let config = &video.config[..];
        let (name, payloader, format) = match video.codec {
            VideoCodec::H264 => ("H264", Payloader::nal(video.codec, config), format_of_h264(config)),
            VideoCodec::H265 => ("H265", Payloader::nal(video.codec, config), format_of_h265(config)),
            VideoCodec::Vp8 => ("VP8", Payloader::Vp8, String::new()),
            VideoCodec::Vp9 => ("VP9", Payloader::Vp9, String::new()),
            // The sequence header is behind the four bytes that repeat some of it.
            VideoCodec::Av1 => {
                let header = config.get(4..).unwrap_or_default().to_vec();
                ("AV1", Payloader::Av1 { header }, String::new())
            }
        };
        Self::new(track, payloader, name, VIDEO_CLOCK, "", format)
    }

    fn of_audio(track: u8, audio: &EncodedAudioInfo) -> Option<Self> {
        match audio.codec {
            AudioCodec::Opus => {
                let format = if audio.channels > 1 { "sprop-stereo=1" } else { "" };
                Some(Self::new(track, Payloader::Opus, "opus", 48_000, "/2", format.into()))
            }
            AudioCodec::Aac if audio.config.is_empty() => None,
            AudioCodec::Aac => {
                let channels = format!("/{}", audio.channels);
                let config = HEXUPPER.encode(&audio.config);
                let format = format!(
                    "streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;\
                     config={config}"
                );
                let name = "mpeg4-generic";
                Some(Self::new(track, Payloader::Aac, name, audio.rate.max(1), &channels, format))
            }
        }
    }

    fn write(&self, number: usize, out: &mut String) {
        let kind = if self.is_video { "video" } else { "audio" };
        let Self { payload_type, encoding, format, .. } = self;
        let _ = write!(out, "m={kind} 0 RTP/AVP {payload_type}\r\na=rtpmap:{payload_type} {encoding}\r\n");
        if !format.is_empty() {
            let _ = write!(out, "a=fmtp:{payload_type} {format}\r\n");
        }
        let _ = write!(out, "a=control:track{number}\r\n");
    }
}

/// RFC 6184, 8.1.
fn format_of_h264(config: &[u8]) -> String {
    let mut out = String::from("packetization-mode=1");
    let sets = parameter_sets(VideoCodec::H264, config);
    if let Some(profile) = sets.first().and_then(|set| set.get(1..4)) {
        let sets: Vec<_> = sets.iter().map(|set| BASE64.encode(set)).collect();
        let profile = HEXUPPER.encode(profile);
        let _ = write!(out, ";profile-level-id={profile};sprop-parameter-sets={}", sets.join(","));
    }
    out
}

/// RFC 7798, 7.1.
fn format_of_h265(config: &[u8]) -> String {
    let sets = parameter_sets(VideoCodec::H265, config);
    let of = |name: &str, kind: u8| {
        let sets: Vec<_> =
            sets.iter().filter(|set| set[0] >> 1 & 63 == kind).map(|set| BASE64.encode(set)).collect();
        (!sets.is_empty()).then(|| format!("sprop-{name}={}", sets.join(",")))
    };
    let all = [of("vps", 32), of("sps", 33), of("pps", 34)];
    all.into_iter().flatten().collect::<Vec<_>>().join(";")
}
