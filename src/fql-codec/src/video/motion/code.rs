//! The vectors of a slice as decisions, the same code for writing and for reading.

use super::super::planes::Exhausted;
use super::field::{CELLS, MAX_COMPONENT, Part, Surroundings, Vector};
use crate::entropy::{BitModel, Coder};

/// How far apart the vectors around can be: see [`Surroundings::spread`].
const SPREADS: usize = 4;
/// Bit lengths of a difference that are told apart.
const LENGTHS: usize = 8;

/// The probability of `false` with which models begin, in units of 2^-16: whether a block is split, and whether its
/// vector is not the median of those around.
const SPLIT: [u16; SPREADS] = [64_000, 60_000, 56_000, 54_000];
const MEDIAN: [u16; SPREADS] = [60_000, 41_000, 33_000, 28_500];

/// The adaptive models of a slice's vectors.
#[derive(Debug, Clone)]
pub(in crate::video) struct Models {
    /// Whether the cells of a block have vectors of their own.
    split: [BitModel; SPREADS],
    /// Those of vectors of blocks, and of cells.
    sizes: [VectorModels; CELLS],
}

#[derive(Debug, Clone, Copy)]
struct VectorModels {
    /// Whether a vector is the median of those around.
    median: [BitModel; SPREADS],
    /// Whether it is another one of those.
    near: [BitModel; SPREADS],
    /// Whether it is the second of them that may be.
    second: BitModel,
    /// The magnitudes of the differences from the median, horizontal and vertical.
    differences: [[[BitModel; LENGTHS]; SPREADS]; 2],
}

impl Models {
    /// The models with which every slice begins: most of what is in pictures moves like what is beside it.
    pub(in crate::video) fn new() -> Self {
        let cells = VectorModels {
            median: [BitModel::EVEN; SPREADS],
            near: [BitModel::EVEN; SPREADS],
            second: BitModel::EVEN,
            differences: [[[BitModel::EVEN; LENGTHS]; SPREADS]; 2],
        };
        let blocks = VectorModels { median: MEDIAN.map(BitModel::new), ..cells };
        Self { split: SPLIT.map(BitModel::new), sizes: [cells, blocks] }
    }
}

/// Codes the vectors of a slice. For an encoder those that are there are what is coded; a decoder puts them there,
/// and on exhaustion leaves those that were not reached.
pub(in crate::video) fn code_vectors<C: Coder>(
    coder: &mut C,
    models: &mut Models,
    part: &mut Part,
) -> Result<(), Exhausted> {
    for row in (0..part.rows).step_by(CELLS) {
        for column in (0..part.columns).step_by(CELLS) {
            code_block(coder, models, part, (column, row))?;
        }
    }
    Ok(())
}

fn code_block<C: Coder>(
    coder: &mut C,
    models: &mut Models,
    part: &mut Part,
    (column, row): (usize, usize),
) -> Result<(), Exhausted> {
    let around = part.around((column, row), CELLS);
    let is_split = || {
        let first = part.get(column, row);
        [(1, 0), (0, 1), (1, 1)].iter().any(|&(x, y)| part.get(column + x, row + y) != first)
    };
    if !coder.code(&mut models.split[around.spread], is_split) {
        let vector = code_vector(coder, &mut models.sizes[1], &around, part.get(column, row))?;
        part.set((column, row), CELLS, vector);
        return Ok(());
    }
    for (x, y) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
        let at = (column + x, row + y);
        let around = part.around(at, 1);
        let vector = code_vector(coder, &mut models.sizes[0], &around, part.get(at.0, at.1))?;
        part.set(at, 1, vector);
    }
    Ok(())
}

fn code_vector<C: Coder>(
    coder: &mut C,
    models: &mut VectorModels,
    around: &Surroundings,
    truth: Vector,
) -> Result<Vector, Exhausted> {
    let Surroundings { median, spread, .. } = *around;
    let vector = if !coder.code(&mut models.median[spread], || truth != median) {
        median
    } else {
        match code_near(coder, models, around, truth) {
            Some(vector) => vector,
            None => {
                let [across, down] = &mut models.differences;
                let x = code_difference(coder, &mut across[spread], i32::from(truth.x) - i32::from(median.x));
                let y = code_difference(coder, &mut down[spread], i32::from(truth.y) - i32::from(median.y));
                median.moved(x, y)
            }
        }
    };
    if coder.is_exhausted() { Err(Exhausted) } else { Ok(vector) }
}

/// One of the vectors around that is not the median.
fn code_near<C: Coder>(
    coder: &mut C,
    models: &mut VectorModels,
    around: &Surroundings,
    truth: Vector,
) -> Option<Vector> {
    let (first, second) = around.others();
    let first = first?;
    if !coder.code(&mut models.near[around.spread], || truth == first || Some(truth) == second) {
        return None;
    }
    match second {
        Some(second) if coder.code(&mut models.second, || truth == second) => Some(second),
        _ => Some(first),
    }
}

fn code_difference<C: Coder>(coder: &mut C, models: &mut [BitModel], truth: i32) -> i32 {
    let magnitude = coder.code_integer(models, || truth.unsigned_abs()).min(4 * MAX_COMPONENT as u32) as i32;
    if magnitude != 0 && coder.code_even(|| truth < 0) { -magnitude } else { magnitude }
}
