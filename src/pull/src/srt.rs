//! A listener of SRT that is called.

use std::time::Duration;

use fql_srt::{Call, Connection, MAX_PAYLOAD};
use tokio::time::timeout;

use crate::address::Address;
use crate::error::{Error, Reason};
use crate::out::{Out, Sink};
use crate::reach::{self, Rules};
use crate::transport_stream::TransportStream;

/// How long media waits for what was lost before it, where the address says nothing.
const LATENCY: Duration = Duration::from_millis(120);
/// The longest that an address may ask for.
const LONGEST_LATENCY: u64 = 8_000;

pub(crate) async fn pull<S: Sink>(
    address: &Address,
    rules: &Rules,
    out: &mut Out<'_, S>,
) -> Result<(), Error> {
    let (host, port) = address.host_and_port();
    let mut error = Error::new(Reason::Unreachable, "there is no address");
    for found in reach::resolve(host, port, rules).await? {
        let call = Call {
            address: found,
            stream_id: address.query("streamid").unwrap_or_default(),
            passphrase: address.query("passphrase"),
            latency: latency(address),
        };
        match timeout(rules.patience, Connection::call(call)).await {
            Ok(Ok(connection)) => {
                out.connected(found);
                return take(&connection, out).await;
            }
            Ok(Err(why)) => error = refused(&why),
            Err(_) => error = Error::new(Reason::Unreachable, format!("{found} does not answer")),
        }
    }
    Err(error)
}

async fn take<S: Sink>(connection: &Connection, out: &mut Out<'_, S>) -> Result<(), Error> {
    let mut stream = TransportStream::live();
    let mut payload = [0; MAX_PAYLOAD];
    while let Some(length) = connection.receive(&mut payload).await {
        stream.push(&payload[..length], out).await?;
    }
    stream.finish(out).await
}

fn latency(address: &Address) -> Duration {
    let asked = address.query("latency").and_then(|text| text.parse::<u64>().ok());
    asked.map_or(LATENCY, |milliseconds| Duration::from_millis(milliseconds.clamp(20, LONGEST_LATENCY)))
}

fn refused(why: &fql_srt::Error) -> Error {
    let reason = match why {
        // The passphrase is wrong, or there is none; the key is not known; it is not allowed.
        fql_srt::Error::Refused(reject) => match reject.code() {
            10 | 11 | 1401 | 1403 => Reason::Unauthorized,
            1404 => Reason::NotFound,
            16 => Reason::Unreachable,
            _ => Reason::Refused,
        },
        _ => Reason::Unreachable,
    };
    Error::new(reason, why.to_string())
}
