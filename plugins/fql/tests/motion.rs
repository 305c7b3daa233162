//! Key frames, pictures that are predicted from others, and what becomes of them when something is missing.

mod common;

use std::path::Path;

use common::Player;
use common::files::{Folder, PICTURES, record};
use fql_unit::Unit;
use gst::prelude::*;
use gst_check::Harness;
use gst_video::{VideoFormat, VideoInfo};
use gstfql::acknowledgement::Acknowledgement;

const WIDTH: u32 = 128;
const HEIGHT: u32 = 96;
/// Milliseconds.
const INTERVAL: u64 = 40;

fn info() -> VideoInfo {
    common::pictures::info(VideoFormat::I420, WIDTH, HEIGHT)
}

/// A wave that wanders with something finer on it.
fn sample(x: u32, y: u32, seed: u64) -> u8 {
    let (x, y) = (f64::from(x) + seed as f64 * 1.5, f64::from(y) + seed as f64 * 0.75);
    let wave = (x * 0.13).sin() * 50.0 + (y * 0.21).cos() * 40.0 + ((x + y) * 0.9).sin() * 12.0;
    (128.0 + wave) as u8
}

/// The picture of this number.
fn picture(number: u64) -> gst::Buffer {
    let mut bytes: Vec<u8> = (0..WIDTH * HEIGHT).map(|at| sample(at % WIDTH, at / WIDTH, number)).collect();
    bytes.resize(info().size(), 128);
    let mut buffer = gst::Buffer::from_mut_slice(bytes);
    let fields = buffer.get_mut().unwrap();
    fields.set_pts(gst::ClockTime::from_mseconds(number * INTERVAL));
    fields.set_duration(gst::ClockTime::from_mseconds(INTERVAL));
    buffer
}

/// An encoder, and the pictures that it gets.
struct Studio {
    harness: Harness,
    element: gst::Element,
    number: u64,
}

impl Studio {
    fn new(properties: &[(&str, &str)]) -> Self {
        common::init();
        let element = gst::ElementFactory::make("fqlenc").build().unwrap();
        element.set_property("bitrate", 400u32);
        for (name, value) in properties {
            element.set_property_from_str(name, value);
        }
        let mut harness = Harness::with_element(&element, Some("sink"), Some("src"));
        harness.set_src_caps(info().to_caps().unwrap());
        Self { harness, element, number: 0 }
    }

    /// The unit of a picture.
    fn push(&mut self, buffer: gst::Buffer) -> gst::Buffer {
        assert_eq!(self.harness.push(buffer), Ok(gst::FlowSuccess::Ok));
        let unit = self.harness.pull().unwrap();
        let bytes = unit.map_readable().unwrap();
        let key = Unit::from_bytes(&bytes).unwrap().flags.key;
        assert_eq!(key, is_key(&unit), "the flags of the unit and of the buffer");
        drop(bytes);
        unit
    }

    fn next(&mut self) -> gst::Buffer {
        self.number += 1;
        self.push(picture(self.number - 1))
    }

    fn film(&mut self, count: usize) -> Vec<gst::Buffer> {
        (0..count).map(|_| self.next()).collect()
    }

    fn caps(&self) -> gst::Caps {
        self.harness.sinkpad().unwrap().current_caps().unwrap()
    }
}

fn is_key(unit: &gst::Buffer) -> bool {
    !unit.flags().contains(gst::BufferFlags::DELTA_UNIT)
}

fn is_marked(picture: &gst::Buffer) -> bool {
    picture.flags().contains(gst::BufferFlags::CORRUPTED)
}

/// Which of these are key frames.
fn keys(units: &[gst::Buffer]) -> Vec<usize> {
    (0..units.len()).filter(|&at| is_key(&units[at])).collect()
}

/// A decoder, and the bus that it speaks on.
struct Cinema {
    harness: Harness,
    element: gst::Element,
    bus: gst::Bus,
}

