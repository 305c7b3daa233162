//! `fqlsrc` as what applications find for `fql://` addresses. Others, such as `udp://`, it leaves to other elements.

use gst::glib;
use gst::subclass::prelude::*;

use super::imp::FqlSrc;
use crate::net::{PLAY_SCHEME, Play};

impl URIHandlerImpl for FqlSrc {
    const URI_TYPE: gst::URIType = gst::URIType::Src;

    fn protocols() -> &'static [&'static str] {
        &[PLAY_SCHEME]
    }

    fn uri(&self) -> Option<String> {
        self.play_uri()
    }

    fn set_uri(&self, uri: &str) -> Result<(), glib::Error> {
        if let Err(err) = uri.parse::<Play>() {
            return Err(glib::Error::new(gst::URIError::BadUri, &err.to_string()));
        }
        self.set_play_uri(uri).map_err(|text| glib::Error::new(gst::URIError::BadState, text))
    }
}
