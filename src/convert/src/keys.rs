//! When a picture is to be a key picture.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gst::prelude::*;

/// Key pictures that are asked for come no closer to each other, in nanoseconds: each costs as much as many others.
const LEAST: u64 = 500_000_000;

/// Asks an encoder for key pictures by the times of what it is given, which holds for frame rates that vary, too.
#[derive(Debug)]
pub struct Keys {
    interval: u64,
    due: u64,
    /// The time of the last key picture.
    last: Option<u64>,
    asked: Arc<AtomicBool>,
}

impl Keys {
    /// One at the beginning of every interval of the stream's time, and where somebody has asked for one.
    pub fn new(interval: Duration, asked: Arc<AtomicBool>) -> Self {
        Self { interval: (interval.as_nanos() as u64).max(1), due: 0, last: None, asked }
    }

    /// Looks at what leaves this pad for the encoder. The event goes with the pictures, in order, and without a time:
    /// x264enc of GStreamer 1.22 compares it with one of another clock.
    pub fn watch(self, pad: &gst::Pad) {
        // Pictures pass one after the other: it is never waited for.
        let keys = Mutex::new(self);
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            let time = info.buffer().and_then(|buffer| buffer.pts());
            if time.is_some_and(|time| lock(&keys).is_due(time.nseconds())) {
                let event = gst_video::DownstreamForceKeyUnitEvent::builder().all_headers(false).build();
                pad.push_event(event);
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// Whether the picture of this time is to be a key picture.
    fn is_due(&mut self, pts: u64) -> bool {
        let is_far = self.last.is_none_or(|last| pts.abs_diff(last) >= LEAST);
        let is_due = pts >= self.due || (is_far && self.asked.load(Ordering::Relaxed));
        if is_due {
            self.asked.store(false, Ordering::Relaxed);
            self.last = Some(pts);
            self.due = (pts / self.interval + 1) * self.interval;
        }
        is_due
    }
}

fn lock(keys: &Mutex<Keys>) -> MutexGuard<'_, Keys> {
    keys.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn the_first_picture_of_every_interval_is_one_and_whoever_asks_gets_one_between() {
        let asked = Arc::<AtomicBool>::default();
        let mut keys = Keys::new(Duration::from_secs(2), asked.clone());
        assert!(keys.is_due(7_123 * MS));
        assert!(!keys.is_due(7_999 * MS));
        assert!(keys.is_due(8_039 * MS));
        asked.store(true, Ordering::Relaxed);
        assert!(!keys.is_due(8_479 * MS), "too close to the last one");
        assert!(keys.is_due(8_559 * MS), "it is not forgotten");
        assert!(!keys.is_due(9_999 * MS), "and is done once");
        assert!(keys.is_due(10_000 * MS), "at the beginning of the interval as ever");
    }
}
