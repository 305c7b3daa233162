//! Samples through the encoders and decoders, and the bins around them.

use fql_unit::{Segment, Unit};
use gst::prelude::*;
use gst_check::Harness;

fn init() {
    gst::init().unwrap();
    gstfql::plugin_register_static().unwrap();
}

/// The encoders' and decoders' property `bitrate` set to the whole ladder.
fn encoder(name: &str) -> gst::Element {
    gst::ElementFactory::make(name).property("bitrate", 0u32).build().unwrap()
}

fn video_info(format: gst_video::VideoFormat, width: u32, height: u32) -> gst_video::VideoInfo {
    gst_video::VideoInfo::builder(format, width, height).fps((25, 1)).build().unwrap()
}

fn texture(x: usize, y: usize, seed: usize) -> u8 {
    ((x * 3 + y * 5 + seed * 17) as u8) ^ ((x * y / 7) as u8 & 0x1f)
}

/// A picture whose buffer has the strides of `info` (with VideoMeta where `meta` is given).
fn picture(info: &gst_video::VideoInfo, seed: usize, pts: u64) -> gst::Buffer {
    let mut buffer = gst::Buffer::with_size(info.size()).unwrap();
    {
        let buffer = buffer.get_mut().unwrap();
        buffer.set_pts(gst::ClockTime::from_mseconds(pts));
        buffer.set_duration(gst::ClockTime::from_mseconds(40));
        fill(&mut gst_video::VideoFrameRef::from_buffer_ref_writable(buffer, info).unwrap(), seed);
    }
    buffer
}

fn fill(frame: &mut gst_video::VideoFrameRef<&mut gst::BufferRef>, seed: usize) {
    use gst_video::prelude::*;
    for plane in 0..frame.n_planes() {
        let (width, height) = (frame.comp_width(plane) as usize, frame.comp_height(plane) as usize);
        let stride = frame.plane_stride()[plane as usize] as usize;
        let data = frame.plane_data_mut(plane).unwrap();
        for y in 0..height {
            for x in 0..width {
                data[y * stride + x] = texture(x, y, seed + plane as usize);
            }
        }
    }
}

/// The samples alone, plane after plane, without what pads the rows.
fn samples(info: &gst_video::VideoInfo, buffer: &gst::BufferRef) -> Vec<u8> {
    use gst_video::prelude::*;
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info).unwrap();
    let mut all = Vec::new();
    for plane in 0..frame.n_planes() {
        let (width, height) = (frame.comp_width(plane) as usize, frame.comp_height(plane) as usize);
        let stride = frame.plane_stride()[plane as usize] as usize;
        let data = frame.plane_data(plane).unwrap();
        for y in 0..height {
            all.extend_from_slice(&data[y * stride..][..width]);
        }
    }
    all
}

/// Encoded and decoded again through the elements of these names.
fn roundtrip(
    enc: &str,
    dec: &str,
    info: &gst_video::VideoInfo,
    pictures: &[gst::Buffer],
) -> Vec<gst::Buffer> {
    let mut encoder = Harness::with_element(&encoder(enc), Some("sink"), Some("src"));
    encoder.set_src_caps(info.to_caps().unwrap());
    let mut units = Vec::new();
    for picture in pictures {
        assert_eq!(encoder.push(picture.clone()), Ok(gst::FlowSuccess::Ok));
        units.push(encoder.pull().unwrap());
    }
    let caps = encoder.sinkpad().unwrap().current_caps().unwrap();
    let mut decoder = Harness::new(dec);
    decoder.set_src_caps(caps);
    let pictures = units
        .into_iter()
        .map(|unit| {
            assert_eq!(decoder.push(unit), Ok(gst::FlowSuccess::Ok));
            decoder.pull().unwrap()
        })
        .collect();
    let caps = decoder.sinkpad().unwrap().current_caps().unwrap();
    let decoded = gst_video::VideoInfo::from_caps(&caps).unwrap();
    assert_eq!((decoded.format(), decoded.width()), (info.format(), info.width()));
    assert_eq!((decoded.height(), decoded.fps()), (info.height(), info.fps()));
    pictures
}

