//! The HTTP server itself: HTTP/1.1, plain or over TLS, with bounds on slow clients.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;

/// How long the head of a request may take, the wait for the next one included.
const HEAD: Duration = Duration::from_secs(60);
/// The longest head: the client's whole list of headers.
const MOST_HEAD: usize = 64 << 10;

/// Serves until the handle says to end.
pub async fn serve(
    routes: Router,
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    handle: Handle<SocketAddr>,
) -> io::Result<()> {
    let service = routes.into_make_service_with_connect_info::<SocketAddr>();
    match tls {
        Some(tls) => {
            let mut server = axum_server::from_tcp_rustls(listener, tls)?.handle(handle).http1_only();
            bound(server.http_builder());
            server.serve(service).await
        }
        None => {
            let mut server = axum_server::from_tcp(listener)?.handle(handle).http1_only();
            bound(server.http_builder());
            server.serve(service).await
        }
    }
}

fn bound(builder: &mut Builder<TokioExecutor>) {
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(MOST_HEAD);
}
