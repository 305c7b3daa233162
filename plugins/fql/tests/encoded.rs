//! Media that other encoders made, from `fqlfecsink` to `fqlsrc` over sockets of this machine, and decoded.

mod common;

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use fql_tests::relay::{Link, Relay};

use common::{Player, Receiver, wait_for};
use gst::prelude::*;

/// Where every unit counts: a busy machine is no reason to lose one.
const PATIENT: &str = "passphrase=secret latency=1000";
const PICTURES: &str = "videotestsrc pattern=ball num-buffers=60 ! \
    video/x-raw,format=I420,width=160,height=120,framerate=25/1";
const SOUND: &str = "audiotestsrc wave=ticks num-buffers=60 samplesperbuffer=1920 ! \
    audio/x-raw,format=S16LE,rate=48000,channels=2,layout=interleaved ! audioconvert ! audioresample";
/// Pictures of several datagrams each.
const LARGE_PICTURES: &str = "videotestsrc pattern=snow num-buffers=150 ! \
    video/x-raw,format=I420,width=320,height=240,framerate=25/1";
/// B-frames, some of which others are predicted from, and several groups of pictures.
const X264: &str = "x264enc bframes=3 b-pyramid=true key-int-max=20 speed-preset=veryfast bitrate=500";

/// A sender of which it is known what went into it.
struct Encoded {
    player: Player,
    sent: Vec<Arc<Mutex<Vec<gst::Buffer>>>>,
}

impl Encoded {
    /// Sends what each description makes, on a pad each.
    fn start(receiver: &Receiver, options: &str, tracks: &[&str]) -> Self {
        Self::start_to(receiver.port(), options, tracks)
    }

    fn start_to(port: u16, options: &str, tracks: &[&str]) -> Self {
        let mut description = format!("fqlfecsink name=sink uri=udp://127.0.0.1:{port}/stream {options} ");
        for track in tracks {
            description += &format!("{track} ! queue max-size-time=0 max-size-buffers=200 ! sink. ");
        }
        let player = Player::new(&description);
        let sink = player.pipeline.by_name("sink").unwrap();
        let mut pads = sink.sink_pads();
        pads.sort_by_key(|pad| pad.name());
        let sent = pads.iter().map(record).collect();
        player.pipeline.set_state(gst::State::Playing).unwrap();
        Self { player, sent }
    }

    fn sent(&self, track: usize) -> Vec<gst::Buffer> {
        self.sent[track].lock().unwrap().clone()
    }
}

fn record(pad: &gst::Pad) -> Arc<Mutex<Vec<gst::Buffer>>> {
    let buffers = Arc::new(Mutex::new(Vec::new()));
    let for_probe = buffers.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &info.data {
            for_probe.lock().unwrap().push(buffer.clone());
        }
        gst::PadProbeReturn::Ok
    });
    buffers
}

/// Presentation times from the first one on, and how much earlier each is decoded.
fn times(buffers: &[gst::Buffer]) -> Vec<(u64, Option<u64>)> {
    let first = buffers.first().map_or(0, |buffer| buffer.pts().unwrap().nseconds());
    let time = |buffer: &gst::Buffer| {
        let pts = buffer.pts().unwrap().nseconds();
        (pts - first, buffer.dts().map(|dts| pts - dts.nseconds()))
    };
    buffers.iter().map(time).collect()
}

/// Times may be rounded to the clock of the other side, which runs a little differently.
fn assert_same_times(sent: &[gst::Buffer], received: &[gst::Buffer]) {
    for ((sent, received), i) in times(sent).into_iter().zip(times(received)).zip(0..) {
        assert_eq!(sent.1, received.1, "presentation less decoding time of buffer {i}");
        assert!(
            sent.0.abs_diff(received.0) < 20_000_000,
            "presentation time of buffer {i}: {sent:?} {received:?}"
        );
    }
}

fn assert_same_bytes(sent: &[gst::Buffer], received: &[gst::Buffer], receiver: &Receiver) {
    assert_eq!(sent.len(), received.len(), "{}", receiver.stats());
    for ((sent, received), i) in sent.iter().zip(received).zip(0..) {
        assert!(common::bytes(sent) == common::bytes(received), "the bytes of buffer {i} differ");
    }
}

