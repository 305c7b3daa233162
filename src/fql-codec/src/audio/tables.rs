//! What the models of a unit begin with.

use crate::entropy::BitModel;

use super::planes::{BESIDE, Models, NEAR};
use super::residual;

/// For the planes.
pub(super) const MODELS: Models = Models {
    band: [BitModel::EVEN; 16],
    significant: [[BitModel::EVEN; BESIDE]; NEAR],
    refine: [[BitModel::EVEN; NEAR]; 3],
};

/// For the exact layer.
pub(super) const RESIDUAL_MODELS: residual::Models = residual::Models {
    zero: [[BitModel::EVEN; residual::ACTIVITY]; residual::DISTANCES],
    sign: [BitModel::EVEN; residual::DISTANCES],
    one: [[BitModel::EVEN; residual::ACTIVITY]; 2],
    more: [BitModel::EVEN; 16],
};
