use std::sync::{LazyLock, Mutex};

use fql_codec::video::{Decoder, DecoderConfig, Format};
use fql_unit::{Attachments, Orientation, Unit};
use gst::glib;
use gst_video::prelude::*;
use gst_video::subclass::prelude::*;

use super::showing::{Showing, Shown};
use crate::formats::Class;
use crate::planes::Frames;
use crate::settings::DecoderSettings;
use crate::{attached, caps, orientation, stats, templates, units};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("fqlvideodec", gst::DebugColorFlags::empty(), Some("FQL video decoder"))
});

struct State {
    config: DecoderConfig,
    decoder: Decoder,
    frames: Frames,
    /// Whether the last frame could not be decoded: one warning for a run of them is enough.
    corrupt: bool,
}

#[derive(Default)]
pub struct FqlVideoDec {
    settings: Mutex<DecoderSettings>,
    state: Mutex<Option<State>>,
    showing: Mutex<Showing>,
}

#[glib::object_subclass]
impl ObjectSubclass for FqlVideoDec {
    const NAME: &'static str = "GstFqlVideoDec";
    type Type = super::FqlVideoDec;
    type ParentType = gst_video::VideoDecoder;
}

impl ObjectImpl for FqlVideoDec {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(DecoderSettings::video_properties);
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        self.settings.lock().unwrap().set(pspec.name(), value);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let value = self.settings.lock().unwrap().get(pspec.name());
        value.unwrap_or_else(|| stats::of_decoder(&self.showing.lock().unwrap().counts).to_value())
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
        *self.showing.lock().unwrap() = Showing::default();
        Ok(())
    }

    fn set_format(
        &self,
        input: &gst_video::VideoCodecState<'static, gst_video::video_codec_state::Readable>,
    ) -> Result<(), gst::LoggableError> {
        let structure = input.caps().and_then(|caps| caps.structure(0));
        let structure = structure.ok_or_else(|| gst::loggable_error!(CAT, "the caps are empty"))?;
        let video = caps::to_video(structure).map_err(|err| gst::loggable_error!(CAT, "{err}"))?;
        let format = self.choose_format(Format::from(&video))?;
        let raw = caps::raw_of_video_info(&video, format)
            .and_then(|raw| caps::raw_video_caps(&video, &raw).map(|caps| (raw, caps)));
        let (raw, raw_caps) = raw.map_err(|err| gst::loggable_error!(CAT, "{err}"))?;
        let config = DecoderConfig {
            width: video.width,
            height: video.height,
            format: Format::from(&video),
            threads: self.settings.lock().unwrap().threads as usize,
        };
        let decoder = Decoder::new(config).map_err(|err| gst::loggable_error!(CAT, "{err}"))?;

        let element = self.obj();
        let mut output = element
            .set_output_state(format, video.width, video.height, Some(input))
            .map_err(|_| gst::loggable_error!(CAT, "the output caps were refused"))?;
        // More than what it takes over from the input.
        output.set_info(raw);
        output.set_caps(&raw_caps);
        if video.orientation != Orientation::default() {
            let mut tags = gst::TagList::new();
            orientation::add_to_tags(video.orientation, tags.make_mut());
            element.merge_tags(Some(&tags), gst::TagMergeMode::Replace);
        }
        element.negotiate(output).map_err(|_| gst::loggable_error!(CAT, "downstream takes no such video"))?;
        let output = element.output_state().ok_or_else(|| gst::loggable_error!(CAT, "no output caps"))?;
        let frames = Frames::new(output.info()).ok_or_else(|| gst::loggable_error!(CAT, "no such format"))?;
        *self.state.lock().unwrap() = Some(State { config, decoder, frames, corrupt: false });
        self.showing.lock().unwrap().restart();
        Ok(())
    }

    fn decide_allocation(&self, query: &mut gst::query::Allocation) -> Result<(), gst::LoggableError> {
        self.parent_decide_allocation(query)?;
        let takes_meta = query.find_allocation_meta::<gst_video::VideoMeta>().is_some();
        let pools = query.allocation_pools();
        if let Some((Some(pool), ..)) = pools.into_iter().next().filter(|_| takes_meta) {
            // So that downstream's pool may pad rows, and says so.
            let mut config = pool.config();
            config.add_option(gst_video::BUFFER_POOL_OPTION_VIDEO_META);
            pool.set_config(config).map_err(|err| gst::loggable_error!(CAT, "{err}"))?;
        }
        Ok(())
    }

    fn handle_frame(
        &self,
        mut frame: gst_video::VideoCodecFrame,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let element = self.obj();
        let mut unit = match read_unit(&frame) {
            Ok(unit) => unit,
            Err(err) => return self.drop_corrupt(frame, &err),
        };
        let late = element.max_decode_time(&frame).saturating_neg();
        if !self.showing.lock().unwrap().is_wanted(unit.flags.key, late) {
            gst::debug!(CAT, imp = self, "Left out, {late} ns too late");
            return element.drop_frame(frame);
        }
        let attachments = unit.detach();
        element.allocate_output_frame(&mut frame, None)?;
        match self.decode(&unit, &mut frame) {
            Ok(Shown::Hidden) => {
                element.release_frame(frame);
                Ok(gst::FlowSuccess::Ok)
            }
            Ok(shown) => {
                finish(&mut frame, &attachments, shown == Shown::Marked);
                element.finish_frame(frame)
            }
            Err(err) => self.drop_corrupt(frame, &err),
        }
    }

    fn flush(&self) -> bool {
        self.showing.lock().unwrap().restart();
        if let Some(state) = self.state.lock().unwrap().as_mut() {
            // The numbers of frames that come say nothing of those that came.
            state.decoder = Decoder::new(state.config).expect("the same configuration as before");
        }
        true
    }
}

