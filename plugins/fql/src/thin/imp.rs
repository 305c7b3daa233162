use std::sync::{LazyLock, Mutex};

use fql_file::thin;
use fql_unit::{MAX_LAYERS, Media};
use gst::glib;
use gst_base::prelude::*;
use gst_base::subclass::base_transform::GenerateOutputSuccess;
use gst_base::subclass::prelude::*;

use crate::units::Units;
use crate::{caps, templates};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("fqlthin", gst::DebugColorFlags::empty(), Some("FQL layer filter"))
});

const DEFAULT_MAX_LAYER: u8 = MAX_LAYERS - 1;

/// What is known of the track.
struct State {
    media: Media,
    units: Units,
}

impl State {
    /// What is left of a buffer; `None` where that is nothing. One that is no unit stays as it is.
    fn thin(&mut self, buffer: gst::Buffer, max_layer: u8) -> Option<gst::Buffer> {
        let Ok(unit) = self.units.make(&buffer, None) else { return Some(buffer) };
        let coded = unit.coded_layers();
        let unit = thin::unit(unit, &self.media, max_layer)?;
        if self.media.is_encoded() || unit.coded_layers() == coded {
            return Some(buffer);
        }
        let mut thinned = gst::Buffer::from_mut_slice(unit.to_bytes());
        let fields = thinned.get_mut().expect("nobody else has the new buffer");
        // All of it but the bytes.
        let kept =
            gst::BufferCopyFlags::FLAGS | gst::BufferCopyFlags::TIMESTAMPS | gst::BufferCopyFlags::META;
        buffer.copy_into(fields, kept, ..).expect("all of a buffer is in it");
        Some(thinned)
    }
}

pub struct FqlThin {
    max_layer: Mutex<u8>,
    state: Mutex<Option<State>>,
}

impl Default for FqlThin {
    fn default() -> Self {
        Self { max_layer: Mutex::new(DEFAULT_MAX_LAYER), state: Mutex::default() }
    }
}

#[glib::object_subclass]
impl ObjectSubclass for FqlThin {
    const NAME: &'static str = "GstFqlThin";
    type Type = super::FqlThin;
    type ParentType = gst_base::BaseTransform;
}

impl ObjectImpl for FqlThin {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            vec![
                glib::ParamSpecUInt::builder("max-layer")
                    .nick("Highest layer")
                    .blurb("The highest layer that stays, 0 being the coarsest; those above are taken out of every unit")
                    .maximum(DEFAULT_MAX_LAYER.into())
                    .default_value(DEFAULT_MAX_LAYER.into())
                    .mutable_playing()
                    .build(),
            ]
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, _pspec: &glib::ParamSpec) {
        *self.max_layer.lock().unwrap() = value.get::<u32>().map_or(DEFAULT_MAX_LAYER, |layer| layer as u8);
    }

    fn property(&self, _id: usize, _pspec: &glib::ParamSpec) -> glib::Value {
        u32::from(*self.max_layer.lock().unwrap()).to_value()
    }
}

impl GstObjectImpl for FqlThin {}

impl ElementImpl for FqlThin {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            templates::metadata(
                "FQL layer filter",
                "Filter",
                "Takes the layers above one out of units, without decoding them",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let mut all = gst::Caps::new_empty();
            for caps in [
                caps::video_template(),
                caps::audio_template(),
                caps::encoded_video_template(),
                caps::encoded_audio_template(),
            ] {
                all.merge(caps);
            }
            templates::filter(&all, &all)
        });
        &TEMPLATES
    }
}

impl BaseTransformImpl for FqlThin {
    const MODE: gst_base::subclass::BaseTransformMode = gst_base::subclass::BaseTransformMode::NeverInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn set_caps(&self, incaps: &gst::Caps, _outcaps: &gst::Caps) -> Result<(), gst::LoggableError> {
        let (media, layers) = caps::to_media(incaps).map_err(|err| gst::loggable_error!(CAT, "{err}"))?;
        let mut units = Units::default();
        units.describe(&media, layers);
        *self.state.lock().unwrap() = Some(State { media, units });
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *self.state.lock().unwrap() = None;
        Ok(())
    }

    fn transform_caps(
        &self,
        _direction: gst::PadDirection,
        caps: &gst::Caps,
        filter: Option<&gst::Caps>,
    ) -> Option<gst::Caps> {
        Some(filter.map_or_else(
            || caps.clone(),
            |filter| filter.intersect_with_mode(caps, gst::CapsIntersectMode::First),
        ))
    }

    fn generate_output(&self) -> Result<GenerateOutputSuccess, gst::FlowError> {
        let Some(buffer) = self.take_queued_buffer() else { return Ok(GenerateOutputSuccess::NoOutput) };
        let max_layer = *self.max_layer.lock().unwrap();
        let mut state = self.state.lock().unwrap();
        let state = state.as_mut().ok_or(gst::FlowError::NotNegotiated)?;
        match state.thin(buffer, max_layer) {
            Some(buffer) => Ok(GenerateOutputSuccess::Buffer(buffer)),
            None => Ok(GenerateOutputSuccess::Dropped),
        }
    }
}
