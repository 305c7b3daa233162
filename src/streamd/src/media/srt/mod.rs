//! SRT on one UDP port: encoders publish MPEG transport streams with a stream key, players request them with a playback
//! ID. Who it is and what is wanted stands in the stream id, and is decided on in the handshake.

mod admit;
mod publish;
mod watch;

use std::future;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use fql_srt::{Connection, Decision, Error, Listener, Settings};
use tokio::task::JoinHandle;

use super::Media;
use crate::service::{Entry, Passphrase};
use admit::Wanted;

/// Connections at a time, those of publishers and of readers: each has buffers and threads of libsrt's.
const MOST_CONNECTIONS: usize = 1000;
/// Those that readers leave to publishers: anybody may read.
const FOR_PUBLISHERS: usize = MOST_CONNECTIONS / 10;

/// Who decides on callers, once it is there.
type Decider = Arc<OnceLock<Weak<Media>>>;

/// How many connections there are.
#[derive(Debug, Clone, Default)]
struct Room(Arc<AtomicUsize>);

impl Room {
    /// Whether there is room for one more of this kind.
    fn is_for(&self, wanted: &Wanted) -> bool {
        let most = match wanted {
            Wanted::Publish(_) => MOST_CONNECTIONS,
            Wanted::Request(_) => MOST_CONNECTIONS - FOR_PUBLISHERS,
        };
        self.0.load(Ordering::Relaxed) < most
    }
}

/// The port, on which nobody is accepted yet.
#[derive(Debug)]
pub struct Port {
    listener: Listener,
    address: SocketAddr,
    decider: Decider,
    room: Room,
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
        let (decider, room) = (Decider::default(), Room::default());
        let listener = match listen(address, latency, &decider, &room) {
            Err(_) if address.ip() == Ipv6Addr::UNSPECIFIED => {
                listen((Ipv4Addr::UNSPECIFIED, address.port()).into(), latency, &decider, &room)?
            }
            listener => listener?,
        };
        let address = listener.local_address()?;
        Ok(Self { listener, address, decider, room })
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
        Server { accepting: tokio::spawn(accept(self.listener, media, self.room)) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn listen(address: SocketAddr, latency: Duration, decider: &Decider, room: &Room) -> Result<Listener, Error> {
    let (decider, room) = (Arc::clone(decider), room.clone());
    Listener::bind(address, Settings { latency }, move |caller| match decider.get().and_then(Weak::upgrade) {
        Some(media) => admit::decide(&media, caller, &room),
        None => Decision::Reject(admit::DOWN),
    })
}

/// Takes callers until this is aborted, and with it what they do.
async fn accept(listener: Listener, media: Weak<Media>, room: Room) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        room.0.store(connections.len(), Ordering::Relaxed);
        tokio::select! {
            accepted = listener.accept() => match (accepted, media.upgrade()) {
                (_, None) => return,
                (Ok(connection), Some(media)) => match admit::wanted(&media, connection.stream_id()) {
                    // Since it was decided on, others may have come.
                    Ok((wanted, _)) if !room.is_for(&wanted) => {
                        tracing::debug!(
                            peer = %connection.peer(),
                            "there are as many SRT connections as there may be"
                        );
                    }
                    Ok((wanted, entry)) => {
                        connections.spawn(serve(connection, media, wanted, entry));
                    }
                    Err(reject) => tracing::debug!(peer = %connection.peer(), %reject, "SRT ends"),
                },
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

async fn serve(connection: Connection, media: Arc<Media>, wanted: Wanted, entry: Arc<Entry>) {
    let peer = connection.peer();
    let other_passphrase = other_passphrase(&media, &entry.id, connection.passphrase().map(str::to_owned));
    match wanted {
        Wanted::Publish(key) => publish::run(connection, &media, &key, other_passphrase).await,
        Wanted::Request(playback_id) => tokio::select! {
            () = watch::run(connection, &media, &playback_id) => {}
            () = other_passphrase => {
                tracing::info!(%peer, stream = entry.id, "a reader by SRT is ended: the stream has another passphrase");
            }
        },
    }
}

/// Waits until a stream has another passphrase than a connection of it, or one where that has none: whoever was let in
/// with what is of no account any more is not to stay, as with a stream key.
async fn other_passphrase(media: &Media, stream: &str, passphrase: Option<String>) {
    let mut changes = media.changes();
    // What becomes of those of an archived stream, the hub says.
    while let Some(entry) = media.service.directory().by_id(stream) {
        if entry.srt_passphrase.as_ref().map(Passphrase::reveal) != passphrase.as_deref() {
            return;
        }
        if changes.changed().await.is_err() {
            break;
        }
    }
    future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_leave_room_for_publishers() {
        let room = Room::default();
        let (publisher, reader) = (Wanted::Publish(String::new()), Wanted::Request(String::new()));
        room.0.store(899, Ordering::Relaxed);
        assert!(room.is_for(&reader) && room.is_for(&publisher));
        room.0.store(900, Ordering::Relaxed);
        assert!(!room.is_for(&reader) && room.is_for(&publisher));
        room.0.store(1000, Ordering::Relaxed);
        assert!(!room.is_for(&reader) && !room.is_for(&publisher));
    }
}
