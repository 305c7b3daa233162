//! Any bytes decode to some picture.

use fql_codec::video::Rate;
use fql_unit::{Chroma, Segment, Unit};
use proptest::prelude::*;

use crate::image::*;

/// Any unit: layers, slices, parameters and segments of any bytes.
fn any_unit() -> impl Strategy<Value = Unit> {
    let segment = (prop::collection::vec(any::<u8>(), 0..60), any::<bool>());
    (1..=15u8, 1..=32u8, any::<u8>(), prop::collection::vec(segment, 0..40)).prop_map(
        |(layers, slices, scale, segments)| {
            let mut unit = Unit::new(layers, slices, [0, scale]).unwrap();
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_unit_decodes_to_some_picture(
        unit in any_unit(),
        max_layer in any::<u8>(),
        (width, height) in (1..80u32, 1..80u32),
        grey in any::<bool>(),
    ) {
        let image = Image::scene(width, height, BOTH[usize::from(!grey)], 1);
        let (picture, _) = decode(&unit, max_layer, &image);
        prop_assert!(picture.layers <= 10);
    }

    #[test]
    fn damaged_units_decode_to_some_picture(
        seed in any::<u32>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let image = Image::scene(70, 50, Chroma::Yuv420, seed % 16);
        let mut unit = encoder(&image, 2, 1).encode(&image.planes(), Rate::WholeLadder).unwrap();
        for (segment, at, byte) in damage {
            let (layer, slice) = (segment.index(10) as u8, segment.index(2) as u8);
            let mut data = unit.segment(layer, slice).unwrap().data().to_vec();
            if !data.is_empty() {
                let at = at.index(data.len());
                data[at] ^= byte;
            }
            unit.set(layer, slice, Segment::complete(data));
        }
        decode(&unit, 14, &image);
    }
}
