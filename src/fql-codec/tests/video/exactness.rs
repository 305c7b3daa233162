//! The exact layer, every size and shape, and the same bytes however they are made.

use fql_codec::Error;
use fql_codec::video::{Encoder, EncoderConfig, Format, Picture, PictureMut, Plane, PlaneLayout, Rate, Word};
use fql_unit::{Chroma, Unit};

use crate::image::*;

#[test]
fn the_exact_layer_is_exact_at_any_size() {
    let sizes =
        [(1, 1), (1, 2), (2, 1), (1, 97), (131, 1), (2, 2), (3, 3), (5, 4), (7, 9), (16, 16), (17, 33)];
    for (width, height) in sizes.into_iter().chain([(64, 31), (65, 127), (176, 144), (333, 201)]) {
        for format in [Chroma::Grey, Chroma::Yuv420].map(Format::new) {
            assert_exact(width, height, format);
        }
    }
}

#[test]
fn the_exact_layer_is_exact_in_every_format() {
    for format in formats() {
        for (width, height) in [(1, 1), (1, 9), (7, 1), (2, 3), (33, 21), (70, 37)] {
            assert_exact(width, height, format);
        }
    }
}

fn assert_exact(width: u32, height: u32, format: Format) {
    for image in [Image::scene(width, height, format, 5), Image::noise(width, height, format, 6)] {
        let unit = encode(&image, Rate::WholeLadder);
        let (picture, out) = decode(&unit, 14, &image);
        assert!(out == image, "{width}x{height} {format:?}");
        let layers = format.bits + 2;
        assert_eq!(picture, Picture { layers, exact: true, ..KEY });
        assert_eq!(unit.coded_layers(), layers);
    }
}

