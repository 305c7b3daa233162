use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use fql_unit::MAX_LAYERS;

use crate::adaptive::{Need, ParityTable, Stake};
use crate::rs::{Codecs, LENGTH, MAX_PARITY};
use crate::{Fec, Time};

/// What a block is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The shards of a layer.
    Layer(u8),
    /// Those of all layers that later pictures are predicted from: for viewers who get all of these, one large block
    /// needs less parity than several small ones, and losing any costs as much as losing all.
    Reference,
}

impl Part {
    /// A bit for each part of a unit.
    pub(super) fn bit(self) -> u16 {
        match self {
            Self::Layer(layer) => 1 << layer,
            Self::Reference => 1 << MAX_LAYERS,
        }
    }

    /// The lowest layer of its shards.
    pub(crate) fn lowest(self) -> u8 {
        match self {
            Self::Layer(layer) => layer,
            Self::Reference => 0,
        }
    }
}

/// What the blocks of a stream share.
#[derive(Default)]
pub(crate) struct Workshop {
    codecs: Mutex<Codecs>,
    protection: Mutex<ParityTable>,
    /// How often parity was computed, and how many rows that were.
    computations: AtomicU64,
    rows: AtomicU64,
}

/// What a track carries, as far as blocks go by it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TrackKind {
    /// A picture hangs on its layer 0.
    pub(crate) is_video: bool,
    /// Its units are small, and share blocks.
    pub(crate) is_sound: bool,
    /// Its units are whole on one layer.
    pub(crate) is_encoded: bool,
}

/// A block that is closed: the parity of its source shards is computed when the first viewer needs it, once for all.
pub(crate) struct Block {
    pub(crate) number: u64,
    pub(crate) track: u8,
    pub(crate) part: Part,
    pub(crate) kind: TrackKind,
    /// The first and the last unit that it holds shards of.
    pub(crate) units: (u64, u64),
    /// When the first shard of the first of them came.
    pub(crate) came: Time,
    contents: Vec<Bytes>,
    /// The most rows that a viewer has asked for.
    wanted: AtomicUsize,
    rows: Mutex<Vec<Bytes>>,
    workshop: Arc<Workshop>,
}

/// A block that still takes source shards.
pub(super) struct OpenBlock {
    pub(super) number: u64,
    pub(super) track: u8,
    pub(super) part: Part,
    pub(super) kind: TrackKind,
    pub(super) units: (u64, u64),
    pub(super) came: Time,
    /// When it closes whatever is missing.
    pub(super) deadline: Time,
    /// Units of which it has all shards, and with how many of them it closes.
    pub(super) complete: usize,
    pub(super) most: usize,
    pub(super) contents: Vec<Bytes>,
}

impl OpenBlock {
    pub(super) fn close(self, workshop: &Arc<Workshop>) -> Block {
        Block {
            number: self.number,
            track: self.track,
            part: self.part,
            kind: self.kind,
            units: self.units,
            came: self.came,
            contents: self.contents,
            wanted: AtomicUsize::new(0),
            rows: Mutex::default(),
            workshop: workshop.clone(),
        }
    }
}

impl Block {
    /// How many source shards it has.
    pub(crate) fn sources(&self) -> usize {
        self.contents.len()
    }

    /// Bytes of a parity row.
    pub(crate) fn row_len(&self) -> usize {
        LENGTH + self.contents.iter().map(Bytes::len).max().unwrap_or(0)
    }

    /// How many rows a viewer with this need takes.
    pub(crate) fn protection(&self, fec: &Fec, need: Need) -> usize {
        self.workshop.protection(self.kind, self.part, self.sources(), fec, need)
    }

    /// Says that so many rows will be asked for, so that they are computed together.
    pub(crate) fn want(&self, rows: usize) {
        self.wanted.fetch_max(rows, Ordering::Relaxed);
    }

    /// A row of its parity. The first one that is asked for brings all that are wanted.
    pub(crate) fn row(&self, row: usize) -> Option<Bytes> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.len() <= row {
            let wanted = self.wanted.load(Ordering::Relaxed).max(row + 1);
            *rows = self.workshop.parity(&self.contents, wanted);
        }
        rows.get(row).cloned()
    }
}

impl Block {
    /// Forgets the rows: they are computed again in the unlikely case that somebody asks.
    pub(super) fn release(&self) {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Workshop {
    /// How many parity rows a block of so many source shards has for a viewer with this need.
    pub(super) fn protection(
        &self,
        kind: TrackKind,
        part: Part,
        sources: usize,
        fec: &Fec,
        need: Need,
    ) -> usize {
        fec.fixed_parity(part.lowest(), sources).unwrap_or_else(|| {
            let mut table = self.protection.lock().unwrap_or_else(PoisonError::into_inner);
            let stake = match part {
                Part::Reference => Stake::Reference,
                // Pictures are predicted from encoded ones on layer 1: one that is lost costs all until the next key
                // picture.
                Part::Layer(1) if kind.is_encoded => Stake::of(0, kind.is_video),
                Part::Layer(layer) => Stake::of(layer, kind.is_video),
            };
            table.parity(need, stake, sources).shards.min(MAX_PARITY)
        })
    }

    fn parity(&self, contents: &[Bytes], rows: usize) -> Vec<Bytes> {
        self.computations.fetch_add(1, Ordering::Relaxed);
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        self.codecs.lock().unwrap_or_else(PoisonError::into_inner).parity(contents, rows)
    }

    /// How often parity was computed, and how many rows that were.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.computations.load(Ordering::Relaxed), self.rows.load(Ordering::Relaxed))
    }
}
