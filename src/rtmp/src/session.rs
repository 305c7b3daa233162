//! The server's side of a connection, without a socket: bytes in, events and bytes out (Adobe's RTMP specification 1.0,
//! Enhanced RTMP 2).
//!
//! The handshake and the writing of chunks are scuffle-rtmp's. Its session is not used: it cannot refuse a publisher,
//! divides by an acknowledgement window of 0, and turns in a circle on connections that end in the handshake.

use std::collections::VecDeque;
use std::io::Cursor;

use bytes::{Bytes, BytesMut};
use scuffle_rtmp::chunk::Chunk;
use scuffle_rtmp::chunk::writer::ChunkWriter;
use scuffle_rtmp::handshake::{HandshakeServer, RTMP_HANDSHAKE_SIZE};
use scuffle_rtmp::messages::MessageType;

use crate::amf::{self, Value};
use crate::answer::{self, Status};
use crate::chunk::{ChunkError, ChunkReader, Message};
use crate::key;

/// The most bytes of a message before a publisher is let in: commands are short.
const MOST_BEFORE: usize = 64 << 10;
/// The most bytes of a message of a publisher, and of all that it has begun: a key frame is below this.
const MOST_OF_MEDIA: usize = 16 << 20;
/// Messages that are taken out of one that holds several.
const MOST_IN_ONE: usize = 1024;
/// Commands that are answered before something is published.
const MOST_COMMANDS: u32 = 64;
/// How large the chunks are that go out.
const CHUNK_SIZE: u32 = 4096;
/// After so many bytes the client may tell that it got them.
const WINDOW: u32 = 2_500_000;
/// Nobody needs to hear it more often.
const SMALLEST_WINDOW: u32 = 64 << 10;
/// The stream that is published on: there is one.
const STREAM: u32 = 1;

/// What a client does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It wants to publish with this stream key: [`Session::accept`] or [`Session::refuse`] goes on.
    Publish {
        /// The stream key.
        key: String,
    },
    /// Video, as in an FLV tag.
    Video {
        /// Milliseconds, modulo 2^32.
        timestamp: u32,
        /// The tag's body.
        payload: Bytes,
    },
    /// Sound, as in an FLV tag.
    Audio {
        /// Milliseconds, modulo 2^32.
        timestamp: u32,
        /// The tag's body.
        payload: Bytes,
    },
    /// Data, such as `onMetaData`, as values in AMF0.
    Data(Bytes),
    /// It publishes no more.
    End,
}

/// Why a connection cannot go on. The messages hold nothing of what the client sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The handshake is of another protocol.
    #[error("the connection does not begin as RTMP does")]
    Handshake,
    /// Chunks that cannot be read.
    #[error(transparent)]
    Chunk(#[from] ChunkError),
    /// A command that cannot be read.
    #[error("a command that cannot be read")]
    Command,
    /// Commands without end.
    #[error("more than {MOST_COMMANDS} commands before something is published")]
    TooManyCommands,
    /// It wants to publish, or more, and has not connected.
    #[error("a command that needs a connection before it is made")]
    NotConnected,
    /// The application is not here.
    #[error("an application that is not here was asked for")]
    NoApplication,
    /// The name is no stream key.
    #[error("no stream key was given")]
    NoKey,
    /// It wants to play.
    #[error("playing was asked for, and RTMP is for publishing only")]
    Play,
    /// The publisher was refused.
    #[error("the publisher was refused: {0}")]
    Refused(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its first bytes are awaited.
    Greeting,
    Handshake,
    Commands,
    /// [`Event::Publish`] waits for its answer.
    Asked,
    Publishing,
    Ended,
}

/// A connection.
pub struct Session {
    stage: Stage,
    handshake: HandshakeServer,
    input: BytesMut,
    chunks: ChunkReader,
    writer: ChunkWriter,
    output: Vec<u8>,
    events: VecDeque<Event>,
    application: Option<String>,
    commands: u32,
    /// Bytes that came, modulo 2^32, and how many of them the client was told of.
    received: u32,
    acknowledged: u32,
    /// After how many bytes it wants to be told. Who did not ask does not read it either, and a connection that is closed
    /// before all is read loses what is on its way in the other direction.
    window: Option<u32>,
    publish: f64,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            stage: Stage::Greeting,
            handshake: HandshakeServer::default(),
            input: BytesMut::new(),
            chunks: ChunkReader::new(MOST_BEFORE),
            writer: ChunkWriter::default(),
            output: Vec::new(),
            events: VecDeque::new(),
            application: None,
            commands: 0,
            received: 0,
            acknowledged: 0,
            window: None,
            publish: 0.0,
        }
    }
}

