//! `fqlenc`: codes video or sound in quality layers; plugs the encoder when the caps come.

mod imp;

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    /// `fqlenc`: codes video or sound in quality layers; plugs the encoder when the caps come.
    pub struct FqlEnc(ObjectSubclass<imp::FqlEnc>) @extends gst::Bin, gst::Element, gst::Object;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "fqlenc", gst::Rank::NONE, FqlEnc::static_type())
}
