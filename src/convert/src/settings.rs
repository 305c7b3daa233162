use std::time::Duration;

/// How a track is converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Bits a second of H.264; 0 goes by the size and the rate of the pictures.
    pub video_bitrate: u32,
    /// Bits a second and channel of AAC and Opus.
    pub audio_bitrate: u32,
    /// From one key picture to the next.
    pub key_interval: Duration,
    /// Whether encoders in hardware are preferred.
    pub hardware: bool,
    /// How many threads decode layers; 0 for one a core.
    pub threads: usize,
}

impl Default for Settings {
    /// A bit rate by the size, 64 kbit/s a channel, a key picture every two seconds, in hardware where there is any.
    fn default() -> Self {
        Self {
            video_bitrate: 0,
            audio_bitrate: 64_000,
            key_interval: Duration::from_secs(2),
            hardware: true,
            threads: 0,
        }
    }
}

/// Pixels and frames a second of the video that [`USUAL_BITRATE`] is for.
const USUAL: (f64, f64) = (1280.0 * 720.0, 25.0);
const USUAL_BITRATE: f64 = 2_500_000.0;
/// What is taken where the frame rate varies.
const VARYING: f64 = 30.0;

impl Settings {
    /// Bits a second for pictures of this size, so many a second (0/1 where that varies). Larger pictures have fewer
    /// details a pixel, and more of them a second have less that is new: the bit rate grows with the pixels to the power
    /// of three quarters, and with the root of the frame rate.
    pub fn bitrate_of(&self, width: u32, height: u32, frame_rate: (u32, u32)) -> u32 {
        if self.video_bitrate > 0 {
            return self.video_bitrate;
        }
        let rate = match frame_rate {
            (0, _) | (_, 0) => VARYING,
            (numerator, denominator) => (f64::from(numerator) / f64::from(denominator)).clamp(1.0, 240.0),
        };
        let pixels = f64::from(width) * f64::from(height);
        (USUAL_BITRATE * (pixels / USUAL.0).powf(0.75) * (rate / USUAL.1).sqrt()) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_pictures_and_more_of_them_get_more_bits() {
        let bitrate = |width, height, rate| Settings::default().bitrate_of(width, height, rate);
        assert_eq!(bitrate(1280, 720, (25, 1)), 2_500_000);
        assert!((4_000_000..6_000_000).contains(&bitrate(1920, 1080, (30, 1))));
        assert!((700_000..1_200_000).contains(&bitrate(640, 360, (0, 1))));
        assert!(bitrate(8192, 8192, (u32::MAX, 1)) < 200_000_000, "whatever is said of the rate");
        assert!(bitrate(16, 16, (1, u32::MAX)) > 0);
        assert_eq!(Settings { video_bitrate: 7, ..Settings::default() }.bitrate_of(1, 1, (0, 0)), 7);
    }
}
