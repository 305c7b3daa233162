use fql_unit::Unit;

use super::borrow::borrow;
use super::contexts::Contexts;
use super::encoder::EXACT_LAYER;
use super::exact::Exact;
use super::layout::{Layout, Slice};
use super::params::Params;
use super::picture::{self, Planes};
use super::planes::{FINEST, States, Unknown, code_layer};
use super::quantiser::reconstruct;
use super::{DecoderConfig, Picture, PlaneMut, check_size, parallel};
use crate::Error;
use crate::entropy;

/// Decodes units into pictures, as well as what there is of them allows.
#[derive(Debug)]
pub struct Decoder {
    config: DecoderConfig,
    layout: Layout,
    planes: Planes,
    slices: Vec<SliceDecoder>,
}

/// What one slice works with. Its states outlive the picture: a slice of which nothing comes shows the one before,
/// and one of which finer layers are lost borrows from it.
#[derive(Debug)]
struct SliceDecoder {
    states: States,
    scale: u8,
    /// The same of the picture before.
    previous: States,
    /// How many lossy layers are complete.
    layers: u8,
    exact: bool,
    concealed: bool,
}

impl Decoder {
    /// A decoder for pictures of one size. Fails where the configuration is out of range.
    pub fn new(config: DecoderConfig) -> Result<Self, Error> {
        let (width, height) = check_size(config.width, config.height)?;
        let config = DecoderConfig { threads: parallel::threads(config.threads), ..config };
        let layout = Layout::new(width, height, config.chroma, 0);
        let planes = Planes::new(&layout, config.threads);
        let slices = layout.slices.iter().map(SliceDecoder::new).collect();
        Ok(Self { config, layout, planes, slices })
    }

    /// Decodes a unit, up to the layer with the index `max_layer`, into planes of the configured size: luma, and
    /// for 4:2:0 the two colour differences. Any segment may be missing, cut or wrong.
    ///
    /// Fails where the planes are too small or the unit's parameters are not known; then nothing was written.
    pub fn decode(&mut self, unit: &Unit, max_layer: u8, planes: &mut [PlaneMut]) -> Result<Picture, Error> {
        picture::check(&self.layout, planes.iter().map(|plane| (plane.data.len(), plane.stride)))?;
        let params = Params::from_bytes(unit.params())?;
        self.divide(unit.slices());
        self.decode_lossy(unit, max_layer, params.scale);
        self.planes.synthesise();
        self.planes.write(planes);
        let lossy = self.slices.iter().map(|slice| slice.layers).min().unwrap_or(0);
        if lossy == EXACT_LAYER && max_layer >= EXACT_LAYER && unit.coded_layers() > EXACT_LAYER {
            self.decode_exact(unit, planes);
        }
        let exact = self.slices.iter().all(|slice| slice.exact);
        let concealed = self.slices.iter().any(|slice| slice.concealed);
        Ok(Picture { layers: lossy + u8::from(exact), exact, concealed })
    }

    /// Divides the picture into this many slices.
    fn divide(&mut self, slices: u8) {
        if usize::from(slices) != self.slices.len() {
            let DecoderConfig { width, height, chroma, .. } = self.config;
            self.layout = Layout::new(width as usize, height as usize, chroma, slices);
            self.slices = self.layout.slices.iter().map(SliceDecoder::new).collect();
        }
    }

    fn decode_lossy(&mut self, unit: &Unit, max_layer: u8, scale: u8) {
        let layout = &self.layout;
        let stripes = self.planes.stripes_mut(&layout.slices);
        let work = self.slices.iter_mut().zip(&layout.slices).zip(stripes).enumerate();
        parallel::for_each(self.config.threads, work, |(number, ((decoder, slice), mut stripes))| {
            decoder.decode_lossy(layout, slice, unit, number as u8, max_layer, scale);
            reconstruct(layout, slice, &decoder.states, decoder.scale, &mut stripes);
        });
    }

    fn decode_exact(&mut self, unit: &Unit, planes: &mut [PlaneMut]) {
        let widths: Vec<usize> = self.layout.planes.iter().map(|plane| plane.0).collect();
        let stripes = self.planes.stripes(&self.layout.slices).into_iter();
        let targets = picture::target_stripes(&self.layout, planes);
        let work = self.slices.iter_mut().zip(stripes.zip(targets)).enumerate();
        parallel::for_each(self.config.threads, work, |(number, (decoder, (stripes, mut target)))| {
            let Some(segment) = unit.segment(EXACT_LAYER, number as u8) else { return };
            let mut coder = entropy::Decoder::new(segment.data());
            let done = Exact::new().decode(&mut coder, &stripes, &widths, &mut target);
            decoder.exact = done.is_ok() && segment.is_complete();
        });
    }
}

impl SliceDecoder {
    fn new(slice: &Slice) -> Self {
        let (states, previous) = (States::new(slice), States::new(slice));
        Self { states, scale: 0, previous, layers: 0, exact: false, concealed: false }
    }

    fn decode_lossy(
        &mut self,
        layout: &Layout,
        slice: &Slice,
        unit: &Unit,
        number: u8,
        max_layer: u8,
        scale: u8,
    ) {
        self.layers = 0;
        self.exact = false;
        // Only a slice without any row has a codeword without any byte.
        let empty = unit.segment(0, number).is_none_or(|segment| segment.data().is_empty());
        self.concealed = empty && slice.rows[0] > 0;
        if self.concealed {
            return;
        }
        std::mem::swap(&mut self.states, &mut self.previous);
        let scales = (scale, std::mem::replace(&mut self.scale, scale));
        self.states.clear();
        let top = max_layer.min(FINEST as u8).min(unit.coded_layers().saturating_sub(1));
        self.code_layers(layout, slice, unit, number, top);
        let lost = |layer| unit.segment(layer, number).is_some_and(|segment| !segment.is_complete());
        if (0..=top).any(lost) {
            borrow(layout, slice, &mut self.states, &self.previous, scales, self.layers);
        }
    }

    /// Decodes as many layers, up to `top`, as there are without a hole.
    fn code_layers(&mut self, layout: &Layout, slice: &Slice, unit: &Unit, number: u8, top: u8) {
        let mut contexts = Contexts::trained();
        for layer in 0..=top {
            let Some(segment) = unit.segment(layer, number) else { return };
            let mut coder = entropy::Decoder::new(segment.data());
            let states = &mut self.states;
            let coded = code_layer(&mut coder, &mut contexts, states, layout, slice, layer.into(), &Unknown);
            if coded.is_err() || !segment.is_complete() {
                return;
            }
            self.layers += 1;
        }
    }
}
