//! How much is measured.

/// Frames, rounds and seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Frames of each clip.
    pub frames: usize,
    /// How often each speed is measured; the median counts.
    pub rounds: usize,
    /// Seconds of video for each link.
    pub seconds: usize,
    /// One in so many of the points of a curve, and of the pieces of sound, is measured.
    pub thinning: usize,
    /// How often the clip's sound is repeated where its speed is measured.
    pub sound_repeats: usize,
    /// Seconds of each piece of sound that is graded.
    pub sound_seconds: usize,
}

impl Effort {
    /// That of a full run, or of a quick one; with so many frames where that is given.
    pub fn new(quick: bool, frames: Option<usize>) -> Self {
        let full = if quick {
            Self { frames: 10, rounds: 1, seconds: 5, thinning: 3, sound_repeats: 1, sound_seconds: 3 }
        } else {
            Self { frames: 50, rounds: 3, seconds: 20, thinning: 1, sound_repeats: 12, sound_seconds: 10 }
        };
        Self { frames: frames.unwrap_or(full.frames), ..full }
    }
}
