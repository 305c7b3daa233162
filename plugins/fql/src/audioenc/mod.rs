//! `fqlaudioenc`: codes sound in quality layers.

mod imp;

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    /// `fqlaudioenc`: codes sound in quality layers.
    pub struct FqlAudioEnc(ObjectSubclass<imp::FqlAudioEnc>) @extends gst_audio::AudioEncoder, gst::Element, gst::Object;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "fqlaudioenc", gst::Rank::NONE, FqlAudioEnc::static_type())
}
