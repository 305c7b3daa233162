//! Calls on this machine: what is accepted, what is refused and why, and what arrives.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fql_srt::{Call, Caller, Connection, Decision, Error, Listener, MAX_PAYLOAD, PAYLOAD, Reject, Settings};

const LATENCY: Duration = Duration::from_millis(80);
const PASSPHRASE: &str = "a long passphrase";

fn decide(caller: Caller) -> Decision {
    match caller.stream_id {
        "open" => Decision::Accept { passphrase: None },
        "locked" => Decision::Accept { passphrase: Some(PASSPHRASE.into()) },
        "panic" => panic!("the decider fails"),
        "short" => Decision::Accept { passphrase: Some("short".into()) },
        _ => Decision::Reject(Reject::UNAUTHORIZED),
    }
}

fn listener() -> (Listener, SocketAddr) {
    let listener =
        Listener::bind((Ipv4Addr::LOCALHOST, 0).into(), Settings { latency: LATENCY }, decide).unwrap();
    let address = listener.local_address().unwrap();
    assert_ne!(address.port(), 0);
    (listener, address)
}

fn call(address: SocketAddr, stream_id: &str, passphrase: Option<&str>) -> Call {
    let latency = Duration::from_millis(20);
    Call { address, stream_id: stream_id.into(), passphrase: passphrase.map(Into::into), latency }
}

#[tokio::test]
async fn payloads_arrive_whole_and_in_order_both_ways() {
    let (listener, address) = listener();
    for (stream_id, passphrase) in [("open", None), ("locked", Some(PASSPHRASE))] {
        let (caller, called) =
            tokio::join!(Connection::call(call(address, stream_id, passphrase)), listener.accept());
        let (caller, called) = (caller.unwrap(), called.unwrap());
        assert_eq!((called.stream_id(), called.peer().ip()), (stream_id, address.ip()));
        assert_eq!((caller.passphrase(), called.passphrase()), (passphrase, passphrase));
        assert!(!format!("{called:?}{caller:?}").contains(PASSPHRASE));
        for (from, to) in [(&caller, &called), (&called, &caller)] {
            let mut room = [0; MAX_PAYLOAD];
            for number in 0..50u8 {
                from.send(&[number; PAYLOAD]).await.unwrap();
            }
            for number in 0..50u8 {
                let length = to.receive(&mut room).await.unwrap();
                assert_eq!((&room[..length], length), (&[number; PAYLOAD][..], PAYLOAD));
            }
        }
        let statistics = called.statistics().unwrap();
        assert!(statistics.packets_received >= 50 && statistics.bytes_received >= 50 * PAYLOAD as u64);
        assert!(statistics.packets_sent >= 50, "{statistics:?}");
        assert!(statistics.round_trip > Duration::ZERO && statistics.round_trip < Duration::from_secs(10));
        // The longer latency counts.
        assert_eq!((statistics.latency, statistics.peer_latency), (LATENCY, LATENCY));
        drop(caller);
        assert_eq!(called.receive(&mut [0; MAX_PAYLOAD]).await, None);
    }
}

#[tokio::test]
async fn a_caller_that_is_refused_hears_why() {
    let (_listener, address) = listener();
    let refused =
        async |stream_id, passphrase| match Connection::call(call(address, stream_id, passphrase)).await {
            Err(Error::Refused(reject)) => reject,
            other => panic!("{other:?}"),
        };
    assert_eq!(refused("wrong", None).await, Reject::UNAUTHORIZED);
    assert_eq!(refused("", None).await, Reject::UNAUTHORIZED);
    assert_eq!(refused("panic", None).await, Reject::INTERNAL);
    assert_eq!(refused("short", Some("short and longer")).await, Reject::INTERNAL);
    // libsrt's own reasons: a wrong secret, and one that is not expected.
    assert_eq!(refused("locked", Some("another passphrase")).await.code(), 10);
    assert_eq!(refused("locked", None).await.code(), 11);
    assert_eq!(refused("open", Some(PASSPHRASE)).await.code(), 11);
}

#[tokio::test]
async fn settings_that_cannot_be_are_errors() {
    let (_listener, address) = listener();
    let error = Connection::call(call(address, &"x".repeat(513), None)).await.unwrap_err();
    assert_eq!(error.to_string(), "a stream id has at most 512 bytes");
    let error = Connection::call(call(address, "open", Some("short"))).await.unwrap_err();
    assert_eq!(error.to_string(), "a passphrase has 10 to 79 bytes");
}

#[tokio::test]
async fn a_payload_that_is_too_long_is_an_error_and_not_sent() {
    let (listener, address) = listener();
    let (caller, _called) = tokio::join!(Connection::call(call(address, "open", None)), listener.accept());
    assert_eq!(caller.unwrap().send(&[0; PAYLOAD + 1]).await, Err(Error::TooLong(PAYLOAD + 1)));
}

#[tokio::test]
async fn a_port_is_free_again_when_its_listener_is_gone() {
    let (listener, address) = listener();
    drop(listener);
    // libsrt gives up the port at a time of its own.
    let again = async {
        loop {
            if Listener::bind(address, Settings::default(), decide).is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), again).await.expect("the port is still taken");
}

/// A handshake as a caller sends it (draft-sharabayko-srt, 3.2.1), to be changed at will.
fn handshake(version: u32, kind: u32, extensions: u16, cookie: u32, blocks: &[(u16, Vec<u8>)]) -> Vec<u8> {
    const SOCKET: u32 = 77;
    // A control packet, not yet to any socket.
    let mut words = vec![0x8000_0000, 0, 0, 0, version, u32::from(extensions)];
    // The first sequence number, the largest packet, how many may be on their way.
    words.extend([1, 1500, 8192, kind, SOCKET, cookie, 0x7f00_0001, 0, 0, 0]);
    let mut bytes: Vec<u8> = words.into_iter().flat_map(u32::to_be_bytes).collect();
    for (command, content) in blocks {
        bytes.extend(command.to_be_bytes());
        bytes.extend((content.len() as u16 / 4).to_be_bytes());
        // Words of text are sent the other way round.
        content.chunks(4).for_each(|word| bytes.extend(word.iter().rev()));
    }
    bytes
}

#[tokio::test]
async fn a_caller_that_names_two_things_is_connected_as_what_was_decided_on() {
    let decided = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&decided);
    let decide = move |caller: Caller| {
        seen.lock().unwrap().push(caller.stream_id.to_owned());
        Decision::Accept { passphrase: None }
    };
    let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0).into(), Settings::default(), decide).unwrap();
    let caller = tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    caller.connect(listener.local_address().unwrap()).await.unwrap();
    let mut answer = [0; 1500];
    caller.send(&handshake(4, 1, 2, 0, &[])).await.unwrap();
    let length = caller.recv(&mut answer).await.unwrap();
    let cookie = u32::from_be_bytes(answer[..length][44..48].try_into().unwrap());

    // The version, what it can do, and latencies; then two stream ids, the second of which is shorter.
    let able = [0x0001_0501_u32, 0x3f, 0x0078_0078].into_iter().flat_map(u32::to_le_bytes).collect();
    let long = b"#!::r=locked,m=request,r=open...".to_vec();
    let blocks = [(1, able), (5, long), (5, b"#!::r=locked,m=request..".to_vec())];
    caller.send(&handshake(5, u32::MAX, 5, cookie, &blocks)).await.unwrap();
    let connection = listener.accept().await.unwrap();
    assert_eq!(*decided.lock().unwrap(), [connection.stream_id()]);
}
