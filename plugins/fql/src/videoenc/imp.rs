use std::sync::{LazyLock, Mutex};

use fql_codec::video::{Encoder, EncoderConfig, Rate, RateControl};
use fql_unit::Unit;
use gst::glib;
use gst::prelude::*;
use gst_video::prelude::*;
use gst_video::subclass::prelude::*;

use crate::control::Control;
use crate::settings::EncoderSettings;
use crate::{caps, planes, templates};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("fqlvideoenc", gst::DebugColorFlags::empty(), Some("FQL video encoder"))
});

struct State {
    encoder: Encoder,
    rate: RateControl,
    info: gst_video::VideoInfo,
}

#[derive(Default)]
pub struct FqlVideoEnc {
    control: Control,
    state: Mutex<Option<State>>,
}

#[glib::object_subclass]
impl ObjectSubclass for FqlVideoEnc {
    const NAME: &'static str = "GstFqlVideoEnc";
    type Type = super::FqlVideoEnc;
    type ParentType = gst_video::VideoEncoder;
}

impl ObjectImpl for FqlVideoEnc {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(EncoderSettings::properties);
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
            LazyLock::new(|| templates::filter(&caps::raw_video_template(), &caps::video_template()));
        &TEMPLATES
    }
}

impl VideoEncoderImpl for FqlVideoEnc {
    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *self.state.lock().unwrap() = None;
        self.control.forget_sender();
        Ok(())
    }

    fn set_format(
        &self,
        input: &gst_video::VideoCodecState<'static, gst_video::video_codec_state::Readable>,
    ) -> Result<(), gst::LoggableError> {
        let settings = self.control.settings();
        let video = caps::video_info_of_raw(input.info());
        let config = EncoderConfig {
            width: video.width,
            height: video.height,
            chroma: video.chroma,
            layers: settings.layers,
            slices: 0,
            threads: settings.threads as usize,
        };
        let encoder = Encoder::new(config).map_err(|err| gst::loggable_error!(CAT, "{err}"))?;
        *self.state.lock().unwrap() = Some(State {
            encoder,
            rate: RateControl::new(self.control.bitrate()),
            info: input.info().clone(),
        });
        let element = self.obj();
        let output = element
            .set_output_state(caps::of_video(&video, settings.layers), Some(input))
            .map_err(|_| gst::loggable_error!(CAT, "the output caps were refused"))?;
        element.negotiate(output).map_err(|_| gst::loggable_error!(CAT, "downstream takes no layered video"))
    }

    fn handle_frame(
        &self,
        mut frame: gst_video::VideoCodecFrame,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let unit = {
            let mut state = self.state.lock().unwrap();
            let state = state.as_mut().ok_or(gst::FlowError::NotNegotiated)?;
            state.rate.set_kbit_per_second(self.control.bitrate());
            let rate = state.rate.next(frame_duration(&frame, &state.info));
            let buffer = frame.input_buffer().ok_or(gst::FlowError::Error)?;
            let unit = encode(&mut state.encoder, &state.info, buffer, rate).map_err(|err| {
                gst::element_imp_error!(self, gst::StreamError::Encode, ["Could not code a frame: {err}"]);
                gst::FlowError::Error
            })?;
            state.rate.spent(unit.payload_len());
            unit
        };
        gst::trace!(CAT, imp = self, "{} layers in {} bytes", unit.coded_layers(), unit.payload_len());
        frame.set_output_buffer(gst::Buffer::from_mut_slice(unit.to_bytes()));
        frame.set_flags(gst_video::VideoCodecFrameFlags::SYNC_POINT);
        self.obj().finish_frame(frame)
    }

    fn src_event(&self, event: gst::Event) -> bool {
        let Some(kbit) = self.control.take_event(&event) else { return self.parent_src_event(event) };
        gst::debug!(CAT, imp = self, "The sender allows {kbit} kbit/s");
        true
    }

    fn propose_allocation(&self, query: &mut gst::query::Allocation) -> Result<(), gst::LoggableError> {
        query.add_allocation_meta::<gst_video::VideoMeta>(None);
        self.parent_propose_allocation(query)
    }
}

/// How many nanoseconds a frame is shown, as its buffer says, or as the frame rate does; 0 where neither does.
fn frame_duration(frame: &gst_video::VideoCodecFrame, info: &gst_video::VideoInfo) -> u64 {
    let fps = info.fps();
    let by_rate = || {
        let nanos = gst::ClockTime::SECOND.mul_div_floor(fps.denom() as u64, fps.numer() as u64);
        nanos.filter(|_| fps.numer() > 0)
    };
    frame.duration().or_else(by_rate).map_or(0, gst::ClockTime::nseconds)
}

fn encode(
    encoder: &mut Encoder,
    info: &gst_video::VideoInfo,
    buffer: &gst::BufferRef,
    rate: Rate,
) -> Result<Unit, String> {
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, info)
        .map_err(|_| "its buffer does not hold a picture of the negotiated size".to_owned())?;
    let planes = planes::of_frame(&frame).map_err(|err| err.to_string())?;
    encoder.encode(&planes, rate).map_err(|err| err.to_string())
}
