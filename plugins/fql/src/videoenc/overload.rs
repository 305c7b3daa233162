//! What an encoder leaves out where the machine is too slow for it: pictures that cannot be sent in time take the time
//! of those after them, so that all of them come later and later, and a viewer that gives up what is late sees none.
//!
//! Only before a sink that waits for the clock, which says so in events about quality of service: pictures for a file
//! may take their time. Where leaving some out does not help, something else holds them up, and all are coded.

use gst::ClockTime;

/// Nanoseconds that pictures may come later to the encoder than the least late ones: less is what a busy machine does
/// now and then, and what viewers' buffers are for.
const TOLERATED: i64 = 250_000_000;
/// However slow the machine is, a picture is coded after this time without one.
const LONGEST_HOLE: ClockTime = ClockTime::from_mseconds(500);
/// Nanoseconds that nothing is late, nor early, in any stream.
const LONGEST: i64 = 1 << 60;
/// So many pictures are left out in vain before that is seen to be no help.
const MOST_IN_VAIN: u32 = 10;

/// Says which pictures are left out.
#[derive(Debug)]
pub struct Overload {
    /// Whether the sink waits for the clock.
    is_live: bool,
    /// The least that a picture was late, in nanoseconds: what no leaving out makes up for.
    least: Option<i64>,
    tolerated: i64,
    /// When the last picture was due that was coded.
    coded: Option<ClockTime>,
    /// How late the last picture was, where it was left out.
    left_out: Option<i64>,
    /// Pictures that were left out in vain, one after the other.
    in_vain: u32,
}

impl Default for Overload {
    fn default() -> Self {
        Self { is_live: false, least: None, tolerated: TOLERATED, coded: None, left_out: None, in_vain: 0 }
    }
}

impl Overload {
    /// Takes what a sink says of a picture; `false` where it is another event.
    pub fn take_event(&mut self, event: &gst::EventRef) -> bool {
        let is_qos = event.type_() == gst::EventType::Qos;
        self.is_live |= is_qos;
        is_qos
    }

    /// Whether the picture that comes now, and is due then and for so long, is to be left out; otherwise it is coded.
    /// All times are running times.
    pub fn leaves_out(&mut self, now: ClockTime, due: ClockTime, duration: ClockTime) -> bool {
        let late = now.nseconds().wrapping_sub(due.nseconds()).cast_signed().clamp(-LONGEST, LONGEST);
        self.learn(late, duration);
        // Those that come early say nothing of how late others may be.
        let usual = *self.least.insert(self.least.map_or(late, |least| least.min(late)).max(0));
        let is_too_late = self.is_live && late - usual > self.tolerated;
        let is_hole = self.coded.is_none_or(|coded| due < coded || due - coded >= LONGEST_HOLE);
        let leaves_out = is_too_late && !is_hole;
        if !leaves_out {
            self.coded = Some(due);
        }
        self.left_out = leaves_out.then_some(late);
        leaves_out
    }

    /// After a picture that was left out, the next one comes at once where it had to wait for that one: it is less late
    /// then.
    fn learn(&mut self, late: i64, duration: ClockTime) {
        let Some(before) = self.left_out else { return };
        let gain = i64::try_from(duration.nseconds() / 4).unwrap_or(i64::MAX).max(1);
        if before.saturating_sub(late) >= gain {
            self.in_vain = 0;
            return;
        }
        self.in_vain += 1;
        if self.in_vain == MOST_IN_VAIN {
            self.in_vain = 0;
            self.least = Some(late);
            self.tolerated = self.tolerated.saturating_mul(2);
        }
    }

    /// What was seen is of another time.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: u64 = 40;

    fn live() -> Overload {
        Overload { is_live: true, ..Overload::default() }
    }

