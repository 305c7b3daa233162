use bytes::Bytes;
use fql_unit::{MAX_LAYERS, MAX_SLICES, Segment, Unit};

use super::contexts::Contexts;
use super::exact::Exact;
use super::layout::{Layout, Slice};
use super::params::Params;
use super::picture::{self, Planes};
use super::planes::{FINEST, States, code_layer};
use super::quantiser::{Quantised, reconstruct};
use super::rate::{Finest, Model};
use super::{EncoderConfig, Plane, Rate, check_size, parallel};
use crate::Error;
use crate::entropy;
use crate::error::check;

/// The exact layer's index.
pub(super) const EXACT_LAYER: u8 = FINEST as u8 + 1;
/// How often a frame is coded again where the prediction of its size was far off.
const MOST_ATTEMPTS: u32 = 3;

/// Codes pictures into units of quality layers, each decodable on its own.
#[derive(Debug)]
pub struct Encoder {
    config: EncoderConfig,
    layout: Layout,
    planes: Planes,
    slices: Vec<SliceEncoder>,
    model: Model,
    /// How many bytes the exact layer is expected to take.
    exact_bytes: usize,
}

/// What one slice works with, and its segments.
#[derive(Debug)]
struct SliceEncoder {
    quantised: Quantised,
    states: States,
    segments: Vec<Vec<u8>>,
}

impl Encoder {
    /// An encoder for pictures of one size. Fails where the configuration is out of range.
    pub fn new(config: EncoderConfig) -> Result<Self, Error> {
        let (width, height) = check_size(config.width, config.height)?;
        check("the number of layers", config.layers, 1..=MAX_LAYERS.into(), "1 to 15")?;
        check(
            "the number of slices",
            config.slices,
            0..=MAX_SLICES.into(),
            "1 to 32, or 0 for a choice by size",
        )?;
        let layout = Layout::new(width, height, config.chroma, config.slices);
        let planes = Planes::new(&layout, parallel::threads(config.threads));
        let slices = layout.slices.iter().map(SliceEncoder::new).collect();
        let config = EncoderConfig { threads: parallel::threads(config.threads), ..config };
        let exact_bytes = width * height / 4;
        Ok(Self { config, layout, planes, slices, model: Model::new(), exact_bytes })
    }

    /// Codes a picture: luma, and for 4:2:0 the two colour differences. Fails where the planes do not hold a
    /// picture of the configured size.
    pub fn encode(&mut self, planes: &[Plane], rate: Rate) -> Result<Unit, Error> {
        picture::check(&self.layout, planes.iter().map(|plane| (plane.data.len(), plane.stride)))?;
        self.planes.analyse(planes);
        let top = FINEST.min(u32::from(self.config.layers) - 1);
        let whole = Finest { layer: top, scale: 0 };
        let finest = match rate {
            Rate::WholeLadder => {
                self.code_lossy(whole);
                whole
            }
            Rate::Bytes(bytes) => self.code_within(bytes, top),
        };
        if finest == whole && self.config.layers > EXACT_LAYER {
            self.code_exact(planes, rate);
        }
        if let Rate::Bytes(bytes) = rate {
            self.cut(bytes);
        }
        self.unit(finest)
    }

    /// Codes all lossy layers with intervals that are predicted to fit; once more where that was far off.
    fn code_within(&mut self, bytes: usize, top: u32) -> Finest {
        self.model.survey(&self.layout, self.planes.coefficients());
        let mut finest = self.model.choose(bytes, top);
        for _ in 1..MOST_ATTEMPTS {
            self.code_lossy(finest);
            let far_off = self.model.learn(finest, self.len(), bytes);
            let better = self.model.choose(bytes, top);
            if !far_off || better == finest {
                return finest;
            }
            finest = better;
        }
        self.code_lossy(finest);
        self.model.learn(finest, self.len(), bytes);
        finest
    }

    fn code_lossy(&mut self, finest: Finest) {
        let layout = &self.layout;
        let stripes = self.planes.stripes(&layout.slices);
        let work = self.slices.iter_mut().zip(&layout.slices).zip(stripes);
        parallel::for_each(self.config.threads, work, |((encoder, slice), stripes)| {
            encoder.quantised.take(layout, slice, &stripes, finest.layer, finest.scale);
            encoder.code_lossy(layout, slice, finest.layer);
        });
    }

