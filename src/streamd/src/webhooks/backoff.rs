//! When a delivery that failed is tried again.

use std::time::Duration;

/// How deliveries are retried.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// The wait after the first failure; it doubles with each one more.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// After how many failures a delivery lets those behind it pass.
    pub patience: i64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_secs(15 * 60), patience: 6 }
    }
}

impl Backoff {
    /// The wait after this many failures in a row (from 1). `chance` from 0 to 1 spreads it from three quarters
    /// to five quarters, so that receivers that came back are not met by everything at once.
    pub fn wait(&self, failures: i64, chance: f64) -> Duration {
        let doublings = u32::try_from(failures.saturating_sub(1).clamp(0, 31)).unwrap_or(31);
        let wait = self.first.saturating_mul(1 << doublings).min(self.longest);
        wait.mul_f64(0.75 + chance.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let backoff = Backoff::default();
        let waits: Vec<u64> = (1..=12).map(|failures| backoff.wait(failures, 0.5).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(backoff.wait(i64::MAX, 0.5).as_secs(), 900);
        assert_eq!(backoff.wait(0, 0.5).as_secs(), 1);
    }

    #[test]
    fn chance_spreads_a_wait_around_its_length() {
        let backoff = Backoff::default();
        assert_eq!(backoff.wait(4, 0.0), Duration::from_secs(6));
        assert_eq!(backoff.wait(4, 1.0), Duration::from_secs(10));
    }
}
