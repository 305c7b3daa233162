//! An endpoint, its publishers and its viewers without any network: what one sends the other gets at once, or what a
//! test makes of it.

use proptest::collection::vec;
use proptest::prelude::*;

use fql_unit::{DataInfo, Media, Segment, Timing, Track, TrackTable, Unit};

use super::*;
use crate::message::Message;
use crate::seal::Sealer;
use crate::{
    PublicKey, Receiver, ReceiverConfig, ReceiverEvent, Sender, SenderConfig, SenderEvent, StreamKey, View,
};

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
const SERVER: Peer = (0, 4242);
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
    Receiver::viewing(ReceiverConfig::default(), view, SERVER, Seed::from_bytes([3; 32]), START).unwrap()
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
        datagram.into_iter().for_each(|datagram| viewer.handle_datagram(now, SERVER, datagram));
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
    viewer.handle_datagram(START, SERVER, &ping);
    let events: Vec<_> = std::iter::from_fn(|| viewer.poll_event()).collect();
    assert_eq!(events, [ReceiverEvent::Started { one_way: false }, ReceiverEvent::Paused(true)]);
}

/// A server with one endpoint, the receivers of its publishers, and nothing for its viewers.
struct Server {
    endpoint: Endpoint<Peer>,
    receivers: HashMap<SessionId, Receiver<Peer>>,
    /// Viewers that were accepted.
    viewers: Vec<(SessionId, String, Accepted)>,
    /// What is done with new sessions instead.
    refusal: Option<EndReason>,
    /// Datagrams to the peer that get lost from now on.
    lost: usize,
    now: Time,
}

impl Server {
    fn new() -> Self {
        Self {
            endpoint: endpoint(),
            receivers: HashMap::new(),
            viewers: Vec::new(),
            refusal: None,
            lost: 0,
            now: START,
        }
    }

    fn handle(&mut self, from: Peer, datagram: &[u8]) {
        let now = self.now;
        match self.endpoint.handle_datagram(now, from, datagram, &keys) {
            Arrival::Nothing => {}
            Arrival::Session(session) => {
                if let Some(receiver) = self.receivers.get_mut(&session) {
                    receiver.handle_datagram(now, from, datagram);
                }
            }
            Arrival::Publisher { accepted, .. } | Arrival::Viewer { accepted, .. }
                if self.refusal.is_some() =>
            {
                self.endpoint.refuse(now, from, accepted, self.refusal.unwrap());
            }
            Arrival::Publisher { session, accepted, .. } => {
                let seed = Seed::from_bytes([5; 32]);
                let config = ReceiverConfig::default();
                let mut receiver = Receiver::accepted(config, accepted, seed, now, from).unwrap();
                receiver.handle_datagram(now, from, datagram);
                self.receivers.insert(session, receiver);
            }
            Arrival::Viewer { session, playback_id, accepted, .. } => {
                self.viewers.push((session, playback_id, accepted));
            }
        }
    }

    fn poll(&mut self) -> Vec<Bytes> {
        let now = self.now;
        let mut out: Vec<_> = std::iter::from_fn(|| self.endpoint.poll_transmit(now)).collect();
        for receiver in self.receivers.values_mut() {
            out.extend(std::iter::from_fn(|| receiver.poll_transmit(now)));
        }
        let over: Vec<_> = self
            .receivers
            .iter_mut()
            .filter_map(|(id, receiver)| {
                while receiver.poll_event().is_some() {}
                receiver.is_over().then_some(*id)
            })
            .collect();
        for session in over {
            self.receivers.remove(&session);
            self.endpoint.release(session);
        }
        let lost = self.lost.min(out.len());
        self.lost -= lost;
        out.into_iter().skip(lost).map(|(_, datagram)| datagram).collect()
    }

    /// Talks with a publisher for so long.
    fn serve(&mut self, sender: &mut Sender, ms: u64) {
        for _ in 0..ms {
            self.now = self.now + Duration::from_millis(1);
            while let Some(datagram) = sender.poll_transmit(self.now) {
                self.handle(PUBLISHER, &datagram);
            }
            for datagram in self.poll() {
                sender.handle_datagram(self.now, &datagram);
            }
        }
    }

