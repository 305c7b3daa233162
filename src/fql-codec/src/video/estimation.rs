//! What an encoder does to predict a frame: which earlier frame it takes, where the parts of the picture come from,
//! and whether that is worth it.

use super::Motion;
use super::layout::Layout;
use super::motion::code::{Models, code_vectors};
use super::motion::field::{Field, Part};
use super::motion::plane::{Frame, Plane};
use super::motion::predict::predict;
use super::motion::search::{Luma, Search};
use super::parallel::for_each;
use super::params::MAX_DISTANCE;
use super::picture::{Planes, Source};
use crate::entropy::Encoder;

/// A bit is worth so much of an 8-bit sample's difference for each unit of the interval, in 1/256.
const LAMBDA: u32 = 95;

/// What bits are worth does not grow any more from this interval on, in 1/256 of a sample's unit: no frame is as coarse.
const LONGEST_INTERVAL: u32 = 1 << 24;

/// News of a frame comes at most so many frames late: older numbers are of frames that are still to come.
const MOST_LATE: u8 = 127;

/// What an encoder predicts with.
#[derive(Debug)]
pub(super) struct Estimation {
    pub(super) settings: Motion,
    threads: usize,
    /// The oldest first.
    history: Vec<Sent>,
    /// How many frames there were since the key frame.
    since_key: u32,
    /// How many layers of the newest frame of each number are predicted from, also of those that are not kept any more.
    layers: [u8; 256],
    /// Luma of the picture, and of the frame that it is predicted from.
    source: Plane<u8>,
    reference: Luma,
    /// Which frame `reference` was made of.
    prepared: Option<u8>,
    /// What the frame is predicted from, as an index of the history.
    base: usize,
    field: Field,
    previous: Field,
    prediction: Frame,
}

/// A frame as the decoder has it.
#[derive(Debug)]
struct Sent {
    number: u8,
    frame: Frame,
    /// Which frame it is predicted from.
    base: Option<u8>,
    /// How many layers are predicted from.
    layers: u8,
    /// Whether the receiver is known to have all of these.
    is_good: bool,
    /// Whether it is known to lack some, of this frame or of one that it rests on.
    is_bad: bool,
}

impl Estimation {
    pub(super) fn new(settings: Motion, layout: &Layout, threads: usize) -> Self {
        let (width, height) = (layout.planes[0].width, layout.planes[0].height);
        Self {
            settings,
            threads,
            history: Vec::new(),
            since_key: 0,
            layers: [0; 256],
            source: Plane::new(width, height),
            reference: Luma::new(width, height),
            prepared: None,
            base: 0,
            field: Field::new(width, height),
            previous: Field::new(width, height),
            prediction: Frame::new(&layout.planes),
        }
    }

    /// How many frames a decoder has to keep.
    pub(super) fn window(&self) -> u8 {
        self.settings.references.clamp(1, MAX_DISTANCE)
    }

    /// Predicts the frame with this number. How far back the frame is that it is predicted from; nothing where there
    /// is none, or the picture has too little in common with it. The interval, in 1/256 of a sample's unit, is what
    /// it will be coded with.
    pub(super) fn predict(
        &mut self,
        layout: &Layout,
        source: Source,
        number: u8,
        interval: u32,
    ) -> Option<u8> {
        let at = self.choose(number)?;
        let interval = interval.min(LONGEST_INTERVAL);
        let extra = u32::from(layout.format.bits) - 8;
        let shift = layout.format.fraction() + extra;
        self.take(source, extra);
        let base = &self.history[at];
        if self.prepared != Some(base.number) {
            self.reference.take(&base.frame.planes[0], shift, self.threads);
            self.prepared = Some(base.number);
        }
        std::mem::swap(&mut self.field, &mut self.previous);
        let search = Search {
            source: &self.source,
            reference: &self.reference,
            previous: &self.previous,
            lambda: ((u64::from(interval >> extra) * u64::from(LAMBDA)) >> 8) as u32,
        };
        let rows = layout.slices.iter().map(|slice| slice.rows[0].clone());
        let found = search.run(&mut self.field, rows, self.threads);
        // Blocks on their own cost less than this says, as the transform sees farther than a block.
        if 4 * found.predicted > 5 * found.intra {
            return None;
        }
        let distance = number.wrapping_sub(base.number);
        self.base = at;
        self.predict_again(layout);
        Some(distance)
    }

    /// Takes luma of a picture of so many bits more than 8.
    fn take(&mut self, source: Source, extra: u32) {
        let Plane { width, height, stride, .. } = self.source;
        let rows = height.div_ceil(self.threads);
        let parts = self.source.rows_mut(rows).enumerate();
        for_each(self.threads, parts, |(number, part)| {
            let mut samples = vec![0; width];
            for (line, to) in part.chunks_mut(stride).enumerate() {
                source.row(0, number * rows + line, &mut samples, 0, 0);
                to.iter_mut().zip(&samples).for_each(|(to, &x)| *to = (x >> extra) as u8);
            }
        });
        self.source.extend();
    }

