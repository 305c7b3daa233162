//! Codes coefficients plane by plane: in which bands there is anything, which coefficients become significant, their
//! signs, and one more bit of those that are.
//!
//! Contexts are the magnitudes next to a coefficient in frequency (those below it already known to this plane, those
//! above it to the plane before), and beside it in the channel that shares most with it, all in intervals of the plane:
//! bands of other weights are known to other planes. Models live as long as the unit: a layer continues with what the
//! layers below it taught.

use crate::entropy::{BitModel, Coder};

use super::bands::{self, WIDEST};
use super::depth::FRACTION;
use super::ladder::{INTERVAL_BITS, Ladder};
use super::rotation::Partners;
use super::tables;
use super::weights::{self, Weights};

/// Zeros on both sides of a channel's coefficients, so that edges need no care.
const MARGIN: usize = 2;
/// A band with what is around it.
const WINDOW: usize = WIDEST + 2 * MARGIN;
/// From this magnitude on, both values of a further bit are about equally likely.
const EVEN_FROM: u32 = 16;

/// Contexts tell no more apart than this.
const MANY: u32 = 1 << 10;

/// Classes of the magnitudes next to a coefficient.
pub(super) const NEAR: usize = 12;
/// Classes of the magnitudes beside a coefficient in the other channel.
pub(super) const BESIDE: usize = 4;

/// The adaptive models of a unit.
#[derive(Debug, Clone)]
pub(super) struct Models {
    pub weights: weights::Models,
    /// Whether a band has anything now: above the plane that is its weight, and from there on.
    pub band: [[BitModel; 16]; 2],
    pub significant: [[BitModel; BESIDE]; NEAR],
    pub refine: [[BitModel; NEAR]; 3],
}

/// What an encoder knows of the coefficients.
pub(super) trait Source {
    /// Whether the band has a coefficient that is significant at this plane.
    fn band(&self, band: usize, plane: u32) -> bool;
    /// The bit of a coefficient at this plane.
    fn bit(&self, at: usize, plane: u32) -> bool;
    /// Whether a coefficient is negative.
    fn negative(&self, at: usize) -> bool;
}

/// The source of a decoder: it is never asked.
pub(super) struct Unknown;

impl Source for Unknown {
    fn band(&self, _band: usize, _plane: u32) -> bool {
        false
    }

    fn bit(&self, _at: usize, _plane: u32) -> bool {
        false
    }

    fn negative(&self, _at: usize) -> bool {
        false
    }
}

/// Coefficients quantized with the interval of a ladder's last plane.
pub(super) struct Quantized {
    magnitudes: Vec<u32>,
    negative: Vec<bool>,
    bands: Vec<u32>,
    last: u32,
}

impl Quantized {
    /// Quantizes the coefficients (with [`FRACTION`] fractional bits), channel after channel of `frame`.
    pub(super) fn new(coefficients: &[i64], frame: usize, ladder: Ladder) -> Self {
        let last = ladder.planes() - 1;
        let interval = ladder.interval(last);
        let quantize = |c: &i64| ((c.unsigned_abs() << (INTERVAL_BITS - FRACTION)) / interval) as u32;
        let magnitudes: Vec<u32> = coefficients.iter().map(quantize).collect();
        let channels = magnitudes.chunks_exact(frame);
        let all = |magnitudes: &[u32]| magnitudes.iter().fold(0, |all, m| all | m);
        let bands = channels
            .flat_map(|channel| (0..bands::count(frame)).map(|band| all(&channel[bands::range(band)])))
            .collect();
        Self { magnitudes, negative: coefficients.iter().map(|c| *c < 0).collect(), bands, last }
    }
}

impl Source for Quantized {
    fn band(&self, band: usize, plane: u32) -> bool {
        self.bands[band] >> (self.last - plane) != 0
    }

    fn bit(&self, at: usize, plane: u32) -> bool {
        self.magnitudes[at] >> (self.last - plane) & 1 != 0
    }

    fn negative(&self, at: usize) -> bool {
        self.negative[at]
    }
}

/// What is known of the coefficients of all channels, plane by plane.
#[derive(Debug, Clone)]
pub(super) struct Planes {
    frame: usize,
    channels: usize,
    partners: Partners,
    /// How many planes the ladder has.
    planes: u32,
    /// For each band of each channel, by how many planes it is ahead of the ladder.
    weights: Vec<u8>,
    /// Magnitudes in intervals of the plane that each was last coded at; every channel between margins.
    magnitudes: Vec<u32>,
    /// How many planes are known of each, laid out like them.
    known: Vec<u8>,
    negative: Vec<bool>,
    live: Vec<bool>,
    models: Models,
}

