use fql_codec::video::{Encoder, EncoderConfig, Format, Motion, Plane, Rate, Word};
use fql_unit::{Chroma, Unit};

use crate::input::Output;

const CHROMAS: [Chroma; 5] = [Chroma::Grey, Chroma::Yuv420, Chroma::Yuv422, Chroma::Yuv444, Chroma::Rgb];
const BITS: [u8; 3] = [8, 10, 12];

/// Units of small pictures of every format, and of several sizes: whole ladders, what fits in a few bytes, and two
/// pictures that are predicted from the one before.
pub fn units() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for number in 0..30u8 {
        let (chroma, rest) = (usize::from(number) % 5, usize::from(number) / 5);
        let format = Format { chroma: CHROMAS[chroma], bits: BITS[rest % 3], alpha: rest / 3 == 1 };
        let (width, height) = [(8, 6), (17, 9), (33, 40)][usize::from(number) % 3];
        let rates = match width {
            8 => vec![Rate::WholeLadder],
            17 => vec![Rate::Bytes(250)],
            _ => vec![Rate::Interval(16 << format.bits); 3],
        };
        let mut seed = Output::default().u8(width as u8 - 1).u8(height as u8 - 1).u8(number).u8(number * 8);
        for unit in film(format, (width, height), &rates) {
            seed = seed.u8(0).u8(14).bytes(&unit.to_bytes());
        }
        all.push(seed.0);
    }
    all
}

/// A unit for each rate, of a picture that moves to the left.
fn film(format: Format, (width, height): (usize, usize), rates: &[Rate]) -> Vec<Unit> {
    let config = EncoderConfig {
        width: width as u32,
        height: height as u32,
        format,
        layers: 14,
        slices: if height > 30 { 2 } else { 1 },
        threads: 1,
        motion: Some(Motion { reference_layer: None, references: 2 }),
    };
    let mut encoder = Encoder::new(config).expect("the configuration is valid");
    let encode = |(number, &rate): (usize, &Rate)| {
        let memory = picture(format, (width, height), number);
        let planes: Vec<Plane> = (memory.iter().enumerate())
            .map(|(plane, data)| {
                let stride = 2 * format.plane_size(plane, width, height).0;
                Plane { data, stride, step: 2, word: Word::U16 { shift: 0 } }
            })
            .collect();
        encoder.encode(&planes, rate).expect("the planes hold a picture")
    };
    rates.iter().enumerate().map(encode).collect()
}

/// The samples of each plane, in two bytes.
fn picture(format: Format, (width, height): (usize, usize), number: usize) -> Vec<Vec<u8>> {
    let plane = |plane| {
        let (width, height) = format.plane_size(plane, width, height);
        let sample = |at: usize| {
            let (x, y) = (at % width + number, at / width);
            ((x * 5 + y * (3 + plane)) as u16) << (format.bits - 8)
        };
        (0..width * height).flat_map(|at| (sample(at) & ((1 << format.bits) - 1)).to_le_bytes()).collect()
    };
    (0..format.planes()).map(plane).collect()
}
