//! The sender's UTC at the receiver.

mod common;

use std::time::{SystemTime, UNIX_EPOCH};

use common::server::{STREAM_KEY, Server};
use common::{Receiver, Sender, Wanted};
use gst::prelude::*;

/// Something in 2001, so that it cannot be this machine's.
const UTC: u64 = 1_000_000_000_000_000_000;
const FRAME: u64 = 40_000_000;

/// The UTC of a buffer in nanoseconds since 1970.
fn utc(buffer: &gst::Buffer) -> Option<u64> {
    let unix = gst::Caps::new_empty_simple("timestamp/x-unix");
    let mut metas = buffer.iter_meta::<gst::ReferenceTimestampMeta>();
    metas.find(|meta| meta.reference() == unix.as_ref()).map(|meta| meta.timestamp().nseconds())
}

/// Lets the buffers of the camera come with a time of this kind, which is so many nanoseconds at the beginning.
fn stamp(sender: &Sender, caps: &str, beginning: u64) {
    let camera = sender.player.pipeline.by_name("camera").unwrap();
    let caps = gst::Caps::new_empty_simple(caps);
    camera.static_pad("src").unwrap().add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let buffer = info.buffer_mut().unwrap();
        let time = buffer.pts().unwrap() + gst::ClockTime::from_nseconds(beginning);
        gst::ReferenceTimestampMeta::add(buffer.make_mut(), &caps, time, None);
        gst::PadProbeReturn::Ok
    });
}

/// That buffers have UTC by their place in a file that began at [`UTC`], within 2 ms.
fn check(buffers: &[gst::Buffer]) {
    for buffer in buffers {
        let utc = utc(buffer).expect("each buffer has its UTC");
        let from_start = utc.checked_sub(UTC - 2_000_000).expect("not before the start");
        assert!(from_start % FRAME <= 4_000_000, "{utc} is not that of a frame");
    }
    for pair in buffers.windows(2) {
        let (reference, times) = (
            utc(&pair[1]).unwrap() - utc(&pair[0]).unwrap(),
            pair[1].pts().unwrap() - pair[0].pts().unwrap(),
        );
        assert!(reference.abs_diff(times.nseconds()) < 8_000_000, "{reference} beside {times}");
    }
}

#[test]
fn buffers_come_with_the_utc_that_they_had_at_the_sender() {
    common::init();
    for (caps, beginning) in [("timestamp/x-unix", UTC), ("timestamp/x-ntp", UTC + 2_208_988_800_000_000_000)]
    {
        let receiver = Receiver::start("udp://127.0.0.1:0", "latency=1000");
        let sender = Sender::new(&receiver, "", Wanted { frames: 30, ..Wanted::VIDEO });
        stamp(&sender, caps, beginning);
        let sender = sender.start();
        sender.player.wait_for_eos();
        receiver.player.wait_for_eos();
        let buffers = receiver.buffers("video");
        assert_eq!(buffers.len(), 30);
        check(&buffers);
        assert!(utc(&buffers[29]).unwrap().abs_diff(UTC + 29 * FRAME) < 2_000_000, "{caps}");
    }
}

#[test]
fn viewers_of_a_server_get_the_publishers_utc() {
    common::init();
    let server = Server::start();
    let early = Receiver::start(&server.play_uri(), "latency=500");
    let sender = Sender::to(&server.publish_uri(), &format!("stream-key={STREAM_KEY}"), Wanted::VIDEO);
    stamp(&sender, "timestamp/x-unix", UTC);
    let _sender = sender.start();
    early.wait_for_buffers("video", 15);
    let late = Receiver::start(&server.play_uri(), "latency=500");
    late.wait_for_buffers("video", 15);
    check(&early.buffers("video"));
    check(&late.buffers("video"));
}

#[test]
fn without_a_time_of_their_own_buffers_have_that_of_the_senders_system() {
    common::init();
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let before = now();
    let receiver = Receiver::start("udp://127.0.0.1:0", "latency=1000");
    let _sender = Sender::new(&receiver, "one-way=true", Wanted { audio: true, ..Wanted::VIDEO }).start();
    receiver.wait_for_buffers("video", 10);
    receiver.wait_for_buffers("audio", 10);
    // Nanoseconds; units of which nothing is missing do not wait for their time.
    let age = receiver.stats().get::<i64>("capture-age").unwrap();
    assert!((-1_000_000..1_000_000_000).contains(&age), "{age}");
    let (clock, base_time) =
        (receiver.player.pipeline.clock().unwrap(), receiver.player.pipeline.base_time().unwrap());
    let ahead = now() - clock.time().nseconds();
    for kind in ["video", "audio"] {
        for buffer in receiver.buffers(kind) {
            let utc = utc(&buffer).expect("each buffer has its UTC");
            assert!((before..now() + 1_000_000_000).contains(&utc), "{kind}");
            // Both are on one machine: the way takes no time but for what it takes a busy machine to send.
            let came = (buffer.pts().unwrap() + base_time).nseconds() + ahead;
            assert!(came.abs_diff(utc) < 500_000_000, "{kind}: {came} beside {utc}");
        }
    }
}

#[test]
fn buffers_come_without_it_where_it_is_not_wanted() {
    common::init();
    let options = "latency=1000 add-reference-timestamp-meta=false";
    let receiver = Receiver::start("udp://127.0.0.1:0", options);
    let _sender = Sender::new(&receiver, "", Wanted::VIDEO).start();
    receiver.wait_for_buffers("video", 5);
    assert!(receiver.buffers("video").iter().all(|buffer| utc(buffer).is_none()));
    receiver.source.set_property("add-reference-timestamp-meta", true);
    let came = receiver.buffers("video").len();
    common::wait_for("buffers with UTC", || {
        receiver.buffers("video")[came..].iter().any(|b| utc(b).is_some())
    });
}

#[test]
fn decoded_pictures_keep_it() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", "latency=1000");
    let sender = Sender::new(&receiver, "", Wanted { frames: 5, ..Wanted::VIDEO });
    stamp(&sender, "timestamp/x-unix", UTC);
    let sender = sender.start();
    sender.player.wait_for_eos();
    receiver.player.wait_for_eos();
    let mut decoder = gst_check::Harness::new("fqldec");
    decoder.set_src_caps(receiver.caps("video"));
    for buffer in receiver.buffers("video") {
        decoder.push(buffer).unwrap();
    }
    decoder.push_event(gst::event::Eos::new());
    let pictures: Vec<_> = std::iter::from_fn(|| decoder.try_pull()).collect();
    assert_eq!(pictures.len(), 5);
    check(&pictures);
}
