//! An endpoint, its publishers and its viewers without any network: what one sends the other gets at once, or what a
//! test makes of it.

use fql_unit::{DataInfo, Media, Segment, Timing, Track, TrackTable, Unit};

use super::*;
use crate::message::Message;
use crate::seal::Sealer;
use crate::{PublicKey, Receiver, ReceiverConfig, ReceiverEvent, Sender, SenderConfig, StreamKey, View};

const STREAM_KEY: &str = "sk_abcdefghijklmnopqrstuvwxyz234567";
/// A peer's host and port.
type Peer = (u8, u16);

impl Address for Peer {
    fn host(&self) -> u64 {
        self.0.into()
    }
}

const PUBLISHER: Peer = (1, 1000);
const VIEWER: Peer = (2, 2000);
const START: Time = Time::from_nanos(5_000_000_000);

fn server_key() -> ServerKey {
    ServerKey::from_bytes([9; 32])
}

fn endpoint() -> Endpoint<Peer> {
    Endpoint::new(EndpointConfig::new(server_key()), Seed::from_bytes([1; 32])).unwrap()
}

fn stream_key() -> StreamKey {
    StreamKey::parse(STREAM_KEY).unwrap()
}

fn keys(id: &KeyId) -> Option<Key> {
    let known = stream_key();
    (*id == known.id()).then(|| known.key())
}

fn publisher() -> Sender {
    let mut sender =
        Sender::new(SenderConfig::publishing(&stream_key()), Seed::from_bytes([2; 32]), START).unwrap();
    let media = Media::Data(DataInfo { caps: "text/x-raw".into() });
    let track = Track { id: 0, name: String::new(), layers: 1, media };
    sender.set_tracks(START, TrackTable::new(vec![track]).unwrap());
    sender
}

fn view(playback_id: &str, server: PublicKey) -> View {
    View { server, playback_id: playback_id.into(), token: None }
}

fn viewer(view: View) -> Receiver<Peer> {
    Receiver::viewing(ReceiverConfig::default(), view, (0, 4242), Seed::from_bytes([3; 32]), START).unwrap()
}

/// All that an endpoint has to send now to this peer.
fn answers(endpoint: &mut Endpoint<Peer>, now: Time, to: Peer) -> Vec<Bytes> {
    std::iter::from_fn(|| endpoint.poll_transmit(now))
        .map(|(peer, datagram)| {
            assert_eq!(peer, to);
            datagram
        })
        .collect()
}

/// Lets an endpoint and a peer talk until one of them has a session to begin; gives it with its first datagram.
fn accept(
    endpoint: &mut Endpoint<Peer>,
    from: Peer,
    now: Time,
    mut poll: impl FnMut(Option<&[u8]>) -> Vec<Bytes>,
) -> Option<(Arrival, Bytes)> {
    let mut coming = poll(None);
    for _ in 0..10 {
        let mut answered = Vec::new();
        for datagram in coming {
            match endpoint.handle_datagram(now, from, &datagram, &keys) {
                Arrival::Nothing => {}
                arrival => return Some((arrival, datagram)),
            }
            for answer in answers(endpoint, now, from) {
                answered.extend(poll(Some(&answer)));
            }
        }
        coming = answered;
    }
    None
}

fn accept_publisher(
    endpoint: &mut Endpoint<Peer>,
    sender: &mut Sender,
    now: Time,
) -> Option<(Arrival, Bytes)> {
    accept(endpoint, PUBLISHER, now, |datagram| {
        datagram.into_iter().for_each(|datagram| sender.handle_datagram(now, datagram));
        std::iter::from_fn(|| sender.poll_transmit(now)).collect()
    })
}

fn accept_viewer(
    endpoint: &mut Endpoint<Peer>,
    viewer: &mut Receiver<Peer>,
    now: Time,
) -> Option<(Arrival, Bytes)> {
    accept(endpoint, VIEWER, now, |datagram| {
        datagram.into_iter().for_each(|datagram| viewer.handle_datagram(now, (0, 4242), datagram));
        std::iter::from_fn(|| viewer.poll_transmit(now)).map(|(_, datagram)| datagram).collect()
    })
}

fn text_unit(text: &str) -> Unit {
    let mut unit = Unit::new(1, 1, b"").unwrap();
    unit.set(0, 0, Segment::complete(text.to_owned()));
    unit
}

#[test]
fn a_publisher_gets_a_session_by_its_stream_key() {
    let mut endpoint = endpoint();
    let mut sender = publisher();
    let (arrival, first) = accept_publisher(&mut endpoint, &mut sender, START).expect("a session");
    let Arrival::Publisher { session, key_id, accepted } = arrival else { panic!("{arrival:?}") };
    assert_eq!(key_id, stream_key().id());
    let config = ReceiverConfig::default();
    let seed = Seed::from_bytes([4; 32]);
    let mut receiver = Receiver::accepted(config, accepted, seed, START, PUBLISHER).unwrap();
    receiver.handle_datagram(START, PUBLISHER, &first);
    sender.push_unit(START, 0, Timing { pts: 0, duration: 0 }, &text_unit("hello")).unwrap();
    let mut now = START;
    for _ in 0..200 {
        now = now + Duration::from_millis(1);
        while let Some(datagram) = sender.poll_transmit(now) {
            let arrival = endpoint.handle_datagram(now, PUBLISHER, &datagram, &keys);
            assert!(matches!(arrival, Arrival::Session(of) if of == session), "{arrival:?}");
            receiver.handle_datagram(now, PUBLISHER, &datagram);
        }
        while let Some((to, datagram)) = receiver.poll_transmit(now) {
            assert_eq!(to, PUBLISHER);
            sender.handle_datagram(now, &datagram);
        }
    }
    let events: Vec<_> = std::iter::from_fn(|| receiver.poll_event()).collect();
    let came = events
        .iter()
        .any(|event| matches!(event, ReceiverEvent::Unit { unit, .. } if *unit == text_unit("hello")));
    assert!(came, "{events:?}");
    assert!(sender.stats(now).peer.is_some(), "the publisher should hear reports");
}

#[test]
fn a_viewer_gets_a_session_with_what_it_asks_for() {
    let mut endpoint = endpoint();
    let view = View { token: Some("let me in".into()), ..view("abc", server_key().public()) };
    let mut viewer = viewer(view);
    let (arrival, first) = accept_viewer(&mut endpoint, &mut viewer, START).expect("a session");
    let Arrival::Viewer { playback_id, token, accepted, .. } = arrival else { panic!("{arrival:?}") };
    assert_eq!((&playback_id[..], token.as_deref()), ("abc", Some("let me in")));
    assert_eq!(accepted.latency(), Duration::from_millis(120));
    assert_eq!(accepted.max_layer(), 14);
    let Ok(Datagram::Transport { number, .. }) = Datagram::parse(&first) else { panic!("{first:?}") };
    let (_, body) = accepted.opener().open(&first, 0, number).unwrap();
    let message = Message::parse(&body).unwrap().1;
    assert!(matches!(message, Message::Report(_)), "{message:?}");
    // Media goes to it, though it began the session.
    let mut sealer: Sealer = accepted.sealer();
    let ping = sealer.seal(|out| Message::Ping { paused: true }.encode(0, out));
    viewer.handle_datagram(START, (0, 4242), &ping);
    let events: Vec<_> = std::iter::from_fn(|| viewer.poll_event()).collect();
    assert_eq!(events, [ReceiverEvent::Started { one_way: false }, ReceiverEvent::Paused(true)]);
}
