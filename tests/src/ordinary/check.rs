//! Whether what a player got is the clip: its pictures, its sound, both at the same time, up to the end.

use std::f64::consts::TAU;
use std::fmt;

use anyhow::{Context, Result, ensure};

use super::clip::{Clip, Flash, SOUND_RATE, TONE, TONES, time};
use super::recording::{Piece, Recording};

/// How far a flash and its tone may be apart, in seconds.
const SYNC: f64 = 0.040;
/// Flashes that a recording has at least.
const LEAST_FLASHES: usize = 4;

/// How far from its flash a tone is looked for, in seconds.
const FAR: f64 = 0.3;
/// Samples in which a tone is looked for, and how far such windows are apart.
const WINDOW: usize = SOUND_RATE as usize / 200;
const STEP: usize = SOUND_RATE as usize / 1000;
/// Windows without a tone before it begins.
const QUIET: usize = 50;
/// The amplitude of a tone that can be heard.
const LEAST_LOUDNESS: f64 = 0.05;

/// What is expected of a recording.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// Whether it has pictures.
    pub pictures: bool,
    /// Whether it has sound.
    pub sound: bool,
    /// Whether every picture is there from the first one on; where players are given fewer, and may show one again, their
    /// order counts.
    pub every: bool,
    /// So many pictures may go by before every one is there, at its time and with its tones, and sound has no holes.
    pub settles: u32,
    /// The last pictures that may be missing.
    pub tail: u32,
    /// How unevenly pictures may be shown, in seconds.
    pub uneven: f64,
    /// The longest hole or overlap between pieces of sound, in seconds.
    pub gap: f64,
    /// Luma PSNR in dB that every picture has.
    pub psnr: f64,
}

impl Expected {
    /// Pictures and sound, up to the very end.
    pub const ALL: Self = Self {
        pictures: true,
        sound: true,
        every: true,
        settles: 0,
        tail: 0,
        uneven: 0.01,
        gap: 0.03,
        psnr: 26.0,
    };
}

/// What was measured.
#[derive(Debug, Default, Clone, Copy)]
pub struct Figures {
    /// The number of the first picture.
    pub first: u32,
    /// The number of the last one.
    pub last: u32,
    /// How many came.
    pub pictures: usize,
    /// The least luma PSNR in dB.
    pub psnr: f64,
    /// How many flashes were compared with their tones.
    pub flashes: usize,
    /// How much later tones were than flashes, the least and the most, in seconds.
    pub late: (f64, f64),
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, most) = (self.late.0 * 1e3, self.late.1 * 1e3);
        if self.pictures > 0 {
            write!(
                f,
                "pictures {}..={} ({}), at least {:.1} dB, ",
                self.first, self.last, self.pictures, self.psnr
            )?;
        }
        write!(f, "{} tones, later by {least:.1} to {most:.1} ms", self.flashes)
    }
}

/// Holds a recording to the clip.
pub fn check(recording: &Recording, clip: &Clip, expected: Expected) -> Result<Figures> {
    let mut figures = Figures::default();
    if expected.pictures {
        check_pictures(recording, clip, expected, &mut figures)?;
    } else {
        ensure!(recording.pictures.is_empty(), "there are pictures");
    }
    if expected.sound {
        check_sound(recording, clip, expected, &mut figures)?;
    } else {
        ensure!(recording.sound.is_empty(), "there is sound");
    }
    Ok(figures)
}

fn check_pictures(
    recording: &Recording,
    clip: &Clip,
    expected: Expected,
    figures: &mut Figures,
) -> Result<()> {
    let pictures = &recording.pictures;
    let (first, last) = (pictures.first().context("no picture")?, pictures.last().context("no picture")?);
    *figures = Figures { first: first.number, last: last.number, pictures: pictures.len(), ..*figures };
    let settled = settled(recording, expected);
    for pair in pictures.windows(2) {
        let (before, after) = (pair[0].number, pair[1].number);
        let every = expected.every && before >= settled;
        let goes_on = if every { after == before + 1 } else { after >= before };
        ensure!(goes_on, "picture {after} came after {before}");
    }
    let mut at_its_time = pictures.iter().filter(|picture| picture.number >= settled);
    let base = at_its_time.next().with_context(|| format!("no picture from number {settled} on"))?;
    for picture in at_its_time {
        let off = picture.time - base.time - time(picture.number) + time(base.number);
        ensure!(off.abs() <= expected.uneven, "picture {} came {:.1} ms too late", picture.number, off * 1e3);
    }
    figures.psnr = pictures.iter().map(|picture| picture.psnr).fold(f64::MAX, f64::min);
    let bad = pictures.iter().find(|picture| picture.psnr < expected.psnr);
    if let Some(bad) = bad {
        anyhow::bail!("picture {} has {:.1} dB", bad.number, bad.psnr);
    }
    ensure!(last.number < clip.count(), "picture {} of {}", last.number, clip.count());
    let missing = clip.count() - 1 - last.number;
    ensure!(missing <= expected.tail, "the last {missing} pictures are missing");
    Ok(())
}

