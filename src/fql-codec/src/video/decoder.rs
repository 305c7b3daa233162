use std::ops::Range;

use fql_unit::Unit;

use super::borrow::borrow;
use super::contexts::Contexts;
use super::exact::Exact;
use super::layout::{Layout, Slice};
use super::memory::{PictureMut, check_target};
use super::motion::field::{Field, Part, Vector};
use super::motion::plane::Frame;
use super::motion::predict::predict;
use super::params::Params;
use super::picture::Planes;
use super::planes::States;
use super::quantiser::{recall, reconstruct};
use super::reading::Reading;
use super::references::References;
use super::{DecoderConfig, Picture, Reference, check_size, parallel};
use crate::Error;
use crate::entropy;

/// Decodes units into pictures, as well as what there is of them allows.
#[derive(Debug)]
pub struct Decoder {
    config: DecoderConfig,
    layout: Layout,
    planes: Planes,
    slices: Vec<SliceDecoder>,
    references: References,
    /// Where frames are made that are predicted, once there was one.
    motion: Option<Motion>,
}

/// What predicted frames need.
#[derive(Debug)]
struct Motion {
    field: Field,
    prediction: Frame,
    /// What later frames are predicted from, where that is not what is shown.
    planes: Planes,
}

/// What one slice works with. Its states outlive the picture: a slice of which nothing comes shows the one before,
/// and one of which finer layers are lost borrows from it.
#[derive(Debug)]
struct SliceDecoder {
    states: States,
    scale: u8,
    /// Whether the states are those of a key frame, which say something about a key frame that follows.
    is_key: bool,
    /// The same of the picture before.
    previous: States,
    /// How many lossy layers are complete.
    layers: u8,
    exact: bool,
    concealed: bool,
    contexts: Vec<Contexts>,
    /// What makes it exact.
    completion: Exact,
}

/// How many layers of a frame are decoded.
#[derive(Debug, Clone, Copy)]
struct Depth {
    /// To be shown.
    shown: u8,
    /// To be predicted from.
    reference: u8,
}

impl Decoder {
    /// A decoder for pictures of one size. Fails where the configuration is out of range.
    pub fn new(config: DecoderConfig) -> Result<Self, Error> {
        let (width, height) = check_size(config.width, config.height)?;
        config.format.check()?;
        let config = DecoderConfig { threads: parallel::threads(config.threads), ..config };
        let layout = Layout::new(width, height, config.format, 0);
        let planes = Planes::new(&layout, config.threads);
        let slices = layout.slices.iter().map(|slice| SliceDecoder::new(&layout, slice)).collect();
        Ok(Self { config, layout, planes, slices, references: References::default(), motion: None })
    }

    /// Decodes a unit, up to the layer with the index `max_layer`, into a picture of the configured size. Any segment
    /// may be missing, cut or wrong. Frames that others are predicted from are decoded as far as that takes, whatever
    /// is shown of them.
    ///
    /// Fails where the picture does not fit or the unit's parameters are not known; then nothing was written.
    pub fn decode(&mut self, unit: &Unit, max_layer: u8, target: &mut PictureMut) -> Result<Picture, Error> {
        let DecoderConfig { width, height, format, .. } = self.config;
        check_target(format, (width as usize, height as usize), target)?;
        let params = Params::from_bytes(unit.params())?;
        self.divide(unit.slices());
        let reference = self.decode_lossy(unit, max_layer, params);
        let (lossy, exact) = (self.slices.iter().map(|slice| slice.layers).min(), format.exact_layer());
        let lossy = lossy.unwrap_or(0);
        let is_whole = matches!(reference, Reference::None | Reference::Whole);
        if is_whole && lossy == exact && max_layer >= exact && unit.coded_layers() > exact {
            self.decode_exact(unit);
        }
        self.planes.restore_colours(&self.layout.slices);
        self.planes.write(target);
        let exact = self.slices.iter().all(|slice| slice.exact);
        let concealed = self.slices.iter().any(|slice| slice.concealed);
        let layers = lossy + u8::from(exact);
        Ok(Picture { layers, exact, concealed, key: params.distance.is_none(), reference })
    }

    /// Divides the picture into this many slices.
    fn divide(&mut self, slices: u8) {
        if usize::from(slices) != self.slices.len() {
            let DecoderConfig { width, height, format, .. } = self.config;
            self.layout = Layout::new(width as usize, height as usize, format, slices);
            let layout = &self.layout;
            self.slices = layout.slices.iter().map(|slice| SliceDecoder::new(layout, slice)).collect();
        }
    }

