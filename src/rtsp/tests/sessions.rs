//! What players ask, and what they are answered.

use bytes::Bytes;
use fql_rtsp::{Description, Destination, Event, MediaUnit, Refusal, Sender, Session, Unreadable};
use fql_unit::{AudioCodec, EncodedAudioInfo, EncodedVideoInfo, Media, Track, TrackTable, VideoCodec};

const PORTS: Option<(u16, u16)> = Some((8554, 8555));

fn description() -> Description {
    let video = Media::EncodedVideo(EncodedVideoInfo {
        codec: VideoCodec::Vp8,
        width: 320,
        height: 180,
        frame_rate: (25, 1),
        config: Vec::new(),
        caps: String::new(),
    });
    let audio = Media::EncodedAudio(EncodedAudioInfo {
        codec: AudioCodec::Aac,
        rate: 44_100,
        channels: 2,
        config: vec![0x12, 0x10],
        caps: String::new(),
    });
    let track = |id, layers, media| Track { id, name: String::new(), layers, media };
    let table = TrackTable::new(vec![track(7, 3, video), track(9, 1, audio)]).unwrap();
    Description::new(&table)
}

/// What the session says to this, and what it wants.
fn ask(session: &mut Session, request: &str) -> (String, Option<Event>) {
    session.receive(request.replace('\n', "\r\n").as_bytes());
    let event = session.poll().unwrap();
    (String::from_utf8(session.take_output()).unwrap(), event)
}

/// A session that has been told of the stream `abc`.
fn described() -> Session {
    let mut session = Session::new("name".into(), PORTS);
    let (_, event) = ask(&mut session, "DESCRIBE rtsp://host/abc?x=y RTSP/1.0\nCSeq: 2\n\n");
    assert_eq!(event, Some(Event::Describe("abc".into())));
    session.describe(Ok((&description(), "News\r\nm=evil")));
    let answer = String::from_utf8(session.take_output()).unwrap();
    assert!(
        answer.contains("Content-Base: rtsp://host/abc/\r\n") && answer.contains("CSeq: 2\r\n"),
        "{answer}"
    );
    assert!(answer.contains("s=Newsm=evil\r\n"), "{answer}");
    assert!(answer.contains("a=rtpmap:96 VP8/90000\r\na=control:track0\r\n"), "{answer}");
    assert!(answer.contains("a=rtpmap:97 mpeg4-generic/44100/2\r\n"), "{answer}");
    assert!(answer.contains("config=1210\r\na=control:track1\r\n"), "{answer}");
    session
}

fn set_up(session: &mut Session, track: &str, transport: &str) -> String {
    let request = format!("SETUP rtsp://host/abc/{track} RTSP/1.0\nCSeq: 3\nTransport: {transport}\n\n");
    ask(session, &request).0
}

#[test]
fn a_player_is_told_of_the_stream_sets_it_up_plays_and_takes_its_leave() {
    let mut session = described();
    let answer = set_up(&mut session, "track0", "RTP/AVP/TCP;unicast;interleaved=0-1");
    assert!(answer.starts_with("RTSP/1.0 200 Ok\r\n"), "{answer}");
    assert!(answer.contains("Session: name;timeout=60\r\n"), "{answer}");
    assert!(answer.contains("Transport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc="), "{answer}");
    let answer = set_up(&mut session, "track1", "RTP/AVP;unicast;client_port=5000-5001");
    assert!(answer.contains("client_port=5000-5001;server_port=8554-8555"), "{answer}");
    assert_eq!(session.destination(0), Some(Destination::Interleaved(0, 1)));
    assert_eq!(session.destination(1), Some(Destination::Udp(5000, 5001)));

    let play = "PLAY rtsp://host/abc/ RTSP/1.0\nCSeq: 4\nSession: name\nRange: npt=0.000-\n\n";
    assert_eq!(ask(&mut session, play), (String::new(), Some(Event::Play)));
    let sender = Sender::new(&description(), session.set_up(), session.id(), (5, 10));
    session.play(Ok(&sender.starts()));
    let answer = String::from_utf8(session.take_output()).unwrap();
    assert!(answer.contains("RTP-Info: url=rtsp://host/abc/track0;seq="), "{answer}");
    assert!(session.is_playing());

    let (answer, event) = ask(&mut session, "PAUSE rtsp://host/abc/ RTSP/1.0\nCSeq: 5\nSession: name\n\n");
    assert_eq!((&answer[..15], event), ("RTSP/1.0 200 Ok", Some(Event::Pause)));
    let (answer, event) = ask(&mut session, "TEARDOWN rtsp://host/abc/ RTSP/1.0\nCSeq: 6\n\n");
    assert_eq!((&answer[..15], event), ("RTSP/1.0 200 Ok", Some(Event::Teardown)));
}

