use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver as Channel, channel};
use std::time::{Duration, Instant};

use fql_transport::{
    EndReason, Key, Receiver, ReceiverConfig, ReceiverEvent, Seed, Sender, SenderConfig, Time,
};
use fql_unit::{DataInfo, Media, Segment, Timing, Track, TrackTable, Unit};

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

fn sender_to(remote: SocketAddr, one_way: bool) -> (Outgoing, Channel<OutgoingNotice>) {
    let (send, notices) = channel();
    let make = move |now| {
        let config = SenderConfig { one_way, ..SenderConfig::new(Key::from_bytes([7; 32])) };
        Sender::new(config, Seed::from_os()?, now)
    };
    let notify = move |notice| {
        let _ = send.send(notice);
    };
    let socket = open(remote, &Options::default()).unwrap();
    (Outgoing::start(socket, remote, !one_way, Box::new(make), Box::new(notify)).unwrap(), notices)
}

fn receiver() -> (Incoming, SocketAddr, Channel<ReceiverEvent>) {
    let (send, events) = channel();
    let epoch = Instant::now();
    let make = |_: &dyn Fn() -> bool| {
        Ok(Receiver::new(ReceiverConfig::new(Key::from_bytes([7; 32])), Seed::from_os()?)?)
    };
    let notify = move |notice| {
        if let IncomingNotice::Event(event) = notice {
            let _ = send.send(event);
        }
    };
    let clock = move || Time::from_nanos(epoch.elapsed().as_nanos() as u64);
    let socket = listen("127.0.0.1:0".parse().unwrap(), &Options::default()).unwrap();
    let local = socket.local_addr().unwrap();
    let incoming = Incoming::start(socket, Box::new(clock), Box::new(make), Box::new(notify)).unwrap();
    (incoming, local, events)
}

fn table() -> TrackTable {
    let media = Media::Data(DataInfo { caps: "text/x-raw".into() });
    TrackTable::new(vec![Track { id: 3, name: String::new(), layers: 1, media }]).unwrap()
}

fn unit(text: &str) -> Unit {
    let mut unit = Unit::new(1, 1, b"").unwrap();
    unit.set(0, 0, Segment::complete(text.to_owned()));
    unit
}

/// Waits for the first of what comes that `find` takes.
fn wait<T, U>(channel: &Channel<T>, find: impl Fn(T) -> Option<U>) -> U {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let next = channel.recv_timeout(left).expect("it should have come by now");
        if let Some(found) = find(next) {
            return found;
        }
    }
}

fn a_unit_crosses(one_way: bool) {
    let (_incoming, address, events) = receiver();
    let (outgoing, notices) = sender_to(address, one_way);
    outgoing.set_tracks(table());
    assert_eq!(outgoing.wait_connected(PATIENCE), Waited::Connected);
    outgoing.push(3, Timing { pts: 5, duration: 0 }, &unit("hello")).unwrap();
    let arrived = wait(&events, |event| match event {
        ReceiverEvent::Unit { unit, .. } => Some(unit),
        _ => None,
    });
    assert_eq!(arrived.segment(0, 0).unwrap().data(), "hello");
    outgoing.finish(PATIENCE);
    wait(&notices, |notice| matches!(notice, OutgoingNotice::Finished).then_some(()));
    let reason = wait(&events, |event| match event {
        ReceiverEvent::Ended { reason } => Some(reason),
        _ => None,
    });
    assert_eq!(reason, EndReason::Goodbye);
    assert!(outgoing.is_over());
}

#[test]
fn a_unit_crosses_and_the_end_is_told() {
    a_unit_crosses(false);
}

#[test]
fn a_unit_crosses_one_way() {
    a_unit_crosses(true);
}

#[test]
fn a_receiver_that_never_comes_is_waited_for_no_longer_than_asked() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (outgoing, _notices) = sender_to(silent.local_addr().unwrap(), false);
    assert_eq!(outgoing.wait_connected(Duration::from_millis(50)), Waited::TimedOut);
    assert!(outgoing.stats().unwrap().datagrams > 0);
}

#[test]
fn a_wait_ends_when_it_is_released() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (outgoing, _notices) = sender_to(silent.local_addr().unwrap(), false);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| outgoing.wait_connected(Duration::from_secs(3600)));
        outgoing.release_waits(true);
        assert_eq!(waiting.join().unwrap(), Waited::Released);
    });
}

#[test]
fn a_session_that_cannot_be_made_is_told_and_not_waited_for() {
    let remote = "127.0.0.1:9".parse().unwrap();
    let (send, notices) = channel();
    let make = |now| {
        let config = SenderConfig { mtu: 1, ..SenderConfig::new(Key::from_bytes([7; 32])) };
        Sender::new(config, Seed::from_os()?, now)
    };
    let notify = move |notice| {
        let _ = send.send(notice);
    };
    let socket = open(remote, &Options::default()).unwrap();
    let outgoing = Outgoing::start(socket, remote, true, Box::new(make), Box::new(notify)).unwrap();
    let error = wait(&notices, |notice| match notice {
        OutgoingNotice::Failed(err) => Some(err.to_string()),
        _ => None,
    });
    assert!(error.contains("mtu"), "{error}");
    assert_eq!(outgoing.wait_connected(PATIENCE), Waited::Released);
}

#[test]
fn a_receiver_that_stops_says_goodbye() {
    let (incoming, address, _events) = receiver();
    let (outgoing, notices) = sender_to(address, false);
    assert_eq!(outgoing.wait_connected(PATIENCE), Waited::Connected);
    // Only a session of which something was heard is one to the receiver.
    let deadline = Instant::now() + PATIENCE;
    while !incoming.stats().is_some_and(|stats| stats.connected) {
        assert!(Instant::now() < deadline, "no session at the receiver");
        std::thread::yield_now();
    }
    drop(incoming);
    let reason = wait(&notices, |notice| match notice {
        OutgoingNotice::Disconnected(reason) => Some(reason),
        _ => None,
    });
    assert_eq!(reason, EndReason::Goodbye);
}
