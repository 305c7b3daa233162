//! What is lost costs precision where it is lost, and nothing else.

use fql_codec::video::{Picture, Rate};
use fql_unit::{Chroma, Segment, Unit};
use proptest::prelude::*;

use crate::image::*;

#[test]
fn a_lost_slice_blurs_only_its_own_stripe() {
    let image = Image::scene(320, 768, Chroma::Yuv420, 2);
    let unit = encoder(&image, 4, 1).encode(&image.planes(), Rate::WholeLadder).unwrap();
    let (_, whole) = decode(&unit, 8, &image);
    let mut lossy = unit.clone();
    lossy.set(3, 1, Segment::missing());
    let (picture, out) = decode(&lossy, 8, &image);
    assert_eq!(picture, Picture { layers: 3, ..KEY });
    // The transform overlaps a little.
    for rows in [0..112, 464..768] {
        assert!(out.error(&whole, rows.clone()) < 0.05, "{rows:?}");
    }
    let three = decode(&unit, 2, &image).1;
    assert!(out.error(&image, 192..384) < 1.1 * three.error(&image, 192..384));
    assert!(out.error(&image, 192..384) > 5.0 * whole.error(&image, 192..384));
}

#[test]
fn the_exact_layer_is_ignored_where_it_cannot_be_right() {
    let image = Image::scene(320, 256, Chroma::Yuv420, 4);
    let unit = encoder(&image, 4, 1).encode(&image.planes(), Rate::WholeLadder).unwrap();
    let (_, lossy) = decode(&unit, 8, &image);
    let mut damaged = unit.clone();
    damaged.set(8, 2, Segment::missing());
    let (picture, out) = decode(&damaged, 9, &image);
    assert!(!picture.exact && picture.layers == 8);
    assert!(out.error(&image, 0..256) < 2.0 * lossy.error(&image, 0..256));
    // Where only a part of the exact layer is missing, the other slices are exact.
    let mut damaged = unit;
    damaged.set(9, 2, Segment::missing());
    let (picture, out) = decode(&damaged, 9, &image);
    assert!(!picture.exact && picture.layers == 9);
    assert_eq!(out.error(&image, 0..128), 0.0);
    assert!(out.error(&lossy, 128..192) == 0.0);
    assert_eq!(out.error(&image, 192..256), 0.0);
}

#[test]
fn a_slice_of_which_nothing_comes_shows_the_picture_before() {
    let image = Image::scene(320, 256, Chroma::Yuv420, 2);
    let unit = encoder(&image, 4, 1).encode(&image.planes(), Rate::WholeLadder).unwrap();
    let mut lossy = unit.clone();
    (0..10).for_each(|layer| lossy.set(layer, 1, Segment::missing()));
    let mut decoder = decoder(&image, 1);
    let (picture, grey) = decode_with(&mut decoder, &lossy, 14, &image);
    assert!(picture.concealed && picture.layers == 0);
    assert!(grey.error(&image, 64..128) > 500.0);
    let (picture, whole) = decode_with(&mut decoder, &unit, 14, &image);
    assert!(picture.exact && whole == image);
    let (picture, out) = decode_with(&mut decoder, &lossy, 14, &image);
    assert!(picture.concealed && !picture.exact);
    assert!(out.error(&image, 0..256) < 1.0);
}

#[test]
fn losses_in_any_format_cost_precision_in_their_slice_and_are_borrowed_from_the_picture_before() {
    for format in formats() {
        let image = Image::scene(160, 256, format, 2);
        let unit = encoder(&image, 4, 1).encode(&image.planes(), Rate::WholeLadder).unwrap();
        let lossy = without_layers(&unit, 4, 1);
        let (picture, blurred) = decode(&lossy, 14, &image);
        assert_eq!(picture, Picture { layers: 4, ..KEY }, "{format:?}");
        let unhurt = blurred.error(&image, 0..44).max(blurred.error(&image, 148..256));
        // The transform overlaps a little.
        let hurt = blurred.error(&image, 64..128);
        assert!(10.0 * unhurt < hurt, "{format:?}: {unhurt} elsewhere, {hurt} in the slice");
        let mut decoder = decoder(&image, 1);
        decode_with(&mut decoder, &unit, 14, &image);
        let (_, sharp) = decode_with(&mut decoder, &lossy, 14, &image);
        for plane in 0..format.planes() {
            let (sharp, blurred) = (sharp.plane_error(&image, plane), blurred.plane_error(&image, plane));
            assert!(
                sharp < 0.2 * blurred,
                "{format:?}, plane {plane}: {sharp} with the one before, {blurred} alone"
            );
        }
    }
}

