use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::Duration;

use fql_transport::EndReason;
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use crate::net::OutgoingNotice;
use crate::rate::{Allowance, LONGEST_BURST};
use crate::sending::{Sending, Settings};
use crate::tracksink::FqlTrackSink;
use crate::{stats, templates};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("fqlfecsink", gst::DebugColorFlags::empty(), Some("FQL sender"))
});

/// How long the end of the stream waits for what is queued.
const DRAIN_TIME: Duration = Duration::from_secs(5);
/// Ids of tracks, and so the numbers of pads.
const TRACK_IDS: std::ops::Range<u8> = 0..fql_unit::MAX_TRACKS as u8;

#[derive(Default)]
struct State {
    /// The end of the stream, held until all is sent.
    eos: Option<gst::Message>,
}

#[derive(Default)]
pub struct FqlFecSink {
    settings: Mutex<Settings>,
    state: Mutex<State>,
    sending: Arc<Sending>,
}

#[glib::object_subclass]
impl ObjectSubclass for FqlFecSink {
    const NAME: &'static str = "GstFqlFecSink";
    type Type = super::FqlFecSink;
    type ParentType = gst::Bin;
}

impl ObjectImpl for FqlFecSink {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(super::properties::all);
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let text = || value.get::<Option<String>>().ok().flatten().unwrap_or_default();
        let number = || value.get::<u32>().unwrap_or_default();
        let mut settings = self.settings.lock().unwrap();
        match pspec.name() {
            "uri" => settings.uri = text(),
            "passphrase" => settings.passphrase = text(),
            "passphrase-file" => settings.passphrase_file = text(),
            "stream-key" => settings.stream_key = text(),
            "stream-key-file" => settings.stream_key_file = text(),
            "one-way" => settings.one_way = value.get().unwrap_or_default(),
            "mtu" => settings.mtu = number(),
            "congestion-control" => settings.congestion_control = value.get().unwrap_or_default(),
            "connect-timeout" => settings.connect_timeout = number(),
            "fec" => self.change(settings, |new| new.fec = text(), Sending::set_fec),
            "max-bitrate" => {
                let follows_link = settings.congestion_control && !settings.one_way;
                self.change(settings, |new| new.max_bitrate = number(), Sending::set_max_bitrate);
                if number() == 0 && !follows_link {
                    self.lift_rates();
                }
            }
            name => assert!(settings.network.set(name, value), "one of the properties above"),
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let settings = self.settings.lock().unwrap();
        match pspec.name() {
            "uri" => settings.uri.to_value(),
            "passphrase-file" => settings.passphrase_file.to_value(),
            "stream-key-file" => settings.stream_key_file.to_value(),
            "one-way" => settings.one_way.to_value(),
            "fec" => settings.fec.to_value(),
            "mtu" => settings.mtu.to_value(),
            "max-bitrate" => settings.max_bitrate.to_value(),
            "congestion-control" => settings.congestion_control.to_value(),
            "connect-timeout" => settings.connect_timeout.to_value(),
            "stats" => self.sending.stats().to_value(),
            name => settings.network.get(name).expect("one of the properties above that can be read"),
        }
    }
}

impl GstObjectImpl for FqlFecSink {}

impl ElementImpl for FqlFecSink {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            templates::metadata(
                "FQL sender",
                "Sink/Network",
                "Sends layered video and sound, and data, over UDP: encrypted, with forward error correction in \
                 proportion to the importance of a layer",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let (sink, request) = (gst::PadDirection::Sink, gst::PadPresence::Request);
            vec![templates::template("sink_%u", sink, request, &gst::Caps::new_any())]
        });
        &TEMPLATES
    }

    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        let bin = self.obj();
        let id = match name {
            Some(name) => name.strip_prefix("sink_")?.parse().ok().filter(|id| TRACK_IDS.contains(id))?,
            None => TRACK_IDS.into_iter().find(|id| bin.static_pad(&pad_name(*id)).is_none())?,
        };
        let name = pad_name(id);
        if bin.static_pad(&name).is_some() {
            gst::error!(CAT, imp = self, "There is a pad {name} already");
            return None;
        }
        // The sink has the name of its pad, so that its properties can be set as `sink_0::sync`.
        let sink = FqlTrackSink::new(&name, id, self.sending.clone());
        bin.add(&sink).ok()?;
        let target = sink.static_pad("sink")?;
        let pad =
            gst::GhostPad::builder_from_template_with_target(template, &target).ok()?.name(&name).build();
        pad.set_active(true).ok()?;
        bin.add_pad(&pad).ok()?;
        sink.sync_state_with_parent().ok()?;
        Some(pad.upcast())
    }

    fn release_pad(&self, pad: &gst::Pad) {
        let bin = self.obj();
        let sink = bin.by_name(&pad.name()).and_downcast::<FqlTrackSink>();
        let _ = pad.set_active(false);
        let _ = bin.remove_pad(pad);
        let Some(sink) = sink else { return };
        if let Some(id) = sink.id() {
            self.sending.remove(id);
        }
        // Out of the bin first, so that its state does not count any more.
        sink.set_locked_state(true);
        let _ = bin.remove(&sink);
        let _ = sink.set_state(gst::State::Null);
    }

    fn post_message(&self, message: gst::Message) -> bool {
        let own_end = message.type_() == gst::MessageType::Eos
            && message.src() == Some(self.obj().upcast_ref::<gst::Object>());
        if !own_end {
            return self.parent_post_message(message);
        }
        // The end is told when it is true for the receiver, too.
        self.state.lock().unwrap().eos = Some(message);
        gst::debug!(CAT, imp = self, "All tracks ended: sending what is queued");
        if !self.sending.finish(DRAIN_TIME) {
            self.post_held_eos();
        }
        true
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::ReadyToPaused => self.start()?,
            gst::StateChange::PausedToReady => {
                self.state.lock().unwrap().eos = None;
                self.sending.release_waits(true);
            }
            _ => (),
        }
        let result = self.parent_change_state(transition);
        let failed = result.is_err() && transition == gst::StateChange::ReadyToPaused;
        if transition == gst::StateChange::PausedToReady || failed {
            self.sending.stop();
        }
        result
    }
}

