//! Tracks through `fqlmux`, a file and `fqldemux`.

mod common;

use common::files::{Came, Folder, Heard, PICTURES, PULL, PUSH, Reading, SOUND, push_file, record};
use common::{Player, wait_for};
use gst::prelude::*;

const H264: &str = "videotestsrc pattern=ball num-buffers=60 ! \
    video/x-raw,format=I420,width=64,height=48,framerate=25/1 ! \
    x264enc bframes=3 b-pyramid=true key-int-max=10 speed-preset=veryfast ! h264parse";
const AAC: &str = "audiotestsrc num-buffers=50 samplesperbuffer=1920 ! audio/x-raw,rate=48000,channels=2 ! \
    audioconvert ! avenc_aac ! aacparse";
const OPUS: &str = "audiotestsrc num-buffers=50 samplesperbuffer=1920 ! audio/x-raw,rate=48000,channels=2 ! \
    audioconvert ! opusenc";

/// What came is what went, in bytes and flags, and in times from the first one on.
fn assert_same(went: &Came, came: &Came, name: &str) {
    assert!(!went.buffers.is_empty(), "{name} had nothing");
    assert!(went.bytes() == came.bytes(), "{name}: {} came of {}", came.buffers.len(), went.buffers.len());
    let presented = |came: &Came| {
        let first = came.times()[0].0;
        came.times().iter().map(|time| time.0 - first).collect::<Vec<_>>()
    };
    assert_eq!(presented(went), presented(came), "{name}");
    let about = |came: &Came| {
        let about = |b: &gst::Buffer| (b.duration(), b.flags() & gst::BufferFlags::DELTA_UNIT);
        came.buffers.iter().map(about).collect::<Vec<_>>()
    };
    assert_eq!(about(went), about(came), "{name}");
    let (before, after) = (went.caps.last().unwrap(), came.caps.last().unwrap());
    // Encoders say more of raw video than its layers need, and the second header of Opus is nobody's business.
    let rest = |caps: &gst::Caps| {
        let mut structure = caps.structure(0).unwrap().to_owned();
        structure.remove_field("streamheader");
        gst::Caps::from(structure)
    };
    assert!(rest(before).can_intersect(&rest(after)), "{before} {after}");
    assert!(came.has_ended, "{name}");
}

fn assert_all_same(written: &Heard, heard: &Heard, pairs: &[(&str, &str)]) {
    for (sink, source) in pairs {
        assert_same(&written.of(sink), &heard.of(source), source);
    }
}

#[test]
fn layered_video_and_sound_come_back_as_they_went() {
    common::init();
    let folder = Folder::new("layered");
    let file = folder.file("a.fql");
    let written = record(&file, "", &[PICTURES, SOUND]);
    for source in [PULL, PUSH] {
        let reading = Reading::all(&file, source);
        let pairs = [("sink_0", "video_0"), ("sink_1", "audio_0")];
        assert_all_same(&written, &reading.heard, &pairs);
        for (sink, source) in pairs {
            assert_eq!(written.of(sink).times(), reading.heard.of(source).times());
        }
        assert_eq!(reading.player.warnings(), Vec::<String>::new());
        assert_eq!(reading.player.streams_announced(), 2);
    }
}

#[test]
fn encoded_video_and_sound_come_back_as_they_went_with_both_times() {
    common::init();
    let folder = Folder::new("encoded");
    let file = folder.file("a.fql");
    let written = record(&file, "", &[H264, AAC, OPUS]);
    let reading = Reading::all(&file, PULL);
    assert_all_same(
        &written,
        &reading.heard,
        &[("sink_0", "video_0"), ("sink_1", "audio_0"), ("sink_2", "audio_1")],
    );
    let delays = |came: &Came| {
        let delay = |(pts, dts): &(u64, Option<u64>)| pts - dts.unwrap_or(*pts);
        came.times().iter().map(delay).collect::<Vec<_>>()
    };
    let (went, came) = (delays(&written.of("sink_0")), delays(&reading.heard.of("video_0")));
    // Times before the beginning of the file are its beginning.
    assert_eq!(went[4..], came[4..]);
    assert!(came.iter().any(|delay| *delay > 0), "no picture is decoded earlier than it is shown");
}