    /// Talks with a viewer for so long.
    fn show(&mut self, viewer: &mut Receiver<Peer>, ms: u64) {
        for _ in 0..ms {
            self.now = self.now + Duration::from_millis(1);
            while let Some((_, datagram)) = viewer.poll_transmit(self.now) {
                self.handle(VIEWER, &datagram);
            }
            for datagram in self.poll() {
                viewer.handle_datagram(self.now, SERVER, &datagram);
            }
        }
    }

    fn receiver(&mut self) -> &mut Receiver<Peer> {
        self.receivers.values_mut().next().expect("a publisher's session")
    }
}

fn told(sender: &mut Sender) -> Vec<SenderEvent> {
    std::iter::from_fn(|| sender.poll_event()).collect()
}

fn told_viewer(viewer: &mut Receiver<Peer>) -> Vec<ReceiverEvent> {
    std::iter::from_fn(|| viewer.poll_event()).collect()
}

fn ended(reason: EndReason) -> [SenderEvent; 2] {
    [SenderEvent::Disconnected { reason }, SenderEvent::Closed]
}

/// The first message of a publisher with its cookie, as somebody recorded it.
fn record_first(endpoint: &mut Endpoint<Peer>, sender: &mut Sender) -> Bytes {
    let bare = sender.poll_transmit(START).unwrap();
    endpoint.handle_datagram(START, PUBLISHER, &bare, &keys);
    let cookies = answers(endpoint, START, PUBLISHER);
    assert_eq!(cookies.len(), 1);
    sender.handle_datagram(START, &cookies[0]);
    sender.poll_transmit(START).unwrap()
}

#[test]
fn whoever_has_not_shown_its_address_gets_no_memory_and_fewer_bytes_than_it_sent() {
    let mut endpoint = endpoint();
    let first = publisher().poll_transmit(START).unwrap();
    let view = viewer(view("abc", server_key().public())).poll_transmit(START).unwrap().1;
    for n in 0..5000u16 {
        let from = ((n % 200) as u8, n);
        for first in [&first, &view] {
            assert!(matches!(endpoint.handle_datagram(START, from, first, &keys), Arrival::Nothing));
            let bytes: usize = answers(&mut endpoint, START, from).iter().map(Bytes::len).sum();
            assert!(bytes > 0 && bytes < first.len(), "{bytes} for {}", first.len());
        }
    }
    assert_eq!(endpoint.stats().half_open, 0);
    // Too short to be answered with a cookie.
    endpoint.handle_datagram(START, PUBLISHER, &first[..10], &keys);
    assert!(endpoint.poll_transmit(START).is_none());
}

#[test]
fn a_cookie_is_good_for_its_address_its_message_and_a_short_time() {
    let with_cookie = |at: Time, from: Peer, change: fn(&mut Vec<u8>)| {
        let mut endpoint = endpoint();
        let mut first = record_first(&mut endpoint, &mut publisher()).to_vec();
        change(&mut first);
        endpoint.handle_datagram(at, from, &first, &keys);
        (endpoint.stats().half_open, answers(&mut endpoint, at, from))
    };
    let (half_open, answer) = with_cookie(START, PUBLISHER, |_| ());
    assert_eq!((half_open, answer[0][0]), (1, datagram::RESPOND));
    assert_eq!(with_cookie(START + Duration::from_secs(14), PUBLISHER, |_| ()).0, 1);
    // A port more, a host more, another ephemeral key, another cookie, too late: all get a new cookie, and no more.
    let others = [
        with_cookie(START, (PUBLISHER.0, PUBLISHER.1 + 1), |_| ()),
        with_cookie(START, (PUBLISHER.0 + 1, PUBLISHER.1), |_| ()),
        with_cookie(START, PUBLISHER, |first| first[40] ^= 1),
        with_cookie(START, PUBLISHER, |first| first[3] ^= 1),
        with_cookie(START + Duration::from_secs(60), PUBLISHER, |_| ()),
    ];
    for (half_open, answer) in others {
        assert_eq!(half_open, 0);
        assert_eq!((answer.len(), answer[0][0]), (1, datagram::COOKIE));
    }
}

#[test]
fn a_cookie_that_is_too_old_is_renewed_without_a_word() {
    let mut server = Server::new();
    let mut sender = publisher();
    record_first(&mut server.endpoint, &mut sender);
    server.now = START + Duration::from_secs(60);
    server.serve(&mut sender, 50);
    assert_eq!(server.receivers.len(), 1);
    assert_eq!(server.endpoint.stats().bad_cookies, 1);
}

