//! The sending side of a session with a viewer: takes the items of a stream, and gives datagrams.

mod ladder;
mod outgoing;
mod track;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use crate::datagram::{self, Datagram};
use crate::fanout::Kind;
use crate::message::Message;
use crate::meter::Meter;
use crate::report::Report;
use crate::seal::Refused;
use crate::session::Session;
use crate::stats::{PeerStats, Refusals};
use crate::table::Table;
use crate::utc::UtcOut;
use crate::{Accepted, Address, CongestionState, EndReason, Fec, Item, Time};
use outgoing::{MIN_WAITING, Outgoing};

/// How viewers are served.
#[derive(Debug, Clone)]
pub struct ViewerConfig {
    /// Forward error correction.
    pub fec: Fec,
    /// The most bytes of a datagram with the track table, UDP and IP headers not included, 256 to 1120. Shards are as
    /// large as their publisher made them.
    pub mtu: usize,
    /// Bytes of UDP and IP headers of a datagram: 28, or 48 for IPv6.
    pub header_bytes: usize,
    /// After how much silence of the viewer the session is over.
    pub timeout: Duration,
    /// The most bytes that may wait for a viewer, at least 12,000.
    pub max_bytes: usize,
}

impl ViewerConfig {
    /// With all that is out of its range at the end of it.
    fn within_limits(self) -> Self {
        Self {
            mtu: self.mtu.clamp(datagram::MIN_MTU, datagram::MAX),
            max_bytes: self.max_bytes.max(MIN_WAITING),
            ..self
        }
    }
}

impl Default for ViewerConfig {
    /// `adaptive`, 1,120 bytes over IPv4, 5 s, 4 MiB.
    fn default() -> Self {
        Self {
            fec: Fec::default(),
            mtu: datagram::MAX,
            header_bytes: 28,
            timeout: Duration::from_secs(5),
            max_bytes: 4 << 20,
        }
    }
}

/// What happened at a viewer's session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ViewerEvent {
    /// The session is over; nothing follows.
    Ended {
        /// Why.
        reason: EndReason,
    },
}

/// What a viewer was sent, and what it reported. Counts are since its session began.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ViewerStats {
    /// Whether the session lives.
    pub connected: bool,
    /// Datagrams sent.
    pub datagrams: u64,
    /// Bytes sent, UDP and IP headers included.
    pub bytes: u64,
    /// Bits a second on the wire over the last second, UDP and IP headers included.
    pub wire_rate: u64,
    /// Source shards sent.
    pub source_shards: u64,
    /// Parity shards sent.
    pub parity_shards: u64,
    /// Shards that were dropped because the viewer's rate did not let them pass in time.
    pub dropped_shards: u64,
    /// Source shards sent once more to see whether the way to the viewer carries another layer.
    pub repeated_shards: u64,
    /// Datagrams waiting for their time.
    pub queued: usize,
    /// Layers that are sent now: of video, or of sound where there is none.
    pub layers: u8,
    /// The most bits a second on the wire that the way to the viewer carries, as far as it is known.
    pub allowed_rate: u64,
    /// What congestion control does.
    pub congestion: CongestionState,
    /// The loss that protection is computed for, 0 to 1.
    pub assumed_loss: f64,
    /// The mean length of a burst of losses that protection is computed for.
    pub assumed_burst: f64,
    /// Datagrams that came and could not be used.
    pub refused: Refusals,
    /// What the viewer last reported.
    pub peer: Option<PeerStats>,
}

/// One viewer of a stream: items in, datagrams out. `A` is its address, whatever the caller uses for that.
pub struct Viewer<A> {
    config: ViewerConfig,
    address: A,
    session: Session,
    table: Table,
    utc: UtcOut,
    outgoing: Outgoing,
    /// Why this side ends the session.
    closing: Option<EndReason>,
    ended: Option<EndReason>,
    events: VecDeque<ViewerEvent>,
    refused: Refusals,
    datagrams: u64,
    bytes: u64,
    wire: Meter,
    peer: Option<PeerStats>,
    /// The first place in the stream that was not taken.
    next: u64,
}

impl<A: Address> Viewer<A> {
    /// A viewer whose session an [`Endpoint`](crate::Endpoint) has accepted, and whose first datagram is to be passed
    /// on.
    pub fn accepted(config: ViewerConfig, accepted: Accepted, now: Time, from: A) -> Self {
        let config = config.within_limits();
        let id = accepted.session().to_u32();
        let session = Session::two_way(now, id, accepted.sealer(), accepted.opener());
        Self {
            outgoing: Outgoing::new(&config, &accepted, now),
            utc: UtcOut::new(config.mtu),
            config,
            address: from,
            session,
            table: Table::default(),
            closing: None,
            ended: None,
            events: VecDeque::new(),
            refused: Refusals::default(),
            datagrams: 0,
            bytes: 0,
            wire: Meter::default(),
            peer: None,
            next: 0,
        }
    }

