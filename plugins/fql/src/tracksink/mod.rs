//! The sink of one track inside `fqlfecsink`: preroll, synchronisation and the end of the stream are those of
//! GstBaseSink. Not registered; it is of no use on its own.

mod imp;
mod times;

use std::sync::Arc;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use crate::acknowledgement::Acknowledgement;
use crate::rate::Allowance;
use crate::sending::Sending;

glib::wrapper! {
    /// The sink of one track.
    pub struct FqlTrackSink(ObjectSubclass<imp::FqlTrackSink>) @extends gst_base::BaseSink, gst::Element, gst::Object;
}

impl FqlTrackSink {
    /// The sink of the track with this id.
    pub fn new(name: &str, id: u8, sending: Arc<Sending>) -> Self {
        let sink: Self = glib::Object::builder().property("name", name).build();
        sink.imp().belong_to(id, sending);
        sink
    }

    /// The track's id.
    pub fn id(&self) -> Option<u8> {
        self.imp().id()
    }

    /// Tells the encoder before this sink what it may use.
    pub fn send_rate(&self, allowance: Allowance) {
        if let Some(pad) = self.static_pad("sink") {
            pad.push_event(allowance.to_event());
        }
    }

    /// Tells the encoder before this sink what the receiver has of a picture.
    pub fn send_acknowledgement(&self, acknowledgement: Acknowledgement) {
        if let Some(pad) = self.static_pad("sink") {
            pad.push_event(acknowledgement.to_event());
        }
    }

    /// Asks the encoder before this sink for a picture that decodes alone, with its parameters.
    pub fn request_key_unit(&self) {
        if let Some(pad) = self.static_pad("sink") {
            pad.push_event(gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true).build());
        }
    }
}
