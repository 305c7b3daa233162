//! The encoder's choice of what is rotated with what: by measured correlation, as long as bits are saved.

use super::depth::Depth;
use super::rotation::{ANGLES, MAX_ROTATIONS, Rotation, cosine_sine};
use super::trig::round_product;

/// The rotation that makes middle and side.
const MIDDLE: u8 = 16;
/// Coefficients over which the loudness is taken out of correlations.
const BAND: usize = 16;
/// Two channels are not tried where they share less than this part of their energy.
const LEAST_SHARED: f64 = 0.02;
/// What a rotation has to save, in half bits: twice the two bytes that tell of it.
const LEAST_SAVED: u64 = 64;

/// Chooses and applies rotations to the coefficients of all channels, which lie one after the other.
pub(super) fn rotate(coefficients: &mut [i64], frame: usize, depth: Depth) -> Vec<Rotation> {
    match coefficients.len() / frame {
        1 => Vec::new(),
        2 => {
            let (first, second) = coefficients.split_at(frame);
            let rotation = Rotation { first: 0, second: 1, angle: best_angle(first, second, depth).angle };
            rotation.apply(coefficients, frame);
            vec![rotation]
        }
        _ => Search::new(coefficients, frame, depth).run(coefficients),
    }
}

/// A search among more than two channels.
struct Search {
    frame: usize,
    depth: Depth,
    /// What a coefficient of each band counts.
    weights: Vec<f64>,
    /// For each two channels, the square of their correlation; 0 where they were tried as they are.
    shared: Vec<(f64, u8, u8)>,
}

impl Search {
    fn new(coefficients: &[i64], frame: usize, depth: Depth) -> Self {
        let channels = (coefficients.len() / frame) as u8;
        let mut search =
            Self { frame, depth, weights: weights(coefficients, frame, depth), shared: Vec::new() };
        search.shared = (0..channels)
            .flat_map(|first| (first + 1..channels).map(move |second| (first, second)))
            .map(|(first, second)| (search.shared(coefficients, first, second), first, second))
            .collect();
        search
    }

    fn run(mut self, coefficients: &mut [i64]) -> Vec<Rotation> {
        let mut rotations = Vec::new();
        while rotations.len() < MAX_ROTATIONS {
            let Some(most) = self.shared.iter_mut().max_by(|a, b| a.0.total_cmp(&b.0)) else { break };
            if most.0 < LEAST_SHARED {
                break;
            }
            let (_, first, second) = std::mem::take(most);
            (most.1, most.2) = (first, second);
            let best =
                best_angle(self.channel(coefficients, first), self.channel(coefficients, second), self.depth);
            if best.saved >= LEAST_SAVED {
                let rotation = Rotation { first, second, angle: best.angle };
                rotation.apply(coefficients, self.frame);
                rotations.push(rotation);
                self.update(coefficients, rotation);
            }
        }
        rotations
    }

    /// Measures again what two rotated channels share with the others.
    fn update(&mut self, coefficients: &[i64], rotation: Rotation) {
        let mut shared = std::mem::take(&mut self.shared);
        let touched = |channel: u8| channel == rotation.first || channel == rotation.second;
        for (value, first, second) in &mut shared {
            if touched(*first) != touched(*second) {
                *value = self.shared(coefficients, *first, *second);
            }
        }
        self.shared = shared;
    }

    /// The square of the correlation of two channels, from 0 to 1.
    fn shared(&self, coefficients: &[i64], first: u8, second: u8) -> f64 {
        let [first, second] = [first, second].map(|channel| self.channel(coefficients, channel));
        let product = |a: &[i64], b: &[i64]| -> f64 {
            let bands = a.chunks_exact(BAND).zip(b.chunks_exact(BAND)).zip(&self.weights);
            bands.map(|((a, b), weight)| weight * dot(a, b)).sum()
        };
        let energies = product(first, first) * product(second, second);
        if energies > 0.0 { product(first, second).powi(2) / energies } else { 0.0 }
    }

    fn channel<'a>(&self, coefficients: &'a [i64], channel: u8) -> &'a [i64] {
        &coefficients[usize::from(channel) * self.frame..][..self.frame]
    }
}

/// For each band, one over the energy of all channels in it, so that loud bands do not speak for all.
fn weights(coefficients: &[i64], frame: usize, depth: Depth) -> Vec<f64> {
    let floor = (BAND * coefficients.len() / frame) as f64 * (depth.least() as f64).powi(2);
    let energy = |band: usize| -> f64 {
        coefficients.chunks_exact(frame).map(|c| &c[band * BAND..][..BAND]).map(|band| dot(band, band)).sum()
    };
    (0..frame / BAND).map(|band| 1.0 / (energy(band) + floor)).collect()
}

