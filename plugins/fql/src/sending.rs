//! The session that the pads of a sender share: from what they say of their tracks and units to the network.

use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fql_transport::{Error, Fec, Seed, Sender, SenderConfig, StreamKey, UtcOffset};
use fql_unit::{Media, Timing, TrackTable, Unit};

use crate::acknowledgement::Acknowledgement;
use crate::caps;
use crate::net::{self, Address, Keys, Notify, Outgoing, OutgoingNotice, Waited};
use crate::network::Network;
use crate::sent::Sent;
use crate::settings::{passphrase, stream_key};
use crate::tracks::Tracks;

/// Bytes of UDP and IP headers of a datagram over IPv4.
pub const IPV4_HEADERS: usize = 28;
/// The same over IPv6.
pub const IPV6_HEADERS: usize = 48;

/// The least bound of the rate on the wire, in kbit/s.
const MIN_MAX_BITRATE: u32 = 16;

/// How long before the pipeline ran units may have times, in nanoseconds: pictures that are decoded in another order
/// than they are presented in have decoding times before the first presentation time.
const BEFORE_START: u64 = 10_000_000_000;

/// What a sender can be told.
#[derive(Clone)]
pub struct Settings {
    /// Where to: `udp://host:port/name`.
    pub uri: String,
    /// What the receiver has too; empty where anybody may hear.
    pub passphrase: String,
    /// The file that holds it instead; empty for none.
    pub passphrase_file: String,
    /// The stream key, where the receiver is a server; empty for none.
    pub stream_key: String,
    /// The file that holds it instead; empty for none.
    pub stream_key_file: String,
    /// Whether nothing comes back.
    pub one_way: bool,
    /// The error correction as it was written; empty for the default of the mode.
    pub fec: String,
    /// The most bytes of a datagram.
    pub mtu: u32,
    /// The most kbit/s on the wire; 0 for no bound.
    pub max_bitrate: u32,
    /// Whether the rate follows what the link carries.
    pub congestion_control: bool,
    /// What the socket is to be like.
    pub network: Network,
    /// How long the start waits for the receiver, in milliseconds.
    pub connect_timeout: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            uri: "udp://127.0.0.1:4242".into(),
            passphrase: String::new(),
            passphrase_file: String::new(),
            stream_key: String::new(),
            stream_key_file: String::new(),
            one_way: false,
            fec: String::new(),
            mtu: 1120,
            max_bitrate: 0,
            congestion_control: true,
            network: Network::default(),
            connect_timeout: 3000,
        }
    }
}

impl Settings {
    /// The error correction; `None` for the default of the mode.
    pub fn fec(&self) -> Result<Option<Fec>, String> {
        match self.fec.as_str() {
            "" => Ok(None),
            setting => Fec::from_str(setting).map(Some).map_err(|err| err.to_string()),
        }
    }

    /// Whether there is a passphrase to the stream.
    pub fn has_passphrase(&self) -> bool {
        !self.passphrase.is_empty() || !self.passphrase_file.is_empty()
    }

    /// Whether the stream goes to a server that knows its key.
    pub fn has_stream_key(&self) -> bool {
        !self.stream_key.is_empty() || !self.stream_key_file.is_empty()
    }

    fn credentials(&self) -> Result<Credentials, String> {
        if !self.has_stream_key() {
            return passphrase(&self.passphrase, &self.passphrase_file).map(Credentials::Passphrase);
        }
        if self.has_passphrase() {
            return Err(
                "a passphrase and a stream key are both set: a server takes the stream key alone".into()
            );
        }
        if self.one_way {
            return Err(Error::OneWayStreamKey.to_string());
        }
        let text = stream_key(&self.stream_key, &self.stream_key_file)?;
        StreamKey::parse(&text).map(Credentials::StreamKey).map_err(|err| err.to_string())
    }

    fn may_wait(&self) -> bool {
        !self.one_way && self.connect_timeout > 0
    }

