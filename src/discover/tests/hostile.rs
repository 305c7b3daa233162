//! Whoever else answers a probe.

mod common;

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use common::{PATIENCE, as_user, find, find_one, options};
use fql_discover::{ASKING, Error, GROUP, MOST_DEVICES, Options, Reason, discover, stream_names};
use socket2::{Domain, Protocol, Socket, Type};

/// Somebody in a group of its own, who does this with the id of each probe's message and where it came from. Gives the
/// group's port.
fn responder(answer: impl Fn(&str, SocketAddr) + Send + 'static) -> u16 {
    let group = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).expect("there is one");
    group.bind(&SocketAddr::from(SocketAddrV4::new(*GROUP.ip(), 0)).into()).expect("there is a port");
    group.join_multicast_v4(GROUP.ip(), &Ipv4Addr::LOCALHOST).expect("loopback is there");
    let group = UdpSocket::from(group);
    let port = group.local_addr().expect("it has one").port();
    std::thread::spawn(move || {
        let mut buffer = [0; 65536];
        loop {
            let (length, whoever) = group.recv_from(&mut buffer).expect("it is there");
            let probe = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let id =
                probe.split("MessageID>").nth(1).and_then(|id| id.split('<').next()).expect("it has one");
            answer(id, whoever);
        }
    });
    port
}

/// Somebody at this address.
fn somebody(address: Ipv4Addr) -> UdpSocket {
    UdpSocket::bind((address, 0)).expect("all of it is loopback")
}

fn probe_matches(id: &str, cameras: &[(String, String)]) -> String {
    let one = |(name, service): &(String, String)| {
        format!(
            "<d:ProbeMatch><a:EndpointReference><a:Address>{name}</a:Address></a:EndpointReference><d:Types>
            dn:NetworkVideoTransmitter</d:Types><d:XAddrs>{service}</d:XAddrs></d:ProbeMatch>"
        )
    };
    let cameras: String = cameras.iter().map(one).collect();
    format!(
        "<s:Envelope><s:Header><a:RelatesTo>{id}</a:RelatesTo></s:Header><s:Body><d:ProbeMatches>{cameras}</d:ProbeMatches>
        </s:Body></s:Envelope>"
    )
}

/// Somebody whose only service is there.
fn at(service: String) -> u16 {
    let own = somebody(Ipv4Addr::LOCALHOST);
    responder(move |id, whoever| {
        let answer = probe_matches(id, &[("urn:uuid:1".to_owned(), service.clone())]);
        let _ = own.send_to(answer.as_bytes(), whoever);
    })
}

/// A service that does this with each connection when the question has come. Gives its port, and how many came.
fn service(
    act: impl Fn(&str, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> (u16, Arc<AtomicUsize>) {
    service_at(Ipv4Addr::LOCALHOST, act)
}

fn service_at(
    address: Ipv4Addr,
    act: impl Fn(&str, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((address, 0)).expect("there is a port");
    let port = listener.local_addr().expect("it has one").port();
    let (act, asked) = (Arc::new(act), Arc::<AtomicUsize>::default());
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            let (act, count) = (Arc::clone(&act), Arc::clone(&count));
            std::thread::spawn(move || {
                let question = read(&mut connection)?;
                count.fetch_add(1, Ordering::SeqCst);
                act(&question, &mut connection)
            });
        }
    });
    (port, asked)
}

fn read(connection: &mut TcpStream) -> io::Result<String> {
    let mut lines = BufReader::new(connection);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        let small = line.to_ascii_lowercase();
        length = small
            .strip_prefix("content-length:")
            .map_or(length, |text| text.trim().parse().expect("a number"));
        head += &line;
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body)?;
    Ok(head + &String::from_utf8_lossy(&body))
}

