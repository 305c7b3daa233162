//! Measures the codecs and the protocol beside their peers, and writes what came out into the documentation.

mod clips;
mod curve;
mod delay;
mod effort;
mod fec;
mod ffmpeg;
mod heard;
mod link;
mod loss;
mod lossless;
mod motion;
mod ours;
mod ours_sound;
mod page;
mod peaq;
mod players;
mod plot;
mod points;
mod processes;
mod race;
mod rate;
mod report;
mod simulated;
mod sound;
mod speed;
mod synthetic;
mod targets;
mod two_cores;
mod viewers;
mod ways;
mod worker;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};

use clips::Clips;
use effort::Effort;
use report::Report;

/// Ours and the peers on the same frames in the same minute: tables, and plots.
///
/// Writes each part between its markers in docs/benchmarks.md, and the plots to docs/images. Nothing else may run on
/// the machine while speeds and links are measured.
///
/// Examples:
///   tests/bench/run
///   tests/bench/run loss delay
///   tests/bench/run --quick --print rate
#[derive(Debug, Parser)]
#[command(verbatim_doc_comment, args_conflicts_with_subcommands = true)]
struct Options {
    #[command(subcommand)]
    work: Option<worker::Work>,
    /// What to measure; everything where it is missing
    parts: Vec<Part>,
    /// Fewer frames, one round, short links: whether it works, not figures to keep
    #[arg(long)]
    quick: bool,
    /// Frames of each clip, 1 to 100
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=100))]
    frames: Option<u16>,
    /// Clips to measure on, by their names in the tables
    #[arg(long, value_delimiter = ',')]
    clips: Vec<String>,
    /// Print only, write nothing
    #[arg(long)]
    print: bool,
    /// The page with the markers; the plots go to the folder `images` beside it
    #[arg(long, default_value = "docs/benchmarks.md")]
    page: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Bytes a frame against PSNR, beside JPEG 2000 and x264 intra
    Rate,
    /// Size and speed without loss, beside FFV1, x264 and JPEG 2000
    Lossless,
    /// Bitrates with motion against PSNR, beside x264
    Motion,
    /// Sound, beside FLAC
    Sound,
    /// Frames a second of one core and of two, beside the peers, and of WebAssembly
    Speed,
    /// Forward error correction
    Fec,
    /// PSNR and freezes over lossy links, beside H.264 over SRT; in real time
    Loss,
    /// End-to-end delay by a clock in the picture, beside H.264 over SRT; in real time
    Delay,
    /// Delay to players of WebRTC and of HLS by a clock in the picture, with and without conversion; in real time
    Players,
    /// What many viewers by HLS and by WebRTC cost, beside nginx; in real time
    Viewers,
    /// Lossy links in simulated time, the same on any machine; only where it is asked for
    Simulated,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.work {
        Some(work) => work.run(),
        None => measure(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Result<()> {
    let effort = Effort::new(options.quick, options.frames.map(usize::from));
    let all: Vec<Part> =
        Part::value_variants().iter().copied().filter(|part| *part != Part::Simulated).collect();
    let parts = if options.parts.is_empty() { &all } else { &options.parts };
    if !options.print {
        check(&options.page, parts)?;
    }
    let folder = processes::Folder::new()?;
    let began = Instant::now();
    let clips = Clips::new(folder.path(), effort.frames, &options.clips)?;
    for part in parts {
        let name = part.name();
        let at = Instant::now();
        eprintln!("== {name}");
        let report = part.measure(&clips, &effort).with_context(|| name.clone())?;
        print!("{}", report.text);
        for target in &report.targets {
            println!("{}", target.row());
        }
        println!();
        if !options.print {
            write(&options.page, &name, &report)?;
        }
        eprintln!("== {name}: {:.0} s", at.elapsed().as_secs_f64());
    }
    eprintln!("== all: {:.0} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// Whether the page has the markers of these parts: before they are measured for minutes.
fn check(page: &Path, parts: &[Part]) -> Result<()> {
    let text = std::fs::read_to_string(page).with_context(|| page.display().to_string())?;
    for name in parts.iter().map(|part| part.name()).chain(["targets".to_owned()]) {
        page::replace(&text, &name, "").with_context(|| page.display().to_string())?;
    }
    Ok(())
}

fn write(page: &Path, part: &str, report: &Report) -> Result<()> {
    let images = page.parent().context("a page without a folder")?.join("images");
    std::fs::create_dir_all(&images)?;
    for (name, svg) in &report.plots {
        std::fs::write(images.join(name), svg)?;
    }
    let text = std::fs::read_to_string(page).with_context(|| page.display().to_string())?;
    let text = page::replace(&text, part, &report.text)?;
    let text = page::update_rows(&text, "targets", report.targets.iter().map(targets::Met::row))?;
    std::fs::write(page, text).with_context(|| page.display().to_string())
}

impl Part {
    /// As it is named on the command line and in the markers.
    fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    fn measure(self, clips: &Clips, effort: &Effort) -> Result<Report> {
        match self {
            Self::Rate => rate::measure(clips, effort),
            Self::Lossless => lossless::measure(clips, effort),
            Self::Motion => motion::measure(clips, effort),
            Self::Sound => sound::measure(clips, effort),
            Self::Speed => speed::measure(clips, effort),
            Self::Fec => fec::measure(effort),
            Self::Loss => loss::measure(effort),
            Self::Delay => delay::measure(effort),
            Self::Players => players::measure(effort),
            Self::Viewers => viewers::measure(&clips.folder, effort),
            Self::Simulated => simulated::measure(clips, effort),
        }
    }
}
