//! The command line of The Stream.
//!
//! Each command is a function in [`commands`] that talks to the control API through [`client`] and prints through
//! [`output`]. Pushing and playing stand in `media`, which is there with the feature of that name and brings
//! GStreamer; without it the program needs neither.

pub mod args;
pub mod client;
pub mod commands;
pub mod failure;
pub mod interrupt;
#[cfg(feature = "media")]
pub mod media;
pub mod model;
pub mod output;
pub mod settings;
pub mod text;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::args::Cli;
use crate::failure::Failure;

/// Runs what the program's arguments ask for and tells how it went; an error is one line on standard error.
pub fn run() -> ExitCode {
    run_with(std::env::args_os())
}

fn run_with(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return refuse_arguments(&error, arguments.iter().any(|argument| argument == "--json")),
    };
    let json = cli.global.json;
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read our output has enough of it, as in `stream list | head -1`.
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => report(&failure, json),
    }
}

fn report(failure: &Failure, json: bool) -> ExitCode {
    if json {
        eprintln!("{}", failure.to_json());
    } else {
        eprintln!("stream: {failure}");
    }
    ExitCode::from(failure.exit_code())
}

/// Help and version go to standard output and are a success; wrong arguments are one line like every error.
fn refuse_arguments(error: &clap::Error, json: bool) -> ExitCode {
    if error.use_stderr() && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return report(&Failure::usage(complaint(&error.to_string())), json);
    }
    let code = u8::try_from(error.exit_code()).unwrap_or(1);
    // Nothing can be told to a standard output or error that is closed.
    let _ = error.print();
    ExitCode::from(code)
}

/// What is wrong, without the usage that clap tells too, and with where to find that.
fn complaint(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(str::trim);
    let what: Vec<&str> = paragraphs
        .filter(|text| !text.starts_with("Usage:") && !text.starts_with("For more information"))
        .collect();
    let what = what.join(", ");
    let usage = text.lines().find_map(|line| line.strip_prefix("Usage: ")).unwrap_or("stream");
    let is_name = |word: &&str| word.starts_with(|c: char| c.is_ascii_lowercase());
    let command: Vec<&str> = usage.split(' ').take_while(is_name).collect();
    format!("{}; see {} --help", what.strip_prefix("error: ").unwrap_or(&what), command.join(" "))
}
