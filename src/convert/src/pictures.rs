//! Video in layers to H.264.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use fql_codec::video::{Decoder, DecoderConfig, Format, PictureMut, Reference};
use fql_unit::{Interlace, Orientation, VideoInfo};
use gst::prelude::*;

use crate::chain::{Chain, Plan};
use crate::converter::{Counting, Input, Payload, Sink};
use crate::elements::{self, set};
use crate::raw::Raw;
use crate::{Error, Settings, describe};

/// How many pictures may wait for the encoder: more are not better, only later.
const MOST_WAITING: u64 = 3;
/// Buffers that are kept for pictures to come.
const POOL: u32 = 2;

/// Converts the pictures of one track.
#[derive(Debug)]
pub struct Pictures {
    decoder: Decoder,
    raw: Raw,
    opacity: Vec<u8>,
    /// The finest layer that is decoded.
    max_layer: u8,
    pool: gst::BufferPool,
    chain: Chain,
    encoder: &'static str,
    /// Whether a picture came that rests on nothing that is missing.
    has_joined: bool,
    latest: Option<u64>,
    keys: Keys,
}

/// When a key picture is due.
#[derive(Debug)]
struct Keys {
    interval: u64,
    due: u64,
}

impl Pictures {
    pub fn new(
        info: &VideoInfo,
        settings: &Settings,
        sink: Sink,
        counting: Arc<Counting>,
    ) -> Result<Self, Error> {
        let raw = Raw::new(info)?;
        let format = Format::from(info);
        let config =
            DecoderConfig { width: info.width, height: info.height, format, threads: settings.threads };
        let decoder = Decoder::new(config).map_err(|error| Error::Undecodable(error.to_string()))?;
        let caps = raw.caps()?;
        let (known, encoder) = elements::H264_ENCODER.choose(settings.hardware)?;
        known.set_bitrate(&encoder, settings.bitrate_of(info.width, info.height, info.frame_rate));
        // Key pictures are asked for by their time, which holds for frame rates that vary, too; this is for encoders that
        // do not hear.
        for property in ["key-int-max", "gop-size"] {
            set(&encoder, property, &pictures_between_keys(info, settings).to_string());
        }
        let mut stages = Vec::new();
        if info.interlace != Interlace::Progressive {
            stages.push(elements::DEINTERLACE.make()?);
        }
        if let Some(direction) = direction(info.orientation) {
            let flip = elements::VIDEOFLIP.make()?;
            set(&flip, "video-direction", direction);
            stages.push(flip);
        }
        stages.push(elements::VIDEOCONVERT.make()?);
        let filter = elements::CAPSFILTER.make()?;
        let encodable = ["I420", "NV12"];
        filter.set_property(
            "caps",
            gst::Caps::builder("video/x-raw").field("format", gst::List::new(encodable)).build(),
        );
        stages.extend([filter, encoder]);
        stages.push(elements::H264PARSE.make()?);
        let output = gst::Caps::builder("video/x-h264")
            .field("stream-format", "avc")
            .field("alignment", "au")
            .field("profile", gst::List::new(["constrained-baseline", "baseline"]))
            .build();
        let pool = pool(&caps, raw.size())?;
        let plan = Plan {
            input: &caps,
            stages,
            output: &output,
            describe: describe::h264,
            delay: 0,
            sink,
            counting,
        };
        Ok(Self {
            decoder,
            opacity: vec![0; raw.opacity],
            raw,
            // Half a step of the two finest lossy layers is less than H.264 leaves of a picture.
            max_layer: format.bits - 1,
            pool,
            chain: Chain::start(plan)?,
            encoder: known.name,
            has_joined: false,
            latest: None,
            keys: Keys { interval: settings.key_interval.as_nanos() as u64, due: 0 },
        })
    }

    pub fn encoder(&self) -> &str {
        self.encoder
    }

