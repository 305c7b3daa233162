//! `fqldec`: decodes video or sound in quality layers; plugs the decoder when the caps come.

mod imp;

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    /// `fqldec`: decodes video or sound in quality layers; plugs the decoder when the caps come.
    pub struct FqlDec(ObjectSubclass<imp::FqlDec>) @extends gst::Bin, gst::Element, gst::Object;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "fqldec", gst::Rank::NONE, FqlDec::static_type())
}
