//! The bundled clip with numbered pictures, as a file to push, and pictures of a screen compared with it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use fql_tests::clip;
use fql_tests::frame::{Frame, STAMP_ROWS};
use fql_tests::stamped::Stamped;
use serde_json::json;

/// Writes a clip whose pictures tell their numbers, and compares pictures of a screen with it.
///
/// Examples:
///   stamped-clip write stamped.mkv --frames 750
///   stamped-clip compare screen-1.png screen-2.png
#[derive(Debug, Parser)]
#[command(verbatim_doc_comment)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes the bundled clip in a loop with sound, each picture with its number in the upper left corner
    Write {
        /// A Matroska file
        file: PathBuf,
        /// How many pictures, 25 a second
        #[arg(long, default_value_t = 750)]
        frames: u16,
    },
    /// Prints for each picture a line of JSON: its file, the number that it shows, and its luma PSNR against that
    /// picture of the clip, in dB. The stamp does not count
    Compare {
        /// Pictures of the clip's size that GStreamer reads, such as PNG
        #[arg(required = true)]
        pictures: Vec<PathBuf>,
        /// Rows at the bottom that do not count, because something lies over them
        #[arg(long, default_value_t = 0)]
        covered_rows: usize,
    },
}

fn main() -> ExitCode {
    match run(&Options::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("stamped-clip: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<()> {
    let stamped = Stamped::new()?;
    match command {
        Command::Write { file, frames } => stamped.write(file, *frames),
        Command::Compare { pictures, covered_rows } => {
            pictures.iter().try_for_each(|picture| compare(&stamped, picture, *covered_rows))
        }
    }
}

fn compare(stamped: &Stamped, file: &Path, covered_rows: usize) -> Result<()> {
    let shown = clip::frames(file, 1).with_context(|| file.display().to_string())?;
    let shown = shown.first().with_context(|| format!("{} has no picture", file.display()))?;
    let number = shown.number();
    let source = stamped.frame(number);
    ensure!(
        (shown.width, shown.height) == (source.width, source.height),
        "{} has {}x{} samples, the clip has {}x{}",
        file.display(),
        shown.width,
        shown.height,
        source.width,
        source.height
    );
    ensure!(
        covered_rows < source.height - STAMP_ROWS,
        "--covered-rows {covered_rows} leaves nothing to compare"
    );
    let rows = source.height - covered_rows;
    let psnr = top(&source, rows)?.luma_psnr(&top(shown, rows)?, STAMP_ROWS);
    println!("{}", json!({ "file": file, "number": number, "psnr": psnr }));
    Ok(())
}

/// The luma of the first `rows` rows, an even number or one less.
fn top(frame: &Frame, rows: usize) -> Result<Frame> {
    let rows = rows / 2 * 2;
    let mut samples = frame.samples[..rows * frame.width].to_vec();
    samples.resize(rows * frame.width * 3 / 2, 128);
    Frame::new(frame.width, rows, samples)
}
