//! Sessions of publishers and viewers, and how they end and come back.

use fql_unit::Timing;

use super::*;
use crate::message::Message;
use crate::seal::Sealer;

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
