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
            negative: vec![false; padded],
            known: vec![0; padded],
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
        for i in band * BAND..(band + 1) * BAND {
            if !self.code_coefficient(i, channel, plane, coder, source) {
                return false;
            }
        }
        true
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

    fn code_coefficient<C: Coder>(
        &mut self,
        i: usize,
        channel: usize,
        plane: u32,
        coder: &mut C,
        source: &impl Source,
    ) -> bool {
        let at = channel * (self.frame + 2 * MARGIN) + MARGIN + i;
        let from = channel * self.frame + i;
        let magnitude = self.magnitudes[at];
        let near = near_class(&self.magnitudes[at - MARGIN..=at + MARGIN]);
        let bit = match magnitude {
            0 => {
                let beside = self.beside_class(i, channel);
                coder.code(&mut self.models.significant[near][beside], || source.bit(from, plane))
            }
            EVEN_FROM.. => coder.code_even(|| source.bit(from, plane)),
            _ => {
                let age = magnitude.ilog2().min(2) as usize;
                coder.code(&mut self.models.refine[age][near], || source.bit(from, plane))
            }
        };
        let negative =
            if magnitude == 0 && bit { coder.code_even(|| source.negative(from)) } else { self.negative[at] };
        if coder.is_exhausted() {
            return false;
        }
        self.magnitudes[at] = 2 * magnitude + u32::from(bit);
        self.negative[at] = negative;
        self.known[at] = plane as u8 + 1;
        true
    }

    fn beside_class(&self, i: usize, channel: usize) -> usize {
        let Some(partner) = self.partner(channel) else { return 0 };
        let at = partner * (self.frame + 2 * MARGIN) + MARGIN + i;
        let sum = self.magnitudes[at - 1] + 2 * self.magnitudes[at] + self.magnitudes[at + 1];
        // The first channel of a pair sees the second one at the plane before.
        let sum = if channel & 1 == 0 { 2 * sum } else { sum };
        match sum {
            0 => 0,
            1..=2 => 1,
            3..=6 => 2,
            _ => 3,
        }
    }

    /// The coefficients with [`FRACTION`] fractional bits, channel after channel; all zero without a ladder.
    pub(super) fn coefficients(&self, ladder: Option<Ladder>) -> Vec<i64> {
        let Some(ladder) = ladder else { return vec![0; self.channels * self.frame] };
        let padded = self.frame + 2 * MARGIN;
        (0..self.channels)
            .flat_map(|channel| channel * padded + MARGIN..channel * padded + MARGIN + self.frame)
            .map(|at| self.coefficient(at, ladder))
            .collect()
    }

    fn coefficient(&self, at: usize, ladder: Ladder) -> i64 {
        let magnitude = u64::from(self.magnitudes[at]);
        if magnitude == 0 {
            return 0;
        }
        let interval = ladder.interval(u32::from(self.known[at]) - 1);
        // The middle of the interval, a little towards zero in the first one, where values fall off steeply.
        let middle = if magnitude == 1 { interval / 16 * 7 } else { interval / 2 };
        let value = ((magnitude * interval + middle) >> (INTERVAL_BITS - FRACTION)) as i64;
        if self.negative[at] { -value } else { value }
    }
}

fn near_class(around: &[u32]) -> usize {
    let &[far_below, below, _, above, far_above] = around else { return 0 };
    // Those above are known to the plane before only: their unit is twice as large.
    let sum = 2 * below + far_below + 4 * above + 2 * far_above;
    match sum {
        0..=4 => sum as usize,
        5..=6 => 5,
        7..=9 => 6,
        10..=14 => 7,
        15..=22 => 8,
        23..=40 => 9,
        41..=80 => 10,
        _ => 11,
    }
}
