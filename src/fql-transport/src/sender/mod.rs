//! The sending side of a session.

mod media;
mod rate;
mod safety;
mod shards;
mod track;
mod whole;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use fql_unit::{Timing, TrackTable, Unit};

use crate::backoff::Backoff;
use crate::congestion::{Congestion, Feedback};
use crate::datagram::{self, Datagram};
use crate::handshake::{Answer, Initiator};
use crate::message::Message;
use crate::meter::Meter;
use crate::random::{Random, Seed};
use crate::report::Report;
use crate::seal::{Opener, Refused, Sealer};
use crate::session::Session;
use crate::stats::{PeerStats, Refusals, SenderStats};
use crate::table::Table;
use crate::utc::{UtcOffset, UtcOut};
use crate::{EndReason, Error, Fec, Key, KeyId, StreamKey, Time};
use media::Media;

/// Events that are kept for a caller that does not ask.
const MAX_EVENTS: usize = 1024;

/// How a sender is set up.
#[derive(Debug, Clone)]
pub struct SenderConfig {
    /// What the receiver has too.
    pub key: Key,
    /// Which stream key it is, where the receiver is a server that knows many.
    pub key_id: Option<KeyId>,
    /// Whether there is no return path: nothing is expected from the receiver, not even a handshake.
    pub one_way: bool,
    /// Forward error correction; `None` for the default, `adaptive`.
    pub fec: Option<Fec>,
    /// The most bytes of a datagram, UDP and IP headers not included, 256 to 1120.
    pub mtu: usize,
    /// The most bits a second on the wire, everything included; at least 16,000.
    pub max_bitrate: Option<u64>,
    /// Bytes of UDP and IP headers of a datagram: 28, or 48 for IPv6.
    pub header_bytes: usize,
    /// The latency budget that is assumed until a receiver names its own, 20 ms to 10 s.
    pub latency: Duration,
    /// After how much silence of the receiver the session is given up and begun anew.
    pub timeout: Duration,
    /// Whether the rate on the wire follows what the link carries, within `max_bitrate`; never one way.
    pub congestion_control: bool,
}

impl SenderConfig {
    /// The defaults with this key: two ways, the largest datagrams over IPv4, no limit to the rate but what the
    /// link carries, 120 ms, 5 s.
    pub fn new(key: Key) -> Self {
        Self {
            key,
            key_id: None,
            one_way: false,
            fec: None,
            mtu: datagram::MAX,
            max_bitrate: None,
            header_bytes: 28,
            latency: Duration::from_millis(120),
            timeout: Duration::from_secs(5),
            congestion_control: true,
        }
    }

    /// The same defaults with this stream key, to publish to a server.
    pub fn publishing(stream_key: &StreamKey) -> Self {
        Self { key_id: Some(stream_key.id()), ..Self::new(stream_key.key()) }
    }

    fn check(&self) -> Result<(), Error> {
        if self.one_way && self.key_id.is_some() {
            return Err(Error::OneWayStreamKey);
        }
        if !(datagram::MIN_MTU..=datagram::MAX).contains(&self.mtu) {
            return Err(Error::Mtu(self.mtu));
        }
        if self.max_bitrate.is_some_and(|rate| rate < MIN_BITRATE) {
            return Err(Error::MaxBitrate(self.max_bitrate.unwrap_or(0)));
        }
        crate::check_latency(self.latency)
    }
}

const MIN_BITRATE: u64 = 16_000;

/// What happened at a sender.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SenderEvent {
    /// There is a session: the receiver has answered. Units pushed before are lost.
    Connected {
        /// The receiver's latency budget.
        latency: Duration,
    },
    /// The session is over. Unless this side said goodbye or the reason is final, a new one is being tried already.
    Disconnected {
        /// Why.
        reason: EndReason,
    },
    /// How much media fits under `max_bitrate`, and the link, now: what encoders should aim at, before parity, headers and tracks
    /// without layers.
    MediaRate {
        /// Bits a second that all layered tracks may have together.
        bits_per_second: u64,
        /// Bits a second for each track that adapts, by its id: video, or sound where there is no video.
        tracks: Vec<(u8, u64)>,
        /// How much one unit may have at once, as the time in which the rate brings it: more would come too late, or
        /// in part.
        burst: Duration,
    },
    /// The receiver has delivered, or given up, a unit. Each unit is told of once at most, in order; but at once where
    /// the rate leaves no room for all of its reference layers.
    Acknowledged {
        /// The track.
        track: u8,
        /// The unit's number as [`Sender::push_unit`] gave it.
        number: u64,
        /// How many layers were complete in every slice; [`fql_unit::MAX_LAYERS`] where these are all that the receiver
        /// wants.
        layers: u8,
    },
    /// The receiver drops media because the stream is paused, or takes it again. The session stays.
    Paused(bool),
    /// Everything is sent, goodbyes included, or the receiver has ended the session for good
    /// ([`EndReason::is_final`], told before): nothing follows.
    Closed,
}

