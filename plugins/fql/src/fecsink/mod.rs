//! `fqlfecsink`: sends the tracks of a stream over UDP with forward error correction.

mod imp;
mod properties;

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    /// `fqlfecsink`: sends the tracks of a stream over UDP with forward error correction.
    pub struct FqlFecSink(ObjectSubclass<imp::FqlFecSink>) @extends gst::Bin, gst::Element, gst::Object;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "fqlfecsink", gst::Rank::NONE, FqlFecSink::static_type())
}