/// Writes video from the beginning on, sound from a second on, and two pieces of data.
fn record_uneven(file: &std::path::Path) -> Player {
    let player = Player::new(&format!(
        "fqlmux name=mux ! filesink location={} {PICTURES} ! mux. \
         audiotestsrc timestamp-offset=1000000000 num-buffers=25 samplesperbuffer=1920 ! \
         audio/x-raw,format=S16LE,rate=48000,channels=2 ! fqlenc bitrate=128 ! mux. \
         appsrc name=data format=time caps=text/x-raw,format=utf8 ! mux.",
        file.display()
    ));
    let data = player.pipeline.by_name("data").and_downcast::<gst_app::AppSrc>().unwrap();
    player.pipeline.set_state(gst::State::Playing).unwrap();
    for (at, text) in [(200, "early"), (1_500, "late")] {
        let mut buffer = gst::Buffer::from_slice(text);
        buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(at));
        data.push_buffer(buffer).unwrap();
    }
    data.end_of_stream().unwrap();
    player.wait_for_eos();
    player
}

#[test]
fn a_track_that_starts_late_and_one_that_says_little_keep_their_times() {
    common::init();
    let folder = Folder::new("uneven");
    let file = folder.file("a.fql");
    record_uneven(&file);
    for source in [PULL, PUSH] {
        let reading = Reading::all(&file, source);
        let (video, sound, data) =
            (reading.heard.of("video_0"), reading.heard.of("audio_0"), reading.heard.of("data_0"));
        assert_eq!((video.millis()[0], video.buffers.len()), (0, 50));
        assert_eq!(sound.millis()[0], 1_000);
        assert_eq!(data.millis(), [200, 1_500]);
        assert_eq!(data.bytes(), [b"early".to_vec(), b"late".to_vec()]);
        assert!(sound.gaps > 0 && data.gaps > 0, "{} {}", sound.gaps, data.gaps);
    }
}

#[test]
fn units_of_all_tracks_stand_in_the_file_in_the_order_of_their_times() {
    common::init();
    let folder = Folder::new("order");
    let file = folder.file("a.fql");
    record(&file, "", &[PICTURES, SOUND]);
    let mut reader = fql_file::FileReader::new(std::fs::File::open(&file).unwrap());
    let mut times = Vec::new();
    while let Some(parsed) = reader.next_record().unwrap() {
        if let fql_file::Record::Unit(unit) = parsed.record {
            times.push(unit.decoding_time());
        }
    }
    assert!(times.is_sorted() && times.len() > 150, "{}: {times:?}", times.len());
    assert_eq!(reader.ending(), fql_file::Ending::Finished);
}

#[test]
fn a_file_that_was_cut_off_plays_to_its_last_whole_unit_and_warns() {
    common::init();
    let folder = Folder::new("cut");
    let (whole, cut) = (folder.file("whole.fql"), folder.file("cut.fql"));
    let written = record(&whole, "", &[PICTURES, SOUND]);
    let bytes = std::fs::read(&whole).unwrap();
    for share in [2, 3, 5, 8, 9, 10] {
        std::fs::write(&cut, &bytes[..bytes.len() * share / 11]).unwrap();
        for source in [PULL, PUSH] {
            let reading = Reading::all(&cut, source);
            for (sink, source) in [("sink_0", "video_0"), ("sink_1", "audio_0")] {
                let (went, came) = (written.of(sink).bytes(), reading.heard.of(source).bytes());
                assert!(
                    went.starts_with(&came) && came.len() * 11 >= went.len() * (share - 1),
                    "{}",
                    came.len()
                );
            }
            assert!(reading.player.warnings()[0].contains("no end"), "{:?}", reading.player.warnings());
        }
    }
}

#[test]
fn damage_costs_the_units_that_it_touches_and_is_told() {
    common::init();
    let folder = Folder::new("damage");
    let file = folder.file("a.fql");
    let written = record(&file, "", &[PICTURES, SOUND]);
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 9].fill(0x55);
    std::fs::write(&file, bytes).unwrap();
    let reading = Reading::all(&file, PULL);
    let count = |heard: &Heard, names: [&str; 2]| -> usize {
        names.map(|name| heard.of(name).buffers.len()).iter().sum()
    };
    let (went, came) = (count(&written, ["sink_0", "sink_1"]), count(&reading.heard, ["video_0", "audio_0"]));
    assert!((went - 2..went).contains(&came), "{came} of {went}");
    assert!(reading.player.warnings()[0].contains("damaged"), "{:?}", reading.player.warnings());
    let video = reading.heard.of("video_0");
    let breaks = video.buffers.iter().filter(|b| b.flags().contains(gst::BufferFlags::DISCONT)).count();
    assert_eq!(breaks, 2);
}

