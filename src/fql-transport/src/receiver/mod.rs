//! The receiving side of sessions.

mod live;
mod media;
mod table;
mod viewing;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use fql_unit::{Timing, TrackTable, Unit};

use crate::datagram::{self, Cookie, Datagram, SALT};
use crate::endpoint::Accepted;
use crate::farewell::Farewell;
use crate::handshake::{Keys, Response};
use crate::random::{Random, Seed};
use crate::seal::{Opener, Refused, Sealer};
use crate::shard::Shard;
use crate::stats::{ReceiverStats, Refusals};
use crate::{EndReason, Error, Key, Time, UtcOffset};
use live::{Live, Totals};
pub use viewing::View;
use viewing::Viewing;

/// Handshakes that were answered and not completed are forgotten after this time, and the oldest when there are more.
const HALF_OPEN_AGE: Duration = Duration::from_secs(10);
const MAX_HALF_OPEN: usize = 8;
/// Answers that wait for a caller that does not ask.
const MAX_ANSWERS: usize = 16;
/// One-way sessions that are remembered, so that they are not taken for new ones.
const MAX_PAST: usize = 256;

/// How a receiver is set up.
#[derive(Debug, Clone)]
pub struct ReceiverConfig {
    /// What senders have too that begin a session with this receiver; `None` where nobody may. Sessions that a server
    /// accepted or a viewer begins have keys of their own.
    pub key: Option<Key>,
    /// From the arrival of the fastest datagrams to presentation: what arrives later is lost. 20 ms to 10 s.
    pub latency: Duration,
    /// How long before its presentation an incomplete unit is delivered at the latest, for decoding.
    pub decode_time: Duration,
    /// The highest layer that is wanted; those above are not delivered, nor sent where the sender hears of it.
    pub max_layer: u8,
    /// The most bytes that shards and units may take, those not yet asked for included.
    pub max_bytes: usize,
    /// The most units that are held at a time.
    pub max_units: usize,
    /// The most bytes of a datagram, UDP and IP headers not included, 256 to 1120.
    pub mtu: usize,
    /// Bytes of UDP and IP headers of a datagram, for the statistics: 28, or 48 for IPv6.
    pub header_bytes: usize,
    /// After how much silence of the sender the session is over.
    pub timeout: Duration,
    /// Whether media is dropped at first, see [`Receiver::set_paused`].
    pub paused: bool,
    /// Whether this is one hop of more: source shards are given on as [`ReceiverEvent::Shard`] the moment they are
    /// there, and units, which go on being counted and acknowledged, are not put together for the caller.
    pub relay: bool,
}

impl ReceiverConfig {
    /// The defaults with this key: 120 ms, all layers, 64 MiB, 1,024 units, 5 s.
    pub fn new(key: Key) -> Self {
        Self { key: Some(key), ..Self::default() }
    }

    fn check(&self) -> Result<(), Error> {
        if !(datagram::MIN_MTU..=datagram::MAX).contains(&self.mtu) {
            return Err(Error::Mtu(self.mtu));
        }
        crate::check_latency(self.latency)
    }
}

impl Default for ReceiverConfig {
    /// Those of [`ReceiverConfig::new`] without a key.
    fn default() -> Self {
        Self {
            key: None,
            latency: Duration::from_millis(120),
            decode_time: Duration::from_millis(10),
            max_layer: fql_unit::MAX_LAYERS - 1,
            max_bytes: 64 << 20,
            max_units: 1024,
            mtu: datagram::MAX,
            header_bytes: 28,
            timeout: Duration::from_secs(5),
            paused: false,
            relay: false,
        }
    }
}

/// What happened at a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceiverEvent {
    /// A session began.
    Started {
        /// Whether it has no return path.
        one_way: bool,
    },
    /// The tracks of the stream: after the start of a session and whenever they change, before any unit of theirs.
    Tracks(TrackTable),
    /// A unit, complete or with what came of it in time; on each track in order.
    Unit {
        /// The track.
        track: u8,
        /// Its number on the track as the sender counts.
        number: u64,
        /// Its timing on the sender's clock.
        timing: Timing,
        /// The unit.
        unit: Unit,
        /// When it is to be presented on the local clock.
        due: Time,
        /// Units of the track just before this one of which nothing came.
        lost: u64,
    },
    /// A source shard that came or was rebuilt, the moment it did: only in relay mode, in place of units.
    Shard(Shard),
    /// The session is over. Another one may begin.
    Ended {
        /// Why.
        reason: EndReason,
    },
    /// The server has paused the stream: no media comes, the session stays. Or it goes on.
    Paused(bool),
    /// Where presentation times of these tracks lie in UTC, as the sender says: some time after the start of a session,
    /// and whenever that changes. It holds for the units that follow.
    Utc(Vec<(u8, UtcOffset)>),
    /// Somebody wants to begin a session without the key, most likely a sender with another passphrase. Told once.
    Unauthenticated,
}

