//! `fqlfecsink` to `fqlsrc` over sockets of this machine.

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Player, Receiver, Sender, Wanted, wait_for};
use gst::prelude::*;
use gstfql::acknowledgement::Acknowledgement;

/// Where every unit counts: a busy machine is no reason to lose one.
const PATIENT: &str = "passphrase=secret latency=1000";

#[test]
fn video_sound_and_data_cross_the_network() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", "passphrase=secret");
    let sender = Sender::new(&receiver, "passphrase=secret", Wanted::ALL).start();
    receiver.wait_for_buffers("video", 25);
    receiver.wait_for_buffers("audio", 25);
    sender.push_data(b"first");
    sender.push_data(b"second");
    receiver.wait_for_buffers("data", 2);

    let data: Vec<Vec<u8>> = receiver.buffers("data").iter().map(common::bytes).collect();
    assert_eq!(data, [b"first".to_vec(), b"second".to_vec()]);
    let caps = receiver.caps("data");
    assert_eq!(caps.to_string(), "text/x-raw, format=(string)utf8");
    for kind in ["video", "audio"] {
        let times: Vec<_> = receiver.buffers(kind).iter().map(|b| b.pts().unwrap()).collect();
        assert!(times.is_sorted(), "{kind}: {times:?}");
    }
    assert_eq!(receiver.player.streams_announced(), 3);
    let stats = receiver.stats();
    assert_eq!(stats.get::<bool>("connected"), Ok(true));
    assert!(stats.get::<u64>("received").unwrap() > 50);
    assert_eq!(stats.get::<u64>("refused-forged"), Ok(0));
}

#[test]
fn frames_come_evenly_and_none_of_a_file_is_missed() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", PATIENT);
    let sender = Sender::new(&receiver, "passphrase=secret", Wanted { frames: 50, ..Wanted::VIDEO }).start();
    sender.player.wait_for_eos();
    receiver.player.wait_for_eos();
    let times: Vec<_> = receiver.buffers("video").iter().map(|b| b.pts().unwrap().mseconds()).collect();
    assert_eq!(times.len(), 50);
    for pair in times.windows(2) {
        assert!((35..=45).contains(&(pair[1] - pair[0])), "{times:?}");
    }
}

#[test]
fn a_decoded_picture_is_the_one_that_was_sent() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", "latency=1000");
    let options = Wanted { frames: 10, bitrate: 0, ..Wanted::VIDEO };
    let sender = Sender::new(&receiver, "", options).start();
    sender.player.wait_for_eos();
    receiver.player.wait_for_eos();
    let sent = common::test_pictures(10);
    let decoded = common::decode(&receiver.caps("video"), receiver.buffers("video"));
    assert_eq!(decoded.len(), 10);
    assert!(decoded == sent, "pictures differ");
}

#[test]
fn a_sender_that_returns_uses_the_same_pads() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", "passphrase=secret eos-on-goodbye=false");
    let first = Sender::new(&receiver, "passphrase=secret", Wanted::ALL).start();
    receiver.wait_for_buffers("video", 5);
    first.stop();
    let before = receiver.buffers("video").len();
    let _second = Sender::new(&receiver, "passphrase=secret", Wanted::ALL).start();
    receiver.wait_for_buffers("video", before + 10);
    assert_eq!(receiver.pads_added(), 3);
    let buffers = receiver.buffers("video");
    let discont = |b: &gst::Buffer| b.flags().contains(gst::BufferFlags::DISCONT);
    assert!(buffers[before.saturating_sub(1)..].iter().any(discont), "the new session is a discontinuity");
    assert_eq!(receiver.stats().get::<u64>("sessions"), Ok(2));
}

#[test]
fn a_sender_that_returns_with_other_tracks_gets_other_pads() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", "passphrase=secret eos-on-goodbye=false");
    let first = Sender::new(&receiver, "passphrase=secret", Wanted::VIDEO).start();
    receiver.wait_for_buffers("video", 5);
    first.stop();
    let _second = Sender::new(&receiver, "passphrase=secret", Wanted::AUDIO).start();
    receiver.wait_for_buffers("audio", 5);
    wait_for("the end of the video", || receiver.ended("video"));
    wait_for("the pad of the video to go", || receiver.source.src_pads().len() == 1);
    assert_eq!(receiver.source.src_pads()[0].name(), "audio_0");
}

