//! Tracks that say one after the other what they are, and units that wait until all have.

use std::collections::BTreeMap;

use fql_unit::encoded::{ENCODED_AUDIO_LAYERS, ENCODED_VIDEO_LAYERS};
use fql_unit::{Media, Track, TrackTable};

use crate::error::{Error, Reason};
use crate::out::{Out, Sink, Unit};

/// The most units that are held for the track table, how many bytes, and how much media they may be, in nanoseconds.
const MOST_WAITING: usize = 2048;
const MOST_BYTES: usize = 16 << 20;
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

    /// Takes all that there are, in the place of those before.
    pub async fn tracks<S: Sink>(
        &mut self,
        media: BTreeMap<u8, Media>,
        out: &mut Out<'_, S>,
    ) -> Result<(), Error> {
        let is_other = self.media != media;
        self.media = media;
        // Where none is left, more are on their way.
        if self.told && is_other && !self.media.is_empty() {
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
        let is_large = self.waiting.iter().map(|unit| unit.data.len()).sum::<usize>() > MOST_BYTES;
        if is_large && self.media.is_empty() {
            let detail = format!("no track says what it is within {MOST_BYTES} bytes");
            return Err(Error::new(Reason::TooLarge, detail));
        }
        let is_late =
            !self.media.is_empty() && (span > PATIENCE || is_large || self.waiting.len() >= MOST_WAITING);
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use fql_unit::{AudioCodec, EncodedAudioInfo};

    use super::*;
    use crate::out::tests::Taken;

    fn unit(bytes: usize) -> Unit {
        Unit { track: 0, dts: 0, pts: 0, duration: 0, key: true, data: Bytes::from(vec![0; bytes]) }
    }

    #[tokio::test]
    async fn what_waits_for_the_tracks_is_no_more_than_its_bytes() {
        let mut taken = Taken::default();
        let (mut out, _) = Out::new(&mut taken);
        let mut gather = Gather::default();
        gather.expect(2);
        assert_eq!(gather.unit(unit(MOST_BYTES), &mut out).await, Ok(Vec::new()));
        assert_eq!(gather.unit(unit(1), &mut out).await.unwrap_err().reason, Reason::TooLarge);

        let mut gather = Gather::default();
        gather.expect(2);
        let sound = EncodedAudioInfo {
            codec: AudioCodec::Opus,
            rate: 48_000,
            channels: 2,
            config: Vec::new(),
            caps: "audio/x-opus".to_owned(),
        };
        gather.media(0, Media::EncodedAudio(sound), &mut out).await.unwrap();
        assert_eq!(gather.unit(unit(MOST_BYTES), &mut out).await, Ok(Vec::new()));
        let units = gather.unit(unit(1), &mut out).await.unwrap();
        assert_eq!(units.len(), 2, "the track that is known goes on without the other");
        assert_eq!(taken.tables, 1);
    }
}