#[test]
fn video_of_any_size_comes_back_bit_for_bit() {
    init();
    let formats = [gst_video::VideoFormat::I420, gst_video::VideoFormat::Gray8];
    for (width, height) in [(1, 1), (3, 5), (17, 2), (64, 48), (127, 65), (161, 89)] {
        for format in formats {
            let info = video_info(format, width, height);
            let pictures: Vec<_> = (0..3).map(|n| picture(&info, n, n as u64 * 40)).collect();
            let decoded = roundtrip("fqlvideoenc", "fqlvideodec", &info, &pictures);
            for (before, after) in pictures.iter().zip(&decoded) {
                assert!(samples(&info, before) == samples(&info, after), "{format} {width}x{height}");
                assert_eq!((before.pts(), before.duration()), (after.pts(), after.duration()));
            }
        }
    }
}

#[test]
fn the_bins_do_what_the_elements_in_them_do() {
    init();
    let info = video_info(gst_video::VideoFormat::I420, 33, 31);
    let pictures: Vec<_> = (0..2).map(|n| picture(&info, n, n as u64 * 40)).collect();
    let decoded = roundtrip("fqlenc", "fqldec", &info, &pictures);
    for (before, after) in pictures.iter().zip(&decoded) {
        assert!(samples(&info, before) == samples(&info, after));
    }
}

#[test]
fn rows_with_padding_and_a_video_meta_are_respected() {
    init();
    let info = video_info(gst_video::VideoFormat::I420, 30, 22);
    let (strides, offsets) = ([48, 40, 24], [16, 16 + 48 * 22 + 7, 2048]);
    let mut padded = gst::Buffer::with_size(4096).unwrap();
    {
        let buffer = padded.get_mut().unwrap();
        buffer.map_writable().unwrap().fill(0xee);
        buffer.set_pts(gst::ClockTime::ZERO);
        let flags = gst_video::VideoFrameFlags::empty();
        let format = gst_video::VideoFormat::I420;
        gst_video::VideoMeta::add_full(buffer, flags, format, 30, 22, &offsets, &strides).unwrap();
        fill(&mut gst_video::VideoFrameRef::from_buffer_ref_writable(buffer, &info).unwrap(), 9);
    }
    let decoded = roundtrip("fqlvideoenc", "fqlvideodec", &info, &[padded.clone()]);
    assert!(samples(&info, &padded) == samples(&info, &decoded[0]));
    assert!(samples(&info, &padded) == samples(&info, &picture(&info, 9, 0)), "the test's own filling");
}

fn sound(frames: usize, channels: usize) -> Vec<i16> {
    let wave = |n: usize| ((n as f64 * 0.05).sin() * 12_000.0) as i16;
    (0..frames * channels).map(|n| wave(n / channels).wrapping_add((n * 2477 % 601) as i16)).collect()
}

fn sound_buffer(samples: &[i16], pts: u64) -> gst::Buffer {
    let bytes: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    let mut buffer = gst::Buffer::from_mut_slice(bytes);
    buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_nseconds(pts));
    buffer
}

fn pull_all(harness: &mut Harness) -> Vec<gst::Buffer> {
    std::iter::from_fn(|| harness.try_pull()).collect()
}

fn sound_of(buffers: &[gst::Buffer]) -> Vec<i16> {
    let pairs = |b: &gst::Buffer| -> Vec<i16> {
        b.map_readable().unwrap().chunks_exact(2).map(|p| i16::from_le_bytes([p[0], p[1]])).collect()
    };
    buffers.iter().flat_map(pairs).collect()
}

