//! A picture from its vectors and the frame that it is predicted from.
//!
//! Blocks overlap, so that the prediction has no edges where vectors differ (M. Orchard and G. Sullivan, "Overlapped
//! block motion compensation: an estimation-theoretic approach", 1994). Between the middles of four cells, each
//! sample is mixed from what the four vectors say, by how near the middles are. Where vectors are equal, which is
//! nearly everywhere, there is nothing to mix. So a vector is followed once for all cells beside each other that have
//! it, and mixing is done where such runs meet.

use std::ops::Range;

use super::super::format::{Format, Role};
use super::super::layout::PlaneShape;
use super::super::parallel::for_each;
use super::blend::weights;
use super::field::{CELL, Field, Vector};
use super::interpolate::{displacement, interpolate};
use super::plane::{BORDER, Frame, Plane};
use crate::kernels::prediction::{BEFORE, EIGHT, MAX_HEIGHT, MixAcross, MixDown};
use crate::kernels::run_words;

/// So far outside of the picture a window of eight samples with its filter is in the border alone; the border is
/// twice as wide.
const OUTSIDE: i32 = 16;
/// So far from the end of the border a filter has all of its samples in it.
const FARTHEST: i32 = 8;
/// Columns of windows that are mixed with what the cells below say at once.
const SOME: usize = 128;
/// The same with room for what is made behind the last column.
const SOME_STRIDE: usize = SOME + EIGHT;

/// Predicts all planes of a picture.
pub(in crate::video) fn predict(
    format: Format,
    shapes: &[PlaneShape],
    reference: &Frame,
    field: &Field,
    threads: usize,
    out: &mut Frame,
) {
    let mut work = Vec::new();
    for ((shape, reference), out) in shapes.iter().zip(&reference.planes).zip(&mut out.planes) {
        let (across, down) = if shape.role == Role::Chroma { format.subsampling() } else { (1, 1) };
        let stride = out.stride;
        let plane = PlanePrediction { reference, field, halved: (across == 2, down == 2) };
        let cell = CELL / down;
        // A row of windows reaches from the middles of a row of cells to those of the next.
        let mut rest = &mut out.data[BORDER * stride..][..shape.height * stride];
        let mut top = 0;
        let mut row = 0;
        while top < shape.height {
            let bottom = (row * cell + cell / 2).min(shape.height);
            let rows = rest.split_off_mut(..(bottom - top) * stride).unwrap_or_default();
            work.push((plane, row, top, rows));
            (top, row) = (bottom, row + 1);
        }
    }
    for_each(threads, work.into_iter(), |(plane, row, top, rows)| plane.windows(row, top, rows));
}

#[derive(Clone, Copy)]
struct PlanePrediction<'a> {
    reference: &'a Plane<i16>,
    field: &'a Field,
    /// Whether the plane has half of luma's samples across, and down.
    halved: (bool, bool),
}

/// A row of cells, of which the first and the last go on for ever.
#[derive(Clone, Copy)]
struct Cells<'a>(&'a [Vector]);

impl Cells<'_> {
    /// The vectors of the cells to the left and to the right of the middle of a window.
    #[inline(always)]
    fn around(&self, window: usize) -> (Vector, Vector) {
        let at = |cell: usize| self.0[cell.min(self.0.len() - 1)];
        (at(window.saturating_sub(1)), at(window))
    }

    /// The last window that the cell to the right of the middle of a window, and those to its right that have the same
    /// vector, have a part in; not after `end`.
    #[inline(always)]
    fn run(&self, window: usize, end: usize) -> usize {
        let vector = self.0[window];
        let rest = self.0[..end.min(self.0.len())].iter().skip(window);
        window + rest.take_while(|&&other| other == vector).count()
    }
}

