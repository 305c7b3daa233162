//! Pictures and sound that have a playlist each, put together.

use std::collections::BTreeMap;

use fql_transport::ReceiverEvent;
use fql_unit::{Track, TrackTable};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Rendition;
use crate::error::Error;
use crate::gather::Gather;
use crate::out::{Out, Sink, Stopped, Unit};

/// The most tracks of pictures that are taken, and of sound.
const MOST_OF_A_KIND: u8 = 16;

/// What a rendition gives.
enum Piece {
    Tracks(TrackTable),
    Unit(Unit),
}

/// Where a rendition goes. What waits is part of a segment of each, which wait for their server between two.
struct Part {
    is_sound: bool,
    to: UnboundedSender<(bool, Piece)>,
}

impl Sink for Part {
    fn connected(&mut self, _: std::net::SocketAddr) {}

    async fn tracks(&mut self, tracks: TrackTable) -> Result<(), Stopped> {
        self.to.send((self.is_sound, Piece::Tracks(tracks))).map_err(|_| Stopped)
    }

    async fn relay(&mut self, _: ReceiverEvent) -> Result<(), Stopped> {
        Err(Stopped)
    }

    fn unit(&mut self, unit: Unit) -> Result<(), Stopped> {
        self.to.send((self.is_sound, Piece::Unit(unit))).map_err(|_| Stopped)
    }
}

/// Follows both until both have ended, or one fails.
pub(super) async fn follow<S: Sink>(
    pictures: Rendition<'_>,
    sound: Rendition<'_>,
    out: &mut Out<'_, S>,
) -> Result<(), Error> {
    let (to, mut from) = unbounded_channel();
    let (mut of_pictures, mut of_sound) =
        (Part { is_sound: false, to: to.clone() }, Part { is_sound: true, to });
    let both = async {
        let (mut to_pictures, mut to_sound) = (Out::new(&mut of_pictures).0, Out::new(&mut of_sound).0);
        tokio::try_join!(pictures.follow(&mut to_pictures), sound.follow(&mut to_sound)).map(drop)
    };
    let mut joined = Joined::default();
    tokio::pin!(both);
    let ended = loop {
        tokio::select! {
            biased;
            ended = &mut both => break ended,
            Some((is_sound, piece)) = from.recv() => joined.take(is_sound, piece, out).await?,
        }
    };
    joined.rest(&mut from, out).await?;
    ended
}

/// The tracks of both, under numbers of their own.
#[derive(Default)]
struct Joined {
    gather: Gather,
    /// By whether it is of the sound, and by its number there, which is another one's after a discontinuity.
    numbers: BTreeMap<(bool, u8), u8>,
    tables: [Option<TrackTable>; 2],
}

impl Joined {
    async fn take<S: Sink>(
        &mut self,
        is_sound: bool,
        piece: Piece,
        out: &mut Out<'_, S>,
    ) -> Result<(), Error> {
        match piece {
            Piece::Tracks(table) => {
                self.tables[usize::from(is_sound)] = Some(table);
                self.tell(out).await
            }
            Piece::Unit(unit) => {
                let Some(&track) = self.numbers.get(&(is_sound, unit.track)) else { return Ok(()) };
                for unit in self.gather.unit(Unit { track, ..unit }, out).await? {
                    out.unit(unit)?;
                }
                Ok(())
            }
        }
    }

    /// Says what tracks there are, of which only those count that a rendition is for.
    async fn tell<S: Sink>(&mut self, out: &mut Out<'_, S>) -> Result<(), Error> {
        // A track goes on as the one that was in its place among those of its kind.
        let places = [false, true].map(|kind| self.tracks().filter(move |(is_sound, _)| *is_sound == kind));
        let placed = places.into_iter().flat_map(|kind| (0..MOST_OF_A_KIND).zip(kind));
        let (mut numbers, mut media) = (BTreeMap::new(), BTreeMap::new());
        for (place, (is_sound, track)) in placed {
            let number = 2 * place + u8::from(is_sound);
            numbers.insert((is_sound, track.id), number);
            media.insert(number, track.media.clone());
        }
        self.numbers = numbers;
        if self.tables.iter().all(Option::is_some) {
            self.gather.expect(media.len());
        }
        self.gather.tracks(media, out).await
    }

    fn tracks(&self) -> impl Iterator<Item = (bool, &Track)> {
        let of = |is_sound: bool| {
            let tracks = self.tables[usize::from(is_sound)].iter().flat_map(|table| table.tracks());
            tracks.filter(move |track| track.media.is_audio() == is_sound)
        };
        of(false).map(|track| (false, track)).chain(of(true).map(|track| (true, track)))
    }