fn units_of_sound(enc: &str, samples: &[i16], rate: u32, channels: u32) -> (gst::Caps, Vec<gst::Buffer>) {
    let mut encoder = Harness::with_element(&encoder(enc), Some("sink"), Some("src"));
    let info = gst_audio::AudioInfo::builder(gst_audio::AudioFormat::S16le, rate, channels).build().unwrap();
    encoder.set_src_caps(info.to_caps().unwrap());
    // In pieces that fit no frame.
    let piece = 1234 * channels as usize;
    for (n, part) in samples.chunks(piece).enumerate() {
        let pts = n as u64 * 1234 * 1_000_000_000 / u64::from(rate);
        assert_eq!(encoder.push(sound_buffer(part, pts)), Ok(gst::FlowSuccess::Ok));
    }
    encoder.push_event(gst::event::Eos::new());
    (encoder.sinkpad().unwrap().current_caps().unwrap(), pull_all(&mut encoder))
}

#[test]
fn sound_of_any_layout_comes_back_bit_for_bit() {
    init();
    for (enc, dec, rate, channels) in [
        ("fqlaudioenc", "fqlaudiodec", 48_000, 2),
        ("fqlaudioenc", "fqlaudiodec", 8_000, 1),
        ("fqlaudioenc", "fqlaudiodec", 44_100, 6),
        ("fqlenc", "fqldec", 48_000, 1),
    ] {
        let before = sound(7_001, channels as usize);
        let (caps, units) = units_of_sound(enc, &before, rate, channels);
        let most = gst::ClockTime::from_mseconds(20);
        assert!(units.iter().all(|unit| unit.duration().unwrap() <= most));
        let mut decoder = Harness::new(dec);
        decoder.set_src_caps(caps);
        for unit in units {
            assert_eq!(decoder.push(unit), Ok(gst::FlowSuccess::Ok));
        }
        decoder.push_event(gst::event::Eos::new());
        let decoded = pull_all(&mut decoder);
        assert!(sound_of(&decoded) == before, "{rate} Hz, {channels} channels");
        assert_eq!(decoded[0].pts(), Some(gst::ClockTime::ZERO));
    }
}

#[test]
fn a_gap_in_sound_is_filled() {
    init();
    let before = sound(9_600, 2);
    let (caps, units) = units_of_sound("fqlaudioenc", &before, 48_000, 2);
    let mut decoder = Harness::new("fqldec");
    decoder.set_src_caps(caps);
    for (n, unit) in units.iter().enumerate() {
        if n == 5 {
            let gap = gst::event::Gap::builder(unit.pts().unwrap()).duration(unit.duration()).build();
            assert!(decoder.push_event(gap));
        } else {
            assert_eq!(decoder.push(unit.clone()), Ok(gst::FlowSuccess::Ok));
        }
    }
    decoder.push_event(gst::event::Eos::new());
    assert_eq!(sound_of(&pull_all(&mut decoder)).len(), before.len());
}

/// The first message of a type on a bus of its own.
fn bus_of(element: &gst::Element) -> gst::Bus {
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    bus
}

