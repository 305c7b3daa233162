//! Whatever a client sends, a session ends in bounded memory and time, with an error that says what was wrong.

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{KEY, Keeper, message, number, text};
use fastrand::Rng;
use rtmp::{Error, Event, Media, MediaReader, Session, SessionError};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// What a client sends up to where it may send commands.
fn handshake() -> Vec<u8> {
    [&[3][..], &[0; 2 * 1536]].concat()
}

fn connect(application: &str) -> Vec<u8> {
    let object = [&[3][..], b"\0\x03app", &text(application), &[0, 0, 9]].concat();
    message(20, 0, &[text("connect"), number(1.0), object].concat(), 128)
}

fn publish(key: &str) -> Vec<u8> {
    message(20, 0, &[text("publish"), number(3.0), vec![5], text(key), text("live")].concat(), 128)
}

/// A session that may send media.
fn publishing() -> Session {
    let mut session = Session::default();
    session.receive(&[handshake(), connect("live"), publish(KEY)].concat()).unwrap();
    assert_eq!(session.event(), Some(Event::Publish { key: KEY.into() }));
    session.accept().unwrap();
    session
}

fn said(session: &mut Session) -> String {
    String::from_utf8_lossy(&session.output()).into_owned()
}

/// The error that these bytes end a session with.
fn error(bytes: &[u8]) -> SessionError {
    Session::default().receive(&[&handshake(), bytes].concat()).unwrap_err()
}

#[test]
fn a_publisher_is_let_in_byte_by_byte() {
    let mut session = Session::default();
    for byte in
        [handshake(), connect("live"), publish(KEY), message(9, 7, &[0x17, 1, 0, 0, 0, 5], 128)].concat()
    {
        session.receive(&[byte]).unwrap();
    }
    assert_eq!(session.event(), Some(Event::Publish { key: KEY.into() }));
    assert_eq!(session.event(), None, "media waits for the answer");
    session.accept().unwrap();
    let payload = Bytes::from_static(&[0x17, 1, 0, 0, 0, 5]);
    assert_eq!(session.event(), Some(Event::Video { timestamp: 7, payload }));
    let said = said(&mut session);
    assert!(
        said.contains("NetConnection.Connect.Success") && said.contains("NetStream.Publish.Start"),
        "{said}"
    );
    assert!(said.contains("hvc1") && said.contains("Opus"), "{said}");
}

#[test]
fn other_protocols_are_told_by_their_first_byte() {
    for bytes in [&b"GET / HTTP/1.1"[..], &[22, 3, 1], &[0]] {
        assert_eq!(Session::default().receive(bytes), Err(SessionError::Handshake));
    }
}

#[test]
fn what_is_refused_is_said_to_the_client_and_named_without_the_key() {
    let mut session = Session::default();
    session.receive(&[handshake(), connect("live"), publish("secret")].concat()).unwrap();
    assert!(matches!(session.event(), Some(Event::Publish { .. })));
    let error = session.refuse("no stream has this key");
    assert_eq!(error.to_string(), "the publisher was refused: no stream has this key");
    let said = said(&mut session);
    assert!(said.contains("NetStream.Publish.BadName") && !said.contains("secret"), "{said}");
    session.receive(&message(9, 7, &[0x17, 1, 0, 0, 0, 5], 128)).unwrap();
    assert_eq!(session.event(), None, "media of a publisher who was refused is not read");
}

#[test]
fn commands_out_of_order_and_without_end_are_errors() {
    assert_eq!(error(&publish(KEY)), SessionError::NotConnected);
    assert_eq!(error(&connect("vod/secret")), SessionError::NoApplication);
    assert_eq!(error(&[connect("live"), publish("")].concat()), SessionError::NoKey);
    assert_eq!(error(&[connect("live"), publish("a/b")].concat()), SessionError::NoKey);
    let play = message(20, 0, &[text("play"), number(3.0), vec![5], text("x")].concat(), 128);
    assert_eq!(error(&[connect("live"), play].concat()), SessionError::Play);
    let create = message(20, 0, &[text("createStream"), number(3.0), vec![5]].concat(), 128);
    assert_eq!(error(&create.repeat(1000)), SessionError::TooManyCommands);
    assert_eq!(error(&message(20, 0, &[0x0a, 0xff, 0xff, 0xff, 0xff], 128)), SessionError::Command);
}

