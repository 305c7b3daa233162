//! A track on its way into segments.

use std::collections::VecDeque;

use bytes::Bytes;
use fql_unit::Media;

use crate::Error;
use crate::codec::{self, Configuration, Converter, frame_length};
use crate::rendition::{Boundary, Rendition};

/// A step of time that is no hole any more, in nanoseconds.
pub(crate) const JUMP: u64 = 5_000_000_000;
/// How far back time may go, as it does in steps of a millisecond, before it is a jump.
const STEP_BACK: u64 = 500_000_000;

/// A sample that waits.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) time: u64,
    pub(crate) composition: i64,
    pub(crate) duration: u64,
    pub(crate) key: bool,
    pub(crate) data: Bytes,
}

#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) id: u8,
    pub(crate) media: Media,
    pub(crate) converter: Converter,
    pub(crate) configuration: Option<Configuration>,
    /// Time of the last access unit that came.
    pub(crate) last_time: Option<u64>,
    pub(crate) waiting: VecDeque<Waiting>,
    pub(crate) rendition: Option<Rendition>,
    /// Where segments begin that it has not reached.
    pub(crate) boundaries: VecDeque<Boundary>,
    /// Where the next sample begins, in ticks.
    pub(crate) clock: Option<u64>,
    /// Whether nothing can be decoded before a key frame comes.
    pub(crate) needs_key: bool,
}

impl Track {
    /// A track of the new table that may have been in the old one.
    pub(crate) fn update(old: Option<Self>, new: &fql_unit::Track) -> Result<Self, Error> {
        if let Some(old) = old {
            if old.media == new.media {
                return Ok(old);
            }
            let is_same_kind = old.media.is_video() == new.media.is_video();
            let (converter, configuration) = codec::open(&new.media)?;
            let rendition = old.rendition.filter(|_| is_same_kind);
            return Ok(Self {
                media: new.media.clone(),
                converter,
                configuration,
                rendition,
                ..Self::open(new.id, &new.media)?
            });
        }
        Self::open(new.id, &new.media)
    }

    fn open(id: u8, media: &Media) -> Result<Self, Error> {
        let (converter, configuration) = codec::open(media)?;
        Ok(Self {
            id,
            media: media.clone(),
            converter,
            configuration,
            last_time: None,
            waiting: VecDeque::new(),
            rendition: None,
            boundaries: VecDeque::new(),
            clock: None,
            needs_key: media.is_video(),
        })
    }

    /// Whether samples of this track can become segments.
    pub(crate) fn is_open(&self) -> bool {
        self.rendition.is_some()
    }

    pub(crate) fn is_video(&self) -> bool {
        self.media.is_video()
    }

    /// The usual length of a sample, in nanoseconds, where the next one is not there yet.
    pub(crate) fn usual_duration(&self, sample: &Waiting) -> u64 {
        if sample.duration > 0 {
            return sample.duration;
        }
        if let (Some(configuration), Some(rendition)) = (&self.configuration, &self.rendition)
            && let Some(length) = frame_length(configuration, &sample.data)
        {
            return rendition.nanos(length.into());
        }
        match &self.media {
            Media::EncodedVideo(video) if video.frame_rate.0 > 0 => {
                1_000_000_000 * u64::from(video.frame_rate.1) / u64::from(video.frame_rate.0)
            }
            _ => 40_000_000,
        }
    }

    /// Whether time goes on elsewhere. It may go back by the little that clocks of milliseconds and encoders do.
    pub(crate) fn jumps_to(&self, time: u64) -> bool {
        self.last_time
            .is_some_and(|last| time > last.saturating_add(JUMP) || time < last.saturating_sub(STEP_BACK))
    }
}
