use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use fql_transport::{EndReason, ReceiverEvent, Time, UtcOffset};
use fql_unit::{Timing, Unit};
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::streams::{Arrival, Owner, Streams};
use crate::net::{IncomingNotice, Keys};
use crate::receiving::{self, Receiving, Settings};
use crate::timeline::Timeline;
use crate::{kinds, stats, templates, utc};

static CAT: LazyLock<gst::DebugCategory> =
    LazyLock::new(|| gst::DebugCategory::new("fqlsrc", gst::DebugColorFlags::empty(), Some("FQL receiver")));

/// What says to last longer has no duration that is worth telling.
const LONGEST_UNIT: Duration = Duration::from_secs(24 * 3600);

#[derive(Default)]
pub struct FqlSrc {
    settings: Mutex<Settings>,
    keys: Arc<Keys>,
    receiving: Mutex<Option<Receiving>>,
    streams: Streams,
    timeline: Mutex<Timeline>,
    /// Where the sender says that its tracks' presentation times lie in UTC.
    utc: Mutex<BTreeMap<u8, UtcOffset>>,
    /// How long after its capture the last unit came, in nanoseconds, as the sender's UTC and this system's say.
    age: Mutex<Option<i64>>,
    flows: Mutex<gst_base::UniqueFlowCombiner>,
    /// Whether data may flow: in PLAYING, and until somebody ends the stream.
    playing: AtomicBool,
    ended: AtomicBool,
}

#[glib::object_subclass]
impl ObjectSubclass for FqlSrc {
    const NAME: &'static str = "GstFqlSrc";
    type Type = super::FqlSrc;
    type ParentType = gst::Element;
    type Interfaces = (gst::URIHandler,);
}

impl ObjectImpl for FqlSrc {
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
            "api-url" => settings.api_url = text(),
            "token" => settings.token = text(),
            "passphrase" => settings.passphrase = text(),
            "passphrase-file" => settings.passphrase_file = text(),
            "latency" => settings.latency = number(),
            "eos-on-goodbye" => settings.eos_on_goodbye = value.get().unwrap_or_default(),
            "add-reference-timestamp-meta" => {
                settings.add_reference_timestamp_meta = value.get().unwrap_or_default();
            }
            "max-layer" => {
                settings.max_layer = number() as u8;
                if let Some(receiving) = &*self.receiving.lock().unwrap() {
                    receiving.incoming.set_max_layer(settings.max_layer);
                }
            }
            name => assert!(settings.network.set(name, value), "one of the properties above"),
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let settings = self.settings.lock().unwrap();
        match pspec.name() {
            "uri" => settings.uri.to_value(),
            "api-url" => settings.api_url.to_value(),
            "passphrase-file" => settings.passphrase_file.to_value(),
            "latency" => settings.latency.to_value(),
            "eos-on-goodbye" => settings.eos_on_goodbye.to_value(),
            "add-reference-timestamp-meta" => settings.add_reference_timestamp_meta.to_value(),
            "max-layer" => u32::from(settings.max_layer).to_value(),
            "stats" => self.stats().to_value(),
            name => settings.network.get(name).expect("one of the properties above that can be read"),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        self.obj().set_element_flags(gst::ElementFlags::SOURCE);
    }
}

impl GstObjectImpl for FqlSrc {}

impl ElementImpl for FqlSrc {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            templates::metadata(
                "FQL receiver",
                "Source/Network",
                "Receives layered video and sound, and data, over UDP, and repairs what forward error correction can",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(kinds::source_templates);
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::ReadyToPaused => self.start()?,
            gst::StateChange::PlayingToPaused => self.playing.store(false, Ordering::SeqCst),
            gst::StateChange::PausedToReady => self.stop_network(),
            _ => (),
        }
        let result = self.parent_change_state(transition);
        match transition {
            gst::StateChange::PausedToReady => self.streams.join(&self.owner()),
            gst::StateChange::PausedToPlaying => {
                self.timeline.lock().unwrap().reset();
                self.streams.set_discont();
                self.playing.store(true, Ordering::SeqCst);
            }
            gst::StateChange::ReadyToPaused | gst::StateChange::PlayingToPaused => {
                return result.map(|_| gst::StateChangeSuccess::NoPreroll);
            }
            _ => (),
        }
        result
    }

    fn send_event(&self, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::Eos(_) => {
                gst::debug!(CAT, imp = self, "The stream is ended from outside");
                self.ended.store(true, Ordering::SeqCst);
                self.streams.push_eos();
                true
            }
            gst::EventView::FlushStart(_) | gst::EventView::FlushStop(_) => {
                self.flows.lock().unwrap().reset();
                self.streams.flush(&event);
                true
            }
            _ => self.parent_send_event(event),
        }
    }

    fn query(&self, query: &mut gst::QueryRef) -> bool {
        self.answer(query) || self.parent_query(query)
    }
}