    /// Decodes the lossy layers into samples, and keeps what later frames are predicted from. What there was to
    /// predict from.
    fn decode_lossy(&mut self, unit: &Unit, max_layer: u8, params: Params) -> Reference {
        if params.window == 0 && params.distance.is_none() {
            self.decode_key(unit, max_layer, params);
            return Reference::None;
        }
        let Self { config, layout, planes, slices, references, motion } = self;
        let (threads, shapes) = (config.threads, &layout.planes);
        let motion = motion.get_or_insert_with(|| Motion::new(layout, threads));
        let depth = Depth::new(unit, max_layer, layout.format.bits);
        if params.distance.is_none() {
            motion.field.vectors.fill(Vector::ZERO);
        }
        let parts = motion.field.parts(layout.slices.iter().map(|slice| slice.rows[0].clone()));
        // What is lost of a key frame is borrowed from the picture before, where there is one.
        let before = references.latest().filter(|_| params.distance.is_none() && is_lossy(unit, depth));
        if let Some(before) = before {
            planes.analyse_frame(before);
        }
        let borrows = before.is_some();
        let stripes = planes.stripes_mut(&layout.slices);
        let others = motion.planes.stripes_mut(&layout.slices);
        let work = slices.iter_mut().zip(&layout.slices).zip(parts).zip(stripes).zip(others).enumerate();
        parallel::for_each(
            threads,
            work,
            |(number, ((((decoder, slice), mut part), mut shown), mut other))| {
                let source = Source { unit, number: number as u8, params, layout, slice };
                if borrows {
                    recall(layout, slice, &shown, params.scale, &mut decoder.previous);
                }
                decoder.decode_lossy(source, (depth, borrows), &mut part, &mut shown, &mut other);
            },
        );
        let (base, reference) = references.find(params);
        if let Some(base) = base {
            predict(layout.format, shapes, base, &motion.field, threads, &mut motion.prediction);
        }
        let prediction = base.is_some().then_some(&motion.prediction);
        planes.synthesise(prediction);
        let is_other = depth.shown != depth.reference;
        if is_other {
            motion.planes.synthesise(prediction);
        }
        let is_whole = matches!(reference, Reference::None | Reference::Whole) && unit.has_whole_reference();
        let kept = if is_other { &motion.planes } else { &*planes };
        references.keep(params, is_whole, || Frame::new(shapes), |frame| kept.keep(frame));
        planes.raise();
        reference
    }

    /// Decodes the lossy layers of a key frame that nothing is predicted from.
    fn decode_key(&mut self, unit: &Unit, max_layer: u8, params: Params) {
        let layout = &self.layout;
        self.references.clear();
        let stripes = self.planes.stripes_mut(&layout.slices);
        let work = self.slices.iter_mut().zip(&layout.slices).zip(stripes).enumerate();
        parallel::for_each(self.config.threads, work, |(number, ((decoder, slice), mut stripes))| {
            let source = Source { unit, number: number as u8, params, layout, slice };
            decoder.decode_key(source, max_layer);
            reconstruct(layout, slice, &decoder.states, decoder.scale, &mut stripes);
        });
        self.planes.synthesise_raised();
    }

    fn decode_exact(&mut self, unit: &Unit) {
        let layout = &self.layout;
        let work = self.slices.iter_mut().zip(self.planes.stripes_mut(&layout.slices)).enumerate();
        parallel::for_each(self.config.threads, work, |(number, (decoder, stripes))| {
            if let Some(segment) = unit.segment(layout.format.exact_layer(), number as u8) {
                decoder.exact =
                    decoder.decode_exact(layout, segment.data(), stripes) && segment.is_complete();
            }
        });
    }
}

/// Whether something is lost of the layers of a unit that are decoded.
fn is_lossy(unit: &Unit, depth: Depth) -> bool {
    let layers = depth.shown.max(depth.reference);
    unit.segments().any(|(layer, _, segment)| layer < layers && !segment.is_complete())
}

impl Motion {
    fn new(layout: &Layout, threads: usize) -> Self {
        Self {
            field: Field::new(layout.planes[0].width, layout.planes[0].height),
            prediction: Frame::new(&layout.planes),
            planes: Planes::new(layout, threads),
        }
    }
}

impl Depth {
    /// That of a unit of which layers up to `max_layer` are wanted.
    fn new(unit: &Unit, max_layer: u8, bits: u8) -> Self {
        let lossy = unit.coded_layers().min(bits + 1);
        Self { shown: lossy.min(max_layer.saturating_add(1)), reference: unit.reference_layers().min(lossy) }
    }
}

/// What a slice is decoded from.
#[derive(Clone, Copy)]
struct Source<'a> {
    unit: &'a Unit,
    number: u8,
    params: Params,
    layout: &'a Layout,
    slice: &'a Slice,
}

impl Source<'_> {
    /// Whether something of the slice's vectors may not have come.
    fn is_lost(&self) -> bool {
        self.unit.segment(0, self.number).is_some_and(|segment| !segment.is_complete())
    }
}