#[test]
fn a_replayed_first_message_makes_no_session() {
    let mut server = Server::new();
    let mut sender = publisher();
    let first = record_first(&mut server.endpoint, &mut sender);
    server.handle(PUBLISHER, &first);
    let answer = server.poll();
    sender.handle_datagram(server.now, &answer[0]);
    server.serve(&mut sender, 10);
    assert_eq!(server.receivers.len(), 1);
    let live = server.endpoint.stats();
    for from in [PUBLISHER, (77, 1), VIEWER] {
        for _ in 0..20 {
            server.handle(from, &first);
            server.handle(from, &first[1 + datagram::COOKIE_LEN..]);
        }
    }
    server.serve(&mut sender, 100);
    let stats = server.endpoint.stats();
    assert_eq!((stats.sessions, stats.accepted, stats.half_open), (1, live.accepted, 0));
    assert_eq!(stats.replayed, 20);
    assert!(sender.stats(server.now).connected);
    // After the session is gone, it may cost a half-open handshake, but is still no session.
    sender.close(server.now);
    server.serve(&mut sender, 500);
    assert_eq!(server.endpoint.stats().sessions, 0);
    server.handle(PUBLISHER, &first);
    let stats = server.endpoint.stats();
    assert_eq!((stats.sessions, stats.accepted), (0, live.accepted));
    assert!(stats.half_open <= 1);
}

#[test]
fn an_answer_that_got_lost_is_given_again_and_another_session_id_does_not_change_whose_it_is() {
    let mut endpoint = endpoint();
    let mut sender = publisher();
    let first = record_first(&mut endpoint, &mut sender);
    let mut given = Vec::new();
    for _ in 0..3 {
        endpoint.handle_datagram(START, PUBLISHER, &first, &keys);
        given.extend(answers(&mut endpoint, START, PUBLISHER));
    }
    assert!(given.len() == 3 && given.iter().all(|answer| *answer == given[0]));
    assert_eq!(endpoint.stats().half_open, 1);
}

#[test]
fn a_session_begins_with_a_datagram_that_opens_and_no_other() {
    let mut endpoint = endpoint();
    let mut sender = publisher();
    let first = record_first(&mut endpoint, &mut sender);
    endpoint.handle_datagram(START, PUBLISHER, &first, &keys);
    sender.handle_datagram(START, &answers(&mut endpoint, START, PUBLISHER)[0]);
    let sealed = sender.poll_transmit(START).unwrap();
    for at in 0..sealed.len() {
        let mut forged = sealed.to_vec();
        forged[at] ^= 1;
        let arrival = endpoint.handle_datagram(START, PUBLISHER, &forged, &keys);
        assert!(matches!(arrival, Arrival::Nothing), "with byte {at} changed: {arrival:?}");
    }
    let arrival = endpoint.handle_datagram(START, PUBLISHER, &sealed, &keys);
    assert!(matches!(arrival, Arrival::Publisher { .. }), "{arrival:?}");
    let arrival = endpoint.handle_datagram(START, PUBLISHER, &sealed, &keys);
    assert!(
        matches!(arrival, Arrival::Session(_)),
        "the session itself refuses what is replayed: {arrival:?}"
    );
}

#[test]
fn a_key_that_nobody_knows_gets_no_answer() {
    let mut server = Server::new();
    let other = StreamKey::parse("sk_22222222222222222222222222222222").unwrap();
    let mut sender = Sender::new(SenderConfig::publishing(&other), Seed::from_bytes([2; 32]), START).unwrap();
    server.serve(&mut sender, 3000);
    assert_eq!(server.endpoint.stats().half_open, 0);
    assert!(server.endpoint.stats().unknown_keys > 0);
    assert!(!sender.stats(server.now).connected);
}

