//! Viewers by HLS, with parts and without: each takes everything that its playlists name, in time, and looks at none of
//! the pictures.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::http::Connection;
use super::playlist::{Piece, Playlist, renditions};
use super::tally::Tally;

/// How many segments from the end one without parts begins (RFC 8216, 6.3.3).
const BEHIND: usize = 3;
/// How many come from one address: streamd tells no more than 256 of one apart.
const NEIGHBOURS: usize = 100;
/// Over what time they come.
const JOINING: Duration = Duration::from_secs(5);

/// What is played, and how.
#[derive(Debug, Clone)]
pub struct Place {
    /// The server.
    pub host: SocketAddr,
    /// Where its playlists are: a path with a slash at the end.
    pub base: String,
    /// Whether parts are played, with playlists that are waited for.
    pub low_latency: bool,
}

/// Viewers that play until they are dropped.
pub struct Viewers {
    /// Aborts its tasks when it is dropped.
    _tasks: JoinSet<()>,
    each: Vec<Arc<AtomicU64>>,
    /// What they have had.
    pub tally: Arc<Tally>,
}

impl Viewers {
    /// Lets so many begin one after the other.
    pub fn start(runtime: &Runtime, place: &Place, count: usize) -> Self {
        let tally = Arc::new(Tally::default());
        let each: Vec<_> = (0..count).map(|_| Arc::new(AtomicU64::new(0))).collect();
        let mut tasks = JoinSet::new();
        let begin = Instant::now();
        for (number, pieces) in each.iter().enumerate() {
            let (place, tally, pieces) = (place.clone(), Arc::clone(&tally), Arc::clone(pieces));
            let at = begin + JOINING * number as u32 / count as u32;
            let watching = async move {
                sleep_until(at).await;
                let (address, agent) = (address(number), format!("viewer {number}"));
                let viewer = Viewer { place, address, agent, tally, pieces };
                if let Err(error) = viewer.watch().await {
                    viewer.tally.fail(&error);
                }
            };
            tasks.spawn_on(watching, runtime.handle());
        }
        Self { _tasks: tasks, each, tally }
    }

    /// How many pieces the one has had that has had fewest.
    pub fn fewest(&self) -> u64 {
        self.each.iter().map(|pieces| pieces.load(Ordering::Relaxed)).min().unwrap_or(0)
    }
}

struct Viewer {
    place: Place,
    address: Ipv4Addr,
    agent: String,
    tally: Arc<Tally>,
    pieces: Arc<AtomicU64>,
}

impl Viewer {
    /// Plays picture and sound, each on a connection of its own, as browsers do.
    async fn watch(&self) -> Result<()> {
        let mut connection = self.connect().await?;
        let path = format!("{}index.m3u8", self.place.base);
        let (text, bytes) = connection.text(&path).await?;
        self.tally.asked(bytes);
        let all = renditions(&text)?;
        let plays = all.iter().map(|rendition| self.play(rendition));
        futures_util::future::try_join_all(plays).await?;
        Ok(())
    }

    async fn connect(&self) -> Result<Connection> {
        Connection::open(self.place.host, self.address, &self.agent).await
    }

    async fn play(&self, rendition: &str) -> Result<()> {
        let mut connection = self.connect().await?;
        let mut playlist = self.playlist(&mut connection, rendition, "").await?;
        let map = playlist.map.clone().context("no initialization segment")?;
        self.take(&mut connection, &map).await?;
        let begin = loop {
            match self.begin(&playlist) {
                Some(piece) => break piece,
                None => playlist = self.playlist(&mut connection, rendition, &playlist.next()).await?,
            }
        };
        let listed: f64 = self.pieces_of(&playlist)[begin..].iter().map(|piece| piece.duration).sum();
        let hold = if self.place.low_latency { playlist.hold_back } else { listed };
        let mut playout = Playout { start: seconds_later(Instant::now(), hold - listed), at: 0.0 };
        let (mut last, mut from) = (None, begin);
        loop {
            let loaded = Instant::now();
            let mut is_new = false;
            for piece in &self.pieces_of(&playlist)[from..] {
                if last.is_some_and(|last| (piece.number, piece.part) <= last) {
                    continue;
                }
                ensure!(self.follows(last, piece), "{} does not follow {last:?}", piece.uri);
                self.take(&mut connection, &piece.uri).await?;
                self.pieces.fetch_add(1, Ordering::Relaxed);
                let is_live = last.is_some() && from == 0;
                if playout.is_late(piece.duration, Instant::now()) && is_live {
                    self.tally.stalled();
                }
                last = Some((piece.number, piece.part));
                is_new = true;
            }
            from = 0;
            playlist = if self.place.low_latency {
                let query = format!("{}&_HLS_skip=YES", playlist.next());
                self.playlist(&mut connection, rendition, &query).await?
            } else {
                // RFC 8216, 6.3.4.
                let wait = if is_new { playlist.target } else { playlist.target / 2.0 };
                sleep_until(loaded + Duration::from_secs_f64(wait)).await;
                self.playlist(&mut connection, rendition, "").await?
            };
        }
    }

