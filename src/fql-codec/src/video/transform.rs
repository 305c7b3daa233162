//! The two-dimensional wavelet transform of a plane, in place.
//!
//! After a level, the even rows hold low-pass and the odd rows high-pass results of the vertical direction, where
//! they were (the next level works on every second row); within a row the low-pass half comes first. So a stripe
//! of rows holds exactly the coefficients of all bands that belong to it.
//!
//! A level goes down its rows once: a few of them are held beside the plane (`Piece`), where all vertical steps and,
//! before or after them, the horizontal ones are done while they are in the cache. Threads divide the rows; each
//! works on a few rows of its neighbours too, from copies.

use std::ops::Range;

use super::parallel::for_each;
use crate::kernels::lifting::{
    BEFORE, ForwardRow, ForwardRows, Halves, InverseRow, InverseRows, REACH, inner, mirror_ends, mirrored,
    padded,
};
use crate::kernels::run;

/// A level with fewer samples than this is not worth the meeting of two threads.
const WORTH_DIVIDING: usize = 1 << 15;
/// Rows that a thread has at least: it works on `REACH` more above and below.
const FEWEST_ROWS: usize = 8 * REACH;
/// Rows that are worked on at once.
const ROWS: usize = 6;

/// Gives the samples of the row with a number.
pub(super) type RowReader<'a> = dyn Fn(usize, &mut [i32]) + Sync + 'a;

/// Makes of the samples of the row with a number what the plane shall hold of it.
pub(super) type Finish<'a> = dyn Fn(usize, &[i32], &mut [i32]) + Sync + 'a;

/// How often each direction of a plane is transformed. Where one is transformed more often, that one goes first,
/// alone: so is the vertical one of chroma that has half of the columns only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Levels {
    pub(super) horizontal: u32,
    pub(super) vertical: u32,
}

impl Levels {
    /// Those that make the bands of a scale, for luma with this many levels.
    pub(super) fn at_scale(self, scale: u32, luma: u32) -> Self {
        let at = |levels: u32| (scale.min(luma) + levels).saturating_sub(luma);
        Self { horizontal: at(self.horizontal), vertical: at(self.vertical) }
    }
}

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
    pub(super) levels: Levels,
    /// One for each thread that works on it.
    pieces: Vec<Piece>,
}

impl Samples {
    /// A plane of zeros, to be worked on by some threads.
    pub(super) fn new(width: usize, height: usize, levels: Levels, threads: usize) -> Self {
        let pieces = (0..threads.clamp(1, height.div_ceil(FEWEST_ROWS))).map(|_| Piece::new(width)).collect();
        Self { data: vec![0; width * height], width, height, levels, pieces }
    }

    /// Transforms samples into coefficients: those that `sample` gives for each row, or those of the plane.
    pub(super) fn forward(&mut self, threads: usize, sample: Option<&RowReader>) {
        if let (Some(sample), 0) = (sample, self.levels.vertical) {
            let rows = self.data.chunks_exact_mut(self.width).enumerate();
            rows.for_each(|(number, row)| sample(number, row));
        }
        for level in 0..self.levels.vertical {
            self.forward_level(threads, level, sample.filter(|_| level == 0));
        }
    }

    fn forward_level(&mut self, threads: usize, level: u32, sample: Option<&RowReader>) {
        self.divide(threads, level, |level, piece, rows, part| piece.forward(level, rows, part, sample));
    }

    /// Transforms coefficients into samples. `finish` gets the samples of each row with its number, and where they belong;
    /// it may be that of any row after any other.
    pub(super) fn inverse(&mut self, threads: usize, finish: &Finish) {
        if self.levels.vertical == 0 {
            let mut samples = vec![0; self.width];
            for (number, row) in self.data.chunks_exact_mut(self.width).enumerate() {
                samples.copy_from_slice(row);
                finish(number, &samples, row);
            }
        }
        for level in (0..self.levels.vertical).rev() {
            let finish = (level == 0).then_some(finish);
            self.divide(threads, level, |level, piece, rows, part| piece.inverse(level, rows, part, finish));
        }
    }

