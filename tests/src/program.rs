//! Programs that a test starts as a user would.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

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
        let command = command.env("GST_PLUGIN_PATH", plugin_folder()?).stdin(Stdio::null());
        Ok(Self { name: name.to_owned(), child: command.spawn().with_context(|| name.to_owned())? })
    }

    /// Waits for its end, which has to be a success and within `limit`.
    pub fn ends_well(mut self, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            ensure!(Instant::now() < deadline, "{} still runs after {} s", self.name, limit.as_secs());
            std::thread::sleep(Duration::from_millis(20));
        };
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
