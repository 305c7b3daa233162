//! What an encoder predicts from is what a decoder has, bit for bit.

use fql_unit::Chroma;

use super::*;

const SIZE: (usize, usize) = (150, 200);

fn frame(plane: usize, (width, height): (usize, usize), bits: u8, number: usize) -> Vec<u8> {
    let sample = |at: usize| {
        let (x, y) = ((at % width + 3 * number) as f64, (at / width + number) as f64);
        let wave = (x * 0.3 + plane as f64).sin() + (y * 0.19).cos() + (x * y * 0.01).sin();
        // Every so often a part of the picture is all new.
        let fresh = f64::from(u8::from((at / width) / 32 == number % 7)) * ((at * 7919 % 101) as f64 / 80.0);
        (((wave + fresh + 3.0) / 8.0) * f64::from((1u32 << bits) - 1)) as u16
    };
    (0..width * height).flat_map(|at| sample(at).to_le_bytes()).collect()
}

/// Codes some frames, and compares.
fn follow(format: Format, motion: Motion, threads: usize, rates: &[Rate]) {
    let (width, height) = SIZE;
    let config = EncoderConfig {
        width: width as u32,
        height: height as u32,
        format,
        layers: 14,
        slices: 3,
        threads,
        motion: Some(motion),
    };
    let mut encoder = Encoder::new(config).unwrap();
    let decoder = DecoderConfig { width: config.width, height: config.height, format, threads };
    let mut decoder = Decoder::new(decoder).unwrap();
    for (number, &rate) in rates.iter().enumerate() {
        let size = |plane| format.plane_size(plane, width, height);
        let source: Vec<Vec<u8>> =
            (0..format.planes()).map(|plane| frame(plane, size(plane), format.bits, number)).collect();
        let layouts: Vec<PlaneLayout> = (0..format.planes())
            .map(|plane| {
                let word = Word::U16 { shift: 0 };
                PlaneLayout { buffer: plane, offset: 0, stride: 2 * size(plane).0, step: 2, word }
            })
            .collect();
        let buffers: Vec<&[u8]> = source.iter().map(Vec::as_slice).collect();
        let planes: Vec<Plane> = layouts.iter().map(|layout| layout.of(&buffers)).collect();
        let unit = encoder.encode(&planes, rate).unwrap();
        let mut out: Vec<Vec<u8>> = source.iter().map(|plane| vec![0; plane.len()]).collect();
        let mut buffers: Vec<&mut [u8]> = out.iter_mut().map(Vec::as_mut_slice).collect();
        let mut target = PictureMut { buffers: &mut buffers, planes: &layouts };
        // What is shown must not matter.
        let picture = decoder.decode(&unit, [14, 3, 5][number % 3], &mut target).unwrap();
        assert_eq!(picture.key, unit.flags.key);
        // After a key frame that was cut to nothing, nothing is predicted.
        let Some(ours) = encoder.latest() else { continue };
        let theirs = decoder.latest().unwrap();
        for (plane, (a, b)) in ours.planes.iter().zip(&theirs.planes).enumerate() {
            assert!(a.data == b.data, "{format:?}, {rate:?}, frame {number}, plane {plane}");
        }
    }
}

fn formats() -> impl Iterator<Item = Format> {
    let chromas = [Chroma::Grey, Chroma::Yuv420, Chroma::Yuv422, Chroma::Yuv444, Chroma::Rgb];
    let each =
        |chroma| [(8, false), (10, true), (12, false)].map(|(bits, alpha)| Format { chroma, alpha, bits });
    chromas.into_iter().flat_map(each)
}

const MOTION: Motion = Motion { reference_layer: None, references: 1 };

#[test]
fn every_format_is_predicted_from_the_same_frames_on_both_sides() {
    for format in formats() {
        let interval = Rate::Interval(12 << format.bits);
        follow(format, MOTION, 1, &[interval; 5]);
    }
}

#[test]
fn rates_and_reference_layers_and_threads_keep_both_sides_together() {
    let format = Format::new(Chroma::Yuv420);
    // Down to so few bytes that the vectors are cut, and up to exactness.
    let rates = [9000, 3000, 1000, 300, 100, 20, 4, 0, 3000, 200_000, 900].map(Rate::Bytes);
    for threads in [1, 2] {
        for reference_layer in [None, Some(0), Some(2), Some(4), Some(14)] {
            follow(format, Motion { reference_layer, references: 4 }, threads, &rates);
        }
    }
}