    fn pieces_of<'a>(&self, playlist: &'a Playlist) -> &'a [Piece] {
        if self.place.low_latency { &playlist.parts } else { &playlist.segments }
    }

    /// The piece to begin with; `None` where it is not there yet.
    fn begin(&self, playlist: &Playlist) -> Option<usize> {
        match self.place.low_latency {
            true => playlist.first_part(),
            false => Some(playlist.segments.len().saturating_sub(BEHIND)),
        }
    }

    /// Whether nothing is between the last piece and this one.
    fn follows(&self, last: Option<(u64, u64)>, piece: &Piece) -> bool {
        let Some((number, part)) = last else { return true };
        let next = (piece.number, piece.part);
        next == (number + 1, 0) || (self.place.low_latency && next == (number, part + 1))
    }

    async fn playlist(&self, connection: &mut Connection, name: &str, query: &str) -> Result<Playlist> {
        let path = format!("{}{name}{query}", self.place.base);
        let (text, bytes) = connection.text(&path).await?;
        self.tally.asked(bytes);
        Playlist::parse(&text)
    }

    async fn take(&self, connection: &mut Connection, uri: &str) -> Result<()> {
        let media = connection.media(&format!("{}{uri}", self.place.base)).await?;
        ensure!(is_mp4(media), "{uri} is no piece of MP4");
        self.tally.asked(media.len());
        self.tally.piece();
        Ok(())
    }
}

/// When what is next is to be shown.
struct Playout {
    start: Instant,
    /// Seconds that have come so far.
    at: f64,
}

impl Playout {
    /// The next piece is here; whether it should have been earlier. Then the rest is shown later, too.
    fn is_late(&mut self, duration: f64, now: Instant) -> bool {
        let due = seconds_later(self.start, self.at);
        self.at += duration;
        let late = now.saturating_duration_since(due);
        self.start += late;
        !late.is_zero()
    }
}

/// Where this viewer comes from: all of 127.0.0.0/8 is the loopback interface's.
fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(Ipv4Addr::LOCALHOST.to_bits() + (number / NEIGHBOURS) as u32)
}

fn seconds_later(at: Instant, seconds: f64) -> Instant {
    let by = Duration::from_secs_f64(seconds.abs());
    if seconds < 0.0 { at - by } else { at + by }
}

/// Whether the bytes are whole boxes of MP4.
fn is_mp4(mut bytes: &[u8]) -> bool {
    let mut boxes = 0;
    while let Some((head, _)) = bytes.split_first_chunk::<8>() {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some((_, rest)) = bytes.split_at_checked(length.max(8)) else { return false };
        bytes = rest;
        boxes += 1;
    }
    boxes > 1 && bytes.is_empty()
}

/// Waits until a server has as much to play as players begin with: with less they would stand still soon, on any server.
pub async fn is_playable(place: &Place, longest: Duration) -> Result<()> {
    let deadline = Instant::now() + longest;
    loop {
        let asked = async {
            let mut connection = Connection::open(place.host, Ipv4Addr::LOCALHOST, "the one before").await?;
            let (index, _) = connection.text(&format!("{}index.m3u8", place.base)).await?;
            for rendition in renditions(&index)? {
                let (text, _) = connection.text(&format!("{}{rendition}", place.base)).await?;
                let whole = Playlist::parse(&text)?.segments.len();
                ensure!(whole >= BEHIND, "{whole} segments of {rendition}");
            }
            Ok::<_, anyhow::Error>(())
        };
        match asked.await {
            Ok(()) => return Ok(()),
            Err(error) => ensure!(Instant::now() < deadline, "nothing to play: {error:#}"),
        }
        sleep(Duration::from_millis(100)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_too_late_stalls_once_and_moves_the_rest() {
        let begin = Instant::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let mut playout = Playout { start: begin, at: 1.0 };
        assert!(!playout.is_late(1.0, at(900)), "in time");
        assert!(playout.is_late(1.0, at(2500)), "half a second late");
        assert!(!playout.is_late(1.0, at(3400)), "the rest is shown later");
    }

    #[test]
    fn pieces_of_mp4_are_whole() {
        let boxes = [&[0, 0, 0, 8][..], b"styp", &[0, 0, 0, 9], b"mdat", &[1]].concat();
        assert!(is_mp4(&boxes));
        assert!(!is_mp4(&boxes[..16]) && !is_mp4(&boxes[..8]) && !is_mp4(b""));
    }
}
