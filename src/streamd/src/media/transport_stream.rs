//! A stream as the bytes of an MPEG transport stream: for SRT, for `/play/<id>.ts`, for whatever takes bytes.

use std::sync::Arc;

use bytes::Bytes;
use fql_mpegts::Muxer;

use super::{MediaUnit, Subscription, Watched};

/// What a transport stream gives.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// Whole packets of 188 bytes: those of one unit, and the tables and the clock before it.
    Packets(Bytes),
    /// Nobody publishes the stream any more. If somebody begins again, it goes on.
    Offline,
}

/// The packets of a stream's tracks, as far as a transport stream can carry them: H.264, H.265, AAC, Opus, MPEG audio and
/// KLV. It begins with the tables and a key picture, where there are pictures.
#[derive(Debug)]
pub struct TransportStream {
    subscription: Subscription,
    /// `None` while there is no track that it can carry.
    muxer: Option<Muxer>,
}

impl TransportStream {
    /// Of this subscription.
    pub fn new(subscription: Subscription) -> Self {
        Self { subscription, muxer: None }
    }

    /// Waits until the stream says what its tracks are. Gives whether a transport stream can carry any of them.
    pub async fn begins(&mut self) -> bool {
        if let Some(first) = self.subscription.next().await {
            // Nothing but the tracks comes first, or that nobody publishes.
            let _ = self.take(first);
        }
        self.muxer.is_some()
    }

    /// What comes next; none once the stream is archived, or the daemon ends. Cancelling the wait loses nothing.
    pub async fn next(&mut self) -> Option<Piece> {
        loop {
            let watched = self.subscription.next().await?;
            if let Some(piece) = self.take(watched) {
                return Some(piece);
            }
        }
    }

    /// What is there already.
    pub fn try_next(&mut self) -> Option<Piece> {
        loop {
            let watched = self.subscription.try_next()?;
            if let Some(piece) = self.take(watched) {
                return Some(piece);
            }
        }
    }

    fn take(&mut self, watched: Watched) -> Option<Piece> {
        match watched {
            Watched::Tracks(tracks) => {
                let goes_on = self.muxer.as_mut().is_some_and(|muxer| muxer.change(&tracks).is_ok());
                if !goes_on {
                    self.muxer = Muxer::new(&tracks).ok();
                }
                None
            }
            Watched::Unit(unit) => self.packets(&unit).map(Piece::Packets),
            Watched::Paused(_) => None,
            Watched::Offline => Some(Piece::Offline),
        }
    }

    fn packets(&mut self, unit: &Arc<MediaUnit>) -> Option<Bytes> {
        let (muxer, data) = (self.muxer.as_mut()?, unit.data()?);
        let unit = fql_mpegts::Unit {
            track: unit.track,
            decoding: unit.dts,
            presentation: unit.pts(),
            duration: unit.duration,
            key: unit.key,
            discont: unit.discont,
            data: data.clone(),
        };
        let mut packets = Vec::new();
        muxer.write(&unit, &mut packets);
        (!packets.is_empty()).then(|| packets.into())
    }
}
