//! How a unit is cut into groups of layers, and these into shards.

use fql_unit::{Segment, Unit};

use crate::piece::{self, End, Piece};
use crate::rs::MAX_SOURCES;

/// How many steps narrow down the size that fills a group's shards evenly.
const BALANCING_STEPS: usize = 6;

/// Sizes that a plan has to keep to, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// What pieces may take of a shard.
    pub(crate) room: usize,
    /// What a datagram costs on the wire beside the pieces in it.
    pub(crate) overhead: usize,
}

/// How much of a unit is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cut {
    /// Layers.
    pub(crate) layers: u8,
    /// The share of the highest of them, 0 to 1.
    pub(crate) top: f64,
}

/// The parity of blocks.
pub(crate) trait Protection {
    /// Parity shards of a block of `sources` source shards, of which this is the lowest layer.
    fn parity(&mut self, layer: u8, sources: usize) -> usize;

    /// Whether any neighbouring layers may share a block where that takes fewer bytes. Without, only those do that
    /// fit in one shard together, so that a layer has the protection that the setting gives it.
    fn merges(&self) -> bool;
}

/// Some neighbouring layers that are protected together.
#[derive(Debug)]
pub(crate) struct Group {
    /// The blocks: the pieces in each source shard, and the number of parity shards.
    pub(crate) blocks: Vec<(Vec<Vec<Piece>>, usize)>,
}

/// What is sent of a unit, the most important first.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) cut: Cut,
    pub(crate) groups: Vec<Group>,
    /// Bytes of all source shards on the wire.
    pub(crate) source: usize,
    /// Bytes of all parity shards on the wire.
    pub(crate) parity: usize,
    /// Bytes of the segments that are sent.
    pub(crate) media: usize,
}

impl Plan {
    pub(crate) fn new(unit: &Unit, cut: Cut, sizes: Sizes, protection: &mut dyn Protection) -> Self {
        let layers: Vec<Vec<Item>> = (0..cut.layers).map(|layer| items(unit, layer, cut)).collect();
        let media = layers.iter().flatten().map(|item| item.len).sum();
        let mut plan = Self { cut, groups: Vec::new(), source: 0, parity: 0, media };
        for (first, end) in partition(&layers, sizes, protection) {
            plan.add_group(unit, first as u8, &layers[first..end].concat(), sizes, protection);
        }
        plan
    }

    /// Bytes on the wire.
    pub(crate) fn wire(&self) -> usize {
        self.source + self.parity
    }

    fn add_group(
        &mut self,
        unit: &Unit,
        layer: u8,
        items: &[Item],
        sizes: Sizes,
        protection: &mut dyn Protection,
    ) {
        let shards = fill_evenly(items, sizes.room);
        let per_block = shards.len().div_ceil(shards.len().div_ceil(MAX_SOURCES).max(1)).max(1);
        let mut blocks = Vec::new();
        for shards in shards.chunks(per_block) {
            let parity = protection.parity(layer, shards.len());
            let lengths = shards.iter().map(|parts| parts.iter().map(Part::cost).sum::<usize>());
            self.source += lengths.clone().sum::<usize>() + shards.len() * sizes.overhead;
            self.parity += parity * (lengths.max().unwrap_or(0) + sizes.overhead);
            let pieces = |parts: &Vec<Part>| parts.iter().map(|part| part.piece(unit)).collect();
            blocks.push((shards.iter().map(pieces).collect(), parity));
        }
        self.groups.push(Group { blocks });
    }
}

/// A segment, or what is sent of it.
#[derive(Debug, Clone, Copy)]
struct Item {
    layer: u8,
    slice: u8,
    len: usize,
    is_complete: bool,
}

/// A part of a segment in one shard.
#[derive(Debug, Clone, Copy)]
struct Part {
    item: Item,
    offset: usize,
    len: usize,
}

impl Item {
    fn cost(&self) -> usize {
        self.len + piece::overhead(0, self.len)
    }
}

impl Part {
    fn cost(&self) -> usize {
        self.len + piece::overhead(self.offset, self.len)
    }

