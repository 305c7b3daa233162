//! Whether the machine kept up: a thread that wants to wake often and notes how late it did.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const PERIOD: Duration = Duration::from_millis(2);

/// Measures from its start until it is asked.
#[derive(Debug)]
pub struct Watchdog {
    stop: Arc<AtomicBool>,
    worst: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Starts to measure.
    pub fn start() -> Self {
        let (stop, worst) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let thread = std::thread::spawn({
            let (stop, worst) = (Arc::clone(&stop), Arc::clone(&worst));
            move || {
                while !stop.load(Ordering::SeqCst) {
                    let before = Instant::now();
                    std::thread::sleep(PERIOD);
                    let late = before.elapsed().saturating_sub(PERIOD);
                    worst.fetch_max(late.as_micros() as u64, Ordering::SeqCst);
                }
            }
        });
        Self { stop, worst, thread: Some(thread) }
    }

    /// The longest time by which the machine let the thread oversleep so far.
    pub fn worst(&self) -> Duration {
        Duration::from_micros(self.worst.load(Ordering::SeqCst))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // Its panic, if there was one, has been printed.
            let _ = thread.join();
        }
    }
}
