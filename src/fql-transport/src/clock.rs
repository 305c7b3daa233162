use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::Time;

const BUCKET: Duration = Duration::from_millis(250);
const BUCKETS: usize = 20;
/// So many of the last buckets, half a second at least, have to agree that everything comes too late.
const RECENT: usize = 3;
/// A difference that no clock drift and no queue explains: the sender restarted its clock.
const JUMP: i64 = 1_000_000_000;
/// Nanoseconds by which the mapping may move for each nanosecond that passes, as a divisor: half a percent, ten times
/// what a poor crystal needs and far below what anyone sees or hears.
const SLEW: i64 = 200;
/// For so long after its beginning a clock follows a track that comes late at once.
const YOUNG: Duration = Duration::from_secs(1);
/// A track is late then where so many units, one after the other and over this time, come later than this part of the
/// budget.
const LATE_UNITS: u32 = 3;
const LATE_TIME: Duration = Duration::from_millis(60);
const LATE_PART: i64 = 4;

/// Maps the sender's presentation times to local ones, by the units that took the shortest way.
///
/// The offset follows the minimum of `arrival - pts` over five seconds, slowly, so that frames come out evenly.
/// When all units of half a second come later than half the budget allows, or with another clock altogether, it
/// starts over.
///
/// What comes first decides most, and may be wrong: one early unit, or sound that is there before the encoder of the
/// pictures has warmed up, would make every picture late until the clock starts over. So in its first second it moves
/// at once to where a track is in time that comes late again and again, by the latency budget at most.
///
/// Times are below 2^63 nanoseconds (292 years), so that differences never overflow.
pub(crate) struct Clock {
    latency: i64,
    offset: Option<i64>,
    moved: Time,
    /// The least `arrival - pts` in each quarter of a second, the newest last, and when that began.
    minima: VecDeque<(Time, i64)>,
    /// When it began.
    began: Time,
    /// While it is young: tracks of which all units come late.
    late: BTreeMap<u8, Late>,
}

/// Units of a track that came late, one after the other.
struct Late {
    since: Time,
    units: u32,
    /// The least `arrival - pts` of them.
    least: i64,
}

impl Clock {
    pub(crate) fn new(latency: Duration) -> Self {
        let latency = latency.as_nanos() as i64;
        let (minima, late) = (VecDeque::new(), BTreeMap::new());
        Self { latency, offset: None, moved: Time::ZERO, minima, began: Time::ZERO, late }
    }

    /// When a unit of this track of which the first shard arrives now is due: always between now and the latency
    /// budget plus a second from now, and mostly just where the sender's clock puts it.
    pub(crate) fn due(&mut self, now: Time, track: u8, pts: u64) -> Time {
        let sample = sample(now, pts);
        let offset = self.update(now, track, sample);
        self.map(pts, offset)
    }

    /// When a unit is due of which the first shard was rebuilt, and so says nothing of the way.
    pub(crate) fn due_unmeasured(&mut self, now: Time, track: u8, pts: u64) -> Time {
        match self.offset {
            Some(offset) if sample(now, pts).abs_diff(offset) < JUMP as u64 => self.map(pts, offset),
            _ => self.due(now, track, pts),
        }
    }

    /// How much later than the fastest units one comes that does now.
    pub(crate) fn lag(&mut self, now: Time, track: u8, pts: u64) -> Duration {
        let due = self.due(now, track, pts);
        (now + Duration::from_nanos(self.latency as u64)) - due
    }

    fn map(&self, pts: u64, offset: i64) -> Time {
        Time::from_nanos(pts.saturating_add_signed(offset).saturating_add_signed(self.latency))
    }

    fn update(&mut self, now: Time, track: u8, sample: i64) -> i64 {
        let Some(mut offset) = self.offset.filter(|offset| sample.abs_diff(*offset) < JUMP as u64) else {
            (self.began, self.late) = (now, BTreeMap::new());
            return self.restart(now, sample);
        };
        if let Some(better) = self.late_track(now, track, sample, offset) {
            self.late.clear();
            return self.restart(now, better);
        }
        match self.minima.back_mut() {
            Some((began, least)) if now < *began + BUCKET => *least = sample.min(*least),
            _ => self.minima.push_back((now, sample)),
        }
        // After a pause those before it say nothing any more: the clocks have drifted apart since.
        let is_old = |began: Time| now - began > BUCKET * BUCKETS as u32;
        while self.minima.len() > BUCKETS || self.minima.front().is_some_and(|&(began, _)| is_old(began)) {
            self.minima.pop_front();
        }
        let recent = self.minima.iter().rev().take(RECENT).map(|&(_, least)| least).min();
        let is_late = |least: i64| self.minima.len() >= RECENT && least - offset > self.latency / 2;
        if recent.is_some_and(is_late) {
            return self.restart(now, sample);
        }
        let target = self.minima.iter().map(|&(_, least)| least).min().unwrap_or(sample);
        let most = (now - self.moved).as_nanos() as i64 / SLEW;
        offset += (target - offset).clamp(-most, most);
        self.moved = now;
        self.offset = Some(offset);
        offset
    }

    /// Where a young clock should be so that a track is in time of which all units come late.
    fn late_track(&mut self, now: Time, track: u8, sample: i64, offset: i64) -> Option<i64> {
        let is_late = sample - offset > self.latency / LATE_PART && now < self.began + YOUNG;
        if !is_late {
            self.late.remove(&track);
            return None;
        }
        let late = self.late.entry(track).or_insert(Late { since: now, units: 0, least: sample });
        late.units += 1;
        late.least = late.least.min(sample);
        let is_track = late.units >= LATE_UNITS && now >= late.since + LATE_TIME;
        (is_track && late.least - offset <= self.latency).then_some(late.least)
    }

    fn restart(&mut self, now: Time, sample: i64) -> i64 {
        self.minima = VecDeque::from([(now, sample)]);
        self.moved = now;
        self.offset = Some(sample);
        sample
    }
}

/// `now - pts`.
fn sample(now: Time, pts: u64) -> i64 {
    let signed = |nanos: u64| i64::try_from(nanos).unwrap_or(i64::MAX);
    signed(now.as_nanos()) - signed(pts)
}

#[cfg(test)]
mod tests;
