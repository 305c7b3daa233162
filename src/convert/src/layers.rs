//! Video in layers to raw pictures.

use fql_codec::video::{Decoder, DecoderConfig, Format, PictureMut, Reference};
use fql_unit::{Interlace, Orientation, VideoInfo};
use gst::prelude::*;

use crate::converter::{Input, Payload};
use crate::elements::{self, set};
use crate::raw::Raw;
use crate::{Error, Settings};

/// Buffers that are kept for pictures to come.
const POOL: u32 = 2;

/// Decodes the pictures of one track.
#[derive(Debug)]
pub struct Layers {
    decoder: Decoder,
    raw: Raw,
    opacity: Vec<u8>,
    /// The finest layer that is decoded.
    max_layer: u8,
    pool: gst::BufferPool,
    /// Whether a picture came that rests on nothing that is missing.
    has_joined: bool,
    latest: Option<u64>,
}

impl Layers {
    pub fn new(info: &VideoInfo, settings: &Settings) -> Result<Self, Error> {
        let raw = Raw::new(info)?;
        let format = Format::from(info);
        let config =
            DecoderConfig { width: info.width, height: info.height, format, threads: settings.threads };
        let decoder = Decoder::new(config).map_err(|error| Error::Undecodable(error.to_string()))?;
        let pool = pool(&raw.caps()?, raw.size())?;
        Ok(Self {
            decoder,
            opacity: vec![0; raw.opacity],
            raw,
            // Half a step of the two finest lossy layers is less than H.264 leaves of a picture.
            max_layer: format.bits - 1,
            pool,
            has_joined: false,
            latest: None,
        })
    }

    /// The caps of the pictures.
    pub fn caps(&self) -> Result<gst::Caps, Error> {
        self.raw.caps()
    }

    /// The picture of a unit; none where there is nothing to show of it.
    pub fn decode(&mut self, input: &Input<'_>) -> Result<Option<gst::Buffer>, Error> {
        let Payload::Layered(unit) = input.payload else { return Ok(None) };
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
            return Ok(None);
        }
        self.raw.mark(writable)?;
        Ok(Some(buffer))
    }

    /// The picture of this time is given to the encoder.
    pub fn is_given(&mut self, pts: u64) {
        self.latest = Some(pts);
    }
}

impl Drop for Layers {
    fn drop(&mut self) {
        let _ = self.pool.set_active(false);
    }
}

/// What makes pictures whole and upright.
pub fn stages(info: &VideoInfo) -> Result<Vec<gst::Element>, Error> {
    let mut stages = Vec::new();
    if info.interlace != Interlace::Progressive {
        stages.push(elements::DEINTERLACE.make()?);
    }
    if let Some(direction) = direction(info.orientation) {
        let flip = elements::VIDEOFLIP.make()?;
        set(&flip, "video-direction", direction);
        stages.push(flip);
    }
    Ok(stages)
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
