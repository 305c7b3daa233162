//! What a process has used, as Linux tells it.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// Ticks a second of `/proc/*/stat`; Linux has no other on the machines that this runs on.
const TICKS: f64 = 100.0;

/// What a process has used so far.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Seconds of processor time.
    pub seconds: f64,
    /// Bytes of memory that it has now.
    pub memory: f64,
}

/// What a process used over some time.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// Cores: 1 is all of one.
    pub cores: f64,
    /// Bytes of memory at the end.
    pub memory: f64,
}

impl Cost {
    /// Of the process with this id.
    pub fn of(pid: u32) -> Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("the daemon is gone")?;
        // The name of the program, in brackets, may hold anything.
        let (_, fields) = stat.rsplit_once(") ").context("an unknown /proc/*/stat")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
        let (user, system) = number(11).zip(number(12)).context("an unknown /proc/*/stat")?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: f64 = resident.trim().trim_end_matches(" kB").parse()?;
        Ok(Self { seconds: (user + system) / TICKS, memory: kib * 1024.0 })
    }

    /// What was used since `before`, which is so long ago.
    pub fn since(self, before: Self, elapsed: Duration) -> Rates {
        Rates { cores: (self.seconds - before.seconds) / elapsed.as_secs_f64(), memory: self.memory }
    }
}
