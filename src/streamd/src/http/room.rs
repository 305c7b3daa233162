//! How many connections there may be at a time: each takes a file descriptor, which the store needs too.
//!
//! Viewers are many, and keep their connections between two requests. None of that is to lock out those who publish and
//! administrate: where there are as many connections as there may be, the one that has been idle for longest gives way to
//! a new one; and where all of them are busy, an eighth more are taken, on which viewers are told to come later. Half of
//! those are only for requests on which nothing is spent before their key was looked at, as anybody may ask for the rest.

use std::collections::BTreeMap;
use std::future::{Future, Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONNECTION, RETRY_AFTER};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_server::accept::Accept;
use http_body::{Frame, SizeHint};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tower_service::Service;

use super::line::Line;

/// What viewers ask for begins so.
const VIEWERS: &str = "/play/";
/// What asks whether the daemon is well, which has to be told so when much is asked of it.
const PROBES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];
/// Under `/v1`, and nobody has to have a key for it.
const DESCRIPTION: &str = "/v1/openapi.json";

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

/// Whom a request is of, as far as it can be told by its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asker {
    Viewer,
    /// Nobody knows, and it may take long to answer, or until it is known.
    Anybody,
    /// It is refused at once, or answered, before its body is read: nobody without a key can be long about it.
    Keyed,
}

/// Who is there.
#[derive(Default)]
struct Taken {
    all: usize,
    /// Those with a request that is not answered to its end, or of which the answer is not written to its end.
    busy: usize,
    /// Those without, the one that has been so for longest first; and what ends each.
    idle: BTreeMap<u64, oneshot::Sender<()>>,
    next: u64,
}

/// A connection's place, as long as it lives.
pub struct Place {
    room: Room,
    state: Mutex<State>,
}

enum State {
    /// Its number among those that are idle.
    Idle(u64),
    /// So many requests are not answered to their end, or none while the end of an answer is not written; and what
    /// ends it.
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

impl Asker {
    fn of(method: &Method, path: &str, headers: &HeaderMap) -> Self {
        let has_key = headers.contains_key(header::AUTHORIZATION);
        // Neither of these has a body that anybody reads: preflights of browsers, and goodbyes to sessions.
        if method == Method::OPTIONS || PROBES.contains(&path) {
            return Self::Keyed;
        }
        let is_goodbye = method == Method::DELETE;
        if path.starts_with(VIEWERS) {
            return if is_goodbye { Self::Keyed } else { Self::Viewer };
        }
        let is_keyed = match path.strip_prefix("/whip") {
            Some("") => has_key,
            Some(rest) if rest.starts_with("/session/") => is_goodbye,
            Some(rest) => rest.starts_with('/'),
            None => {
                let is_known = has_key || headers.contains_key(header::COOKIE);
                path.starts_with("/v1/") && path != DESCRIPTION && is_known
            }
        };
        if is_keyed { Self::Keyed } else { Self::Anybody }
    }
}

impl Place {
    /// A request has come. `None` where there is room only for others.
    fn begin(self: &Arc<Self>, asker: Asker) -> Option<Busy> {
        let mut taken = self.room.lock();
        let mut state = self.lock();
        let most = self.room.most;
        let most = match asker {
            Asker::Viewer => most,
            Asker::Anybody => most + reserve(most) / 2,
            Asker::Keyed => usize::MAX,
        };
        let (count, is_new, end) = match std::mem::replace(&mut *state, State::Gone) {
            State::Busy(count, end) => (count, false, Some(end)),
            State::Idle(number) => (0, true, taken.idle.remove(&number)),
            State::Gone => (0, true, None),
        };
        // One that has given way while its request came is no longer counted.
        let Some(end) = end else { return Some(Busy(self.clone())) };
        if is_new && taken.busy >= most {
            *state = State::Idle(taken.rest(end));
            return None;
        }
        taken.busy += usize::from(is_new);
        *state = State::Busy(count + 1, end);
        Some(Busy(self.clone()))
    }

    /// What was to be written waits until the client takes it: the end of an answer, which is all of it where it is one
    /// piece. It gives way to nobody before that.
    pub fn waits(&self) {
        if !matches!(*self.lock(), State::Idle(_)) {
            return;
        }
        let mut taken = self.room.lock();
        let mut state = self.lock();
        if let State::Idle(number) = *state
            && let Some(end) = taken.idle.remove(&number)
        {
            taken.busy += 1;
            *state = State::Busy(0, end);
        }
    }

    /// All that waited is written.
    pub fn written(&self) {
        let mut taken = self.room.lock();
        let mut state = self.lock();
        *state = match std::mem::replace(&mut *state, State::Gone) {
            State::Busy(0, end) => {
                taken.busy -= 1;
                State::Idle(taken.rest(end))
            }
            other => other,
        };
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
            Some((place, ended)) => {
                let place = Arc::new(place);
                Ok((Line::new(stream, ended, Arc::downgrade(&place)), Held { service, place }))
            }
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
        let asker = Asker::of(request.method(), request.uri().path(), request.headers());
        let Some(busy) = self.place.begin(asker) else {
            metrics::counter!("streamd_http_connections_refused_total").increment(1);
            let head = [(CONNECTION, "close"), (RETRY_AFTER, "1"), (ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
            let text = match asker {
                Asker::Viewer => "there are as many viewers as there may be\n",
                _ => "there are as many connections as there may be\n",
            };
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

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn what_is_kept_free_is_for_those_whose_key_is_looked_at_first() {
        let key = (header::AUTHORIZATION, HeaderValue::from_static("Bearer a"));
        let cookie = (header::COOKIE, HeaderValue::from_static("stream_session=a"));
        let asker = |method: Method, path: &str, header: Option<&(header::HeaderName, HeaderValue)>| {
            Asker::of(&method, path, &header.cloned().into_iter().collect())
        };
        for (method, path) in [(Method::GET, "/v1/streams"), (Method::POST, "/v1/streams")] {
            assert_eq!(asker(method.clone(), path, None), Asker::Anybody);
            assert_eq!(asker(method.clone(), path, Some(&key)), Asker::Keyed);
            assert_eq!(asker(method, path, Some(&cookie)), Asker::Keyed);
        }
        assert_eq!(asker(Method::POST, "/whip", None), Asker::Anybody);
        assert_eq!(asker(Method::POST, "/whip", Some(&key)), Asker::Keyed);
        assert_eq!(asker(Method::POST, "/whip/sk_a", None), Asker::Keyed);
        assert_eq!(asker(Method::PATCH, "/whip/session/a", Some(&key)), Asker::Anybody);
        assert_eq!(asker(Method::DELETE, "/whip/session/a", None), Asker::Keyed);
        // Pages and all that nobody has to have a key for: a header that nobody looks at opens nothing.
        for path in ["/", "/whipped", "/v1/openapi.json", "/session", "/docs"] {
            assert_eq!(asker(Method::GET, path, Some(&key)), Asker::Anybody, "{path}");
        }
        for path in PROBES {
            assert_eq!(asker(Method::GET, path, None), Asker::Keyed);
        }
    }

    #[test]
    fn viewers_may_leave_when_none_may_come() {
        let asker = |method| Asker::of(&method, "/play/a/webrtc/b", &HeaderMap::new());
        for method in [Method::GET, Method::POST, Method::PATCH] {
            assert_eq!(asker(method), Asker::Viewer);
        }
        // A page of another origin asks whether it may, before.
        assert_eq!(asker(Method::OPTIONS), Asker::Keyed);
        assert_eq!(asker(Method::DELETE), Asker::Keyed);
    }
}
