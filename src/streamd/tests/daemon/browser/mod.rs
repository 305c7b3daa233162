//! What browsers do, as far as a daemon sees it: sessions over WebTransport and WebSocket, and a publisher of something
//! to watch.

mod connection;
mod publisher;
mod viewer;

use std::time::{Duration, Instant};

use fql_transport::Time;
use serde_json::{Value, json};

pub use connection::{Connection, refused};
pub use publisher::Publisher;
pub use viewer::{Seen, Viewer};

use super::program::{self, Program};

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The clock of sessions in this process.
#[derive(Debug, Clone, Copy)]
pub struct Clock(Instant);

impl Clock {
    pub fn new() -> Self {
        Self(Instant::now())
    }

    pub fn now(self) -> Time {
        Time::from_nanos(1 + self.0.elapsed().as_nanos() as u64)
    }
}

/// A stream, as those who made it know it.
#[derive(Debug, Clone)]
pub struct Stream {
    pub id: String,
    pub playback_id: String,
    pub key: String,
}

/// Makes a stream of this name.
pub async fn stream(program: &Program, name: &str) -> Stream {
    let made = program::json(program.post("/v1/streams", &json!({ "name": name }))).await;
    let text = |member: &str| made[member].as_str().expect("streams have it").to_owned();
    Stream { id: text("id"), playback_id: text("playbackId"), key: text("streamKey") }
}

/// How a stream can be played.
pub async fn playable(program: &Program, stream: &Stream) -> Value {
    program::json(program.get(&format!("/play/{}", stream.playback_id))).await
}

/// The one way of this protocol to play it.
pub fn source<'a>(playable: &'a Value, protocol: &str) -> &'a Value {
    let sources = playable["sources"].as_array().expect("there are some");
    let found = sources.iter().find(|source| source["protocol"] == protocol);
    found.unwrap_or_else(|| panic!("no {protocol} in {playable}"))
}

/// The address in the `fql://` URI of a source.
pub fn authority(source: &Value) -> &str {
    let rest = source["uri"].as_str().and_then(|uri| uri.strip_prefix("fql://")).expect("it is FQL's");
    rest.split('/').next().unwrap_or_default()
}

/// Waits until this is so.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "{what} does not come to be");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
