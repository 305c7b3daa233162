use std::collections::BTreeMap;
use std::sync::mpsc::Sender;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::branch::{Branch, Retired, remove};
use super::properties::{self, Settings};
use super::worker::{self, Event};
use crate::ingest::Ingest;
use crate::keeper;
use crate::media::Media;
use crate::pads;
use crate::protocols::{AUTO, Plan, Protocol, Track};
use crate::sender::SESSION;

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("streamapisink", gst::DebugColorFlags::empty(), Some("Publisher of a stream"))
});

/// How long elements may take to give back what they were given, when they are taken down.
const HOLDING: Duration = Duration::from_secs(5);
/// What the names of elements that send begin with.
const TRANSPORT: &str = "transport";
/// The names of this element's own.
const STATE: &str = "application/x-stream-state";
const STATS: &str = "application/x-stream-stats";

#[derive(Default)]
pub struct StreamApiSink {
    settings: Mutex<Settings>,
    /// Held while elements are plugged, which post messages meanwhile: what handles messages looks at the two below.
    state: Mutex<State>,
    worker: Mutex<Option<Sender<Event>>>,
    transport: Mutex<Option<gst::Element>>,
}

#[derive(Default)]
struct State {
    /// Counts the times that the element was started: what was begun in one is not finished in another.
    run: u64,
    /// Counts the elements that send.
    transports: u32,
    /// Whether the element that sends has started.
    is_open: bool,
    branches: BTreeMap<u32, Branch>,
    sending: Option<Sending>,
    /// What is begun when the media of all pads is known.
    waiting: Option<Waiting>,
    /// The name of the protocol by which there was a session.
    settled: Option<&'static str>,
    /// Whether the element still holds up the preroll.
    is_starting: bool,
    note: Option<(keeper::State, u32)>,
}

/// What the daemon said, and how many sessions in a row never began.
#[derive(Clone)]
struct Waiting {
    ingest: Ingest,
    unreached: u32,
}

/// What sends the stream.
struct Sending {
    protocol: &'static Protocol,
    ingest: Ingest,
    plan: Plan,
    transport: gst::Element,
    /// Whether there was a session by it, or by one whose place it took.
    is_reached: bool,
}

impl Sending {
    /// Whether another element that sends by this protocol takes its place while data flows.
    fn goes_over_to(&self, protocol: &Protocol) -> bool {
        self.protocol.name == protocol.name && protocol.is_lasting
    }

    /// Whether a file may go through. One that lasts takes data before there is anybody who gets it, and a short file
    /// would have ended by the time that it is known that nobody does. Others hold what they cannot send, and begin
    /// their session with it.
    fn takes_files(&self) -> bool {
        self.is_reached || !self.protocol.is_lasting
    }
}

#[glib::object_subclass]
impl ObjectSubclass for StreamApiSink {
    const NAME: &'static str = "GstStreamApiSink";
    type Type = super::StreamApiSink;
    type ParentType = gst::Bin;
}

impl ObjectImpl for StreamApiSink {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(properties::all);
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let settings = {
            let mut settings = self.settings.lock().unwrap();
            settings.set(pspec.name(), value);
            settings.clone()
        };
        self.apply(pspec.name(), &settings);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let value = self.settings.lock().unwrap().get(pspec.name());
        value.unwrap_or_else(|| self.stats().to_value())
    }

    fn constructed(&self) {
        self.parent_constructed();
        pads::make_sink(&*self.obj());
    }
}

impl GstObjectImpl for StreamApiSink {}

