//! What a player asks over one connection, and what it is answered.
//!
//! A session of media lives and ends with its connection: players keep it, by UDP too.

use std::time::Duration;

use bytes::{Buf, BytesMut};
use rtsp_types::headers::{self, HeaderName, Transports};
use rtsp_types::{Message, Method, ParseError, Request, Response, ResponseBuilder, StatusCode, Url, Version};

use crate::description::Description;
use crate::sender::Start;
use crate::transport::Destination;

/// Without a word for so long, a player is gone; it is told so, and asks before.
pub const TIMEOUT: Duration = Duration::from_secs(60);
/// The longest that a message of a player may be.
const LONGEST: usize = 16 << 10;
/// What an interleaved packet begins with, and how many bytes come before it.
const INTERLEAVED: u8 = b'$';
const INTERLEAVED_HEAD: usize = 4;
const END_OF_HEAD: &[u8] = b"\r\n\r\n";
const METHODS: &str = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER";

/// What a player wants that others must do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// To know what the stream with this playback ID is: [`Session::describe`] answers.
    Describe(String),
    /// To be sent what it has set up, from now on: [`Session::play`] answers.
    Play,
    /// To be sent nothing for a while.
    Pause,
    /// To be sent nothing any more.
    Teardown,
}

/// Why a player is not given what it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such stream, nobody publishes it, or none of it can be carried.
    NotFound,
    /// There is no room.
    Full,
}

/// The player says what is no RTSP: its connection is of no use any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// No message begins so.
    #[error("what the player says is no RTSP")]
    Malformed,
    /// A message that is longer than any that makes sense.
    #[error("a message of the player is longer than 16 KiB")]
    TooLong,
}

/// One connection of a player.
#[derive(Debug)]
pub struct Session {
    id: String,
    /// The UDP ports that packets and reports come from, where they can go by UDP.
    ports: Option<(u16, u16)>,
    input: BytesMut,
    output: Vec<u8>,
    /// The answer that a request waits for.
    waiting: Option<Waiting>,
    described: Option<Described>,
    set_up: Vec<SetUp>,
    is_playing: bool,
}

#[derive(Debug)]
struct Waiting {
    sequence: String,
    uri: String,
}

/// What the player was told of.
#[derive(Debug)]
struct Described {
    playback_id: String,
    tracks: usize,
}

#[derive(Debug, Clone, Copy)]
struct SetUp {
    number: usize,
    ssrc: u32,
    destination: Destination,
}

impl Session {
    /// With a name that no other has, and the UDP ports that packets and reports would come from.
    pub fn new(id: String, ports: Option<(u16, u16)>) -> Self {
        Self {
            id,
            ports,
            input: BytesMut::new(),
            output: Vec::new(),
            waiting: None,
            described: None,
            set_up: Vec::new(),
            is_playing: false,
        }
    }

    /// Its name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether the player is to be sent media.
    pub fn is_playing(&self) -> bool {
        self.is_playing
    }

    /// The playback ID of the stream that the player was told of.
    pub fn playback_id(&self) -> Option<&str> {
        self.described.as_ref().map(|described| described.playback_id.as_str())
    }

