//! A bitrate for live streams: constant quality as far as a leaky bucket allows.
//!
//! Bytes of a frame are nearly a power of its interval: `log2 bytes = complexity - steepness * log2 interval`, with a
//! complexity that each kind of frame has of its own and that changes slowly. So one interval is chosen for all
//! predicted frames up to the next key frame, such that they and the key frame take what the bitrate brings until
//! then; what the bucket is off its course is made up for over several frames (as in x264's average bitrate; L.
//! Merritt and R. Vanam, "Improved rate control and motion estimation for H.264 encoder", 2007).
//!
//! The course of the bucket: a key frame takes what predicted frames have left since the last one, in equal parts. What
//! the bucket holds beyond that is kept half full, for scenes that change.

use super::{Coded, Goal, Live, Rate};
use crate::bucket::Bucket;

/// By how many octaves the intervals of key frames are shorter.
const FINER: f64 = 1.5;
/// `log2 bytes` over `-log2 interval`.
const KEY_STEEPNESS: f64 = 1.05;
const PREDICTED_STEEPNESS: f64 = 1.2;
/// Over how many frames the bucket comes back to its course.
const REACTION: f64 = 8.0;
/// The longest course for which frames save, in frames.
const LONGEST_COURSE: u32 = 50;
/// Intervals change by no more octaves from frame to frame, where the bitrate does not.
const STEP: f64 = 0.25;
/// The same while only a few frames have shown what they take.
const FIRST_STEP: f64 = 1.0;
const FEW_FRAMES: u32 = 8;
/// By how many octaves predicted frames are first tried finer than the key frame before them, which the bucket bounds.
const FIRST_FINER: f64 = 1.0;
/// What a key frame is expected to take at most, of what the bucket holds.
const KEY_SHARE: f64 = 0.95;
/// The share of the bucket that a predicted frame may take where the scene changes.
const CHANGE_SHARE: f64 = 0.6;
/// A predicted frame may be so many times its share without being coarser than the others.
const TOLERANCE: f64 = 2.5;
/// The shortest and the longest interval, in octaves of 1/256 of a sample's unit.
const INTERVALS: (f64, f64) = (9.0, 23.0);

/// Turns a bitrate into a [`Rate`] for each frame. No frame exceeds what a leaky bucket holds, 200 ms of the bitrate or
/// less, so that none is late; within that bound the quality is constant rather than the bytes.
#[derive(Debug, Clone)]
pub struct RateControl {
    bucket: Bucket,
    /// Frames from one key frame to the next.
    key_interval: u32,
    /// Frames since the last key frame, that one included; 0 before the first.
    since_key: u32,
    key: Complexity,
    predicted: Complexity,
    /// The logarithm of the interval of predicted frames, once there is one.
    interval: Option<f64>,
}

/// How many bytes frames of a kind take.
#[derive(Debug, Clone)]
struct Complexity {
    steepness: f64,
    /// The logarithm of the bytes with an interval of 1, once a frame has shown it.
    log: Option<f64>,
    /// How much the newest frame counts.
    newest: f64,
    frames: u32,
}

impl Complexity {
    fn new(steepness: f64, newest: f64) -> Self {
        Self { steepness, log: None, newest, frames: 0 }
    }

    fn learn(&mut self, coded: Coded) {
        let log =
            (coded.bytes.max(1) as f64).log2() + self.steepness * f64::from(coded.interval.max(1)).log2();
        self.frames = self.frames.saturating_add(1);
        let weight = self.newest.max(1.0 / f64::from(self.frames));
        // One frame of another scene says little of those around it.
        self.log = Some(self.log.map_or(log, |old| old + (log - old).clamp(-2.0, 2.0) * weight));
    }

    /// Bytes with an interval, both as logarithms.
    fn bytes(&self, interval: f64) -> Option<f64> {
        Some(self.log? - self.steepness * interval)
    }

    /// The interval with which a frame has so many bytes.
    fn interval(&self, bytes: f64) -> Option<f64> {
        Some((self.log? - bytes.max(1.0).log2()) / self.steepness)
    }
}

