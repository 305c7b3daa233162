//! What a process holds at an instant.

use std::fs;

use anyhow::{Context, Result};

use crate::crowd::Cost;

/// What a process holds, and what it has used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Bytes of memory.
    pub memory: f64,
    /// Seconds of processor time so far.
    pub seconds: f64,
    /// Threads.
    pub threads: usize,
    /// Open files and sockets.
    pub files: usize,
}

impl Sample {
    /// Of the process with this id.
    pub fn of(pid: u32) -> Result<Self> {
        let Cost { seconds, memory } = Cost::of(pid)?;
        let count = |what: &str| -> Result<usize> {
            Ok(fs::read_dir(format!("/proc/{pid}/{what}")).context("the daemon is gone")?.count())
        };
        Ok(Self { memory, seconds, threads: count("task")?, files: count("fd")? })
    }
}
