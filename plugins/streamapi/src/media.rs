//! What a pad gets, as far as it decides what is plugged behind it.

use std::fmt;

/// A kind of media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Media {
    /// Pictures that no encoder has seen.
    RawVideo,
    /// Samples that no encoder has seen.
    RawAudio,
    /// What another encoder made.
    Encoded(Codec),
    /// Layers that `fqlenc` made, or data.
    AsItIs,
}

/// A format of encoded media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// H.264, AVC.
    H264,
    /// H.265, HEVC.
    H265,
    /// AV1.
    Av1,
    /// VP8.
    Vp8,
    /// VP9.
    Vp9,
    /// AAC, of MPEG-2 or MPEG-4.
    Aac,
    /// Opus.
    Opus,
    /// Layers I to III of MPEG-1.
    MpegAudio,
    /// Key, length and value: data of SMPTE ST 336.
    Klv,
}

/// The codecs, their media types, and the elements that bring them into the form of one access unit a buffer.
const CODECS: [(Codec, &str, Option<&str>); 9] = [
    (Codec::H264, "video/x-h264", Some("h264parse")),
    (Codec::H265, "video/x-h265", Some("h265parse")),
    (Codec::Av1, "video/x-av1", Some("av1parse")),
    (Codec::Vp8, "video/x-vp8", None),
    (Codec::Vp9, "video/x-vp9", Some("vp9parse")),
    (Codec::Aac, "audio/mpeg", Some("aacparse")),
    (Codec::Opus, "audio/x-opus", Some("opusparse")),
    (Codec::MpegAudio, "audio/mpeg", Some("mpegaudioparse")),
    (Codec::Klv, "meta/x-klv", None),
];

impl Codec {
    /// The element that brings it into the form of one access unit a buffer, where it needs one.
    pub fn parser(self) -> Option<&'static str> {
        CODECS.iter().find(|(codec, ..)| *codec == self).and_then(|(.., parser)| *parser)
    }

    fn of(structure: &gst::StructureRef) -> Option<Self> {
        let is_mpeg_1 = structure.get::<i32>("mpegversion") == Ok(1);
        let of_type = |(codec, media_type, _): &&(Self, &str, _)| {
            *media_type == structure.name()
                && (*codec == Self::MpegAudio) <= is_mpeg_1
                && (*codec == Self::Aac) <= !is_mpeg_1
        };
        CODECS.iter().find(of_type).map(|(codec, ..)| *codec)
    }
}

impl Media {
    /// The kind of media with these caps.
    pub fn of(caps: &gst::CapsRef) -> Self {
        let Some(structure) = caps.structure(0) else { return Self::AsItIs };
        match structure.name().as_str() {
            "video/x-raw" => Self::RawVideo,
            "audio/x-raw" => Self::RawAudio,
            _ => Codec::of(structure).map_or(Self::AsItIs, Self::Encoded),
        }
    }

    /// Whether it is pictures.
    pub fn is_video(self) -> bool {
        use Codec::{Av1, H264, H265, Vp8, Vp9};
        matches!(self, Self::RawVideo | Self::Encoded(H264 | H265 | Av1 | Vp8 | Vp9))
    }

    /// Whether it is sound.
    pub fn is_audio(self) -> bool {
        use Codec::{Aac, MpegAudio, Opus};
        matches!(self, Self::RawAudio | Self::Encoded(Aac | MpegAudio | Opus))
    }
}

impl fmt::Display for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RawVideo => "raw video",
            Self::RawAudio => "raw sound",
            Self::Encoded(Codec::H264) => "H.264",
            Self::Encoded(Codec::H265) => "H.265",
            Self::Encoded(Codec::Av1) => "AV1",
            Self::Encoded(Codec::Vp8) => "VP8",
            Self::Encoded(Codec::Vp9) => "VP9",
            Self::Encoded(Codec::Aac) => "AAC",
            Self::Encoded(Codec::Opus) => "Opus",
            Self::Encoded(Codec::MpegAudio) => "MPEG audio",
            Self::Encoded(Codec::Klv) => "KLV",
            Self::AsItIs => "FQL's layers or data",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[test]
    fn caps_say_what_is_plugged() {
        gst::init().unwrap();
        for (caps, media) in [
            ("video/x-raw, format=I420", Media::RawVideo),
            ("audio/x-raw, format=S16LE", Media::RawAudio),
            ("video/x-h264, alignment=nal", Media::Encoded(Codec::H264)),
            ("video/x-vp8", Media::Encoded(Codec::Vp8)),
            ("audio/mpeg, mpegversion=4", Media::Encoded(Codec::Aac)),
            ("audio/mpeg, mpegversion=1, layer=3", Media::Encoded(Codec::MpegAudio)),
            ("audio/x-opus", Media::Encoded(Codec::Opus)),
            ("meta/x-klv, parsed=true", Media::Encoded(Codec::Klv)),
            ("video/x-fql", Media::AsItIs),
            ("text/x-raw", Media::AsItIs),
        ] {
            assert_eq!(Media::of(&gst::Caps::from_str(caps).unwrap()), media, "{caps}");
        }
        assert_eq!(Codec::H264.parser(), Some("h264parse"));
        assert_eq!(Codec::Vp8.parser(), None);
    }

    #[test]
    fn pictures_and_sound_are_told_apart() {
        assert!(Media::Encoded(Codec::Vp9).is_video() && !Media::Encoded(Codec::Vp9).is_audio());
        assert!(Media::Encoded(Codec::Aac).is_audio() && !Media::RawAudio.is_video());
        assert!(!Media::AsItIs.is_video() && !Media::AsItIs.is_audio());
    }
}