/// Where the bucket should be when a frame is coded, and what predicted frames take until the next key frame.
#[derive(Debug, Clone, Copy)]
struct Course {
    level: f64,
    share: f64,
}

impl RateControl {
    /// A rate in kbit/s of all segments of the units; 0 for the whole ladder whatever it takes. Every frame is taken
    /// for a key frame until [`set_key_interval`](Self::set_key_interval) says how many are.
    pub fn new(kbit_per_second: u32) -> Self {
        Self {
            bucket: Bucket::full(u64::from(kbit_per_second) * 1000),
            key_interval: 1,
            since_key: 0,
            key: Complexity::new(KEY_STEEPNESS, 0.5),
            predicted: Complexity::new(PREDICTED_STEEPNESS, 0.2),
            interval: None,
        }
    }

    /// Changes the rate from the next frame on.
    pub fn set_kbit_per_second(&mut self, kbit_per_second: u32) {
        self.set_bits_per_second(u64::from(kbit_per_second) * 1000);
    }

    /// Changes the rate from the next frame on, in bit/s.
    pub fn set_bits_per_second(&mut self, bits_per_second: u64) {
        let change = bits_per_second.max(1) as f64 / self.bucket.bits_per_second().max(1) as f64;
        self.interval = self.interval.map(|interval| interval - change.log2() / PREDICTED_STEEPNESS);
        self.bucket.set_bits_per_second(bits_per_second);
    }

    /// Changes how long the bitrate may take to bring what one frame takes, in nanoseconds; at most 200 ms.
    pub fn set_longest_burst(&mut self, nanoseconds: u64) {
        self.bucket.set_burst(nanoseconds);
    }

    /// Says how many frames there are from one key frame to the next; 1 where all are key frames.
    pub fn set_key_interval(&mut self, frames: u32) {
        self.key_interval = frames.max(1);
    }

    /// What the next frame should be, which lasts for `duration` nanoseconds; 0 where that is not known.
    pub fn next(&mut self, duration: u64) -> Rate {
        if self.bucket.bits_per_second() == 0 {
            return Rate::WholeLadder;
        }
        let own = self.bucket.add(duration) as f64;
        let (depth, available) = (self.bucket.depth() as f64, self.bucket.available() as f64);
        let course = self.course(own, depth);
        let aim = course.share + (available - course.level) / REACTION;
        let aim = aim.clamp(course.share / 3.0, course.share * 3.0);
        let live = if self.key_interval == 1 { self.all_key(aim) } else { self.mixed(aim, available) };
        Rate::Live(Live { most: (available as usize).max(1), ..live })
    }

    /// Says what became of it.
    pub fn spent(&mut self, coded: Coded) {
        self.bucket.take(coded.bytes as u64);
        self.since_key = if coded.key { 1 } else { self.since_key.saturating_add(1) };
        let kind = if coded.key { &mut self.key } else { &mut self.predicted };
        kind.learn(coded);
        if self.interval.is_none() || (coded.key && self.predicted.log.is_none()) {
            self.interval = Some(f64::from(coded.interval.max(1)).log2() - FIRST_FINER);
        }
    }

    fn course(&self, own: f64, depth: f64) -> Course {
        let frames = self.key_interval.min(LONGEST_COURSE);
        let most = (depth * KEY_SHARE).max(own);
        let key = match self.interval.and_then(|interval| self.key.bytes(interval - FINER)) {
            _ if frames == 1 => own,
            Some(log) => log.exp2().clamp(own, most),
            None => most,
        };
        let saving = (key - own) / f64::from(frames.saturating_sub(1).max(1));
        let passed = self.since_key.clamp(1, frames) - 1;
        // Beyond the longest course everything is saved already.
        let saving_now = if passed + 1 < frames { saving } else { 0.0 };
        let level = own + saving * f64::from(passed) + (depth - key) / 2.0;
        Course { level, share: (own - saving_now).max(own / 4.0) }
    }