    /// What came before the end.
    async fn rest<S: Sink>(
        &mut self,
        from: &mut UnboundedReceiver<(bool, Piece)>,
        out: &mut Out<'_, S>,
    ) -> Result<(), Error> {
        while let Ok((is_sound, piece)) = from.try_recv() {
            self.take(is_sound, piece, out).await?;
        }
        for unit in self.gather.finish(out).await? {
            out.unit(unit)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use fql_unit::encoded::{ENCODED_AUDIO_LAYERS, ENCODED_VIDEO_LAYERS};
    use fql_unit::{AudioCodec, EncodedAudioInfo, EncodedVideoInfo, Media, VideoCodec};

    use super::*;

    /// Keeps what it is given.
    #[derive(Default)]
    struct Kept {
        /// The numbers of the tracks, and whether each is of sound.
        tables: Vec<Vec<(u8, bool)>>,
        units: Vec<(u8, Bytes)>,
    }

    impl Sink for Kept {
        fn connected(&mut self, _: std::net::SocketAddr) {}

        async fn tracks(&mut self, tracks: TrackTable) -> Result<(), Stopped> {
            self.tables
                .push(tracks.tracks().iter().map(|track| (track.id, track.media.is_audio())).collect());
            Ok(())
        }

        async fn relay(&mut self, _: ReceiverEvent) -> Result<(), Stopped> {
            Err(Stopped)
        }

        fn unit(&mut self, unit: Unit) -> Result<(), Stopped> {
            self.units.push((unit.track, unit.data));
            Ok(())
        }
    }

    fn table(kinds: &str) -> Piece {
        let track = |(id, kind)| {
            let (layers, media) = match kind {
                'v' => (ENCODED_VIDEO_LAYERS, pictures()),
                _ => (ENCODED_AUDIO_LAYERS, sound()),
            };
            Track { id, name: String::new(), layers, media }
        };
        Piece::Tracks(TrackTable::new((0..).zip(kinds.chars()).map(track).collect()).unwrap())
    }

    fn pictures() -> Media {
        Media::EncodedVideo(EncodedVideoInfo {
            codec: VideoCodec::H264,
            width: 320,
            height: 180,
            frame_rate: (25, 1),
            config: Vec::new(),
            caps: "video/x-h264".to_owned(),
        })
    }

    fn sound() -> Media {
        Media::EncodedAudio(EncodedAudioInfo {
            codec: AudioCodec::Opus,
            rate: 48_000,
            channels: 2,
            config: Vec::new(),
            caps: "audio/x-opus".to_owned(),
        })
    }

    fn unit(track: u8, data: &'static str) -> Piece {
        Piece::Unit(Unit {
            track,
            dts: 0,
            pts: 0,
            duration: 0,
            key: true,
            data: Bytes::from_static(data.as_bytes()),
        })
    }

    #[tokio::test]
    async fn the_tracks_of_another_part_take_the_places_of_those_before() {
        let mut kept = Kept::default();
        let (mut out, _) = Out::new(&mut kept);
        let mut joined = Joined::default();
        for (is_sound, piece) in [
            (false, table("v")),
            (true, table("a")),
            (false, unit(0, "picture")),
            (true, unit(0, "sound")),
            // Of an advertisement that has both.
            (false, table("av")),
            (false, unit(0, "sound of the advertisement")),
            (false, unit(1, "picture of the advertisement")),
            (true, unit(0, "sound")),
            // One that has more pictures, and the same without.
            (false, table("vv")),
            (false, unit(1, "more")),
            (false, table("v")),
            (false, unit(1, "nobody's")),
            // One that has sound alone, and the pictures again.
            (false, table("a")),
            (false, unit(0, "sound alone")),
            (true, table("")),
            (false, table("v")),
            (false, unit(0, "picture")),
        ] {
            joined.take(is_sound, piece, &mut out).await.unwrap();
        }
        let units = kept.units.iter().map(|(track, data)| (*track, std::str::from_utf8(data).unwrap()));
        assert_eq!(
            units.collect::<Vec<_>>(),
            [
                (0, "picture"),
                (1, "sound"),
                (0, "picture of the advertisement"),
                (1, "sound"),
                (2, "more"),
                (0, "picture"),
            ]
        );
        let (both, more) = (vec![(0, false), (1, true)], vec![(0, false), (1, true), (2, false)]);
        assert_eq!(kept.tables, [both.clone(), more, both, vec![(1, true)], vec![(0, false)]]);
    }
}
