//! Video of codecs that not every player takes comes out as H.264, with the picture and the time that it had.

mod common;

use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{Bench, decode};
use fql_convert::{Error, Payload, Target};
use fql_tests::clip;
use fql_tests::frame::Frame;
use fql_tests::pipeline::Pipeline;
use fql_unit::{EncodedVideoInfo, Media, VideoCodec};

const PATIENCE: Duration = Duration::from_secs(60);
/// Nanoseconds of a picture.
const PICTURE: u64 = 40_000_000;
/// When the first one is, an even second.
const START: u64 = 6_000_000_000;
const PICTURES: usize = 60;
/// An odd number of rows and columns, as windows have that are shared; but x265 takes none.
const ODD: (u32, u32) = (161, 121);
const EVEN: (u32, u32) = (160, 120);

/// A ball that moves.
fn ball((width, height): (u32, u32)) -> String {
    format!(
        "videotestsrc pattern=ball num-buffers={PICTURES} ! \
         video/x-raw,format=I420,width={width},height={height},framerate=25/1"
    )
}

/// An access unit: its time, whether it is a key picture, and its bytes.
type Unit = (u64, bool, Bytes);

/// Whether encoders of a codec want even sides.
fn is_even(codec: VideoCodec) -> bool {
    matches!(codec, VideoCodec::H264 | VideoCodec::H265)
}

/// What an encoder makes of the source.
fn encoded(codec: VideoCodec, encoder: &str) -> (Media, Vec<Unit>) {
    let (width, height) = if is_even(codec) { EVEN } else { ODD };
    let source = ball((width, height));
    let pipeline = Pipeline::play(&format!("{source} ! {encoder} ! appsink name=out sync=false")).unwrap();
    let sink = pipeline.app_sink("out").unwrap();
    let (mut units, mut config, mut start) = (Vec::new(), Vec::new(), None);
    while let Ok(sample) = sink.pull_sample() {
        let buffer = sample.buffer().unwrap();
        let structure = sample.caps().unwrap().structure(0).unwrap();
        if let Ok(data) = structure.get::<gst::Buffer>("codec_data") {
            config = data.map_readable().unwrap().to_vec();
        }
        let is_key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        // x264enc and x265enc begin an hour later, so that no decoding time is negative.
        let pts = buffer.pts().unwrap().nseconds();
        let time = START + pts - *start.get_or_insert(pts);
        units.push((time, is_key, Bytes::copy_from_slice(&buffer.map_readable().unwrap())));
    }
    assert_eq!(units.len(), PICTURES, "{encoder}");
    let (frame_rate, caps) = ((25, 1), String::new());
    (Media::EncodedVideo(EncodedVideoInfo { codec, width, height, frame_rate, config, caps }), units)
}

/// The pictures of a source as they are to come out: with even sides.
fn source(size: (u32, u32)) -> Vec<Frame> {
    let (right, bottom) = (size.0 % 2, size.1 % 2);
    let crop = format!("videocrop right={right} bottom={bottom}");
    let description = format!("{} ! {crop} ! appsink name=out sync=false", ball(size));
    let pipeline = Pipeline::play(&description).unwrap();
    let sink = pipeline.app_sink("out").unwrap();
    std::iter::from_fn(|| sink.pull_sample().ok()).map(|sample| clip::frame(&sample).unwrap()).collect()
}

