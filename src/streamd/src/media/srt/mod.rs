//! SRT on one UDP port: encoders publish MPEG transport streams with a stream key, players request them with a playback
//! ID. Who it is and what is wanted stands in the stream id, and is decided on in the handshake.

mod admit;
mod publish;
mod watch;

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use fql_srt::{Connection, Decision, Error, Listener, Settings};
use tokio::task::JoinHandle;

use super::Media;
use admit::Wanted;

/// Connections at a time, those of publishers and of readers: each has buffers and threads of libsrt's.
const MOST_CONNECTIONS: usize = 1000;

/// Who decides on callers, once it is there.
type Decider = Arc<OnceLock<Weak<Media>>>;

/// The port, on which nobody is accepted yet.
#[derive(Debug)]
pub struct Port {
    listener: Listener,
    address: SocketAddr,
    decider: Decider,
}

/// The port at work. Dropping it ends all of its connections.
#[derive(Debug)]
pub struct Server {
    accepting: JoinHandle<()>,
}

impl Port {
    /// Takes this address; a port of 0 is one that is free. Callers are asked for this latency; where they ask for a longer
    /// one, that counts. Where a system has no IPv6, all its interfaces are those of
    /// IPv4.
    ///
    /// # Errors
    /// Where it cannot be had.
    pub fn bind(address: SocketAddr, latency: Duration) -> Result<Self, Error> {
        let decider = Decider::default();
        let listener = match listen(address, latency, &decider) {
            Err(_) if address.ip() == Ipv6Addr::UNSPECIFIED => {
                listen((Ipv4Addr::UNSPECIFIED, address.port()).into(), latency, &decider)?
            }
            listener => listener?,
        };
        let address = listener.local_address()?;
        Ok(Self { listener, address, decider })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes publishers and readers from now on.
    pub fn serve(self, media: &Arc<Media>) -> Server {
        let media = Arc::downgrade(media);
        let deciding = self.decider.get_or_init(|| Weak::clone(&media));
        debug_assert!(deciding.ptr_eq(&media), "a port is served once");
        Server { accepting: tokio::spawn(accept(self.listener, media)) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn listen(address: SocketAddr, latency: Duration, decider: &Decider) -> Result<Listener, Error> {
    let decider = Arc::clone(decider);
    Listener::bind(address, Settings { latency }, move |caller| match decider.get().and_then(Weak::upgrade) {
        Some(media) => admit::decide(&media, caller),
        None => Decision::Reject(admit::DOWN),
    })
}

/// Takes callers until this is aborted, and with it what they do.
async fn accept(listener: Listener, media: Weak<Media>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match (accepted, media.upgrade()) {
                (_, None) => return,
                (Ok(connection), Some(_)) if connections.len() >= MOST_CONNECTIONS => {
                    tracing::debug!(peer = %connection.peer(), "there are as many SRT connections as there may be");
                }
                (Ok(connection), Some(media)) => {
                    connections.spawn(serve(connection, media));
                }
                (Err(error), Some(_)) => {
                    tracing::error!(%error, "SRT is not taken any more");
                    return;
                }
            },
            // What has ended is let go of.
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(connection: Connection, media: Arc<Media>) {
    let peer = connection.peer();
    // It was decided on in the handshake; what it is now may be otherwise.
    match admit::wanted(&media, connection.stream_id()) {
        Ok((Wanted::Publish(key), _)) => publish::run(connection, &media, &key).await,
        Ok((Wanted::Request(playback_id), _)) => watch::run(connection, &media, &playback_id).await,
        Err(reject) => tracing::debug!(%peer, %reject, "SRT ends"),
    }
}
