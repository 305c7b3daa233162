//! How a unit is cut into groups of layers, and these into shards.

use fql_unit::{Segment, Unit};

use crate::piece::{self, End, Piece};
use crate::rs::MAX_SOURCES;

/// How many steps narrow down the size that fills a group's shards evenly.
const BALANCING_STEPS: usize = 6;
/// By how much adaptive protection may raise the number of source shards.
const FINER: usize = 3;
/// The same for blocks that later pictures are predicted from: where losses come in bursts, those take less of more
/// shards.
const FINER_REFERENCE: usize = 5;
/// The least size of shards that are made smaller than they have to be.
const SMALLEST: usize = 64;

/// Sizes that a plan has to keep to, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// What pieces may take of a shard.
    pub(crate) room: usize,
    /// What a datagram costs on the wire beside the pieces in it.
    pub(crate) overhead: usize,
    /// How many units a block may be of: larger blocks need less parity.
    pub(crate) units: usize,
    /// The one layer that holds all bytes of the unit, where it is of encoded media: the empty ones below travel with
    /// it, and all is protected as that layer.
    pub(crate) lies_on: Option<u8>,
}

impl Sizes {
    /// How many units a block is of when each has so many source shards.
    fn units(self, sources: usize) -> usize {
        self.units.min(MAX_SOURCES / sources.max(1)).max(1)
    }
}

/// How much of a unit is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cut {
    /// Layers.
    pub(crate) layers: u8,
    /// The share of the highest of them, 0 to 1.
    pub(crate) top: f64,
}

impl Cut {
    /// How many layers are sent as a whole.
    pub(crate) fn whole_layers(self) -> u8 {
        self.layers.saturating_sub(u8::from(self.top < 1.0))
    }
}

/// The parity of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parity {
    /// Parity shards.
    pub(crate) shards: usize,
    /// Whether that is as much as the layer needs, or only as much as is worth it.
    pub(crate) suffices: bool,
}

/// The parity of blocks.
pub(crate) trait Protection {
    /// Parity of a block of `sources` source shards, of which this is the lowest layer.
    fn parity(&mut self, layer: u8, sources: usize) -> Parity;

    /// Whether it gives every block what it needs: then layers may share blocks, and shards be small, where that
    /// takes fewer bytes. Otherwise only those layers share a block that fit in one shard together, so that each has
    /// the protection that the setting gives it.
    fn adapts(&self) -> bool;

    /// How many of the lowest layers share blocks whatever that takes: losing any of them costs as much as losing all,
    /// and one large block needs less parity than several small ones.
    fn reference_layers(&self) -> u8 {
        0
    }

    /// Whether a block of which this is the lowest layer is of those.
    fn is_reference(&self, layer: u8) -> bool {
        layer < self.reference_layers() && !(layer == 0 && self.keeps_picture_apart())
    }

    /// Whether layer 0 has a block of its own all the same. A long burst takes so much of a large block, and of that of
    /// the next unit, that neither has a picture; it does not take every copy of a small one.
    fn keeps_picture_apart(&self) -> bool {
        false
    }
}

