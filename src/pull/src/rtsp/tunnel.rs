//! The way to a camera: GStreamer's client connects to this machine, and from here it goes on to the address that was
//! found good, and to no other, whatever the camera answers: the client sees only what a [`Scanner`] has understood.

use std::fmt::Display;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::message::{Halt, Way};
use super::scanner::Scanner;
use crate::error::{Error, Reason};
use crate::reach::Rules;

/// What passes at a time.
const PIECE: usize = 16 << 10;
const UNAUTHORIZED: u16 = 401;

/// One connection, and where on this machine its other end waits.
pub(super) struct Tunnel {
    address: SocketAddr,
    peer: SocketAddr,
    refusal: Arc<Mutex<Option<Refusal>>>,
    carrying: JoinHandle<()>,
}

/// The last answer of the camera's that was none of success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// With this status.
    Status(u16),
    /// It says something else than RTSP.
    NoRtsp,
    /// Media would come in another way than was asked for.
    Transport,
}

trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

impl Tunnel {
    /// Goes on by this connection, over TLS where there is a name to trust; media comes in it, or by UDP of the same
    /// address.
    pub async fn open(
        connection: TcpStream,
        name: Option<&str>,
        by_udp: bool,
        rules: &Rules,
    ) -> Result<Self, Error> {
        let failed = |error: &dyn Display| Error::new(Reason::Unreachable, error.to_string());
        let peer = connection.peer_addr().map_err(|error| failed(&error))?;
        let far: Box<dyn Connection> = match name {
            None => Box::new(connection),
            Some(name) => Box::new(over_tls(connection, name, rules).await?),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|error| failed(&error))?;
        let address = listener.local_addr().map_err(|error| failed(&error))?;
        let refusal = Arc::default();
        let way = if by_udp { Way::Datagrams(peer.ip().to_canonical()) } else { Way::Connection };
        let carrying = tokio::spawn(carry(listener, far, Scanner::new(way), Arc::clone(&refusal)));
        Ok(Self { address, peer, refusal, carrying })
    }

    /// Where to connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The other end.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The last answer that was none of success, if the last one was not.
    pub fn refusal(&self) -> Option<Refusal> {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.carrying.abort();
    }
}

async fn over_tls(
    connection: TcpStream,
    name: &str,
    rules: &Rules,
) -> Result<impl Connection + use<>, Error> {
    let failed = |error: &dyn Display| {
        Error::new(Reason::Unreachable, format!("no connection over TLS can be made: {error}"))
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(|error| failed(&error))?
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).map_err(|error| failed(&error))?;
    let agreed =
        timeout(rules.patience, TlsConnector::from(Arc::new(config)).connect(name, connection)).await;
    let late = |_| Error::new(Reason::Unreachable, "TLS is not agreed on in time");
    agreed.map_err(late)?.map_err(|error| Error::untrusted(&error).unwrap_or_else(|| failed(&error)))
}

/// Until one of both ends, or the camera says what is not to be followed.
async fn carry(
    listener: TcpListener,
    far: Box<dyn Connection>,
    mut scanner: Scanner,
    refusal: Arc<Mutex<Option<Refusal>>>,
) {
    let Ok((mut near, _)) = listener.accept().await else { return };
    drop(listener);
    let (mut to_near, mut from_near) = near.split();
    let (mut from_far, mut to_far) = split(far);
    let answers = async {
        let (mut piece, mut on) = (vec![0; PIECE], Vec::new());
        while let Ok(length @ 1..) = from_far.read(&mut piece).await {
            let note = |why| *refusal.lock().unwrap_or_else(PoisonError::into_inner) = why;
            on.clear();
            match scanner.take(&piece[..length], &mut on) {
                Err(halt) => return note(Some(halt.into())),
                Ok(statuses) => {
                    for status in statuses {
                        note((status >= 300).then_some(Refusal::Status(status)));
                    }
                }
            }
            if from_near.write_all(&on).await.is_err() {
                return;
            }
        }
    };
    let requests = async {
        // Whoever uses it sees that it ended.
        let _ = tokio::io::copy(&mut to_near, &mut to_far).await;
    };
    tokio::select! {
        () = answers => {}
        () = requests => {}
    }
}

impl From<Halt> for Refusal {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::NoRtsp => Self::NoRtsp,
            Halt::Redirect(status) => Self::Status(status),
            Halt::Transport => Self::Transport,
        }
    }
}

impl Refusal {
    /// What it means for the source.
    pub fn error(self) -> Error {
        let status = match self {
            Self::Status(status) => status,
            Self::NoRtsp => return Error::malformed("it speaks no RTSP"),
            Self::Transport => {
                return Error::new(
                    Reason::Refused,
                    "it would send media in another way than it was asked for",
                );
            }
        };
        let reason = match status {
            UNAUTHORIZED | 403 => Reason::Unauthorized,
            404 => Reason::NotFound,
            _ => Reason::Refused,
        };
        let more = if (300..400).contains(&status) { "; redirects are not followed" } else { "" };
        Error::new(reason, format!("it answers {status}{more}"))
    }
}
