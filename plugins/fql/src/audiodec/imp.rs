use std::sync::{LazyLock, Mutex};

use fql_codec::audio::{Decoder, DecoderConfig, Sound};
use fql_unit::{AudioFormat, AudioInfo, Unit};
use gst::glib;
use gst_audio::prelude::*;
use gst_audio::subclass::prelude::*;

use crate::samples::Packing;
use crate::settings::DecoderSettings;
use crate::{caps, templates};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("fqlaudiodec", gst::DebugColorFlags::empty(), Some("FQL audio decoder"))
});

/// The longest gap that is filled at once; what is longer stays silent.
const LONGEST_FILL: gst::ClockTime = gst::ClockTime::from_seconds(1);

struct State {
    decoder: Decoder,
    format: AudioFormat,
    /// What downstream takes.
    packing: Packing,
    info: gst_audio::AudioInfo,
    /// Samples a channel in the frame before: what is filled in for a corrupt one.
    last_len: usize,
    /// Whether the last frame could not be decoded: one warning for a run of them is enough.
    corrupt: bool,
}

#[derive(Default)]
pub struct FqlAudioDec {
    settings: Mutex<DecoderSettings>,
    state: Mutex<Option<State>>,
}

#[glib::object_subclass]
impl ObjectSubclass for FqlAudioDec {
    const NAME: &'static str = "GstFqlAudioDec";
    type Type = super::FqlAudioDec;
    type ParentType = gst_audio::AudioDecoder;
}

impl ObjectImpl for FqlAudioDec {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            let threads = |pspec: &glib::ParamSpec| pspec.name() == "threads";
            DecoderSettings::properties().into_iter().filter(|pspec| !threads(pspec)).collect()
        });
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
        element.set_needs_format(true);
        element.set_use_default_pad_acceptcaps(true);
        element.set_plc(true);
    }
}

impl GstObjectImpl for FqlAudioDec {}

impl ElementImpl for FqlAudioDec {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            templates::metadata(
                "FQL audio decoder",
                "Codec/Decoder/Audio",
                "Decodes sound in quality layers, as many as are there, and fills gaps",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> =
            LazyLock::new(|| templates::filter(&caps::audio_template(), &caps::interleaved_audio_template()));
        &TEMPLATES
    }
}

impl AudioDecoderImpl for FqlAudioDec {
    fn start(&self) -> Result<(), gst::ErrorMessage> {
        // Gaps come to handle_frame as empty buffers, to be filled from what was heard before. The base class
        // forgets this whenever it stops.
        self.obj().set_plc_aware(true);
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *self.state.lock().unwrap() = None;
        Ok(())
    }

    fn set_format(&self, input: &gst::Caps) -> Result<(), gst::LoggableError> {
        let structure = input.structure(0).ok_or_else(|| gst::loggable_error!(CAT, "the caps are empty"))?;
        let audio = caps::to_audio(structure).map_err(|err| gst::loggable_error!(CAT, "{err}"))?;
        let element = self.obj();
        let (packing, info) = self.choose_packing(&audio)?;
        let config = DecoderConfig { rate: audio.rate, channels: audio.channels, format: audio.format };
        let decoder = Decoder::new(config).map_err(|err| gst::loggable_error!(CAT, "{err}"))?;
        element
            .set_output_format(&info)
            .map_err(|_| gst::loggable_error!(CAT, "the output caps were refused"))?;
        let state = State { decoder, format: audio.format, packing, info, last_len: 0, corrupt: false };
        *self.state.lock().unwrap() = Some(state);
        AudioDecoderExtManual::negotiate(&*element)
            .map_err(|_| gst::loggable_error!(CAT, "downstream takes no such sound"))
    }

    fn flush(&self, hard: bool) {
        if let Some(state) = self.state.lock().unwrap().as_mut().filter(|_| hard) {
            state.decoder.reset();
        }
    }

