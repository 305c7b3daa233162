//! A leaky bucket: how much of a bitrate nobody has used yet.

/// No frame exceeds what the channel carries in this time, in nanoseconds.
pub(crate) const LONGEST_BURST: u64 = 200_000_000;
/// For frames that do not say how long they last, in nanoseconds.
const USUAL_DURATION: u64 = 40_000_000;

/// Bytes that a bitrate has brought and that frames have left, at most those of a short time.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    bits_per_second: u64,
    /// For how many nanoseconds what frames leave is kept.
    burst: u64,
    /// What is on its way: the bytes that the bucket is short of being full.
    queued: u64,
}

impl Bucket {
    /// A full one.
    pub(crate) fn full(bits_per_second: u64) -> Self {
        Self { bits_per_second, burst: LONGEST_BURST, queued: 0 }
    }

    pub(crate) fn bits_per_second(&self) -> u64 {
        self.bits_per_second
    }

    /// Changes the rate. What is on its way stays so, as far as it is less than the bucket holds.
    pub(crate) fn set_bits_per_second(&mut self, bits_per_second: u64) {
        self.bits_per_second = bits_per_second;
        self.queued = self.queued.min(self.depth());
    }

    /// Changes for how many nanoseconds what frames leave is kept, at most 200 ms.
    pub(crate) fn set_burst(&mut self, nanoseconds: u64) {
        self.burst = nanoseconds.min(LONGEST_BURST);
        self.queued = self.queued.min(self.depth());
    }

    /// Bytes of a full one.
    pub(crate) fn depth(&self) -> u64 {
        self.bytes_in(self.burst)
    }

    /// Bytes that a frame may take at most.
    pub(crate) fn available(&self) -> u64 {
        self.depth() - self.queued
    }

    /// Adds what the rate brings while a frame is shown, 0 nanoseconds where that is not known. Gives the bytes.
    pub(crate) fn add(&mut self, duration: u64) -> u64 {
        let own = self.bytes_in(if duration == 0 { USUAL_DURATION } else { duration }).min(self.depth());
        self.queued = self.queued.saturating_sub(own);
        own
    }

    /// Takes what a frame took.
    pub(crate) fn take(&mut self, bytes: u64) {
        self.queued = self.queued.saturating_add(bytes).min(self.depth());
    }

    fn bytes_in(&self, nanoseconds: u64) -> u64 {
        (u128::from(self.bits_per_second) * u128::from(nanoseconds) / 8_000_000_000).min(u64::MAX.into())
            as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_kept_for_200_ms() {
        let mut bucket = Bucket::full(8_000_000);
        bucket.take(200_000);
        assert_eq!((bucket.available(), bucket.add(40_000_000), bucket.available()), (0, 40_000, 40_000));
        for _ in 0..10 {
            bucket.add(0);
        }
        assert_eq!((bucket.available(), bucket.depth()), (200_000, 200_000));
        bucket.take(150_000);
        assert_eq!(bucket.available(), 50_000);
        bucket.take(1_000_000);
        assert_eq!(bucket.available(), 0, "more than there is does not count later");
        bucket.set_burst(u64::MAX);
        assert_eq!(bucket.depth(), 200_000, "200 ms are the most");
    }

    #[test]
    fn another_rate_does_not_take_back_what_is_on_its_way() {
        let mut bucket = Bucket::full(8_000_000);
        bucket.take(60_000);
        bucket.set_bits_per_second(4_000_000);
        assert_eq!((bucket.available(), bucket.depth()), (40_000, 100_000));
        bucket.set_bits_per_second(800_000);
        assert_eq!(bucket.available(), 0);
        bucket.add(20_000_000);
        assert_eq!(bucket.available(), 2_000);
        bucket.set_bits_per_second(u64::MAX);
        assert!(bucket.available() > 0 && bucket.add(u64::MAX) > 0);
    }
}
