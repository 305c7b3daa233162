//! The clips that everything is measured on, as files of raw pictures.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use fql_tests::clip::bundled;
use fql_tests::frame::Frame;

use crate::ffmpeg::ffmpeg;

/// How a clip is made from a bundled one.
struct Source {
    name: &'static str,
    file: &'static str,
    filter: &'static str,
}

/// A clip that was decoded from compressed video flatters codecs that find its old grid again: the second is the first
/// one without its grid.
const SOURCES: [Source; 3] = [
    Source { name: "bigbuckbunny", file: "bigbuckbunny.mp4", filter: "null" },
    Source {
        name: "bbbs",
        file: "bigbuckbunny.mp4",
        filter: "crop=1264:704:7:5,scale=960:528:flags=lanczos+accurate_rnd",
    },
    Source { name: "car-detection", file: "car-detection.mp4", filter: "null" },
];

/// The main clip at the size that takes most work.
const FULL_HD: Source = Source {
    name: "bigbuckbunny-1080",
    file: "bigbuckbunny.mp4",
    filter: "scale=1920:1080:flags=lanczos+accurate_rnd",
};

/// Clips to measure on.
#[derive(Debug)]
pub struct Clips {
    /// Where files may be written.
    pub folder: PathBuf,
    /// The clips themselves, at least one.
    pub all: Vec<Clip>,
}

/// One clip of 8-bit 4:2:0.
#[derive(Debug)]
pub struct Clip {
    /// Its name in tables.
    pub name: &'static str,
    /// Its frames as YUV4MPEG2.
    pub file: PathBuf,
    /// Its frames.
    pub frames: Vec<Frame>,
    /// Frames a second.
    pub rate: f64,
}

impl Clips {
    /// Decodes so many frames of the clips of these names, of all where there are none, into a folder.
    pub fn new(folder: &Path, frames: usize, names: &[String]) -> Result<Self> {
        if let Some(name) = names.iter().find(|name| SOURCES.iter().all(|source| source.name != **name)) {
            bail!("there is no clip {name}: there are {}", SOURCES.map(|source| source.name).join(", "));
        }
        let wanted =
            SOURCES.iter().filter(|source| names.is_empty() || names.iter().any(|name| name == source.name));
        let all = wanted.map(|source| source.clip(folder, frames)).collect::<Result<_>>()?;
        Ok(Self { folder: folder.to_owned(), all })
    }

    /// So many frames of 1920x1080.
    pub fn full_hd(&self, frames: usize) -> Result<Clip> {
        FULL_HD.clip(&self.folder, frames)
    }

    /// The clip for which targets are set, or the first one where it is left out.
    pub fn main(&self) -> &Clip {
        self.all.iter().find(|clip| clip.is_main()).unwrap_or(&self.all[0])
    }
}

impl Source {
    fn clip(&self, folder: &Path, frames: usize) -> Result<Clip> {
        let file = folder.join(format!("{}.y4m", self.name));
        let frames = frames.to_string();
        ffmpeg()
            .arg("-i")
            .arg(bundled(self.file))
            .args([
                "-frames:v",
                &frames,
                "-vf",
                self.filter,
                "-pix_fmt",
                "yuv420p",
                "-fps_mode",
                "passthrough",
            ])
            .arg(&file)
            .run()?;
        let (frames, rate) = (read_y4m(&file)?, frame_rate(&file)?);
        Ok(Clip { name: self.name, file, frames, rate })
    }
}

impl Clip {
    /// Whether the targets are set for this one.
    pub fn is_main(&self) -> bool {
        self.name == SOURCES[0].name
    }

    /// Width and height in luma samples.
    pub fn size(&self) -> (usize, usize) {
        (self.frames[0].width, self.frames[0].height)
    }

    /// A rate in kbit/s from bytes a frame.
    pub fn kbits(&self, bytes: f64) -> f64 {
        bytes * 8.0 * self.rate / 1000.0
    }

    /// Bytes a frame at a rate in kbit/s.
    pub fn bytes(&self, kbits: f64) -> f64 {
        kbits * 1000.0 / 8.0 / self.rate
    }

    /// Bytes of one raw frame.
    pub fn raw_bytes(&self) -> usize {
        self.frames[0].samples.len()
    }
}

/// The frames of a YUV4MPEG2 file of 8-bit 4:2:0, at least one.
pub fn read_y4m(file: &Path) -> Result<Vec<Frame>> {
    parse_y4m(&fs::read(file)?).with_context(|| file.display().to_string())
}

fn parse_y4m(data: &[u8]) -> Result<Vec<Frame>> {
    let (header, mut rest) = line(data).context("no header")?;
    let header = std::str::from_utf8(header)?;
    ensure!(header.starts_with("YUV4MPEG2 "), "not a YUV4MPEG2 file");
    let field = |name: char| header.split(' ').skip(1).find_map(|field| field.strip_prefix(name));
    let colours = field('C').unwrap_or("420");
    ensure!(["420", "420jpeg", "420mpeg2", "420paldv"].contains(&colours), "{colours} is not 8-bit 4:2:0");
    let (width, height): (usize, usize) =
        (field('W').context("no width")?.parse()?, field('H').context("no height")?.parse()?);
    let mut frames = Vec::new();
    while let Some((header, after)) = line(rest) {
        ensure!(header.starts_with(b"FRAME"), "no frame where one should begin");
        let (samples, after) = after.split_at_checked(width * height * 3 / 2).context("half a frame")?;
        frames.push(Frame::new(width, height, samples.to_vec())?);
        rest = after;
    }
    ensure!(!frames.is_empty() && rest.is_empty(), "no frame, or a part of one");
    Ok(frames)
}

/// The frames a second of a YUV4MPEG2 file.
fn frame_rate(file: &Path) -> Result<f64> {
    let mut header = String::new();
    BufReader::new(fs::File::open(file)?).read_line(&mut header)?;
    let ratio = header.split(' ').find_map(|field| field.strip_prefix('F')?.split_once(':'));
    let (frames, seconds) = ratio.with_context(|| format!("{}: no frame rate", file.display()))?;
    let rate = frames.parse::<f64>()? / seconds.trim().parse::<f64>()?;
    ensure!(rate.is_finite() && rate > 0.0, "{}: {rate} frames a second", file.display());
    Ok(rate)
}

fn line(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = data.iter().position(|&byte| byte == b'\n')?;
    Some((&data[..end], &data[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_and_what_is_none_is_refused() {
        let frame = |value: u8| [b"FRAME\n".as_slice(), &[value; 6]].concat();
        let file = |header: &str| [header.as_bytes(), &frame(1), &frame(2)].concat();
        let frames = parse_y4m(&file("YUV4MPEG2 W2 H2 F25:1 C420jpeg\n")).unwrap();
        assert_eq!(frames.iter().map(|frame| frame.samples[0]).collect::<Vec<_>>(), [1, 2]);
        for wrong in ["YUV4MPEG W2 H2\n", "YUV4MPEG2 W2 H2 C422\n", "YUV4MPEG2 W2\n", "YUV4MPEG2 W2 H4\n"] {
            assert!(parse_y4m(&file(wrong)).is_err(), "{wrong}");
        }
    }
}