    /// Where every frame is a key frame.
    fn all_key(&self, aim: f64) -> Live {
        let interval = self.key.interval(aim);
        let goal = Goal {
            interval: rounded(interval.unwrap_or(0.0)),
            bytes: bytes(aim * interval.map_or(1.0, |_| TOLERANCE)),
        };
        Live { key: goal, predicted: goal, most: 0 }
    }

    fn mixed(&mut self, aim: f64, available: f64) -> Live {
        let step = if self.predicted.frames < FEW_FRAMES { FIRST_STEP } else { STEP };
        let wanted = self.predicted.interval(aim).or(self.interval);
        let interval = match (self.interval, wanted) {
            (Some(old), Some(new)) => Some(new.clamp(old - step, old + step).clamp(INTERVALS.0, INTERVALS.1)),
            _ => None,
        };
        self.interval = interval.or(self.interval);
        let change = match self.predicted.log {
            Some(_) => (available * CHANGE_SHARE).max(aim * TOLERANCE),
            None => aim,
        };
        Live {
            key: Goal {
                interval: rounded(interval.map_or(0.0, |log| log - FINER)),
                bytes: bytes(available * KEY_SHARE),
            },
            predicted: Goal { interval: rounded(interval.unwrap_or(0.0)), bytes: bytes(change) },
            most: 0,
        }
    }
}

/// An interval from its logarithm.
fn rounded(interval: f64) -> u32 {
    interval.exp2() as u32
}

