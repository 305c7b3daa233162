//! The server's side of many sessions on one socket: who may begin one, and whose datagram it is.

mod accepted;
mod allowance;
mod cookie;
mod half_open;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::datagram::{self, Datagram};
use crate::farewell::Farewell;
use crate::handshake::{Keys, Response, ViewRequest};
use crate::random::Random;
use crate::{EndReason, Error, Key, KeyId, Seed, ServerKey, Time};
pub use accepted::Accepted;
use allowance::Allowance;
use cookie::Cookies;
use half_open::{Ephemeral, HalfOpen, HalfOpens, Wants};

/// Cookies and answers that wait for a caller that does not ask.
const MAX_OUT: usize = 256;
/// Refused sessions that are told so; of more the oldest are told no more.
const MAX_FAREWELLS: usize = 256;

/// Where a peer is. What counts for fairness between peers is its host: anybody has as many ports as he likes.
pub trait Address: Copy + Eq + Hash {
    /// The same for all addresses of one host.
    fn host(&self) -> u64;
}

impl Address for SocketAddr {
    /// Of an IPv6 address its network (the first 64 bits), as a host has as many of those as it likes, too.
    fn host(&self) -> u64 {
        match self {
            Self::V4(v4) => u32::from(*v4.ip()).into(),
            Self::V6(v6) => match v6.ip().to_ipv4_mapped() {
                Some(v4) => u32::from(v4).into(),
                None => (u128::from(*v6.ip()) >> 64) as u64,
            },
        }
    }
}

/// Which session of an endpoint: what the datagrams of its other side begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(u32);

impl SessionId {
    /// As it travels.
    pub(crate) fn to_u32(self) -> u32 {
        self.0
    }

    #[cfg(feature = "fuzzing")]
    pub(crate) fn from_u32(id: u32) -> Self {
        Self(id)
    }
}

/// In hexadecimal.
impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// How an endpoint is set up.
#[derive(Debug, Clone)]
pub struct EndpointConfig {
    /// What viewers know the server by.
    pub server_key: ServerKey,
    /// The latency budget that publishers are told at first, 20 ms to 10 s; reports of their sessions follow up.
    pub latency: Duration,
    /// The most handshakes that are answered and not completed.
    pub max_half_open: usize,
    /// The most sessions. A tenth of them is kept for publishers, so that nobody can watch them away.
    pub max_sessions: usize,
    /// The handshakes that one host gets in a second; five times as many at once.
    pub host_handshakes: u32,
}

impl EndpointConfig {
    /// The defaults with this key: 120 ms, 1,024 half-open handshakes, 10,000 sessions, 100 handshakes a second.
    pub fn new(server_key: ServerKey) -> Self {
        let latency = Duration::from_millis(120);
        Self { server_key, latency, max_half_open: 1024, max_sessions: 10_000, host_handshakes: 100 }
    }
}

/// What a datagram meant to an endpoint.
#[derive(Debug)]
pub enum Arrival {
    /// Nothing for the caller: it was a step of a handshake, or is counted as refused.
    Nothing,
    /// It says that it is of this session, which opens it, or counts it as refused: pass it to its
    /// `handle_datagram`.
    Session(SessionId),
    /// A publisher has a session now. Make a [`crate::Receiver::accepted`] and pass it the datagram, or refuse
    /// ([`Endpoint::refuse`]).
    Publisher {
        /// How the endpoint calls the session.
        session: SessionId,
        /// The stream key that the publisher has shown to hold.
        key_id: KeyId,
        /// What the receiver needs.
        accepted: Accepted,
    },
    /// A viewer has a session now. Nothing is known of whether it may see what it asks for: give it a sender and pass
    /// that the datagram, or refuse ([`Endpoint::refuse`]).
    Viewer {
        /// How the endpoint calls the session.
        session: SessionId,
        /// What it wants to see, 1 to 64 bytes.
        playback_id: String,
        /// What shows that it may, at most 512 bytes. Compare it in constant time.
        token: Option<String>,
        /// What its sender needs.
        accepted: Accepted,
    },
}