    /// The bound of the rate on the wire in bit/s.
    pub fn max_bits_per_second(&self) -> Result<Option<u64>, String> {
        match self.max_bitrate {
            0 => Ok(None),
            1..MIN_MAX_BITRATE => {
                Err(format!("max-bitrate is {} kbit/s, it must be 0 or at least 16", self.max_bitrate))
            }
            kbit => Ok(Some(u64::from(kbit) * 1000)),
        }
    }
}

/// What shows who may send.
enum Credentials {
    Passphrase(String),
    StreamKey(StreamKey),
}

impl Credentials {
    /// The configuration with this key; slow for a passphrase.
    fn config(&self, keys: &Keys) -> Result<SenderConfig, Error> {
        match self {
            Self::Passphrase(passphrase) => Ok(SenderConfig::new(keys.get(passphrase)?)),
            Self::StreamKey(stream_key) => Ok(SenderConfig::publishing(stream_key)),
        }
    }
}

/// When a unit was captured.
pub struct Moment {
    /// The clock time at which it is to be presented (or, where that differs, decoded).
    pub time: gst::ClockTime,
    /// The clock time at which the pipeline began to run.
    pub base_time: gst::ClockTime,
    /// How long it lasts, where that is known.
    pub duration: Option<gst::ClockTime>,
    /// How many nanoseconds UTC is ahead of clock times, where that is known.
    pub utc_ahead: Option<i64>,
}

/// The session of a sender, started and stopped with it.
#[derive(Default)]
pub struct Sending {
    keys: Arc<Keys>,
    state: Mutex<State>,
    /// Of the running session. Held while a unit is given to it, so that nobody speaks of one that is not here yet.
    sent: Mutex<Sent>,
}

#[derive(Default)]
struct State {
    running: Option<Arc<Running>>,
    /// How to start again after the end of a stream.
    restart: Option<Restart>,
    tracks: Tracks,
    /// The clock time in nanoseconds that is the zero of the session's timestamps.
    epoch: Option<u64>,
    /// Whether the start has not waited for its receiver yet.
    may_wait: bool,
    waits_for: Duration,
    name: String,
    warned: bool,
}

struct Running {
    outgoing: Outgoing,
    local: Option<SocketAddr>,
}

#[derive(Clone)]
struct Restart {
    settings: Settings,
    notify: Arc<dyn Fn(OutgoingNotice) + Send + Sync>,
}

impl Sending {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sent(&self) -> MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> Option<Arc<Running>> {
        self.lock().running.clone()
    }

    /// Opens the socket and starts the session, which derives its key and looks for its receiver on its own
    /// threads.
    pub fn start(
        &self,
        settings: &Settings,
        notify: Arc<dyn Fn(OutgoingNotice) + Send + Sync>,
    ) -> Result<(), String> {
        let address: Address = settings.uri.parse().map_err(|err: net::AddressError| err.to_string())?;
        let running = self.open(settings, &address, notify.clone())?;
        self.sent().clear();
        let mut state = self.lock();
        state.running = Some(Arc::new(running));
        state.restart = Some(Restart { settings: settings.clone(), notify });
        state.may_wait = settings.may_wait();
        state.waits_for = Duration::from_millis(settings.connect_timeout.into());
        state.name = address.name;
        state.warned = false;
        Ok(())
    }