impl ElementImpl for StreamApiSink {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Stream API sink",
                "Sink/Network",
                "Publishes a stream: asks the daemon where it goes, encodes what is raw, sends, and reconnects",
                "The Stream project",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        pads::templates()
    }

    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        let bin = self.obj();
        let number = match name {
            Some(name) => name.strip_prefix("sink_")?.parse().ok()?,
            None => (0..).find(|number| bin.static_pad(&pad_name(*number)).is_none())?,
        };
        if bin.static_pad(&pad_name(number)).is_some() {
            gst::error!(CAT, imp = self, "There is a pad {} already", pad_name(number));
            return None;
        }
        let branch = Branch::new(bin.upcast_ref(), template, number, &pad_name(number))?;
        let pad = branch.pad.clone();
        let weak = self.downgrade();
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            if let (Some(gst::PadProbeData::Event(event)), Some(imp)) = (&info.data, weak.upgrade())
                && let gst::EventView::Caps(caps) = event.view()
            {
                imp.describe(number, caps.caps());
            }
            gst::PadProbeReturn::Ok
        });
        let weak = self.downgrade();
        pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, move |_, info| {
            match (&info.data, weak.upgrade()) {
                (Some(gst::PadProbeData::Query(query)), Some(imp))
                    if query.is_serialized() && !imp.is_open(number) =>
                {
                    gst::PadProbeReturn::Drop
                }
                _ => gst::PadProbeReturn::Ok,
            }
        });
        branch.start().then_some(())?;
        self.lock().branches.insert(number, branch);
        pad.set_active(true).ok()?;
        bin.add_pad(&pad).ok()?;
        Some(pad.upcast())
    }

    fn release_pad(&self, pad: &gst::Pad) {
        let (branch, transport) = {
            let mut state = self.lock();
            let number =
                state.branches.iter().find(|(_, branch)| branch.pad == *pad).map(|(number, _)| *number);
            let branch = number.and_then(|number| state.branches.remove(&number));
            (branch, state.sending.as_ref().map(|sending| sending.transport.clone()))
        };
        if let Some(branch) = branch {
            branch.remove(self.obj().upcast_ref(), transport.as_ref());
        }
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::ReadyToPaused => self.start()?,
            gst::StateChange::PausedToReady => self.end_run(),
            _ => (),
        }
        let result = self.parent_change_state(transition);
        match transition {
            gst::StateChange::ReadyToPaused if result.is_ok() => Ok(gst::StateChangeSuccess::Async),
            gst::StateChange::ReadyToPaused => {
                self.end_run();
                self.clear();
                self.preroll_done();
                result
            }
            gst::StateChange::PausedToReady => {
                self.clear();
                self.preroll_done();
                result
            }
            _ => result,
        }
    }
}

impl BinImpl for StreamApiSink {
    fn handle_message(&self, message: gst::Message) {
        let Some(is_current) = self.is_of_current(&message) else {
            return self.parent_handle_message(message);
        };
        match message.view() {
            // One that was replaced has nothing more to say of the stream.
            gst::MessageView::Error(_) | gst::MessageView::Warning(_) | gst::MessageView::Element(_)
                if !is_current => {}
            // What the element that sends cannot go on after may be over when the daemon is asked again.
            gst::MessageView::Error(error) => {
                gst::warning!(CAT, imp = self, "{} {:?}", error.error(), error.debug());
                self.send(Event::Broken(error.error().to_string()));
            }
            gst::MessageView::Element(element) => {
                if let Some(session) = element.structure().filter(|s| s.name() == SESSION) {
                    let text = |field| session.get::<String>(field).unwrap_or_default();
                    let state = text("state");
                    if state == "connected" {
                        self.settle();
                    }
                    self.send(Event::Session { state, detail: text("detail"), reason: text("reason") });
                }
                self.parent_handle_message(message);
            }
            _ => self.parent_handle_message(message),
        }
    }
}

fn pad_name(number: u32) -> String {
    format!("sink_{number}")
}

impl StreamApiSink {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn settings(&self) -> Settings {
        self.settings.lock().unwrap().clone()
    }

    fn send(&self, event: Event) {
        if let Some(worker) = &*self.worker.lock().unwrap() {
            // Fails where the worker has ended, and nobody wants to know.
            let _ = worker.send(event);
        }
    }

