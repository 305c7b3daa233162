//! How many connections there may be at a time: each takes a file descriptor, which the store needs too.

use std::future::{Ready, ready};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum_server::accept::Accept;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_service::Service;

/// Takes connections while there is room, and closes those for which there is none.
#[derive(Clone)]
pub struct Room(Arc<Semaphore>);

impl Room {
    /// Room for so many.
    pub fn for_connections(most: usize) -> Self {
        Self(Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))))
    }
}

impl<S> Accept<TcpStream, S> for Room {
    type Stream = TcpStream;
    type Service = Held<S>;
    type Future = Ready<io::Result<(TcpStream, Held<S>)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        // The end of an answer must not wait until its beginning has been acknowledged. Where it cannot be said, it does.
        let _ = stream.set_nodelay(true);
        ready(match self.0.clone().try_acquire_owned() {
            Ok(permit) => Ok((stream, Held { service, _permit: Arc::new(permit) })),
            Err(_) => {
                metrics::counter!("streamd_http_connections_refused_total").increment(1);
                Err(io::Error::other("there are as many connections as there may be"))
            }
        })
    }
}

/// The service of one connection, which takes its room for as long as it lives.
#[derive(Clone)]
pub struct Held<S> {
    service: S,
    _permit: Arc<OwnedSemaphorePermit>,
}

impl<S: Service<R>, R> Service<R> for Held<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.service.call(request)
    }
}