fn dot(a: &[i64], b: &[i64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| *a as f64 * *b as f64).sum()
}

/// An angle, and how many half bits it saves beside no rotation.
struct Choice {
    angle: u8,
    saved: u64,
}

/// The rotation of those worth trying (none, middle and side, along the axis of the pair's energy) under which the
/// coefficients have the fewest bits.
fn best_angle(first: &[i64], second: &[i64], depth: Depth) -> Choice {
    let plain = pair_bits(0, first, second, depth);
    let rotated = [principal_angle(first, second), MIDDLE]
        .map(|angle| (pair_bits(angle, first, second, depth), angle))
        .into_iter()
        .min_by_key(|(bits, _)| *bits);
    match rotated {
        Some((bits, angle)) if bits < plain => Choice { angle, saved: plain - bits },
        _ => Choice { angle: 0, saved: 0 },
    }
}

fn principal_angle(first: &[i64], second: &[i64]) -> u8 {
    let (xx, yy, xy) = (dot(first, first), dot(second, second), dot(first, second));
    let half_turns = (2.0 * xy).atan2(xx - yy) / (2.0 * std::f64::consts::PI);
    ((half_turns * ANGLES as f64).round() as i64).rem_euclid(ANGLES as i64) as u8
}

fn pair_bits(angle: u8, first: &[i64], second: &[i64], depth: Depth) -> u64 {
    let (cosine, sine) = cosine_sine(angle);
    let rotated = |(a, b): (&i64, &i64)| {
        bits(round_product(cosine * a + sine * b), depth) + bits(round_product(cosine * b - sine * a), depth)
    };
    first.iter().zip(second).map(rotated).sum()
}

/// About how many half bits a coefficient has; one well below half of the finest interval has the same as zero.
pub(super) fn bits(coefficient: i64, depth: Depth) -> u64 {
    (coefficient * coefficient + (depth.least() * depth.least()) as i64).ilog2().into()
}

#[cfg(test)]
mod tests {
    use fql_unit::AudioFormat;

    use super::*;

    fn source(seed: i64) -> Vec<i64> {
        (0..64).map(|i| ((i * 73 + 11 + seed * 29) * (seed + 7) % 101 - 50) * 65_536).collect()
    }

    fn scaled(source: &[i64], gain: f64) -> Vec<i64> {
        source.iter().map(|s| (*s as f64 * gain) as i64).collect()
    }

    fn energy(channel: &[i64]) -> f64 {
        dot(channel, channel)
    }

    #[test]
    fn a_sound_between_two_channels_moves_into_one() {
        for (left, right) in [(1.0, 1.0), (1.0, 0.3), (0.2, -0.9), (-0.5, 0.5), (1.0, 0.0)] {
            let before = [scaled(&source(0), left), scaled(&source(0), right)].concat();
            let mut coefficients = before.clone();
            let rotations = rotate(&mut coefficients, 64, Depth::new(AudioFormat::S16));
            let (first, second) = coefficients.split_at(64);
            assert!(energy(second) < 0.001 * energy(first), "{left}, {right}");
            rotations[0].undo(&mut coefficients, 64);
            for (value, expected) in coefficients.iter().zip(before) {
                assert!((value - expected).abs() <= 2);
            }
        }
    }

    #[test]
    fn a_sound_among_any_of_many_channels_moves_into_one() {
        for depth in [AudioFormat::S16, AudioFormat::S24].map(Depth::new) {
            // The same in channels 1, 3 and 4, and others in 0 and 2.
            let parts = [(0, 1.0), (1, 0.8), (2, 1.0), (1, -0.3), (1, 0.5)];
            let before: Vec<i64> =
                parts.iter().flat_map(|(seed, gain)| scaled(&source(*seed), *gain)).collect();
            let mut coefficients = before.clone();
            let rotations = rotate(&mut coefficients, 64, depth);
            let mut energies: Vec<f64> = coefficients.chunks_exact(64).map(energy).collect();
            energies.sort_by(f64::total_cmp);
            assert!(energies[1] < 0.01 * energies[2], "{rotations:?}: {energies:?}");
            rotations.iter().rev().for_each(|rotation| rotation.undo(&mut coefficients, 64));
            for (value, expected) in coefficients.iter().zip(before) {
                assert!((value - expected).abs() <= 8);
            }
        }
    }
}