#[test]
fn a_corrupt_buffer_gives_a_warning_and_no_error() {
    init();
    let info = video_info(gst_video::VideoFormat::I420, 64, 48);
    let mut encoder = Harness::with_element(&encoder("fqlvideoenc"), Some("sink"), Some("src"));
    encoder.set_src_caps(info.to_caps().unwrap());
    encoder.push(picture(&info, 1, 0)).unwrap();
    let unit = encoder.pull().unwrap();
    let caps = encoder.sinkpad().unwrap().current_caps().unwrap();

    let mut foreign =
        Unit::new(12, 3, b"not what the codec writes").unwrap_or(Unit::new(12, 3, b"no").unwrap());
    foreign.set(0, 0, Segment::complete("rubbish"));
    let cut = unit.map_readable().unwrap()[..unit.size() / 2].to_vec();
    let decoder_element = gst::ElementFactory::make("fqldec").build().unwrap();
    let mut decoder = Harness::with_element(&decoder_element, Some("sink"), Some("src"));
    let bus = bus_of(&decoder_element);
    decoder.set_src_caps(caps);
    for bytes in [b"rubbish".to_vec(), Vec::from([0xf4; 40]), cut, foreign.to_bytes()] {
        let mut corrupt = gst::Buffer::from_mut_slice(bytes);
        corrupt.get_mut().unwrap().set_pts(gst::ClockTime::ZERO);
        assert_eq!(decoder.push(corrupt), Ok(gst::FlowSuccess::Ok));
        assert!(decoder.try_pull().is_none());
    }
    assert_eq!(decoder.push(unit), Ok(gst::FlowSuccess::Ok));
    let after = decoder.pull().unwrap();
    assert!(samples(&info, &after) == samples(&info, &picture(&info, 1, 0)));
    let warnings = bus.iter().filter(|message| message.type_() == gst::MessageType::Warning).count();
    assert_eq!(warnings, 1, "one warning for a run of corrupt buffers");
    assert!(bus.iter().all(|message| message.type_() != gst::MessageType::Error));
}

#[test]
fn corrupt_sound_gives_a_warning_and_is_filled() {
    init();
    let before = sound(9_600, 2);
    let (caps, units) = units_of_sound("fqlaudioenc", &before, 48_000, 2);
    let element = gst::ElementFactory::make("fqlaudiodec").build().unwrap();
    let mut decoder = Harness::with_element(&element, Some("sink"), Some("src"));
    let bus = bus_of(&element);
    decoder.set_src_caps(caps);
    for (n, unit) in units.iter().enumerate() {
        let mut unit = unit.clone();
        if n == 3 {
            let (pts, duration) = (unit.pts(), unit.duration());
            unit = gst::Buffer::from_mut_slice(b"rubbish".to_vec());
            let unit = unit.get_mut().unwrap();
            unit.set_pts(pts);
            unit.set_duration(duration);
        }
        assert_eq!(decoder.push(unit), Ok(gst::FlowSuccess::Ok));
    }
    decoder.push_event(gst::event::Eos::new());
    assert_eq!(sound_of(&pull_all(&mut decoder)).len(), before.len());
    assert_eq!(bus.iter().filter(|message| message.type_() == gst::MessageType::Warning).count(), 1);
}

#[test]
fn fewer_layers_show_as_lower_quality_and_change_while_playing() {
    init();
    let info = video_info(gst_video::VideoFormat::I420, 96, 64);
    let source = picture(&info, 4, 0);
    let mut encoder = Harness::with_element(&encoder("fqlenc"), Some("sink"), Some("src"));
    encoder.set_src_caps(info.to_caps().unwrap());
    encoder.push(source.clone()).unwrap();
    let unit = encoder.pull().unwrap();
    let element = gst::ElementFactory::make("fqldec").build().unwrap();
    let mut decoder = Harness::with_element(&element, Some("sink"), Some("src"));
    decoder.set_src_caps(encoder.sinkpad().unwrap().current_caps().unwrap());
    let mut errors = Vec::new();
    for max_layer in [0u32, 3, 6, 14] {
        element.set_property("max-layer", max_layer);
        decoder.push(unit.clone()).unwrap();
        let (before, after) = (samples(&info, &source), samples(&info, &decoder.pull().unwrap()));
        let squares = before.iter().zip(&after).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2));
        errors.push(squares.sum::<u64>());
    }
    assert!(errors.is_sorted_by(|a, b| a > b), "{errors:?}");
    assert_eq!(errors[3], 0);
}

