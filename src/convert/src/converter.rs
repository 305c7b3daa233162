use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use fql_unit::{AudioCodec, Media, VideoCodec};

use crate::pictures::Pictures;
use crate::sound::Sound;
use crate::{Error, Settings};

/// What a track is converted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// H.264 with avcC and lengths of four bytes, without B-frames, of the profile that all players take.
    H264,
    /// Raw frames of AAC with an AudioSpecificConfig, mono or stereo.
    Aac,
    /// Packets of Opus with an identification header, mono or stereo, 48 kHz.
    Opus,
}

impl Target {
    /// Its name, as in figures.
    pub fn name(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::Aac => "aac",
            Self::Opus => "opus",
        }
    }
}

/// A unit of the source.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// When it is presented, in nanoseconds.
    pub pts: u64,
    /// How long, in nanoseconds; 0 where that is not known.
    pub duration: u64,
    /// Whether decoding can begin here.
    pub key: bool,
    /// Whether something is missing before it.
    pub discont: bool,
    /// What it holds.
    pub payload: Payload<'a>,
}

/// What a unit of the source holds.
#[derive(Debug, Clone, Copy)]
pub enum Payload<'a> {
    /// Layers, as many of them as there are.
    Layered(&'a fql_unit::Unit),
    /// A frame as its encoder made it.
    Whole(&'a Bytes),
}

/// What comes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// What the units from here on are: before the first one, and whenever it changes.
    Media(Media),
    /// A unit.
    Unit(Unit),
    /// Nothing comes any more.
    Failed(Error),
}

/// One access unit.
#[derive(Clone, PartialEq, Eq)]
pub struct Unit {
    /// When it is presented, and decoded, in nanoseconds on the clock of the source.
    pub pts: u64,
    /// How long, in nanoseconds; 0 where that is not known.
    pub duration: u64,
    /// Whether decoding can begin here.
    pub key: bool,
    /// Its bytes.
    pub data: Bytes,
}

/// Bytes may be a whole picture: how many there are says enough.
impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pts, duration, key, data } = self;
        let mut out = f.debug_struct("Unit");
        out.field("pts", pts).field("duration", duration).field("key", key).field("bytes", &data.len());
        out.finish()
    }
}

/// What became of units so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Came in.
    pub taken: u64,
    /// Went out.
    pub given: u64,
    /// Left out because the encoder was behind.
    pub dropped: u64,
    /// Left out because they could not be decoded, or rest on what never came.
    pub unusable: u64,
}

/// The same, counted.
#[derive(Debug, Default)]
pub(crate) struct Counting {
    pub taken: AtomicU64,
    pub given: AtomicU64,
    pub dropped: AtomicU64,
    pub unusable: AtomicU64,
}

/// Where what comes out goes.
pub(crate) type Sink = Arc<dyn Fn(Output) + Send + Sync>;

/// Converts one track, until it is dropped.
#[derive(Debug)]
pub struct Converter {
    kind: Kind,
    counting: Arc<Counting>,
}

#[derive(Debug)]
enum Kind {
    Pictures(Box<Pictures>),
    Sound(Box<Sound>),
}

impl Converter {
    /// Begins to convert a track of this kind. What comes out is given to `sink`, on threads that are not to be kept
    /// waiting: it must not drop the converter.
    ///
    /// # Errors
    /// Where there is no way from the one to the other, or an element is missing, which is named.
    pub fn new(
        source: &Media,
        target: Target,
        settings: &Settings,
        sink: impl Fn(Output) + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        gst::init().map_err(|error| Error::Library(error.to_string()))?;
        let (sink, counting): (Sink, _) = (Arc::new(sink), Arc::<Counting>::default());
        let kind = match (source, target) {
            (Media::Video(_) | Media::EncodedVideo(_), Target::H264) => {
                Kind::Pictures(Box::new(Pictures::new(source, settings, sink, counting.clone())?))
            }
            // Of data, MPEG audio is sound.
            (Media::Audio(_) | Media::EncodedAudio(_) | Media::Data(_), Target::Aac | Target::Opus) => {
                Kind::Sound(Box::new(Sound::new(source, target, settings, sink, counting.clone())?))
            }
            _ => return Err(Error::NoWay { from: name(source), to: target.name() }),
        };
        Ok(Self { kind, counting })
    }

    /// Takes the next unit. What cannot be decoded is left out.
    ///
    /// # Errors
    /// Where nothing comes any more.
    pub fn push(&mut self, unit: Input<'_>) -> Result<(), Error> {
        self.counting.taken.fetch_add(1, Ordering::Relaxed);
        match &mut self.kind {
            Kind::Pictures(pictures) => pictures.push(unit),
            Kind::Sound(sound) => sound.push(unit),
        }
    }

    /// Nothing of it is to come before this time, in nanoseconds. Sound is silent until then, so that players do not wait
    /// for it; what comes later than it should is left out. Pictures stay where they are.
    ///
    /// # Errors
    /// Where nothing comes any more.
    pub fn fill(&mut self, until: u64) -> Result<(), Error> {
        match &mut self.kind {
            Kind::Pictures(_) => Ok(()),
            Kind::Sound(sound) => sound.fill(until),
        }
    }

    /// Somebody who watches cannot go on without a key picture: the next one that comes out is one, but no two of them
    /// are closer than half a second. Sound has none.
    pub fn ask_for_key(&self) {
        match &self.kind {
            Kind::Pictures(pictures) => pictures.ask_for_key(),
            Kind::Sound(_) => {}
        }
    }

    /// Gives out what is still held back. Nothing can be pushed after it. It waits until all has come out.
    pub fn finish(&self) {
        match &self.kind {
            Kind::Pictures(pictures) => pictures.finish(),
            Kind::Sound(sound) => sound.finish(),
        }
    }

    /// The encoder that does it, by the name of its element.
    pub fn encoder(&self) -> &str {
        match &self.kind {
            Kind::Pictures(pictures) => pictures.encoder(),
            Kind::Sound(sound) => sound.encoder(),
        }
    }

    /// What became of units so far.
    pub fn counts(&self) -> Counts {
        let Counting { taken, given, dropped, unusable } = &*self.counting;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts { taken: read(taken), given: read(given), dropped: read(dropped), unusable: read(unusable) }
    }
}

/// What a track is, for people.
fn name(media: &Media) -> &'static str {
    match media {
        Media::Video(_) => "video in layers",
        Media::Audio(_) => "sound in layers",
        Media::Data(_) => "data",
        Media::EncodedVideo(info) => match info.codec {
            VideoCodec::H264 => "H.264",
            VideoCodec::H265 => "H.265",
            VideoCodec::Av1 => "AV1",
            VideoCodec::Vp8 => "VP8",
            VideoCodec::Vp9 => "VP9",
        },
        Media::EncodedAudio(info) => match info.codec {
            AudioCodec::Aac => "AAC",
            AudioCodec::Opus => "Opus",
        },
    }
}
