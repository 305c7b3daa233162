use fql_unit::{DataInfo, Media, Track, TrackTable};

use super::*;
use crate::{
    Arrival, Endpoint, EndpointConfig, Receiver, ReceiverConfig, ReceiverEvent, Seed, ServerKey, View,
};

const MS: Duration = Duration::from_millis(1);
const START: Time = Time::from_nanos(5_000_000_000);
/// A host and a port.
type Peer = (u8, u16);
const HOME: Peer = (1, 1000);
const SERVER: Peer = (0, 4242);

/// A session of a viewer, as both sides have it.
fn session(config: ViewerConfig) -> (Viewer<Peer>, Receiver<Peer>) {
    let key = ServerKey::from_bytes([9; 32]);
    let view = View { server: key.public(), playback_id: "abc".into(), token: None };
    let mut endpoint = Endpoint::new(EndpointConfig::new(key), Seed::from_bytes([1; 32])).unwrap();
    let seed = Seed::from_bytes([3; 32]);
    let mut receiver = Receiver::viewing(ReceiverConfig::default(), view, SERVER, seed, START).unwrap();
    loop {
        let (_, datagram) = receiver.poll_transmit(START).expect("the next step of the handshake");
        if let Arrival::Viewer { accepted, .. } = endpoint.handle_datagram(START, HOME, &datagram, &|_| None)
        {
            let mut viewer = Viewer::accepted(config, accepted, START, HOME);
            viewer.handle_datagram(START, HOME, &datagram);
            return (viewer, receiver);
        }
        while let Some((_, answer)) = endpoint.poll_transmit(START) {
            receiver.handle_datagram(START, SERVER, &answer);
        }
    }
}

/// What the viewer's side has to send now, and where to.
fn sent(viewer: &mut Viewer<Peer>, now: Time) -> Vec<(Peer, Vec<u8>)> {
    let mut out = Vec::new();
    std::iter::from_fn(|| Some((viewer.poll_transmit(now, &mut out)?, std::mem::take(&mut out)))).collect()
}

#[test]
fn a_viewer_may_change_its_port_and_nobody_can_send_a_stream_to_another_host() {
    let (mut viewer, mut receiver) = session(ViewerConfig::default());
    sent(&mut viewer, START).into_iter().for_each(|(_, ping)| receiver.handle_datagram(START, SERVER, &ping));
    let mut now = START;
    for (from, to) in [(HOME, HOME), ((1, 2000), (1, 2000)), ((7, 1000), (1, 2000))] {
        now = now + MS * 1100;
        let (_, report) = receiver.poll_transmit(now).expect("a report");
        viewer.handle_datagram(now, from, &report);
        assert_eq!(viewer.address(), to);
        viewer.push(now, &Item { place: 0, kind: Kind::Paused(from.1 == 2000) });
        for (peer, datagram) in sent(&mut viewer, now) {
            assert_eq!(peer, to);
            receiver.handle_datagram(now, SERVER, &datagram);
        }
    }
}

#[test]
fn the_end_is_told_once_however_often_the_viewer_says_goodbye() {
    let (mut viewer, mut receiver) = session(ViewerConfig::default());
    receiver.close(START);
    let goodbyes: Vec<_> = std::iter::from_fn(|| receiver.poll_transmit(START)).collect();
    assert_eq!(goodbyes.len(), 3);
    goodbyes.iter().for_each(|(_, goodbye)| viewer.handle_datagram(START, HOME, goodbye));
    let events: Vec<_> = std::iter::from_fn(|| viewer.poll_event()).collect();
    assert_eq!(events, [ViewerEvent::Ended { reason: EndReason::Goodbye }]);
}

#[test]
fn a_pause_that_goes_on_is_heard_after_a_second_in_which_all_got_lost() {
    let (mut viewer, mut receiver) = session(ViewerConfig::default());
    // Without reports the track table is repeated again and again: there is no room for the usual pings.
    let media = Media::Data(DataInfo { caps: "text/x-raw".into() });
    let tracks = TrackTable::new(vec![Track { id: 0, name: String::new(), layers: 1, media }]).unwrap();
    viewer.push(START, &Item { place: 0, kind: Kind::Tracks(tracks.into()) });
    viewer.push(START, &Item { place: 0, kind: Kind::Paused(true) });
    let mut told = Vec::new();
    let mut now = START;
    for step in 0..4000 {
        now = now + MS;
        if step == 500 {
            viewer.push(now, &Item { place: 0, kind: Kind::Paused(false) });
        }
        for (_, datagram) in sent(&mut viewer, now) {
            if !(500..1500).contains(&step) {
                receiver.handle_datagram(now, SERVER, &datagram);
            }
        }
        told.extend(std::iter::from_fn(|| receiver.poll_event()));
    }
    let paused: Vec<_> = told.iter().filter(|event| matches!(event, ReceiverEvent::Paused(_))).collect();
    assert_eq!(paused, [&ReceiverEvent::Paused(true), &ReceiverEvent::Paused(false)]);
}

#[test]
fn settings_out_of_range_are_taken_for_the_nearest_ones() {
    let config = ViewerConfig { mtu: 1, max_bytes: 1, ..ViewerConfig::default() };
    let (viewer, _) = session(config);
    assert_eq!((viewer.config.mtu, viewer.config.max_bytes), (256, 12_000));
}
