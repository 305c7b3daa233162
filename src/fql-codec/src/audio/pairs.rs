//! Rotates pairs of channels so that what they share lies in one of them.

use super::trig::{round_product, turn};

/// How many rotations there are in half a turn.
const ANGLES: u64 = 64;
/// The rotation that makes middle and side.
const MIDDLE: u8 = 16;

/// Rotates a pair of channels by `angle` / 64 of half a turn.
pub(super) fn rotate(angle: u8, first: &mut [i64], second: &mut [i64]) {
    if angle != 0 {
        let (cosine, sine) = turn(angle.into(), 2 * ANGLES);
        apply(cosine, sine, first, second);
    }
}

/// Undoes [`rotate`].
pub(super) fn rotate_back(angle: u8, first: &mut [i64], second: &mut [i64]) {
    if angle != 0 {
        let (cosine, sine) = turn(angle.into(), 2 * ANGLES);
        apply(cosine, -sine, first, second);
    }
}

fn apply(cosine: i64, sine: i64, first: &mut [i64], second: &mut [i64]) {
    for (a, b) in first.iter_mut().zip(second) {
        (*a, *b) = (round_product(cosine * *a + sine * *b), round_product(cosine * *b - sine * *a));
    }
}

/// The rotation of those worth trying (none, middle and side, along the axis of the pair's energy) under which the
/// coefficients have the fewest bits.
pub(super) fn best_angle(first: &[i64], second: &[i64]) -> u8 {
    let candidates = [0, principal_angle(first, second), MIDDLE];
    candidates.into_iter().min_by_key(|angle| pair_bits(*angle, first, second)).unwrap_or(0)
}

fn principal_angle(first: &[i64], second: &[i64]) -> u8 {
    let product = |a: &[i64], b: &[i64]| a.iter().zip(b).map(|(a, b)| *a as f64 * *b as f64).sum::<f64>();
    let (xx, yy, xy) = (product(first, first), product(second, second), product(first, second));
    let half_turns = (2.0 * xy).atan2(xx - yy) / (2.0 * std::f64::consts::PI);
    ((half_turns * ANGLES as f64).round() as i64).rem_euclid(ANGLES as i64) as u8
}

fn pair_bits(angle: u8, first: &[i64], second: &[i64]) -> u64 {
    let (cosine, sine) = turn(angle.into(), 2 * ANGLES);
    let rotated = |(a, b): (&i64, &i64)| {
        bits(round_product(cosine * a + sine * b)) + bits(round_product(cosine * b - sine * a))
    };
    first.iter().zip(second).map(rotated).sum()
}

/// About how many half bits a coefficient has; one well below half a sample has the same as zero.
pub(super) fn bits(coefficient: i64) -> u64 {
    (coefficient * coefficient + 128 * 128).ilog2().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_between_two_channels_moves_into_one() {
        for (left, right) in [(1.0, 1.0), (1.0, 0.3), (0.2, -0.9), (-0.5, 0.5), (1.0, 0.0)] {
            let source: Vec<f64> = (0..64).map(|i| f64::from((i * 73 + 11) % 101 - 50) * 65_536.0).collect();
            let channel = |gain: f64| source.iter().map(|s| (s * gain) as i64).collect::<Vec<_>>();
            let (mut first, mut second) = (channel(left), channel(right));
            let angle = best_angle(&first, &second);
            rotate(angle, &mut first, &mut second);
            let energy = |x: &[i64]| x.iter().map(|v| *v as f64 * *v as f64).sum::<f64>();
            assert!(energy(&second) < 0.001 * energy(&first), "{left}, {right}");
            rotate_back(angle, &mut first, &mut second);
            for (value, expected) in first.iter().zip(channel(left)) {
                assert!((value - expected).abs() <= 2);
            }
        }
    }
}
