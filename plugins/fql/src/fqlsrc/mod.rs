//! `fqlsrc`: receives the tracks that `fqlfecsink` sends, from it or from a server.

mod feed;
mod imp;
mod properties;
mod streams;
mod uri;

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    /// `fqlsrc`: receives the tracks that `fqlfecsink` sends.
    pub struct FqlSrc(ObjectSubclass<imp::FqlSrc>) @extends gst::Element, gst::Object,
        @implements gst::URIHandler;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "fqlsrc", gst::Rank::NONE, FqlSrc::static_type())
}
