//! The exact layer, every size and shape, and the same bytes however they are made.

use fql_codec::Error;
use fql_codec::video::{Encoder, EncoderConfig, Picture, Plane, PlaneMut, Rate};
use fql_unit::{Chroma, Unit};

use crate::image::*;

#[test]
fn the_exact_layer_is_exact_at_any_size() {
    let sizes =
        [(1, 1), (1, 2), (2, 1), (1, 97), (131, 1), (2, 2), (3, 3), (5, 4), (7, 9), (16, 16), (17, 33)];
    for (width, height) in sizes.into_iter().chain([(64, 31), (65, 127), (176, 144), (333, 201)]) {
        for chroma in BOTH {
            for image in [Image::scene(width, height, chroma, 5), Image::noise(width, height, chroma, 6)] {
                let unit = encode(&image, Rate::WholeLadder);
                let (picture, out) = decode(&unit, 14, &image);
                assert!(out == image, "{width}x{height} {chroma:?}");
                assert_eq!(picture, Picture { layers: 10, exact: true, concealed: false });
                assert_eq!(unit.coded_layers(), 10);
            }
        }
    }
}

#[test]
fn the_exact_layer_is_exact_for_extremes() {
    let kinds: [fn(u32, u32) -> u8; 6] = [
        |_, _| 0,
        |_, _| 255,
        |x, y| ((x + y) % 2 * 255) as u8,
        |x, _| (x % 2 * 255) as u8,
        |_, y| (y / 3 % 2 * 255) as u8,
        |x, y| if (x / 32 + y / 32) % 2 == 0 { 255 } else { 0 },
    ];
    for kind in kinds {
        for chroma in BOTH {
            let image = Image::new(150, 90, chroma, |_, x, y| kind(x, y));
            let (picture, out) = decode(&encode(&image, Rate::WholeLadder), 9, &image);
            assert!(picture.exact && out == image);
        }
    }
}

#[test]
fn a_real_720p_frame_is_exact_and_threads_change_nothing() {
    let image = natural("bigbuckbunny.mp4", 2.0, "null", 1280, 720);
    for rate in [Rate::WholeLadder, Rate::Bytes(10_000)] {
        let unit = encoder(&image, 0, 1).encode(&image.planes(), rate).unwrap();
        assert!(encoder(&image, 0, 4).encode(&image.planes(), rate).unwrap() == unit);
        let (picture, out) = decode(&unit, 14, &image);
        assert_eq!(picture.exact, rate == Rate::WholeLadder);
        assert_eq!(out == image, picture.exact);
        assert!(decode_with(&mut decoder(&image, 4), &unit, 14, &image) == (picture, out));
    }
}

#[test]
fn the_same_picture_gives_the_same_bytes_whatever_came_before() {
    let (a, b) = (Image::scene(96, 80, Chroma::Yuv420, 1), Image::scene(96, 80, Chroma::Yuv420, 2));
    let mut encoder = encoder(&a, 0, 1);
    let first = encoder.encode(&a.planes(), Rate::WholeLadder).unwrap();
    encoder.encode(&b.planes(), Rate::WholeLadder).unwrap();
    assert!(encoder.encode(&a.planes(), Rate::WholeLadder).unwrap() == first);
}

#[test]
fn strides_wider_than_the_plane_are_respected() {
    let image = Image::scene(37, 23, Chroma::Yuv420, 1);
    let padded: Vec<Vec<u8>> = image
        .planes()
        .iter()
        .map(|plane| plane.data.chunks(plane.stride).flat_map(|row| [row, &[9; 5]].concat()).collect())
        .collect();
    let strides: Vec<usize> = image.planes().iter().map(|plane| plane.stride + 5).collect();
    let planes: Vec<Plane> = padded
        .iter()
        .zip(&strides)
        .map(|(data, &stride)| Plane { data: &data[..data.len() - 5], stride })
        .collect();
    let unit = encoder(&image, 0, 1).encode(&planes, Rate::WholeLadder).unwrap();
    assert!(unit == encode(&image, Rate::WholeLadder));

    let mut out: Vec<Vec<u8>> = padded.iter().map(|data| vec![9; data.len()]).collect();
    let mut targets: Vec<PlaneMut> =
        out.iter_mut().zip(&strides).map(|(data, &stride)| PlaneMut { data, stride }).collect();
    decoder(&image, 1).decode(&unit, 14, &mut targets).unwrap();
    assert!(out == padded, "the samples, and nothing between the rows");
}

#[test]
fn wrong_shapes_and_settings_are_errors() {
    let image = Image::scene(16, 16, Chroma::Yuv420, 1);
    let config =
        EncoderConfig { width: 16, height: 16, chroma: Chroma::Yuv420, layers: 12, slices: 0, threads: 1 };
    for bad in [
        EncoderConfig { width: 0, ..config },
        EncoderConfig { height: 8193, ..config },
        EncoderConfig { layers: 0, ..config },
        EncoderConfig { layers: 16, ..config },
        EncoderConfig { slices: 33, ..config },
    ] {
        assert!(matches!(Encoder::new(bad), Err(Error::OutOfRange { .. })), "{bad:?}");
    }
    let mut encoder = Encoder::new(config).unwrap();
    let planes = image.planes();
    assert!(encoder.encode(&planes[..2], Rate::WholeLadder).is_err());
    let short = Plane { data: &planes[0].data[1..], stride: 16 };
    let error = encoder.encode(&[short, planes[1], planes[2]], Rate::WholeLadder).unwrap_err();
    assert_eq!(error.to_string(), "the luma plane has 255 samples, 256 are needed");
    let narrow = Plane { data: planes[0].data, stride: 15 };
    assert!(encoder.encode(&[narrow, planes[1], planes[2]], Rate::WholeLadder).is_err());
    for params in [&b""[..], b"\0", b"\x01\0"] {
        let unit = Unit::new(12, 1, params).unwrap();
        let result = decoder(&image, 1).decode(&unit, 14, &mut image.blank().planes_mut());
        assert!(matches!(result, Err(Error::Params(_))), "{params:?}");
    }
}
