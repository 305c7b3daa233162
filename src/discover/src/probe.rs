//! WS-Discovery: a probe to the group of all devices, and who answers it.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use data_encoding::HEXLOWER;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};
use url::Url;

use crate::interfaces::{Error, Interface, interfaces};
use crate::xml::Element;
use crate::{MOST_DEVICES, Options, line};

/// A longer answer is dropped.
const LONGEST: usize = 16 << 10;
/// The most answers of one address that are read.
const MOST_OF_ONE: u32 = 32;
/// The most devices at one address: an encoder of many cameras may be one each.
const MOST_AT_ONE: usize = 8;
/// The most addresses whose answers are read.
const MOST_ADDRESSES: usize = 1024;
/// What is waited for between two sendings: packets to a group are not repeated by anybody else.
const AGAIN: Duration = Duration::from_millis(200);

/// Who answered.
#[derive(Debug, Default)]
pub(crate) struct Probed {
    pub matches: Vec<Match>,
    pub is_more: bool,
}

/// A device that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Match {
    pub id: String,
    pub address: Ipv4Addr,
    pub name: Option<String>,
    pub hardware: Option<String>,
    /// Where it is asked further: at the address that it answered from, or none.
    pub service: Option<Url>,
}

/// Sends the probe and collects answers.
pub(crate) async fn probe(options: &Options) -> Result<Probed, Error> {
    let end = Instant::now() + options.timeout;
    let interfaces = interfaces(&options.interfaces)?;
    let ids = [message_id(), message_id()];
    let probes = [message(&ids[0], "dn:NetworkVideoTransmitter"), message(&ids[1], "tds:Device")];
    let (heard, mut answers) = mpsc::channel(64);
    let mut listening = JoinSet::new();
    let mut failed = None;
    for interface in interfaces {
        match open(interface.address) {
            Ok(socket) => {
                let (probes, group, heard) = (probes.clone(), options.group, heard.clone());
                listening.spawn(async move { ask(socket, interface, &probes, group, heard, end).await });
            }
            Err(error) => failed = Some(Error::Send(interface.address, error)),
        }
    }
    drop(heard);
    let mut collected = Collected { options, ids: &ids, read: HashMap::new(), probed: Probed::default() };
    // Until the end, or nobody listens any more.
    while let Ok(Some((from, bytes))) = timeout_at(end, answers.recv()).await {
        collected.take(from, &bytes);
    }
    let probed = collected.probed;
    drop(answers);
    let mut has_sent = false;
    while let Some(ended) = listening.join_next().await {
        match ended {
            Ok(Ok(())) => has_sent = true,
            Ok(Err(error)) => failed = Some(error),
            Err(_) => {}
        }
    }
    // One interface of many may be good for nothing.
    match failed {
        Some(error) if !has_sent => Err(error),
        _ => Ok(probed),
    }
}

/// A socket that sends to groups from this address, no farther than its network, and takes what is sent to it alone.
fn open(address: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_multicast_if_v4(&address)?;
    socket.set_multicast_ttl_v4(1)?;
    socket.bind(&SocketAddr::from((address, 0)).into())?;
    UdpSocket::from_std(socket.into())
}