impl Bench {
    /// Waits until no more than so many units are under way, so that nothing is left out for haste.
    fn wait_until_under_way(&self, most: u64) {
        let begun = Instant::now();
        loop {
            let counts = self.converter.counts();
            if counts.taken - counts.given - counts.dropped - counts.unusable <= most {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{counts:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn pictures_of_every_codec_are_those_that_went_in_and_have_their_times() {
    let (odd, even) = (source(ODD), source(EVEN));
    // Pictures of H.264 and H.265 come in another order than they are shown in, so that some are held back.
    for (codec, encoder, held) in [
        (VideoCodec::Vp8, "vp8enc deadline=1 target-bitrate=2000000", 0),
        (VideoCodec::Vp9, "vp9enc deadline=1 cpu-used=8 target-bitrate=2000000", 0),
        (VideoCodec::Av1, "av1enc usage-profile=realtime cpu-used=8 target-bitrate=2000", 0),
        (
            VideoCodec::H264,
            "x264enc speed-preset=ultrafast bitrate=2000 key-int-max=100 bframes=2 b-adapt=false ! h264parse ! \
             video/x-h264,stream-format=avc,alignment=au",
            3,
        ),
        (
            VideoCodec::H265,
            "x265enc speed-preset=ultrafast bitrate=2000 key-int-max=100 option-string=bframes=1 ! h265parse ! \
             video/x-h265,stream-format=hvc1,alignment=au",
            // No more than wait for the encoder before the oldest gives way.
            3,
        ),
    ] {
        let (media, units) = encoded(codec, encoder);
        let mut bench = Bench::new(&media, Target::H264);
        for (time, key, data) in &units {
            bench.push_unit(*time, PICTURE, *key, Payload::Whole(data));
            bench.wait_until_under_way(held);
        }
        let counts = bench.converter.counts();
        assert_eq!((counts.dropped, counts.unusable), (0, 0), "{codec:?}");
        let made = bench.finish();
        let [Media::EncodedVideo(info)] = &made.media[..] else { panic!("{codec:?}: {:?}", made.media) };
        assert_eq!((info.codec, info.width, info.height), (VideoCodec::H264, 160, 120), "{codec:?}");
        let times: Vec<u64> = made.units.iter().map(|unit| unit.pts).collect();
        let expected: Vec<u64> = (0..PICTURES as u64).map(|number| START + PICTURE * number).collect();
        // Times of WebM's codecs are rounded on their way.
        let is_near = |(time, expected): (&u64, &u64)| time.abs_diff(*expected) < 1_000_000;
        assert!(times.iter().zip(&expected).all(is_near), "{codec:?}: {times:?}");
        assert_eq!(times.len(), expected.len(), "{codec:?}");
        let keys: Vec<u64> = made.units.iter().filter(|unit| unit.key).map(|unit| unit.pts).collect();
        assert_eq!(keys.len(), 2, "one every two seconds, whatever there are in the source: {keys:?}");

        let pictures =
            decode(&made.media[0], &made.units, "avdec_h264 ! videoconvert ! video/x-raw,format=I420");
        let source = if is_even(codec) { &even } else { &odd };
        for (number, (sample, before)) in pictures.iter().zip(source).enumerate() {
            let psnr = clip::frame(sample).unwrap().luma_psnr(before, 0);
            assert!(psnr > 26.0, "{codec:?}: picture {number} has {psnr:.1} dB");
        }
    }
}

#[test]
fn whoever_asks_for_a_key_picture_gets_one_before_it_would_come_by_itself() {
    let (media, units) = encoded(VideoCodec::Vp8, "vp8enc deadline=1");
    let mut bench = Bench::new(&media, Target::H264);
    for (number, (time, key, data)) in units.iter().enumerate() {
        if number == 20 {
            // However many ask.
            (0..100).for_each(|_| bench.converter.ask_for_key());
        }
        bench.push_unit(*time, PICTURE, *key, Payload::Whole(data));
        bench.wait_until_under_way(0);
    }
    let made = bench.finish();
    let keys: Vec<u64> =
        made.units.iter().filter(|unit| unit.key).map(|unit| (unit.pts - START) / PICTURE).collect();
    assert_eq!(keys, [0, 20, 50]);
}

#[test]
fn nothing_comes_before_a_key_picture_and_what_is_none_ends_nothing() {
    let (media, units) = encoded(VideoCodec::Vp8, "vp8enc deadline=1 keyframe-max-dist=30");
    let mut bench = Bench::new(&media, Target::H264);
    for (number, (time, key, data)) in units.iter().enumerate().skip(10) {
        // Damaged ones, as from somebody who means harm; pictures after them decode as well as may be.
        let damaged: Bytes = match number {
            40 => data.iter().rev().copied().collect(),
            41 => Bytes::from_static(b"x"),
            _ => data.clone(),
        };
        bench.push_unit(*time, PICTURE, *key, Payload::Whole(&damaged));
        // What the decoder drops comes out nowhere.
        bench.wait_until_under_way(if number < 40 { 0 } else { 2 });
    }
    let counts = bench.converter.counts();
    let made = bench.finish();
    assert_eq!(counts.unusable, 20, "those before the second key picture");
    assert_eq!(made.units[0].pts, START + PICTURE * 30);
    assert!(made.failed.is_none(), "{:?}", made.failed);
    assert!(made.units.len() >= 28, "{} pictures", made.units.len());
}

#[test]
fn pictures_larger_than_any_stream_has_are_not_decoded() {
    let (media, units) = encoded(VideoCodec::Vp8, "vp8enc deadline=1");
    let mut bench = Bench::new(&media, Target::H264);
    let mut large = units[0].2.to_vec();
    // RFC 6386, 9.1: width and height after the start code of a key picture.
    large[6..10].copy_from_slice(&[0xff, 0x3f, 0xff, 0x3f]);
    bench.push_unit(START, PICTURE, true, Payload::Whole(&large.into()));
    bench.push_unit(START + PICTURE, PICTURE, false, Payload::Whole(&units[1].2));
    bench.wait();
    assert_eq!(bench.converter.counts().unusable, 2);
    let Media::EncodedVideo(info) = media else { panic!("{media:?}") };
    let tiny = Media::EncodedVideo(EncodedVideoInfo { width: 8, ..info });
    let error = fql_convert::Converter::new(&tiny, Target::H264, &fql_convert::Settings::default(), |_| {});
    assert_eq!(error.map(drop).unwrap_err(), Error::TooSmall { width: 8, height: 121 });
}
