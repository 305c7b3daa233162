//! `fqlthin`: takes layers out of units.

mod imp;

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    /// `fqlthin`: takes layers out of units.
    pub struct FqlThin(ObjectSubclass<imp::FqlThin>) @extends gst_base::BaseTransform, gst::Element, gst::Object;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(Some(plugin), "fqlthin", gst::Rank::NONE, FqlThin::static_type())
}