/// Datagrams in, units out. `A` is the address of a sender, whatever the caller uses for that.
pub struct Receiver<A> {
    config: ReceiverConfig,
    random: Random,
    /// Where this side begins the sessions.
    viewing: Option<Viewing<A>>,
    half_open: VecDeque<HalfOpen>,
    /// Counts handshakes: of two sessions the one of the later handshake is the newer.
    handshakes: u64,
    live: Option<Live<A>>,
    /// Of the last session, where this side ended it.
    farewell: Option<Farewell<A>>,
    past: VecDeque<Past>,
    out: VecDeque<(A, Bytes)>,
    events: VecDeque<ReceiverEvent>,
    refused: Refusals,
    /// Whether [`ReceiverEvent::Unauthenticated`] was told.
    told_unauthenticated: bool,
    totals: Totals,
    sessions: u64,
}

/// A handshake that was answered: not a session before the initiator shows, by a sealed datagram, that it lives.
struct HalfOpen {
    id: u32,
    order: u64,
    began: Time,
    /// What Noise sealed of the first message.
    first: Bytes,
    answer: Bytes,
    opener: Opener,
    keys: Keys,
    initiator: u32,
}

/// A one-way session that was, or is, live.
struct Past {
    salt: [u8; SALT],
    /// Present where the session ended without a goodbye. Its sender cannot know that it did, and goes on: with what
    /// has been seen of the session it is live again as soon as something new of it comes.
    opener: Option<Opener>,
}

impl<A: Copy + Eq> Receiver<A> {
    /// A receiver that waits for senders.
    pub fn new(config: ReceiverConfig, seed: Seed) -> Result<Self, Error> {
        config.check()?;
        Ok(Self {
            config,
            random: Random::new(&seed),
            viewing: None,
            half_open: VecDeque::new(),
            handshakes: 0,
            live: None,
            farewell: None,
            past: VecDeque::new(),
            out: VecDeque::new(),
            events: VecDeque::new(),
            refused: Refusals::default(),
            told_unauthenticated: false,
            totals: Totals::default(),
            sessions: 0,
        })
    }

    /// The receiver of a session that an endpoint accepted from a publisher at this address. It has this one session:
    /// when it is over, none follows, unless the configuration has a key.
    pub fn accepted(
        config: ReceiverConfig,
        accepted: Accepted,
        seed: Seed,
        now: Time,
        from: A,
    ) -> Result<Self, Error> {
        let mut receiver = Self::new(config, seed)?;
        let (id, opener, sealer) = (accepted.session().to_u32(), accepted.opener(), accepted.sealer());
        let live = Live::new(&receiver.config, now, from, id, opener, Some(sealer), Bytes::new());
        receiver.start(now, live, false);
        Ok(receiver)
    }

    /// A receiver that asks a server at this address for a stream, and asks again, after pauses that grow, when a
    /// session ends. It stops where the server says that asking is of no use ([`EndReason::is_final`]).
    pub fn viewing(
        config: ReceiverConfig,
        view: View,
        server: A,
        seed: Seed,
        now: Time,
    ) -> Result<Self, Error> {
        let mut receiver = Self::new(config, seed)?;
        let viewing = Viewing::new(&receiver.config, view, server, &mut receiver.random, now)?;
        receiver.viewing = Some(viewing);
        Ok(receiver)
    }

    /// Takes a datagram that came from this address. Whatever its bytes are, it is used or counted.
    ///
    /// No unit is given up here, however late it is: what waits in the socket may complete it. Read all that is there
    /// before the next [`Receiver::poll_transmit`].
    pub fn handle_datagram(&mut self, now: Time, from: A, datagram: &[u8]) {
        match Datagram::parse(datagram) {
            Ok(Datagram::Initiate { initiator, key_id: [], noise }) => {
                self.handle_initiate(now, from, initiator, noise);
            }
            Ok(Datagram::Cookie { initiator, cookie }) => self.handle_cookie(initiator, &cookie),
            Ok(Datagram::Respond { initiator, noise }) => self.handle_answer(now, initiator, noise),
            Ok(Datagram::Transport { session, number } | Datagram::OneWay { session, number }) => {
                self.handle_sealed(now, from, session, number, datagram);
            }
            Ok(Datagram::Announce { session, number, salt }) => {
                self.handle_announcement(now, from, session, number, salt, datagram);
            }
            _ => self.refused.foreign += 1,
        }
    }

