use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use fql_unit::{Segment, Timing, Unit};

use crate::Time;
use crate::piece::{End, Piece, UnitHeader};
use crate::replay::nearest;

/// What a piece, a segment and a unit cost beside their bytes.
const PIECE_COST: usize = 64;
const SEGMENT_COST: usize = 64;
const UNIT_COST: usize = 256;
/// The longest duration, in nanoseconds, that a unit is given up early for.
const MAX_WAIT: u64 = 1_000_000_000;
/// The most pieces of a segment. With datagrams of a kilobyte that is 16 MB; without a limit tiny pieces in an
/// unfortunate order would take ever longer to sort in.
const MAX_PIECES: usize = 16_384;
/// Complete units that are remembered, to tell late shards from needless ones.
const REMEMBERED: usize = 64;

/// What became of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// It was used, or was there already.
    Yes,
    /// Its unit has left without it.
    Late,
    /// Its unit has left complete.
    Needless,
    /// It does not fit to what is known of its unit.
    Misfit,
}

/// A unit that leaves.
#[derive(Debug)]
pub(crate) struct Delivered {
    pub(crate) number: u64,
    pub(crate) timing: Timing,
    pub(crate) due: Time,
    pub(crate) unit: Unit,
    /// Units just before it of which nothing came.
    pub(crate) missing: u64,
    /// Whether everything that was sent of it is there.
    pub(crate) is_complete: bool,
}

/// The units of one track on their way from pieces to delivery, in order.
pub(crate) struct Reassembly {
    /// Segments above this layer are not wanted.
    max_layer: u8,
    /// The number after the last unit that left; `None` before the first.
    next: Option<u64>,
    newest: Option<u64>,
    pending: BTreeMap<u64, Pending>,
    bytes: usize,
    /// The last units that left complete.
    complete: VecDeque<u64>,
}

struct Pending {
    header: UnitHeader,
    due: Time,
    /// What is missing is waited for until then.
    until: Time,
    /// Layer-major, `coded` times `slices`.
    segments: Vec<Partial>,
    /// Segments that are not complete (or cut off by the sender): in all, and of each layer.
    open: usize,
    open_of: Vec<u8>,
    bytes: usize,
}

#[derive(Default)]
struct Partial {
    /// Offset and bytes, sorted, without two at the same offset.
    pieces: Vec<(u32, Bytes)>,
    /// How many of them follow each other from the start on without a hole, and how many bytes these are.
    joined: usize,
    prefix: u32,
    /// Where the segment ends, and whether it ends there complete.
    end: Option<(u32, bool)>,
    is_closed: bool,
}

impl Reassembly {
    pub(crate) fn new(max_layer: u8) -> Self {
        Self {
            max_layer,
            next: None,
            newest: None,
            pending: BTreeMap::new(),
            bytes: 0,
            complete: VecDeque::new(),
        }
    }

    /// Bytes that are held, with what holding them costs.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many units are held.
    pub(crate) fn units(&self) -> usize {
        self.pending.len()
    }

    /// Changes which segments are wanted, from the next unit on.
    pub(crate) fn set_max_layer(&mut self, max_layer: u8) {
        self.max_layer = max_layer;
    }

    /// The deadline with which [`Reassembly::poll`] gives the oldest unit, whatever is missing.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let (&number, unit) = self.pending.first_key_value()?;
        Some(self.deadline_of(number, unit))
    }

    fn deadline_of(&self, number: u64, unit: &Pending) -> Time {
        let waits_for_others = self.next.is_some_and(|next| number != next);
        if waits_for_others && unit.open == 0 {
            // Of a unit of which nothing came nobody knows when it was due; but it was before this one.
            unit.until - Duration::from_nanos(unit.header.timing.duration.min(MAX_WAIT))
        } else {
            unit.until
        }
    }

    /// Waits longer for what is missing of a unit that is held, until then at least.
    pub(crate) fn wait(&mut self, number: u64, until: Time) {
        if let Some(unit) = self.pending.get_mut(&number) {
            unit.until = unit.until.max(until);
        }
    }

    /// Whether a shard of this unit would be the first one: it says when the unit is due.
    pub(crate) fn is_new(&self, number: u32) -> bool {
        let number = self.expand(number);
        self.next.is_none_or(|next| number >= next) && !self.pending.contains_key(&number)
    }

    /// Adds the pieces of a shard. `due` is used where the unit is new.
    pub(crate) fn add(&mut self, header: UnitHeader, pieces: Vec<Piece>, due: Time) -> Added {
        let number = self.expand(header.number);
        if self.next.is_some_and(|next| number < next) {
            return if self.complete.contains(&number) { Added::Needless } else { Added::Late };
        }
        self.newest = Some(self.newest.map_or(number, |newest| newest.max(number)));
        let before = self.pending.get(&number).map_or(0, |unit| unit.bytes);
        let max_layer = self.max_layer;
        let unit = self.pending.entry(number).or_insert_with(|| Pending::new(header.clone(), due, max_layer));
        if unit.header != header {
            return Added::Misfit;
        }
        for piece in pieces {
            unit.add(piece);
        }
        self.bytes += unit.bytes - before;
        Added::Yes
    }

    /// Nothing above this layer is sent of a unit to this receiver.
    pub(crate) fn limit(&mut self, number: u64, ceiling: u8) {
        if let Some(unit) = self.pending.get_mut(&number) {
            unit.limit(ceiling);
        }
    }

    /// The layers of a unit that is held of which all segments are complete, or cut off by the sender: bit *k* for layer
    /// *k*. None where the unit is not held any more.
    pub(crate) fn closed_layers(&self, number: u64) -> u16 {
        let Some(unit) = self.pending.get(&number) else { return 0 };
        let closed = unit.open_of.iter().enumerate().filter(|&(_, &open)| open == 0);
        closed.fold(0, |layers, (layer, _)| layers | 1 << layer)
    }

    /// The next unit that may leave: complete with nothing before it outstanding, or due before `deadline` with
    /// whatever is there.
    pub(crate) fn poll(&mut self, deadline: Time) -> Option<Delivered> {
        let (&number, unit) = self.pending.first_key_value()?;
        let is_next = self.next.is_none_or(|next| number == next);
        let may_leave = is_next && unit.open == 0;
        (may_leave || self.deadline_of(number, unit) <= deadline).then(|| self.pop()).flatten()
    }

    /// The oldest unit with whatever is there of it.
    pub(crate) fn pop(&mut self) -> Option<Delivered> {
        let (number, unit) = self.pending.pop_first()?;
        self.bytes -= unit.bytes;
        let missing = number - self.next.unwrap_or(number);
        self.next = Some(number + 1);
        let is_complete = unit.open == 0;
        if is_complete {
            if self.complete.len() == REMEMBERED {
                self.complete.pop_front();
            }
            self.complete.push_back(number);
        }
        let (timing, due) = (unit.header.timing, unit.due);
        let unit = unit.into_unit()?;
        Some(Delivered { number, timing, due, unit, missing, is_complete })
    }

    /// The whole number of a unit of which the low 32 bits travel.
    pub(crate) fn expand(&self, low: u32) -> u64 {
        match self.newest {
            None => low.into(),
            Some(newest) => nearest(newest, low.into(), 32),
        }
    }
}

