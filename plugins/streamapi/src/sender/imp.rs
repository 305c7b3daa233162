use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::gate::Gate;
use super::{Client, PadNames, SESSION};
use crate::pads;

#[derive(Default)]
pub struct Sender {
    parts: OnceLock<Parts>,
    gate: Arc<Gate>,
    is_connected: AtomicBool,
    /// Buffers that the last element was given, up to two.
    given: AtomicU32,
    /// The pads that have had their end.
    ended: Mutex<BTreeSet<String>>,
}

struct Parts {
    first: gst::Element,
    last: Option<gst::Element>,
    pads: PadNames,
}

#[glib::object_subclass]
impl ObjectSubclass for Sender {
    const NAME: &'static str = "GstStreamApiSender";
    type Type = super::Sender;
    type ParentType = gst::Bin;
}

impl ObjectImpl for Sender {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            vec![
                glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                    .nick("Statistics")
                    .blurb("The statistics of the element that sends, where it has some")
                    .read_only()
                    .build(),
            ]
        });
        &PROPERTIES
    }

    fn property(&self, _id: usize, _pspec: &glib::ParamSpec) -> glib::Value {
        let last = self.parts.get().and_then(|parts| parts.last.as_ref());
        let stats = last.filter(|last| last.has_property("stats"));
        stats.and_then(|last| last.property::<Option<gst::Structure>>("stats")).to_value()
    }

    fn constructed(&self) {
        self.parent_constructed();
        pads::make_sink(&*self.obj());
    }
}

impl GstObjectImpl for Sender {}
impl BinImpl for Sender {}

impl ElementImpl for Sender {
    fn pad_templates() -> &'static [gst::PadTemplate] {
        pads::templates()
    }

    /// The caps tell pictures from sound, where the first element has different pads for them.
    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        name: Option<&str>,
        caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        let parts = self.parts.get()?;
        let is_video = caps?.structure(0)?.name().starts_with("video/");
        let target = parts.first.request_pad_simple(match (parts.pads, is_video) {
            (PadNames::Any(template), _) => template,
            (PadNames::VideoAudio, true) => "video",
            (PadNames::VideoAudio, false) => "audio",
        })?;
        let pad = self.gated(template, &target, name?)?;
        pad.set_active(true).ok()?;
        self.obj().add_pad(&pad).ok()?;
        Some(pad.upcast())
    }

    fn release_pad(&self, pad: &gst::Pad) {
        let target = pad.downcast_ref::<gst::GhostPad>().and_then(GhostPadExt::target);
        let _ = pad.set_active(false);
        let _ = self.obj().remove_pad(pad);
        if let (Some(parts), Some(target)) = (self.parts.get(), target) {
            parts.first.release_request_pad(&target);
        }
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::ReadyToPaused => self.gate.release(false),
            // Pads are only taken down when nobody is in them.
            gst::StateChange::PausedToReady => self.gate.release(true),
            _ => (),
        }
        self.parent_change_state(transition)
    }
}

impl Sender {
    pub(super) fn fill_with_muxer(&self, muxer: &gst::Element, sink: &gst::Element, pads: PadNames) {
        let bin = self.obj();
        // Both are new, and fit together.
        let _ = bin.add_many([muxer, sink]).and_then(|()| muxer.link(sink));
        self.watch_data(sink);
        self.watch_early_end(sink);
        let _ = self.parts.set(Parts { first: muxer.clone(), last: Some(sink.clone()), pads });
    }

    pub(super) fn fill_with_client(&self, client: &Client) {
        // It is new.
        let _ = self.obj().add(&client.element);
        self.watch_connection(client);
        let pads = PadNames::Any("sink_%u");
        let _ = self.parts.set(Parts { first: client.element.clone(), last: None, pads });
    }

    /// A pad behind the gate.
    fn gated(&self, template: &gst::PadTemplate, target: &gst::Pad, name: &str) -> Option<gst::GhostPad> {
        let (buffers, lists) = (self.downgrade(), self.downgrade());
        let pad = gst::GhostPad::builder_from_template_with_target(template, target)
            .ok()?
            .name(name)
            .chain_function(move |pad, parent, buffer| {
                let flow = gst::ProxyPad::chain_default(pad, parent, buffer);
                buffers.upgrade().map_or(flow, |sender| sender.pass(flow))
            })
            .chain_list_function(move |pad, parent, list| {
                let flow = gst::ProxyPad::chain_list_default(pad, parent, list);
                lists.upgrade().map_or(flow, |sender| sender.pass(flow))
            })
            .build();
        self.watch_end(&pad);
        Some(pad)
    }

