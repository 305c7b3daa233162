//! The planes of a picture while they are worked on.

use super::exact;
use super::layout::{Layout, Slice};
use super::parallel::for_each;
use super::transform::{FRACTION, Samples};
use super::{Plane, PlaneMut};
use crate::Error;

const NAMES: [&str; 3] = ["the luma plane", "the first chroma plane", "the second chroma plane"];
/// Samples are taken from -128 to 127, so that coefficients are small.
const MIDDLE: i32 = 128;

/// All planes of a picture as samples or coefficients.
#[derive(Debug)]
pub(super) struct Planes {
    planes: Vec<Samples>,
    threads: usize,
}

impl Planes {
    pub(super) fn new(layout: &Layout, threads: usize) -> Self {
        let planes = layout.planes.iter().map(|&(w, h, levels)| Samples::new(w, h, levels)).collect();
        Self { planes, threads }
    }

    /// Takes the samples of a picture and transforms them. They must have been checked by [`check`].
    pub(super) fn analyse(&mut self, source: &[Plane]) {
        for_each(self.threads, self.planes.iter_mut().zip(source), |(samples, plane)| {
            for (row, source) in
                samples.data.chunks_exact_mut(samples.width).zip(plane.data.chunks(plane.stride))
            {
                for (x, &sample) in row.iter_mut().zip(source) {
                    *x = (i32::from(sample) - MIDDLE) << FRACTION;
                }
            }
            samples.forward();
        });
    }

    /// Transforms the coefficients into samples with fractional bits: 0 for a sample of 0, 64 for one of 1.
    pub(super) fn synthesise(&mut self) {
        for_each(self.threads, self.planes.iter_mut(), |samples| {
            samples.inverse();
            for x in &mut samples.data {
                *x = x.saturating_add(MIDDLE << FRACTION);
            }
        });
    }

    /// Writes the samples, rounded.
    pub(super) fn write(&self, target: &mut [PlaneMut]) {
        for_each(self.threads, self.planes.iter().zip(target), |(samples, plane)| {
            for (row, target) in
                samples.data.chunks_exact(samples.width).zip(plane.data.chunks_mut(plane.stride))
            {
                for (sample, &x) in target.iter_mut().zip(row) {
                    *sample = exact::rounded(x);
                }
            }
        });
    }

    /// The coefficients of all planes.
    pub(super) fn coefficients(&self) -> impl Iterator<Item = &[i32]> {
        self.planes.iter().map(|samples| &samples.data[..])
    }

    /// For each slice, its rows of each plane.
    pub(super) fn stripes<'a>(&'a self, slices: &[Slice]) -> Vec<Vec<&'a [i32]>> {
        let mut rest: Vec<&[i32]> = self.coefficients().collect();
        let cut = |slice: &Slice| {
            let cut = |(plane, rest): (usize, &mut &'a [i32])| {
                rest.split_off(..slice.rows[plane] * self.planes[plane].width).unwrap_or_default()
            };
            rest.iter_mut().enumerate().map(cut).collect()
        };
        slices.iter().map(cut).collect()
    }

    /// For each slice, its rows of each plane.
    pub(super) fn stripes_mut<'a>(&'a mut self, slices: &[Slice]) -> Vec<Vec<&'a mut [i32]>> {
        let widths: Vec<usize> = self.planes.iter().map(|samples| samples.width).collect();
        let mut rest: Vec<&mut [i32]> = self.planes.iter_mut().map(|samples| &mut samples.data[..]).collect();
        let cut = |slice: &Slice| {
            let cut = |(plane, rest): (usize, &mut &'a mut [i32])| {
                rest.split_off_mut(..slice.rows[plane] * widths[plane]).unwrap_or_default()
            };
            rest.iter_mut().enumerate().map(cut).collect()
        };
        slices.iter().map(cut).collect()
    }
}

/// Fails where planes do not hold a picture of the layout.
pub(super) fn check(
    layout: &Layout,
    planes: impl ExactSizeIterator<Item = (usize, usize)>,
) -> Result<(), Error> {
    let (value, needed) = (planes.len(), layout.planes.len());
    if value != needed {
        let expected = if needed == 1 { "1 for grey" } else { "3 for 4:2:0" };
        return Err(Error::OutOfRange { what: "the number of planes", value: value as u64, expected });
    }
    for ((what, &(width, height, _)), (value, stride)) in NAMES.into_iter().zip(&layout.planes).zip(planes) {
        if stride < width {
            let expected = "at least the plane's width";
            return Err(Error::OutOfRange { what: "a plane's stride", value: stride as u64, expected });
        }
        let needed = (stride as u64).saturating_mul(height as u64 - 1).saturating_add(width as u64);
        if (value as u64) < needed {
            return Err(Error::TooFewSamples { what, value, needed: needed as usize });
        }
    }
    Ok(())
}

/// For each slice, its rows of each plane of a source, and the stride.
pub(super) fn source_stripes<'a>(layout: &Layout, source: &[Plane<'a>]) -> Vec<Vec<Plane<'a>>> {
    let mut rest: Vec<Plane<'a>> = source.to_vec();
    let cut = |slice: &Slice| {
        let cut = |(plane, rest): (usize, &mut Plane<'a>)| {
            let (data, tail) = rest.data.split_at((slice.rows[plane] * rest.stride).min(rest.data.len()));
            rest.data = tail;
            Plane { data, stride: rest.stride }
        };
        rest.iter_mut().enumerate().map(cut).collect()
    };
    layout.slices.iter().map(cut).collect()
}

/// For each slice, its rows of each plane of a target.
pub(super) fn target_stripes<'a>(layout: &Layout, target: &'a mut [PlaneMut]) -> Vec<Vec<PlaneMut<'a>>> {
    let mut rest: Vec<PlaneMut<'a>> =
        target.iter_mut().map(|plane| PlaneMut { data: plane.data, stride: plane.stride }).collect();
    let cut = |slice: &Slice| {
        let cut = |(plane, rest): (usize, &mut PlaneMut<'a>)| {
            let len = (slice.rows[plane] * rest.stride).min(rest.data.len());
            let data = rest.data.split_off_mut(..len).unwrap_or_default();
            PlaneMut { data, stride: rest.stride }
        };
        rest.iter_mut().enumerate().map(cut).collect()
    };
    layout.slices.iter().map(cut).collect()
}