    fn handle_cookie(&mut self, initiator: u32, cookie: &Cookie) {
        match self.viewing.as_mut().and_then(|viewing| viewing.take_cookie(initiator, cookie)) {
            Some((server, first)) => self.send(server, first),
            None => self.refused.foreign += 1,
        }
    }

    fn handle_answer(&mut self, now: Time, initiator: u32, noise: &[u8]) {
        let answered = self.viewing.as_mut().and_then(|viewing| viewing.take_answer(now, initiator, noise));
        let Some((id, server, answer)) = answered else { return self.refused.foreign += 1 };
        let sealer = Sealer::new(&answer.keys.sealing, datagram::TRANSPORT, answer.responder);
        let opener = Opener::new(&answer.keys.opening);
        let live = Live::new(&self.config, now, server, id, opener, Some(sealer), Bytes::new());
        self.start(now, live, false);
    }

    fn handle_initiate(&mut self, now: Time, from: A, initiator: u32, noise: &[u8]) {
        let Some(key) = &self.config.key else { return self.refused.foreign += 1 };
        // The id is not sealed: one recording under many ids must not drive out the other half-open handshakes.
        if let Some(known) = self.half_open.iter().find(|half| half.first == noise) {
            if known.initiator == initiator {
                // The answer was lost, or is under way.
                let answer = known.answer.clone();
                self.send(from, answer);
            } else {
                self.refused.replayed += 1;
            }
            return;
        }
        if self.live.as_ref().is_some_and(|live| live.began_with(noise)) {
            self.refused.replayed += 1;
            return;
        }
        let key = key.clone();
        let id = self.new_id();
        let response = Response { initiator, noise, id };
        let answer = response.to_publisher(&key, self.config.latency, &mut self.random);
        let Ok((answer, keys)) = answer else { return self.refuse_stranger() };
        self.half_open.retain(|half| now < half.began + HALF_OPEN_AGE);
        if self.half_open.len() >= MAX_HALF_OPEN {
            self.half_open.pop_front();
        }
        self.handshakes += 1;
        self.half_open.push_back(HalfOpen {
            id,
            order: self.handshakes,
            began: now,
            first: Bytes::copy_from_slice(noise),
            answer: answer.clone(),
            opener: Opener::new(&keys.opening),
            keys,
            initiator,
        });
        self.send(from, answer);
    }

    /// An id that no session of this receiver has.
    fn new_id(&mut self) -> u32 {
        loop {
            let id = u32::from_be_bytes(self.random.bytes());
            let is_taken = self.half_open.iter().any(|half| half.id == id);
            if !is_taken && self.live.as_ref().is_none_or(|live| live.id() != id) {
                return id;
            }
        }
    }

    fn handle_sealed(&mut self, now: Time, from: A, session: u32, number: u32, datagram: &[u8]) {
        if let Some(live) = self.live.as_mut().filter(|live| live.id() == session) {
            let opened = live.open(datagram, 0, number);
            return self.use_opened(now, from, opened, datagram.len());
        }
        if let Some(farewell) = self.farewell.as_mut().filter(|farewell| farewell.id() == session) {
            return farewell.handle(datagram, number);
        }
        let Some(at) = self.half_open.iter().position(|half| half.id == session) else {
            self.refused.foreign += 1;
            return;
        };
        match self.half_open[at].opener.open(datagram, 0, number) {
            Ok((number, body)) => {
                let Some(half) = self.half_open.remove(at) else { return };
                self.half_open.retain(|other| other.order > half.order);
                let sealer = Sealer::new(&half.keys.sealing, datagram::TRANSPORT, half.initiator);
                let live = Live::new(&self.config, now, from, half.id, half.opener, Some(sealer), half.first);
                self.start(now, live, false);
                self.use_opened(now, from, Ok((number, body)), datagram.len());
            }
            Err(refused) => self.refuse(refused),
        }
    }