    /// Takes an item of the stream: those of [`Fanout::join`](crate::Fanout::join) first, then each that
    /// [`Fanout::poll`](crate::Fanout::poll) gives. One that was taken before is not taken again.
    pub fn push(&mut self, now: Time, item: &Item) {
        if self.ended.is_some() || self.closing.is_some() {
            return;
        }
        match &item.kind {
            Kind::Tracks(tracks) => {
                self.outgoing.set_tracks(tracks);
                self.table.set(now, tracks, self.config.mtu);
                self.utc.retain(|track| tracks.get(track).is_some());
            }
            Kind::Utc(offsets) => {
                offsets.iter().for_each(|&(track, offset)| self.utc.set(now, track, offset));
            }
            Kind::Paused(paused) => self.session.set_paused(now, *paused),
            Kind::Source(_) | Kind::Parity(_) if item.place < self.next => {}
            Kind::Source(source) => {
                self.next = item.place + 1;
                self.outgoing.push_source(now, source);
            }
            Kind::Parity(block) => {
                self.next = item.place + 1;
                self.outgoing.push_parity(now, block);
            }
        }
    }

    /// Takes a datagram of the session that came from this address. Whatever its bytes are, it is used or counted.
    pub fn handle_datagram(&mut self, now: Time, from: A, datagram: &[u8]) {
        if self.ended.is_some() {
            return;
        }
        let Ok(Datagram::Transport { session, number }) = Datagram::parse(datagram) else {
            self.refused.foreign += 1;
            return;
        };
        let opener = self.session.opener.as_mut().filter(|_| session == self.session.id);
        match opener.map(|opener| (opener.open(datagram, 0, number), opener.end())) {
            Some((Ok((number, body)), end)) => {
                self.session.heard = now;
                if number + 1 == end && from.host() == self.address.host() {
                    // A viewer's port may change (by a NAT); only what it seals now can tell. It does not move to
                    // another host: anybody may watch, and nothing shows that the stream is wanted there.
                    self.address = from;
                }
                self.handle_message(now, &body);
            }
            Some((Err(Refused::Replayed), _)) => self.refused.replayed += 1,
            Some((Err(Refused::Forged), _)) => self.refused.forged += 1,
            None => self.refused.foreign += 1,
        }
    }

    fn handle_message(&mut self, now: Time, body: &Bytes) {
        match Message::parse(body) {
            Ok((written, Message::Report(report))) => self.handle_report(now, written, &report),
            // Why is this side's to say.
            Ok((_, Message::Goodbye(_))) => self.end(self.closing.unwrap_or(EndReason::Goodbye)),
            Ok((_, Message::Ping { .. })) => {}
            Ok(_) | Err(_) => self.refused.malformed += 1,
        }
    }

    fn handle_report(&mut self, now: Time, written: u32, report: &Report) {
        let peer = PeerStats::of(now, report);
        self.peer = Some(peer);
        self.table.acknowledge(report.tracks);
        self.outgoing.handle_report(now, written, report, peer.round_trip);
    }

    /// Appends the next datagram to send now to `out`, and gives where to. What is in `out` stays, so that a caller
    /// may gather many.
    pub fn poll_transmit(&mut self, now: Time, out: &mut Vec<u8>) -> Option<A> {
        if self.ended.is_some() {
            return None;
        }
        if now >= self.session.heard + self.config.timeout {
            self.end(EndReason::Silence);
            return None;
        }
        let before = out.len();
        let has_more = self.session.next(now, &mut self.table, &mut self.utc, &mut self.outgoing, out);
        if has_more {
            let wire = out.len() - before + self.config.header_bytes;
            self.datagrams += 1;
            self.bytes += wire as u64;
            self.wire.add(now, wire);
            self.outgoing.on_sent(now, wire);
        }
        if self.session.is_over() {
            self.end(self.closing.unwrap_or(EndReason::Goodbye));
        }
        has_more.then_some(self.address)
    }

    /// When [`Viewer::poll_transmit`] should be called next, if nothing else happens before.
    pub fn poll_timeout(&self) -> Option<Time> {
        if self.ended.is_some() {
            return None;
        }
        self.session.timeout(&self.table, &self.utc, &self.outgoing, self.config.timeout)
    }

    /// What happened since the last call.
    pub fn poll_event(&mut self) -> Option<ViewerEvent> {
        self.events.pop_front()
    }

    /// Ends the session and tells the viewer why; [`ViewerEvent::Ended`] follows when it has heard, or never answers.
    pub fn close(&mut self, now: Time, reason: EndReason) {
        self.outgoing.clear();
        self.closing.get_or_insert(reason);
        self.session.close(now, reason);
    }

    /// Where the viewer is.
    pub fn address(&self) -> A {
        self.address
    }

    fn end(&mut self, reason: EndReason) {
        self.outgoing.clear();
        self.ended = Some(reason);
        self.events.push_back(ViewerEvent::Ended { reason });
    }

    /// What the viewer was sent, and what it reported.
    pub fn stats(&self, now: Time) -> ViewerStats {
        let mut stats = ViewerStats {
            connected: self.ended.is_none(),
            datagrams: self.datagrams,
            bytes: self.bytes,
            wire_rate: self.wire.bits_per_second(now),
            refused: self.refused,
            peer: self.peer,
            ..ViewerStats::default()
        };
        self.outgoing.fill_stats(now, &mut stats);
        stats
    }
}

#[cfg(test)]
mod tests;
