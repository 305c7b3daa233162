//! Units that a source in the same process brings, without any network between: they become the shards that a publisher's
//! session would give.

use fql_unit::{Media, Timing, Track, Unit};

use crate::fanout::MAX_CONTENT;
use crate::piece::{self, UnitHeader};
use crate::plan::{Cut, Parity, Plan, Protection, Sizes};
use crate::{Error, Shard};

/// Bytes of the longest presentation time: viewers get times of their own.
const LONGEST_PTS: usize = 9;

/// Nothing is lost between a source and a fan-out in one process; viewers' parity is the fan-out's to make.
struct NoLoss;

impl Protection for NoLoss {
    fn parity(&mut self, _layer: u8, _sources: usize) -> Parity {
        Parity { shards: 0, suffices: true }
    }

    fn adapts(&self) -> bool {
        true
    }
}

/// All shards of a unit, for [`Fanout::push`](crate::Fanout::push), as large as fit in a viewer's datagram with its parity.
/// `number` counts the units of the track in one publishing session from 0 up; the last shard says that nothing more of
/// the unit follows. A unit without any segment gives none.
///
/// # Errors
/// Where the unit has another number of layers than its track, or its presentation time is out of range.
pub fn shards(track: &Track, number: u64, timing: Timing, unit: &Unit) -> Result<Vec<Shard>, Error> {
    if unit.layers() != track.layers {
        return Err(Error::Layers { track: track.id, found: unit.layers(), expected: track.layers });
    }
    if timing.pts > piece::MAX_PTS {
        return Err(Error::Pts(timing.pts));
    }
    let coded = unit.coded_layers();
    let header = UnitHeader::of(unit, track.id, number as u32, timing, coded);
    let plan = Plan::new(unit, Cut { layers: coded, top: 1.0 }, sizes(&header, &track.media), &mut NoLoss);
    let contents = plan.groups.iter().flat_map(|group| group.blocks.iter().flatten());
    let shard = |pieces: &Vec<_>| Shard::new(&header, number, pieces, piece::encode(&header, pieces));
    let mut shards: Vec<Shard> = contents.map(shard).collect();
    if let Some(last) = shards.last_mut() {
        last.closed = (1 << coded) - 1;
    }
    Ok(shards)
}

fn sizes(header: &UnitHeader, media: &Media) -> Sizes {
    let mut repeated = Vec::new();
    header.encode(&mut repeated);
    let repeated = repeated.len() + LONGEST_PTS - piece::varint_len(header.timing.pts);
    Sizes {
        room: MAX_CONTENT - repeated,
        overhead: repeated,
        units: 1,
        lies_on: media.is_encoded().then(|| header.coded.saturating_sub(1)),
    }
}
