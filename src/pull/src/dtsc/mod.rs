//! MistServer's protocol, DTSC over TCP.

mod packed;
mod session;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::address::Address;
use crate::error::{Error, Reason};
use crate::out::{Out, Sink};
use crate::pace::Pace;
use crate::reach::{self, Rules};
use session::{Event, Session};

/// What is read at a time.
const PIECE: usize = 64 << 10;

pub(crate) async fn pull<S: Sink>(
    address: &Address,
    rules: &Rules,
    out: &mut Out<'_, S>,
) -> Result<(), Error> {
    let (host, port) = address.host_and_port();
    let found = reach::resolve(host, port, rules).await?;
    let mut connection = reach::connect(&found, rules).await?;
    if let Ok(peer) = connection.peer_addr() {
        out.connected(peer);
    }
    let stream = address.url().path().trim_matches('/');
    let options: Vec<_> =
        address.url().query_pairs().map(|(name, value)| (name.into(), value.into())).collect();
    send(&mut connection, &session::play(stream, &options)).await?;
    let (mut session, pace) = (Session::default(), Pace::default());
    let mut piece = vec![0; PIECE];
    let mut has_played = false;
    loop {
        let length = connection.read(&mut piece).await.unwrap_or(0);
        if length == 0 && has_played {
            return Ok(());
        }
        if length == 0 {
            return Err(Error::new(Reason::NoMedia, "it ended before any media came"));
        }
        let events = session.take(&piece[..length]).map_err(|_| Error::malformed("it speaks no DTSC"))?;
        for event in events {
            match event {
                // Whether the origin has gone is seen where it is read from.
                Event::Send(bytes) => drop(send(&mut connection, &bytes).await),
                Event::Tracks(table) if table.tracks().is_empty() => {}
                Event::Tracks(table) => out.tracks(table).await?,
                Event::Unit(unit) => {
                    has_played = true;
                    pace.wait(unit.dts).await;
                    out.unit(unit)?;
                }
                Event::Refused(why) => {
                    return Err(Error::new(Reason::NotFound, format!("the origin says: {why}")));
                }
            }
        }
    }
}

async fn send(connection: &mut TcpStream, bytes: &[u8]) -> Result<(), Error> {
    connection.write_all(bytes).await.map_err(|_| Error::new(Reason::Lost, "the connection ended"))
}