    /// Checks the settings, and starts the worker. The element holds up the preroll until it knows where to send.
    fn start(&self) -> Result<(), gst::StateChangeError> {
        let settings = self.settings();
        let checked =
            crate::ingest::check(&settings.api_url, &settings.stream_key).map_err(|err| err.to_string());
        let protocol = match settings.protocol.as_str() {
            AUTO => Ok(()),
            name => Protocol::named(name).map(|_| ()),
        };
        if let Err(err) = checked.and(protocol) {
            gst::element_imp_error!(self, gst::LibraryError::Settings, ["Cannot publish: {err}"]);
            return Err(gst::StateChangeError);
        }
        let element = self.obj();
        self.parent_handle_message(gst::message::AsyncStart::builder().src(&*element).build());
        let run = {
            let mut state = self.lock();
            state.run += 1;
            state.is_starting = true;
            state.run
        };
        // Held until it is stored, so that whoever has something to tell it finds it.
        let mut worker = self.worker.lock().unwrap();
        match worker::start(&element, run) {
            Ok(started) => *worker = Some(started),
            Err(err) => {
                drop(worker);
                gst::element_imp_error!(
                    self,
                    gst::CoreError::Thread,
                    ["There is no thread to publish on: {err}"]
                );
                self.preroll_done();
                return Err(gst::StateChangeError);
            }
        }
        Ok(())
    }

    /// Ends the worker, which is not waited for: it changes nothing any more.
    fn end_run(&self) {
        {
            let mut state = self.lock();
            state.run += 1;
            state.note = None;
        }
        if let Some(worker) = self.worker.lock().unwrap().take() {
            let _ = worker.send(Event::Stop);
        }
    }

    /// Takes out what was plugged.
    fn clear(&self) {
        let bin = self.obj();
        let mut state = self.lock();
        let sending = state.sending.take();
        state.is_open = false;
        state.waiting = None;
        state.settled = None;
        *self.transport.lock().unwrap() = None;
        let mut branches = std::mem::take(&mut state.branches);
        drop(state);
        for branch in branches.values_mut() {
            branch.unplug(bin.upcast_ref());
            branch.forget();
        }
        if let Some(sending) = sending {
            remove(bin.upcast_ref(), &sending.transport);
        }
        self.lock().branches.append(&mut branches);
    }

    /// The element does not hold up the preroll any more; what it plugged may.
    fn preroll_done(&self) {
        if std::mem::take(&mut self.lock().is_starting) {
            let message = gst::message::AsyncDone::builder().src(&*self.obj()).build();
            self.parent_handle_message(message);
        }
    }

    /// Whether this run goes on.
    pub(super) fn is_run(&self, run: u64) -> bool {
        self.lock().run == run
    }

    /// A pad's caps.
    fn describe(&self, number: u32, caps: &gst::CapsRef) {
        gst::debug!(CAT, imp = self, "Pad {number} gets {}: {caps}", Media::of(caps));
        if let Some(branch) = self.lock().branches.get_mut(&number).filter(|branch| !branch.is_plugged()) {
            branch.describe(caps);
        }
        self.send(Event::Pad);
    }

    /// Whether the data of a pad goes through. A query that keeps its place in the stream would wait in the queue for
    /// that, and some sources ask before they send the caps by which it is known what to plug, of this pad or another:
    /// they get no answer, which is one.
    fn is_open(&self, number: u32) -> bool {
        self.lock().branches.get(&number).is_some_and(Branch::is_open)
    }

