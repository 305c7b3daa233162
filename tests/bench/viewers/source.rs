//! The stream that everybody watches: coded before, so that sending it costs next to nothing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use fql_tests::clip::bundled;
use fql_tests::daemon::{Daemon, text, until};
use fql_tests::program::Program;

use crate::ffmpeg::ffmpeg;

/// Rates of picture and sound in kbit/s: 2 Mbit/s together.
const PICTURE: &str = "1872k";
const SOUND: &str = "128k";

/// A coded stream of at least this length, with a key picture every two seconds and without B-frames.
pub fn code(folder: &Path, length: Duration) -> Result<PathBuf> {
    let file = folder.join("stream.flv");
    let length = length.as_secs().to_string();
    ffmpeg()
        .args(["-stream_loop", "-1", "-i"])
        .arg(bundled("bigbuckbunny.mp4"))
        .args(["-f", "lavfi", "-i", "anoisesrc=color=pink:sample_rate=48000", "-t", &length])
        .args(["-map", "0:v", "-map", "1:a", "-c:v", "libx264", "-preset", "veryfast", "-bf", "0"])
        .args(["-pix_fmt", "yuv420p", "-r", "25", "-g", "50", "-sc_threshold", "0"])
        .args(["-b:v", PICTURE, "-maxrate", PICTURE, "-bufsize", "936k"])
        .args(["-c:a", "aac", "-ac", "2", "-b:a", SOUND])
        .arg(&file)
        .run()?;
    Ok(file)
}

/// A stream that is live.
pub struct Live {
    /// Its playback ID.
    pub playback_id: String,
    /// Its id.
    pub id: String,
    _publisher: Program,
}

impl Live {
    /// Publishes the file by RTMP, in its own time.
    pub fn publish(daemon: &Daemon, file: &Path) -> Result<Self> {
        let api = daemon.api();
        let stream = api.create_stream("watched")?;
        let rtmp = text(stream.get("ingest").context("a stream without ingest")?, "rtmp")?;
        let address = format!("{rtmp}/{}", text(&stream, "streamKey")?);
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-loglevel", "error", "-re", "-i"]).arg(file);
        command.args(["-c", "copy", "-f", "flv", &address]);
        let publisher = Program::spawn("ffmpeg", &mut command)?;
        let id = text(&stream, "id")?;
        let path = format!("/v1/streams/{id}");
        until("the stream is live", || {
            Ok(api.get(&path)?.get("state").and_then(|state| state.as_str()) == Some("live"))
        })?;
        Ok(Self { playback_id: text(&stream, "playbackId")?, id, _publisher: publisher })
    }
}
