//! What `fqlenc` and `fqldec` are before caps come, and when their kind changes.

use gst::prelude::*;
use gst_check::Harness;

fn init() {
    gst::init().unwrap();
    gstfql::plugin_register_static().unwrap();
}

fn names(caps: &gst::Caps) -> Vec<String> {
    let mut names: Vec<_> = caps.iter().map(|s| s.name().to_string()).collect();
    names.sort();
    names.dedup();
    names
}

fn children(element: &gst::Element) -> Vec<String> {
    let bin = element.downcast_ref::<gst::Bin>().unwrap();
    bin.children().iter().map(|child| child.type_().name().to_string()).collect()
}

fn video_caps() -> gst::Caps {
    let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, 32, 16).fps((25, 1));
    info.build().unwrap().to_caps().unwrap()
}

fn audio_caps() -> gst::Caps {
    let info = gst_audio::AudioInfo::builder(gst_audio::AudioFormat::S16le, 48_000, 2);
    info.build().unwrap().to_caps().unwrap()
}

fn buffer(size: usize, pts: u64) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_mut_slice(vec![100; size]);
    buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(pts));
    buffer
}

#[test]
fn before_caps_the_union_is_offered_and_after_them_what_the_element_takes() {
    init();
    for (bin, kinds) in
        [("fqlenc", ["audio/x-raw", "video/x-raw"]), ("fqldec", ["audio/x-fql", "video/x-fql"])]
    {
        let element = gst::ElementFactory::make(bin).build().unwrap();
        let pad = element.static_pad("sink").unwrap();
        assert_eq!(names(&pad.query_caps(None)), kinds);
        assert_eq!(names(&pad.pad_template_caps()), kinds);
        assert!(children(&element).is_empty());
    }
    let element = gst::ElementFactory::make("fqlenc").build().unwrap();
    let mut harness = Harness::with_element(&element, Some("sink"), Some("src"));
    harness.set_src_caps(video_caps());
    assert_eq!(children(&element), ["GstFqlVideoEnc"]);
    let caps = element.static_pad("sink").unwrap().query_caps(None);
    let inner = element.downcast_ref::<gst::Bin>().unwrap().children().remove(0);
    let of_inner = inner.static_pad("sink").unwrap().query_caps(None);
    // First what the encoder says, then the other kind, to which the stream may change.
    let is_video = |(structure, _): &(&gst::StructureRef, _)| structure.name() == "video/x-raw";
    let of_video = caps.iter_with_features().filter(is_video);
    let of_video: gst::Caps = of_video.map(|(s, features)| (s.to_owned(), features.to_owned())).collect();
    assert_eq!(of_video, of_inner);
    assert_eq!(caps.structure(0).unwrap().name(), "video/x-raw");
    assert_eq!(names(&caps), ["audio/x-raw", "video/x-raw"]);
}

#[test]
fn what_downstream_takes_narrows_what_is_offered() {
    init();
    let pipeline = gst::Pipeline::new();
    let dec = gst::ElementFactory::make("fqldec").build().unwrap();
    let filter = gst::ElementFactory::make("capsfilter").build().unwrap();
    filter.set_property("caps", gst::Caps::new_empty_simple("audio/x-raw"));
    pipeline.add_many([&dec, &filter]).unwrap();
    dec.link(&filter).unwrap();
    assert_eq!(names(&dec.static_pad("sink").unwrap().query_caps(None)), ["audio/x-fql"]);
}

#[test]
fn properties_are_kept_until_the_element_is_there_and_forwarded_then() {
    init();
    let enc = gst::ElementFactory::make("fqlenc")
        .property("layers", 7u32)
        .property("bitrate", 777u32)
        .property("threads", 1u32)
        .build()
        .unwrap();
    let mut harness = Harness::with_element(&enc, Some("sink"), Some("src"));
    harness.set_src_caps(video_caps());
    let inner = enc.downcast_ref::<gst::Bin>().unwrap().children().remove(0);
    assert_eq!(inner.property::<u32>("layers"), 7);
    assert_eq!(inner.property::<u32>("bitrate"), 777);
    assert_eq!(inner.property::<u32>("threads"), 1);
    enc.set_property("bitrate", 500u32);
    assert_eq!(inner.property::<u32>("bitrate"), 500);
    harness.push(buffer(32 * 16 * 3 / 2, 0)).unwrap();
    let caps = harness.sinkpad().unwrap().current_caps().unwrap();
    assert_eq!(caps.structure(0).unwrap().get::<i32>("layers"), Ok(7));
}

