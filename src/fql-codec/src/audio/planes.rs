//! Codes coefficients plane by plane: in which bands there is anything, which coefficients become significant, their
//! signs, and one more bit of those that are.
//!
//! Contexts are the magnitudes next to a coefficient in frequency (those below it already known to this plane, those
//! above it to the plane before), and beside it in the other channel of its pair. Models live as long as the unit:
//! a layer continues with what the layers below it taught.

use crate::entropy::{BitModel, Coder};

use super::ladder::{INTERVAL_BITS, Ladder};
use super::lapped::FRACTION;
use super::tables;

/// Coefficients a band.
const BAND: usize = 16;
/// Zeros on both sides of a channel's coefficients, so that edges need no care.
const MARGIN: usize = 2;
/// A band with what is around it.
const WINDOW: usize = BAND + 2 * MARGIN;
/// From this magnitude on, both values of a further bit are about equally likely.
const EVEN_FROM: u32 = 16;

/// Classes of the magnitudes next to a coefficient.
pub(super) const NEAR: usize = 12;
/// Classes of the magnitudes beside a coefficient in the other channel.
pub(super) const BESIDE: usize = 4;

/// The adaptive models of a unit.
#[derive(Debug, Clone)]
pub(super) struct Models {
    pub band: [BitModel; 16],
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
    /// Quantizes the coefficients (with [`FRACTION`] fractional bits), channel after channel.
    pub(super) fn new(coefficients: &[i64], ladder: Ladder) -> Self {
        let last = ladder.planes() - 1;
        let interval = ladder.interval(last);
        let quantize = |c: &i64| ((c.unsigned_abs() << (INTERVAL_BITS - FRACTION)) / interval) as u32;
        let magnitudes: Vec<u32> = coefficients.iter().map(quantize).collect();
        let bands = magnitudes.chunks(BAND).map(|band| band.iter().fold(0, |all, m| all | m)).collect();
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
    /// Magnitudes in intervals of the plane that each was last coded at; every channel between margins.
    magnitudes: Vec<u32>,
    negative: Vec<bool>,
    /// How many planes are known of each coefficient that is not zero.
    known: Vec<u8>,
    live: Vec<bool>,
    models: Models,
}

impl Planes {
    /// Nothing known of `channels` times `frame` coefficients; `frame` is a multiple of 16.
    pub(super) fn new(frame: usize, channels: usize) -> Self {
        let padded = channels * (frame + 2 * MARGIN);
        Self {
            frame,
            channels,
            magnitudes: vec![0; padded],
            negative: vec![false; channels * frame],
            known: vec![0; channels * frame],
            live: vec![false; channels * (frame / BAND)],
            models: tables::MODELS,
        }
    }

    /// Codes one plane of all channels. Returns false where a decoder's bytes ended within it; what was decoded
    /// until then is kept.
    pub(super) fn code<C: Coder>(&mut self, plane: u32, coder: &mut C, source: &impl Source) -> bool {
        (0..self.frame / BAND)
            .all(|band| (0..self.channels).all(|channel| self.code_band(band, channel, plane, coder, source)))
    }

    fn code_band<C: Coder>(
        &mut self,
        band: usize,
        channel: usize,
        plane: u32,
        coder: &mut C,
        source: &impl Source,
    ) -> bool {
        let bands = self.frame / BAND;
        let index = channel * bands + band;
        if !self.live[index] {
            let context = self.band_context(band, channel);
            let live = coder.code(&mut self.models.band[context], || source.band(index, plane));
            if coder.is_exhausted() {
                return false;
            }
            if !live {
                return true;
            }
            self.live[index] = true;
        }
        self.code_coefficients(band, channel, plane, coder, source)
    }

    fn band_context(&self, band: usize, channel: usize) -> usize {
        let bands = self.frame / BAND;
        let live =
            |channel: usize, band: usize| usize::from(band < bands && self.live[channel * bands + band]);
        let below = if band == 0 { 1 } else { live(channel, band - 1) };
        let beside = self.partner(channel).map_or(0, |partner| live(partner, band));
        let below2 = if band < 2 { 1 } else { live(channel, band - 2) };
        below + 2 * live(channel, band + 1) + 4 * beside + 8 * below2
    }

    fn partner(&self, channel: usize) -> Option<usize> {
        let partner = channel ^ 1;
        (partner < self.channels).then_some(partner)
    }

    /// Codes the coefficients of a band in which there is anything.
    fn code_coefficients<C: Coder>(
        &mut self,
        band: usize,
        channel: usize,
        plane: u32,
        coder: &mut C,
        source: &impl Source,
    ) -> bool {
        let mut own = self.window(band, channel);
        let beside = self.partner(channel).map_or([0; WINDOW], |partner| self.window(band, partner));
        // The first channel of a pair sees the second one at the plane before.
        let beside_unit = if channel & 1 == 0 { 2 } else { 1 };
        let first = channel * self.frame + band * BAND;
        let signs = &mut self.negative[first..first + BAND];
        let mut coded = 0;
        while coded < BAND {
            let at = coded + MARGIN;
            let magnitude = own[at];
            let near = near_class(&own, at);
            let bit = match magnitude {
                0 => {
                    let sum = beside[at - 1] + 2 * beside[at] + beside[at + 1];
                    let model = &mut self.models.significant[near][beside_class(beside_unit * sum)];
                    coder.code(model, || source.bit(first + coded, plane))
                }
                EVEN_FROM.. => coder.code_even(|| source.bit(first + coded, plane)),
                _ => {
                    let model = &mut self.models.refine[magnitude.ilog2().min(2) as usize][near];
                    coder.code(model, || source.bit(first + coded, plane))
                }
            };
            let becomes_significant = magnitude == 0 && bit;
            let negative = becomes_significant && coder.code_even(|| source.negative(first + coded));
            if coder.is_exhausted() {
                break;
            }
            signs[coded] |= negative;
            own[at] = 2 * magnitude + u32::from(bit);
            coded += 1;
        }
        self.known[first..first + coded].fill(plane as u8 + 1);
        let start = self.window_start(band, channel);
        self.magnitudes[start..start + WINDOW].copy_from_slice(&own);
        coded == BAND
    }

    /// Where the margin before a band begins.
    fn window_start(&self, band: usize, channel: usize) -> usize {
        channel * (self.frame + 2 * MARGIN) + band * BAND
    }

    /// The magnitudes of a band with the margins around it.
    fn window(&self, band: usize, channel: usize) -> [u32; WINDOW] {
        let start = self.window_start(band, channel);
        std::array::from_fn(|i| self.magnitudes[start + i])
    }

    /// The coefficients with [`FRACTION`] fractional bits, channel after channel; all zero without a ladder.
    pub(super) fn coefficients(&self, ladder: Option<Ladder>) -> Vec<i64> {
        let Some(ladder) = ladder else { return vec![0; self.channels * self.frame] };
        let rows = self.magnitudes.chunks_exact(self.frame + 2 * MARGIN);
        let magnitudes = rows.flat_map(|row| &row[MARGIN..MARGIN + self.frame]);
        let coefficients = magnitudes.zip(&self.known).zip(&self.negative);
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

/// The class of the magnitudes around a coefficient. Those above it are known to the plane before only: their unit
/// is twice as large.
#[inline(always)]
fn near_class(window: &[u32; WINDOW], at: usize) -> usize {
    let below = 2 * window[at - 1] + window[at - 2];
    let above = 2 * window[at + 1] + window[at + 2];
    let sum = (below + 2 * above) as usize;
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
