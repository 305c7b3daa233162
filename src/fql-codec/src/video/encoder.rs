use bytes::Bytes;
use fql_unit::{MAX_LAYERS, MAX_SLICES, Segment, Unit};

use super::contexts::Contexts;
use super::estimation::Estimation;
use super::exact::Exact;
use super::layout::{Band, Layout, Slice};
use super::memory::check_source;
use super::motion::code::{self as vectors, code_vectors};
use super::motion::field::Part;
use super::params::Params;
use super::picture::{Planes, Source};
use super::planes::{States, code_layer};
use super::quantiser::{Quantised, reconstruct};
use super::rate::{Finest, Model};
use super::reading::Reading;
use super::{Coded, EncoderConfig, Plane, Rate, Request, check_size, parallel};
use crate::Error;
use crate::entropy;
use crate::error::check;

/// How often a frame is coded again where the prediction of its size was far off.
const MOST_ATTEMPTS: u32 = 3;
/// The interval that vectors are worth their bits at, before any frame has shown its own, in 1/256 of a sample's unit.
const FIRST_INTERVAL: u32 = 16 << 8;

/// Codes pictures into units of quality layers: key frames, each decodable on its own, and frames that are predicted
/// from earlier ones.
#[derive(Debug)]
pub struct Encoder {
    config: EncoderConfig,
    layout: Layout,
    planes: Planes,
    slices: Vec<SliceEncoder>,
    model: Model,
    /// How many bytes the exact layer is expected to take.
    exact_bytes: usize,
    /// What frames are predicted with, where they are.
    estimation: Option<Estimation>,
    /// That of the next frame.
    number: u8,
    coded: Coded,
}

/// What one slice works with, and its segments.
#[derive(Debug)]
struct SliceEncoder {
    quantised: Quantised,
    states: States,
    /// What is known in the layers that are predicted from, where there are finer ones.
    reference: Option<States>,
    has_reference: bool,
    contexts: Vec<Contexts>,
    exact: Exact,
    segments: Vec<Vec<u8>>,
    /// Memory of segments that were.
    spare: Vec<Vec<u8>>,
}

impl Encoder {
    /// An encoder for pictures of one size. Fails where the configuration is out of range.
    pub fn new(config: EncoderConfig) -> Result<Self, Error> {
        let (width, height) = check_size(config.width, config.height)?;
        config.format.check()?;
        check("the number of layers", config.layers, 1..=MAX_LAYERS.into(), "1 to 15")?;
        check(
            "the number of slices",
            config.slices,
            0..=MAX_SLICES.into(),
            "1 to 32, or 0 for a choice by size",
        )?;
        let layout = Layout::new(width, height, config.format, config.slices);
        let planes = Planes::new(&layout, parallel::threads(config.threads));
        let slices = layout.slices.iter().map(|slice| SliceEncoder::new(&layout, slice)).collect();
        let config = EncoderConfig { threads: parallel::threads(config.threads), ..config };
        let model = Model::new(config.format.finest(), config.threads);
        let coded = Coded { key: true, bytes: 0, interval: FIRST_INTERVAL };
        let exact_bytes = layout.planes.iter().map(|plane| plane.width * plane.height).sum::<usize>() / 6;
        let estimation = config.motion.map(|motion| Estimation::new(motion, &layout, config.threads));
        Ok(Self { config, layout, planes, slices, model, exact_bytes, estimation, number: 0, coded })
    }

    /// Codes a picture, its planes in the order of [`Format::planes`](super::Format::planes). Fails where these do
    /// not hold a picture of the configured size.
    pub fn encode(&mut self, planes: &[Plane], request: impl Into<Request>) -> Result<Unit, Error> {
        let request = request.into();
        let EncoderConfig { width, height, format, .. } = self.config;
        check_source(format, (width as usize, height as usize), planes)?;
        let source = Source { planes, format };
        let distance = self.predict(source, request);
        let prediction = self.estimation.as_ref().filter(|_| distance.is_some()).map(Estimation::prediction);
        self.planes.analyse(source, prediction);
        let finest = self.code(request.rate, distance.is_some());
        self.cut(request.rate.most(), distance.is_some(), self.reference_layers(finest));
        let reference_layers = self.keep(distance, finest);
        self.code_exact(source, request.rate, distance, finest);
        self.coded = self.model.coded(finest, self.len());
        self.unit(distance, finest, reference_layers)
    }

