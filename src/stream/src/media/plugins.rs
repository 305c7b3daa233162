//! GStreamer and the plugins that this program carries with it.

use std::sync::{Mutex, PoisonError};

use gst::glib;

use crate::failure::{Failure, Result};

type Register = fn() -> std::result::Result<(), glib::BoolError>;

/// The plugins inside this program, by the names that their files would have.
const CARRIED: [(&str, Register); 2] =
    [("fql", gstfql::plugin_register_static), ("streamapi", gststreamapi::plugin_register_static)];

/// Starts GStreamer and makes the carried plugins known.
pub fn start() -> Result<()> {
    // One at a time: a plugin that is registered twice takes the factories of elements that are there with it.
    static STARTING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    gst::init().map_err(|error| Failure::failed(format!("GStreamer does not start: {error}")))?;
    for (name, register) in CARRIED {
        carry(name, register)
            .map_err(|error| Failure::failed(format!("the plugin {name} cannot be registered: {error}")))?;
    }
    Ok(())
}

/// Types can be registered once in a process. A file of the same plugin (by GST_PLUGIN_PATH) is left out so that the
/// versions of program and plugin are one; where GStreamer has loaded it already, its types are there and are used.
fn carry(name: &str, register: Register) -> std::result::Result<(), glib::BoolError> {
    let registry = gst::Registry::get();
    match registry.find_plugin(name) {
        Some(file) if file.is_loaded() => return Ok(()),
        Some(file) => registry.remove_plugin(&file),
        None => (),
    }
    register()
}

/// An element by its factory, or what to install.
pub fn element(factory: &str) -> Result<gst::Element> {
    gst::ElementFactory::make(factory).build().map_err(|_| {
        let package = match factory {
            "x264enc" => "gstreamer1.0-plugins-ugly",
            "v4l2src" | "matroskamux" | "wavenc" | "y4menc" | "flacenc" | "autovideosink"
            | "autoaudiosink" => "gstreamer1.0-plugins-good",
            _ => "gstreamer1.0-plugins-base",
        };
        Failure::failed(format!("GStreamer has no {factory} here: install {package}"))
    })
}
