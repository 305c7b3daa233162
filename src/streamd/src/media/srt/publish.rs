//! A caller that publishes: its transport stream becomes tracks and units.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use fql_mpegts::{Demuxer, Event, Unit};
use fql_srt::{Connection, MAX_PAYLOAD};

use crate::media::{Ended, Media, Origin, Protocol, Publication, SourceUnit};

/// An end after media that is not older than this was a goodbye. libsrt says only that a connection has ended; but one
/// whose other end is gone without a word ends after 5 s of silence.
const LATELY: Duration = Duration::from_secs(3);

/// Until the caller ends, the hub ends it, or what it was let in with is of no account any more.
pub async fn run(
    connection: Connection,
    media: &Media,
    stream_key: &str,
    other_passphrase: impl Future<Output = ()>,
) {
    let peer = connection.peer();
    let origin = Origin { protocol: Protocol::Srt, address: peer };
    let mut publication = match media.publish(stream_key, origin).await {
        Ok(publication) => publication,
        Err(refused) => {
            tracing::info!(%peer, %refused, "a publisher by SRT is refused");
            return;
        }
    };
    let stream = publication.entry().id.clone();
    tracing::info!(%peer, %stream, "a publisher by SRT begins");
    let (demuxer, ended) = take(&connection, &mut publication, pin!(other_passphrase)).await;
    let losses = demuxer.losses();
    let lost = connection.statistics().map_or(0, |statistics| statistics.packets_dropped);
    match ended {
        Ok(End::Goodbye) => publication.end(),
        Ok(End::Silence) => drop(publication),
        Ok(End::OtherPassphrase) => {
            publication.end();
            tracing::info!(%peer, %stream, "a publisher by SRT is ended: the stream has another passphrase");
        }
        Err(why) => tracing::info!(%peer, %stream, %why, "a publisher by SRT is ended"),
    }
    tracing::info!(%peer, %stream, lost, units_lost = losses.units, "a publisher by SRT has ended");
}

enum End {
    Goodbye,
    Silence,
    /// The stream has another passphrase than the connection.
    OtherPassphrase,
}

/// Takes what comes.
async fn take(
    connection: &Connection,
    publication: &mut Publication,
    mut other_passphrase: Pin<&mut impl Future<Output = ()>>,
) -> (Demuxer, Result<End, Ended>) {
    let mut demuxer = Demuxer::new();
    let mut told = Told { peer: connection.peer(), tracks: false };
    let mut payload = [0; MAX_PAYLOAD];
    let mut heard = Instant::now();
    loop {
        let length = tokio::select! {
            ended = publication.ended() => return (demuxer, Err(ended)),
            () = &mut other_passphrase => return (demuxer, Ok(End::OtherPassphrase)),
            length = connection.receive(&mut payload) => length,
        };
        let Some(length) = length else { break };
        heard = Instant::now();
        demuxer.push(&payload[..length]);
        if let Err(ended) = told.hand_on(&mut demuxer, publication) {
            return (demuxer, Err(ended));
        }
    }
    demuxer.finish();
    let end = if heard.elapsed() < LATELY { End::Goodbye } else { End::Silence };
    let ended = told.hand_on(&mut demuxer, publication).map(|()| end);
    (demuxer, ended)
}

/// What was said of the stream.
struct Told {
    peer: SocketAddr,
    tracks: bool,
}

impl Told {
    fn hand_on(&mut self, demuxer: &mut Demuxer, publication: &mut Publication) -> Result<(), Ended> {
        while let Some(event) = demuxer.next_event() {
            match event {
                Event::Tracks(table) => {
                    tracing::info!(peer = %self.peer, tracks = table.tracks().len(), again = self.tracks, "tracks by SRT");
                    self.tracks = true;
                    publication.tracks(table)?;
                }
                Event::Unit(unit) => publication.unit(source_unit(unit))?,
            }
        }
        Ok(())
    }
}

fn source_unit(unit: Unit) -> SourceUnit {
    let Unit { track, decoding, presentation, duration, key, data, .. } = unit;
    // Times of a transport stream stay far below 2^63 ns.
    SourceUnit { track, dts: decoding as i64, pts: presentation as i64, duration, key, data }
}