impl FqlSrc {
    fn start(&self) -> Result<(), gst::StateChangeError> {
        let settings = self.settings.lock().unwrap().clone();
        if !settings.asks() && !settings.has_passphrase() {
            gst::warning!(CAT, imp = self, "Without a passphrase anybody can send a stream here");
        }
        self.ended.store(false, Ordering::SeqCst);
        self.flows.lock().unwrap().clear();
        self.streams.start(&settings.uri, gst::ClockTime::from_mseconds(settings.latency.into()));
        let owner = self.owner();
        let notify = move |notice| {
            if let Some(element) = owner.0.upgrade() {
                element.imp().notice(notice, &owner);
            }
        };
        let failed = |err: String| {
            gst::element_imp_error!(self, gst::ResourceError::OpenRead, ["Cannot receive: {err}"]);
            gst::StateChangeError
        };
        // Without the lock: name servers may take their time.
        let opened = settings.open(self.keys.clone()).map_err(failed)?;
        if settings.asks() {
            self.tell("waiting", "for the server to answer");
        }
        // Held until it is stored, so that whoever is told of the session finds it.
        let mut receiving = self.receiving.lock().unwrap();
        let started = opened.start(Box::new(notify));
        if let Ok(started) = started {
            *receiving = Some(started);
            return Ok(());
        }
        drop(receiving);
        started.map(drop).map_err(failed)
    }

    /// The address of what is viewed, if it is one.
    pub(super) fn play_uri(&self) -> Option<String> {
        let settings = self.settings.lock().unwrap();
        settings.asks().then(|| settings.uri.clone())
    }