#[test]
fn long_messages_are_refused_before_they_come_and_the_more_so_before_a_key_was_shown() {
    let header = |length: u32| [&[4, 0, 0, 0][..], &length.to_be_bytes()[1..], &[9, 1, 0, 0, 0]].concat();
    let text = error(&[connect("live"), header(65_537)].concat()).to_string();
    assert_eq!(text, "a message of 65537 bytes, where at most 65536 are taken");
    let mut session = publishing();
    session.receive(&header(0xff_ffff)).unwrap();
    assert!(session.receive(&[&[5, 0, 0, 0][..], &[0; 9]].concat()).is_ok(), "its chunk goes on");
}

#[test]
fn an_acknowledgement_window_of_nothing_is_one_that_makes_sense() {
    let mut session = publishing();
    session.output();
    session.receive(&message(5, 0, &[0; 4], 128)).unwrap();
    session.receive(&message(1, 0, &0x7fff_ffffu32.to_be_bytes(), 128)).unwrap();
    session.receive(&message(9, 0, &vec![7; 200_000], 0x10_0000)).unwrap();
    let acknowledged = session.output().len();
    assert!((1..100).contains(&acknowledged), "one acknowledgement, not {acknowledged} bytes");
    assert_eq!(session.receive(&message(1, 0, &[0; 4], 128)).unwrap_err().to_string(), "chunks of no bytes");
}

#[test]
fn messages_in_one_are_told_apart_and_damaged_ones_end_them() {
    let tag = |kind: u8, time: u8, body: &[u8]| {
        [&[kind, 0, 0, body.len() as u8, 0, 0, time, 0, 0, 0, 0][..], body, &[0; 4]].concat()
    };
    let mut session = publishing();
    let aggregate = [tag(9, 10, &[1, 2]), tag(8, 30, &[3]), vec![9, 0, 0, 200]].concat();
    session.receive(&message(22, 1000, &aggregate, 128)).unwrap();
    let times = std::iter::from_fn(|| session.event()).map(|event| match event {
        Event::Video { timestamp, payload } => (9, timestamp, payload.len()),
        Event::Audio { timestamp, payload } => (8, timestamp, payload.len()),
        other => panic!("{other:?}"),
    });
    assert_eq!(times.collect::<Vec<_>>(), [(9, 1000, 2), (8, 1020, 1)]);
}

/// Bytes that are like those of a client, and damaged here and there.
fn damaged(random: &mut Rng) -> Vec<u8> {
    let media: Vec<u8> = (0..random.usize(..300)).map(|_| random.u8(..)).collect();
    let parts = [
        connect("live"),
        message(1, 0, &random.u32(..5000).to_be_bytes(), 128),
        message(*[8, 9, 15, 18, 22].get(random.usize(..5)).unwrap(), random.u32(..), &media, 128),
        publish(KEY),
        media.clone(),
    ];
    let mut bytes: Vec<u8> = (0..6).flat_map(|_| parts[random.usize(..parts.len())].clone()).collect();
    for _ in 0..random.usize(..8) {
        let at = random.usize(..bytes.len());
        bytes[at] = random.u8(..);
    }
    bytes
}

#[test]
fn any_bytes_are_a_session_or_an_error() {
    let mut random = Rng::with_seed(11);
    for round in 0..800 {
        let mut session = if round % 2 == 0 { publishing() } else { Session::default() };
        if round % 4 == 1 {
            session.receive(&handshake()).unwrap();
        }
        let mut reader = MediaReader::default();
        let bytes = damaged(&mut random);
        for piece in bytes.chunks(random.usize(1..200)) {
            if session.receive(piece).is_err() {
                break;
            }
            while let Some(event) = session.event() {
                let _ = match event {
                    Event::Publish { .. } => session.accept().map_err(drop),
                    Event::Video { timestamp, payload } => reader.video(timestamp, &payload).map_err(drop),
                    Event::Audio { timestamp, payload } => reader.audio(timestamp, &payload).map_err(drop),
                    Event::Data(payload) => {
                        reader.data(&payload);
                        Ok(())
                    }
                    Event::End => Ok(()),
                };
            }
            assert!(session.output().len() < 100_000);
        }
    }
}

