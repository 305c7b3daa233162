//! Tracks that say one after the other what they are, and units that wait until all have.

use std::collections::BTreeMap;

use fql_unit::encoded::{ENCODED_AUDIO_LAYERS, ENCODED_VIDEO_LAYERS};
use fql_unit::{Media, Track, TrackTable};

use crate::error::{Error, Reason};
use crate::out::{Out, Sink, Unit};

/// The most units that are held for the track table, and how much media they may be, in nanoseconds.
const MOST_WAITING: usize = 2048;
const PATIENCE: i64 = 2_000_000_000;

/// What is known of the tracks.
#[derive(Default)]
pub(crate) struct Gather {
    /// How many there are, once that is known.
    expected: Option<usize>,
    media: BTreeMap<u8, Media>,
    told: bool,
    waiting: Vec<Unit>,
}

impl Gather {
    /// Says how many tracks there are.
    pub fn expect(&mut self, tracks: usize) {
        self.expected = Some(tracks);
    }

    /// Takes what a track is.
    pub async fn media<S: Sink>(&mut self, id: u8, media: Media, out: &mut Out<'_, S>) -> Result<(), Error> {
        if self.media.insert(id, media.clone()) != Some(media) && self.told {
            out.tracks(self.table()?).await?;
        }
        Ok(())
    }

    /// Takes a unit; gives the units that may go on.
    pub async fn unit<S: Sink>(&mut self, unit: Unit, out: &mut Out<'_, S>) -> Result<Vec<Unit>, Error> {
        if self.told {
            return Ok(if self.media.contains_key(&unit.track) { vec![unit] } else { Vec::new() });
        }
        self.waiting.push(unit);
        let times = || self.waiting.iter().map(|unit| unit.dts);
        let span = times().max().unwrap_or(0).saturating_sub(times().min().unwrap_or(0));
        let is_all = self.expected.is_some_and(|expected| self.media.len() >= expected);
        let is_late = !self.media.is_empty() && (span > PATIENCE || self.waiting.len() >= MOST_WAITING);
        if !is_all && !is_late {
            // Without a track that is known nothing is held for long.
            self.waiting.truncate(MOST_WAITING);
            return Ok(Vec::new());
        }
        self.told = true;
        out.tracks(self.table()?).await?;
        let mut units = std::mem::take(&mut self.waiting);
        units.retain(|unit| self.media.contains_key(&unit.track));
        Ok(units)
    }

    /// The units that wait although nothing more is to come.
    pub async fn finish<S: Sink>(&mut self, out: &mut Out<'_, S>) -> Result<Vec<Unit>, Error> {
        if self.told || self.media.is_empty() {
            return Ok(Vec::new());
        }
        self.told = true;
        out.tracks(self.table()?).await?;
        let mut units = std::mem::take(&mut self.waiting);
        units.retain(|unit| self.media.contains_key(&unit.track));
        Ok(units)
    }

    fn table(&self) -> Result<TrackTable, Error> {
        let track = |(&id, media): (&u8, &Media)| {
            let layers = if media.is_video() { ENCODED_VIDEO_LAYERS } else { ENCODED_AUDIO_LAYERS };
            Track { id, name: String::new(), layers, media: media.clone() }
        };
        let table = TrackTable::new(self.media.iter().map(track).collect());
        table.map_err(|error| Error::new(Reason::Malformed, error.to_string()))
    }
}
