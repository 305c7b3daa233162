//! Sound: each layer, bitrates, lossless size and speed beside FLAC, and how it is heard.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use fql_tests::clip::bundled;

use crate::clips::Clips;
use crate::effort::Effort;
use crate::ffmpeg::{ffmpeg, packet_bytes};
use crate::heard;
use crate::ours_sound::{LAYERS, Layout, Sound, bytes};
use crate::plot::{Axis, Line, Plot};
use crate::race::{Clock, Contender, race, reading, worker};
use crate::report::Report;
use crate::targets;

/// Bits a second.
const RATES: [u64; 7] = [32_000, 64_000, 96_000, 128_000, 192_000, 256_000, 320_000];
/// FLAC's level of compression.
const FLAC_LEVEL: &str = "5";

/// The clip's sound in one layout.
struct Piece {
    name: &'static str,
    layout: Layout,
}

const PIECES: [Piece; 3] = [
    Piece::new("stereo, 16 bits", 2, 16),
    Piece::new("stereo, 24 bits", 2, 24),
    Piece::new("5.1, 16 bits", 6, 16),
];

/// Measures the clip's sound.
pub fn measure(clips: &Clips, effort: &Effort) -> Result<Report> {
    let mut report = Report::default();
    report.say(&format!(
        "The sound of bigbuckbunny at 48 kHz without loss, beside `flac -{FLAC_LEVEL}` by ffmpeg, its packets alone. Speeds are \
         times real time, of user time on one thread, over {} times the clip.",
        effort.sound_repeats
    ));
    let (mut rows, mut worst) = (Vec::new(), 0f64);
    for piece in PIECES.iter().step_by(effort.thinning) {
        eprintln!("sound: {}", piece.name);
        let (times, both) = piece.rows(&clips.folder, effort)?;
        worst = worst.max(times);
        rows.extend(both);
    }
    report.targets.push(targets::LOSSLESS_SOUND.measured(worst));
    report.table(["sound", "codec", "kbit/s", "times FLAC", "encoding", "times", "decoding", "times"], rows);
    curves(&PIECES[0], &clips.folder, effort, &mut report)?;
    heard::measure(&clips.folder, effort, &mut report)?;
    Ok(report)
}

impl Piece {
    const fn new(name: &'static str, channels: u8, bits: u8) -> Self {
        Self { name, layout: Layout { rate: 48_000, channels, bits } }
    }

    /// As the command lines of all say it: rate, channels, and format of the samples.
    fn options(&self) -> [String; 3] {
        let Layout { rate, channels, bits } = self.layout;
        [rate.to_string(), channels.to_string(), format!("s{bits}le")]
    }

    /// The clip's sound, repeated, as a file of samples.
    fn raw(&self, folder: &Path, repeats: usize) -> Result<PathBuf> {
        let file = folder.join(format!("sound-{repeats}.raw"));
        let [rate, channels, format] = &self.options();
        ffmpeg()
            .args(["-stream_loop", &(repeats - 1).to_string(), "-i"])
            .arg(bundled("bigbuckbunny.mp4"))
            .args(["-vn", "-ac", channels, "-ar", rate, "-f", format])
            .arg(&file)
            .run()?;
        Ok(file)
    }

    fn read(&self, file: &Path) -> Result<Sound> {
        Ok(self.layout.parse(&std::fs::read(file)?))
    }

    /// The options of ffmpeg to read such a file.
    fn input(&self, file: &Path) -> crate::ffmpeg::Ffmpeg {
        let [rate, channels, format] = &self.options();
        ffmpeg().args(["-f", format, "-ar", rate, "-ac", channels, "-i"]).arg(file)
    }

    fn flac(&self, from: &Path, to: &Path) -> crate::ffmpeg::Ffmpeg {
        self.input(from).args(["-c:a", "flac", "-compression_level", FLAC_LEVEL, "-threads", "1"]).arg(to)
    }

