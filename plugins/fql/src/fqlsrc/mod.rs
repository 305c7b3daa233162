//! `fqlsrc`: receives the tracks that `fqlfecsink` sends.

mod chain;
mod feed;
mod imp;
mod properties;
mod streams;

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    /// `fqlsrc`: receives the tracks that `fqlfecsink` sends.
    pub struct FqlSrc(ObjectSubclass<imp::FqlSrc>) @extends gst::Element, gst::Object;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "fqlsrc", gst::Rank::NONE, FqlSrc::static_type())
}
