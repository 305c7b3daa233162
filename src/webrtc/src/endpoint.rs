//! All sessions of one UDP port.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::change::SdpOffer;
use str0m::config::{CryptoProvider, DtlsCert};
use str0m::ice::StunMessage;
use str0m::net::{Protocol, Receive, Transmit};
use str0m::{Candidate, Rtc, RtcConfig};

use crate::error::{OfferError, TrickleError};
use crate::media::Event;
use crate::prepare::{Prepared, Preparer};
use crate::publisher::Publisher;
use crate::session::{Outcome, Role, Session};
use crate::viewer::Viewer;
use crate::{canonical, codecs, fragment, handshake, offer};

/// How many addresses a client may come from: interfaces, and the mappings of address translators.
const MOST_ADDRESSES: usize = 16;
/// How long a missing packet of a picture is waited for: a few round trips of a repair.
const REPAIR: Duration = Duration::from_millis(500);
/// How often viewers are told which times of sound and picture are the same: most put both together from the second
/// report on.
const REPORTS: Duration = Duration::from_millis(500);
/// Packets of video that are kept for repairs: a second of 10 Mbit/s.
const KEPT_PACKETS: usize = 1024;
/// Frames of video that wait for a missing packet.
const WAITING_FRAMES: usize = 60;

/// What an endpoint is set up with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where clients reach the port, the best first: what answers name.
    pub candidates: Vec<SocketAddr>,
    /// How many sessions there may be. Viewers leave a tenth of them to publishers: anybody may watch.
    pub most_sessions: usize,
}

/// Tells the sessions of an endpoint apart. It is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(u64);

/// What an endpoint gives.
#[derive(Debug)]
pub enum Output {
    /// A datagram to send.
    Transmit {
        /// To where.
        to: SocketAddr,
        /// From which address of this machine, where that is known.
        from: Option<IpAddr>,
        /// Its bytes.
        contents: Vec<u8>,
    },
    /// What happened in a session.
    Event(SessionId, Event),
}

/// All sessions of one UDP port.
pub struct Endpoint {
    settings: Settings,
    crypto: Arc<CryptoProvider>,
    certificate: DtlsCert,
    sessions: HashMap<SessionId, Entry>,
    by_fragment: HashMap<String, SessionId>,
    by_address: HashMap<SocketAddr, Place>,
    timeouts: BTreeSet<(Instant, SessionId)>,
    outputs: VecDeque<Output>,
    next: u64,
}

struct Entry {
    session: Session,
    addresses: VecDeque<SocketAddr>,
    timeout: Option<Instant>,
}

/// Where datagrams from an address belong, and the address of this machine that they came to.
#[derive(Clone, Copy)]
struct Place {
    session: SessionId,
    local: Option<IpAddr>,
}

