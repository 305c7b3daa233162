//! Which buffers the units of a session came from that others are predicted from, until the receiver has spoken of
//! them.

use std::collections::{BTreeMap, VecDeque};

/// Units of a track that are remembered; a receiver speaks of the last 32 only.
const MAX_REMEMBERED: usize = 256;

/// The running times of the units that were sent, by their tracks and numbers.
#[derive(Debug, Default)]
pub struct Sent {
    tracks: BTreeMap<u8, VecDeque<(u64, gst::ClockTime)>>,
}

impl Sent {
    /// A unit was sent, whose buffer has this running time. Numbers of a track only grow; where one does not, a new
    /// session has begun, and what is left of the old one is forgotten.
    pub fn push(&mut self, track: u8, number: u64, running_time: gst::ClockTime) {
        let units = self.tracks.entry(track).or_default();
        if units.back().is_some_and(|&(last, _)| last >= number) {
            units.clear();
        }
        if units.len() == MAX_REMEMBERED {
            units.pop_front();
        }
        units.push_back((number, running_time));
    }

    /// The running time of a unit, which is then forgotten. `None` where it is not known.
    pub fn take(&mut self, track: u8, number: u64) -> Option<gst::ClockTime> {
        let units = self.tracks.get_mut(&track)?;
        let at = units.binary_search_by_key(&number, |&(number, _)| number).ok()?;
        units.remove(at).map(|(_, running_time)| running_time)
    }

    /// Forgets a track.
    pub fn remove(&mut self, track: u8) {
        self.tracks.remove(&track);
    }

    /// Forgets all: numbers begin anew.
    pub fn clear(&mut self) {
        self.tracks.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_found_once_and_only_on_its_track() {
        let at = gst::ClockTime::from_mseconds;
        let mut sent = Sent::default();
        (5..9).for_each(|number| sent.push(1, number, at(number * 40)));
        sent.push(2, 6, at(1));
        assert_eq!(sent.take(1, 6), Some(at(240)));
        assert_eq!([sent.take(1, 6), sent.take(3, 7), sent.take(1, 9)], [None; 3]);
        assert_eq!([sent.take(2, 6), sent.take(1, 5)], [Some(at(1)), Some(at(200))]);
    }

    #[test]
    fn numbers_that_begin_anew_are_found_though_some_of_before_were_left() {
        let at = gst::ClockTime::from_mseconds;
        let mut sent = Sent::default();
        (1_000..1_005).for_each(|number| sent.push(1, number, at(number)));
        (0..8).for_each(|number| sent.push(1, number, at(40 * number)));
        assert_eq!(sent.take(1, 1_004), None);
        (0..8).for_each(|number| assert_eq!(sent.take(1, number), Some(at(40 * number))));
    }

    #[test]
    fn units_that_nobody_speaks_of_are_forgotten() {
        let mut sent = Sent::default();
        (0..10_000).for_each(|number| sent.push(1, number, gst::ClockTime::from_mseconds(number)));
        assert_eq!(sent.tracks[&1].len(), MAX_REMEMBERED);
        assert_eq!(sent.take(1, 0), None);
        assert_eq!(sent.take(1, 9_999), Some(gst::ClockTime::from_mseconds(9_999)));
        sent.push(1, 10_000, gst::ClockTime::ZERO);
        sent.remove(1);
        assert_eq!(sent.take(1, 10_000), None);
    }
}
