//! A player of Low-Latency HLS that takes every part of picture and of sound the moment it is there, by playlists that are
//! waited for and updated by differences, holds them to the rules of RFC 8216bis, and writes them to files.
//!
//! It is our own: ffmpeg and GStreamer 1.22 play parts as whole segments, and hls.js in a browser hands no samples out.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use fql_packager::check::{Checker, Part, Playlist, Segment};

/// How long an answer may take: a playlist waits for three target durations at most.
const LONGEST: Duration = Duration::from_secs(20);
/// How often a playlist that is not there yet is asked for.
const AGAIN: Duration = Duration::from_millis(50);

/// Picture and sound as they came: each an initialization segment and all parts from the first independent one on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The file of the pictures.
    pub pictures: PathBuf,
    /// The file of the sound.
    pub sound: PathBuf,
}

impl Written {
    /// Where a recording in this folder is written to.
    pub fn at(folder: &Path) -> Self {
        Self { pictures: folder.join("pictures.mp4"), sound: folder.join("sound.mp4") }
    }
}

/// Plays the stream of a multivariant playlist up to its end.
pub fn play(index: &str, to: &Written) -> Result<()> {
    let base = index.rsplit_once('/').context("an address without a folder")?.0;
    let text = first(index)?;
    let media = |line: &str| line.strip_prefix("#EXT-X-MEDIA:").and_then(|tag| quoted(tag, "URI="));
    let sound = text.lines().find_map(media).context("no sound of its own")?;
    let pictures = text.lines().find(|line| !line.is_empty() && !line.starts_with('#'));
    let pictures = pictures.context("no variant")?;
    std::thread::scope(|scope| {
        let both = [(pictures, &to.pictures), (sound.as_str(), &to.sound)];
        let players =
            both.map(|(name, file)| scope.spawn(move || follow(base, name, file).context(name.to_owned())));
        players.into_iter().try_for_each(|player| player.join().unwrap_or_else(|_| bail!("a panic")))
    })
}

/// Plays one rendition.
fn follow(base: &str, name: &str, to: &Path) -> Result<()> {
    let address = format!("{base}/{name}");
    let mut file = File::create(to)?;
    let mut checker = Checker::default();
    let mut playlist = load(&mut checker, &address)?;
    let parts = |playlist: &Playlist| -> Vec<((u64, usize), Part)> {
        let places = playlist.segments.iter().flat_map(|segment| {
            let parts = segment.parts.iter().cloned().enumerate();
            parts.map(|(at, part)| ((segment.number, at), part))
        });
        places.collect()
    };
    // Parts of the first segment are not listed where they are uneven.
    let mut next = loop {
        if let Some((place, _)) = parts(&playlist).into_iter().rfind(|(_, part)| part.independent) {
            break place;
        }
        ensure!(!playlist.has_ended, "no part to begin with");
        playlist = load(&mut checker, &following(&address, &playlist)?)?;
    };
    let map = playlist.segments.last().and_then(|segment| segment.map.clone()).context("no EXT-X-MAP")?;
    file.write_all(&bytes(&format!("{base}/{map}"))?)?;
    loop {
        let is_other = |segment: &Segment| segment.map.as_ref() != Some(&map) || segment.discontinuity;
        ensure!(!playlist.segments.iter().any(is_other), "it does not go on as it began");
        for ((number, at), part) in parts(&playlist) {
            if (number, at) >= next {
                ensure!((number, at) == next || (number, at) == (next.0 + 1, 0), "{next:?} is left out");
                file.write_all(&bytes(&format!("{base}/{}", part.uri))?)?;
                next = (number, at + 1);
            }
        }
        if playlist.has_ended {
            return Ok(());
        }
        playlist = load(&mut checker, &following(&address, &playlist)?)?;
    }
}

/// Where the playlist is that has one part more.
fn following(address: &str, playlist: &Playlist) -> Result<String> {
    let last = playlist.segments.last().context("an empty playlist")?;
    let (number, part) = match last.duration {
        Some(_) => (last.number + 1, 0),
        None => (last.number, last.parts.len()),
    };
    Ok(format!("{address}?_HLS_msn={number}&_HLS_part={part}&_HLS_skip=YES"))
}

fn load(checker: &mut Checker, address: &str) -> Result<Playlist> {
    let text = String::from_utf8(bytes(address)?)?;
    let found = checker.check(&text);
    ensure!(found.is_empty(), "{found:?} in {address}:\n{text}");
    checker.playlist().cloned().context("no playlist")
}

/// A playlist that may not be there yet.
fn first(address: &str) -> Result<String> {
    let until = Instant::now() + LONGEST;
    loop {
        match bytes(address) {
            Ok(bytes) => return Ok(String::from_utf8(bytes)?),
            Err(error) if Instant::now() > until => return Err(error),
            Err(_) => std::thread::sleep(AGAIN),
        }
    }
}

fn bytes(address: &str) -> Result<Vec<u8>> {
    let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(LONGEST)).build().into();
    let mut answer = agent.get(address).call().with_context(|| address.to_owned())?;
    Ok(answer.body_mut().read_to_vec()?)
}

/// What stands in quotes after a name.
fn quoted(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}\""))?;
    rest.split_once('"').map(|(value, _)| value.to_owned())
}