    /// Predicts the frame, if that is possible and worth it. How far back the one is that it is predicted from.
    fn predict(&mut self, source: Source, Request { rate, key }: Request) -> Option<u8> {
        let interval = match rate {
            Rate::WholeLadder => return None,
            Rate::Interval(interval) => interval,
            Rate::Live(live) => live.predicted.interval.max(self.coded.interval / 2),
            Rate::Bytes(_) => self.coded.interval,
        };
        let estimation = self.estimation.as_mut().filter(|_| !key)?;
        estimation.predict(&self.layout, source, self.number, interval)
    }

    /// Codes the lossy layers.
    fn code(&mut self, rate: Rate, predicted: bool) -> Finest {
        let top = self.config.format.finest().min(u32::from(self.config.layers) - 1);
        if rate != Rate::WholeLadder {
            return self.code_at(rate, top, predicted);
        }
        let whole = Finest { layer: top, scale: 0 };
        self.code_lossy(whole, predicted);
        whole
    }

    /// The number of the next frame: how many there were, modulo 256.
    pub fn number(&self) -> u8 {
        self.number
    }

    /// Says what a receiver has of the frame that had this [number](Self::number): so many layers, from layer 0 up,
    /// complete in every slice; 15 for all that there are. What comes out of order or twice does no harm.
    ///
    /// As long as no news is bad, frames are predicted from the newest one. Where a frame came with fewer layers than
    /// are predicted from, the next ones are predicted from the newest frame that came whole with all that it rests
    /// on, or are key frames where there is none.
    pub fn acknowledge(&mut self, number: u8, layers: u8) {
        if let Some(estimation) = &mut self.estimation {
            estimation.acknowledge(number, layers);
        }
    }

    /// Changes how many earlier frames are kept to predict from, 1 to 16, from the next frame on. Does nothing where
    /// the configuration has no motion.
    pub fn set_references(&mut self, references: u8) {
        if let Some(estimation) = &mut self.estimation {
            estimation.settings.references = references;
        }
    }

    /// Changes the highest layer that is predicted from, from the next frame on; `None` for the finest that a frame
    /// has. Does nothing where the configuration has no motion.
    pub fn set_reference_layer(&mut self, layer: Option<u8>) {
        if let Some(estimation) = &mut self.estimation {
            estimation.settings.reference_layer = layer;
        }
    }

    /// What became of the frame that was coded last, for [`RateControl`](super::RateControl).
    pub fn coded(&self) -> Coded {
        self.coded
    }

    /// Codes all lossy layers with intervals of this rate; once more where its bytes were far off.
    fn code_at(&mut self, rate: Rate, top: u32, predicted: bool) -> Finest {
        let estimation = self.estimation.as_mut().filter(|_| predicted);
        let side = estimation.map_or(0, |estimation| estimation.bytes(&self.layout));
        self.model.survey(&self.layout, self.planes.coefficients(), !predicted, side);
        let mut finest = self.model.choose(rate, top);
        for _ in 1..MOST_ATTEMPTS {
            self.code_lossy(finest, predicted);
            let far_off = self.model.learn(rate, finest, self.len());
            let better = self.model.choose(rate, top);
            if !far_off || better == finest {
                return finest;
            }
            finest = better;
        }
        self.code_lossy(finest, predicted);
        self.model.learn(rate, finest, self.len());
        finest
    }

    fn code_lossy(&mut self, finest: Finest, predicted: bool) {
        let reference_layers = self.reference_layers(finest);
        let layout = &self.layout;
        let stripes = self.planes.stripes(&layout.slices);
        let mut vectors: Vec<Option<Part>> = match &mut self.estimation {
            Some(estimation) if predicted => estimation.parts(layout).into_iter().map(Some).collect(),
            _ => layout.slices.iter().map(|_| None).collect(),
        };
        let work = self.slices.iter_mut().zip(&layout.slices).zip(stripes).zip(&mut vectors);
        parallel::for_each(self.config.threads, work, |(((encoder, slice), stripes), vectors)| {
            encoder.quantised.take(layout, slice, &stripes, finest.layer, finest.scale);
            if predicted {
                encoder.quantised.thin(layout, slice, &stripes, finest.scale);
            }
            encoder.code_lossy(layout, slice, finest.layer, reference_layers, vectors.as_mut());
        });
    }

