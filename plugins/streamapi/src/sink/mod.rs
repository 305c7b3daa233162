//! `streamapisink`: publishes what its pads get as a stream of the control API.

mod branch;
mod imp;
mod properties;
mod worker;

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    /// `streamapisink`: publishes what its pads get as a stream of the control API.
    pub struct StreamApiSink(ObjectSubclass<imp::StreamApiSink>) @extends gst::Bin, gst::Element, gst::Object;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "streamapisink", gst::Rank::NONE, StreamApiSink::static_type())
}
