use std::time::Duration;

use crate::Time;

/// The share of `max_bitrate` that units may use; the rest is for the track table, keepalives and rounding.
const USABLE: f64 = 0.98;
/// The share that encoders are told to aim at, so that what they overshoot is not cut off.
const AIM: f64 = 0.97;
/// A change below this share is not worth telling.
const CHANGE: f64 = 0.03;
/// The least time between two changes upwards that are smaller than this share.
const PAUSE: Duration = Duration::from_millis(500);
const LEAP: f64 = 0.25;

/// Says how many bytes a unit may have on the wire, so that what waits is sent within the latency budget.
pub(super) struct Bucket {
    /// Bytes a second.
    rate: f64,
    depth: f64,
    tokens: f64,
    /// What was reserved and has not been taken.
    reserved: f64,
    filled: Time,
}

impl Bucket {
    /// A bucket that fills with `bits` a second and holds what they bring in `horizon`.
    pub(super) fn new(now: Time, bits: u64, horizon: Duration) -> Self {
        let rate = bits as f64 / 8.0 * USABLE;
        let depth = rate * horizon.as_secs_f64();
        Self { rate, depth, tokens: depth, reserved: 0.0, filled: now }
    }

    /// Changes the rate and the horizon; what was used stays used.
    pub(super) fn set(&mut self, now: Time, bits: u64, horizon: Duration) {
        let used = self.depth - self.available(now);
        *self = Self::new(now, bits, horizon);
        self.tokens -= used;
    }

    /// As much is left as the bucket holds beside what waits: after a part of that was given up.
    pub(super) fn settle(&mut self, waiting: usize) {
        self.tokens = self.depth - waiting as f64;
    }

    /// Bytes that the bucket holds.
    pub(super) fn depth(&self) -> f64 {
        self.depth
    }

    /// Bytes that may be used now.
    pub(super) fn available(&mut self, now: Time) -> f64 {
        let new = self.rate * (now - self.filled).as_secs_f64();
        self.tokens = (self.tokens + new).min(self.depth);
        self.filled = self.filled.max(now);
        self.tokens
    }

    /// What layer 0 may overdraw, so that it is only dropped where even it does not fit the rate.
    pub(super) fn overdraft(&self) -> f64 {
        self.depth / 4.0
    }

    /// Bytes that the rate brings in so many seconds.
    pub(super) fn in_seconds(&self, seconds: f64) -> f64 {
        self.rate * seconds
    }

    /// Sets bytes aside that will be taken. No more than the bucket holds: what plans reckon too much must not hide
    /// forever what others reckon too little.
    pub(super) fn reserve(&mut self, bytes: usize) {
        self.tokens -= bytes as f64;
        self.reserved = (self.reserved + bytes as f64).min(self.depth);
    }

    /// Takes bytes: those that were set aside first.
    pub(super) fn take(&mut self, bytes: usize) {
        self.reserved -= bytes as f64;
        self.tokens += self.reserved.min(0.0);
        self.reserved = self.reserved.max(0.0);
    }
}

/// A track's share in the rate.
pub(super) struct Share {
    pub(super) track: u8,
    /// Bits a second on the wire that the track takes now, where it is not the one to adapt.
    pub(super) fixed: Option<u64>,
    /// Bits a second of media that it takes now.
    pub(super) media: u64,
    /// Media bytes for each byte on the wire.
    pub(super) efficiency: f64,
    pub(super) is_layered: bool,
}

/// What encoders were told last.
#[derive(Default)]
pub(super) struct Advice {
    told: Option<(u64, Vec<(u8, u64)>)>,
    at: Time,
}

impl Advice {
    /// What encoders have been told that all layered tracks may have.
    pub(super) fn current(&self) -> Option<u64> {
        self.told.as_ref().map(|&(total, _)| total)
    }

    /// Forgets what was told, so that the next advice is told whatever it is.
    pub(super) fn clear(&mut self) {
        self.told = None;
    }

    /// Shares `bits` a second on the wire between the tracks: those with a fixed need first, the others alike. Gives
    /// what is worth telling: what all layered tracks may have together, and each of those that adapt. The others are
    /// told nothing: with what they take now for a bound they could never take more.
    pub(super) fn update(&mut self, now: Time, bits: u64, shares: &[Share]) -> Option<(u64, Vec<(u8, u64)>)> {
        let fixed: u64 = shares.iter().filter_map(|share| share.fixed).sum();
        let adapting = shares.iter().filter(|share| share.fixed.is_none()).count().max(1);
        let each = (bits as f64 * AIM - fixed as f64).max(0.0) / adapting as f64;
        let tracks: Vec<(u8, u64)> = shares
            .iter()
            .filter(|share| share.fixed.is_none())
            .map(|share| (share.track, (each * share.efficiency) as u64))
            .collect();
        if tracks.is_empty() {
            return None;
        }
        let others = shares.iter().filter(|share| share.is_layered && share.fixed.is_some());
        let total =
            tracks.iter().map(|&(_, rate)| rate).sum::<u64>() + others.map(|share| share.media).sum::<u64>();
        if let Some((told, before)) = &self.told {
            let change = total as f64 / (*told).max(1) as f64 - 1.0;
            let is_early = change > 0.0 && change < LEAP && now < self.at + PAUSE;
            if before.len() == tracks.len() && (change.abs() < CHANGE || is_early) {
                return None;
            }
        }
        self.at = now;
        self.told = Some((total, tracks.clone()));
        Some((total, tracks))
    }
}
