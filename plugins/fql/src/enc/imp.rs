use std::sync::{LazyLock, Mutex};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use crate::plug::{self, Candidate, Plug, PlugBin};
use crate::settings::EncoderSettings;
use crate::{caps, templates};

static CAT: LazyLock<gst::DebugCategory> =
    LazyLock::new(|| gst::DebugCategory::new("fqlenc", gst::DebugColorFlags::empty(), Some("FQL encoder")));

fn candidates() -> [Candidate; 2] {
    [
        Candidate {
            sink: caps::raw_video_input_template(),
            src: caps::video_template(),
            make: || glib::Object::new::<crate::videoenc::FqlVideoEnc>().upcast(),
        },
        Candidate {
            sink: caps::raw_audio_template(),
            src: caps::audio_template(),
            make: || glib::Object::new::<crate::audioenc::FqlAudioEnc>().upcast(),
        },
    ]
}

pub struct FqlEnc {
    settings: Mutex<EncoderSettings>,
    plug: Plug,
}

#[glib::object_subclass]
impl ObjectSubclass for FqlEnc {
    const NAME: &'static str = "GstFqlEnc";
    type Type = super::FqlEnc;
    type ParentType = gst::Bin;

    fn with_class(class: &Self::Class) -> Self {
        let template = |name| class.pad_template(name).expect("one of the templates below");
        let plug = Plug::new::<Self>(&template("sink"), &template("src"), candidates());
        Self { settings: Mutex::default(), plug }
    }
}

impl ObjectImpl for FqlEnc {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(EncoderSettings::video_properties);
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        self.settings.lock().unwrap().set(pspec.name(), value);
        self.plug.forward(pspec.name(), value);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        self.settings.lock().unwrap().get(pspec.name()).expect("one of the properties above")
    }

    fn constructed(&self) {
        self.parent_constructed();
        self.plug.add_pads(&*self.obj());
    }
}

impl GstObjectImpl for FqlEnc {}

impl ElementImpl for FqlEnc {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            templates::metadata(
                "FQL encoder",
                "Codec/Encoder/Video/Audio",
                "Codes video or sound in quality layers; plugs the encoder for it when the caps come",
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

impl BinImpl for FqlEnc {}

impl PlugBin for FqlEnc {
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
