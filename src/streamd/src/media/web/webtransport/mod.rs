//! WebTransport: datagrams of QUIC, which browsers have and which are repaired, paced and limited by FQL alone.

mod congestion;
mod identity;
mod self_signed;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use fql_transport::Address;
use quinn::congestion::ControllerFactory;
use quinn::{IdleTimeout, Incoming, TokioRuntime, TransportConfig, VarInt};
use wtransport::endpoint::{IncomingSessionFuture, SessionRequest};

use super::places::{Place, Places};
use super::{Carrier, Connection, LARGEST, Next, SILENCE, Web, count_lost};
use crate::service::Service;
pub use congestion::SetByFql;
pub use identity::Identity;

/// How long a browser may take from its first packet to the end of its request.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The most handshakes under way, half of them of one host. Each takes some hundred kilobytes at most.
const MOST_HANDSHAKES: usize = 128;
/// With so many under way, who comes has to show first that it hears what is sent to its address.
const CAREFUL_FROM: usize = 32;
/// A connection on which no packet comes for so long is over: every viewer sends several a second.
const IDLE: Duration = Duration::from_secs(10);
/// What a round trip is taken for until one is measured: lost packets of the handshake are sent again after about three of
/// these, and a player that hears nothing for a second tries WebSocket.
const ASSUMED_ROUND_TRIP: Duration = Duration::from_millis(100);
/// Streams carry a request and HTTP/3's settings, and no media: these bytes are plenty.
const STREAM_WINDOW: u32 = 16 << 10;
const ALL_STREAMS_WINDOW: u32 = 64 << 10;
/// Of streams that the browser opens: one request, and those that HTTP/3 has for itself (control, and QPACK's two).
const REQUESTS: u32 = 1;
const CONTROL_STREAMS: u32 = 3;
/// Datagrams that QUIC holds until its socket takes them. Few, so that they do not get old there.
const SEND_BUFFER: usize = 32 << 10;
const RECEIVE_BUFFER: usize = 64 << 10;
/// How long the last datagrams of a session may take into the socket, and how long the browser may take to read them.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// How long browsers may take to hear that the daemon ends.
const GOODBYE: Duration = Duration::from_secs(1);

/// The running endpoint.
#[derive(Debug)]
pub struct Endpoint {
    quic: quinn::Endpoint,
}

impl Endpoint {
    /// Takes sessions on this socket from now on, in tasks of the runtime that it is called in.
    pub fn start(socket: UdpSocket, identity: &Identity, web: Arc<Web>, service: Service) -> Result<Self> {
        let mut server = quinn::ServerConfig::with_crypto(Arc::new(identity.tls()?));
        server
            .transport_config(Arc::new(transport(Arc::new(SetByFql))))
            .max_incoming(MOST_HANDSHAKES)
            .incoming_buffer_size(16 << 10)
            .incoming_buffer_size_total(1 << 20);
        socket.set_nonblocking(true)?;
        let config = quinn::EndpointConfig::default();
        let quic = quinn::Endpoint::new(config, Some(server), socket, Arc::new(TokioRuntime))
            .context("QUIC cannot begin")?;
        tokio::spawn(accept(quic.clone(), web, service));
        Ok(Self { quic })
    }

    /// The address that it takes sessions on.
    pub fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.quic.local_addr()
    }

    /// Ends what is left, and waits a moment until browsers have heard it.
    pub async fn end(&self) {
        self.quic.close(VarInt::from_u32(0), b"the server ends");
        // Who has not heard it by then sees the silence.
        let _ = tokio::time::timeout(GOODBYE, self.quic.wait_idle()).await;
    }
}

/// How connections are set up. `congestion` is [`SetByFql`], but where others are compared with it.
pub fn transport(congestion: Arc<dyn ControllerFactory + Send + Sync>) -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .congestion_controller_factory(congestion)
        .max_idle_timeout(IdleTimeout::try_from(IDLE).ok())
        .initial_rtt(ASSUMED_ROUND_TRIP)
        .max_concurrent_bidi_streams(REQUESTS.into())
        .max_concurrent_uni_streams(CONTROL_STREAMS.into())
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window(ALL_STREAMS_WINDOW.into())
        .send_window(u64::from(ALL_STREAMS_WINDOW))
        .datagram_receive_buffer_size(Some(RECEIVE_BUFFER))
        .datagram_send_buffer_size(SEND_BUFFER)
        // Datagrams of 1,120 bytes fit into the packets that every path carries; larger ones are of no use.
        .mtu_discovery_config(None);
    transport
}

