//! Whether pictures come in the order in which they are shown. Those with B-frames do not, and what is known of a track
//! does not always tell.

use std::collections::BTreeMap;

/// Times that run further back than this, in nanoseconds, are of another clock.
const BACK: u64 = 1_000_000_000;

/// What has come of each track.
#[derive(Debug, Default)]
pub struct Order {
    tracks: BTreeMap<u8, Latest>,
}

#[derive(Debug, Clone, Copy)]
enum Latest {
    /// The latest time of a picture, in nanoseconds.
    At(u64),
    /// It is not looked at any more.
    GivenUp,
}

impl Order {
    /// Takes a picture; says whether it is to be shown before one that came earlier.
    pub fn is_broken_by(&mut self, track: u8, pts: u64, key: bool) -> bool {
        let latest = self.tracks.entry(track).or_insert(Latest::At(pts));
        let Latest::At(time) = latest else { return false };
        let back = time.saturating_sub(pts);
        *time = if key || back > BACK { pts } else { pts.max(*time) };
        !key && (1..=BACK).contains(&back)
    }

    /// Has this track's pictures pass for being in order.
    pub fn give_up(&mut self, track: u8) {
        self.tracks.insert(track, Latest::GivenUp);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_picture_before_one_that_came_breaks_the_order_of_its_track() {
        let mut order = Order::default();
        assert!(!order.is_broken_by(1, 80 * MS, true));
        assert!(!order.is_broken_by(2, 0, true));
        assert!(!order.is_broken_by(1, 200 * MS, false));
        assert!(order.is_broken_by(1, 120 * MS, false));
        assert!(!order.is_broken_by(2, 40 * MS, false));
        order.give_up(1);
        assert!(!order.is_broken_by(1, 160 * MS, false));
    }

    #[test]
    fn a_clock_that_begins_anew_breaks_nothing() {
        let mut order = Order::default();
        order.is_broken_by(1, 9_000 * MS, true);
        assert!(!order.is_broken_by(1, 0, false));
        assert!(!order.is_broken_by(1, 40 * MS, false));
        assert!(!order.is_broken_by(1, 20 * MS, true));
        assert!(!order.is_broken_by(1, 60 * MS, false));
    }
}
