//! What a receiver can be told, and its session from that.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use fql_transport::{Receiver, ReceiverConfig, Seed, Time, View};
use fql_unit::MAX_LAYERS;

use crate::net::{self, Address, Incoming, IncomingNotice, Keys, MakeReceiver, Notify, Play};
use crate::network::Network;
use crate::sending::{IPV4_HEADERS, IPV6_HEADERS};
use crate::settings::passphrase;

/// What a receiver can be told.
#[derive(Clone)]
pub struct Settings {
    /// Where to listen, `udp://address:port`, or what to ask which server for,
    /// `fql://host:port/play/<playback ID>?server-key=...`.
    pub uri: String,
    /// What the sender has too; empty where anybody may send.
    pub passphrase: String,
    /// The file that holds it instead; empty for none.
    pub passphrase_file: String,
    /// The server's API, which knows its key; empty where the address has it.
    pub api_url: String,
    /// What a server is shown; empty for nothing.
    pub token: String,
    /// From arrival to presentation, in milliseconds.
    pub latency: u32,
    /// The highest layer to receive.
    pub max_layer: u8,
    /// What the socket is to be like.
    pub network: Network,
    /// Whether the sender's goodbye is the end of the stream here.
    pub eos_on_goodbye: bool,
    /// Whether buffers come with the sender's UTC.
    pub add_reference_timestamp_meta: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            uri: "udp://0.0.0.0:4242".into(),
            passphrase: String::new(),
            passphrase_file: String::new(),
            api_url: String::new(),
            token: String::new(),
            latency: 120,
            max_layer: MAX_LAYERS - 1,
            network: Network::default(),
            eos_on_goodbye: true,
            add_reference_timestamp_meta: true,
        }
    }
}

/// A running session, and its address here.
pub struct Receiving {
    /// The session and its threads.
    pub incoming: Incoming,
    /// Where it listens, or asks from.
    pub local: Option<SocketAddr>,
}

/// A session that is ready to start.
pub struct Opened {
    socket: UdpSocket,
    make: MakeReceiver,
}

impl Settings {
    /// Whether a server is asked, and not a sender waited for.
    pub fn asks(&self) -> bool {
        self.uri.split_once("://").is_some_and(|(scheme, _)| scheme == net::PLAY_SCHEME)
    }

    /// Whether there is a passphrase to the stream.
    pub fn has_passphrase(&self) -> bool {
        !self.passphrase.is_empty() || !self.passphrase_file.is_empty()
    }

    /// Opens the socket. May have to wait for name servers.
    pub fn open(&self, keys: Arc<Keys>) -> Result<Opened, String> {
        if self.asks() { self.open_asking() } else { self.open_listening(keys) }
    }

    /// To wait for senders.
    fn open_listening(&self, keys: Arc<Keys>) -> Result<Opened, String> {
        let address: Address = self.uri.parse().map_err(|err: net::AddressError| err.to_string())?;
        let local = address.resolve(self.network.local()?).map_err(|err| err.to_string())?;
        let options = self.network.options(&address, local.ip())?;
        let socket = net::listen(local, &options)
            .map_err(|err| format!("a socket cannot be opened on {local}: {err}"))?;
        let passphrase = passphrase(&self.passphrase, &self.passphrase_file)?;
        let config = self.config(local);
        let make = move |_: &dyn Fn() -> bool| {
            let config = ReceiverConfig { key: Some(keys.get(&passphrase)?), ..config };
            Ok(Receiver::new(config, Seed::from_os()?)?)
        };
        Ok(Opened { socket, make: Box::new(make) })
    }

    /// To ask a server.
    fn open_asking(&self) -> Result<Opened, String> {
        let play: Play = self.uri.parse().map_err(|err: net::PlayError| err.to_string())?;
        if self.has_passphrase() {
            return Err(
                "a server is not asked with a passphrase; a stream that asks for something takes a token"
                    .into(),
            );
        }
        if play.server_key.is_none() && self.api_url.is_empty() {
            return Err(format!(
                "the address {} has no server-key: add ?server-key=... or set api-url",
                self.uri
            ));
        }
        let remote = play.server.resolve(self.network.local()?).map_err(|err| err.to_string())?;
        let options = self.network.options(&play.server, remote.ip())?;
        let socket = net::ask(remote, &options)
            .map_err(|err| format!("a socket that sends to {remote} cannot be opened: {err}"))?;
        let (config, api_url, token) = (self.config(remote), self.api_url.clone(), self.token.clone());
        let make = move |is_wanted: &dyn Fn() -> bool| {
            let server = match play.server_key {
                Some(key) => key,
                None => net::server_key(&api_url, &play.playback_id, is_wanted)?,
            };
            let token = Some(token).filter(|token| !token.is_empty());
            let view = View { server, playback_id: play.playback_id, token };
            Ok(Receiver::viewing(config, view, remote, Seed::from_os()?, now())?)
        };
        Ok(Opened { socket, make: Box::new(make) })
    }

    fn config(&self, address: SocketAddr) -> ReceiverConfig {
        ReceiverConfig {
            latency: Duration::from_millis(self.latency.into()),
            max_layer: self.max_layer,
            header_bytes: if address.is_ipv6() { IPV6_HEADERS } else { IPV4_HEADERS },
            ..ReceiverConfig::default()
        }
    }
}

impl Opened {
    /// Starts the session, which gets its key on a thread of its own.
    pub fn start(self, notify: Notify<IncomingNotice>) -> Result<Receiving, String> {
        let local = self.socket.local_addr().ok();
        let incoming = Incoming::start(self.socket, Box::new(now), self.make, notify)
            .map_err(|err| format!("the threads of the session cannot be started: {err}"))?;
        Ok(Receiving { incoming, local })
    }
}

/// The session's time: that of the system clock of GStreamer.
pub fn now() -> Time {
    use gst::prelude::*;
    Time::from_nanos(gst::SystemClock::obtain().time().nseconds())
}
