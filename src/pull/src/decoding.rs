//! When pictures are decoded, of those that come in the order of decoding with nothing but the times at which they are
//! shown, as by RTP and in Matroska.

use fql_unit::EncodedVideoInfo;
use fql_unit::encoded::most_reordered;

/// No codec has more pictures that wait to be shown.
const MOST_WAITING: usize = 16;
/// A time that is this far from the one before is one on another clock.
const JUMP: u64 = 5_000_000_000;
/// A picture that is shown this long, or so many pictures, before its turn is no picture in another order: the clock was
/// put back.
const BACK: i64 = 1_000_000_000;
/// After so many pictures for which fewer need to have waited, fewer wait.
const WINDOW: usize = 100;
/// How long a picture is shown where nothing says it.
const STEP: i64 = 40_000_000;

/// The times of one track. The moments at which its pictures are shown, in order, are those at which it decodes them, so
/// many pictures later as wait for one that is shown before them: so none is decoded after it is shown, and none waits
/// here for the times of those after it.
#[derive(Debug)]
pub(crate) struct Decoding {
    /// How many pictures wait at most, as they say themselves.
    known: usize,
    /// How many do, of what has come.
    depth: usize,
    /// How many of these could have been done without, for the last so many pictures.
    spare: (usize, usize),
    /// Times of pictures that have come and that nothing was decoded at, in order; as many as wait.
    waiting: Vec<i64>,
    /// How long a picture is shown.
    step: i64,
    /// The time before, and the one at which its picture was decoded, without what was added to have it go on.
    last: Option<(i64, i64)>,
    newest: i64,
}

/// Nothing has come that says how many need not wait.
const FRESH: (usize, usize) = (MOST_WAITING, 0);

impl Default for Decoding {
    fn default() -> Self {
        let (waiting, last) = (Vec::new(), None);
        Self { known: 0, depth: 0, spare: FRESH, waiting, step: STEP, last, newest: i64::MIN }
    }
}

impl Decoding {
    /// The pictures are these from now on. Where they do not say how many wait, what comes says it.
    pub fn follow(&mut self, video: &EncodedVideoInfo) {
        self.known = most_reordered(video.codec, &video.config).unwrap_or(0).min(MOST_WAITING);
        (self.depth, self.spare) = (self.known, FRESH);
        if let (rate @ 1.., length @ 1..) = video.frame_rate {
            self.step = i64::from(length) * 1_000_000_000 / i64::from(rate);
        }
        if let Some((_, decoded)) = self.last {
            self.waiting.drain(..self.waiting.len().saturating_sub(self.depth));
            while self.waiting.len() < self.depth {
                self.waiting.insert(0, self.waiting.first().copied().unwrap_or(decoded));
            }
        }
    }

    /// When the next picture is decoded, which is shown at this time.
    pub fn of(&mut self, shown: i64) -> i64 {
        let back = self.step.saturating_mul(MOST_WAITING as i64).max(BACK);
        let is_jump = |(before, decoded): (i64, i64)| {
            before.abs_diff(shown) > JUMP || decoded.saturating_sub(shown) > back
        };
        if self.last.is_none_or(is_jump) {
            self.begin(shown);
        }
        let place = self.waiting.partition_point(|time| *time <= shown);
        self.waiting.insert(place, shown);
        let first = self.waiting[0];
        // One that is shown before its turn: more pictures wait than was known.
        let is_behind = self.last.is_some_and(|(_, decoded)| first < decoded);
        if !is_behind || self.waiting.len() > MOST_WAITING {
            self.waiting.remove(0);
        }
        self.depth = self.waiting.len();
        self.let_go(place);
        self.last = Some((shown, first));
        self.newest = first.max(self.newest.saturating_add(1));
        self.newest
    }

    /// Has no more pictures wait than need to: where the clock was put back a little, some seemed to. So many waited that
    /// are shown before the one that came.
    fn let_go(&mut self, before: usize) {
        let (spare, pictures) = self.spare;
        self.spare = (spare.min(before), pictures + 1);
        if pictures + 1 >= WINDOW {
            let fewer = self.spare.0.min(self.depth.saturating_sub(self.known));
            self.waiting.drain(..fewer);
            (self.depth, self.spare) = (self.waiting.len(), FRESH);
        }
    }

