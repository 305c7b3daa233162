//! When the buffers of a track are due.

use glib::translate::{IntoGlib, from_glib_borrow};
use gst::glib;
use gst_base::ffi;
use gst_base::prelude::*;

/// Makes [`of_buffer`] the way in which sinks of this class find out when a buffer is due.
pub fn install(class: &mut glib::subclass::basic::ClassStruct<super::imp::FqlTrackSink>) {
    let class: *mut ffi::GstBaseSinkClass = std::ptr::from_mut(class).cast();
    // SAFETY: GstBaseSink is the parent of the class, so that its class structure begins with that of GstBaseSink. The
    // bindings have no method for this virtual function.
    unsafe { (*class).get_times = Some(get_times) };
}

/// # Safety
/// Only for GStreamer to call, with a sink, a buffer and places for two times.
unsafe extern "C" fn get_times(
    sink: *mut ffi::GstBaseSink,
    buffer: *mut gst::ffi::GstBuffer,
    start: *mut gst::ffi::GstClockTime,
    end: *mut gst::ffi::GstClockTime,
) {
    // SAFETY: GStreamer keeps the sink and the buffer alive for the time of the call.
    let (sink, buffer) = unsafe {
        (from_glib_borrow::<_, gst_base::BaseSink>(sink), gst::BufferRef::from_ptr(buffer.cast_const()))
    };
    let segment = sink.segment().downcast::<gst::ClockTime>().ok();
    let times = of_buffer(buffer, segment.and_then(|segment| segment.start()));
    // SAFETY: both point to times that GStreamer reads after the call.
    unsafe { (*start, *end) = (times.0.into_glib(), times.1.into_glib()) };
}

/// The beginning and the end of a buffer in a segment: in the order in which units are decoded, where they have a time
/// for that. The first pictures may be decoded before the segment begins in which they are presented; they are not
/// outside of it for that.
fn of_buffer(
    buffer: &gst::BufferRef,
    begins: Option<gst::ClockTime>,
) -> (Option<gst::ClockTime>, Option<gst::ClockTime>) {
    let Some(time) = buffer.dts_or_pts() else { return (None, None) };
    let begins = begins.unwrap_or_default();
    let is_inside = buffer.pts().is_some_and(|pts| pts >= begins);
    let start = if is_inside { time.max(begins) } else { time };
    (Some(start), buffer.duration().map(|duration| start + duration))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(pts: u64, dts: Option<u64>) -> (Option<u64>, Option<u64>) {
        gst::init().unwrap();
        let mut buffer = gst::Buffer::new();
        let fields = buffer.get_mut().unwrap();
        fields.set_pts(gst::ClockTime::from_seconds(pts));
        fields.set_dts(dts.map(gst::ClockTime::from_seconds));
        fields.set_duration(gst::ClockTime::from_seconds(1));
        let (start, end) = of_buffer(&buffer, Some(gst::ClockTime::from_seconds(10)));
        (start.map(gst::ClockTime::seconds), end.map(gst::ClockTime::seconds))
    }

    #[test]
    fn buffers_are_due_when_they_are_decoded() {
        assert_eq!(times(20, Some(18)), (Some(18), Some(19)));
        assert_eq!(times(20, None), (Some(20), Some(21)));
    }

    #[test]
    fn a_picture_that_is_decoded_before_the_segment_begins_is_not_outside_of_it() {
        assert_eq!(times(10, Some(8)), (Some(10), Some(11)));
        assert_eq!(times(9, Some(8)), (Some(8), Some(9)));
    }
}
