//! Rotates channels into each other, two at a time, so that what they share lies in one of them.
//!
//! Rotations follow one another: what two channels share may be rotated with a third. As many as there are are told
//! with every unit, so no layout has to be known: front left may go with front right in one frame, and with the
//! centre in the next.

use std::sync::LazyLock;

use crate::Error;

use super::trig::{round_product, turn};

/// How many angles there are in half a turn.
pub(super) const ANGLES: u64 = 64;
/// How many rotations a unit has at most.
pub(super) const MAX_ROTATIONS: usize = 8;
/// Channels at most.
const MAX_CHANNELS: usize = 8;

/// A rotation of two channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rotation {
    /// The channel that gets what both share.
    pub first: u8,
    /// The other one, a later channel.
    pub second: u8,
    /// In 64ths of half a turn.
    pub angle: u8,
}

/// Cosine and sine of an angle below [`ANGLES`].
pub(super) fn cosine_sine(angle: u8) -> (i64, i64) {
    static ALL: LazyLock<Vec<(i64, i64)>> =
        LazyLock::new(|| (0..ANGLES).map(|angle| turn(angle, 2 * ANGLES)).collect());
    ALL[usize::from(angle)]
}

/// For each channel the one that it is coded beside.
pub(super) type Partners = [Option<u8>; MAX_CHANNELS];

impl Rotation {
    /// Rotates two of the channels, which lie one after the other, each with `frame` coefficients.
    pub(super) fn apply(self, coefficients: &mut [i64], frame: usize) {
        self.run(coefficients, frame, 1);
    }

    /// Undoes [`Rotation::apply`].
    pub(super) fn undo(self, coefficients: &mut [i64], frame: usize) {
        self.run(coefficients, frame, -1);
    }

    fn run(self, coefficients: &mut [i64], frame: usize, direction: i64) {
        if self.angle == 0 {
            return;
        }
        let (cosine, sine) = cosine_sine(self.angle);
        let sine = direction * sine;
        let (first, second) = self.channels(coefficients, frame);
        for (a, b) in first.iter_mut().zip(second) {
            (*a, *b) = (round_product(cosine * *a + sine * *b), round_product(cosine * *b - sine * *a));
        }
    }

    fn channels(self, coefficients: &mut [i64], frame: usize) -> (&mut [i64], &mut [i64]) {
        let (low, high) = coefficients.split_at_mut(usize::from(self.second) * frame);
        (&mut low[usize::from(self.first) * frame..][..frame], &mut high[..frame])
    }
}

/// The rotations of a unit as bytes: with two channels the angle alone, with more of them for each rotation its
/// channels (the first one times 8) and its angle.
pub(super) fn to_bytes(rotations: &[Rotation], channels: usize) -> Vec<u8> {
    let bytes = |r: &Rotation| [r.first << 3 | r.second, r.angle];
    let skipped = if channels == 2 { 1 } else { 0 };
    rotations.iter().flat_map(|rotation| bytes(rotation).into_iter().skip(skipped)).collect()
}

/// Reads what [`to_bytes`] wrote.
pub(super) fn from_bytes(bytes: &[u8], channels: usize) -> Result<Vec<Rotation>, Error> {
    let rotations: Vec<Rotation> = if channels == 2 {
        bytes.iter().map(|&angle| Rotation { first: 0, second: 1, angle }).collect()
    } else {
        let rotation = |pair: &[u8]| Rotation { first: pair[0] >> 3, second: pair[0] & 7, angle: pair[1] };
        bytes.chunks_exact(2).map(rotation).collect()
    };
    let is_right =
        |r: &Rotation| r.first < r.second && usize::from(r.second) < channels && u64::from(r.angle) < ANGLES;
    let count_is_right = match channels {
        2 => bytes.len() == 1,
        _ => bytes.len().is_multiple_of(2) && bytes.len() <= 2 * MAX_ROTATIONS,
    };
    if count_is_right && rotations.iter().all(is_right) {
        Ok(rotations)
    } else {
        Err(Error::Params("the rotations do not fit the number of channels"))
    }
}

/// Which channels are coded beside each other: those of a rotation, unless an earlier one has taken either, and of
/// those that are left the first with the second, the third with the fourth, and so on.
pub(super) fn partners(rotations: &[Rotation], channels: usize) -> Partners {
    let mut partners = [None; MAX_CHANNELS];
    for rotation in rotations {
        join(&mut partners, rotation.first, rotation.second);
    }
    let left: Vec<u8> =
        (0..channels as u8).filter(|channel| partners[usize::from(*channel)].is_none()).collect();
    for pair in left.chunks_exact(2) {
        join(&mut partners, pair[0], pair[1]);
    }
    partners
}

fn join(partners: &mut Partners, first: u8, second: u8) {
    let [a, b] = [usize::from(first), usize::from(second)];
    if partners[a].is_none() && partners[b].is_none() {
        (partners[a], partners[b]) = (Some(second), Some(first));
    }
}
