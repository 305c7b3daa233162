//! A caller that watches: the stream's units become a transport stream again.

use std::time::Duration;

use bytes::{Buf, BytesMut};
use fql_srt::{Connection, Error, MAX_PAYLOAD, PAYLOAD};
use tokio::time::{Instant, interval, sleep};

use crate::media::transport_stream::{Piece, TransportStream};
use crate::media::{Media, Subscribing, Takes, Watcher};

/// How far it may be behind before it loses units: libsrt gives up what is too late as well.
const MOST_BEHIND: Duration = Duration::from_secs(2);
/// How long the end waits for the other end to have everything.
const LAST_PACKETS: Duration = Duration::from_secs(2);
/// How long the other end has for what it holds, beyond the latency.
const HANDING_ON: Duration = Duration::from_millis(100);

/// Until the stream ends or the caller has gone.
pub async fn run(connection: Connection, media: &Media, playback_id: &str) {
    let peer = connection.peer();
    let watcher = Some(Watcher { protocol: "srt", address: peer });
    let how = Subscribing { watcher, most_behind: MOST_BEHIND };
    let Ok(subscription) = media.subscribe_as(playback_id, how, Takes::TRANSPORT_STREAM) else {
        return;
    };
    let stream = TransportStream::new(subscription);
    tokio::select! {
        sent = send(&connection, stream) => if sent.is_ok() {
            last_packets(&connection).await;
        },
        () = until_it_has_gone(&connection) => {}
    }
}

/// Sends all there is, until the stream goes offline: players take that as its end.
async fn send(connection: &Connection, mut stream: TransportStream) -> Result<(), Error> {
    let mut waiting = BytesMut::new();
    while let Some(piece) = stream.next().await {
        let mut is_over = take(piece, &mut waiting);
        while !is_over && let Some(piece) = stream.try_next() {
            is_over = take(piece, &mut waiting);
            send_payloads(connection, &mut waiting, PAYLOAD).await?;
        }
        // What does not fill a payload leaves all the same, for nothing else is there now.
        send_payloads(connection, &mut waiting, 1).await?;
        if is_over {
            break;
        }
    }
    Ok(())
}

/// Whether the stream is over.
fn take(piece: Piece, waiting: &mut BytesMut) -> bool {
    match piece {
        Piece::Packets(packets) => {
            waiting.extend_from_slice(&packets);
            false
        }
        Piece::Offline => true,
    }
}

/// Sends payloads while so many bytes are there.
async fn send_payloads(
    connection: &Connection,
    waiting: &mut BytesMut,
    at_least: usize,
) -> Result<(), Error> {
    while waiting.len() >= at_least {
        let length = waiting.len().min(PAYLOAD);
        connection.send(&waiting[..length]).await?;
        waiting.advance(length);
    }
    Ok(())
}

/// What comes from one that watches is of no interest, but that nothing more can come is.
async fn until_it_has_gone(connection: &Connection) {
    let mut payload = [0; MAX_PAYLOAD];
    while connection.receive(&mut payload).await.is_some() {}
}

/// Waits until the other end has everything and has handed it on, as late as was agreed: what it holds when it hears of
/// the end, it may drop. libsrt does not tell when all is acknowledged, so it is asked.
async fn last_packets(connection: &Connection) {
    let (begun, mut ticks) = (Instant::now(), interval(Duration::from_millis(10)));
    while connection.unsent() > 0 && begun.elapsed() < LAST_PACKETS {
        ticks.tick().await;
    }
    let latency = connection.statistics().map_or(Duration::ZERO, |statistics| statistics.peer_latency);
    sleep(latency.min(LAST_PACKETS) + HANDING_ON).await;
}
