//! Pictures of every format are decoded to what a page can draw.

use fql_codec::video::{Encoder, EncoderConfig, Format, Plane, Rate, Word};
use fql_player::VideoDecoder;
use fql_unit::Chroma;

const WIDTH: usize = 35;
const HEIGHT: usize = 21;

/// A ramp of 8-bit values, in every plane its own.
fn value(plane: usize, x: usize, y: usize) -> u16 {
    (20 + 3 * x + 4 * y + 17 * plane) as u16
}

/// A unit of a picture with these values in the upper bits of its samples.
fn unit(format: Format) -> Vec<u8> {
    let (width, height) = (WIDTH as u32, HEIGHT as u32);
    let sizes = (0..format.planes()).map(|plane| format.plane_size(plane, WIDTH, HEIGHT));
    let planes: Vec<(usize, Vec<u8>)> = sizes
        .enumerate()
        .map(|(plane, (width, height))| {
            let spots = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
            let samples = spots.map(|(x, y)| value(plane, x, y) << (format.bits - 8));
            (2 * width, samples.flat_map(u16::to_le_bytes).collect())
        })
        .collect();
    let word = Word::U16 { shift: 0 };
    let planes: Vec<Plane> =
        planes.iter().map(|(stride, data)| Plane { data, stride: *stride, step: 2, word }).collect();
    let config = EncoderConfig { width, height, format, layers: 14, slices: 0, threads: 1, motion: None };
    Encoder::new(config).unwrap().encode(&planes, Rate::WholeLadder).unwrap().to_bytes()
}

#[test]
fn pictures_of_every_format_become_grey_or_420_of_8_bits() {
    let chromas = [Chroma::Grey, Chroma::Yuv420, Chroma::Yuv422, Chroma::Yuv444, Chroma::Rgb];
    for chroma in chromas {
        for (bits, alpha) in [(8, false), (8, true), (10, false), (12, true)] {
            let format = Format { chroma, alpha, bits };
            let mut decoder = VideoDecoder::new(WIDTH as u32, HEIGHT as u32, format).unwrap();
            assert!(decoder.decode(&unit(format).into(), 14).unwrap().exact);
            let (luma, colour) = decoder.planes().split_at(WIDTH * HEIGHT);
            assert_eq!(colour.len(), if chroma == Chroma::Grey { 0 } else { 2 * 18 * 11 }, "{format:?}");
            if chroma != Chroma::Rgb {
                let expected = (0..WIDTH * HEIGHT).map(|at| value(0, at % WIDTH, at / WIDTH) as u8);
                assert!(luma.iter().copied().eq(expected), "{format:?}");
            }
            // Chroma of more columns or rows becomes the mean of two, between which the ramp has its middle.
            if let Some(first) = colour.first().filter(|_| chroma != Chroma::Rgb) {
                let expected = match chroma {
                    Chroma::Yuv420 => 37,
                    Chroma::Yuv422 => 39,
                    _ => 41,
                };
                assert!(first.abs_diff(expected) <= 1, "{format:?}: {first}");
            }
        }
    }
}