impl Session {
    /// Bytes of the client. After an error nothing more is to be received; what [`Session::output`] then holds tells the
    /// client why.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<(), SessionError> {
        self.input.extend_from_slice(bytes);
        self.received = self.received.wrapping_add(bytes.len() as u32);
        self.acknowledge();
        self.advance()
    }

    /// What happened, in order.
    pub fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What goes to the client.
    pub fn output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Lets the publisher in whom [`Event::Publish`] told of.
    pub fn accept(&mut self) -> Result<(), SessionError> {
        if self.stage == Stage::Asked {
            self.stage = Stage::Publishing;
            self.chunks.take_at_most(MOST_OF_MEDIA);
            self.control(MessageType::UserControlEvent, &[&[0, 0], &STREAM.to_be_bytes()[..]].concat());
            self.status(self.publish, &Status::info("NetStream.Publish.Start", "Go ahead."));
        }
        self.advance()
    }

    /// Refuses the publisher whom [`Event::Publish`] told of. The reason reaches the one who publishes, and holds no
    /// secret. Gives the error with which the connection ends.
    pub fn refuse(&mut self, reason: &str) -> SessionError {
        self.stage = Stage::Ended;
        self.status(self.publish, &Status::error("NetStream.Publish.BadName", reason));
        SessionError::Refused(reason.to_owned())
    }

    /// Tells the publisher that its stream was ended here, and why.
    pub fn end(&mut self, reason: &str) {
        self.stage = Stage::Ended;
        self.status(0.0, &Status::error("NetStream.Publish.Failed", reason));
    }

    fn advance(&mut self) -> Result<(), SessionError> {
        loop {
            match self.stage {
                Stage::Greeting | Stage::Handshake => {
                    if !self.shake_hands()? {
                        return Ok(());
                    }
                }
                Stage::Asked => return Ok(()),
                Stage::Ended => {
                    self.input.clear();
                    return Ok(());
                }
                Stage::Commands | Stage::Publishing => {
                    let Some(message) = self.chunks.read(&mut self.input)? else { return Ok(()) };
                    self.message(message)?;
                }
            }
        }
    }

    /// One step of the handshake; whether there were enough bytes for it.
    fn shake_hands(&mut self) -> Result<bool, SessionError> {
        const VERSION: u8 = 3;
        let is_first = self.stage == Stage::Greeting;
        // Bytes of TLS, HTTP and the like are told at once, before they wait for more.
        if is_first && self.input.first().is_some_and(|&version| version != VERSION) {
            return Err(SessionError::Handshake);
        }
        let needed = RTMP_HANDSHAKE_SIZE + usize::from(is_first);
        if self.input.len() < needed {
            return Ok(false);
        }
        let mut step = Cursor::new(self.input.split_to(needed).freeze());
        self.handshake.handshake(&mut step, &mut self.output).map_err(|_| SessionError::Handshake)?;
        self.stage = if is_first { Stage::Handshake } else { Stage::Commands };
        Ok(true)
    }

    fn acknowledge(&mut self) {
        let since = self.received.wrapping_sub(self.acknowledged);
        if self.window.is_some_and(|window| since >= window) && self.stage != Stage::Ended {
            self.acknowledged = self.received;
            self.control(MessageType::Acknowledgement, &self.received.to_be_bytes());
        }
    }

    fn message(&mut self, message: Message) -> Result<(), SessionError> {
        let Message { kind, timestamp, payload } = message;
        let is_publishing = self.stage == Stage::Publishing;
        let number = || Some(u32::from_be_bytes(payload.get(..4)?.try_into().ok()?));
        match MessageType(kind) {
            MessageType::SetChunkSize => self.chunks.set_chunk_size(number().unwrap_or_default())?,
            MessageType::Abort => self.chunks.abort(number().unwrap_or_default()),
            MessageType::WindowAcknowledgementSize => {
                self.window = number().map(|window| window.max(SMALLEST_WINDOW));
            }
            MessageType::Video if is_publishing => self.events.push_back(Event::Video { timestamp, payload }),
            MessageType::Audio if is_publishing => self.events.push_back(Event::Audio { timestamp, payload }),
            MessageType::DataAMF0 if is_publishing => self.events.push_back(Event::Data(payload)),
            // In AMF3 a byte comes first that says that AMF0 follows.
            MessageType::DataAMF3 if is_publishing && !payload.is_empty() => {
                self.events.push_back(Event::Data(payload.slice(1..)));
            }
            MessageType::Aggregate if is_publishing => self.aggregate(timestamp, payload),
            MessageType::CommandAMF0 => self.command(&payload)?,
            MessageType::CommandAMF3 if !payload.is_empty() => self.command(&payload[1..])?,
            _ => {}
        }
        Ok(())
    }

    /// Several messages as FLV tags in one (7.1.6). Their times count from that of the first.
    fn aggregate(&mut self, timestamp: u32, mut payload: Bytes) {
        const HEADER: usize = 11;
        const BACK_POINTER: usize = 4;
        let mut first = None;
        for _ in 0..MOST_IN_ONE {
            if payload.len() < HEADER {
                return;
            }
            let header = payload.split_to(HEADER);
            let length = u32::from_be_bytes([0, header[1], header[2], header[3]]) as usize;
            let time = u32::from_be_bytes([header[7], header[4], header[5], header[6]]);
            if payload.len() < length {
                return;
            }
            let body = payload.split_to(length);
            let since = time.wrapping_sub(*first.get_or_insert(time));
            let timestamp = timestamp.wrapping_add(since);
            match MessageType(header[0]) {
                MessageType::Video => self.events.push_back(Event::Video { timestamp, payload: body }),
                MessageType::Audio => self.events.push_back(Event::Audio { timestamp, payload: body }),
                _ => {}
            }
            let _ = payload.split_to(BACK_POINTER.min(payload.len()));
        }
    }

    fn command(&mut self, payload: &[u8]) -> Result<(), SessionError> {
        self.commands = self.commands.saturating_add(1);
        if self.commands > MOST_COMMANDS && self.stage != Stage::Publishing {
            return Err(SessionError::TooManyCommands);
        }
        let values = amf::read_all(payload).unwrap_or_default();
        let Some(name) = values.first().and_then(Value::as_text) else {
            // Encoders have commands of their own, which are of no account while they publish.
            return if self.stage == Stage::Publishing { Ok(()) } else { Err(SessionError::Command) };
        };
        let transaction = values.get(1).and_then(Value::as_number).unwrap_or_default();
        match name {
            "connect" => return self.connect(transaction, values.get(2)),
            "createStream" => self.answer(answer::created(transaction, STREAM)),
            "releaseStream" | "FCPublish" | "_checkbw" => self.answer(answer::done(transaction)),
            "publish" => {
                let name = values.get(3).and_then(Value::as_text).unwrap_or_default();
                return self.published(transaction, name);
            }
            "play" | "play2" => {
                self.status(
                    transaction,
                    &Status::error("NetStream.Play.Failed", "RTMP is for publishing only."),
                );
                return Err(SessionError::Play);
            }
            "closeStream" | "deleteStream" if self.stage == Stage::Publishing => {
                self.stage = Stage::Ended;
                self.status(transaction, &Status::info("NetStream.Unpublish.Success", "Until next time."));
                self.events.push_back(Event::End);
            }
            _ => {}
        }
        Ok(())
    }

    fn connect(&mut self, transaction: f64, object: Option<&Value>) -> Result<(), SessionError> {
        const DYNAMIC: u8 = 2;
        if self.application.is_some() {
            return Ok(());
        }
        let application = object.and_then(|object| object.field("app")?.as_text()).unwrap_or_default();
        if !key::is_here(application) {
            let why = "The application is \"live\": rtmp://host/live/<streamKey>.";
            let status = Status::error("NetConnection.Connect.Rejected", why);
            self.answer(answer::not_connected(transaction, &status));
            return Err(SessionError::NoApplication);
        }
        self.application = Some(application.to_owned());
        self.control(MessageType::WindowAcknowledgementSize, &WINDOW.to_be_bytes());
        self.control(MessageType::SetPeerBandwidth, &[&WINDOW.to_be_bytes()[..], &[DYNAMIC]].concat());
        self.control(MessageType::SetChunkSize, &CHUNK_SIZE.to_be_bytes());
        self.writer.set_chunk_size(CHUNK_SIZE as usize);
        self.answer(answer::connected(transaction));
        Ok(())
    }

    fn published(&mut self, transaction: f64, name: &str) -> Result<(), SessionError> {
        if self.stage != Stage::Commands {
            return Ok(());
        }
        let application = self.application.as_deref().ok_or(SessionError::NotConnected)?;
        let Some(key) = key::stream_key(application, name) else {
            let why = "No stream key: rtmp://host/live/<streamKey>.";
            self.status(transaction, &Status::error("NetStream.Publish.BadName", why));
            return Err(SessionError::NoKey);
        };
        self.publish = transaction;
        self.stage = Stage::Asked;
        self.events.push_back(Event::Publish { key });
        Ok(())
    }

    fn status(&mut self, transaction: f64, status: &Status) {
        self.send(MessageType::CommandAMF0, STREAM, answer::status(transaction, status));
    }

    fn answer(&mut self, payload: Vec<u8>) {
        self.send(MessageType::CommandAMF0, 0, payload);
    }

    fn control(&mut self, kind: MessageType, payload: &[u8]) {
        self.send(kind, 0, payload.to_vec());
    }

    fn send(&mut self, kind: MessageType, stream: u32, payload: Vec<u8>) {
        const CONTROL: u32 = 2;
        const COMMANDS: u32 = 3;
        let chunks = if kind == MessageType::CommandAMF0 { COMMANDS } else { CONTROL };
        let chunk = Chunk::new(chunks, 0, kind, stream, payload.into());
        // Writing into memory does not fail.
        let _ = self.writer.write_chunk(&mut self.output, chunk);
    }
}
