//! The two-dimensional wavelet transform of a plane, in place.
//!
//! After a level, the even rows hold low-pass and the odd rows high-pass results of the vertical direction, where
//! they were (the next level works on every second row); within a row the low-pass half comes first. So a stripe
//! of rows holds exactly the coefficients of all bands that belong to it.

use super::lifting::{Alpha, Beta, Delta, Gamma, SplitRow, Step, lift};

/// Fractional bits of a coefficient: coefficients of unit gain are in 1/64 of a sample's unit.
pub(super) const FRACTION: u32 = 6;

/// The size of a dimension after some levels, low-pass part.
pub(super) fn low_size(size: usize, level: u32) -> usize {
    size.div_ceil(1 << level)
}

/// The samples of one plane, later its coefficients.
#[derive(Debug)]
pub(super) struct Samples {
    pub(super) data: Vec<i32>,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) levels: u32,
    row: SplitRow,
}

impl Samples {
    pub(super) fn new(width: usize, height: usize, levels: u32) -> Self {
        Self { data: vec![0; width * height], width, height, levels, row: SplitRow::new(width) }
    }

    /// Transforms samples into coefficients.
    pub(super) fn forward(&mut self) {
        for level in 0..self.levels {
            self.forward_level(level);
        }
    }

    /// Transforms coefficients into samples.
    pub(super) fn inverse(&mut self) {
        for level in (0..self.levels).rev() {
            self.inverse_level(level);
        }
    }

    // Both directions run all four steps in one sweep over the rows, each step a row or two behind the one before,
    // so that a row is still in the cache when the next step needs it.

    fn forward_level(&mut self, level: u32) {
        let Self { data, width: stride, row: split, .. } = self;
        let width = low_size(*stride, level);
        let mut rows = Rows { data, stride: *stride << level, width, count: low_size(self.height, level) };
        for t in 0..rows.count / 2 + 3 {
            rows.lift::<Alpha, false>(Some(2 * t + 1));
            rows.lift::<Beta, false>(Some(2 * t));
            rows.lift::<Gamma, false>((2 * t).checked_sub(1));
            rows.lift::<Delta, false>((2 * t).checked_sub(2));
            for done in [(2 * t).checked_sub(3), (2 * t).checked_sub(2)] {
                rows.with(done, |row| split.forward(row));
            }
        }
    }

    fn inverse_level(&mut self, level: u32) {
        let Self { data, width: stride, row: split, .. } = self;
        let width = low_size(*stride, level);
        let mut rows = Rows { data, stride: *stride << level, width, count: low_size(self.height, level) };
        rows.with(Some(0), |row| split.inverse(row));
        for t in 0..rows.count / 2 + 3 {
            for next in [2 * t + 1, 2 * t + 2] {
                rows.with(Some(next), |row| split.inverse(row));
            }
            rows.lift::<Delta, true>(Some(2 * t));
            rows.lift::<Gamma, true>((2 * t).checked_sub(1));
            rows.lift::<Beta, true>((2 * t).checked_sub(2));
            rows.lift::<Alpha, true>((2 * t).checked_sub(3));
        }
    }
}

/// The rows that one level works on.
struct Rows<'a> {
    data: &'a mut [i32],
    stride: usize,
    width: usize,
    count: usize,
}

impl Rows<'_> {
    /// Does something to a row, where there is one with this number.
    fn with(&mut self, row: Option<usize>, work: impl FnOnce(&mut [i32])) {
        if let Some(row) = row.filter(|&row| row < self.count) {
            work(&mut self.data[row * self.stride..][..self.width]);
        }
    }

    /// Applies a vertical step to a row, where there is one with this number; rows outside mirror those inside.
    fn lift<S: Step, const INVERSE: bool>(&mut self, row: Option<usize>) {
        let Some(row) = row.filter(|&row| row < self.count && self.count > 1) else { return };
        let above = if row == 0 { 1 } else { row - 1 };
        let below = if row + 1 == self.count { row - 1 } else { row + 1 };
        let (head, rest) = self.data.split_at_mut(row * self.stride);
        let (row_data, tail) = rest.split_at_mut(self.width);
        let neighbour = |other: usize| {
            let at = other * self.stride;
            if other < row {
                &head[at..][..self.width]
            } else {
                &tail[self.stride - self.width..][..self.width]
            }
        };
        lift::<S, INVERSE>(row_data, neighbour(above), neighbour(below));
    }
}