    fn open(
        &self,
        settings: &Settings,
        address: &Address,
        notify: Arc<dyn Fn(OutgoingNotice) + Send + Sync>,
    ) -> Result<Running, String> {
        let remote = address.resolve(settings.network.local()?).map_err(|err| err.to_string())?;
        if remote.ip().is_multicast() && !settings.one_way {
            return Err(format!(
                "{remote} is a multicast group, from which no answer comes: set one-way=true"
            ));
        }
        let options = settings.network.options(address, remote.ip())?;
        let socket = net::open(remote, &options)
            .map_err(|err| format!("a socket that sends to {remote} cannot be opened: {err}"))?;
        let local = socket.local_addr().ok();

        let (keys, fec) = (self.keys.clone(), settings.fec()?);
        let credentials = settings.credentials()?;
        let (one_way, mtu) = (settings.one_way, settings.mtu as usize);
        let max_bitrate = settings.max_bits_per_second()?;
        let header_bytes = if remote.is_ipv6() { IPV6_HEADERS } else { IPV4_HEADERS };
        let congestion_control = settings.congestion_control;
        let make = move |now| {
            let defaults = SenderConfig { congestion_control, ..credentials.config(&keys)? };
            let config = SenderConfig { one_way, fec, mtu, max_bitrate, header_bytes, ..defaults };
            Sender::new(config, Seed::from_os()?, now)
        };
        let notify: Notify<OutgoingNotice> = Box::new(move |notice| notify(notice));
        let outgoing = Outgoing::start(socket, remote, !one_way, Box::new(make), notify)
            .map_err(|err| format!("the threads of the session cannot be started: {err}"))?;
        Ok(Running { outgoing, local })
    }

    /// Says goodbye and ends the session.
    pub fn stop(&self) {
        let running = {
            let mut state = self.lock();
            state.restart = None;
            state.tracks.reset();
            state.epoch = None;
            state.running.take()
        };
        // Its threads are joined here, without the lock that they may want.
        drop(running);
    }

    /// A pad's caps. Gives what its track is, and how many layers it has.
    pub fn describe(&self, id: u8, caps: &gst::CapsRef) -> Result<(Media, u8), String> {
        let (media, layers) = caps::to_media(caps).map_err(|err| err.to_string())?;
        let announcement = {
            let mut state = self.lock();
            let name = state.name.clone();
            state.tracks.describe(id, &name, media.clone(), layers).map_err(|err| err.to_string())?
        };
        self.announce(announcement);
        Ok((media, layers))
    }

    /// A pad is gone.
    pub fn remove(&self, id: u8) {
        self.sent().remove(id);
        // What remains of a valid table is valid.
        let announcement = self.lock().tracks.remove(id).unwrap_or_default();
        self.announce(announcement);
    }

    fn announce(&self, table: Option<TrackTable>) {
        if let (Some(table), Some(running)) = (table, self.running()) {
            running.outgoing.set_tracks(table);
        }
    }

    /// Whether the start should still wait for the receiver.
    pub fn wants_to_wait(&self) -> bool {
        self.lock().may_wait
    }

    /// Waits for the receiver, once a start and not for ever.
    pub fn wait_for_receiver(&self) -> Waited {
        let (running, timeout) = {
            let state = self.lock();
            (state.running.clone(), state.waits_for)
        };
        let Some(running) = running else { return Waited::Released };
        let waited = running.outgoing.wait_connected(timeout);
        if waited != Waited::Released {
            self.lock().may_wait = false;
        }
        waited
    }

    /// Ends all waits (or allows new ones).
    pub fn release_waits(&self, released: bool) {
        if let Some(running) = self.running() {
            running.outgoing.release_waits(released);
        }
    }

