//! Parity from the losses that the receiver reports.

use std::collections::HashMap;

use crate::Time;
use crate::plan::Parity;
use crate::rs::MAX_PARITY;

/// What is assumed before the first report.
const START_LOSS: f64 = 0.08;
const START_BURST: f64 = 1.5;
/// Datagrams that the start assumption counts for.
const START_WEIGHT: f64 = 60.0;
/// Seconds over which losses count.
const FAST: f64 = 2.0;
const SLOW: f64 = 8.0;
/// The loss rates and burst lengths that protection is computed for. Between them it does not change, so that it
/// does not flutter.
const LOSSES: [f64; 20] = [
    0.001, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.065, 0.08, 0.1, 0.125, 0.15, 0.18, 0.21,
    0.25, 0.3, 0.4, 0.5,
];
const BURSTS: [f64; 9] = [1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0];
/// A block may fail this often, by how far up the ladder its lowest layer is.
const TARGETS: [f64; 6] = [1e-4, 1e-3, 3e-3, 1e-2, 2e-2, 3e-2];
/// Where a further shard brings the failures down by less than this, and they are rare, it is not worth its bytes.
const LEAST_GAIN: f64 = 0.8;
const LEAST_GAIN_PICTURE: f64 = 0.85;
const RARE: f64 = 0.05;
/// How much more often blocks may fail with each step by which targets are relaxed.
const RELAX: f64 = 2.0;
/// Results that are kept.
const MAX_CACHED: usize = 10_000;

/// A loss process: independent where `burst` is 1, else Gilbert's with this mean burst length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Losses {
    /// Share of datagrams lost.
    pub(crate) rate: f64,
    /// Mean length of a run of lost datagrams, at least 1.
    pub(crate) burst: f64,
}

impl Losses {
    /// How often more than `parity` of `shards` shards are lost of which neighbours are `gap` datagrams apart: the
    /// distribution of the losses by stepping Gilbert's two states from shard to shard.
    pub(crate) fn failure(self, shards: usize, parity: usize, gap: f64) -> f64 {
        // Between neighbouring datagrams the state keeps `memory` of itself; over a gap a power of that.
        let leave = 1.0 / self.burst.max(1.0);
        let enter = (self.rate * leave / (1.0 - self.rate).max(1e-9)).min(1.0);
        let memory = (1.0 - leave - enter).max(0.0).powf(gap.max(1.0));
        let to_lost = [self.rate * (1.0 - memory), self.rate + (1.0 - self.rate) * memory];
        // For each number of losses so far: how likely with the last shard received, and with it lost.
        let mut states = vec![[0.0f64; 2]; parity + 1];
        states[0] = [1.0 - self.rate, self.rate];
        let mut failed = 0.0;
        for _ in 0..shards {
            // The state is that of the shard to be counted now.
            let mut next = vec![[0.0f64; 2]; parity + 1];
            for (losses, &[received, lost]) in states.iter().enumerate() {
                let mut go = |losses: usize, share: f64, was: usize| {
                    if let Some(state) = next.get_mut(losses) {
                        state[0] += share * (1.0 - to_lost[was]);
                        state[1] += share * to_lost[was];
                    } else {
                        failed += share;
                    }
                };
                go(losses, received, 0);
                go(losses + 1, lost, 1);
            }
            states = next;
        }
        failed
    }
}

/// What the reports say of the losses: rising fast, falling slowly.
pub(crate) struct Estimate {
    fast: Window,
    slow: Window,
    last: Option<(Time, [u64; 3])>,
    loss: usize,
    burst: usize,
}

/// Sums that fade.
#[derive(Default)]
struct Window {
    received: f64,
    lost: f64,
    bursts: f64,
}

impl Estimate {
    pub(crate) fn new() -> Self {
        let window = || Window {
            received: START_WEIGHT * (1.0 - START_LOSS),
            lost: START_WEIGHT * START_LOSS,
            bursts: START_WEIGHT * START_LOSS / START_BURST,
        };
        let (loss, burst) = (at_least(&LOSSES, START_LOSS), at_least(&BURSTS, START_BURST));
        Self { fast: window(), slow: window(), last: None, loss, burst }
    }

    /// The losses that protection is computed for.
    pub(crate) fn losses(&self) -> Losses {
        Losses { rate: LOSSES[self.loss], burst: BURSTS[self.burst] }
    }

    /// A new session counts from zero.
    pub(crate) fn new_session(&mut self) {
        self.last = None;
    }

