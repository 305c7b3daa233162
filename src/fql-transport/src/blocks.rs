use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

use crate::Time;
use crate::replay::nearest;
use crate::rs::{Codecs, MAX_PARITY, MAX_SOURCES};

/// What a shard costs beside its bytes, and a block beside its shards.
const SHARD_COST: usize = 64;
const BLOCK_COST: usize = 256;

/// The blocks of which shards arrive, until they are complete, or too old, or too many.
pub(crate) struct Blocks {
    blocks: HashMap<u64, Block>,
    /// The same in the order in which they began.
    order: VecDeque<u64>,
    newest: u64,
    codecs: Codecs,
    bytes: usize,
    max_bytes: usize,
    max_age: Duration,
}

struct Block {
    began: Time,
    /// How many source shards it has, once a parity shard said so.
    count: Option<u8>,
    sources: Vec<(u8, Bytes)>,
    parity: Vec<(u8, Bytes)>,
    is_done: bool,
}

impl Blocks {
    pub(crate) fn new(max_bytes: usize, max_age: Duration) -> Self {
        let (blocks, order, codecs) = (HashMap::new(), VecDeque::new(), Codecs::default());
        Self { blocks, order, newest: 0, codecs, bytes: 0, max_bytes, max_age }
    }

    /// Bytes that are held, with what holding them costs.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// A source shard arrived. Gives whether it is new, not one that was there or had been rebuilt, and the source
    /// shards that are rebuilt thereby.
    pub(crate) fn add_source(
        &mut self,
        now: Time,
        block: u16,
        index: u8,
        content: Bytes,
    ) -> (bool, Vec<Bytes>) {
        if usize::from(index) >= MAX_SOURCES {
            return (true, Vec::new());
        }
        let cost = content.len() + SHARD_COST;
        let (number, block) = self.block(now, block);
        let is_new = !block.is_done && block.sources.iter().all(|&(other, _)| other != index);
        if !is_new || block.count.is_some_and(|count| index >= count) {
            return (is_new, Vec::new());
        }
        block.sources.push((index, content));
        self.bytes += cost;
        (true, self.recover(number))
    }

    /// A parity shard arrived. Gives the source shards that are rebuilt thereby.
    pub(crate) fn add_parity(
        &mut self,
        now: Time,
        block: u16,
        count: u8,
        row: u8,
        bytes: Bytes,
    ) -> Vec<Bytes> {
        if count == 0 || usize::from(count) > MAX_SOURCES || usize::from(row) >= MAX_PARITY {
            return Vec::new();
        }
        let cost = bytes.len() + SHARD_COST;
        let (number, block) = self.block(now, block);
        let fits = |(other, first): &(u8, Bytes)| *other != row && first.len() == bytes.len();
        let is_same = *block.count.get_or_insert(count) == count;
        if block.is_done || !is_same || !block.parity.iter().all(fits) {
            return Vec::new();
        }
        if block.sources.iter().any(|&(index, _)| index >= count) {
            return Vec::new();
        }
        block.parity.push((row, bytes));
        self.bytes += cost;
        self.recover(number)
    }

    /// The block whose number has these low bits; a new one where there is none.
    fn block(&mut self, now: Time, low: u16) -> (u64, &mut Block) {
        let number = nearest(self.newest, low.into(), 16);
        self.newest = self.newest.max(number);
        self.forget(now);
        let block = self.blocks.entry(number).or_insert_with(|| {
            self.order.push_back(number);
            self.bytes += BLOCK_COST;
            Block { began: now, count: None, sources: Vec::new(), parity: Vec::new(), is_done: false }
        });
        (number, block)
    }

    /// Drops blocks that are too old, and the oldest while there are too many bytes.
    fn forget(&mut self, now: Time) {
        while let Some(number) = self.order.front() {
            let is_old = self.blocks.get(number).is_none_or(|block| now - block.began > self.max_age);
            if !is_old && self.bytes <= self.max_bytes {
                return;
            }
            if let Some(block) = self.blocks.remove(number) {
                self.bytes -= block.cost() + BLOCK_COST;
            }
            self.order.pop_front();
        }
    }

    /// Rebuilds what is missing of a block, where enough of it is there.
    fn recover(&mut self, number: u64) -> Vec<Bytes> {
        let Some(block) = self.blocks.get_mut(&number) else { return Vec::new() };
        let Some(count) = block.count.map(usize::from) else { return Vec::new() };
        if block.sources.len() + block.parity.len() < count {
            return Vec::new();
        }
        let rebuilt = if block.sources.len() < count {
            self.codecs.recover(count, &block.sources, &block.parity).unwrap_or_default()
        } else {
            Vec::new()
        };
        self.bytes -= block.cost();
        block.is_done = true;
        block.sources = Vec::new();
        block.parity = Vec::new();
        rebuilt.into_iter().map(|(_, content)| content).collect()
    }
}

impl Block {
    fn cost(&self) -> usize {
        self.sources.iter().chain(&self.parity).map(|(_, bytes)| bytes.len() + SHARD_COST).sum()
    }
}

#[cfg(test)]
mod tests;
