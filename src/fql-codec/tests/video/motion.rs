//! Frames that are predicted from earlier ones.

use fql_codec::video::{Encoder, EncoderConfig, Format, Motion, Picture, Rate, Reference, Request};
use fql_unit::{Chroma, Segment, Unit};

use crate::image::*;

const MOTION: Motion = Motion { reference_layer: None, references: 1 };

fn moving_encoder(image: &Image, motion: Motion, slices: u8, threads: usize) -> Encoder {
    let Image { width, height, format, .. } = *image;
    let motion = Some(motion);
    Encoder::new(EncoderConfig { width, height, format, layers: 14, slices, threads, motion }).unwrap()
}

/// A picture that moves: to the right and down a little each time, over edges that stand still.
fn moving(width: u32, height: u32, format: Format, number: u32) -> Image {
    let top = max(format);
    Image::new(width, height, format, |plane, x, y| {
        let (u, v) = (f64::from(x) - 1.3 * f64::from(number), f64::from(y) - 0.6 * f64::from(number));
        let wave = (u * 0.21 + f64::from(plane as u32)).sin() + (v * 0.17).cos() + (u * v * 0.003).sin();
        let still = if (x / 16 + y / 16) % 5 == 0 { 0.3 } else { 0.0 };
        (((wave + 3.0) / 6.6 + still / 3.0) * f64::from(top)).clamp(0.0, f64::from(top)) as u16
    })
}

#[test]
fn predicted_frames_take_fewer_bytes_and_stay_good_in_every_format_and_size() {
    for (size, format) in [(160, 96), (97, 61), (33, 130), (5, 3)]
        .into_iter()
        .flat_map(|size| formats().map(move |f| (size, f)))
    {
        let frame = |number| moving(size.0, size.1, format, number);
        let first = frame(0);
        let (mut encoder, mut decoder) = (moving_encoder(&first, MOTION, 0, 2), decoder(&first, 1));
        let (mut key_bytes, mut bytes) = (0, 0);
        for number in 0..6 {
            let image = frame(number);
            let rate = Rate::Interval(8 << format.bits);
            let unit = encoder.encode(&image.planes(), rate).unwrap();
            assert_eq!(unit.flags.key, number == 0 || unit.params()[0] == 0);
            let (picture, out) = decode_with(&mut decoder, &unit, 14, &image);
            assert_eq!(picture.key, unit.flags.key);
            assert_eq!(picture.reference, if picture.key { Reference::None } else { Reference::Whole });
            assert!(image.psnr(&out) > 30.0, "{size:?} {format:?} {number}: {}", image.psnr(&out));
            if number == 0 { key_bytes = unit.payload_len() } else { bytes += unit.payload_len() }
        }
        if size.0 > 90 {
            assert!(bytes < 3 * key_bytes, "{size:?} {format:?}: {key_bytes}, then {bytes}");
        }
    }
}

const SIZE: (u32, u32) = (160, 256);
const FORMAT: Format = Format::new(Chroma::Yuv420);

/// A clip, its units at constant quality, and what a decoder that gets everything shows.
struct Film {
    images: Vec<Image>,
    units: Vec<Unit>,
    shown: Vec<Image>,
}

impl Film {
    fn new(frames: u32, motion: Motion) -> Self {
        let images: Vec<Image> = (0..frames).map(|number| moving(SIZE.0, SIZE.1, FORMAT, number)).collect();
        let mut encoder = moving_encoder(&images[0], motion, 4, 1);
        let encode = |image: &Image| encoder.encode(&image.planes(), Rate::Interval(2048)).unwrap();
        let units: Vec<Unit> = images.iter().map(encode).collect();
        let mut decoder = decoder(&images[0], 1);
        let shown = units.iter().map(|unit| decode_with(&mut decoder, unit, 14, &images[0]).1).collect();
        Self { images, units, shown }
    }
}

/// A unit without some of its segments.
fn without(unit: &Unit, is_lost: impl Fn(u8, u8) -> bool) -> Unit {
    let mut less = unit.clone();
    let places: Vec<(u8, u8)> = unit.segments().map(|(layer, slice, _)| (layer, slice)).collect();
    for (layer, slice) in places.into_iter().filter(|&(layer, slice)| is_lost(layer, slice)) {
        less.set(layer, slice, Segment::missing());
    }
    less
}

