use std::sync::{LazyLock, Mutex};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use crate::plug::{self, Candidate, Plug, PlugBin};
use crate::settings::DecoderSettings;
use crate::{caps, stats, templates};

static CAT: LazyLock<gst::DebugCategory> =
    LazyLock::new(|| gst::DebugCategory::new("fqldec", gst::DebugColorFlags::empty(), Some("FQL decoder")));

fn candidates() -> [Candidate; 2] {
    [
        Candidate {
            sink: caps::video_template(),
            src: caps::raw_video_template(),
            make: || glib::Object::new::<crate::videodec::FqlVideoDec>().upcast(),
        },
        Candidate {
            sink: caps::audio_template(),
            src: caps::interleaved_audio_template(),
            make: || glib::Object::new::<crate::audiodec::FqlAudioDec>().upcast(),
        },
    ]
}

pub struct FqlDec {
    settings: Mutex<DecoderSettings>,
    plug: Plug,
}

#[glib::object_subclass]
impl ObjectSubclass for FqlDec {
    const NAME: &'static str = "GstFqlDec";
    type Type = super::FqlDec;
    type ParentType = gst::Bin;

    fn with_class(class: &Self::Class) -> Self {
        let template = |name| class.pad_template(name).expect("one of the templates below");
        let plug = Plug::new::<Self>(&template("sink"), &template("src"), candidates());
        Self { settings: Mutex::default(), plug }
    }
}

impl ObjectImpl for FqlDec {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(DecoderSettings::video_properties);
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        self.settings.lock().unwrap().set(pspec.name(), value);
        self.plug.forward(pspec.name(), value);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let value = self.settings.lock().unwrap().get(pspec.name());
        value.unwrap_or_else(|| self.stats().to_value())
    }

    fn constructed(&self) {
        self.parent_constructed();
        self.plug.add_pads(&*self.obj());
    }
}

impl GstObjectImpl for FqlDec {}

impl ElementImpl for FqlDec {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            templates::metadata(
                "FQL decoder",
                "Codec/Decoder/Video/Audio",
                "Decodes video or sound in quality layers; plugs the decoder for it when the caps come",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> =
            LazyLock::new(|| plug::pad_templates(&candidates()));
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        let result = self.parent_change_state(transition);
        if transition == gst::StateChange::PausedToReady {
            // The pads are not active any more: nothing flows, and the next stream may be of the other kind.
            self.plug.unplug(self.obj().upcast_ref());
        }
        result
    }
}

impl BinImpl for FqlDec {}

impl FqlDec {
    /// What the decoder of video tells; of sound there is nothing to tell.
    fn stats(&self) -> gst::Structure {
        let decoder = self.plug.element().filter(|element| element.has_property("stats"));
        decoder.map_or_else(|| stats::of_decoder(&Default::default()), |decoder| decoder.property("stats"))
    }
}

impl PlugBin for FqlDec {
    fn category(&self) -> gst::DebugCategory {
        *CAT
    }

    fn plug(&self) -> &Plug {
        &self.plug
    }

    fn configure(&self, element: &gst::Element) {
        let settings = self.settings.lock().unwrap();
        for pspec in Self::properties() {
            if let Some(value) = settings.get(pspec.name()).filter(|_| element.has_property(pspec.name())) {
                element.set_property_from_value(pspec.name(), &value);
            }
        }
    }
}
