//! One player: what it asks, and what it is sent.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::BytesMut;
use fql_rtsp::{
    Description, Destination, Event, Packet, Refusal, Sender, Session, TIMEOUT, Unreadable, interleaved,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::Shared;
use crate::media::{MediaUnit, Subscribing, Subscription, Takes, Watched, Watcher};
use crate::service::Live;

/// Within this a player asks for something.
const TO_BEGIN: Duration = Duration::from_secs(10);
/// What a player has beyond the time that it was told of.
const GRACE: Duration = Duration::from_secs(10);
/// How long the tracks of a stream are waited for, and its first unit. Key pictures may be seconds apart.
const FIRST_TRACKS: Duration = Duration::from_secs(8);
const FIRST_UNIT: Duration = Duration::from_secs(15);
/// Within this a player takes what it is sent.
const TO_TAKE: Duration = Duration::from_secs(10);
/// How long a player has for its leave when the stream has ended.
const TO_LEAVE: Duration = Duration::from_secs(5);
/// How far a player may be behind before it loses units.
const MOST_BEHIND: Duration = Duration::from_secs(3);
/// So many packets by UDP, each of at most 1400 bytes, go in this time at most: 90 Mbit/s, for what a player holds in its
/// socket is little, and at the beginning there is a second or more for it at once.
const BURST: (usize, Duration) = (32, Duration::from_millis(4));

/// Why a connection was ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(transparent)]
    Connection(#[from] io::Error),
    #[error("the player said nothing for too long")]
    Silent,
    #[error("the player does not take what it is sent")]
    Stuck,
}

/// The connection of a player.
pub(super) struct Connection {
    stream: TcpStream,
    /// Where UDP goes, too.
    address: SocketAddr,
    shared: Arc<Shared>,
    session: Session,
    described: Option<Description>,
    watching: Option<Watching>,
    /// When it is given up, unless it says something.
    until: Instant,
    burst: Burst,
}

/// What a player is sent.
struct Watching {
    subscription: Subscription,
    sender: Sender,
}

/// The packets by UDP that were sent since some moment.
struct Burst {
    begun: Instant,
    sent: usize,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, address: SocketAddr, shared: Arc<Shared>) -> Self {
        let id = format!("{:016x}", fastrand::u64(..));
        let now = Instant::now();
        Self {
            stream,
            address,
            session: Session::new(id, Some(shared.ports)),
            shared,
            described: None,
            watching: None,
            until: now + TO_BEGIN,
            burst: Burst { begun: now, sent: 0 },
        }
    }

    /// Until the player goes, or is silent for too long.
    pub(super) async fn run(mut self) -> Result<(), Error> {
        let mut said = BytesMut::with_capacity(4096);
        loop {
            tokio::select! {
                read = self.stream.read_buf(&mut said) => {
                    if read? == 0 {
                        return Ok(());
                    }
                    self.until = Instant::now() + TIMEOUT + GRACE;
                    self.session.receive(&said);
                    said.clear();
                    self.answer().await?;
                }
                watched = next(&mut self.watching) => self.give(watched).await?,
                () = tokio::time::sleep_until(self.until) => return Err(Error::Silent),
            }
        }
    }

    /// Does all that the player has asked for.
    async fn answer(&mut self) -> Result<(), Error> {
        loop {
            let polled = self.session.poll();
            self.flush(Vec::new()).await?;
            match polled? {
                None => return Ok(()),
                Some(Event::Describe(playback_id)) => {
                    let found = self.describe(&playback_id).await;
                    let found = found.as_ref().map(|(description, name)| (description, name.as_str()));
                    self.session.describe(found.map_err(|refusal| *refusal));
                }
                Some(Event::Play) => self.play().await?,
                Some(Event::Pause | Event::Teardown) => self.watching = None,
            }
            self.flush(Vec::new()).await?;
        }
    }

    /// What a stream is, and its name.
    async fn describe(&mut self, playback_id: &str) -> Result<(Description, String), Refusal> {
        let Shared { service, media, .. } = &*self.shared;
        if let Some(entry) = service.directory().by_playback_id(playback_id) {
            media.wake(&entry.id).await;
        }
        let mut subscription = self.subscribe(playback_id, None)?;
        let name = subscription.entry().name.clone();
        let tracks = timeout(FIRST_TRACKS, subscription.next()).await;
        let Ok(Some(Watched::Tracks(tracks))) = tracks else { return Err(Refusal::NotFound) };
        let description = Description::new(&tracks);
        if description.is_empty() {
            return Err(Refusal::NotFound);
        }
        self.described = Some(description.clone());
        Ok((description, name))
    }

    /// The units of a stream that is live, and is not paused.
    fn subscribe(&self, playback_id: &str, watcher: Option<Watcher>) -> Result<Subscription, Refusal> {
        let Shared { service, media, .. } = &*self.shared;
        let entry = service.directory().by_playback_id(playback_id);
        let entry = entry.filter(|entry| !entry.paused && media.is_live(&entry.id));
        entry.ok_or(Refusal::NotFound)?;
        let how = Subscribing { watcher, most_behind: MOST_BEHIND };
        media.subscribe_as(playback_id, how, Takes::RTP).map_err(|_| Refusal::NotFound)
    }

    async fn play(&mut self) -> Result<(), Error> {
        match timeout(FIRST_UNIT, self.begin()).await.unwrap_or(Err(Refusal::NotFound)) {
            Ok((watching, first)) => {
                self.session.play(Ok(&watching.sender.starts()));
                self.flush(Vec::new()).await?;
                self.watching = Some(watching);
                self.give(Some(Watched::Unit(first))).await
            }
            Err(refusal) => {
                self.session.play(Err(refusal));
                Ok(())
            }
        }
    }

    /// What the player is sent, and the first unit of it.
    async fn begin(&self) -> Result<(Watching, Arc<MediaUnit>), Refusal> {
        let playback_id = self.session.playback_id().ok_or(Refusal::NotFound)?;
        let told = self.described.as_ref().ok_or(Refusal::NotFound)?;
        let watcher = Watcher { protocol: "rtsp", address: canonical(self.address) };
        let mut subscription = self.subscribe(playback_id, Some(watcher))?;
        let mut description = told.clone();
        loop {
            match subscription.next().await {
                Some(Watched::Tracks(tracks)) => description = Description::new(&tracks),
                Some(Watched::Unit(first)) if description.goes_on_from(told) => {
                    let begun = (first.dts, now());
                    let sender = Sender::new(&description, self.session.set_up(), self.session.id(), begun);
                    return Ok((Watching { subscription, sender }, first));
                }
                _ => return Err(Refusal::NotFound),
            }
        }
    }

    /// Gives the player what comes next of the stream.
    async fn give(&mut self, watched: Option<Watched>) -> Result<(), Error> {
        let Some(watching) = &mut self.watching else { return Ok(()) };
        let mut packets = Vec::new();
        let goes_on = match watched {
            Some(Watched::Unit(unit)) => {
                if let Some(data) = unit.data() {
                    let (track, key) = (unit.track, unit.key);
                    let unit = fql_rtsp::MediaUnit { track, pts: unit.pts(), key, data: data.clone() };
                    watching.sender.unit(&unit, &mut packets);
                }
                true
            }
            Some(Watched::Tracks(tracks)) => {
                let description = Description::new(&tracks);
                let goes_on = self.described.as_ref().is_some_and(|told| description.goes_on_from(told));
                watching.sender.change(&description);
                goes_on
            }
            Some(Watched::Paused(_)) => true,
            Some(Watched::Offline) | None => false,
        };
        if !goes_on {
            watching.sender.end(&mut packets);
            self.watching = None;
            self.until = Instant::now() + TO_LEAVE;
        }
        self.send(packets).await
    }

    async fn send(&mut self, packets: Vec<Packet>) -> Result<(), Error> {
        let mut own = Vec::new();
        let bytes: usize = packets.iter().map(|packet| packet.data.len()).sum();
        metrics::counter!("streamd_played_bytes_total", "protocol" => "rtsp").increment(bytes as u64);
        for Packet { line, is_report, data } in packets {
            match self.session.destination(line) {
                Some(Destination::Interleaved(media, reports)) => {
                    if let Some(head) = interleaved(if is_report { reports } else { media }, &data) {
                        own.extend_from_slice(&head);
                        own.extend_from_slice(&data);
                    }
                }
                Some(Destination::Udp(media, reports)) => {
                    let port = if is_report { reports } else { media };
                    let socket = if is_report { &self.shared.reports } else { &self.shared.packets };
                    let mut to = self.address;
                    to.set_port(port);
                    // What cannot be sent is lost, as on the way.
                    let _ = socket.send_to(&data, to).await;
                    self.burst.wait().await;
                }
                None => {}
            }
        }
        self.flush(own).await
    }

    /// Sends what has been answered, and this after it.
    async fn flush(&mut self, packets: Vec<u8>) -> Result<(), Error> {
        let mut out = self.session.take_output();
        out.extend_from_slice(&packets);
        if out.is_empty() {
            return Ok(());
        }
        timeout(TO_TAKE, self.stream.write_all(&out)).await.map_err(|_| Error::Stuck)??;
        Ok(())
    }
}

impl Burst {
    /// Waits where too much has been sent since a moment ago.
    async fn wait(&mut self) {
        let (most, time) = BURST;
        self.sent += 1;
        if self.sent >= most {
            sleep(time.saturating_sub(self.begun.elapsed())).await;
            (self.begun, self.sent) = (Instant::now(), 0);
        }
    }
}

/// What comes next of what is watched; never anything where nothing is.
async fn next(watching: &mut Option<Watching>) -> Option<Watched> {
    match watching {
        Some(watching) => watching.subscription.next().await,
        None => std::future::pending().await,
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// In nanoseconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}
