use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use super::media::{Media, Parity};
use super::{ReceiverConfig, ReceiverEvent};
use crate::delay::QueueingDelay;
use crate::error::Malformed;
use crate::farewell::Farewell;
use crate::message::Message;
use crate::meter::Meter;
use crate::report::{Counts, Report};
use crate::seal::{Opener, Refused, Sealer};
use crate::stats::ReceiverStats;
use crate::{EndReason, Time, UtcOffset};

/// Reports while datagrams come.
const REPORT_GAP: Duration = Duration::from_millis(100);
/// The least time between two reports where a unit was left that others are predicted from, with too little of it:
/// the sooner the encoder knows, the fewer pictures are predicted from what is not there.
const BAD_NEWS_GAP: Duration = Duration::from_millis(20);
/// Reports while none come, so that the sender sees that the receiver lives.
const KEEPALIVE: Duration = Duration::from_secs(1);
/// A receiver that closes has no time to wait for answers.
const GOODBYES: usize = 3;

/// A session that a sender has shown to be alive in.
pub(super) struct Live<A> {
    id: u32,
    from: A,
    /// What the session began with: what Noise sealed of its first message, or its salt.
    first: Bytes,
    opener: Opener,
    /// `None` one way.
    sealer: Option<Sealer>,
    heard: Time,
    timeout: Duration,
    latency: Duration,
    max_layer: u8,
    header_bytes: usize,
    mtu: usize,
    media: Media,
    received: u64,
    bytes: u64,
    rate: Meter,
    delay: QueueingDelay,
    /// When the newest datagram was sent, on the sender's clock, and when it came.
    newest: (u32, Time),
    /// The packet number before which the next report counts losses.
    horizon: u64,
    reported: Time,
    /// When the last report out of turn was sent.
    told: Time,
    has_news: bool,
    /// What the other side said, and whether it has been answered.
    goodbye: Option<EndReason>,
    owes_goodbye: bool,
    /// Whether this side drops media.
    paused: bool,
    /// Whether the other side has said that the stream is paused.
    is_paused: bool,
    /// What the sender said of the tracks' UTC, and in which packet last.
    utc: BTreeMap<u8, UtcOffset>,
    utc_said: Option<u64>,
}

/// Counts of sessions.
#[derive(Debug, Clone, Default)]
pub(super) struct Totals {
    received: u64,
    bytes: u64,
    counts: Counts,
}