/// Sends the probes three times, and hands on what comes until the end.
async fn ask(
    socket: UdpSocket,
    interface: Interface,
    probes: &[String; 2],
    group: SocketAddrV4,
    heard: mpsc::Sender<(Ipv4Addr, Vec<u8>)>,
    end: Instant,
) -> Result<(), Error> {
    let begun = Instant::now();
    let halfway = begun + end.saturating_duration_since(begun) / 2;
    let mut turns = [begun, begun + AGAIN, halfway].into_iter();
    let mut next = turns.next();
    let mut buffer = vec![0; LONGEST + 1];
    let (mut has_sent, mut failed) = (false, None);
    loop {
        tokio::select! {
            () = sleep_until(end) => break,
            () = sleep_until(next.unwrap_or(end)), if next.is_some() => {
                for probe in probes {
                    // What others bring, and what came before, stays.
                    match socket.send_to(probe.as_bytes(), group).await {
                        Ok(_) => has_sent = true,
                        Err(error) => failed = Some(Error::Send(interface.address, error)),
                    }
                }
                next = turns.next();
            }
            received = socket.recv_from(&mut buffer) => {
                let (length, from) = match received {
                    Ok((length, SocketAddr::V4(from))) => (length, from),
                    Ok((_, SocketAddr::V6(_))) => continue,
                    // The interface is gone: what it brought stays.
                    Err(_) => break,
                };
                // Somebody of another network can only be somebody else who is pretended to.
                if length > LONGEST || !interface.reaches(*from.ip()) {
                    continue;
                }
                if heard.send((*from.ip(), buffer[..length].to_vec())).await.is_err() {
                    break;
                }
            }
        }
    }
    failed.filter(|_| !has_sent).map_or(Ok(()), Err)
}

struct Collected<'a> {
    options: &'a Options,
    ids: &'a [String; 2],
    /// How many answers of each address were read.
    read: HashMap<Ipv4Addr, u32>,
    probed: Probed,
}

impl Collected<'_> {
    fn take(&mut self, from: Ipv4Addr, bytes: &[u8]) {
        let addresses = &self.options.addresses;
        if !addresses.is_empty() && !addresses.contains(&from) {
            return;
        }
        if !self.read.contains_key(&from) && self.read.len() == MOST_ADDRESSES {
            return;
        }
        let read = self.read.entry(from).or_default();
        if *read == MOST_OF_ONE {
            return;
        }
        *read += 1;
        for found in matches(from, bytes, self.ids) {
            let probed = &mut self.probed;
            let is_same = |other: &Match| other.address == from && other.id == found.id;
            if probed.matches.iter().any(is_same) {
                continue;
            }
            let at_one = probed.matches.iter().filter(|other| other.address == from).count();
            if probed.matches.len() == MOST_DEVICES || at_one == MOST_AT_ONE {
                probed.is_more = true;
            } else {
                probed.matches.push(found);
            }
        }
    }
}

/// The cameras in an answer to one of these probes.
fn matches(from: Ipv4Addr, bytes: &[u8], ids: &[String; 2]) -> Vec<Match> {
    let Ok(root) = Element::parse(&String::from_utf8_lossy(bytes)) else { return Vec::new() };
    let relates = root.at(&["Header", "RelatesTo"]).map(Element::text);
    if !relates.is_some_and(|relates| ids.iter().any(|id| id.eq_ignore_ascii_case(relates))) {
        return Vec::new();
    }
    let Some(body) = root.child("Body") else { return Vec::new() };
    body.all("ProbeMatch").into_iter().filter_map(|found| camera(from, found)).collect()
}

fn camera(from: Ipv4Addr, found: &Element) -> Option<Match> {
    let words = |name: &str| -> Vec<&str> {
        found.child(name).map(|element| element.text().split_ascii_whitespace().collect()).unwrap_or_default()
    };
    let scopes = words("Scopes");
    // Printers and computers answer probes, too.
    let is_camera = words("Types").iter().any(|name| name.ends_with("NetworkVideoTransmitter"))
        || scopes.iter().any(|scope| scope.starts_with(SCOPES));
    if !is_camera {
        return None;
    }
    let scope = |kind: &str| {
        let mut values = scopes.iter().filter_map(|scope| scope.strip_prefix(SCOPES)?.strip_prefix(kind));
        line(&decoded(values.next()?), 128)
    };
    let id = found.at(&["EndpointReference", "Address"]).and_then(|id| line(id.text(), 256));
    let mut services: Vec<_> =
        words("XAddrs").into_iter().filter_map(|url| own_service(from, url).ok()).collect();
    // The certificates of cameras are seldom such that anybody trusts.
    services.sort_by_key(|url| url.scheme() != "http");
    Some(Match {
        id: id.unwrap_or_else(|| from.to_string()),
        address: from,
        name: scope("name/"),
        hardware: scope("hardware/"),
        service: services.into_iter().next(),
    })
}

