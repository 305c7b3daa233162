//! A player of Low-Latency HLS: parts as soon as they are there, by playlists that are waited for.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use fql_tests::daemon::Daemon;

use super::screen::Screen;
use crate::viewers::hls::{Place, is_playable};
use crate::viewers::http::Connection;
use crate::viewers::playlist::{Playlist, renditions};

/// From fragments of MP4 to H.264.
pub const ELEMENTS: &str = "caps=video/quicktime ! qtdemux";
/// How long the first segment may take.
const FIRST_SEGMENT: Duration = Duration::from_secs(30);

/// Plays until the screen has seen enough. Gives how far from the end of the playlist players stay, in seconds.
pub fn play(daemon: &Daemon, playback_id: &str, screen: &Screen, is_over: &AtomicBool) -> Result<f64> {
    let host: SocketAddr = daemon.url().trim_start_matches("http://").parse()?;
    let place = Place { host, base: format!("/play/{playback_id}/hls/"), low_latency: true };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        is_playable(&place, FIRST_SEGMENT).await?;
        let mut connection = Connection::open(host, Ipv4Addr::LOCALHOST, "the player").await?;
        let (index, _) = connection.text(&format!("{}index.m3u8", place.base)).await?;
        let rendition = renditions(&index)?.pop().context("no rendition")?;
        let at = |uri: &str| format!("{}{uri}", place.base);
        let mut playlist = Playlist::parse(&connection.text(&at(&rendition)).await?.0)?;
        let map = playlist.map.clone().context("no initialization segment")?;
        screen.push(connection.media(&at(&map)).await?.to_vec())?;
        let hold_back = playlist.hold_back;
        let begin = loop {
            match playlist.first_part() {
                Some(part) => break part,
                None => playlist = following(&mut connection, &playlist, &at(&rendition)).await?,
            }
        };
        playlist.parts.drain(..begin);
        let mut last = None;
        while !screen.is_done() && !is_over.load(Ordering::SeqCst) {
            for part in &playlist.parts {
                if last.is_none_or(|last| (part.number, part.part) > last) {
                    screen.push(connection.media(&at(&part.uri)).await?.to_vec())?;
                    last = Some((part.number, part.part));
                }
            }
            playlist = following(&mut connection, &playlist, &at(&rendition)).await?;
        }
        Ok(hold_back)
    })
}

/// The playlist at this path with what comes next, as soon as that is there.
async fn following(connection: &mut Connection, playlist: &Playlist, path: &str) -> Result<Playlist> {
    let path = format!("{path}{}", playlist.next());
    Playlist::parse(&connection.text(&path).await?.0)
}