    /// Divides the rows of a level among the pieces, and works on all of them.
    fn divide(
        &mut self,
        threads: usize,
        level: u32,
        work: impl Fn(Level, &mut Piece, Range<usize>, &mut [i32]) + Sync,
    ) {
        let level = self.level(level);
        let threads = if level.width * level.count < WORTH_DIVIDING { 1 } else { threads };
        let threads = threads.clamp(1, self.pieces.len());
        let rows = level.count.div_ceil(threads).next_multiple_of(2).max(FEWEST_ROWS);
        let part_of = |number: usize| number * rows..((number + 1) * rows).min(level.count);
        let count = level.count.div_ceil(rows);
        for (number, piece) in self.pieces.iter_mut().enumerate().take(count) {
            piece.keep_around(level, part_of(number), &self.data);
        }
        let parts = self.data.chunks_mut(rows * level.stride).zip(&mut self.pieces).enumerate();
        for_each(threads, parts, |(number, (part, piece))| work(level, piece, part_of(number), part));
    }

    fn level(&self, level: u32) -> Level {
        let first = self.levels.vertical - self.levels.horizontal;
        Level {
            stride: self.width << level,
            width: low_size(self.width, level.saturating_sub(first)),
            count: low_size(self.height, level),
            is_split: level >= first,
        }
    }
}

/// The rows that one level works on.
#[derive(Debug, Clone, Copy)]
struct Level {
    /// From one of its rows to the next.
    stride: usize,
    width: usize,
    count: usize,
    /// Whether it has a horizontal direction.
    is_split: bool,
}

impl Level {
    fn row<'a>(&self, number: usize, data: &'a mut [i32]) -> &'a mut [i32] {
        &mut data[number * self.stride..][..self.width]
    }
}

/// What one thread works with on its part of the rows of a level.
#[derive(Debug)]
struct Piece {
    /// Padded rows, one after the other in a ring.
    rows: Vec<i32>,
    halves: Halves,
    /// The rows next to the part: `REACH` above, then `REACH` below, mirrored where the plane ends.
    around: Vec<i32>,
}

impl Piece {
    fn new(width: usize) -> Self {
        Self {
            rows: vec![0; ROWS * padded(width)],
            halves: Halves::new(width),
            around: vec![0; 2 * REACH * width],
        }
    }

    /// Copies the rows next to a part, before anyone changes them.
    fn keep_around(&mut self, level: Level, part: Range<usize>, data: &[i32]) {
        if level.count < 2 {
            return;
        }
        let (first, end) = (part.start as isize, part.end as isize);
        let reach = REACH as isize;
        let numbers = (first - reach..first).chain(end..end + reach);
        for (number, kept) in numbers.zip(self.around.chunks_exact_mut(level.width)) {
            kept.copy_from_slice(&data[mirrored(number, level.count) * level.stride..][..level.width]);
        }
    }

    /// Transforms the rows of a part, which `data` holds. The samples are those that `sample` gives, or those in `data`.
    fn forward(&mut self, level: Level, part: Range<usize>, data: &mut [i32], sample: Option<&RowReader>) {
        let (first, end) = (part.start as isize, part.end as isize);
        if level.count < 2 {
            self.fetch(level, &part, 0, data, sample);
            self.finish_forward(level, 0, level.row(0, data));
            return;
        }
        self.fetch(level, &part, first - 4, data, sample);
        for t in first / 2 - 2..=(end + 1) / 2 {
            self.fetch(level, &part, 2 * t + 1, data, sample);
            self.fetch(level, &part, 2 * t + 2, data, sample);
            run(ForwardRows(self.window(level, 2 * t - 3)));
            for number in [2 * t - 2, 2 * t - 1] {
                if (first..end).contains(&number) {
                    self.finish_forward(level, number, level.row((number - first) as usize, data));
                }
            }
        }
    }

    /// Undoes [`Piece::forward`]; then `finish` may change each row.
    fn inverse(&mut self, level: Level, part: Range<usize>, data: &mut [i32], finish: Option<&Finish>) {
        let (first, end) = (part.start as isize, part.end as isize);
        if level.count < 2 {
            self.begin_inverse(level, &part, 0, data);
            self.finish_inverse(level, 0, level.row(0, data), finish);
            return;
        }
        self.begin_inverse(level, &part, first - 3, data);
        for t in first / 2 - 1..=end / 2 + 1 {
            self.begin_inverse(level, &part, 2 * t, data);
            self.begin_inverse(level, &part, 2 * t + 1, data);
            run(InverseRows(self.window(level, 2 * t - 4)));
            for number in [2 * t - 3, 2 * t - 2] {
                if (first..end).contains(&number) {
                    let row = level.row((number - first) as usize, data);
                    self.finish_inverse(level, number, row, finish);
                }
            }
        }
    }