/// Units in, datagrams out.
pub struct Sender {
    config: SenderConfig,
    random: Random,
    state: State,
    media: Media,
    table: Table,
    utc: UtcOut,
    events: VecDeque<SenderEvent>,
    /// What goes out at once: an answer to a cookie, or to a goodbye.
    answer: Option<Bytes>,
    backoff: Backoff,
    /// Whether the receiver drops media.
    is_paused: bool,
    refused: Refusals,
    sessions: u64,
    datagrams: u64,
    bytes: u64,
    wire: Meter,
    peer: Option<PeerStats>,
    /// `None` where it is turned off, one way, and without a session.
    congestion: Option<Congestion>,
}

#[expect(clippy::large_enum_variant, reason = "a sender has one of them")]
enum State {
    Connecting(Box<Initiator>),
    Live(Session),
    Closed,
}

impl Sender {
    /// A sender that begins at once: with a handshake, or one way with sending.
    pub fn new(config: SenderConfig, seed: Seed, now: Time) -> Result<Self, Error> {
        config.check()?;
        let fec = config.fec.clone().unwrap_or_default();
        let mut random = Random::new(&seed);
        let media = Media::new(&config, fec, now);
        let mut events = VecDeque::new();
        let state = if config.one_way {
            events.push_back(SenderEvent::Connected { latency: config.latency });
            State::Live(one_way(&config.key, &mut random, now))
        } else {
            State::Connecting(Box::new(Initiator::publishing(&config.key, config.key_id, &mut random, now)))
        };
        Ok(Self {
            sessions: u64::from(config.one_way),
            utc: UtcOut::new(config.mtu),
            config,
            random,
            state,
            media,
            table: Table::default(),
            events,
            answer: None,
            backoff: Backoff::default(),
            is_paused: false,
            refused: Refusals::default(),
            datagrams: 0,
            bytes: 0,
            wire: Meter::default(),
            peer: None,
            congestion: None,
        })
    }

    /// Sets the tracks of the stream. A track that stays, or returns, keeps counting its units.
    pub fn set_tracks(&mut self, now: Time, tracks: TrackTable) {
        self.media.set_tracks(&tracks);
        self.table.set(now, &tracks, self.config.mtu);
        self.utc.retain(|track| tracks.get(track).is_some());
        self.tell_rate(now);
    }

    /// Says where the presentation times of a track lie in UTC: as often as that changes, as with clocks that drift.
    /// The receiver is told every second, and of leaps at once.
    pub fn set_utc(&mut self, now: Time, track: u8, offset: UtcOffset) {
        self.utc.set(now, track, offset);
    }

    /// Sends a unit, or as much of it as fits. Gives its number on its track, from 0 up. Without a session it is
    /// dropped (and counted), which is not an error: a live stream does not wait.
    pub fn push_unit(&mut self, now: Time, track: u8, timing: Timing, unit: &Unit) -> Result<u64, Error> {
        let is_live = match &self.state {
            State::Connecting(_) => false,
            State::Live(session) if !session.is_closing() => true,
            _ => return Err(Error::Closed),
        };
        self.follow_link(now);
        let (number, short) = self.media.push(now, track, timing, unit, is_live)?;
        // Where nobody answers, an encoder that was told could only make a key picture, which is larger still.
        if let Some(layers) = short.filter(|_| !self.config.one_way) {
            self.media.told(track, number);
            self.event(SenderEvent::Acknowledged { track, number, layers });
        }
        self.tell_rate(now);
        Ok(number)
    }