impl PlanePrediction<'_> {
    /// Predicts the rows from `top` on, which lie between the middles of the cells of `row` - 1 and of `row`.
    fn windows(&self, row: usize, top: usize, rows: &mut [i16]) {
        let Self { reference, field, .. } = *self;
        let (stride, (across, down)) = (reference.stride, self.cell());
        let lines = rows.len() / stride;
        let (above, below) = (self.cells(row.saturating_sub(1)), self.cells(row.min(field.rows - 1)));
        // Windows are whole: the first one begins in the border, and the last one may end there.
        let out = &mut rows[BORDER - across / 2..];
        let count = (reference.width + across / 2).div_ceil(across);
        self.strip(above, 0..count, (top, lines), out, stride);
        if above.0 == below.0 {
            return;
        }
        // Vectors of two windows of chroma are eight samples, which is what is mixed at once.
        let step = EIGHT / across;
        let differ = |window: usize| (window..window + step).any(|at| above.around(at) != below.around(at));
        let mut other = [0; SOME_STRIDE * MAX_HEIGHT];
        let mut window = 0;
        while window < count {
            let rest = (window..count).step_by(step);
            let some = rest.take(SOME / EIGHT).take_while(|&window| differ(window)).count();
            if some > 0 {
                let windows = window..window + some * step;
                let out = &mut out[window * across..];
                self.strip(below, windows, (top, lines), &mut other, SOME_STRIDE);
                let (weights, width) = (&weights(down)[..lines], some * EIGHT);
                run_words(MixDown { out, stride, below: &other, below_stride: SOME_STRIDE, width, weights });
            }
            window += (some * step).max(step);
        }
    }

    /// Samples of a cell of this plane, across and down.
    fn cell(&self) -> (usize, usize) {
        (CELL >> u32::from(self.halved.0), CELL >> u32::from(self.halved.1))
    }

    fn cells(&self, row: usize) -> Cells<'_> {
        let columns = self.field.columns;
        Cells(&self.field.vectors[row * columns..][..columns])
    }

    /// What one row of cells says of some windows, of which the first one begins where `out` does.
    fn strip(
        &self,
        cells: Cells,
        windows: Range<usize>,
        (top, lines): (usize, usize),
        out: &mut [i16],
        stride: usize,
    ) {
        let across = self.cell().0;
        let mut shared = [0; EIGHT * MAX_HEIGHT];
        let mut first = windows.start;
        let mut cell = first.saturating_sub(1);
        let mut is_mixed = false;
        loop {
            let last = cells.run(cell, windows.end);
            let is_end = last >= windows.end || last == cells.0.len();
            let end = if is_end { windows.end } else { last + 1 };
            let out = &mut out[(first - windows.start) * across..];
            let left = (first * across) as i32 - (across / 2) as i32;
            let size = ((end - first) * across, lines);
            self.fetch(cells.0[cell], (left, top as i32), size, out, stride);
            if is_mixed {
                let (before, weights) = (&shared, weights(across));
                run_words(MixAcross { before, weights, out: &mut *out, stride, height: lines });
            }
            if is_end {
                return;
            }
            // The next run begins in the window in which this one ends.
            let ending = out[(last - first) * across..].chunks(stride).zip(shared.chunks_exact_mut(EIGHT));
            ending.take(lines).for_each(|(from, to)| to.copy_from_slice(&from[..EIGHT]));
            (first, cell, is_mixed) = (last, last, true);
        }
    }

    fn fetch(&self, vector: Vector, at: (i32, i32), size: (usize, usize), out: &mut [i16], stride: usize) {
        let reference = self.reference;
        let (x, across) = displacement(vector.x.into(), self.halved.0);
        let (y, down) = displacement(vector.y.into(), self.halved.1);
        let (x, y) = (at.0 + x, clamped(at.1 + y, reference.height));
        let mut piece = |first: usize, x: i32, width: usize| {
            let source = reference.from(x - BEFORE as i32, y - BEFORE as i32);
            interpolate(source, reference.stride, (across, down), (width, size.1), &mut out[first..], stride);
        };
        let inner = FARTHEST - BORDER as i32..=(reference.width + BORDER) as i32 - FARTHEST;
        if inner.contains(&x) && inner.contains(&(x + size.0 as i32)) {
            return piece(0, x, size.0);
        }
        for first in (0..size.0).step_by(EIGHT) {
            piece(first, clamped(x + first as i32, reference.width), EIGHT.min(size.0 - first));
        }
    }
}

/// Where at most eight samples begin that say the same as those from `at` on: farther outside of the picture than
/// this there is nothing but its edge.
#[inline(always)]
fn clamped(at: i32, size: usize) -> i32 {
    at.clamp(-OUTSIDE, size as i32 + OUTSIDE)
}