/// What a decoder makes of the bytes and times of buffers with these caps.
fn decode(decoder: &str, caps: &gst::Caps, buffers: Vec<gst::Buffer>) -> Vec<Vec<u8>> {
    let plain = |buffer: gst::Buffer| {
        let mut plain = gst::Buffer::from_slice(common::bytes(&buffer));
        let fields = plain.get_mut().unwrap();
        fields.set_pts(buffer.pts());
        fields.set_dts(buffer.dts());
        plain
    };
    common::decode_with(decoder, caps, buffers.into_iter().map(plain).collect())
}

/// Sends what one description makes, and compares everything that arrives.
fn crosses_unchanged(kind: &str, track: &str, decoder: &str) -> Receiver {
    let receiver = Receiver::start("udp://127.0.0.1:0", PATIENT);
    let sender = Encoded::start(&receiver, "passphrase=secret", &[track]);
    sender.player.wait_for_eos();
    receiver.player.wait_for_eos();
    let (sent, received) = (sender.sent(0), receiver.buffers(kind));
    assert_same_bytes(&sent, &received, &receiver);
    let flag = |buffer: &gst::Buffer| buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
    assert_eq!(sent.iter().map(flag).collect::<Vec<_>>(), received.iter().map(flag).collect::<Vec<_>>());
    let caps = receiver.caps(kind);
    let decoded = [sent, received].map(|buffers| decode(decoder, &caps, buffers));
    assert!(!decoded[0].is_empty() && decoded[0] == decoded[1], "what is decoded differs");
    receiver
}

#[test]
fn h264_with_b_frames_and_aac_keep_their_bytes_and_both_their_times() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", PATIENT);
    let tracks = [&format!("{PICTURES} ! {X264} ! h264parse"), &format!("{SOUND} ! avenc_aac ! aacparse")];
    let sender = Encoded::start(&receiver, "passphrase=secret", &tracks.map(String::as_str));
    sender.player.wait_for_eos();
    receiver.player.wait_for_eos();
    for (track, kind) in ["video", "audio"].into_iter().enumerate() {
        assert_same_bytes(&sender.sent(track), &receiver.buffers(kind), &receiver);
    }
    let (sent, received) = (sender.sent(0), receiver.buffers("video"));
    assert_same_times(&sent, &received);
    let reordered = sent.windows(2).filter(|pair| pair[1].pts() < pair[0].pts()).count();
    assert!(reordered > 10, "the encoder should have made B-frames: {reordered}");
    let pictures = decode("h264parse ! avdec_h264", &receiver.caps("video"), received);
    assert_eq!(pictures.len(), 60);
    let sound = decode("avdec_aac", &receiver.caps("audio"), receiver.buffers("audio"));
    assert!(sound.len() >= 60, "{}", sound.len());
}

#[test]
fn h264_after_start_codes_comes_as_it_went() {
    common::init();
    let track = format!(
        "{PICTURES} ! {X264} ! h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream"
    );
    crosses_unchanged("video", &track, "avdec_h264");
}

#[test]
fn h265_comes_as_it_went() {
    common::init();
    let track = format!("{PICTURES} ! x265enc speed-preset=ultrafast bitrate=500 key-int-max=20 ! h265parse");
    crosses_unchanged("video", &track, "h265parse ! avdec_h265");
}

#[test]
fn av1_comes_as_it_went() {
    common::init();
    let track =
        format!("{PICTURES} ! av1enc cpu-used=10 usage-profile=realtime keyframe-max-dist=20 ! av1parse");
    crosses_unchanged("video", &track, "av1parse ! av1dec");
}

#[test]
fn opus_comes_as_it_went() {
    common::init();
    let receiver = crosses_unchanged("audio", &format!("{SOUND} ! opusenc"), "opusdec");
    assert!(receiver.caps("audio").structure(0).unwrap().has_field("streamheader"));
}

#[test]
fn aac_in_adts_comes_as_it_went() {
    common::init();
    let track = format!("{SOUND} ! avenc_aac ! aacparse ! audio/mpeg,stream-format=adts");
    crosses_unchanged("audio", &track, "aacparse ! avdec_aac");
}

