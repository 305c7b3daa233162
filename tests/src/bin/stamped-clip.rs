//! The bundled clip with numbered pictures, as a file to push, and pictures of a screen compared with it.

use std::path::PathBuf;
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
///   stamped-clip write small.mkv --width 640 --height 360
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
        /// Their width, even, 256 at least
        #[arg(long, default_value_t = 1280)]
        width: usize,
        /// Their height, even
        #[arg(long, default_value_t = 720)]
        height: usize,
    },
    /// Prints for each picture a line of JSON: its file, the number that it shows, and its luma PSNR against that
    /// picture of the clip, in dB. The stamp does not count
    Compare {
        /// Pictures that GStreamer reads, such as PNG, all of the size that the clip was written in
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
    match command {
        Command::Write { file, frames, width, height } => {
            ensure!(
                *width >= 256 && *height > STAMP_ROWS && width.is_multiple_of(2) && height.is_multiple_of(2),
                "{width}x{height} is not even, or too small for a number"
            );
            Stamped::new((*width, *height))?.write(file, *frames)
        }
        Command::Compare { pictures, covered_rows } => compare(pictures, *covered_rows),
    }
}

fn compare(files: &[PathBuf], covered_rows: usize) -> Result<()> {
    let mut clip: Option<((usize, usize), Stamped)> = None;
    for file in files {
        let shown = clip::frames(file, 1).with_context(|| file.display().to_string())?;
        let shown = shown.first().with_context(|| format!("{} has no picture", file.display()))?;
        let size = (shown.width, shown.height);
        let (clip_size, stamped) = match &mut clip {
            Some(clip) => clip,
            None => clip.insert((size, Stamped::new(size)?)),
        };
        ensure!(
            size == *clip_size,
            "{} has {}x{} samples, those before it have {}x{}",
            file.display(),
            size.0,
            size.1,
            clip_size.0,
            clip_size.1
        );
        ensure!(
            covered_rows < shown.height - STAMP_ROWS,
            "--covered-rows {covered_rows} leaves nothing to compare"
        );
        let number = shown.number();
        let rows = shown.height - covered_rows;
        let psnr = top(&stamped.frame(number), rows)?.luma_psnr(&top(shown, rows)?, STAMP_ROWS);
        println!("{}", json!({ "file": file, "number": number, "psnr": psnr }));
    }
    Ok(())
}

/// The luma of the first `rows` rows, an even number or one less.
fn top(frame: &Frame, rows: usize) -> Result<Frame> {
    let rows = rows / 2 * 2;
    let mut samples = frame.samples[..rows * frame.width].to_vec();
    samples.resize(rows * frame.width * 3 / 2, 128);
    Frame::new(frame.width, rows, samples)
}
