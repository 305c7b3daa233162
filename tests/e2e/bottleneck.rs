//! A stream of 2,500 kbit/s meets a bottleneck of 1.5 Mbit/s with a queue of 200 ms, and leaves it again: 720p, 30 ms
//! each way, 120 ms of budget.

use std::time::Duration;

use fql_tests::clip;
use fql_tests::lossy_run::{Encoded, FRAME_RATE, LossyRun, Outcome};
use fql_tests::relay::Link;

const BOTTLENECK: u64 = 1_500_000;
/// A run during which something else kept the machine busy says nothing of the protocol: it is made anew, so often.
const ATTEMPTS: usize = 4;
/// Half a second without a new picture, in frames.
const HALF_A_SECOND: usize = FRAME_RATE / 2;
/// The rate changes when the camera gives a frame; that waits in the pipeline behind so many others at most.
const WAITING: usize = 8;
/// Frames that a change of the rate may take to show in what the encoder gives.
const FOLLOWS: usize = 3;
/// What the bucket of an encoder holds, in seconds of its rate: a key frame takes most of it at once.
const BURST: f64 = 0.2;

/// A run through a link that has these rates from these frames on.
fn run(rates: &[(usize, Option<u64>)], frames: usize) -> LossyRun {
    let link =
        Link { delay: Duration::from_millis(30), queue: Duration::from_millis(200), ..Link::default() };
    LossyRun {
        link,
        rates: rates.to_vec(),
        frames,
        skip: FRAME_RATE,
        encoder: "bitrate=2500 layers=12".to_owned(),
        sink: "passphrase=umbrella".to_owned(),
        source: "passphrase=umbrella latency=120".to_owned(),
    }
}

fn holds(run: &LossyRun, broken_clause: impl Fn(&Outcome) -> Option<String>) {
    let clip = clip::frames(&clip::bundled("bigbuckbunny.mp4"), usize::MAX).unwrap();
    for attempt in 1..=ATTEMPTS {
        let outcome = run.run(&clip).unwrap();
        println!("{}, {:?}", outcome.score, outcome.sent);
        match broken_clause(&outcome) {
            None => return,
            Some(_) if outcome.is_disturbed && attempt < ATTEMPTS => {}
            Some(clause) => {
                panic!("{clause}; others took {:.0} % of the machine", outcome.other_work * 100.0)
            }
        }
    }
}

/// The longest freeze of these frames.
fn freeze(outcome: &Outcome, frames: std::ops::Range<usize>) -> usize {
    outcome.timeline.score(frames).unwrap().longest_freeze
}

/// Bits a second that came to the link between two frames.
fn offered(outcome: &Outcome, frames: std::ops::Range<usize>) -> f64 {
    let bytes = outcome.wire[frames.end - 1] - outcome.wire[frames.start];
    bytes as f64 * 8.0 * FRAME_RATE as f64 / (frames.len() - 1) as f64
}

/// Says where the encoder gave more than it had been told some frames before.
fn disobedience(encoded: &[Encoded]) -> Option<String> {
    let (mut told, mut units) = (None, Vec::new());
    for entry in encoded.iter().chain([&Encoded::Told(0)]) {
        match *entry {
            Encoded::Unit(bytes) => units.push(bytes),
            Encoded::Told(next) => {
                let judged = units.get(FOLLOWS..).unwrap_or_default();
                let kbit = judged.iter().sum::<usize>() as f64 * 8.0 / 1000.0;
                let seconds = judged.len() as f64 / FRAME_RATE as f64;
                if let Some(told) = told.filter(|&told| kbit > f64::from(told) * (seconds * 1.1 + BURST)) {
                    return Some(format!(
                        "the encoder gave {kbit:.0} kbit in {seconds} s where it was told {told} a second"
                    ));
                }
                units.clear();
                told = Some(next);
            }
        }
    }
    None
}

#[test]
fn a_stream_settles_under_a_bottleneck_and_comes_back_when_it_goes() {
    let (narrow, wide, end) = (5 * FRAME_RATE, 17 * FRAME_RATE, 27 * FRAME_RATE);
    holds(&run(&[(narrow, Some(BOTTLENECK)), (wide, None)], end), |outcome| {
        let (met, settled) = (narrow - WAITING, narrow + 2 * FRAME_RATE);
        let freezes = [
            (freeze(outcome, FRAME_RATE..met), 1, "before the bottleneck"),
            (freeze(outcome, met..settled), HALF_A_SECOND, "while it settles"),
            (freeze(outcome, settled..wide), 1, "under the bottleneck"),
            (freeze(outcome, wide..end), 1, "after the bottleneck"),
        ];
        let rates = [
            offered(outcome, 3 * FRAME_RATE..narrow),
            offered(outcome, settled..wide),
            offered(outcome, end - 3 * FRAME_RATE..end),
        ];
        println!("freezes {freezes:?}, bit/s on the wire before, under and after it: {rates:.0?}");
        if let Some((frames, _, when)) = freezes.iter().find(|(frames, most, _)| frames > most) {
            return Some(format!("a freeze of {frames} frames {when}"));
        }
        let [before, under, after] = rates;
        if !(0.75..=1.0).contains(&(under / BOTTLENECK as f64)) {
            return Some(format!("{under:.0} bit/s under the bottleneck"));
        }
        if after < 0.9 * before {
            return Some(format!("{after:.0} bit/s after the bottleneck, {before:.0} before"));
        }
        disobedience(&outcome.encoder)
    });
}

#[test]
fn a_stream_that_begins_at_a_bottleneck_settles_within_two_seconds() {
    let (settled, end) = (2 * FRAME_RATE, 15 * FRAME_RATE);
    holds(&run(&[(0, Some(BOTTLENECK))], end), |outcome| {
        let freezes = [freeze(outcome, 0..settled), freeze(outcome, settled..end)];
        let rate = offered(outcome, settled..end);
        println!("freezes {freezes:?}, {rate:.0} bit/s on the wire");
        let is_good = freezes[0] <= HALF_A_SECOND && freezes[1] <= 1;
        let is_used = (0.75..=1.0).contains(&(rate / BOTTLENECK as f64));
        (!is_good || !is_used).then(|| format!("freezes {freezes:?}, {rate:.0} bit/s"))
    });
}
