//! Any bytes decode to some picture.

use fql_codec::video::{Encoder, EncoderConfig, Format, Motion, PictureMut, Rate, Reference};
use fql_unit::{Segment, Unit};
use proptest::prelude::*;

use crate::image::*;

/// Any unit: layers, slices, parameters and segments of any bytes.
fn any_unit() -> impl Strategy<Value = Unit> {
    let segment = (prop::collection::vec(any::<u8>(), 0..60), any::<bool>());
    (1..=15u8, 1..=32u8, any::<u8>(), prop::collection::vec(segment, 0..40)).prop_map(
        |(layers, slices, scale, segments)| {
            let mut unit = Unit::new(layers, slices, [0, scale, 0, 0]).unwrap();
            for (i, (data, complete)) in
                segments.into_iter().enumerate().take(usize::from(layers) * usize::from(slices))
            {
                let segment = if complete { Segment::complete(data) } else { Segment::truncated(data) };
                unit.set(i as u8 / slices, i as u8 % slices, segment);
            }
            unit
        },
    )
}

fn any_format() -> impl Strategy<Value = Format> {
    prop::sample::select(formats().collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_unit_decodes_to_some_picture(
        unit in any_unit(),
        max_layer in any::<u8>(),
        (width, height) in (1..80u32, 1..80u32),
        format in any_format(),
    ) {
        let image = Image::scene(width, height, format, 1);
        let (picture, _) = decode(&unit, max_layer, &image);
        prop_assert!(picture.layers <= format.bits + 2);
    }

    #[test]
    fn damaged_units_decode_to_some_picture(
        seed in any::<u32>(),
        format in any_format(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let image = Image::scene(70, 50, format, seed % 16);
        let mut unit = encoder(&image, 2, 1).encode(&image.planes(), Rate::WholeLadder).unwrap();
        for (segment, at, byte) in damage {
            let (layer, slice) = (segment.index(usize::from(format.bits) + 2) as u8, segment.index(2) as u8);
            let mut data = unit.segment(layer, slice).unwrap().data().to_vec();
            if !data.is_empty() {
                let at = at.index(data.len());
                data[at] ^= byte;
            }
            unit.set(layer, slice, Segment::complete(data));
        }
        decode(&unit, 14, &image);
    }

    #[test]
    fn any_units_that_claim_to_be_predicted_decode_to_some_pictures(
        units in prop::collection::vec((any_unit(), any::<[u8; 4]>(), 0..=15u8), 1..6),
        (width, height) in (1..80u32, 1..80u32),
        format in any_format(),
    ) {
        let image = Image::scene(width, height, format, 1);
        let mut decoder = decoder(&image, 1);
        decode_with(&mut decoder, &key(&image, 2), 14, &image);
        for (unit, [scale, number, window, distance], layers) in units {
            let window = 1 + window % 16;
            let params = [1, scale, number % 20, window, 1 + distance % window];
            let mut predicted = Unit::new(unit.layers(), unit.slices(), params).unwrap();
            unit.segments().for_each(|(layer, slice, segment)| predicted.set(layer, slice, segment.clone()));
            predicted.set_reference_layers(layers.min(unit.layers()));
            let (picture, _) = decode_with(&mut decoder, &predicted, 14, &image);
            prop_assert!(!picture.key && picture.reference != Reference::None);
        }
    }

    #[test]
    fn damaged_predicted_units_decode_to_some_pictures(
        seed in any::<u32>(),
        format in any_format(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let images = [0, 1].map(|more| Image::scene(70, 50, format, seed % 16 + more));
        let mut encoder = moving_encoder(&images[0], 2);
        let [first, mut second] =
            images.each_ref().map(|image| encoder.encode(&image.planes(), Rate::Interval(1024)).unwrap());
        let coded = usize::from(second.coded_layers());
        for (segment, at, byte) in damage {
            let (layer, slice) = (segment.index(coded) as u8, segment.index(2) as u8);
            let mut data = second.segment(layer, slice).unwrap().data().to_vec();
            if !data.is_empty() {
                let at = at.index(data.len());
                data[at] ^= byte;
            }
            second.set(layer, slice, Segment::complete(data));
        }
        let mut decoder = decoder(&images[0], 1);
        for unit in [&first, &second, &second] {
            decode_with(&mut decoder, unit, 14, &images[0]);
        }
    }
}

fn moving_encoder(image: &Image, slices: u8) -> Encoder {
    let Image { width, height, format, .. } = *image;
    let motion = Some(Motion { reference_layer: None, references: 3 });
    Encoder::new(EncoderConfig { width, height, format, layers: 14, slices, threads: 1, motion }).unwrap()
}

/// A key frame that others may be predicted from.
fn key(image: &Image, slices: u8) -> Unit {
    moving_encoder(image, slices).encode(&image.planes(), Rate::Interval(4096)).unwrap()
}

#[test]
fn params_that_make_no_sense_are_refused() {
    let image = Image::scene(32, 32, Format::new(fql_unit::Chroma::Yuv420), 1);
    let refused = |params: &[u8]| {
        let unit = Unit::new(10, 1, params).unwrap();
        let (mut out, planes) = (image.blank(), image.layouts());
        let mut buffers: Vec<&mut [u8]> = out.planes.iter_mut().map(Vec::as_mut_slice).collect();
        let mut target = PictureMut { buffers: &mut buffers, planes: &planes };
        decoder(&image, 1).decode(&unit, 14, &mut target).unwrap_err().to_string()
    };
    assert!(refused(&[0, 0, 0]).contains("end too soon"));
    assert!(refused(&[1, 0, 0, 3]).contains("end too soon"));
    assert!(refused(&[2, 0, 0, 0, 0]).contains("neither key (0) nor predicted (1)"));
    assert!(refused(&[0, 0, 0, 17]).contains("more than 16 frames"));
    assert!(refused(&[1, 0, 0, 3, 4]).contains("not kept"));
    assert!(refused(&[1, 0, 0, 3, 0]).contains("not kept"));
}
