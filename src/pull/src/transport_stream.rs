//! What comes out of a transport stream, on its way to the sink.

use fql_mpegts::{Demuxer, Event};

use crate::error::Error;
use crate::out::{Out, Sink, Unit};
use crate::pace::Pace;

/// A transport stream that is being read.
#[derive(Default)]
pub(crate) struct TransportStream {
    demuxer: Demuxer,
    /// For what comes faster than it passes.
    pace: Option<Pace>,
    has_begun: bool,
}

impl TransportStream {
    /// Of what comes as fast as it passes.
    pub fn live() -> Self {
        Self::default()
    }

    /// Of what comes in pieces, or all at once.
    pub fn paced(pace: Pace) -> Self {
        Self { pace: Some(pace), ..Self::default() }
    }

    /// Whether nothing has come yet.
    pub fn is_fresh(&self) -> bool {
        !self.has_begun
    }

    /// Takes bytes, in pieces of any size.
    pub async fn push<S: Sink>(&mut self, bytes: &[u8], out: &mut Out<'_, S>) -> Result<(), Error> {
        self.has_begun = true;
        // No more than the demuxer is made for between two looks at what came out.
        for piece in bytes.chunks(64 << 10) {
            self.demuxer.push(piece);
            self.hand_on(out).await?;
        }
        Ok(())
    }

    /// Nothing more is to come.
    pub async fn finish<S: Sink>(&mut self, out: &mut Out<'_, S>) -> Result<(), Error> {
        self.demuxer.finish();
        self.hand_on(out).await
    }

    async fn hand_on<S: Sink>(&mut self, out: &mut Out<'_, S>) -> Result<(), Error> {
        while let Some(event) = self.demuxer.next_event() {
            match event {
                Event::Tracks(table) => out.tracks(table).await?,
                Event::Unit(unit) => {
                    let unit = of_demuxer(unit);
                    if let Some(pace) = &self.pace {
                        pace.wait(unit.dts).await;
                    }
                    out.unit(unit)?;
                }
            }
        }
        Ok(())
    }
}

fn of_demuxer(unit: fql_mpegts::Unit) -> Unit {
    let fql_mpegts::Unit { track, decoding, presentation, duration, key, data, .. } = unit;
    // Times of a transport stream stay far below 2^63 ns.
    Unit { track, dts: decoding as i64, pts: presentation as i64, duration, key, data }
}