    /// The tracks that are set up, by their numbers in the description, each with its SSRC.
    pub fn set_up(&self) -> impl Iterator<Item = (usize, u32)> + '_ {
        self.set_up.iter().map(|set_up| (set_up.number, set_up.ssrc))
    }

    /// Where the packets of a track go, by its place in [`Session::set_up`].
    pub fn destination(&self, line: usize) -> Option<Destination> {
        self.set_up.get(line).map(|set_up| set_up.destination)
    }

    /// Takes what the player says.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
    }

    /// What has been answered since this was asked last, for the player.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// What the player wants next; none while it has said nothing more, or waits for an answer. There may be output after
    /// it, after an error too.
    pub fn poll(&mut self) -> Result<Option<Event>, Unreadable> {
        while self.waiting.is_none() {
            self.skip_interleaved();
            let Some(length) = self.message_length()? else { return Ok(None) };
            let parsed = Message::<Vec<u8>>::parse(&self.input[..length]);
            self.input.advance(length);
            match parsed {
                Ok((Message::Request(request), _)) => {
                    if let Some(event) = self.request(&request) {
                        return Ok(Some(event));
                    }
                }
                // Answers to what was never asked, and reports.
                Ok(_) => {}
                Err(ParseError::Incomplete(_) | ParseError::Error) => {
                    self.answer(response(StatusCode::BadRequest), "0");
                    return Err(Unreadable::Malformed);
                }
            }
        }
        // Who asks on and on before the answer has come is not read any further.
        if self.input.len() > 2 * LONGEST { Err(Unreadable::TooLong) } else { Ok(None) }
    }

    /// Reports of the player, which nothing is done with.
    fn skip_interleaved(&mut self) {
        loop {
            while matches!(self.input.first(), Some(b'\r' | b'\n')) {
                self.input.advance(1);
            }
            let Some(&[INTERLEAVED, _, high, low]) = self.input.first_chunk::<INTERLEAVED_HEAD>() else {
                return;
            };
            let length = INTERLEAVED_HEAD + usize::from(u16::from_be_bytes([high, low]));
            if self.input.len() < length {
                return;
            }
            self.input.advance(length);
        }
    }

    /// How long the first message is, once it is there.
    fn message_length(&mut self) -> Result<Option<usize>, Unreadable> {
        if self.input.first() == Some(&INTERLEAVED) {
            return Ok(None);
        }
        let head = &self.input[..self.input.len().min(LONGEST)];
        let Some(end) = head.windows(END_OF_HEAD.len()).position(|window| window == END_OF_HEAD) else {
            return if self.input.len() >= LONGEST { Err(Unreadable::TooLong) } else { Ok(None) };
        };
        let end = end + END_OF_HEAD.len();
        let length = end + body_length(&head[..end]).ok_or(Unreadable::Malformed)?;
        match length {
            _ if length > LONGEST => Err(Unreadable::TooLong),
            _ if length > self.input.len() => Ok(None),
            _ => Ok(Some(length)),
        }
    }

    fn request(&mut self, request: &Request<Vec<u8>>) -> Option<Event> {
        let of = |name: &HeaderName| request.header(name).map(|value| value.as_str());
        let Some(sequence) = of(&headers::CSEQ).filter(|sequence| sequence.parse::<u64>().is_ok()) else {
            self.answer(response(StatusCode::BadRequest), "0");
            return None;
        };
        let refused = match (request.version(), of(&headers::SESSION), of(&headers::REQUIRE)) {
            (Version::V2_0, ..) => Some(response(StatusCode::RTSPVersionNotSupported)),
            (_, Some(session), _) if session.split(';').next() != Some(self.id.as_str()) => {
                Some(response(StatusCode::SessionNotFound))
            }
            (_, _, Some(option)) => {
                Some(response(StatusCode::OptionNotSupported).header(headers::UNSUPPORTED, option))
            }
            _ => None,
        };
        if let Some(refused) = refused {
            self.answer(refused, sequence);
            return None;
        }
        match request.method() {
            Method::Describe => return self.asks_to_describe(request, sequence),
            Method::Play => return self.asks_to_play(request, sequence),
            Method::Setup => {
                let answer = self.sets_up(request).unwrap_or_else(response);
                self.answer(answer, sequence);
            }
            Method::Options => {
                self.answer(response(StatusCode::Ok).header(headers::PUBLIC, METHODS), sequence);
            }
            Method::GetParameter => self.answer(self.kept(), sequence),
            Method::SetParameter if request.body().is_empty() => self.answer(self.kept(), sequence),
            Method::SetParameter => self.answer(response(StatusCode::ParameterNotUnderstood), sequence),
            Method::Pause | Method::Teardown if self.set_up.is_empty() => {
                self.answer(response(StatusCode::MethodNotValidInThisState), sequence);
            }
            Method::Pause => {
                self.is_playing = false;
                self.answer(self.kept(), sequence);
                return Some(Event::Pause);
            }
            Method::Teardown => {
                self.answer(self.kept(), sequence);
                self.is_playing = false;
                self.set_up.clear();
                return Some(Event::Teardown);
            }
            _ => {
                let answer = response(StatusCode::MethodNotAllowed).header(headers::ALLOW, METHODS);
                self.answer(answer, sequence);
            }
        }
        None
    }

    fn asks_to_describe(&mut self, request: &Request<Vec<u8>>, sequence: &str) -> Option<Event> {
        let asked = request.request_uri().and_then(|uri| Some((playback_id(uri)?.to_owned(), uri)));
        let Some((playback_id, uri)) = asked.filter(|_| self.set_up.is_empty()) else {
            let is_late = !self.set_up.is_empty();
            let status = if is_late { StatusCode::MethodNotValidInThisState } else { StatusCode::NotFound };
            self.answer(response(status), sequence);
            return None;
        };
        let mut base = uri.clone();
        base.set_query(None);
        base.set_fragment(None);
        let uri = format!("{}/", base.as_str().trim_end_matches('/'));
        self.described = Some(Described { playback_id: playback_id.clone(), tracks: 0 });
        self.waiting = Some(Waiting { sequence: sequence.to_owned(), uri });
        Some(Event::Describe(playback_id))
    }

    /// Answers [`Event::Describe`] for a stream of this name.
    pub fn describe(&mut self, stream: Result<(&Description, &str), Refusal>) {
        let Some(Waiting { sequence, uri }) = self.waiting.take() else { return };
        match stream {
            Ok((description, name)) => {
                if let Some(described) = &mut self.described {
                    described.tracks = description.lines.len();
                }
                let answer = response(StatusCode::Ok)
                    .header(headers::CONTENT_TYPE, "application/sdp")
                    .header(headers::CONTENT_BASE, uri)
                    .header(headers::CSEQ, sequence.as_str());
                self.write(&answer.build(description.to_sdp(name).into_bytes()));
            }
            Err(refusal) => {
                self.described = None;
                self.answer(response(refusal.status()), &sequence);
            }
        }
    }

    fn sets_up(&mut self, request: &Request<Vec<u8>>) -> Result<ResponseBuilder, StatusCode> {
        let described = self.described.as_ref().filter(|_| !self.is_playing);
        let described = described.ok_or(StatusCode::MethodNotValidInThisState)?;
        let number = request.request_uri().and_then(|uri| track_number(uri, &described.playback_id));
        let number = number.filter(|number| *number < described.tracks).ok_or(StatusCode::NotFound)?;
        let offered = request.typed_header::<Transports>();
        let offered = offered.ok().flatten().ok_or(StatusCode::UnsupportedTransport)?;
        let destination = Destination::choose(&offered, number, self.ports.is_some());
        let others = || self.set_up.iter().filter(|other| other.number != number);
        let destination = destination
            .filter(|chosen| !others().any(|other| chosen.overlaps(other.destination)))
            .ok_or(StatusCode::UnsupportedTransport)?;
        let ssrc = fastrand::u32(..);
        self.set_up.retain(|other| other.number != number);
        self.set_up.push(SetUp { number, ssrc, destination });
        Ok(self.kept().header(headers::TRANSPORT, destination.answer(self.ports, ssrc)))
    }

    fn asks_to_play(&mut self, request: &Request<Vec<u8>>, sequence: &str) -> Option<Event> {
        if self.set_up.is_empty() {
            self.answer(response(StatusCode::MethodNotValidInThisState), sequence);
            return None;
        }
        if self.is_playing {
            self.answer(self.kept(), sequence);
            return None;
        }
        let uri = request.request_uri().map(|uri| uri.as_str().trim_end_matches('/').to_owned());
        self.waiting = Some(Waiting { sequence: sequence.to_owned(), uri: uri.unwrap_or_default() });
        Some(Event::Play)
    }

    /// Answers [`Event::Play`]: the packets begin so.
    pub fn play(&mut self, begins: Result<&[Start], Refusal>) {
        let Some(Waiting { sequence, uri }) = self.waiting.take() else { return };
        match begins {
            Ok(starts) => {
                self.is_playing = true;
                let of = |start: &Start| {
                    let Start { number, sequence, time } = start;
                    format!("url={uri}/track{number};seq={sequence};rtptime={time}")
                };
                let info = starts.iter().map(of).collect::<Vec<_>>().join(",");
                let answer = self.kept().header(headers::RANGE, "npt=now-").header(headers::RTP_INFO, info);
                self.answer(answer, &sequence);
            }
            Err(refusal) => self.answer(response(refusal.status()), &sequence),
        }
    }

    /// An answer that says that the session is still there, where there is one.
    fn kept(&self) -> ResponseBuilder {
        let answer = response(StatusCode::Ok);
        match self.set_up.is_empty() && self.described.is_none() {
            true => answer,
            false => answer.header(headers::SESSION, format!("{};timeout={}", self.id, TIMEOUT.as_secs())),
        }
    }

    fn answer(&mut self, answer: ResponseBuilder, sequence: &str) {
        self.write(&answer.header(headers::CSEQ, sequence).build(Vec::new()));
    }

    fn write(&mut self, response: &Response<Vec<u8>>) {
        // Nothing that is written into memory fails.
        let _ = response.write(&mut self.output);
    }
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NotFound,
            Self::Full => StatusCode::ServiceUnavailable,
        }
    }
}