    /// Takes the counts of a report: datagrams received, lost, and runs of lost ones since the session began.
    pub(crate) fn update(&mut self, now: Time, counts: [u64; 3]) {
        let (then, before) = self.last.unwrap_or((now, [0; 3]));
        let new = |i: usize| counts[i].saturating_sub(before[i]) as f64;
        let (received, lost, bursts) = (new(0), new(1), new(2));
        if self.last.is_some() && counts[0] < before[0] {
            return;
        }
        self.last = Some((now, counts));
        let seconds = (now - then).as_secs_f64();
        for (window, span) in [(&mut self.fast, FAST), (&mut self.slow, SLOW)] {
            window.add((-seconds / span).exp(), received, lost, bursts);
        }
        let rate = self.fast.rate(0.0).max(self.slow.rate(1.0));
        self.loss = follow(&LOSSES, self.loss, rate);
        self.burst = follow(&BURSTS, self.burst, self.slow.burst());
    }
}

impl Window {
    fn add(&mut self, fade: f64, received: f64, lost: f64, bursts: f64) {
        self.received = self.received * fade + received;
        self.lost = self.lost * fade + lost;
        self.bursts = self.bursts * fade + bursts;
    }

    /// The loss rate with a margin of one standard deviation of what was counted.
    fn rate(&self, margin: f64) -> f64 {
        let total = (self.received + self.lost).max(1.0);
        let rate = self.lost / total;
        rate + margin * (rate * (1.0 - rate) / total).sqrt()
    }

    fn burst(&self) -> f64 {
        if self.bursts < 0.5 { 1.0 } else { (self.lost / self.bursts).max(1.0) }
    }
}

/// The first step that is at least `value`, the last one where none is.
fn at_least(steps: &[f64], value: f64) -> usize {
    steps.iter().position(|&step| step >= value).unwrap_or(steps.len() - 1)
}

/// The step for `value`, coming from another step: up at once where it is exceeded, down by one where `value` is
/// clearly under the step below.
fn follow(steps: &[f64], from: usize, value: f64) -> usize {
    let to = at_least(steps, value);
    if to > from {
        // A little over is within the margins of the step.
        if value <= steps[from] * 1.05 { from } else { to }
    } else if to < from && value < steps[from - 1] * 0.9 {
        from - 1
    } else {
        from
    }
}

/// Parity by block size and layer for one estimate.
pub(crate) struct Protector {
    losses: Losses,
    /// Datagrams within the time that the shards of a block are spread over.
    spread: f64,
    /// How far targets are relaxed: see [`RELAX`].
    relax: u32,
    /// Parity by losses, spread, source shards and target, in bits.
    cache: HashMap<[u64; 5], Parity>,
}

impl Protector {
    pub(crate) fn new() -> Self {
        let losses = Losses { rate: START_LOSS, burst: START_BURST };
        Self { losses, spread: 8.0, relax: 0, cache: HashMap::new() }
    }

    /// Sets what protection is computed for.
    pub(crate) fn set(&mut self, losses: Losses, spread: f64) {
        // In steps, so that small changes of the rate do not compute everything anew.
        let spread = 2f64.powf((spread.max(1.0).log2() * 4.0).round() / 4.0);
        (self.losses, self.spread) = (losses, spread);
        if self.cache.len() > MAX_CACHED {
            self.cache.clear();
        }
    }

    /// Relaxes the targets of all layers but the lowest to this step, and that of the lowest half as far.
    pub(crate) fn set_relax(&mut self, relax: u32) {
        self.relax = relax;
    }

    /// The fewest parity shards with which a block of `sources` fails no more often than its layer may.
    pub(crate) fn parity(&mut self, layer: u8, sources: usize) -> Parity {
        let class = usize::from(layer).min(TARGETS.len() - 1);
        let relax = if layer == 0 { self.relax / 2 } else { self.relax };
        let (losses, spread) = (self.losses, self.spread);
        let target = (TARGETS[class] * RELAX.powi(relax as i32)).min(1.0);
        let key = [
            losses.rate.to_bits(),
            losses.burst.to_bits(),
            spread.to_bits(),
            target.to_bits(),
            sources as u64,
        ];
        *self.cache.entry(key).or_insert_with(|| {
            let least_gain = if layer == 0 { LEAST_GAIN_PICTURE } else { LEAST_GAIN };
            let failure = |parity: usize| {
                let shards = sources + parity;
                losses.failure(shards, parity, spread / shards as f64)
            };
            let mut now = failure(0);
            for parity in 0..MAX_PARITY {
                let next = failure(parity + 1);
                let suffices = now <= target;
                if suffices || (now < RARE && next > now * least_gain) {
                    return Parity { shards: parity, suffices };
                }
                now = next;
            }
            Parity { shards: MAX_PARITY, suffices: false }
        })
    }
}

#[cfg(test)]
mod tests;
