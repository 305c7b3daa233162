//! What a receiver can be told, and its session from that.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fql_transport::{Receiver, ReceiverConfig, Seed, Time};
use fql_unit::MAX_LAYERS;

use crate::net::{self, Address, Incoming, IncomingNotice, Keys, Notify};
use crate::sending::{IPV4_HEADERS, IPV6_HEADERS, local_address};
use crate::settings::passphrase;

/// What a receiver can be told.
#[derive(Clone)]
pub struct Settings {
    /// Where to listen: `udp://address:port`.
    pub uri: String,
    /// What the sender has too; empty where anybody may send.
    pub passphrase: String,
    /// The file that holds it instead; empty for none.
    pub passphrase_file: String,
    /// From arrival to presentation, in milliseconds.
    pub latency: u32,
    /// The highest layer to receive.
    pub max_layer: u8,
    /// The address of the interface on which a group is joined; empty for any.
    pub bind_address: String,
    /// Bytes that the system holds for the socket; 0 for its default.
    pub buffer_size: u32,
    /// Whether the sender's goodbye is the end of the stream here.
    pub eos_on_goodbye: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            uri: "udp://0.0.0.0:4242".into(),
            passphrase: String::new(),
            passphrase_file: String::new(),
            latency: 120,
            max_layer: MAX_LAYERS - 1,
            bind_address: String::new(),
            buffer_size: 1 << 20,
            eos_on_goodbye: true,
        }
    }
}

/// A session that listens, and its address.
pub struct Receiving {
    /// The session and its threads.
    pub incoming: Incoming,
    /// Where it listens.
    pub local: Option<SocketAddr>,
}

impl Receiving {
    /// Opens the socket and starts the session, which derives its key on a thread of its own.
    pub fn start(
        settings: &Settings,
        keys: Arc<Keys>,
        notify: Notify<IncomingNotice>,
    ) -> Result<Self, String> {
        let address: Address = settings.uri.parse().map_err(|err: net::AddressError| err.to_string())?;
        let interface = local_address(&settings.bind_address)?;
        let local = address.resolve(interface).map_err(|err| err.to_string())?;
        let options = net::Options { local: interface, buffer_size: settings.buffer_size as usize };
        let socket = net::listen(local, options)
            .map_err(|err| format!("a socket cannot be opened on {local}: {err}"))?;
        let bound = socket.local_addr().ok();

        let passphrase = passphrase(&settings.passphrase, &settings.passphrase_file)?;
        let max_layer = settings.max_layer;
        let latency = Duration::from_millis(settings.latency.into());
        let header_bytes = if local.is_ipv6() { IPV6_HEADERS } else { IPV4_HEADERS };
        let make = move || {
            let defaults = ReceiverConfig::new(keys.get(&passphrase)?);
            let config = ReceiverConfig { latency, max_layer, header_bytes, ..defaults };
            Receiver::new(config, Seed::from_os()?)
        };
        let incoming = Incoming::start(socket, Box::new(now), Box::new(make), notify)
            .map_err(|err| format!("the threads of the session cannot be started: {err}"))?;
        Ok(Self { incoming, local: bound })
    }
}

/// The session's time: that of the system clock of GStreamer.
pub fn now() -> Time {
    use gst::prelude::*;
    Time::from_nanos(gst::SystemClock::obtain().time().nseconds())
}