const SCOPES: &str = "onvif://www.onvif.org/";

/// A service of the device at this address, if that is where the URL leads.
pub(crate) fn own_service(address: Ipv4Addr, text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|_| "something that is no URL".to_owned())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("something else than HTTP".to_owned());
    }
    match url.host() {
        Some(url::Host::Ipv4(host))
            if host == address && url.username().is_empty() && url.password().is_none() =>
        {
            Ok(url)
        }
        host => Err(host.map_or_else(String::new, |host| host.to_string())),
    }
}

/// Text with `%20` and the like.
fn decoded(text: &str) -> String {
    let query = format!("a={}", text.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(query.as_bytes())
        .next()
        .map_or_else(String::new, |(_, value)| value.into_owned())
}

/// Something that nobody guesses: an answer names it.
fn message_id() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = HEXLOWER.encode(&bytes);
    format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn message(id: &str, types: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:dn="http://www.onvif.org/ver10/network/wsdl" xmlns:tds="http://www.onvif.org/ver10/device/wsdl"><s:Header><a:Action s:mustUnderstand="1">http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action><a:MessageID>{id}</a:MessageID><a:ReplyTo><a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo><a:To s:mustUnderstand="1">urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header><s:Body><d:Probe><d:Types>{types}</d:Types></d:Probe></s:Body></s:Envelope>"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: Ipv4Addr = Ipv4Addr::new(192, 168, 7, 20);

    fn answer(id: &str, inner: &str) -> String {
        format!(
            r#"<?xml version="1.0"?><SOAP-ENV:Envelope><SOAP-ENV:Header><wsa:RelatesTo>{id}</wsa:RelatesTo>
            </SOAP-ENV:Header><SOAP-ENV:Body><d:ProbeMatches>{inner}</d:ProbeMatches></SOAP-ENV:Body></SOAP-ENV:Envelope>"#
        )
    }

    const CAMERA: &str =
        "<d:ProbeMatch><wsa:EndpointReference><wsa:Address>urn:uuid:1</wsa:Address></wsa:EndpointReference>
        <d:Types>dn:NetworkVideoTransmitter tds:Device</d:Types>
        <d:Scopes>onvif://www.onvif.org/type/video_encoder onvif://www.onvif.org/name/Front%20door%0a+1
        onvif://www.onvif.org/hardware/DS-1</d:Scopes>
        <d:XAddrs>http://169.254.1.1/onvif http://[fe80::1]/onvif https://192.168.7.20/onvif
        http://192.168.7.20:8000/onvif/device_service</d:XAddrs></d:ProbeMatch>";

    #[test]
    fn a_camera_is_told_by_its_answer() {
        let ids = [message_id(), message_id()];
        let found = matches(FROM, answer(&ids[1].to_uppercase(), CAMERA).as_bytes(), &ids);
        let camera = Match {
            id: "urn:uuid:1".to_owned(),
            address: FROM,
            name: Some("Front door +1".to_owned()),
            hardware: Some("DS-1".to_owned()),
            service: Some(Url::parse("http://192.168.7.20:8000/onvif/device_service").unwrap()),
        };
        assert_eq!(found, [camera]);
        assert_eq!(
            matches(FROM, answer("urn:uuid:other", CAMERA).as_bytes(), &ids),
            [],
            "nobody asked for it"
        );
        let elsewhere = matches(Ipv4Addr::new(192, 168, 7, 21), answer(&ids[0], CAMERA).as_bytes(), &ids);
        assert_eq!(elsewhere[0].service, None, "it is another's");
        let printer =
            "<ProbeMatch><Types>wsdp:Device</Types><XAddrs>http://192.168.7.20/</XAddrs></ProbeMatch>";
        assert_eq!(matches(FROM, answer(&ids[0], printer).as_bytes(), &ids), []);
    }

    #[test]
    fn a_service_is_at_the_address_that_answered() {
        for text in [
            "http://192.168.7.21/onvif",
            "http://camera.local/onvif",
            "http://192.168.7.20.example/",
            "http://me@192.168.7.20/",
            "http://:word@192.168.7.20/",
            "http://[::ffff:192.168.7.20]/",
            "ftp://192.168.7.20/",
            "file:///etc/passwd",
            "192.168.7.20",
        ] {
            assert!(own_service(FROM, text).is_err(), "{text}");
        }
        for text in ["http://192.168.7.20/", "https://192.168.7.20:8443/onvif", "http://0xc0a80714/"] {
            assert!(own_service(FROM, text).is_ok(), "{text}");
        }
    }

    #[test]
    fn one_address_has_so_many_devices_and_all_have_so_many() {
        let options = Options {
            group: crate::GROUP,
            interfaces: Vec::new(),
            timeout: Duration::ZERO,
            credentials: None,
            addresses: Vec::new(),
            may_ask: std::sync::Arc::new(|_| true),
        };
        let ids = [message_id(), message_id()];
        let mut collected =
            Collected { options: &options, ids: &ids, read: HashMap::new(), probed: Probed::default() };
        let many = |from: u32| -> String {
            let one = |number: u32| CAMERA.replace("urn:uuid:1", &format!("urn:uuid:{}", from + number));
            answer(&ids[0], &(0..40).map(one).collect::<String>())
        };
        for turn in 0..100 {
            collected.take(FROM, many(turn * 40).as_bytes());
        }
        assert_eq!((collected.probed.matches.len(), collected.probed.is_more), (MOST_AT_ONE, true));
        assert_eq!(collected.read[&FROM], MOST_OF_ONE);
        for other in 0..100 {
            collected.take(Ipv4Addr::new(192, 168, 9, other), many(0).as_bytes());
        }
        assert_eq!(collected.probed.matches.len(), MOST_DEVICES);
    }

    /// What is heard of somebody who answers the first of two probes.
    async fn heard_after(probes: [String; 2]) -> (Result<(), Error>, Vec<Vec<u8>>) {
        let somebody = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let SocketAddr::V4(group) = somebody.local_addr().unwrap() else { panic!("it is one of IPv4") };
        let answers = tokio::spawn(async move {
            let (_, from) = somebody.recv_from(&mut [0; 9]).await.unwrap();
            somebody.send_to(b"answer", from).await.unwrap();
        });
        let interface = interfaces(&[Ipv4Addr::LOCALHOST]).unwrap()[0];
        let (heard, mut told) = mpsc::channel(9);
        let end = Instant::now() + Duration::from_secs(2);
        let ended = ask(open(interface.address).unwrap(), interface, &probes, group, heard, end).await;
        answers.abort();
        let mut all = Vec::new();
        while let Some((_, bytes)) = told.recv().await {
            all.push(bytes);
        }
        (ended, all)
    }

    #[tokio::test]
    async fn who_answers_is_heard_where_another_sending_fails() {
        // More than a packet takes.
        let (short, long) = ("probe".to_owned(), "a".repeat(70_000));
        let (ended, heard) = heard_after([short, long.clone()]).await;
        assert!(ended.is_ok() && heard == [b"answer"], "{ended:?} {heard:?}");
        let (ended, heard) = heard_after([long.clone(), long]).await;
        assert!(matches!(ended, Err(Error::Send(..))) && heard.is_empty(), "{ended:?} {heard:?}");
    }

    proptest::proptest! {
        #[test]
        fn no_answer_makes_it_panic(inner in "\\PC{0,60}", bytes in proptest::collection::vec(0u8.., 0..200)) {
            let ids = [message_id(), message_id()];
            let camera = format!("<ProbeMatch><Scopes>{SCOPES}{inner}</Scopes><XAddrs>{inner}</XAddrs></ProbeMatch>");
            let _ = matches(FROM, answer(&ids[0], &camera).as_bytes(), &ids);
            let _ = matches(FROM, &bytes, &ids);
        }
    }
}
