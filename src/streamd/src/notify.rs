//! Tells the service manager how far the daemon is, as `sd_notify(3)` does: a datagram to the socket that the
//! environment names. Where nobody asked, nobody is told.

use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// What a service manager wants to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Everything is answered.
    Ready,
    /// The end has begun.
    Stopping,
}

/// Tells the service manager, if there is one. That it cannot be told is worth a line in the log, and no more.
pub fn tell(state: State) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(error) = send(&socket, state) {
        tracing::warn!(%error, "the service manager is not told: its socket takes nothing");
    }
}

fn send(socket: &OsString, state: State) -> io::Result<()> {
    let address = match socket.as_bytes() {
        // The abstract namespace.
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(socket)?,
    };
    let text: &[u8] = match state {
        State::Ready => b"READY=1",
        State::Stopping => b"STOPPING=1",
    };
    UnixDatagram::unbound()?.send_to_addr(text, &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(address: &SocketAddr, name: &str) -> String {
        let manager = UnixDatagram::bind_addr(address).unwrap();
        let mut text = [0; 64];
        send(&name.into(), State::Ready).unwrap();
        let len = manager.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..len]).into_owned()
    }

    #[test]
    fn a_service_manager_is_told_by_path_and_in_the_abstract_namespace() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let address = SocketAddr::from_pathname(&path).unwrap();
        assert_eq!(received(&address, path.to_str().unwrap()), "READY=1");
        let name = format!("streamd-notify-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        assert_eq!(received(&address, &format!("@{name}")), "READY=1");
    }

    #[test]
    fn a_socket_that_is_not_there_is_an_error_and_nothing_else() {
        assert!(send(&"/nowhere/notify".into(), State::Stopping).is_err());
    }
}
