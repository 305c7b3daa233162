//! `fqlvideodec`: decodes video in quality layers, as many as are there.

mod imp;
mod showing;

pub use showing::Counts;

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    /// `fqlvideodec`: decodes video in quality layers, as many as are there.
    pub struct FqlVideoDec(ObjectSubclass<imp::FqlVideoDec>) @extends gst_video::VideoDecoder, gst::Element, gst::Object;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "fqlvideodec", gst::Rank::PRIMARY, FqlVideoDec::static_type())
}