    /// Takes a datagram that came from the receiver. Whatever its bytes are, it is used or counted.
    pub fn handle_datagram(&mut self, now: Time, datagram: &[u8]) {
        match (Datagram::parse(datagram), &mut self.state) {
            (Ok(Datagram::Respond { initiator, noise }), State::Connecting(handshake))
                if handshake.id() == initiator =>
            {
                match handshake.answer(noise) {
                    Ok(answer) => self.connect(now, answer),
                    Err(_) => self.refused.forged += 1,
                }
            }
            (Ok(Datagram::Cookie { initiator, cookie }), State::Connecting(handshake))
                if handshake.id() == initiator =>
            {
                self.answer = handshake.take_cookie(&cookie);
            }
            // The receiver repeats its answer when our first message came twice.
            (Ok(Datagram::Respond { initiator, .. }), State::Live(session)) if session.id == initiator => {}
            (Ok(Datagram::Transport { session: id, number }), State::Live(session)) if session.id == id => {
                match session.opener.as_mut().map(|opener| opener.open(datagram, 0, number)) {
                    Some(Ok((_, body))) => {
                        session.heard = now;
                        self.handle_message(now, &body);
                    }
                    Some(Err(Refused::Replayed)) => self.refused.replayed += 1,
                    Some(Err(Refused::Forged)) => self.refused.forged += 1,
                    None => self.refused.foreign += 1,
                }
            }
            _ => self.refused.foreign += 1,
        }
    }

    fn connect(&mut self, now: Time, answer: Answer) {
        let State::Connecting(handshake) = &self.state else { return };
        let sealer = Sealer::new(&answer.keys.sealing, datagram::TRANSPORT, answer.responder);
        let opener = Opener::new(&answer.keys.opening);
        self.state = State::Live(Session::two_way(now, handshake.id(), sealer, opener));
        self.is_paused = false;
        self.sessions += 1;
        let latency = answer.latency.clamp(crate::MIN_LATENCY, crate::MAX_LATENCY);
        self.congestion = self.config.congestion_control.then(|| Congestion::new(now));
        self.follow_link(now);
        self.media.new_session(now, latency);
        self.table.resend(now);
        self.utc.resend(now);
        self.event(SenderEvent::Connected { latency });
    }

    fn handle_message(&mut self, now: Time, body: &Bytes) {
        match Message::parse(body) {
            Ok((written, Message::Report(report))) => self.handle_report(now, written, &report),
            Ok((_, Message::Goodbye(reason))) => self.handle_goodbye(now, reason),
            Ok((_, Message::Ping { .. })) => {}
            Ok(_) | Err(_) => self.refused.malformed += 1,
        }
    }

    /// The receiver ends the session, and waits to hear that this side knows.
    fn handle_goodbye(&mut self, now: Time, reason: EndReason) {
        if let State::Live(session) = &mut self.state
            && !session.is_closing()
        {
            self.answer = Some(session.say(now, &Message::Goodbye(EndReason::Goodbye)));
        }
        self.end(now, reason);
    }

    /// Lets congestion control decide what the session may send now.
    fn follow_link(&mut self, now: Time) {
        let allowed = self.congestion.as_ref().map(|congestion| congestion.rate(now));
        self.media.set_allowed(now, allowed);
    }

    /// Takes a report that was written at this time on the receiver's clock.
    fn handle_report(&mut self, now: Time, written: u32, report: &Report) {
        if std::mem::replace(&mut self.is_paused, report.paused) != report.paused {
            self.event(SenderEvent::Paused(report.paused));
        }
        let peer = PeerStats::of(now, report);
        let round_trip = peer.round_trip;
        self.peer = Some(peer);
        if let Some(congestion) = self.congestion.as_mut().filter(|_| !report.out_of_turn) {
            congestion.handle_report(now, Feedback::new(written, report, round_trip));
        }
        self.follow_link(now);
        self.table.acknowledge(report.tracks);
        let acknowledged = self.media.handle_report(now, report);
        for event in acknowledged {
            self.event(event);
        }
        self.tell_rate(now);
    }

    /// The next datagram to send now.
    pub fn poll_transmit(&mut self, now: Time) -> Option<Bytes> {
        self.expire(now);
        self.renew(now);
        let datagram = self.answer.take().or_else(|| match &mut self.state {
            State::Closed => None,
            State::Connecting(handshake) => handshake.poll_transmit(now),
            State::Live(session) => {
                let mut out = Vec::with_capacity(datagram::MAX);
                session
                    .next(now, &mut self.table, &mut self.utc, &mut self.media, &mut out)
                    .then(|| out.into())
            }
        });
        if let Some(datagram) = &datagram {
            let wire = datagram.len() + self.config.header_bytes;
            self.datagrams += 1;
            self.bytes += wire as u64;
            self.wire.add(now, wire);
            if let Some(congestion) = &mut self.congestion {
                congestion.on_sent(now, wire);
            }
        }
        if matches!(&self.state, State::Live(session) if session.is_over()) {
            self.state = State::Closed;
            self.event(SenderEvent::Closed);
        }
        datagram
    }

