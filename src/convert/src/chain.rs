//! A chain of GStreamer's elements between a source and a sink that are ours.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fql_unit::Media;
use gst::prelude::*;

use crate::Error;
use crate::converter::{Counting, Output, Sink, Unit};
use crate::elements::{APPSINK, APPSRC};

/// How long the end waits for what is held back.
const LAST: Duration = Duration::from_secs(5);

/// A chain that runs until it is dropped.
#[derive(Debug)]
pub struct Chain {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    failure: Arc<Failure>,
    counting: Arc<Counting>,
    /// The latest time of what has come out, in nanoseconds.
    reached: Arc<AtomicU64>,
}

/// Whether the chain has failed, and why: told once.
#[derive(Default)]
struct Failure {
    why: Mutex<Option<Error>>,
    is_told: AtomicBool,
}

/// How a chain is made.
pub struct Plan<'a> {
    /// What goes in.
    pub input: &'a gst::Caps,
    /// What happens to it, in this order.
    pub stages: Vec<gst::Element>,
    /// What comes out.
    pub output: &'a gst::Caps,
    /// What the caps of it mean.
    pub describe: fn(&gst::Caps) -> Option<Media>,
    /// How much earlier what comes out is than its times say, in nanoseconds.
    pub delay: u64,
    pub sink: Sink,
    pub counting: Arc<Counting>,
}

impl Chain {
    /// Starts it.
    pub fn start(plan: Plan<'_>) -> Result<Self, Error> {
        let Plan { input, stages, output, describe, delay, sink: told, counting } = plan;
        let source = APPSRC.make()?.downcast::<gst_app::AppSrc>().map_err(|_| failed("appsrc", "another"))?;
        let sink =
            APPSINK.make()?.downcast::<gst_app::AppSink>().map_err(|_| failed("appsink", "another"))?;
        source.set_format(gst::Format::Time);
        source.set_is_live(true);
        source.set_caps(Some(input));
        // Whoever pushes looks first how many wait.
        source.set_max_buffers(0);
        source.set_max_bytes(0);
        sink.set_caps(Some(output));
        sink.set_sync(false);
        sink.set_async(false);
        let (caps, is_sound, reached) = (None, false, Arc::<AtomicU64>::default());
        let mut taking = Taking {
            told: told.clone(),
            counting: counting.clone(),
            reached: reached.clone(),
            describe,
            delay,
            caps,
            is_sound,
        };
        let take = move |sink: &gst_app::AppSink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            taking.take(&sample);
            Ok(gst::FlowSuccess::Ok)
        };
        sink.set_callbacks(gst_app::AppSinkCallbacks::builder().new_sample(take).build());

