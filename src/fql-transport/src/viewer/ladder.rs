use std::time::Duration;

use crate::Time;

/// The share of the rate that a ceiling may take which is higher than the one before: less than the one that it may
/// keep, so that a picture that is a little harder does not make it swing.
const ROOM: f64 = 0.9;
/// What is asked for to have that is a little more.
const MARGIN: f64 = 1.05;
/// There has to be room for so long.
const PATIENCE: Duration = Duration::from_millis(300);
/// And too little for so long, unless there is far too little.
const TOLERANCE: Duration = Duration::from_millis(300);
const FAR_TOO_MUCH: f64 = 1.2;
/// While a link is found, at the start and after it was overloaded, several layers may be added at once.
const SETTLING: Duration = Duration::from_millis(1500);
/// A layer that overloads the link within this time was one too many,
const TRIAL: Duration = Duration::from_secs(4);
/// and is not tried again for so long; twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What the way to a viewer carries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    /// Bits a second that may be sent now.
    pub(super) rate: f64,
    /// Bits a second that it will be when the queue is empty that is being emptied.
    pub(super) steady: f64,
    /// Whether a queue is being emptied.
    pub(super) is_draining: bool,
}

/// How many layers a viewer gets: as many as the rate allows, and the same ones for as long as it can.
pub(super) struct Ladder {
    ceiling: Option<u8>,
    /// Since when the ceiling takes too much, or a higher one would not.
    over: Option<Time>,
    room: Option<Time>,
    was_draining: bool,
    /// Until when several layers may be added at once.
    settling: Time,
    /// When a layer was added last while the link was known.
    raised: Option<Time>,
    pause: Duration,
    blocked: Time,
}

impl Ladder {
    pub(super) fn new(now: Time) -> Self {
        Self {
            ceiling: None,
            over: None,
            room: None,
            was_draining: false,
            settling: now + SETTLING,
            raised: None,
            pause: FIRST_PAUSE,
            blocked: now,
        }
    }

    /// The highest layer that is sent; none before anything is known.
    pub(super) fn ceiling(&self) -> Option<u8> {
        self.ceiling
    }

    /// Bits a second that the way has to carry for another layer; 0 where there is none, or it was too much lately.
    pub(super) fn wants(&self, now: Time, costs: &[f64]) -> f64 {
        let next = self.ceiling.map(|ceiling| ceiling + 1).filter(|_| now >= self.blocked);
        next.and_then(|next| costs.get(usize::from(next))).map_or(0.0, |cost| cost / ROOM * MARGIN)
    }

    /// Chooses, from the bits a second that each layer takes with those below it, and all else that is sent.
    pub(super) fn update(&mut self, now: Time, way: Way, costs: &[f64]) -> u8 {
        let top = costs.len().saturating_sub(1) as u8;
        let Some(ceiling) = self.ceiling.map(|ceiling| ceiling.min(top)) else {
            return *self.ceiling.insert(fit(costs, way.rate * ROOM));
        };
        let ceiling = match (way.is_draining, std::mem::replace(&mut self.was_draining, way.is_draining)) {
            (true, before) => self.drain(now, way, costs, ceiling, !before),
            (false, _) => self.follow(now, way, costs, ceiling),
        };
        self.ceiling = Some(ceiling);
        ceiling
    }

    /// The link is overloaded.
    fn drain(&mut self, now: Time, way: Way, costs: &[f64], ceiling: u8, begins: bool) -> u8 {
        (self.over, self.room) = (None, None);
        if begins && self.raised.take_if(|raised| now < *raised + TRIAL).is_some() {
            self.blocked = now + self.pause;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            return ceiling.saturating_sub(1);
        }
        // Where these layers are not what was too much, they stay: the queue empties beside them.
        let (takes, below) = (cost(costs, ceiling), cost(costs, ceiling.saturating_sub(1)));
        let bearable = if begins { way.steady } else { way.steady * FAR_TOO_MUCH };
        if takes <= bearable {
            return ceiling;
        }
        if begins && below <= way.steady * ROOM {
            return ceiling.saturating_sub(1);
        }
        self.settling = now + SETTLING;
        ceiling.min(fit(costs, way.rate))
    }