    /// Begins a session by what the daemon said, in place of the one that there may be. `unreached` is how many in a
    /// row never began before it.
    pub(super) fn publish(&self, run: u64, ingest: &Ingest, unreached: u32) -> Result<(), String> {
        let settings = self.settings();
        let candidates = Protocol::candidates(&settings.protocol, ingest)?;
        let Some(protocol) = self.choose(&candidates, unreached)? else {
            self.lock().waiting = Some(Waiting { ingest: ingest.clone(), unreached });
            return Ok(());
        };
        if self.lock().sending.as_ref().is_some_and(|old| !old.goes_over_to(protocol)) {
            self.take_out(run);
        }
        let plan = plan(&settings, protocol, ingest);
        let transport = protocol.transport(&plan)?;
        gst::info!(CAT, imp = self, "Publishing {} by {}", ingest.stream, protocol.name);
        let bin = self.obj();
        let number = {
            let mut state = self.lock();
            state.waiting = None;
            state.transports += 1;
            state.transports
        };
        transport.set_property("name", format!("{TRANSPORT}{number}"));
        bin.add(&transport).map_err(|err| err.to_string())?;
        let ingest = ingest.clone();
        let sending = Sending { protocol, ingest, plan, transport, is_reached: false };
        let mut state = self.lock();
        if state.run != run {
            drop(state);
            remove(bin.upcast_ref(), &sending.transport);
            return Ok(());
        }
        match state.sending.take() {
            Some(old) => self.replace(state, old, sending),
            None => self.begin(state, sending),
        }
    }

    /// The protocol for the next attempt: of those that carry what comes the one by which there was a session, or the
    /// first, and after every attempt that reached nobody the next. `None` until it is known what comes.
    fn choose(
        &self,
        candidates: &[&'static Protocol],
        unreached: u32,
    ) -> Result<Option<&'static Protocol>, String> {
        let state = self.lock();
        let tracks: Vec<Track> = state.branches.values().filter_map(Branch::track).collect();
        let are_all_known = !tracks.is_empty() && tracks.len() == state.branches.len();
        let mut fitting: Vec<&Protocol> =
            candidates.iter().copied().filter(|protocol| protocol.check(&tracks).is_ok()).collect();
        let Some(first) = fitting.first() else {
            return candidates.first().map_or(Ok(None), |first| first.check(&tracks).map(|()| None));
        };
        if let Some(at) = fitting.iter().position(|protocol| Some(protocol.name) == state.settled) {
            fitting.rotate_left(at);
        } else if first.is_lasting && unreached == 0 {
            return Ok(Some(first));
        }
        let next = fitting[unreached as usize % fitting.len()];
        Ok(Some(next).filter(|protocol| protocol.is_lasting || are_all_known))
    }

    /// There is a session by the protocol that is spoken now.
    fn settle(&self) {
        let mut state = self.lock();
        if let Some(sending) = &mut state.sending {
            sending.is_reached = true;
            state.settled = Some(sending.protocol.name);
        }
    }

    /// What sends has failed. One that lasts stays where it is; any other is taken out. Gives whether it is one that
    /// lasts.
    pub(super) fn suspend(&self, run: u64) -> bool {
        let is_lasting = self.lock().sending.as_ref().is_none_or(|sending| sending.protocol.is_lasting);
        if !is_lasting {
            self.take_out(run);
        }
        is_lasting
    }

    /// Takes out what sends, and what was plugged for it. What comes is held back from then on.
    fn take_out(&self, run: u64) {
        let bin = self.obj();
        let mut state = self.lock();
        if state.run != run {
            return;
        }
        let Some(sending) = state.sending.take() else { return };
        state.is_open = false;
        *self.transport.lock().unwrap() = None;
        let on_their_way: Vec<_> = state.branches.values_mut().filter_map(Branch::suspend).collect();
        drop(state);
        // Whoever waits for it to take data goes on.
        sending.transport.set_locked_state(true);
        let _ = sending.transport.set_state(gst::State::Null);
        for idle in on_their_way {
            // What cannot be held back is taken down with its elements.
            let _ = idle.recv_timeout(HOLDING);
        }
        let mut state = self.lock();
        state.branches.values_mut().for_each(|branch| branch.unplug(bin.upcast_ref()));
        drop(state);
        remove(bin.upcast_ref(), &sending.transport);
    }

