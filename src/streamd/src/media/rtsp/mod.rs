//! RTSP: players that read a stream by its playback ID, over the connection itself or by UDP. What it is made of is in
//! fql-rtsp, without I/O; here are its sockets and its place among the streams.
//!
//! All packets by UDP come from the port of the same number as that of the connections, and all reports from the next one:
//! there is no socket a player.

mod connection;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::UdpSocket;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::Media;
use crate::listen::Bound;
use crate::service::Service;
use connection::Connection;

/// Connections at a time.
pub const MOST_CONNECTIONS: usize = 1000;
/// After this the next connection is taken, where one could not be.
const UNTIL_NEXT: Duration = Duration::from_millis(100);
/// How often ports are looked for where any will do: that of UDP, and the next, may be taken.
const TRIES: usize = 50;

/// The ports, on which nobody is served yet.
pub struct Port {
    bound: Bound,
    udp: (std::net::UdpSocket, std::net::UdpSocket),
}

/// The ports at work. Who plays when it is dropped goes on until the stream ends.
pub struct Server {
    taking: JoinHandle<()>,
}

/// What all connections have.
struct Shared {
    service: Service,
    media: Arc<Media>,
    packets: UdpSocket,
    reports: UdpSocket,
    /// The UDP ports of both.
    ports: (u16, u16),
}

impl Port {
    /// Takes this address: the TCP port, the same of UDP, and the next of UDP. A port of 0 is one that is free.
    ///
    /// # Errors
    /// Where one of them cannot be had.
    pub fn bind(asked: SocketAddr) -> Result<Self> {
        let tries = if asked.port() == 0 { TRIES } else { 1 };
        let mut failed = None;
        for _ in 0..tries {
            let bound = Bound::to("RTSP", asked)?;
            match pair(bound.address) {
                Ok(udp) => return Ok(Self { bound, udp }),
                Err(error) => failed = Some(error),
            }
        }
        let why = || format!("RTSP cannot have the UDP port of {asked} and the next");
        Err(failed.unwrap_or_else(|| io::ErrorKind::AddrInUse.into())).with_context(why)
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.bound.address
    }

    /// Serves players from now on.
    ///
    /// # Errors
    /// Where a socket cannot be used.
    pub fn serve(self, service: Service, media: Arc<Media>) -> Result<Server> {
        let (packets, reports) = self.udp;
        let ports = (packets.local_addr()?.port(), reports.local_addr()?.port());
        packets.set_nonblocking(true)?;
        reports.set_nonblocking(true)?;
        let (packets, reports) = (UdpSocket::from_std(packets)?, UdpSocket::from_std(reports)?);
        let shared = Arc::new(Shared { service, media, packets, reports, ports });
        let listener: TcpListener = self.bound.listen()?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        Ok(Server { taking: tokio::spawn(take(listener, shared)) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.taking.abort();
    }
}

fn pair(address: SocketAddr) -> io::Result<(std::net::UdpSocket, std::net::UdpSocket)> {
    let next = address.port().checked_add(1).ok_or(io::ErrorKind::AddrNotAvailable)?;
    Ok((super::bind(address)?, super::bind(SocketAddr::new(address.ip(), next))?))
}

async fn take(listener: tokio::net::TcpListener, shared: Arc<Shared>) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "an RTSP connection cannot be taken");
                sleep(UNTIL_NEXT).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else {
            tracing::debug!(%address, "there are as many RTSP connections as there may be");
            continue;
        };
        let connection = Connection::new(stream, address, Arc::clone(&shared));
        tokio::spawn(async move {
            match connection.run().await {
                Ok(()) => tracing::debug!(%address, "the RTSP connection ended"),
                Err(error) => tracing::debug!(%address, %error, "the RTSP connection was ended"),
            }
            drop(permit);
        });
    }
}
