//! What all bins with request pads have in common.

use std::sync::LazyLock;

use gst::prelude::*;

/// The template of pads `sink_%u` for any media.
pub fn templates() -> &'static [gst::PadTemplate] {
    static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
        let (sink, request) = (gst::PadDirection::Sink, gst::PadPresence::Request);
        let template = gst::PadTemplate::new("sink_%u", sink, request, &gst::Caps::new_any());
        vec![template.expect("the name of the template is a constant")]
    });
    &TEMPLATES
}

/// Makes a bin a sink before there is one in it, and nothing else after.
pub fn make_sink(bin: &(impl IsA<gst::Bin> + IsA<gst::Element>)) {
    bin.set_suppressed_flags(gst::ElementFlags::SINK | gst::ElementFlags::SOURCE);
    bin.set_element_flags(gst::ElementFlags::SINK);
}
