//! Video in layers comes out as H.264 that other programs decode, with the picture and the time that it had.

mod common;

use common::{Bench, Made, decode};
use fql_codec::video::{Encoder, EncoderConfig, Format, Motion, Plane, Rate, Word};
use fql_convert::{Converter, Error, Payload, Settings, Target};
use fql_tests::clip;
use fql_tests::frame::Frame;
use fql_unit::{Chroma, EncodedVideoInfo, Interlace, Media, Orientation, Unit, VideoCodec, VideoInfo};

/// Nanoseconds of a picture.
const PICTURE: u64 = 40_000_000;
/// When the first one is.
const START: u64 = 7_123_456_789;
const TO_I420: &str = "avdec_h264 ! videoconvert ! video/x-raw,format=I420";

fn frames(count: usize) -> Vec<Frame> {
    clip::frames(&clip::bundled("car-detection.mp4"), count).unwrap()
}

fn info(width: usize, height: usize) -> VideoInfo {
    let info = VideoInfo::new(width as u32, height as u32, Chroma::Yuv420);
    VideoInfo { frame_rate: (25, 1), ..info }
}

fn encoder(info: &VideoInfo, motion: Option<Motion>) -> Encoder {
    let (width, height, format) = (info.width, info.height, Format::from(info));
    Encoder::new(EncoderConfig { width, height, format, layers: 12, slices: 0, threads: 0, motion }).unwrap()
}

fn planes(frame: &Frame) -> [Plane<'_>; 3] {
    let (luma, half) = (frame.width * frame.height, frame.width / 2);
    let chroma = &frame.samples[luma..];
    [
        Plane::bytes(&frame.samples, frame.width),
        Plane::bytes(chroma, half),
        Plane::bytes(&chroma[luma / 4..], half),
    ]
}

/// The clip in layers, with motion.
fn units(frames: &[Frame]) -> Vec<Unit> {
    let motion = Some(Motion { reference_layer: Some(3), references: 1 });
    let mut encoder = encoder(&info(frames[0].width, frames[0].height), motion);
    frames.iter().map(|frame| encoder.encode(&planes(frame), Rate::Bytes(60_000)).unwrap()).collect()
}

fn encoded(made: &Made) -> &EncodedVideoInfo {
    let [Media::EncodedVideo(info)] = &made.media[..] else { panic!("{:?}", made.media) };
    info
}

#[test]
fn pictures_are_those_that_went_in_and_have_their_times() {
    let frames = frames(40);
    let mut bench = Bench::new(&Media::Video(info(frames[0].width, frames[0].height)), Target::H264);
    for (number, unit) in units(&frames).iter().enumerate() {
        // One picture is missing, as when nothing of it came.
        if number != 25 {
            bench.push(START + PICTURE * number as u64, PICTURE, Payload::Layered(unit));
            // A picture comes out before the next one goes in.
            bench.wait();
        }
    }
    assert_eq!(bench.converter.counts().dropped, 0);
    let made = bench.finish();
    let info = encoded(&made);
    assert_eq!((info.codec, info.width, info.height), (VideoCodec::H264, 768, 432));
    assert_eq!(info.frame_rate, (25, 1));
    // Version 1, constrained baseline: every player takes it.
    assert_eq!((info.config[0], info.config[1], info.config[2] & 0x40), (1, 66, 0x40));

    let times: Vec<u64> = made.units.iter().map(|unit| unit.pts).collect();
    let usable = made.units.len();
    let expected = |number: &u64| *number != 25;
    let numbers: Vec<u64> = times.iter().map(|time| (time - START) / PICTURE).collect();
    assert!(times.iter().zip(&numbers).all(|(time, number)| *time == START + number * PICTURE));
    // Of those that rest on the missing one, the first may be of no use either.
    assert!(usable >= 37 && numbers.iter().all(expected) && numbers.is_sorted(), "{numbers:?}");

    // Key pictures at the begin, and at every even second of the stream's time.
    let keys: Vec<u64> =
        made.units.iter().filter(|unit| unit.key).map(|unit| unit.pts / 1_000_000_000).collect();
    assert_eq!(keys, [7, 8]);
    let pictures = decode(&made.media[0], &made.units, TO_I420);
    assert_eq!(pictures.len(), usable);
    for (sample, number) in pictures.iter().zip(numbers) {
        let psnr = clip::frame(sample).unwrap().luma_psnr(&frames[number as usize], 0);
        // What rests on the missing picture has drifted.
        assert!(psnr > if number > 25 { 24.0 } else { 30.0 }, "picture {number} has {psnr:.1} dB");
    }
}