fn check_sound(recording: &Recording, clip: &Clip, expected: Expected, figures: &mut Figures) -> Result<()> {
    let (start, track) = recording.track().context("no sound")?;
    // What an encoder needs to begin with may lie before the clip, where muxers squeeze it.
    let settled = settled(recording, expected);
    let begin = recording.pictures.iter().find(|picture| expected.settles > 0 && picture.number >= settled);
    let has_settled = |piece: &Piece| begin.is_none_or(|begin| piece.time >= begin.time);
    for pair in recording.sound.windows(2).skip(2).filter(|pair| has_settled(&pair[0])) {
        let gap = pair[1].time - pair[0].time - pair[0].samples.len() as f64 / f64::from(SOUND_RATE);
        ensure!(
            gap.abs() <= expected.gap,
            "a gap of {:.1} ms in the sound at {:.2} s",
            gap * 1e3,
            pair[1].time
        );
    }
    let end = start + track.len() as f64 / f64::from(SOUND_RATE);
    let onsets = onsets(&track, start);
    let alone = if recording.pictures.is_empty() { Some(aligned(&onsets, clip)?) } else { None };
    let mut late: Vec<f64> = Vec::new();
    for flash in clip.flashes.iter().filter(|flash| flash.picture >= settled) {
        let shown = recording.pictures.iter().find(|picture| picture.number == flash.picture);
        let due = shown.map(|picture| picture.time).or(alone.map(|start| start + time(flash.picture)));
        // Nobody heard what was before the sound began or after it ended.
        let Some(due) = due.filter(|due| *due > start + 0.1 && *due < end - 2.0 * TONE) else { continue };
        let apart = |onset: &&Onset| (onset.time - due).abs();
        let near = onsets.iter().filter(|onset| onset.tone == flash.tone && apart(onset) < FAR);
        let nearest = near.min_by(|a, b| apart(a).total_cmp(&apart(b)));
        late.push(
            nearest.with_context(|| format!("the tone of picture {} is missing", flash.picture))?.time - due,
        );
    }
    figures.flashes = late.len();
    figures.late =
        (late.iter().copied().fold(f64::MAX, f64::min), late.iter().copied().fold(f64::MIN, f64::max));
    let (least, most) = figures.late;
    ensure!(late.len() >= LEAST_FLASHES, "only {} tones are heard", late.len());
    ensure!(
        least >= -SYNC && most <= SYNC,
        "tones come {:.1} to {:.1} ms after their flashes",
        least * 1e3,
        most * 1e3
    );
    let last = recording.pictures.last().map(|last| last.time - time(last.number)).or(alone);
    let silent = last.context("neither pictures nor tones")? + time(clip.count()) - end;
    ensure!(silent <= time(expected.tail) + 0.1, "the last {silent:.2} s of sound are missing");
    Ok(())
}

/// The number of the picture from which on all is as it should be.
fn settled(recording: &Recording, expected: Expected) -> u32 {
    recording.pictures.first().map_or(0, |first| first.number + expected.settles)
}

/// When a tone begins.
#[derive(Debug, Clone, Copy)]
struct Onset {
    time: f64,
    tone: f32,
}

/// All beginnings of tones in sound that starts at `start`: where five milliseconds have half of what the tone has at
/// its loudest, which is when it begins in the midst of them.
fn onsets(track: &[f32], start: f64) -> Vec<Onset> {
    let mut all = Vec::new();
    for tone in TONES {
        let loudness = loudness(track, tone);
        let loudest = loudness.iter().copied().fold(0.0, f64::max);
        let mut silent_since = 0;
        for (i, &now) in loudness.iter().enumerate() {
            if loudest < LEAST_LOUDNESS || now < loudest / 2.0 {
                continue;
            }
            if i - silent_since > QUIET {
                let time = start + (i * STEP + WINDOW / 2) as f64 / f64::from(SOUND_RATE);
                all.push(Onset { time, tone });
            }
            silent_since = i;
        }
    }
    all
}

/// The amplitude of a tone in each window of five milliseconds, one a millisecond.
fn loudness(track: &[f32], tone: f32) -> Vec<f64> {
    let turn = TAU * f64::from(tone) / f64::from(SOUND_RATE);
    let wave: Vec<(f64, f64)> = (0..WINDOW).map(|i| (turn * i as f64).sin_cos()).collect();
    let amplitude = |window: &[f32]| {
        let (mut a, mut b) = (0.0, 0.0);
        for (&sample, (sin, cos)) in window.iter().zip(&wave) {
            a += f64::from(sample) * sin;
            b += f64::from(sample) * cos;
        }
        a.hypot(b) * 2.0 / WINDOW as f64
    };
    track.windows(WINDOW).step_by(STEP).map(amplitude).collect()
}