#[test]
fn any_tags_are_media_or_nothing_and_every_unit_is_of_a_track_that_was_told() {
    let mut random = Rng::with_seed(13);
    for _ in 0..300 {
        let mut reader = MediaReader::default();
        let mut tracks = Vec::new();
        for _ in 0..60 {
            let mut tag: Vec<u8> = (0..random.usize(2..60)).map(|_| random.u8(..)).collect();
            tag[0] = [0x17, 0x27, 0xaf, 0x90, 0x91, 0x93, 0x96, 0x97, 0x95, tag[0]][random.usize(..10)];
            tag[1] = random.u8(..3);
            if random.bool() && tag.len() > 6 {
                let code = [b"avc1", b"hvc1", b"av01", b"vp09", b"mp4a", b"Opus"][random.usize(..6)];
                tag.splice(1..5, *code);
            }
            let tag = Bytes::from(tag);
            let _ = if random.bool() { reader.video(random.u32(..), &tag) } else { reader.audio(0, &tag) };
        }
        reader.finish();
        while let Some(media) = reader.read() {
            match media {
                Media::Tracks(table) => tracks = table.tracks().iter().map(|track| track.id).collect(),
                Media::Unit(unit) => assert!(tracks.contains(&unit.track), "{unit:?} {tracks:?}"),
                Media::LeftOut(_) => {}
            }
        }
    }
}

/// A client, and its session on the other side. The clock goes on when both wait.
fn pair() -> (DuplexStream, JoinHandle<Result<rtmp::End, Error>>) {
    let (client, server) = duplex(64 << 10);
    (client, tokio::spawn(rtmp::serve(server, Keeper::default())))
}

#[tokio::test(start_paused = true)]
async fn clients_that_say_nothing_and_clients_that_say_little_are_ended_in_time() {
    for piece in [0, 1] {
        let (mut client, serving) = pair();
        let begun = Instant::now();
        let trickle = async {
            for byte in handshake() {
                tokio::time::sleep(Duration::from_millis(900)).await;
                if piece > 0 && client.write_all(&[byte]).await.is_err() {
                    break;
                }
            }
        };
        tokio::select! {
            () = trickle => panic!("it went on to the end"),
            result = serving => {
                let error = result.unwrap().unwrap_err();
                assert_eq!(error.to_string(), "nothing was published within 10 s");
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(15));
    }
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_sends_no_whole_message_is_ended_in_time() {
    let (mut client, serving) = pair();
    client.write_all(&[handshake(), connect("live"), publish(KEY)].concat()).await.unwrap();
    let begun = Instant::now();
    let trickle = async {
        client.write_all(&[4, 0, 0, 0, 0xff, 0, 0, 9, 1, 0, 0, 0]).await.unwrap();
        while client.write_all(&[0]).await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let ((), result) = tokio::join!(trickle, serving);
    assert!(matches!(result.unwrap(), Err(Error::Silent)));
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_no_answers_is_ended_in_time() {
    let (client, server) = duplex(512);
    let serving = tokio::spawn(rtmp::serve(server, Keeper::default()));
    let (_reading, mut writing) = tokio::io::split(client);
    let _ = writing.write_all(&handshake()).await;
    assert!(matches!(serving.await.unwrap(), Err(Error::TakesNothing)));
}

#[tokio::test]
async fn connections_that_end_anywhere_in_the_handshake_are_lost_and_no_more() {
    for length in [0, 1, 1536, 1537, 1538, 3073] {
        let (mut client, serving) = pair();
        client.write_all(&handshake()[..length]).await.unwrap();
        client.shutdown().await.unwrap();
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        assert!(matches!(serving.await.unwrap(), Ok(rtmp::End::Lost)), "{length}");
    }
}
