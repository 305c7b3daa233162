//! Programs that a test starts as a user would.

use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::pipeline::plugin_folder;

/// A running program with the FQL plugin in its reach, killed when it is dropped.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
}

impl Program {
    /// Starts it; `name` is for errors.
    pub fn start(name: &str, command: &mut Command) -> Result<Self> {
        Self::spawn(name, command.env("GST_PLUGIN_PATH", plugin_folder()?).stdin(Stdio::null()))
    }

    /// Starts it as it is; `name` is for errors.
    pub fn spawn(name: &str, command: &mut Command) -> Result<Self> {
        Ok(Self { name: name.to_owned(), child: command.spawn().with_context(|| name.to_owned())? })
    }

    /// The same, with what it writes.
    pub fn with_output(name: &str, command: &mut Command) -> Result<(Self, ChildStdout)> {
        let mut program = Self::spawn(name, command.stdout(Stdio::piped()))?;
        let out = program.child.stdout.take().context("its output is piped")?;
        Ok((program, out))
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Fails where it has ended.
    pub fn still_runs(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended with {status}", self.name),
        }
    }

    /// Waits for its end, which has to be a success and within `limit`.
    pub fn ends_well(mut self, limit: Duration) -> Result<()> {
        let status = wait(&mut self.child, limit).with_context(|| self.name.clone())?;
        ensure!(status.success(), "{} ended with {status}", self.name);
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Where it has ended by itself there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for the end of a process, no longer than `limit`.
pub fn wait(child: &mut Child, limit: Duration) -> Result<ExitStatus> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        ensure!(Instant::now() < deadline, "still runs after {} s", limit.as_secs());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A program of this repository that was built beside this one; tests lie in a folder below.
pub fn built(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let beside = this.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|file| file.is_file());
    beside.with_context(|| {
        format!("no {name} beside {}: build it with `cargo build --workspace`", this.display())
    })
}
