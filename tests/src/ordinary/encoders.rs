//! Encoders of others, and our own publishers, that push a file of the clip as it is, in real time, and say goodbye.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::stage::Stage;
use crate::program::{Program, built};

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
/// H.264 of the profile that all clients of WebRTC take.
pub const H264_BASELINE: &[&str] = &[
    "-c:v",
    "libx264",
    "-profile:v",
    "baseline",
    "-preset",
    "veryfast",
    "-tune",
    "zerolatency",
    "-crf",
    "18",
    "-g",
    "25",
];
/// H.265 with B-frames.
pub const H265: &[&str] = &[
    "-c:v",
    "libx265",
    "-preset",
    "ultrafast",
    "-crf",
    "20",
    "-x265-params",
    "keyint=25:min-keyint=25:bframes=2:scenecut=0:open-gop=0:log-level=error",
];
/// AV1.
pub const AV1: &[&str] =
    &["-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-crf", "20", "-b:v", "0", "-g", "25"];
/// VP9.
pub const VP9: &[&str] = &[
    "-c:v",
    "libvpx-vp9",
    "-deadline",
    "realtime",
    "-cpu-used",
    "8",
    "-b:v",
    "2M",
    "-g",
    "25",
    "-lag-in-frames",
    "0",
];

/// An ffmpeg to an address, in this container.
fn ffmpeg(program: &Path, file: &Path, format: &[&str], address: &str) -> Result<Program> {
    let mut command = Command::new(program);
    command.args(["-nostdin", "-loglevel", "error", "-re", "-i"]).arg(file).args(["-map", "0", "-c", "copy"]);
    Program::start("ffmpeg that publishes", command.args(format).arg(address))
}

/// The ffmpeg that the system has.
const FFMPEG: &str = "ffmpeg";

/// One that knows more than that.
fn newer_ffmpeg() -> Result<PathBuf> {
    built("ffmpeg-newer").context("tests/newer-ffmpeg installs it")
}

/// ffmpeg by RTMP.
pub fn ffmpeg_rtmp(file: &Path, stage: &Stage) -> Result<Program> {
    ffmpeg(FFMPEG.as_ref(), file, &["-f", "flv"], &stage.rtmp()?)
}

/// ffmpeg by Enhanced RTMP, which that of Debian 12 does not know.
pub fn ffmpeg_enhanced_rtmp(file: &Path, stage: &Stage) -> Result<Program> {
    ffmpeg(&newer_ffmpeg()?, file, &["-f", "flv"], &stage.rtmp()?)
}

/// ffmpeg by SRT.
pub fn ffmpeg_srt(file: &Path, stage: &Stage) -> Result<Program> {
    ffmpeg(FFMPEG.as_ref(), file, &["-f", "mpegts", "-srt_streamid", stage.key()], &stage.srt()?)
}

/// ffmpeg by WHIP, which that of Debian 12 does not know.
pub fn ffmpeg_whip(file: &Path, stage: &Stage) -> Result<Program> {
    ffmpeg(&newer_ffmpeg()?, file, &["-f", "whip", "-authorization", stage.key()], &stage.whip()?)
}

/// `gst-launch-1.0` with a file in Matroska whose pictures and sound go through these elements, each in real time, to
/// pads of `mux`.
fn gst(file: &Path, [pictures, sound]: [&str; 2], rest: &str) -> Result<Program> {
    let mut command = Command::new("gst-launch-1.0");
    let read = format!(
        "matroskademux name=file file.video_0 ! {pictures} ! mux. file.audio_0 ! {sound} ! mux. {rest}"
    );
    command.args(["-q", "filesrc"]).arg(format!("location={}", file.display())).arg("!");
    command.args(read.split_whitespace()).stdout(Stdio::null());
    Program::start("gst-launch-1.0 that publishes", &mut command)
}

/// H.264 and AAC as they are.
const AS_THEY_ARE: [&str; 2] = ["h264parse ! clocksync ! queue", "aacparse ! clocksync ! queue"];

/// GStreamer by RTMP.
pub fn gst_rtmp(file: &Path, stage: &Stage) -> Result<Program> {
    let sink = format!("flvmux name=mux streamable=true ! rtmp2sink location={}", stage.rtmp()?);
    gst(file, AS_THEY_ARE, &sink)
}

/// GStreamer by SRT.
pub fn gst_srt(file: &Path, stage: &Stage) -> Result<Program> {
    let id = format!("#!::r={},m=publish", stage.key());
    let sink = format!("mpegtsmux name=mux alignment=7 ! srtsink uri={} streamid={id}", stage.srt()?);
    gst(file, AS_THEY_ARE, &sink)
}

/// GStreamer by FQL, H.264 and AAC as they are.
pub fn gst_fql(file: &Path, stage: &Stage) -> Result<Program> {
    gst(file, AS_THEY_ARE, &streamapisink(stage))
}

/// GStreamer by FQL, in layers.
pub fn gst_fql_layers(file: &Path, stage: &Stage) -> Result<Program> {
    let pictures = "h264parse ! avdec_h264 ! clocksync ! queue";
    let sound = "aacparse ! avdec_aac ! audioconvert ! audio/x-raw,format=S16LE ! clocksync ! queue";
    gst(file, [pictures, sound], &streamapisink(stage))
}

fn streamapisink(stage: &Stage) -> String {
    let url = stage.daemon().url();
    format!("streamapisink name=mux protocol=fql api-url={url} stream-key={}", stage.key())
}