#[test]
fn a_goodbye_ends_the_stream_and_the_next_sender_begins_a_new_one() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", "passphrase=secret");
    let first = Sender::new(&receiver, "passphrase=secret", Wanted { frames: 5, ..Wanted::VIDEO }).start();
    first.player.wait_for_eos();
    receiver.player.wait_for_eos();
    let before = receiver.buffers("video").len();
    let _second = Sender::new(&receiver, "passphrase=secret", Wanted::VIDEO).start();
    receiver.wait_for_buffers("video", before + 5);
}

#[test]
fn a_seek_keeps_the_session_and_one_after_the_end_begins_another() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", &format!("{PATIENT} eos-on-goodbye=false"));
    let sender = Sender::new(&receiver, "passphrase=secret", Wanted::VIDEO).start();
    receiver.wait_for_buffers("video", 5);
    let seek_to_ten_frames = || {
        let (set, start, stop) =
            (gst::SeekType::Set, gst::ClockTime::ZERO, gst::ClockTime::from_mseconds(400));
        sender.player.pipeline.seek(1.0, gst::SeekFlags::FLUSH, set, start, set, stop).unwrap();
    };
    seek_to_ten_frames();
    sender.player.wait_for_eos();
    assert_eq!(receiver.stats().get::<u64>("sessions"), Ok(1));
    let before = receiver.buffers("video").len();
    seek_to_ten_frames();
    receiver.wait_for_buffers("video", before + 10);
    assert_eq!(receiver.stats().get::<u64>("sessions"), Ok(2));
    assert!(sender.player.errors().is_empty());
}

#[test]
fn a_receiver_that_restarts_is_found_again() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", "passphrase=secret");
    let uri = format!("udp://127.0.0.1:{}", receiver.port());
    let sender = Sender::new(&receiver, "passphrase=secret", Wanted::VIDEO).start();
    receiver.wait_for_buffers("video", 5);
    receiver.player.stop();
    let again = Receiver::start(&uri, "passphrase=secret");
    again.wait_for_buffers("video", 10);
    assert_eq!(sender.sink.property::<gst::Structure>("stats").get::<u64>("sessions"), Ok(2));
}

#[test]
fn a_receiver_stops_and_starts_in_place() {
    common::init();
    let port = common::free_port();
    let receiver = Receiver::start(&format!("udp://127.0.0.1:{port}"), "passphrase=secret");
    let _sender = Sender::new(&receiver, "passphrase=secret", Wanted::VIDEO).start();
    receiver.wait_for_buffers("video", 5);
    receiver.player.pipeline.set_state(gst::State::Ready).unwrap();
    assert!(receiver.source.src_pads().is_empty());
    let before = receiver.buffers("video").len();
    receiver.player.pipeline.set_state(gst::State::Playing).unwrap();
    receiver.wait_for_buffers("video", before + 5);
}

#[test]
fn a_wrong_passphrase_gives_no_pads_and_both_ends_warn_of_it() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", "passphrase=right");
    let sender = Sender::new(
        &receiver,
        "passphrase=wrong connect-timeout=100",
        Wanted { frames: 1000, ..Wanted::VIDEO },
    )
    .start();
    wait_for("foreign datagrams", || receiver.stats().get::<u64>("refused-foreign").is_ok_and(|n| n > 1));
    assert!(receiver.source.src_pads().is_empty());
    assert_eq!(receiver.stats().get::<bool>("connected"), Ok(false));
    let warning = receiver.player.wait_for_warning();
    assert!(warning.contains("another passphrase"), "{warning}");
    let warning = sender.player.wait_for_warning();
    assert!(warning.contains("No receiver answers at udp://127.0.0.1"), "{warning}");
}

#[test]
fn one_way_and_a_receiver_that_answers_give_no_warning() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", "passphrase=secret");
    let elsewhere = format!("udp://127.0.0.1:{}", common::free_port());
    let sender = Sender::new(&receiver, "passphrase=secret", Wanted::VIDEO).start();
    let one_way = Sender::to(&elsewhere, "passphrase=secret one-way=true", Wanted::VIDEO).start();
    // More seconds than a receiver may take to answer.
    receiver.wait_for_buffers("video", 100);
    for player in [&receiver.player, &sender.player, &one_way.player] {
        assert_eq!(player.warnings(), Vec::<String>::new());
    }
}