    /// Makes the prediction of the vectors that there are.
    pub(super) fn predict_again(&mut self, layout: &Layout) {
        let (format, shapes, base) = (layout.format, &layout.planes, &self.history[self.base].frame);
        predict(format, shapes, base, &self.field, self.threads, &mut self.prediction);
    }

    /// The vectors of each slice.
    pub(super) fn parts(&mut self, layout: &Layout) -> Vec<Part<'_>> {
        self.field.parts(layout.slices.iter().map(|slice| slice.rows[0].clone()))
    }

    /// How many bytes the vectors take.
    pub(super) fn bytes(&mut self, layout: &Layout) -> usize {
        let threads = self.threads;
        let mut parts: Vec<(Part, usize)> = self.parts(layout).into_iter().map(|part| (part, 0)).collect();
        for_each(threads, parts.iter_mut(), |(part, bytes)| {
            let mut coder = Encoder::new();
            // An encoder is never exhausted.
            let _ = code_vectors(&mut coder, &mut Models::new(), part);
            *bytes = coder.len();
        });
        parts.iter().map(|(_, bytes)| bytes).sum()
    }

    /// The prediction of the frame that is coded.
    pub(super) fn prediction(&self) -> &Frame {
        &self.prediction
    }

    /// Which frame of the history the one with this number is predicted from: the newest as long as no news is bad.
    fn choose(&self, number: u8) -> Option<usize> {
        let newest = self.history.len().checked_sub(1)?;
        let is_usable = |&at: &usize| !self.history[newest].is_bad || self.is_known_good(at);
        let found = (0..=newest).rev().find(is_usable)?;
        let distance = number.wrapping_sub(self.history[found].number);
        (1..=self.window()).contains(&distance).then_some(found)
    }

    /// Whether a frame came whole, and all that it rests on as far as that is remembered.
    fn is_known_good(&self, at: usize) -> bool {
        let mut chain = std::iter::successors(self.history.get(at), |sent| {
            self.history.iter().find(|other| sent.base == Some(other.number))
        });
        chain.all(|sent| sent.is_good && !sent.is_bad)
    }

    /// Takes note of what the receiver has of a frame.
    pub(super) fn acknowledge(&mut self, number: u8, layers: u8) {
        let Some(at) = self.history.iter().position(|sent| sent.number == number) else {
            return self.acknowledge_forgotten(number, layers);
        };
        if layers >= self.history[at].layers {
            self.history[at].is_good = true;
            return;
        }
        self.history[at].is_bad = true;
        for later in at + 1..self.history.len() {
            let base = self.history[later].base;
            let rests = self.history[at..later].iter().any(|sent| sent.is_bad && base == Some(sent.number));
            self.history[later].is_bad |= rests;
        }
    }

    /// The same for a frame that is not kept any more: all that there is may rest on it, unless it is from before the
    /// key frame.
    fn acknowledge_forgotten(&mut self, number: u8, layers: u8) {
        let Some(latest) = self.history.last() else { return };
        let age = latest.number.wrapping_sub(number);
        let is_bad = layers < self.layers[usize::from(number)];
        if u32::from(age) <= self.since_key && age <= MOST_LATE && is_bad {
            self.history.iter_mut().for_each(|sent| sent.is_bad = true);
        }
    }

    /// Forgets all frames: the next one is a key frame.
    pub(super) fn forget(&mut self) {
        self.history.clear();
    }

    /// Keeps a frame to predict from: what `planes` hold, of `layers` layers.
    pub(super) fn keep(&mut self, planes: &Planes, number: u8, distance: Option<u8>, layers: u8) {
        let base = distance.map(|distance| number.wrapping_sub(distance));
        self.since_key = if base.is_none() { 0 } else { self.since_key.saturating_add(1) };
        // Nothing is predicted from what was before a key frame: a viewer may have joined there.
        let room = if base.is_some() { usize::from(self.window()) - 1 } else { 0 };
        // A decoder forgets as many, and at once: should more be kept again, those do not come back.
        let unneeded = self.history.len().saturating_sub(room);
        let last = self.history.drain(..unneeded).next_back();
        let mut frame = last.map_or_else(|| Frame::like(&self.prediction), |sent| sent.frame);
        planes.keep(&mut frame);
        self.layers[usize::from(number)] = layers;
        self.history.push(Sent { number, frame, base, layers, is_good: false, is_bad: false });
        self.prepared = None;
    }
}

#[cfg(test)]
impl Estimation {
    /// The newest frame.
    pub(super) fn latest(&self) -> Option<&Frame> {
        self.history.last().map(|sent| &sent.frame)
    }
}
