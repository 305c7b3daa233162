//! `streamapisink` against a small daemon over real sockets: its HTTP, and its ingest and playback of FQL.

#[path = "../../fql/tests/common/mod.rs"]
mod common;
mod daemon;

use std::sync::Once;
use std::time::{Duration, Instant};

use common::server::Command;
use common::{Player, Receiver, wait_for};
use daemon::{Answer, Daemon};
use gst::prelude::*;

const PICTURES: &str =
    "videotestsrc num-buffers=100000 ! video/x-raw,format=I420,width=64,height=48,framerate=25/1";
const SOUND: &str =
    "audiotestsrc num-buffers=100000 samplesperbuffer=1920 ! audio/x-raw,rate=44100,channels=2";

fn init() {
    static ONCE: Once = Once::new();
    common::init();
    ONCE.call_once(|| gststreamapi::plugin_register_static().unwrap());
}

/// A pipeline with the element `sink`, which publishes to a daemon.
fn publisher(daemon: &Daemon, options: &str, tracks: &str) -> Player {
    publisher_with_key(daemon, common::server::STREAM_KEY, options, tracks)
}

fn publisher_with_key(daemon: &Daemon, key: &str, options: &str, tracks: &str) -> Player {
    let url = daemon.url();
    let description =
        format!("streamapisink name=sink api-url={url} stream-key={key} retry-delay=20 {options} {tracks}");
    let player = Player::new(&description);
    player.pipeline.set_state(gst::State::Playing).unwrap();
    player
}

fn only_pictures(daemon: &Daemon, options: &str) -> Player {
    publisher(daemon, options, &format!("{PICTURES} ! sink."))
}

fn stats(player: &Player) -> gst::Structure {
    player.pipeline.by_name("sink").unwrap().property("stats")
}

fn state(player: &Player) -> String {
    stats(player).get("state").unwrap()
}

fn wait_for_live(player: &Player) {
    wait_for("the stream to be live", || {
        assert_eq!(player.errors(), Vec::<String>::new());
        state(player) == "live"
    });
}

fn viewer(daemon: &Daemon) -> Receiver {
    let uri = daemon.media().play_uri();
    Receiver::start(&uri, "latency=500")
}

#[test]
fn raw_video_and_sound_are_encoded_and_published() {
    init();
    let daemon = Daemon::start();
    let player = publisher(&daemon, "bitrate=500", &format!("{PICTURES} ! sink. {SOUND} ! sink."));
    wait_for_live(&player);
    let viewer = viewer(&daemon);
    viewer.wait_for_buffers("video", 25);
    viewer.wait_for_buffers("audio", 25);
    let caps = viewer.caps("video");
    let video = caps.structure(0).unwrap();
    assert_eq!((video.name().as_str(), video.get::<i32>("layers")), ("video/x-fql", Ok(7)));
    let stats = stats(&player);
    assert_eq!(stats.get::<&str>("stream"), Ok("my-stream"));
    assert_eq!(stats.get::<&str>("protocol"), Ok("fql"));
    let transport = stats.get::<gst::Structure>("transport").unwrap();
    assert_eq!(transport.get::<&str>("fec"), Ok("unequal:3,2,1,0"));
    assert!(transport.get::<u64>("datagrams").unwrap() > 0);
    assert_eq!(player.errors(), Vec::<String>::new());
}

#[test]
fn what_another_encoder_made_is_published_as_it_is() {
    init();
    let daemon = Daemon::start();
    let tracks = format!(
        "{PICTURES} ! x264enc tune=zerolatency key-int-max=25 ! video/x-h264,stream-format=byte-stream ! sink. \
         {SOUND} ! audioconvert ! avenc_aac ! sink."
    );
    let player = publisher(&daemon, "", &tracks);
    wait_for_live(&player);
    let viewer = viewer(&daemon);
    viewer.wait_for_buffers("video", 25);
    viewer.wait_for_buffers("audio", 25);
    assert_eq!(viewer.caps("video").structure(0).unwrap().name(), "video/x-h264");
    assert_eq!(viewer.caps("audio").structure(0).unwrap().name(), "audio/mpeg");
    let pictures = common::decode_with("avdec_h264", &viewer.caps("video"), viewer.buffers("video"));
    assert!(pictures.len() > 10, "{}", pictures.len());
}

/// Units of text for the element `data`, ten milliseconds each, and their end. It asks how to allocate before it sends
/// its caps, as many sources of data do.
fn send_lines(player: &Player, count: u64) {
    let source = player.pipeline.by_name("data").unwrap();
    for number in 0..count {
        let mut buffer = gst::Buffer::from_slice(format!("line {number}\n"));
        buffer.make_mut().set_pts(gst::ClockTime::from_mseconds(10 * number));
        let flow = source.emit_by_name::<gst::FlowReturn>("push-buffer", &[&buffer]);
        assert_eq!(flow, gst::FlowReturn::Ok);
    }
    let ended = source.emit_by_name::<gst::FlowReturn>("end-of-stream", &[]);
    assert_eq!(ended, gst::FlowReturn::Ok);
}

