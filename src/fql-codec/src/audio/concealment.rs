//! What to play where a frame was lost: the last period of the sound again and again, fading out.

use super::depth::Depth;

/// After how many frames of loss there is silence.
const FADE_FRAMES: usize = 3;
/// How many samples are compared at most to find the period; at high rates only every few samples are.
const COMPARED: usize = 384;

/// Remembers what was heard and continues it.
#[derive(Debug, Clone)]
pub(super) struct Concealment {
    frame: usize,
    channels: usize,
    depth: Depth,
    /// The last samples that were heard, channels interleaved.
    history: Vec<i32>,
    /// While frames are lost, the period that repeats.
    repeating: Option<Repeating>,
}

#[derive(Debug, Clone)]
struct Repeating {
    /// One period, channels interleaved.
    period: Vec<i32>,
    /// How many samples a channel were played since the loss.
    played: usize,
}

impl Concealment {
    pub(super) fn new(frame: usize, channels: usize, depth: Depth) -> Self {
        Self { frame, channels, depth, history: vec![0; 2 * frame * channels], repeating: None }
    }

    /// Takes decoded samples into account, channels interleaved.
    pub(super) fn heard(&mut self, samples: &[i32]) {
        let keep = self.history.len();
        self.history.extend_from_slice(samples);
        self.history.drain(..self.history.len() - keep);
        self.repeating = None;
    }

    /// Appends `samples` samples a channel to `out`; returns the `ahead` samples that would follow, with fractional
    /// bits.
    pub(super) fn conceal(&mut self, samples: usize, ahead: usize, out: &mut Vec<i32>) -> Vec<i64> {
        let mut repeating = self.repeating.take().unwrap_or_else(|| self.period());
        let fade = FADE_FRAMES * self.frame;
        let sample = |t: usize, channel: usize| {
            let from = (t * self.channels + channel) % repeating.period.len();
            let gain = fade.saturating_sub(t) as i64;
            (i64::from(repeating.period[from]) * gain / fade as i64) as i32
        };
        let channels = self.channels;
        let run = |from: usize, count: usize| {
            (from..from + count).flat_map(move |t| (0..channels).map(move |channel| (t, channel)))
        };
        let played = repeating.played;
        out.extend(run(played, samples).map(|(t, channel)| sample(t, channel)));
        let next = played.saturating_add(samples).min(fade);
        let ahead = run(next, ahead).map(|(t, channel)| self.depth.widen(sample(t, channel))).collect();
        repeating.played = next;
        self.repeating = Some(repeating);
        ahead
    }

    /// The last period of the sound: of the lags from a sixth of a frame to a whole one, that at which it is most
    /// like itself.
    fn period(&self) -> Repeating {
        let mono: Vec<i64> =
            self.history.chunks_exact(self.channels).map(|s| s.iter().map(|v| i64::from(*v)).sum()).collect();
        let stride = (self.frame / 2).div_ceil(COMPARED);
        let recent = mono.len() - self.frame / 2;
        let likeness = |lag: usize| {
            let products = (recent..mono.len()).step_by(stride).map(|i| mono[i] * mono[i - lag]).sum::<i64>();
            let energy = (recent..mono.len()).step_by(stride).map(|i| mono[i - lag].pow(2)).sum::<i64>();
            if products <= 0 { 0 } else { (i128::from(products).pow(2) / i128::from(energy.max(1))) as i64 }
        };
        let lag = (self.frame / 6..=self.frame)
            .step_by(stride)
            .max_by_key(|lag| (likeness(*lag), usize::MAX - lag))
            .unwrap_or(self.frame);
        Repeating { period: self.seamless(lag), played: 0 }
    }

    /// The last `lag` samples, their beginning bent so that it follows on their end without a step.
    fn seamless(&self, lag: usize) -> Vec<i32> {
        let bend = lag.min(self.frame / 12) as i64;
        let start = self.history.len() - lag * self.channels;
        let sample = |at: usize| i64::from(self.history[at]);
        let range = self.depth.range();
        let bent = |at: usize| {
            let (t, channel) = (((at - start) / self.channels) as i64, at % self.channels);
            let step = sample(self.history.len() - self.channels + channel)
                - sample(start - self.channels + channel);
            let value = sample(at) + step * (bend - t).max(0) / (bend + 1);
            value.clamp((*range.start()).into(), (*range.end()).into()) as i32
        };
        (start..self.history.len()).map(bent).collect()
    }
}