#[test]
fn what_is_lost_is_marked_until_the_next_key_frame() {
    let film = Film::new(7, MOTION);
    assert!(film.units[1..].iter().all(|unit| !unit.flags.key));
    let image = &film.images[0];
    let decode_all = |units: &[Unit]| -> Vec<(Picture, Image)> {
        let mut decoder = decoder(image, 1);
        units.iter().map(|unit| decode_with(&mut decoder, unit, 14, image)).collect()
    };
    let references = |pictures: &[(Picture, Image)]| -> Vec<Reference> {
        pictures.iter().map(|(picture, _)| picture.reference).collect()
    };
    let finest = film.units[2].coded_layers() - 1;
    let mut units = film.units.clone();
    units[2] = without(&units[2], |layer, slice| layer == finest && slice == 1);
    units[5] = film.units[0].clone();
    let pictures = decode_all(&units);
    use Reference::{Drifted, None, Whole};
    // The frame that lost something still had a whole reference. Nothing is left of the one after the key frame's.
    assert_eq!(references(&pictures[..6]), [None, Whole, Whole, Drifted, Drifted, None]);
    assert_eq!(pictures[6].0.reference, Reference::Missing);
    // What drifts is near what it should be, above all where nothing was lost.
    let shown = film.shown.iter().zip(&film.images);
    for ((_, drifted), (whole, image)) in pictures.iter().zip(shown).take(5).skip(2) {
        assert!(drifted.psnr(image) > 27.0, "{}", drifted.psnr(image));
        assert!(drifted.error(whole, 192..256) < drifted.error(whole, 64..128) / 4.0);
    }
    // A whole unit is lost.
    let mut units = film.units.clone();
    units.remove(3);
    let pictures = decode_all(&units);
    assert_eq!(references(&pictures), [None, Whole, Whole, Reference::Missing, Drifted, Drifted]);
    // What is taken for the reference is the frame before it, so that the picture is not far off.
    assert!(pictures[3].1.psnr(&film.images[4]) > 15.0, "{}", pictures[3].1.psnr(&film.images[4]));
}

#[test]
fn a_slice_of_which_nothing_comes_goes_on_moving_and_one_of_a_key_frame_shows_the_frame_before() {
    let film = Film::new(4, MOTION);
    let lossy = |unit: &Unit| without(unit, |_, slice| slice == 2);
    // Rows that the slice has for itself.
    let rows = || 140..180;
    let start = |frames: usize| {
        let mut decoder = decoder(&film.images[0], 1);
        film.units[..frames]
            .iter()
            .for_each(|unit| drop(decode_with(&mut decoder, unit, 14, &film.images[0])));
        decoder
    };
    let mut decoder = start(3);
    let (picture, out) = decode_with(&mut decoder, &lossy(&film.units[3]), 14, &film.images[0]);
    assert!(picture.concealed && !picture.key);
    let (moved, stood) = (&film.images[3], &film.shown[2]);
    assert!(out.error(moved, rows()) < stood.error(moved, rows()) / 3.0, "{}", out.error(moved, rows()));
    let (picture, _) = decode_with(&mut decoder, &film.units[1], 14, &film.images[0]);
    assert_ne!(picture.reference, Reference::Whole);

    let (picture, out) = decode_with(&mut start(3), &lossy(&film.units[0]), 14, &film.images[0]);
    assert!(picture.concealed && picture.key);
    assert!(out.error(stood, rows()) < 60.0, "{}", out.error(stood, rows()));
}

#[test]
fn what_is_shown_of_a_frame_does_not_touch_what_is_predicted_from_it() {
    let film = Film::new(4, MOTION);
    let mut decoder = decoder(&film.images[0], 1);
    for (number, unit) in film.units.iter().enumerate() {
        let layer = if number == 3 { 14 } else { number as u8 };
        let (picture, out) = decode_with(&mut decoder, unit, layer, &film.images[0]);
        assert_ne!(picture.reference, Reference::Drifted);
        if number == 3 {
            assert!(out == film.shown[3]);
        } else {
            assert_eq!(picture.layers, layer + 1);
        }
    }
}

#[test]
fn layers_above_the_reference_layer_may_be_lost_for_nothing_but_themselves() {
    let film = Film::new(5, Motion { reference_layer: Some(4), references: 1 });
    assert!(film.units.iter().all(|unit| unit.reference_layers() == 5 && unit.coded_layers() > 5));
    let mut decoder = decoder(&film.images[0], 1);
    for (unit, shown) in film.units.iter().zip(&film.shown).take(4) {
        let (picture, out) = decode_with(&mut decoder, &without(unit, |layer, _| layer > 4), 14, shown);
        assert!(matches!(picture.reference, Reference::None | Reference::Whole));
        assert!(out.error(shown, 0..256) > 0.0);
    }
    let (_, out) = decode_with(&mut decoder, &film.units[4], 14, &film.images[0]);
    assert!(out == film.shown[4]);
}