    /// How many layers later frames are predicted from.
    fn reference_layers(&self, finest: Finest) -> u32 {
        let Some(estimation) = &self.estimation else { return 0 };
        finest.layer.min(estimation.settings.reference_layer.map_or(u32::MAX, u32::from)) + 1
    }

    /// Keeps what a decoder has of the layers that are predicted from. How many these are.
    fn keep(&mut self, distance: Option<u8>, finest: Finest) -> u32 {
        let coded = self.slices.iter().map(|slice| slice.segments.len()).max().unwrap_or(0);
        let layers = self.reference_layers(finest).min(coded as u32);
        let Some(estimation) = &mut self.estimation else { return 0 };
        let is_empty = |slice: &SliceEncoder| slice.segments.first().is_none_or(Vec::is_empty);
        if distance.is_none() && self.slices.iter().any(is_empty) {
            // A decoder takes such a slice for lost.
            estimation.forget();
            return 0;
        }
        self.reconstruct(finest, true, distance);
        if let Some(estimation) = &mut self.estimation {
            estimation.keep(&self.planes, self.number, distance, layers as u8);
        }
        layers
    }

    /// Codes the exact layer, which needs all lossy ones. Where it does not fit, it is left out whole: a part of it
    /// is worth less than its bytes.
    fn code_exact(&mut self, source: Source, rate: Rate, distance: Option<u8>, finest: Finest) {
        let format = self.config.format;
        let is_whole = finest == Finest { layer: format.finest(), scale: 0 };
        if !is_whole || self.config.layers <= format.exact_layer() {
            return;
        }
        let left = rate.most().saturating_sub(self.len());
        if left < self.exact_bytes && rate.most() < usize::MAX {
            // The next frames may be simpler: try again after a while.
            self.exact_bytes -= self.exact_bytes / 64;
            return;
        }
        self.reconstruct(finest, false, distance);
        self.planes.raise();
        let lossy = self.len();
        let layout = &self.layout;
        let stripes = self.planes.stripes_mut(&layout.slices);
        let work = self.slices.iter_mut().zip(&layout.slices).zip(stripes);
        parallel::for_each(self.config.threads, work, |((encoder, slice), stripes)| {
            encoder.code_exact(layout, slice, stripes, source);
        });
        self.exact_bytes = self.len() - lossy;
        if self.exact_bytes > left {
            self.slices.iter_mut().for_each(|slice| drop(slice.segments.pop()));
        }
    }

    /// Turns the planes into what a decoder has of all lossy layers, or of those that are predicted from.
    fn reconstruct(&mut self, finest: Finest, reference: bool, distance: Option<u8>) {
        let layout = &self.layout;
        let stripes = self.planes.stripes_mut(&layout.slices);
        let work = self.slices.iter().zip(&layout.slices).zip(stripes);
        parallel::for_each(self.config.threads, work, |((encoder, slice), mut stripes)| {
            let states = encoder.reference.as_ref().filter(|_| reference && encoder.has_reference);
            let states = states.unwrap_or(&encoder.states);
            reconstruct(layout, slice, states, finest.scale, &mut stripes);
        });
        let estimation = self.estimation.as_ref().filter(|_| distance.is_some());
        self.planes.synthesise(estimation.map(Estimation::prediction));
    }

    /// How many bytes all segments have.
    fn len(&self) -> usize {
        self.slices.iter().flat_map(|slice| &slice.segments).map(Vec::len).sum()
    }