#[test]
fn pictures_lie_on_three_layers_and_a_receiver_may_take_fewer() {
    common::init();
    let receiver = Receiver::start("udp://127.0.0.1:0", &format!("{PATIENT} max-layer=0"));
    let sender =
        Encoded::start(&receiver, "passphrase=secret", &[&format!("{PICTURES} ! {X264} ! h264parse")]);
    sender.player.wait_for_eos();
    receiver.player.wait_for_eos();
    let is_key = |buffer: &&gst::Buffer| !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
    let (sent, received) = (sender.sent(0), receiver.buffers("video"));
    let keys = sent.iter().filter(is_key).count();
    assert!(keys >= 3 && keys < sent.len() / 2, "{keys} of {}", sent.len());
    assert_eq!(received.len(), keys);
    assert!(received.iter().all(|buffer| is_key(&buffer)));
}

#[test]
fn what_is_not_parsed_is_refused_with_the_name_of_the_parser() {
    common::init();
    for (caps, expected) in [
        ("video/x-h264,stream-format=byte-stream,alignment=nal", "put h264parse before fqlfecsink"),
        ("video/x-h265", "put h265parse before fqlfecsink"),
        ("audio/mpeg,mpegversion=4", "put aacparse before fqlfecsink"),
    ] {
        let player = Player::new(&format!(
            "videotestsrc ! capssetter replace=true join=false caps=\"{caps}\" ! fqlfecsink connect-timeout=0"
        ));
        let _ = player.pipeline.set_state(gst::State::Playing);
        let error = player.wait_for_error();
        assert!(error.contains(expected), "{caps}: {error}");
    }
}

#[test]
fn an_encoder_is_asked_for_a_key_picture_when_a_receiver_comes() {
    common::init();
    let port = common::free_port();
    let player = Player::new(&format!(
        "videotestsrc is-live=true ! video/x-raw,format=I420,width=64,height=48,framerate=25/1 ! \
         x264enc tune=zerolatency key-int-max=100000 ! h264parse name=parse ! \
         fqlfecsink uri=udp://127.0.0.1:{port} passphrase=secret"
    ));
    let sent = record(&player.pipeline.by_name("parse").unwrap().static_pad("src").unwrap());
    player.pipeline.set_state(gst::State::Playing).unwrap();
    wait_for("pictures that nobody receives", || sent.lock().unwrap().len() > 10);
    let receiver = Receiver::start(&format!("udp://127.0.0.1:{port}"), "passphrase=secret");
    receiver.wait_for_buffers("video", 10);
    assert!(!receiver.buffers("video")[0].flags().contains(gst::BufferFlags::DELTA_UNIT));
    let keys =
        sent.lock().unwrap().iter().filter(|b| !b.flags().contains(gst::BufferFlags::DELTA_UNIT)).count();
    assert!(keys >= 2, "{keys}");
    assert!(player.errors().is_empty());
}

#[test]
fn decodebin_finds_the_decoders_of_what_comes() {
    common::init();
    let decoding = Player::new(&format!(
        "fqlsrc uri=udp://127.0.0.1:{} {PATIENT} ! decodebin3 ! video/x-raw ! fakesink name=out",
        common::free_port()
    ));
    let uri = decoding.pipeline.children().into_iter().find(|e| e.has_property("uri")).unwrap();
    let uri: String = uri.property("uri");
    let shown = record(&decoding.pipeline.by_name("out").unwrap().static_pad("sink").unwrap());
    decoding.pipeline.set_state(gst::State::Playing).unwrap();
    let sender = Player::new(&format!(
        "{PICTURES} ! {X264} ! h264parse ! queue max-size-time=0 ! fqlfecsink uri={uri} passphrase=secret"
    ));
    sender.pipeline.set_state(gst::State::Playing).unwrap();
    wait_for("decoded pictures", || shown.lock().unwrap().len() > 20);
    assert!(decoding.errors().is_empty());
}

