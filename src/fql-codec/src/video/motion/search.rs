//! Finds the motion vectors of a picture.
//!
//! Each block tries what its neighbours and the picture before say, goes downhill from the best of these in whole
//! samples (a diamond), then in halves and quarters. What counts is how much the difference takes to code, as the
//! sum of its Hadamard transform's magnitudes says, and the bits of the vector.

use std::ops::Range;

use super::super::parallel::for_each;
use super::field::{BLOCK, CELL, CELLS, Field, Part, Surroundings, Vector};
use super::plane::Plane;
use crate::kernels::differences::{Absolute, Blocks, Transformed, TransformedAlone, TransformedTwo};
use crate::kernels::prediction::{BEFORE, MiddleAcross, MiddleDown, TAPS};
use crate::kernels::run_words;

/// Blocks may begin so far outside of the picture.
const OUTSIDE: i32 = 24;
/// The eight vectors around one; those on the axes first.
const AROUND: [(i32, i32); 8] = [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1)];
/// A block that is predicted so well that it costs no more than so many bits has nothing to gain: measured.
const NOTHING_TO_GAIN: u32 = 64;
/// The most steps downhill.
const MOST_STEPS: u32 = 24;

/// Luma in 8 bits, and what lies in the middle between its samples.
#[derive(Debug)]
pub(in crate::video) struct Luma {
    /// On the samples, half a sample to the right, half a sample below, and both.
    planes: [Plane<u8>; 4],
    /// Half a sample to the right, of 16 bits.
    between: Plane<i16>,
}

impl Luma {
    pub(in crate::video) fn new(width: usize, height: usize) -> Self {
        let plane = || Plane::new(width, height);
        Self { planes: [plane(), plane(), plane(), plane()], between: Plane::new(width, height) }
    }

    /// Takes samples around zero, `shift` bits finer than 8.
    pub(in crate::video) fn take(&mut self, source: &Plane<i16>, shift: u32, threads: usize) {
        let stride = source.stride;
        let rows = stride * 16;
        let [whole, right, below, both] = &mut self.planes;
        let level = whole
            .data
            .chunks_mut(rows)
            .zip(right.data.chunks_mut(rows))
            .zip(self.between.data.chunks_mut(rows))
            .zip(source.data.chunks(rows));
        for_each(threads, level.collect::<Vec<_>>().into_iter(), |(((whole, right), between), source)| {
            run_words(MiddleAcross { source, shift, whole, between, right });
        });
        let between = &self.between.data;
        let upright = below.data.chunks_mut(rows).zip(both.data.chunks_mut(rows)).enumerate();
        for_each(threads, upright.collect::<Vec<_>>().into_iter(), |(chunk, (below, both))| {
            for (line, (below, both)) in below.chunks_mut(stride).zip(both.chunks_mut(stride)).enumerate() {
                let row = chunk * 16 + line;
                if row < BEFORE || row + TAPS - BEFORE > source.data.len() / stride {
                    continue;
                }
                let first = (row - BEFORE) * stride;
                for (source, to) in [(&source.data, below), (between, both)] {
                    run_words(MiddleDown { source: &source[first..], stride, shift, to });
                }
            }
        });
    }

    /// The samples from a place in quarters on: the means of those at two places, rounded up.
    #[inline(always)]
    fn at(&self, x: i32, y: i32) -> [&[u8]; 2] {
        let half = |x: i32, y: i32| {
            let plane = (x & 1) as usize | (y as usize & 1) << 1;
            self.planes[plane].from(x >> 1, y >> 1)
        };
        // In halves: the two nearest on either side.
        let (x_half, y_half) = (x >> 1, y >> 1);
        let (a, b) = match (x & 1, y & 1) {
            (0, 0) => ((x_half, y_half), (x_half, y_half)),
            (1, 0) => ((x_half, y_half), (x_half + 1, y_half)),
            (0, _) => ((x_half, y_half), (x_half, y_half + 1)),
            // On the diagonal that has no sample in the middle of four.
            _ if (x_half + y_half) & 1 == 0 => ((x_half + 1, y_half), (x_half, y_half + 1)),
            _ => ((x_half, y_half), (x_half + 1, y_half + 1)),
        };
        [half(a.0, a.1), half(b.0, b.1)]
    }
}