    /// An encoder that takes so many milliseconds for a picture, and that gets each one so many milliseconds after its
    /// time, and no earlier than `before` milliseconds after it was done with the last one. The numbers of the pictures
    /// that were coded, and how many milliseconds late each was when it was.
    fn film(
        count: u64,
        cost: impl Fn(u64) -> u64,
        delay: impl Fn(u64) -> u64,
        before: u64,
    ) -> Vec<(u64, u64)> {
        let (mut overload, mut free, mut coded) = (live(), 0, Vec::new());
        for number in 0..count {
            let due = number * FRAME;
            free = (due + delay(number)).max(free + before);
            let [now, at, lasts] = [free, due, FRAME].map(ClockTime::from_mseconds);
            if !overload.leaves_out(now, at, lasts) {
                free += cost(number);
                coded.push((number, free - due));
            }
        }
        coded
    }

    #[test]
    fn an_encoder_in_time_leaves_nothing_out_however_late_its_pictures_come() {
        for (cost, delay) in [(5, 0), (39, 0), (20, 300), (36, 2_000)] {
            assert_eq!(film(500, |_| cost, |_| delay, 0).len(), 500, "{cost} ms a picture, {delay} ms late");
        }
    }

    #[test]
    fn an_encoder_that_is_too_slow_codes_as_many_as_it_can_in_time() {
        for (cost, before, least, most) in [
            (50, 0, 0.75, 0.82),
            (80, 0, 0.45, 0.52),
            (200, 0, 0.17, 0.22),
            (400, 0, 0.08, 0.11),
            (30, 20, 0.6, 0.7),
        ] {
            let coded = film(1000, |_| cost, |_| 20, before);
            let share = coded.len() as f64 / 1000.0;
            assert!((least..=most).contains(&share), "{share} of pictures of {before} and {cost} ms");
            let latest = coded.iter().map(|(_, late)| *late).max().unwrap();
            assert!(latest <= 20 + 250 + cost + before + FRAME, "{latest} ms late with {cost} ms each");
            let holes = coded.windows(2).map(|pair| pair[1].0 - pair[0].0);
            assert!(holes.max().unwrap() <= cost / FRAME + 3, "a hole with {cost} ms each");
        }
    }

    #[test]
    fn however_slow_it_is_two_pictures_a_second_are_tried() {
        let coded = film(1000, |_| 2_000, |_| 0, 0);
        assert!(coded.windows(2).all(|pair| pair[1].0 - pair[0].0 <= 13), "{coded:?}");
    }

    #[test]
    fn a_hitch_is_made_up_for_at_once() {
        let coded = film(500, |number| if number == 100 { 600 } else { 36 }, |_| 0, 0);
        assert!((485..500).contains(&coded.len()), "{}", coded.len());
        assert!(coded.iter().all(|(number, late)| *number <= 113 || *late <= 330), "{coded:?}");
    }

    #[test]
    fn where_something_else_holds_pictures_up_all_are_coded_again_soon() {
        let coded = film(500, |_| 20, |number| if number < 100 { 0 } else { 700 }, 0);
        assert!(coded.len() > 485, "{}", coded.len());
        let later = coded.iter().filter(|(number, _)| *number >= 125).count();
        assert_eq!(later, 375);
        // What comes before the encoder is too slow by itself.
        assert!(film(5000, |_| 5, |_| 0, 45).len() > 4900);
    }

    #[test]
    fn without_a_sink_that_waits_for_the_clock_nothing_is_left_out() {
        let mut overload = Overload::default();
        let times =
            (0..100).map(|second| (ClockTime::from_seconds(100 * second), ClockTime::from_seconds(second)));
        assert!(times.into_iter().all(|(now, due)| !overload.leaves_out(now, due, ClockTime::SECOND)));
    }

    #[test]
    fn only_what_a_sink_says_of_its_time_is_taken() {
        gst::init().unwrap();
        let mut overload = Overload::default();
        assert!(!overload.take_event(&gst::event::Latency::new(ClockTime::ZERO)) && !overload.is_live);
        let event = gst::event::Qos::builder(gst::QOSType::Underflow, 1.0, 3).build();
        assert!(overload.take_event(&event) && overload.is_live);
    }

    #[test]
    fn no_time_is_too_long() {
        let (mut overload, most) = (live(), ClockTime::from_nseconds(u64::MAX - 1));
        for (now, due) in
            [(ClockTime::ZERO, most), (most, ClockTime::ZERO), (most, most), (most, ClockTime::ZERO)]
        {
            overload.leaves_out(now, due, most);
        }
    }
}
