use std::time::Duration;

use bytes::Bytes;

use super::safety::{Claim, Safety};
use crate::Time;
use crate::datagram::{HEADER, TAG};
use crate::message::Message;
use crate::meter::Meter;
use crate::pacer::{Pacer, Slot};
use crate::piece::{self, UnitHeader};
use crate::plan::Group;
use crate::rs::{Codecs, MAX_SOURCES};

/// With a larger latency budget than this nothing is spread further: the rate has to follow the link.
const MAX_BUDGET: Duration = Duration::from_millis(400);
/// The share of the latency budget over which the shards of a unit are spread. The rest is for queues on the way.
const SPREAD: f64 = 0.75;
/// The same at least, for units that come late.
const LEAST_SPREAD: f64 = 0.1;
/// The share of the latency budget that the first unit of a block may wait for the last one, that after which it no
/// longer waits for one that is late, and that within which the parity of the block is sent.
const JOIN: f64 = 0.5;
const LATE: f64 = 0.55;
const JOINED_PARITY: f64 = 0.75;
/// The share of the units that are under way at a time whose shards have turns: where a large picture has left others
/// waiting, they leave one after the other.
const TURNS: f64 = 0.6;
/// Bytes a second of pacing while nobody knows the rate.
const START_PACE: f64 = 500_000.0;

/// Shards on their way out: blocks get their parity, and all wait for their time.
pub(super) struct Shards {
    header_bytes: usize,
    budget: Duration,
    codecs: Codecs,
    pacer: Pacer<Message>,
    next_block: u16,
    open: Vec<OpenBlock>,
    datagrams: Meter,
    /// What [`Shards::take_queued`] gives.
    queued: usize,
    sources: u64,
    parity: u64,
}

/// Where shards come from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) track: u8,
    pub(super) claim: Claim,
    /// When the unit should have been here: what comes late has less time to spread.
    pub(super) began: Time,
}

/// A block of layers of consecutive units, of which all but the parity has been sent.
struct OpenBlock {
    track: u8,
    claim: Claim,
    /// The lowest layer.
    layer: u8,
    number: u16,
    opened: Time,
    units: usize,
    contents: Vec<Bytes>,
}

impl Shards {
    pub(super) fn new(now: Time, header_bytes: usize) -> Self {
        Self {
            header_bytes,
            budget: MAX_BUDGET,
            codecs: Codecs::default(),
            pacer: Pacer::new(now, START_PACE),
            next_block: 0,
            open: Vec::new(),
            datagrams: Meter::default(),
            queued: 0,
            sources: 0,
            parity: 0,
        }
    }

    pub(super) fn set_latency(&mut self, latency: Duration) {
        self.budget = latency.min(MAX_BUDGET);
    }

    /// The part of the receiver's latency budget that is used for spreading.
    pub(super) fn budget(&self) -> Duration {
        self.budget
    }

    /// How long the shards of a unit are spread over.
    pub(super) fn window(&self) -> Duration {
        self.budget.mul_f64(SPREAD)
    }

    /// How many units of this duration, in nanoseconds, fit in a block; 1 where the duration is not known.
    pub(super) fn units_of_block(&self, duration: u64) -> usize {
        1 + (self.budget.mul_f64(JOIN).as_nanos() as u64).checked_div(duration).unwrap_or(0) as usize
    }

    /// How many units of this duration, in nanoseconds, have turns; 1 where the duration is not known.
    pub(super) fn units_in_window(&self, duration: u64) -> f64 {
        if duration == 0 { 1.0 } else { TURNS * self.window().as_nanos() as f64 / duration as f64 }
    }

    /// Datagrams that leave within the window lately.
    pub(super) fn datagrams_in_window(&self, now: Time) -> f64 {
        self.datagrams.bits_per_second(now) as f64 / 8.0 * self.window().as_secs_f64()
    }

