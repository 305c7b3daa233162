//! The adaptive models of a slice and how a coefficient's surroundings choose among them.

use super::Format;
use super::format::Role;
use super::layout::{Band, Orientation};
use super::tables::{PREDICTED, TRAINED};
use crate::entropy::BitModel;

/// Kinds of bands that have models of their own: for luma the low-pass band, six levels of upright and level bands
/// and six of diagonal ones, for chroma the same with five levels, and then the finest, which 4:2:0 has not.
const CLASSES: usize = FINE + 2;
/// The class of chroma's finest upright and level bands, before that of the diagonal one.
const FINE: usize = CHROMA + 1 + 5 + 5;
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
const EMPTY_ROW: usize = REFINE_LOW + 2 * REFINE_LOW_EACH;
const EMPTY_ROW_EACH: usize = 3 * 3;
/// How many models a slice has.
pub(super) const COUNT: usize = EMPTY_ROW + CLASSES * EMPTY_ROW_EACH;

/// Whether a model serves the finest chroma only.
#[cfg(test)]
pub(super) fn is_of_finest_chroma(model: usize) -> bool {
    let kinds = [
        (EMPTY_ROW, EMPTY_ROW_EACH),
        (EMPTY, EMPTY_EACH),
        (SIGNIFICANT, SIGNIFICANT_EACH),
        (LARGER, LARGER_EACH),
        (MAGNITUDE, MAGNITUDE_EACH),
        (REFINE, REFINE_EACH),
    ];
    kinds.iter().any(|&(first, each)| (first + FINE * each..first + CLASSES * each).contains(&model))
}

/// What a coefficient tells its neighbours, and what several tell together, counts up to this.
pub(super) const NEAR: u8 = 63;

/// From what lies around a coefficient (see [`Kind::activity`]) to its context.
const ACTIVITY: [u8; 256] = steps([1, 4, 7, 10, 13, 17, 22, 28, 36, 48]);
/// How many of these a number reaches.
const fn steps<const N: usize>(starts: [usize; N]) -> [u8; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut context = 0;
        while context < N && i >= starts[context] {
            context += 1;
        }
        table[i] = context as u8;
        i += 1;
    }
    table
}

/// The part of a context that the parent and the peers choose, from the sums of what they tell.
#[inline(always)]
pub(super) fn hints(mut sums: [u8; 8]) -> [u8; 8] {
    // Comparisons, as eight at once are as fast as one.
    for sum in &mut sums {
        let reached = |step: u8| u8::from(*sum >= step);
        *sum = (reached(1) + reached(4) + reached(6) + reached(9) + reached(15)) * ACTIVITIES as u8;
    }
    sums
}

/// All models of a slice.
#[derive(Debug, Clone)]
pub(super) struct Contexts {
    pub(super) models: [BitModel; COUNT],
}

impl Contexts {
    /// The models with which every slice of a key frame begins.
    pub(super) fn trained() -> Self {
        Self { models: TRAINED.map(BitModel::new) }
    }

    /// Those of a frame that is predicted.
    pub(super) fn predicted() -> Self {
        Self { models: PREDICTED.map(BitModel::new) }
    }

    /// Those of a picture, for a slice to begin with: opacity has its own.
    pub(super) fn of(format: Format) -> Vec<Self> {
        vec![Self::trained(); 1 + usize::from(format.alpha)]
    }

    /// Begins again, with a slice of a key frame or of one that is predicted.
    pub(super) fn restart(contexts: &mut [Self], predicted: bool) {
        contexts.fill(if predicted { Self::predicted() } else { Self::trained() });
    }
}

/// What chooses the models of a band.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    class: usize,
    sign_class: usize,
    /// All bits where the neighbours left and right count three times the corners, instead of twice.
    level: u8,
    /// The same for those above and below.
    upright: u8,
}

impl Kind {
    pub(super) fn of(band: &Band) -> Self {
        let luma = band.role != Role::Chroma;
        let (first, levels) = if luma { (0, 6) } else { (CHROMA, 5) };
        let level = band.scale as usize - usize::from(!luma);
        let class = match band.orientation {
            Orientation::Low => first,
            Orientation::Upright | Orientation::Level if level == 0 => FINE,
            Orientation::Diagonal if level == 0 => FINE + 1,
            Orientation::Upright | Orientation::Level => first + level,
            Orientation::Diagonal => first + levels + level,
        };
        let (direction, level, upright) = match band.orientation {
            Orientation::Low => (0, 0, 0),
            Orientation::Upright => (1, 0, u8::MAX),
            Orientation::Level => (2, u8::MAX, 0),
            Orientation::Diagonal => (3, 0, 0),
        };
        Self { class, sign_class: direction * 2 + usize::from(!luma), level, upright }
    }

    /// What the neighbours of eight coefficients beside each other tell, except for those to the left: the row
    /// above from the corner on, the neighbours to the right, the row below. At most `NEAR`.
    #[inline(always)]
    pub(super) fn around(self, above: [u8; 10], right: [u8; 8], below: [u8; 10]) -> [u8; 8] {
        let (mut columns, mut sums) = ([0u8; 10], [0u8; 8]);
        for i in 0..10 {
            columns[i] = above[i].saturating_add(below[i]);
        }
        for i in 0..8 {
            let corners = columns[i].saturating_add(columns[i + 2]);
            let upright = columns[i + 1].saturating_add(columns[i + 1]);
            let upright = upright.saturating_add(columns[i + 1] & self.upright);
            let level = right[i].saturating_add(right[i]).saturating_add(right[i] & self.level);
            sums[i] = corners.saturating_add(upright).saturating_add(level).min(NEAR);
        }
        sums
    }

    /// The context of a coefficient's surroundings, from what is around it and from its neighbour to the left.
    #[inline(always)]
    pub(super) fn activity(self, around: u8, left: u8) -> usize {
        ACTIVITY[usize::from(around + 2 * left + (left & self.level))].into()
    }

    /// The model of an empty row of blocks, from how many of the rows above and below are not, and of the rows of
    /// the parent and the peers.
    pub(super) fn empty_row(self, neighbours: usize, relatives: usize) -> usize {
        EMPTY_ROW + self.class * EMPTY_ROW_EACH + neighbours * 3 + relatives.min(2)
    }

    /// The model of an empty block, from how many of its four neighbours are not, and of the parent and peers.
    pub(super) fn empty(self, neighbours: usize, relatives: usize) -> usize {
        EMPTY + self.class * EMPTY_EACH + neighbours * 3 + relatives.min(2)
    }

    /// The first model of significance, to which what the relatives say (see [`hints`]) and the activity are added.
    #[inline(always)]
    pub(super) fn significant(self) -> usize {
        SIGNIFICANT + self.class * SIGNIFICANT_EACH
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
