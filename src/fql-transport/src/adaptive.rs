//! Parity from the losses that the receiver reports.

use std::collections::HashMap;

use crate::Time;
use crate::plan::Parity;
use crate::rs::MAX_PARITY;

/// What is assumed before the first report.
const START_LOSS: f64 = 0.08;
/// Datagrams that the start assumption counts for.
const START_WEIGHT: f64 = 60.0;
/// Seconds over which losses count.
const FAST: f64 = 2.0;
const SLOW: f64 = 8.0;
/// Losses that always count as independent ones, so that a few in a row do not look like a link that loses in bursts.
const INDEPENDENT: f64 = 3.0;
/// The loss rates and memories that protection is computed for. Between them it does not change, so that it does not
/// flutter.
const RATES: [f64; 25] = [
    0.0003, 0.001, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.1, 0.11,
    0.125, 0.14, 0.16, 0.18, 0.2, 0.225, 0.25, 0.35, 0.5,
];
const MEMORIES: [f64; 10] = [0.05, 0.15, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9];
/// Losses of this memory come in bursts.
const BURSTY: f64 = 0.3;
/// A block may fail this often, by its lowest layer. Measured with the simulated streams of `tests/loss.rs`: a tenth of
/// these figures for layers 1 and up costs half a decibel for everyone, and saves less than one unit in a hundred.
const TARGETS: [f64; 6] = [2e-4, 1e-2, 1e-2, 2e-2, 3e-2, 5e-2];
/// All that later pictures are predicted from, as one block, may fail this often. A picture that lacks any of it drifts,
/// with those after it, until the encoder has heard of it (five pictures with a round trip of 60 ms and a budget of
/// 120 ms) or refreshes (twelve in the mean with a key picture a second): at 0.015 one picture in twenty
/// drifts even where the encoder hears. The losses that are assumed are a little more than those that there are,
/// so that blocks fail several times less often than this (measured by `tests/motion.rs`).
const TARGET_REFERENCE: f64 = 6e-3;
/// Where a further shard brings failures down by less than this, and they are rare, it is not worth its bytes; less
/// is asked of one that saves a picture.
const LEAST_GAIN: f64 = 0.8;
const LEAST_GAIN_PICTURE: f64 = 0.85;
const RARE: f64 = 0.05;
/// How much more often blocks may fail with each step by which targets are relaxed.
const RELAX: f64 = 2.0;
/// Results that are kept.
const MAX_CACHED: usize = 10_000;

/// Gilbert's model of losses: two states, in one of which every datagram is lost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Losses {
    /// Share of datagrams lost, 0 to 1.
    pub(crate) rate: f64,
    /// How much of the state the next datagram keeps: 0 where losses are independent, near 1 where they come in long
    /// bursts.
    pub(crate) memory: f64,
}

impl Losses {
    /// The mean length of a burst.
    pub(crate) fn burst(self) -> f64 {
        1.0 / ((1.0 - self.rate) * (1.0 - self.memory)).max(1e-9)
    }