fn say(connection: &mut TcpStream, head: &str, body: &str) -> io::Result<()> {
    write!(connection, "HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn envelope(body: &str) -> String {
    format!("<s:Envelope><s:Body>{body}</s:Body></s:Envelope>")
}

/// Whether a question shows who asks.
fn is_as_user(question: &str) -> bool {
    question.contains("UsernameToken") || question.to_ascii_lowercase().contains("authorization: digest")
}

/// What a camera without users says, whose second media service is there and whose profiles are a and b.
fn open_camera(question: &str, connection: &mut TcpStream, two: Option<&str>) -> io::Result<()> {
    let own = connection.local_addr()?;
    let service = |number: u8, place: &str| {
        let namespace = format!("http://www.onvif.org/ver{number}0/media/wsdl");
        format!("<Service><Namespace>{namespace}</Namespace><XAddr>{place}</XAddr></Service>")
    };
    let answer = if question.contains("GetServices") {
        let two = two.map(|place| service(2, place)).unwrap_or_default();
        two + &service(1, &format!("http://{own}/"))
    } else if question.contains("GetProfiles") {
        "<Profiles token='a'/><Profiles token='b'/>".to_owned()
    } else {
        let token = question.split("ProfileToken>").nth(1).and_then(|text| text.split('<').next());
        format!("<Uri>rtsp://{}/{}</Uri>", own.ip(), token.unwrap_or_default())
    };
    say(connection, "200 OK", &envelope(&answer))
}

/// What is found out about somebody with this service.
async fn asked(
    act: impl Fn(&str, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> Option<Reason> {
    let (port, _) = service(act);
    let group = at(format!("http://127.0.0.1:{port}/onvif"));
    let begun = Instant::now();
    let device = find_one(&as_user(group, "secret")).await;
    assert!(begun.elapsed() < PATIENCE, "{device:?}");
    assert!(device.sources.is_empty(), "{device:?}");
    device.problem.map(|problem| problem.reason)
}

#[tokio::test]
async fn ten_thousand_answers_are_a_few_devices() {
    let own = somebody(Ipv4Addr::LOCALHOST);
    let group = responder(move |id, whoever| {
        for number in 0..10_000 {
            let service = format!("http://127.0.0.1:1/{number}");
            let answer = probe_matches(id, &[(format!("urn:uuid:{number}"), service)]);
            let _ = own.send_to(answer.as_bytes(), whoever);
        }
    });
    let found = find(&options(group), 1).await;
    assert!(found.is_more && found.devices.len() <= 8, "{}", found.devices.len());

    // Many in one packet; and what is longer than any answer is not read at all.
    let own = somebody(Ipv4Addr::LOCALHOST);
    let group = responder(move |id, whoever| {
        let many = |number: usize| (format!("urn:uuid:{number}"), String::new());
        for numbers in [1000..1300, 0..80] {
            let answer = probe_matches(id, &numbers.map(many).collect::<Vec<_>>());
            let _ = own.send_to(answer.as_bytes(), whoever);
        }
    });
    let found = find(&options(group), 8).await;
    let is_short = |id: &str| id.len() < "urn:uuid:1000".len();
    assert!(found.is_more && found.devices.iter().all(|device| is_short(&device.id)), "{found:?}");
}

#[tokio::test]
async fn there_are_so_many_devices_and_no_more() {
    let crowd: Vec<_> = (1..=100).map(|last| somebody(Ipv4Addr::new(127, 0, 9, last))).collect();
    let group = responder(move |id, whoever| {
        for (own, number) in crowd.iter().zip(0..) {
            let answer = probe_matches(id, &[(format!("urn:uuid:{number}"), String::new())]);
            let _ = own.send_to(answer.as_bytes(), whoever);
        }
    });
    let found = find(&options(group), MOST_DEVICES).await;
    assert_eq!((found.devices.len(), found.is_more), (MOST_DEVICES, true));
}

#[tokio::test]
async fn what_nobody_asked_for_is_of_no_account() {
    // Somebody answers another question, somebody sends bombs and noise, and somebody sends that to all who answer.
    let own = somebody(Ipv4Addr::LOCALHOST);
    let group = responder(move |id, whoever| {
        let camera = [("urn:uuid:1".to_owned(), "http://127.0.0.1:1/".to_owned())];
        let bomb = format!("<!DOCTYPE a [<!ENTITY b \"{}\">]>{}", "b".repeat(99), probe_matches(id, &camera));
        let deep = probe_matches(id, &camera).replace("<d:Types>", &"<a>".repeat(2000));
        let other = probe_matches("urn:uuid:other", &camera);
        for text in [bomb.as_str(), &deep, &other, "", "<", "\0\0\0", &probe_matches(id, &[])] {
            let _ = own.send_to(text.as_bytes(), whoever);
        }
        let _ = own.send_to(&[0xff; 1000], whoever);
        // All of it has come where this has.
        let last = [("urn:uuid:last".to_owned(), "http://127.0.0.1:1/".to_owned())];
        let _ = own.send_to(probe_matches(id, &last).as_bytes(), whoever);
    });
    assert_eq!(find_one(&options(group)).await.id, "urn:uuid:last");
}

#[tokio::test]
async fn nobody_leads_elsewhere() {
    // A service at somebody else's, in the answer to the probe.
    let (port, asked_there) = service(|_, connection| say(connection, "200 OK", &envelope("")));
    for place in [
        format!("http://127.0.0.2:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://me@127.0.0.1:{port}/"),
        "http://169.254.169.254/latest".to_owned(),
        "file:///etc/passwd".to_owned(),
    ] {
        let device = find_one(&as_user(at(place.clone()), "secret")).await;
        let problem = device.problem.map(|problem| problem.reason);
        assert_eq!(problem, Some(Reason::Elsewhere), "{place}");
    }
    // In a redirect, in the answer to where the media service is, and in that to where a stream is.
    let elsewhere = format!("http://127.0.0.2:{port}/");
    let location = format!("302 Found\r\nLocation: http://127.0.0.1:{port}/");
    assert_eq!(asked(move |_, connection| say(connection, &location, "")).await, Some(Reason::Elsewhere));
    let place = elsewhere.clone();
    let reason = asked(move |question, connection| {
        let media = "http://www.onvif.org/ver10/media/wsdl";
        let services = format!("<Service><Namespace>{media}</Namespace><XAddr>{place}</XAddr></Service>");
        let is_asked = question.contains("GetServices");
        say(connection, "200 OK", &envelope(if is_asked { &services } else { "" }))
    });
    assert_eq!(reason.await, Some(Reason::Elsewhere));
    let reason = asked(move |question, connection| {
        let own = connection.local_addr()?;
        let media = "http://www.onvif.org/ver10/media/wsdl";
        let answer = if question.contains("GetServices") {
            format!("<Service><Namespace>{media}</Namespace><XAddr>http://{own}/</XAddr></Service>")
        } else if question.contains("GetProfiles") {
            "<Profiles token='a'/>".to_owned()
        } else {
            "<Uri>rtsp://192.0.2.1/a</Uri>".to_owned()
        };
        say(connection, "200 OK", &envelope(&answer))
    });
    assert_eq!(reason.await, Some(Reason::Elsewhere));
    assert_eq!(asked_there.load(Ordering::SeqCst), 0, "nobody was asked there");
}

#[tokio::test]
async fn services_that_answer_nonsense_are_told_of() {
    let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbb\"><!ENTITY c \"&b;&b;&b;\">]><a>&c;</a>";
    assert_eq!(asked(move |_, connection| say(connection, "200 OK", bomb)).await, Some(Reason::Malformed));
    let deep = "<a>".repeat(50_000);
    assert_eq!(asked(move |_, connection| say(connection, "200 OK", &deep)).await, Some(Reason::Malformed));
    let reason = asked(|_, connection| say(connection, "500 No", "<html>")).await;
    assert_eq!(reason, Some(Reason::Refused));
    let reason = asked(|_, connection| connection.write_all(b"SSH-2.0-a\r\n")).await;
    assert_eq!(reason, Some(Reason::Unreachable));
    assert_eq!(asked(|_, _| Ok(())).await, Some(Reason::Unreachable));
    // An answer without an end.
    let reason = asked(|_, connection| {
        connection.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        loop {
            connection.write_all(format!("1000\r\n{}\r\n", "a".repeat(0x1000)).as_bytes())?;
        }
    });
    assert_eq!(reason.await, Some(Reason::TooLarge));
    // Profiles without an end are so many.
    let (port, count) = service(|question, connection| {
        let own = connection.local_addr()?;
        let media = "http://www.onvif.org/ver10/media/wsdl";
        let answer = if question.contains("GetServices") {
            format!("<Service><Namespace>{media}</Namespace><XAddr>http://{own}/</XAddr></Service>")
        } else if question.contains("GetProfiles") {
            "<Profiles token='a'/>".repeat(5000)
        } else {
            "<Uri>rtsp://127.0.0.1/a</Uri>".to_owned()
        };
        say(connection, "200 OK", &envelope(&answer))
    });
    let device = find_one(&options(at(format!("http://127.0.0.1:{port}/")))).await;
    assert_eq!((device.sources.len(), device.problem), (16, None));
    assert!(count.load(Ordering::SeqCst) < 24, "one question each, and some before");
}

#[tokio::test]
async fn who_answers_slowly_takes_so_long_and_no_longer() {
    // A byte now and then, for ever; and the others are not kept waiting by it.
    let (events, happened) = mpsc::channel();
    let (ended, answered) = (Mutex::new(events.clone()), Mutex::new(events));
    let (slow, _) = service(move |_, connection| {
        connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")?;
        while connection.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
        let _ = ended.lock().expect("nobody panics").send("the slow one is left alone");
        Ok(())
    });
    let other = Ipv4Addr::new(127, 0, 0, 2);
    let (quick, _) = service_at(other, move |question, connection| {
        if question.contains("GetStreamUri") {
            let _ = answered.lock().expect("nobody panics").send("the other has told of a stream");
        }
        open_camera(question, connection, None)
    });
    let (own, others) = (somebody(Ipv4Addr::LOCALHOST), somebody(other));
    let group = responder(move |id, whoever| {
        for (own, place) in [(&own, format!("127.0.0.1:{slow}")), (&others, format!("127.0.0.2:{quick}"))] {
            let answer = probe_matches(id, &[(place.clone(), format!("http://{place}/"))]);
            let _ = own.send_to(answer.as_bytes(), whoever);
        }
    });
    let options = options(group);
    let (begun, found) = loop {
        let begun = Instant::now();
        let found = discover(&options).await.expect("loopback is there");
        if !found.devices.is_empty() {
            break (begun, found);
        }
    };
    // One answer ends before all answers have to.
    assert!(begun.elapsed() < options.timeout + ASKING, "{:?}", begun.elapsed());
    let [slow, quick] = &found.devices[..] else { panic!("{found:?}") };
    assert_eq!(slow.problem.as_ref().map(|problem| problem.reason), Some(Reason::Unreachable));
    assert_eq!((quick.sources.len(), &quick.problem), (2, &None));
    let first = happened.recv_timeout(PATIENCE).expect("both happen");
    assert_eq!(first, "the other has told of a stream");
}

#[tokio::test]
async fn a_service_elsewhere_does_not_keep_another_from_being_asked() {
    // A camera behind a router tells of an address that is not its own, and has an older service that is.
    let (port, _) = service(|question, connection| {
        assert!(!question.contains("ver20/media"), "{question}");
        open_camera(question, connection, Some("http://192.0.2.1/media2"))
    });
    let device = find_one(&options(at(format!("http://127.0.0.1:{port}/")))).await;
    let streams: Vec<_> = device.sources.iter().map(|source| source.address.as_str()).collect();
    assert_eq!((streams, device.problem), (vec!["rtsp://127.0.0.1/a", "rtsp://127.0.0.1/b"], None));
}

#[tokio::test]
async fn a_stream_is_called_the_same_where_the_one_before_it_fails() {
    let (port, _) = service(|question, connection| {
        if question.contains("ProfileToken>a<") {
            return say(connection, "500 No", "");
        }
        open_camera(question, connection, None)
    });
    let device = find_one(&options(at(format!("http://127.0.0.1:{port}/")))).await;
    let [source] = &device.sources[..] else { panic!("{device:?}") };
    assert_eq!((source.place, source.address.as_str()), (2, "rtsp://127.0.0.1/b"));
    assert_eq!(stream_names(&[device]), [["camera-2"]]);
}

#[tokio::test]
async fn who_asks_for_no_user_is_shown_none() {
    let shown = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&shown);
    let (port, _) = service(move |question, connection| {
        count.fetch_add(usize::from(is_as_user(question)), Ordering::SeqCst);
        open_camera(question, connection, None)
    });
    let device = find_one(&as_user(at(format!("http://127.0.0.1:{port}/")), "secret")).await;
    assert_eq!((device.sources.len(), device.needs_credentials, device.problem), (2, false, None));
    assert_eq!(shown.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn one_login_fails_at_an_address_however_many_devices_are_there() {
    // As cameras refuse: in the message, in HTTP, and first in the one and then in the other.
    for how in 0..3 {
        let shown = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&shown);
        let (port, _) = service(move |question, connection| {
            let is_as_user = is_as_user(question);
            count.fetch_add(usize::from(is_as_user), Ordering::SeqCst);
            let fault = "<Fault><Code><Subcode><Value>ter:NotAuthorized</Value></Subcode></Code></Fault>";
            let digest =
                "401 No\r\nWWW-Authenticate: Digest realm=\"a\", nonce=\"b\", stale=true, qop=\"auth\"";
            match (how, is_as_user) {
                (0, _) | (2, false) => say(connection, "400 No", &envelope(fault)),
                _ => say(connection, digest, ""),
            }
        });
        let own = somebody(Ipv4Addr::LOCALHOST);
        let group = responder(move |id, whoever| {
            let many =
                (0..8).map(|number| (format!("urn:uuid:{number}"), format!("http://127.0.0.1:{port}/")));
            let _ = own.send_to(probe_matches(id, &many.collect::<Vec<_>>()).as_bytes(), whoever);
        });
        let found = find(&as_user(group, "wrong"), 8).await;
        for device in &found.devices {
            let problem = device.problem.as_ref().map(|problem| problem.reason);
            assert_eq!((problem, device.needs_credentials), (Some(Reason::Unauthorized), true), "{device:?}");
        }
        assert_eq!(shown.load(Ordering::SeqCst), 1, "{how}");
    }
}

#[tokio::test]
async fn a_password_is_shown_to_nobody() {
    // By Basic it would be sent as it is.
    let (port, _) = service(|question, connection| {
        assert!(!question.contains("Basic") && !question.contains("secret"), "{question}");
        say(connection, "401 No\r\nWWW-Authenticate: Basic realm=\"a\"", "")
    });
    let device = find_one(&as_user(at(format!("http://127.0.0.1:{port}/")), "secret")).await;
    assert_eq!(device.problem.map(|problem| problem.reason), Some(Reason::Unauthorized));
    // Whoever says no is not asked again and again: cameras lock users out.
    let (port, count) = service(|_, connection| {
        say(
            connection,
            "401 No\r\nWWW-Authenticate: Digest realm=\"a\", nonce=\"b\", stale=true, qop=\"auth\"",
            "",
        )
    });
    let device = find_one(&as_user(at(format!("http://127.0.0.1:{port}/")), "secret")).await;
    assert_eq!(device.problem.map(|problem| problem.reason), Some(Reason::Unauthorized));
    assert_eq!(count.load(Ordering::SeqCst), 3, "for the time, without the user, and once as the user");
}

#[tokio::test]
async fn an_interface_that_is_not_there_is_an_error() {
    let interfaces = vec![Ipv4Addr::new(192, 0, 2, 1)];
    let failed = discover(&Options { interfaces, ..options(3702) }).await;
    assert!(matches!(failed, Err(Error::NotHere(_))), "{failed:?}");
}
