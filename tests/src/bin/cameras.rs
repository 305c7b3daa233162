//! Many cameras at one daemon, one of which misbehaves.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Parser;
use fql_tests::cameras::Plan;

/// Pulls from simulated cameras, of which the last one misbehaves in every way it knows, and watches all others by FQL.
/// Prints what they showed and what the daemon used, before and beside that. Fails where one of them was touched, or
/// where memory grew.
///
/// Examples:
///   cameras                                thirty cameras, ten minutes
///   cameras --cameras 5 --seconds 60
#[derive(Debug, Parser)]
#[command(verbatim_doc_comment)]
struct Options {
    /// Cameras, with the one that misbehaves
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u8).range(2..=200))]
    cameras: u8,
    /// How long, in seconds; for the tenth part of it the last camera does nothing
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(20..=86400))]
    seconds: u32,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cameras: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let all = Duration::from_secs(options.seconds.into());
    let plan = Plan { cameras: options.cameras.into(), before: all / 10, beside: all - all / 10 };
    let verdict = plan.run()?;
    print!("{verdict}");
    verdict.judge()
}
