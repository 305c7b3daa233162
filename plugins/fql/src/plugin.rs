//! What GStreamer asks of a library of elements; the macro writes the functions.
#![expect(missing_docs)]

use gst::glib;

fn plugin_init(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    crate::enc::register(plugin)?;
    crate::dec::register(plugin)?;
    crate::videoenc::register(plugin)?;
    crate::videodec::register(plugin)?;
    crate::audioenc::register(plugin)?;
    crate::audiodec::register(plugin)?;
    crate::fecsink::register(plugin)?;
    crate::fqlsrc::register(plugin)?;
    crate::mux::register(plugin)?;
    crate::demux::register(plugin)?;
    crate::thin::register(plugin)?;
    crate::typefind::register(plugin)
}

gst::plugin_define!(
    fql,
    env!("CARGO_PKG_DESCRIPTION"),
    plugin_init,
    concat!(env!("CARGO_PKG_VERSION"), "-", env!("COMMIT_ID")),
    "MIT/X11",
    env!("CARGO_PKG_NAME"),
    env!("CARGO_PKG_NAME"),
    "Unknown package origin",
    env!("BUILD_REL_DATE")
);
