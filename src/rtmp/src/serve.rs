//! A session on a connection, with time limits.

use std::future::Future;
use std::io;
use std::time::Duration;

use fql_unit::TrackTable;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{AccessUnit, Event, Media, MediaReader, NothingTaken, Session, SessionError};

/// Within this a client says what it publishes.
const TO_PUBLISH: Duration = Duration::from_secs(10);
/// Within this a publisher sends the next message, whole.
const TO_SEND: Duration = Duration::from_secs(20);
/// Within this a client takes an answer.
const TO_TAKE: Duration = Duration::from_secs(5);
/// Within this a client closes a connection that is over.
const TO_CLOSE: Duration = Duration::from_secs(2);
/// Bytes that are read at once.
const READ: usize = 64 << 10;

/// Decides who may publish.
pub trait Publisher {
    /// Where what is published goes.
    type Sink: Sink;

    /// Whether a client may publish with this stream key. The error reaches the client, and holds no secret.
    fn publish(&self, key: &str) -> impl Future<Output = Result<Self::Sink, String>> + Send;
}

/// Takes what one publisher sends. Dropping it without [`Sink::end`] says that the connection is lost.
pub trait Sink {
    /// The tracks: before the first unit, and whenever they change. An error ends the connection, and reaches the client.
    fn tracks(&mut self, tracks: TrackTable) -> Result<(), String>;

    /// A unit. It does not wait. An error ends the connection, and reaches the client.
    fn unit(&mut self, unit: AccessUnit) -> Result<(), String>;

    /// Something is left out, such as a track of a codec that is not taken: what, for a log.
    fn left_out(&mut self, what: &str);

    /// Waits until the sink takes no more, and gives the reason. What was waited for is not lost where this is given up.
    fn ended(&mut self) -> impl Future<Output = String> + Send;

    /// The publisher said goodbye.
    fn end(self);
}

/// How a connection ended that was not in error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The publisher said goodbye.
    Finished,
    /// The connection ended without a goodbye.
    Lost,
    /// The sink took no more.
    Ended(String),
}

/// Why a connection ended. The messages hold nothing of what the client sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What the client sent cannot be read, or is refused.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// Nothing is of use.
    #[error(transparent)]
    Media(#[from] NothingTaken),
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Connection(#[from] io::Error),
    /// The client was too slow to publish.
    #[error("nothing was published within {} s", TO_PUBLISH.as_secs())]
    NoPublisher,
    /// The publisher sent nothing whole.
    #[error("no whole message came within {} s", TO_SEND.as_secs())]
    Silent,
    /// The client does not take what is sent to it.
    #[error("the client takes no answers")]
    TakesNothing,
}

/// Serves one client, from its first byte to its last.
///
/// # Errors
/// Says why the connection ended, where that was not the publisher's goodbye or the connection's end.
pub async fn serve<C, P>(connection: C, publisher: P) -> Result<End, Error>
where
    C: AsyncRead + AsyncWrite + Unpin,
    P: Publisher,
{
    let mut connection = Connection { io: connection, session: Session::default(), buffer: vec![0; READ] };
    let result = match timeout(TO_PUBLISH, connection.until_published(&publisher)).await {
        Ok(Ok(Some(sink))) => connection.take(sink).await,
        Ok(Ok(None)) => Ok(End::Lost),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(Error::NoPublisher),
    };
    connection.close(matches!(result, Ok(End::Finished))).await;
    result
}

struct Connection<C> {
    io: C,
    session: Session,
    buffer: Vec<u8>,
}

impl<C: AsyncRead + AsyncWrite + Unpin> Connection<C> {
    /// Until a publisher is let in; `None` where the connection ends before.
    async fn until_published<P: Publisher>(&mut self, publisher: &P) -> Result<Option<P::Sink>, Error> {
        loop {
            let count = self.io.read(&mut self.buffer).await?;
            if count == 0 {
                return Ok(None);
            }
            self.session.receive(&self.buffer[..count])?;
            if let Some(Event::Publish { key }) = self.session.event() {
                match publisher.publish(&key).await {
                    Ok(sink) => {
                        self.session.accept()?;
                        self.flush().await?;
                        return Ok(Some(sink));
                    }
                    Err(reason) => return Err(self.session.refuse(&reason).into()),
                }
            }
            self.flush().await?;
        }
    }

    /// Takes what the publisher sends.
    async fn take<S: Sink>(&mut self, mut sink: S) -> Result<End, Error> {
        let mut reader = MediaReader::default();
        let mut deadline = Instant::now() + TO_SEND;
        loop {
            // What came together with the command to publish is here already.
            let (count, is_over) = self.drain(&mut reader)?;
            if count > 0 {
                deadline = Instant::now() + TO_SEND;
            }
            if let Err(reason) = hand_over(&mut reader, &mut sink) {
                return Ok(self.ended(reason));
            }
            if is_over {
                sink.end();
                return Ok(End::Finished);
            }
            self.flush().await?;
            let read = tokio::select! {
                read = timeout_at(deadline, self.io.read(&mut self.buffer)) => read,
                reason = sink.ended() => return Ok(self.ended(reason)),
            };
            match read {
                Err(_) => return Err(Error::Silent),
                Ok(Err(error)) if is_lost(&error) => return Ok(End::Lost),
                Ok(Err(error)) => return Err(error.into()),
                Ok(Ok(0)) => return Ok(End::Lost),
                Ok(Ok(count)) => self.session.receive(&self.buffer[..count])?,
            }
        }
    }

    /// Reads all messages that came; how many there were, and whether the publisher said goodbye.
    fn drain(&mut self, reader: &mut MediaReader) -> Result<(u32, bool), Error> {
        let mut count = 0;
        while let Some(event) = self.session.event() {
            count += 1;
            match event {
                Event::Video { timestamp, payload } => reader.video(timestamp, &payload)?,
                Event::Audio { timestamp, payload } => reader.audio(timestamp, &payload)?,
                Event::Data(payload) => reader.data(&payload),
                Event::End => {
                    reader.finish();
                    return Ok((count, true));
                }
                Event::Publish { .. } => {}
            }
        }
        Ok((count, false))
    }

    fn ended(&mut self, reason: String) -> End {
        self.session.end(&reason);
        End::Ended(reason)
    }

    /// Says what is left to say, and waits for the client to close: bytes of it that nobody read would make the system
    /// throw away what was said. A client that said goodbye closes by itself.
    async fn close(&mut self, said_goodbye: bool) {
        let closed = async {
            self.flush().await?;
            if !said_goodbye {
                self.io.shutdown().await?;
            }
            while self.io.read(&mut self.buffer).await? > 0 {}
            self.io.shutdown().await?;
            Ok::<(), Error>(())
        };
        // Whether it arrived is of no account any more.
        let _ = timeout(TO_CLOSE, closed).await;
    }

    async fn flush(&mut self) -> Result<(), Error> {
        let output = self.session.output();
        if output.is_empty() {
            return Ok(());
        }
        let written = async {
            self.io.write_all(&output).await?;
            self.io.flush().await
        };
        timeout(TO_TAKE, written).await.map_err(|_| Error::TakesNothing)?.map_err(Error::from)
    }
}

fn hand_over<S: Sink>(reader: &mut MediaReader, sink: &mut S) -> Result<(), String> {
    while let Some(media) = reader.read() {
        match media {
            Media::Tracks(tracks) => sink.tracks(tracks)?,
            Media::Unit(unit) => sink.unit(unit)?,
            Media::LeftOut(what) => sink.left_out(&what),
        }
    }
    Ok(())
}

/// Encoders that are stopped by force reset their connections.
fn is_lost(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}
