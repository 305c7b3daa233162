//! Times of transport streams: 33 bits of 90 kHz, which begin anew every 26.5 hours.

const BITS: u32 = 33;
const NANOS_PER_TICK: (i64, i64) = (100_000, 9);

/// How far below zero times may be, in ticks: 10 s, as those of streams that begin out of order.
const BELOW: i64 = 900_000;

/// Makes times that begin anew into ones that do not: each is taken as near to the one before it as it can be, but not
/// below the beginning. A clock that jumps to more than half of its range counts as one that jumps forward.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Unwrapper {
    last: Option<i64>,
}

impl Unwrapper {
    /// The time as ticks since the beginning.
    pub(crate) fn unwrap(&mut self, time: u64) -> i64 {
        let time = time as i64;
        let now = match self.last {
            None => time,
            Some(last) => last + difference(time, last),
        };
        let now = if now < -BELOW { now + (1 << BITS) } else { now };
        self.last = Some(now);
        now
    }

    /// The last time.
    pub(crate) fn last(self) -> Option<i64> {
        self.last
    }
}

/// `time` less `other` in the range of 33 bits with a sign.
pub(crate) fn difference(time: i64, other: i64) -> i64 {
    time.wrapping_sub(other) << (64 - BITS) >> (64 - BITS)
}

/// Ticks of 90 kHz in nanoseconds; none below zero.
pub(crate) fn nanos(ticks: i64) -> u64 {
    let (numerator, denominator) = NANOS_PER_TICK;
    (i128::from(ticks.max(0)) * i128::from(numerator) / i128::from(denominator)) as u64
}

/// Nanoseconds in ticks of 90 kHz, rounded.
pub(crate) fn ticks(nanos: u64) -> u64 {
    let (numerator, denominator) = NANOS_PER_TICK;
    ((u128::from(nanos) * denominator as u128 + numerator as u128 / 2) / numerator as u128) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unwrapped(times: &[u64]) -> Vec<i64> {
        let mut unwrapper = Unwrapper::default();
        times.iter().map(|&time| unwrapper.unwrap(time)).collect()
    }

    #[test]
    fn times_that_begin_anew_go_on() {
        let end = 1 << BITS;
        assert_eq!(unwrapped(&[end - 10, 5, end - 5]), [end as i64 - 10, end as i64 + 5, end as i64 - 5]);
    }

    #[test]
    fn a_clock_that_jumps_to_the_other_half_of_its_range_goes_on_from_there() {
        // 20 hours: nearer to the beginning if one counts backwards.
        let there = 20 * 3600 * 90_000;
        let found = unwrapped(&[126_000, there, there + 3600]);
        assert_eq!(found, [126_000, there as i64, there as i64 + 3600]);
        assert!(nanos(found[1]) < nanos(found[2]));
    }

    #[test]
    fn a_stream_that_begins_out_of_order_has_not_jumped() {
        assert_eq!(unwrapped(&[100, (1 << BITS) - 100, 200]), [100, -100, 200]);
    }
}