    fn handle_frame(&self, buffer: Option<&gst::Buffer>) -> Result<gst::FlowSuccess, gst::FlowError> {
        let Some(buffer) = buffer else { return Ok(gst::FlowSuccess::Ok) };
        let mut out = Vec::new();
        if buffer.size() == 0 {
            self.fill(buffer.duration(), &mut out)?;
        } else {
            match self.decode(buffer, &mut out) {
                Ok(sound) => gst::trace!(CAT, imp = self, "{sound:?}"),
                Err(err) => self.replace_corrupt(buffer, &err, &mut out)?,
            }
        }
        let sound = self.packed(&out).filter(|bytes| !bytes.is_empty()).map(gst::Buffer::from_mut_slice);
        self.obj().finish_frame(sound, 1)
    }
}

impl FqlAudioDec {
    /// The first packing that holds the samples exactly and that downstream takes.
    fn choose_packing(
        &self,
        audio: &AudioInfo,
    ) -> Result<(Packing, gst_audio::AudioInfo), gst::LoggableError> {
        let allowed = self.obj().src_pad().allowed_caps();
        let takes = |info: &gst_audio::AudioInfo| {
            let caps = info.to_caps().ok();
            caps.is_some_and(|caps| allowed.as_ref().is_none_or(|allowed| allowed.can_intersect(&caps)))
        };
        let packings = Packing::holding(audio.format).iter();
        let infos = packings
            .filter_map(|packing| caps::raw_of_audio_info(audio, *packing).ok().map(|info| (*packing, info)));
        let mut infos = infos.peekable();
        let plainest = infos.peek().cloned();
        // Where downstream takes none the negotiation says so, with the caps that it was asked for.
        infos
            .find(|(_, info)| takes(info))
            .or(plainest)
            .ok_or_else(|| gst::loggable_error!(CAT, "no raw sound has these caps"))
    }

    /// Samples as downstream takes them.
    fn packed(&self, samples: &[i32]) -> Option<Vec<u8>> {
        self.state.lock().unwrap().as_ref().map(|state| state.packing.write(samples, state.format))
    }

    fn decode(&self, buffer: &gst::Buffer, out: &mut Vec<i32>) -> Result<Sound, String> {
        let map = buffer.map_readable().map_err(|_| "its buffer cannot be read")?;
        let unit = Unit::from_bytes(&map).map_err(|err| err.to_string())?;
        let max_layer = self.settings.lock().unwrap().max_layer;
        let mut state = self.state.lock().unwrap();
        let State { decoder, last_len, corrupt, .. } = state.as_mut().ok_or("no caps came before it")?;
        let sound = decoder.decode(&unit, max_layer, out).map_err(|err| err.to_string())?;
        *last_len = sound.samples;
        *corrupt = false;
        Ok(sound)
    }

    /// Fills a gap of this duration; of the frame before where it is not known.
    fn fill(&self, duration: Option<gst::ClockTime>, out: &mut Vec<i32>) -> Result<(), gst::FlowError> {
        let mut state = self.state.lock().unwrap();
        let state = state.as_mut().ok_or(gst::FlowError::NotNegotiated)?;
        let rate = u64::from(state.info.rate());
        let count = match duration {
            Some(duration) => duration
                .min(LONGEST_FILL)
                .nseconds()
                .mul_div_round(rate, gst::ClockTime::SECOND.nseconds())
                .unwrap_or(0) as usize,
            None => state.last_len,
        };
        out.clear();
        state.decoder.conceal(count, out);
        Ok(())
    }

    /// A frame that cannot be decoded is filled in; a run of them gives one warning.
    fn replace_corrupt(
        &self,
        buffer: &gst::Buffer,
        err: &str,
        out: &mut Vec<i32>,
    ) -> Result<(), gst::FlowError> {
        gst::info!(CAT, imp = self, "A frame is filled in: {err}");
        let was_corrupt = match self.state.lock().unwrap().as_mut() {
            Some(state) => std::mem::replace(&mut state.corrupt, true),
            None => return Err(gst::FlowError::NotNegotiated),
        };
        if !was_corrupt {
            gst::element_imp_warning!(self, gst::StreamError::Decode, ["A frame is filled in: {err}"]);
        }
        self.fill(buffer.duration(), out)
    }
}