#[test]
fn the_exact_layer_is_exact_for_extremes() {
    let kinds: [fn(usize, u32, u32) -> bool; 7] = [
        |_, _, _| false,
        |_, _, _| true,
        |_, x, y| (x + y) % 2 == 0,
        |_, x, _| x % 2 == 0,
        |_, _, y| y / 3 % 2 == 0,
        |_, x, y| (x / 32 + y / 32) % 2 == 0,
        |plane, x, y| (x + y + plane as u32).is_multiple_of(2),
    ];
    for kind in kinds {
        for format in
            CHROMAS.into_iter().flat_map(|chroma| [8, 12].map(|bits| Format { chroma, alpha: false, bits }))
        {
            let image =
                Image::new(150, 90, format, |plane, x, y| if kind(plane, x, y) { max(format) } else { 0 });
            let (picture, out) = decode(&encode(&image, Rate::WholeLadder), 14, &image);
            assert!(picture.exact && out == image, "{format:?}");
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
    let third = encoder.encode(&a.planes(), Rate::WholeLadder).unwrap();
    assert!(third.segments().eq(first.segments()));
    // The third byte of the params is the number of the frame.
    assert_eq!((first.params()[2], third.params()[2]), (0, 2));
}

#[test]
fn strides_wider_than_the_plane_are_respected() {
    for format in formats() {
        let image = Image::scene(37, 23, format, 1);
        let widths: Vec<usize> = image.planes().iter().map(|plane| plane.stride).collect();
        let pad = |(data, &width): (&Vec<u8>, &usize)| -> Vec<u8> {
            data.chunks(width).flat_map(|row| [row, &[9; 5]].concat()).collect()
        };
        let mut padded: Vec<Vec<u8>> = image.planes.iter().zip(&widths).map(pad).collect();
        padded.iter_mut().for_each(|data| data.truncate(data.len() - 5));
        let wider = |layout: PlaneLayout| PlaneLayout { stride: layout.stride + 5, ..layout };
        let layouts: Vec<PlaneLayout> = image.layouts().into_iter().map(wider).collect();
        assert_lie_as(&image, &padded, &layouts, 9);
    }
}

/// Pictures that lie in memory like this are coded as those without padding, and decoded to the same bytes; all
/// that belongs to no sample is `padding`, and stays so.
fn assert_lie_as(image: &Image, buffers: &[Vec<u8>], layouts: &[PlaneLayout], padding: u8) {
    let source: Vec<&[u8]> = buffers.iter().map(Vec::as_slice).collect();
    let planes: Vec<Plane> = layouts.iter().map(|layout| layout.of(&source)).collect();
    let unit = encoder(image, 0, 1).encode(&planes, Rate::WholeLadder).unwrap();
    assert!(unit == encode(image, Rate::WholeLadder), "{:?} from {layouts:?}", image.format);

    let mut out: Vec<Vec<u8>> = buffers.iter().map(|data| vec![padding; data.len()]).collect();
    let mut targets: Vec<&mut [u8]> = out.iter_mut().map(Vec::as_mut_slice).collect();
    let mut target = PictureMut { buffers: &mut targets, planes: layouts };
    decoder(image, 2).decode(&unit, 14, &mut target).unwrap();
    assert!(out == buffers, "{:?} to {layouts:?}: the samples, and nothing else", image.format);
}

/// Where a plane begins, and bytes from sample to sample.
type Spot = (usize, usize);

/// A picture laid out in one buffer.
fn packed(image: &Image, stride: usize, planes: &[Spot], word: Word) -> (Vec<u8>, Vec<PlaneLayout>) {
    let shift = if let Word::U16 { shift } = word { shift } else { 0 };
    let below = planes.iter().any(|&(offset, _)| offset >= stride);
    let rows = image.height + if below { sizes(image.width, image.height, image.format)[1].1 } else { 0 };
    let mut data = vec![0; stride * rows as usize];
    let mut layouts = Vec::new();
    for (plane, &(offset, step)) in planes.iter().enumerate() {
        layouts.push(PlaneLayout { buffer: 0, offset, stride, step, word });
        let width = sizes(image.width, image.height, image.format)[plane].0 as usize;
        for (at, sample) in image.samples(plane).enumerate() {
            let to = offset + at / width * stride + at % width * step;
            let bytes = ((sample as u16) << shift).to_le_bytes();
            let len = if word == Word::U8 { 1 } else { 2 };
            data[to..to + len].copy_from_slice(&bytes[..len]);
        }
    }
    (data, layouts)
}

#[test]
fn packed_pictures_need_no_conversion() {
    let (u8, u16) = (Word::U8, Word::U16 { shift: 6 });
    let ten = |chroma| Format { chroma, alpha: false, bits: 10 };
    let (rgb, with_alpha) = (Format::new(Chroma::Rgb), Format { alpha: true, ..Format::new(Chroma::Rgb) });
    let cases: [(Format, usize, &[Spot], Word); 7] = [
        // YUY2 and UYVY: two pixels in four bytes.
        (Chroma::Yuv422.into(), 40, &[(0, 2), (1, 4), (3, 4)], u8),
        (Chroma::Yuv422.into(), 40, &[(1, 2), (0, 4), (2, 4)], u8),
        // Y210 with samples in the upper bits of 16.
        (ten(Chroma::Yuv422), 80, &[(0, 4), (2, 8), (6, 8)], u16),
        // RGB and BGRA.
        (rgb, 60, &[(1, 3), (2, 3), (0, 3)], u8),
        (with_alpha, 80, &[(1, 4), (0, 4), (2, 4), (3, 4)], u8),
        // AYUV and Y410 without its alpha, in words.
        (Format { alpha: true, ..Format::new(Chroma::Yuv444) }, 80, &[(1, 4), (2, 4), (3, 4), (0, 4)], u8),
        (ten(Chroma::Yuv444), 160, &[(0, 8), (2, 8), (4, 8)], u16),
    ];
    for (format, stride, planes, word) in cases {
        let image = Image::scene(19, 11, format, 4);
        let (data, layouts) = packed(&image, stride, planes, word);
        assert_lie_as(&image, &[data], &layouts, 0);
    }
}

#[test]
fn semi_planar_pictures_need_no_conversion() {
    for (bits, word) in [(8, Word::U8), (10, Word::U16 { shift: 6 }), (12, Word::U16 { shift: 4 })] {
        for chroma in [Chroma::Yuv420, Chroma::Yuv422] {
            let format = Format { chroma, alpha: false, bits };
            let image = Image::scene(19, 11, format, 4);
            let bytes = if word == Word::U8 { 1 } else { 2 };
            // Luma in the upper rows, interleaved chroma in those below.
            let (stride, below) = (20 * bytes, 20 * bytes * 11);
            let planes = [(0, bytes), (below, 2 * bytes), (below + bytes, 2 * bytes)];
            let (data, layouts) = packed(&image, stride, &planes, word);
            assert_lie_as(&image, &[data], &layouts, 0);
        }
    }
}

#[test]
fn wrong_shapes_and_settings_are_errors() {
    let image = Image::scene(16, 16, Chroma::Yuv420, 1);
    let format = Format::new(Chroma::Yuv420);
    let config =
        EncoderConfig { width: 16, height: 16, format, layers: 12, slices: 0, threads: 1, motion: None };
    for bad in [
        EncoderConfig { width: 0, ..config },
        EncoderConfig { height: 8193, ..config },
        EncoderConfig { layers: 0, ..config },
        EncoderConfig { layers: 16, ..config },
        EncoderConfig { slices: 33, ..config },
        EncoderConfig { format: Format { bits: 9, ..format }, ..config },
    ] {
        assert!(matches!(Encoder::new(bad), Err(Error::OutOfRange { .. })), "{bad:?}");
    }
    let mut encoder = Encoder::new(config).unwrap();
    let planes = image.planes();
    assert!(encoder.encode(&planes[..2], Rate::WholeLadder).is_err());
    let mut refused = |luma: Plane| {
        encoder.encode(&[luma, planes[1], planes[2]], Rate::WholeLadder).unwrap_err().to_string()
    };
    let luma = planes[0];
    let short = refused(Plane { data: &luma.data[1..], ..luma });
    assert_eq!(short, "the first plane has 255 bytes, 256 are needed");
    let narrow = refused(Plane { stride: 15, ..luma });
    assert_eq!(narrow, "a plane's stride is 15, it must be at least the bytes of a row");
    let still = refused(Plane { step: 0, ..luma });
    assert_eq!(still, "a plane's step is 0, it must be at least the bytes of a sample");
    let shifted = refused(Plane { word: Word::U16 { shift: 9 }, ..luma });
    assert_eq!(shifted, "a word's shift is 9, it must be at most 16 less the sample's bits");
    assert!(refused(Plane { stride: usize::MAX, ..luma }).contains("are needed"));
    for params in [&b""[..], b"\0", b"\x01\0"] {
        let unit = Unit::new(12, 1, params).unwrap();
        let mut out = [0; 512];
        let layouts = image.layouts().into_iter().map(|layout| PlaneLayout { buffer: 0, ..layout });
        let planes = &layouts.collect::<Vec<_>>()[..];
        let mut target = PictureMut { buffers: &mut [&mut out], planes };
        let result = decoder(&image, 1).decode(&unit, 14, &mut target);
        assert!(matches!(result, Err(Error::Params(_))), "{params:?}");
    }
}

#[test]
fn a_picture_to_decode_into_has_to_fit() {
    let image = Image::scene(16, 16, Chroma::Yuv420, 1);
    let (unit, layouts) = (encode(&image, Rate::WholeLadder), image.layouts());
    let refused = |layouts: &[PlaneLayout]| {
        let mut out = image.blank();
        let mut buffers: Vec<&mut [u8]> = out.planes.iter_mut().map(Vec::as_mut_slice).collect();
        let mut target = PictureMut { buffers: &mut buffers, planes: layouts };
        let error = decoder(&image, 1).decode(&unit, 14, &mut target).unwrap_err().to_string();
        assert!(out == image.blank(), "nothing was written");
        error
    };
    let with = |luma: PlaneLayout| [luma, layouts[1], layouts[2]];
    assert_eq!(refused(&layouts[..2]), "the number of planes is 2, it must be 3");
    let elsewhere = refused(&with(PlaneLayout { buffer: 3, ..layouts[0] }));
    assert_eq!(elsewhere, "a plane's buffer is 3, it must be one of those given");
    let late = refused(&with(PlaneLayout { offset: 1, ..layouts[0] }));
    assert_eq!(late, "the first plane has 255 bytes, 256 are needed");
    let far = refused(&with(PlaneLayout { offset: usize::MAX, ..layouts[0] }));
    assert_eq!(far, "the first plane has 0 bytes, 256 are needed");
}