impl BinImpl for FqlFecSink {
    fn handle_message(&self, message: gst::Message) {
        if message.type_() == gst::MessageType::AsyncStart {
            // A flush after the end, as of a seek: the stream goes on, and the end that is held is none any more.
            self.state.lock().unwrap().eos = None;
        }
        self.parent_handle_message(message);
    }
}

fn pad_name(id: u8) -> String {
    format!("sink_{id}")
}

impl FqlFecSink {
    fn start(&self) -> Result<(), gst::StateChangeError> {
        let settings = self.settings.lock().unwrap().clone();
        if !settings.has_passphrase() && !settings.has_stream_key() {
            gst::warning!(CAT, imp = self, "Without a passphrase anybody can receive and forge the stream");
        }
        let weak = self.obj().downgrade();
        let notify = move |notice| {
            if let Some(element) = weak.upgrade() {
                element.imp().notice(notice);
            }
        };
        self.sending.start(&settings, Arc::new(notify)).map_err(|err| {
            gst::element_imp_error!(self, gst::ResourceError::OpenWrite, ["Cannot send: {err}"]);
            gst::StateChangeError
        })
    }

    fn track_sinks(&self) -> Vec<FqlTrackSink> {
        self.obj().children().into_iter().filter_map(|child| child.downcast().ok()).collect()
    }

    /// Changes a setting, of the running session as well. One that cannot be is named in a warning while it runs,
    /// and keeps the start from succeeding otherwise.
    fn change(
        &self,
        mut settings: MutexGuard<'_, Settings>,
        change: impl FnOnce(&mut Settings),
        apply: impl FnOnce(&Sending, &Settings) -> Result<(), String>,
    ) {
        let mut new = settings.clone();
        change(&mut new);
        let is_running = self.obj().current_state() >= gst::State::Paused;
        match apply(&self.sending, &new) {
            Err(err) if is_running => {
                drop(settings);
                gst::element_imp_warning!(self, gst::LibraryError::Settings, ["Kept as it was: {err}"]);
            }
            Err(err) => {
                gst::error!(CAT, imp = self, "{err}");
                *settings = new;
            }
            Ok(()) => *settings = new,
        }
    }

    /// What the session tells, on its sending thread.
    fn notice(&self, notice: OutgoingNotice) {
        match notice {
            OutgoingNotice::Started => self.tell("waiting", "for the receiver to answer"),
            OutgoingNotice::Connected => {
                self.tell("connected", "");
                self.request_key_units();
            }
            OutgoingNotice::Unanswered => self.warn_unanswered(),
            OutgoingNotice::Disconnected(reason) => self.tell_end(reason),
            OutgoingNotice::Paused(true) => self.tell("paused", "the server drops what comes"),
            OutgoingNotice::Paused(false) => {
                self.tell("resumed", "");
                self.request_key_units();
            }
            OutgoingNotice::Rates(rates, burst) => self.tell_encoders(&rates, burst),
            OutgoingNotice::Acknowledged { track, number, layers } => {
                self.acknowledge(track, number, layers);
            }
            OutgoingNotice::Finished => self.post_held_eos(),
            OutgoingNotice::Socket(err) => {
                gst::element_imp_warning!(
                    self,
                    gst::ResourceError::Write,
                    ["Datagrams cannot be sent: {err}"]
                );
            }
            OutgoingNotice::Failed(err) => {
                gst::element_imp_error!(self, gst::LibraryError::Init, ["No session: {err}"]);
            }
        }
    }

