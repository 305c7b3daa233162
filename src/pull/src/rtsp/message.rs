//! A message of a server's, written anew: only what is understood here comes to GStreamer's client, which would read the
//! same bytes in its own way. What a client would follow to another place is not in it.

use std::net::IpAddr;

/// The longest body: a session description of many tracks is far shorter.
const LONGEST_BODY: usize = 1 << 20;
/// The headers that go on as they are; none of them leads anywhere.
const KEPT: [&str; 24] = [
    "Accept-Ranges",
    "Allow",
    "Blocksize",
    "Content-Base",
    "Content-Type",
    "CSeq",
    "Date",
    "KeyMgmt",
    "Media-Properties",
    "Public",
    "Range",
    "Rate-Control",
    "Require",
    "Retry-After",
    "RTP-Info",
    "Scale",
    "Seek-Style",
    "Server",
    "Session",
    "Speed",
    "Supported",
    "Unsupported",
    "User-Agent",
    "WWW-Authenticate",
];

/// How media may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// In the connection.
    Connection,
    /// As datagrams of this address, to which those of the client go.
    Datagrams(IpAddr),
}

/// Why a server is not listened to any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Halt {
    /// It says something else than RTSP, or what can be read in two ways.
    NoRtsp,
    /// It leads to another place, with this status.
    Redirect(u16),
    /// Media would come, or go, in another way than was asked for.
    Transport,
}

/// The first line and the headers of a message, written anew.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Of an answer. Servers may ask something, too.
    pub status: Option<u16>,
    /// All of its lines, with the empty one.
    pub text: Vec<u8>,
    /// How many bytes follow.
    pub body: usize,
}

impl Head {
    /// Of these lines, that are without their ends.
    pub fn of(lines: &[Vec<u8>], way: Way) -> Result<Self, Halt> {
        let (first, headers) = lines.split_first().ok_or(Halt::NoRtsp)?;
        if lines.iter().any(|line| line.iter().any(u8::is_ascii_control)) {
            return Err(Halt::NoRtsp);
        }
        let mut head = Self { status: status(first)?, text: Vec::new(), body: 0 };
        head.line(&[first]);
        let (mut length, mut has_transport) = (None, false);
        for line in headers {
            let (name, value) = header(line).ok_or(Halt::NoRtsp)?;
            if name.eq_ignore_ascii_case("Content-Length") {
                if length.replace(body(value).ok_or(Halt::NoRtsp)?).is_some() {
                    return Err(Halt::NoRtsp);
                }
            } else if name.eq_ignore_ascii_case("Transport") {
                if std::mem::replace(&mut has_transport, true) {
                    return Err(Halt::Transport);
                }
                head.line(&[b"Transport: ", transport(value, way)?.as_bytes()]);
            } else if let Some(name) = KEPT.iter().find(|kept| kept.eq_ignore_ascii_case(name)) {
                head.line(&[name.as_bytes(), b": ", value]);
            }
        }
        head.body = length.unwrap_or(0);
        if head.body > 0 {
            head.line(&[format!("Content-Length: {}", head.body).as_bytes()]);
        }
        head.line(&[]);
        Ok(head)
    }

    fn line(&mut self, parts: &[&[u8]]) {
        for part in parts {
            self.text.extend_from_slice(part);
        }
        self.text.extend_from_slice(b"\r\n");
    }
}

/// The status of an answer; none of a request.
fn status(line: &[u8]) -> Result<Option<u16>, Halt> {
    if let Some(answer) = line.strip_prefix(b"RTSP/1.0 ") {
        let (digits, reason) = answer.split_at_checked(3).ok_or(Halt::NoRtsp)?;
        if !reason.is_empty() && !reason.starts_with(b" ") {
            return Err(Halt::NoRtsp);
        }
        let status = number(digits).filter(|status| *status >= 100).ok_or(Halt::NoRtsp)?;
        return if (300..400).contains(&status) { Err(Halt::Redirect(status)) } else { Ok(Some(status)) };
    }
    let words: Vec<_> = line.split(|byte| *byte == b' ').collect();
    match words[..] {
        // It asks for what an answer of 302 does.
        [b"REDIRECT", ..] => Err(Halt::Redirect(302)),
        [method, target, b"RTSP/1.0"] if is_token(method) && !target.is_empty() => Ok(None),
        _ => Err(Halt::NoRtsp),
    }
}

