use std::sync::Arc;

use bytes::Bytes;
use fql_unit::TrackTable;

use super::block::Block;
use super::rates::Rates;
use crate::{Time, UtcOffset};

/// Something that every viewer of a stream takes; cheap to clone, because all share it.
#[derive(Clone)]
pub struct Item {
    /// Counts shards and blocks, so that a viewer that joins takes none twice.
    pub(crate) place: u64,
    pub(crate) kind: Kind,
}

#[derive(Clone)]
pub(crate) enum Kind {
    Tracks(Arc<TrackTable>),
    Paused(bool),
    /// Where the presentation times for viewers lie in UTC, of some tracks.
    Utc(Arc<[(u8, UtcOffset)]>),
    Source(Arc<Source>),
    /// A block is closed: its parity may follow.
    Parity(Arc<Block>),
}

/// A unit of which shards come.
pub(crate) struct UnitInfo {
    pub(crate) track: u8,
    /// Its number on the track as viewers count.
    pub(crate) number: u64,
    pub(crate) is_key: bool,
    /// How many of its lowest layers later units are predicted from.
    pub(crate) reference_layers: u8,
    /// When its first shard came.
    pub(crate) came: Time,
    /// What the stream takes on the wire.
    pub(crate) rates: Arc<Rates>,
}

/// A source shard.
pub(crate) struct Source {
    pub(crate) unit: Arc<UnitInfo>,
    /// Whether it is the first of its unit.
    pub(crate) is_first: bool,
    /// The lowest layer in it, or that of a whole unit.
    pub(crate) layer: u8,
    /// The block of its layer and its index there; none for what came late.
    pub(crate) block: Option<(u64, u8)>,
    /// The same of the block of all that later units are predicted from, where it is of those layers.
    pub(crate) together: Option<(u64, u8)>,
    pub(crate) content: Bytes,
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match &self.kind {
            Kind::Tracks(tracks) => f.debug_tuple("Tracks").field(&tracks.tracks().len()).finish(),
            Kind::Paused(paused) => f.debug_tuple("Paused").field(paused).finish(),
            Kind::Utc(offsets) => f.debug_tuple("Utc").field(offsets).finish(),
            Kind::Source(source) => f
                .debug_struct("Source")
                .field("track", &source.unit.track)
                .field("unit", &source.unit.number)
                .field("layer", &source.layer)
                .finish_non_exhaustive(),
            Kind::Parity(block) => {
                f.debug_struct("Parity").field("block", &block.number).finish_non_exhaustive()
            }
        }
    }
}