    /// How often more than `parity` of `shards` shards are lost of which neighbours are `gap` datagrams apart: the
    /// distribution of the losses by stepping the model from shard to shard.
    pub(crate) fn failure(self, shards: usize, parity: usize, gap: f64) -> f64 {
        // Over a gap as much is kept of the state as over so many datagrams one after the other.
        let memory = self.memory.powf(gap.max(1.0));
        let to_lost = [self.rate * (1.0 - memory), self.rate + (1.0 - self.rate) * memory];
        // For each number of losses so far: how likely it is with the next shard received, and with it lost.
        let mut states = vec![[0.0f64; 2]; parity + 1];
        states[0] = [1.0 - self.rate, self.rate];
        let mut failed = 0.0;
        for _ in 0..shards {
            let mut next = vec![[0.0f64; 2]; parity + 1];
            for (losses, state) in states.iter().enumerate() {
                for (is_lost, share) in state.iter().enumerate() {
                    match next.get_mut(losses + is_lost) {
                        Some(state) => {
                            state[0] += share * (1.0 - to_lost[is_lost]);
                            state[1] += share * to_lost[is_lost];
                        }
                        None => failed += share,
                    }
                }
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
    rate: usize,
    memory: usize,
}

/// Sums that fade.
struct Window {
    received: f64,
    lost: f64,
    bursts: f64,
}

impl Estimate {
    pub(crate) fn new() -> Self {
        Self {
            fast: Window::new(),
            slow: Window::new(),
            last: None,
            rate: at_least(&RATES, START_LOSS),
            memory: 0,
        }
    }

    /// The losses that protection is computed for.
    pub(crate) fn losses(&self) -> Losses {
        Losses { rate: RATES[self.rate], memory: MEMORIES[self.memory] }
    }

    /// A new session counts from zero.
    pub(crate) fn new_session(&mut self) {
        self.last = None;
    }

    /// Takes the counts of a report: datagrams received, lost, and runs of lost ones since the session began.
    pub(crate) fn update(&mut self, now: Time, counts: [u64; 3]) {
        let (then, before) = self.last.unwrap_or((now, [0; 3]));
        if counts.iter().zip(before).any(|(now, before)| *now < before) {
            // A report that was overtaken by a newer one.
            return;
        }
        self.last = Some((now, counts));
        let seconds = (now - then).as_secs_f64();
        let [received, lost, bursts] = [0, 1, 2].map(|i| (counts[i] - before[i]) as f64);
        for (window, span) in [(&mut self.fast, FAST), (&mut self.slow, SLOW)] {
            window.add((-seconds / span).exp(), received, lost, bursts);
        }
        let rate = self.fast.rate().max(self.slow.rate() + self.slow.deviation());
        self.rate = follow(&RATES, self.rate, rate);
        self.memory = follow(&MEMORIES, self.memory, self.slow.memory());
    }
}

impl Window {
    fn new() -> Self {
        let lost = START_WEIGHT * START_LOSS;
        Self { received: START_WEIGHT - lost, lost, bursts: lost * (1.0 - START_LOSS) }
    }

    fn add(&mut self, fade: f64, received: f64, lost: f64, bursts: f64) {
        self.received = self.received * fade + received;
        self.lost = self.lost * fade + lost;
        self.bursts = self.bursts * fade + bursts;
    }

    fn rate(&self) -> f64 {
        self.lost / (self.received + self.lost).max(1.0)
    }

    /// The standard deviation of the rate, from so many datagrams.
    fn deviation(&self) -> f64 {
        (self.rate() * (1.0 - self.rate()) / (self.received + self.lost).max(1.0)).sqrt()
    }

    /// How much more likely a datagram is lost after one that was lost than after one that was not.
    fn memory(&self) -> f64 {
        let leaves = (self.bursts + INDEPENDENT * (1.0 - self.rate())) / (self.lost + INDEPENDENT);
        let enters = self.bursts / self.received.max(1.0);
        (1.0 - leaves - enters).clamp(0.0, 1.0)
    }
}

/// The first step that is at least `value`, the last one where none is.
fn at_least(steps: &[f64], value: f64) -> usize {
    steps.iter().position(|&step| step >= value).unwrap_or(steps.len() - 1)
}

/// The step for `value`, coming from another step: up at once where that is exceeded by more than a margin, down by
/// one where `value` is clearly within the step below.
fn follow(steps: &[f64], from: usize, value: f64) -> usize {
    let to = at_least(steps, value);
    if value > steps[from] * 1.05 {
        to
    } else if to < from && value < steps[from - 1] * 0.9 {
        from - 1
    } else {
        from
    }
}

/// What hangs on a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Stake {
    /// A picture: layer 0 of one that stands for itself.
    Picture,
    /// All layers of a picture that later ones are predicted from.
    Reference,
    /// This layer, and what rests on it.
    Layer(u8),
}

impl Stake {
    /// What hangs on a block whose lowest layer this is.
    pub(crate) fn of(layer: u8, is_video: bool) -> Self {
        if layer == 0 && is_video { Self::Picture } else { Self::Layer(layer) }
    }

    /// How often the block may fail with targets that are relaxed so far.
    fn target(self, relax: u32) -> f64 {
        let (target, relax) = match self {
            Self::Picture | Self::Layer(0) => (TARGETS[0], relax / 2),
            Self::Reference => (TARGET_REFERENCE, relax),
            Self::Layer(layer) => (TARGETS[usize::from(layer).min(TARGETS.len() - 1)], relax),
        };
        (target * RELAX.powi(relax as i32)).min(1.0)
    }

    /// Whether a shard that brings failures down from `now` to `next` is not worth its bytes.
    fn is_too_little(self, now: f64, next: f64) -> bool {
        let least_gain = match self {
            // Less than its target costs many pictures.
            Self::Reference => return false,
            Self::Picture => LEAST_GAIN_PICTURE,
            Self::Layer(_) => LEAST_GAIN,
        };
        now < RARE && next > now * least_gain
    }
}

/// What parity is computed for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need {
    pub(crate) losses: Losses,
    /// Datagrams within the time that the shards of a block are spread over.
    spread: f64,
    /// Units that are under way within that time: so far apart at least are the shards of one, however many they are.
    units: f64,
    /// How far the targets of all layers but the lowest are relaxed (see [`RELAX`]); that of the lowest half as far.
    relax: u32,
}

impl Need {
    pub(crate) fn new(losses: Losses, spread: f64) -> Self {
        // In steps, so that small changes of the rate do not compute everything anew.
        let spread = 2f64.powf((spread.max(1.0).log2() * 4.0).round() / 4.0);
        Self { losses, spread, units: 1.0, relax: 0 }
    }