fn units_sent(player: &Player, track: usize) -> u64 {
    let transport = stats(player).get::<gst::Structure>("transport").unwrap();
    let tracks = transport.get::<gst::Array>("tracks").unwrap();
    tracks[track].get::<gst::Structure>().unwrap().get("units").unwrap()
}

const DATA: &str = "appsrc name=data format=time caps=text/x-raw,format=utf8 ! queue ! sink.";

#[test]
fn data_is_published_to_its_end_alone_and_beside_pictures() {
    init();
    let daemon = Daemon::start();
    for others in ["", &format!("{} ! sink.", PICTURES.replace("100000", "40"))] {
        let player = publisher(&daemon, "", &format!("{DATA} {others}"));
        send_lines(&player, 100);
        player.wait_for_eos();
        assert_eq!(units_sent(&player, 0), 100);
        if !others.is_empty() {
            assert_eq!(units_sent(&player, 1), 40);
        }
    }
}

#[test]
fn nothing_of_a_file_is_missed_while_the_daemon_is_asked() {
    init();
    let daemon = Daemon::start();
    daemon.answer(Answer::Error(503));
    let player = publisher(&daemon, "", &format!("{} ! sink.", PICTURES.replace("100000", "40")));
    wait_for("some attempts", || daemon.asked() > 3);
    assert_eq!(state(&player), "connecting");
    assert_ne!(player.pipeline.current_state(), gst::State::Playing);
    daemon.answer(Answer::Settings);
    player.wait_for_eos();
    let transport = stats(&player).get::<gst::Structure>("transport").unwrap();
    assert_eq!(transport.get::<u64>("units-dropped"), Ok(0));
    let track = transport.get::<gst::Array>("tracks").unwrap()[0].get::<gst::Structure>().unwrap();
    assert_eq!(track.get::<u64>("units"), Ok(40));
}

#[test]
fn a_wrong_key_is_an_error_at_once_which_does_not_tell_the_key() {
    init();
    let daemon = Daemon::start();
    let key = "sk_wrongwrongwrongwrongwrongwrong77";
    let player = publisher_with_key(&daemon, key, "", &format!("{PICTURES} ! sink."));
    let error = player.wait_for_error();
    assert!(error.contains("this stream key is not known here"), "{error}");
    assert!(!error.contains(key), "{error}");
    assert_eq!(daemon.asked(), 1);
    assert_eq!(state(&player), "refused");
    assert_eq!(player.told("application/x-stream-state", "state"), ["connecting", "refused"]);
}

#[test]
fn a_daemon_that_is_not_there_is_an_error_when_the_retries_are_used_up() {
    init();
    let daemon = Daemon::start();
    daemon.stop();
    let error = only_pictures(&daemon, "max-retries=3").wait_for_error();
    assert!(error.contains("given up after 4 attempts"), "{error}");
}

#[test]
fn a_daemon_that_restarts_gets_the_stream_again_without_an_error() {
    init();
    let daemon = Daemon::start();
    let player = only_pictures(&daemon, "");
    wait_for_live(&player);
    daemon.stop();
    wait_for("the loss to be noticed", || state(&player) == "reconnecting");
    daemon.start_again();
    wait_for_live(&player);
    viewer(&daemon).wait_for_buffers("video", 10);
    let told = player.told("application/x-stream-state", "state");
    assert_eq!(told[..3], ["connecting", "live", "reconnecting"]);
    assert_eq!(told.last().map(String::as_str), Some("live"));
    assert_eq!(player.errors(), Vec::<String>::new());
}

#[test]
fn a_daemon_that_comes_back_elsewhere_is_found() {
    init();
    let daemon = Daemon::start();
    let player = publisher(&daemon, "", &format!("{PICTURES} ! sink. {SOUND} ! sink."));
    wait_for_live(&player);
    let before = stats(&player).get::<String>("address").unwrap();
    daemon.move_media();
    wait_for("another address", || stats(&player).get::<String>("address").is_ok_and(|now| now != before));
    wait_for_live(&player);
    let viewer = viewer(&daemon);
    viewer.wait_for_buffers("video", 10);
    viewer.wait_for_buffers("audio", 10);
    assert_eq!(player.errors(), Vec::<String>::new());
}

#[test]
fn another_publisher_is_waited_for_and_one_that_takes_over_is_an_error() {
    init();
    let daemon = Daemon::start();
    let first = only_pictures(&daemon, "");
    wait_for_live(&first);
    daemon.media().tell(Command::Refuse(Some(fql_transport::EndReason::Refused)));
    let second = only_pictures(&daemon, "");
    wait_for("attempts of the second", || stats(&second).get::<u32>("failures").is_ok_and(|n| n > 1));
    assert_eq!(second.errors(), Vec::<String>::new());
    first.stop();
    wait_for_live(&second);
    daemon.media().tell(Command::Refuse(None));
    let third = only_pictures(&daemon, "");
    let error = second.wait_for_error();
    assert!(error.contains("another publisher took over"), "{error}");
    wait_for_live(&third);
}