#[test]
fn what_strangers_send_is_counted_and_harms_nothing() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", "passphrase=secret");
    let _sender = Sender::new(&receiver, "passphrase=secret", Wanted::VIDEO).start();
    receiver.wait_for_buffers("video", 5);
    let stranger = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for n in 0..2000usize {
        let rubbish: Vec<u8> = (0..n % 1500).map(|i| (i * 31 + n * 17) as u8).collect();
        stranger.send_to(&rubbish, ("127.0.0.1", receiver.port())).unwrap();
    }
    receiver.wait_for_buffers("video", receiver.buffers("video").len() + 10);
    assert!(receiver.stats().get::<u64>("refused-foreign").unwrap() > 0);
    assert!(receiver.player.errors().is_empty());
}

#[test]
fn a_passphrase_in_a_file_is_the_same_as_one_in_the_open() {
    common::init();
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("passphrase");
    std::fs::write(&file, "secret\n").unwrap();
    let receiver = Receiver::start("udp://127.0.0.1:0", "passphrase=secret");
    let options = format!("passphrase-file={}", file.display());
    let _sender = Sender::new(&receiver, &options, Wanted::VIDEO).start();
    receiver.wait_for_buffers("video", 5);
}

#[test]
fn one_way_needs_no_answer() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", "passphrase=secret");
    let sender = Sender::new(&receiver, "passphrase=secret one-way=true", Wanted::ALL).start();
    receiver.wait_for_buffers("video", 10);
    receiver.wait_for_buffers("audio", 10);
    let stats = sender.sink.property::<gst::Structure>("stats");
    assert_eq!(stats.get::<&str>("fec"), Ok("adaptive"));
    assert!(!stats.has_field("peer"));
}

#[test]
fn a_group_is_heard_by_several() {
    common::init();
    let options = "passphrase=secret bind-address=127.0.0.1";
    let uri = format!("udp://239.255.42.99:{}", common::free_port());
    let receivers = [Receiver::start(&uri, options), Receiver::start(&uri, options)];
    let _sender = Sender::to(&uri, &format!("{options} one-way=true"), Wanted::VIDEO).start();
    for receiver in &receivers {
        receiver.wait_for_buffers("video", 5);
    }
}

#[test]
fn ipv6_works_as_well() {
    common::init();
    let receiver = Receiver::start("udp://[::1]:0", "passphrase=secret");
    let uri = format!("udp://[::1]:{}/stream", receiver.port());
    let _sender = Sender::to(&uri, "passphrase=secret", Wanted::VIDEO).start();
    receiver.wait_for_buffers("video", 10);
}

#[test]
fn nobody_listening_is_no_error_and_a_late_receiver_gets_the_stream() {
    common::init();
    let port = common::free_port();
    let uri = format!("udp://127.0.0.1:{port}");
    let sender = Sender::to(&uri, "passphrase=secret connect-timeout=100", Wanted::VIDEO).start();
    sender.player.wait_for_state(gst::State::Playing);
    let receiver = Receiver::start(&uri, "passphrase=secret");
    receiver.wait_for_buffers("video", 10);
    assert!(sender.player.errors().is_empty());
}

#[test]
fn the_size_of_video_changes_on_the_way_and_every_unit_comes_with_its_own_caps() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", PATIENT);
    let options = "passphrase=secret congestion-control=false";
    let sender = Sender::new(&receiver, options, Wanted { bitrate: 0, ..Wanted::VIDEO });
    sender.player.pipeline.by_name("camera").unwrap().set_property_from_str("pattern", "gradient");
    let sender = sender.start();
    let filter = sender.player.pipeline.by_name("size").unwrap();
    let sizes_seen = || receiver.sections("video").len();
    receiver.wait_for_buffers("video", 5);
    for (n, (width, height)) in [(96, 80), (40, 24), (64, 48)].into_iter().enumerate() {
        let caps = format!("video/x-raw,format=I420,width={width},height={height},framerate=25/1");
        filter.set_property_from_str("caps", &caps);
        wait_for("the new size", || sizes_seen() == n + 2);
        receiver.wait_for_buffers("video", receiver.buffers("video").len() + 5);
    }
    sender.stop();
    let sections = receiver.sections("video");
    let width = |caps: &gst::Caps| caps.structure(0).unwrap().get::<i32>("width").unwrap();
    assert_eq!(sections.iter().map(|(caps, _)| width(caps)).collect::<Vec<_>>(), [64, 96, 40, 64]);
    for (caps, units) in sections {
        let pictures = common::decode(&caps, units);
        // The gradient stands still: all pictures of one size are the same, unless one was decoded with the caps
        // of another.
        let same: Vec<_> = pictures.iter().map(|picture| *picture == pictures[0]).collect();
        assert!(!same.contains(&false), "{caps}: {same:?}");
    }
    assert_eq!(receiver.pads_added(), 1);
}