        let pipeline = gst::Pipeline::new();
        let failure = Arc::<Failure>::default();
        watch(&pipeline, failure.clone(), told);
        let all: Vec<&gst::Element> =
            [source.upcast_ref()].into_iter().chain(&stages).chain([sink.upcast_ref()]).collect();
        pipeline.add_many(&all).map_err(|_| failed("the pipeline", "it takes no elements"))?;
        gst::Element::link_many(&all)
            .map_err(|_| failed("the pipeline", "its elements do not fit together"))?;
        let chain = Self { pipeline, source, failure, counting, reached };
        if chain.pipeline.set_state(gst::State::Playing).is_err() {
            return Err(chain.failure.why().unwrap_or_else(|| failed("the pipeline", "it does not start")));
        }
        Ok(chain)
    }

    /// How many buffers wait to be converted.
    pub fn waiting(&self) -> u64 {
        self.source.current_level_buffers()
    }

    /// Gives a buffer to the first element.
    pub fn push(&self, buffer: gst::Buffer) -> Result<(), Error> {
        match self.source.push_buffer(buffer) {
            Ok(_) => Ok(()),
            Err(flow) => Err(self.failure.why().unwrap_or_else(|| failed("the pipeline", flow.to_string()))),
        }
    }

    /// Says to the first element that nothing comes for this long.
    pub fn push_gap(&self, begin: u64, duration: u64) -> Result<(), Error> {
        let time = gst::ClockTime::from_nseconds;
        let gap = gst::event::Gap::builder(time(begin)).duration(time(duration)).build();
        match self.source.send_event(gap) {
            true => Ok(()),
            false => Err(self.failure.why().unwrap_or_else(|| failed("the pipeline", "it takes no gap"))),
        }
    }

    /// The latest time of what has come out, in nanoseconds.
    pub fn reached(&self) -> u64 {
        self.reached.load(Ordering::Relaxed)
    }

    /// How it is counted.
    pub fn counting(&self) -> &Counting {
        &self.counting
    }

    /// Waits until all has come out.
    pub fn finish(&self) {
        let Some(bus) = self.pipeline.bus() else { return };
        if self.source.end_of_stream().is_ok() && self.failure.why().is_none() {
            let _ = bus.timed_pop_filtered(gst::ClockTime::try_from(LAST).ok(), &[gst::MessageType::Eos]);
        }
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        // What comes while it ends is of no interest any more.
        self.failure.is_told.store(true, Ordering::SeqCst);
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Hears of errors on the thread on which they happen: there is no main loop to hear of them.
fn watch(pipeline: &gst::Pipeline, failure: Arc<Failure>, told: Sink) {
    let Some(bus) = pipeline.bus() else { return };
    bus.set_sync_handler(move |_, message| match message.view() {
        gst::MessageView::Error(error) => {
            let element = message.src().map_or_else(String::new, |source| {
                let factory = source.downcast_ref::<gst::Element>().and_then(|element| element.factory());
                factory.map_or_else(|| source.name().to_string(), |factory| factory.name().to_string())
            });
            let error = failed(element, error.error().message());
            if let Some(error) = failure.tell(error) {
                told(Output::Failed(error));
            }
            gst::BusSyncReply::Drop
        }
        gst::MessageView::Eos(_) => gst::BusSyncReply::Pass,
        _ => gst::BusSyncReply::Drop,
    });
}

impl Failure {
    fn why(&self) -> Option<Error> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps the first error, and gives it back where it is to be told.
    fn tell(&self, error: Error) -> Option<Error> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.clone());
        (!self.is_told.swap(true, Ordering::SeqCst)).then_some(error)
    }
}

impl std::fmt::Debug for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Failure").field(&self.why()).finish()
    }
}

fn failed(element: impl Into<String>, why: impl Into<String>) -> Error {
    Error::Failed { element: element.into(), why: why.into() }
}

/// What becomes of samples that come out.
struct Taking {
    told: Sink,
    counting: Arc<Counting>,
    reached: Arc<AtomicU64>,
    describe: fn(&gst::Caps) -> Option<Media>,
    delay: u64,
    caps: Option<gst::Caps>,
    /// Headers of sound come as buffers, too; they are in its description.
    is_sound: bool,
}

impl Taking {
    fn take(&mut self, sample: &gst::Sample) {
        let (Some(caps), Some(buffer)) = (sample.caps_owned(), sample.buffer()) else { return };
        if self.caps.as_ref() != Some(&caps) {
            let Some(media) = (self.describe)(&caps) else { return };
            (self.caps, self.is_sound) = (Some(caps), media.is_audio());
            (self.told)(Output::Media(media));
        }
        if let Some(unit) = self.unit(sample, buffer) {
            self.counting.given.fetch_add(1, Ordering::Relaxed);
            self.reached.fetch_max(unit.pts, Ordering::Relaxed);
            (self.told)(Output::Unit(unit));
        }
    }

    fn unit(&self, sample: &gst::Sample, buffer: &gst::BufferRef) -> Option<Unit> {
        let is_header = buffer.flags().contains(gst::BufferFlags::HEADER);
        let is_delta = buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
        // Encoders may shift times and segment together; those that lie before the segment began are negative.
        let pts = match segment.to_running_time_full(buffer.pts()?)? {
            gst::Signed::Positive(time) => time.nseconds(),
            gst::Signed::Negative(_) => return None,
        };
        let duration = buffer.duration().map_or(0, gst::ClockTime::nseconds);
        if buffer.size() == 0 || (self.is_sound && is_header) {
            return None;
        }
        // A copy, as encoders in hardware have few buffers.
        let data = Bytes::copy_from_slice(&buffer.map_readable().ok()?);
        Some(Unit { pts: pts.checked_sub(self.delay)?, duration, key: !is_delta, data })
    }
}
