//! `stream thin`: copies a file without its upper layers.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fql_file::thin::{self, CopyError, Report};
use serde_json::{Value, json};

use crate::args::Thin;
use crate::failure::{Failure, Result};
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::text::{bytes, percent};

/// How often the line of the terminal changes.
const TURN: Duration = Duration::from_millis(200);

/// `stream thin`.
pub fn thin(arguments: &Thin, output: Output) -> Result<()> {
    let Thin { input: from, output: to, max_layer } = arguments;
    let input = File::open(from).map_err(|error| failed("cannot read", from, error))?;
    let size = input.metadata().map(|metadata| metadata.len()).unwrap_or(0);
    let mut copy = Partial::create(to)?;
    let mut progress = Progress::new(size, output);
    let mut interrupt = Interrupt::catch()?;
    let copied = thin::copy(input, &mut copy.file, *max_layer, serial(), |read| {
        progress.show(read);
        !interrupt.asked()
    });
    progress.clear();
    let report = copied.map_err(|error| match error {
        CopyError::GivenUp => Failure::failed(format!("interrupted; {} was not written", to.display())),
        CopyError::Write(error) => failed("cannot write", to, error),
        error => failed("cannot copy", from, error),
    })?;
    copy.finish(to)?;
    if report.was_cut || report.damaged > 0 {
        eprintln!("stream: {}", complaint(from, &report));
    }
    if report.drifting > 0 {
        eprintln!("stream: {}", drift(arguments, &report));
    }
    output.done(&summary(arguments, &report), &document(arguments, &report))
}

fn failed(what: &str, file: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::failed(format!("{what} {}: {error}", file.display()))
}

fn complaint(file: &Path, report: &Report) -> String {
    let cut = if report.was_cut { " has no end (it was cut off, or is still being written);" } else { "" };
    format!("{}{cut} {} that could not be read are left out", file.display(), bytes(report.damaged))
}

fn drift(arguments: &Thin, report: &Report) -> String {
    format!(
        "pictures are predicted from layers above {}: those of {} units drift up to the next key frame \
         (stream info tells up to which layer)",
        arguments.max_layer, report.drifting
    )
}

fn summary(arguments: &Thin, report: &Report) -> String {
    let share = report.written as f64 / report.read.max(1) as f64;
    format!(
        "{}: layers 0 to {}, {} of {} ({})",
        arguments.output.display(),
        arguments.max_layer,
        bytes(report.written),
        bytes(report.read),
        percent(share)
    )
}

fn document(arguments: &Thin, report: &Report) -> Value {
    json!({
        "output": arguments.output, "maxLayer": arguments.max_layer, "bytesRead": report.read,
        "bytesWritten": report.written, "units": report.units, "unitsLeftOut": report.left_out,
        "unitsDrifting": report.drifting,
        "bytesDamaged": report.damaged, "wasCut": report.was_cut,
    })
}

/// A number that other files hardly have.
fn serial() -> u16 {
    let now = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.subsec_nanos());
    (now ^ (now >> 16) ^ std::process::id()) as u16
}

/// A file beside the one that it becomes when it is whole; otherwise it goes.
struct Partial {
    path: PathBuf,
    file: BufWriter<File>,
    is_whole: bool,
}

impl Partial {
    fn create(beside: &Path) -> Result<Self> {
        let name = beside.file_name().ok_or_else(|| failed("cannot write", beside, "it has no file name"))?;
        let hidden = format!(".{}.{}.part", name.to_string_lossy(), std::process::id());
        let path = beside.with_file_name(hidden);
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let file = file.map_err(|error| failed("cannot write", &path, error))?;
        Ok(Self { path, file: BufWriter::with_capacity(1 << 20, file), is_whole: false })
    }

    /// Puts it in its place.
    fn finish(mut self, to: &Path) -> Result<()> {
        let written = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        written
            .and_then(|()| fs::rename(&self.path, to))
            .map_err(|error| failed("cannot write", to, error))?;
        self.is_whole = true;
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_whole {
            // What cannot be removed either is left for whoever looks after the folder.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A line of the terminal that tells how far the copy is.
struct Progress {
    size: u64,
    is_shown: bool,
    last: Instant,
}

impl Progress {
    fn new(size: u64, output: Output) -> Self {
        Self { size, is_shown: !output.is_json() && std::io::stderr().is_terminal(), last: Instant::now() }
    }

    fn show(&mut self, read: u64) {
        if !self.is_shown || self.last.elapsed() < TURN {
            return;
        }
        self.last = Instant::now();
        let share = percent(read as f64 / self.size.max(1) as f64);
        eprint!("\r\x1b[K{} of {} ({share})", bytes(read), bytes(self.size));
    }

    fn clear(&self) {
        if self.is_shown {
            eprint!("\r\x1b[K");
        }
    }
}
