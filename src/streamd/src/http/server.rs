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

    use axum::body::{Body, Bytes};
    use axum::routing::{get, post};
    use futures_util::stream;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// Asks on a new connection, which stays open: the status. None where it was closed instead of answered.
    fn ask(server: SocketAddr, path: &str) -> Option<(u16, TcpStream)> {
        say(server, &format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n"))
    }

    /// The same with the key of somebody.
    fn ask_with_key(server: SocketAddr, path: &str) -> Option<(u16, TcpStream)> {
        say(server, &format!("GET {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer a\r\n\r\n"))
    }

    fn say(server: SocketAddr, said: &str) -> Option<(u16, TcpStream)> {
        let mut stream = TcpStream::connect(server).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.write_all(said.as_bytes()).ok()?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).ok()?;
            head.extend(byte);
        }
        let status = String::from_utf8(head).ok()?.split(' ').nth(1)?.parse().ok()?;
        Some((status, stream))
    }

    fn status(server: SocketAddr, path: &str) -> Option<u16> {
        ask(server, path).map(|(status, _)| status)
    }

    fn status_with_key(server: SocketAddr, path: &str) -> Option<u16> {
        ask_with_key(server, path).map(|(status, _)| status)
    }

    /// Whether the other end has closed it: what has come is read before that is seen.
    fn is_closed(mut stream: &TcpStream) -> bool {
        stream.set_read_timeout(Some(Duration::from_millis(10))).expect("it can be");
        match stream.read(&mut [0; 64]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }

    /// Tries it until it is so.
    fn until(what: &str, is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < deadline, "{what}");
        }
    }

    /// More than the buffers of both ends take.
    const LARGE: usize = 32 << 20;

    /// A server for so many, where answers of two paths have no end, and one is large; and whoever asks it.
    async fn with_room_for<F: FnOnce(SocketAddr) + Send + 'static>(most: usize, asking: F) {
        async fn endless() -> Body {
            Body::from_stream(stream::pending::<io::Result<Bytes>>())
        }
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.set_nonblocking(true).expect("it can be");
        let address = listener.local_addr().expect("it has one");
        let routes = Router::new()
            .route("/play/endless", get(endless))
            .route("/play/short", get(|| async { "short" }))
            .route("/play/large", get(|| async { vec![7; LARGE] }))
            .route("/whip", post(|offer: Bytes| async move { drop(offer) }))
            .route("/v1/endless", get(endless))
            .route("/v1/short", get(|| async { "short" }));
        tokio::spawn(serve(routes, listener, None, Handle::new(), most));
        tokio::task::spawn_blocking(move || asking(address)).await.expect("nothing panics");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_waits_longest_between_two_requests_gives_way() {
        with_room_for(2, |address| {
            let (_, viewer) = ask(address, "/play/endless").expect("there is room");
            let (_, first) = ask(address, "/play/short").expect("there is room");
            // What is answered may count as busy for a moment still.
            until("nobody gives way", || {
                assert_eq!(status(address, "/play/short"), Some(200));
                is_closed(&first)
            });
            assert!(!is_closed(&viewer));
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn viewers_do_not_lock_out_those_who_publish_and_administrate() {
        with_room_for(2, |address| {
            let viewers = [0; 2].map(|_| ask(address, "/play/endless").expect("there is room"));
            assert!(viewers.iter().all(|(status, _)| *status == 200));
            for _ in 0..10 {
                assert_eq!(status(address, "/play/short"), Some(503));
                assert_eq!(status_with_key(address, "/v1/short"), Some(200));
            }
            drop(viewers);
            until("the room of those that are gone is not used again", || {
                status(address, "/play/short") == Some(200)
            });
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn connections_beyond_the_limit_are_closed_until_others_are_gone() {
        with_room_for(2, |address| {
            let busy = ["/play/endless", "/v1/endless", "/v1/endless"];
            let busy = busy.map(|path| ask_with_key(address, path).expect("there is room"));
            assert!(ask_with_key(address, "/v1/short").is_none(), "there is no room");
            drop(busy);
            until("the room of those that are gone is not used again", || {
                status(address, "/v1/short") == Some(200)
            });
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nobody_without_a_key_locks_out_those_who_have_one() {
        with_room_for(2, |address| {
            // Bodies that never come to their end. Whoever is told to send them is let in.
            let offer =
                "POST /whip HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 60000\r\n\r\n";
            let slow = [0; 2].map(|_| say(address, offer).expect("there is room"));
            assert!(slow.iter().all(|(status, _)| *status == 100));
            assert_eq!(say(address, offer).map(|(status, _)| status), Some(503));
            for _ in 0..10 {
                assert_eq!(status(address, "/v1/short"), Some(503));
                assert_eq!(status_with_key(address, "/v1/short"), Some(200));
            }
            drop(slow);
            until("the room of those that are gone is not used again", || {
                status(address, "/v1/short") == Some(200)
            });
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn whoever_is_slow_to_read_an_answer_does_not_give_way_before_its_end() {
        with_room_for(2, |address| {
            let (_, mut slow) = ask(address, "/play/large").expect("there is room");
            let (_, other) = ask(address, "/play/short").expect("there is room");
            until("nobody gives way", || {
                assert_eq!(status(address, "/play/short"), Some(200));
                is_closed(&other)
            });
            for _ in 0..10 {
                assert_eq!(status(address, "/play/short"), Some(200));
            }
            let mut read = vec![0; LARGE];
            slow.read_exact(&mut read).expect("the answer is whole");
            // What is read counts as any other that waits for its next request, and has waited for longest.
            let (_, _other) = ask(address, "/play/short").expect("there is room");
            until("it never gives way", || {
                assert_eq!(status(address, "/play/short"), Some(200));
                is_closed(&slow)
            });
        })
        .await;
    }
}
