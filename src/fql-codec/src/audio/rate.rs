//! Bytes a frame, and bits a second.

use crate::bucket::Bucket;

/// How many bytes a frame may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// All layers that the stream has, at their nominal intervals.
    WholeLadder,
    /// At most this many bytes in all segments together. All intervals are scaled by one factor from 1 to 2, and
    /// layers from that on where the bytes are spent are empty.
    Bytes(usize),
}

/// For frames that do not say how long they last, in nanoseconds.
const USUAL_DURATION: u64 = 16_000_000;

/// Turns a bitrate into a [`Rate`] for each frame: a leaky bucket. What frames leave is spread over the next ones, and
/// all frames of any stretch have together at most what the bitrate brings in it and 200 ms more.
#[derive(Debug, Clone)]
pub struct RateControl {
    bucket: Bucket,
}

impl RateControl {
    /// A rate in kbit/s; 0 for the whole ladder whatever it takes.
    pub fn new(kbit_per_second: u32) -> Self {
        let mut bucket = Bucket::full(u64::from(kbit_per_second) * 1000);
        // Nothing is saved yet.
        bucket.take(bucket.depth());
        Self { bucket }
    }

    /// Changes the rate from the next frame on.
    pub fn set_kbit_per_second(&mut self, kbit_per_second: u32) {
        self.bucket.set_bits_per_second(u64::from(kbit_per_second) * 1000);
    }

    /// What the next frame may have, which lasts for `duration` nanoseconds; 0 where that is not known.
    pub fn next(&mut self, duration: u64) -> Rate {
        if self.bucket.bits_per_second() == 0 {
            return Rate::WholeLadder;
        }
        let own = self.bucket.add(if duration == 0 { USUAL_DURATION } else { duration });
        let available = self.bucket.available();
        let bytes = (own + available.saturating_sub(own) / 4).min(available).max(1);
        Rate::Bytes(usize::try_from(bytes).unwrap_or(usize::MAX))
    }

    /// Says how many bytes the frame took.
    pub fn spent(&mut self, bytes: usize) {
        self.bucket.take(bytes as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of frames of 16 ms that take all they may, or nothing where `silent`.
    fn bytes(control: &mut RateControl, frames: usize, silent: impl Fn(usize) -> bool) -> Vec<usize> {
        let take = |frame| {
            let Rate::Bytes(bytes) = control.next(16_000_000) else { panic!("a bitrate is set") };
            let bytes = if silent(frame) { 0 } else { bytes };
            control.spent(bytes);
            bytes
        };
        (0..frames).map(take).collect()
    }

    #[test]
    fn any_stretch_keeps_to_the_bitrate_and_200_ms() {
        let taken = bytes(&mut RateControl::new(96), 400, |frame| frame / 20 % 3 == 1);
        for length in [1, 5, 12, 60, 300] {
            for frames in taken.windows(length) {
                assert!(frames.iter().sum::<usize>() <= 192 * length + 2_400);
            }
        }
        // And what is left is used: the first frame after a pause has more than its share, and none lacks much of it.
        assert!(taken[40] > 350, "{}", taken[40]);
        let sounding = taken.iter().enumerate().filter(|(frame, _)| frame / 20 % 3 != 1);
        assert!(sounding.map(|(_, bytes)| *bytes).min() >= Some(190));
    }

    #[test]
    fn even_frames_have_the_bitrate_each() {
        let taken = bytes(&mut RateControl::new(96), 100, |_| false);
        assert!(taken[50..].iter().all(|bytes| (192..=194).contains(bytes)), "{taken:?}");
    }

    #[test]
    fn a_lower_rate_holds_at_once() {
        let mut control = RateControl::new(320);
        bytes(&mut control, 20, |_| false);
        control.set_kbit_per_second(32);
        let taken = bytes(&mut control, 60, |_| false);
        assert!(taken.iter().sum::<usize>() <= 60 * 64 + 800 && taken[0] <= 264, "{taken:?}");
    }
}
