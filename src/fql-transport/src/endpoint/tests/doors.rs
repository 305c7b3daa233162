//! Who gets a session: cookies, replays, floods, and requests that cannot be.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

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
