//! Publishers by RTMP and RTMPS, on one port: the first byte of a connection tells them apart.
//!
//! The protocol is the crate `rtmp`'s, which knows nothing of streams; a [`Publication`] takes what it reads.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum_server::tls_rustls::RustlsConfig;
use fql_unit::TrackTable;
use rtmp::{AccessUnit, End, Error, Publisher, Sink};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::{Media, Origin, Protocol, Publication, SourceUnit};

/// Connections at a time, those of publishers and those that are not yet.
pub const MOST_CONNECTIONS: usize = 1000;
/// Within this a client says its first byte, and agrees on TLS.
const TO_BEGIN: Duration = Duration::from_secs(10);
/// After this the next connection is taken, where one could not be.
const UNTIL_NEXT: Duration = Duration::from_millis(100);
/// What a connection by TLS begins with: the type of its first record.
const HANDSHAKE_OF_TLS: u8 = 22;

/// Takes publishers until it is dropped. Those who publish then go on.
pub struct Server {
    taking: JoinHandle<()>,
}

impl Server {
    /// Takes publishers on this socket, over TLS too where there is a certificate.
    ///
    /// # Errors
    /// Where the socket cannot be waited for.
    pub fn start(
        listener: TcpListener,
        certificate: Option<RustlsConfig>,
        media: Arc<Media>,
    ) -> io::Result<Self> {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        Ok(Self { taking: tokio::spawn(take(listener, certificate, media)) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.taking.abort();
    }
}

async fn take(listener: tokio::net::TcpListener, certificate: Option<RustlsConfig>, media: Arc<Media>) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let (connection, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "an RTMP connection cannot be taken");
                sleep(UNTIL_NEXT).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            tracing::debug!(%address, "there are as many RTMP connections as there may be");
            continue;
        };
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        // The one in use now: it may be replaced while the daemon runs.
        let certificate = certificate.as_ref().map(RustlsConfig::get_inner);
        let guest = Guest { media: Arc::clone(&media), address };
        tokio::spawn(async move {
            let result = guest.serve(connection, certificate.map(TlsAcceptor::from)).await;
            tell(address, &result);
            drop(permit);
        });
    }
}

fn tell(address: SocketAddr, result: &Result<End, Error>) {
    match result {
        Ok(End::Finished) => tracing::debug!(%address, "the RTMP publisher said goodbye"),
        Ok(End::Lost) => tracing::debug!(%address, "the RTMP connection ended"),
        Ok(End::Ended(reason)) => tracing::info!(%address, reason, "the RTMP publisher was ended"),
        Err(error) => tracing::info!(%address, %error, "the RTMP connection was ended"),
    }
}

/// A client.
struct Guest {
    media: Arc<Media>,
    address: SocketAddr,
}

impl Guest {
    async fn serve(self, connection: TcpStream, tls: Option<TlsAcceptor>) -> Result<End, Error> {
        let mut first = [0];
        let peeked =
            timeout(TO_BEGIN, connection.peek(&mut first)).await.map_err(|_| Error::NoPublisher)??;
        match tls {
            Some(tls) if peeked > 0 && first[0] == HANDSHAKE_OF_TLS => {
                let agreed = timeout(TO_BEGIN, tls.accept(connection)).await;
                rtmp::serve(agreed.map_err(|_| Error::NoPublisher)??, self).await
            }
            _ => rtmp::serve(connection, self).await,
        }
    }
}

impl Publisher for Guest {
    type Sink = Feed;

    async fn publish(&self, key: &str) -> Result<Feed, String> {
        let origin = Origin { protocol: Protocol::Rtmp, address: self.address };
        let publication = self.media.publish(key, origin).await.map_err(|refused| refused.to_string())?;
        Ok(Feed { publication, address: self.address })
    }
}

/// What a publisher sends, on its way to the hub.
struct Feed {
    publication: Publication,
    address: SocketAddr,
}

impl Sink for Feed {
    fn tracks(&mut self, tracks: TrackTable) -> Result<(), String> {
        self.publication.tracks(tracks).map_err(|ended| ended.to_string())
    }

    fn unit(&mut self, unit: AccessUnit) -> Result<(), String> {
        let AccessUnit { track, dts, pts, key, data } = unit;
        let unit = SourceUnit { track, dts, pts, duration: 0, key, data };
        self.publication.unit(unit).map_err(|ended| ended.to_string())
    }

    fn left_out(&mut self, what: &str) {
        let stream = &self.publication.entry().id;
        tracing::warn!(address = %self.address, %stream, what, "something that is published is left out");
    }

    async fn ended(&mut self) -> String {
        self.publication.ended().await.to_string()
    }

    fn end(self) {
        self.publication.end();
    }
}