#[test]
fn pictures_that_a_decoder_holds_back_are_shown_where_the_sender_is_gone_and_may_come_back() {
    common::init();
    let port = common::free_port();
    let decoding = Player::new(&format!(
        "fqlsrc uri=udp://127.0.0.1:{port} {PATIENT} eos-on-goodbye=false ! decodebin3 ! video/x-raw ! fakesink name=out"
    ));
    let shown = record(&decoding.pipeline.by_name("out").unwrap().static_pad("sink").unwrap());
    decoding.pipeline.set_state(gst::State::Playing).unwrap();
    let send = || {
        let uri = format!("udp://127.0.0.1:{port}");
        let sender = Player::new(&format!(
            "{PICTURES} ! {X264} ! h264parse ! queue max-size-time=0 ! fqlfecsink uri={uri} passphrase=secret"
        ));
        sender.pipeline.set_state(gst::State::Playing).unwrap();
        sender.wait_for_eos();
    };
    for session in 1..=2 {
        send();
        wait_for("all pictures", || shown.lock().unwrap().len() == session * 60);
    }
    assert!(decoding.errors().is_empty());
}

/// Sends video and sound through a link that loses datagrams. Gives what was sent and what came of the video.
fn through_losses(loss: f64, options: &str) -> (Vec<gst::Buffer>, Receiver) {
    let receiver = Receiver::start("udp://127.0.0.1:0", PATIENT);
    let target = format!("127.0.0.1:{}", receiver.port()).parse().unwrap();
    let link = Link { loss, seed: 7, ..Link::default() };
    let relay = Relay::start("127.0.0.1:0".parse().unwrap(), target, link).unwrap();
    let tracks = [
        format!("{LARGE_PICTURES} ! {} ! h264parse", X264.replace("=500", "=1500")),
        format!("{} ! avenc_aac ! aacparse", SOUND.replace("=60", "=150")),
    ];
    let options = format!("passphrase=secret {options}");
    let sender = Encoded::start_to(relay.address().port(), &options, &tracks.each_ref().map(String::as_str));
    sender.player.wait_for_eos();
    receiver.player.wait_for_eos();
    assert!(relay.forward().lost > 10, "the link should lose: {:?}", relay.forward());
    (sender.sent(0), receiver)
}

/// Asserts that what came is some of what went, in order, with the same composition times. Gives how many came.
fn assert_part_of(sent: &[gst::Buffer], received: &[gst::Buffer]) -> usize {
    let mut sent = sent.iter();
    for (i, buffer) in received.iter().enumerate() {
        let bytes = common::bytes(buffer);
        let origin = sent.find(|sent| common::bytes(sent) == bytes);
        let origin = origin.unwrap_or_else(|| panic!("buffer {i} was not sent, or not in this order"));
        let composition = |b: &gst::Buffer| b.pts().zip(b.dts()).map(|(pts, dts)| pts - dts);
        assert_eq!(composition(origin), composition(buffer), "of buffer {i}");
    }
    received.len()
}

#[test]
fn of_ten_percent_of_losses_all_but_a_few_units_are_repaired() {
    common::init();
    let (sent, receiver) = through_losses(0.1, "");
    let stats = receiver.stats();
    let count = |field: &str| stats.get::<u64>(field).unwrap();
    let (complete, rest) = (count("units-complete"), count("units-partial") + count("units-lost"));
    assert!(rest * 10 <= complete, "{stats}");
    assert!(count("recovered") > 0, "{stats}");
    // A lost picture costs those that are predicted from it, up to the next key picture.
    let received = assert_part_of(&sent, &receiver.buffers("video"));
    assert!(received * 100 >= sent.len() * 40, "{received} of {} came: {stats}", sent.len());
    let sound = receiver.buffers("audio").len();
    assert!(sound * 100 >= 281 * 95, "{sound} pieces of sound came: {stats}");
}

#[test]
fn without_repair_no_wrong_picture_is_ever_shown() {
    common::init();
    let (sent, receiver) = through_losses(0.01, "fec=none");
    let received = receiver.buffers("video");
    let came = assert_part_of(&sent, &received);
    assert!(came > 10 && came < sent.len(), "{came} of {}", sent.len());
    let discont = |buffer: &&gst::Buffer| buffer.flags().contains(gst::BufferFlags::DISCONT);
    assert!(received.iter().filter(discont).count() > 1, "losses are told by DISCONT");
    let caps = receiver.caps("video");
    let right: HashSet<Vec<u8>> = decode("avdec_h264", &caps, sent).into_iter().collect();
    let shown = decode("avdec_h264", &caps, received);
    assert!(shown.len() > came / 2, "{} of {came} pictures are decoded", shown.len());
    let wrong = shown.iter().filter(|picture| !right.contains(*picture)).count();
    assert_eq!(wrong, 0, "of {} pictures", shown.len());
}
