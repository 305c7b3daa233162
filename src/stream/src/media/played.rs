//! Inputs that GStreamer decodes, once or again and again, put on one time line.

use std::sync::{Mutex, PoisonError};
use std::thread::ScopedJoinHandle;

use gst::prelude::*;

use crate::failure::{Failure, Result};
use crate::media::feed::Feed;
use crate::media::reader::{Origin, Reader, Track};
use crate::media::turns::Turns;

/// How much decoded media waits before the encoders: enough to open a file anew meanwhile.
const AHEAD: gst::ClockTime = gst::ClockTime::from_mseconds(400);

/// Opens an input and leads its tracks to the sink; it is read as soon as the pipeline takes it. An input that
/// repeats is opened anew at each end.
pub fn start(feed: &Feed, name: &str, origin: Origin<'_>, repeat: Option<String>) -> Result<()> {
    let reader = Reader::open(name, origin)?;
    let sources = reader.tracks().iter().map(|track| source(feed, track)).collect::<Result<Vec<_>>>()?;
    let player = Player { name: name.to_owned(), sources, repeat };
    std::thread::spawn(move || player.run(reader));
    Ok(())
}

fn source(feed: &Feed, track: &Track) -> Result<gst_app::AppSrc> {
    let source =
        gst_app::AppSrc::builder().format(gst::Format::Time).block(true).max_time(AHEAD).max_bytes(0).build();
    feed.pipeline()?.add(&source).map_err(|error| Failure::failed(error.to_string()))?;
    let media = match track.name.split('_').next() {
        Some("video") => "video/x-raw",
        Some("audio") => "audio/x-raw",
        _ => "",
    };
    let pad = source.static_pad("src").ok_or_else(|| Failure::failed("appsrc has no pad"))?;
    feed.attach(&pad, media)?;
    Ok(source)
}

/// What became of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Ended,
    /// Nobody takes samples any more.
    Stopped,
}

struct Player {
    name: String,
    sources: Vec<gst_app::AppSrc>,
    repeat: Option<String>,
}

impl Player {
    fn run(&self, first: Reader) {
        match self.play(first) {
            Ok(()) => self.sources.iter().for_each(|source| {
                // One that has ended already takes no second end.
                let _ = source.end_of_stream();
            }),
            Err(failure) => {
                gst::element_error!(self.sources[0], gst::StreamError::Failed, ("{}: {failure}", self.name));
            }
        }
    }

    fn play(&self, first: Reader) -> Result<()> {
        let turns = Mutex::new(Turns::new(self.sources.len()));
        let mut reader = first;
        loop {
            let (turn, next) = std::thread::scope(|scope| {
                // While this turn is played: nothing waits for a file that takes its time to open.
                let open = |uri| scope.spawn(move || Reader::open(&self.name, Origin::Uri(uri)));
                let next = self.repeat.as_deref().map(open);
                (self.play_turn(&reader, &turns), next.map(ScopedJoinHandle::join))
            });
            let Some(next) = next.filter(|_| !matches!(turn, Ok(Turn::Stopped))) else {
                return turn.map(drop);
            };
            turn?;
            if !turns.lock().unwrap_or_else(PoisonError::into_inner).next_turn() {
                return Err(Failure::failed("it has no length, so it cannot repeat"));
            }
            reader = next.unwrap_or_else(|_| Err(Failure::failed("a thread that opens it has failed")))?;
        }
    }

    /// All tracks to their ends, each on a thread.
    fn play_turn(&self, reader: &Reader, turns: &Mutex<Turns>) -> Result<Turn> {
        let results: Vec<Result<Turn>> = std::thread::scope(|scope| {
            let play = |(index, (track, source))| {
                scope.spawn(move || play_track(reader, index, track, source, turns))
            };
            let threads: Vec<_> = reader.tracks().iter().zip(&self.sources).enumerate().map(play).collect();
            let broken = || Err(Failure::failed("a thread that reads it has failed"));
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| broken())).collect()
        });
        results.into_iter().try_fold(Turn::Ended, |all, one| match (all, one?) {
            (Turn::Ended, Turn::Ended) => Ok(Turn::Ended),
            _ => Ok(Turn::Stopped),
        })
    }
}

fn play_track(
    reader: &Reader,
    index: usize,
    track: &Track,
    source: &gst_app::AppSrc,
    turns: &Mutex<Turns>,
) -> Result<Turn> {
    while let Some(sample) = reader.next(track)? {
        let Some((mut buffer, running)) = in_segment(&sample) else { continue };
        let length = length(&buffer, &sample);
        let at = turns.lock().unwrap_or_else(PoisonError::into_inner).place(index, running, length);
        let timed = buffer.make_mut();
        timed.set_pts(gst::ClockTime::from_nseconds(at));
        timed.set_dts(gst::ClockTime::NONE);
        timed.unset_flags(gst::BufferFlags::DISCONT);
        if source.caps().as_ref() != sample.caps_owned().as_ref() {
            source.set_caps(sample.caps_owned().as_ref());
        }
        if source.push_buffer(buffer).is_err() {
            return Ok(Turn::Stopped);
        }
    }
    Ok(Turn::Ended)
}

/// The part of a buffer that is to be shown, and its running time in ns.
fn in_segment(sample: &gst::Sample) -> Option<(gst::Buffer, u64)> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let buffer = sample.buffer_owned()?;
    let buffer = match sample.caps().and_then(|caps| gst_audio::AudioInfo::from_caps(caps).ok()) {
        Some(info) => gst_audio::audio_buffer_clip(buffer, sample.segment()?, info.rate(), info.bpf())?,
        None => buffer,
    };
    let start = buffer.pts()?;
    let end = buffer.duration().map(|duration| start + duration);
    let (shown, _) = segment.clip(start, end.or(Some(start)))?;
    Some((buffer, segment.to_running_time(shown?)?.nseconds()))
}

/// How long a buffer lasts, in ns: as it says, or one frame.
fn length(buffer: &gst::Buffer, sample: &gst::Sample) -> u64 {
    let frame = || {
        let rate = sample.caps()?.structure(0)?.get::<gst::Fraction>("framerate").ok()?;
        let (frames, seconds) = (u64::try_from(rate.numer()).ok()?, u64::try_from(rate.denom()).ok()?);
        gst::ClockTime::SECOND.nseconds().checked_mul(seconds)?.checked_div(frames)
    };
    buffer.duration().map(gst::ClockTime::nseconds).or_else(frame).unwrap_or(0)
}