    /// Codes the exact layer, which needs all lossy ones. Where it does not fit, it is left out whole: a part of it
    /// is worth less than its bytes.
    fn code_exact(&mut self, source: &[Plane], rate: Rate) {
        let left = match rate {
            Rate::WholeLadder => usize::MAX,
            Rate::Bytes(bytes) => bytes.saturating_sub(self.len()),
        };
        if left < self.exact_bytes && left < usize::MAX {
            // The next frames may be simpler: try again after a while.
            self.exact_bytes -= self.exact_bytes / 64;
            return;
        }
        self.reconstruct();
        let lossy = self.len();
        let widths: Vec<usize> = self.layout.planes.iter().map(|plane| plane.0).collect();
        let stripes = self.planes.stripes(&self.layout.slices).into_iter();
        let sources = picture::source_stripes(&self.layout, source);
        let work = self.slices.iter_mut().zip(stripes.zip(sources));
        parallel::for_each(self.config.threads, work, |(encoder, (stripes, source))| {
            let mut coder = entropy::Encoder::new();
            Exact::new().encode(&mut coder, &stripes, &widths, &source);
            encoder.segments.push(coder.finish());
        });
        self.exact_bytes = self.len() - lossy;
        if self.exact_bytes > left {
            self.slices.iter_mut().for_each(|slice| drop(slice.segments.pop()));
        }
    }

    /// Turns the planes into what a decoder has of all lossy layers.
    fn reconstruct(&mut self) {
        let layout = &self.layout;
        let stripes = self.planes.stripes_mut(&layout.slices);
        let work = self.slices.iter().zip(&layout.slices).zip(stripes);
        parallel::for_each(self.config.threads, work, |((encoder, slice), mut stripes)| {
            reconstruct(layout, slice, &encoder.states, 0, &mut stripes);
        });
        self.planes.synthesise();
    }

    /// How many bytes all segments have.
    fn len(&self) -> usize {
        self.slices.iter().flat_map(|slice| &slice.segments).map(Vec::len).sum()
    }

    /// Cuts the finest layers, in all slices by the same part, down to these bytes.
    fn cut(&mut self, bytes: usize) {
        let mut excess = self.len().saturating_sub(bytes);
        while excess > 0 {
            let layer = self.slices[0].segments.len() - 1;
            let len: usize = self.slices.iter().map(|slice| slice.segments[layer].len()).sum();
            if len <= excess {
                self.slices.iter_mut().for_each(|slice| drop(slice.segments.pop()));
                excess -= len;
                continue;
            }
            for slice in &mut self.slices {
                let segment = &mut slice.segments[layer];
                segment.truncate((segment.len() as u64 * (len - excess) as u64 / len as u64) as usize);
            }
            return;
        }
    }

    fn unit(&mut self, finest: Finest) -> Result<Unit, Error> {
        let params = Params { scale: finest.scale };
        let mut unit = Unit::new(self.config.layers, self.slices.len() as u8, params.to_bytes())?;
        for (number, slice) in self.slices.iter_mut().enumerate() {
            for (layer, segment) in slice.segments.drain(..).enumerate() {
                // A segment that was cut here is whole as far as anyone else is concerned: it finds its end itself.
                unit.set(layer as u8, number as u8, Segment::complete(Bytes::from(segment)));
            }
        }
        Ok(unit)
    }
}

impl SliceEncoder {
    fn new(slice: &Slice) -> Self {
        Self { quantised: Quantised::new(slice), states: States::new(slice), segments: Vec::new() }
    }

    fn code_lossy(&mut self, layout: &Layout, slice: &Slice, finest: u32) {
        self.states.clear();
        self.segments.clear();
        let mut contexts = Contexts::trained();
        for layer in 0..=finest {
            let mut coder = entropy::Encoder::new();
            let truth = self.quantised.at_layer(finest - layer);
            // An encoder is never exhausted.
            let _ = code_layer(&mut coder, &mut contexts, &mut self.states, layout, slice, layer, &truth);
            self.segments.push(coder.finish());
        }
    }
}