impl Cinema {
    fn new(caps: gst::Caps) -> Self {
        let element = gst::ElementFactory::make("fqldec").build().unwrap();
        let mut harness = Harness::with_element(&element, Some("sink"), Some("src"));
        let bus = gst::Bus::new();
        element.set_bus(Some(&bus));
        harness.set_src_caps(caps);
        Self { harness, element, bus }
    }

    /// What is shown of a unit.
    fn show(&mut self, unit: &gst::Buffer) -> Option<gst::Buffer> {
        assert_eq!(self.harness.push(unit.clone()), Ok(gst::FlowSuccess::Ok));
        self.harness.try_pull()
    }

    fn count(&self, name: &str) -> u64 {
        self.element.property::<gst::Structure>("stats").get(name).unwrap()
    }

    fn assert_quiet(&self) {
        let is_loud = |message: &gst::Message| {
            matches!(message.type_(), gst::MessageType::Warning | gst::MessageType::Error)
        };
        assert_eq!(self.bus.iter().filter(is_loud).count(), 0);
    }
}

/// Luma's signal to noise ratio in dB.
fn psnr(shown: &gst::Buffer, number: u64) -> f64 {
    let (after, before) = (common::bytes(shown), common::bytes(&picture(number)));
    let luma = (WIDTH * HEIGHT) as usize;
    let squares = after.iter().zip(&before).take(luma).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2));
    10.0 * (255.0 * 255.0 * luma as f64 / squares.sum::<f64>().max(1.0)).log10()
}

#[test]
fn pictures_are_predicted_from_one_another_up_to_the_next_second() {
    let mut studio = Studio::new(&[]);
    let units = studio.film(60);
    assert_eq!(keys(&units), [0, 25, 50]);
    let mut cinema = Cinema::new(studio.caps());
    for (number, unit) in units.iter().enumerate() {
        let shown = cinema.show(unit).unwrap();
        let psnr = psnr(&shown, number as u64);
        assert!(psnr > 30.0 && !is_marked(&shown), "picture {number}: {psnr:.1} dB");
    }
    assert_eq!((cinema.count("shown"), cinema.count("key-frames"), cinema.count("drifted")), (60, 3, 0));
    let bytes = |from: usize, to: usize| units[from..to].iter().map(|unit| unit.size()).sum::<usize>();
    assert!(bytes(10, 60) <= 400 * 125 * 2 * 11 / 10, "{} bytes in two seconds", bytes(10, 60));
}

#[test]
fn without_a_bitrate_or_with_an_interval_of_one_all_are_key_frames() {
    for property in [("bitrate", "0"), ("keyframe-interval", "1")] {
        let units = Studio::new(&[property]).film(5);
        assert_eq!(keys(&units), [0, 1, 2, 3, 4], "{property:?}");
    }
}

#[test]
fn the_interval_changes_while_it_plays() {
    let mut studio = Studio::new(&[("keyframe-interval", "1")]);
    studio.film(3);
    studio.element.set_property("keyframe-interval", 4u32);
    assert_eq!(keys(&studio.film(9)), [0, 4, 8]);
    studio.element.set_property("keyframe-interval", 1u32);
    assert_eq!(keys(&studio.film(2)), [0, 1]);
}

#[test]
fn the_reference_layer_changes_while_it_plays() {
    let mut studio = Studio::new(&[("reference-layer", "1")]);
    let mut layers = |layer: i32| {
        studio.element.set_property("reference-layer", layer);
        let unit = studio.next();
        let unit = Unit::from_bytes(&unit.map_readable().unwrap()).unwrap();
        (unit.reference_layers(), unit.coded_layers())
    };
    assert_eq!([layers(1).0, layers(1).0, layers(3).0, layers(0).0], [2, 2, 4, 1]);
    let (finest, coded) = layers(-1);
    assert_eq!(finest, coded);
}

#[test]
fn the_bitrate_of_a_sender_brings_prediction_to_the_whole_ladder() {
    let mut studio = Studio::new(&[("bitrate", "0")]);
    assert_eq!(keys(&studio.film(2)), [0, 1]);
    assert!(studio.harness.push_upstream_event(gstfql::rate::event(300)));
    assert_eq!(keys(&studio.film(4)), Vec::<usize>::new());
    assert!(studio.harness.push_upstream_event(gstfql::rate::event(0)));
    assert_eq!(keys(&studio.film(2)), [0, 1]);
}