#[test]
fn what_makes_no_sense_is_refused_by_its_own_status() {
    let status = |session: &mut Session, request: &str| ask(session, request).0[9..12].to_owned();
    let mut new = Session::new("name".into(), None);
    assert_eq!(status(&mut new, "OPTIONS * RTSP/1.0\nCSeq: 1\n\n"), "200");
    assert_eq!(status(&mut new, "GET_PARAMETER rtsp://h/abc RTSP/1.0\nCSeq: 1\n\n"), "200");
    assert_eq!(status(&mut new, "OPTIONS * RTSP/1.0\n\n"), "400");
    assert_eq!(status(&mut new, "OPTIONS * RTSP/2.0\nCSeq: 1\n\n"), "505");
    assert_eq!(status(&mut new, "OPTIONS * RTSP/1.0\nCSeq: 1\nRequire: magic\n\n"), "551");
    assert_eq!(status(&mut new, "DESCRIBE rtsp://h/ RTSP/1.0\nCSeq: 1\n\n"), "404");
    assert_eq!(status(&mut new, "ANNOUNCE rtsp://h/abc RTSP/1.0\nCSeq: 1\n\n"), "405");
    assert_eq!(status(&mut new, "PLAY rtsp://h/abc RTSP/1.0\nCSeq: 1\n\n"), "455");
    assert_eq!(status(&mut new, "TEARDOWN rtsp://h/abc RTSP/1.0\nCSeq: 1\n\n"), "455");
    let setup = "SETUP rtsp://h/abc/track0 RTSP/1.0\nCSeq: 1\nTransport: RTP/AVP/TCP;interleaved=0-1\n\n";
    assert_eq!(status(&mut new, setup), "455", "nothing was described");

    let (_, event) = ask(&mut new, "DESCRIBE rtsp://h/abc RTSP/1.0\nCSeq: 1\n\n");
    assert!(event.is_some());
    new.describe(Err(Refusal::NotFound));
    assert_eq!(&String::from_utf8(new.take_output()).unwrap()[9..12], "404");

    let mut session = described();
    let mut tried = |track, transport| set_up(&mut session, track, transport)[9..12].to_owned();
    assert_eq!(tried("track2", "RTP/AVP;client_port=1-2"), "404");
    assert_eq!(tried("other/track0", "RTP/AVP;client_port=1-2"), "404");
    assert_eq!(tried("track0", "RTP/AVP;multicast;client_port=1-2"), "461");
    assert_eq!(tried("track0", "RTP/SAVP;client_port=1-2"), "461");
    assert_eq!(tried("track0", "RTP/AVP;client_port=0-0"), "461");
    assert_eq!(tried("track0", "RTP/AVP/TCP;interleaved=255"), "461");
    assert_eq!(tried("track0", "nonsense"), "461");
    assert_eq!(tried("track0", "RTP/AVP;multicast, RTP/AVP/TCP;interleaved=2-3"), "200");
    assert_eq!(tried("track1", "RTP/AVP/TCP;interleaved=3-4"), "461", "a channel is taken");
    let play = "PLAY rtsp://h/abc RTSP/1.0\nCSeq: 1\nSession: other\n\n";
    assert_eq!(status(&mut session, play), "454");
}

#[test]
fn requests_come_in_pieces_one_after_another_and_among_reports() {
    let mut session = Session::new("name".into(), PORTS);
    let request = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    for byte in request {
        session.receive(&[*byte]);
        assert_eq!(session.poll(), Ok(None));
    }
    assert!(session.take_output().starts_with(b"RTSP/1.0 200"));
    let report = [b'$', 1, 0, 4, 1, 2, 3, 4];
    session.receive(&[&report[..], request, &report, request].concat());
    assert_eq!(session.poll(), Ok(None));
    let answers = String::from_utf8(session.take_output()).unwrap();
    assert_eq!(answers.matches("200 Ok").count(), 2);
}

