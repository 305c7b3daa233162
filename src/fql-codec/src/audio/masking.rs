//! What of the error is masked by the sound itself: the encoder's choice of weights.
//!
//! A decoder knows nothing of this: another encoder may choose otherwise. The energy of each group of bands, which are
//! about as wide as the ear's critical bands, spreads to its neighbours, with a slope for each direction (E. Zwicker
//! and H. Fastl, "Psychoacoustics", 1990: about 27 dB a Bark towards low tones, about half of it towards high ones); what a group gets is what
//! masks there. The error follows the mask by less than decibel for decibel: where bits do not suffice for an error that is
//! nowhere heard, it is best where it is loud.

use super::bands;
use super::depth::FRACTION;
use super::rotation::{Rotation, cosine_sine};
use super::trig::TRIG_BITS;
use super::weights::{MOST, Weights};

/// Decibels of the error for each decibel of the mask.
const FOLLOWING: f64 = 0.65;
/// How the mask falls off a Bark away, as a logarithm to base 10 of power.
const UPWARDS: f64 = 1.2;
/// The same towards low tones.
const DOWNWARDS: f64 = 2.5;
/// What masks where there is no sound: three samples of 16 bits, as power.
const QUIET: f64 = 10.0;
/// From here on, in Hz, nothing is heard.
const AUDIBLE: f64 = 20_000.0;
/// Width of a coefficient, in Hz: at most a seventh more at some rates.
const COEFFICIENT: f64 = 31.25;
/// The least part of a channel's error, as power, that is worth a limit.
const LEAST_PART: f64 = 1e-3;

/// Chooses weights for frames of one length.
#[derive(Debug, Clone)]
pub(super) struct Masking {
    frame: usize,
    /// How many coefficients each group has.
    widths: Vec<f64>,
    /// For each group, what part of each group's energy masks in it.
    spread: Vec<Vec<f64>>,
    /// How many groups are audible.
    audible: usize,
}

impl Masking {
    pub(super) fn new(frame: usize) -> Self {
        let mut widths = vec![0.0; bands::groups(frame)];
        for band in 0..bands::count(frame) {
            widths[bands::group(band)] += bands::range(band).len() as f64;
        }
        let mut start = 0.0;
        let centre = |width: &f64| {
            start += width;
            (start - width / 2.0) * COEFFICIENT
        };
        let centres: Vec<f64> = widths.iter().map(centre).collect();
        let audible = centres.iter().filter(|hertz| **hertz < AUDIBLE).count();
        let barks: Vec<f64> = centres.iter().map(|hertz| 7.0 * (hertz / 650.0).asinh()).collect();
        let part = |to: f64, from: f64| {
            let slope = if to > from { UPWARDS } else { DOWNWARDS };
            10f64.powf(-slope * (to - from).abs())
        };
        let spread = barks.iter().map(|to| barks.iter().map(|from| part(*to, *from)).collect()).collect();
        Self { frame, widths, spread, audible }
    }

    /// The weights for the coefficients of all channels, which lie one after the other and were rotated so.
    pub(super) fn weights(&self, coefficients: &[i64], rotations: &[Rotation]) -> Weights {
        let mut channels = coefficients.to_vec();
        for rotation in rotations.iter().rev() {
            rotation.undo(&mut channels, self.frame);
        }
        let mut masks: Vec<Vec<f64>> =
            channels.chunks_exact(self.frame).map(|channel| self.masks(channel)).collect();
        for rotation in rotations {
            rotate(&mut masks, *rotation);
        }
        let level = |mask: &f64| 0.5 * FOLLOWING * mask.max(QUIET).log2();
        let levels: Vec<Vec<f64>> = masks.iter().map(|masks| masks.iter().map(level).collect()).collect();
        let audible = levels.iter().flat_map(|levels| &levels[..self.audible]);
        let loudest = audible.fold(f64::MIN, |most, level| most.max(*level));
        let weight = |(group, level): (usize, &f64)| {
            let finer = if group < self.audible { loudest - level } else { 0.0 };
            finer.round().clamp(0.0, MOST.into()) as u8
        };
        let weights = levels.iter().flat_map(|levels| levels.iter().enumerate().map(weight)).collect();
        Weights::new(self.frame, weights)
    }

    /// The power that a coefficient of each group of a channel may have in error, but for a factor.
    fn masks(&self, coefficients: &[i64]) -> Vec<f64> {
        let mut energies = vec![0.0; self.widths.len()];
        let power = |c: &i64| (*c as f64 / f64::from(1 << FRACTION)).powi(2);
        for band in 0..bands::count(self.frame) {
            energies[bands::group(band)] += coefficients[bands::range(band)].iter().map(power).sum::<f64>();
        }
        let masked = |(parts, width): (&Vec<f64>, &f64)| {
            energies.iter().zip(parts).map(|(energy, part)| energy * part).fold(0.0, f64::max) / width
        };
        self.spread.iter().zip(&self.widths).map(masked).collect()
    }
}

/// What two channels may have of an error so that what they become by the rotation back has no more than its mask.
fn rotate(masks: &mut [Vec<f64>], rotation: Rotation) {
    if rotation.angle == 0 {
        return;
    }
    let (cosine, sine) = cosine_sine(rotation.angle);
    let part = |value: i64| (2.0 * (value as f64 / f64::from(1 << TRIG_BITS)).powi(2)).max(LEAST_PART);
    let (near, far) = (part(cosine), part(sine));
    let (low, high) = masks.split_at_mut(rotation.second.into());
    for (a, b) in low[usize::from(rotation.first)].iter_mut().zip(&mut high[0]) {
        (*a, *b) = ((*a / near).min(*b / far), (*a / far).min(*b / near));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: usize = 768;

    fn chosen(coefficients: &[i64], rotations: &[Rotation]) -> Vec<u8> {
        Masking::new(FRAME).weights(coefficients, rotations).of_bands(FRAME)
    }

    #[test]
    fn what_is_loud_may_have_more_error_than_what_is_quiet() {
        let mut coefficients = vec![40 << FRACTION; FRAME];
        coefficients[..64].fill(10_000 << FRACTION);
        let weights = chosen(&coefficients, &[]);
        assert_eq!(weights[9], 0);
        assert!(weights[30] >= 4, "{weights:?}");
    }

    #[test]
    fn a_loud_tone_masks_what_is_above_it_more_than_what_is_below() {
        let mut coefficients = vec![1 << FRACTION; FRAME];
        coefficients[64] = 30_000 << FRACTION;
        let weights = chosen(&coefficients, &[]);
        assert!(weights[12] < weights[7], "{weights:?}");
    }

    #[test]
    fn both_channels_of_a_rotated_pair_keep_to_the_quieter_one() {
        let rotation = Rotation { first: 0, second: 1, angle: 16 };
        let mut coefficients = [vec![8_000 << FRACTION; FRAME], vec![10 << FRACTION; FRAME]].concat();
        coefficients[..16].fill(30_000 << FRACTION);
        let apart = chosen(&coefficients, &[]);
        rotation.apply(&mut coefficients, FRAME);
        let together = chosen(&coefficients, &[rotation]);
        let bands = bands::count(FRAME);
        assert!(apart[..bands] != apart[bands..]);
        assert_eq!(together[..bands], together[bands..]);
    }

    #[test]
    fn nothing_is_spent_on_what_nobody_hears() {
        let weights = chosen(&vec![100 << FRACTION; FRAME], &[]);
        assert_eq!(weights[bands::count(FRAME) - 1], 0);
    }
}
