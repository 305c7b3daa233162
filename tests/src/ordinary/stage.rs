//! A daemon with one stream, and the addresses that it names.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::daemon::{Daemon, text, until};

/// A daemon with one stream.
#[derive(Debug)]
pub struct Stage {
    daemon: Daemon,
    stream: Value,
    key: String,
    playback_id: String,
}

impl Stage {
    /// A daemon that nobody publishes to yet.
    pub fn new() -> Result<Self> {
        // GStreamer's clients of WebRTC leave out the loopback address.
        let config = "[limits]\nrequests_per_minute = 6000\n[rtc]\nlisten = \"0.0.0.0:0\"\n";
        let daemon = Daemon::start(config)?;
        let stream = daemon.api().create_stream("programme")?;
        let (key, playback_id) = (text(&stream, "streamKey")?, text(&stream, "playbackId")?);
        Ok(Self { daemon, stream, key, playback_id })
    }

    /// The stream key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The playback ID.
    pub fn playback_id(&self) -> &str {
        &self.playback_id
    }

    /// The daemon.
    pub fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// Where an encoder sends RTMP to, with the stream key.
    pub fn rtmp(&self) -> Result<String> {
        Ok(format!("{}/{}", self.ingest("rtmp")?, self.key))
    }

    /// Where SRT is, without a stream id.
    pub fn srt(&self) -> Result<String> {
        let address = self.ingest("srt")?;
        Ok(address.split('?').next().unwrap_or_default().to_owned())
    }

    /// Where an encoder sends WHIP to, without the stream key.
    pub fn whip(&self) -> Result<String> {
        self.ingest("whip")
    }

    fn ingest(&self, protocol: &str) -> Result<String> {
        text(self.stream.get("ingest").context("a stream without ingest")?, protocol)
    }

    /// What `/play/<playback ID>` answers.
    pub fn playable(&self) -> Result<Value> {
        self.daemon.api().get(&format!("/play/{}", self.playback_id))
    }

    /// The address of a way to play that the daemon names.
    pub fn source(&self, protocol: &str) -> Result<String> {
        let playable = self.playable()?;
        let sources = playable["sources"].as_array().context("no sources")?;
        let source = sources.iter().find(|source| source["protocol"] == protocol);
        text(source.with_context(|| format!("it does not play as {protocol}: {playable}"))?, "uri")
    }

    /// Waits until the stream is live with its tracks.
    pub fn is_live(&self) -> Result<()> {
        until("the stream is live with its tracks", || {
            let playable = self.playable()?;
            Ok(playable["tracks"].as_array().is_some_and(|tracks| tracks.len() == 2))
        })
    }

    /// Waits until nobody publishes any more.
    pub fn is_offline(&self) -> Result<()> {
        until("the stream is offline", || Ok(self.playable()?["state"] == "offline"))
    }
}
