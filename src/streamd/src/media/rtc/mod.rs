//! WebRTC: publishers by WHIP (RFC 9725), viewers by WHEP, with all media on one UDP port. What it is made of is in
//! fql-webrtc, without I/O; here are its socket, its place among the streams, and its face over HTTP.
//!
//! ```text
//! HTTP (http) -> asked of -> one task (server): socket, endpoint, publications, watched streams -> publications
//! subscription (a task a stream that is watched) -> the same task -> all its viewers
//! ```

mod addresses;
mod http;
mod refusal;
mod server;
mod socket;
mod watched;

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use fql_webrtc::{Endpoint, OfferError, Settings, TrickleError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{Media, Publication, Watcher};
use crate::config::Config;
pub use http::routes;
use server::Server;
use socket::RtcSocket;

/// How many sessions there may be, of which viewers leave some to publishers.
const MOST_SESSIONS: usize = 2000;
/// How many requests may wait for the task.
const MOST_WAITING: usize = 256;

/// The way to the task that has all sessions.
#[derive(Debug, Clone)]
pub struct Rtc {
    asked: mpsc::Sender<Asked>,
}

/// The task; it ends with a goodbye to all clients.
#[derive(Debug)]
pub struct Running {
    rtc: Rtc,
    task: JoinHandle<()>,
}

/// A session as its client knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Begun {
    /// The last part of its URL, which nobody can guess.
    pub(crate) name: String,
    /// The answer.
    pub(crate) answer: String,
}

/// Why a stream cannot be played so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotPlayed {
    #[error("nobody publishes this stream now")]
    Offline,
    #[error("the stream is not live: its source is {0}")]
    Source(&'static str),
    #[error("the stream is paused")]
    Paused,
    #[error("the stream has no track that WebRTC carries")]
    NoTrack,
    #[error("{0}")]
    Unconverted(String),
    #[error(transparent)]
    Offer(#[from] OfferError),
}

/// What is asked of the task.
pub(crate) enum Asked {
    Publish {
        offer: String,
        answer: oneshot::Sender<Result<Begun, OfferError>>,
    },
    /// What a session of this name publishes.
    Attach {
        name: String,
        publication: Box<Publication>,
    },
    Play {
        playback_id: String,
        watcher: Watcher,
        offer: String,
        answer: oneshot::Sender<Result<Begun, NotPlayed>>,
    },
    Trickle {
        name: String,
        fragment: String,
        answer: oneshot::Sender<Result<(), TrickleError>>,
    },
    /// Ends a session; says whether there was one.
    Close {
        name: String,
        answer: oneshot::Sender<bool>,
    },
    Stop,
}

impl Rtc {
    /// Asks the task; none where it has ended.
    async fn ask<T>(&self, asked: impl FnOnce(oneshot::Sender<T>) -> Asked) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        self.asked.send(asked(answer)).await.ok()?;
        answered.await.ok()
    }
}

/// Binds the port of all media.
///
/// # Errors
/// As the system says.
pub fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    super::bind(address)
}

/// Starts the task on a port that is bound.
///
/// # Errors
/// Where the socket cannot be used, or no certificate can be made.
pub async fn start(config: &Config, socket: UdpSocket, media: Arc<Media>) -> io::Result<(Rtc, Running)> {
    let candidates = addresses::candidates(config, socket.local_addr()?).await;
    let settings = Settings { candidates, most_sessions: MOST_SESSIONS };
    let endpoint = Endpoint::new(settings).map_err(io::Error::other)?;
    let (asked, asks) = mpsc::channel(MOST_WAITING);
    let server = Server::new(endpoint, RtcSocket::new(socket)?, media);
    let rtc = Rtc { asked };
    let task = tokio::spawn(server.run(asks));
    Ok((rtc.clone(), Running { rtc, task }))
}

impl Running {
    /// Says goodbye to all clients.
    pub async fn end(self) {
        let _ = self.rtc.asked.send(Asked::Stop).await;
        // A panic of the task has been printed.
        let _ = self.task.await;
    }
}

#[cfg(test)]
mod tests;
