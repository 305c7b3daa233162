//! The daemon of The Stream.

use std::process::ExitCode;

use clap::Parser;
use streamd::cli::{Arguments, Task};
use streamd::daemon;

fn main() -> ExitCode {
    let done = Arguments::parse().task().and_then(|task| match task {
        Task::Run(config) => daemon::run(*config),
        Task::Say(text) => {
            println!("{text}");
            Ok(())
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
