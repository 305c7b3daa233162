use std::sync::{LazyLock, Mutex};

use fql_codec::video::{EncoderConfig, Format};
use fql_unit::{Attachments, Orientation, Unit, VideoInfo};
use gst::glib;
use gst::prelude::*;
use gst_video::prelude::*;
use gst_video::subclass::prelude::*;

use super::coding::{self, Coding, Demand};
use super::overload::Overload;
use crate::control::Control;
use crate::planes::{FrameError, Frames};
use crate::refresh::Interval;
use crate::settings::EncoderSettings;
use crate::{attached, caps, orientation, templates};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("fqlvideoenc", gst::DebugColorFlags::empty(), Some("FQL video encoder"))
});

struct State {
    coding: Coding,
    frames: Frames,
    /// What the caps say of the track.
    video: VideoInfo,
    layers: u8,
}

#[derive(Default)]
pub struct FqlVideoEnc {
    control: Control,
    state: Mutex<Option<State>>,
    overload: Mutex<Overload>,
    /// As the last tags said.
    orientation: Mutex<Orientation>,
}

#[glib::object_subclass]
impl ObjectSubclass for FqlVideoEnc {
    const NAME: &'static str = "GstFqlVideoEnc";
    type Type = super::FqlVideoEnc;
    type ParentType = gst_video::VideoEncoder;
}

impl ObjectImpl for FqlVideoEnc {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(EncoderSettings::video_properties);
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        self.control.set_property(pspec.name(), value);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        self.control.property(pspec.name())
    }
}

impl GstObjectImpl for FqlVideoEnc {}

impl ElementImpl for FqlVideoEnc {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            templates::metadata(
                "FQL video encoder",
                "Codec/Encoder/Video",
                "Codes video in quality layers that can be lost one by one",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> =
            LazyLock::new(|| templates::filter(&caps::raw_video_input_template(), &caps::video_template()));
        &TEMPLATES
    }
}

impl VideoEncoderImpl for FqlVideoEnc {
    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *self.state.lock().unwrap() = None;
        *self.orientation.lock().unwrap() = Orientation::default();
        self.overload.lock().unwrap().forget();
        self.control.forget_sender();
        Ok(())
    }

    fn set_format(
        &self,
        input: &gst_video::VideoCodecState<'static, gst_video::video_codec_state::Readable>,
    ) -> Result<(), gst::LoggableError> {
        let settings = self.control.settings();
        let caps = input.caps().ok_or_else(|| gst::loggable_error!(CAT, "no caps"))?;
        let video =
            caps::video_info_of_raw(input.info(), caps).map_err(|err| gst::loggable_error!(CAT, "{err}"))?;
        let video = VideoInfo { orientation: *self.orientation.lock().unwrap(), ..video };
        let config = EncoderConfig {
            width: video.width,
            height: video.height,
            format: Format::from(&video),
            layers: settings.layers,
            slices: 0,
            threads: settings.threads as usize,
            motion: coding::motion(&settings),
        };
        let coding = Coding::new(config, self.control.allowance().bitrate)
            .map_err(|err| gst::loggable_error!(CAT, "{err}"))?;
        let frames = Frames::new(input.info()).ok_or_else(|| gst::loggable_error!(CAT, "no such format"))?;
        self.announce(input.info(), &video, settings.layers)?;
        *self.state.lock().unwrap() = Some(State { coding, frames, video, layers: settings.layers });
        Ok(())
    }

    fn handle_frame(
        &self,
        mut frame: gst_video::VideoCodecFrame,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.announce_orientation()?;
        if self.leaves_out(&frame) {
            gst::debug!(CAT, imp = self, "Left out: the machine is too slow for all of them");
            return self.obj().finish_frame(frame);
        }
        let unit = self.encode(&frame).map_err(|err| {
            gst::element_imp_error!(self, gst::StreamError::Encode, ["Could not code a frame: {err}"]);
            gst::FlowError::Error
        })?;
        let (layers, bytes) = (unit.coded_layers(), unit.payload_len());
        gst::trace!(CAT, imp = self, "{layers} layers in {bytes} bytes: {:?}", unit.flags);
        if unit.flags.key {
            // The others get the flag DELTA_UNIT.
            frame.set_flags(gst_video::VideoCodecFrameFlags::SYNC_POINT);
        }
        frame.set_output_buffer(gst::Buffer::from_mut_slice(unit.to_bytes()));
        self.obj().finish_frame(frame)
    }

    fn flush(&self) -> bool {
        if let Some(state) = self.state.lock().unwrap().as_mut() {
            state.coding.restart();
        }
        self.overload.lock().unwrap().forget();
        true
    }

    fn caps(&self, filter: Option<&gst::Caps>) -> gst::Caps {
        let all = self.obj().proxy_getcaps(None, None);
        match filter {
            // In the own order, so that a source of test pictures gives plain ones.
            Some(filter) => all.intersect_with_mode(filter, gst::CapsIntersectMode::First),
            None => all,
        }
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::StreamStart(_) => *self.orientation.lock().unwrap() = Orientation::default(),
            gst::EventView::Tag(tags) => {
                if let Some(orientation) = orientation::of_tags(tags.tag()) {
                    *self.orientation.lock().unwrap() = orientation;
                }
            }
            _ => (),
        }
        self.parent_sink_event(event)
    }

    fn src_event(&self, event: gst::Event) -> bool {
        if self.control.take_event(&event) {
            gst::log!(CAT, imp = self, "The sender says {:?}", event.structure());
            return true;
        }
        // What comes before has the same frames to make, whatever becomes of them here.
        if self.overload.lock().unwrap().take_event(&event) {
            return true;
        }
        self.parent_src_event(event)
    }

    fn propose_allocation(&self, query: &mut gst::query::Allocation) -> Result<(), gst::LoggableError> {
        query.add_allocation_meta::<gst_video::VideoMeta>(None);
        self.parent_propose_allocation(query)
    }
}