/// When the clip would have begun on the timeline of sound without pictures: most of its tones are where they should be.
fn aligned(onsets: &[Onset], clip: &Clip) -> Result<f64> {
    let agree = |start: f64, flash: &Flash| {
        let due = start + time(flash.picture);
        onsets.iter().any(|onset| onset.tone == flash.tone && (onset.time - due).abs() < SYNC)
    };
    let starts = onsets.iter().flat_map(|onset| {
        let same = clip.flashes.iter().filter(|flash| flash.tone == onset.tone);
        same.map(|flash| onset.time - time(flash.picture))
    });
    let count = |start: f64| clip.flashes.iter().filter(|flash| agree(start, flash)).count();
    starts.max_by_key(|start| count(*start)).context("no tone is heard")
}

#[cfg(test)]
mod tests {
    use super::super::clip::{RATE, sound};
    use super::super::recording::Picture;
    use super::*;

    /// The clip from a picture on, its sound late by so many seconds.
    fn recording(clip: &Clip, from: u32, late: f64) -> Recording {
        let picture = |number| Picture { time: 7.0 + time(number), number, psnr: 40.0 };
        let skipped = (from * SOUND_RATE / RATE) as usize;
        let samples = sound(clip.count()).split_off(skipped);
        let sound = vec![Piece { time: 7.0 + time(from) + late, samples }];
        Recording { pictures: (from..clip.count()).map(picture).collect(), sound }
    }

    #[test]
    fn the_clip_itself_passes_and_its_sync_is_measured_to_a_millisecond() {
        let clip = Clip::new(8);
        for late in [-0.035, 0.0, 0.012] {
            let figures = check(&recording(&clip, 20, late), &clip, Expected::ALL).unwrap();
            assert!(
                (figures.late.0 - late).abs() < 0.0015 && (figures.late.1 - late).abs() < 0.0015,
                "{figures}"
            );
            assert_eq!((figures.first, figures.last, figures.flashes), (20, 199, 7));
        }
        let alone = Recording { pictures: Vec::new(), ..recording(&clip, 20, 0.0) };
        let figures = check(&alone, &clip, Expected { pictures: false, ..Expected::ALL }).unwrap();
        assert!(figures.late.1 - figures.late.0 < 0.002, "{figures}");
    }

    #[test]
    fn what_has_yet_to_settle_is_held_to_nothing_but_its_order() {
        let clip = Clip::new(8);
        let mut hurried = recording(&clip, 0, 0.0);
        for picture in &mut hurried.pictures[..15] {
            picture.time = 7.6 - 0.001 * f64::from(15 - picture.number);
        }
        hurried.pictures.remove(3);
        assert!(check(&hurried, &clip, Expected::ALL).is_err());
        let settles = Expected { settles: 15, ..Expected::ALL };
        assert_eq!(check(&hurried, &clip, settles).unwrap().flashes, 7);
        hurried.pictures[40].time += 0.05;
        assert!(check(&hurried, &clip, settles).unwrap_err().to_string().contains("50.0 ms too late"));
    }

    #[test]
    fn each_fault_is_found() {
        let clip = Clip::new(8);
        let fault = |change: &dyn Fn(&mut Recording)| {
            let mut recording = recording(&clip, 0, 0.0);
            change(&mut recording);
            check(&recording, &clip, Expected::ALL).unwrap_err().to_string()
        };
        assert_eq!(
            fault(&|it| {
                it.pictures.remove(50);
            }),
            "picture 51 came after 49"
        );
        assert_eq!(fault(&|it| it.pictures.truncate(190)), "the last 10 pictures are missing");
        assert_eq!(fault(&|it| it.pictures[60].psnr = 11.0), "picture 60 has 11.0 dB");
        assert!(fault(&|it| it.pictures[60].time += 0.05).contains("picture 60 came 50.0 ms too late"));
        assert!(fault(&|it| it.sound[0].time += 0.05).contains("tones come"));
        assert!(fault(&|it| it.sound[0].samples[100_000..200_000].fill(0.0)).contains("is missing"));
        assert!(fault(&|it| it.sound[0].samples.truncate(350_000)).contains("s of sound are missing"));
        assert!(fault(&|it| it.sound.clear()).contains("no sound"));
        let gap = fault(&|it| {
            let samples = it.sound[0].samples.split_off(96_000);
            let first = it.sound[0].time;
            let (middle, end) = (samples[..4800].to_vec(), samples[4800..9600].to_vec());
            it.sound.push(Piece { time: first + 2.0, samples: middle });
            it.sound.push(Piece { time: first + 2.1, samples: end });
            it.sound.push(Piece { time: first + 2.4, samples: samples[9600..].to_vec() });
        });
        assert!(gap.contains("a gap of 200.0 ms"), "{gap}");
    }
}