impl Pending {
    fn new(header: UnitHeader, due: Time, max_layer: u8) -> Self {
        let wanted = header.coded.min(max_layer.saturating_add(1));
        let count = usize::from(wanted) * usize::from(header.slices);
        let segments = std::iter::repeat_with(Partial::default).take(count).collect();
        let open_of = vec![header.slices; wanted.into()];
        Self {
            header,
            due,
            until: due,
            segments,
            open: count,
            open_of,
            bytes: UNIT_COST + count * SEGMENT_COST,
        }
    }

    fn add(&mut self, piece: Piece) {
        let place = usize::from(piece.layer) * usize::from(self.header.slices) + usize::from(piece.slice);
        let Some(segment) = self.segments.get_mut(place).filter(|segment| !segment.is_closed) else { return };
        let layer = usize::from(piece.layer);
        let had = segment.pieces.len();
        let len = piece.data.len();
        segment.add(piece);
        if segment.pieces.len() > had {
            self.bytes += len + PIECE_COST;
        }
        if segment.is_closed {
            self.open -= 1;
            self.open_of[layer] -= 1;
        }
    }

    /// Expects nothing of the layers above `ceiling` any more.
    fn limit(&mut self, ceiling: u8) {
        let layers = usize::from(ceiling) + 1;
        if layers < self.open_of.len() {
            self.open_of.truncate(layers);
            self.segments.truncate(layers * usize::from(self.header.slices));
            self.open = self.open_of.iter().map(|&open| usize::from(open)).sum();
        }
    }

    fn into_unit(self) -> Option<Unit> {
        let header = self.header;
        let mut unit = Unit::new(header.layers, header.slices, &header.params).ok()?;
        unit.flags = header.flags;
        unit.set_reference_layers(header.reference_layers);
        let slices = usize::from(header.slices);
        unit.set_coded_layers((self.segments.len() / slices) as u8);
        for (place, segment) in self.segments.into_iter().enumerate() {
            unit.set((place / slices) as u8, (place % slices) as u8, segment.into_segment());
        }
        Some(unit)
    }
}

impl Partial {
    fn add(&mut self, piece: Piece) {
        let end = piece.offset + piece.data.len() as u32;
        if piece.end != End::Not && self.end.is_none() {
            self.end = Some((end, piece.end == End::Complete));
        }
        if !piece.data.is_empty()
            && self.pieces.len() < MAX_PIECES
            && let Err(at) = self.pieces.binary_search_by_key(&piece.offset, |&(offset, _)| offset)
        {
            self.pieces.insert(at, (piece.offset, piece.data));
            self.join(at, end);
        }
        self.is_closed = self.end.is_some_and(|(end, _)| self.prefix >= end);
    }

    /// Takes a piece that came to this place, and ends there, to those without a hole, and all that it reaches.
    fn join(&mut self, at: usize, end: u32) {
        if at < self.joined {
            self.joined += 1;
            self.prefix = self.prefix.max(end);
        }
        while let Some((offset, data)) = self.pieces.get(self.joined)
            && *offset <= self.prefix
        {
            self.prefix = self.prefix.max(offset + data.len() as u32);
            self.joined += 1;
        }
    }

    fn into_segment(self) -> Segment {
        let prefix = self.prefix;
        let is_complete = self.end.is_some_and(|(end, complete)| complete && end == prefix);
        let data = match self.pieces.as_slice() {
            [(0, data)] => data.clone(),
            pieces => join(pieces, prefix),
        };
        if is_complete { Segment::complete(data) } else { Segment::truncated(data) }
    }
}

/// The bytes before the first hole.
fn join(pieces: &[(u32, Bytes)], prefix: u32) -> Bytes {
    let mut out = BytesMut::with_capacity(prefix as usize);
    for (offset, data) in pieces {
        let have = out.len() as u32;
        if *offset > have {
            break;
        }
        if let Some(new) = data.get((have - offset) as usize..) {
            out.extend_from_slice(new);
        }
    }
    out.freeze()
}

#[cfg(test)]
mod tests;
