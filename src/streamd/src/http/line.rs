//! A connection that can be ended from outside, while nothing is asked on it.

use std::io;
use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::room::Place;

/// A connection, until it is told to end.
pub struct Line {
    stream: TcpStream,
    /// Nobody tells it to end any more where there is none.
    ended: Option<oneshot::Receiver<()>>,
    /// It was told to end.
    is_over: bool,
    /// What was to be written is not written yet: the connection does not end before.
    waits: bool,
    /// Is told of that. It is gone when this is no connection of HTTP any more.
    place: Weak<Place>,
}

impl Line {
    /// A connection that ends when it is told to. Where whoever could say so is gone, it goes on.
    pub fn new(stream: TcpStream, ended: oneshot::Receiver<()>, place: Weak<Place>) -> Self {
        Self { stream, ended: Some(ended), is_over: false, waits: false, place }
    }

    /// Looks at what came of writing.
    fn wrote(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_pending() {
            self.waits = true;
            if let Some(place) = self.place.upgrade() {
                place.waits();
            }
        }
        written
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.ended.as_mut().map(|ended| Pin::new(ended).poll(context)) {
            Some(Poll::Ready(told)) => {
                self.is_over = told.is_ok();
                self.ended = None;
            }
            Some(Poll::Pending) | None => {}
        }
        if self.is_over && !self.waits {
            let why = "it gave way to another connection";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, why)));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        // Whoever writes flushes only when it has written all that it has.
        if flushed.is_ready() && self.waits {
            self.waits = false;
            if let Some(place) = self.place.upgrade() {
                place.written();
            }
            if self.is_over {
                // Reading says so, and waits for something to come.
                context.waker().wake_by_ref();
            }
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
