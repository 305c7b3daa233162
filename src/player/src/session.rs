use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use fql_transport::{EndReason, PublicKey, Receiver, ReceiverConfig, ReceiverEvent, Seed, Time, View};
use fql_unit::encoded::Chain;
use fql_unit::{Timing, TrackTable, Unit};

use crate::{Error, describe};

/// A page should not hold more: some seconds of the fastest stream that a browser decodes.
const MAX_BYTES: usize = 32 << 20;
/// How long before its presentation an incomplete unit is given up. It has to be decoded and drawn.
const DECODE_TIME: Duration = Duration::from_millis(60);

/// How a viewing session is set up.
#[derive(Clone)]
pub struct ViewOptions {
    /// What the server has to show that it is.
    pub server: PublicKey,
    /// What is to be seen, 1 to 64 bytes.
    pub playback_id: String,
    /// What shows that the viewer may, at most 512 bytes.
    pub token: Option<String>,
    /// From the arrival of the fastest datagram to presentation, 20 ms to 10 s.
    pub latency: Duration,
    /// The highest layer that is wanted, 0 to 14.
    pub max_layer: u8,
}

/// A session with a server that sends a stream.
pub struct ViewingSession {
    /// There is one way to the server, so no address is needed.
    receiver: Receiver<()>,
    tracks: TrackTable,
    /// For each encoded track, what of it can be decoded after what was lost.
    chains: BTreeMap<u8, Chain>,
}

/// What happened in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// The server answered, and shows that it is the one that was asked for.
    Started,
    /// The tracks of the stream, as JSON.
    Tracks(Vec<u8>),
    /// A unit in layers: the bytes of [`Unit::to_bytes`].
    Unit(Arrival),
    /// A unit that another encoder made: the bytes of its access unit.
    Encoded(Arrival),
    /// The stream was paused, or goes on.
    Paused(bool),
    /// The session is over.
    Ended(EndReason),
}

/// Media that came, complete or in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The track.
    pub track: u8,
    /// Layers that are complete in every slice.
    pub layers: u8,
    /// Whether a viewer can join here.
    pub is_key: bool,
    /// How many of the lowest layers later units are predicted from; 0 where they are from none.
    pub reference_layers: u8,
    /// When it is to be presented, on the caller's clock.
    pub due: Time,
    /// Its timing on the sender's clock.
    pub timing: Timing,
    /// Units of the track just before this one of which nothing came.
    pub lost: u64,
    /// The media.
    pub bytes: Bytes,
}

impl ViewingSession {
    /// A session that asks for a stream. `seed` must be random bytes that are used nowhere else.
    pub fn new(options: ViewOptions, seed: [u8; 32], now: Time) -> Result<Self, Error> {
        let config = ReceiverConfig {
            latency: options.latency,
            decode_time: DECODE_TIME,
            max_layer: options.max_layer,
            max_bytes: MAX_BYTES,
            ..ReceiverConfig::default()
        };
        let view = View { server: options.server, playback_id: options.playback_id, token: options.token };
        let receiver = Receiver::viewing(config, view, (), Seed::from_bytes(seed), now)?;
        Ok(Self { receiver, tracks: TrackTable::default(), chains: BTreeMap::new() })
    }

    /// Takes a datagram. Whatever its bytes are, it is used or counted.
    pub fn handle_datagram(&mut self, now: Time, datagram: &[u8]) {
        self.receiver.handle_datagram(now, (), datagram);
    }

    /// The next datagram to send now.
    pub fn poll_transmit(&mut self, now: Time) -> Option<Bytes> {
        self.receiver.poll_transmit(now).map(|((), datagram)| datagram)
    }

    /// When [`ViewingSession::poll_transmit`] and [`ViewingSession::poll`] should be called next, if nothing comes.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.receiver.poll_timeout()
    }

    /// What happened since the last call.
    pub fn poll(&mut self) -> Option<Happening> {
        loop {
            let event = self.receiver.poll_event()?;
            if let Some(happening) = self.translate(event) {
                return Some(happening);
            }
        }
    }

    fn translate(&mut self, event: ReceiverEvent) -> Option<Happening> {
        match event {
            ReceiverEvent::Started { .. } => Some(Happening::Started),
            ReceiverEvent::Tracks(tracks) => {
                self.set_tracks(tracks);
                Some(Happening::Tracks(describe::tracks(&self.tracks)))
            }
            ReceiverEvent::Unit { track, timing, unit, due, lost, .. } => {
                self.arrival(track, timing, &unit, due, lost)
            }
            ReceiverEvent::Paused(paused) => Some(Happening::Paused(paused)),
            ReceiverEvent::Ended { reason } => Some(Happening::Ended(reason)),
            _ => None,
        }
    }

    fn set_tracks(&mut self, tracks: TrackTable) {
        let mut before = std::mem::take(&mut self.chains);
        for track in tracks.tracks() {
            let is_same = self.tracks.get(track.id) == Some(track);
            let chain = before.remove(&track.id).filter(|_| is_same).or_else(|| Chain::of(&track.media));
            self.chains.extend(chain.map(|chain| (track.id, chain)));
        }
        self.tracks = tracks;
    }

    fn arrival(&mut self, track: u8, timing: Timing, unit: &Unit, due: Time, lost: u64) -> Option<Happening> {
        self.tracks.get(track)?;
        let (layers, is_key) = (unit.complete_layers_everywhere(), unit.flags.key);
        let reference_layers = unit.reference_layers();
        let arrival = |due, timing, bytes| Arrival {
            track,
            layers,
            is_key,
            reference_layers,
            due,
            timing,
            lost,
            bytes,
        };
        let Some(chain) = self.chains.get_mut(&track) else {
            return Some(Happening::Unit(arrival(due, timing, unit.to_bytes().into())));
        };
        // Its times so far are those of decoding.
        let usable = chain.take(unit, lost, timing.pts)?;
        let composition = usable.composition.unwrap_or(0);
        let due = Time::from_nanos(due.as_nanos().saturating_add_signed(composition));
        let timing = Timing { pts: timing.pts.saturating_add_signed(composition), ..timing };
        Some(Happening::Encoded(arrival(due, timing, usable.data)))
    }

    /// Changes the highest layer that is wanted: the server does not send those above.
    pub fn set_max_layer(&mut self, max_layer: u8) {
        self.receiver.set_max_layer(max_layer);
    }

    /// What came and what became of it, as JSON.
    pub fn stats(&self, now: Time) -> Vec<u8> {
        describe::stats(&self.receiver.stats(now), &self.tracks)
    }

    /// Ends the session: what [`ViewingSession::poll_transmit`] gives then says goodbye.
    pub fn close(&mut self, now: Time) {
        self.receiver.close(now);
    }
}
