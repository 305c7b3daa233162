//! How long a track of sound has been silent, where nothing of it comes while the other tracks go on: a microphone that is
//! switched off, say. Times are in nanoseconds.

/// How long nothing has to come for that.
const QUIET: u64 = 1_000_000_000;
/// How much of that may still come.
const LATE: u64 = 500_000_000;
/// No unit is longer than this, whatever it says of itself: silence after it would be made before it is over.
const LONGEST_UNIT: u64 = 1_000_000_000;
/// Times that run further back than this are of another clock.
const BACK: u64 = 1_000_000_000;

/// What came last of a track, and of the others.
#[derive(Debug, Default)]
pub struct Quiet {
    /// Where what came ends.
    end: Option<u64>,
    /// How far the others were then. They may be ahead, or behind, as long as it stays so.
    since: Option<u64>,
    /// How far the others are.
    others: Option<u64>,
}

impl Quiet {
    /// A unit of it came, of this time and so long.
    pub fn came(&mut self, time: u64, duration: u64) {
        self.end = Some(time.saturating_add(duration.min(LONGEST_UNIT)));
        self.since = self.others;
    }

    /// A unit of another track came. Gives until when it is silent, where it is.
    pub fn goes_on(&mut self, time: u64) -> Option<u64> {
        if self.others.is_some_and(|others| time.saturating_add(BACK) < others) {
            *self = Self { others: Some(time), ..Self::default() };
            return None;
        }
        let others = *self.others.insert(self.others.unwrap_or(time).max(time));
        let passed = others - *self.since.get_or_insert(others);
        (passed >= QUIET).then(|| self.end?.checked_add(passed - LATE)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn what_comes_in_time_is_not_silent_however_far_it_is_from_the_others() {
        for behind in [0, 5 * SECOND, 20 * SECOND] {
            let mut quiet = Quiet::default();
            for number in 0..100 {
                let time = 20 * SECOND + number * SECOND / 4;
                assert_eq!(quiet.goes_on(time), None, "{behind}");
                quiet.came(time - behind, 0);
            }
        }
    }

    #[test]
    fn what_does_not_come_is_silent_up_to_what_may_still_come() {
        let mut quiet = Quiet::default();
        quiet.goes_on(10 * SECOND);
        quiet.came(8 * SECOND, 0);
        assert_eq!(quiet.goes_on(11 * SECOND - 1), None);
        assert_eq!(quiet.goes_on(11 * SECOND), Some(8 * SECOND + SECOND / 2));
        assert_eq!(quiet.goes_on(14 * SECOND), Some(11 * SECOND + SECOND / 2));
        quiet.came(12 * SECOND, 0);
        assert_eq!(quiet.goes_on(14 * SECOND + SECOND / 2), None);
    }

    #[test]
    fn a_unit_is_not_as_long_as_it_says() {
        let mut quiet = Quiet::default();
        quiet.goes_on(10 * SECOND);
        quiet.came(10 * SECOND, 9 * SECOND);
        assert_eq!(quiet.goes_on(11 * SECOND), Some(11 * SECOND + SECOND / 2));
    }

    #[test]
    fn what_never_came_and_another_clock_say_nothing() {
        let mut quiet = Quiet::default();
        assert_eq!(quiet.goes_on(10 * SECOND), None);
        assert_eq!(quiet.goes_on(20 * SECOND), None);
        quiet.came(20 * SECOND, 0);
        assert_eq!(quiet.goes_on(5 * SECOND), None);
        assert_eq!(quiet.goes_on(9 * SECOND), None);
        assert_eq!(quiet.goes_on(u64::MAX), None);
    }
}
