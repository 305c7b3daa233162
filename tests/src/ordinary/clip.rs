//! A clip with a clock in picture and sound: each picture has its number, and at uneven times one picture flashes and a
//! tone begins at the same instant, each time another one.

use std::f32::consts::TAU;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::frame::{Frame, STAMP_ROWS};

/// Luma columns of a picture.
pub const WIDTH: usize = 320;
/// Luma rows of a picture.
pub const HEIGHT: usize = 180;
/// Pictures a second.
pub const RATE: u32 = 25;
/// Samples of sound a second.
pub const SOUND_RATE: u32 = 48_000;
/// Seconds for which a tone is heard.
pub const TONE: f64 = 0.1;

/// Pictures from one flash to the next, over and over: no two neighbours are the same.
const APART: [u32; 6] = [20, 27, 23, 31, 18, 25];
/// Tones in Hz that begin with flashes, over and over: neighbours are far apart, for they are told from each other in five milliseconds.
pub const TONES: [f32; 6] = [800.0, 2400.0, 1200.0, 3200.0, 1600.0, 4000.0];

/// A flash, with the tone that begins with it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Flash {
    /// The number of its picture.
    pub picture: u32,
    /// In Hz.
    pub tone: f32,
}

/// All flashes of a clip of so many pictures.
pub fn flashes(pictures: u32) -> Vec<Flash> {
    let mut picture = 10;
    let mut all = Vec::new();
    for (apart, tone) in APART.iter().zip(TONES).cycle() {
        if picture >= pictures {
            break;
        }
        all.push(Flash { picture, tone });
        picture += apart;
    }
    all
}

/// When a picture is to be shown, in seconds from the first one.
pub fn time(picture: u32) -> f64 {
    f64::from(picture) / f64::from(RATE)
}

/// The picture of this number: a soft pattern that moves, white below the stamp where it is a flash.
pub fn picture(number: u32, is_flash: bool) -> Frame {
    let luma = |x: usize, y: usize| {
        let along = (x * 2 + y + 3 * number as usize) % 256;
        (60 + along.min(255 - along)) as u8
    };
    let mut samples = vec![128; WIDTH * HEIGHT * 3 / 2];
    for (y, row) in samples[..WIDTH * HEIGHT].chunks_exact_mut(WIDTH).enumerate() {
        if is_flash && y >= STAMP_ROWS {
            row.fill(235);
        } else {
            row.iter_mut().enumerate().for_each(|(x, sample)| *sample = luma(x, y));
        }
    }
    let mut frame = Frame { width: WIDTH, height: HEIGHT, samples };
    frame.stamp(number as u16);
    frame
}

/// Mono samples of a clip of so many pictures: tones over a hum that hardly anybody hears.
pub fn sound(pictures: u32) -> Vec<f32> {
    let wave = |i: usize, tone: f32| (TAU * tone * (i as f32 / SOUND_RATE as f32)).sin();
    let length = (time(pictures) * f64::from(SOUND_RATE)) as usize;
    let mut samples: Vec<f32> = (0..length).map(|i| 0.01 * wave(i % SOUND_RATE as usize, 200.0)).collect();
    for flash in flashes(pictures) {
        let start = (time(flash.picture) * f64::from(SOUND_RATE)) as usize;
        let end = (start + (TONE * f64::from(SOUND_RATE)) as usize).min(length);
        samples[start..end]
            .iter_mut()
            .enumerate()
            .for_each(|(i, sample)| *sample += 0.5 * wave(i, flash.tone));
    }
    samples
}

/// A clip that encoders push, and that players' pictures are compared with.
#[derive(Debug)]
pub struct Clip {
    /// All pictures by their number.
    pub pictures: Vec<Frame>,
    /// What happens in it.
    pub flashes: Vec<Flash>,
}

impl Clip {
    /// A clip of so many seconds.
    pub fn new(seconds: u32) -> Self {
        let count = seconds * RATE;
        let flashes = flashes(count);
        let is_flash = |number| flashes.iter().any(|flash| flash.picture == number);
        Self { pictures: (0..count).map(|number| picture(number, is_flash(number))).collect(), flashes }
    }

    /// How many pictures it has.
    pub fn count(&self) -> u32 {
        self.pictures.len() as u32
    }

    /// Writes it to a file by ffmpeg, encoded as these arguments say.
    pub fn write(&self, file: &Path, coding: &[&str]) -> Result<()> {
        let sound_file = file.with_extension("f32");
        let samples: Vec<u8> = sound(self.count()).iter().flat_map(|sample| sample.to_le_bytes()).collect();
        std::fs::write(&sound_file, samples)?;
        let mut ffmpeg = Command::new("ffmpeg")
            .args(["-nostdin", "-loglevel", "error", "-y"])
            .args(["-f", "rawvideo", "-pixel_format", "yuv420p", "-video_size", &format!("{WIDTH}x{HEIGHT}")])
            .args(["-framerate", &RATE.to_string(), "-i", "pipe:0"])
            .args(["-f", "f32le", "-ar", &SOUND_RATE.to_string(), "-ac", "1", "-i"])
            .arg(&sound_file)
            .args(["-map", "0:v", "-map", "1:a", "-ac", "2", "-pix_fmt", "yuv420p"])
            .args(coding)
            .arg(file)
            .stdin(Stdio::piped())
            .spawn()
            .context("ffmpeg")?;
        let mut input = ffmpeg.stdin.take().context("ffmpeg without an input")?;
        self.pictures.iter().try_for_each(|picture| input.write_all(&picture.samples))?;
        drop(input);
        let status = ffmpeg.wait()?;
        ensure!(status.success(), "ffmpeg ended with {status}");
        std::fs::remove_file(sound_file)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flashes_are_told_from_their_neighbours_by_distance_and_tone() {
        let all = flashes(300);
        assert!(all.len() > 10);
        let apart: Vec<u32> = all.windows(2).map(|pair| pair[1].picture - pair[0].picture).collect();
        assert!(apart.windows(2).all(|pair| pair[0] != pair[1]), "{apart:?}");
        assert!(all.windows(2).all(|pair| (pair[0].tone - pair[1].tone).abs() >= 800.0));
    }

    #[test]
    fn pictures_have_their_number_and_flash_when_they_should() {
        let clip = Clip::new(2);
        for (number, picture) in clip.pictures.iter().enumerate() {
            assert_eq!(usize::from(picture.number()), number);
            let is_white = picture.luma(STAMP_ROWS).iter().all(|&sample| sample == 235);
            assert_eq!(is_white, [10, 30].contains(&number), "picture {number}");
        }
    }
}
