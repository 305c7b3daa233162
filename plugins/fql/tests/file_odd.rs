//! `fqlmux` and `fqldemux` where a pipeline is odd: pads that go, seeks that nobody expects, servers that cannot seek.

mod common;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use common::files::{Folder, Heard, PICTURES, PULL, PUSH, Reading, SOUND, record};
use common::{Player, wait_for};
use gst::prelude::*;

/// Writes pictures into a file, after `prepare` did something to the muxer.
fn record_after(file: &Path, prepare: impl Fn(&gst::Element)) -> Player {
    let player =
        Player::new(&format!("fqlmux name=mux ! filesink location={} {PICTURES} ! mux.", file.display()));
    prepare(&player.pipeline.by_name("mux").unwrap());
    player.pipeline.set_state(gst::State::Playing).unwrap();
    player.wait_for_eos();
    player
}

#[test]
fn a_pad_that_was_given_back_is_not_waited_for() {
    common::init();
    let folder = Folder::new("given-back");
    let file = folder.file("a.fql");
    let player = record_after(&file, |mux| {
        let pad = mux.request_pad_simple("sink_%u").unwrap();
        mux.release_request_pad(&pad);
    });
    // And the same once more, from the beginning.
    player.stop();
    std::fs::remove_file(&file).unwrap();
    let again = player.pipeline.clone();
    again.set_state(gst::State::Playing).unwrap();
    let limit = gst::ClockTime::from_seconds(30);
    let end =
        again.bus().unwrap().timed_pop_filtered(limit, &[gst::MessageType::Eos, gst::MessageType::Error]);
    assert_eq!(end.map(|message| message.type_()), Some(gst::MessageType::Eos));
    assert_eq!(Reading::all(&file, PULL).heard.of("video_0").buffers.len(), 50);
}

#[test]
fn a_pad_that_is_asked_for_again_begins_anew_and_loses_nothing() {
    common::init();
    let folder = Folder::new("again");
    let file = folder.file("a.fql");
    let player = Player::new(&format!(
        "fqlmux name=mux ! filesink location={} {PICTURES} ! mux.sink_0 \
         appsrc name=data format=time caps=text/x-raw,format=utf8 ! mux.sink_1",
        file.display()
    ));
    let mux = player.pipeline.by_name("mux").unwrap();
    let data = player.pipeline.by_name("data").and_downcast::<gst_app::AppSrc>().unwrap();
    player.pipeline.set_state(gst::State::Playing).unwrap();
    let push = |text: &'static str, millis| {
        let mut buffer = gst::Buffer::from_slice(text);
        buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(millis));
        data.push_buffer(buffer).unwrap();
        wait_for("it to be taken", || data.current_level_buffers() == 0);
    };
    push("one", 100);
    let source = data.static_pad("src").unwrap();
    let old = mux.static_pad("sink_1").unwrap();
    source.unlink(&old).unwrap();
    mux.release_request_pad(&old);
    let new = mux.request_pad_simple("sink_1").unwrap();
    source.link(&new).unwrap();
    push("two", 200);
    data.end_of_stream().unwrap();
    player.wait_for_eos();
    let reading = Reading::all(&file, PULL);
    assert_eq!(reading.heard.of("video_0").buffers.len(), 50);
    assert_eq!(reading.heard.of("data_0").bytes(), [b"one".to_vec(), b"two".to_vec()]);
}

#[test]
fn a_pad_that_nothing_is_linked_to_holds_nobody_up() {
    common::init();
    let folder = Folder::new("unlinked");
    let file = folder.file("a.fql");
    let description = format!(
        "fqlmux name=mux ! filesink location={} {PICTURES} ! mux.sink_0 \
         queue name=nobody ! mux.sink_1 queue ! audioconvert ! fqlenc ! mux.sink_2",
        file.display()
    );
    let player = Player::new(&description);
    player.pipeline.set_state(gst::State::Playing).unwrap();
    player.wait_for_eos();
    assert_eq!(Reading::all(&file, PULL).heard.of("video_0").buffers.len(), 50);
}

