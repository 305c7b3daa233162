use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use fql_unit::Media;
use gst::glib;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;

use crate::sending::{Moment, Sending};
use crate::templates;
use crate::units::Units;
use crate::utc::{self, SystemUtc};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("fqltracksink", gst::DebugColorFlags::empty(), Some("FQL sender of one track"))
});

#[derive(Default)]
pub struct FqlTrackSink {
    owner: OnceLock<(u8, Arc<Sending>)>,
    /// How its buffers become units.
    units: Mutex<Units>,
    /// Whether the caps changed since the last unit: the next one is the first of another kind.
    new_caps: AtomicBool,
    utc: Mutex<SystemUtc>,
}

impl FqlTrackSink {
    pub fn belong_to(&self, id: u8, sending: Arc<Sending>) {
        // A sink is made for one track and never given to another.
        let _ = self.owner.set((id, sending));
    }

    pub fn id(&self) -> Option<u8> {
        self.owner.get().map(|(id, _)| *id)
    }

    fn owner(&self) -> Result<&(u8, Arc<Sending>), gst::FlowError> {
        self.owner.get().ok_or(gst::FlowError::Error)
    }

    /// Data may come rarely, or never: the start of the pipeline must not wait for it. A gap counts as preroll; it
    /// needs a segment, which the stream's own replaces when it comes.
    fn preroll_without_data(&self) {
        let has_segment = self
            .obj()
            .static_pad("sink")
            .is_some_and(|pad| pad.sticky_event::<gst::event::Segment>(0).is_some());
        if has_segment {
            return;
        }
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        self.parent_event(gst::event::Segment::new(&segment));
        self.parent_event(gst::event::Gap::builder(gst::ClockTime::ZERO).build());
    }

    /// Whether something upstream produces at its own pace, so that waiting would let it run over.
    fn is_live(&self) -> bool {
        let mut query = gst::query::Latency::new();
        let pad = self.obj().static_pad("sink").expect("a sink has a pad");
        pad.peer_query(&mut query) && query.result().0
    }

    /// How far UTC is ahead of the clock: as what comes with the buffer says (a camera's own clock, say), or else as the
    /// system does.
    fn utc_ahead(
        &self,
        buffer: &gst::BufferRef,
        time: gst::ClockTime,
        composition: Option<i64>,
    ) -> Option<i64> {
        if let Some(utc) = utc::of_buffer(buffer) {
            let presented = time.nseconds().checked_add_signed(composition.unwrap_or_default())?;
            return i64::try_from(i128::from(utc) - i128::from(presented)).ok();
        }
        self.utc.lock().unwrap().ahead_of(&self.obj().clock()?)
    }

    /// The clock time at which a buffer is to be presented (or decoded, where it has a time for that), and how much
    /// later it is presented than decoded.
    fn session_times(&self, buffer: &gst::BufferRef) -> Option<(gst::ClockTime, Option<i64>)> {
        let sink = self.obj();
        let base_time = sink.base_time()?;
        let segment = sink.segment().downcast::<gst::ClockTime>().ok();
        let running =
            |time: Option<gst::ClockTime>| segment.as_ref()?.to_running_time_full(time?).map(signed_nanos);
        let (pts, dts) = (running(buffer.pts()), running(buffer.dts()));
        let is_decoded_in_order = self.units.lock().unwrap().are_presented_in_order();
        let dts = dts.filter(|_| pts.is_none() || !is_decoded_in_order);
        let now = || sink.current_running_time().map(|time| time.nseconds() as i64);
        let time = dts.or(pts).or_else(now)?;
        let clock_time = base_time.nseconds().saturating_add_signed(time);
        let composition = dts.zip(pts).map(|(dts, pts)| pts - dts);
        Some((gst::ClockTime::from_nseconds(clock_time), composition))
    }
}

#[glib::object_subclass]
impl ObjectSubclass for FqlTrackSink {
    const NAME: &'static str = "GstFqlTrackSink";
    type Type = super::FqlTrackSink;
    type ParentType = gst_base::BaseSink;