#[test]
fn what_is_no_file_is_an_error() {
    common::init();
    let folder = Folder::new("none");
    let file = folder.file("a.fql");
    for bytes in [vec![], vec![7; 3_000_000]] {
        std::fs::write(&file, bytes).unwrap();
        for source in [PULL, PUSH] {
            let reading = Reading::prepare(&file, source);
            let _ = reading.player.pipeline.set_state(gst::State::Playing);
            reading.player.wait_for_error();
        }
    }
}

fn seek(flags: gst::SeekFlags, start: u64, stop: Option<u64>, rate: f64) -> gst::Event {
    let stop_type = if stop.is_some() { gst::SeekType::Set } else { gst::SeekType::None };
    let flags = flags | gst::SeekFlags::FLUSH;
    let (start, stop) = (gst::ClockTime::from_mseconds(start), stop.map(gst::ClockTime::from_mseconds));
    gst::event::Seek::new(rate, flags, gst::SeekType::Set, start, stop_type, stop)
}

#[test]
fn a_seek_lands_at_any_refresh_point_by_pulling_and_by_pushing() {
    common::init();
    let folder = Folder::new("seek");
    let file = folder.file("a.fql");
    record(&file, "", &[H264, SOUND]);
    let whole = Reading::all(&file, PULL).heard.of("video_0");
    let is_key = |buffer: &&gst::Buffer| !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
    let keys: Vec<u64> = whole.buffers.iter().filter(is_key).map(|b| b.pts().unwrap().mseconds()).collect();
    assert_eq!(keys, [0, 400, 800, 1_200, 1_600, 2_000]);
    for source in [PULL, PUSH] {
        let reading = Reading::prepare(&file, source);
        reading.preroll();
        let duration = reading.player.pipeline.query_duration::<gst::ClockTime>().unwrap();
        assert_eq!(duration.mseconds(), 2_400, "{source}");
        let key = gst::SeekFlags::KEY_UNIT;
        let after = key | gst::SeekFlags::SNAP_AFTER;
        let nearest = after | gst::SeekFlags::SNAP_BEFORE;
        for (flags, time, lands) in [
            (key, 1_300, 1_200),
            (key, 800, 800),
            (after, 1_300, 1_600),
            (nearest, 1_500, 1_600),
            (nearest, 100, 0),
            (key, 2_399, 2_000),
            (key, 0, 0),
        ] {
            reading.seek(seek(flags, time, None, 1.0));
            wait_for("the first picture", || !reading.heard.of("video_0").buffers.is_empty());
            let video = reading.heard.of("video_0");
            let start = video.segments[0].start().unwrap().mseconds();
            assert_eq!((video.millis()[0], start), (lands, lands), "{source}: {flags:?} {time}");
            assert!(video.buffers[0].flags().contains(gst::BufferFlags::DISCONT));
        }
    }
}

#[test]
fn an_accurate_seek_begins_at_its_time_and_ends_at_its_stop() {
    common::init();
    let folder = Folder::new("accurate");
    let file = folder.file("a.fql");
    record(&file, "", &[H264, SOUND, PICTURES]);
    for source in [PULL, PUSH] {
        let reading = Reading::prepare(&file, source);
        reading.preroll();
        reading.seek(seek(gst::SeekFlags::ACCURATE, 1_310, Some(1_700), 1.0));
        reading.play_to_end();
        let (encoded, sound, layered) =
            (reading.heard.of("video_0"), reading.heard.of("audio_0"), reading.heard.of("video_1"));
        for came in [&encoded, &sound, &layered] {
            let (start, stop) = (came.segments[0].start(), came.segments[0].stop());
            assert_eq!((start.unwrap().mseconds(), stop.unwrap().mseconds()), (1_310, 1_700), "{source}");
        }
        // Encoded video begins at a refresh point of the index, layers at the last key frame.
        assert_eq!(encoded.millis()[0], 800, "{source}");
        assert_eq!((layered.millis()[0], layered.millis().last()), (1_000, Some(&1_680)), "{source}");
        assert!((1_290..=1_310).contains(&sound.millis()[0]), "{source}: {}", sound.millis()[0]);
    }
}

