//! Sockets and threads around the sessions of fql-transport. Knows nothing of GStreamer.

mod address;
mod api;
mod incoming;
mod interface;
mod keys;
mod multicast;
mod outgoing;
mod play;
mod socket;
#[cfg(test)]
mod tests;

use std::io;
use std::thread::JoinHandle;
use std::time::Duration;

pub use address::{Address, AddressError, sources};
pub use api::server_key;
pub use incoming::{Incoming, Make as MakeReceiver, Notice as IncomingNotice};
pub use interface::Interface;
pub use keys::Keys;
pub use outgoing::{Notice as OutgoingNotice, Outgoing, Waited};
pub use play::{Play, PlayError, SCHEME as PLAY_SCHEME};
pub use socket::{Options, ask, listen, open};

/// More than any datagram of a session has; longer ones are foreign and get cut.
const MAX_DATAGRAM: usize = 2048;
/// The shortest wait: timers of the system are no finer, and no loop may spin.
const SHORTEST_WAIT: Duration = Duration::from_micros(100);

/// Is told what happens to a session, on a thread of the session.
pub type Notify<N> = Box<dyn Fn(N) + Send + Sync>;

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.into()).spawn(run)
}

/// Whether an error of a socket is one that comes and goes: nobody listens yet, the buffer is full, no time.
fn is_passing(err: &io::Error) -> bool {
    use io::ErrorKind::*;
    matches!(
        err.kind(),
        ConnectionRefused
            | ConnectionReset
            | WouldBlock
            | TimedOut
            | Interrupted
            | HostUnreachable
            | NetworkUnreachable
    )
}

/// Waits for the threads of a session, but not for the one that calls this: whoever is told of a session on its
/// thread may be the last that holds it.
fn join(threads: impl Iterator<Item = JoinHandle<()>>) {
    let own = std::thread::current().id();
    for thread in threads.filter(|thread| thread.thread().id() != own) {
        // A panic in it was reported by then; there is nothing to add.
        let _ = thread.join();
    }
}
