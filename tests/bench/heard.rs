//! Sound as it is heard at bitrates, beside Opus, MPEG layer II and SBC.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use fql_tests::clip::bundled;

use crate::effort::Effort;
use crate::ffmpeg::{ffmpeg, packet_bytes};
use crate::ours_sound::{Layout, Sound, bytes};
use crate::peaq::{Grade, grade};
use crate::plot::{Axis, Line, Plot};
use crate::processes::run;
use crate::report::Report;
use crate::synthetic;
use crate::targets::{self, Met, Target};

const LAYOUT: Layout = Layout { rate: 48_000, channels: 2, bits: 16 };
/// The largest delay that a peer's decoder leaves in, in samples.
const MOST_DELAY: usize = 1_024;
/// Full scale.
const FULL: f64 = 32_768.0;

/// Where a piece comes from.
#[derive(Debug, Clone, Copy)]
enum Source {
    /// The sound of the bundled clip.
    Clip,
    /// A piece of music, played by a synthesizer from recorded instruments: never compressed before.
    Played(&'static str),
    /// Made up, by its place among the synthetic sounds.
    MadeUp(usize),
}

/// The pieces; a quick run takes every third, for which no synthesizer is needed.
const PIECES: [(&str, Source); 8] = [
    ("bigbuckbunny", Source::Clip),
    ("a small band", Source::Played("chemistry_lab")),
    ("a loud band", Source::Played("city_blues_redfarn")),
    ("castanets", Source::MadeUp(0)),
    ("a harp", Source::Played("harp_harmony")),
    ("pipes", Source::MadeUp(1)),
    ("bells", Source::MadeUp(2)),
    ("applause", Source::MadeUp(3)),
];

/// A codec at a bitrate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contender {
    Ours(u64),
    Opus(u64),
    LayerTwo(u64),
    Sbc(u64),
}

use Contender::{LayerTwo, Opus, Ours, Sbc};

/// All of them, at bits a second.
const CONTENDERS: [Contender; 15] = [
    Ours(48_000),
    Ours(64_000),
    Ours(96_000),
    Ours(128_000),
    Ours(160_000),
    Opus(32_000),
    Opus(48_000),
    Opus(64_000),
    Opus(96_000),
    Opus(128_000),
    LayerTwo(96_000),
    LayerTwo(160_000),
    LayerTwo(256_000),
    Sbc(96_000),
    Sbc(256_000),
];

/// A quick run takes only what a target needs.
fn contenders(effort: &Effort) -> impl Iterator<Item = Contender> {
    let is_needed = |contender: &Contender| {
        matches!(contender, Ours(96_000) | Opus(64_000) | LayerTwo(96_000) | Sbc(96_000))
    };
    let all = effort.thinning == 1;
    CONTENDERS.into_iter().filter(move |contender| all || is_needed(contender))
}

/// What a contender made of a piece.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    contender: Contender,
    kbits: f64,
    grade: Grade,
}

/// Measures all contenders on all pieces.
pub fn measure(folder: &Path, effort: &Effort, report: &mut Report) -> Result<()> {
    let mut pieces = Vec::new();
    for (name, source) in PIECES.iter().step_by(effort.thinning) {
        eprintln!("sound: {name} as it is heard");
        let sound = source.sound(folder, effort.sound_seconds).context(*name)?;
        let outcomes: Result<Vec<_>> =
            contenders(effort).map(|contender| contender.outcome(&sound, folder)).collect();
        pieces.push((*name, outcomes.context(*name)?));
    }
    say(&pieces, effort, report);
    report.targets.extend([
        met(targets::HEARD_BESIDE_OPUS, &pieces, Opus(64_000)),
        met(targets::HEARD_BESIDE_LAYER_TWO, &pieces, LayerTwo(96_000)),
        met(targets::HEARD_BESIDE_SBC, &pieces, Sbc(96_000)),
    ]);
    Ok(())
}

