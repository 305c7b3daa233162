//! What the PES packets of a stream hold, by what the program's map says of it: each kind is cut into units, and tells
//! what its track is once it has seen enough.

mod adts;
mod frames;
mod klv;
mod mpeg_audio;
mod opus;
mod video;

use bytes::Bytes;
use fql_unit::{Media, VideoCodec};

pub(crate) use adts::{Configuration, with_header};
pub(crate) use opus::control_header;

use crate::pes::Pes;
use crate::psi::Entry;
use crate::time::nanos;

/// Stream types: Rec. ITU-T H.222.0, table 2-34.
pub(crate) mod stream_type {
    pub(crate) const MPEG1_AUDIO: u8 = 0x03;
    pub(crate) const MPEG2_AUDIO: u8 = 0x04;
    pub(crate) const PRIVATE: u8 = 0x06;
    pub(crate) const ADTS: u8 = 0x0f;
    pub(crate) const METADATA: u8 = 0x15;
    pub(crate) const H264: u8 = 0x1b;
    pub(crate) const H265: u8 = 0x24;
}

/// Tags of descriptors: Rec. ITU-T H.222.0, table 2-45.
pub(crate) mod descriptor {
    pub(crate) const REGISTRATION: u8 = 0x05;
    pub(crate) const LANGUAGE: u8 = 0x0a;
    pub(crate) const METADATA: u8 = 0x26;
    pub(crate) const EXTENSION: u8 = 0x7f;
    /// The first byte of an extension descriptor that says how the channels of Opus are mapped.
    pub(crate) const OPUS_CHANNELS: u8 = 0x80;
}

pub(crate) const OPUS: &[u8] = b"Opus";
pub(crate) const KLVA: &[u8] = b"KLVA";

/// A part of a PES packet that becomes a unit.
#[derive(Debug)]
pub(crate) struct Part {
    /// When it is decoded, in nanoseconds.
    pub(crate) decoding: u64,
    /// When it is presented, in nanoseconds.
    pub(crate) presentation: u64,
    /// How long it lasts, in nanoseconds; 0 where it does not say.
    pub(crate) duration: u64,
    /// Whether a viewer can join here.
    pub(crate) is_key: bool,
    /// Its bytes.
    pub(crate) data: Bytes,
}

/// A PES packet whose times are unwrapped.
#[derive(Debug)]
pub(crate) struct Piece {
    /// When it is decoded, in ticks of 90 kHz; `None` where it has no time of its own.
    pub(crate) decoding: Option<i64>,
    /// When it is presented.
    pub(crate) presentation: Option<i64>,
    /// The last time of any stream of the program, for those that have none.
    pub(crate) now: i64,
    /// Its bytes.
    pub(crate) data: Bytes,
}

impl Piece {
    pub(crate) fn new(pes: Pes, decoding: Option<i64>, presentation: Option<i64>, now: i64) -> Self {
        Self { decoding, presentation, now, data: pes.data }
    }

    /// When it is presented, in nanoseconds.
    fn nanos(&self) -> u64 {
        nanos(self.presentation.unwrap_or(self.now))
    }
}

/// One stream of the program, as its kind needs it.
#[derive(Debug)]
pub(crate) enum Kind {
    Video(video::Video),
    Sound(frames::Frames),
    Opus(opus::Opus),
    Klv(klv::Klv),
}

impl Kind {
    /// The kind of a stream; `None` where it is none that is carried on.
    pub(crate) fn of(entry: &Entry) -> Option<Self> {
        let registered = |format: &[u8]| {
            entry.descriptors(descriptor::REGISTRATION).any(|content| content.starts_with(format))
        };
        Some(match entry.stream_type {
            stream_type::H264 => Self::Video(video::Video::new(VideoCodec::H264)),
            stream_type::H265 => Self::Video(video::Video::new(VideoCodec::H265)),
            stream_type::ADTS => Self::Sound(frames::Frames::new(adts::read)),
            stream_type::MPEG1_AUDIO | stream_type::MPEG2_AUDIO => {
                Self::Sound(frames::Frames::new(mpeg_audio::read))
            }
            stream_type::PRIVATE if registered(OPUS) => Self::Opus(opus::Opus::of(entry)),
            stream_type::PRIVATE if registered(KLVA) => Self::Klv(klv::Klv::alone()),
            stream_type::METADATA if is_klv(entry) => Self::Klv(klv::Klv::in_cells()),
            _ => return None,
        })
    }

    /// Cuts what a PES packet holds into units. Bytes of a unit that go on in the next packet are kept, within bounds.
    pub(crate) fn cut(&mut self, piece: Piece, each: &mut dyn FnMut(Part)) {
        match self {
            Self::Video(video) => video.cut(piece, each),
            Self::Sound(sound) => sound.cut(piece, each),
            Self::Opus(opus) => opus.cut(piece, each),
            Self::Klv(klv) => klv.cut(piece, each),
        }
    }

    /// Forgets what is kept, because something is missing behind it.
    pub(crate) fn lose(&mut self) {
        match self {
            Self::Sound(sound) => sound.lose(),
            Self::Klv(klv) => klv.lose(),
            Self::Video(_) | Self::Opus(_) => {}
        }
    }

    /// What its track is; `None` while that is not known.
    pub(crate) fn media(&self) -> Option<&Media> {
        match self {
            Self::Video(video) => video.media(),
            Self::Sound(sound) => sound.media(),
            Self::Opus(opus) => opus.media(),
            Self::Klv(klv) => Some(klv.media()),
        }
    }
}

/// Whether the metadata of a stream is KLV: Rec. ITU-T H.222.0, 2.6.60, with the application's format at first.
fn is_klv(entry: &Entry) -> bool {
    entry.descriptors(descriptor::METADATA).any(|content| match content {
        [0xff, 0xff, _, _, _, _, 0xff, format @ ..] | [_, _, 0xff, format @ ..] => format.starts_with(KLVA),
        _ => false,
    })
}