    /// Sets the address of what is to be viewed.
    pub(super) fn set_play_uri(&self, uri: &str) -> Result<(), &'static str> {
        if self.obj().current_state() > gst::State::Ready {
            return Err("the address cannot be changed while the element runs");
        }
        self.settings.lock().unwrap().uri = uri.into();
        Ok(())
    }

    fn stop_network(&self) {
        // Its threads are joined without the lock that they may want.
        let receiving = self.receiving.lock().unwrap().take();
        drop(receiving);
        self.streams.close();
    }

    fn owner(&self) -> Arc<Pads> {
        Arc::new(Pads(self.obj().downgrade()))
    }

    fn stats(&self) -> gst::Structure {
        let receiving = self.receiving.lock().unwrap();
        let (stats, local) = match &*receiving {
            Some(receiving) => (receiving.incoming.stats(), receiving.local),
            None => (None, None),
        };
        let mut structure = stats::of_receiver(stats.as_ref(), local);
        structure.set("buffers-dropped", self.streams.dropped());
        if let Some(age) = *self.age.lock().unwrap() {
            structure.set("capture-age", age);
        }
        structure
    }

    /// What the session tells, on its delivering thread.
    fn notice(&self, notice: IncomingNotice, owner: &Arc<Pads>) {
        match notice {
            IncomingNotice::Failed(err) => {
                gst::element_imp_error!(self, gst::LibraryError::Init, ["No session: {err}"]);
            }
            IncomingNotice::Event(ReceiverEvent::Started { one_way }) => {
                self.utc.lock().unwrap().clear();
                *self.age.lock().unwrap() = None;
                self.tell("connected", if one_way { "one way" } else { "" });
                if !self.ended.load(Ordering::SeqCst) {
                    self.flows.lock().unwrap().reset();
                    self.streams.renew();
                }
            }
            IncomingNotice::Event(ReceiverEvent::Tracks(table)) => self.follow(&table, owner),
            IncomingNotice::Event(ReceiverEvent::Utc(offsets)) => self.utc.lock().unwrap().extend(offsets),
            IncomingNotice::Event(ReceiverEvent::Unit { track, timing, unit, due, lost, .. }) => {
                self.push(track, timing, unit, due, lost);
            }
            IncomingNotice::Event(ReceiverEvent::Ended { reason }) => {
                self.tell_end(reason);
                let settings = self.settings.lock().unwrap();
                // A server that says goodbye is about to come back: the stream itself does not end.
                let ends = settings.eos_on_goodbye && !settings.asks();
                drop(settings);
                if ends && reason == EndReason::Goodbye {
                    self.streams.push_eos();
                }
            }
            IncomingNotice::Event(ReceiverEvent::Paused(true)) => self.tell("paused", "the stream is paused"),
            IncomingNotice::Event(ReceiverEvent::Paused(false)) => self.tell("resumed", ""),
            IncomingNotice::Unanswered => self.warn_unanswered(),
            IncomingNotice::Event(ReceiverEvent::Unauthenticated) => {
                gst::element_imp_warning!(
                    self,
                    gst::ResourceError::NotAuthorized,
                    ("A sender that cannot be authenticated is refused: has it another passphrase?")
                );
            }
            IncomingNotice::Event(_) => (),
        }
    }

    fn follow(&self, table: &fql_unit::TrackTable, owner: &Arc<Pads>) {
        if self.ended.load(Ordering::SeqCst) {
            return;
        }
        gst::debug!(CAT, imp = self, "Tracks: {table:?}");
        let element = self.obj();
        let Some(collection) = self.streams.follow(table, owner) else { return };
        let messages = [
            gst::message::StreamCollection::builder(&collection).src(&*element).build(),
            gst::message::Latency::builder().src(&*element).build(),
        ];
        for message in messages {
            // Fails only where nobody has a bus to hear it.
            let _ = element.post_message(message);
        }
        element.no_more_pads();
    }

    fn push(&self, track: u8, timing: Timing, unit: Unit, due: Time, lost: u64) {
        if !self.playing.load(Ordering::SeqCst) {
            return;
        }
        let Some(pts) = self.running_time(due) else {
            gst::debug!(CAT, imp = self, "A unit of track {track} from before the pipeline ran is left out");
            return;
        };
        let utc = self.utc_of(track, timing);
        self.streams.push(Arrival { track, unit, pts, duration: duration(timing), utc, lost });
    }

    /// The UTC at which a unit was captured, as its sender says, where buffers are to come with it.
    fn utc_of(&self, track: u8, timing: Timing) -> Option<u64> {
        let offset = self.utc.lock().unwrap().get(&track).copied()?;
        let utc = offset.at(timing.pts)?;
        *self.age.lock().unwrap() = utc::age(utc);
        let is_wanted = self.settings.lock().unwrap().add_reference_timestamp_meta;
        is_wanted.then_some(utc)
    }

    fn running_time(&self, due: Time) -> Option<gst::ClockTime> {
        let element = self.obj();
        let (clock, base_time) = (element.clock()?, element.base_time()?);
        let session = receiving::now().as_nanos();
        let mut timeline = self.timeline.lock().unwrap();
        if clock == gst::SystemClock::obtain() {
            timeline.observe(0, 0);
        } else {
            timeline.observe(session, clock.time().nseconds());
        }
        let nanos = timeline.running_time(due, self.latency(), base_time.nseconds())?;
        Some(gst::ClockTime::from_nseconds(nanos))
    }

    fn latency(&self) -> Duration {
        Duration::from_millis(self.settings.lock().unwrap().latency.into())
    }

    fn answer(&self, query: &mut gst::QueryRef) -> bool {
        match query.view_mut() {
            gst::QueryViewMut::Latency(latency) => {
                let budget = gst::ClockTime::try_from(self.latency()).unwrap_or_default();
                latency.set(true, budget, gst::ClockTime::NONE);
                true
            }
            gst::QueryViewMut::Uri(uri) => {
                uri.set_uri(Some(self.settings.lock().unwrap().uri.as_str()));
                true
            }
            gst::QueryViewMut::Scheduling(scheduling) => {
                scheduling.set(gst::SchedulingFlags::SEQUENTIAL, 1, -1, 0);
                scheduling.add_scheduling_modes([gst::PadMode::Push]);
                true
            }
            _ => false,
        }
    }

    /// A session is over; where asking again cannot help, that is an error, which says what to do.
    fn tell_end(&self, reason: EndReason) {
        self.post(stats::end_message(reason));
        if !reason.is_final() || !self.settings.lock().unwrap().asks() {
            return;
        }
        let text = format!("The server gives no stream: {reason}");
        match reason {
            EndReason::Unauthorized => gst::element_imp_error!(
                self,
                gst::ResourceError::NotAuthorized,
                ("{text}. Set the property token to one that is good")
            ),
            _ => gst::element_imp_error!(
                self,
                gst::ResourceError::NotFound,
                ("{text}. Check the playback ID in the address")
            ),
        }
        self.streams.push_eos();
    }

    fn warn_unanswered(&self) {
        let uri = self.settings.lock().unwrap().uri.clone();
        gst::element_imp_warning!(
            self,
            gst::ResourceError::NotFound,
            ("No server answers at {uri}: is it there, and is this its server-key? Asking further")
        );
    }

    fn tell(&self, state: &str, detail: &str) {
        self.post(stats::session_message(state, detail));
    }

    fn post(&self, structure: gst::Structure) {
        gst::info!(CAT, imp = self, "Session {structure}");
        let element = self.obj();
        let message = gst::message::Element::builder(structure);
        let _ = element.post_message(message.src(&*element).build());
    }

    fn flow(&self, pad: &gst::Pad, result: Result<gst::FlowSuccess, gst::FlowError>) -> bool {
        let Err(err) = result else {
            // Nothing that the combiner could make of a success would matter, but it remembers it.
            let _ = self.flows.lock().unwrap().update_pad_flow(pad, result);
            return true;
        };
        let combined = self.flows.lock().unwrap().update_pad_flow(pad, result);
        gst::trace!(CAT, obj = pad, "{err:?}, all pads together {combined:?}");
        match combined {
            Ok(_) | Err(gst::FlowError::Flushing) => true,
            Err(gst::FlowError::Eos) => false,
            Err(err) => {
                gst::element_imp_error!(
                    self,
                    gst::StreamError::Failed,
                    ("Internal data stream error"),
                    ["streaming stopped, reason {err}"]
                );
                self.streams.push_eos();
                false
            }
        }
    }
}