    /// Nothing came before, or nothing that this goes on from.
    fn begin(&mut self, shown: i64) {
        (self.depth, self.spare) = (self.known, FRESH);
        let before = |pictures: usize| shown.saturating_sub(self.step.saturating_mul(pictures as i64));
        self.waiting = (1..=self.depth).rev().map(before).collect();
        self.last = None;
        self.newest = i64::MIN;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The times of decoding of pictures that are shown then, where so many are known to wait.
    fn decoded(depth: usize, shown: &[i64]) -> Vec<i64> {
        let mut decoding = Decoding { known: depth, depth, step: 10, ..Decoding::default() };
        shown.iter().map(|shown| decoding.of(*shown)).collect()
    }

    #[test]
    fn pictures_are_decoded_in_turn_and_before_they_are_shown() {
        assert_eq!(decoded(0, &[0, 10, 20]), [0, 10, 20]);
        let shown = [0, 30, 10, 20, 60, 40, 50];
        assert_eq!(decoded(1, &shown), [-10, 0, 10, 20, 30, 40, 50]);
        let pyramid = [0, 40, 20, 10, 30, 80, 60, 50, 70];
        assert_eq!(decoded(2, &pyramid), [-20, -10, 0, 10, 20, 30, 40, 50, 60]);
    }

    #[test]
    fn what_is_not_said_is_found_out() {
        // The second picture is decoded too late for those that are shown before it; from then on all is right.
        let shown = [0, 30, 10, 20, 60, 40, 50, 90, 70, 80];
        assert_eq!(decoded(0, &shown), [0, 30, 31, 32, 33, 40, 50, 60, 70, 80]);
        assert_eq!(decoded(0, &[0, 40, 20, 10, 30, 80, 60, 50, 70]), [0, 40, 41, 42, 43, 44, 45, 50, 60]);
    }

    #[test]
    fn a_clock_that_jumps_is_followed() {
        const HOUR: i64 = 3_600_000_000_000;
        assert_eq!(decoded(1, &[HOUR, HOUR + 10, 0, 20, 10]), [HOUR - 10, HOUR, -10, 0, 10]);
    }

    /// Pictures of 25 a second, in the order in which they are shown, or with two that are shown before the one before them.
    fn pictures(is_reordered: bool, numbers: std::ops::Range<i64>) -> Vec<i64> {
        let at = |number: i64| match number % 3 {
            _ if !is_reordered => number,
            0 => number + 2,
            _ => number - 1,
        };
        numbers.map(|number| at(number) * STEP).collect()
    }

    #[test]
    fn a_clock_that_is_put_back_leaves_no_delay() {
        for (known, back) in [(0, 200), (0, 3_000), (1, 200), (1, 3_000)] {
            let mut shown = pictures(known > 0, 0..300);
            shown.extend(pictures(known > 0, 0..300).iter().map(|time| time + 300 * STEP - back * 1_000_000));
            let mut decoding = Decoding { known, depth: known, ..Decoding::default() };
            let delay: Vec<_> = shown.iter().map(|shown| shown - decoding.of(*shown)).collect();
            // Where it is put back far and nothing is reordered, at once.
            let settled = if back > 1_000 && known == 0 { 301 } else { 520 };
            let longest = 3 * STEP * known as i64;
            let is_right = |delay: &i64| (0..=longest).contains(delay);
            assert!(delay[settled..].iter().all(is_right), "{known}, {back}: {:?}", &delay[settled..]);
            assert_eq!(decoding.depth, known, "{known}, {back}");
        }
    }

    #[test]
    fn what_was_found_out_is_not_forgotten() {
        let shown = pictures(true, 0..600);
        let mut decoding = Decoding::default();
        let late = shown.iter().filter(|shown| decoding.of(**shown) > **shown).count();
        assert!(late <= 3 && decoding.depth == 1, "{late} are decoded after they are shown, {decoding:?}");
    }

    #[test]
    fn a_picture_that_is_missing_moves_nothing() {
        assert_eq!(decoded(1, &[0, 30, 20, 60, 40, 50]), [-10, 0, 20, 30, 40, 50]);
    }

    proptest::proptest! {
        #[test]
        fn time_goes_on_within_a_clock_whatever_comes(
            times in proptest::collection::vec(-500_000_000_i64..500_000_000, 1..400), depth in 0_usize..5
        ) {
            let mut decoding = Decoding { known: depth, depth, ..Decoding::default() };
            let mut newest = i64::MIN;
            for time in times {
                let decoded = decoding.of(time);
                proptest::prop_assert!(decoded > newest && decoding.waiting.len() <= MOST_WAITING);
                newest = decoded;
            }
        }

        #[test]
        fn no_time_makes_it_panic(times in proptest::collection::vec(proptest::num::i64::ANY, 1..50)) {
            let mut decoding = Decoding { known: 3, depth: 3, ..Decoding::default() };
            for time in times {
                decoding.of(time);
            }
        }
    }
}
