//! What a pipeline tells while it runs, and how it ends.

use std::time::{Duration, Instant};

use gst::prelude::*;

use crate::failure::{Failure, Result};
use crate::interrupt::Interrupt;

/// How often to look whether somebody interrupted.
const LOOK: Duration = Duration::from_millis(100);
/// How often progress is told.
const TELL: Duration = Duration::from_secs(1);
/// How long the end may take: `fqlfecsink` says goodbye within 5 s.
const END: Duration = Duration::from_secs(8);

/// How a pipeline ended that had no error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself.
    AtItsEnd,
    /// Because somebody asked for it, or its time was over.
    AsAsked,
}

/// What goes with a running pipeline.
pub trait Attendant {
    /// Called about once a second.
    fn tell(&mut self) -> Result<()>;

    /// A message that is no error and no end.
    fn message(&mut self, message: &gst::MessageRef) -> Result<()>;

    /// Whether the pipeline is to end now.
    fn is_enough(&mut self) -> bool {
        false
    }
}

/// Follows a pipeline until it ends, fails, or somebody interrupts; then `finish` has to make it end cleanly.
pub fn follow(
    pipeline: &gst::Pipeline,
    interrupt: &mut Interrupt,
    attendant: &mut dyn Attendant,
    finish: impl Fn(),
) -> Result<Ended> {
    let bus = pipeline.bus().ok_or_else(|| Failure::failed("the pipeline has no bus"))?;
    let mut told = Instant::now();
    let mut asked: Option<Instant> = None;
    let mut missing = Missing::default();
    loop {
        if let Some(message) = bus.timed_pop(gst::ClockTime::from_mseconds(LOOK.as_millis() as u64)) {
            match message.view() {
                gst::MessageView::Eos(_) => return Ok(ended(asked)),
                gst::MessageView::Error(error) => return Err(missing.failure(error)),
                _ => {
                    missing.note(&message);
                    attendant.message(&message)?;
                }
            }
        }
        if told.elapsed() >= TELL {
            told += TELL;
            attendant.tell()?;
        }
        if asked.is_none() && (interrupt.asked() || attendant.is_enough()) {
            asked = Some(Instant::now());
            finish();
        }
        if asked.is_some_and(|at| at.elapsed() > END) {
            return Ok(Ended::AsAsked);
        }
    }
}

fn ended(asked: Option<Instant>) -> Ended {
    if asked.is_some() { Ended::AsAsked } else { Ended::AtItsEnd }
}

/// Plugins that GStreamer looked for in vain, which its error does not name.
#[derive(Debug, Default)]
pub struct Missing(Vec<String>);

impl Missing {
    /// Keeps what a message says is missing.
    pub fn note(&mut self, message: &gst::MessageRef) {
        let name = message
            .structure()
            .filter(|structure| structure.name() == "missing-plugin")
            .and_then(|structure| structure.get::<String>("name").ok());
        self.0.extend(name);
    }

    /// The error in one line, with what to install where that is known.
    pub fn failure(&self, error: &gst::message::Error) -> Failure {
        if !self.0.is_empty() {
            let names = self.0.join(", ");
            return Failure::failed(format!(
                "GStreamer cannot play this, it is missing: {names}; gstreamer1.0-libav and \
                 gstreamer1.0-plugins-bad have most"
            ));
        }
        let text = error.error().to_string();
        // The element's own words come after the file and line of its source.
        let detail = error.debug().and_then(|debug| Some(debug.split_once(":\n")?.1.to_owned()));
        match detail.filter(|detail| !detail.trim().is_empty() && !text.contains(detail.as_str())) {
            Some(detail) => Failure::failed(format!("{text} ({detail})")),
            None => Failure::failed(text),
        }
    }
}