/// What the pads know of the element.
struct Pads(glib::WeakRef<super::FqlSrc>);

impl Owner for Pads {
    fn element(&self) -> Option<gst::Element> {
        self.0.upgrade().map(Cast::upcast)
    }

    fn make_pad(&self, template: &str, name: &str) -> Option<gst::Pad> {
        let element = self.0.upgrade()?;
        let pad = gst::Pad::builder_from_template(&element.pad_template(template)?)
            .name(name)
            .query_function(|pad, parent, query| {
                FqlSrc::catch_panic_pad_function(parent, || false, |imp| imp.answer(query))
                    || gst::Pad::query_default(pad, parent, query)
            })
            .event_function(|_, _, event| {
                use gst::EventType::{Latency, Qos, Reconfigure};
                matches!(event.type_(), Latency | Qos | Reconfigure)
            })
            .flags(gst::PadFlags::FIXED_CAPS)
            .build();
        element.imp().flows.lock().unwrap().add_pad(&pad);
        Some(pad)
    }

    fn flow(&self, pad: &gst::Pad, result: Result<gst::FlowSuccess, gst::FlowError>) -> bool {
        self.0.upgrade().is_some_and(|element| element.imp().flow(pad, result))
    }

    fn removed(&self, pad: &gst::Pad) {
        let Some(element) = self.0.upgrade() else { return };
        element.imp().flows.lock().unwrap().remove_pad(pad);
        let _ = pad.set_active(false);
        if pad.parent().is_some() {
            let _ = element.remove_pad(pad);
        }
    }
}

/// How long a unit lasts, where that is known. What its sender says may be anything, and is added to times.
fn duration(timing: Timing) -> Option<gst::ClockTime> {
    let duration = Duration::from_nanos(timing.duration);
    (Duration::from_nanos(1)..=LONGEST_UNIT).contains(&duration).then(|| duration.try_into().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_that_says_to_last_for_ever_has_no_duration() {
        let of = |nanos| duration(Timing { pts: 0, duration: nanos });
        assert_eq!(of(40_000_000), Some(gst::ClockTime::from_mseconds(40)));
        for nanos in [0, u64::MAX, u64::MAX - 1, 1 << 62] {
            assert_eq!(of(nanos), None, "{nanos}");
        }
    }
}
