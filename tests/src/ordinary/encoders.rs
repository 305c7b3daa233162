//! Encoders of others, and our own publishers, that push a file of the clip as it is, in real time, and say goodbye.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;

use super::stage::Stage;
use crate::program::Program;

/// H.264 as live encoders set it, and with B-frames.
pub const H264: &[&str] =
    &["-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-crf", "18", "-g", "25", "-bf", "0"];
/// H.264 with B-frames, three in a row at most.
pub const H264_B_FRAMES: &[&str] = &[
    "-c:v",
    "libx264",
    "-preset",
    "veryfast",
    "-crf",
    "18",
    "-g",
    "25",
    "-bf",
    "2",
    "-b_strategy",
    "0",
    "-sc_threshold",
    "0",
];
/// AAC at a rate at which it takes no part of a tone for noise.
pub const AAC: &[&str] = &["-c:a", "aac", "-b:a", "160k"];
/// Opus.
pub const OPUS: &[&str] = &["-c:a", "libopus", "-b:a", "128k"];
/// VP8.
pub const VP8: &[&str] = &[
    "-c:v",
    "libvpx",
    "-deadline",
    "realtime",
    "-cpu-used",
    "8",
    "-b:v",
    "3M",
    "-g",
    "25",
    "-auto-alt-ref",
    "0",
];

/// ffmpeg to an address, in this container.
fn ffmpeg(file: &Path, format: &[&str], address: &str) -> Result<Program> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-loglevel", "error", "-re", "-i"]).arg(file).args(["-map", "0", "-c", "copy"]);
    Program::start("ffmpeg that publishes", command.args(format).arg(address))
}

/// ffmpeg by RTMP.
pub fn ffmpeg_rtmp(file: &Path, stage: &Stage) -> Result<Program> {
    ffmpeg(file, &["-f", "flv"], &stage.rtmp()?)
}

/// ffmpeg by SRT.
pub fn ffmpeg_srt(file: &Path, stage: &Stage) -> Result<Program> {
    ffmpeg(file, &["-f", "mpegts", "-srt_streamid", stage.key()], &stage.srt()?)
}

/// `gst-launch-1.0` with a file of H.264 and AAC in Matroska, each in real time, to pads of `mux`.
fn gst(file: &Path, rest: &str) -> Result<Program> {
    let mut command = Command::new("gst-launch-1.0");
    let read = "matroskademux name=file file.video_0 ! h264parse ! clocksync ! queue ! mux.
                file.audio_0 ! aacparse ! clocksync ! queue ! mux.";
    command.args(["-q", "filesrc"]).arg(format!("location={}", file.display())).arg("!");
    command.args(read.split_whitespace()).args(rest.split_whitespace()).stdout(Stdio::null());
    Program::start("gst-launch-1.0 that publishes", &mut command)
}

/// GStreamer by RTMP.
pub fn gst_rtmp(file: &Path, stage: &Stage) -> Result<Program> {
    gst(file, &format!("flvmux name=mux streamable=true ! rtmp2sink location={}", stage.rtmp()?))
}

/// GStreamer by SRT.
pub fn gst_srt(file: &Path, stage: &Stage) -> Result<Program> {
    let id = format!("#!::r={},m=publish", stage.key());
    gst(file, &format!("mpegtsmux name=mux alignment=7 ! srtsink uri={} streamid={id}", stage.srt()?))
}

/// GStreamer by FQL, as it is.
pub fn gst_fql(file: &Path, stage: &Stage) -> Result<Program> {
    let url = stage.daemon().url();
    gst(file, &format!("streamapisink name=mux api-url={url} stream-key={}", stage.key()))
}
