//! Sounds that are hard to code, made up: attacks out of silence, tones of many harmonics, noise.
//!
//! Stereo of 16 bits at 48 kHz, the same on every run.

use std::f64::consts::TAU;

const RATE: usize = 48_000;

/// A sound with its name.
pub type Named = (&'static str, Vec<i32>);

/// All of them, so many seconds of each.
pub fn all(seconds: usize) -> [Named; 4] {
    let len = seconds * RATE;
    [
        ("castanets", samples(&castanets(len))),
        ("pipes", samples(&pipes(len))),
        ("bells", samples(&bells(len))),
        ("applause", samples(&applause(len))),
    ]
}

/// A sample of the left and of the right.
type Stereo = [f64; 2];

/// Loud, but without clipping.
fn samples(sound: &[Stereo]) -> Vec<i32> {
    let most = sound.iter().flatten().fold(0f64, |most, value| most.max(value.abs()));
    sound.iter().flatten().map(|value| (24_000.0 * value / most).round() as i32).collect()
}

/// Pseudo-random numbers.
struct Random(u64);

impl Random {
    /// Between -1 and 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from((self.0 >> 32) as i32) / f64::from(1u32 << 31)
    }

    /// Between 0 and 1.
    fn part(&mut self) -> f64 {
        self.next().abs()
    }
}

/// Adds a sound from a moment on, at a place between left (0) and right (1).
fn add(to: &mut [Stereo], from: usize, place: f64, sound: impl Iterator<Item = f64>) {
    let gains = [(1.0 - place).sqrt(), place.sqrt()];
    for (sample, value) in to.iter_mut().skip(from).zip(sound) {
        for (channel, gain) in sample.iter_mut().zip(gains) {
            *channel += gain * value;
        }
    }
}

/// Two pairs of castanets: wood that is struck, slowly and in rolls, dry.
fn castanets(len: usize) -> Vec<Stereo> {
    let (mut sound, mut random) = (vec![[0.0; 2]; len], Random(1));
    let (mut at, mut stroke) = (4_000, 0);
    while at < len {
        let roll = stroke % 16 >= 10;
        let (wood, place) = if stroke % 2 == 0 { (1_900.0, 0.3) } else { (2_450.0, 0.75) };
        let level = 0.5 + 0.5 * random.part();
        let strike: Vec<f64> = (0..2_400)
            .map(|t| {
                let time = t as f64 / RATE as f64;
                let ring = (-time / 0.006).exp()
                    * ((TAU * wood * time).sin() + 0.6 * (TAU * wood * 2.76 * time).sin());
                level * (0.7 * ring + (-time / 0.002).exp() * random.next())
            })
            .collect();
        add(&mut sound, at, place, strike.into_iter());
        at += if roll { 3_100 } else { 14_000 } + (800.0 * random.part()) as usize;
        stroke += 1;
    }
    sound
}

/// Held chords of reeds: thirty harmonics each, a slow tremolo, each note at its own place.
fn pipes(len: usize) -> Vec<Stereo> {
    let mut sound = vec![[0.0; 2]; len];
    let chord_len = 2 * RATE;
    for chord in 0..len.div_ceil(chord_len) {
        for (note, place) in [(0, 0.2), (4, 0.5), (7, 0.8), (12, 0.4)] {
            let hertz = 196.0 * 2f64.powf((note + [0, 5, 7, 3][chord % 4]) as f64 / 12.0);
            let value = |t: usize| {
                let time = t as f64 / RATE as f64;
                let swell = (time / 0.05).min(1.0) * ((chord_len - t) as f64 / 2_400.0).min(1.0);
                let phase = TAU * hertz * time + 0.3 * (TAU * 5.5 * time).sin();
                let reed: f64 = (1..=30).map(|k| (f64::from(k) * phase).sin() / f64::from(k)).sum();
                swell * (1.0 + 0.1 * (TAU * 4.1 * time + place).sin()) * reed
            };
            add(&mut sound, chord * chord_len, place, (0..chord_len).map(value));
        }
    }
    sound
}

/// Small bells: tones without harmony that start at once and ring long.
fn bells(len: usize) -> Vec<Stereo> {
    let (mut sound, mut random) = (vec![[0.0; 2]; len], Random(3));
    let mut at = 2_000;
    while at < len {
        let hertz = 1_050.0 * 2f64.powf((random.part() * 18.0).floor() / 12.0);
        let place = random.part();
        let value = move |t: usize| {
            let time = t as f64 / RATE as f64;
            let partials = [(1.0, 1.0, 0.9), (2.76, 0.5, 0.4), (5.40, 0.25, 0.15), (8.93, 0.1, 0.08)];
            partials
                .iter()
                .map(|(ratio, level, ring)| level * (-time / ring).exp() * (TAU * hertz * ratio * time).sin())
                .sum::<f64>()
        };
        add(&mut sound, at, place, (0..2 * RATE).map(value));
        at += 6_000 + (9_000.0 * random.part()) as usize;
    }
    sound
}

/// Many hands in a hall: dense claps from all sides over noise of its own on either side.
fn applause(len: usize) -> Vec<Stereo> {
    let (mut sound, mut random) = (vec![[0.0; 2]; len], Random(4));
    let mut low = [0.0; 2];
    for sample in &mut sound {
        for (channel, low) in sample.iter_mut().zip(&mut low) {
            *low = 0.9 * *low + 0.1 * random.next();
            *channel = 0.3 * *low;
        }
    }
    let mut at = 0;
    while at < len {
        let level = 0.15 + random.part().powi(3);
        let (place, tone) = (random.part(), 0.3 + 0.5 * random.part());
        let mut smooth = 0.0;
        let clap: Vec<f64> = (0..960)
            .map(|t| {
                smooth += tone * (random.next() - smooth);
                level * (-(t as f64) / 200.0).exp() * smooth
            })
            .collect();
        add(&mut sound, at, place, clap.into_iter());
        at += 100 + (1_300.0 * random.part()) as usize;
    }
    sound
}