    /// Where nobody watches the messages of the session, a wrong address or passphrase would not be seen.
    fn warn_unanswered(&self) {
        let settings = self.settings.lock().unwrap().clone();
        let uri = &settings.uri;
        let text = if settings.has_stream_key() {
            format!(
                "No server answers at {uri}: is it there, and does it know this stream key (one that was rotated is \
                     good no more)? Looking for it further"
            )
        } else {
            format!(
                "No receiver answers at {uri}: does it listen there, with the same passphrase? Looking for it further"
            )
        };
        gst::element_imp_warning!(self, gst::ResourceError::NotFound, ("{text}"));
    }

    /// A session is over; where trying again cannot help, that is an error, which says what to do.
    fn tell_end(&self, reason: EndReason) {
        self.post(stats::end_message(reason));
        let uri = self.settings.lock().unwrap().uri.clone();
        let advice = match reason {
            EndReason::Replaced => {
                "Only one publisher can be live: stop one, or give each a stream of its own"
            }
            EndReason::Refused => "Stop that one, or let the server replace it",
            EndReason::KeyRotated => "Set stream-key to the new one",
            EndReason::Archived => "Create another stream and set its stream-key",
            _ => "Ask whoever runs the server",
        };
        if reason.is_final() {
            let text = format!("The server at {uri} ended the session: {reason}. {advice}");
            match reason {
                EndReason::Replaced | EndReason::Refused => {
                    gst::element_imp_error!(self, gst::ResourceError::Busy, ("{text}"));
                }
                _ => gst::element_imp_error!(self, gst::ResourceError::NotAuthorized, ("{text}")),
            }
        }
    }

    fn tell(&self, state: &str, detail: &str) {
        self.post(stats::session_message(state, detail));
    }

    fn post(&self, structure: gst::Structure) {
        gst::info!(CAT, imp = self, "Session {structure}");
        let element = self.obj();
        let message = gst::message::Element::builder(structure);
        // Fails only where nobody has a bus to hear it.
        let _ = element.post_message(message.src(&*element).build());
    }

    /// A receiver that has nothing yet, or has dropped what came, can do nothing with what is predicted from pictures
    /// that it has not seen.
    fn request_key_units(&self) {
        self.track_sinks().iter().for_each(FqlTrackSink::request_key_unit);
    }

    /// Without a bound on the wire the encoders have none either.
    fn lift_rates(&self) {
        for sink in self.track_sinks() {
            sink.send_rate(Allowance::default());
        }
    }

    fn tell_encoders(&self, rates: &[(u8, u64)], burst: Duration) {
        for sink in self.track_sinks() {
            let rate = rates.iter().find(|(id, _)| sink.id() == Some(*id));
            if let Some((id, bits_per_second)) = rate {
                gst::debug!(CAT, imp = self, "Track {id} may have {bits_per_second} bit/s");
                // A rate of nought would mean no bound.
                let bitrate = u32::try_from(bits_per_second / 1000).unwrap_or(u32::MAX).max(1);
                let burst = u32::try_from(burst.as_millis()).unwrap_or(u32::MAX).clamp(1, LONGEST_BURST);
                sink.send_rate(Allowance { bitrate, burst });
            }
        }
    }

    /// Tells the encoder of a track what the receiver has of one of its pictures.
    fn acknowledge(&self, track: u8, number: u64, layers: u8) {
        let Some(acknowledgement) = self.sending.acknowledged(track, number, layers) else { return };
        gst::trace!(CAT, imp = self, "Track {track}, unit {number}: {acknowledgement:?}");
        if let Some(sink) = self.track_sinks().iter().find(|sink| sink.id() == Some(track)) {
            sink.send_acknowledgement(acknowledgement);
        }
    }

    fn post_held_eos(&self) {
        let held = self.state.lock().unwrap().eos.take();
        if let Some(message) = held {
            self.parent_post_message(message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_is_held_is_not_told_after_a_flush() {
        gst::init().unwrap();
        let sink: super::super::FqlFecSink = glib::Object::new();
        let pad = sink.request_pad_simple("sink_%u").unwrap();
        let bus = gst::Bus::new();
        sink.set_bus(Some(&bus));
        let ends = || bus.iter().filter(|message| message.type_() == gst::MessageType::Eos).count();
        let hold =
            || sink.imp().state.lock().unwrap().eos = Some(gst::message::Eos::builder().src(&sink).build());
        hold();
        sink.imp().post_held_eos();
        assert_eq!(ends(), 1);
        hold();
        let track = sink.by_name(&pad.name()).unwrap();
        track.post_message(gst::message::AsyncStart::builder().src(&track).build()).unwrap();
        sink.imp().post_held_eos();
        assert_eq!(ends(), 0);
    }
}
