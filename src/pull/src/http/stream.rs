//! One file over HTTP, or one that never ends: MPEG-TS, Matroska, WebM, MP4.

use std::net::SocketAddr;

use reqwest::Response;

use super::{Client, of_client};
use crate::address::Address;
use crate::container::{Container, Next};
use crate::error::Error;
use crate::out::{Out, Sink};
use crate::pace::Pace;
use crate::reach::Rules;
use crate::transport_stream::TransportStream;

pub(crate) async fn transport_stream<S: Sink>(
    address: &Address,
    rules: &Rules,
    out: &mut Out<'_, S>,
) -> Result<(), Error> {
    let (_, mut response) = Client::new(rules)?.get(address.url(), None).await?;
    out.connected(peer(&response));
    let mut stream = TransportStream::paced(Pace::default());
    while let Some(chunk) = response.chunk().await.map_err(|error| of_client(&error))? {
        stream.push(&chunk, out).await?;
    }
    stream.finish(out).await
}

pub(crate) async fn container<S: Sink>(
    address: &Address,
    rules: &Rules,
    out: &mut Out<'_, S>,
) -> Result<(), Error> {
    let client = Client::new(rules)?;
    let (url, mut response) = client.get(address.url(), None).await?;
    out.connected(peer(&response));
    let length = response.content_length();
    let mut container = match length {
        Some(length) => Container::of_length(length)?,
        None => Container::new(Pace::default())?,
    };
    loop {
        let (next, is_over) = match response.chunk().await.map_err(|error| of_client(&error))? {
            Some(chunk) => (container.push(chunk, out).await?, false),
            None => (container.finish(out).await?, true),
        };
        if let Next::GoOnAt(place) = next {
            // Its index is at its end.
            let rest = place..length.unwrap_or(u64::MAX);
            (_, response) = client.get(&url, Some(rest)).await?;
        } else if is_over {
            return Ok(());
        }
    }
}

/// The other end, where it is known.
pub(super) fn peer(response: &Response) -> SocketAddr {
    response.remote_addr().unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)))
}
