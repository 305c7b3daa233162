//! How many connections there may be at a time: each takes a file descriptor, which the store needs too.
//!
//! Viewers are many, and keep their connections between two requests. None of that is to lock out those who publish and
//! administrate: where there are as many connections as there may be, the one that has been idle for longest gives way to
//! a new one; and where all of them are busy, an eighth more are taken, on which viewers are told to come later.

use std::collections::BTreeMap;
use std::future::{Future, Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONNECTION, RETRY_AFTER};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_server::accept::Accept;
use http_body::{Frame, SizeHint};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tower_service::Service;

use super::line::Line;

/// What viewers ask for begins so.
const VIEWERS: &str = "/play/";

/// How many connections are kept for others than viewers, beside those that there may be.
pub fn reserve(most: usize) -> usize {
    most.div_ceil(8)
}

/// Takes connections while there is room, and closes those for which there is none.
#[derive(Clone)]
pub struct Room {
    most: usize,
    taken: Arc<Mutex<Taken>>,
}

/// Who is there.
#[derive(Default)]
struct Taken {
    all: usize,
    /// Those with a request that is not answered to its end.
    busy: usize,
    /// Those without, the one that has been so for longest first; and what ends each.
    idle: BTreeMap<u64, oneshot::Sender<()>>,
    next: u64,
}

/// A connection's place, as long as it lives.
struct Place {
    room: Room,
    state: Mutex<State>,
}

enum State {
    /// Its number among those that are idle.
    Idle(u64),
    /// So many requests are not answered to their end; and what ends it.
    Busy(usize, oneshot::Sender<()>),
    /// It has given way.
    Gone,
}

impl Room {
    /// Room for so many, and for some more who are no viewers.
    pub fn for_connections(most: usize) -> Self {
        Self { most, taken: Arc::default() }
    }

    /// A place for a new connection, and what says that it has to give way to another one.
    fn place(&self) -> Option<(Place, oneshot::Receiver<()>)> {
        let mut taken = self.lock();
        if taken.all >= self.most {
            match taken.idle.pop_first() {
                // It may be gone by itself.
                Some((_, end)) => drop(end.send(())),
                None if taken.all >= self.most + reserve(self.most) => return None,
                None => taken.all += 1,
            }
        } else {
            taken.all += 1;
        }
        let (end, ended) = oneshot::channel();
        let number = taken.rest(end);
        Some((Place { room: self.clone(), state: Mutex::new(State::Idle(number)) }, ended))
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn rest(&mut self, end: oneshot::Sender<()>) -> u64 {
        self.next += 1;
        self.idle.insert(self.next, end);
        self.next
    }
}

impl Place {
    /// A request has come. `None` where it is a viewer's, and there is room only for others.
    fn begin(self: &Arc<Self>, is_viewer: bool) -> Option<Busy> {
        let mut taken = self.room.lock();
        let mut state = self.lock();
        let (count, end) = match std::mem::replace(&mut *state, State::Gone) {
            State::Busy(count, end) => (count, Some(end)),
            State::Idle(number) => (0, taken.idle.remove(&number)),
            State::Gone => (0, None),
        };
        // One that has given way while its request came is no longer counted.
        let Some(end) = end else { return Some(Busy(self.clone())) };
        if count == 0 && is_viewer && taken.busy >= self.room.most {
            *state = State::Idle(taken.rest(end));
            return None;
        }
        taken.busy += usize::from(count == 0);
        *state = State::Busy(count + 1, end);
        Some(Busy(self.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.room.lock();
        match std::mem::replace(&mut *self.lock(), State::Gone) {
            State::Idle(number) => {
                // Whoever took its place has counted it out.
                if taken.idle.remove(&number).is_some() {
                    taken.all -= 1;
                }
            }
            State::Busy(..) => {
                taken.all -= 1;
                taken.busy -= 1;
            }
            State::Gone => {}
        }
    }
}

/// A request that is not answered to its end.
struct Busy(Arc<Place>);

impl Drop for Busy {
    fn drop(&mut self) {
        let mut taken = self.0.room.lock();
        let mut state = self.0.lock();
        *state = match std::mem::replace(&mut *state, State::Gone) {
            State::Busy(1, end) => {
                taken.busy -= 1;
                State::Idle(taken.rest(end))
            }
            State::Busy(count, end) => State::Busy(count - 1, end),
            other => other,
        };
    }
}

impl<S> Accept<TcpStream, S> for Room {
    type Stream = Line;
    type Service = Held<S>;
    type Future = Ready<io::Result<(Line, Held<S>)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        // The end of an answer must not wait until its beginning has been acknowledged. Where it cannot be said, it does.
        let _ = stream.set_nodelay(true);
        ready(match self.place() {
            Some((place, ended)) => Ok((Line::new(stream, ended), Held { service, place: Arc::new(place) })),
            None => {
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
    place: Arc<Place>,
}

impl<S, B> Service<Request<B>> for Held<S>
where
    S: Service<Request<B>, Response = Response>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Some(busy) = self.place.begin(request.uri().path().starts_with(VIEWERS)) else {
            metrics::counter!("streamd_http_connections_refused_total").increment(1);
            let head = [(CONNECTION, "close"), (RETRY_AFTER, "1"), (ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
            let text = "there are as many viewers as there may be\n";
            return Box::pin(
                async move { Ok((StatusCode::SERVICE_UNAVAILABLE, head, text).into_response()) },
            );
        };
        let answer = self.service.call(request);
        Box::pin(async move { Ok(answer.await?.map(|body| Body::new(Sent { body, _busy: busy }))) })
    }
}

/// The body of an answer, with which the request ends.
struct Sent {
    body: Body,
    _busy: Busy,
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