    fn piece(&self, unit: &Unit) -> Piece {
        let (layer, slice) = (self.item.layer, self.item.slice);
        let end = match (self.offset + self.len == self.item.len, self.item.is_complete) {
            (false, _) => End::Not,
            (true, true) => End::Complete,
            (true, false) => End::Cut,
        };
        let segment = unit.segment(layer, slice).map(Segment::data);
        let data = segment.map(|data| data.slice(self.offset..self.offset + self.len)).unwrap_or_default();
        Piece { layer, slice, offset: self.offset as u32, data, end }
    }
}

/// What is sent of a layer's segments.
fn items(unit: &Unit, layer: u8, cut: Cut) -> Vec<Item> {
    let is_top = layer + 1 == cut.layers && cut.top < 1.0;
    let item = |slice| {
        let segment = unit.segment(layer, slice);
        let whole = segment.map_or(0, |segment| segment.data().len());
        let len = if is_top { (whole as f64 * cut.top) as usize } else { whole };
        let is_complete = segment.is_some_and(Segment::is_complete) && len == whole;
        Item { layer, slice, len, is_complete }
    };
    (0..unit.slices()).map(item).collect()
}

/// The groups of neighbouring layers, as ranges, that take the fewest bytes on the wire with their parity: by
/// dynamic programming over where the last group begins.
fn partition(layers: &[Vec<Item>], sizes: Sizes, protection: &mut dyn Protection) -> Vec<(usize, usize)> {
    let bytes: Vec<usize> = layers.iter().map(|items| items.iter().map(Item::cost).sum()).collect();
    // For each number of layers: the least bytes, and where the last group begins.
    let mut best = vec![(0, 0)];
    for end in 1..=layers.len() {
        let choices = (0..end).rev().filter_map(|first| {
            let cost = group_cost(first, &bytes[first..end], sizes, protection)?;
            Some((best[first].0 + cost, first))
        });
        let least = choices.min().expect("a layer alone is always a group");
        best.push(least);
    }
    let mut groups = Vec::new();
    let mut end = layers.len();
    while end > 0 {
        let first = best[end].1;
        groups.push((first, end));
        end = first;
    }
    groups.reverse();
    groups
}

/// About how many bytes a group takes on the wire; `None` where its layers may not share a block.
fn group_cost(first: usize, bytes: &[usize], sizes: Sizes, protection: &mut dyn Protection) -> Option<usize> {
    let total: usize = bytes.iter().sum();
    let sources = total.div_ceil(sizes.room).max(1);
    let blocks = sources.div_ceil(MAX_SOURCES);
    let parity = blocks * protection.parity(first as u8, sources.div_ceil(blocks));
    let may_merge =
        bytes.len() == 1 || sources == 1 || parity == 0 || (protection.merges() && sources <= MAX_SOURCES);
    may_merge.then(|| (sources + parity) * (total.div_ceil(sources) + sizes.overhead))
}

/// Fills as few shards as possible, about evenly, because parity shards are as long as the longest.
fn fill_evenly(items: &[Item], room: usize) -> Vec<Vec<Part>> {
    let shards = fill(items, room, room);
    if shards.len() < 2 || shards.len() > MAX_SOURCES {
        return shards;
    }
    let total: usize = items.iter().map(Item::cost).sum();
    let (mut low, mut high) = (total / shards.len(), room);
    for _ in 0..BALANCING_STEPS {
        let middle = usize::midpoint(low, high);
        if fill(items, middle, room).len() <= shards.len() {
            high = middle;
        } else {
            low = middle;
        }
    }
    fill(items, high, room)
}

/// Fills shards one after the other up to `soft` bytes. A segment is only split where it does not fit in `room`.
fn fill(items: &[Item], soft: usize, room: usize) -> Vec<Vec<Part>> {
    let mut shards = vec![Vec::new()];
    let mut used = 0;
    for item in items {
        let most = room - piece::overhead(item.len.max(1), item.len);
        let count = if item.cost() <= room { 1 } else { item.len.div_ceil(most) };
        let mut offset = 0;
        for i in 0..count {
            let len = (item.len - offset).div_ceil(count - i);
            let part = Part { item: *item, offset, len };
            if used > 0 && used + part.cost() > soft {
                shards.push(Vec::new());
                used = 0;
            }
            used += part.cost();
            offset += len;
            shards.last_mut().expect("there is always a shard").push(part);
        }
    }
    shards
}