/// Removes layers from this one on in one slice.
fn without_layers(unit: &Unit, from: u8, slice: u8) -> Unit {
    let mut less = unit.clone();
    (from..unit.coded_layers()).for_each(|layer| less.set(layer, slice, Segment::missing()));
    less
}

#[test]
fn a_still_picture_stays_sharp_where_fine_layers_are_lost() {
    let image = natural("car-detection.mp4", 2.0, "null", 768, 432);
    let next = natural("car-detection.mp4", 2.08, "null", 768, 432);
    let mut encoder = encoder(&image, 2, 1);
    let [first, second] =
        [&image, &next].map(|image| encoder.encode(&image.planes(), Rate::Bytes(8_000)).unwrap());
    let lossy = without_layers(&second, 2, 1);
    let (_, blurred) = decode(&lossy, 14, &image);
    let mut decoder = decoder(&image, 1);
    decode_with(&mut decoder, &first, 14, &image);
    let (picture, sharp) = decode_with(&mut decoder, &lossy, 14, &image);
    assert_eq!(picture, Picture { layers: 2, ..KEY });
    let (sharp, blurred) = (next.psnr(&sharp), next.psnr(&blurred));
    println!("{blurred:.2} dB alone, {sharp:.2} dB with the picture before");
    assert!(sharp > blurred + 3.0);
}

#[test]
fn another_scene_before_does_not_spoil_a_lossy_picture() {
    let other = natural("car-detection.mp4", 2.0, "scale=640:360", 640, 360);
    let image = natural("bigbuckbunny.mp4", 2.0, "scale=640:360", 640, 360);
    let mut encoder = encoder(&image, 2, 1);
    let [first, second] =
        [&other, &image].map(|image| encoder.encode(&image.planes(), Rate::Bytes(8_000)).unwrap());
    for layer in 1..second.coded_layers() {
        let lossy = without_layers(&without_layers(&second, layer, 0), layer, 1);
        let (_, alone) = decode(&lossy, 14, &image);
        let mut decoder = decoder(&image, 1);
        decode_with(&mut decoder, &first, 14, &image);
        let (_, after) = decode_with(&mut decoder, &lossy, 14, &image);
        let (alone, after) = (image.psnr(&alone), image.psnr(&after));
        println!("{layer} layers: {alone:.2} dB alone, {after:.2} dB after another scene");
        assert!(after > alone - 0.5);
    }
}

/// Cuts one segment and forgets what follows in its slice.
fn cut(unit: &Unit, layer: u8, slice: u8, len: usize) -> Unit {
    let mut cut = unit.clone();
    cut.set(layer, slice, Segment::truncated(unit.segment(layer, slice).unwrap().data().slice(..len)));
    (layer + 1..unit.coded_layers()).for_each(|layer| cut.set(layer, slice, Segment::missing()));
    cut
}

#[test]
fn more_bytes_of_a_segment_are_a_better_picture() {
    let image = natural("bigbuckbunny.mp4", 1.0, "scale=320:180", 320, 180);
    let unit = encoder(&image, 1, 1).encode(&image.planes(), Rate::WholeLadder).unwrap();
    for layer in 0..9 {
        let len = unit.segment(layer, 0).unwrap().data().len();
        let quality: Vec<f64> = (0..=8)
            .map(|part| image.psnr(&decode(&cut(&unit, layer, 0, len * part / 8), 14, &image).1))
            .collect();
        println!("layer {layer}: {quality:.2?}");
        assert!(quality.windows(2).all(|pair| pair[1] > pair[0] - 0.05), "layer {layer}: {quality:.2?}");
        assert!(quality[8] > quality[0] + 0.5);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_cut_segment_decodes_to_something_between_its_layers(
        layer in 0..9u8,
        slice in 0..2u8,
        part in 0.0..1.0,
        seed in 0..8u32,
    ) {
        let image = Image::scene(128, 96, Chroma::Yuv420, seed);
        let unit = encoder(&image, 2, 1).encode(&image.planes(), Rate::WholeLadder).unwrap();
        let len = unit.segment(layer, slice).unwrap().data().len();
        let kept = (len as f64 * part) as usize;
        let (picture, out) = decode(&cut(&unit, layer, slice, kept), 8, &image);
        prop_assert_eq!(picture.layers, layer);
        let (none, all) = (cut(&unit, layer, slice, 0), cut(&unit, layer, slice, len));
        let coarse = decode(&none, 8, &image).1.error(&image, 0..96);
        let fine = decode(&all, 8, &image).1.error(&image, 0..96);
        let error = out.error(&image, 0..96);
        prop_assert!(error < coarse * 1.05 + 0.1 && error > fine * 0.9 - 0.1, "{} {} {}", coarse, error, fine);
    }
}
