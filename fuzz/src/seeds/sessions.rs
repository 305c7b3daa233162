//! Real sessions, taken down on their way: between a sender and a receiver, and between a hub and a viewer.

use std::net::SocketAddr;
use std::time::Duration;

use fql_transport::{
    Fanout, FanoutConfig, Key, Receiver, ReceiverConfig, Seed, Sender, SenderConfig, ServerKey, Time, View,
    Viewer, ViewerConfig, fuzzing,
};
use fql_unit::Timing;
use fql_unit::wire::{put_string, put_varint};

use crate::input::Output;
use crate::sealing::{Sealing, one_way_key, open};
use crate::{media, noise};

const KEY: [u8; 32] = [7; 32];
const KEYS: ([u8; 32], [u8; 32]) = ([1; 32], [2; 32]);
const START: Time = Time::from_nanos(10_000_000_000);
const FRAME: u64 = 40_000_000;
const SALT_AT: std::ops::Range<usize> = 9..25;

/// What went over a link: what the sender said, and what the receiver did, each with when it did.
struct Talk {
    datagrams: Vec<(Time, Vec<u8>)>,
    messages: Vec<(Time, Vec<u8>)>,
    reports: Vec<(Time, Vec<u8>)>,
}

/// A sender one way, whose messages anybody with the key can open. `reports` are those of a receiver that takes the
/// messages in a session with a return path.
fn talk(frames: u64, len: usize) -> Talk {
    let config = SenderConfig { one_way: true, ..SenderConfig::new(Key::from_bytes(KEY)) };
    let mut sender = Sender::new(config, Seed::from_bytes([1; 32]), START).expect("the defaults are valid");
    sender.set_tracks(START, media::tracks());
    let mut receiver = receiver(false);
    let mut sealing = Sealing::transport(&KEYS.1, fuzzing::SESSION);
    let mut talk = Talk { datagrams: Vec::new(), messages: Vec::new(), reports: Vec::new() };
    let mut key = None;
    for step in 0..frames * 8 {
        let now = START + Duration::from_millis(step * 5);
        if step % 8 == 0 {
            let timing = Timing { pts: step / 8 * FRAME, duration: FRAME };
            for (track, unit) in
                [(media::VIDEO, media::unit(media::LAYERS, 2, len)), (media::SOUND, media::unit(12, 1, 5))]
            {
                sender.push_unit(now, track, timing, &unit).expect("the track is there");
            }
        }
        while let Some(datagram) = sender.poll_transmit(now) {
            let key = key.get_or_insert_with(|| one_way_key(&KEY, &datagram[SALT_AT]));
            let message = open(key, &datagram).expect("it is of the sender");
            receiver.handle_datagram(now, 1u8, &sealing.seal(0, &message));
            talk.datagrams.push((now, datagram.to_vec()));
            talk.messages.push((now, message));
        }
        while let Some((_, datagram)) = receiver.poll_transmit(now) {
            talk.reports.push((now, open(&KEYS.0, &datagram).expect("it is of the receiver")));
        }
        while receiver.poll_event().is_some() {}
    }
    talk
}

fn receiver(relay: bool) -> Receiver<u8> {
    let accepted = fuzzing::accepted(KEYS.0, KEYS.1, Duration::from_millis(120));
    let config = ReceiverConfig { relay, ..ReceiverConfig::default() };
    Receiver::accepted(config, accepted, Seed::from_bytes([2; 32]), START, 1u8)
        .expect("the defaults are valid")
}

/// Milliseconds from each to the next.
fn pauses(times: &[(Time, Vec<u8>)]) -> impl Iterator<Item = (u8, &[u8])> {
    let nanos = |at: usize| times.get(at).unwrap_or(&times[times.len() - 1]).0.as_nanos();
    times.iter().enumerate().map(move |(at, (time, bytes))| {
        let pause = (nanos(at + 1) - time.as_nanos()) / 1_000_000;
        (u8::try_from(pause).unwrap_or(u8::MAX), &bytes[..])
    })
}

/// Datagrams as they travel, and the messages in them.
pub fn datagrams() -> Vec<Vec<u8>> {
    let talk = talk(3, 100);
    let datagrams = talk.datagrams.into_iter().take(2).map(|(_, datagram)| datagram);
    let messages = talk.messages.into_iter().step_by(3).take(6).map(|(_, message)| message);
    let reports = talk.reports.into_iter().take(2).map(|(_, report)| report);
    datagrams.chain(messages).chain(reports).chain([first_of_publisher(), first_of_viewer()]).collect()
}

/// The first message of a sender with a return path.
fn first_of_publisher() -> Vec<u8> {
    let config = SenderConfig::new(Key::from_bytes(KEY));
    let mut sender = Sender::new(config, Seed::from_bytes([1; 32]), START).expect("the defaults are valid");
    sender.poll_transmit(START).expect("it begins with a first message").to_vec()
}

fn first_of_viewer() -> Vec<u8> {
    let server = ServerKey::from_bytes([9; 32]).public();
    let view = View { server, playback_id: "x".into(), token: Some("token".into()) };
    let mut receiver =
        Receiver::viewing(ReceiverConfig::default(), view, 1u8, Seed::from_bytes([2; 32]), START)
            .expect("the defaults are valid");
    receiver.poll_transmit(START).expect("it begins with a first message").1.to_vec()
}

