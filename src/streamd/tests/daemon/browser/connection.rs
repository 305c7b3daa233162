use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::BASE64;
use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::{self, Message, protocol::CloseFrame};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, client_async, connect_async};
use wtransport::tls::Sha256Digest;
use wtransport::{ClientConfig, Endpoint};

/// A connection as browsers have them. Each message of it is a datagram.
pub enum Connection {
    /// With datagrams.
    WebTransport(wtransport::Connection),
    /// With messages.
    WebSocket(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>),
}

/// How the daemon ended a connection: the code and the reason, as far as it told them.
pub type Ended = Option<(u64, String)>;

impl Connection {
    /// Connects to one of the sources that `/play` names. The daemon's certificate has to have one of the hashes there.
    pub async fn open(source: &Value) -> Result<Self, String> {
        let uri = source["uri"].as_str().expect("a source has one");
        match source["protocol"].as_str() {
            Some("webtransport") => Self::webtransport(uri, &source["certificateHashes"]).await,
            Some("websocket") => Self::websocket(uri).await,
            _ => panic!("no browser plays {source}"),
        }
    }

    /// A WebTransport session with a daemon whose certificate this one in PEM vouches for.
    pub async fn trusting(pem: &str, uri: &str) -> Result<Self, String> {
        let mut roots = rustls::RootCertStore::empty();
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).expect("it is a certificate");
        roots.add(certificate).expect("it can be trusted");
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("it is built in")
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"h3".to_vec()];
        let local = (Ipv4Addr::LOCALHOST, 0).into();
        Self::by(ClientConfig::builder().with_bind_address(local).with_custom_tls(tls).build(), uri).await
    }

    async fn webtransport(uri: &str, hashes: &Value) -> Result<Self, String> {
        let digest = |hash: &Value| {
            let bytes = BASE64.decode(hash.as_str().unwrap_or_default().as_bytes()).ok();
            Sha256Digest::new(bytes.and_then(|bytes| bytes.try_into().ok()).expect("it is a SHA-256"))
        };
        let hashes: Vec<_> = hashes.as_array().expect("it is self-signed").iter().map(digest).collect();
        let config = ClientConfig::builder()
            .with_bind_address((Ipv4Addr::LOCALHOST, 0).into())
            .with_server_certificate_hashes(hashes)
            .max_idle_timeout(Some(Duration::from_secs(30)))
            .expect("it is a time")
            .build();
        Self::by(config, uri).await
    }

    async fn by(config: ClientConfig, uri: &str) -> Result<Self, String> {
        let endpoint = Endpoint::client(config).map_err(|error| error.to_string())?;
        let session = endpoint.connect(uri).await.map_err(|error| error.to_string())?;
        Ok(Self::WebTransport(session))
    }

    async fn websocket(uri: &str) -> Result<Self, String> {
        let (socket, _) = connect_async(uri).await.map_err(|error| error.to_string())?;
        Ok(Self::WebSocket(Box::new(socket)))
    }

    /// A WebSocket over TCP that takes a few kilobytes at a time.
    pub async fn narrow(source: &Value) -> Self {
        let uri = source["uri"].as_str().expect("a source has one");
        let authority = uri.strip_prefix("ws://").and_then(|rest| rest.split('/').next());
        let socket = TcpSocket::new_v4().expect("there is IPv4");
        socket.set_recv_buffer_size(4096).expect("it can be small");
        let address = authority.and_then(|text| text.parse().ok()).expect("it is an address");
        let stream = socket.connect(address).await.expect("the daemon listens");
        let (socket, _) = client_async(uri, MaybeTlsStream::Plain(stream)).await.expect("it is taken");
        Self::WebSocket(Box::new(socket))
    }

    /// Sends text, where that is possible.
    pub async fn send_text(&mut self, text: &str) {
        if let Self::WebSocket(socket) = self {
            socket.send(Message::text(text)).await.expect("the connection is there");
        }
    }

    /// Sends a datagram.
    pub async fn send(&mut self, datagram: Bytes) {
        // A connection that is over tells so when it is read.
        match self {
            Self::WebTransport(session) => drop(session.send_datagram(datagram)),
            Self::WebSocket(socket) => drop(socket.send(Message::Binary(datagram)).await),
        }
    }

    /// The next datagram, or how the daemon ended the connection.
    pub async fn receive(&mut self) -> Result<Bytes, Ended> {
        match self {
            Self::WebTransport(session) => match session.receive_datagram().await {
                Ok(datagram) => Ok(datagram.payload()),
                Err(wtransport::error::ConnectionError::ApplicationClosed(close)) => {
                    let reason = String::from_utf8_lossy(close.reason()).into_owned();
                    Err(Some((close.code().into_inner(), reason)))
                }
                Err(_) => Err(None),
            },
            Self::WebSocket(socket) => loop {
                match socket.next().await {
                    Some(Ok(Message::Binary(datagram))) => return Ok(datagram),
                    Some(Ok(Message::Close(close))) => return Err(close.map(close_of)),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return Err(None),
                }
            },
        }
    }

    /// How the daemon ends it, whatever comes before.
    pub async fn ended(&mut self) -> Ended {
        loop {
            if let Err(ended) = self.receive().await {
                return ended;
            }
        }
    }
}

fn close_of(close: CloseFrame) -> (u64, String) {
    (u16::from(close.code).into(), close.reason.to_string())
}

/// What the daemon answers to a request for a WebSocket that it does not take.
pub async fn refused(uri: &str) -> u16 {
    match connect_async(uri).await {
        Err(tungstenite::Error::Http(answer)) => answer.status().as_u16(),
        other => panic!("{uri} is not refused by HTTP: {:?}", other.map(|_| ())),
    }
}
