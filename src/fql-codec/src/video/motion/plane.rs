//! Planes of samples that can be read outside of the picture.

use super::super::layout::PlaneShape;

/// Samples around a picture, as many as any block that is clamped to it reaches.
pub(in crate::video) const BORDER: usize = 40;

/// A plane of samples with a border in which those at its edge are repeated.
#[derive(Debug, Clone)]
pub(in crate::video) struct Plane<T> {
    pub(in crate::video) data: Vec<T>,
    pub(in crate::video) width: usize,
    pub(in crate::video) height: usize,
    pub(in crate::video) stride: usize,
}

impl<T: Copy + Default> Plane<T> {
    pub(in crate::video) fn new(width: usize, height: usize) -> Self {
        let stride = width + 2 * BORDER;
        Self { data: vec![T::default(); stride * (height + 2 * BORDER)], width, height, stride }
    }

    /// Everything from a place on, which may be in the border.
    #[inline(always)]
    pub(in crate::video) fn from(&self, x: i32, y: i32) -> &[T] {
        &self.data[self.index(x, y)..]
    }

    #[inline(always)]
    fn index(&self, x: i32, y: i32) -> usize {
        (y + BORDER as i32) as usize * self.stride + (x + BORDER as i32) as usize
    }

    pub(in crate::video) fn row(&self, y: usize) -> &[T] {
        &self.from(0, y as i32)[..self.width]
    }

    /// The rows of the picture in parts of so many, each from the first sample of a row on, a stride apart.
    pub(in crate::video) fn rows_mut(&mut self, rows: usize) -> std::slice::ChunksMut<'_, T> {
        let first = self.index(0, 0);
        self.data[first..][..self.height * self.stride].chunks_mut(rows * self.stride)
    }

    /// Repeats the samples at the edges in the border.
    pub(in crate::video) fn extend(&mut self) {
        let Self { width, height, stride, .. } = *self;
        for row in self.data.chunks_exact_mut(stride).skip(BORDER).take(height) {
            let (first, last) = (row[BORDER], row[BORDER + width - 1]);
            row[..BORDER].fill(first);
            row[BORDER + width..].fill(last);
        }
        for y in 0..BORDER {
            self.data.copy_within(BORDER * stride..(BORDER + 1) * stride, y * stride);
            let last = (BORDER + height - 1) * stride;
            self.data.copy_within(last..last + stride, (BORDER + height + y) * stride);
        }
    }
}

/// The planes of a picture, as samples around zero with the transform's fractional bits.
#[derive(Debug, Clone)]
pub(in crate::video) struct Frame {
    pub(in crate::video) planes: Vec<Plane<i16>>,
}

impl Frame {
    /// A grey one.
    pub(in crate::video) fn new(shapes: &[PlaneShape]) -> Self {
        Self { planes: shapes.iter().map(|shape| Plane::new(shape.width, shape.height)).collect() }
    }

    /// A grey one of the size of another.
    pub(in crate::video) fn like(other: &Self) -> Self {
        Self { planes: other.planes.iter().map(|plane| Plane::new(plane.width, plane.height)).collect() }
    }
}