#[test]
fn a_source_that_is_slow_to_begin_is_waited_for() {
    common::init();
    let folder = Folder::new("slow");
    let file = folder.file("a.fql");
    let player = Player::new(&format!(
        "fqlmux name=mux ! filesink location={} {PICTURES} ! mux.sink_0 \
         appsrc name=data format=time caps=text/x-raw,format=utf8 ! queue name=late ! mux.sink_1",
        file.display()
    ));
    // Its stream begins only when all pictures are there.
    let late = player.pipeline.by_name("late").unwrap();
    let held = late.static_pad("src").unwrap();
    let block = held.add_probe(gst::PadProbeType::BLOCK_DOWNSTREAM, |_, _| gst::PadProbeReturn::Ok);
    let video = player.pipeline.by_name("mux").unwrap().static_pad("sink_0").unwrap();
    let (ended, has_ended) = std::sync::mpsc::channel();
    video.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if info.event().is_some_and(|event| event.type_() == gst::EventType::Eos) {
            let _ = ended.send(());
        }
        gst::PadProbeReturn::Ok
    });
    let data = player.pipeline.by_name("data").and_downcast::<gst_app::AppSrc>().unwrap();
    player.pipeline.set_state(gst::State::Playing).unwrap();
    let mut buffer = gst::Buffer::from_slice("late");
    buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(100));
    data.push_buffer(buffer).unwrap();
    data.end_of_stream().unwrap();
    has_ended.recv_timeout(std::time::Duration::from_millis(500)).unwrap_err();
    held.remove_probe(block.unwrap());
    player.wait_for_eos();
    let reading = Reading::all(&file, PULL);
    assert_eq!(reading.heard.of("video_0").buffers.len(), 50);
    assert_eq!(reading.heard.of("data_0").bytes(), [b"late".to_vec()]);
}

#[test]
fn an_encoder_that_does_not_know_yet_what_it_codes_is_waited_for() {
    common::init();
    let folder = Folder::new("undecided");
    let file = folder.file("a.fql");
    let player = Player::new(&format!(
        "fqlmux name=mux ! filesink location={} \
         appsrc name=late format=time caps=video/x-raw,format=GRAY8,width=16,height=16,framerate=25/1 ! \
         fqlenc ! mux.sink_0 appsrc name=early format=time caps=text/x-raw,format=utf8 ! mux.sink_1",
        file.display()
    ));
    let source = |name: &str| player.pipeline.by_name(name).and_downcast::<gst_app::AppSrc>().unwrap();
    let push = |source: &gst_app::AppSrc, bytes: Vec<u8>| {
        let mut buffer = gst::Buffer::from_slice(bytes);
        buffer.get_mut().unwrap().set_pts(gst::ClockTime::ZERO);
        source.push_buffer(buffer).unwrap();
        source.end_of_stream().unwrap();
    };
    player.pipeline.set_state(gst::State::Playing).unwrap();
    let (late, early) = (source("late"), source("early"));
    push(&early, b"early".to_vec());
    let early = early.static_pad("src").unwrap();
    wait_for("the end of the first track", || early.task_state() == gst::TaskState::Paused);
    push(&late, vec![128; 256]);
    player.wait_for_eos();
    let reading = Reading::all(&file, PULL);
    assert_eq!(reading.heard.of("video_0").buffers.len(), 1);
    assert_eq!(reading.heard.of("data_0").buffers.len(), 1);
}

