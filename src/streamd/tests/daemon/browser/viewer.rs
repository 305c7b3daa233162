use std::time::Duration;

use fql_transport::{EndReason, Receiver, ReceiverConfig, ReceiverEvent, ReceiverStats, Seed, View};
use serde_json::Value;

use super::connection::{Connection, Ended};
use super::{Clock, PATIENCE};

/// How long a viewer sleeps where nothing is due.
const IDLE: Duration = Duration::from_millis(100);

/// A viewer of a stream over a connection.
pub struct Viewer {
    pub connection: Connection,
    receiver: Receiver<()>,
    clock: Clock,
}

/// What a viewer saw happen.
#[derive(Debug, PartialEq)]
pub enum Seen {
    /// A unit of which so many layers are complete.
    Unit(u8),
    /// The session is over.
    Over(EndReason),
    /// The connection is.
    Closed(Ended),
}

impl Viewer {
    /// Watches what a source of `/play` names, by it.
    pub async fn watch(playable: &Value, source: &Value) -> Self {
        Self::over(playable, Connection::open(source).await.expect("the daemon takes it"))
    }

    /// Watches it over this connection.
    pub fn over(playable: &Value, connection: Connection) -> Self {
        let clock = Clock::new();
        let view = View {
            server: playable["serverKey"].as_str().expect("it has one").parse().expect("it is a key"),
            playback_id: playable["playbackId"].as_str().expect("it has one").to_owned(),
            token: None,
        };
        let config = ReceiverConfig { latency: Duration::from_millis(300), ..ReceiverConfig::default() };
        let receiver = Receiver::viewing(config, view, (), Seed::from_os().unwrap(), clock.now());
        Self { connection, receiver: receiver.expect("what it asks for is in range"), clock }
    }

    /// Waits for what happens next.
    pub async fn next(&mut self) -> Seen {
        let next = async {
            loop {
                if let Some(seen) = self.step().await {
                    return seen;
                }
            }
        };
        tokio::time::timeout(PATIENCE, next).await.expect("something happens")
    }

    /// Waits until it has seen so many units with something in them.
    pub async fn sees(&mut self, units: usize) {
        let mut seen = 0;
        while seen < units {
            match self.next().await {
                Seen::Unit(layers) => seen += usize::from(layers > 0),
                other => panic!("{other:?} after {seen} units"),
            }
        }
    }

    /// The first thing that it sees that is no unit.
    pub async fn end(&mut self) -> Seen {
        loop {
            match self.next().await {
                Seen::Unit(_) => {}
                end => return end,
            }
        }
    }

    /// How the daemon closes its connection.
    pub async fn closed(mut self) -> Ended {
        tokio::time::timeout(PATIENCE, self.connection.ended()).await.expect("it is closed")
    }

    /// Goes on to report without reading anything.
    pub async fn report_only(&mut self) {
        loop {
            while let Some(((), datagram)) = self.receiver.poll_transmit(self.clock.now()) {
                self.connection.send(datagram).await;
            }
            while self.receiver.poll_event().is_some() {}
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What came, and what became of it.
    pub fn stats(&self) -> ReceiverStats {
        self.receiver.stats(self.clock.now())
    }

    async fn step(&mut self) -> Option<Seen> {
        let now = self.clock.now();
        while let Some(((), datagram)) = self.receiver.poll_transmit(now) {
            self.connection.send(datagram).await;
        }
        while let Some(event) = self.receiver.poll_event() {
            match event {
                ReceiverEvent::Unit { unit, .. } => {
                    return Some(Seen::Unit(unit.complete_layers_everywhere()));
                }
                ReceiverEvent::Ended { reason } => return Some(Seen::Over(reason)),
                _ => {}
            }
        }
        let wait = self.receiver.poll_timeout().map_or(IDLE, |due| due - now).min(IDLE);
        tokio::select! {
            received = self.connection.receive() => match received {
                Ok(datagram) => {
                    self.receiver.handle_datagram(self.clock.now(), (), &datagram);
                    None
                }
                Err(ended) => Some(Seen::Closed(ended)),
            },
            () = tokio::time::sleep(wait) => None,
        }
    }
}
