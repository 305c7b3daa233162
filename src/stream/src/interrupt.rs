//! Ctrl-C and SIGTERM: the first asks the command to end, the second ends the program at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::failure::{Failure, Result};

/// The exit code of a program that was interrupted twice, as shells give it for Ctrl-C.
const INTERRUPTED: i32 = 130;

/// Tells whether somebody asked the command to end.
#[derive(Debug)]
pub struct Interrupt {
    requests: Receiver<()>,
    asked: bool,
}

impl Interrupt {
    /// From now on Ctrl-C is a request. To be called once in a program.
    pub fn catch() -> Result<Self> {
        let (request, requests) = channel();
        let again = AtomicBool::new(false);
        ctrlc::set_handler(move || {
            if again.swap(true, Ordering::Relaxed) {
                std::process::exit(INTERRUPTED);
            }
            // A command that ends by itself no longer listens.
            let _ = request.send(());
        })
        .map_err(|error| Failure::failed(format!("cannot catch Ctrl-C: {error}")))?;
        Ok(Self { requests, asked: false })
    }

    /// Waits so long, or until somebody asks. Tells whether anybody asked so far.
    pub fn wait(&mut self, limit: Duration) -> bool {
        if self.asked {
            return true;
        }
        self.asked = match self.requests.recv_timeout(limit) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
        };
        self.asked
    }

    /// Whether anybody asked so far.
    pub fn asked(&mut self) -> bool {
        self.wait(Duration::ZERO)
    }
}
