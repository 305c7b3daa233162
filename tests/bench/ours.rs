//! Our codecs on clips and sounds: all that the measurements need of their interfaces.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use fql_codec::video::{
    Decoder, DecoderConfig, Encoder, EncoderConfig, Format, Motion, PictureMut, PlaneLayout, Rate,
    RateControl, Request,
};
use fql_tests::frame::Frame;
use fql_unit::{Chroma, Unit};

use crate::points::Point;

/// Layers of 8-bit video: 0 to 8 with losses, and the exact one.
pub const LAYERS: u8 = 10;

/// Of all clips.
pub const FORMAT: Format = Format::new(Chroma::Yuv420);

/// How frames are coded. Without a rate, with the whole ladder.
#[derive(Debug, Clone, Copy, PartialEq, Args)]
pub struct Coding {
    /// Bytes a frame at most
    #[arg(long)]
    pub bytes: Option<usize>,
    /// A live bitrate in kbit/s
    #[arg(long)]
    pub kbits: Option<u32>,
    /// The finest interval of predicted frames, in 1/256 of a sample's unit
    #[arg(long)]
    pub interval: Option<u32>,
    /// Frames from one key frame to the next; 1 without motion
    #[arg(long, default_value_t = 1)]
    pub key_interval: u32,
    /// Slices of a frame; 0 for the encoder's choice
    #[arg(long, default_value_t = 0)]
    pub slices: u8,
    /// Threads that work at most
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Nanoseconds that a frame lasts
    #[arg(long, default_value_t = 40_000_000)]
    pub duration: u64,
}

impl Coding {
    /// Key frames alone, with the whole ladder, on one thread.
    pub const WHOLE: Self = Self {
        bytes: None,
        kbits: None,
        interval: None,
        key_interval: 1,
        slices: 0,
        threads: 1,
        duration: 40_000_000,
    };

    /// Key frames alone with so many bytes at most, on one thread.
    pub fn bytes(bytes: usize) -> Self {
        Self { bytes: Some(bytes), ..Self::WHOLE }
    }

    /// As on the command line.
    pub fn arguments(&self) -> Vec<String> {
        let Self { bytes, kbits, interval, key_interval, slices, threads, duration } = *self;
        let given = [
            ("bytes", bytes.map(|bytes| bytes.to_string())),
            ("kbits", kbits.map(|kbits| kbits.to_string())),
            ("interval", interval.map(|interval| interval.to_string())),
            ("key-interval", Some(key_interval.to_string())),
            ("slices", Some(slices.to_string())),
            ("threads", Some(threads.to_string())),
            ("duration", Some(duration.to_string())),
        ];
        given.into_iter().filter_map(|(name, value)| Some(format!("--{name}={}", value?))).collect()
    }

    fn encoder(&self, (width, height): (u32, u32)) -> Result<Encoder> {
        let motion = (self.key_interval > 1).then_some(Motion { reference_layer: None, references: 1 });
        let (slices, threads) = (self.slices, self.threads);
        Ok(Encoder::new(EncoderConfig {
            width,
            height,
            format: FORMAT,
            layers: 12,
            slices,
            threads,
            motion,
        })?)
    }

    fn control(&self) -> Option<RateControl> {
        let mut control = RateControl::new(self.kbits?);
        control.set_key_interval(self.key_interval);
        Some(control)
    }

    fn rate(&self) -> Rate {
        let rate = self.bytes.map(Rate::Bytes).or(self.interval.map(Rate::Interval));
        rate.unwrap_or(Rate::WholeLadder)
    }
}

/// Codes every frame.
pub fn encode(frames: &[Frame], coding: &Coding) -> Result<Vec<Unit>> {
    Ok(encode_timed(frames, coding)?.0)
}

/// Codes every frame, and tells how long each took by the clock.
pub fn encode_timed(frames: &[Frame], coding: &Coding) -> Result<(Vec<Unit>, Vec<Duration>)> {
    let mut encoder = coding.encoder(size(frames))?;
    let mut control = coding.control();
    let layouts = layouts(&frames[0]);
    let (mut units, mut times) = (Vec::new(), Vec::new());
    for (number, frame) in frames.iter().enumerate() {
        let rate = control.as_mut().map_or(coding.rate(), |control| control.next(coding.duration));
        let request = Request { rate, key: number.is_multiple_of(coding.key_interval as usize) };
        let began = Instant::now();
        let planes = layouts.map(|layout| layout.of(&[frame.samples.as_slice()]));
        units.push(encoder.encode(&planes, request)?);
        times.push(began.elapsed());
        if let Some(control) = &mut control {
            control.spent(encoder.coded());
        }
    }
    Ok((units, times))
}

/// Decodes the layers up to `max_layer` of every unit, into frames of the size of `like`.
pub fn decode(units: &[Unit], max_layer: u8, like: &Frame) -> Result<Vec<Frame>> {
    let mut decoded = Vec::new();
    decode_each(units, max_layer, like, 0, |frame| decoded.push(frame.clone()))?;
    Ok(decoded)
}

/// The same on so many threads, 0 for one a core, without keeping the frames.
pub fn decode_each(
    units: &[Unit],
    max_layer: u8,
    like: &Frame,
    threads: usize,
    mut take: impl FnMut(&Frame),
) -> Result<()> {
    let (width, height) = size(std::slice::from_ref(like));
    let mut decoder = Decoder::new(DecoderConfig { width, height, format: FORMAT, threads })?;
    let layouts = layouts(like);
    let mut frame = like.clone();
    for unit in units {
        let buffers = &mut [frame.samples.as_mut_slice()];
        decoder.decode(unit, max_layer, &mut PictureMut { buffers, planes: &layouts })?;
        take(&frame);
    }
    Ok(())
}

/// What the codec makes of a clip, by the bytes of whole units.
pub fn point(frames: &[Frame], coding: &Coding) -> Result<Point> {
    let units = encode(frames, coding)?;
    let decoded = decode(&units, u8::MAX, &frames[0])?;
    Ok(Point::new(frames, &decoded, units.iter().map(|unit| unit.to_bytes().len()).sum()))
}

/// What each layer of the whole ladder gives with those below.
pub fn ladder(frames: &[Frame]) -> Result<Vec<Point>> {
    let units = encode(frames, &Coding::WHOLE)?;
    let point = |layer: u8| {
        let segments = units.iter().flat_map(Unit::segments).filter(|(of, ..)| *of <= layer);
        let bytes = segments.map(|(.., segment)| segment.data().len()).sum();
        Ok(Point::new(frames, &decode(&units, layer, &frames[0])?, bytes))
    };
    (0..LAYERS).map(point).collect()
}

fn size(frames: &[Frame]) -> (u32, u32) {
    (frames[0].width as u32, frames[0].height as u32)
}

/// Where the planes of a frame lie in its samples.
pub fn layouts(frame: &Frame) -> [PlaneLayout; 3] {
    let (luma, chroma) = (frame.width * frame.height, frame.width * frame.height / 4);
    let plane = |offset, stride| PlaneLayout { offset, ..PlaneLayout::bytes(0, stride) };
    [plane(0, frame.width), plane(luma, frame.width / 2), plane(luma + chroma, frame.width / 2)]
}
