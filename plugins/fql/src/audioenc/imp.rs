use std::sync::{LazyLock, Mutex};

use fql_codec::Error;
use fql_codec::audio::{Encoder, EncoderConfig, RateControl, unit_samples};
use fql_unit::Unit;
use gst::glib;
use gst_audio::prelude::*;
use gst_audio::subclass::prelude::*;

use crate::control::Control;
use crate::samples::Packing;
use crate::settings::EncoderSettings;
use crate::{caps, planar, templates};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("fqlaudioenc", gst::DebugColorFlags::empty(), Some("FQL audio encoder"))
});

struct State {
    encoder: Encoder,
    rate: RateControl,
    packing: Packing,
    info: gst_audio::AudioInfo,
}

#[derive(Default)]
pub struct FqlAudioEnc {
    control: Control,
    state: Mutex<Option<State>>,
}

impl State {
    /// Codes a whole frame, or the end of a stream: less than a frame, or nothing. Gives units with the number of
    /// samples a channel in each.
    fn encode(&mut self, samples: &[i32], kbit_per_second: u32) -> Result<Vec<(Unit, usize)>, Error> {
        let (channels, frame) = (self.info.channels(), self.encoder.frame_len());
        self.rate.set_kbit_per_second(kbit_per_second);
        let rate = self.rate.next(frame as u64 * 1_000_000_000 / u64::from(self.info.rate()));
        let units = if samples.len() == frame * channels as usize {
            vec![self.encoder.encode(samples, rate)?]
        } else {
            self.encoder.finish(samples, rate)?
        };
        self.rate.spent(units.iter().map(|unit| unit.params().len() + unit.payload_len()).sum());
        let counted = |unit| unit_samples(&unit, channels as u8).map(|samples| (unit, samples));
        units.into_iter().map(counted).collect()
    }
}

impl FqlAudioEnc {
    fn encode(&self, buffer: Option<&gst::Buffer>) -> Result<Vec<(Unit, usize)>, gst::FlowError> {
        let mut state = self.state.lock().unwrap();
        let Some(state) = state.as_mut() else {
            return if buffer.is_some() { Err(gst::FlowError::NotNegotiated) } else { Ok(Vec::new()) };
        };
        let samples = match buffer {
            Some(buffer) => state.packing.read(&buffer.map_readable().map_err(|_| gst::FlowError::Error)?),
            None => Vec::new(),
        };
        state.encode(&samples, self.control.allowance().bitrate).map_err(|err| {
            gst::element_imp_error!(self, gst::StreamError::Encode, ["Could not code a frame: {err}"]);
            gst::FlowError::Error
        })
    }
}

#[glib::object_subclass]
impl ObjectSubclass for FqlAudioEnc {
    const NAME: &'static str = "GstFqlAudioEnc";
    type Type = super::FqlAudioEnc;
    type ParentType = gst_audio::AudioEncoder;
}

impl ObjectImpl for FqlAudioEnc {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let threads = |pspec: &glib::ParamSpec| pspec.name() == "threads";
            EncoderSettings::properties().into_iter().filter(|pspec| !threads(pspec)).collect()
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        self.control.set_property(pspec.name(), value);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        self.control.property(pspec.name())
    }

    fn constructed(&self) {
        self.parent_constructed();
        planar::interleave(self.obj().sink_pad());
    }
}

impl GstObjectImpl for FqlAudioEnc {}

impl ElementImpl for FqlAudioEnc {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            templates::metadata(
                "FQL audio encoder",
                "Codec/Encoder/Audio",
                "Codes sound in quality layers that can be lost one by one",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> =
            LazyLock::new(|| templates::filter(&caps::raw_audio_template(), &caps::audio_template()));
        &TEMPLATES
    }
}

impl AudioEncoderImpl for FqlAudioEnc {
    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *self.state.lock().unwrap() = None;
        self.control.forget_sender();
        Ok(())
    }

    fn set_format(&self, info: &gst_audio::AudioInfo) -> Result<(), gst::LoggableError> {
        let layers = self.control.settings().layers;
        let audio = caps::audio_info_of_raw(info)
            .ok_or_else(|| gst::loggable_error!(CAT, "{} channels, 1 to 8 can be coded", info.channels()))?;
        let packing = Packing::of_raw(info.format())
            .ok_or_else(|| gst::loggable_error!(CAT, "{} cannot be coded", info.format()))?;
        let config =
            EncoderConfig { rate: audio.rate, channels: audio.channels, format: audio.format, layers };
        let encoder = Encoder::new(config).map_err(|err| gst::loggable_error!(CAT, "{err}"))?;

        let element = self.obj();
        let frame_len = encoder.frame_len() as i32;
        element.set_frame_samples_min(frame_len);
        element.set_frame_samples_max(frame_len);
        element.set_frame_max(1);
        element.set_hard_min(false);
        // A frame's first sample waits for its last one, and for those that the encoder holds back.
        let held = (encoder.frame_len() + encoder.delay()) as u64;
        let latency = gst::ClockTime::SECOND.mul_div_ceil(held, u64::from(audio.rate)).unwrap_or_default();
        element.set_latency(latency, latency);
        *self.state.lock().unwrap() = Some(State {
            encoder,
            rate: RateControl::new(self.control.allowance().bitrate),
            packing,
            info: info.clone(),
        });
        element
            .set_output_format(&caps::of_audio(&audio, layers))
            .map_err(|_| gst::loggable_error!(CAT, "the output caps were refused"))?;
        AudioEncoderExtManual::negotiate(&*element)
            .map_err(|_| gst::loggable_error!(CAT, "downstream takes no layered sound"))
    }

    fn handle_frame(&self, buffer: Option<&gst::Buffer>) -> Result<gst::FlowSuccess, gst::FlowError> {
        let units = self.encode(buffer)?;
        let element = self.obj();
        for (unit, samples) in units {
            gst::trace!(CAT, imp = self, "{} layers in {} bytes", unit.coded_layers(), unit.payload_len());
            let buffer = gst::Buffer::from_mut_slice(unit.to_bytes());
            element.finish_frame(Some(buffer), samples as i32)?;
        }
        Ok(gst::FlowSuccess::Ok)
    }

    fn flush(&self) {
        if let Some(state) = &mut *self.state.lock().unwrap() {
            state.encoder.reset();
        }
    }

    fn src_event(&self, event: gst::Event) -> bool {
        if self.control.take_event(&event) {
            gst::log!(CAT, imp = self, "The sender says {:?}", event.structure());
            return true;
        }
        self.parent_src_event(event)
    }
}