impl SliceDecoder {
    fn new(layout: &Layout, slice: &Slice) -> Self {
        Self {
            states: States::new(slice),
            scale: 0,
            is_key: false,
            previous: States::new(slice),
            layers: 0,
            exact: false,
            concealed: false,
            contexts: Contexts::of(layout.format),
            completion: Exact::new(),
        }
    }

    /// Notes what there is of a slice. Whether there is anything.
    fn begin(&mut self, source: Source) -> bool {
        self.layers = 0;
        self.exact = false;
        // Only a slice without any row has a codeword without any byte.
        let empty = source.unit.codeword(0, source.number).is_none_or(|segment| segment.data().is_empty());
        self.concealed = empty && !source.slice.rows[0].is_empty();
        !self.concealed
    }

    /// Decodes a slice of a key frame that nothing is predicted from; what is lost comes from the picture before.
    fn decode_key(&mut self, source: Source, max_layer: u8) {
        let Source { unit, params, layout, slice, .. } = source;
        if !self.begin(source) {
            return;
        }
        std::mem::swap(&mut self.states, &mut self.previous);
        let scales = (params.scale, std::mem::replace(&mut self.scale, params.scale));
        let follows_key = std::mem::replace(&mut self.is_key, true);
        self.states.clear();
        let layers = Depth::new(unit, max_layer, layout.format.bits).shown;
        let mut reading = Reading::new(layout, slice, std::mem::take(&mut self.contexts), None);
        self.read(source, &mut reading, 0..layers);
        self.contexts = reading.contexts;
        let lost = |layer| unit.segment(layer, source.number).is_some_and(|segment| !segment.is_complete());
        if follows_key && (0..layers).any(lost) {
            borrow(layout, slice, &mut self.states, &self.previous, scales, self.layers);
        }
    }

    /// Decodes a slice of a frame that others are predicted from, or that is predicted: what is shown of it, and, in
    /// `other`, what is predicted from where that is not the same.
    fn decode_lossy<'a>(
        &mut self,
        source: Source,
        (depth, borrows): (Depth, bool),
        part: &mut Part,
        shown: &mut [&'a mut [i32]],
        other: &mut [&'a mut [i32]],
    ) {
        let Source { layout, slice, params, .. } = source;
        self.is_key = false;
        self.states.clear();
        // What is lost goes on moving as it did.
        let part = if source.is_lost() { part } else { part.cleared() };
        let contexts = std::mem::take(&mut self.contexts);
        let mut reading = Reading::new(layout, slice, contexts, params.distance.is_some().then_some(part));
        let (first, last) = (depth.shown.min(depth.reference), depth.shown.max(depth.reference));
        if self.begin(source) {
            self.read(source, &mut reading, 0..first);
        }
        if borrows && self.layers < first {
            self.borrow(source);
        }
        if first < last {
            let planes = if depth.shown == first { &mut *shown } else { &mut *other };
            reconstruct(layout, slice, &self.states, params.scale, planes);
            if self.layers == first {
                self.read(source, &mut reading, first..last);
                if borrows && self.layers < last {
                    self.borrow(source);
                }
            }
            self.layers = self.layers.min(depth.shown);
        }
        self.contexts = reading.contexts;
        let planes = if depth.shown == last { shown } else { other };
        reconstruct(layout, slice, &self.states, params.scale, planes);
    }

    /// Borrows what is lost of a key frame from the picture before, of which `previous` holds the coefficients.
    fn borrow(&mut self, Source { layout, slice, params, .. }: Source) {
        let scales = (params.scale, params.scale);
        borrow(layout, slice, &mut self.states, &self.previous, scales, self.layers);
    }

    /// Makes the slice exact, as far as the data go. Whether they went all the way.
    fn decode_exact(&mut self, layout: &Layout, data: &[u8], stripes: Vec<&mut [i32]>) -> bool {
        let mut coder = entropy::Decoder::new(data);
        self.completion.restart();
        let mut planes = layout.planes.iter().zip(stripes);
        planes.all(|(shape, stripe)| self.completion.decode(&mut coder, shape, stripe).is_ok())
    }

    /// Decodes as many of these layers as there are without a hole.
    fn read(&mut self, source: Source, reading: &mut Reading, layers: Range<u8>) {
        for layer in layers {
            let Some(segment) = source.unit.codeword(layer, source.number) else { return };
            if reading.layer(segment.data(), &mut self.states).is_err() || !segment.is_complete() {
                return;
            }
            self.layers += 1;
        }
    }
}

#[cfg(test)]
impl Decoder {
    /// The newest frame that is kept.
    pub(super) fn latest(&self) -> Option<&Frame> {
        self.references.latest()
    }
}