#[test]
fn whoever_opens_many_handshakes_takes_the_room_from_itself() {
    let config = EndpointConfig { max_half_open: 8, ..EndpointConfig::new(server_key()) };
    let mut endpoint = Endpoint::new(config, Seed::from_bytes([1; 32])).unwrap();
    let open = |endpoint: &mut Endpoint<Peer>, from: Peer, seed: u8| {
        let config = SenderConfig::publishing(&stream_key());
        let mut sender = Sender::new(config, Seed::from_bytes([seed; 32]), START).unwrap();
        for _ in 0..2 {
            let first = sender.poll_transmit(START).unwrap();
            endpoint.handle_datagram(START, from, &first, &keys);
            let answer = answers(endpoint, START, from);
            sender.handle_datagram(START, &answer[0]);
        }
        sender
    };
    let mut good = open(&mut endpoint, PUBLISHER, 1);
    for port in 0..100 {
        open(&mut endpoint, (66, port), 100 + port as u8);
        assert!(endpoint.stats().half_open <= 8);
    }
    let sealed = good.poll_transmit(START).unwrap();
    let arrival = endpoint.handle_datagram(START, PUBLISHER, &sealed, &keys);
    assert!(matches!(arrival, Arrival::Publisher { .. }), "{arrival:?}");
    let later = START + Duration::from_secs(11);
    assert!(endpoint.poll_timeout().is_some_and(|time| time <= later));
    assert!(endpoint.poll_transmit(later).is_none());
    assert_eq!((endpoint.stats().half_open, endpoint.poll_timeout()), (0, None));
}

#[test]
fn a_host_that_asks_for_too_many_handshakes_waits_and_others_do_not() {
    let config = EndpointConfig { host_handshakes: 2, ..EndpointConfig::new(server_key()) };
    let mut endpoint = Endpoint::new(config, Seed::from_bytes([1; 32])).unwrap();
    let answered = |endpoint: &mut Endpoint<Peer>, now: Time, from: Peer, seed: u8| {
        let view = View { server: server_key().public(), playback_id: "abc".into(), token: None };
        let seed = Seed::from_bytes([seed; 32]);
        let mut viewer = Receiver::viewing(ReceiverConfig::default(), view, SERVER, seed, now).unwrap();
        let (_, first) = viewer.poll_transmit(now).unwrap();
        endpoint.handle_datagram(now, from, &first, &keys);
        viewer.handle_datagram(now, SERVER, &answers(endpoint, now, from)[0]);
        let (_, first) = viewer.poll_transmit(now).unwrap();
        endpoint.handle_datagram(now, from, &first, &keys);
        !answers(endpoint, now, from).is_empty()
    };
    let count = |endpoint: &mut Endpoint<Peer>, now: Time, seeds: std::ops::Range<u8>| {
        seeds.filter(|&seed| answered(endpoint, now, (66, seed.into()), seed)).count()
    };
    assert_eq!(count(&mut endpoint, START, 0..50), 10);
    assert_eq!(endpoint.stats().too_many, 40);
    assert!(answered(&mut endpoint, START, VIEWER, 50));
    assert_eq!(count(&mut endpoint, START + Duration::from_secs(1), 100..150), 2);
}

#[test]
fn viewers_leave_room_for_publishers() {
    let config = EndpointConfig { max_sessions: 10, ..EndpointConfig::new(server_key()) };
    let mut endpoint = Endpoint::new(config, Seed::from_bytes([1; 32])).unwrap();
    let watching = (20..32)
        .filter(|&seed| {
            let view = view("abc", server_key().public());
            let seed = Seed::from_bytes([seed; 32]);
            let mut viewer = Receiver::viewing(ReceiverConfig::default(), view, SERVER, seed, START).unwrap();
            accept_viewer(&mut endpoint, &mut viewer, START).is_some()
        })
        .count();
    assert_eq!(watching, 9);
    assert!(accept_publisher(&mut endpoint, &mut publisher(), START).is_some());
}

#[test]
fn a_server_that_is_full_says_so_and_the_publisher_tries_again_later() {
    let config = EndpointConfig { max_sessions: 0, ..EndpointConfig::new(server_key()) };
    let mut server = Server::new();
    server.endpoint = Endpoint::new(config, Seed::from_bytes([1; 32])).unwrap();
    let mut sender = publisher();
    server.serve(&mut sender, 5000);
    let refused = server.endpoint.stats().refused;
    assert!((3..=8).contains(&refused), "with growing pauses, but {refused} times");
    assert!(told(&mut sender).contains(&SenderEvent::Disconnected { reason: EndReason::Full }));
    server.endpoint.config.max_sessions = 1;
    server.serve(&mut sender, 9000);
    assert!(sender.stats(server.now).connected);
}

