//! Pictures of any format as what a page draws: 8-bit 4:2:0, or grey. Opacity is left out.

use fql_codec::video::{Format, PlaneLayout, Word};
use fql_unit::Chroma;

/// What RGB becomes, as GStreamer writes it: BT.709 of full range, with the transfer and the primaries of sRGB.
pub(crate) const RGB_COLORIMETRY: &str = "1:3:7:1";
/// Luma's shares of green, blue and red, in 2^-16.
const WEIGHTS: [i64; 3] = [46_871, 4_732, 13_933];
/// From blue and red less luma to Cb and Cr, in 2^-16: one over twice (1 - share).
const SCALES: [i64; 2] = [35_318, 41_615];

/// A decoded picture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Decoded<'a> {
    pub(crate) format: Format,
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) data: &'a [u8],
    pub(crate) layout: &'a [PlaneLayout],
}

/// Whether pictures are drawn as they are decoded.
pub(crate) fn is_drawn(format: Format) -> bool {
    !format.alpha && format.bits == 8 && matches!(format.chroma, Chroma::Grey | Chroma::Yuv420)
}

/// What is drawn instead of this format.
pub(crate) fn drawn(format: Format) -> Format {
    Format::new(if format.chroma == Chroma::Grey { Chroma::Grey } else { Chroma::Yuv420 })
}

impl<'a> Decoded<'a> {
    /// Writes all planes of the drawn format, one after the other.
    pub(crate) fn reduce(&self, out: &mut [u8]) {
        let mut rest = out;
        for plane in 0..drawn(self.format).planes() {
            let (width, height) = drawn(self.format).plane_size(plane, self.width, self.height);
            let (out, tail) = rest.split_at_mut(width * height);
            self.reduce_plane(plane, width, out);
            rest = tail;
        }
    }

    fn reduce_plane(&self, plane: usize, width: usize, out: &mut [u8]) {
        let pixels = if plane == 0 { 1 } else { 2 };
        if self.format.chroma != Chroma::Rgb {
            let samples = self.samples(plane, pixels);
            return self.fill(width, out, |x, y| samples.mean(x, y));
        }
        let samples = [0, 1, 2].map(|colour| self.samples(colour, pixels));
        let colours = |x, y| [0, 1, 2].map(|colour: usize| samples[colour].mean(x, y));
        if plane == 0 {
            return self.fill(width, out, |x, y| luma(colours(x, y)));
        }
        let middle = 1 << (self.format.bits - 1);
        self.fill(width, out, |x, y| {
            let colours = colours(x, y);
            middle + (((colours[plane] - luma(colours)) * SCALES[plane - 1] + (1 << 15)) >> 16)
        });
    }

    /// Writes the values of a plane as eight bits.
    fn fill(&self, width: usize, out: &mut [u8], value: impl Fn(usize, usize) -> i64) {
        let extra = u32::from(self.format.bits) - 8;
        let half = 1 << extra >> 1;
        for (y, row) in out.chunks_exact_mut(width).enumerate() {
            for (x, byte) in row.iter_mut().enumerate() {
                *byte = ((value(x, y) + half) >> extra).clamp(0, 255) as u8;
            }
        }
    }

    /// The samples of a plane, of which those belong together that lie in a square of so many pixels.
    fn samples(&self, plane: usize, pixels: usize) -> Samples<'a> {
        let (width, height) = self.format.plane_size(plane, self.width, self.height);
        let each = |size: usize, whole: usize| if size == whole { pixels } else { 1 };
        let (across, down) = (each(width, self.width), each(height, self.height));
        Samples { data: self.data, layout: self.layout[plane], width, height, across, down }
    }
}

/// The samples of one plane.
struct Samples<'a> {
    data: &'a [u8],
    layout: PlaneLayout,
    width: usize,
    height: usize,
    /// How many columns, and rows, become one: 1 or 2.
    across: usize,
    down: usize,
}