type Pieces = [(&'static str, Vec<Outcome>)];

/// How many grades ours at 96 kbit/s is above a peer, mean over all pieces.
fn met(target: Target, pieces: &Pieces, peer: Contender) -> Met {
    let [ours, theirs] = [Ours(96_000), peer].map(|contender| mean(pieces, contender).1);
    target.beside(ours - theirs, format!("{}: {theirs:.2}, {}: {ours:.2}", peer.name(), Ours(96_000).name()))
}

/// Mean kbit/s and grade over all pieces.
fn mean(pieces: &Pieces, contender: Contender) -> (f64, f64) {
    let of = |value: &dyn Fn(&Outcome) -> f64| {
        let outcomes = pieces.iter().flat_map(|(_, outcomes)| outcomes);
        let values: Vec<f64> = outcomes.filter(|outcome| outcome.contender == contender).map(value).collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    (of(&|outcome| outcome.kbits), of(&|outcome| outcome.grade.difference))
}

fn say(pieces: &Pieces, effort: &Effort, report: &mut Report) {
    report.say(&format!(
        "How much worse than the source it is heard to be, {} s of each piece in stereo at 48 kHz: the objective difference \
         grade of ITU-R BS.1387 (PEAQ, basic version; `tests/bench/peaq`), 0 for no difference that is heard, -1 not \
         annoying, -2 slightly annoying, -3 annoying, -4 very annoying, and in brackets noise over mask in dB, mean \
         over bands and frames. It was made for exactly this question, codecs of music near transparency, its \
         constants come from listening tests, and none of it is in the encoder. kbit/s are those of packets, ours with \
         the parameters; all keep their rate from frame to frame (Opus: `-vbr off`, 20 ms, the others as ffmpeg has \
         them; layer II is twolame's).",
        effort.sound_seconds
    ));
    let mut columns = vec!["codec, kbit/s".to_owned(), "coded".to_owned(), "mean".to_owned()];
    columns.extend(pieces.iter().map(|(name, _)| (*name).to_owned()));
    let row = |contender: Contender| {
        let (kbits, difference) = mean(pieces, contender);
        let mut row = vec![contender.name(), format!("{kbits:.0}"), format!("{difference:.2}")];
        let outcomes = pieces.iter().flat_map(|(_, outcomes)| outcomes);
        row.extend(outcomes.filter(|outcome| outcome.contender == contender).map(|outcome| {
            let Grade { difference, noise_to_mask } = outcome.grade;
            format!("{difference:.2} ({noise_to_mask:.0})")
        }));
        row
    };
    report.wide_table(columns, contenders(effort).map(row));
    let line = |name: &str, of: &dyn Fn(Contender) -> bool| {
        let points = contenders(effort).filter(|contender| of(*contender));
        Line::new(name, points.map(|contender| mean(pieces, contender)).collect())
    };
    let plot = Plot {
        title: "Sound as it is heard, mean over all pieces".to_owned(),
        x: Axis::log("kbit/s"),
        y: Axis::linear("objective difference grade"),
        lines: vec![
            line("FQL", &|contender| matches!(contender, Ours(_))),
            line("Opus", &|contender| matches!(contender, Opus(_))),
            line("layer II", &|contender| matches!(contender, LayerTwo(_))),
            line("SBC", &|contender| matches!(contender, Sbc(_))),
        ],
    };
    report.show("bench-heard", "Bitrate against the objective difference grade", plot.svg());
}

impl Source {
    fn sound(self, folder: &Path, seconds: usize) -> Result<Sound> {
        let made = |samples: Vec<i32>| Sound { layout: LAYOUT, samples };
        match self {
            Self::MadeUp(which) => Ok(made(synthetic::all(seconds)[which].1.clone())),
            Self::Clip => read(&bundled("bigbuckbunny.mp4"), "0", seconds),
            Self::Played(piece) => {
                let file = folder.join("piece.wav");
                let score = format!("/usr/share/games/openttd/baseset/openmsx/{piece}.mid");
                let mut play = Command::new("fluidsynth");
                play.args(["-ni", "-q", "-g", "0.7", "-r", "48000", "-O", "float", "-T", "wav", "-F"])
                    .arg(&file);
                play.args(["/usr/share/sounds/sf2/TimGM6mb.sf2", &score]);
                run(&mut play)
                    .context("Debian's fluidsynth, timgm6mb-soundfont and openttd-openmsx are needed")?;
                read(&file, "10", seconds)
            }
        }
    }
}

/// So many seconds of a file's sound.
fn read(file: &Path, from: &str, seconds: usize) -> Result<Sound> {
    let seconds = seconds.to_string();
    let raw = ffmpeg().args(["-ss", from, "-t", &seconds, "-i"]).arg(file);
    let raw = raw.args(["-vn", "-ac", "2", "-ar", "48000", "-f", "s16le", "pipe:1"]).run()?;
    Ok(LAYOUT.parse(&raw))
}

impl Contender {
    fn name(self) -> String {
        let (name, bits) = match self {
            Ours(bits) => ("FQL", bits),
            Opus(bits) => ("Opus", bits),
            LayerTwo(bits) => ("layer II", bits),
            Sbc(bits) => ("SBC", bits),
        };
        format!("{name} {}", bits / 1000)
    }

    fn outcome(self, sound: &Sound, folder: &Path) -> Result<Outcome> {
        let (coded, decoded) = match self {
            Ours(bits) => {
                let units = sound.encode(Some(bits))?;
                (bytes(&units, u8::MAX), LAYOUT.decode(&units, u8::MAX)?)
            }
            Opus(bits) => peer(sound, folder, "ogg", &["libopus", "-vbr", "off"], bits)?,
            LayerTwo(bits) => peer(sound, folder, "mp2", &["libtwolame"], bits)?,
            Sbc(bits) => peer(sound, folder, "sbc", &["sbc"], bits)?,
        };
        let [source, decoded] = in_time(&channels(sound), &channels(&decoded))?;
        let grade = grade(&source, &decoded).with_context(|| self.name())?;
        Ok(Outcome { contender: self, kbits: coded as f64 * 8e-3 / sound.seconds(), grade })
    }
}

/// Bytes and sound of a codec of ffmpeg.
fn peer(sound: &Sound, folder: &Path, container: &str, codec: &[&str], bits: u64) -> Result<(usize, Sound)> {
    let (raw, coded) = (folder.join("heard.raw"), folder.join(format!("heard.{container}")));
    let samples: Vec<u8> = sound.samples.iter().flat_map(|sample| (*sample as i16).to_le_bytes()).collect();
    std::fs::write(&raw, samples)?;
    let input = ffmpeg().args(["-f", "s16le", "-ar", "48000", "-ac", "2", "-i"]).arg(&raw);
    let bits = bits.to_string();
    input.args(["-c:a"]).args(codec.iter().copied()).args(["-b:a", &bits]).arg(&coded).run()?;
    let decoded =
        ffmpeg().arg("-i").arg(&coded).args(["-f", "s16le", "-ar", "48000", "-ac", "2", "pipe:1"]).run()?;
    Ok((packet_bytes(&coded)?, LAYOUT.parse(&decoded)))
}

/// Samples between -1 and 1, the channels apart.
type Channels = Vec<Vec<f64>>;

/// The channels apart.
fn channels(sound: &Sound) -> Channels {
    let count = usize::from(sound.layout.channels);
    let channel =
        |c: usize| sound.samples.iter().skip(c).step_by(count).map(|v| f64::from(*v) / FULL).collect();
    (0..count).map(channel).collect()
}

/// Both from the same moment on and of the same length: some decoders leave their delay in.
fn in_time(source: &[Vec<f64>], decoded: &[Vec<f64>]) -> Result<[Channels; 2]> {
    let len = source[0].len().min(decoded[0].len());
    ensure!(len > 4 * MOST_DELAY, "{len} samples are too few to find a delay in");
    // Where it is loudest.
    let window = 2 * MOST_DELAY;
    let energy =
        |from: usize| source.iter().flat_map(|c| &c[from..from + window]).map(|v| v * v).sum::<f64>();
    let at = (0..len - window - MOST_DELAY).step_by(window).max_by(|a, b| energy(*a).total_cmp(&energy(*b)));
    let at = at.unwrap_or(0);
    let likeness = |delay: usize| -> f64 {
        let pairs = source
            .iter()
            .zip(decoded)
            .map(|(a, b)| (&a[at..at + window], &b[at + delay..at + delay + window]));
        pairs.flat_map(|(a, b)| a.iter().zip(b)).map(|(a, b)| a * b).sum()
    };
    let delay = (0..MOST_DELAY).max_by(|a, b| likeness(*a).total_cmp(&likeness(*b))).unwrap_or(0);
    let len = source[0].len().min(decoded[0].len() - delay);
    let source = source.iter().map(|channel| channel[..len].to_vec()).collect();
    let decoded = decoded.iter().map(|channel| channel[delay..delay + len].to_vec()).collect();
    Ok([source, decoded])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_found_and_taken_out() {
        let source: Vec<Vec<f64>> = (0..2)
            .map(|c| (0..10_000u64).map(|t| (t * t * 31 % (97 + c)) as f64 / 200.0 - 0.25).collect())
            .collect();
        let late: Vec<Vec<f64>> = source.iter().map(|c| [&vec![0.0; 481], c.as_slice()].concat()).collect();
        let [first, second] = in_time(&source, &late).unwrap();
        assert!(first == second && first[0].len() == 10_000);
        assert!(in_time(&[vec![0.0; 100]], &[vec![0.0; 100]]).is_err());
    }

    #[test]
    fn more_bits_are_heard_to_be_better_with_the_peers_too() {
        let folder = crate::processes::Folder::new().unwrap();
        let sound = Source::MadeUp(1).sound(folder.path(), 1).unwrap();
        let difference =
            |contender: Contender| contender.outcome(&sound, folder.path()).unwrap().grade.difference;
        let opus = [32_000, 64_000, 128_000].map(|bits| difference(Opus(bits)));
        assert!(opus.is_sorted() && opus[2] > opus[0] + 1.0, "{opus:?}");
        assert!(difference(LayerTwo(256_000)) > difference(LayerTwo(96_000)) + 1.0);
    }
}
