//! What a way of playing takes, and what has to be made of a stream's tracks for it.

use std::collections::BTreeSet;

use fql_unit::{AudioCodec, Media, Track, TrackTable, VideoCodec};

/// The codecs that a way of playing takes, the one that others are converted to first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Takes {
    /// Of video; none where it takes no pictures.
    pub video: &'static [VideoCodec],
    /// Of sound.
    pub audio: &'static [AudioCodec],
    /// Whether it takes MPEG audio, layers I to III, which is a data track by its caps.
    pub mpeg_audio: bool,
    /// Whether it takes pictures in another order than that in which they are shown, as those with B-frames come.
    pub any_order: bool,
}

/// What the caps of a data track with MPEG audio begin with.
const MPEG_AUDIO: &str = "audio/mpeg, mpegversion=(int)1,";

fn is_mpeg_audio(media: &Media) -> bool {
    matches!(media, Media::Data(data) if data.caps.starts_with(MPEG_AUDIO))
}

/// Whether a track is heard, MPEG audio in a data track among them.
pub(super) fn is_sound(media: &Media) -> bool {
    media.is_audio() || is_mpeg_audio(media)
}

/// What a track is converted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// H.264 with avcC and lengths.
    H264,
    /// Raw frames of AAC with an AudioSpecificConfig.
    Aac,
    /// Packets of Opus with an identification header.
    Opus,
}

/// What becomes of the tracks of a stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Tracks that pass as they are.
    pub passing: Vec<u8>,
    /// Tracks that are converted: at most one of pictures and one of sound.
    pub converted: Vec<(u8, Target)>,
}

impl Takes {
    /// Fragmented MP4, as HLS, DASH and MP4 have it.
    pub const FRAGMENTS: Self = Self {
        video: &[VideoCodec::H264, VideoCodec::H265, VideoCodec::Av1, VideoCodec::Vp9],
        audio: &[AudioCodec::Aac, AudioCodec::Opus],
        mpeg_audio: false,
        any_order: true,
    };
    /// MPEG transport streams for programs: SRT.
    pub const TRANSPORT_STREAM: Self = Self {
        video: &[VideoCodec::H264, VideoCodec::H265],
        audio: &[AudioCodec::Aac, AudioCodec::Opus],
        mpeg_audio: true,
        any_order: true,
    };
    /// MPEG transport streams for television sets and HLS: those know no Opus.
    pub const TELEVISION: Self = Self { audio: &[AudioCodec::Aac], ..Self::TRANSPORT_STREAM };
    /// WebRTC in browsers, which show pictures in the order in which they come.
    pub const WEBRTC: Self = Self { any_order: false, ..Self::ANY_WEBRTC };
    /// WebRTC where pictures in another order are better than none.
    pub const ANY_WEBRTC: Self = Self {
        video: &[VideoCodec::H264, VideoCodec::Vp8, VideoCodec::Vp9, VideoCodec::Av1, VideoCodec::H265],
        audio: &[AudioCodec::Opus],
        mpeg_audio: false,
        any_order: true,
    };
    /// WebRTC in browsers that do not offer what a stream has.
    pub const PLAIN_WEBRTC: Self = Self { video: &[VideoCodec::H264], ..Self::WEBRTC };
    /// RTP, as RTSP has it.
    pub const RTP: Self = Self {
        video: &[VideoCodec::H264, VideoCodec::H265, VideoCodec::Av1, VideoCodec::Vp8, VideoCodec::Vp9],
        audio: &[AudioCodec::Aac, AudioCodec::Opus],
        mpeg_audio: true,
        any_order: true,
    };
    /// Nothing but AAC.
    pub const AAC: Self = Self { video: &[], audio: &[AudioCodec::Aac], mpeg_audio: false, any_order: true };

    /// Whether a track passes as it is. Data does, unless it is sound that is not taken.
    pub fn passes(&self, media: &Media) -> bool {
        match media {
            Media::EncodedVideo(info) => self.video.contains(&info.codec),
            Media::EncodedAudio(info) => self.audio.contains(&info.codec),
            Media::Data(_) => self.mpeg_audio || !is_mpeg_audio(media),
            Media::Video(_) | Media::Audio(_) => false,
        }
    }

    /// What a track is converted to, where that can be.
    fn target(&self, media: &Media) -> Option<Target> {
        match media {
            Media::Video(_) | Media::EncodedVideo(_) => match self.video.first()? {
                VideoCodec::H264 => Some(Target::H264),
                _ => None,
            },
            media if is_sound(media) => match self.audio.first()? {
                AudioCodec::Aac => Some(Target::Aac),
                AudioCodec::Opus => Some(Target::Opus),
            },
            _ => None,
        }
    }
}

impl Target {
    /// Whether it is pictures.
    pub fn is_video(self) -> bool {
        self == Self::H264
    }

    /// Its name in figures and lines of the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::Aac => "aac",
            Self::Opus => "opus",
        }
    }
}

impl Plan {
    /// What becomes of these tracks, of which some have pictures in another order than that in which they are shown. What
    /// passes, passes; of pictures and of sound, the first track that can be is converted where none of that kind passes.
    pub fn new(table: &TrackTable, takes: Takes, reordered: &BTreeSet<u8>) -> Self {
        let tracks = table.tracks();
        let is_in_order = |track: &Track| takes.any_order || !reordered.contains(&track.id);
        let (passing, others): (Vec<&Track>, Vec<&Track>) =
            tracks.iter().partition(|track| takes.passes(&track.media) && is_in_order(track));
        let kinds: [fn(&Media) -> bool; 2] = [Media::is_video, is_sound];
        let lacking = kinds.into_iter().filter(|kind| !passing.iter().any(|track| kind(&track.media)));
        let convert = |kind: fn(&Media) -> bool| {
            let mut of_kind = others.iter().filter(|track| kind(&track.media));
            of_kind.find_map(|track| Some((track.id, takes.target(&track.media)?)))
        };
        Self {
            converted: lacking.filter_map(convert).collect(),
            passing: passing.into_iter().map(|track| track.id).collect(),
        }
    }
}
