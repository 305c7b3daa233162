//! What a viewer saw: every frame of the source on the viewer's clock, whether a new picture came for it, and how
//! good the picture on the screen was.

use std::fmt;
use std::ops::Range;

/// What was on the screen when one frame of the source was due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shown {
    /// Whether this frame came as a picture in time: all of layer 0, in every slice.
    pub new: bool,
    /// Luma PSNR of what was shown against this frame of the source, in dB.
    pub psnr: f64,
}

/// What was on the screen for every frame of the source.
#[derive(Clone, Default)]
pub struct Timeline(pub Vec<Shown>);

impl Timeline {
    /// The score of these frames; `None` where there are none.
    pub fn score(&self, frames: Range<usize>) -> Option<Score> {
        Score::new(self.0.get(frames.start..frames.end.min(self.0.len()))?)
    }
}

impl fmt::Debug for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} frames, not new:", self.0.len())?;
        let missed = self.0.iter().enumerate().filter(|(_, shown)| !shown.new);
        for (number, shown) in missed {
            write!(f, " {number} ({:.1} dB)", shown.psnr)?;
        }
        Ok(())
    }
}

/// The figures of one run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Frames of the source that were counted.
    pub frames: usize,
    /// Share of them that came, 0 to 1.
    pub delivered: f64,
    /// The longest run of frames without a new picture.
    pub longest_freeze: usize,
    /// Mean luma PSNR in dB.
    pub mean_psnr: f64,
    /// 5th percentile of the luma PSNR in dB: at least one frame in twenty was this bad or worse.
    pub p5_psnr: f64,
}

impl Score {
    /// The score of a timeline; `None` if it is empty.
    pub fn new(timeline: &[Shown]) -> Option<Self> {
        let frames = timeline.len();
        let mut psnr: Vec<_> = timeline.iter().map(|shown| shown.psnr).collect();
        psnr.sort_by(f64::total_cmp);
        let p5_psnr = *psnr.get((frames * 5).div_ceil(100).checked_sub(1)?)?;
        let came = timeline.iter().filter(|shown| shown.new).count();
        let longest_freeze = timeline.split(|shown| shown.new).map(<[_]>::len).max()?;
        let (delivered, mean_psnr) = (came as f64 / frames as f64, psnr.iter().sum::<f64>() / frames as f64);
        Some(Self { frames, delivered, longest_freeze, mean_psnr, p5_psnr })
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.1} % of {} frames, longest freeze {}, luma PSNR mean {:.1} dB, 5th percentile {:.1} dB",
            self.delivered * 100.0,
            self.frames,
            self.longest_freeze,
            self.mean_psnr,
            self.p5_psnr
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freeze_is_a_run_of_frames_without_a_new_picture() {
        let timeline: Vec<_> = "NNFNFFFNNF"
            .chars()
            .map(|c| Shown { new: c == 'N', psnr: if c == 'N' { 40.0 } else { 20.0 } })
            .collect();
        let score = Score::new(&timeline).unwrap();
        assert_eq!(
            (score.longest_freeze, score.delivered, score.mean_psnr, score.p5_psnr),
            (3, 0.5, 30.0, 20.0)
        );
        assert_eq!(Score::new(&[]), None);
    }

    #[test]
    fn the_5th_percentile_is_reached_by_the_worst_frame_of_twenty() {
        for (frames, rank) in [(1, 1), (20, 1), (21, 2), (100, 5), (101, 6)] {
            let timeline: Vec<_> = (1..=frames).map(|n| Shown { new: true, psnr: f64::from(n) }).collect();
            assert_eq!(Score::new(&timeline).unwrap().p5_psnr, f64::from(rank), "{frames} frames");
        }
    }
}