    /// The same where so many units are under way at a time whose shards have turns.
    pub(crate) fn among(self, units: f64) -> Self {
        let units = (units.clamp(1.0, 16.0) * 4.0).round() / 4.0;
        Self { units, ..self }
    }

    /// The same with targets that are relaxed so far.
    pub(crate) fn relaxed(self, relax: u32) -> Self {
        Self { relax, ..self }
    }
}

/// Parity by need, block size and layer; results are kept.
#[derive(Default)]
pub(crate) struct ParityTable {
    /// Parity by what hangs on the block, losses, spread, units and target, in bits, and source shards.
    cache: HashMap<(Stake, [u64; 5], usize), Parity>,
}

impl ParityTable {
    /// The fewest parity shards with which a block of `sources` fails no more often than it may.
    pub(crate) fn parity(&mut self, need: Need, stake: Stake, sources: usize) -> Parity {
        let Need { losses, spread, units, relax } = need;
        let target = stake.target(relax);
        // The more shards a picture has that others are predicted from, the more there are in all.
        let units = if stake == Stake::Reference { units } else { 1.0 };
        let bits = [losses.rate, losses.memory, spread, units, target].map(f64::to_bits);
        let key = (stake, bits, sources);
        if self.cache.len() > MAX_CACHED {
            self.cache.clear();
        }
        *self.cache.entry(key).or_insert_with(|| {
            let failure = |parity: usize| {
                let shards = sources + parity;
                losses.failure(shards, parity, (spread / shards as f64).max(units))
            };
            match stake {
                Stake::Reference => fewest(target, failure),
                _ => worthwhile(stake, target, failure),
            }
        })
    }
}

/// The fewest parity shards with which a block fails no more often than `target`.
fn fewest(target: f64, failure: impl Fn(usize) -> f64) -> Parity {
    let (mut low, mut high) = (0, MAX_PARITY);
    while low < high {
        let middle = low.midpoint(high);
        if failure(middle) <= target {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Parity { shards: low, suffices: low < MAX_PARITY || failure(low) <= target }
}

/// The same, but no more than are worth their bytes.
fn worthwhile(stake: Stake, target: f64, failure: impl Fn(usize) -> f64) -> Parity {
    let mut now = failure(0);
    for parity in 0..MAX_PARITY {
        let next = failure(parity + 1);
        let suffices = now <= target;
        if suffices || stake.is_too_little(now, next) {
            return Parity { shards: parity, suffices };
        }
        now = next;
    }
    Parity { shards: MAX_PARITY, suffices: false }
}

/// Parity by block size and layer for one estimate.
pub(crate) struct Protector {
    need: Need,
    table: ParityTable,
}

impl Protector {
    pub(crate) fn new() -> Self {
        let losses = Losses { rate: START_LOSS, memory: 0.0 };
        Self { need: Need::new(losses, 8.0), table: ParityTable::default() }
    }

    /// Sets what protection is computed for.
    pub(crate) fn set(&mut self, losses: Losses, spread: f64, units: f64) {
        self.need = Need::new(losses, spread).among(units).relaxed(self.need.relax);
    }

    /// Relaxes the targets of all layers but the lowest to this step, and that of the lowest half as far.
    pub(crate) fn set_relax(&mut self, relax: u32) {
        self.need.relax = relax;
    }

    /// Whether losses come in bursts.
    pub(crate) fn is_bursty(&self) -> bool {
        self.need.losses.memory >= BURSTY
    }

    /// See [`ParityTable::parity`].
    pub(crate) fn parity(&mut self, stake: Stake, sources: usize) -> Parity {
        self.table.parity(self.need, stake, sources)
    }
}

#[cfg(test)]
mod tests;
