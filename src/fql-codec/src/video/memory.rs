//! How samples lie in memory: planar, interleaved or packed, in bytes or in words of 16 bits.

use super::Format;
use super::picture::FRACTION;
use crate::Error;
use crate::kernels::rows::{Packing, ReadRow, WriteRow};
use crate::kernels::run;

/// How a sample is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Word {
    /// In a byte; for samples of 8 bits.
    U8,
    /// In two bytes, the less significant first.
    U16 {
        /// Unused bits under the sample: 0 for `I420_10LE`, 6 for `P010_10LE`. They are written as 0 and not read.
        shift: u8,
    },
}

impl Word {
    const fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 { .. } => 2,
        }
    }
}

/// The samples of one plane to encode. Planes may lie in one another, as those of NV12 or packed RGB do.
#[derive(Debug, Clone, Copy)]
pub struct Plane<'a> {
    /// The bytes from the plane's first sample on; the last row may end with its last sample.
    pub data: &'a [u8],
    /// Bytes from one row to the next, at least those of a row.
    pub stride: usize,
    /// Bytes from one sample to the next, at least those of a sample.
    pub step: usize,
    /// How a sample is held.
    pub word: Word,
}

impl<'a> Plane<'a> {
    /// Samples of 8 bits beside each other, rows `stride` bytes apart.
    pub const fn bytes(data: &'a [u8], stride: usize) -> Self {
        Self { data, stride, step: 1, word: Word::U8 }
    }
}

/// Where the samples of one plane lie in a [`PictureMut`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaneLayout {
    /// Index of the buffer.
    pub buffer: usize,
    /// Where in the buffer the first sample is.
    pub offset: usize,
    /// Bytes from one row to the next, at least those of a row.
    pub stride: usize,
    /// Bytes from one sample to the next, at least those of a sample.
    pub step: usize,
    /// How a sample is held.
    pub word: Word,
}

impl PlaneLayout {
    /// Samples of 8 bits beside each other from the start of a buffer, rows `stride` bytes apart.
    pub const fn bytes(buffer: usize, stride: usize) -> Self {
        Self { buffer, offset: 0, stride, step: 1, word: Word::U8 }
    }

    /// The plane as one to encode. Where there is no such buffer, or it is too short, the plane has no samples.
    pub fn of<'a>(&self, buffers: &[&'a [u8]]) -> Plane<'a> {
        let data = buffers.get(self.buffer).and_then(|buffer| buffer.get(self.offset..)).unwrap_or_default();
        Plane { data, stride: self.stride, step: self.step, word: self.word }
    }
}

/// Where a picture is decoded to: buffers, and where the planes lie in them. Planes may lie in one another; bytes
/// that belong to none are left alone.
#[derive(Debug)]
pub struct PictureMut<'a, 'b> {
    /// The memory.
    pub buffers: &'b mut [&'a mut [u8]],
    /// The planes, in the order of [`Format::planes`].
    pub planes: &'b [PlaneLayout],
}

const NAMES: [&str; 4] = ["the first plane", "the second plane", "the third plane", "the fourth plane"];

/// How a plane of which the bytes are not at hand lies in them.
struct Shape {
    len: usize,
    stride: usize,
    step: usize,
    word: Word,
}

/// Fails where planes do not hold a picture of this size.
pub(super) fn check_source(format: Format, size: (usize, usize), planes: &[Plane]) -> Result<(), Error> {
    check_count(format, planes.len())?;
    for (index, &Plane { data, stride, step, word }) in planes.iter().enumerate() {
        check_plane(format, size, index, &Shape { len: data.len(), stride, step, word })?;
    }
    Ok(())
}

/// Fails where a picture of this size does not fit.
pub(super) fn check_target(format: Format, size: (usize, usize), target: &PictureMut) -> Result<(), Error> {
    check_count(format, target.planes.len())?;
    for (index, &PlaneLayout { buffer, offset, stride, step, word }) in target.planes.iter().enumerate() {
        let Some(buffer) = target.buffers.get(buffer) else {
            let (what, value) = ("a plane's buffer", buffer as u64);
            return Err(Error::OutOfRange { what, value, expected: "one of those given" });
        };
        let len = buffer.len().saturating_sub(offset);
        check_plane(format, size, index, &Shape { len, stride, step, word })?;
    }
    Ok(())
}

fn check_count(format: Format, planes: usize) -> Result<(), Error> {
    if planes == format.planes() {
        return Ok(());
    }
    let expected = match format.planes() {
        1 => "1",
        2 => "2",
        3 => "3",
        _ => "4",
    };
    Err(Error::OutOfRange { what: "the number of planes", value: planes as u64, expected })
}

fn check_plane(format: Format, size: (usize, usize), plane: usize, shape: &Shape) -> Result<(), Error> {
    let (width, height) = format.plane_size(plane, size.0, size.1);
    let out_of_range =
        |what, value: usize, expected| Err(Error::OutOfRange { what, value: value as u64, expected });
    match shape.word {
        Word::U8 if format.bits > 8 => return out_of_range("a word's bits", 8, "16 for more than 8 bits"),
        Word::U16 { shift } if u32::from(shift) + u32::from(format.bits) > 16 => {
            return out_of_range("a word's shift", shift.into(), "at most 16 less the sample's bits");
        }
        _ => {}
    }
    if shape.step < shape.word.bytes() {
        return out_of_range("a plane's step", shape.step, "at least the bytes of a sample");
    }
    let row =
        ((width - 1) as u64).saturating_mul(shape.step as u64).saturating_add(shape.word.bytes() as u64);
    if (shape.stride as u64) < row {
        return out_of_range("a plane's stride", shape.stride, "at least the bytes of a row");
    }
    let needed = (shape.stride as u64).saturating_mul(height as u64 - 1).saturating_add(row);
    if (shape.len as u64) < needed {
        let needed = usize::try_from(needed).unwrap_or(usize::MAX);
        return Err(Error::TooFewBytes { what: NAMES[plane], value: shape.len, needed });
    }
    Ok(())
}

/// Reads a row of a plane that was checked: each sample less `middle`, shifted left by `fraction`.
pub(super) fn read_row(plane: &Plane, row: usize, max: i32, out: &mut [i32], middle: i32, fraction: u32) {
    let from = &plane.data[row * plane.stride..];
    run(ReadRow { from, packing: packing(plane.word, plane.step, max), middle, fraction, to: out });
}

/// Writes a row of a plane of which the layout was checked, from samples with fractional bits.
pub(super) fn write_row(plane: &PlaneLayout, buffer: &mut [u8], row: usize, values: &[i32], max: i32) {
    let to = &mut buffer[plane.offset + row * plane.stride..];
    run(WriteRow::<{ FRACTION as i32 }> { from: values, packing: packing(plane.word, plane.step, max), to });
}

fn packing(word: Word, step: usize, max: i32) -> Packing {
    match word {
        Word::U8 => Packing { step, bytes: true, shift: 0, max: 255 },
        Word::U16 { shift } => Packing { step, bytes: false, shift: shift.into(), max },
    }
}
