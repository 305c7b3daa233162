//! What a person wants to see while the stream runs.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use anyhow::Result;
use fql_tests::pipeline::Pipeline;
use fql_tests::relay::Relay;

/// How long the receiver may take to notice the end of the stream.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a line is printed where it cannot be overwritten.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// Prints the state of the stream on one line, again and again.
#[derive(Debug)]
pub struct Progress {
    started: Instant,
    printed: Option<Instant>,
    terminal: bool,
    duration: Option<gst::ClockTime>,
}

impl Progress {
    /// Starts now.
    pub fn new() -> Self {
        let terminal = std::io::stdout().is_terminal();
        Self { started: Instant::now(), printed: None, terminal, duration: None }
    }

    /// When the receiver should have noticed the end of a stream that was sent in real time.
    pub fn limit(&self) -> Duration {
        self.duration.map_or(Duration::ZERO, Duration::from) + PATIENCE
    }

    /// Prints how far it is, and how the receiver is doing.
    pub fn show(&mut self, sending: &Pipeline, receiving: &Pipeline) -> Result<()> {
        let due = self.terminal || self.printed.is_none_or(|printed| printed.elapsed() >= LINE_EVERY);
        if !due {
            return Ok(());
        }
        self.printed = Some(Instant::now());
        self.duration = self.duration.or_else(|| sending.duration());
        let seconds = self.started.elapsed().as_secs_f64();
        let total =
            self.duration.map_or_else(String::new, |all| format!(" of {:.1}", all.mseconds() as f64 / 1e3));
        let line = format!("{seconds:5.1}{total} s   {}", figures(receiving)?);
        if self.terminal {
            print!("\r{line}\x1b[K");
            std::io::stdout().flush()?;
        } else {
            println!("{line}");
        }
        Ok(())
    }

    /// The figures of the whole run.
    pub fn finish(&self, receiving: &Pipeline, relay: &Relay) -> Result<()> {
        if self.terminal {
            println!();
        }
        let link = relay.forward();
        println!("\n  link      {} packets, of which it lost {}", link.arrived, link.lost);
        println!("  receiver  {}", figures(receiving)?);
        Ok(())
    }
}

/// The receiver's statistics on one line.
fn figures(receiving: &Pipeline) -> Result<String> {
    let stats = receiving.stats("r")?;
    Ok(format!("{stats}"))
}