#[test]
fn encoders_are_told_what_the_link_carries() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", "passphrase=secret");
    let options = Wanted { bitrate: 4000, ..Wanted::VIDEO };
    let sender = Sender::new(&receiver, "passphrase=secret max-bitrate=300 fec=equal:2", options).start();
    receiver.wait_for_buffers("video", 30);
    let rate = || receiver.stats().get::<u64>("delivered-rate").unwrap();
    wait_for("a rate within the bound", || (1..330_000).contains(&rate()));
    sender.sink.set_property("max-bitrate", 0u32);
    wait_for("the bound to go", || rate() > 400_000);
}

#[test]
fn encoders_are_told_what_the_receiver_has_of_each_picture_once() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", "passphrase=secret");
    let wanted = Wanted { bitrate: 500, ..Wanted::VIDEO };
    let sender = Sender::new(&receiver, "passphrase=secret", wanted);
    let pad = sender.sink.static_pad("sink_0").unwrap().peer().unwrap();
    let (told, sent) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    let (of_told, of_sent) = (told.clone(), sent.clone());
    pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
        if let Some(said) = info.event().and_then(|event| Acknowledgement::of_event(event)) {
            of_told.lock().unwrap().push(said);
        }
        gst::PadProbeReturn::Ok
    });
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let buffer = info.buffer_mut().unwrap();
        let mut unit = fql_unit::Unit::from_bytes(&buffer.map_readable().unwrap()).unwrap();
        unit.set_reference_layers(unit.coded_layers());
        let mut again = gst::Buffer::from_mut_slice(unit.to_bytes());
        buffer.copy_into(again.get_mut().unwrap(), gst::BUFFER_COPY_METADATA, ..).unwrap();
        *buffer = again;
        // The pipeline's segment begins at 0, so that times are running times.
        of_sent.lock().unwrap().push((buffer.pts().unwrap(), unit.coded_layers()));
        gst::PadProbeReturn::Ok
    });
    let _sender = sender.start();
    wait_for("acknowledgements of twenty pictures", || told.lock().unwrap().len() >= 20);
    let (told, sent) = (told.lock().unwrap(), sent.lock().unwrap());
    assert!(told.is_sorted_by(|a, b| a.running_time < b.running_time), "{told:?}");
    for said in told.iter() {
        assert!(sent.contains(&(said.running_time, said.layers)), "{said:?} of {sent:?}");
    }
}

#[test]
fn error_correction_changes_while_playing_and_nonsense_is_refused() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", "passphrase=secret");
    let sender = Sender::new(&receiver, "passphrase=secret", Wanted::VIDEO).start();
    receiver.wait_for_buffers("video", 5);
    let fec = || sender.sink.property::<gst::Structure>("stats").get::<String>("fec").unwrap();
    assert_eq!(fec(), "adaptive");
    sender.sink.set_property("fec", "equal:5");
    assert_eq!(fec(), "equal:5");
    sender.sink.set_property("fec", "nonsense");
    assert_eq!(fec(), "equal:5");
    assert_eq!(sender.sink.property::<String>("fec"), "equal:5");
    let warning = sender.player.wait_for_warning();
    assert!(warning.contains("nonsense"), "{warning}");
}

#[test]
fn what_cannot_be_fails_at_the_start_and_says_why() {
    common::init();
    for (options, expected) in [
        ("uri=nonsense", "udp://"),
        ("fec=nonsense", "nonsense"),
        ("max-bitrate=3", "at least 16"),
        ("bind-address=nonsense", "no IP address"),
        ("uri=udp://host.invalid:1", "host.invalid"),
        ("passphrase-file=/nowhere/at/all", "/nowhere/at/all"),
    ] {
        let player = Player::new(&format!("fqlfecsink name=sink {options} fakesrc ! sink."));
        assert!(player.pipeline.set_state(gst::State::Paused).is_err(), "{options}");
        let errors = player.errors().join(" ");
        assert!(errors.contains(expected), "{options}: {errors}");
    }
    let taken = Receiver::start("udp://127.0.0.1:0", "");
    let player = Player::new(&format!("fqlsrc uri=udp://127.0.0.1:{}", taken.port()));
    assert!(player.pipeline.set_state(gst::State::Paused).is_err());
    assert!(player.errors().join(" ").contains("127.0.0.1"));
}

