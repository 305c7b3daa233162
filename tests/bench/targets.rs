//! What is to be reached, and what was.

/// A target with what was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Met {
    target: Target,
    measured: f64,
    /// What a peer has in the same run.
    peer: Option<String>,
}

/// One target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    what: &'static str,
    /// The least that reaches it, or the most where less is better.
    value: f64,
    less_is_better: bool,
    unit: &'static str,
    digits: usize,
    /// What is tried next, for this or beyond it.
    next: &'static str,
}

impl Target {
    const fn at_least(what: &'static str, value: f64, unit: &'static str, next: &'static str) -> Self {
        Self { what, value, less_is_better: false, unit, digits: 1, next }
    }

    const fn at_most(what: &'static str, value: f64, unit: &'static str, next: &'static str) -> Self {
        Self { what, value, less_is_better: true, unit, digits: 1, next }
    }

    /// This target told with so many digits.
    const fn digits(self, digits: usize) -> Self {
        Self { digits, ..self }
    }

    /// This target with what was measured.
    pub fn measured(self, measured: f64) -> Met {
        Met { target: self, measured, peer: None }
    }

    /// The same with what a peer has in the same run.
    pub fn beside(self, measured: f64, peer: String) -> Met {
        Met { peer: Some(peer), ..self.measured(measured) }
    }
}

const CLOSER: &str = "rate by distortion: coefficients that cost more than they give left out";

/// Luma PSNR at the bytes a frame of three rates of JPEG 2000: ratio of compression, and target.
pub const PSNR: [(usize, Target); 3] = [
    (80, Target::at_least("luma PSNR at 17.2 kB a frame", 33.9, "dB", CLOSER)),
    (40, Target::at_least("luma PSNR at 34.5 kB a frame", 37.5, "dB", CLOSER)),
    (20, Target::at_least("luma PSNR at 69.1 kB a frame", 41.9, "dB", CLOSER)),
];

/// Size without loss.
pub const LOSSLESS: Target = Target::at_most(
    "lossless size",
    435.0,
    "kB a frame",
    "larger contexts in the exact layer: FFV1 saves 8 % by its large ones; a reversible transform (378 kB in a prototype)",
);

const MOTION: &str = "rate by distortion over the layers of predicted frames; a loop filter";

/// Luma PSNR with motion over that of x264 on the clip without a grid, at kbit/s.
pub const MOTION_AT: [(f64, Target); 4] = [
    (474.0, Target::at_least("with motion over x264, bbbs at 474 kbit/s", 0.0, "dB", MOTION)),
    (948.0, Target::at_least("with motion over x264, bbbs at 948 kbit/s", 0.0, "dB", MOTION)),
    (1939.0, Target::at_least("with motion over x264, bbbs at 1,939 kbit/s", -0.5, "dB", MOTION)),
    (3904.0, Target::at_least("with motion over x264, bbbs at 3,904 kbit/s", -1.5, "dB", MOTION)),
];
/// Up to which rate in kbit/s clips have the first of two targets.
pub const MOTION_LOW: f64 = 2500.0;
/// The least of it on other clips, by their names: up to that rate, and above.
pub const MOTION_LEAST: [(&str, [Target; 2]); 2] = [
    (
        "bigbuckbunny",
        [
            Target::at_least("with motion over x264, bigbuckbunny up to 2.5 Mbit/s", -3.0, "dB", MOTION),
            Target::at_least("with motion over x264, bigbuckbunny above 2.5 Mbit/s", -4.0, "dB", MOTION),
        ],
    ),
    (
        "car-detection",
        [
            Target::at_least("with motion over x264, car-detection up to 2.5 Mbit/s", -3.0, "dB", MOTION),
            Target::at_least("with motion over x264, car-detection above 2.5 Mbit/s", -4.0, "dB", MOTION),
        ],
    ),
];

const FASTER: &str = "the decisions of the range coder: two slices interleaved in one thread";
const FASTER_EXACT: &str =
    "most of it are decisions of the range coder in layers 6 to 9: two slices interleaved in one thread";

/// Speeds on one core, lossless with all layers.
pub const LOSSLESS_ENCODE: Target = Target::at_least("lossless, encoding", 8.0, "frames/s", FASTER_EXACT);
/// The same back.
pub const LOSSLESS_DECODE: Target = Target::at_least("lossless, decoding", 10.0, "frames/s", FASTER_EXACT);
/// Speeds on one core at 20 kB a frame.
pub const ENCODE: Target = Target::at_least("20 kB a frame, encoding", 60.0, "frames/s", FASTER);
/// The same back.
pub const DECODE: Target = Target::at_least("20 kB a frame, decoding", 80.0, "frames/s", FASTER);

const MOTION_FASTER: &str = "motion search with fewer candidates";

/// Speeds on two cores by the clock, 720p at 2 Mbit/s with motion.
pub const MOTION_ENCODE: Target =
    Target::at_least("two cores, 2 Mbit/s, encoding", 30.0, "frames/s", MOTION_FASTER);
