//! A bin around elements that send, which tells of its session as `fqlfecsink` does and keeps its failures from those
//! who give it data.

mod gate;
mod imp;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

/// The message in which elements that send tell of their session.
pub const SESSION: &str = "application/x-fql-session";

glib::wrapper! {
    /// A bin with request pads `sink_%u`, for one session.
    pub struct Sender(ObjectSubclass<imp::Sender>) @extends gst::Bin, gst::Element, gst::Object;
}

/// What sends, where it is a client of WebRTC.
#[derive(Debug, Clone)]
pub struct Client {
    /// The client, which has request pads `sink_%u`.
    pub element: gst::Element,
    /// Whether its server is on this machine: then the connection is by the loopback address, which it would leave out.
    pub is_local: bool,
}

/// How the pads of the first element are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PadNames {
    /// All by one template.
    Any(&'static str),
    /// One of the template `video`, and one of `audio`.
    VideoAudio,
}

impl Sender {
    /// A bin of a muxer and the sink for what it makes.
    pub fn of_muxer(muxer: &gst::Element, sink: &gst::Element, pads: PadNames) -> gst::Element {
        let sender: Self = glib::Object::new();
        sender.imp().fill_with_muxer(muxer, sink, pads);
        sender.upcast()
    }

    /// A bin of a client of WebRTC.
    pub fn of_client(client: &Client) -> gst::Element {
        let sender: Self = glib::Object::new();
        sender.imp().fill_with_client(client);
        sender.upcast()
    }
}