#[test]
fn raw_video_is_refused_with_a_hint() {
    common::init();
    let player = Player::new("videotestsrc ! fqlfecsink connect-timeout=0");
    let _ = player.pipeline.set_state(gst::State::Playing);
    let error = player.wait_for_error();
    assert!(error.contains("fqlenc"), "{error}");
}

#[test]
fn a_pad_that_nobody_links_holds_up_no_other() {
    common::init();
    let receiver = Receiver::start_with("udp://127.0.0.1:0", "passphrase=secret", &["video"]);
    let _sender = Sender::new(&receiver, "passphrase=secret", Wanted::ALL).start();
    receiver.wait_for_buffers("video", 30);
    assert_eq!(receiver.source.src_pads().len(), 3);
    assert!(receiver.player.errors().is_empty());
}

#[test]
fn a_track_that_falls_silent_gets_gap_events() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", "passphrase=secret");
    let sender = Sender::new(&receiver, "passphrase=secret", Wanted::ALL).start();
    receiver.wait_for_buffers("video", 5);
    sender.push_data(b"once");
    receiver.wait_for_buffers("data", 1);
    wait_for("gap events on the data track", || receiver.gaps("data") > 1);
    assert_eq!(receiver.gaps("video"), 0);
}

#[test]
fn a_flush_loses_data_and_nothing_else() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", "passphrase=secret");
    let _sender = Sender::new(&receiver, "passphrase=secret", Wanted::VIDEO).start();
    receiver.wait_for_buffers("video", 5);
    assert!(receiver.source.send_event(gst::event::FlushStart::new()));
    assert!(receiver.source.send_event(gst::event::FlushStop::new(false)));
    let before = receiver.buffers("video").len();
    receiver.wait_for_buffers("video", before + 5);
    assert!(receiver.player.errors().is_empty());
}

#[test]
fn an_end_from_outside_ends_all_pads() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", "passphrase=secret");
    let _sender = Sender::new(&receiver, "passphrase=secret", Wanted::VIDEO).start();
    receiver.wait_for_buffers("video", 5);
    receiver.player.pipeline.send_event(gst::event::Eos::new());
    receiver.player.wait_for_eos();
}

#[test]
fn the_latency_query_says_live_and_the_budget() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", "passphrase=secret latency=250");
    let _sender = Sender::new(&receiver, "passphrase=secret", Wanted::VIDEO).start();
    receiver.wait_for_buffers("video", 1);
    let mut query = gst::query::Latency::new();
    assert!(receiver.source.src_pads()[0].query(&mut query));
    assert_eq!(query.result(), (true, gst::ClockTime::from_mseconds(250), None));
}

#[test]
fn fewer_layers_are_received_when_asked_for_while_playing() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", "passphrase=secret");
    let _sender = Sender::new(&receiver, "passphrase=secret", Wanted { bitrate: 0, ..Wanted::VIDEO }).start();
    receiver.wait_for_buffers("video", 5);
    receiver.source.set_property("max-layer", 1u32);
    let layers = || fql_unit::Unit::from_bytes(&common::bytes(receiver.buffers("video").last().unwrap()));
    wait_for("units of two layers", || layers().unwrap().complete_layers_everywhere() == 2);
}

#[test]
fn waiting_for_a_receiver_ends_with_the_state() {
    common::init();
    let uri = format!("udp://127.0.0.1:{}", common::free_port());
    let sender = Sender::to(&uri, "passphrase=secret connect-timeout=3600000", Wanted::ALL);
    for _ in 0..3 {
        sender.player.pipeline.set_state(gst::State::Playing).unwrap();
        let stats = || sender.sink.property::<gst::Structure>("stats");
        wait_for("a search for the receiver", || stats().get::<u64>("datagrams").is_ok_and(|n| n > 0));
        assert_ne!(sender.player.pipeline.current_state(), gst::State::Playing);
        let pipeline = sender.player.pipeline.clone();
        common::within(Duration::from_secs(10), "the way to NULL", move || {
            let _ = pipeline.set_state(gst::State::Null);
        });
    }
}

