//! The models' first probabilities.

use super::{contexts, exact};

/// The probability of `false` of each model of the lossy layers, in units of 2^-16.
pub(super) const TRAINED: [u16; contexts::COUNT] = [1 << 15; contexts::COUNT];

/// The same for the exact layer.
pub(super) const EXACT: [u16; exact::COUNT] = [1 << 15; exact::COUNT];
