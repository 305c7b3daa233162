//! The peers' codecs, by ffmpeg.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use fql_tests::frame::Frame;

use crate::clips::Clip;
use crate::points::Point;
use crate::processes::run;

/// An `ffmpeg` to add arguments to.
pub fn ffmpeg() -> Ffmpeg {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-loglevel", "error", "-y"]);
    Ffmpeg(command)
}

/// A command line of ffmpeg in the making.
#[derive(Debug)]
pub struct Ffmpeg(Command);

impl Ffmpeg {
    /// Adds one argument.
    pub fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.0.arg(argument);
        self
    }

    /// Adds arguments.
    pub fn args<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.0.args(arguments);
        self
    }

    /// Runs it, and gives what it wrote to standard output.
    pub fn run(mut self) -> Result<Vec<u8>> {
        run(&mut self.0)
    }

    /// The command itself.
    pub fn command(self) -> Command {
        self.0
    }
}

/// x264 for live streams, tuned for what is measured here.
const LIVE_X264: &str = "-c:v libx264 -preset veryfast -tune psnr,zerolatency";

/// A codec of ffmpeg with its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its name in tables.
    pub name: &'static str,
    /// The arguments that choose encoder and settings.
    pub encoder: Vec<String>,
    /// The arguments before the input that choose a decoder.
    pub decoder: &'static [&'static str],
}

impl Peer {
    fn new(name: &'static str, encoder: &str, decoder: &'static [&'static str]) -> Self {
        Self { name, encoder: encoder.split(' ').map(str::to_owned).collect(), decoder }
    }

    /// JPEG 2000 with the 9/7 wavelet, in which OpenJPEG is at its best with losses, at this ratio of compression.
    pub fn jpeg_2000(ratio: usize) -> Self {
        let encoder = format!("-c:v libopenjpeg -format j2k -irreversible 1 -compression_level {ratio}");
        Self::new("JPEG 2000", &encoder, &["-c:v", "libopenjpeg"])
    }

    /// JPEG 2000 without loss.
    pub fn jpeg_2000_lossless() -> Self {
        let encoder = "-c:v libopenjpeg -format j2k -irreversible 0 -compression_level 0";
        Self::new("JPEG 2000 5/3", encoder, &["-c:v", "libopenjpeg"])
    }

    /// Intra pictures of H.264 with this quantiser, tuned for PSNR, which is what is measured here.
    pub fn x264(quantiser: usize) -> Self {
        let encoder = format!("-c:v libx264 -preset medium -tune psnr -g 1 -qp {quantiser}");
        Self::new("x264 intra", &encoder, &[])
    }

    /// The same with the finest quantiser that takes at most so many bytes a frame.
    pub fn x264_near(bytes: usize, clip: &Clip, folder: &Path) -> Result<Self> {
        let (mut fits, mut too_fine) = (51, 0);
        let file = folder.join("size.nut");
        while fits - too_fine > 1 {
            let middle = usize::midpoint(fits, too_fine);
            Self::x264(middle).encoding(&clip.file, &file, 0).run()?;
            let fitting = packet_bytes(&file)? <= bytes * clip.frames.len();
            *if fitting { &mut fits } else { &mut too_fine } = middle;
        }
        Ok(Self::x264(fits))
    }

    /// H.264 as for live streams, without added delay and tuned for PSNR, with a key frame in so many: at a constant
    /// quality.
    pub fn x264_live(quality: usize, key_interval: u32) -> Self {
        Self::new("x264", &format!("{LIVE_X264} -g {key_interval} -crf {quality}"), &[])
    }

    /// The same at a bitrate in kbit/s, with a buffer of 200 ms of it.
    pub fn x264_at(kbits: u32, key_interval: u32) -> Self {
        let buffer = kbits.div_ceil(5);
        let rate = format!("-b:v {kbits}k -maxrate {kbits}k -bufsize {buffer}k");
        Self::new("x264", &format!("{LIVE_X264} -g {key_interval} {rate}"), &[])
    }

    /// H.264 without loss.
    pub fn x264_lossless() -> Self {
        Self::new("x264 lossless", "-c:v libx264 -preset medium -g 1 -qp 0", &[])
    }

    /// FFV1, which has no loss, with these settings beside its level.
    pub fn ffv1(name: &'static str, settings: &str) -> Self {
        Self::new(name, &format!("-c:v ffv1 -level 3 {settings}"), &[])
    }

    /// The command that codes a file of raw pictures into another file; on as many threads as it likes where they
    /// are 0.
    pub fn encoding(&self, from: &Path, to: &Path, threads: usize) -> Ffmpeg {
        let encoder = self.encoder.iter().map(String::as_str);
        let threads = threads.to_string();
        ffmpeg().arg("-i").arg(from).args(encoder).args(["-threads", &threads, "-f", "nut"]).arg(to)
    }

    /// The command that decodes a file that [`Peer::encoding`] wrote, to nowhere.
    pub fn decoding(&self, from: &Path, threads: usize) -> Ffmpeg {
        ffmpeg()
            .args(["-threads", &threads.to_string()])
            .args(self.decoder.iter().copied())
            .arg("-i")
            .arg(from)
            .args(["-f", "rawvideo", "-pix_fmt", "yuv420p", "-fps_mode", "passthrough", "/dev/null"])
    }

    /// What it makes of a clip.
    pub fn point(&self, clip: &Clip, folder: &Path) -> Result<Point> {
        let file = folder.join("peer.nut");
        self.encoding(&clip.file, &file, 0).run().context(self.name)?;
        let raw = ffmpeg()
            .args(self.decoder.iter().copied())
            .arg("-i")
            .arg(&file)
            .args(["-f", "rawvideo", "-pix_fmt", "yuv420p", "-fps_mode", "passthrough", "pipe:1"])
            .run()?;
        let (width, height) = clip.size();
        let frames = raw
            .chunks_exact(clip.raw_bytes())
            .map(|samples| Frame::new(width, height, samples.to_vec()))
            .collect::<Result<Vec<_>>>()?;
        ensure!(frames.len() == clip.frames.len(), "{} gave {} frames", self.name, frames.len());
        Ok(Point::new(&clip.frames, &frames, packet_bytes(&file)?))
    }
}

/// Bytes of all packets in a file, those of the container not counted.
pub fn packet_bytes(file: &Path) -> Result<usize> {
    let mut probe = Command::new("ffprobe");
    probe
        .args(["-loglevel", "error", "-show_entries", "packet=size", "-of", "csv=print_section=0"])
        .arg(file);
    let text = String::from_utf8(run(&mut probe)?)?;
    let sizes = text.split([',', '\n']).filter(|field| !field.is_empty());
    sizes.map(|size| size.parse::<usize>().with_context(|| format!("ffprobe told a size {size:?}"))).sum()
}