    /// How many times the bytes of FLAC it takes, and the rows of both.
    fn rows(&self, folder: &Path, effort: &Effort) -> Result<(f64, [[String; 8]; 2])> {
        let once = self.raw(folder, 1)?;
        let sound = self.read(&once)?;
        let units = sound.encode(None)?;
        ensure!(
            self.layout.decode(&units, u8::MAX)?.samples == sound.samples,
            "{} does not come back",
            self.name
        );
        let flac = folder.join("sound.flac");
        self.flac(&once, &flac).run()?;
        let kbits =
            [bytes(&units, u8::MAX), packet_bytes(&flac)?].map(|bytes| bytes as f64 * 8e-3 / sound.seconds());

        let long = self.raw(folder, effort.sound_repeats)?;
        let seconds = self.read(&long)?.seconds();
        let speeds = race(&mut self.contenders(&long, folder)?, effort.rounds, seconds, Clock::UserTime)?;
        let row = |i: usize, codec: &str| {
            [
                self.name.to_owned(),
                codec.to_owned(),
                format!("{:.1}", kbits[i]),
                format!("{:.3}", kbits[i] / kbits[1]),
                format!("{:.0}", speeds[i].encode),
                format!("{:.2}", speeds[i].encode / speeds[1].encode),
                format!("{:.0}", speeds[i].decode),
                format!("{:.2}", speeds[i].decode / speeds[1].decode),
            ]
        };
        Ok((kbits[0] / kbits[1], [row(0, "FQL"), row(1, "FLAC")]))
    }

    fn contenders(&self, raw: &Path, folder: &Path) -> Result<[Contender; 2]> {
        let (units, flac) = (folder.join("sound.units"), folder.join("long.flac"));
        let ours = |work: &str, files: &[&Path]| {
            let mut command = worker(work, files)?;
            let Layout { rate, channels, bits } = self.layout;
            command.args([rate.to_string(), channels.to_string(), bits.to_string()]);
            Ok::<_, anyhow::Error>(command)
        };
        Ok([
            Contender {
                name: "FQL".to_owned(),
                encode: ours("encode-sound", &[raw, &units])?,
                read_raw: ours("read-sound", &[raw])?,
                decode: ours("decode-sound", &[&units])?,
                read_coded: None,
                coded: units,
            },
            Contender {
                name: "FLAC".to_owned(),
                encode: self.flac(raw, &flac).command(),
                read_raw: self.input(raw).args(["-f", "null", "-"]).command(),
                decode: ffmpeg().args(["-threads", "1", "-i"]).arg(&flac).args(["-f", "null", "-"]).command(),
                read_coded: Some(reading(&flac)),
                coded: flac,
            },
        ])
    }
}

/// Each layer, and bitrates.
fn curves(piece: &Piece, folder: &Path, effort: &Effort, report: &mut Report) -> Result<()> {
    eprintln!("sound: layers and bitrates");
    let sound = piece.read(&piece.raw(folder, 1)?)?;
    let kbits = |bytes: usize| bytes as f64 * 8e-3 / sound.seconds();
    let whole = sound.encode(None)?;
    let mut ladder = Vec::new();
    for layer in 0..LAYERS {
        ladder.push((kbits(bytes(&whole, layer)), sound.snr(&piece.layout.decode(&whole, layer)?)));
    }
    let mut rates = Vec::new();
    let asked: Vec<u64> = RATES.into_iter().step_by(effort.thinning).collect();
    for &bits in &asked {
        let units = sound.encode(Some(bits))?;
        rates.push((kbits(bytes(&units, u8::MAX)), sound.snr(&piece.layout.decode(&units, u8::MAX)?)));
    }
    let decibels = |snr: f64| if snr.is_finite() { format!("{snr:.1}") } else { "exact".to_owned() };
    report.say(&format!("What each layer gives, with those below, {}:", piece.name));
    report.table(
        ["layer", "kbit/s", "SNR, dB"],
        ladder
            .iter()
            .enumerate()
            .map(|(i, (rate, snr))| [i.to_string(), format!("{rate:.1}"), decibels(*snr)]),
    );
    report.say("And bitrates:");
    report.table(
        ["asked, kbit/s", "coded, kbit/s", "SNR, dB"],
        asked
            .iter()
            .zip(&rates)
            .map(|(asked, (rate, snr))| [(asked / 1000).to_string(), format!("{rate:.1}"), decibels(*snr)]),
    );
    let finite = |points: &[(f64, f64)]| points.iter().copied().filter(|point| point.1.is_finite()).collect();
    let plot = Plot {
        title: format!("Sound of bigbuckbunny, {}", piece.name),
        x: Axis::log("kbit/s"),
        y: Axis::from_zero("SNR, dB"),
        lines: vec![
            Line::new("bitrates", finite(&rates)),
            Line::new("layers of the whole ladder", finite(&ladder)),
        ],
    };
    report.show("bench-sound", "Bitrate against SNR of sound", plot.svg());
    Ok(())
}
