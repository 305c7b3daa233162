//! A file of stamped pictures with sound, to be pushed as any other file, and what a viewer got of it.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::clip::{bundled, scaled_frames};
use crate::frame::Frame;
use crate::lossy_run::FRAME_RATE;

/// The bundled clip in a loop, with the number of each frame stamped into it.
#[derive(Debug)]
pub struct Stamped {
    clip: Vec<Frame>,
}

impl Stamped {
    /// Decodes the bundled clip, in this size.
    pub fn new(size: (usize, usize)) -> Result<Self> {
        Ok(Self { clip: scaled_frames(&bundled("bigbuckbunny.mp4"), size)? })
    }

    /// The frame with this number.
    pub fn frame(&self, number: u16) -> Frame {
        let mut frame = self.clip[usize::from(number) % self.clip.len()].clone();
        frame.stamp(number);
        frame
    }

    /// Writes so many frames with the clip's sound to a Matroska file: the picture with hardly any loss, in a way that
    /// takes little to decode beside all that runs in a test, the sound without.
    pub fn write(&self, file: &Path, frames: u16) -> Result<()> {
        let first = self.clip.first().context("an empty clip")?;
        let size = format!("{}x{}", first.width, first.height);
        let rate = FRAME_RATE.to_string();
        let mut ffmpeg = Command::new("ffmpeg")
            .args(["-nostdin", "-loglevel", "error", "-y", "-f", "rawvideo", "-pixel_format", "yuv420p"])
            .args(["-video_size", &size, "-framerate", &rate, "-i", "pipe:0", "-stream_loop", "-1", "-i"])
            .arg(bundled("bigbuckbunny.mp4"))
            .args(["-map", "0:v", "-map", "1:a", "-shortest", "-c:a", "flac", "-c:v", "libx264"])
            .args(["-preset", "ultrafast", "-tune", "fastdecode", "-qp", "12"])
            .args(["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"])
            .arg(file)
            .stdin(Stdio::piped())
            .spawn()
            .context("ffmpeg")?;
        let mut input = ffmpeg.stdin.take().context("ffmpeg without an input")?;
        for number in 0..frames {
            input.write_all(&self.frame(number).samples)?;
        }
        drop(input);
        let status = ffmpeg.wait()?;
        ensure!(status.success(), "ffmpeg ended with {status}");
        Ok(())
    }
}

/// Mono samples of the first sound of a file, at this rate.
pub fn sound(file: &Path, rate: u32) -> Result<Vec<f32>> {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-loglevel", "error", "-i"])
        .arg(file)
        .args(["-map", "0:a", "-ac", "1", "-ar", &rate.to_string(), "-f", "f32le", "pipe:1"])
        .output()
        .context("ffmpeg")?;
    ensure!(output.status.success(), "ffmpeg: {}", String::from_utf8_lossy(&output.stderr));
    let sample = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    Ok(output.stdout.chunks_exact(4).map(sample).collect())
}

/// How well a piece of sound is found anywhere in another: the largest correlation coefficient, 1 where it is there
/// note for note.
pub fn likeness(whole: &[f32], piece: &[f32]) -> f64 {
    let energy = |samples: &[f32]| samples.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>();
    let own = energy(piece).sqrt();
    let at = |window: &[f32]| {
        let product: f64 = window.iter().zip(piece).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
        product / (own * energy(window).sqrt()).max(1e-9)
    };
    whole.windows(piece.len().max(1)).map(at).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_found_in_what_it_was_cut_from_and_not_in_noise() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut noise = |len| (0..len).map(|_| random.f32() - 0.5).collect::<Vec<_>>();
        let (whole, other) = (noise(4000), noise(500));
        assert!(likeness(&whole, &whole[700..1200]) > 0.999);
        assert!(likeness(&whole, &other) < 0.3);
    }
}
