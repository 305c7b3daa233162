//! The screen of a player: pictures are decoded as soon as they come, and their clock is read.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use fql_tests::clip;
use fql_tests::pipeline::Pipeline;

use super::SETTLING;
use super::camera::Clock;

/// How long the first picture may take: a server that converts looks for GStreamer's plugins first.
const FIRST_PICTURE: Duration = Duration::from_secs(30);
/// How long no picture may come after that.
const PATIENCE: Duration = Duration::from_secs(5);

/// Takes what a player received.
pub struct Screen {
    network: gst_app::AppSrc,
    is_done: AtomicBool,
}

impl Screen {
    /// Lets a player play for so long. It runs on a thread of its own, until the screen has seen enough or filming is
    /// over. Gives the ages of the pictures in milliseconds, sorted. `elements` lead from what the player received to
    /// H.264.
    pub fn watch(
        clock: &Clock,
        elements: &str,
        time: Duration,
        play: impl FnOnce(&Self) -> Result<()> + Send,
    ) -> Result<Vec<f64>> {
        let pipeline = Pipeline::play(&format!(
            "appsrc name=network is-live=true block=true {elements} ! h264parse ! avdec_h264 max-threads=1 ! \
             videoconvert ! video/x-raw,format=I420 ! appsink name=screen sync=false qos=false"
        ))?;
        let screen = Self { network: pipeline.app_src("network")?, is_done: AtomicBool::new(false) };
        thread::scope(|scope| {
            let playing = scope.spawn(|| play(&screen));
            let seen = see(&pipeline, clock, time);
            screen.is_done.store(true, Ordering::SeqCst);
            let played = playing.join().map_err(|_| anyhow!("the thread of the player panicked"))?;
            // What the player met with is why nothing was seen.
            played?;
            seen
        })
    }

    /// Whether it has seen enough.
    pub fn is_done(&self) -> bool {
        self.is_done.load(Ordering::SeqCst)
    }

    /// Takes what came.
    pub fn push(&self, bytes: Vec<u8>) -> Result<()> {
        self.network.push_buffer(gst::Buffer::from_slice(bytes)).context("the decoder takes nothing")?;
        Ok(())
    }
}

fn see(pipeline: &Pipeline, clock: &Clock, time: Duration) -> Result<Vec<f64>> {
    let sink = pipeline.app_sink("screen")?;
    let mut ages = Vec::new();
    let (mut first, mut patience) = (None, FIRST_PICTURE);
    loop {
        let sample = sink.try_pull_sample(gst::ClockTime::try_from(patience)?);
        let now = Instant::now();
        let sample = sample.with_context(|| format!("no picture came: {}", pipeline.first_error()))?;
        let age = clock.age(&clip::frame(&sample)?);
        patience = PATIENCE;
        let passed = now - *first.get_or_insert(now);
        if passed >= SETTLING {
            ages.extend(age);
        }
        if passed >= SETTLING + time {
            ensure!(!ages.is_empty(), "no clock could be read");
            ages.sort_by(f64::total_cmp);
            return Ok(ages);
        }
    }
}