impl FqlVideoEnc {
    /// Says downstream what the track is that is made of this raw video.
    fn announce(
        &self,
        raw: &gst_video::VideoInfo,
        video: &VideoInfo,
        layers: u8,
    ) -> Result<(), gst::LoggableError> {
        let element = self.obj();
        let mut output = element
            .set_output_state(caps::of_video(video, layers), None)
            .map_err(|_| gst::loggable_error!(CAT, "the output caps were refused"))?;
        output.set_info(raw.clone());
        element.negotiate(output).map_err(|_| gst::loggable_error!(CAT, "downstream takes no layered video"))
    }

    /// Tags may come after the caps, and change.
    fn announce_orientation(&self) -> Result<(), gst::FlowError> {
        let orientation = *self.orientation.lock().unwrap();
        let (raw, video, layers) = {
            let mut state = self.state.lock().unwrap();
            let state = state.as_mut().ok_or(gst::FlowError::NotNegotiated)?;
            if state.video.orientation == orientation {
                return Ok(());
            }
            state.video.orientation = orientation;
            // Decoders begin anew with new caps, and have nothing to predict from.
            state.coding.restart();
            (state.frames.info().clone(), state.video.clone(), state.layers)
        };
        self.announce(&raw, &video, layers).map_err(|err| {
            err.log();
            gst::FlowError::NotNegotiated
        })
    }

    fn encode(&self, frame: &gst_video::VideoCodecFrame) -> Result<Unit, FrameError> {
        let settings = self.control.settings();
        let buffer = frame.input_buffer().ok_or(FrameError::Buffer)?;
        let is_forced = frame.flags().contains(gst_video::VideoCodecFrameFlags::FORCE_KEYFRAME);
        let mut state = self.state.lock().unwrap();
        let State { coding, frames, .. } = state.as_mut().ok_or(FrameError::Buffer)?;
        let demand = Demand {
            allowance: self.control.allowance(),
            interval: Interval::of_property(settings.keyframe_interval),
            key: is_forced || buffer.flags().contains(gst::BufferFlags::DISCONT),
            pts: frame.pts(),
            running_time: self.running_time(frame),
            duration: frame.duration().or_else(|| usual_duration(frames.info())),
        };
        coding.follow(&settings)?;
        coding.acknowledge(self.control.take_acknowledged());
        coding.encode(frames, buffer, &self.attachments(buffer), demand)
    }

    /// Whether a frame cannot be coded in time. One that somebody asked for is coded all the same.
    fn leaves_out(&self, frame: &gst_video::VideoCodecFrame) -> bool {
        let is_forced = frame.flags().contains(gst_video::VideoCodecFrameFlags::FORCE_KEYFRAME);
        let now = self.obj().current_running_time();
        let Some((now, due)) = now.zip(self.running_time(frame)).filter(|_| !is_forced) else { return false };
        self.overload.lock().unwrap().leaves_out(now, due, frame.duration().unwrap_or_default())
    }

    fn running_time(&self, frame: &gst_video::VideoCodecFrame) -> Option<gst::ClockTime> {
        let segment = self.obj().input_segment().downcast::<gst::ClockTime>().ok()?;
        segment.to_running_time(frame.pts()?)
    }

    fn attachments(&self, buffer: &gst::BufferRef) -> Attachments {
        let (attachments, refused) = attached::of_buffer(buffer);
        for err in refused {
            gst::warning!(CAT, imp = self, "Something that travels with a frame is left out: {err}");
        }
        attachments
    }
}

/// How long a frame is shown by the frame rate; `None` where that varies.
fn usual_duration(info: &gst_video::VideoInfo) -> Option<gst::ClockTime> {
    let fps = info.fps();
    let (numerator, denominator) = (u64::try_from(fps.numer()).ok()?, u64::try_from(fps.denom()).ok()?);
    let duration = || gst::ClockTime::SECOND.mul_div_floor(denominator, numerator);
    (numerator > 0).then(duration).flatten()
}