/// What a search has to go by.
#[derive(Clone, Copy)]
pub(in crate::video) struct Search<'a> {
    /// Luma of the picture in 8 bits.
    pub(in crate::video) source: &'a Plane<u8>,
    pub(in crate::video) reference: &'a Luma,
    /// The vectors of the picture before.
    pub(in crate::video) previous: &'a Field,
    /// What a bit is worth in units of an 8-bit sample's difference, in 1/256.
    pub(in crate::video) lambda: u32,
}

/// What a search found.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::video) struct Found {
    /// What the differences cost.
    pub(in crate::video) predicted: u64,
    /// What the blocks would cost on their own.
    pub(in crate::video) intra: u64,
}

impl Search<'_> {
    /// Finds the vectors of a picture, of which the slices have these rows of luma.
    pub(in crate::video) fn run(
        &self,
        field: &mut Field,
        slices: impl Iterator<Item = Range<usize>>,
        threads: usize,
    ) -> Found {
        let mut found: Vec<(Part, Found)> =
            field.parts(slices).into_iter().map(|part| (part, Found::default())).collect();
        for_each(threads, found.iter_mut(), |(part, found)| *found = self.part(part));
        found.iter().fold(Found::default(), |sum, (_, found)| Found {
            predicted: sum.predicted + found.predicted,
            intra: sum.intra + found.intra,
        })
    }

    fn part(&self, part: &mut Part) -> Found {
        let mut sum = Found::default();
        for row in (0..part.rows).step_by(CELLS) {
            for column in (0..part.columns).step_by(CELLS) {
                let at = Block {
                    x: (column * CELL) as i32,
                    y: ((part.first_row + row) * CELL) as i32,
                    size: BLOCK,
                };
                let whole = self.block(part, (column, row), at);
                part.set((column, row), CELLS, whole.vector);
                let split = self.split(part, (column, row), at, whole);
                sum.predicted += u64::from(split);
                sum.intra += u64::from(self.intra(at));
            }
        }
        sum
    }

    /// The best vector of a block.
    fn block(&self, part: &Part, (column, row): (usize, usize), at: Block) -> Tried {
        let around = part.around((column, row), CELLS);
        let before = |x: usize, y: usize| {
            let (x, y) = (x.min(self.previous.columns - 1), (part.first_row + y).min(self.previous.rows - 1));
            self.previous.get(x, y)
        };
        let candidates = [
            around.median,
            Vector::ZERO,
            around.around[0],
            around.around[1],
            around.around[2],
            before(column, row),
            before(column + CELLS, row + 1),
            before(column, row + CELLS),
        ];
        // Whole samples first.
        let mut best = (u32::MAX, Vector::ZERO);
        let mut tried = [Vector::ZERO; 8];
        for (index, candidate) in candidates.into_iter().enumerate() {
            let whole = self.inside(
                at,
                Vector::new((i32::from(candidate.x) + 2) & !3, (i32::from(candidate.y) + 2) & !3),
            );
            tried[index] = whole;
            if !tried[..index].contains(&whole) {
                best = best.min_by_cost((self.rough(at, whole, &around), whole));
            }
        }
        let mut before = best.1;
        for _ in 0..MOST_STEPS {
            let middle = best.1;
            for (x, y) in [(-4, 0), (4, 0), (0, -4), (0, 4)] {
                let moved = self.inside(at, middle.moved(x, y));
                if moved != middle && moved != before {
                    best = best.min_by_cost((self.rough(at, moved, &around), moved));
                }
            }
            if best.1 == middle {
                break;
            }
            before = middle;
        }
        let mut fine = self.fine(at, best.1, &around);
        for (index, candidate) in candidates.into_iter().enumerate() {
            let candidate = self.inside(at, candidate);
            if candidate != best.1 && !candidates[..index].contains(&candidate) {
                fine = fine.or_cheaper(self.fine(at, candidate, &around));
            }
        }
        if fine.cost < self.bits(NOTHING_TO_GAIN) {
            return fine;
        }
        let fine = self.refine(at, fine, &around, (2, &AROUND[..4]));
        self.refine(at, fine, &around, (1, &AROUND))
    }

    /// Tries the vectors around, so many quarters away, and once more those around the best of them.
    fn refine(
        &self,
        at: Block,
        start: Tried,
        around: &Surroundings,
        (step, places): (i32, &[(i32, i32)]),
    ) -> Tried {
        let mut best = start;
        let mut vectors = Vectors::new(start.vector);
        for _ in 0..2 {
            let middle = best.vector;
            for &(x, y) in places {
                vectors.add(self.inside(at, middle.moved(x * step, y * step)));
            }
            best = self.cheapest(at, best, &mut vectors, around);
            if best.vector == middle {
                break;
            }
        }
        best
    }

    /// The cheapest of the best so far and those vectors that were not tried yet; of equal ones the first.
    fn cheapest(&self, at: Block, best: Tried, vectors: &mut Vectors, around: &Surroundings) -> Tried {
        let untried = vectors.untried();
        if at.size != CELL {
            return untried.iter().fold(best, |best, &vector| best.or_cheaper(self.fine(at, vector, around)));
        }
        untried.chunks(2).fold(best, |best, some| match *some {
            [a, b] => {
                let [a, b] = self.fine_two(at, [a, b], around);
                best.or_cheaper(a).or_cheaper(b)
            }
            _ => best.or_cheaper(self.fine(at, some[0], around)),
        })
    }

    /// Gives the four cells vectors of their own where that is better. The cost.
    fn split(&self, part: &mut Part, (column, row): (usize, usize), at: Block, whole: Tried) -> u32 {
        if whole.cost < self.bits(NOTHING_TO_GAIN) {
            return whole.cost;
        }
        let mut sum = self.bits(3);
        for (number, (x, y)) in [(0, 0), (1, 0), (0, 1), (1, 1)].into_iter().enumerate() {
            let place = (column + x, row + y);
            let around = part.around(place, 1);
            let at = Block { x: at.x + (x * CELL) as i32, y: at.y + (y * CELL) as i32, size: CELL };
            let start = Tried::new(whole.vector, [whole.differences[number], 0, 0, 0]);
            let mut vectors = Vectors::new(whole.vector);
            for candidate in around.around.into_iter().chain([around.median]) {
                vectors.add(self.inside(at, candidate));
            }
            let best = start.with(self.vector_cost(whole.vector, &around));
            let best = self.cheapest(at, best, &mut vectors, &around);
            let best = self.refine(at, best, &around, (1, &AROUND[..4]));
            part.set(place, 1, best.vector);
            sum += best.cost;
        }
        if sum < whole.cost {
            return sum;
        }
        part.set((column, row), CELLS, whole.vector);
        whole.cost
    }

    /// A vector that keeps the block where there are samples.
    #[inline(always)]
    fn inside(&self, at: Block, vector: Vector) -> Vector {
        let limit = |component: i16, place: i32, end: usize| {
            let last = end.max(BLOCK) as i32 + OUTSIDE - at.size as i32;
            i32::from(component).clamp(4 * (-OUTSIDE - place), 4 * (last - place))
        };
        let Plane { width, height, .. } = *self.source;
        Vector::new(limit(vector.x, at.x, width), limit(vector.y, at.y, height))
    }

    #[inline(always)]
    fn bits(&self, bits: u32) -> u32 {
        (bits * self.lambda) >> 8
    }

    /// The cost of a vector's bits.
    #[inline(always)]
    fn vector_cost(&self, vector: Vector, around: &Surroundings) -> u32 {
        if vector == around.median {
            return self.bits(1);
        }
        if around.around.contains(&vector) {
            return self.bits(3);
        }
        let length = |a: i16, b: i16| 2 * (a.abs_diff(b) as u32 + 1).ilog2() + 1;
        self.bits(3 + length(vector.x, around.median.x) + length(vector.y, around.median.y))
    }

    /// Cost by absolute differences, in whole samples.
    #[inline(always)]
    fn rough(&self, at: Block, vector: Vector, around: &Surroundings) -> u32 {
        let (x, y) = (at.x + i32::from(vector.x >> 2), at.y + i32::from(vector.y >> 2));
        let others = [self.reference.planes[0].from(x, y); 2];
        run_words(Absolute(self.blocks(at, others))) + self.vector_cost(vector, around)
    }

    /// Cost by transformed differences.
    #[inline(always)]
    fn fine(&self, at: Block, vector: Vector, around: &Surroundings) -> Tried {
        let differences = run_words(Transformed(self.blocks(at, self.others(at, vector))));
        Tried::new(vector, differences).with(self.vector_cost(vector, around))
    }

    /// The same of two vectors of a cell.
    #[inline(always)]
    fn fine_two(&self, at: Block, vectors: [Vector; 2], around: &Surroundings) -> [Tried; 2] {
        let [first, second] = vectors;
        let others = [self.others(at, first), self.others(at, second)];
        let Blocks { own, own_stride, stride, .. } = self.blocks(at, others[0]);
        let [a, b] = run_words(TransformedTwo { own, own_stride, others, stride });
        let first = Tried::new(first, [a, 0, 0, 0]).with(self.vector_cost(first, around));
        [first, Tried::new(second, [b, 0, 0, 0]).with(self.vector_cost(second, around))]
    }

    /// The samples that a vector leads to, as the means of those at two places.
    #[inline(always)]
    fn others(&self, at: Block, vector: Vector) -> [&[u8]; 2] {
        self.reference.at(4 * at.x + i32::from(vector.x), 4 * at.y + i32::from(vector.y))
    }

    /// A block beside what may be like it in the reference.
    #[inline(always)]
    fn blocks<'a>(&'a self, at: Block, others: [&'a [u8]; 2]) -> Blocks<'a> {
        let Plane { stride, .. } = *self.source;
        let own = self.source.from(at.x, at.y);
        Blocks { own, own_stride: stride, others, stride: self.reference.planes[0].stride, size: at.size }
    }

    /// What a block costs on its own: its difference from a constant, and a few bits for that.
    fn intra(&self, at: Block) -> u32 {
        let (own, stride) = (self.source.from(at.x, at.y), self.source.stride);
        self.bits(4) + run_words(TransformedAlone { own, stride })
    }
}

