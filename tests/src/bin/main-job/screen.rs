//! The pictures that arrived, and which frames of the source they are.

use std::sync::{Arc, Mutex, PoisonError};

use fql_tests::arrivals::Arrivals;
use fql_tests::clip;
use fql_tests::frame::Frame;
use fql_tests::lossy_run::FRAME_RATE;
use fql_tests::score::{Score, Shown};

/// How many frames of the source a wrong guess of the first one may be off.
const SEARCH: usize = 25;
/// How many frames decide where the first picture belongs.
const TRIED: usize = 50;
/// The most pictures that are kept for measuring: at 720p, 1.4 MB each.
pub const KEPT: usize = 1000;

/// Collects the pictures that come to an appsink.
#[derive(Debug)]
pub struct Screen {
    pictures: Arc<Mutex<Vec<Picture>>>,
    arrivals: Arrivals,
}

#[derive(Debug)]
struct Picture {
    pts: gst::ClockTime,
    frame: Frame,
}

impl Screen {
    /// Keeps every picture that comes, up to a bound; `arrivals` are those at its decoder.
    pub fn watch(sink: &gst_app::AppSink, arrivals: Arrivals) -> Self {
        let pictures = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&pictures);
        let keep = move |sink: &gst_app::AppSink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() < KEPT
                && let Some(picture) = Picture::new(&sample)
            {
                kept.push(picture);
            }
            Ok(gst::FlowSuccess::Ok)
        };
        sink.set_callbacks(gst_app::AppSinkCallbacks::builder().new_sample(keep).build());
        Self { pictures, arrivals }
    }

    /// Pictures so far.
    pub fn count(&self) -> usize {
        self.pictures.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The score of what was on the screen against the source, frame by frame: of all of it, and without the first
    /// second (where there is more), in which receiver and sender learn the link. `None` if nothing came.
    pub fn scores(&self, source: &[Frame]) -> Option<(Score, Score)> {
        let pictures = self.pictures.lock().unwrap_or_else(PoisonError::into_inner);
        let numbers = numbers(&pictures)?;
        let is_new = |picture: &Picture| self.arrivals.is_new(picture.pts);
        let timeline = |source, start| timeline(&pictures, &numbers, source, start, is_new);
        // The first picture need not be the first frame: of all starts, the one under which everything fits best.
        let head = &source[..source.len().min(TRIED)];
        let fit = |start| Score::new(&timeline(head, start)).map_or(0.0, |score| score.mean_psnr);
        let start = (0..SEARCH.min(source.len())).max_by(|&a, &b| fit(a).total_cmp(&fit(b)))?;
        let shown = timeline(source, start);
        let all = Score::new(&shown)?;
        let settled = shown.get(FRAME_RATE..).and_then(Score::new);
        Some((all, settled.unwrap_or(all)))
    }
}

impl Picture {
    fn new(sample: &gst::Sample) -> Option<Self> {
        let buffer = sample.buffer()?;
        Some(Self { pts: buffer.pts()?, frame: clip::frame(sample).ok()? })
    }
}

/// How many frames after the first one each picture is, by its time.
fn numbers(pictures: &[Picture]) -> Option<Vec<usize>> {
    let first = pictures.first()?.pts;
    let mut gaps: Vec<_> =
        pictures.windows(2).map(|pair| pair[1].pts.saturating_sub(pair[0].pts).nseconds()).collect();
    gaps.sort_unstable();
    // Most pictures follow their predecessor directly, so the median gap is the time of one frame.
    let frame = (*gaps.get(gaps.len() / 2)?).max(1);
    let number = |picture: &Picture| (picture.pts.saturating_sub(first).nseconds() + frame / 2) / frame;
    Some(pictures.iter().map(|picture| number(picture) as usize).collect())
}

fn timeline(
    pictures: &[Picture],
    numbers: &[usize],
    source: &[Frame],
    start: usize,
    is_new: impl Fn(&Picture) -> bool,
) -> Vec<Shown> {
    let mut arrived = numbers.iter().zip(pictures).peekable();
    let mut on_screen: Option<&Picture> = None;
    let mut timeline = Vec::new();
    for (i, frame) in source.iter().enumerate().skip(start) {
        let mut new = false;
        while let Some((_, picture)) = arrived.next_if(|(number, _)| **number + start <= i) {
            (on_screen, new) = (Some(picture), is_new(picture));
        }
        let Some(picture) = on_screen else { continue };
        timeline.push(Shown { new, psnr: frame.luma_psnr(&picture.frame, 0) });
    }
    timeline
}