    /// Plugs the first element that sends, and starts it. Where it cannot start it says why by an error message, which
    /// the worker hears of, and nothing is let through to it.
    fn begin(&self, mut state: MutexGuard<'_, State>, sending: Sending) -> Result<(), String> {
        let (run, transport) = (state.run, sending.transport.clone());
        *self.transport.lock().unwrap() = Some(transport.clone());
        state.sending = Some(sending);
        drop(state);
        self.plug(run)?;
        if transport.sync_state_with_parent().is_ok() {
            self.lock().is_open = true;
            self.open(run);
        }
        Ok(())
    }

    /// Goes over from one element that sends to another, once that has started. Where it cannot, all stays as it is.
    fn replace(&self, mut state: MutexGuard<'_, State>, old: Sending, new: Sending) -> Result<(), String> {
        let (run, transport) = (state.run, new.transport.clone());
        *self.transport.lock().unwrap() = Some(transport.clone());
        if transport.sync_state_with_parent().is_err() {
            *self.transport.lock().unwrap() = Some(old.transport.clone());
            state.sending = Some(old);
            drop(state);
            remove(self.obj().upcast_ref(), &transport);
            return Ok(());
        }
        state.sending = Some(Sending { is_reached: old.is_reached, ..new });
        state.is_open = true;
        let retired = Arc::new(Retired { bin: self.obj().clone().upcast(), element: old.transport });
        for branch in state.branches.values_mut().filter(|branch| branch.is_plugged()) {
            branch.move_to(&transport, &retired)?;
        }
        drop(state);
        self.plug(run)?;
        self.open(run);
        Ok(())
    }

    /// Lets data through to what sends, that of files as soon as it takes them. That holds up the preroll itself once
    /// data of all pads goes through: the time of a file begins with its first picture.
    pub(super) fn open(&self, run: u64) {
        let mut state = self.lock();
        if state.run != run || !state.is_open {
            return;
        }
        let takes_files = state.sending.as_ref().is_some_and(Sending::takes_files);
        for branch in state.branches.values_mut().filter(|branch| takes_files || branch.is_live()) {
            branch.open();
        }
        let are_all_open = state.branches.values().all(Branch::is_open);
        drop(state);
        if are_all_open {
            self.preroll_done();
        }
    }

    /// The media of another pad is known.
    pub(super) fn plug_pads(&self, run: u64) -> Result<(), String> {
        let waiting = self.lock().waiting.clone();
        if let Some(Waiting { ingest, unreached }) = waiting {
            return self.publish(run, &ingest, unreached);
        }
        self.plug(run)?;
        self.open(run);
        Ok(())
    }

    /// Plugs what is behind the pads of which the media is known, once it is known where to send.
    fn plug(&self, run: u64) -> Result<(), String> {
        let bin = self.obj();
        let mut state = self.lock();
        let State { branches, sending, run: current, .. } = &mut *state;
        let Some(sending) = sending.as_ref().filter(|_| *current == run) else { return Ok(()) };
        for branch in branches.values_mut() {
            branch.plug(bin.upcast_ref(), sending.protocol, &sending.plan, &sending.transport)?;
        }
        Ok(())
    }

    /// Whether a message is of the element that sends, or of one that did before; `None` for all others.
    fn is_of_current(&self, message: &gst::Message) -> Option<bool> {
        let bin = self.obj();
        let mut source = message.src()?.clone();
        while let Some(parent) = source.parent().filter(|parent| parent != bin.upcast_ref::<gst::Object>()) {
            source = parent;
        }
        let is_current =
            self.transport.lock().unwrap().as_ref().is_some_and(|t| *t.upcast_ref::<gst::Object>() == source);
        source.name().starts_with(TRANSPORT).then_some(is_current)
    }

