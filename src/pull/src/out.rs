//! Where media goes, and how long ago the last of it came.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use fql_transport::ReceiverEvent;
use fql_unit::TrackTable;
use tokio::time::{Instant, sleep_until};

use crate::error::{Error, Reason};
use crate::reach::Rules;

/// Nobody takes media any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped;

/// Takes what comes from a source.
pub trait Sink: Send {
    /// The source is reached, at this address.
    fn connected(&mut self, peer: SocketAddr);

    /// What tracks there are: before the first unit, and whenever that changes.
    fn tracks(&mut self, tracks: TrackTable) -> impl Future<Output = Result<(), Stopped>> + Send;

    /// What a session of FQL brings, instead of tracks and units.
    fn relay(&mut self, event: ReceiverEvent) -> impl Future<Output = Result<(), Stopped>> + Send;

    /// The next unit of a track.
    fn unit(&mut self, unit: Unit) -> Result<(), Stopped>;
}

/// One access unit, or one unit of data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// The track, by its id in the track table.
    pub track: u8,
    /// When it is decoded, in nanoseconds on a clock that all tracks share, and that may jump.
    pub dts: i64,
    /// When it is presented.
    pub pts: i64,
    /// How long it lasts, in nanoseconds; 0 where that is not known.
    pub duration: u64,
    /// Whether a viewer can join here.
    pub key: bool,
    /// Its bytes, framed as the configuration of its track says.
    pub data: Bytes,
}

/// The sink, and a note of when it was given something.
pub(crate) struct Out<'a, S> {
    sink: &'a mut S,
    heard: Heard,
}

/// When media came last.
#[derive(Clone)]
pub(crate) struct Heard(Arc<Mutex<State>>);

struct State {
    at: Instant,
    is_media: bool,
    is_connected: bool,
}

impl<'a, S: Sink> Out<'a, S> {
    pub fn new(sink: &'a mut S) -> (Self, Heard) {
        let state = State { at: Instant::now(), is_media: false, is_connected: false };
        let heard = Heard(Arc::new(Mutex::new(state)));
        (Self { sink, heard: heard.clone() }, heard)
    }

    pub fn connected(&mut self, peer: SocketAddr) {
        self.heard.set(|state| state.is_connected = true);
        self.sink.connected(peer);
    }

    pub async fn tracks(&mut self, tracks: TrackTable) -> Result<(), Error> {
        self.sink.tracks(tracks).await.map_err(|Stopped| stopped())
    }

    pub async fn relay(&mut self, event: ReceiverEvent) -> Result<(), Error> {
        if let ReceiverEvent::Shard(_) = event {
            self.heard.set(|state| state.is_media = true);
        }
        self.sink.relay(event).await.map_err(|Stopped| stopped())
    }

    /// Nothing comes, and that is as it should be.
    pub fn touch(&self) {
        self.heard.set(|_| ());
    }

    pub fn unit(&mut self, unit: Unit) -> Result<(), Error> {
        self.heard.set(|state| state.is_media = true);
        self.sink.unit(unit).map_err(|Stopped| stopped())
    }
}

fn stopped() -> Error {
    Error::new(Reason::Stopped, "nobody takes what comes")
}

impl Heard {
    fn set(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.at = Instant::now();
        change(&mut state);
    }

    /// Waits until nothing has come for too long.
    pub async fn watch(&self, rules: &Rules) -> Error {
        loop {
            let (at, is_media, is_connected) = {
                let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                (state.at, state.is_media, state.is_connected)
            };
            // Looking the name up, and each of its addresses, have their own bounds.
            let patience = if is_connected { rules.patience } else { rules.patience * 3 };
            if at.elapsed() >= patience {
                let seconds = patience.as_secs_f32();
                return match (is_media, is_connected) {
                    (true, _) => Error::new(Reason::Lost, format!("nothing has come for {seconds} s")),
                    (_, true) => Error::new(Reason::NoMedia, format!("no media has come within {seconds} s")),
                    _ => Error::new(Reason::Unreachable, format!("nothing answers within {seconds} s")),
                };
            }
            sleep_until(at + patience).await;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Counts what it is given.
    #[derive(Default)]
    pub(crate) struct Taken {
        pub tables: usize,
        pub units: usize,
    }

    impl Sink for Taken {
        fn connected(&mut self, _: SocketAddr) {}

        async fn tracks(&mut self, _: TrackTable) -> Result<(), Stopped> {
            self.tables += 1;
            Ok(())
        }

        async fn relay(&mut self, _: ReceiverEvent) -> Result<(), Stopped> {
            Ok(())
        }

        fn unit(&mut self, _: Unit) -> Result<(), Stopped> {
            self.units += 1;
            Ok(())
        }
    }
}
