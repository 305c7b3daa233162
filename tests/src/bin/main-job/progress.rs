//! What a person wants to see while the stream runs.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use anyhow::Result;
use fql_tests::pipeline::Pipeline;
use fql_tests::relay::Relay;

/// Layers that fqlenc codes by default.
const LAYERS: u32 = 12;
/// How often a line is printed where it cannot be overwritten.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// Prints the state of the stream on one line, again and again.
#[derive(Debug)]
pub struct Progress {
    started: Instant,
    printed: Option<Instant>,
    terminal: bool,
    /// Pictures that are watched in all.
    pictures: usize,
    /// The figures of the last line, for what came since.
    last: Figures,
    /// The last figures of a session that has ended, whose tracks are gone with it.
    layers: Option<f64>,
}

impl Progress {
    /// Starts now, for so many pictures.
    pub fn new(pictures: usize) -> Self {
        let terminal = std::io::stdout().is_terminal();
        Self {
            started: Instant::now(),
            printed: None,
            terminal,
            pictures,
            last: Figures::default(),
            layers: None,
        }
    }

    /// Prints how far it is, and how the receiver is doing.
    pub fn show(&mut self, receiving: &Pipeline, pictures: usize) -> Result<()> {
        let figures = Figures::of(receiving)?;
        self.layers = figures.layers.or(self.layers);
        let due = self.terminal || self.printed.is_none_or(|printed| printed.elapsed() >= LINE_EVERY);
        if !due {
            return Ok(());
        }
        let since = self.printed.map_or(self.started, |printed| printed).elapsed().as_secs_f64();
        let kbits = (figures.bits - self.last.bits) as f64 / since / 1e3;
        self.printed = Some(Instant::now());
        let seconds = self.started.elapsed().as_secs_f64();
        let line = format!(
            "{seconds:5.1} s   picture {pictures} of {}   {figures}, {kbits:.0} kbit/s",
            self.pictures
        );
        self.last = figures;
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
        println!("\n  link      {} packets to the daemon, of which it lost {}", link.arrived, link.lost);
        let figures = Figures { layers: self.layers, ..Figures::of(receiving)? };
        println!("  viewer    {figures}");
        Ok(())
    }
}

/// The receiver's statistics at one moment.
#[derive(Debug, Clone, Default)]
struct Figures {
    received: u64,
    lost: u64,
    recovered: u64,
    bits: u64,
    /// Layers received completely, the mean over the last pictures, where a picture has come.
    layers: Option<f64>,
}

impl Figures {
    fn of(receiving: &Pipeline) -> Result<Self> {
        let stats = receiving.stats("r")?;
        if !stats.has_field("tracks") {
            // The receiver still makes its key of the passphrase, which is slow on purpose.
            return Ok(Self::default());
        }
        let tracks = stats.get::<gst::Array>("tracks")?;
        let video = tracks.iter().filter_map(|track| track.get::<gst::Structure>().ok()).find(is_video);
        Ok(Self {
            received: stats.get("received")?,
            lost: stats.get("lost")?,
            recovered: stats.get("recovered")?,
            bits: stats.get::<u64>("bytes")? * 8,
            layers: video.and_then(|video| video.get("mean-layers").ok()),
        })
    }
}

/// The video is the sender's first track.
fn is_video(track: &gst::Structure) -> bool {
    track.get::<u32>("id") == Ok(0)
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.layers {
            Some(layers) => write!(f, "layers {layers:.1} of {LAYERS}")?,
            None => write!(f, "layers - of {LAYERS}")?,
        }
        write!(f, "   packets {}, lost {}, recovered {}", self.received, self.lost, self.recovered)
    }
}