#[test]
fn played_fast_only_some_refresh_points_come() {
    common::init();
    let folder = Folder::new("fast");
    let file = folder.file("a.fql");
    record(&file, "", &[H264, SOUND]);
    let reading = Reading::prepare(&file, PULL);
    reading.preroll();
    let flags = gst::SeekFlags::TRICKMODE_KEY_UNITS | gst::SeekFlags::TRICKMODE_NO_AUDIO;
    reading.seek(seek(flags, 0, None, 8.0));
    reading.play_to_end();
    assert_eq!(reading.heard.of("video_0").millis(), [0, 800, 1_600]);
    assert!(reading.heard.of("audio_0").buffers.is_empty());
    // Backwards is not to be had, and says so.
    assert!(!reading.player.pipeline.send_event(seek(gst::SeekFlags::empty(), 0, Some(1_000), -1.0)));
}

#[test]
fn a_part_that_is_played_for_a_loop_says_when_it_is_over() {
    common::init();
    let folder = Folder::new("loop");
    let file = folder.file("a.fql");
    record(&file, "", &[PICTURES, SOUND]);
    let reading = Reading::prepare(&file, PULL);
    reading.preroll();
    reading.seek(seek(gst::SeekFlags::SEGMENT, 400, Some(800), 1.0));
    reading.player.pipeline.set_state(gst::State::Playing).unwrap();
    let bus = reading.player.pipeline.bus().unwrap();
    let limit = gst::ClockTime::from_seconds(30);
    let done = bus.timed_pop_filtered(limit, &[gst::MessageType::SegmentDone, gst::MessageType::Error]);
    assert_eq!(done.map(|message| message.type_()), Some(gst::MessageType::SegmentDone));
    assert_eq!(reading.heard.of("video_0").millis().last(), Some(&760));
}

#[test]
fn a_pipe_is_played_without_seeking() {
    common::init();
    let folder = Folder::new("pipe");
    let file = folder.file("a.fql");
    let written = record(&file, "", &[PICTURES, SOUND]);
    let reading =
        Reading::prepare(&file, "appsrc name=in stream-type=stream format=bytes ! fqldemux name=demux");
    let source = reading.player.pipeline.by_name("in").and_downcast::<gst_app::AppSrc>().unwrap();
    reading.player.pipeline.set_state(gst::State::Playing).unwrap();
    push_file(&source, &file);
    reading.player.wait_for_eos();
    assert_all_same(&written, &reading.heard, &[("sink_0", "video_0"), ("sink_1", "audio_0")]);
    assert!(!reading.player.pipeline.send_event(seek(gst::SeekFlags::KEY_UNIT, 400, None, 1.0)));
}

#[test]
fn a_file_that_begins_late_begins_at_zero_unless_its_times_are_wanted() {
    common::init();
    let folder = Folder::new("late");
    let file = folder.file("a.fql");
    let late = PICTURES.replace("num-buffers", "timestamp-offset=5000000000 num-buffers");
    for (options, begin) in [("", 0), ("offset-to-zero=false", 5_000_000_000)] {
        record(&file, options, &[&late]);
        let mut reader = fql_file::FileReader::new(std::fs::File::open(&file).unwrap());
        assert_eq!(reader.index().unwrap().index.begin(), begin);
        let video = Reading::all(&file, PULL).heard.of("video_0");
        assert_eq!((video.millis()[0], video.buffers.len()), (0, 50));
    }
}

#[test]
fn tags_come_back() {
    common::init();
    let folder = Folder::new("tags");
    let file = folder.file("a.fql");
    record(&file, "", &[&format!("{PICTURES} ! taginject tags=title=sea,comment=windy")]);
    let video = Reading::all(&file, PULL).heard.of("video_0");
    let title = video.tags.iter().find_map(|tags| tags.get::<gst::tags::Title>().map(|t| t.get().to_owned()));
    assert_eq!(title.as_deref(), Some("sea"));
}