impl Endpoint {
    /// Without sessions. The certificate that clients know it by is made here, and lives as long.
    ///
    /// # Errors
    /// Where no certificate can be made, or there is no address to be reached at.
    pub fn new(settings: Settings) -> Result<Self, &'static str> {
        if settings.candidates.is_empty() {
            return Err("WebRTC needs an address that clients can reach it at");
        }
        let crypto = Arc::new(handshake::crypto());
        let certificate =
            crypto.dtls_provider.generate_certificate().ok_or("no certificate could be made for WebRTC")?;
        Ok(Self {
            settings,
            crypto,
            certificate,
            sessions: HashMap::new(),
            by_fragment: HashMap::new(),
            by_address: HashMap::new(),
            timeouts: BTreeSet::new(),
            outputs: VecDeque::new(),
            next: 0,
        })
    }

    /// How many sessions there are.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Begins a session in which the client sends. Gives the answer.
    ///
    /// # Errors
    /// Says what is wrong with the offer; then there is no session.
    pub fn publish(&mut self, now: Instant, offer: &str) -> Result<(SessionId, String), OfferError> {
        self.check_room(self.settings.most_sessions)?;
        let config = codecs::TAKEN.into_iter().fold(self.config(), codecs::enable);
        self.begin(now, config, offer, Role::Publisher(Publisher::new(now)))
    }

    /// Begins a session in which the client is sent what this prepares. Gives the answer.
    ///
    /// # Errors
    /// As [`Endpoint::publish`].
    pub fn play(
        &mut self,
        now: Instant,
        offer: &str,
        preparer: &Preparer,
    ) -> Result<(SessionId, String), OfferError> {
        let most = self.settings.most_sessions;
        self.check_room(most - most / 10)?;
        let config =
            self.config().set_rtcp_report_interval_audio(REPORTS).set_rtcp_report_interval_video(REPORTS);
        let config = preparer.codecs().fold(config, |config, (_, codec)| codecs::enable(config, codec));
        self.begin(now, config, offer, Role::Viewer(Viewer::new(preparer)))
    }

    /// Takes the candidates that a client found late.
    ///
    /// # Errors
    /// Says what is wrong with them.
    pub fn trickle(&self, id: SessionId, fragment: &str) -> Result<(), TrickleError> {
        let entry = self.sessions.get(&id).ok_or(TrickleError::NoSession)?;
        fragment::check(fragment, &entry.session.remote)
    }

    /// Ends a session with a goodbye. No [`Event::Ended`] comes of it.
    pub fn close(&mut self, now: Instant, id: SessionId) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let outcome = entry.session.close(now);
        self.transmit(outcome.transmits);
        self.forget(id);
    }

    /// Asks a publisher for a key picture.
    pub fn ask_for_key(&mut self, now: Instant, id: SessionId) {
        self.with(id, |session| session.ask_for_key(now));
    }

    /// Sends a unit to a viewer.
    pub fn send(&mut self, now: Instant, id: SessionId, unit: &Prepared) {
        self.with(id, |session| session.send(now, [(unit, Duration::ZERO)]));
    }

    /// Sends a viewer the pictures since the last key picture, so that it need not wait for the next one. They are of the
    /// past: with times a millisecond apart that end at the last one, they are decoded at once and hold up nothing.
    pub fn send_past(&mut self, now: Instant, id: SessionId, units: &[Prepared]) {
        let Some(last) = units.last().map(|unit| unit.pts) else { return };
        let count = units.len();
        let squeezed = units.iter().enumerate().map(|(at, unit)| {
            let before = Duration::from_millis((count - 1 - at) as u64);
            (Prepared { pts: last, ..unit.clone() }, before)
        });
        let squeezed: Vec<_> = squeezed.collect();
        self.with(id, |session| session.send(now, squeezed.iter().map(|(unit, before)| (unit, *before))));
    }

    /// Takes a datagram that came to this address of the machine. What is of no session is dropped.
    pub fn receive(&mut self, now: Instant, from: SocketAddr, to: Option<IpAddr>, datagram: &[u8]) {
        let destination = self.candidate(from, to);
        let parse = || Receive::new(Protocol::Udp, from, destination, datagram).ok();
        // Anybody sends these: were the library to stop at one, only this one is lost.
        let found = catch_unwind(AssertUnwindSafe(|| {
            let input = parse()?;
            Some((self.find(now, from, to, datagram, parse)?, input))
        }));
        let Ok(Some((id, input))) = found else { return };
        self.with(id, |session| session.receive(now, input));
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(&(at, id)) = self.timeouts.first().filter(|(at, _)| *at <= now) {
            self.timeouts.remove(&(at, id));
            self.with(id, |session| session.handle_timeout(now));
            // What is due again at once waits for the next call, so that nothing keeps this one busy.
            if let Some(entry) = self.sessions.get_mut(&id)
                && let Some(timeout) = entry.timeout.filter(|timeout| *timeout <= now)
            {
                self.timeouts.remove(&(timeout, id));
                let later = now + Duration::from_millis(1);
                entry.timeout = Some(later);
                self.timeouts.insert((later, id));
            }
        }
    }

    /// When [`Endpoint::handle_timeout`] is to be called; none while there is nothing to be done.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timeouts.first().map(|(at, _)| *at)
    }

    /// What comes out next.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn config(&self) -> RtcConfig {
        RtcConfig::new()
            .set_crypto_provider(Arc::clone(&self.crypto))
            .set_dtls_cert(self.certificate.clone())
            .set_ice_lite(true)
            .set_reordering_timeout_video(Some(REPAIR))
            .set_reordering_size_video(WAITING_FRAMES)
            .set_send_buffer_video(KEPT_PACKETS)
            .set_rtcp_report_interval_audio(Duration::from_secs(1))
            .clear_codecs()
    }

    /// Whether one more session of a kind of which there may be so many, with all others, is not too much.
    fn check_room(&self, most: usize) -> Result<(), OfferError> {
        if self.sessions.len() < most { Ok(()) } else { Err(OfferError::Full) }
    }

    fn begin(
        &mut self,
        now: Instant,
        config: RtcConfig,
        offer: &str,
        role: Role,
    ) -> Result<(SessionId, String), OfferError> {
        let mut offer = offer::without_candidates(offer)?;
        if matches!(role, Role::Viewer(_)) {
            offer = offer::of_one_stream(&offer, canonical::name());
        }
        let remote = offer::credentials(&offer).0.unwrap_or_default().to_owned();
        // The library stops at offers that contradict themselves in ways that it does not expect.
        let accepted = catch_unwind(AssertUnwindSafe(|| self.accept(now, config, &offer)));
        let contradicts = || OfferError::Malformed("it contradicts itself".into());
        let (mut rtc, answer) = accepted.map_err(|_| contradicts())??;
        let local = rtc.direct_api().local_ice_credentials().ufrag;
        let mut session = Session::new(now, rtc, role, local.clone(), remote);
        session.agree(now, &answer);
        let outcome = session.run(now, |_| Ok(()));
        check(session.role())?;
        let id = SessionId(self.next);
        self.next += 1;
        self.by_fragment.insert(local, id);
        self.sessions.insert(id, Entry { session, addresses: VecDeque::new(), timeout: None });
        self.settle(id, outcome);
        Ok((id, answer))
    }

    fn accept(&self, now: Instant, config: RtcConfig, offer: &str) -> Result<(Rtc, String), OfferError> {
        let malformed = |error: &dyn std::fmt::Display| OfferError::Malformed(error.to_string());
        let parsed = SdpOffer::from_sdp_string(offer).map_err(|error| malformed(&error))?;
        let mut rtc = config.build(now);
        for &address in &self.settings.candidates {
            let candidate = Candidate::host(address, "udp").map_err(|error| malformed(&error))?;
            rtc.add_local_candidate(candidate);
        }
        let answer = rtc.sdp_api().accept_offer(parsed).map_err(|error| malformed(&error))?;
        let answer = offer::with_name(&answer.to_sdp_string(), canonical::name());
        let answer = offer::with_formats(&answer, offer);
        Ok((rtc, offer::with_candidates_in_use(&answer)))
    }

    /// The candidate that a datagram came to. Behind an address translator it is none of the machine's addresses: then
    /// the best of the same family stands for it.
    fn candidate(&self, from: SocketAddr, to: Option<IpAddr>) -> SocketAddr {
        let candidates = &self.settings.candidates;
        let is_local = |candidate: &&SocketAddr| Some(candidate.ip()) == to;
        let is_alike = |candidate: &&SocketAddr| candidate.is_ipv4() == from.is_ipv4();
        let found = candidates.iter().find(is_local).or_else(|| candidates.iter().find(is_alike));
        *found.unwrap_or(&candidates[0])
    }

    /// The session of a datagram. Addresses become known by checks that are signed with the session's password.
    fn find<'a>(
        &mut self,
        now: Instant,
        from: SocketAddr,
        to: Option<IpAddr>,
        datagram: &[u8],
        parse: impl Fn() -> Option<Receive<'a>>,
    ) -> Option<SessionId> {
        let Ok(message) = StunMessage::parse(datagram) else {
            return self.by_address.get(&from).map(|place| place.session);
        };
        let (local, _) = message.split_username()?;
        let id = *self.by_fragment.get(local)?;
        let entry = self.sessions.get_mut(&id)?;
        if !entry.session.accepts(now, parse()?) {
            return None;
        }
        let known = self.by_address.insert(from, Place { session: id, local: to });
        if known.is_none_or(|place| place.session != id) {
            entry.addresses.push_back(from);
            if entry.addresses.len() > MOST_ADDRESSES
                && let Some(oldest) = entry.addresses.pop_front()
            {
                forget_address(&mut self.by_address, oldest, id);
            }
        }
        Some(id)
    }

    fn with(&mut self, id: SessionId, change: impl FnOnce(&mut Session) -> Outcome) {
        if let Some(entry) = self.sessions.get_mut(&id) {
            let outcome = change(&mut entry.session);
            self.settle(id, outcome);
        }
    }

    /// Passes on what came of an input.
    fn settle(&mut self, id: SessionId, outcome: Outcome) {
        self.transmit(outcome.transmits);
        self.outputs.extend(outcome.events.into_iter().map(|event| Output::Event(id, event)));
        let Some(timeout) = outcome.timeout else { return self.forget(id) };
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        if let Some(before) = entry.timeout.replace(timeout) {
            self.timeouts.remove(&(before, id));
        }
        self.timeouts.insert((timeout, id));
    }

    fn transmit(&mut self, transmits: Vec<Transmit>) {
        for transmit in transmits {
            let from = self.by_address.get(&transmit.destination).and_then(|place| place.local);
            let to = transmit.destination;
            self.outputs.push_back(Output::Transmit { to, from, contents: transmit.contents.into() });
        }
    }

    fn forget(&mut self, id: SessionId) {
        let Some(entry) = self.sessions.remove(&id) else { return };
        if let Some(timeout) = entry.timeout {
            self.timeouts.remove(&(timeout, id));
        }
        self.by_fragment.remove(&entry.session.local);
        for address in entry.addresses {
            forget_address(&mut self.by_address, address, id);
        }
    }
}

/// Forgets where an address belongs, unless another session has it by now.
fn forget_address(places: &mut HashMap<SocketAddr, Place>, address: SocketAddr, id: SessionId) {
    if places.get(&address).is_some_and(|place| place.session == id) {
        places.remove(&address);
    }
}

/// Whether anything can come of a session.
fn check(role: &Role) -> Result<(), OfferError> {
    let (is_empty, what) = match role {
        Role::Publisher(publisher) => (publisher.is_empty(), "nothing is sent in a codec that is taken"),
        Role::Viewer(viewer) => (viewer.is_empty(), "the codecs of the stream are not among those offered"),
    };
    if is_empty {
        return Err(OfferError::NoCommonMedia(what.into()));
    }
    Ok(())
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("sessions", &self.sessions.len()).finish_non_exhaustive()
    }
}
