//! Pictures and sound that have a playlist each, put together.

use std::collections::BTreeMap;

use fql_transport::ReceiverEvent;
use fql_unit::{Track, TrackTable};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Rendition;
use crate::error::Error;
use crate::gather::Gather;
use crate::out::{Out, Sink, Stopped, Unit};

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
    /// By whether it is of the sound, and by its number there.
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
        if self.tables.iter().all(Option::is_some) {
            self.gather.expect(self.tracks().count());
        }
        let tracks: Vec<_> = self.tracks().map(|(is_sound, track)| (is_sound, track.clone())).collect();
        for (is_sound, track) in tracks {
            let next = u8::try_from(self.numbers.len()).unwrap_or(u8::MAX);
            let number = *self.numbers.entry((is_sound, track.id)).or_insert(next);
            self.gather.media(number, track.media, out).await?;
        }
        Ok(())
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