/// The same back.
pub const MOTION_DECODE: Target =
    Target::at_least("two cores, 2 Mbit/s, decoding", 100.0, "frames/s", FASTER);
/// Lossless with all layers.
pub const TWO_LOSSLESS_ENCODE: Target =
    Target::at_least("two cores, lossless, encoding", 20.0, "frames/s", FASTER_EXACT);
/// The same back.
pub const TWO_LOSSLESS_DECODE: Target =
    Target::at_least("two cores, lossless, decoding", 25.0, "frames/s", FASTER_EXACT);
/// 1080p with motion, with the bytes of 6 Mbit/s at 30 frames a second.
pub const FULL_HD_ENCODE: Target =
    Target::at_least("two cores, 1080p30 at 6 Mbit/s, encoding", 30.0, "frames/s", MOTION_FASTER);
/// From a frame to its unit, with 30 frames a second.
pub const ENCODER_DELAY: Target =
    Target::at_most("encoder delay of 95 % of frames, 2 Mbit/s", 33.3, "ms", MOTION_FASTER);
/// The player's module, 720p at 2 Mbit/s, one thread.
pub const WASM_DECODE: Target = Target::at_least("WebAssembly, 2 Mbit/s, decoding", 30.0, "frames/s", FASTER);

const LOSSES: &str = "protection by what a lost layer costs the pictures that rest on it";

/// The worst 5th percentile of luma PSNR over all links, publishing to a receiver that acknowledges.
pub const LOSS_ACKNOWLEDGED: Target =
    Target::at_least("lossy links, 5th percentile of luma PSNR, acknowledged", 33.0, "dB", LOSSES);
/// The same without a return path.
pub const LOSS_ONE_WAY: Target =
    Target::at_least("lossy links, 5th percentile of luma PSNR, one way", 30.0, "dB", LOSSES);
/// The same of a viewer of a server.
pub const LOSS_BEHIND_HUB: Target =
    Target::at_least("lossy links, 5th percentile of luma PSNR, behind a hub", 30.0, "dB", LOSSES);
/// The longest freeze over all links, publishing to a receiver that acknowledges.
pub const LOSS_FREEZE: Target =
    Target::at_most("lossy links, longest freeze, acknowledged", 1.0, "frames", LOSSES);

const HEARD: &str = "noise in place of what is left out in the treble, and its loudness told; a tonality that the encoder measures";

/// Grades of sound at 96 kbit/s above those of a peer, mean over all pieces: Opus at 64 kbit/s,
pub const HEARD_BESIDE_OPUS: Target =
    Target::at_least("sound at 96 kbit/s over Opus at 64, as heard", 0.0, "grades", HEARD).digits(2);
/// layer II at 96 kbit/s,
pub const HEARD_BESIDE_LAYER_TWO: Target =
    Target::at_least("sound at 96 kbit/s over layer II at 96, as heard", 0.0, "grades", HEARD).digits(2);
/// SBC at 96 kbit/s.
pub const HEARD_BESIDE_SBC: Target =
    Target::at_least("sound at 96 kbit/s over SBC at 96, as heard", 0.0, "grades", HEARD).digits(2);

const SMALLER_SOUND: &str =
    "longer frames where nothing moves; prediction from exact samples in the exact layer";

/// Bytes of sound without loss, over those of `flac -5`, on the worst piece.
pub const LOSSLESS_SOUND: Target =
    Target::at_most("sound without loss over `flac -5`, worst piece", 1.08, "times", SMALLER_SOUND).digits(3);

impl Met {
    /// Whether it is reached.
    pub fn is_met(&self) -> bool {
        self.distance() >= 0.0
    }

    /// How far beyond the target, negative where short of it.
    fn distance(&self) -> f64 {
        let beyond = self.measured - self.target.value;
        if self.target.less_is_better { -beyond } else { beyond }
    }

    /// Its row: what, target, measured, the peer, how it stands, and what is next.
    pub fn row(&self) -> String {
        let Target { what, value, less_is_better, unit, digits, next } = self.target;
        let bound = if less_is_better { "at most" } else { "at least" };
        let how = if self.is_met() { "met, by" } else { "**missed**, by" };
        format!(
            "| {what} | {bound} {value:.digits$} {unit} | {:.digits$} | {} | {how} {:.digits$} | {next} |",
            self.measured,
            self.peer.as_deref().unwrap_or("-"),
            self.distance().abs()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_from_its_own_side() {
        assert!(ENCODE.measured(60.0).is_met() && !ENCODE.measured(59.9).is_met());
        assert!(LOSSLESS.measured(435.0).is_met() && !LOSSLESS.measured(435.1).is_met());
        assert!(
            ENCODE.measured(50.0).row().contains("at least 60.0 frames/s | 50.0 | - | **missed**, by 10.0 |")
        );
        let row = LOSSLESS.beside(420.0, "FFV1: 414.8".to_owned()).row();
        assert!(row.contains("at most 435.0 kB a frame | 420.0 | FFV1: 414.8 | met, by 15.0 |"), "{row}");
    }
}
