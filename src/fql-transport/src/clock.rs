use std::collections::VecDeque;
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

/// Maps the sender's presentation times to local ones, by the units that took the shortest way.
///
/// The offset follows the minimum of `arrival - pts` over five seconds, slowly, so that frames come out evenly.
/// When all units of half a second come later than half the budget allows, or with another clock altogether, it
/// starts over.
///
/// Times are below 2^63 nanoseconds (292 years), so that differences never overflow.
pub(crate) struct Clock {
    latency: i64,
    offset: Option<i64>,
    moved: Time,
    /// The least `arrival - pts` in each quarter of a second, the newest last, and when that began.
    minima: VecDeque<(Time, i64)>,
}

impl Clock {
    pub(crate) fn new(latency: Duration) -> Self {
        let latency = latency.as_nanos() as i64;
        Self { latency, offset: None, moved: Time::ZERO, minima: VecDeque::new() }
    }

    /// When a unit of which the first shard arrives now is due: always between now and the latency budget plus a
    /// second from now, and mostly just where the sender's clock puts it.
    pub(crate) fn due(&mut self, now: Time, pts: u64) -> Time {
        let sample = sample(now, pts);
        let offset = self.update(now, sample);
        self.map(pts, offset)
    }

    /// When a unit is due of which the first shard was rebuilt, and so says nothing of the way.
    pub(crate) fn due_unmeasured(&mut self, now: Time, pts: u64) -> Time {
        match self.offset {
            Some(offset) if sample(now, pts).abs_diff(offset) < JUMP as u64 => self.map(pts, offset),
            _ => self.due(now, pts),
        }
    }

    /// How much later than the fastest units one comes that does now.
    pub(crate) fn lag(&mut self, now: Time, pts: u64) -> Duration {
        let due = self.due(now, pts);
        (now + Duration::from_nanos(self.latency as u64)) - due
    }

    fn map(&self, pts: u64, offset: i64) -> Time {
        Time::from_nanos(pts.saturating_add_signed(offset).saturating_add_signed(self.latency))
    }

    fn update(&mut self, now: Time, sample: i64) -> i64 {
        let Some(mut offset) = self.offset.filter(|offset| sample.abs_diff(*offset) < JUMP as u64) else {
            return self.restart(now, sample);
        };
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
