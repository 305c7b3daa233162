//! Where the presentation times of a stream lie in UTC.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::Time;
use crate::datagram::{HEADER, TAG};
use crate::message::{Message, UTC_ENTRY, UTC_OVERHEAD};

/// It is said again after this time, for receivers that join and for what was lost.
const REPEAT: Duration = Duration::from_secs(1);
/// A receiver that has nothing is told so often, this far apart.
const FAST_REPEATS: u8 = 5;
const FAST_REPEAT: Duration = Duration::from_millis(25);
/// A change of this many nanoseconds is a leap, which does not wait for its turn, but is told no sooner than so long
/// after the last time, and so often more.
const LEAP: u64 = 1_000_000;
const LEAP_GAP: Duration = Duration::from_millis(100);
const LEAP_REPEATS: u8 = 3;
/// Past the times that are counted in the sessions, and in GStreamer.
const MAX_UTC: u64 = 1 << 63;

/// What is to be added to a presentation time to have its UTC, in nanoseconds.
///
/// It is the sender's word, and anything may be in it: [`UtcOffset::at`] gives only times that are ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UtcOffset(i64);

impl UtcOffset {
    /// An offset of this many nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Its nanoseconds.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// The offset by which a presentation time in nanoseconds is this time in nanoseconds since 1970; both below 2^63.
    pub fn between(pts: u64, utc: u64) -> Option<Self> {
        i64::try_from(i128::from(utc) - i128::from(pts)).ok().map(Self)
    }

    /// The nanoseconds since 1970 (UTC, without leap seconds) of a presentation time; `None` where that is before 1970,
    /// or 2^63 and more.
    pub fn at(self, pts: u64) -> Option<u64> {
        pts.checked_add_signed(self.0).filter(|utc| *utc < MAX_UTC)
    }

    /// The offset for presentation times that are later by this much; `None` where it is too large.
    pub(crate) fn for_later(self, by: i128) -> Option<Self> {
        i64::try_from(i128::from(self.0).checked_sub(by)?).ok().map(Self)
    }
}

/// The offsets of the tracks on their way to the receiver.
pub(crate) struct UtcOut {
    offsets: BTreeMap<u8, UtcOffset>,
    /// How many fit in a datagram.
    most: usize,
    /// Tracks of which is told as soon as possible.
    ready: VecDeque<u8>,
    next: Time,
    told: Option<Time>,
    fast_repeats: u8,
    leap_repeats: u8,
}

impl UtcOut {
    /// For datagrams of so many bytes at most.
    pub(crate) fn new(mtu: usize) -> Self {
        Self {
            offsets: BTreeMap::new(),
            most: (mtu.saturating_sub(HEADER + TAG + UTC_OVERHEAD) / UTC_ENTRY).max(1),
            ready: VecDeque::new(),
            next: Time::ZERO,
            told: None,
            fast_repeats: 0,
            leap_repeats: 0,
        }
    }

    /// Sets the offset of a track.
    pub(crate) fn set(&mut self, now: Time, track: u8, offset: UtcOffset) {
        match self.offsets.insert(track, offset) {
            None => self.resend(now),
            Some(before) if before.0.abs_diff(offset.0) >= LEAP => {
                let soon = self.told.map_or(now, |told| (told + LEAP_GAP).max(now));
                self.next = self.next.min(soon);
                self.leap_repeats = LEAP_REPEATS + 1;
            }
            Some(_) => (),
        }
    }

    /// Forgets the tracks for which `stays` does not hold.
    pub(crate) fn retain(&mut self, stays: impl Fn(u8) -> bool) {
        self.offsets.retain(|track, _| stays(*track));
    }

    /// Tells a receiver that has nothing.
    pub(crate) fn resend(&mut self, now: Time) {
        self.fast_repeats = FAST_REPEATS;
        self.next = now;
    }