impl FqlVideoDec {
    /// The raw format that downstream likes best of those with these samples.
    fn choose_format(&self, samples: Format) -> Result<gst_video::VideoFormat, gst::LoggableError> {
        let class = Class::of(samples).filter(|class| class.raw_formats().next().is_some());
        let class =
            class.ok_or_else(|| gst::loggable_error!(CAT, "GStreamer has no format for {samples:?}"))?;
        let pad = self.obj().static_pad("src").expect("a decoder has a source pad");
        let downstream = if pad.is_linked() { pad.peer_query_caps(None) } else { gst::Caps::new_any() };
        caps::preferred_raw_format(class, &downstream)
            .ok_or_else(|| gst::loggable_error!(CAT, "downstream takes no format like {}", class.name))
    }

    fn decode(&self, unit: &Unit, frame: &mut gst_video::VideoCodecFrame) -> Result<Shown, String> {
        let DecoderSettings { max_layer, waits_for_key, .. } = *self.settings.lock().unwrap();
        let mut state = self.state.lock().unwrap();
        let State { decoder, frames, corrupt, .. } = state.as_mut().ok_or("no caps came before it")?;
        let buffer = frame.output_buffer_mut().ok_or("it has no output buffer")?;
        let picture = frames.decode(decoder, unit, max_layer, buffer).map_err(|err| err.to_string())?;
        *corrupt = false;
        gst::trace!(CAT, imp = self, "{picture:?}");
        Ok(self.showing.lock().unwrap().decoded(&picture, waits_for_key))
    }

    /// A frame that cannot be decoded is left out; a run of them gives one warning.
    fn drop_corrupt(
        &self,
        frame: gst_video::VideoCodecFrame,
        err: &str,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let number = frame.system_frame_number();
        gst::info!(CAT, imp = self, "Frame {number} is left out: {err}");
        self.showing.lock().unwrap().counts.corrupt += 1;
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

/// Gives a decoded frame what travelled with it.
fn finish(frame: &mut gst_video::VideoCodecFrame, attachments: &Attachments, is_marked: bool) {
    let brought = frame.input_buffer_owned();
    let Some(buffer) = frame.output_buffer_mut() else { return };
    attached::put_on(attachments, brought.as_deref(), buffer);
    if is_marked {
        buffer.set_flags(gst::BufferFlags::CORRUPTED);
    }
}

fn read_unit(frame: &gst_video::VideoCodecFrame) -> Result<Unit, String> {
    let buffer = frame.input_buffer_owned().ok_or("it has no input buffer")?;
    Unit::from_shared(&units::shared(buffer)?).map_err(|err| err.to_string())
}
