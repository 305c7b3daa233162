//! The daemon of The Stream.

mod cli;
mod config;
mod tls;

use std::process::ExitCode;

use clap::Parser;
use cli::{Arguments, Task};

fn main() -> ExitCode {
    match Arguments::parse().task() {
        Ok(Task::Run(_)) => ExitCode::SUCCESS,
        Ok(Task::Say(text)) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
