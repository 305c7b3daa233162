//! The HTTP server itself: HTTP/1.1, plain or over TLS, with bounds on slow clients.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;

use super::room::Room;

/// How long the head of a request may take, the wait for the next one included.
const HEAD: Duration = Duration::from_secs(60);
/// The longest head: the client's whole list of headers.
const MOST_HEAD: usize = 64 << 10;

/// Serves until the handle says to end, at most so many connections at a time.
pub async fn serve(
    routes: Router,
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    handle: Handle<SocketAddr>,
    connections: usize,
) -> io::Result<()> {
    let room = Room::for_connections(connections);
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    match tls {
        Some(tls) => {
            let mut server = axum_server::from_tcp(listener)?.handle(handle).http1_only();
            bound(server.http_builder());
            server.acceptor(RustlsAcceptor::new(tls).acceptor(room)).serve(service).await
        }
        None => {
            let mut server = axum_server::from_tcp(listener)?.handle(handle).http1_only();
            bound(server.http_builder());
            server.acceptor(room).serve(service).await
        }
    }
}

fn bound(builder: &mut Builder<TokioExecutor>) {
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(MOST_HEAD);
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::time::Instant;

    use super::*;

    /// Asks on a new connection, which stays open; none where it was closed instead of answered.
    fn ask(server: SocketAddr) -> Option<TcpStream> {
        let mut stream = TcpStream::connect(server).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").ok()?;
        let mut answer = [0; 8];
        stream.read_exact(&mut answer).ok()?;
        (answer == *b"HTTP/1.1").then_some(stream)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn connections_beyond_the_limit_are_closed_until_others_are_gone() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.set_nonblocking(true).expect("it can be");
        let address = listener.local_addr().expect("it has one");
        tokio::spawn(serve(Router::new(), listener, None, Handle::new(), 2));
        let asked = tokio::task::spawn_blocking(move || {
            let first = (ask(address), ask(address));
            assert!(first.0.is_some() && first.1.is_some());
            assert!(ask(address).is_none(), "there is no room");
            drop(first);
            let deadline = Instant::now() + Duration::from_secs(30);
            while ask(address).is_none() {
                assert!(Instant::now() < deadline, "the room of those that are gone is not used again");
            }
        });
        asked.await.expect("nothing panics");
    }
}