/// The name and the value of a header. A name with a space, and a line that goes on another, are none.
fn header(line: &[u8]) -> Option<(&str, &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let name = str::from_utf8(&line[..colon]).ok().filter(|name| is_token(name.as_bytes()))?;
    Some((name, line[colon + 1..].trim_ascii()))
}

fn is_token(bytes: &[u8]) -> bool {
    let is_of_token = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !bytes.is_empty() && bytes.iter().all(is_of_token)
}

fn number<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    let text = str::from_utf8(digits).ok()?;
    // Parsing takes a sign, too.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn body(value: &[u8]) -> Option<usize> {
    number(value).filter(|length| *length <= LONGEST_BODY)
}

/// The transport that a server has chosen, of one stream for one client.
fn transport(value: &[u8], way: Way) -> Result<String, Halt> {
    chosen(str::from_utf8(value).map_err(|_| Halt::Transport)?, way).ok_or(Halt::Transport)
}

fn chosen(text: &str, way: Way) -> Option<String> {
    // Several would be read as one, or as another.
    if text.contains(',') {
        return None;
    }
    let mut members = text.split(';').map(|member| member.trim().to_ascii_lowercase());
    let protocol = members.next()?;
    let parts: Vec<_> = protocol.split('/').collect();
    let (profile, is_inside) = match parts[..] {
        ["rtp", profile, "tcp"] => (profile, true),
        ["rtp", profile] | ["rtp", profile, "udp"] => (profile, false),
        _ => return None,
    };
    if !matches!(profile, "avp" | "avpf" | "savp" | "savpf") {
        return None;
    }
    let profile = profile.to_ascii_uppercase();
    let mut written = match (is_inside, way) {
        (true, _) => format!("RTP/{profile}/TCP;unicast"),
        (false, Way::Datagrams(address)) => format!("RTP/{profile}/UDP;unicast;source={address}"),
        (false, Way::Connection) => return None,
    };
    // Where it sends to, and from, is known: what it says of that is left out.
    for member in members {
        let (name, value) = member.split_once('=').unwrap_or((&member, ""));
        let kept = match (name, is_inside) {
            ("multicast", _) => return None,
            ("interleaved", true) => range::<u8>(value)?,
            ("client_port" | "server_port", false) => range::<u16>(value)?,
            ("ssrc", _) => match u32::from_str_radix(value, 16) {
                Ok(source) => format!("{source:08X}"),
                Err(_) => continue,
            },
            _ => continue,
        };
        written += &format!(";{name}={kept}");
    }
    Some(written)
}

