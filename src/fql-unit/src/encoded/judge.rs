use super::Importance;
use super::av1::Av1;
use super::nal::{self, Nals};
use super::vp;
use crate::VideoCodec;

/// How the parts of an access unit follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Each NAL unit after a start code (`byte-stream`).
    StartCodes,
    /// Each NAL unit after its length, of so many bytes, 1 to 4 (`avc`, `hvc1` and the like).
    Lengths(u8),
}

impl Framing {
    /// The framing of access units whose decoder configuration is this one: `avcC` or `hvcC` say how long the lengths
    /// are. An empty one goes with start codes.
    pub fn of_config(codec: VideoCodec, config: &[u8]) -> Self {
        let at = match codec {
            VideoCodec::H264 => 4,
            VideoCodec::H265 => 21,
            VideoCodec::Av1 | VideoCodec::Vp8 | VideoCodec::Vp9 => return Self::StartCodes,
        };
        match config.get(at) {
            Some(byte) => Self::Lengths((byte & 3) + 1),
            None => Self::StartCodes,
        }
    }
}

/// What was found out of an access unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// How much depends on it.
    pub importance: Importance,
    /// Whether a viewer can join here.
    pub key: bool,
}

impl Judgement {
    /// A picture that is predicted from others.
    pub(super) fn predicted(is_reference: bool) -> Self {
        let importance = if is_reference { Importance::Reference } else { Importance::Disposable };
        Self { importance, key: false }
    }

    pub(super) const KEY: Self = Self { importance: Importance::Key, key: true };
    pub(super) const PARAMETERS: Self = Self { importance: Importance::Key, key: false };

    /// The judgement of an access unit of which parts were judged so.
    pub(super) fn and(self, other: Self) -> Self {
        Self { importance: self.importance.min(other.importance), key: self.key || other.key }
    }
}

/// Judges the access units of one track, in order.
#[derive(Debug)]
pub struct Judge {
    codec: VideoCodec,
    framing: Framing,
    av1: Av1,
}

impl Judge {
    /// A judge of access units of this codec. The framing is of account for H.264 and H.265 only.
    pub fn new(codec: VideoCodec, framing: Framing) -> Self {
        Self { codec, framing, av1: Av1::default() }
    }

    /// Judges an access unit by its headers; `None` where no picture is found in it. It takes time in proportion to
    /// the bytes, whatever they are.
    pub fn judge(&mut self, access_unit: &[u8]) -> Option<Judgement> {
        let nals = |judge: fn(&[u8]) -> Option<Judgement>| {
            Nals::new(access_unit, self.framing).filter_map(judge).reduce(Judgement::and)
        };
        match self.codec {
            VideoCodec::H264 => nals(nal::h264),
            VideoCodec::H265 => nals(nal::h265),
            VideoCodec::Av1 => self.av1.judge(access_unit),
            VideoCodec::Vp8 => vp::vp8(access_unit),
            VideoCodec::Vp9 => vp::vp9(access_unit),
        }
    }
}
