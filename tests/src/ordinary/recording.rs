//! What a player got: when which picture was to be shown, how like the source it is, and the sound with its times.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::clip::{Clip, HEIGHT, SOUND_RATE, WIDTH};
use crate::frame::{Frame, STAMP_ROWS};

/// A picture that a player got.
#[derive(Debug, Clone, Copy)]
pub struct Picture {
    /// When it is to be shown, in seconds on the player's timeline.
    pub time: f64,
    /// The number stamped into it.
    pub number: u32,
    /// Luma PSNR in dB against the picture of that number; 0 where there is none.
    pub psnr: f64,
}

impl Picture {
    /// What is to be known of a picture that is shown at `time`.
    pub fn of(frame: &Frame, time: f64, clip: &Clip) -> Self {
        let number = u32::from(frame.number());
        let source = clip.pictures.get(number as usize);
        Self { time, number, psnr: source.map_or(0.0, |source| source.luma_psnr(frame, STAMP_ROWS)) }
    }
}

/// A piece of sound as it came.
#[derive(Debug, Clone)]
pub struct Piece {
    /// When its first sample is to be heard, in seconds on the timeline of the pictures.
    pub time: f64,
    /// Mono, [`SOUND_RATE`] a second.
    pub samples: Vec<f32>,
}

/// All that a player got.
#[derive(Debug, Default, Clone)]
pub struct Recording {
    /// In the order in which they came.
    pub pictures: Vec<Picture>,
    /// In the order in which they came.
    pub sound: Vec<Piece>,
}

impl Recording {
    /// Reads what ffmpeg wrote: `video.yuv` and `audio.pcm` (16 bits, mono), each with the times of its packets as
    /// ffmpeg's `framecrc` prints them. What was not recorded is missing.
    pub fn read(folder: &Path, clip: &Clip) -> Result<Self> {
        let mut recording = Self::default();
        if let Some(packets) = packets(&folder.join("video.txt"))? {
            let mut file = std::io::BufReader::new(std::fs::File::open(folder.join("video.yuv"))?);
            for (time, size) in packets {
                ensure!(size == WIDTH * HEIGHT * 3 / 2, "a picture of {size} bytes");
                let mut samples = vec![0; size];
                file.read_exact(&mut samples).context("fewer pictures than times")?;
                let frame = Frame::new(WIDTH, HEIGHT, samples)?;
                recording.pictures.push(Picture::of(&frame, time, clip));
            }
        }
        if let Some(packets) = packets(&folder.join("audio.txt"))? {
            let mut file = std::io::BufReader::new(std::fs::File::open(folder.join("audio.pcm"))?);
            for (time, size) in packets {
                let mut bytes = vec![0; size];
                file.read_exact(&mut bytes).context("less sound than times")?;
                let sample = |two: &[u8]| f32::from(i16::from_le_bytes([two[0], two[1]])) / 32768.0;
                recording.sound.push(Piece { time, samples: bytes.chunks_exact(2).map(sample).collect() });
            }
        }
        Ok(recording)
    }

    /// From the first sample of sound to the last one: when it begins, and all of it with silence where nothing came.
    pub fn track(&self) -> Option<(f64, Vec<f32>)> {
        let end = |piece: &Piece| piece.time + piece.samples.len() as f64 / f64::from(SOUND_RATE);
        let start = self.sound.iter().map(|piece| piece.time).reduce(f64::min)?;
        let end = self.sound.iter().map(end).reduce(f64::max)?;
        let at = |time: f64| ((time - start) * f64::from(SOUND_RATE)).round() as usize;
        let mut all = vec![0.0; at(end) + 1];
        for piece in &self.sound {
            let from = at(piece.time);
            let to = (from + piece.samples.len()).min(all.len());
            all[from..to].copy_from_slice(&piece.samples[..to - from]);
        }
        Some((start, all))
    }
}

/// Times in seconds and sizes in bytes that ffmpeg printed; nothing where there is no such file.
fn packets(file: &Path) -> Result<Option<Vec<(f64, usize)>>> {
    if !file.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(file)?;
    let base = text.lines().find_map(|line| line.strip_prefix("#tb 0: ")).context("no time base")?;
    let (ticks, second) = base.trim().split_once('/').context("a time base is a fraction")?;
    let tick = ticks.parse::<f64>()? / second.parse::<f64>()?;
    let packet = |line: &str| -> Result<(f64, usize)> {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        ensure!(fields.len() >= 5, "not a packet: {line}");
        Ok((fields[2].parse::<f64>()? * tick, fields[4].parse()?))
    };
    text.lines().filter(|line| !line.starts_with('#')).map(packet).collect::<Result<_>>().map(Some)
}