/// The second message, the keys of the session, and what it is for.
type Answered = (Bytes, Keys, Wants);

/// What an endpoint saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointStats {
    /// Sessions that were accepted and not released.
    pub sessions: usize,
    /// Handshakes that were answered and not completed.
    pub half_open: usize,
    /// Sessions accepted since the endpoint was made.
    pub accepted: u64,
    /// Sessions refused, by the caller or for want of room.
    pub refused: u64,
    /// Cookies given.
    pub cookies: u64,
    /// First messages whose cookie was not, or not any more, good.
    pub bad_cookies: u64,
    /// First messages of publishers with a key that nobody knows, or that do not show it.
    pub unknown_keys: u64,
    /// First messages that came before.
    pub replayed: u64,
    /// First messages of hosts that had had too many answered.
    pub too_many: u64,
    /// Datagrams of another protocol, of no session, or without meaning.
    pub foreign: u64,
}

/// One UDP port of a server, with many sessions of publishers and viewers. It does the handshakes and says whose
/// datagram it is; the sessions themselves are the caller's.
///
/// Whoever has not shown, by sending back a cookie, that it hears what is sent to its address, gets no memory here and
/// fewer bytes than it sent. A session begins with its first sealed datagram that opens; so a recorded first message,
/// played again, does nothing.
pub struct Endpoint<A> {
    config: EndpointConfig,
    random: Random,
    cookies: Cookies,
    allowance: Allowance,
    half_open: HalfOpens<u64>,
    sessions: HashMap<SessionId, Ephemeral>,
    /// What the sessions began with.
    ephemerals: HashSet<Ephemeral>,
    farewells: VecDeque<Farewell<A>>,
    out: VecDeque<(A, Bytes)>,
    stats: EndpointStats,
}

impl<A: Address> Endpoint<A> {
    /// An endpoint without sessions.
    pub fn new(config: EndpointConfig, seed: Seed) -> Result<Self, Error> {
        crate::check_latency(config.latency)?;
        let mut random = Random::new(&seed);
        Ok(Self {
            cookies: Cookies::new(&mut random),
            allowance: Allowance::new(config.host_handshakes),
            half_open: HalfOpens::new(config.max_half_open),
            config,
            random,
            sessions: HashMap::new(),
            ephemerals: HashSet::new(),
            farewells: VecDeque::new(),
            out: VecDeque::new(),
            stats: EndpointStats::default(),
        })
    }

    /// Takes a datagram that came from this address. `keys` gives the key of the stream key with this id, while it is
    /// good. Whatever the bytes are, they are used or counted.
    pub fn handle_datagram(
        &mut self,
        now: Time,
        from: A,
        datagram: &[u8],
        keys: &dyn Fn(&KeyId) -> Option<Key>,
    ) -> Arrival {
        match Datagram::parse(datagram) {
            Ok(Datagram::Transport { session, number }) => {
                return self.handle_transport(now, from, session, number, datagram);
            }
            Ok(Datagram::Initiate { initiator, .. } | Datagram::View { initiator, .. }) => {
                self.give_cookie(now, from, initiator, datagram);
            }
            Ok(Datagram::WithCookie { cookie, first }) => {
                if self.cookies.is_good(now, &from, first, &cookie, &mut self.random) {
                    self.handle_first(now, from, first, keys);
                } else {
                    self.refresh_cookie(now, from, first);
                }
            }
            _ => self.stats.foreign += 1,
        }
        Arrival::Nothing
    }

    /// Gives a cookie for a first message. Fewer bytes than came, and nothing is remembered.
    fn give_cookie(&mut self, now: Time, from: A, initiator: u32, first: &[u8]) {
        let mut answer = vec![datagram::COOKIE];
        answer.extend(initiator.to_be_bytes());
        answer.extend(self.cookies.make(now, &from, first, &mut self.random));
        if answer.len() <= first.len() {
            self.stats.cookies += 1;
            self.send(from, answer.into());
        } else {
            self.stats.foreign += 1;
        }
    }

