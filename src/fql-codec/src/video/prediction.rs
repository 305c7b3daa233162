//! Predicts the error that the lossy layers leave in a sample from the errors around it.
//!
//! Where coefficients were too small to be coded, the error is what is left of the picture, and neighbours have
//! much of it in common: in chroma about 0.6 of correlation, in luma 0.2. The weights follow the picture by the
//! sign-free least mean squares rule (B. Widrow and M. Hoff, 1960), in integers.

/// Neighbours: left, above, above left, above right, two to the left, two above.
const NEIGHBOURS: usize = 6;
/// Weights at the start of a slice, in units of 2^-16.
const LUMA: [i32; NEIGHBOURS] = [13_000, 13_000, -3_000, -3_000, -8_500, -8_500];
const CHROMA: [i32; NEIGHBOURS] = [27_000, 28_000, -4_000, 2_000, 0, 0];
/// Weights stay within this.
const LARGEST_WEIGHT: i32 = 1 << 17;
/// Errors count as at most this, in 1/64: eight units.
const LARGEST_ERROR: i32 = 8 << 6;
/// How slowly the weights change: 2^-RATE of the product of two errors.
const RATE: u32 = 6;
/// Columns around a row that are held.
const BORDER: usize = 2;

/// The weights, and the errors of three rows in 1/64 of a sample's unit.
#[derive(Debug, Default)]
pub(super) struct Prediction {
    weights: [i32; NEIGHBOURS],
    /// This row, the one above, and the one above that.
    rows: [Vec<i32>; 3],
    neighbours: [i32; NEIGHBOURS],
    expected: i32,
}

impl Prediction {
    /// Begins with a plane.
    pub(super) fn start(&mut self, chroma: bool, width: usize) {
        self.weights = if chroma { CHROMA } else { LUMA };
        for row in &mut self.rows {
            row.clear();
            row.resize(width + 2 * BORDER, 0);
        }
    }

    pub(super) fn next_row(&mut self) {
        self.rows.rotate_right(1);
    }

    /// The expected error of the sample in this column, in 1/64.
    #[inline(always)]
    pub(super) fn error(&mut self, column: usize) -> i32 {
        let [here, above, above2] = &self.rows;
        let (here, above, above2) = (
            &here[column..column + BORDER],
            &above[column..column + 2 * BORDER],
            &above2[column..column + 3],
        );
        self.neighbours = [here[1], above[2], above[1], above[3], here[0], above2[2]];
        let sum: i32 = self.neighbours.iter().zip(&self.weights).map(|(e, w)| e * w).sum();
        self.expected = (sum + (1 << 15)) >> 16;
        self.expected
    }

    /// Takes the true error of that sample.
    #[inline(always)]
    pub(super) fn learn(&mut self, column: usize, error: i32) {
        let error = error.clamp(-LARGEST_ERROR, LARGEST_ERROR);
        self.rows[0][column + BORDER] = error;
        let missed = error - self.expected.clamp(-LARGEST_ERROR, LARGEST_ERROR);
        for (weight, neighbour) in self.weights.iter_mut().zip(&self.neighbours) {
            let change = (missed * neighbour + (1 << (RATE - 1))) >> RATE;
            *weight = (*weight + change).clamp(-LARGEST_WEIGHT, LARGEST_WEIGHT);
        }
    }
}
