//! How gaps sound, in numbers: beside silence in their place, and beside the sound around them.

mod sounds;

use std::ops::Range;

use fql_codec::audio::Rate;
use fql_unit::{AudioFormat, Unit};
use sounds::{Random, Shape, clip, finer, power};

const FRAME: usize = 768;
const OVERLAP: usize = 192;

/// Runs of 1 to 5 lost units, with 4 to 19 good ones between them.
fn losses(units: usize, seed: u64) -> Vec<Range<usize>> {
    let mut random = Random(seed);
    let mut next = |from: usize, to: usize| from + random.next() as usize % (to - from);
    let (mut runs, mut at) = (Vec::new(), 8);
    while at + 10 < units {
        let len = next(1, 6);
        runs.push(at..at + len);
        at += len + next(4, 20);
    }
    runs
}

/// What a listener hears of units of which these are lost, by concealment or (`silent`) zeros.
fn heard(shape: Shape, units: &[Unit], lost: &[Range<usize>], silent: bool) -> Vec<i32> {
    let (mut decoder, mut out) = (shape.decoder(), Vec::new());
    for (i, unit) in units.iter().enumerate() {
        if !lost.iter().any(|run| run.contains(&i)) {
            decoder.decode(unit, 14, &mut out).unwrap();
        } else if silent {
            out.extend(vec![0; FRAME * usize::from(shape.channels)]);
            decoder.reset();
        } else {
            decoder.conceal(FRAME, &mut out);
        }
    }
    out
}

/// The samples of one channel that are not the source's for a run of lost units: theirs, and an overlap.
fn touched(run: &Range<usize>) -> Range<usize> {
    run.start * FRAME - OVERLAP..run.end * FRAME
}

fn channel(samples: &[i32], channels: u8, which: usize) -> Vec<f64> {
    samples.iter().skip(which).step_by(channels.into()).map(|s| f64::from(*s)).collect()
}

/// The largest difference of neighbours, both edges included.
fn steepest(samples: &[f64], within: Range<usize>) -> f64 {
    samples[within.start - 1..within.end + 1].windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f64::max)
}

/// How much the slope turns at most from one sample to the next: what is heard as a click.
fn sharpest(samples: &[f64], within: Range<usize>) -> f64 {
    let turns = samples[within.start - 2..within.end + 2].windows(3).map(|w| w[0] - 2.0 * w[1] + w[2]);
    turns.map(f64::abs).fold(0.0, f64::max)
}

/// What gaps of one kind were like.
#[derive(Debug, Default)]
struct Gaps {
    /// For each gap and channel: steps between samples, in it and at its edges, over the source's own around it.
    steps: Vec<f64>,
    /// The same of turns.
    turns: Vec<f64>,
    /// For each gap of a single unit, signal over error in dB.
    single: Vec<f64>,
}

impl Gaps {
    fn add(&mut self, source: &[f64], heard: &[f64], run: &Range<usize>) {
        let gap = touched(run);
        let around = gap.start - FRAME..(gap.end + FRAME).min(source.len() - 2);
        let over = |value: f64, own: f64| value / own.max(1.0);
        self.steps.push(over(steepest(heard, gap.clone()), steepest(source, around.clone())));
        self.turns.push(over(sharpest(heard, gap.clone()), sharpest(source, around)));
        if run.len() == 1 {
            let error = power(gap.clone().map(|t| source[t] - heard[t]));
            self.single.push(10.0 * (power(gap.map(|t| source[t])) / error).log10());
        }
    }

    fn of(shape: Shape, source: &[i32], units: &[Unit], silent: bool) -> Self {
        let mut gaps = Self::default();
        for seed in 0..2 {
            let lost = losses(units.len(), seed);
            let heard = heard(shape, units, &lost, silent);
            for which in 0..usize::from(shape.channels) {
                let [source, heard] = [source, &heard].map(|samples| channel(samples, shape.channels, which));
                lost.iter().for_each(|run| gaps.add(&source, &heard, run));
            }
        }
        gaps
    }

    /// The worst step, the worst turn, and the mean of single losses in dB.
    fn summary(&self) -> [f64; 3] {
        let worst = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
        [worst(&self.steps), worst(&self.turns), self.single.iter().sum::<f64>() / self.single.len() as f64]
    }
}

fn compare(what: &str, shape: Shape, source: &[i32]) -> [[f64; 3]; 2] {
    let units = shape.encode(source, Rate::WholeLadder);
    let [concealed, silent] = [false, true].map(|silent| Gaps::of(shape, source, &units, silent).summary());
    println!(
        "{what}: steps, turns beside the sound's own, dB of single losses: {concealed:.2?}, silent {silent:.2?}"
    );
    [concealed, silent]
}

const MONO: Shape = Shape { rate: 48_000, channels: 1, format: AudioFormat::S16, layers: 12 };

#[test]
fn gaps_in_music_do_not_click() {
    let stereo = Shape { channels: 2, ..MONO };
    let source = clip(48_000, 2);
    for (what, shape, source) in [
        ("the clip, 16 bits", stereo, source.clone()),
        ("the clip, 24 bits", Shape { format: AudioFormat::S24, ..stereo }, finer(&source)),
    ] {
        let [[step, turn, single], [silent_step, silent_turn, _]] = compare(what, shape, &source);
        assert!(step < 1.2 && turn < 3.0 && single > 3.0, "{what}");
        assert!(
            silent_step > 5.0 * step && silent_turn > 5.0 * turn,
            "{what}: silence clicks, and this tells"
        );
    }
}

#[test]
fn gaps_in_a_tone_do_not_click_and_mostly_are_the_tone() {
    for hertz in [97.0, 440.0, 1_234.5] {
        let sine = |t: u32| (std::f64::consts::TAU * hertz * f64::from(t) / 48_000.0).sin();
        let source: Vec<i32> = (0..48_000 * 3).map(|t| (20_000.0 * sine(t)) as i32).collect();
        let [[step, turn, single], [silent_step, silent_turn, _]] =
            compare(&format!("{hertz} Hz"), MONO, &source);
        assert!(step < 1.6 && turn < 3.5 && single > 11.0, "{hertz} Hz");
        assert!(silent_step > 3.0 * step && silent_turn > 10.0 * turn, "{hertz} Hz");
    }
}

#[test]
fn sound_that_comes_back_after_a_long_gap_fades_in_without_a_step() {
    let sine = |t: u32| (std::f64::consts::TAU * 440.0 * f64::from(t) / 48_000.0).sin();
    // At all phases of the tone.
    for delay in (0..110).step_by(10) {
        let source: Vec<i32> = (0..40 * FRAME as u32).map(|t| (20_000.0 * sine(t + delay)) as i32).collect();
        let units = MONO.encode(&source, Rate::WholeLadder);
        let run = 10..20;
        let heard = channel(&heard(MONO, &units, std::slice::from_ref(&run), false), 1, 0);
        let returns = run.end * FRAME - OVERLAP;
        assert!(heard[returns - FRAME..returns].iter().all(|s| *s == 0.0), "silence after a long gap");
        let own = 20_000.0 * std::f64::consts::TAU * 440.0 / 48_000.0;
        assert!(heard[returns].abs() < 0.1 * own, "it begins with {}", heard[returns]);
        let step = steepest(&heard, returns..returns + OVERLAP);
        assert!(step < 2.2 * own, "a step of {step} beside the tone's own {own}");
    }
}