fn bytes(bytes: f64) -> usize {
    (bytes as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: u64 = 40_000_000;

    /// Frames whose bytes are a power of their interval, as an encoder with a good model would code them.
    struct Scene {
        key: f64,
        predicted: f64,
    }

    impl Scene {
        /// Takes the bytes of a key frame and of others, both with an interval of 16 samples' units.
        fn new(key: f64, predicted: f64) -> Self {
            Self { key, predicted }
        }

        fn code(&self, rate: Rate, key: bool) -> Coded {
            let Rate::Live(live) = rate else { panic!("{rate:?} is not a bitrate") };
            let (at_16, steepness) = if key { (self.key, 1.0) } else { (self.predicted, 1.4) };
            let goal = live.goal(key);
            let bytes = |interval: f64| at_16 * (4096.0 / interval).powf(steepness);
            let least = 4096.0 * (at_16 / goal.bytes.min(live.most) as f64).powf(1.0 / steepness);
            let interval = f64::from(goal.interval.max(512)).max(least).ceil();
            Coded { key, bytes: bytes(interval) as usize, interval: interval as u32 }
        }
    }

    /// A control with what it gave.
    struct Run {
        control: RateControl,
        coded: Vec<Coded>,
    }

    impl Run {
        fn new(kbits: u32, key_interval: u32) -> Self {
            let mut control = RateControl::new(kbits);
            control.set_key_interval(key_interval);
            Self { control, coded: Vec::new() }
        }

        /// Codes so many frames, and holds each against the bucket as a receiver would.
        fn film(&mut self, scene: &Scene, frames: usize) -> &[Coded] {
            let first = self.coded.len();
            for _ in 0..frames {
                let key = self.coded.len().is_multiple_of(self.control.key_interval as usize);
                let rate = self.control.next(FRAME);
                let coded = scene.code(rate, key);
                assert!(coded.bytes <= rate.most());
                self.control.spent(coded);
                self.coded.push(coded);
            }
            &self.coded[first..]
        }
    }

    fn sum(coded: &[Coded]) -> usize {
        coded.iter().map(|coded| coded.bytes).sum()
    }

    fn octaves(a: u32, b: u32) -> f64 {
        (f64::from(a) / f64::from(b)).log2()
    }

    #[test]
    fn a_bitrate_is_used_and_no_burst_is_longer_than_200_ms() {
        for (kbits, key_interval) in [(500, 25), (2_000, 25), (2_000, 50), (2_000, 1), (8_000, 250)] {
            let mut run = Run::new(kbits, key_interval);
            let second = kbits as usize * 125;
            run.film(&Scene::new(30_000.0, 4_000.0), 500);
            let used = sum(&run.coded[250..]) as f64 / (10 * second) as f64;
            assert!(
                (0.96..1.03).contains(&used),
                "{used} of {kbits} kbit/s, key frames every {key_interval}"
            );
            for from in 0..500 {
                for frames in [1, 3, 10, 100] {
                    let to = (from + frames).min(500);
                    let most = second / 5 + (to - from) * second / 25;
                    assert!(sum(&run.coded[from..to]) <= most, "{from} to {to} with {kbits} kbit/s");
                }
            }
        }
    }

    #[test]
    fn intervals_stay_alike_between_key_frames_which_are_finer() {
        let mut run = Run::new(2_000, 25);
        let coded = run.film(&Scene::new(10_000.0, 6_000.0), 200)[100..].to_vec();
        let (keys, others): (Vec<Coded>, Vec<Coded>) = coded.iter().partition(|coded| coded.key);
        for other in &others {
            assert!(octaves(other.interval, others[0].interval).abs() < 0.2, "{other:?} {:?}", others[0]);
        }
        for key in keys {
            let finer = octaves(others[0].interval, key.interval);
            assert!((1.3..1.7).contains(&finer), "{finer}: {key:?} {:?}", others[0]);
            assert!(key.bytes > 30_000, "{key:?}");
        }
    }

    #[test]
    fn a_scene_change_is_not_late_and_soon_over() {
        let mut run = Run::new(2_000, 50);
        run.film(&Scene::new(20_000.0, 1_000.0), 110);
        let before = run.coded[109];
        // A predicted frame of another scene takes what a key frame would.
        let change = run.film(&Scene::new(90_000.0, 60_000.0), 1)[0];
        assert!(change.bytes > 15_000 && change.bytes <= 50_000, "{change:?}");
        let after = run.film(&Scene::new(20_000.0, 1_000.0), 10).to_vec();
        for frame in &after {
            assert!(octaves(frame.interval, before.interval) < 1.0, "{frame:?} after {before:?}");
        }
    }

    #[test]
    fn another_bitrate_is_followed_within_three_frames() {
        for (before, after) in [(2_000, 1_000), (4_000, 800), (1_000, 3_000)] {
            let mut run = Run::new(before, 25);
            run.film(&Scene::new(20_000.0, 3_000.0), 105);
            run.control.set_kbit_per_second(after);
            let share = after as usize * 5;
            let coded = run.film(&Scene::new(20_000.0, 3_000.0), 10);
            for coded in &coded[2..] {
                let used = coded.bytes as f64 / share as f64;
                assert!((0.4..1.3).contains(&used), "{used} of {after} kbit/s after {before}");
            }
        }
    }

    #[test]
    fn a_shorter_burst_makes_smaller_key_frames() {
        let mut run = Run::new(2_000, 25);
        run.control.set_longest_burst(100_000_000);
        run.film(&Scene::new(40_000.0, 3_000.0), 100);
        assert!(run.coded.iter().all(|coded| coded.bytes <= 25_000));
        assert!(run.coded[75].bytes > 15_000, "{:?}", run.coded[75]);
    }

    #[test]
    fn without_a_bitrate_it_is_the_whole_ladder_and_absurd_ones_do_no_harm() {
        let mut control = RateControl::new(0);
        assert_eq!(control.next(FRAME), Rate::WholeLadder);
        for bits in [1, u64::MAX, 0, 5] {
            control.set_bits_per_second(bits);
            for (duration, interval) in [(0, 0), (u64::MAX, u32::MAX), (1, 1)] {
                control.set_key_interval(interval);
                control.set_longest_burst(duration);
                for bytes in [0, 1, usize::MAX] {
                    let rate = control.next(duration);
                    assert!(bits == 0 || rate.most() >= 1, "{rate:?}");
                    control.spent(Coded { key: bytes == 1, bytes, interval: bytes as u32 });
                }
            }
        }
    }
}