/// Some neighbouring layers that are protected together.
#[derive(Debug)]
pub(crate) struct Group {
    /// The lowest layer.
    pub(crate) layer: u8,
    /// The pieces in each source shard, block by block.
    pub(crate) blocks: Vec<Vec<Vec<Piece>>>,
    /// How many units the block goes over.
    pub(crate) units: usize,
    /// Whether it is what later pictures are predicted from, all together.
    pub(crate) is_reference: bool,
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
        for range in partition(&layers, sizes, protection) {
            plan.add_group(unit, &layers, range, sizes, protection);
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
        layers: &[Vec<Item>],
        range: Range,
        sizes: Sizes,
        protection: &mut dyn Protection,
    ) {
        let items = layers[range.first..range.end].concat();
        let shards = fill_evenly(&items, sizes.room, range.sources);
        let per_block = shards.len().div_ceil(shards.len().div_ceil(MAX_SOURCES).max(1)).max(1);
        let layer = range.protected_as;
        let mut units = sizes.units(shards.len());
        if protection.parity(layer, units * shards.len()).shards == 0 {
            units = 1;
        }
        let mut blocks = Vec::new();
        for shards in shards.chunks(per_block) {
            let parity = protection.parity(layer, units * shards.len()).shards;
            let lengths = shards.iter().map(|parts| parts.iter().map(Part::cost).sum::<usize>());
            self.source += lengths.clone().sum::<usize>() + shards.len() * sizes.overhead;
            self.parity += parity * (lengths.max().unwrap_or(0) + sizes.overhead) / units;
            let pieces = |parts: &Vec<Part>| parts.iter().map(|part| part.piece(unit)).collect();
            blocks.push(shards.iter().map(pieces).collect());
        }
        self.groups.push(Group { layer, blocks, units, is_reference: protection.is_reference(layer) });
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

/// Neighbouring layers that share blocks.
#[derive(Debug, Clone, Copy)]
struct Range {
    first: usize,
    end: usize,
    /// The layer whose protection they have.
    protected_as: u8,
    /// How many source shards they are cut into at least.
    sources: usize,
}

/// The groups of neighbouring layers that take the fewest bytes on the wire with their parity: by dynamic programming
/// over where the last group begins.
fn partition(layers: &[Vec<Item>], sizes: Sizes, protection: &mut dyn Protection) -> Vec<Range> {
    let bytes: Vec<usize> = layers.iter().map(|items| items.iter().map(Item::cost).sum()).collect();
    if let Some(layer) = sizes.lies_on {
        let total = [bytes.iter().sum()];
        let (_, sources) =
            group_cost(layer, &total, sizes, protection).expect("a layer alone is always a group");
        return vec![Range { first: 0, end: layers.len(), protected_as: layer, sources }];
    }
    let together = usize::from(protection.reference_layers()).min(layers.len());
    let apart = usize::from(protection.keeps_picture_apart() && together > 1);
    let may_be_group = |first: usize, end: usize| match first {
        0 => apart == 0 || end == 1,
        _ => first >= together || first == apart,
    };
    // For each number of layers: the least bytes, and the last group.
    let mut best = vec![(0, Range { first: 0, end: 0, protected_as: 0, sources: 0 })];
    for end in 1..=layers.len() {
        let choices = (0..end).rev().filter(|&first| may_be_group(first, end)).filter_map(|first| {
            let (cost, sources) = group_cost(first as u8, &bytes[first..end], sizes, protection)?;
            Some((best[first].0 + cost, Range { first, end, protected_as: first as u8, sources }))
        });
        let least = choices.min_by_key(|&(cost, _)| cost).expect("a layer alone is always a group");
        best.push(least);
    }
    let mut groups = Vec::new();
    let mut end = layers.len();
    while end > 0 {
        let group = best[end].1;
        groups.push(group);
        end = group.first;
    }
    groups.reverse();
    groups
}

/// About how many bytes layers from `first` on take on the wire as a group, and the number of source shards with
/// which they take the fewest. `None` where they may not share a block.
fn group_cost(
    first: u8,
    bytes: &[usize],
    sizes: Sizes,
    protection: &mut dyn Protection,
) -> Option<(usize, usize)> {
    let total: usize = bytes.iter().sum();
    let fewest = total.div_ceil(sizes.room).max(1);
    let blocks = fewest.div_ceil(MAX_SOURCES);
    let is_adaptive = protection.adapts();
    let are_together = protection.is_reference(first);
    let mut choice = |sources: usize| {
        let units = sizes.units(sources);
        let parity = protection.parity(first, units * sources.div_ceil(blocks));
        let shards = units * sources + blocks * parity.shards;
        (shards * (total.div_ceil(sources) + sizes.overhead) / units, sources, parity)
    };
    let (cost, _, parity) = choice(fewest);
    // A long burst takes much of a large block, and of those of the neighbouring units with it, before it takes every
    // copy of a small one: without a picture at all nobody is helped by the bytes that sharing saves.
    let risks_picture = first == 0 && !parity.suffices && !are_together;
    let is_small = fewest == 1 && !risks_picture;
    let may_share = bytes.len() == 1
        || is_small
        || are_together
        || parity.shards == 0
        || (is_adaptive && blocks == 1 && !risks_picture);
    if !may_share {
        return None;
    }
    if !is_adaptive || parity.shards == 0 || risks_picture {
        return Some((cost, fewest));
    }
    // With more and smaller shards parity comes in finer steps.
    let finer = if are_together { FINER_REFERENCE } else { FINER };
    let most = (fewest * finer).min(MAX_SOURCES).max(fewest);
    (fewest..=most).map(choice).map(|(cost, sources, _)| (cost, sources)).min()
}

/// Fills `sources` shards, or more where these are too few, about evenly: parity shards are as long as the longest.
fn fill_evenly(items: &[Item], room: usize, sources: usize) -> Vec<Vec<Part>> {
    let shards = fill(items, room, room);
    let count = shards.len().max(sources);
    if !(2..=MAX_SOURCES).contains(&count) {
        return shards;
    }
    // Segments that fit in a datagram are only split where smaller shards are wanted.
    let is_finer = count > shards.len();
    let filled = |size: usize| fill(items, size, if is_finer { size } else { room });
    let total: usize = items.iter().map(Item::cost).sum();
    let (mut low, mut high) = ((total / count).clamp(SMALLEST, room), room);
    for _ in 0..BALANCING_STEPS {
        let middle = usize::midpoint(low, high);
        if filled(middle).len() <= count {
            high = middle;
        } else {
            low = middle;
        }
    }
    filled(high)
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