    fn handle_announcement(
        &mut self,
        now: Time,
        from: A,
        session: u32,
        number: u32,
        salt: [u8; SALT],
        datagram: &[u8],
    ) {
        if let Some(live) = self.live.as_mut().filter(|live| live.id() == session && live.began_with(&salt)) {
            let opened = live.open(datagram, SALT, number);
            return self.use_opened(now, from, opened, datagram.len());
        }
        let past = self.past.iter().position(|past| past.salt == salt);
        // Whoever recorded a session can play it again: it must not end one that lives in a handshake, nor may what
        // went before end what came after.
        let is_in_the_way = |live: &Live<A>| live.is_heard(now) && (live.has_return_path() || past.is_some());
        if self.live.as_ref().is_some_and(is_in_the_way) {
            self.refused.replayed += 1;
            return;
        }
        match past {
            Some(at) => self.resume(now, from, session, at, number, datagram),
            None => self.begin(now, from, session, salt, number, datagram),
        }
    }

    /// Takes an announcement of a one-way session with a new salt.
    fn begin(&mut self, now: Time, from: A, session: u32, salt: [u8; SALT], number: u32, datagram: &[u8]) {
        let Some(key) = &self.config.key else { return self.refused.foreign += 1 };
        let mut opener = Opener::new(&key.one_way(&salt));
        match opener.open(datagram, SALT, number) {
            Ok(opened) => {
                if self.past.len() >= MAX_PAST {
                    self.past.pop_front();
                }
                self.past.push_back(Past { salt, opener: None });
                self.start_one_way(now, from, session, salt, opener);
                self.use_opened(now, from, Ok(opened), datagram.len());
            }
            // With another key, or changed on the way: nobody can tell.
            Err(_) => self.refuse_stranger(),
        }
    }

    /// Counts whoever has not the key, and tells of the first.
    fn refuse_stranger(&mut self) {
        self.refused.foreign += 1;
        if !std::mem::replace(&mut self.told_unauthenticated, true) {
            self.events.push_back(ReceiverEvent::Unauthenticated);
        }
    }

    /// Takes an announcement of a one-way session that was live before.
    fn resume(&mut self, now: Time, from: A, session: u32, at: usize, number: u32, datagram: &[u8]) {
        let Past { salt, opener } = &mut self.past[at];
        let salt = *salt;
        // What was late when the session ended is no sign of life.
        let Some(mut resumed) = opener.take_if(|opener| opener.is_news(number)) else {
            self.refused.replayed += 1;
            return;
        };
        match resumed.open(datagram, SALT, number) {
            Ok(opened) => {
                self.start_one_way(now, from, session, salt, resumed);
                self.use_opened(now, from, Ok(opened), datagram.len());
            }
            Err(refused) => {
                *opener = Some(resumed);
                self.refuse(refused);
            }
        }
    }

    fn start_one_way(&mut self, now: Time, from: A, session: u32, salt: [u8; SALT], opener: Opener) {
        let first = Bytes::copy_from_slice(&salt);
        let live = Live::new(&self.config, now, from, session, opener, None, first);
        self.start(now, live, true);
    }

    fn start(&mut self, now: Time, live: Live<A>, one_way: bool) {
        self.forget(now, EndReason::Replaced);
        self.sessions += 1;
        self.live = Some(live);
        self.events.push_back(ReceiverEvent::Started { one_way });
    }

    fn use_opened(&mut self, now: Time, from: A, opened: Result<(u64, Bytes), Refused>, len: usize) {
        match (opened, &mut self.live) {
            (Ok((number, body)), Some(live)) => {
                if live.handle(now, from, number, &body, len, &mut self.events).is_err() {
                    self.refused.malformed += 1;
                }
                live.deliver_complete(now, &mut self.events);
            }
            (Err(refused), _) => self.refuse(refused),
            (Ok(_), None) => {}
        }
    }

    fn refuse(&mut self, refused: Refused) {
        match refused {
            Refused::Replayed => self.refused.replayed += 1,
            Refused::Forged => self.refused.forged += 1,
        }
    }

    fn send(&mut self, to: A, datagram: Bytes) {
        if self.out.len() < MAX_ANSWERS {
            self.out.push_back((to, datagram));
        }
    }

    /// What time alone brings: units whose time has come, and the end of sessions that are silent or said goodbye.
    fn expire(&mut self, now: Time) {
        self.half_open.retain(|half| now < half.began + HALF_OPEN_AGE);
        if let Some(live) = &mut self.live {
            live.deliver(now, &mut self.events);
            if let Some(reason) = live.over(now) {
                // Why is a server's to say: a sender ends its own session, and nothing else.
                let is_senders = self.viewing.is_none() && reason != EndReason::Silence;
                self.forget(now, if is_senders { EndReason::Goodbye } else { reason });
            }
        }
    }

