//! `fqlaudiodec`: decodes sound in quality layers, as many as are there.

mod imp;

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    /// `fqlaudiodec`: decodes sound in quality layers, as many as are there.
    pub struct FqlAudioDec(ObjectSubclass<imp::FqlAudioDec>) @extends gst_audio::AudioDecoder, gst::Element, gst::Object;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "fqlaudiodec", gst::Rank::PRIMARY, FqlAudioDec::static_type())
}