fn range<T: std::str::FromStr + ToString>(text: &str) -> Option<String> {
    let one = |text: &str| number::<T>(text.as_bytes()).map(|number| number.to_string());
    match text.split_once('-') {
        Some((first, last)) => Some(format!("{}-{}", one(first)?, one(last)?)),
        None => one(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAMERA: Way = Way::Datagrams(IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 7)));

    fn head(text: &str, way: Way) -> Result<Head, Halt> {
        let lines: Vec<_> = text.split('\n').map(|line| line.as_bytes().to_vec()).collect();
        Head::of(&lines, way)
    }

    #[test]
    fn what_is_understood_is_written_anew() {
        let said = "RTSP/1.0 200 OK\ncseq:2\nLocation: rtsp://10.0.0.1/\nX-Server-IP-Address: 10.0.0.1\n\
            SESSION:  5;timeout=60 \ncontent-length: 007";
        let Head { status, text, body } = head(said, Way::Connection).unwrap();
        assert_eq!((status, body), (Some(200), 7));
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "RTSP/1.0 200 OK\r\nCSeq: 2\r\nSession: 5;timeout=60\r\nContent-Length: 7\r\n\r\n"
        );
        assert_eq!(head("OPTIONS * RTSP/1.0\nCSeq: 3", CAMERA).unwrap().status, None);
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for said in [
            "RTSP/1.0\t302 200",
            "RTSP/1.0  302 Moved",
            "RTSP/1.0 200\tOK",
            "RTSP/1.0 +20 OK",
            "RTSP/1.0 2000 OK",
            "RTSP/1.0 20",
            "RTSP/1.1 200 OK",
            "rtsp/1.0 200 OK",
            " RTSP/1.0 200 OK",
            "HTTP/1.1 200 OK",
            "OPTIONS * RTSP/1.0 302 RTSP/1.0",
            "RTSP/1.0 200 OK\nContent-Length: 0\nContent-Length: 200",
            "RTSP/1.0 200 OK\nContent-Length: 5\ncontent-length: 5",
            "RTSP/1.0 200 OK\nContent-Length : 5",
            "RTSP/1.0 200 OK\nContent-Length: +5",
            "RTSP/1.0 200 OK\nContent-Length: 5 5",
            "RTSP/1.0 200 OK\nContent-Length:",
            "RTSP/1.0 200 OK\nContent-Length: 18446744073709551616",
            "RTSP/1.0 200 OK\nContent-Length: 1048577",
            "RTSP/1.0 200 OK\nCSeq: 1\rLocation: rtsp://10.0.0.1/",
            "RTSP/1.0 200 OK\rRTSP/1.0 302 Moved",
            "RTSP/1.0 200 OK\nCSeq: 1\0",
            "RTSP/1.0 200 OK\nCSeq:\t1",
            "RTSP/1.0 200 OK\nServer: a\n Content-Length: 5",
            "RTSP/1.0 200 OK\nno header",
            "RTSP/1.0 200 OK\n: 1",
        ] {
            assert_eq!(head(said, CAMERA), Err(Halt::NoRtsp), "{said:?}");
        }
    }

    #[test]
    fn what_leads_to_another_place_is_told() {
        for (said, status) in [
            ("RTSP/1.0 302 Moved\nLocation: rtsp://10.0.0.1/", 302),
            ("RTSP/1.0 301", 301),
            ("RTSP/1.0 399 ", 399),
            ("REDIRECT rtsp://camera/live RTSP/1.0\nLocation: rtsp://10.0.0.1/", 302),
        ] {
            assert_eq!(head(said, CAMERA), Err(Halt::Redirect(status)), "{said:?}");
        }
    }

    #[test]
    fn datagrams_go_to_the_camera_and_nowhere_else() {
        for (said, written) in [
            (
                "RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001",
                "RTP/AVP/UDP;unicast;source=203.0.113.7;client_port=5000-5001;server_port=6000-6001",
            ),
            (
                "RTP/AVP/UDP;unicast;destination=10.0.0.1;source=10.0.0.2;server_port=53;ssrc=a0b;mode=\"PLAY\"",
                "RTP/AVP/UDP;unicast;source=203.0.113.7;server_port=53;ssrc=00000A0B",
            ),
            ("rtp/savpf; SOURCE=10.0.0.1", "RTP/SAVPF/UDP;unicast;source=203.0.113.7"),
            ("RTP/AVP/TCP;interleaved=0-1;source=10.0.0.1", "RTP/AVP/TCP;unicast;interleaved=0-1"),
        ] {
            assert_eq!(transport(said.as_bytes(), CAMERA).as_deref(), Ok(written), "{said}");
        }
        for said in [
            "RTP/AVP;multicast;destination=239.0.0.1;port=5000-5001",
            "RTP/AVP;unicast;MULTICAST",
            "RTP/AVP/MCAST;unicast",
            "RTP/AVP;unicast;server_port=65536",
            "RTP/AVP;unicast;server_port=1-2;source=10.0.0.1,RTP/AVP;unicast",
            "x-real-rdt/udp;source=10.0.0.1",
            "RTP/AVP/TCP;interleaved=0-256",
            "",
        ] {
            assert_eq!(transport(said.as_bytes(), CAMERA), Err(Halt::Transport), "{said}");
        }
        let two = "RTSP/1.0 200 OK\nTransport: RTP/AVP;unicast\nTransport: RTP/AVP;unicast;source=10.0.0.1";
        assert_eq!(head(two, CAMERA), Err(Halt::Transport));
    }

    #[test]
    fn media_in_the_connection_stays_there() {
        let written = transport(b"RTP/AVP/TCP;unicast;destination=10.0.0.1;interleaved=2-3", Way::Connection);
        assert_eq!(written.as_deref(), Ok("RTP/AVP/TCP;unicast;interleaved=2-3"));
        for said in ["RTP/AVP;unicast;source=10.0.0.1;server_port=53", "RTP/AVP/UDP;interleaved=0-1"] {
            assert_eq!(transport(said.as_bytes(), Way::Connection), Err(Halt::Transport), "{said}");
        }
    }
}
