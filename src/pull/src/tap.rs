//! Where media leaves a pipeline of GStreamer's.

use bytes::Bytes;
use fql_unit::Media;
use gst::prelude::*;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::decoding::Decoding;
use crate::describe;
use crate::error::{Error, Reason};
use crate::out::Unit;

/// What a pipeline gives.
pub(crate) enum Given {
    /// A track is this from now on.
    Media(u8, Media),
    /// A unit of a track.
    Unit(Unit),
    /// There are so many tracks that can be taken.
    Tracks(usize),
    /// It has failed.
    Failed(Error),
    /// Nothing more comes.
    End,
}

pub(crate) type Giver = mpsc::Sender<Given>;

/// Which times of units are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Times {
    /// When they are decoded, and when they are presented.
    Both,
    /// When they are presented: those of decoding that are there are guesses.
    Presentation,
    /// The same of a file of Matroska, as they stand in it: for its demuxer it begins with its first block, until one comes
    /// that is before that.
    Written,
}

/// A sink whose samples become a track's units. Its pipeline waits while many of them do.
pub(crate) fn sink(track: u8, caps: &gst::Caps, times: Times, giver: Giver) -> gst_app::AppSink {
    let sink = gst_app::AppSink::builder().sync(false).async_(false).caps(caps).build();
    let mut known: Option<gst::Caps> = None;
    let mut clock = Clock { times, is_sound: false, newest: i64::MIN, decoding: None };
    let take = move |sink: &gst_app::AppSink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        if sample.caps_owned() != known {
            known = sample.caps_owned();
            let media = known.as_ref().and_then(describe::media);
            if let Some(media) = media {
                clock.follow(&media);
                give(&giver, Given::Media(track, media))?;
            }
        }
        if let Some(unit) = clock.unit(track, &sample) {
            give(&giver, Given::Unit(unit))?;
        }
        Ok(gst::FlowSuccess::Ok)
    };
    sink.set_callbacks(gst_app::AppSinkCallbacks::builder().new_sample(take).build());
    sink
}

/// Waits until there is room. Fails where nobody takes anything any more.
pub(crate) fn give(giver: &Giver, given: Given) -> Result<(), gst::FlowError> {
    let sent = match giver.try_send(given) {
        // On the runtime's own threads nobody may wait: there a pipeline changes its state, before any media or after all.
        Err(TrySendError::Full(given)) if Handle::try_current().is_err() => {
            giver.blocking_send(given).is_ok()
        }
        sent => sent.is_ok(),
    };
    if sent { Ok(()) } else { Err(gst::FlowError::Flushing) }
}

/// Tells of the end and of errors.
pub(crate) fn watch(pipeline: &gst::Pipeline, giver: Giver) {
    let Some(bus) = pipeline.bus() else { return };
    bus.set_sync_handler(move |_, message| {
        let given = match message.view() {
            gst::MessageView::Error(error) => {
                Some(Given::Failed(Error::new(Reason::Malformed, error.error().message())))
            }
            gst::MessageView::Eos(_) => Some(Given::End),
            _ => None,
        };
        if let Some(given) = given {
            // Nobody waits for it any more where this fails.
            let _ = give(&giver, given);
        }
        gst::BusSyncReply::Drop
    });
}

/// The times of a track.
struct Clock {
    times: Times,
    is_sound: bool,
    /// The newest time of decoding.
    newest: i64,
    /// Where times of decoding have to be found.
    decoding: Option<Decoding>,
}

impl Clock {
    fn follow(&mut self, media: &Media) {
        self.is_sound = media.is_audio();
        if let Media::EncodedVideo(video) = media
            && self.times != Times::Both
        {
            self.decoding.get_or_insert_default().follow(video);
        }
    }

    fn unit(&mut self, track: u8, sample: &gst::Sample) -> Option<Unit> {
        let buffer = sample.buffer()?;
        let flags = buffer.flags();
        if buffer.size() == 0 || (self.is_sound && flags.contains(gst::BufferFlags::HEADER)) {
            return None;
        }
        let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
        let running = |time: gst::ClockTime| match segment.to_running_time_full(time)? {
            _ if self.times == Times::Written => i64::try_from(time.nseconds()).ok(),
            gst::Signed::Positive(time) => i64::try_from(time.nseconds()).ok(),
            gst::Signed::Negative(time) => i64::try_from(time.nseconds()).ok().map(|time| -time),
        };
        let (pts, dts) = (buffer.pts().and_then(running), buffer.dts().and_then(running));
        let (dts, pts) = match &mut self.decoding {
            Some(decoding) => {
                let pts = pts.or(dts)?;
                (decoding.of(pts), pts)
            }
            None => {
                let dts = dts.or(pts)?.max(self.newest.saturating_add(1));
                (dts, pts.unwrap_or(dts))
            }
        };
        self.newest = dts;
        let data = Bytes::copy_from_slice(&buffer.map_readable().ok()?);
        let key = !flags.contains(gst::BufferFlags::DELTA_UNIT);
        let duration = buffer.duration().map_or(0, gst::ClockTime::nseconds);
        Some(Unit { track, dts, pts, duration, key, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pipeline_that_fails_as_it_starts_tells_of_it() {
        gst::init().unwrap();
        let text = "filesrc location=/nonexistent/file ! fakesink";
        let pipeline = gst::parse::launch(text).unwrap().downcast::<gst::Pipeline>().unwrap();
        let (giver, mut given) = mpsc::channel(1);
        watch(&pipeline, giver);
        // The error comes on this thread, which is the runtime's.
        assert!(pipeline.set_state(gst::State::Playing).is_err());
        assert!(matches!(given.recv().await, Some(Given::Failed(_))));
        pipeline.set_state(gst::State::Null).unwrap();
    }

    #[test]
    fn what_waits_on_another_thread_is_not_lost() {
        let (giver, mut given) = mpsc::channel(1);
        let giving =
            std::thread::spawn(move || (0..50).all(|count| give(&giver, Given::Tracks(count)).is_ok()));
        for expected in 0..50 {
            assert!(matches!(given.blocking_recv(), Some(Given::Tracks(count)) if count == expected));
        }
        assert!(giving.join().unwrap());
    }
}