fn response(status: StatusCode) -> ResponseBuilder {
    Response::builder(Version::V1_0, status).header(headers::SERVER, "streamd")
}

/// What `Content-Length` says, 0 where it is not there; `None` where it makes no sense.
fn body_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    for line in head.split(|byte| *byte == b'\n') {
        if let Some((name, value)) = line.split_at_checked(NAME.len())
            && name.eq_ignore_ascii_case(NAME)
        {
            return std::str::from_utf8(value).ok()?.trim().parse().ok();
        }
    }
    Some(0)
}

/// The playback ID that a URI names: its path.
fn playback_id(uri: &Url) -> Option<&str> {
    let path = uri.path().trim_matches('/');
    (!path.is_empty() && !path.contains('/')).then_some(path)
}

/// The number of the track of this stream that a URI names.
fn track_number(uri: &Url, playback_id: &str) -> Option<usize> {
    let (stream, track) = uri.path().trim_matches('/').split_once('/')?;
    (stream == playback_id).then(|| track.strip_prefix("track")?.parse().ok())?
}

/// A packet as it goes over the connection itself (RFC 2326, 10.12). None where it is too long for that, as those of a
/// [`Sender`](crate::Sender) never are.
pub fn interleaved(channel: u8, packet: &[u8]) -> Option<[u8; INTERLEAVED_HEAD]> {
    let [high, low] = u16::try_from(packet.len()).ok()?.to_be_bytes();
    Some([INTERLEAVED, channel, high, low])
}
