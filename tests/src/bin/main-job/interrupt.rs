//! Ctrl-C and SIGTERM: everything that was started ends with the main job, wherever the signal came from.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, ensure};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Notes signals from now on. A second one ends the process where it stands.
pub fn watch() -> Result<()> {
    let note = || {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    };
    ctrlc::set_handler(note).context("signals cannot be watched for")
}

/// Whether a signal came.
pub fn has_come() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// Fails where a signal came.
pub fn check() -> Result<()> {
    ensure!(!has_come(), "interrupted");
    Ok(())
}