    /// The next message, if it is time.
    pub(crate) fn poll(&mut self, now: Time) -> Option<Message> {
        if self.timeout().is_some_and(|time| time <= now) && self.ready.is_empty() {
            self.ready = self.offsets.keys().copied().collect();
            self.told = Some(now);
            self.leap_repeats = self.leap_repeats.saturating_sub(1);
            let pause = match (self.fast_repeats, self.leap_repeats) {
                (1.., _) => FAST_REPEAT,
                (0, 1..) => LEAP_GAP,
                (0, 0) => REPEAT,
            };
            self.fast_repeats = self.fast_repeats.saturating_sub(1);
            self.next = now + pause;
        }
        let tracks = self.ready.drain(..self.most.min(self.ready.len()));
        let told: Vec<_> = tracks.filter_map(|track| Some((track, *self.offsets.get(&track)?))).collect();
        (!told.is_empty()).then_some(Message::Utc(told))
    }

    /// When [`UtcOut::poll`] has something.
    pub(crate) fn timeout(&self) -> Option<Time> {
        match (self.ready.is_empty(), self.offsets.is_empty()) {
            (false, _) => Some(Time::ZERO),
            (true, false) => Some(self.next),
            (true, true) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MTU: usize = 256;

    fn at(ms: u64) -> Time {
        Time::from_nanos(1_000_000_000) + Duration::from_millis(ms)
    }

    /// When it is told of tracks within three seconds, in milliseconds.
    fn told(out: &mut UtcOut, from: u64) -> Vec<u64> {
        let mut times = Vec::new();
        for ms in from..from + 3000 {
            let messages = std::iter::from_fn(|| out.poll(at(ms))).count();
            times.extend(std::iter::repeat_n(ms - from, messages));
            assert!(out.timeout().is_none_or(|next| next > at(ms)), "at {ms}");
        }
        times
    }

    #[test]
    fn it_is_told_at_once_a_few_times_soon_and_then_every_second() {
        let mut out = UtcOut::new(MTU);
        assert_eq!(told(&mut out, 0), []);
        out.set(at(5000), 3, UtcOffset(7));
        assert_eq!(told(&mut out, 5000), [0, 25, 50, 75, 100, 125, 1125, 2125]);
        out.resend(at(9000));
        assert_eq!(told(&mut out, 9000), [0, 25, 50, 75, 100, 125, 1125, 2125]);
    }

    #[test]
    fn a_leap_is_told_at_once_but_not_more_than_ten_times_a_second() {
        let mut out = UtcOut::new(MTU);
        out.set(at(0), 3, UtcOffset(0));
        told(&mut out, 0);
        out.set(at(3000), 3, UtcOffset(999_999));
        assert_eq!(out.poll(at(3000)), None, "a drift may wait");
        out.set(at(3000), 3, UtcOffset(5_000_000));
        assert_eq!(told(&mut out, 3000), [0, 100, 200, 300, 1300, 2300]);
        let mut messages = 0;
        for ms in 7001..8001 {
            out.set(at(ms), 3, UtcOffset(ms as i64 * 5_000_000));
            messages += std::iter::from_fn(|| out.poll(at(ms))).count();
        }
        assert_eq!(messages, 10);
    }

    #[test]
    fn as_many_tracks_as_there_may_be_fit_in_datagrams_of_any_size() {
        let mut out = UtcOut::new(MTU);
        (0..64).for_each(|track| out.set(at(0), track, UtcOffset(track.into())));
        let mut tracks = Vec::new();
        while let Some(message) = out.poll(at(0)) {
            assert!(message.len() + HEADER + TAG <= MTU);
            let Message::Utc(offsets) = message else { panic!("{message:?}") };
            tracks.extend(offsets.into_iter().map(|(track, _)| track));
        }
        assert!(tracks.into_iter().eq(0..64));
        out.retain(|track| track == 5);
        assert_eq!(out.poll(at(25)), Some(Message::Utc(vec![(5, UtcOffset(5))])));
    }

    proptest! {
        #[test]
        fn no_offset_gives_a_time_that_is_none(nanos: i64, pts: u64, later: i128) {
            if let Some(utc) = UtcOffset(nanos).at(pts) {
                prop_assert!(utc < MAX_UTC);
                prop_assert_eq!(i128::from(utc), i128::from(pts) + i128::from(nanos));
                prop_assert_eq!(UtcOffset::between(pts, utc), Some(UtcOffset(nanos)));
            }
            if let Some(moved) = UtcOffset(nanos).for_later(later) {
                prop_assert_eq!(i128::from(moved.0) + later, i128::from(nanos));
            }
        }
    }
}