    /// Cuts the finest layers, in all slices by the same part, down to these bytes. What is lost of the layers that
    /// are predicted from, the encoder forgets as well.
    fn cut(&mut self, bytes: usize, predicted: bool, reference_layers: u32) {
        let mut excess = self.len().saturating_sub(bytes);
        if excess == 0 {
            return;
        }
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
            break;
        }
        if self.slices[0].segments.len() <= reference_layers as usize {
            self.read_again(predicted);
        }
    }

    /// Reads what was coded as a decoder does.
    fn read_again(&mut self, predicted: bool) {
        let layout = &self.layout;
        let mut vectors: Vec<Option<Part>> = match &mut self.estimation {
            None => return,
            Some(estimation) if predicted => estimation.parts(layout).into_iter().map(Some).collect(),
            Some(_) => layout.slices.iter().map(|_| None).collect(),
        };
        let work = self.slices.iter_mut().zip(&layout.slices).zip(&mut vectors);
        parallel::for_each(self.config.threads, work, |((encoder, slice), vectors)| {
            encoder.read_again(layout, slice, vectors.as_mut());
        });
        drop(vectors);
        if let Some(estimation) = self.estimation.as_mut().filter(|_| predicted) {
            estimation.predict_again(layout);
        }
    }

    fn unit(&mut self, distance: Option<u8>, finest: Finest, reference_layers: u32) -> Result<Unit, Error> {
        let window = self.estimation.as_ref().map_or(0, Estimation::window);
        let params = Params { scale: finest.scale, number: self.number, window, distance };
        self.number = self.number.wrapping_add(1);
        let mut unit = Unit::new(self.config.layers, self.slices.len() as u8, params.to_bytes())?;
        unit.flags.key = distance.is_none();
        unit.set_reference_layers(reference_layers as u8);
        for (number, slice) in self.slices.iter_mut().enumerate() {
            // The last first, as the first is taken first from the spare ones.
            for (layer, segment) in slice.segments.drain(..).enumerate().rev() {
                // A segment that was cut here is whole as far as anyone else is concerned: it finds its end itself.
                unit.set(layer as u8, number as u8, Segment::complete(Bytes::copy_from_slice(&segment)));
                slice.spare.push(segment);
            }
        }
        Ok(unit)
    }
}

impl SliceEncoder {
    fn new(layout: &Layout, slice: &Slice) -> Self {
        Self {
            quantised: Quantised::new(slice),
            states: States::new(slice),
            reference: None,
            has_reference: false,
            contexts: Contexts::of(layout.format),
            exact: Exact::new(),
            segments: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// A coder of a segment, with memory of one that was.
    fn coder(&mut self) -> entropy::Encoder {
        entropy::Encoder::with_buffer(self.spare.pop().unwrap_or_default())
    }

    fn code_lossy(
        &mut self,
        layout: &Layout,
        slice: &Slice,
        finest: u32,
        reference_layers: u32,
        mut vectors: Option<&mut Part>,
    ) {
        self.states.clear();
        self.spare.extend(self.segments.drain(..).rev());
        self.has_reference = false;
        Contexts::restart(&mut self.contexts, vectors.is_some());
        for layer in 0..=finest {
            let mut coder = self.coder();
            if let Some(vectors) = vectors.take() {
                // An encoder is never exhausted.
                let _ = code_vectors(&mut coder, &mut vectors::Models::new(), vectors);
            }
            let truth = |band: &Band| self.quantised.at_layer(layer, band);
            let _ = code_layer(&mut coder, &mut self.contexts, &mut self.states, layout, slice, layer, truth);
            self.segments.push(coder.finish());
            if layer + 1 == reference_layers && layer < finest {
                let reference = self.reference.get_or_insert_with(|| States::new(slice));
                reference.copy_from(&self.states);
                self.has_reference = true;
            }
        }
    }

    /// Knows no more than what a decoder finds in the segments.
    fn read_again(&mut self, layout: &Layout, slice: &Slice, vectors: Option<&mut Part>) {
        self.states.clear();
        self.has_reference = false;
        let contexts = std::mem::take(&mut self.contexts);
        let mut reading = Reading::new(layout, slice, contexts, vectors.map(Part::cleared));
        let _ = self.segments.iter().try_for_each(|segment| reading.layer(segment, &mut self.states));
        self.contexts = reading.contexts;
    }

    fn code_exact(&mut self, layout: &Layout, slice: &Slice, stripes: Vec<&mut [i32]>, source: Source) {
        let mut coder = self.coder();
        self.exact.restart();
        for (plane, (shape, stripe)) in layout.planes.iter().zip(stripes).enumerate() {
            let first = slice.rows[plane].start;
            self.exact
                .encode(&mut coder, shape, stripe, |row, out| source.row(plane, first + row, out, 0, 0));
        }
        self.segments.push(coder.finish());
    }
}

#[cfg(test)]
impl Encoder {
    /// The newest frame that is predicted from.
    pub(super) fn latest(&self) -> Option<&super::motion::plane::Frame> {
        self.estimation.as_ref()?.latest()
    }

    /// The coefficients of the last frame as they were coded.
    pub(super) fn quantised(&self) -> impl Iterator<Item = (&Slice, &Quantised)> {
        self.layout.slices.iter().zip(self.slices.iter().map(|slice| &slice.quantised))
    }
}
