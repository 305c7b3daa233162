//! Seeks from downstream, while the file is pulled and while it is pushed.

use gst::prelude::*;
use gst::subclass::prelude::*;

use super::course::Course;
use super::fetching::byte_seek;
use super::imp::{CAT, FqlDemux};
use super::playback::Jump;

impl FqlDemux {
    pub(super) fn seek(&self, seek: &gst::event::Seek) -> bool {
        gst::debug!(CAT, imp = self, "Asked for {seek:?}");
        let _one_at_a_time = self.seeking.lock().unwrap();
        let (rate, flags, start_type, start, stop_type, stop) = seek.get();
        let seqnum = seek.seqnum();
        let (course, jump, is_pulling) = {
            let state = self.state.lock().unwrap();
            if state.playback.course.seqnum == seqnum {
                // Another sink sent the same seek.
                return true;
            }
            if rate <= 0.0 || start.format() != gst::Format::Time || state.fetch.is_some() || !state.can_seek
            {
                gst::debug!(CAT, imp = self, "A seek that cannot be: {seek:?}");
                return false;
            }
            let mut course = Course { seqnum, ..state.playback.course.clone() };
            let time = |value: gst::GenericFormattedValue| match value {
                gst::GenericFormattedValue::Time(time) => time,
                _ => None,
            };
            course.segment.set_duration(state.playback.duration());
            if course.segment.do_seek(rate, flags, start_type, time(start), stop_type, time(stop)).is_none() {
                return false;
            }
            let Some(jump) = state.playback.plan(&course, flags) else { return false };
            (course, jump, state.is_pulling)
        };
        gst::debug!(CAT, imp = self, "Seek to {:?}: {jump:?}", course.segment);
        let flushes = flags.contains(gst::SeekFlags::FLUSH);
        if is_pulling {
            self.seek_pulling(course, &jump, flushes)
        } else {
            self.seek_pushing(course, jump, flushes)
        }
    }

    fn seek_pulling(&self, course: Course, jump: &Jump, flushes: bool) -> bool {
        let sink = self.sink();
        let seqnum = course.seqnum;
        let pads = self.state.lock().unwrap().playback.streams.pads();
        let through_all = |event: gst::Event| {
            for pad in &pads {
                pad.push_event(event.clone());
            }
        };
        if flushes {
            sink.push_event(gst::event::FlushStart::builder().seqnum(seqnum).build());
            through_all(gst::event::FlushStart::builder().seqnum(seqnum).build());
        }
        // Fails only where there is no task any more.
        let _ = sink.pause_task();
        // The task does not run from here on.
        let lock = sink.stream_lock();
        if flushes {
            sink.push_event(gst::event::FlushStop::builder(true).seqnum(seqnum).build());
            through_all(gst::event::FlushStop::builder(true).seqnum(seqnum).build());
        }
        self.flows.lock().unwrap().reset();
        self.state.lock().unwrap().playback.jump(course, jump);
        let started = self.start_task(&sink);
        drop(lock);
        started.is_ok()
    }

    fn seek_pushing(&self, course: Course, jump: Jump, flushes: bool) -> bool {
        if !flushes {
            return false;
        }
        let event = byte_seek(jump.offset, course.seqnum);
        self.state.lock().unwrap().pending = Some((course, jump));
        let is_going = self.sink().push_event(event);
        if !is_going {
            self.state.lock().unwrap().pending = None;
        }
        is_going
    }
}
