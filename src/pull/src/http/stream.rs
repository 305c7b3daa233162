//! One file over HTTP, or one that never ends: MPEG-TS, Matroska, WebM, MP4.

use std::net::SocketAddr;

use reqwest::Response;

use super::{Client, of_client};
use crate::address::Address;
use crate::container::Container;
use crate::error::Error;
use crate::out::{Out, Sink};
use crate::reach::Rules;
use crate::transport_stream::TransportStream;

pub(crate) async fn transport_stream<S: Sink>(
    address: &Address,
    rules: &Rules,
    out: &mut Out<'_, S>,
) -> Result<(), Error> {
    let mut response = open(address, rules, out).await?;
    let mut stream = TransportStream::paced();
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
    let mut response = open(address, rules, out).await?;
    let mut container = Container::new()?;
    while let Some(chunk) = response.chunk().await.map_err(|error| of_client(&error))? {
        container.push(&chunk, out).await?;
    }
    container.finish(out).await
}

async fn open<S: Sink>(address: &Address, rules: &Rules, out: &mut Out<'_, S>) -> Result<Response, Error> {
    let (_, response) = Client::new(rules)?.get(address.url(), None).await?;
    out.connected(peer(&response));
    Ok(response)
}

/// The other end, where it is known.
pub(super) fn peer(response: &Response) -> SocketAddr {
    response.remote_addr().unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)))
}
