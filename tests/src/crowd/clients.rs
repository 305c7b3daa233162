//! Many sessions on sockets of their own, on a few threads.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::Result;
use fql_transport::Time;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Stage;

/// How long a thread may go without a look at its sessions.
const IDLE: Duration = Duration::from_millis(20);
/// More than the longest datagram.
const BUFFER: usize = 2048;

/// What a publisher and a viewer have in common.
pub trait Session {
    /// Begins the session.
    fn begin(&mut self, now: Time) -> Result<()>;

    /// What comes from now on counts.
    fn measure(&mut self) {}

    /// Takes a datagram that came from the daemon.
    fn handle_datagram(&mut self, now: Time, datagram: &[u8]);

    /// Does what is due, and gives the next datagram to send.
    fn poll_transmit(&mut self, now: Time) -> Option<Vec<u8>>;

    /// When the session wants to be looked at next.
    fn poll_timeout(&self) -> Option<Time>;
}

/// A session with its socket.
pub struct Client<S> {
    socket: UdpSocket,
    /// The session.
    pub session: S,
}

impl<S: Session> Client<S> {
    /// A session with the daemon at this address.
    pub fn new(daemon: SocketAddr, session: S) -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(daemon)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, session })
    }

    fn receive(&mut self, now: Time, buffer: &mut [u8]) -> io::Result<()> {
        loop {
            match self.socket.recv(buffer) {
                Ok(len) => self.session.handle_datagram(now, &buffer[..len]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn transmit(&mut self, now: Time) {
        while let Some(datagram) = self.session.poll_transmit(now) {
            // What does not fit into the socket is one more loss.
            let _ = self.socket.send(&datagram);
        }
    }
}

/// Runs the sessions until the stage says stop. `epoch` is the origin of their clock.
pub fn run<S: Session>(clients: &mut [Client<S>], epoch: Instant, stage: &Stage) -> Result<()> {
    let now = || Time::from_nanos(epoch.elapsed().as_nanos() as u64);
    for client in &mut *clients {
        client.session.begin(now())?;
    }
    let mut buffer = vec![0; BUFFER];
    while !stage.is_stopping() {
        if stage.is_measuring() {
            clients.iter_mut().for_each(|client| client.session.measure());
        }
        let due = clients.iter().filter_map(|client| client.session.poll_timeout()).min();
        let wait = due.map_or(IDLE, |due| (due - now()).min(IDLE));
        let readable = readable(clients, wait)?;
        let now = now();
        for (client, readable) in clients.iter_mut().zip(readable) {
            if readable {
                client.receive(now, &mut buffer)?;
            }
            if readable || client.session.poll_timeout().is_some_and(|due| due <= now) {
                client.transmit(now);
            }
        }
    }
    Ok(())
}

fn readable<S>(clients: &[Client<S>], wait: Duration) -> Result<Vec<bool>> {
    let mut sockets: Vec<_> =
        clients.iter().map(|client| PollFd::new(&client.socket, PollFlags::IN)).collect();
    let timeout = Timespec::try_from(wait)?;
    match poll(&mut sockets, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(sockets.iter().map(|socket| !socket.revents().is_empty()).collect())
}