#[test]
fn a_publisher_that_is_refused_is_told_why_and_stops() {
    let mut server = Server { refusal: Some(EndReason::Refused), ..Server::new() };
    let mut sender = publisher();
    server.serve(&mut sender, 20);
    let events = told(&mut sender);
    assert_eq!(events[events.len() - 2..], ended(EndReason::Refused), "{events:?}");
    server.serve(&mut sender, 5000);
    let stats = server.endpoint.stats();
    assert_eq!((stats.sessions, stats.refused, told(&mut sender)), (0, 1, vec![]));
    assert_eq!(server.endpoint.poll_timeout(), None, "the refusal should be over when it was heard");
    assert!(matches!(
        sender.push_unit(server.now, 0, Timing::default(), &text_unit("x")),
        Err(Error::Closed)
    ));
}

#[test]
fn the_end_of_a_session_arrives_though_most_of_it_gets_lost() {
    let reasons = [EndReason::Replaced, EndReason::KeyRotated, EndReason::Archived];
    for (reason, lost) in reasons.into_iter().zip([0, 5, 9]) {
        let mut server = Server::new();
        let mut sender = publisher();
        server.serve(&mut sender, 300);
        let now = server.now;
        server.receiver().end(now, reason);
        server.lost = lost;
        server.serve(&mut sender, 1000);
        let events = told(&mut sender);
        assert_eq!(events[events.len() - 2..], ended(reason), "{events:?}");
        assert!(server.receivers.is_empty(), "the receiver should be over");
        assert_eq!(server.endpoint.stats().sessions, 0);
    }
}

#[test]
fn a_publisher_whose_server_says_goodbye_comes_back() {
    let mut server = Server::new();
    let mut sender = publisher();
    server.serve(&mut sender, 300);
    let now = server.now;
    server.receiver().end(now, EndReason::Goodbye);
    server.serve(&mut sender, 1000);
    assert!(sender.stats(server.now).connected);
    assert_eq!((server.receivers.len(), server.endpoint.stats().accepted), (1, 2));
}

#[test]
fn a_paused_stream_keeps_its_publisher_and_tells_it() {
    let mut server = Server::new();
    let mut sender = publisher();
    server.serve(&mut sender, 300);
    told(&mut sender);
    let mut pushed = 0;
    let mut push = |server: &mut Server, sender: &mut Sender, units: u64| {
        for _ in 0..units {
            pushed += 1;
            let timing = Timing { pts: server.now.as_nanos(), duration: 10_000_000 };
            sender.push_unit(server.now, 0, timing, &text_unit("unit")).unwrap();
            server.serve(sender, 10);
        }
        server.serve(sender, 300);
        let now = server.now;
        server.receiver().stats(now).units_complete
    };
    assert_eq!(push(&mut server, &mut sender, 10), 10);
    server.receiver().set_paused(true);
    assert_eq!(push(&mut server, &mut sender, 200), 10);
    assert!(told(&mut sender).contains(&SenderEvent::Paused(true)));
    server.receiver().set_paused(false);
    assert_eq!(push(&mut server, &mut sender, 10), 20);
    assert!(told(&mut sender).contains(&SenderEvent::Paused(false)));
    let now = server.now;
    let stats = server.receiver().stats(now);
    assert_eq!((stats.units_lost, stats.sessions), (0, 1), "{stats:?}");
}

#[test]
fn a_viewer_that_is_refused_is_told_why_and_stops() {
    for reason in [EndReason::UnknownStream, EndReason::Unauthorized] {
        let mut server = Server { refusal: Some(reason), lost: 0, ..Server::new() };
        let mut viewer = viewer(view("nothing", server_key().public()));
        server.show(&mut viewer, 20);
        let events = told_viewer(&mut viewer);
        assert_eq!(events.last(), Some(&ReceiverEvent::Ended { reason }), "{events:?}");
        assert!(viewer.is_over());
        server.show(&mut viewer, 10_000);
        assert_eq!(server.endpoint.stats().refused, 1);
    }
}