#[test]
fn what_is_no_rtsp_or_has_no_end_is_given_up() {
    let mut session = Session::new("name".into(), PORTS);
    session.receive(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(session.poll(), Err(Unreadable::Malformed));
    assert!(session.take_output().starts_with(b"RTSP/1.0 400"));
    let mut session = Session::new("name".into(), PORTS);
    session.receive(&[b'a'; 16 << 10]);
    assert_eq!(session.poll(), Err(Unreadable::TooLong));
    let mut session = Session::new("name".into(), PORTS);
    session.receive(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 99999999999\r\n\r\n");
    assert_eq!(session.poll(), Err(Unreadable::TooLong));
}

#[test]
fn packets_are_numbered_and_a_report_says_what_their_times_mean() {
    let second = 1_000_000_000;
    // The stream's second 3 is the wall's second 100.
    let mut sender =
        Sender::new(&description(), [(0, 0xabcd), (1, 0xef)], "name", (3 * second, 100 * second));
    let starts = sender.starts();
    let unit = |track, pts, key| MediaUnit { track, pts, key, data: Bytes::from(vec![5; 2000]) };
    let mut packets = Vec::new();
    sender.unit(&unit(7, 3 * second, false), &mut packets);
    assert!(packets.is_empty(), "nothing can be decoded before a key picture");
    sender.unit(&unit(7, 4 * second, true), &mut packets);
    let word = |data: &[u8], at: usize| u32::from_be_bytes(data[at..at + 4].try_into().unwrap());
    let report = &packets[0];
    assert!(report.is_report && report.data[1] == 200);
    assert_eq!(word(&report.data, 8), 101 + 2_208_988_800, "NTP counts from 1900");
    let time = starts[0].time.wrapping_add(90_000);
    assert_eq!(word(&report.data, 16), time);
    assert_eq!((report.data[29], &report.data[36..44]), (202, &[1, 4, b'n', b'a', b'm', b'e', 0, 0][..]));
    let media = &packets[1..];
    assert_eq!(media.len(), 2);
    for (i, packet) in media.iter().enumerate() {
        let data = &packet.data;
        assert_eq!((data[0], data[1]), (0x80, if i == 1 { 0xe0 } else { 0x60 }));
        let sequence = u16::from_be_bytes([data[2], data[3]]);
        assert_eq!(sequence, starts[0].sequence.wrapping_add(i as u16));
        assert_eq!((word(data, 4), word(data, 8)), (time, 0xabcd));
    }
    packets.clear();
    sender.unit(&unit(9, 4 * second, true), &mut packets);
    assert_eq!(word(&packets[0].data, 8), 101 + 2_208_988_800);
    assert_eq!(word(&packets[0].data, 16), starts[1].time.wrapping_add(44_100));
    packets.clear();
    sender.end(&mut packets);
    assert_eq!(packets.len(), 2);
    let goodbye = &packets[0].data[packets[0].data.len() - 8..];
    assert_eq!(goodbye, [0x81, 203, 0, 1, 0, 0, 0xab, 0xcd]);
    // All of a compound packet is in whole words, whose number each part says.
    for packet in &packets {
        let mut rest = &packet.data[..];
        while !rest.is_empty() {
            rest = &rest[4 * (usize::from(u16::from_be_bytes([rest[2], rest[3]])) + 1)..];
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_a_session_panic(
        pieces in proptest::collection::vec(
            "(DESCRIBE|SETUP|PLAY|PAUSE|TEARDOWN|OPTIONS|\\$) (rtsp://h/abc(/track[01])?|\\*) RTSP/1.0\r\n(CSeq: 1\r\n)?(Transport: [A-Z/]{0,12};[a-z_]{0,11}=[0-9-]{0,9}\r\n)?(Session: name\r\n)?(Content-Length: [0-9]{1,3}\r\n)?\r\n",
            0..8,
        ),
        junk: Vec<u8>,
    ) {
        let mut session = Session::new("name".into(), PORTS);
        for piece in pieces.iter().map(String::as_bytes).chain([&junk[..]]) {
            session.receive(piece);
            while let Ok(Some(event)) = session.poll() {
                match event {
                    Event::Describe(_) => session.describe(Ok((&description(), "x"))),
                    Event::Play => session.play(Ok(&[])),
                    Event::Pause | Event::Teardown => {}
                }
            }
        }
    }
}