    fn follow(&mut self, now: Time, way: Way, costs: &[f64], ceiling: u8) -> u8 {
        let takes = cost(costs, ceiling);
        if takes > way.rate {
            self.room = None;
            let since = *self.over.get_or_insert(now);
            let is_far = takes > way.rate * FAR_TOO_MUCH;
            return if is_far || now >= since + TOLERANCE { fit(costs, way.rate) } else { ceiling };
        }
        self.over = None;
        let fits = fit(costs, way.rate * ROOM);
        if fits <= ceiling {
            self.room = None;
            return ceiling;
        }
        if now < self.settling {
            return fits;
        }
        let since = *self.room.get_or_insert(now);
        if now < since + PATIENCE || now < self.blocked {
            return ceiling;
        }
        self.room = None;
        self.raised = Some(now);
        ceiling + 1
    }
}

/// The highest layer that fits; the lowest where none does.
fn fit(costs: &[f64], rate: f64) -> u8 {
    costs.iter().rposition(|&cost| cost <= rate).unwrap_or(0) as u8
}

fn cost(costs: &[f64], ceiling: u8) -> f64 {
    costs.get(usize::from(ceiling)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const COSTS: [f64; 5] = [100e3, 200e3, 400e3, 800e3, 1600e3];

    fn open(rate: f64) -> Way {
        Way { rate, steady: rate, is_draining: false }
    }

    fn settled(rate: f64) -> (Ladder, Time) {
        let mut ladder = Ladder::new(Time::ZERO);
        ladder.update(Time::ZERO, open(rate), &COSTS);
        (ladder, Time::ZERO + SETTLING)
    }

    #[test]
    fn a_viewer_begins_with_what_fits_and_layer_0_always() {
        for (rate, ceiling) in [(5e6, 4), (1e6, 3), (890e3, 3), (450e3, 2), (10e3, 0)] {
            assert_eq!(Ladder::new(Time::ZERO).update(Time::ZERO, open(rate), &COSTS), ceiling, "{rate}");
        }
    }

    #[test]
    fn rates_that_flutter_around_a_layer_do_not_make_it_swing() {
        let (mut ladder, mut now) = settled(1e6);
        for step in 0..200 {
            now = now + MS * 100;
            let rate = if step % 2 == 0 { 780e3 } else { 890e3 };
            assert_eq!(ladder.update(now, open(rate), &COSTS), 3);
        }
    }

    #[test]
    fn layers_are_added_one_after_the_other_and_dropped_at_once() {
        let (mut ladder, mut now) = settled(250e3);
        let mut last = 1;
        for _ in 0..40 {
            now = now + MS * 100;
            let next = ladder.update(now, open(5e6), &COSTS);
            assert!(next == last || next == last + 1, "{last} to {next}");
            last = next;
        }
        assert_eq!(last, 4);
        assert_eq!(ladder.update(now, open(300e3), &COSTS), 1);
    }

    #[test]
    fn a_layer_that_was_one_too_many_is_tried_less_and_less_often() {
        let (mut ladder, mut now) = settled(1e6);
        let mut trials = Vec::new();
        for _ in 0..1200 {
            now = now + MS * 100;
            let before = ladder.ceiling();
            // The way carries 1.5 Mbit/s, and only an overload shows that.
            let is_draining = before == Some(4);
            let way = Way { rate: if is_draining { 1e6 } else { 2e6 }, steady: 1.35e6, is_draining };
            let ceiling = ladder.update(now, way, &COSTS);
            assert!((3..=4).contains(&ceiling));
            if ceiling == 4 && before == Some(3) {
                trials.push(now);
            }
        }
        let gaps: Vec<_> = trials.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!((3..=6).contains(&trials.len()), "{trials:?}");
        assert!(gaps.is_sorted(), "{gaps:?}");
    }

    #[test]
    fn a_queue_that_others_filled_takes_no_layer_that_fits() {
        let (mut ladder, now) = settled(1e6);
        let way = Way { rate: 250e3, steady: 0.95e6, is_draining: true };
        assert_eq!(ladder.update(now + MS * 100, way, &COSTS), 3);
        let way = Way { steady: 0.4e6, ..way };
        assert_eq!(ladder.update(now + MS * 200, way, &COSTS), 1, "it is what fills the queue");
        assert_eq!(ladder.update(now + MS * 300, open(0.5e6), &COSTS), 2, "and is back with what fits");
    }

    #[test]
    fn a_little_too_much_costs_one_layer() {
        let (mut ladder, now) = settled(1e6);
        let way = Way { rate: 250e3, steady: 0.75e6, is_draining: true };
        assert_eq!(ladder.update(now + MS * 100, way, &COSTS), 2);
        assert_eq!(ladder.update(now + MS * 200, way, &COSTS), 2);
    }
}