/// Forced key units that came downstream: running time in milliseconds, all headers, count.
fn forced(harness: &mut Harness) -> Vec<(u64, bool, u32)> {
    let events = std::iter::from_fn(|| harness.try_pull_event());
    let tell = |event: gst::Event| {
        let forced = gst_video::DownstreamForceKeyUnitEvent::parse(&event).ok()?;
        Some((forced.running_time?.mseconds(), forced.all_headers, forced.count))
    };
    events.filter_map(tell).collect()
}

#[test]
fn a_key_frame_is_forced_from_downstream_at_once_and_at_its_time() {
    let mut studio = Studio::new(&[("keyframe-interval", "1000")]);
    studio.film(3);
    let now = gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true).count(7).build();
    assert!(studio.harness.push_upstream_event(now));
    assert_eq!(keys(&studio.film(3)), [0]);
    assert_eq!(forced(&mut studio.harness), [(3 * INTERVAL, true, 7)]);
    let later = gst::ClockTime::from_mseconds(8 * INTERVAL);
    let later = gst_video::UpstreamForceKeyUnitEvent::builder()
        .running_time(later)
        .all_headers(false)
        .count(8)
        .build();
    assert!(studio.harness.push_upstream_event(later));
    assert_eq!(keys(&studio.film(5)), [2]);
    assert_eq!(forced(&mut studio.harness), [(8 * INTERVAL, false, 8)]);
}

#[test]
fn a_key_frame_is_forced_from_upstream_and_the_event_goes_on() {
    let mut studio = Studio::new(&[("keyframe-interval", "1000")]);
    studio.film(2);
    let time = gst::ClockTime::from_mseconds(4 * INTERVAL);
    let event = gst_video::DownstreamForceKeyUnitEvent::builder()
        .timestamp(time)
        .stream_time(time)
        .running_time(time)
        .all_headers(true)
        .count(3)
        .build();
    assert!(studio.harness.push_event(event));
    assert_eq!(keys(&studio.film(4)), [2]);
    assert_eq!(forced(&mut studio.harness), [(4 * INTERVAL, true, 3)]);
}

#[test]
fn what_has_no_connection_with_what_came_begins_with_a_key_frame() {
    let mut studio = Studio::new(&[("keyframe-interval", "1000")]);
    studio.film(3);
    let mut discont = picture(3);
    discont.get_mut().unwrap().set_flags(gst::BufferFlags::DISCONT);
    assert!(is_key(&studio.push(discont)));
    assert!(!is_key(&studio.push(picture(4))));

    assert!(studio.harness.push_event(gst::event::FlushStart::new()));
    assert!(studio.harness.push_event(gst::event::FlushStop::new(true)));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(studio.harness.push_event(gst::event::Segment::new(&segment)));
    assert!(is_key(&studio.push(picture(0))));
    assert!(!is_key(&studio.push(picture(1))));

    let wide = VideoInfo::builder(VideoFormat::I420, WIDTH / 2, HEIGHT * 2).fps((25, 1)).build().unwrap();
    studio.harness.set_src_caps(wide.to_caps().unwrap());
    assert!(is_key(&studio.push(picture(2))));
}

#[test]
fn pictures_that_are_turned_begin_with_a_key_frame_so_that_none_is_missing() {
    let mut studio = Studio::new(&[("keyframe-interval", "1000")]);
    let mut units: Vec<(gst::Caps, gst::Buffer)> = Vec::new();
    for number in 0..6 {
        if number == 3 {
            let mut tags = gst::TagList::new();
            tags.make_mut().add::<gst::tags::ImageOrientation>(&"rotate-90", gst::TagMergeMode::Replace);
            assert!(studio.harness.push_event(gst::event::Tag::new(tags)));
        }
        let unit = studio.next();
        units.push((studio.caps(), unit));
    }
    assert_ne!(units[2].0, units[3].0);
    let mut cinema = Cinema::new(units[0].0.clone());
    for (number, (caps, unit)) in units.iter().enumerate() {
        if number == 3 {
            cinema.harness.set_src_caps(caps.clone());
        }
        assert!(cinema.show(unit).is_some_and(|shown| !is_marked(&shown)), "picture {number}");
    }
    assert_eq!((cinema.count("shown"), cinema.count("key-frames"), cinema.count("hidden")), (6, 2, 0));
}