    /// Puts the samples of a row where they belong in the plane.
    fn finish_inverse(&mut self, level: Level, number: isize, out: &mut [i32], finish: Option<&Finish>) {
        // The next rows still depend on this one as it is.
        let samples = self.samples(level, number);
        match finish {
            Some(finish) => finish(number as usize, samples, out),
            None => out.copy_from_slice(samples),
        }
    }

    /// Takes the samples of a row, which may be next to the part.
    fn fetch(
        &mut self,
        level: Level,
        part: &Range<usize>,
        number: isize,
        data: &[i32],
        sample: Option<&RowReader>,
    ) {
        if let Some(sample) = sample {
            let row = if level.count > 1 { mirrored(number, level.count) } else { 0 };
            sample(row, self.samples(level, number));
        } else {
            let to = ring_row(&mut self.rows, number);
            to[BEFORE..][..level.width].copy_from_slice(row_of(&self.around, level, part, number, data));
        }
    }

    /// Does the horizontal steps of a row, into where it belongs in the plane.
    fn finish_forward(&mut self, level: Level, number: isize, out: &mut [i32]) {
        let row = ring_row(&mut self.rows, number);
        if level.is_split && level.width > 1 {
            mirror_ends(row, level.width);
            let (low, high) = out.split_at_mut(level.width.div_ceil(2));
            run(ForwardRow { row, low, high });
        } else {
            out.copy_from_slice(&row[BEFORE..][..level.width]);
        }
    }

    /// Takes the coefficients of a row, which may be next to the part, and undoes their horizontal steps.
    fn begin_inverse(&mut self, level: Level, part: &Range<usize>, number: isize, data: &[i32]) {
        let from = row_of(&self.around, level, part, number, data);
        let row = ring_row(&mut self.rows, number);
        if level.is_split && level.width > 1 {
            self.halves.take(from);
            run(InverseRow { halves: &self.halves, row, width: level.width });
        } else {
            row[BEFORE..][..level.width].copy_from_slice(from);
        }
    }

    /// The samples of the row with this number while it is worked on.
    fn samples(&mut self, level: Level, number: isize) -> &mut [i32] {
        &mut ring_row(&mut self.rows, number)[BEFORE..][..level.width]
    }

    /// The rows from this number on, as the vertical steps take them.
    fn window(&mut self, level: Level, first: isize) -> [&mut [i32]; ROWS] {
        let len = self.rows.len() / ROWS;
        let mut ring = self.rows.chunks_exact_mut(len);
        let mut rows = std::array::from_fn(|_| inner(ring.next().unwrap_or_default(), level.width));
        rows.rotate_left(first.rem_euclid(ROWS as isize) as usize);
        rows
    }
}

/// The place of a row in the ring.
fn ring_row(ring: &mut [i32], number: isize) -> &mut [i32] {
    let len = ring.len() / ROWS;
    &mut ring[number.rem_euclid(ROWS as isize) as usize * len..][..len]
}