    fn class_init(class: &mut Self::Class) {
        super::times::install(class);
    }
}

impl ObjectImpl for FqlTrackSink {}
impl GstObjectImpl for FqlTrackSink {}

impl ElementImpl for FqlTrackSink {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            templates::metadata("FQL track sink", "Sink/Network", "Sends one track; inside of fqlfecsink")
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let (sink, always) = (gst::PadDirection::Sink, gst::PadPresence::Always);
            vec![templates::template("sink", sink, always, &gst::Caps::new_any())]
        });
        &TEMPLATES
    }
}

impl BaseSinkImpl for FqlTrackSink {
    fn event(&self, event: gst::Event) -> bool {
        let is_caps = event.type_() == gst::EventType::Caps;
        let taken = self.parent_event(event);
        if taken && is_caps && self.units.lock().unwrap().is_data() {
            self.preroll_without_data();
        }
        taken
    }

    fn set_caps(&self, caps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let (id, sending) =
            self.owner().map_err(|_| gst::loggable_error!(CAT, "not inside of fqlfecsink"))?;
        self.new_caps.store(true, Ordering::Relaxed);
        let (media, layers) = sending.describe(*id, caps).map_err(|err| {
            gst::element_imp_error!(self, gst::StreamError::Format, ["A track that cannot be sent: {err}"]);
            gst::loggable_error!(CAT, "{err}")
        })?;
        // How late they are is what an encoder of layers goes by; others would make decoders before them drop pictures.
        self.obj().set_property("qos", matches!(media, Media::Video(_)));
        self.units.lock().unwrap().describe(&media, layers);
        Ok(())
    }

    fn prepare(&self, _buffer: &gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let (_, sending) = self.owner()?;
        sending.revive().map_err(|err| {
            gst::element_imp_error!(self, gst::ResourceError::OpenWrite, ["Cannot send again: {err}"]);
            gst::FlowError::Error
        })?;
        // Before the first preroll is over, so that the pipeline's time begins when the receiver is there. Where
        // nothing waits for the preroll, nothing may wait here either.
        if sending.wants_to_wait() && self.obj().is_async() && !self.is_live() {
            sending.wait_for_receiver();
        }
        Ok(gst::FlowSuccess::Ok)
    }

    fn render(&self, buffer: &gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let (id, sending) = self.owner()?;
        let Some((time, composition)) = self.session_times(buffer) else {
            gst::debug!(CAT, imp = self, "A buffer outside of the segment is left out");
            return Ok(gst::FlowSuccess::Ok);
        };
        let mut unit = self.units.lock().unwrap().make(buffer, composition);
        if let Ok(unit) = &mut unit {
            unit.flags.discont |= self.new_caps.swap(false, Ordering::Relaxed);
        }
        let moment = Moment {
            time,
            base_time: self.obj().base_time().unwrap_or_default(),
            duration: buffer.duration(),
            utc_ahead: self.utc_ahead(buffer, time, composition),
        };
        let sent = unit.and_then(|unit| sending.push(*id, &moment, &unit));
        if let Err(err) = sent {
            gst::warning!(CAT, imp = self, "A unit of track {id} is left out: {err}");
            if sending.warn_once() {
                gst::element_imp_warning!(
                    self,
                    gst::StreamError::Format,
                    ["A unit of track {id} is left out: {err}"]
                );
            }
        }
        Ok(gst::FlowSuccess::Ok)
    }

    fn unlock(&self) -> Result<(), gst::ErrorMessage> {
        if let Ok((_, sending)) = self.owner() {
            sending.release_waits(true);
        }
        Ok(())
    }

    fn unlock_stop(&self) -> Result<(), gst::ErrorMessage> {
        if let Ok((_, sending)) = self.owner() {
            sending.release_waits(false);
        }
        Ok(())
    }
}

fn signed_nanos(time: gst::Signed<gst::ClockTime>) -> i64 {
    match time {
        gst::Signed::Positive(time) => time.nseconds() as i64,
        gst::Signed::Negative(time) => -(time.nseconds() as i64),
    }
}