/// A band of a channel at a plane.
#[derive(Clone, Copy)]
struct Place {
    band: usize,
    channel: usize,
    plane: u32,
}

impl Planes {
    /// Nothing known of `channels` times `frame` coefficients; `frame` is a multiple of 16.
    pub(super) fn new(frame: usize, channels: usize, partners: Partners, planes: u32) -> Self {
        let padded = channels * (frame + 2 * MARGIN);
        let bands = channels * bands::count(frame);
        Self {
            frame,
            channels,
            partners,
            planes,
            weights: vec![0; bands],
            magnitudes: vec![0; padded],
            known: vec![0; padded],
            negative: vec![false; channels * frame],
            live: vec![false; bands],
            models: tables::MODELS,
        }
    }

    /// Codes the weights, which come before the first plane; an encoder's are `source`. Returns false where a decoder's
    /// bytes ended within them.
    pub(super) fn code_weights<C: Coder>(&mut self, coder: &mut C, source: Option<&Weights>) -> bool {
        let models = &mut self.models.weights;
        let weights = Weights::code(self.frame, self.channels, self.partners, models, coder, source);
        if let Some(weights) = &weights {
            self.weights = weights.of_bands(self.frame);
        }
        weights.is_some()
    }

    /// Codes one step of the ladder: of each band the plane that is its weight after `step`, if there is one. Returns
    /// false where a decoder's bytes ended within it; what was decoded until then is kept.
    pub(super) fn code<C: Coder>(&mut self, step: i32, coder: &mut C, source: &impl Source) -> bool {
        let bands = bands::count(self.frame);
        for band in 0..bands {
            for channel in 0..self.channels {
                let plane = step + i32::from(self.weights[channel * bands + band]);
                if !(0..self.planes as i32).contains(&plane) {
                    continue;
                }
                if !self.code_band(Place { band, channel, plane: plane as u32 }, coder, source) {
                    return false;
                }
            }
        }
        true
    }

    fn code_band<C: Coder>(&mut self, place: Place, coder: &mut C, source: &impl Source) -> bool {
        let bands = bands::count(self.frame);
        let index = place.channel * bands + place.band;
        if !self.live[index] {
            let context = self.band_context(place);
            let early = usize::from(place.plane < self.weights[index].into());
            let live = coder.code(&mut self.models.band[early][context], || source.band(index, place.plane));
            if coder.is_exhausted() {
                return false;
            }
            if !live {
                return true;
            }
            self.live[index] = true;
        }
        self.code_coefficients(place, coder, source)
    }

    fn band_context(&self, Place { band, channel, .. }: Place) -> usize {
        let bands = bands::count(self.frame);
        let live =
            |channel: usize, band: usize| usize::from(band < bands && self.live[channel * bands + band]);
        let below = if band == 0 { 1 } else { live(channel, band - 1) };
        let beside = self.partner(channel).map_or(0, |partner| live(partner, band));
        let below2 = if band < 2 { 1 } else { live(channel, band - 2) };
        below + 2 * live(channel, band + 1) + 4 * beside + 8 * below2
    }

    fn partner(&self, channel: usize) -> Option<usize> {
        self.partners[channel].map(usize::from)
    }

    /// Codes the coefficients of a band in which there is anything.
    fn code_coefficients<C: Coder>(&mut self, place: Place, coder: &mut C, source: &impl Source) -> bool {
        let Place { band, channel, plane } = place;
        let range = bands::range(band);
        let width = range.len();
        let mut own = self.window(place, channel);
        let beside = self.partner(channel).map_or([0; WINDOW], |partner| self.window(place, partner));
        let start = channel * self.frame + range.start;
        let padded = self.padded(channel, range.start);
        let signs = &mut self.negative[start..start + width];
        let magnitudes = &mut self.magnitudes[padded..padded + width];
        let mut coded = 0;
        while coded < width {
            let at = coded + MARGIN;
            let magnitude = magnitudes[coded];
            let near = near_class(&own, at);
            let bit = match magnitude {
                0 => {
                    let sum = beside[at - 1] + 2 * beside[at] + beside[at + 1];
                    let model = &mut self.models.significant[near][beside_class(sum)];
                    coder.code(model, || source.bit(start + coded, plane))
                }
                EVEN_FROM.. => coder.code_even(|| source.bit(start + coded, plane)),
                _ => {
                    let model = &mut self.models.refine[magnitude.ilog2().min(2) as usize][near];
                    coder.code(model, || source.bit(start + coded, plane))
                }
            };
            let becomes_significant = magnitude == 0 && bit;
            let negative = becomes_significant && coder.code_even(|| source.negative(start + coded));
            if coder.is_exhausted() {
                break;
            }
            signs[coded] |= negative;
            magnitudes[coded] = 2 * magnitude + u32::from(bit);
            own[at] = magnitudes[coded];
            coded += 1;
        }
        self.known[padded..padded + coded].fill(plane as u8 + 1);
        coded == width
    }

