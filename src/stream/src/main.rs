//! The program `stream`: all of it is in the library, so that tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    stream_cli::run()
}
