//! The motion vectors of a picture.

use std::ops::Range;

/// Samples of luma in each direction of the smallest part of a picture that has its own vector.
pub(in crate::video) const CELL: usize = 8;
/// Cells in each direction of a block.
pub(in crate::video) const CELLS: usize = 2;
/// Samples of luma in each direction of a block.
pub(in crate::video) const BLOCK: usize = CELL * CELLS;
/// No component of a vector is larger.
pub(in crate::video) const MAX_COMPONENT: i32 = 1 << 13;

/// Where a cell is predicted from, relative to itself, in quarters of a sample of luma.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub(in crate::video) struct Vector {
    pub(in crate::video) x: i16,
    pub(in crate::video) y: i16,
}

impl Vector {
    pub(in crate::video) const ZERO: Self = Self { x: 0, y: 0 };

    /// That of these components, or the nearest that is allowed.
    #[inline(always)]
    pub(in crate::video) fn new(x: i32, y: i32) -> Self {
        let limited = |component: i32| component.clamp(-MAX_COMPONENT, MAX_COMPONENT) as i16;
        Self { x: limited(x), y: limited(y) }
    }

    pub(in crate::video) fn moved(self, x: i32, y: i32) -> Self {
        Self::new(i32::from(self.x).saturating_add(x), i32::from(self.y).saturating_add(y))
    }
}

/// The vectors of a picture, a cell each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::video) struct Field {
    pub(in crate::video) columns: usize,
    pub(in crate::video) rows: usize,
    pub(in crate::video) vectors: Vec<Vector>,
}

impl Field {
    /// That of a picture in which nothing moves.
    pub(in crate::video) fn new(width: usize, height: usize) -> Self {
        // Whole blocks, so that each has all of its cells.
        let (columns, rows) = (width.div_ceil(BLOCK) * CELLS, height.div_ceil(BLOCK) * CELLS);
        Self { columns, rows, vectors: vec![Vector::ZERO; columns * rows] }
    }

    pub(in crate::video) fn get(&self, column: usize, row: usize) -> Vector {
        self.vectors[row * self.columns + column]
    }

    /// The part of each slice, which has these rows of luma: whole blocks, each in the slice in which it begins.
    pub(in crate::video) fn parts(&mut self, slices: impl Iterator<Item = Range<usize>>) -> Vec<Part<'_>> {
        let columns = self.columns;
        let mut rest = &mut self.vectors[..];
        let cut = |rows: Range<usize>| {
            let blocks = rows.start.div_ceil(BLOCK)..rows.end.div_ceil(BLOCK);
            let vectors = rest.split_off_mut(..blocks.len() * CELLS * columns).unwrap_or_default();
            Part { columns, rows: blocks.len() * CELLS, first_row: blocks.start * CELLS, vectors }
        };
        slices.map(cut).collect()
    }
}

/// The vectors of a slice. Outside of it nothing is known.
#[derive(Debug)]
pub(in crate::video) struct Part<'a> {
    pub(in crate::video) columns: usize,
    pub(in crate::video) rows: usize,
    /// Where it begins in the picture, in cells.
    pub(in crate::video) first_row: usize,
    pub(in crate::video) vectors: &'a mut [Vector],
}

/// What the vectors around a block or a cell say about its own.
#[derive(Debug, Clone, Copy)]
pub(in crate::video) struct Surroundings {
    /// The median of the three.
    pub(in crate::video) median: Vector,
    /// Left, above, above right.
    pub(in crate::video) around: [Vector; 3],
    /// How far they are apart: 0 for not at all, to 3.
    pub(in crate::video) spread: usize,
}

impl Part<'_> {
    /// The same with nothing moving.
    pub(in crate::video) fn cleared(&mut self) -> &mut Self {
        self.vectors.fill(Vector::ZERO);
        self
    }

    pub(in crate::video) fn get(&self, column: usize, row: usize) -> Vector {
        self.vectors[row * self.columns + column]
    }

    /// Sets the vector of `size` times `size` cells.
    pub(in crate::video) fn set(&mut self, (column, row): (usize, usize), size: usize, vector: Vector) {
        for row in row..row + size {
            self.vectors[row * self.columns + column..][..size].fill(vector);
        }
    }

    /// What is known of the vectors around `size` times `size` cells when these are coded: blocks come in rows, and
    /// within a block cells in rows.
    pub(in crate::video) fn around(&self, (column, row): (usize, usize), size: usize) -> Surroundings {
        let left = (column > 0).then(|| self.get(column - 1, row));
        let above = (row > 0).then(|| self.get(column, row - 1));
        // Right of a block's lower right cell is a block that comes later, and so is what is right of its row.
        let is_later = column + size >= self.columns || (row % CELLS != 0 && column % CELLS != 0);
        let right = if row == 0 {
            None
        } else if is_later {
            (column > 0).then(|| self.get(column - 1, row - 1))
        } else {
            Some(self.get(column + size, row - 1))
        };
        let around = match (left, above) {
            // With one of them alone it is what is likeliest.
            (Some(left), None) => [left; 3],
            _ => [left, above, right].map(Option::unwrap_or_default),
        };
        Surroundings::new(around)
    }
}

impl Surroundings {
    fn new(around: [Vector; 3]) -> Self {
        let median = |of: fn(&Vector) -> i16| {
            let [a, b, c] = around.each_ref().map(of);
            a.max(b).min(a.min(b).max(c))
        };
        let median = Vector { x: median(|v| v.x), y: median(|v| v.y) };
        let distance = |vector: &Vector| {
            u32::from(vector.x.abs_diff(median.x)).max(u32::from(vector.y.abs_diff(median.y)))
        };
        let spread = match around.iter().map(distance).max().unwrap_or(0) {
            0 => 0,
            1..=2 => 1,
            3..=10 => 2,
            _ => 3,
        };
        Self { median, around, spread }
    }
}

impl Surroundings {
    /// The first two vectors around that are neither the median nor one another.
    pub(in crate::video) fn others(&self) -> (Option<Vector>, Option<Vector>) {
        let mut others = self.around.into_iter().filter(|&vector| vector != self.median);
        let first = others.next();
        (first, others.find(|&vector| Some(vector) != first))
    }
}
