use std::net::SocketAddr;

use fql_transport::{
    Arrival, Endpoint, EndpointConfig, Key, KeyId, MAX_LATENCY, MIN_LATENCY, Receiver, ReceiverConfig, Seed,
    Sender, SenderConfig, ServerKey, Time, View,
};

use super::{START, drain, millis};
use crate::input::Input;
use crate::noise::{Handshake, Pattern};
use crate::sealing::Sealing;

const KEY: [u8; 32] = [7; 32];
const KEY_ID: [u8; 8] = [3; 8];
const SERVER: [u8; 32] = [9; 32];
const INITIATE: u8 = 0xf0;
const RESPOND: u8 = 0xf1;
const COOKIE: u8 = 0xf2;
const WITH_COOKIE: u8 = 0xf3;
const VIEW: u8 = 0xf5;
/// How the initiator knows its session.
const INITIATOR: [u8; 4] = [0, 0, 0, 1];

/// Handshakes whose other side has the keys, and says anything in them: a server never gives a session of a request
/// that is none, and what it gives is within its ranges; whoever begins never takes a broken answer for one.
pub fn handshake(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.u8() % 4 {
        0 => begins(&mut input, INITIATE),
        1 => begins(&mut input, VIEW),
        2 => answers_publisher(&mut input),
        _ => answers_viewer(&mut input),
    }
}

/// A publisher or a viewer with any payload, and any first message in its session.
fn begins(input: &mut Input, kind: u8) {
    let key = ServerKey::from_bytes(SERVER);
    let public = key.public().to_bytes();
    let mut endpoint: Endpoint<SocketAddr> =
        Endpoint::new(EndpointConfig::new(key), Seed::from_bytes([1; 32])).expect("the defaults are valid");
    let (pattern, key_id) = match kind {
        INITIATE => (Pattern::Publishing(&KEY), [&[8], &KEY_ID[..]].concat()),
        _ => (Pattern::Viewing(&public), Vec::new()),
    };
    let payload = input.bytes();
    let mut noise = pattern.begin();
    let first = [&[kind][..], &INITIATOR, &key_id, &noise.write(payload)].concat();
    let mut offer = |datagram: &[u8]| {
        let from = SocketAddr::from(([10, 0, 0, 1], 4000));
        let keys = |id: &KeyId| (id.to_bytes() == KEY_ID).then(|| Key::from_bytes(KEY));
        let arrival = endpoint.handle_datagram(START, from, datagram, &keys);
        (arrival, drain(|| endpoint.poll_transmit(START)))
    };
    let (_, cookies) = offer(&first);
    let cookie = cookies.iter().find_map(|(_, answer)| answer.strip_prefix(&[COOKIE]));
    let Some(cookie) = cookie else { return };
    let (_, answers) = offer(&[&[WITH_COOKIE], &cookie[4..], &first].concat());
    let answer = answers.iter().find_map(|(_, answer)| answer.strip_prefix(&[RESPOND]));
    let Some(answer) = answer else { return };
    assert_eq!(payload.first(), Some(&1), "the version was checked");
    let answer = noise.read(&answer[4..]).expect("it was sealed for this side");
    let session = u32::from_be_bytes(answer[..4].try_into().expect("a session id comes first"));
    let (sealing, _) = noise.keys();
    let (arrival, _) = offer(&Sealing::transport(&sealing, session).seal(input.u8(), input.rest()));
    match arrival {
        Arrival::Publisher { key_id, .. } => assert_eq!((kind, key_id.to_bytes()), (INITIATE, KEY_ID)),
        Arrival::Viewer { playback_id, token, accepted, .. } => {
            assert_eq!(kind, VIEW);
            assert!((1..=64).contains(&playback_id.len()));
            assert!(token.is_none_or(|token| (1..=512).contains(&token.len())));
            assert!((MIN_LATENCY..=MAX_LATENCY).contains(&accepted.latency()));
        }
        other => panic!("a session with the right keys is given: {other:?}"),
    }
}

/// A server that answers a publisher with any cookies and any payload.
fn answers_publisher(input: &mut Input) {
    let config = SenderConfig::new(Key::from_bytes(KEY));
    let mut sender = Sender::new(config, Seed::from_bytes([1; 32]), START).expect("the defaults are valid");
    let first = sender.poll_transmit(START).expect("it begins with a first message").to_vec();
    let key_id_len = usize::from(first[5]);
    let noise = first[6 + key_id_len..].to_vec();
    let answers = answers(input, &first, &noise, Pattern::Publishing(&KEY).answer());
    converse(answers, |now, datagram| {
        sender.handle_datagram(now, datagram);
        drain(|| sender.poll_transmit(now)).len()
    });
    let _ = drain(|| sender.poll_event());
}

/// A server that answers a viewer the same way.
fn answers_viewer(input: &mut Input) {
    let view = View { server: ServerKey::from_bytes(SERVER).public(), playback_id: "x".into(), token: None };
    let mut receiver =
        Receiver::viewing(ReceiverConfig::default(), view, 1u8, Seed::from_bytes([2; 32]), START)
            .expect("the defaults are valid");
    let (_, first) = receiver.poll_transmit(START).expect("it begins with a first message");
    let noise = first[5..].to_vec();
    let answers = answers(input, &first, &noise, Pattern::Viewing(&SERVER).answer());
    converse(answers, |now, datagram| {
        receiver.handle_datagram(now, 1u8, datagram);
        drain(|| receiver.poll_transmit(now)).len()
    });
    let _ = drain(|| receiver.poll_event());
}

/// What the server says: a cookie, any bytes as the answer, the answer with any payload, a message in the session.
fn answers(input: &mut Input, first: &[u8], noise: &[u8], mut server: Handshake) -> Vec<Vec<u8>> {
    let initiator = &first[1..5];
    let cookie = [&[COOKIE], initiator, input.bytes()].concat();
    let false_answer = [&[RESPOND], initiator, input.bytes()].concat();
    server.read(noise).expect("it was sealed for this server");
    let answer = [&[RESPOND], initiator, &server.write(input.bytes())].concat();
    let (_, sealing) = server.keys();
    let session = u32::from_be_bytes(initiator.try_into().expect("an id has four bytes"));
    let message = Sealing::transport(&sealing, session).seal(input.u8(), input.rest());
    vec![cookie, false_answer, answer.clone(), message, answer]
}

/// Says it all, a while apart.
fn converse(datagrams: Vec<Vec<u8>>, mut say: impl FnMut(Time, &[u8]) -> usize) {
    let mut now = START;
    for datagram in datagrams {
        assert!(say(now, &datagram) < 100);
        now = now + millis(20u8);
    }
}