#[test]
fn a_pause_is_told_and_the_stream_goes_on_after_it() {
    init();
    let daemon = Daemon::start();
    let player = only_pictures(&daemon, "");
    wait_for_live(&player);
    daemon.media().tell(Command::Pause(true));
    wait_for("the pause", || state(&player) == "paused");
    daemon.media().tell(Command::Pause(false));
    wait_for_live(&player);
    assert_eq!(daemon.media().seen().accepted, 1);
}

#[test]
fn statistics_are_posted_every_second() {
    init();
    let daemon = Daemon::start();
    let player = only_pictures(&daemon, "");
    wait_for("statistics of three seconds", || {
        player.told("application/x-stream-stats", "state").iter().filter(|state| *state == "live").count()
            >= 3
    });
}

#[test]
fn what_is_set_while_it_plays_is_so_in_the_elements() {
    init();
    let daemon = Daemon::start();
    let player = only_pictures(&daemon, "bitrate=600 keyframe-interval=50");
    wait_for_live(&player);
    let sink = player.pipeline.by_name("sink").unwrap();
    let inside = |factory: &str| {
        let bin = sink.downcast_ref::<gst::Bin>().unwrap();
        let is_it = |element: &gst::Element| element.factory().is_some_and(|f| f.name() == factory);
        bin.children().into_iter().find(is_it).unwrap()
    };
    assert_eq!(inside("fqlenc").property::<u32>("bitrate"), 600);
    assert_eq!(inside("fqlenc").property::<u32>("keyframe-interval"), 50);
    sink.set_property("bitrate", 900u32);
    sink.set_property("keyframe-interval", 15u32);
    sink.set_property("max-bitrate", 700u32);
    assert_eq!(inside("fqlenc").property::<u32>("bitrate"), 900);
    assert_eq!(inside("fqlenc").property::<u32>("keyframe-interval"), 15);
    assert_eq!(inside("fqlfecsink").property::<u32>("max-bitrate"), 700);
}

#[test]
fn what_cannot_be_fails_at_the_start_and_says_why() {
    init();
    for (options, expected) in [
        ("stream-key=sk_x api-url=udp://host", "api-url is \\\"udp://host\\\""),
        ("api-url=http://127.0.0.1:1", "stream-key is empty"),
        ("stream-key=sk_x protocol=smoke", "must be auto or one of: fql"),
    ] {
        let player = Player::new(&format!("videotestsrc ! streamapisink {options}"));
        assert!(player.pipeline.set_state(gst::State::Paused).is_err(), "{options}");
        let errors = player.errors().join(" ");
        assert!(errors.contains(expected), "{options}: {errors}");
    }
}

#[test]
fn no_state_change_waits_for_a_daemon_that_does_not_answer() {
    init();
    let daemon = Daemon::start();
    daemon.answer(Answer::Never);
    let player = publisher(&daemon, "", &format!("{PICTURES} ! sink. {SOUND} ! sink."));
    for state in [gst::State::Ready, gst::State::Playing, gst::State::Paused, gst::State::Null] {
        let pipeline = player.pipeline.clone();
        let began = Instant::now();
        common::within(Duration::from_secs(20), "a change of state", move || {
            pipeline.set_state(state).unwrap();
        });
        assert!(began.elapsed() < Duration::from_secs(4), "{state:?}");
    }
}

#[test]
fn it_starts_and_stops_many_times_and_publishes_each_time() {
    init();
    let daemon = Daemon::start();
    let player = publisher(&daemon, "", &format!("{PICTURES} ! sink. {SOUND} ! sink."));
    for _ in 0..4 {
        wait_for_live(&player);
        player.pipeline.set_state(gst::State::Ready).unwrap();
        assert_eq!(state(&player), "stopped");
        player.pipeline.set_state(gst::State::Playing).unwrap();
    }
    assert_eq!(player.errors(), Vec::<String>::new());
}

#[test]
fn a_pad_comes_and_goes_while_the_stream_is_live() {
    init();
    let daemon = Daemon::start();
    let player = only_pictures(&daemon, "");
    wait_for_live(&player);
    let sink = player.pipeline.by_name("sink").unwrap();
    let live_sound = "audiotestsrc is-live=true ! capsfilter caps=audio/x-raw,rate=48000,channels=1";
    let source = gst::parse::bin_from_description(live_sound, true).unwrap();
    player.pipeline.add(&source).unwrap();
    let pad = sink.request_pad_simple("sink_%u").unwrap();
    source.static_pad("src").unwrap().link(&pad).unwrap();
    source.sync_state_with_parent().unwrap();
    let viewer = viewer(&daemon);
    viewer.wait_for_buffers("audio", 10);
    source.set_state(gst::State::Null).unwrap();
    player.pipeline.remove(&source).unwrap();
    sink.release_request_pad(&pad);
    let before = viewer.buffers("video").len();
    viewer.wait_for_buffers("video", before + 10);
    assert_eq!(player.errors(), Vec::<String>::new());
}
