//! What the publishers send: a clip, coded once.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use fql_codec::video::{Encoder, EncoderConfig, Plane, Rate};
use fql_unit::{Chroma, Media, Track, TrackTable, Unit, VideoInfo};

use crate::clip;
use crate::lossy_run::FRAME_RATE;

/// Frames that are coded, and then repeated.
const FRAMES: usize = 50;
/// Layers of the track.
const LAYERS: u8 = 12;

/// Coded frames with the description of their track.
pub struct Material {
    /// The table of the one track.
    pub tracks: TrackTable,
    /// One unit a frame.
    pub units: Vec<Unit>,
}

/// How long a frame lasts.
pub const FRAME: Duration = Duration::from_nanos(1_000_000_000 / FRAME_RATE as u64);

impl Material {
    /// Codes the start of a clip at this rate of media.
    pub fn code(clip: &Path, kbits: u32) -> Result<Self> {
        let frames = clip::frames(clip, FRAMES)?;
        let first = frames.first().context("a clip without frames")?;
        let (width, height) = (first.width as u32, first.height as u32);
        let config = EncoderConfig {
            width,
            height,
            format: Chroma::Yuv420.into(),
            layers: LAYERS,
            slices: 0,
            threads: 0,
            motion: None,
        };
        let mut encoder = Encoder::new(config)?;
        let bytes = kbits as usize * 1000 / 8 / FRAME_RATE;
        let units = frames.iter().map(|frame| {
            let (luma, chroma) = frame.samples.split_at(first.width * first.height);
            let (u, v) = chroma.split_at(chroma.len() / 2);
            let (width, half) = (first.width, first.width / 2);
            let planes = [Plane::bytes(luma, width), Plane::bytes(u, half), Plane::bytes(v, half)];
            encoder.encode(&planes, Rate::Bytes(bytes))
        });
        let units = units.collect::<Result<_, _>>()?;
        let video = VideoInfo {
            frame_rate: (FRAME_RATE as u32, 1),
            colorimetry: "bt709".to_owned(),
            ..VideoInfo::new(width, height, Chroma::Yuv420)
        };
        let track = Track { id: 0, name: "picture".to_owned(), layers: LAYERS, media: Media::Video(video) };
        Ok(Self { tracks: TrackTable::new(vec![track])?, units })
    }
}
