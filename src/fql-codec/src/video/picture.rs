//! The planes of a picture while they are worked on.

use super::colour;
use super::format::{Format, Role};
use super::layout::{Layout, PlaneShape, Slice};
use super::memory::{PictureMut, Plane, PlaneLayout, read_row, write_row};
use super::motion::plane::Frame;
use super::parallel::for_each;
use super::transform::Samples;
use crate::kernels::rows::{Add, Keep, Raise, Subtract};
use crate::kernels::run;
use fql_unit::Chroma;

/// Fractional bits of reconstructed samples: they are in 1/64 of a sample's unit.
pub(super) const FRACTION: u32 = 6;

/// The sample that a reconstruction with fractional bits is rounded to.
#[inline(always)]
pub(super) fn rounded(x: i32, max: i32) -> i32 {
    (x.saturating_add(1 << (FRACTION - 1)) >> FRACTION).clamp(0, max)
}

/// A picture to code.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) planes: &'a [Plane<'a>],
    pub(super) format: Format,
}

impl Source<'_> {
    /// The samples of one row of a plane as they are coded, 0 to the largest of the plane's bits: those of the
    /// picture, or for RGB what the colour transform makes of them. `middle` is taken away from each, and the rest
    /// shifted left by `fraction`.
    pub(super) fn row(&self, plane: usize, row: usize, out: &mut [i32], middle: i32, fraction: u32) {
        let max = self.format.max();
        if self.format.chroma == Chroma::Rgb && self.format.role(plane) != Role::Alpha {
            self.colours(plane, row, out);
            out.iter_mut().for_each(|x| *x = (*x - middle) << fraction);
        } else {
            read_row(&self.planes[plane], row, max, out, middle, fraction);
        }
    }

    /// The samples of one row of a plane that the colour transform makes.
    fn colours(&self, plane: usize, row: usize, out: &mut [i32]) {
        const SOME: usize = 64;
        let max = self.format.max();
        for (number, out) in out.chunks_mut(SOME).enumerate() {
            let mut colours = [[0; SOME]; 3];
            for (colour, from) in colours.iter_mut().zip(self.planes) {
                let data = &from.data[number * SOME * from.step..];
                read_row(&Plane { data, ..*from }, row, max, &mut colour[..out.len()], 0, 0);
            }
            let [green, blue, red] = &colours;
            for (((x, &green), &blue), &red) in out.iter_mut().zip(green).zip(blue).zip(red) {
                *x = colour::forward([green, blue, red], max + 1)[plane];
            }
        }
    }
}

/// All planes of a picture as samples or coefficients.
#[derive(Debug)]
pub(super) struct Planes {
    planes: Vec<Samples>,
    shapes: Vec<PlaneShape>,
    format: Format,
    threads: usize,
}

impl Planes {
    pub(super) fn new(layout: &Layout, threads: usize) -> Self {
        let samples = |shape: &PlaneShape| Samples::new(shape.width, shape.height, shape.levels, threads);
        let planes = layout.planes.iter().map(samples).collect();
        Self { planes, shapes: layout.planes.clone(), format: layout.format, threads }
    }

    /// Takes the samples of a picture, which must have been checked, less what is predicted of them, and transforms
    /// them.
    pub(super) fn analyse(&mut self, source: Source, prediction: Option<&Frame>) {
        let (threads, fraction) = (self.threads, self.format.fraction());
        for (plane, (samples, shape)) in self.planes.iter_mut().zip(&self.shapes).enumerate() {
            // Samples are taken around zero, so that coefficients are small.
            let middle = 1 << (shape.bits - 1);
            let predicted = prediction.map(|prediction| &prediction.planes[plane]);
            let read = |number, row: &mut [i32]| {
                source.row(plane, number, row, middle, fraction);
                if let Some(predicted) = predicted {
                    run(Subtract { row, predicted: predicted.row(number) });
                }
            };
            samples.forward(threads, Some(&read));
        }
    }

    /// Transforms the samples of a frame that was kept.
    pub(super) fn analyse_frame(&mut self, frame: &Frame) {
        for (samples, kept) in self.planes.iter_mut().zip(&frame.planes) {
            let read = |number, row: &mut [i32]| {
                row.iter_mut().zip(kept.row(number)).for_each(|(x, &kept)| *x = kept.into());
            };
            samples.forward(self.threads, Some(&read));
        }
    }

    /// Transforms the coefficients into samples around zero, with the transform's fraction, and adds what is
    /// predicted of them.
    pub(super) fn synthesise(&mut self, prediction: Option<&Frame>) {
        for (plane, samples) in self.planes.iter_mut().enumerate() {
            let predicted = prediction.map(|prediction| &prediction.planes[plane]);
            let finish = |number, row: &[i32], out: &mut [i32]| match predicted {
                Some(predicted) => run(Add { row, predicted: predicted.row(number), to: out }),
                None => out.copy_from_slice(row),
            };
            samples.inverse(self.threads, &finish);
        }
    }