#[test]
fn states_change_at_any_moment_without_a_deadlock() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", "passphrase=secret");
    let sender = Sender::new(&receiver, "passphrase=secret", Wanted::ALL);
    let states = [gst::State::Ready, gst::State::Paused, gst::State::Playing, gst::State::Null];
    let mut seed = 12345u32;
    for _ in 0..24 {
        seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12345);
        let state = states[(seed >> 16) as usize % states.len()];
        let player = if seed >> 30 == 0 { &receiver.player } else { &sender.player };
        common::within(Duration::from_secs(20), "a change of state", {
            let pipeline = player.pipeline.clone();
            move || {
                let _ = pipeline.set_state(state);
            }
        });
        if seed >> 28 & 1 == 0 {
            // Not always: some changes come while the one before is under way.
            let _ = player.pipeline.state(gst::ClockTime::from_mseconds(200));
        }
    }
    for player in [&receiver.player, &sender.player] {
        let pipeline = player.pipeline.clone();
        common::within(Duration::from_secs(20), "the way to NULL", move || {
            let _ = pipeline.set_state(gst::State::Null);
        });
    }
}

#[test]
fn a_group_is_heard_from_the_source_that_is_named_in_the_address_or_by_the_property() {
    common::init();
    // Both send to one group; a receiver hears the one that it names.
    let port = common::free_port();
    let group = format!("udp://232.255.42.98:{port}");
    let from = |address: &str, frames: u32| {
        let options = format!("bind-address={address} one-way=true passphrase={address} multicast-iface=lo");
        Sender::to(&group, &options, Wanted { frames, ..Wanted::VIDEO }).start()
    };
    let hears = |uri: &str, options: &str| {
        Receiver::start(uri, &format!("passphrase=127.0.0.1 multicast-iface=127.0.0.1 {options}"))
    };
    let by_property = hears(&group, "multicast-source=127.0.0.1");
    let by_address = hears(&format!("{group}?multicast-source=127.0.0.1"), "multicast-source=127.0.0.9");
    let from_all = hears(&group, "");
    let (_wrong, _right) = (from("127.0.0.2", 100_000), from("127.0.0.1", 100_000));
    for receiver in [&by_property, &by_address, &from_all] {
        receiver.wait_for_buffers("video", 10);
    }
    // Of the other one, which has another passphrase, only the one that hears all takes notice.
    assert!(from_all.player.wait_for_warning().contains("authenticated"));
    assert_eq!([by_property.player.warnings(), by_address.player.warnings()], [[""; 0]; 2]);
}

#[test]
fn what_sockets_cannot_do_fails_at_the_start_and_says_why() {
    common::init();
    for (options, expected) in [
        ("uri=udp://239.1.2.3:4242 multicast-iface=no-such-one", "there is no network interface"),
        ("uri=udp://239.1.2.3:4242?multicast-source=lo", "is no IP address"),
        ("uri=udp://239.1.2.3:4242?ttl=3", "has the parameter"),
        ("uri=udp://127.0.0.1:0 multicast-source=127.0.0.1", "127.0.0.1 is no multicast address"),
        ("uri=udp://232.1.2.3:4242 multicast-source=::1", "not of the same kind"),
        ("uri=udp://232.1.2.3:4242 multicast-source=-127.0.0.1", "leaving sources out"),
    ] {
        let player = Player::new(&format!("fqlsrc {options}"));
        assert!(player.pipeline.set_state(gst::State::Paused).is_err(), "{options}");
        let errors = player.errors().join(" ");
        assert!(errors.contains(expected), "{options}: {errors}");
    }
    for (options, expected) in [
        ("uri=udp://239.1.2.3:4242 one-way=true multicast-iface=no-such-one", "no-such-one"),
        ("uri=udp://239.1.2.3:4242", "one-way=true"),
        ("uri=udp://[ff05::1]:4242", "one-way=true"),
    ] {
        let player = Player::new(&format!("fqlfecsink name=sink {options} fakesrc ! sink."));
        assert!(player.pipeline.set_state(gst::State::Paused).is_err(), "{options}");
        let errors = player.errors().join(" ");
        assert!(errors.contains(expected), "{options}: {errors}");
    }
}
