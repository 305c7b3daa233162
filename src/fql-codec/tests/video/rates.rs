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
fn a_bitrate_becomes_bytes_for_each_frame() {
    let mut control = RateControl::new(2_000);
    for _ in 0..100 {
        let Rate::Bytes(bytes) = control.next(40_000_000) else {
            panic!("2 Mbit/s are not the whole ladder")
        };
        assert_eq!(bytes, 10_000);
        control.spent(bytes);
    }
    assert_eq!(control.next(20_000_000), Rate::Bytes(5_000));
    assert_eq!(RateControl::new(0).next(40_000_000), Rate::WholeLadder);
}

#[test]
fn what_frames_leave_is_spent_later_but_no_frame_exceeds_200_ms() {
    let mut control = RateControl::new(2_000);
    for _ in 0..1_000 {
        control.next(40_000_000);
        control.spent(0);
    }
    let mut sum = 0;
    for _ in 0..100 {
        let Rate::Bytes(bytes) = control.next(40_000_000) else {
            panic!("2 Mbit/s are not the whole ladder")
        };
        assert!((10_000..=50_000).contains(&bytes), "{bytes}");
        control.spent(bytes);
        sum += bytes;
    }
    assert!((1_000_000..=1_050_000).contains(&sum), "{sum}");
    assert!(matches!(control.next(u64::MAX), Rate::Bytes(..=50_000)));
}

#[test]
fn a_bitrate_changes_while_running() {
    let mut control = RateControl::new(8_000);
    control.next(40_000_000);
    control.set_kbit_per_second(800);
    assert!(matches!(control.next(40_000_000), Rate::Bytes(4_000..=8_000)));
    control.set_kbit_per_second(0);
    assert_eq!(control.next(40_000_000), Rate::WholeLadder);
    control.set_bits_per_second(u64::MAX);
    assert!(matches!(control.next(u64::MAX), Rate::Bytes(1..)));
}