    /// Keeps the samples as a frame to predict from, clamped to their range.
    pub(super) fn keep(&self, frame: &mut Frame) {
        let fraction = self.format.fraction();
        for ((samples, shape), kept) in self.planes.iter().zip(&self.shapes).zip(&mut frame.planes) {
            let middle = 1 << (shape.bits - 1 + fraction);
            let (least, most) = ((-middle) as i16, (middle - (1 << fraction)) as i16);
            let (rows, stride) = (samples.height.div_ceil(self.threads), kept.stride);
            let parts = samples.data.chunks(rows * samples.width).zip(kept.rows_mut(rows));
            for_each(self.threads, parts, |(part, kept)| {
                for (from, to) in part.chunks_exact(samples.width).zip(kept.chunks_mut(stride)) {
                    run(Keep { from, least, most, to: &mut to[..samples.width] });
                }
            });
            kept.extend();
        }
    }

    /// Turns samples around zero into samples in 1/64: 0 for a sample of 0, 64 for one of 1.
    pub(super) fn raise(&mut self) {
        let up = FRACTION - self.format.fraction();
        for (samples, shape) in self.planes.iter_mut().zip(&self.shapes) {
            let middle = 1 << (shape.bits - 1 + FRACTION);
            let some = samples.data.len().div_ceil(self.threads);
            for_each(self.threads, samples.data.chunks_mut(some), |row| run(Raise { row, up, middle }));
        }
    }

    /// Transforms the coefficients into samples in 1/64 at once, where nothing is predicted.
    pub(super) fn synthesise_raised(&mut self) {
        let up = FRACTION - self.format.fraction();
        for (samples, shape) in self.planes.iter_mut().zip(&self.shapes) {
            let middle = 1 << (shape.bits - 1 + FRACTION);
            samples.inverse(self.threads, &|_, row, out| {
                out.copy_from_slice(row);
                run(Raise { row: out, up, middle });
            });
        }
    }

    /// Turns the samples of RGB from what is coded into what is shown.
    pub(super) fn restore_colours(&mut self, slices: &[Slice]) {
        if self.format.chroma != Chroma::Rgb {
            return;
        }
        let (threads, max) = (self.threads, self.format.max());
        for_each(threads, self.stripes_mut(slices).into_iter(), |mut stripes| {
            let [luma, first, second, ..] = &mut stripes[..] else { return };
            for ((a, b), c) in luma.iter_mut().zip(first.iter_mut()).zip(second.iter_mut()) {
                let coded = [rounded(*a, max), rounded(*b, 2 * max + 1), rounded(*c, 2 * max + 1)];
                [*a, *b, *c] = colour::inverse(coded, max + 1).map(|x| x.clamp(0, max) << FRACTION);
            }
        });
    }

    /// Writes the samples, rounded. The target must have been checked.
    pub(super) fn write(&self, target: &mut PictureMut) {
        let max = self.format.max();
        for (samples, layout) in self.planes.iter().zip(target.planes) {
            // Threads share the rows, which lie in parts of the buffer that follow each other.
            let rows = samples.height.div_ceil(self.threads);
            let buffer = target.buffers[layout.buffer].get_mut(layout.offset..).unwrap_or_default();
            let parts =
                samples.data.chunks(rows * samples.width).zip(buffer.chunks_mut(rows * layout.stride));
            let layout = PlaneLayout { offset: 0, ..*layout };
            for_each(self.threads, parts, |(part, buffer)| {
                for (number, row) in part.chunks_exact(samples.width).enumerate() {
                    write_row(&layout, buffer, number, row, max);
                }
            });
        }
    }

    /// The coefficients of all planes.
    pub(super) fn coefficients(&self) -> impl Iterator<Item = &[i32]> {
        self.planes.iter().map(|samples| &samples.data[..])
    }

    /// For each slice, its rows of each plane.
    pub(super) fn stripes<'a>(&'a self, slices: &[Slice]) -> Vec<Vec<&'a [i32]>> {
        let cut = |slice: &Slice| {
            let planes = self.planes.iter().zip(&slice.rows);
            planes
                .map(|(plane, rows)| &plane.data[rows.start * plane.width..rows.end * plane.width])
                .collect()
        };
        slices.iter().map(cut).collect()
    }

    /// For each slice, its rows of each plane.
    pub(super) fn stripes_mut<'a>(&'a mut self, slices: &[Slice]) -> Vec<Vec<&'a mut [i32]>> {
        let widths: Vec<usize> = self.planes.iter().map(|samples| samples.width).collect();
        let mut rest: Vec<&mut [i32]> = self.planes.iter_mut().map(|samples| &mut samples.data[..]).collect();
        let cut = |slice: &Slice| {
            let cut = |(plane, rest): (usize, &mut &'a mut [i32])| {
                rest.split_off_mut(..slice.rows[plane].len() * widths[plane]).unwrap_or_default()
            };
            rest.iter_mut().enumerate().map(cut).collect()
        };
        slices.iter().map(cut).collect()
    }
}