    /// Sends a unit of this moment.
    pub fn push(&self, id: u8, moment: &Moment, unit: &Unit) -> Result<(), String> {
        let (running, announcement, epoch) = {
            let mut state = self.lock();
            // Before anything is sent, so that nothing is earlier than it.
            let epoch = *state.epoch.get_or_insert(moment.base_time.nseconds().saturating_sub(BEFORE_START));
            let announcement = state.tracks.begin().map_err(|err| err.to_string())?;
            (state.running.clone(), announcement, epoch)
        };
        self.announce(announcement);
        let Some(running) = running else { return Ok(()) };
        if let Some(offset) = moment.utc_ahead.and_then(|ahead| ahead.checked_add_unsigned(epoch)) {
            running.outgoing.set_utc(id, UtcOffset::from_nanos(offset));
        }
        let pts = moment.time.nseconds().saturating_sub(epoch);
        let timing = Timing { pts, duration: moment.duration.map_or(0, gst::ClockTime::nseconds) };
        let running_time = moment.time.saturating_sub(moment.base_time);
        let mut sent = self.sent();
        let number = running.outgoing.push(id, timing, unit).map_err(|err| err.to_string())?;
        // Only who predicts from a unit wants to know what became of it.
        if let Some(number) = number.filter(|_| unit.reference_layers() > 0) {
            sent.push(id, number, running_time);
        }
        Ok(())
    }

    /// What the receiver has of a unit, as it is told to encoders. `None` where nobody knows which one that was.
    pub fn acknowledged(&self, id: u8, number: u64, layers: u8) -> Option<Acknowledgement> {
        let running_time = self.sent().take(id, number)?;
        Some(Acknowledgement { running_time, layers })
    }

    /// A stream that goes on after its end, as after a seek, is a new session, which looks for its receiver again.
    pub fn revive(&self) -> Result<(), String> {
        let restart = {
            let state = self.lock();
            let is_finished = state.running.as_ref().is_some_and(|running| running.outgoing.was_finished());
            state.restart.clone().filter(|_| is_finished)
        };
        let Some(Restart { settings, notify }) = restart else { return Ok(()) };
        let address: Address = settings.uri.parse().map_err(|err: net::AddressError| err.to_string())?;
        // Without the lock: name servers may take their time.
        let running = self.open(&settings, &address, notify)?;
        self.sent().clear();
        let mut state = self.lock();
        if state.restart.is_none() {
            // Stopped meanwhile.
            return Ok(());
        }
        state.may_wait = settings.may_wait();
        state.tracks.announce_again();
        state.epoch = None;
        let old = state.running.replace(Arc::new(running));
        drop(state);
        // Its threads are joined here, without the lock that they may want.
        drop(old);
        Ok(())
    }

    /// Sends what is queued, says goodbye and gives [`OutgoingNotice::Finished`]. `false` where nothing runs.
    pub fn finish(&self, within: Duration) -> bool {
        let Some(running) = self.running().filter(|running| !running.outgoing.is_over()) else {
            return false;
        };
        running.outgoing.finish(within);
        true
    }

    /// Changes the error correction of the running session; one for the next starts is set as well.
    pub fn set_fec(&self, settings: &Settings) -> Result<(), String> {
        let fec = settings.fec()?.unwrap_or_default();
        self.keep(|kept| kept.fec.clone_from(&settings.fec));
        if let Some(running) = self.running() {
            running.outgoing.set_fec(fec);
        }
        Ok(())
    }

    /// Changes the bound of the rate on the wire of the running session, and of those after it.
    pub fn set_max_bitrate(&self, settings: &Settings) -> Result<(), String> {
        let bits_per_second = settings.max_bits_per_second()?;
        self.keep(|kept| kept.max_bitrate = settings.max_bitrate);
        match self.running() {
            Some(running) => running.outgoing.set_max_bitrate(bits_per_second).map_err(|err| err.to_string()),
            None => Ok(()),
        }
    }

    fn keep(&self, change: impl FnOnce(&mut Settings)) {
        if let Some(restart) = &mut self.lock().restart {
            change(&mut restart.settings);
        }
    }

    /// Whether this is the first time since the start that something is to be warned of.
    pub fn warn_once(&self) -> bool {
        !std::mem::replace(&mut self.lock().warned, true)
    }

    /// What the session did so far.
    pub fn stats(&self) -> gst::Structure {
        match self.running() {
            Some(running) => crate::stats::of_sender(running.outgoing.stats().as_ref(), running.local),
            None => crate::stats::of_sender(None, None),
        }
    }
}