    /// Where a coefficient stands between margins.
    fn padded(&self, channel: usize, at: usize) -> usize {
        channel * (self.frame + 2 * MARGIN) + MARGIN + at
    }

    /// The magnitudes of a channel in a band and in the margins around it, in intervals of the plane.
    fn window(&self, Place { band, plane, .. }: Place, channel: usize) -> [u32; WINDOW] {
        let range = bands::range(band);
        let start = self.padded(channel, range.start) - MARGIN;
        let len = range.len() + 2 * MARGIN;
        let mut window = [0; WINDOW];
        let coded = self.magnitudes[start..start + len].iter().zip(&self.known[start..start + len]);
        for (place, (&magnitude, &known)) in window.iter_mut().zip(coded) {
            *place = if magnitude == 0 { 0 } else { in_intervals_of(plane, magnitude, known) };
        }
        window
    }

    /// The coefficients with [`FRACTION`] fractional bits, channel after channel; all zero without a ladder.
    pub(super) fn coefficients(&self, ladder: Option<Ladder>) -> Vec<i64> {
        let Some(ladder) = ladder else { return vec![0; self.channels * self.frame] };
        let inner = |at: usize| self.padded(at, 0)..self.padded(at, self.frame);
        let magnitudes = (0..self.channels).flat_map(|channel| &self.magnitudes[inner(channel)]);
        let known = (0..self.channels).flat_map(|channel| &self.known[inner(channel)]);
        let coefficients = magnitudes.zip(known).zip(&self.negative);
        coefficients
            .map(|((&magnitude, &known), &negative)| match (magnitude, negative) {
                (0, _) => 0,
                (_, false) => dequantize(magnitude, ladder.interval(u32::from(known) - 1)),
                (_, true) => -dequantize(magnitude, ladder.interval(u32::from(known) - 1)),
            })
            .collect()
    }
}

/// The coefficient in the middle of a magnitude's interval; in the first one, where values fall off steeply, a
/// little below.
fn dequantize(magnitude: u32, interval: u64) -> i64 {
    let middle = if magnitude == 1 { interval / 16 * 7 } else { interval / 2 };
    ((u64::from(magnitude) * interval + middle) >> (INTERVAL_BITS - FRACTION)) as i64
}

/// A magnitude that is known to so many planes, in intervals of this plane; as much as any context tells apart.
#[inline(always)]
fn in_intervals_of(plane: u32, magnitude: u32, known: u8) -> u32 {
    let shift = plane as i32 + 1 - i32::from(known);
    if shift >= 0 {
        magnitude.min(MANY) << shift.min(MANY.ilog2() as i32)
    } else {
        magnitude.checked_shr(shift.unsigned_abs()).unwrap_or(0)
    }
}

/// The class of the magnitudes around a coefficient.
#[inline(always)]
fn near_class(window: &[u32; WINDOW], at: usize) -> usize {
    let below = 2 * window[at - 1] + window[at - 2];
    let above = 2 * window[at + 1] + window[at + 2];
    let sum = (below + above) as usize;
    NEAR_CLASSES[sum.min(NEAR_CLASSES.len() - 1)].into()
}

/// The class of the magnitudes beside a coefficient.
#[inline(always)]
fn beside_class(sum: u32) -> usize {
    match sum {
        0 => 0,
        1..=2 => 1,
        3..=6 => 2,
        _ => 3,
    }
}

const NEAR_CLASSES: [u8; 82] = near_classes();

const fn near_classes() -> [u8; 82] {
    let mut classes = [0; 82];
    let mut sum = 0;
    while sum < classes.len() {
        classes[sum] = match sum {
            0..=4 => sum as u8,
            5..=6 => 5,
            7..=9 => 6,
            10..=14 => 7,
            15..=22 => 8,
            23..=40 => 9,
            41..=80 => 10,
            _ => 11,
        };
        sum += 1;
    }
    classes
}