    /// A client of WebRTC knows of no end: the stream has ended when all its pads have.
    fn watch_end(&self, pad: &gst::GhostPad) {
        let weak = self.downgrade();
        let is_client = self.parts.get().is_some_and(|parts| parts.last.is_none());
        self.ended().remove(pad.name().as_str());
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
            let is_end = info.event().is_some_and(|event| event.type_() == gst::EventType::Eos);
            if let (true, Some(sender)) = (is_end, weak.upgrade()) {
                // Before the event goes on: what it leads to looks at it.
                sender.ended().insert(pad.name().into());
                if is_client && sender.has_ended() {
                    let element = sender.obj();
                    let _ = element.post_message(gst::message::Eos::builder().src(&*element).build());
                }
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// `srtsink` of GStreamer 1.22 takes the end of its connection for the end of the stream, and the muxer before it
    /// says so. It is a failure, as long as data comes.
    fn watch_early_end(&self, last: &gst::Element) {
        let weak = self.downgrade();
        let Some(pad) = last.static_pad("sink") else { return };
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            let is_end = info.event().is_some_and(|event| event.type_() == gst::EventType::Eos);
            match weak.upgrade().filter(|sender| is_end && !sender.has_ended()) {
                Some(sender) => {
                    sender.fail("the other end has ended the connection");
                    // What is dropped, GStreamer 1.22 would let go of again, and complain.
                    gst::PadProbeReturn::Handled
                }
                None => gst::PadProbeReturn::Ok,
            }
        });
    }

    /// Whether all pads have had their end.
    fn has_ended(&self) -> bool {
        let ended = self.ended();
        self.obj().sink_pads().iter().all(|pad| ended.contains(pad.name().as_str()))
    }

    fn ended(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass(
        &self,
        flow: Result<gst::FlowSuccess, gst::FlowError>,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        // What failed has mostly said why itself; what is said twice counts once.
        self.gate.pass(flow, |error| self.fail(&format!("it takes no more data ({error:?})")))
    }

    /// A sink that connects by itself takes its second buffer only when it has sent the first one.
    fn watch_data(&self, last: &gst::Element) {
        let weak = self.downgrade();
        let Some(pad) = last.static_pad("sink") else { return };
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, _| {
            let Some(sender) = weak.upgrade() else { return gst::PadProbeReturn::Remove };
            if sender.given.fetch_add(1, Ordering::SeqCst) == 0 {
                return gst::PadProbeReturn::Ok;
            }
            sender.connected();
            gst::PadProbeReturn::Remove
        });
    }

    /// A client of WebRTC has a connection that tells how it is.
    fn watch_connection(&self, client: &Client) {
        let Some(connection) = client.element.downcast_ref::<gst::Bin>().and_then(connection_of) else {
            return;
        };
        if client.is_local {
            by_loopback(&connection);
        }
        let weak = self.downgrade();
        connection.connect_notify(Some("connection-state"), move |connection, _| {
            let Some(sender) = weak.upgrade() else { return };
            match nick(&connection.property_value("connection-state")).as_deref() {
                Some("connected") => sender.connected(),
                Some("failed") => sender.fail("the connection is lost, or was not to be had"),
                _ => (),
            }
        });
        // Lost packets are sent again where they are asked for.
        connection.connect("on-new-transceiver", false, |args| {
            let transceiver = args.get(1)?.get::<glib::Object>().ok()?;
            if transceiver.has_property("do-nack") {
                transceiver.set_property("do-nack", true);
            }
            None
        });
    }

    fn connected(&self) {
        if self.is_connected.swap(true, Ordering::SeqCst) {
            return;
        }
        let session = gst::Structure::builder(SESSION).field("state", "connected").build();
        let element = self.obj();
        // Fails only where nobody has a bus to hear it.
        let _ = element.post_message(gst::message::Element::builder(session).src(&*element).build());
    }

    fn fail(&self, text: &str) {
        gst::element_imp_error!(self, gst::ResourceError::Write, ("{text}"));
    }
}

/// Makes a connection by the loopback address alone.
fn by_loopback(connection: &gst::Element) {
    let agent = connection.property::<Option<gst::Object>>("ice-agent");
    let signal = glib::subclass::SignalId::lookup;
    if let Some(agent) = agent.filter(|agent| signal("add-local-ip-address", agent.type_()).is_some()) {
        for address in ["127.0.0.1", "::1"] {
            // It says whether it took it: a machine may have no IPv6.
            let _ = agent.emit_by_name::<bool>("add-local-ip-address", &[&address]);
        }
    }
}

/// The connection of WebRTC that is somewhere in a bin.
fn connection_of(bin: &gst::Bin) -> Option<gst::Element> {
    bin.iterate_recurse()
        .into_iter()
        .flatten()
        .find(|element| element.factory().is_some_and(|factory| factory.name() == "webrtcbin"))
}

/// The name of a value of an enumeration.
fn nick(value: &glib::Value) -> Option<String> {
    glib::EnumValue::from_value(value).map(|(_, value)| value.nick().to_owned())
}