    pub fn push(&mut self, input: Input<'_>) -> Result<(), Error> {
        let Some(mut buffer) = self.decode(&input)? else { return Ok(()) };
        if self.chain.waiting() >= MOST_WAITING {
            self.chain.counting().dropped.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        self.latest = Some(input.pts);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_nseconds(input.pts));
            buffer.set_duration((input.duration > 0).then(|| gst::ClockTime::from_nseconds(input.duration)));
        }
        if self.keys.is_due(input.pts) {
            self.chain.ask_for_key();
        }
        self.chain.push(buffer)
    }

    pub fn finish(&self) {
        self.chain.finish();
    }

    /// The picture of a unit; none where there is nothing to show of it.
    fn decode(&mut self, input: &Input<'_>) -> Result<Option<gst::Buffer>, Error> {
        let unusable = &self.chain.counting().unusable;
        let Payload::Layered(unit) = input.payload else {
            unusable.fetch_add(1, Ordering::Relaxed);
            return Ok(None);
        };
        let mut buffer = self
            .pool
            .acquire_buffer(None)
            .map_err(|flow| Error::Failed { element: "the pool of buffers".into(), why: flow.to_string() })?;
        let writable = buffer.get_mut().ok_or_else(shared)?;
        let decoded = {
            let mut map = writable.map_writable().map_err(|_| shared())?;
            let mut buffers = [&mut *map, &mut *self.opacity];
            let mut target = PictureMut { buffers: &mut buffers, planes: &self.raw.planes };
            self.decoder.decode(unit, self.max_layer, &mut target)
        };
        let is_usable = decoded.is_ok_and(|picture| {
            self.has_joined |= matches!(picture.reference, Reference::None | Reference::Whole);
            self.has_joined && picture.reference != Reference::Missing
        });
        // Encoders take no picture that is not later than the one before.
        if !is_usable || self.latest.is_some_and(|latest| input.pts <= latest) {
            unusable.fetch_add(1, Ordering::Relaxed);
            return Ok(None);
        }
        self.raw.mark(writable)?;
        Ok(Some(buffer))
    }
}

impl Drop for Pictures {
    fn drop(&mut self) {
        let _ = self.pool.set_active(false);
    }
}

impl Keys {
    /// Whether the picture of this time is to be a key picture: the first one of every interval of the stream's time.
    fn is_due(&mut self, pts: u64) -> bool {
        let is_due = pts >= self.due;
        if is_due {
            self.due = (pts / self.interval.max(1) + 1) * self.interval.max(1);
        }
        is_due
    }
}

/// How many pictures there are from one key picture to the next, at most: those of two intervals.
fn pictures_between_keys(info: &VideoInfo, settings: &Settings) -> u64 {
    let (numerator, denominator) = info.frame_rate;
    let rate = if numerator == 0 { 60 } else { u64::from(numerator).div_ceil(u64::from(denominator.max(1))) };
    (rate.min(240) * settings.key_interval.as_millis() as u64 * 2 / 1000).max(1)
}

/// How pictures are turned, as `videoflip` has it.
fn direction(orientation: Orientation) -> Option<&'static str> {
    Some(match orientation {
        Orientation::Rotate0 => return None,
        Orientation::Rotate90 => "90r",
        Orientation::Rotate180 => "180",
        Orientation::Rotate270 => "90l",
        Orientation::FlipRotate0 => "horiz",
        // Flipped from left to right and turned clockwise: over the diagonal from the upper right.
        Orientation::FlipRotate90 => "ur-ll",
        Orientation::FlipRotate180 => "vert",
        Orientation::FlipRotate270 => "ul-lr",
    })
}

fn pool(caps: &gst::Caps, size: usize) -> Result<gst::BufferPool, Error> {
    let pool = gst::BufferPool::new();
    let mut config = pool.config();
    let size = u32::try_from(size).map_err(|_| shared())?;
    config.set_params(Some(caps), size, POOL, 0);
    pool.set_config(config).and_then(|()| pool.set_active(true)).map_err(|_| shared())?;
    Ok(pool)
}

fn shared() -> Error {
    Error::Failed { element: "the pool of buffers".into(), why: "there is no memory for a picture".into() }
}
