use std::sync::{LazyLock, Mutex};

use fql_codec::video::{Decoder, DecoderConfig, Picture};
use fql_unit::Unit;
use gst::glib;
use gst_video::prelude::*;
use gst_video::subclass::prelude::*;

use crate::settings::DecoderSettings;
use crate::{caps, planes, templates};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("fqlvideodec", gst::DebugColorFlags::empty(), Some("FQL video decoder"))
});

struct State {
    decoder: Decoder,
    info: gst_video::VideoInfo,
    /// Whether the last frame could not be decoded: one warning for a run of them is enough.
    corrupt: bool,
}

#[derive(Default)]
pub struct FqlVideoDec {
    settings: Mutex<DecoderSettings>,
    state: Mutex<Option<State>>,
}

#[glib::object_subclass]
impl ObjectSubclass for FqlVideoDec {
    const NAME: &'static str = "GstFqlVideoDec";
    type Type = super::FqlVideoDec;
    type ParentType = gst_video::VideoDecoder;
}

impl ObjectImpl for FqlVideoDec {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(DecoderSettings::properties);
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        self.settings.lock().unwrap().set(pspec.name(), value);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        self.settings.lock().unwrap().get(pspec.name()).expect("one of the properties above")
    }

    fn constructed(&self) {
        self.parent_constructed();
        let element = self.obj();
        element.set_packetized(true);
        element.set_needs_format(true);
        element.set_use_default_pad_acceptcaps(true);
    }
}

impl GstObjectImpl for FqlVideoDec {}

impl ElementImpl for FqlVideoDec {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            templates::metadata(
                "FQL video decoder",
                "Codec/Decoder/Video",
                "Decodes video in quality layers, as many as are there",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> =
            LazyLock::new(|| templates::filter(&caps::video_template(), &caps::raw_video_template()));
        &TEMPLATES
    }
}

impl VideoDecoderImpl for FqlVideoDec {
    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *self.state.lock().unwrap() = None;
        Ok(())
    }

    fn set_format(
        &self,
        input: &gst_video::VideoCodecState<'static, gst_video::video_codec_state::Readable>,
    ) -> Result<(), gst::LoggableError> {
        let structure = input.caps().and_then(|caps| caps.structure(0));
        let structure = structure.ok_or_else(|| gst::loggable_error!(CAT, "the caps are empty"))?;
        let video = caps::to_video(structure).map_err(|err| gst::loggable_error!(CAT, "{err}"))?;
        let raw = caps::raw_of_video_info(&video)
            .map_err(|_| gst::loggable_error!(CAT, "no raw video has these caps"))?;
        let config = DecoderConfig {
            width: video.width,
            height: video.height,
            chroma: video.chroma,
            threads: self.settings.lock().unwrap().threads as usize,
        };
        let decoder = Decoder::new(config).map_err(|err| gst::loggable_error!(CAT, "{err}"))?;

        let element = self.obj();
        let output = element
            .set_output_state(raw.format(), video.width, video.height, Some(input))
            .map_err(|_| gst::loggable_error!(CAT, "the output caps were refused"))?;
        element.negotiate(output).map_err(|_| gst::loggable_error!(CAT, "downstream takes no such video"))?;
        let output = element.output_state().ok_or_else(|| gst::loggable_error!(CAT, "no output caps"))?;
        let info = output.info().clone();
        *self.state.lock().unwrap() = Some(State { decoder, info, corrupt: false });
        Ok(())
    }

    fn handle_frame(
        &self,
        mut frame: gst_video::VideoCodecFrame,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let element = self.obj();
        let unit = match read_unit(&frame) {
            Ok(unit) => unit,
            Err(err) => return self.drop_corrupt(frame, &err),
        };
        element.allocate_output_frame(&mut frame, None)?;
        match self.decode(&unit, &mut frame) {
            Ok(picture) => {
                gst::trace!(CAT, imp = self, "{picture:?}");
                if let Some(buffer) = frame.output_buffer_mut().filter(|_| picture.concealed) {
                    buffer.set_flags(gst::BufferFlags::CORRUPTED);
                }
                element.finish_frame(frame)
            }
            Err(err) => self.drop_corrupt(frame, &err),
        }
    }
}

impl FqlVideoDec {
    fn decode(&self, unit: &Unit, frame: &mut gst_video::VideoCodecFrame) -> Result<Picture, String> {
        let max_layer = self.settings.lock().unwrap().max_layer;
        let mut state = self.state.lock().unwrap();
        let State { decoder, info, corrupt } = state.as_mut().ok_or("no caps came before it")?;
        let buffer = frame.output_buffer_mut().ok_or("it has no output buffer")?;
        let mut picture = gst_video::VideoFrameRef::from_buffer_ref_writable(buffer, info)
            .map_err(|_| "the output buffer cannot be written")?;
        let mut planes = planes::of_frame_mut(&mut picture).map_err(|err| err.to_string())?;
        let picture = decoder.decode(unit, max_layer, &mut planes).map_err(|err| err.to_string())?;
        *corrupt = false;
        Ok(picture)
    }

    /// A frame that cannot be decoded is left out; a run of them gives one warning.
    fn drop_corrupt(
        &self,
        frame: gst_video::VideoCodecFrame,
        err: &str,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let number = frame.system_frame_number();
        gst::info!(CAT, imp = self, "Frame {number} is left out: {err}");
        let was_corrupt = match self.state.lock().unwrap().as_mut() {
            Some(state) => std::mem::replace(&mut state.corrupt, true),
            None => false,
        };
        if !was_corrupt {
            gst::element_imp_warning!(self, gst::StreamError::Decode, ["Frame {number} is left out: {err}"]);
        }
        self.obj().drop_frame(frame)
    }
}

fn read_unit(frame: &gst_video::VideoCodecFrame) -> Result<Unit, String> {
    let buffer = frame.input_buffer().ok_or("it has no input buffer")?;
    let map = buffer.map_readable().map_err(|_| "its buffer cannot be read")?;
    Unit::from_bytes(&map).map_err(|err| err.to_string())
}
