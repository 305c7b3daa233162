//! Short clips that ffmpeg makes.

use std::path::Path;
use std::process::Command;

/// Pictures of a clip: two seconds.
pub const PICTURES: usize = 50;
/// H.264 with pictures that are shown in another order than they are decoded in, and AAC.
pub const H264: &[&str] =
    &["-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "25", "-c:a", "aac", "-ac", "2"];
pub const H265: &[&str] =
    &["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "bframes=3:log-level=none", "-c:a", "aac"];
pub const VP9: &[&str] =
    &["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25", "-c:a", "libopus"];

/// Makes a clip of two seconds with these codecs in this folder.
pub fn clip(folder: &Path, name: &str, codecs: &[&str], more: &[&str]) {
    clip_of(2, folder, name, codecs, more);
}

/// Makes one of so many seconds.
pub fn clip_of(seconds: usize, folder: &Path, name: &str, codecs: &[&str], more: &[&str]) {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.current_dir(folder).args(["-nostdin", "-y", "-loglevel", "error"]);
    let pictures = format!("testsrc2=size=192x108:rate=25:duration={seconds}");
    ffmpeg.args(["-f", "lavfi", "-i", &pictures]);
    let sound = format!("sine=frequency=440:sample_rate=48000:duration={seconds}");
    ffmpeg.args(["-f", "lavfi", "-i", &sound]);
    ffmpeg.args(codecs).args(["-pix_fmt", "yuv420p"]).args(more).arg(name);
    assert!(ffmpeg.status().expect("ffmpeg is installed").success(), "{name}");
}