impl Samples<'_> {
    /// The mean of the samples that become the one at this place.
    #[inline(always)]
    fn mean(&self, x: usize, y: usize) -> i64 {
        // What most samples are is worth its own way: every picture has millions.
        if (self.across, self.down) == (1, 1) {
            return self.at(x, y);
        }
        let (left, top) = (x * self.across, y * self.down);
        let right = (left + self.across - 1).min(self.width - 1);
        let bottom = (top + self.down - 1).min(self.height - 1);
        // Of fewer than four, each counts more than once: the mean is the same.
        let upper = self.at(left, top) + self.at(right, top);
        let lower = self.at(left, bottom) + self.at(right, bottom);
        (upper + lower + 2) >> 2
    }

    #[inline(always)]
    fn at(&self, x: usize, y: usize) -> i64 {
        let PlaneLayout { offset, stride, step, word, .. } = self.layout;
        let bytes = &self.data[offset + y * stride + x * step..];
        match word {
            Word::U8 => bytes[0].into(),
            Word::U16 { shift } => (u16::from_le_bytes([bytes[0], bytes[1]]) >> shift).into(),
        }
    }
}

fn luma(colours: [i64; 3]) -> i64 {
    let sum: i64 = colours.iter().zip(WEIGHTS).map(|(colour, weight)| colour * weight).sum();
    (sum + (1 << 15)) >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a picture with these values everywhere becomes: the values of its planes.
    fn reduced(format: Format, values: &[u16]) -> Vec<u8> {
        let (width, height) = (5, 3);
        let (word, step) = if format.bits > 8 { (Word::U16 { shift: 0 }, 2) } else { (Word::U8, 1) };
        let (mut data, mut layout) = (Vec::new(), Vec::new());
        for (plane, value) in values.iter().enumerate() {
            let (w, h) = format.plane_size(plane, width, height);
            layout.push(PlaneLayout { buffer: 0, offset: data.len(), stride: w * step, step, word });
            data.extend((0..w * h).flat_map(|_| value.to_le_bytes().into_iter().take(step)));
        }
        let planes = drawn(format).planes();
        let len = |plane| {
            let (width, height) = drawn(format).plane_size(plane, width, height);
            width * height
        };
        let mut out = vec![99; (0..planes).map(len).sum()];
        Decoded { format, width, height, data: &data, layout: &layout }.reduce(&mut out);
        let mut rest = &out[..];
        let plane = |plane| {
            let (plane, tail) = rest.split_at(len(plane));
            rest = tail;
            assert!(plane.iter().all(|&byte| byte == plane[0]), "{plane:?}");
            plane[0]
        };
        (0..planes).map(plane).collect()
    }

    #[test]
    fn flat_pictures_of_every_format_keep_their_colour() {
        for bits in [8, 10, 12] {
            let at = |value: u16| value << (bits - 8);
            for chroma in [Chroma::Yuv420, Chroma::Yuv422, Chroma::Yuv444] {
                let format = Format { chroma, alpha: false, bits };
                assert_eq!(reduced(format, &[at(70), at(90), at(200)]), [70, 90, 200]);
            }
            let grey = Format { chroma: Chroma::Grey, alpha: true, bits };
            assert_eq!(reduced(grey, &[at(70), at(10)]), [70]);
        }
    }

    #[test]
    fn rgb_becomes_bt709_of_full_range() {
        let rgb = Format::new(Chroma::Rgb);
        assert_eq!(reduced(rgb, &[0, 0, 0]), [0, 128, 128]);
        assert_eq!(reduced(rgb, &[255, 255, 255]), [255, 128, 128]);
        assert_eq!(reduced(rgb, &[0, 0, 255]), [54, 99, 255]);
        assert_eq!(reduced(rgb, &[0, 255, 0]), [18, 255, 117]);
        assert_eq!(reduced(Format { bits: 10, ..rgb }, &[1023, 0, 0]), [183, 30, 12]);
    }

    #[test]
    fn finer_chroma_becomes_the_mean() {
        let format = Format::new(Chroma::Yuv444);
        let data: Vec<u8> = (0..18).map(|i| if i < 6 { 0 } else { (i - 6) % 6 * 10 }).collect();
        let layout = [0, 6, 12].map(|offset| PlaneLayout { offset, ..PlaneLayout::bytes(0, 3) });
        let mut out = [0; 10];
        Decoded { format, width: 3, height: 2, data: &data, layout: &layout }.reduce(&mut out);
        assert_eq!(out[6..], [20, 35, 20, 35]);
    }
}