impl<A: Copy + Eq> Live<A> {
    pub(super) fn new(
        config: &ReceiverConfig,
        now: Time,
        from: A,
        id: u32,
        opener: Opener,
        sealer: Option<Sealer>,
        first: Bytes,
    ) -> Self {
        Self {
            id,
            from,
            first,
            opener,
            sealer,
            heard: now,
            timeout: config.timeout,
            latency: config.latency,
            max_layer: config.max_layer,
            header_bytes: config.header_bytes,
            mtu: config.mtu,
            media: Media::new(config),
            received: 0,
            bytes: 0,
            rate: Meter::default(),
            delay: QueueingDelay::default(),
            newest: (0, now),
            horizon: 0,
            reported: now - KEEPALIVE,
            told: now - KEEPALIVE,
            has_news: true,
            goodbye: None,
            owes_goodbye: false,
            paused: config.paused,
            is_paused: false,
            utc: BTreeMap::new(),
            utc_said: None,
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.id
    }

    pub(super) fn has_return_path(&self) -> bool {
        self.sealer.is_some()
    }

    /// Where the sender is, and when it was heard last.
    pub(super) fn heard(&self) -> (A, Time) {
        (self.from, self.heard)
    }

    /// Whether the sender has been heard lately.
    pub(super) fn is_heard(&self, now: Time) -> bool {
        now < self.heard + 2 * KEEPALIVE
    }

    pub(super) fn began_with(&self, first: &[u8]) -> bool {
        self.first == first
    }

    pub(super) fn open(
        &mut self,
        datagram: &[u8],
        clear: usize,
        number: u32,
    ) -> Result<(u64, Bytes), Refused> {
        self.opener.open(datagram, clear, number)
    }

    /// Takes the body of a datagram that was opened.
    pub(super) fn handle(
        &mut self,
        now: Time,
        from: A,
        number: u64,
        body: &Bytes,
        len: usize,
        events: &mut VecDeque<ReceiverEvent>,
    ) -> Result<(), Malformed> {
        let wire = len + self.header_bytes;
        self.heard = now;
        self.received += 1;
        self.bytes += wire as u64;
        self.rate.add(now, wire);
        self.has_news = true;
        let (micros, message) = Message::parse(body)?;
        self.delay.add(now, micros);
        let is_newest = number + 1 == self.opener.end();
        if is_newest {
            self.newest = (micros, now);
            // A sender's address may change on the way (by a NAT); only what it seals now can tell.
            self.from = from;
        }
        match message {
            Message::Source { .. } | Message::Parity { .. } if self.paused => Ok(()),
            Message::Source { block, ceiling, content } => {
                self.media.add_source(now, block, ceiling, content, events)
            }
            Message::Parity { block, sources, row, ceiling, bytes } => {
                let parity = Parity { block, sources, row, ceiling, bytes };
                self.media.add_parity(now, parity, events)
            }
            Message::Tracks { version, part, parts, bytes } => {
                self.media.add_table(version, part, parts, bytes, events)
            }
            Message::Ping { paused } => {
                if is_newest && std::mem::replace(&mut self.is_paused, paused) != paused {
                    self.media.forgive_gaps();
                    events.push_back(ReceiverEvent::Paused(paused));
                }
                Ok(())
            }
            Message::Utc(offsets) => {
                self.take_utc(number, offsets, events);
                Ok(())
            }
            Message::Goodbye(reason) => {
                self.goodbye = Some(reason);
                self.owes_goodbye = self.sealer.is_some();
                Ok(())
            }
            Message::Report(_) => Err(Malformed),
        }
    }

    /// Tells what is new of the tracks' UTC. What was overtaken on the way is not.
    fn take_utc(
        &mut self,
        number: u64,
        mut offsets: Vec<(u8, UtcOffset)>,
        events: &mut VecDeque<ReceiverEvent>,
    ) {
        if self.utc_said.is_some_and(|said| number < said) {
            return;
        }
        self.utc_said = Some(number);
        offsets.retain(|&(track, offset)| self.utc.insert(track, offset) != Some(offset));
        if !offsets.is_empty() {
            events.push_back(ReceiverEvent::Utc(offsets));
        }
    }

    /// Delivers units that are complete.
    pub(super) fn deliver_complete(&mut self, now: Time, events: &mut VecDeque<ReceiverEvent>) {
        self.media.deliver_complete(now, events);
    }

    /// Delivers units whose time has come.
    pub(super) fn deliver(&mut self, now: Time, events: &mut VecDeque<ReceiverEvent>) {
        self.media.deliver(now, events);
    }

    /// Why the session is over, if it is.
    pub(super) fn over(&self, now: Time) -> Option<EndReason> {
        if self.goodbye.is_some() && !self.owes_goodbye && self.media.is_empty() {
            self.goodbye
        } else if now >= self.heard + self.timeout {
            Some(EndReason::Silence)
        } else {
            None
        }
    }

    /// Delivers what is left and gives the final counts.
    pub(super) fn finish(&mut self, now: Time, events: &mut VecDeque<ReceiverEvent>) -> Totals {
        self.media.flush(now, events);
        self.opener.judge(self.opener.end());
        self.totals()
    }

    pub(super) fn into_opener(self) -> Opener {
        self.opener
    }

    pub(super) fn poll_transmit(&mut self, now: Time) -> Option<(A, Bytes)> {
        self.sealer.as_ref()?;
        let message = if std::mem::take(&mut self.owes_goodbye) {
            Message::Goodbye(EndReason::Goodbye)
        } else if now >= self.report_time() {
            Message::Report(Box::new(self.report(now)))
        } else if self.bad_news_time().is_some_and(|time| now >= time) {
            Message::Report(Box::new(self.report_bad_news(now)))
        } else {
            return None;
        };
        Some((self.from, self.seal(now, &message)?))
    }

    pub(super) fn goodbyes(&mut self, now: Time) -> Vec<(A, Bytes)> {
        let from = self.from;
        (0..GOODBYES)
            .filter_map(|_| Some((from, self.seal(now, &Message::Goodbye(EndReason::Goodbye))?)))
            .collect()
    }

    /// What ends the session from this side; `None` one way, where nobody can be told.
    pub(super) fn into_farewell(self, now: Time, reason: EndReason) -> Option<Farewell<A>> {
        Some(Farewell::new(now, self.id, self.from, self.sealer?, self.opener, reason))
    }

    fn seal(&mut self, now: Time, message: &Message) -> Option<Bytes> {
        Some(self.sealer.as_mut()?.seal(|out| message.encode(now.wire_micros(), out)))
    }

    fn report_time(&self) -> Time {
        // A server takes a viewer's session for live with its first report: that one must not get lost.
        let is_urgent = self.has_news || self.received == 0;
        self.reported + if is_urgent { REPORT_GAP } else { KEEPALIVE }
    }

    /// When a report out of turn is due; `None` where there is nothing to tell.
    fn bad_news_time(&self) -> Option<Time> {
        self.media.has_bad_news().then(|| self.told.max(self.reported) + BAD_NEWS_GAP)
    }

    fn report(&mut self, now: Time) -> Report {
        // What was under way at the last report had a tenth of a second to come.
        self.opener.judge(self.horizon);
        self.horizon = self.opener.end();
        self.reported = now;
        self.has_news = false;
        let queueing = self.delay.take_mean();
        self.make_report(now, queueing)
    }

    /// A report between the regular ones. What those measure from one to the next stays theirs.
    fn report_bad_news(&mut self, now: Time) -> Report {
        self.told = now;
        let queueing = self.delay.last_mean().as_micros() as u64;
        Report { out_of_turn: true, ..self.make_report(now, queueing) }
    }

    fn make_report(&mut self, now: Time, queueing: u64) -> Report {
        let (echo, came) = self.newest;
        let mut report = Report {
            counts: self.totals().counts,
            echo,
            held: (now - came).as_micros() as u64,
            queueing,
            standing: self.delay.standing(now),
            delivered_rate: self.rate.bits_per_second(now),
            arrived: self.bytes,
            latency: self.latency.as_millis() as u64,
            max_layer: self.max_layer,
            tracks: self.media.table_version(),
            paused: self.paused,
            out_of_turn: false,
            acks: Vec::new(),
        };
        self.media.acknowledge(&mut report, self.mtu);
        report
    }

    pub(super) fn timeout(&self) -> Time {
        let report =
            self.sealer.as_ref().map(|_| if self.owes_goodbye { Time::ZERO } else { self.report_time() });
        let silence = Some(self.heard + self.timeout);
        let over = (self.goodbye.is_some() && self.media.is_empty()).then_some(Time::ZERO);
        let bad_news = self.sealer.as_ref().and_then(|_| self.bad_news_time());
        let times = [report, bad_news, silence, over, self.media.timeout()];
        times.into_iter().flatten().min().unwrap_or(Time::ZERO)
    }

    /// The caller has taken an event from the queue.
    pub(super) fn taken(&mut self, event: &ReceiverEvent) {
        self.media.taken(event);
    }

    pub(super) fn set_max_layer(&mut self, max_layer: u8) {
        self.max_layer = max_layer;
        self.media.set_max_layer(max_layer);
        self.has_news = true;
    }

    pub(super) fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
        self.media.forgive_gaps();
        self.has_news = true;
    }

