//! `fqlmux`: writes tracks into a `.fql` file.

mod imp;
mod interleave;
mod lane;

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    /// `fqlmux`: writes tracks into a `.fql` file.
    pub struct FqlMux(ObjectSubclass<imp::FqlMux>) @extends gst::Element, gst::Object, @implements gst::TagSetter;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "fqlmux", gst::Rank::PRIMARY, FqlMux::static_type())
}