    /// When [`Sender::poll_transmit`] should be called next, if nothing else happens before.
    pub fn poll_timeout(&self) -> Option<Time> {
        if self.answer.is_some() {
            return Some(Time::ZERO);
        }
        match &self.state {
            State::Closed => None,
            State::Connecting(handshake) => Some(handshake.timeout()),
            State::Live(session) => session.timeout(&self.table, &self.utc, &self.media, self.config.timeout),
        }
    }

    /// What happened since the last call.
    pub fn poll_event(&mut self) -> Option<SenderEvent> {
        self.events.pop_front()
    }

    /// Changes forward error correction from the next unit on.
    pub fn set_fec(&mut self, now: Time, fec: Fec) {
        self.media.set_fec(fec);
        self.tell_rate(now);
    }

    /// Changes the most bits a second on the wire from the next unit on.
    pub fn set_max_bitrate(&mut self, now: Time, max_bitrate: Option<u64>) -> Result<(), Error> {
        let config = SenderConfig { max_bitrate, ..self.config.clone() };
        config.check()?;
        self.config = config;
        self.media.set_max_bitrate(now, max_bitrate);
        self.tell_rate(now);
        Ok(())
    }

    /// Ends the session: what is queued is still sent, then a goodbye. [`SenderEvent::Closed`] tells when all is
    /// done.
    pub fn close(&mut self, now: Time) {
        match &mut self.state {
            State::Live(session) => session.close(now, EndReason::Goodbye),
            State::Connecting(_) => {
                self.state = State::Closed;
                self.event(SenderEvent::Closed);
            }
            State::Closed => {}
        }
    }

    /// What was sent, and what the receiver reported.
    pub fn stats(&self, now: Time) -> SenderStats {
        let mut stats = SenderStats {
            connected: matches!(self.state, State::Live(_)),
            sessions: self.sessions,
            datagrams: self.datagrams,
            bytes: self.bytes,
            wire_rate: self.wire.bits_per_second(now),
            refused: self.refused,
            peer: self.peer,
            congestion: self.congestion.as_ref().map(Congestion::state),
            ..SenderStats::default()
        };
        self.media.fill_stats(now, &mut stats);
        stats
    }

    fn expire(&mut self, now: Time) {
        let State::Live(session) = &self.state else { return };
        if session.opener.is_some() && now >= session.heard + self.config.timeout {
            self.end(now, EndReason::Silence);
        }
    }

    /// Begins a one-way session anew, with another key, before its packet numbers outgrow the 32 bits that travel: a
    /// receiver that joins later could not know the rest, and so open nothing.
    fn renew(&mut self, now: Time) {
        let State::Live(session) = &mut self.state else { return };
        if session.salt.is_some() && !session.is_closing() && session.sealer.is_used_up() {
            *session = one_way(&self.config.key, &mut self.random, now);
            self.sessions += 1;
            self.table.resend(now);
            self.utc.resend(now);
        }
    }

    /// The session is over; a new one is tried unless this side has said goodbye.
    fn end(&mut self, now: Time, reason: EndReason) {
        let State::Live(session) = &self.state else { return };
        let is_over = session.is_closing() || reason.is_final();
        let lived = now - session.began;
        self.media.end_session();
        self.peer = None;
        self.congestion = None;
        self.event(SenderEvent::Disconnected { reason });
        if is_over {
            self.state = State::Closed;
            return self.event(SenderEvent::Closed);
        }
        let begin = now + self.backoff.after(lived);
        let SenderConfig { key, key_id, .. } = &self.config;
        self.state =
            State::Connecting(Box::new(Initiator::publishing(key, *key_id, &mut self.random, begin)));
    }

    fn tell_rate(&mut self, now: Time) {
        if let Some(event) = self.media.poll_rate(now) {
            self.event(event);
        }
    }

    fn event(&mut self, event: SenderEvent) {
        if self.events.len() == MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}

/// A session under a new salt.
fn one_way(key: &Key, random: &mut Random, now: Time) -> Session {
    let salt = random.bytes();
    let id = u32::from_be_bytes(random.bytes());
    Session::one_way(now, id, Sealer::new(&key.one_way(&salt), datagram::ONE_WAY, id), salt)
}

#[cfg(test)]
mod tests;