    /// Gives another cookie to a first message whose cookie is not good any more.
    fn refresh_cookie(&mut self, now: Time, from: A, first: &[u8]) {
        match Datagram::parse(first) {
            Ok(Datagram::Initiate { initiator, .. } | Datagram::View { initiator, .. }) => {
                self.stats.bad_cookies += 1;
                self.give_cookie(now, from, initiator, first);
            }
            _ => self.stats.foreign += 1,
        }
    }

    /// Takes a first message of somebody who hears what is sent to its address.
    fn handle_first(&mut self, now: Time, from: A, first: &[u8], keys: &dyn Fn(&KeyId) -> Option<Key>) {
        let (initiator, noise, key_id) = match Datagram::parse(first) {
            Ok(Datagram::Initiate { initiator, key_id, noise }) => (initiator, noise, Some(key_id)),
            Ok(Datagram::View { initiator, noise }) => (initiator, noise, None),
            _ => return self.stats.foreign += 1,
        };
        let Some((&ephemeral, _)) = noise.split_first_chunk() else {
            return self.stats.foreign += 1;
        };
        if let Some(known) = self.half_open.began_with_mut(&ephemeral) {
            if known.initiator == initiator {
                // The answer was lost, or is under way.
                known.is_repeated = true;
                let answer = known.answer.clone();
                self.send(from, answer);
            } else {
                self.stats.replayed += 1;
            }
            return;
        }
        if self.ephemerals.contains(&ephemeral) {
            return self.stats.replayed += 1;
        }
        if !self.allowance.take(now, from.host()) {
            return self.stats.too_many += 1;
        }
        let id = self.new_id();
        let response = Response { initiator, noise, id };
        let answered = match key_id {
            Some(key_id) => self.answer_publisher(&response, key_id, keys),
            None => self.answer_viewer(&response),
        };
        let Some((answer, keys, wants)) = answered else { return };
        self.send(from, answer.clone());
        let (host, is_repeated) = (from.host(), false);
        let half = HalfOpen { host, began: now, ephemeral, initiator, answer, is_repeated, keys, wants };
        self.half_open.add(now, id, half);
    }

    fn answer_publisher(
        &mut self,
        response: &Response,
        key_id: &[u8],
        keys: &dyn Fn(&KeyId) -> Option<Key>,
    ) -> Option<Answered> {
        let key_id = key_id.try_into().ok().map(KeyId::from_bytes);
        let answered = key_id.and_then(|key_id| {
            let key = keys(&key_id)?;
            let (answer, keys) = response.to_publisher(&key, self.config.latency, &mut self.random).ok()?;
            Some((answer, keys, Wants::Publish(key_id)))
        });
        self.stats.unknown_keys += u64::from(answered.is_none());
        answered
    }

    fn answer_viewer(&mut self, response: &Response) -> Option<Answered> {
        match response.to_viewer(&self.config.server_key, &mut self.random) {
            Ok((answer, keys, request)) => Some((answer, keys, Wants::View(request))),
            Err(_) => {
                self.stats.foreign += 1;
                None
            }
        }
    }

    /// An id that no session of this endpoint has, nor had lately.
    fn new_id(&mut self) -> u32 {
        loop {
            let id = u32::from_be_bytes(self.random.bytes());
            let is_taken = self.sessions.contains_key(&SessionId(id))
                || self.half_open.get(id).is_some()
                || self.farewells.iter().any(|farewell| farewell.id() == id);
            if !is_taken {
                return id;
            }
        }
    }

    fn handle_transport(&mut self, now: Time, from: A, id: u32, number: u32, datagram: &[u8]) -> Arrival {
        let session = SessionId(id);
        if self.sessions.contains_key(&session) {
            return Arrival::Session(session);
        }
        if let Some(farewell) = self.farewells.iter_mut().find(|farewell| farewell.id() == id) {
            farewell.handle(datagram, number);
            return Arrival::Nothing;
        }
        let opens = |half: &HalfOpen<u64>| {
            half.accepted(now, session, self.config.latency).opener().open(datagram, 0, number).is_ok()
        };
        if !self.half_open.get(id).is_some_and(opens) {
            self.stats.foreign += 1;
            return Arrival::Nothing;
        }
        match self.half_open.remove(id) {
            Some(half) => self.accept(now, from, session, half),
            None => Arrival::Nothing,
        }
    }

