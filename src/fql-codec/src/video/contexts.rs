//! The adaptive models of a slice and how a coefficient's surroundings choose among them.

use super::layout::{Band, Orientation};
use super::tables::TRAINED;
use crate::entropy::BitModel;

/// Kinds of bands that have models of their own: for luma the low-pass band, six levels of upright and level bands
/// and six of diagonal ones, for chroma the same with five levels.
const CLASSES: usize = CHROMA + 1 + 5 + 5;
/// The first class of chroma.
const CHROMA: usize = 1 + 6 + 6;
/// Steps of the magnitudes around a coefficient.
const ACTIVITIES: usize = 11;
/// Steps of the magnitudes of the parent and the peers together.
const HINTS: usize = 6;

const EMPTY: usize = 0;
const EMPTY_EACH: usize = 5 * 3;
const SIGNIFICANT: usize = EMPTY + CLASSES * EMPTY_EACH;
const SIGNIFICANT_EACH: usize = ACTIVITIES * HINTS;
const LARGER: usize = SIGNIFICANT + CLASSES * SIGNIFICANT_EACH;
const LARGER_EACH: usize = 2 * 3;
const MAGNITUDE: usize = LARGER + CLASSES * LARGER_EACH;
const MAGNITUDE_EACH: usize = 6;
const SIGN: usize = MAGNITUDE + CLASSES * MAGNITUDE_EACH;
const SIGN_EACH: usize = 14;
const REFINE: usize = SIGN + 4 * 2 * SIGN_EACH;
const REFINE_EACH: usize = 2 * 4;
const REFINE_LOW: usize = REFINE + CLASSES * REFINE_EACH;
const REFINE_LOW_EACH: usize = 9;
/// How many models a slice has.
pub(super) const COUNT: usize = REFINE_LOW + 2 * REFINE_LOW_EACH;

/// Indices from what lies around a coefficient (see [`Kind::activity`]) to its context.
const ACTIVITY_STEPS: [u8; 64] = {
    let starts = [1, 4, 7, 10, 13, 17, 22, 28, 36, 48];
    let mut table = [0; 64];
    let mut i = 0;
    while i < 64 {
        let mut context = 0;
        while context < starts.len() && i >= starts[context] {
            context += 1;
        }
        table[i] = context as u8;
        i += 1;
    }
    table
};

/// All models of a slice.
#[derive(Debug, Clone)]
pub(super) struct Contexts {
    pub(super) models: [BitModel; COUNT],
}

impl Contexts {
    /// The models with which every slice begins.
    pub(super) fn trained() -> Self {
        Self { models: TRAINED.map(BitModel::new) }
    }
}

/// What chooses the models of a band.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    class: usize,
    sign_class: usize,
    /// Weights of the neighbours left and right, above and below, and at the corners.
    weights: (u32, u32, u32),
}

impl Kind {
    pub(super) fn of(band: &Band) -> Self {
        let luma = band.plane == 0;
        let (first, levels) = if luma { (0, 6) } else { (CHROMA, 5) };
        let class = match band.orientation {
            Orientation::Low => first,
            Orientation::Upright | Orientation::Level => first + band.level as usize,
            Orientation::Diagonal => first + levels + band.level as usize,
        };
        let (direction, weights) = match band.orientation {
            Orientation::Low => (0, (2, 2, 1)),
            Orientation::Upright => (1, (2, 3, 1)),
            Orientation::Level => (2, (3, 2, 1)),
            Orientation::Diagonal => (3, (2, 2, 1)),
        };
        Self { class, sign_class: direction * 2 + usize::from(!luma), weights }
    }

    /// The context of a coefficient's surroundings: magnitudes of its eight neighbours in halves of the interval
    /// of layer 8, `shift` the layers from this one to that.
    #[inline(always)]
    pub(super) fn activity(self, above: [u16; 3], here: [u16; 2], below: [u16; 3], shift: u32) -> usize {
        let [above, below] = [above, below].map(|row| row.map(u32::from));
        let (level, upright, corner) = self.weights;
        let sum = level * (u32::from(here[0]) + u32::from(here[1]))
            + upright * (above[1] + below[1])
            + corner * (above[0] + above[2] + below[0] + below[2]);
        usize::from(ACTIVITY_STEPS[(sum >> shift).min(63) as usize])
    }

    /// The model of an empty block, from how many of its four neighbours are not, and of the parent and peers.
    pub(super) fn empty(self, neighbours: usize, relatives: usize) -> usize {
        EMPTY + self.class * EMPTY_EACH + neighbours * 3 + relatives.min(2)
    }

    #[inline(always)]
    pub(super) fn significant(self, activity: usize, hint: usize) -> usize {
        SIGNIFICANT + self.class * SIGNIFICANT_EACH + hint * ACTIVITIES + activity
    }

    /// Whether a coefficient is at least two intervals large when it becomes significant.
    #[inline(always)]
    pub(super) fn larger(self, first_layer: bool, activity: usize) -> usize {
        LARGER + self.class * LARGER_EACH + usize::from(first_layer) * 3 + activity * 3 / ACTIVITIES
    }

    /// The models of what is above two intervals.
    pub(super) fn magnitude(self) -> std::ops::Range<usize> {
        let start = MAGNITUDE + self.class * MAGNITUDE_EACH;
        start..start + MAGNITUDE_EACH
    }

    /// The model of a sign, and whether its meaning is reversed, from the signs around.
    #[inline(always)]
    pub(super) fn sign(self, level: i32, upright: i32, peer: i32) -> (usize, bool) {
        let key = level.signum() * 9 + upright.signum() * 3 + peer.signum();
        (SIGN + self.sign_class * SIGN_EACH + key.unsigned_abs() as usize, key < 0)
    }

    pub(super) fn is_low(self) -> bool {
        self.class == 0 || self.class == CHROMA
    }

    /// The model of one more bit of a coefficient of the low-pass band, from how far its neighbours' mean is above
    /// the middle of its interval, in quarters of the interval.
    #[inline(always)]
    pub(super) fn refine_low(self, above: i32) -> usize {
        REFINE_LOW + usize::from(self.class != 0) * REFINE_LOW_EACH + (above.clamp(-4, 4) + 4) as usize
    }

    /// The model of one more bit of a coefficient, `first` if it is the first after its significance.
    #[inline(always)]
    pub(super) fn refine(self, first: bool, activity: usize) -> usize {
        REFINE + self.class * REFINE_EACH + usize::from(first) * 4 + activity * 4 / ACTIVITIES
    }
}