#[test]
fn a_key_frame_that_lacks_layers_borrows_them_from_the_frame_before() {
    let image = Image::scene(SIZE.0, SIZE.1, FORMAT, 3);
    let mut encoder = moving_encoder(&image, MOTION, 4, 1);
    let mut encode =
        |key| encoder.encode(&image.planes(), Request { rate: Rate::Interval(1024), key }).unwrap();
    let [first, second, third] = [encode(true), encode(false), encode(true)];
    let lossy = without(&third, |layer, slice| layer > 2 && slice == 1);
    let mut alone = decoder(&image, 1);
    let (_, blurred) = decode_with(&mut alone, &lossy, 14, &image);
    let mut after = decoder(&image, 1);
    decode_with(&mut after, &first, 14, &image);
    decode_with(&mut after, &second, 14, &image);
    let (picture, sharp) = decode_with(&mut after, &lossy, 14, &image);
    assert!(picture.key && picture.layers == 3 && !picture.concealed);
    assert!(sharp.error(&image, 64..128) < blurred.error(&image, 64..128) / 5.0);
    // What rests on it is marked all the same.
    assert_eq!(decode_with(&mut after, &encode(false), 14, &image).0.reference, Reference::Drifted);
}

/// An encoder that is told what its receiver has, `late` frames after.
fn acknowledged(frames: u32, references: u8, late: u32, lost: &[u32]) -> Vec<(Unit, Picture)> {
    let image = |number| moving(SIZE.0, SIZE.1, FORMAT, number);
    let motion = Motion { reference_layer: None, references };
    let (mut encoder, mut decoder) = (moving_encoder(&image(0), motion, 4, 1), decoder(&image(0), 1));
    let mut out: Vec<(Unit, Picture)> = Vec::new();
    for number in 0..frames {
        if let Some(heard) = number.checked_sub(late) {
            let layers = if lost.contains(&heard) { 1 } else { 15 };
            encoder.acknowledge(heard as u8, layers);
        }
        assert_eq!(encoder.number(), number as u8);
        let unit = encoder.encode(&image(number).planes(), Rate::Interval(2048)).unwrap();
        let is_lost = lost.contains(&number);
        let sent = if is_lost { without(&unit, |layer, slice| layer > 0 && slice < 3) } else { unit.clone() };
        let (picture, _) = decode_with(&mut decoder, &sent, 14, &image(0));
        out.push((unit, picture));
    }
    out
}

#[test]
fn drift_ends_where_the_encoder_hears_of_it_without_a_key_frame() {
    let frames = acknowledged(16, 12, 3, &[5]);
    for (number, (unit, picture)) in frames.iter().enumerate() {
        let expected = match number {
            0 => Reference::None,
            // The news of frame 5 comes before frame 8 is coded.
            6 | 7 => Reference::Drifted,
            _ => Reference::Whole,
        };
        assert_eq!(picture.reference, expected, "frame {number}");
        assert_eq!(unit.flags.key, number == 0);
        // The last byte is the distance: from frame 8 back to frame 4, the newest that is known to be good.
        assert_eq!(
            unit.params()[4..],
            if number == 0 { vec![] } else { vec![if number == 8 { 4 } else { 1 }] }
        );
    }
}

#[test]
fn where_nothing_good_is_left_a_key_frame_follows() {
    let frames = acknowledged(8, 12, 2, &[0]);
    let keys: Vec<bool> = frames.iter().map(|(unit, _)| unit.flags.key).collect();
    assert_eq!(keys, [true, false, true, false, false, false, false, false]);
    assert_eq!(frames[1].1.reference, Reference::Drifted);
    assert!(frames[2..].iter().all(|(_, picture)| picture.reference <= Reference::Whole));
}

#[test]
fn news_of_a_frame_that_is_not_kept_any_more_makes_a_key_frame() {
    let frames = acknowledged(12, 2, 4, &[0, 5]);
    let keys: Vec<usize> = (0..12).filter(|&number| frames[number].0.flags.key).collect();
    // What comes late of the frames before the first of these is of no more interest then.
    assert_eq!(keys, [0, 4, 9]);
    assert!(frames[9..].iter().all(|(_, picture)| picture.reference <= Reference::Whole));
}

