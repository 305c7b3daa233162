//! `fqldemux`: reads the tracks of a `.fql` file.
//!
//! [`imp`] holds the pads of GStreamer's side, [`playback`] what is to be done with each record, [`streams`] the
//! source pads, [`course`] which part of the file is played, [`landing`] where a seek to a refresh point ends, and
//! [`remote`] how the index comes over a source that pushes.

mod course;
mod fetching;
mod imp;
mod landing;
mod playback;
mod pulled;
mod remote;
mod seeking;
mod streams;

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    /// `fqldemux`: reads the tracks of a `.fql` file.
    pub struct FqlDemux(ObjectSubclass<imp::FqlDemux>) @extends gst::Element, gst::Object;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "fqldemux", gst::Rank::PRIMARY, FqlDemux::static_type())
}