#[test]
fn a_new_rate_is_kept_within_three_frames() {
    let mut studio = Studio::new(&[("keyframe-interval", "1000")]);
    studio.film(30);
    assert!(studio.harness.push_upstream_event(gstfql::rate::event(100)));
    studio.film(3);
    let bytes: usize = studio.film(10).iter().map(|unit| unit.size()).sum();
    // A tenth more for the headers of units this small.
    assert!(bytes <= 100 * 125 * 10 / 25 * 11 / 10 + 10 * 60, "{bytes} bytes in ten frames at 100 kbit/s");
}

#[test]
fn no_frame_waits_for_another() {
    let mut studio = Studio::new(&[]);
    studio.next();
    let mut query = gst::query::Latency::new();
    assert!(studio.harness.srcpad().unwrap().query(&mut query) || studio.element.query(&mut query));
    assert_eq!(query.result().1, gst::ClockTime::ZERO);
}

#[test]
fn upstream_is_offered_buffers() {
    let mut studio = Studio::new(&[]);
    let caps = info().to_caps().unwrap();
    let mut query = gst::query::Allocation::new(Some(&caps), true);
    assert!(studio.harness.srcpad().unwrap().peer_query(&mut query));
    assert!(query.find_allocation_meta::<gst_video::VideoMeta>().is_some());
    let (pool, size, ..) = query.allocation_pools().next().unwrap();
    assert!(pool.is_some() && size as usize >= info().size());
    studio.next();
}

#[test]
fn nothing_is_shown_before_the_first_key_frame_unless_that_is_wanted() {
    let mut studio = Studio::new(&[("keyframe-interval", "10")]);
    let units = studio.film(12);
    let mut cinema = Cinema::new(studio.caps());
    let shown: Vec<bool> = units[5..].iter().map(|unit| cinema.show(unit).is_some()).collect();
    assert_eq!(shown, [false, false, false, false, false, true, true]);
    assert_eq!((cinema.count("hidden"), cinema.count("unreferenced")), (5, 0));
    cinema.assert_quiet();

    let mut cinema = Cinema::new(studio.caps());
    cinema.element.set_property("wait-for-key-frame", false);
    let marked: Vec<bool> = units[8..].iter().map(|unit| is_marked(&cinema.show(unit).unwrap())).collect();
    assert_eq!(marked, [true, true, false, false]);
    cinema.assert_quiet();
}

#[test]
fn pictures_after_a_lost_one_are_marked_up_to_the_next_key_frame() {
    let mut studio = Studio::new(&[("keyframe-interval", "8")]);
    let units = studio.film(10);
    let mut cinema = Cinema::new(studio.caps());
    let mut marked = Vec::new();
    for (number, unit) in units.iter().enumerate().filter(|(number, _)| *number != 3) {
        let shown = cinema.show(unit).unwrap();
        marked.push((number, is_marked(&shown)));
        // What it is predicted from instead is one picture older.
        assert!(psnr(&shown, number as u64) > 15.0, "picture {number}");
    }
    let first = marked.iter().filter(|(_, is_marked)| *is_marked).map(|(number, _)| *number);
    assert_eq!(first.collect::<Vec<_>>(), [4, 5, 6, 7]);
    assert_eq!(cinema.count("drifted") + cinema.count("unreferenced"), 4);
    cinema.assert_quiet();
}