#[test]
fn good_news_of_a_frame_that_is_not_kept_any_more_changes_nothing() {
    let image = |number| moving(SIZE.0, SIZE.1, FORMAT, number);
    let mut encoder = moving_encoder(&image(0), MOTION, 4, 1);
    let mut encode = |number, reference_layer| {
        encoder.acknowledge(1, 3);
        encoder.set_reference_layer(reference_layer);
        encoder.encode(&image(number).planes(), Rate::Interval(2048)).unwrap()
    };
    let layers = [None, Some(2), None, None, None];
    let units: Vec<Unit> = (0..).zip(layers).map(|(number, layer)| encode(number, layer)).collect();
    // Three layers are all that is predicted from of frame 1, and less than that of those after it.
    assert_eq!(units[1].reference_layers(), 3);
    assert!(units[2..].iter().all(|unit| unit.reference_layers() > 3 && !unit.flags.key));
}

#[test]
fn what_a_decoder_forgot_while_fewer_frames_were_kept_is_not_predicted_from() {
    let image = |number| moving(SIZE.0, SIZE.1, FORMAT, number);
    let motion = Motion { references: 6, ..MOTION };
    let (mut encoder, mut decoder) = (moving_encoder(&image(0), motion, 4, 1), decoder(&image(0), 1));
    for number in 0..9 {
        encoder.set_references(if number == 5 { 1 } else { 6 });
        if number == 7 {
            // All is well up to frame 3, and nothing after it.
            (0..4).for_each(|number| encoder.acknowledge(number, 15));
            (4..7).for_each(|number| encoder.acknowledge(number, 0));
        }
        let unit = encoder.encode(&image(number).planes(), Rate::Interval(2048)).unwrap();
        let (picture, _) = decode_with(&mut decoder, &unit, 14, &image(0));
        assert!(picture.reference <= Reference::Whole, "{number}: {:?}", picture.reference);
        assert_eq!(picture.key, number == 0 || number == 7, "{number}");
    }
}

#[test]
fn the_longest_interval_is_as_good_as_any_long_one() {
    let image = |number| moving(97, 61, FORMAT, number);
    let frames = |interval| -> Vec<Unit> {
        let mut encoder = moving_encoder(&image(0), MOTION, 0, 1);
        let mut encode = |number| encoder.encode(&image(number).planes(), Rate::Interval(interval)).unwrap();
        (0..3).map(&mut encode).collect()
    };
    assert_eq!(frames(u32::MAX), frames(1 << 25));
}

#[test]
fn a_key_frame_is_made_where_it_is_asked_for_and_where_the_scene_changes() {
    let film = |clip: &str, second: f64| natural(clip, second, "scale=320:180", 320, 180);
    let [a, b] = [1.0, 1.04].map(|second| film("bigbuckbunny.mp4", second));
    let [c, d] = [2.0, 2.04].map(|second| film("car-detection.mp4", second));
    for interval in [1500, 6000, 24_000] {
        let mut encoder = moving_encoder(&a, MOTION, 0, 1);
        let mut is_key = |image: &Image, key| {
            let request = Request { rate: Rate::Interval(interval), key };
            encoder.encode(&image.planes(), request).unwrap().flags.key
        };
        assert!(is_key(&a, false));
        assert!(!is_key(&b, false));
        assert!(is_key(&a, true));
        assert!(!is_key(&b, false));
        assert!(is_key(&c, false), "{interval}");
        assert!(!is_key(&d, false));
        assert!(is_key(&a, false), "{interval}");
    }
}

#[test]
fn exact_frames_are_key_frames_and_a_large_rate_makes_predicted_ones_exact() {
    let images: Vec<Image> = (0..3).map(|number| moving(97, 61, FORMAT, number)).collect();
    let (mut encoder, mut decoder) = (moving_encoder(&images[0], MOTION, 0, 1), decoder(&images[0], 1));
    for (number, image) in images.iter().enumerate() {
        let rate = if number == 2 { Rate::WholeLadder } else { Rate::Bytes(1_000_000) };
        let unit = encoder.encode(&image.planes(), rate).unwrap();
        let (picture, out) = decode_with(&mut decoder, &unit, 14, image);
        assert!(picture.exact && out == *image, "{number}");
        assert_eq!(picture.key, number != 1);
    }
}