/// What strangers send to a server's port.
pub fn strangers() -> Vec<Vec<u8>> {
    let step =
        |from: u8, kind: u8, datagram: &[u8]| Output::default().u8(from).u16(20).u8(kind).bytes(datagram).0;
    let (publisher, viewer) = (first_of_publisher(), first_of_viewer());
    let whole = [step(1, 0, &publisher), step(2, 0, &viewer)].concat();
    let with_cookie =
        [step(1, 1, &publisher[1..]), step(2, 2, &viewer[1..]), step(2, 2, &viewer[1..])].concat();
    let (_, sealed) = talk(1, 10).datagrams.swap_remove(0);
    vec![whole, with_cookie, step(3, 0, &sealed)]
}

/// The same to a receiver, and a true session of somebody with another key.
pub fn foreign() -> Vec<Vec<u8>> {
    let out = |datagrams: &[Vec<u8>]| {
        datagrams.iter().fold(Output::default(), |out, datagram| out.u8(5).bytes(datagram)).0
    };
    let mut handshake = noise::Pattern::Publishing(&[8; 32]).begin();
    let other = [&[0xf0, 0, 0, 0, 1, 0][..], &handshake.write(&[1])].concat();
    vec![out(&[first_of_viewer(), other.clone(), other]), out(&[vec![0xf4; 40], vec![0xf7; 80]])]
}

/// Payloads of publishers, viewers and servers.
pub fn handshakes() -> Vec<Vec<u8>> {
    let mut request = vec![1];
    put_varint(&mut request, 120);
    request.push(14);
    put_string(&mut request, b"playback-id");
    put_string(&mut request, b"token");
    let publisher = [&[1][..], &[0; 15]].concat();
    let mut answer = 2u32.to_be_bytes().to_vec();
    put_varint(&mut answer, 120);
    let ping = [4, 0, 0, 0, 1, 0];
    let begins = |kind: u8, payload: &[u8]| {
        let mut out = Output::default().u8(kind).bytes(payload).u8(0).0;
        out.extend(ping);
        out
    };
    let answers = |kind: u8| {
        let cookie = [6; 16];
        let mut out = Output::default().u8(kind).bytes(&cookie).bytes(&[5; 48]).bytes(&answer).u8(0).0;
        out.extend(ping);
        out
    };
    vec![begins(0, &publisher), begins(1, &request), answers(2), answers(3)]
}

/// Messages of an honest sender to a receiver, one way.
pub fn sealed() -> Vec<Vec<u8>> {
    let of = |frames, len| messages(Output::default(), &talk(frames, len).messages);
    vec![of(1, 5), of(2, 80), of(4, 20)]
}

/// The same in a publisher's session at a daemon.
pub fn published() -> Vec<Vec<u8>> {
    let of = |latency, frames, len| messages(Output::default().u16(latency), &talk(frames, len).messages);
    vec![of(100, 1, 5), of(100, 2, 80), of(500, 4, 20)]
}

fn messages(head: Output, messages: &[(Time, Vec<u8>)]) -> Vec<u8> {
    pauses(messages).fold(head, |out, (pause, message)| out.u8(0).u8(pause).bytes(message)).0
}

/// Reports of an honest receiver to a sender that pushes units meanwhile.
pub fn reports_to_a_sender() -> Vec<Vec<u8>> {
    let of = |frames, units: u8| {
        let talk = talk(frames, 60);
        let steps = pauses(&talk.reports);
        steps.fold(Output::default(), |out, (pause, report)| out.u8(0).u8(pause).u8(units).bytes(report)).0
    };
    vec![of(12, 1), of(25, 2), of(25, 7)]
}

/// Reports of an honest viewer to a hub.
pub fn reports_to_a_hub() -> Vec<Vec<u8>> {
    let of = |frames, pushed: u8| {
        let reports = viewing(frames);
        let head = Output::default().u16(100);
        pauses(&reports).fold(head, |out, (pause, report)| out.u8(0).u8(pause).u8(pushed).bytes(report)).0
    };
    vec![of(12, 4), of(25, 15)]
}

/// What a viewer says of a stream that comes to it through a hub.
fn viewing(frames: u64) -> Vec<(Time, Vec<u8>)> {
    let mut publisher = receiver(true);
    let mut sealing = Sealing::transport(&KEYS.1, fuzzing::SESSION);
    let mut fanout = Fanout::new(FanoutConfig::default());
    let latency = Duration::from_millis(120);
    let from = SocketAddr::from(([10, 0, 0, 1], 4000));
    let mut viewer =
        Viewer::accepted(ViewerConfig::default(), fuzzing::accepted(KEYS.0, KEYS.1, latency), START, from);
    let mut watching = receiver(false);
    // What the viewer's side seals goes out under its own id: it is opened and sealed again.
    let mut to_viewer = Sealing::transport(&KEYS.1, fuzzing::SESSION);
    let mut reports = Vec::new();
    for (now, message) in talk(frames, 60).messages {
        publisher.handle_datagram(now, 1u8, &sealing.seal(0, &message));
        while publisher.poll_transmit(now).is_some() {}
        while let Some(event) = publisher.poll_event() {
            fanout.handle_event(now, event);
        }
        while let Some(item) = fanout.poll(now) {
            viewer.push(now, &item);
        }
        let mut out = Vec::new();
        while viewer.poll_transmit(now, &mut out).is_some() {
            let message = open(&KEYS.0, &std::mem::take(&mut out)).expect("it is of the hub");
            watching.handle_datagram(now, 1u8, &to_viewer.seal(0, &message));
        }
        while let Some((_, datagram)) = watching.poll_transmit(now) {
            reports.push((now, open(&KEYS.0, &datagram).expect("it is of the viewer")));
        }
        while watching.poll_event().is_some() {}
    }
    reports
}
