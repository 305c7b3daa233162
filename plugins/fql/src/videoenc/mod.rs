//! `fqlvideoenc`: codes video in quality layers.

mod coding;
mod imp;
mod overload;

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    /// `fqlvideoenc`: codes video in quality layers.
    pub struct FqlVideoEnc(ObjectSubclass<imp::FqlVideoEnc>) @extends gst_video::VideoEncoder, gst::Element, gst::Object;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "fqlvideoenc", gst::Rank::NONE, FqlVideoEnc::static_type())
}