    /// Gives a rate that was set while media flows to those whom it concerns.
    fn apply(&self, name: &str, settings: &Settings) {
        let state = self.lock();
        let encoders = |media, name, value| {
            state.branches.values().for_each(|branch| branch.set_encoder(media, name, value));
        };
        match (name, &state.sending) {
            ("bitrate", _) => encoders(Media::RawVideo, "bitrate", settings.bitrate),
            ("keyframe-interval", _) => encoders(Media::RawVideo, name, settings.keyframe_interval),
            ("audio-bitrate", _) => encoders(Media::RawAudio, "bitrate", settings.audio_bitrate),
            ("max-bitrate", Some(sending)) if sending.transport.has_property(name) => {
                let rate = max_bitrate(settings.max_bitrate, &sending.ingest);
                let transport = sending.transport.clone();
                // It may post a message, which looks at the state.
                drop(state);
                transport.set_property("max-bitrate", rate);
            }
            _ => (),
        }
    }

    /// Remembers how this run stands, for the statistics. Where it was ended meanwhile, that is not how it stands now.
    pub(super) fn note(&self, run: u64, at: keeper::State, failures: u32) {
        let mut state = self.lock();
        if state.run == run {
            state.note = Some((at, failures));
        }
    }

    fn stats(&self) -> gst::Structure {
        let state = self.lock();
        let (at, failures) = state.note.map_or(("stopped", 0), |(at, failures)| (at.as_str(), failures));
        let mut stats = gst::Structure::builder(STATS).field("state", at).field("failures", failures).build();
        if let Some(sending) = &state.sending {
            stats.set("protocol", sending.protocol.name);
            stats.set("stream", &sending.ingest.stream);
            stats.set("playback-id", &sending.ingest.playback_id);
            stats.set("address", &sending.plan.address);
            let transport = sending.transport.clone();
            drop(state);
            let of_transport = transport.property::<Option<gst::Structure>>("stats");
            stats.set("transport", of_transport.unwrap_or_else(|| gst::Structure::new_empty("none")));
        }
        stats
    }

    pub(super) fn post_stats(&self) {
        self.post(self.stats());
    }

    pub(super) fn tell(&self, at: keeper::State, detail: &str) {
        gst::info!(CAT, imp = self, "{} {detail}", at.as_str());
        self.post(gst::Structure::builder(STATE).field("state", at.as_str()).field("detail", detail).build());
    }

    fn post(&self, structure: gst::Structure) {
        let element = self.obj();
        // Fails only where nobody has a bus to hear it.
        let _ = element.post_message(gst::message::Element::builder(structure).src(&*element).build());
    }

    pub(super) fn fail(&self, text: &str) {
        gst::element_imp_error!(self, gst::ResourceError::OpenWrite, ("Cannot publish: {text}"));
    }
}

fn plan(settings: &Settings, protocol: &Protocol, ingest: &Ingest) -> Plan {
    Plan {
        address: ingest.addresses.get(protocol.name).cloned().unwrap_or_default(),
        stream_key: settings.stream_key.clone(),
        srt_passphrase: settings.srt_passphrase.clone(),
        layers: ingest.layers.clamp(1, 15),
        fec: ingest.fec.clone(),
        bitrate: settings.bitrate,
        keyframe_interval: settings.keyframe_interval,
        audio_bitrate: settings.audio_bitrate,
        max_bitrate: max_bitrate(settings.max_bitrate, ingest),
    }
}

/// The smaller one of what was set and what the daemon says, in kbit/s; 0 is no bound.
fn max_bitrate(set: u32, ingest: &Ingest) -> u32 {
    let said = ingest.max_bitrate.map_or(0, |bits| u32::try_from(bits / 1000).unwrap_or(u32::MAX));
    match (set, said) {
        (0, other) | (other, 0) => other,
        (a, b) => a.min(b),
    }
}