#[cfg(test)]
mod tests {
    use fql_unit::Chroma;

    use super::super::super::layout::Layout;
    use super::super::interpolate::at_once;
    use super::*;

    /// Numbers that look like chance, the same each time.
    struct Chance(u32);

    impl Chance {
        fn below(&mut self, limit: i32) -> i32 {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((u64::from(self.0) * limit as u64) >> 32) as i32
        }
    }

    fn reference(layout: &Layout, chance: &mut Chance) -> Frame {
        let mut frame = Frame::new(&layout.planes);
        for plane in &mut frame.planes {
            let width = plane.width;
            for row in plane.rows_mut(1) {
                row[..width].fill_with(|| (chance.below(16_000) - 8_000) as i16);
            }
            plane.extend();
        }
        frame
    }

    /// Vectors of which many are like their neighbours, and some lead far away.
    fn field(width: usize, height: usize, chance: &mut Chance) -> Field {
        let mut field = Field::new(width, height);
        for at in 0..field.vectors.len() {
            let (left, above) = (at.saturating_sub(1), at.saturating_sub(field.columns));
            let mut new =
                |size: i32| Vector::new(chance.below(size) - size / 2, chance.below(size) - size / 2);
            let vectors = [field.vectors[left], field.vectors[above], new(40), new(2_000)];
            field.vectors[at] = vectors[[0, 0, 0, 1, 1, 1, 2, 2, 3][chance.below(9) as usize]];
        }
        field
    }

    /// A sample as the specification says.
    fn sample(plane: &PlanePrediction, x: usize, y: usize) -> i16 {
        let (across, down) = plane.cell();
        let of = |vector: Vector| {
            let (whole_x, filter_x) = displacement(vector.x.into(), plane.halved.0);
            let (whole_y, filter_y) = displacement(vector.y.into(), plane.halved.1);
            let near = |at: i32, size: usize| at.clamp(0, size as i32 - 1);
            let Plane { width, height, .. } = *plane.reference;
            at_once((filter_x, filter_y), |tap_x, tap_y| {
                let place = (x as i32 + whole_x + tap_x, y as i32 + whole_y + tap_y);
                plane.reference.row(near(place.1, height) as usize)[near(place.0, width) as usize]
            })
        };
        let (window, row) = ((x + across / 2) / across, (y + down / 2) / down);
        let mixed = |a: i16, b: i16, weight: i16| {
            let [a, b, weight] = [a, b, weight].map(i32::from);
            ((a * (64 - weight) + b * weight + 32) >> 6) as i16
        };
        // The first window begins in its middle; there vectors are equal.
        let weight = |at: usize, cell: usize| weights(cell)[(at + cell / 2) % cell];
        let level = |row: usize| {
            let (left, right) = plane.cells(row.min(plane.field.rows - 1)).around(window);
            mixed(of(left), of(right), weight(x, across))
        };
        mixed(level(row.saturating_sub(1)), level(row), weight(y, down))
    }

    #[test]
    fn every_sample_is_mixed_from_the_four_vectors_around_it() {
        let mut chance = Chance(7);
        for (width, height) in [(1, 1), (22, 13), (64, 48), (167, 45), (331, 66)] {
            for chroma in [Chroma::Yuv420, Chroma::Yuv422, Chroma::Yuv444] {
                let format = Format::new(chroma);
                let layout = Layout::new(width, height, format, 1);
                let reference = reference(&layout, &mut chance);
                let field = field(width, height, &mut chance);
                let mut out = Frame::new(&layout.planes);
                predict(format, &layout.planes, &reference, &field, 1, &mut out);
                for (number, out) in out.planes.iter().enumerate() {
                    let (across, down) = if number == 0 { (1, 1) } else { format.subsampling() };
                    let reference = &reference.planes[number];
                    let plane =
                        PlanePrediction { reference, field: &field, halved: (across == 2, down == 2) };
                    for (x, y) in (0..out.width * out.height).map(|at| (at % out.width, at / out.width)) {
                        let expected = sample(&plane, x, y);
                        assert_eq!(
                            out.row(y)[x],
                            expected,
                            "{chroma:?} {width}x{height}: plane {number}, {x}, {y}"
                        );
                    }
                }
            }
        }
    }
}
