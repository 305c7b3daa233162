//! Reads what a refused request still sends.
//!
//! Whoever has no key, comes from another site or asks too often is answered before the body is read. If the
//! connection were closed then, what the client goes on to send would be answered with a reset, and the client might
//! never read why it was refused. So what is left of a body is read and thrown away, within bounds, beside the answer.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header::EXPECT;
use futures_util::StreamExt;
use http_body::{Frame, SizeHint};
use tokio::runtime::Handle;
use tokio::time::timeout;

/// The most bytes that are read of what nobody wants: as many as the longest body that any route takes.
const MOST: usize = 2 << 20;
/// How long the client may take to send them.
const LONGEST: Duration = Duration::from_secs(5);

/// Lets the rest of the request's body be read when its handler is done with it.
pub async fn read_rest(request: Request) -> Request {
    // Such a client waits to be told to send; a refusal tells it not to.
    let waits = request.headers().contains_key(EXPECT);
    request.map(|body| if body.is_end_stream() { body } else { Body::new(Wanted { body, begun: !waits }) })
}

/// A body of which the rest is read after it was dropped.
struct Wanted {
    body: Body,
    /// Whether the client sends it already.
    begun: bool,
}

impl HttpBody for Wanted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.begun = true;
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        if !self.begun || self.body.is_end_stream() {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        let rest = std::mem::replace(&mut self.body, Body::empty());
        runtime.spawn(timeout(LONGEST, throw_away(rest)));
    }
}

async fn throw_away(body: Body) {
    let mut pieces = body.into_data_stream();
    let mut read = 0;
    while let Some(Ok(piece)) = pieces.next().await {
        read += piece.len();
        if read > MOST {
            return;
        }
    }
}