#[test]
fn pictures_drift_where_layers_are_taken_out_that_others_are_predicted_from() {
    let mut studio = Studio::new(&[("keyframe-interval", "6"), ("reference-layer", "2")]);
    let units = studio.film(8);
    let coded: Vec<u8> = units
        .iter()
        .map(|unit| Unit::from_bytes(&unit.map_readable().unwrap()).unwrap().coded_layers())
        .collect();
    assert!(coded.iter().all(|layers| *layers > 3), "{coded:?} layers");
    let marked = |cinema: &mut Cinema, units: &[gst::Buffer]| -> Vec<usize> {
        (0..8).filter(|&number| is_marked(&cinema.show(&units[number]).unwrap())).collect()
    };
    for (max_layer, expected) in [(2u32, vec![]), (1, vec![1, 2, 3, 4, 5, 7])] {
        let thin = gst::ElementFactory::make("fqlthin").property("max-layer", max_layer).build().unwrap();
        let mut thin = Harness::with_element(&thin, Some("sink"), Some("src"));
        thin.set_src_caps(studio.caps());
        let thinned: Vec<gst::Buffer> =
            units.iter().map(|unit| thin.push_and_pull(unit.clone()).unwrap()).collect();
        assert_eq!(keys(&thinned), [0, 6]);
        assert_eq!(marked(&mut Cinema::new(studio.caps()), &thinned), expected, "up to layer {max_layer}");
    }
    // A decoder that has all layers shows fewer without that.
    let mut cinema = Cinema::new(studio.caps());
    cinema.element.set_property("max-layer", 0u32);
    assert_eq!(marked(&mut cinema, &units), Vec::<usize>::new());
}

#[test]
fn drift_ends_when_the_encoder_hears_of_the_loss() {
    const LOST: usize = 6;
    const TOLD: usize = 9;
    let mut studio = Studio::new(&[("keyframe-interval", "1000")]);
    let first = studio.next();
    let mut cinema = Cinema::new(studio.caps());
    cinema.show(&first).unwrap();
    let mut marked = Vec::new();
    for number in 1..16usize {
        let unit = studio.next();
        if number != LOST {
            let shown = cinema.show(&unit).unwrap();
            marked.extend(is_marked(&shown).then_some(number));
        }
        // What comes back does so two frames later.
        if let Some(told) = number.checked_sub(TOLD - LOST - 1).filter(|told| *told > 0) {
            let running_time = gst::ClockTime::from_mseconds(told as u64 * INTERVAL);
            let layers = if told == LOST { 0 } else { 15 };
            assert!(studio.harness.push_upstream_event(Acknowledgement { running_time, layers }.to_event()));
        }
    }
    assert_eq!(marked, (LOST + 1..TOLD).collect::<Vec<_>>());
}

/// The pictures of a file that are shown from a time on.
fn shown_from(file: &Path, millis: u64) -> Vec<gst::Buffer> {
    let description =
        format!("filesrc location={} ! fqldemux ! fqldec ! appsink name=sink sync=false", file.display());
    let player = Player::new(&description);
    player.pipeline.set_state(gst::State::Paused).unwrap();
    player.pipeline.state(gst::ClockTime::from_seconds(30)).0.unwrap();
    let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
    player.pipeline.seek_simple(flags, gst::ClockTime::from_mseconds(millis)).unwrap();
    player.pipeline.set_state(gst::State::Playing).unwrap();
    let sink = player.pipeline.by_name("sink").and_downcast::<gst_app::AppSink>().unwrap();
    let all =
        std::iter::from_fn(|| sink.pull_sample().ok()).filter_map(|sample| sample.buffer_owned()).collect();
    assert_eq!(player.warnings(), Vec::<String>::new());
    all
}

#[test]
fn an_accurate_seek_between_key_frames_shows_the_same_pictures_as_playing_there() {
    common::init();
    let folder = Folder::new("between");
    let file = folder.file("a.fql");
    record(&file, "", &[PICTURES]);
    let all = shown_from(&file, 0);
    let some = shown_from(&file, 1_400);
    assert_eq!((all.len(), some.len()), (50, 15));
    for (before, after) in all[35..].iter().zip(&some) {
        assert_eq!(before.pts(), after.pts());
        assert!(!is_marked(after) && common::bytes(before) == common::bytes(after));
    }
}