/// A block of the picture, in samples of luma.
#[derive(Debug, Clone, Copy)]
struct Block {
    x: i32,
    y: i32,
    size: usize,
}

/// A vector that was tried.
#[derive(Debug, Clone, Copy)]
struct Tried {
    vector: Vector,
    cost: u32,
    /// What the differences of each cell cost; of a cell alone in the first.
    differences: [u32; 4],
}

impl Tried {
    #[inline(always)]
    fn new(vector: Vector, differences: [u32; 4]) -> Self {
        Self { vector, cost: differences.iter().sum(), differences }
    }

    /// With the cost of the vector's bits.
    #[inline(always)]
    fn with(self, cost: u32) -> Self {
        Self { cost: self.cost + cost, ..self }
    }

    #[inline(always)]
    fn or_cheaper(self, other: Self) -> Self {
        if other.cost < self.cost { other } else { self }
    }
}

/// Vectors that are to be tried, each once.
struct Vectors {
    all: [Vector; 20],
    count: usize,
    /// How many were tried.
    tried: usize,
}

impl Vectors {
    /// After one that was tried.
    fn new(tried: Vector) -> Self {
        Self { all: [tried; 20], count: 1, tried: 1 }
    }

    #[inline(always)]
    fn add(&mut self, vector: Vector) {
        if !self.all[..self.count].contains(&vector) {
            self.all[self.count] = vector;
            self.count += 1;
        }
    }

    /// Those that were not, which now are.
    #[inline(always)]
    fn untried(&mut self) -> &[Vector] {
        let first = std::mem::replace(&mut self.tried, self.count);
        &self.all[first..self.count]
    }
}

trait Cheaper {
    fn min_by_cost(self, other: Self) -> Self;
}

impl Cheaper for (u32, Vector) {
    #[inline(always)]
    fn min_by_cost(self, other: Self) -> Self {
        if other.0 < self.0 { other } else { self }
    }
}