#[test]
fn a_viewer_comes_back_after_silence() {
    let mut server = Server::new();
    let mut viewer = viewer(view("abc", server_key().public()));
    server.show(&mut viewer, 20);
    assert_eq!(server.viewers.len(), 1);
    // A server that forgot everything: nobody answers.
    server.endpoint = endpoint();
    server.show(&mut viewer, 6000);
    assert_eq!(server.viewers.len(), 2);
    let events = told_viewer(&mut viewer);
    assert!(events.contains(&ReceiverEvent::Ended { reason: EndReason::Silence }), "{events:?}");
    // It closes: the server hears it, and nothing more.
    viewer.close(server.now);
    assert!(
        std::iter::from_fn(|| viewer.poll_transmit(server.now)).count() == 3
            && viewer.poll_timeout().is_none()
    );
}

#[test]
fn another_server_than_the_one_that_the_viewer_looks_for_gives_it_no_session() {
    let mut server = Server::new();
    let mut viewer = viewer(view("abc", ServerKey::from_bytes([10; 32]).public()));
    server.show(&mut viewer, 3000);
    assert!(server.viewers.is_empty() && !viewer.stats(server.now).connected);
    assert_eq!(server.endpoint.stats().half_open, 0);
}

#[test]
fn a_viewer_whose_first_report_gets_lost_reports_again_soon() {
    let mut server = Server::new();
    let mut viewer = viewer(view("abc", server_key().public()));
    let reports = accept_viewer(&mut server.endpoint, &mut viewer, START).map(|_| ());
    assert!(reports.is_some());
    let again = viewer.poll_timeout().unwrap();
    assert!(again <= START + Duration::from_millis(100), "{again:?}");
}

#[test]
fn what_cannot_be_asked_for_is_an_error() {
    let make = |view: View| {
        Receiver::<Peer>::viewing(ReceiverConfig::default(), view, SERVER, Seed::from_bytes([3; 32]), START)
            .err()
    };
    let key = server_key().public();
    assert_eq!(make(view("", key)), Some(Error::PlaybackId(0)));
    assert_eq!(make(view(&"x".repeat(65), key)), Some(Error::PlaybackId(65)));
    assert_eq!(make(View { token: Some("x".repeat(513)), ..view("a", key) }), Some(Error::Token(513)));
    assert_eq!(make(View { token: Some("x".repeat(512)), ..view(&"x".repeat(64), key) }), None);
    let config = SenderConfig { one_way: true, ..SenderConfig::publishing(&stream_key()) };
    let error = Sender::new(config, Seed::from_bytes([2; 32]), START).err();
    assert_eq!(error, Some(Error::OneWayStreamKey));
}

#[test]
fn the_longest_request_crosses() {
    let mut server = Server::new();
    let token = Some("t".repeat(512));
    let mut viewer = viewer(View { token, ..view(&"p".repeat(64), server_key().public()) });
    server.show(&mut viewer, 20);
    assert_eq!(server.viewers[0].1, "p".repeat(64));
}

proptest! {
    #[test]
    fn any_bytes_do_an_endpoint_no_harm(datagrams in vec((any::<u8>(), vec(any::<u8>(), 0..200)), 0..60)) {
        let mut endpoint = endpoint();
        let kinds = 0xf0..=0xf8;
        for (kind, mut datagram) in datagrams {
            datagram.insert(0, kinds.clone().nth(usize::from(kind) % 9).unwrap_or(0));
            let came = datagram.len();
            let arrival = endpoint.handle_datagram(START, PUBLISHER, &datagram, &keys);
            prop_assert!(matches!(arrival, Arrival::Nothing));
            let sent: usize = answers(&mut endpoint, START, PUBLISHER).iter().map(Bytes::len).sum();
            prop_assert!(sent <= came);
        }
        prop_assert_eq!(endpoint.stats().half_open, 0);
    }

    #[test]
    fn a_damaged_handshake_does_an_endpoint_no_harm(at in 0usize..120, bit in 0u8..8, len in 0usize..120) {
        let mut endpoint = endpoint();
        let mut first = record_first(&mut endpoint, &mut publisher()).to_vec();
        if let Some(byte) = first.get_mut(at) {
            *byte ^= 1 << bit;
        }
        first.truncate(len.max(1));
        let arrival = endpoint.handle_datagram(START, PUBLISHER, &first, &keys);
        prop_assert!(matches!(arrival, Arrival::Nothing));
    }
}
