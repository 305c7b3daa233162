//! What each layer gives.

use fql_codec::video::{Encoder, EncoderConfig, Format, Picture, Rate};
use fql_unit::Chroma;

use crate::image::*;
use crate::plain53;

#[test]
fn a_stream_with_fewer_layers_ends_with_the_coarser_ones() {
    let image = Image::scene(120, 80, Chroma::Yuv420, 3);
    let config = EncoderConfig {
        width: 120,
        height: 80,
        format: Chroma::Yuv420.into(),
        layers: 5,
        slices: 2,
        threads: 1,
        motion: None,
    };
    let unit = Encoder::new(config).unwrap().encode(&image.planes(), Rate::WholeLadder).unwrap();
    assert_eq!((unit.layers(), unit.coded_layers()), (5, 5));
    let (picture, out) = decode(&unit, 14, &image);
    assert_eq!(picture, Picture { layers: 5, ..KEY });
    let whole = encoder(&image, 2, 1).encode(&image.planes(), Rate::WholeLadder).unwrap();
    assert!(decode(&whole, 4, &image).1 == out, "low layers do not depend on the number of layers");
}

/// The orientation of the protocol's description, for layers 0 to 8: dB on natural 720p by a plain 5/3 transform.
const ORIENTATION: [f64; 9] = [16.9, 19.5, 21.9, 24.9, 28.1, 31.4, 35.4, 39.6, 43.7];

#[test]
fn every_layer_is_at_least_as_good_as_a_plain_transform_with_its_interval() {
    for second in [0.5, 2.0, 4.5] {
        let image = natural("bigbuckbunny.mp4", second, "null", 1280, 720);
        let unit = encode(&image, Rate::WholeLadder);
        let plain = plain53::Coefficients::of(&image);
        let mut before = 0.0;
        println!("bigbuckbunny at {second} s");
        for (layer, orientation) in ORIENTATION.into_iter().enumerate() {
            let (picture, out) = decode(&unit, layer as u8, &image);
            assert_eq!(usize::from(picture.layers), layer + 1);
            let (snr, psnr) = (image.snr(&out), image.psnr(&out));
            let plain = snr_of(&image, &plain.quantised(f64::from(512 >> layer)));
            println!(
                "layer {layer}: SNR {snr:.2} dB, PSNR {psnr:.2}; plain 5/3: {plain:.2}, orientation {orientation}"
            );
            // At layer 0 a handful of coefficients decides.
            assert!(snr >= plain - 0.1, "layer {layer}");
            assert!(snr > before + 1.0 && (snr - orientation).abs() < 2.0);
            before = snr;
        }
    }
}

/// SNR of luma samples in dB.
fn snr_of(image: &Image, luma: &[f64]) -> f64 {
    let (mut signal, mut error) = (0.0, 0.0);
    for (a, b) in image.samples(0).zip(luma) {
        signal += a * a;
        error += (a - b).powi(2);
    }
    10.0 * (signal / error).log10()
}

#[test]
fn layers_of_deep_samples_have_the_intervals_that_they_should() {
    for (bits, name) in [(10, "yuv422p10le"), (12, "yuv444p12le")] {
        let chroma = if bits == 10 { Chroma::Yuv422 } else { Chroma::Yuv444 };
        let format = Format { chroma, alpha: false, bits };
        let scale = "scale=320:180:flags=lanczos+accurate_rnd";
        let image = natural_as("bigbuckbunny.mp4", 2.0, scale, (320, 180), format, name);
        let (unit, plain) = (encode(&image, Rate::WholeLadder), plain53::Coefficients::of(&image));
        let mut before = 0.0;
        for layer in 0..=bits {
            let (picture, out) = decode(&unit, layer, &image);
            assert_eq!(picture.layers, layer + 1);
            let snr_here = image.snr(&out);
            let plain = snr_of(&image, &plain.quantised(f64::from(2 << (bits - layer))));
            println!("{bits} bits, layer {layer}: SNR {snr_here:.2} dB; plain 5/3: {plain:.2}");
            // At layer 0 a handful of coefficients decides.
            assert!(snr_here >= plain - 0.15 && snr_here > before + 1.0, "layer {layer}");
            before = snr_here;
        }
    }
}

#[test]
fn every_layer_is_better_than_the_one_below_in_every_plane_of_every_format() {
    for format in formats() {
        let image = Image::scene(150, 101, format, 3);
        let unit = encode(&image, Rate::WholeLadder);
        let mut before = vec![f64::MAX; format.planes()];
        for layer in 0..format.bits + 2 {
            let (_, out) = decode(&unit, layer, &image);
            let errors: Vec<f64> = (0..format.planes()).map(|plane| image.plane_error(&out, plane)).collect();
            // The mean error of a uniform interval is a twelfth of its square, that of colour differences of RGB
            // is spread over the colours.
            let interval = f64::from(2 << format.bits >> layer) * 2.0;
            for (plane, (&error, before)) in errors.iter().zip(&before).enumerate() {
                let what = format!("{format:?}, layer {layer}, plane {plane}: {error} after {before}");
                assert!(error <= before * 1.02 && error < interval * interval / 3.0, "{what}");
            }
            before = errors;
        }
        assert!(before.iter().all(|&error| error == 0.0));
    }
}

#[test]
fn patterns_of_full_contrast_do_not_leave_the_range_of_the_arithmetic() {
    for (chroma, bits) in [(Chroma::Grey, 8), (Chroma::Grey, 10), (Chroma::Grey, 12), (Chroma::Rgb, 12)] {
        for size in [1, 2, 5, 16, 32, 48, 64] {
            let format = Format { chroma, alpha: false, bits };
            let image = Image::new(400, 320, format, |plane, x, y| {
                if (x / size + y / size + plane as u32 / 2).is_multiple_of(2) { max(format) } else { 0 }
            });
            let (_, out) = decode(&encode(&image, Rate::WholeLadder), bits, &image);
            let worst = (0..format.planes()).map(|plane| image.plane_error(&out, plane)).fold(0.0, f64::max);
            assert!(worst < 2.0, "{format:?}, squares of {size}: {worst}");
        }
    }
}

#[test]
fn the_largest_coefficients_that_there_are_cost_no_layer_its_quality() {
    for (bits, expected) in [(8, 52.0), (10, 62.0), (12, 72.0)] {
        let format = Format { chroma: Chroma::Grey, alpha: false, bits };
        // Fields as large as the coarsest band's period, in full contrast.
        let field = |x: u32, y: u32| ((x + 12) / 32 + (y + 12) / 32).is_multiple_of(2);
        let image = Image::new(512, 512, format, |_, x, y| if field(x, y) { max(format) } else { 0 });
        let (_, out) = decode(&encode(&image, Rate::WholeLadder), bits, &image);
        let psnr = image.psnr(&out);
        println!("{bits} bits: {psnr:.1} dB");
        assert!(psnr > expected, "{bits} bits: {psnr:.1} dB");
    }
}