/// A row of a part, or one of those kept from around it.
fn row_of<'a>(
    around: &'a [i32],
    level: Level,
    part: &Range<usize>,
    number: isize,
    data: &'a [i32],
) -> &'a [i32] {
    let (first, end, reach) = (part.start as isize, part.end as isize, REACH as isize);
    if (first..end).contains(&number) {
        return &data[(number - first) as usize * level.stride..][..level.width];
    }
    let kept = if number < first { number - first + reach } else { number - end + reach };
    &around[kept as usize * level.width..][..level.width]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [(usize, usize); 9] =
        [(1, 1), (1, 9), (9, 1), (2, 2), (3, 5), (16, 33), (67, 131), (200, 7), (333, 260)];

    fn noise(count: usize, bits: u32) -> Vec<i32> {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state as i32 >> (32 - bits)
        };
        (0..count).map(|_| next()).collect()
    }

    fn levels(horizontal: u32, vertical: u32) -> Levels {
        Levels { horizontal, vertical }
    }

    /// One level of one direction as the specification writes it, on samples `step` apart.
    fn lift(data: &mut [i32], first: usize, step: usize, count: usize) {
        let amounts: [fn(i64) -> i64; 4] = [
            |sum| (sum * -203 + 64) >> 7,
            |sum| (sum * -217 + 2048) >> 12,
            |sum| (sum * 113 + 64) >> 7,
            |sum| (sum * 1817 + 2048) >> 12,
        ];
        for (number, amount) in amounts.into_iter().enumerate() {
            for at in (1 - number % 2..count).step_by(2) {
                let [a, b] = [at as isize - 1, at as isize + 1].map(|at| mirrored(at, count));
                let sum = i64::from(data[first + a * step]) + i64::from(data[first + b * step]);
                data[first + at * step] += amount(sum) as i32;
            }
        }
    }

    fn reference(data: &mut [i32], width: usize, height: usize, levels: Levels) {
        for level in 0..levels.vertical {
            let first = levels.vertical - levels.horizontal;
            let (columns, rows) = (low_size(width, level.saturating_sub(first)), low_size(height, level));
            for column in (0..columns).filter(|_| rows > 1) {
                lift(data, column, width << level, rows);
            }
            for row in (0..rows).filter(|_| columns > 1 && level >= first) {
                let row = &mut data[row * (width << level)..][..columns];
                lift(row, 0, 1, columns);
                let (low, high) = (row.iter().step_by(2), row.iter().skip(1).step_by(2));
                let split: Vec<i32> = low.chain(high).copied().collect();
                row.copy_from_slice(&split);
            }
        }
    }

    #[test]
    fn coefficients_are_those_of_the_specification_with_any_number_of_threads() {
        for ((width, height), levels) in SIZES.into_iter().flat_map(|size| {
            [levels(1, 1), levels(3, 3), levels(2, 3), levels(0, 1)].map(|levels| (size, levels))
        }) {
            let source = noise(width * height, 14);
            let mut expected = source.clone();
            reference(&mut expected, width, height, levels);
            for threads in [1, 2, 5] {
                let mut samples = Samples::new(width, height, levels, threads);
                samples
                    .forward(threads, Some(&|row, out| out.copy_from_slice(&source[row * width..][..width])));
                assert_eq!(samples.data, expected, "{width}x{height} {levels:?} {threads} threads");
                samples.data.copy_from_slice(&source);
                samples.forward(threads, None);
                assert_eq!(samples.data, expected, "{width}x{height} {levels:?} {threads} threads, in place");
            }
        }
    }

    #[test]
    fn any_coefficients_come_back_from_their_samples() {
        for (width, height) in SIZES {
            // Those of garbage too, which wrap.
            let coefficients = noise(width * height, 32);
            for (threads, levels) in [(1, levels(4, 4)), (3, levels(3, 4))] {
                let mut samples = Samples::new(width, height, levels, threads);
                samples.data.copy_from_slice(&coefficients);
                samples.inverse(threads, &|_, row, out| out.copy_from_slice(row));
                let mid = samples.data.clone();
                samples.forward(threads, Some(&|row, out| out.copy_from_slice(&mid[row * width..][..width])));
                assert_eq!(samples.data, coefficients, "{width}x{height} {levels:?} {threads} threads");
            }
        }
    }

    #[test]
    fn each_row_is_finished_once_when_it_is_done() {
        let (width, height) = (67, 131);
        let coefficients = noise(width * height, 14);
        let inverse = |threads, finish: &Finish| {
            let mut samples = Samples::new(width, height, levels(3, 3), threads);
            samples.data.copy_from_slice(&coefficients);
            samples.inverse(threads, finish);
            samples.data
        };
        let plain = inverse(1, &|_, row, out| out.copy_from_slice(row));
        for threads in [1, 3] {
            let finished = inverse(threads, &|number, row, out| {
                out.iter_mut().zip(row).for_each(|(to, x)| *to = x + number as i32);
            });
            for (at, (&x, &found)) in plain.iter().zip(&finished).enumerate() {
                assert_eq!(found, x + (at / width) as i32);
            }
        }
    }

    #[test]
    fn a_large_plane_is_the_same_on_many_threads() {
        let (width, height, levels) = (401, 399, levels(5, 5));
        let coefficients = noise(width * height, 20);
        let inverse = |threads| {
            let mut samples = Samples::new(width, height, levels, threads);
            samples.data.copy_from_slice(&coefficients);
            samples.inverse(threads, &|_, row, out| out.copy_from_slice(row));
            samples.data
        };
        let alone = inverse(1);
        assert!([2, 3, 8].into_iter().all(|threads| inverse(threads) == alone));
    }
}