    /// Source and parity shards so far.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.sources, self.parity)
    }

    /// Datagrams that wait.
    pub(super) fn waiting(&self) -> usize {
        self.pacer.len()
    }

    /// Whether nothing waits, or will without anything new.
    pub(super) fn is_empty(&self) -> bool {
        self.pacer.len() == 0 && self.open.is_empty()
    }

    /// Forgets all that waits.
    pub(super) fn clear(&mut self) {
        self.pacer.clear();
        self.open.clear();
    }

    /// Gives up the highest layers of what waits, until no more than so many bytes do.
    pub(super) fn shed(&mut self, most: usize) {
        self.pacer.shed(most, most);
    }

    /// Bytes that wait for their time.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.pacer.bytes()
    }

    /// Sets the rate in bytes a second on the wire; without one, that at which what waits comes in time, and at least
    /// `lately`.
    pub(super) fn set_pace(&mut self, now: Time, rate: Option<f64>, lately: f64) {
        let in_time = self.pacer.bytes() as f64 / self.window().as_secs_f64();
        self.pacer.set_rate(now, rate.unwrap_or(lately.max(in_time).max(START_PACE)));
    }

    /// Takes a datagram that did not wait out of the rate.
    pub(super) fn spend(&mut self, datagram: usize) {
        let wire = datagram + self.header_bytes;
        self.queued += wire;
        self.pacer.spend(wire);
    }

    /// Bytes on the wire that were queued, or did not have to wait, since this was called last.
    pub(super) fn take_queued(&mut self) -> usize {
        std::mem::take(&mut self.queued)
    }

    /// Queues a group of layers of a unit.
    pub(super) fn send(
        &mut self,
        now: Time,
        origin: Origin,
        header: &UnitHeader,
        group: &Group,
        safety: &mut Safety,
    ) {
        for shards in &group.blocks {
            let contents: Vec<_> = shards.iter().map(|pieces| piece::encode(header, pieces)).collect();
            self.sources += contents.len() as u64;
            if group.units > 1 {
                self.extend_block(now, origin, group, contents, safety);
            } else {
                let parity = safety.parity(origin.claim, group.layer, contents.len());
                self.send_block(now, origin, group, contents, parity);
            }
        }
    }

    /// Queues a block of one unit.
    fn send_block(&mut self, now: Time, origin: Origin, group: &Group, contents: Vec<Bytes>, parity: usize) {
        let parity = self.codecs.parity(&contents, parity);
        let number = (!parity.is_empty()).then(|| self.new_block());
        let sources = contents.len() as u8;
        let source = |(index, content)| {
            let block = number.map(|number| (number, index as u8));
            Message::Source { block, ceiling: None, content }
        };
        let mut messages: Vec<Message> = contents.into_iter().enumerate().map(source).collect();
        messages.extend(self.parity_messages(number.unwrap_or(0), sources, parity));
        self.spread(now, origin.began + self.window(), group.layer, messages, group.is_reference);
    }

    /// Adds a unit's shards to the block that is open for its layers.
    fn extend_block(
        &mut self,
        now: Time,
        origin: Origin,
        group: &Group,
        contents: Vec<Bytes>,
        safety: &mut Safety,
    ) {
        let Origin { track, claim, began } = origin;
        let is_own = |block: &OpenBlock| (block.track, block.layer) == (track, group.layer);
        let found = self.open.iter().position(is_own);
        if let Some(at) = found.filter(|&at| self.open[at].contents.len() + contents.len() > MAX_SOURCES) {
            self.close_block(now, at, safety);
        }
        let at = self.open.iter().position(is_own).unwrap_or_else(|| {
            let (layer, number) = (group.layer, self.new_block());
            let contents = Vec::new();
            self.open.push(OpenBlock { track, claim, layer, number, opened: began, units: 0, contents });
            self.open.len() - 1
        });
        let block = &mut self.open[at];
        let first = block.contents.len();
        block.contents.extend(contents.iter().cloned());
        block.units += 1;
        block.claim = claim;
        let (number, is_last) = (block.number, block.units >= group.units);
        let source = |(i, content)| Message::Source {
            block: Some((number, (first + i) as u8)),
            ceiling: None,
            content,
        };
        let messages = contents.into_iter().enumerate().map(source).collect();
        self.spread(now, began + self.window(), group.layer, messages, false);
        if is_last {
            self.close_block(now, at, safety);
        }
    }

    /// Queues the parity of an open block.
    fn close_block(&mut self, now: Time, at: usize, safety: &mut Safety) {
        let block = self.open.swap_remove(at);
        let parity = safety.parity(block.claim, block.layer, block.contents.len());
        let parity = self.codecs.parity(&block.contents, parity);
        let messages = self.parity_messages(block.number, block.contents.len() as u8, parity);
        self.spread(now, block.opened + self.budget.mul_f64(JOINED_PARITY), block.layer, messages, false);
    }

    fn new_block(&mut self) -> u16 {
        self.next_block = self.next_block.wrapping_add(1);
        self.next_block
    }

    fn parity_messages(&mut self, block: u16, sources: u8, parity: Vec<Bytes>) -> Vec<Message> {
        self.parity += parity.len() as u64;
        let message = |(row, bytes)| Message::Parity { block, sources, row: row as u8, ceiling: None, bytes };
        parity.into_iter().enumerate().map(message).collect()
    }

    /// Queues shards evenly spaced: the further apart they are, the fewer of them a burst takes.
    fn spread(&mut self, now: Time, end: Time, layer: u8, messages: Vec<Message>, is_reference: bool) {
        let window = (end - now).max(self.budget.mul_f64(LEAST_SPREAD));
        let gap = window / messages.len().max(1) as u32;
        for (i, message) in messages.into_iter().enumerate() {
            let wire = self.header_bytes + HEADER + TAG + message.len();
            self.datagrams.add(now, 1);
            self.queued += wire;
            let due = now + gap * i as u32;
            // A large picture that later ones are predicted from must not be late for those after it. A layer 0 of its
            // own, which is small, stays as spread as it is: behind a large picture bursts would take all of it.
            let by = if is_reference { now + window } else { due };
            self.pacer.push(Slot { due, by, layer }, wire, message);
        }
    }

    /// The next message whose time has come.
    pub(super) fn poll(&mut self, now: Time, safety: &mut Safety) -> Option<Message> {
        let late = self.budget.mul_f64(LATE);
        while let Some(at) = self.open.iter().position(|block| block.opened + late <= now) {
            self.close_block(now, at, safety);
        }
        self.pacer.pop(now)
    }

    /// When [`Shards::poll`] has something.
    pub(super) fn timeout(&self) -> Option<Time> {
        let closes = self.open.iter().map(|block| block.opened + self.budget.mul_f64(LATE)).min();
        [self.pacer.timeout(), closes].into_iter().flatten().min()
    }
}