    pub(super) fn totals(&self) -> Totals {
        let losses = self.opener.losses();
        let counts = Counts {
            received: losses.received,
            lost: losses.lost,
            bursts: losses.bursts,
            ..self.media.counts()
        };
        Totals { received: self.received, bytes: self.bytes, counts }
    }

    pub(super) fn fill_stats(&self, now: Time, stats: &mut ReceiverStats) {
        stats.delivered_rate = self.rate.bits_per_second(now);
        stats.queueing_delay = self.delay.last_mean();
        self.media.fill_stats(now, stats);
    }
}

impl Totals {
    pub(super) fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.bytes += other.bytes;
        let (to, from) = (&mut self.counts, &other.counts);
        to.received += from.received;
        to.lost += from.lost;
        to.bursts += from.bursts;
        to.recovered += from.recovered;
        to.late += from.late;
        to.complete += from.complete;
        to.partial += from.partial;
        to.missing += from.missing;
    }

    pub(super) fn into_stats(self) -> ReceiverStats {
        ReceiverStats {
            received: self.received,
            bytes: self.bytes,
            lost: self.counts.lost,
            bursts: self.counts.bursts,
            recovered: self.counts.recovered,
            late: self.counts.late,
            units_complete: self.counts.complete,
            units_partial: self.counts.partial,
            units_lost: self.counts.missing,
            ..ReceiverStats::default()
        }
    }
}
