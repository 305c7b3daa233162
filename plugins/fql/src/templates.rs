//! Pad templates and metadata, in the one form that all elements use.

use gst::subclass::ElementMetadata;

/// Who wrote the elements, as `gst-inspect-1.0` shows it.
const AUTHOR: &str = "The Stream project";

/// The templates of a filter: one pad `sink`, one pad `src`, both always there.
pub fn filter(sink: &gst::Caps, src: &gst::Caps) -> Vec<gst::PadTemplate> {
    vec![
        template("sink", gst::PadDirection::Sink, gst::PadPresence::Always, sink),
        template("src", gst::PadDirection::Src, gst::PadPresence::Always, src),
    ]
}

/// One pad template.
pub fn template(
    name: &str,
    direction: gst::PadDirection,
    presence: gst::PadPresence,
    caps: &gst::Caps,
) -> gst::PadTemplate {
    gst::PadTemplate::new(name, direction, presence, caps).expect("the names of templates are constants")
}

/// An element's long name, its class and what it does.
pub fn metadata(long_name: &str, class: &str, description: &str) -> ElementMetadata {
    ElementMetadata::new(long_name, class, description, AUTHOR)
}