#[test]
fn a_part_of_a_file_is_copied_by_a_seek_before_playing() {
    common::init();
    let folder = Folder::new("part");
    let (whole, part) = (folder.file("whole.fql"), folder.file("part.fql"));
    record(&whole, "", &[PICTURES, SOUND]);
    let player = Player::new(&format!(
        "filesrc location={} ! fqldemux name=demux fqlmux name=mux ! filesink location={} \
         demux.video_0 ! queue ! mux. demux.audio_0 ! queue ! mux.",
        whole.display(),
        part.display()
    ));
    player.pipeline.set_state(gst::State::Paused).unwrap();
    let (result, _, _) = player.pipeline.state(gst::ClockTime::from_seconds(30));
    result.unwrap();
    let demux = player.pipeline.by_name("demux").unwrap();
    common::within(std::time::Duration::from_secs(20), "a seek", move || {
        let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
        let time = gst::ClockTime::from_mseconds;
        let seek =
            gst::event::Seek::new(1.0, flags, gst::SeekType::Set, time(400), gst::SeekType::Set, time(800));
        assert!(demux.static_pad("video_0").unwrap().send_event(seek));
    });
    player.pipeline.set_state(gst::State::Playing).unwrap();
    player.wait_for_eos();
    let video = Reading::all(&part, PULL).heard.of("video_0");
    // The pictures of 400 to 800 ms, and those before that they are predicted from.
    assert_eq!(video.buffers.len(), 20);
    assert_eq!(video.millis()[0], 0);
    let sound = Reading::all(&part, PULL).heard.of("audio_0");
    // A piece of sound that is heard at 400 ms begins earlier.
    assert!((360..=400).contains(&sound.millis()[0]), "{:?}", sound.millis());
}

/// Serves a file to whoever asks, from its beginning only. Gives its address.
fn serve_without_ranges(file: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/a.fql", listener.local_addr().unwrap());
    let bytes = std::fs::read(file).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // The request is of no account.
            let _ = stream.read(&mut [0; 4096]);
            let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&bytes));
        }
    });
    uri
}

#[test]
fn a_server_that_gives_only_whole_files_is_played_to_the_end() {
    common::init();
    let folder = Folder::new("whole");
    let file = folder.file("a.fql");
    let written = record(&file, "", &[PICTURES, SOUND]);
    let uri = serve_without_ranges(&file);
    let reading = Reading::all(&file, &format!("souphttpsrc location={uri} ! queue ! fqldemux name=demux"));
    for (sink, source) in [("sink_0", "video_0"), ("sink_1", "audio_0")] {
        assert!(written.of(sink).bytes() == reading.heard.of(source).bytes(), "{source}");
    }
}

#[test]
fn seeks_back_and_forth_and_starts_and_stops_leave_nothing_behind() {
    common::init();
    let folder = Folder::new("loops");
    let file = folder.file("a.fql");
    record(&file, "", &[PICTURES]);
    for source in [PULL, PUSH] {
        let source = source.replace("FILE", &file.display().to_string());
        let player = Player::new(&format!("{source} queue name=queue ! fakesink name=sink sync=false"));
        let [demux, queue, sink] =
            ["demux", "queue", "sink"].map(|name| player.pipeline.by_name(name).unwrap());
        let (heard, first) = (Heard::default(), queue.static_pad("sink").unwrap());
        heard.listen(&sink.static_pad("sink").unwrap(), "all");
        demux.connect_pad_added(move |_, pad| {
            pad.link(&first).unwrap();
        });
        for round in 0..5 {
            player.pipeline.set_state(gst::State::Paused).unwrap();
            player.pipeline.state(gst::ClockTime::from_seconds(30)).0.unwrap();
            for time in [1_500, 0, 1_900, 40, 1_700, 700] {
                let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
                player.pipeline.seek_simple(flags, gst::ClockTime::from_mseconds(time)).unwrap();
            }
            player.pipeline.set_state(gst::State::Playing).unwrap();
            wait_for("the end", || heard.of("all").has_ended);
            let millis = heard.of("all").millis();
            // From the last key frame on.
            assert_eq!((millis.len(), millis[0], millis.last()), (50, 0, Some(&1_960)), "round {round}");
            player.stop();
            assert!(demux.src_pads().is_empty(), "round {round}");
        }
    }
}
