//! What each layer gives.

use fql_codec::video::{Encoder, EncoderConfig, Picture, Rate};
use fql_unit::Chroma;

use crate::image::*;
use crate::plain53;

#[test]
fn a_stream_with_fewer_layers_ends_with_the_coarser_ones() {
    let image = Image::scene(120, 80, Chroma::Yuv420, 3);
    let config =
        EncoderConfig { width: 120, height: 80, chroma: Chroma::Yuv420, layers: 5, slices: 2, threads: 1 };
    let unit = Encoder::new(config).unwrap().encode(&image.planes(), Rate::WholeLadder).unwrap();
    assert_eq!((unit.layers(), unit.coded_layers()), (5, 5));
    let (picture, out) = decode(&unit, 14, &image);
    assert_eq!(picture, Picture { layers: 5, exact: false, concealed: false });
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
        let plain = plain53::Coefficients::of(&image.planes[0], 1280, 720);
        let mut before = 0.0;
        println!("bigbuckbunny at {second} s");
        for (layer, orientation) in ORIENTATION.into_iter().enumerate() {
            let (picture, out) = decode(&unit, layer as u8, &image);
            assert_eq!(usize::from(picture.layers), layer + 1);
            let (snr, psnr) = (image.snr(&out), image.psnr(&out));
            let luma = plain.quantised(f64::from(512 >> layer));
            let plain = image.snr(&Image { planes: vec![luma], ..image.clone() });
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
