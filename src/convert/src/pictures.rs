//! Video, in layers or encoded, to H.264.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fql_unit::{MAX_DIMENSION, Media};
use gst::prelude::*;

use crate::chain::{Chain, Plan};
use crate::converter::{Counting, Input, Sink};
use crate::elements::{self, set};
use crate::encoded::{self, Encoded};
use crate::keys::Keys;
use crate::layers::{self, Layers};
use crate::{Error, Settings, describe};

/// How many pictures may wait for the encoder: more are not better, only later.
const MOST_WAITING: u64 = 3;
/// Smaller pictures are not encoded.
const LEAST: u32 = 16;

/// Converts the pictures of one track.
#[derive(Debug)]
pub struct Pictures {
    source: Source,
    chain: Chain,
    encoder: &'static str,
    /// Whether somebody waits for a key picture.
    asked: Arc<AtomicBool>,
}

/// What decodes them.
#[derive(Debug)]
enum Source {
    /// fql-codec, here.
    Layers(Box<Layers>),
    /// An element of the chain.
    Encoded(Encoded),
}

/// What is said of the pictures.
struct Shape {
    size: (u32, u32),
    frame_rate: (u32, u32),
}

impl Pictures {
    pub fn new(
        source: &Media,
        settings: &Settings,
        sink: Sink,
        counting: Arc<Counting>,
    ) -> Result<Self, Error> {
        let shape = Shape::of(source)?;
        let (source, input, mut stages) = match source {
            Media::Video(info) => {
                let layers = Layers::new(info, settings)?;
                let caps = layers.caps()?;
                (Source::Layers(Box::new(layers)), caps, layers::stages(info)?)
            }
            Media::EncodedVideo(info) => {
                let stages = encoded::stages(info, &counting)?;
                (Source::Encoded(Encoded::new(info)), encoded::caps(info), stages)
            }
            _ => return Err(no_pictures()),
        };
        let (known, encoder) = elements::H264_ENCODER.choose(settings.hardware)?;
        let (width, height) = shape.size;
        known.set_bitrate(&encoder, settings.bitrate_of(width, height, shape.frame_rate));
        // Key pictures are asked for by their time; this is for encoders that do not hear.
        for property in ["key-int-max", "gop-size"] {
            set(&encoder, property, &shape.pictures_between_keys(settings).to_string());
        }
        let asked = Arc::<AtomicBool>::default();
        let filter = filter()?;
        if let Some(pad) = filter.static_pad("src") {
            Keys::new(settings.key_interval, asked.clone()).watch(&pad);
        }
        stages.extend([elements::VIDEOCONVERT.make()?, filter, encoder, elements::H264PARSE.make()?]);
        let output = gst::Caps::builder("video/x-h264")
            .field("stream-format", "avc")
            .field("alignment", "au")
            .field("profile", gst::List::new(["constrained-baseline", "baseline"]))
            .build();
        let plan = Plan {
            input: &input,
            stages,
            output: &output,
            describe: describe::h264,
            delay: 0,
            sink,
            counting,
        };
        Ok(Self { source, chain: Chain::start(plan)?, encoder: known.name, asked })
    }

    pub fn encoder(&self) -> &str {
        self.encoder
    }

    /// The next picture is a key picture.
    pub fn ask_for_key(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    pub fn push(&mut self, input: Input<'_>) -> Result<(), Error> {
        let Some(mut buffer) = self.take(&input)? else { return Ok(()) };
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_nseconds(input.pts));
            buffer.set_duration((input.duration > 0).then(|| gst::ClockTime::from_nseconds(input.duration)));
        }
        self.chain.push(buffer)
    }

    pub fn finish(&self) {
        self.chain.finish();
    }

    /// What goes into the chain of a unit, if anything does. What does not is counted.
    fn take(&mut self, input: &Input<'_>) -> Result<Option<gst::Buffer>, Error> {
        let (waiting, counting) = (self.chain.waiting(), self.chain.counting());
        match &mut self.source {
            Source::Layers(layers) => {
                let Some(buffer) = layers.decode(input)? else {
                    counting.unusable.fetch_add(1, Ordering::Relaxed);
                    return Ok(None);
                };
                if waiting >= MOST_WAITING {
                    counting.dropped.fetch_add(1, Ordering::Relaxed);
                    return Ok(None);
                }
                layers.is_given(input.pts);
                Ok(Some(buffer))
            }
            Source::Encoded(encoded) => Ok(encoded.take(input, waiting, counting)),
        }
    }
}

impl Shape {
    fn of(source: &Media) -> Result<Self, Error> {
        let ((width, height), frame_rate) = match source {
            Media::Video(info) => ((info.width, info.height), info.frame_rate),
            Media::EncodedVideo(info) => ((info.width, info.height), info.frame_rate),
            _ => return Err(no_pictures()),
        };
        match width.min(height) < LEAST {
            true => Err(Error::TooSmall { width, height }),
            false => Ok(Self { size: (width, height), frame_rate }),
        }
    }

    /// How many pictures there are from one key picture to the next, at most: those of two intervals.
    fn pictures_between_keys(&self, settings: &Settings) -> u64 {
        let (numerator, denominator) = self.frame_rate;
        let rate =
            if numerator == 0 { 60 } else { u64::from(numerator).div_ceil(u64::from(denominator.max(1))) };
        (rate.min(240) * settings.key_interval.as_millis() as u64 * 2 / 1000).max(1)
    }
}

/// What encoders take.
fn filter() -> Result<gst::Element, Error> {
    let filter = elements::CAPSFILTER.make()?;
    let side = gst::IntRange::new(LEAST as i32, MAX_DIMENSION as i32);
    let caps = gst::Caps::builder("video/x-raw")
        .field("format", gst::List::new(["I420", "NV12"]))
        .field("width", side)
        .field("height", side)
        .build();
    filter.set_property("caps", caps);
    Ok(filter)
}

fn no_pictures() -> Error {
    Error::Undecodable("it is no picture".into())
}
