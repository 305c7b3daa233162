use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::connection::{Connection, check_passphrase, milliseconds};
use crate::ffi::{Error, Number, Setting, Socket};
use crate::poller::{Readiness, watch};
use crate::reject::Reject;

/// Callers that were accepted by libsrt and not yet by [`Listener::accept`].
const BACKLOG: i32 = 128;

/// Callers that were let in and are not connected yet: of those that never will be, the oldest are forgotten.
const MOST_LET_IN: usize = 8 * BACKLOG as usize;

/// How a listener's connections are made.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How long media waits for what was lost before it, at least; the longer of both ends' counts. Up to a minute.
    pub latency: Duration,
}

impl Default for Settings {
    /// 120 ms, as libsrt has it.
    fn default() -> Self {
        Self { latency: Duration::from_millis(120) }
    }
}

/// Who calls.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// Where from.
    pub address: SocketAddr,
    /// What it says that it wants: at most 512 bytes. It may be a secret.
    pub stream_id: &'a str,
}

/// Whether a caller is accepted.
#[derive(Clone, PartialEq, Eq)]
pub enum Decision {
    /// It is, without a passphrase, or if it has this one (10 to 79 bytes).
    Accept {
        /// What its media is encrypted with.
        passphrase: Option<String>,
    },
    /// It is not, and is told why.
    Reject(Reject),
}

/// Waits for callers on a port.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    readiness: Arc<Readiness>,
    let_in: Arc<LetIn>,
}

/// What callers that were let in had said that they want, and the passphrase that they had to have. libsrt tells it again when they are connected, but reads it
/// anew for that: a handshake that names two things could be decided on by the one and connected as the other.
#[derive(Default)]
struct LetIn(Mutex<VecDeque<(Number, Admitted)>>);

/// What a caller was let in for, and with which passphrase.
pub(crate) struct Admitted {
    pub(crate) stream_id: String,
    pub(crate) passphrase: Option<String>,
}

impl LetIn {
    fn add(&self, number: Number, admitted: Admitted) {
        let mut callers = self.callers();
        if callers.len() >= MOST_LET_IN {
            callers.pop_front();
        }
        callers.push_back((number, admitted));
    }

    /// `None` where it was never let in, or too many came after it.
    fn take(&self, number: Number) -> Option<Admitted> {
        let mut callers = self.callers();
        let at = callers.iter().position(|(known, _)| *known == number)?;
        callers.remove(at).map(|(_, admitted)| admitted)
    }

    fn callers(&self) -> MutexGuard<'_, VecDeque<(Number, Admitted)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What callers want may be a secret.
impl std::fmt::Debug for LetIn {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("LetIn").field("callers", &self.callers().len()).finish()
    }
}

impl Listener {
    /// Listens on this address; a port of 0 is one that is free. `decide` is asked in the midst of each handshake, in a
    /// thread of libsrt's that all connections of this listener share: it must not wait for anything. A panic in it
    /// refuses the caller.
    pub fn bind(
        address: SocketAddr,
        settings: Settings,
        decide: impl Fn(Caller) -> Decision + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let socket = Socket::new()?;
        let latency = milliseconds(settings.latency);
        socket.set(Setting::ReceiveLatency, latency)?;
        socket.set(Setting::PeerLatency, latency)?;
        if address.is_ipv6() {
            // Callers over IPv4 as well, where it is the address of all interfaces.
            socket.set(Setting::OnlyIpv6, i32::from(!address.ip().is_unspecified()))?;
        }
        socket.bind(address)?;
        let let_in = Arc::<LetIn>::default();
        let deciding = Arc::clone(&let_in);
        socket.listen(
            BACKLOG,
            Box::new(move |handshake, address, stream_id| {
                let passphrase = match decide(Caller { address, stream_id }) {
                    Decision::Accept { passphrase } => passphrase,
                    Decision::Reject(reject) => return Err(reject),
                };
                if let Some(passphrase) = &passphrase {
                    let set =
                        check_passphrase(passphrase).and_then(|()| handshake.set_passphrase(passphrase));
                    set.map_err(|_| Reject::INTERNAL)?;
                }
                deciding.add(handshake.number(), Admitted { stream_id: stream_id.to_owned(), passphrase });
                Ok(())
            }),
        )?;
        let readiness = watch(&socket)?;
        Ok(Self { socket, readiness, let_in })
    }

    /// Where it listens.
    pub fn local_address(&self) -> Result<SocketAddr, Error> {
        self.socket.local_address()
    }

    /// Waits for the next caller that was accepted; it fails when nobody can be any more. Callers that have gone again
    /// are passed over. May be dropped at any time without losing one.
    pub async fn accept(&self) -> Result<Connection, Error> {
        loop {
            match self.socket.accept() {
                Ok(Some((socket, address))) => {
                    let Some(admitted) = self.let_in.take(socket.number()) else { continue };
                    if let Ok(connection) = Connection::accepted(socket, address, admitted) {
                        return Ok(connection);
                    }
                }
                Ok(None) => self.readiness.readable.notified().await,
                // A caller that is gone again before it is taken is an error too: others may wait behind it.
                Err(_) if self.socket.is_listening() => {}
                Err(error) => return Err(error),
            }
        }
    }
}