    /// Ends the session, and remembers it where its sender cannot know that.
    fn forget(&mut self, now: Time, reason: EndReason) {
        let Some(live) = self.finish(now, reason) else { return };
        if reason != EndReason::Goodbye
            && let Some(past) = self.past.iter_mut().find(|past| live.began_with(&past.salt))
        {
            past.opener = Some(live.into_opener().resumable());
        }
    }

    /// Ends the session and gives what is left of it.
    fn finish(&mut self, now: Time, reason: EndReason) -> Option<Live<A>> {
        let mut live = self.live.take()?;
        self.totals.add(&live.finish(now, &mut self.events));
        self.events.push_back(ReceiverEvent::Ended { reason });
        if let Some(viewing) = &mut self.viewing {
            viewing.ended(now, reason, &self.config, &mut self.random);
        }
        Some(live)
    }

    /// The next datagram to send now, and where to.
    pub fn poll_transmit(&mut self, now: Time) -> Option<(A, Bytes)> {
        self.expire(now);
        self.out
            .pop_front()
            .or_else(|| self.farewell.as_mut()?.poll_transmit(now))
            .or_else(|| self.live.as_mut()?.poll_transmit(now))
            .or_else(|| self.viewing.as_mut()?.poll_transmit(now))
    }

    /// When [`Receiver::poll_transmit`] should be called next, and events asked for, if no datagram comes before.
    pub fn poll_timeout(&self) -> Option<Time> {
        if !self.out.is_empty() {
            return Some(Time::ZERO);
        }
        let farewell = self.farewell.as_ref().and_then(Farewell::timeout);
        let live = self.live.as_ref().map(Live::timeout);
        let viewing = self.viewing.as_ref().and_then(Viewing::timeout);
        [farewell, live, viewing].into_iter().flatten().min()
    }

    /// Where the other side of the session was heard, and when last. What anybody could have made up does not count: only
    /// datagrams that open do.
    pub fn heard(&self) -> Option<(A, Time)> {
        self.live.as_ref().map(Live::heard)
    }

    /// Whether this side begins its sessions, see [`Receiver::viewing`].
    pub fn is_viewing(&self) -> bool {
        self.viewing.is_some()
    }

    /// Whether there is no session, nothing left to send, and none that this side would begin: a receiver that was
    /// accepted is of no further use.
    pub fn is_over(&self) -> bool {
        self.live.is_none() && self.poll_timeout().is_none() && self.events.is_empty()
    }

    /// What happened since the last call.
    pub fn poll_event(&mut self) -> Option<ReceiverEvent> {
        let event = self.events.pop_front()?;
        if let Some(live) = &mut self.live {
            live.taken(&event);
        }
        Some(event)
    }

    /// Changes the highest layer that is wanted, from the next unit on.
    pub fn set_max_layer(&mut self, max_layer: u8) {
        self.config.max_layer = max_layer;
        if let Some(live) = &mut self.live {
            live.set_max_layer(max_layer);
        }
    }

    /// Pauses the stream, or lets it go on: while it is paused media is dropped, and the sender is told in reports.
    pub fn set_paused(&mut self, paused: bool) {
        self.config.paused = paused;
        if let Some(live) = &mut self.live {
            live.set_paused(paused);
        }
    }

    /// Ends the session at once and tells the sender why: some times, until it says goodbye, too, so keep polling
    /// until [`Receiver::is_over`].
    pub fn end(&mut self, now: Time, reason: EndReason) {
        let live = self.finish(now, reason);
        self.farewell = live.and_then(|live| live.into_farewell(now, reason));
    }

    /// Ends the session with three goodbyes, all at once, which a sender answers by trying again. A viewer stops.
    pub fn close(&mut self, now: Time) {
        if let Some(live) = &mut self.live {
            let goodbyes = live.goodbyes(now);
            self.out.extend(goodbyes);
        }
        self.viewing = None;
        self.finish(now, EndReason::Goodbye);
    }

    /// What came, and what became of it.
    pub fn stats(&self, now: Time) -> ReceiverStats {
        let mut totals = self.totals.clone();
        if let Some(live) = &self.live {
            totals.add(&live.totals());
        }
        let mut stats = totals.into_stats();
        stats.connected = self.live.is_some();
        stats.sessions = self.sessions;
        stats.refused = self.refused;
        if let Some(live) = &self.live {
            live.fill_stats(now, &mut stats);
        }
        stats
    }
}

#[cfg(test)]
mod tests;