#[test]
fn caps_of_the_other_kind_exchange_the_element() {
    init();
    let enc = gst::ElementFactory::make("fqlenc").property("bitrate", 0u32).build().unwrap();
    let mut harness = Harness::with_element(&enc, Some("sink"), Some("src"));
    harness.set_src_caps(video_caps());
    harness.push(buffer(32 * 16 * 3 / 2, 0)).unwrap();
    assert_eq!(harness.pull().unwrap().map_readable().unwrap()[0], 0xf4);

    assert!(harness.push_event(gst::event::Caps::new(&audio_caps())));
    assert_eq!(children(&enc), ["GstFqlAudioEnc"]);
    harness.push(buffer(48_000 * 4 / 10, 40)).unwrap();
    harness.pull().unwrap();
    let caps = harness.sinkpad().unwrap().current_caps().unwrap();
    assert_eq!(names(&caps), ["audio/x-fql"]);

    assert!(harness.push_event(gst::event::Caps::new(&video_caps())));
    assert_eq!(children(&enc), ["GstFqlVideoEnc"]);
}

#[test]
fn video_of_another_size_is_taken_on_the_way() {
    init();
    let enc = gst::ElementFactory::make("fqlenc").build().unwrap();
    let mut harness = Harness::with_element(&enc, Some("sink"), Some("src"));
    for (width, height, pts) in [(32, 16, 0), (64, 32, 40)] {
        let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, width, height).fps((25, 1));
        let info = info.build().unwrap();
        if pts == 0 {
            harness.set_src_caps(info.to_caps().unwrap());
        } else {
            harness.push_event(gst::event::Caps::new(&info.to_caps().unwrap()));
        }
        harness.push(buffer(info.size(), pts)).unwrap();
        harness.pull().unwrap();
        let caps = harness.sinkpad().unwrap().current_caps().unwrap();
        assert_eq!(caps.structure(0).unwrap().get::<i32>("width"), Ok(width as i32));
    }
}

#[test]
fn a_stream_without_caps_ends_too() {
    init();
    let dec = gst::ElementFactory::make("fqldec").build().unwrap();
    let mut harness = Harness::with_element(&dec, Some("sink"), Some("src"));
    harness.play();
    harness.push_event(gst::event::StreamStart::new("empty"));
    assert!(harness.push_event(gst::event::Eos::new()));
    let ended = std::iter::from_fn(|| harness.try_pull_event()).any(|e| e.type_() == gst::EventType::Eos);
    assert!(ended);
}

#[test]
fn a_bin_that_stops_forgets_its_element() {
    init();
    let enc = gst::ElementFactory::make("fqlenc").build().unwrap();
    let mut harness = Harness::with_element(&enc, Some("sink"), Some("src"));
    harness.set_src_caps(video_caps());
    assert_eq!(children(&enc).len(), 1);
    drop(harness);
    enc.set_state(gst::State::Null).unwrap();
    assert!(children(&enc).is_empty());
}

#[test]
fn properties_that_change_while_playing_say_so() {
    init();
    let playing = |element: &str, property: &str| {
        let element = gst::ElementFactory::make(element).build().unwrap();
        let flags = element.find_property(property).unwrap().flags();
        // GST_PARAM_MUTABLE_PLAYING, which the bindings have no name for in a property's flags.
        flags.bits() & (1 << (glib_user_shift() + 4)) != 0
    };
    assert!(
        playing("fqlenc", "bitrate")
            && playing("fqlvideoenc", "bitrate")
            && playing("fqlaudioenc", "bitrate")
    );
    assert!(playing("fqldec", "max-layer") && playing("fqlvideodec", "max-layer"));
    assert!(!playing("fqlenc", "layers"));
}

fn glib_user_shift() -> u32 {
    8
}

#[test]
fn only_the_decoders_inside_have_a_rank() {
    init();
    let rank = |name: &str| gst::ElementFactory::find(name).unwrap().rank();
    assert_eq!(rank("fqlvideodec"), gst::Rank::PRIMARY);
    assert_eq!(rank("fqlaudiodec"), gst::Rank::PRIMARY);
    for name in ["fqlenc", "fqldec", "fqlvideoenc", "fqlaudioenc"] {
        assert_eq!(rank(name), gst::Rank::NONE, "{name}");
    }
}
