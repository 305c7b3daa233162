//! The running time of an input that begins again and again: each turn starts where the one before ended.

/// One track of a turn, on its way.
#[derive(Debug, Default, Clone, Copy)]
struct Track {
    end: u64,
}

/// The tracks of an input and where their turn starts. Times in nanoseconds.
#[derive(Debug)]
pub struct Turns {
    start: u64,
    tracks: Vec<Track>,
}

impl Turns {
    /// An input of so many tracks in its first turn.
    pub fn new(tracks: usize) -> Self {
        Self { start: 0, tracks: vec![Track::default(); tracks] }
    }

    /// When a buffer of a track belongs, which stands at `running` in its turn and lasts for `duration`.
    pub fn place(&mut self, track: usize, running: u64, duration: u64) -> u64 {
        let at = self.start.saturating_add(running);
        let end = at.saturating_add(duration);
        self.tracks[track].end = self.tracks[track].end.max(end);
        at
    }

    /// The next turn starts where the longest track of this one ended, so that tracks stay together. `false` where
    /// this turn had no length: such an input would repeat without end and without time.
    pub fn next_turn(&mut self) -> bool {
        let end = self.tracks.iter().map(|track| track.end).max().unwrap_or(0);
        let went_on = end > self.start;
        self.start = end;
        went_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_starts_where_the_longest_track_of_the_last_one_ended() {
        let mut turns = Turns::new(2);
        assert_eq!(turns.place(0, 0, 40), 0);
        assert_eq!(turns.place(0, 40, 40), 40);
        assert_eq!(turns.place(1, 60, 25), 60);
        assert!(turns.next_turn());
        assert_eq!(turns.place(0, 0, 40), 85);
        assert_eq!(turns.place(1, 0, 20), 85);
        assert!(turns.next_turn());
        assert_eq!(turns.place(1, 5, 20), 130);
    }

    #[test]
    fn a_turn_without_length_is_the_last() {
        let mut turns = Turns::new(1);
        assert!(!turns.next_turn());
        turns.place(0, 0, 0);
        assert!(!turns.next_turn());
    }

    proptest::proptest! {
        #[test]
        fn turns_never_overlap(first in proptest::collection::vec((0u64.., 0u64..), 1..9), at in 0u64..) {
            let mut turns = Turns::new(2);
            let ends: Vec<u64> = first.iter().map(|&(at, length)| turns.place(0, at, length).saturating_add(length)).collect();
            turns.next_turn();
            proptest::prop_assert!(ends.iter().all(|&end| turns.place(1, at, 1) >= end));
        }
    }
}
