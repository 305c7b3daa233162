//! Where a name leads, and whether to go there.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::address::Address;
use crate::error::{Error, Reason};

/// The most addresses of one name that are tried.
const MOST_ADDRESSES: usize = 8;

/// Says where this machine may go.
pub trait Judge: Send + Sync {
    /// Whether this address may be connected to.
    fn may_connect(&self, address: IpAddr) -> bool;

    /// Whether what is sent to this address, one of this machine or a group, may be taken.
    fn may_listen(&self, address: IpAddr) -> bool;
}

/// What holds for all sources.
#[derive(Clone)]
pub struct Rules {
    /// Where this machine may go.
    pub judge: Arc<dyn Judge>,
    /// How long connecting may take, the first media after it, and later a pause in it.
    pub patience: Duration,
}

/// The addresses that the host leads to and that may be connected to; at least one.
pub(crate) async fn resolve(host: &str, port: u16, rules: &Rules) -> Result<Vec<SocketAddr>, Error> {
    let found = look_up(host, port, rules).await?;
    let good: Vec<_> = found.iter().copied().filter(|found| rules.judge.may_connect(found.ip())).collect();
    if good.is_empty() { Err(private(found.first())) } else { Ok(good) }
}

/// The address of this machine, or the group, on which media is taken.
pub(crate) async fn listening(address: &Address, rules: &Rules) -> Result<SocketAddr, Error> {
    let (host, port) = address.host_and_port();
    let found = look_up(host, port, rules).await?;
    let good = found.iter().copied().find(|found| rules.judge.may_listen(found.ip()));
    good.ok_or_else(|| private(found.first()))
}

async fn look_up(host: &str, port: u16, rules: &Rules) -> Result<Vec<SocketAddr>, Error> {
    let unresolved = || Error::new(Reason::Unresolved, format!("the name {host} leads nowhere"));
    let looked_up = timeout(rules.patience, tokio::net::lookup_host((host, port))).await;
    let found = looked_up.map_err(|_| unresolved())?.map_err(|_| unresolved())?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found {
        // The same machine, written in another way, is one.
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        if !addresses.contains(&address) && addresses.len() < MOST_ADDRESSES {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err(unresolved()) } else { Ok(addresses) }
}

fn private(found: Option<&SocketAddr>) -> Error {
    let address = found.map_or_else(String::new, |found| found.ip().to_string());
    let detail = format!(
        "it leads to {address}, which is not a public address; pull.allow_private and pull.allowed_networks allow others"
    );
    Error::new(Reason::PrivateAddress, detail)
}

/// Connects to the first of the addresses that answers.
pub(crate) async fn connect(addresses: &[SocketAddr], rules: &Rules) -> Result<TcpStream, Error> {
    let mut error = Error::new(Reason::Unreachable, "there is no address");
    for &address in addresses {
        error = match timeout(rules.patience, TcpStream::connect(address)).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => Error::connecting(address, &error),
            Err(_) => Error::new(Reason::Unreachable, format!("{address} does not answer")),
        };
    }
    Err(error)
}
