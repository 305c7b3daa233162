//! Bytes a frame, and bits a second.

use fql_codec::video::{Rate, RateControl};
use fql_unit::Chroma;

use crate::image::*;

#[test]
fn rates_are_kept_and_used() {
    for (second, filter, width, height) in [(1.0, "null", 1280, 720), (3.0, "scale=320:180", 320, 180)] {
        let image = natural("bigbuckbunny.mp4", second, filter, width, height);
        let mut encoder = encoder(&image, 0, 1);
        let mut before = 0.0;
        for bytes in [300, 1_000, 3_000, 10_000, 30_000, 100_000] {
            let unit = encoder.encode(&image.planes(), Rate::Bytes(bytes)).unwrap();
            let len = unit.payload_len();
            let (picture, out) = decode(&unit, 14, &image);
            let psnr = image.psnr(&out);
            println!("{width}x{height}: {bytes} allowed, {len} used, {psnr:.2} dB");
            assert!(len <= bytes && (len * 10 > bytes * 8 || picture.layers >= 9), "{len} of {bytes}");
            assert!(psnr > before);
            before = psnr;
        }
        let (picture, _) =
            decode(&encoder.encode(&image.planes(), Rate::Bytes(2_000_000)).unwrap(), 14, &image);
        assert!(picture.exact, "with enough bytes it is exact");
        assert_eq!(encoder.encode(&image.planes(), Rate::Bytes(0)).unwrap().payload_len(), 0);
    }
}

#[test]
fn rates_are_kept_in_every_format() {
    for format in formats() {
        let image = Image::scene(240, 160, format, 3);
        let mut encoder = encoder(&image, 0, 1);
        for bytes in [500, 2_000, 8_000, 2_000_000] {
            let unit = encoder.encode(&image.planes(), Rate::Bytes(bytes)).unwrap();
            let (len, picture) = (unit.payload_len(), decode(&unit, 14, &image).0);
            assert_eq!(picture.exact, bytes == 2_000_000, "{format:?} in {bytes}");
            assert!(len <= bytes && (len * 10 > bytes * 8 || picture.exact), "{format:?}: {len} of {bytes}");
        }
    }
}

#[test]
fn absurdly_few_bytes_show_the_picture_before_rather_than_grey() {
    let image = Image::scene(320, 256, Chroma::Yuv420, 3);
    let (mut encoder, mut decoder) = (encoder(&image, 4, 1), decoder(&image, 1));
    let whole = encoder.encode(&image.planes(), Rate::WholeLadder).unwrap();
    decode_with(&mut decoder, &whole, 14, &image);
    for bytes in 0..40 {
        let unit = encoder.encode(&image.planes(), Rate::Bytes(bytes)).unwrap();
        assert!(unit.payload_len() <= bytes);
        let (picture, out) = decode_with(&mut decoder, &unit, 14, &image);
        assert!(picture.concealed || bytes > 3);
        assert!(bytes > 3 || image.psnr(&out) > 40.0);
    }
}

#[test]
fn a_live_rate_is_kept_by_pictures_that_change() {
    let images =
        [1.0, 2.0, 3.0, 4.0].map(|second| natural("bigbuckbunny.mp4", second, "scale=320:180", 320, 180));
    let mut encoder = encoder(&images[0], 4, 1);
    let (mut control, mut spent) = (RateControl::new(1_000), 0);
    for number in 0..60 {
        let rate = control.next(40_000_000);
        let Rate::Live(live) = rate else { panic!("1 Mbit/s are not the whole ladder: {rate:?}") };
        let unit = encoder.encode(&images[number / 15].planes(), rate).unwrap();
        let coded = encoder.coded();
        assert_eq!((coded.bytes, coded.key), (unit.payload_len(), true));
        assert!(coded.bytes <= live.most && live.most <= 25_000, "{number}: {coded:?} of {live:?}");
        control.spent(coded);
        spent += coded.bytes;
    }
    // The bucket is full at the start.
    assert!((295_000..=325_000).contains(&spent), "{spent}");
}

#[test]
fn a_constant_interval_is_that_of_the_frame() {
    let image = natural("bigbuckbunny.mp4", 1.0, "scale=320:180", 320, 180);
    let mut encoder = encoder(&image, 4, 1);
    for (asked, is) in [(10_000, 3_552), (0, 512), (u32::MAX, (512 << 8) + (255 << 9))] {
        encoder.encode(&image.planes(), Rate::Interval(asked)).unwrap();
        assert_eq!(encoder.coded().interval, is, "a key frame is 1.5 layers finer than {asked}");
    }
}