async fn accept(quic: quinn::Endpoint, web: Arc<Web>, service: Service) {
    let handshakes = Places::new(MOST_HANDSHAKES);
    while let Some(incoming) = quic.accept().await {
        if handshakes.taken() >= CAREFUL_FROM && !incoming.remote_address_validated() {
            // It fails only for an address that is validated.
            let _ = incoming.retry();
            continue;
        }
        let Some(handshake) = handshakes.take(incoming.remote_address().host()) else {
            incoming.refuse();
            continue;
        };
        tokio::spawn(serve(incoming, handshake, Arc::clone(&web), service.clone()));
    }
}

/// One browser, from its first packet on.
async fn serve(incoming: Incoming, handshake: Place, web: Arc<Web>, service: Service) {
    let begun = tokio::time::timeout(HANDSHAKE, begin(incoming, &web, &service)).await;
    drop(handshake);
    if let Ok(Some((session, connection))) = begun {
        let (code, reason) = carry(&session, connection).await;
        tracing::debug!(code, reason, "a WebTransport session is closed");
        session.close(code.into(), reason.as_bytes());
    }
}

/// Takes a browser's request, or answers why not.
async fn begin(
    incoming: Incoming,
    web: &Arc<Web>,
    service: &Service,
) -> Option<(wtransport::Connection, Connection)> {
    let request = IncomingSessionFuture::with_quic_incoming(incoming).await;
    let request = request.inspect_err(|error| tracing::debug!(%error, "no WebTransport session")).ok()?;
    // Any page may ask, whatever its origin: what is watched this way is public, and no cookie counts here.
    if !is_of_a_stream(&request, service) {
        request.not_found().await;
        return None;
    }
    let Some(connection) = web.connect(Carrier::WebTransport, request.remote_address()) else {
        request.too_many_requests().await;
        return None;
    };
    Some((request.accept().await.ok()?, connection))
}

/// Whether the request is for `/play/{playback ID}` of a stream that there is.
fn is_of_a_stream(request: &SessionRequest, service: &Service) -> bool {
    let path = request.path().split('?').next().unwrap_or_default();
    let playback_id = path.strip_prefix("/play/");
    playback_id.is_some_and(|id| service.directory().by_playback_id(id).is_some())
}

/// Carries datagrams until one side ends it; gives what to tell the other.
async fn carry(session: &wtransport::Connection, mut connection: Connection) -> (u32, &'static str) {
    let silence = tokio::time::sleep(SILENCE);
    tokio::pin!(silence);
    loop {
        tokio::select! {
            biased;
            datagram = session.receive_datagram() => match datagram {
                Ok(datagram) if datagram.len() > LARGEST => return (1, "a datagram has 2048 bytes at most"),
                Ok(datagram) => {
                    silence.as_mut().reset(tokio::time::Instant::now() + SILENCE);
                    connection.take(datagram.payload());
                }
                Err(_) => return (0, "goodbye"),
            },
            next = connection.next() => match next {
                Next::Send(datagram) => send(session, &datagram),
                Next::End => {
                    last_words(session).await;
                    return (0, "the server ends");
                }
            },
            () = &mut silence => return (2, "nothing came for too long"),
        }
    }
}

fn send(session: &wtransport::Connection, datagram: &Bytes) {
    let room = session.quic_connection().datagram_send_buffer_space();
    // QUIC would drop an older one for it, and not say so.
    let lost = room < datagram.len() + 8 || session.send_datagram(datagram).is_err();
    count_lost(Carrier::WebTransport, "out", u64::from(lost));
}

/// Waits until all that was sent is with the system, and a moment more: what a browser has not read when it hears that
/// the connection is closed it does not read any more.
async fn last_words(session: &wtransport::Connection) {
    let empty = async {
        while session.quic_connection().datagram_send_buffer_space() < SEND_BUFFER {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let _ = tokio::time::timeout(LAST_WORDS, empty).await;
    let _ = tokio::time::timeout(LAST_WORDS, session.closed()).await;
}