#[test]
fn a_frame_keeps_to_the_bitrate_and_to_what_the_sender_allows() {
    init();
    let info = video_info(gst_video::VideoFormat::I420, 320, 240);
    let element = gst::ElementFactory::make("fqlenc").property("bitrate", 1_000u32).build().unwrap();
    let mut encoder = Harness::with_element(&element, Some("sink"), Some("src"));
    encoder.set_src_caps(info.to_caps().unwrap());
    let mut mean_of_frames = |n: usize| {
        let mut bytes = 0;
        for frame in 0..n {
            encoder.push(picture(&info, frame, frame as u64 * 40)).unwrap();
            bytes += encoder.pull().unwrap().size();
        }
        if n == 1 {
            assert!(encoder.push_upstream_event(gstfql::rate::event(200)));
        }
        bytes / n
    };
    let by_property = mean_of_frames(20);
    // Those of 1 s, and what the bucket holds at the start.
    assert!((2_500..=6_300).contains(&by_property), "{by_property} bytes a frame at 1000 kbit/s");
    mean_of_frames(1);
    let by_event = mean_of_frames(20);
    assert!((400..=1_100).contains(&by_event), "{by_event} bytes a frame at 200 kbit/s");
    element.set_property("bitrate", 100u32);
    let by_new_property = mean_of_frames(20);
    assert!(by_new_property < by_event, "{by_new_property} bytes a frame at 100 kbit/s");
}

#[test]
fn a_key_unit_is_forced_without_harm() {
    init();
    let info = video_info(gst_video::VideoFormat::I420, 32, 32);
    let mut encoder = Harness::with_element(&encoder("fqlenc"), Some("sink"), Some("src"));
    encoder.set_src_caps(info.to_caps().unwrap());
    encoder.push(picture(&info, 0, 0)).unwrap();
    let event = gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true).build();
    assert!(encoder.push_upstream_event(event));
    encoder.push(picture(&info, 1, 40)).unwrap();
    for _ in 0..2 {
        let flags = encoder.pull().unwrap().flags();
        assert!(!flags.contains(gst::BufferFlags::DELTA_UNIT));
    }
}

/// A unit of each kind with its caps, and the decoder for it.
fn units_to_damage() -> [(&'static str, gst::Caps, Vec<u8>); 2] {
    let info = video_info(gst_video::VideoFormat::I420, 48, 40);
    let mut encoder = Harness::with_element(&encoder("fqlvideoenc"), Some("sink"), Some("src"));
    encoder.set_src_caps(info.to_caps().unwrap());
    encoder.push(picture(&info, 1, 0)).unwrap();
    let video = encoder.pull().unwrap().map_readable().unwrap().to_vec();
    let video_caps = encoder.sinkpad().unwrap().current_caps().unwrap();
    let (audio_caps, units) = units_of_sound("fqlaudioenc", &sound(2_000, 2), 48_000, 2);
    let audio = units[0].map_readable().unwrap().to_vec();
    [("fqlvideodec", video_caps, video), ("fqlaudiodec", audio_caps, audio)]
}

#[test]
fn no_damage_to_a_unit_is_an_error() {
    use proptest::prelude::*;
    init();
    for (name, caps, unit) in units_to_damage() {
        let element = gst::ElementFactory::make(name).build().unwrap();
        let decoder = std::cell::RefCell::new(Harness::with_element(&element, Some("sink"), Some("src")));
        let bus = bus_of(&element);
        decoder.borrow_mut().set_src_caps(caps);
        let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8);
        proptest!(ProptestConfig::with_cases(200), |(damage in damage, end in any::<prop::sample::Index>())| {
            let mut bytes = unit.clone();
            for (at, value) in damage {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            bytes.truncate(end.index(2 * bytes.len()).max(1));
            let mut buffer = gst::Buffer::from_mut_slice(bytes);
            buffer.get_mut().unwrap().set_pts(gst::ClockTime::ZERO);
            buffer.get_mut().unwrap().set_duration(gst::ClockTime::from_mseconds(16));
            let mut decoder = decoder.borrow_mut();
            prop_assert_eq!(decoder.push(buffer), Ok(gst::FlowSuccess::Ok));
            while decoder.try_pull().is_some() {}
            prop_assert!(bus.iter().all(|message| message.type_() != gst::MessageType::Error));
        });
    }
}