/// Plays a file with a player of GStreamer, seeks in it, and plays it to its end.
fn plays_in(player: &str) {
    common::init();
    let folder = Folder::new(player);
    let file = folder.file("a.fql");
    record(&file, "", &[PICTURES, SOUND]);
    let uri = gst::glib::filename_to_uri(&file, None).unwrap();
    let playing = Player::new(&format!(
        "{player} name=play uri={uri} video-sink=\"fakesink name=v\" audio-sink=\"fakesink name=a\""
    ));
    let play = playing.pipeline.clone();
    let heard = Heard::default();
    for (property, name) in [("video-sink", "v"), ("audio-sink", "a")] {
        let sink: gst::Element = play.property(property);
        heard.listen(&sink.static_pad("sink").unwrap(), name);
    }
    play.set_state(gst::State::Paused).unwrap();
    playing.wait_for_state(gst::State::Paused);
    wait_for("the duration", || {
        play.query_duration::<gst::ClockTime>().is_some_and(|duration| duration.mseconds() >= 2_000)
    });
    play.seek_simple(gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE, gst::ClockTime::from_mseconds(1_000))
        .unwrap();
    play.set_state(gst::State::Playing).unwrap();
    playing.wait_for_eos();
    let (video, sound) = (heard.of("v"), heard.of("a"));
    assert_eq!((video.millis()[0], video.buffers.len()), (1_000, 25), "{:?}", video.millis());
    assert_eq!(video.caps.last().unwrap().structure(0).unwrap().name(), "video/x-raw");
    assert!(sound.buffers.len() > 20 && sound.millis()[0] >= 980, "{:?}", sound.millis());
}

#[test]
fn playbin3_plays_a_file_and_seeks_in_it() {
    plays_in("playbin3");
}

#[test]
fn playbin_plays_a_file_and_seeks_in_it() {
    plays_in("playbin");
}

#[test]
fn thinned_units_decode_to_what_their_lower_layers_are() {
    common::init();
    let folder = Folder::new("thin");
    let (whole, thin) = (folder.file("whole.fql"), folder.file("thin.fql"));
    let pictures = PICTURES.replace("bitrate=500", "bitrate=0");
    let sound = SOUND.replace("bitrate=128", "bitrate=0");
    record(&whole, "", &[&pictures, &sound]);
    record(
        &thin,
        "",
        &[&format!("{pictures} ! fqlthin max-layer=3"), &format!("{sound} ! fqlthin max-layer=3")],
    );
    for kind in ["video_0", "audio_0"] {
        let of = |file| Reading::all(file, PULL).heard.of(kind);
        let (whole, thin) = (of(&whole), of(&thin));
        let size = |came: &Came| came.bytes().iter().map(Vec::len).sum::<usize>();
        assert!(size(&thin) * 3 < size(&whole) * 2, "{} of {}", size(&thin), size(&whole));
        let caps = thin.caps.last().unwrap().clone();
        let lower = common::decode_with("fqldec max-layer=3", &caps, whole.buffers);
        let thinned = common::decode(&caps, thin.buffers);
        assert!(!lower.is_empty());
        assert_eq!(lower.len(), thinned.len(), "{kind}");
        let differing = (0..lower.len()).find(|&at| lower[at] != thinned[at]);
        assert_eq!(differing, None, "{kind}: the first of {} that differs", lower.len());
    }
}

#[test]
fn encoded_video_is_thinned_by_what_needs_its_pictures() {
    common::init();
    let folder = Folder::new("thin-encoded");
    let file = folder.file("a.fql");
    let count = |layer: u8| {
        record(&file, "", &[&format!("{H264} ! fqlthin max-layer={layer}")]);
        let video = Reading::all(&file, PULL).heard.of("video_0");
        let shown = common::decode_with("avdec_h264", video.caps.last().unwrap(), video.buffers.clone());
        assert_eq!(shown.len(), video.buffers.len(), "up to layer {layer}");
        video.buffers.len()
    };
    let (keys, references, all) = (count(0), count(1), count(2));
    assert_eq!((keys, all), (6, 60));
    assert!(keys < references && references < all, "{references}");
}