    fn accept(&mut self, now: Time, from: A, session: SessionId, half: HalfOpen<u64>) -> Arrival {
        let accepted = half.accepted(now, session, self.config.latency);
        self.sessions.insert(session, half.ephemeral);
        self.ephemerals.insert(half.ephemeral);
        if self.sessions.len() > self.room_for(&half.wants) {
            self.refuse(now, from, accepted, EndReason::Full);
            return Arrival::Nothing;
        }
        self.stats.accepted += 1;
        match half.wants {
            Wants::Publish(key_id) => Arrival::Publisher { session, key_id, accepted },
            Wants::View(request) => {
                let ViewRequest { playback_id, token, .. } = request;
                Arrival::Viewer { session, playback_id, token, accepted }
            }
        }
    }

    /// With how many sessions one more of this kind is one too many.
    fn room_for(&self, wants: &Wants) -> usize {
        let most = self.config.max_sessions;
        match wants {
            Wants::Publish(_) => most,
            // Anybody may watch.
            Wants::View(_) => most - most / 10,
        }
    }

    /// Ends a session that was just accepted, and tells its other side why. It is released, too.
    pub fn refuse(&mut self, now: Time, to: A, accepted: Accepted, reason: EndReason) {
        self.release(accepted.session());
        self.stats.refused += 1;
        if self.farewells.len() >= MAX_FAREWELLS {
            self.farewells.pop_front();
        }
        let (id, sealer, opener) = (accepted.session().to_u32(), accepted.sealer(), accepted.opener());
        self.farewells.push_back(Farewell::new(now, id, to, sealer, opener, reason));
    }

    /// The caller's session is over: its datagrams are foreign from now on.
    pub fn release(&mut self, session: SessionId) {
        if let Some(ephemeral) = self.sessions.remove(&session) {
            self.ephemerals.remove(&ephemeral);
        }
    }

    fn send(&mut self, to: A, datagram: Bytes) {
        if self.out.len() < MAX_OUT {
            self.out.push_back((to, datagram));
        }
    }

    /// The next datagram to send now, and where to.
    pub fn poll_transmit(&mut self, now: Time) -> Option<(A, Bytes)> {
        self.half_open.expire(now);
        if let Some(ready) = self.out.pop_front() {
            return Some(ready);
        }
        let datagram = self.farewells.iter_mut().find_map(|farewell| farewell.poll_transmit(now));
        self.farewells.retain(|farewell| !farewell.is_over());
        datagram
    }

    /// When [`Endpoint::poll_transmit`] should be called next, if no datagram comes before.
    pub fn poll_timeout(&self) -> Option<Time> {
        if !self.out.is_empty() {
            return Some(Time::ZERO);
        }
        let farewells = self.farewells.iter().filter_map(Farewell::timeout);
        farewells.chain(self.half_open.timeout()).min()
    }

    /// What the endpoint saw.
    pub fn stats(&self) -> EndpointStats {
        EndpointStats { sessions: self.sessions.len(), half_open: self.half_open.len(), ..self.stats }
    }
}

impl HalfOpen<u64> {
    /// The session that this becomes.
    fn accepted(&self, now: Time, session: SessionId, latency: Duration) -> Accepted {
        let (latency, max_layer) = match &self.wants {
            Wants::Publish(_) => (latency, fql_unit::MAX_LAYERS - 1),
            Wants::View(request) => (request.latency, request.max_layer),
        };
        // Of an answer that was repeated nobody knows which one was heard.
        let round_trip = (!self.is_repeated).then(|| now - self.began);
        let (initiator, keys) = (self.initiator, self.keys.clone());
        Accepted { session, initiator, keys, latency, max_layer, round_trip }
    }
}