/// One picture of a kind, in layers, and the picture of it that came out.
fn through(info: VideoInfo, planes: &[Plane<'_>]) -> (EncodedVideoInfo, Frame) {
    let unit = encoder(&info, None).encode(planes, Rate::WholeLadder).unwrap();
    let mut bench = Bench::new(&Media::Video(info), Target::H264);
    // As many as may wait: where there are fields, a picture is not there before the next one.
    for number in 0..3 {
        bench.push(START + PICTURE * number, PICTURE, Payload::Layered(&unit));
    }
    let made = bench.finish();
    let pictures = decode(&made.media[0], &made.units, TO_I420);
    (encoded(&made).clone(), clip::frame(pictures.last().unwrap()).unwrap())
}

/// A slope of so many bits a sample, in words.
fn slope(width: usize, height: usize, bits: u8) -> Vec<u8> {
    let sample = |at: usize| ((64 + at % width * 128 / width) as u16) << (bits - 8);
    (0..width * height).flat_map(|at| sample(at).to_le_bytes()).collect()
}

/// How far a picture is from that slope.
fn distance(frame: &Frame, (low, high): (f64, f64)) -> f64 {
    let expected = |x: usize| low + (high - low) * (x as f64 / frame.width as f64);
    let differences = frame.luma(0).iter().enumerate();
    let sum: f64 = differences.map(|(at, luma)| (f64::from(*luma) - expected(at % frame.width)).abs()).sum();
    sum / (frame.width * frame.height) as f64
}

#[test]
fn pictures_of_all_samples_become_those_that_every_player_takes() {
    let (width, height) = (320, 176);
    for (chroma, alpha, bits) in [
        (Chroma::Yuv420, false, 10),
        (Chroma::Yuv422, false, 12),
        (Chroma::Yuv444, false, 8),
        (Chroma::Yuv444, true, 10),
        (Chroma::Rgb, false, 8),
        (Chroma::Rgb, true, 12),
        (Chroma::Grey, false, 8),
        (Chroma::Grey, false, 10),
        (Chroma::Grey, true, 12),
    ] {
        let mut info = info(width, height);
        (info.chroma, info.alpha, info.bits) = (chroma, alpha, bits);
        let format = Format { chroma, alpha, bits };
        let shape = |plane| format.plane_size(plane, width, height);
        let flat = vec![(1u16 << (bits - 1)).to_le_bytes(); width * height].concat();
        let (wide, narrow) = (slope(width, height, bits), |data: &[u8]| {
            data.chunks(2).map(|word| word[0]).collect::<Vec<u8>>()
        });
        let (bytes, flat_bytes) = (narrow(&wide), narrow(&flat));
        let planes: Vec<Plane<'_>> = (0..format.planes())
            .map(|plane| {
                let stride = shape(plane).0;
                // All colours of RGB have the slope, so that it is grey.
                let has_slope = plane == 0 || chroma == Chroma::Rgb;
                match (bits, has_slope) {
                    (8, true) => Plane::bytes(&bytes, stride),
                    (8, false) => Plane::bytes(&flat_bytes, stride),
                    (_, true) => {
                        Plane { data: &wide, stride: stride * 2, step: 2, word: Word::U16 { shift: 0 } }
                    }
                    (_, false) => {
                        Plane { data: &flat, stride: stride * 2, step: 2, word: Word::U16 { shift: 0 } }
                    }
                }
            })
            .collect();
        let (_, frame) = through(info, &planes);
        // RGB has its full range, and H.264 the one of video.
        let range = match chroma {
            Chroma::Rgb => (16.0 + 64.0 * 219.0 / 255.0, 16.0 + 192.0 * 219.0 / 255.0),
            _ => (64.0, 192.0),
        };
        let away = distance(&frame, range);
        assert!(away < 3.0, "{chroma:?} {alpha} {bits}: {away:.1} away");
    }
}

#[test]
fn odd_sizes_lose_their_last_row_and_column_and_pictures_are_turned_upright() {
    let frame = &frames(1)[0];
    let (width, height) = (321, 181);
    let luma: Vec<u8> =
        frame.luma(0).chunks(768).take(height).flat_map(|row| &row[..width]).copied().collect();
    let grey = vec![128; 161 * 91];
    let planes = [Plane::bytes(&luma, width), Plane::bytes(&grey, 161), Plane::bytes(&grey, 161)];
    let (made, upright) = through(info(width, height), &planes);
    assert_eq!((made.width, made.height), (320, 180));
    let expected: Vec<u8> = luma
        .chunks(width)
        .take(180)
        .flat_map(|row| &row[..320])
        .chain(&vec![128; 320 * 90])
        .copied()
        .collect();
    let expected = Frame::new(320, 180, expected).unwrap();
    assert!(upright.luma_psnr(&expected, 0) > 30.0);

    let turned = VideoInfo { orientation: Orientation::Rotate90, ..info(width, height) };
    let (made, turned) = through(turned, &planes);
    assert_eq!((made.width, made.height), (180, 320));
    // Clockwise: the lower left corner is the upper left one now.
    let corner = |frame: &Frame, x: usize, y: usize| {
        let rows = frame.luma(0).chunks(frame.width).skip(y).take(32);
        rows.flat_map(|row| &row[x..x + 32]).map(|luma| f64::from(*luma)).sum::<f64>() / 1024.0
    };
    let (lower_left, upper_left) = (corner(&expected, 0, 148), corner(&turned, 0, 0));
    assert!((lower_left - upper_left).abs() < 3.0, "{lower_left} {upper_left}");
}

#[test]
fn fields_are_made_whole() {
    let frames = frames(3);
    let info = VideoInfo { interlace: Interlace::Interleaved, ..info(frames[0].width, frames[0].height) };
    let (made, frame) = through(info, &planes(&frames[0]));
    assert_eq!((made.width, made.height), (768, 432));
    assert!(frame.luma_psnr(&frames[0], 0) > 25.0);
}

#[test]
fn nothing_comes_before_a_picture_that_rests_on_nothing_that_is_missing() {
    let frames = frames(12);
    let mut bench = Bench::new(&Media::Video(info(frames[0].width, frames[0].height)), Target::H264);
    let units = units(&frames);
    for (number, unit) in units.iter().enumerate().skip(4) {
        bench.push(PICTURE * number as u64, PICTURE, Payload::Layered(unit));
    }
    bench.wait();
    let counts = bench.converter.counts();
    let made = bench.made();
    assert!(made.units.is_empty(), "{:?}", made.units);
    assert_eq!((counts.taken, counts.unusable), (8, 8));
    bench.push(PICTURE * 20, PICTURE, Payload::Layered(&units[0]));
    bench.wait();
    let units = bench.made().units;
    assert_eq!(units.iter().map(|unit| (unit.pts, unit.key)).collect::<Vec<_>>(), [(PICTURE * 20, true)]);
}

#[test]
fn whoever_is_too_fast_loses_pictures_and_no_memory() {
    let frames = frames(1);
    let mut bench = Bench::new(&Media::Video(info(frames[0].width, frames[0].height)), Target::H264);
    let unit = &units(&frames)[0];
    for number in 0..120 {
        bench.push(PICTURE * number, PICTURE, Payload::Layered(unit));
        let counts = bench.converter.counts();
        let under_way = counts.taken - counts.given - counts.dropped - counts.unusable;
        assert!(under_way < 10, "{under_way} pictures are under way");
    }
    bench.wait();
    let made = bench.finish();
    assert!(made.units.iter().map(|unit| unit.pts).is_sorted());
}

#[test]
fn units_that_are_none_and_times_that_run_back_are_left_out() {
    let frames = frames(2);
    let mut bench = Bench::new(&Media::Video(info(frames[0].width, frames[0].height)), Target::H264);
    let units = units(&frames);
    let wrong = Unit::new(12, 1, b"no parameters").unwrap();
    bench.push(PICTURE * 2, 0, Payload::Layered(&wrong));
    bench.push(PICTURE * 2, 0, Payload::Layered(&units[0]));
    bench.push(PICTURE, 0, Payload::Layered(&units[0]));
    bench.push(PICTURE * 3, 0, Payload::Whole(&"whole".into()));
    bench.wait();
    let counts = bench.converter.counts();
    assert_eq!((counts.given, counts.unusable, counts.dropped), (1, 3, 0));
}

#[test]
fn what_cannot_be_converted_is_named() {
    let new = |media: &Media, target| {
        Converter::new(media, target, &Settings::default(), |_| {}).map(drop).unwrap_err()
    };
    let tiny = Media::Video(VideoInfo::new(8, 8, Chroma::Grey));
    assert_eq!(new(&tiny, Target::H264), Error::TooSmall { width: 8, height: 8 });
    let error = new(&Media::Video(info(64, 64)), Target::Aac).to_string();
    assert_eq!(error, "video in layers cannot be converted to aac");
}
