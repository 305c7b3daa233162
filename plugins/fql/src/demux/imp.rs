use std::sync::{LazyLock, Mutex};

use fql_file::{Ending, Index, load_index};
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::course::Course;
use super::playback::{Jump, Playback};
use super::pulled::Pulled;
use super::remote::Fetch;
use super::streams::{Action, Streams};
use crate::{caps, kinds, templates};

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("fqldemux", gst::DebugColorFlags::empty(), Some("FQL file reader"))
});

/// Bytes that are pulled at once.
const CHUNK: u32 = 128 << 10;

type Flow = Result<gst::FlowSuccess, gst::FlowError>;

#[derive(Default)]
pub struct State {
    pub(super) playback: Playback,
    pub(super) is_pulling: bool,
    /// Whether the index was looked for.
    is_prepared: bool,
    /// The index is on its way.
    pub(super) fetch: Option<Fetch>,
    /// A flush is this element's own, and nobody else's business.
    pub(super) is_own_flush: bool,
    /// Where to go on after the flush of a seek in push mode.
    pub(super) pending: Option<(Course, Jump)>,
    /// Whether upstream goes where it is told.
    pub(super) can_seek: bool,
    has_warned: bool,
}

#[derive(Default)]
pub struct FqlDemux {
    pub(super) state: Mutex<State>,
    pub(super) flows: Mutex<gst_base::UniqueFlowCombiner>,
    /// One seek at a time.
    pub(super) seeking: Mutex<()>,
    sink: Mutex<Option<gst::Pad>>,
}

#[glib::object_subclass]
impl ObjectSubclass for FqlDemux {
    const NAME: &'static str = "GstFqlDemux";
    type Type = super::FqlDemux;
    type ParentType = gst::Element;
}

impl ObjectImpl for FqlDemux {
    fn constructed(&self) {
        self.parent_constructed();
        let element = self.obj();
        let template = element.pad_template("sink").expect("one of the templates below");
        let failed = || gst::loggable_error!(CAT, "a panic");
        let pad = gst::Pad::builder_from_template(&template)
            .activate_function(move |pad, parent| {
                Self::catch_panic_pad_function(parent, || Err(failed()), |_| activate(pad))
            })
            .activatemode_function(move |pad, parent, mode, active| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(failed()),
                    |demux| demux.activate_mode(pad, mode, active),
                )
            })
            .chain_function(|pad, parent, buffer| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |demux| demux.chain(pad, &buffer),
                )
            })
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |demux| demux.sink_event(pad, event))
            })
            .build();
        element.add_pad(&pad).expect("a new element has no other pads");
        *self.sink.lock().unwrap() = Some(pad);
    }
}

impl GstObjectImpl for FqlDemux {}

impl ElementImpl for FqlDemux {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            templates::metadata(
                "FQL file reader",
                "Codec/Demuxer",
                "Reads layered video and sound, encoded media and data from a .fql file, up to the last whole unit of it",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let (sink, always) = (gst::PadDirection::Sink, gst::PadPresence::Always);
            let mut all = kinds::source_templates();
            all.push(templates::template("sink", sink, always, &caps::file_caps()));
            all
        });
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        let result = self.parent_change_state(transition);
        if transition == gst::StateChange::PausedToReady {
            let state = std::mem::take(&mut *self.state.lock().unwrap());
            self.flows.lock().unwrap().clear();
            for pad in state.playback.streams.pads() {
                let _ = self.obj().remove_pad(&pad);
            }
        }
        result
    }
}

/// Pulls where upstream can be read anywhere.
fn activate(pad: &gst::Pad) -> Result<(), gst::LoggableError> {
    let mut query = gst::query::Scheduling::new();
    let can_pull = pad.peer_query(&mut query)
        && query.has_scheduling_mode_with_flags(gst::PadMode::Pull, gst::SchedulingFlags::SEEKABLE);
    let mode = if can_pull { gst::PadMode::Pull } else { gst::PadMode::Push };
    pad.activate_mode(mode, true)?;
    Ok(())
}

impl FqlDemux {
    fn activate_mode(
        &self,
        pad: &gst::Pad,
        mode: gst::PadMode,
        active: bool,
    ) -> Result<(), gst::LoggableError> {
        let is_pulling = mode == gst::PadMode::Pull;
        if active {
            let mut state = self.state.lock().unwrap();
            *state = State { is_pulling, ..State::default() };
            state.playback.streams = new_streams(pad);
        }
        match (is_pulling, active) {
            (true, true) => self.start_task(pad)?,
            (true, false) => pad.stop_task()?,
            _ => (),
        }
        Ok(())
    }

    pub(super) fn start_task(&self, pad: &gst::Pad) -> Result<(), glib::BoolError> {
        let (element, weak_pad) = (self.obj().downgrade(), pad.downgrade());
        pad.start_task(move || {
            if let (Some(element), Some(pad)) = (element.upgrade(), weak_pad.upgrade()) {
                element.imp().pull(&pad);
            }
        })
    }

    pub(super) fn sink(&self) -> gst::Pad {
        self.sink.lock().unwrap().clone().expect("the pad is made with the element")
    }

    /// One turn of the task: all records that are there, then more bytes.
    fn pull(&self, pad: &gst::Pad) {
        if let Err(flow) = self.pull_more(pad) {
            // Fails only where there is no task any more.
            let _ = pad.pause_task();
            self.stop(flow);
        }
    }

    fn pull_more(&self, pad: &gst::Pad) -> Flow {
        if !std::mem::replace(&mut self.state.lock().unwrap().is_prepared, true) {
            self.prepare(pad)?;
        }
        self.advance()?;
        let position = self.state.lock().unwrap().playback.parser.position();
        match pad.pull_range(position, CHUNK) {
            Ok(buffer) => {
                self.take(&buffer);
                Ok(gst::FlowSuccess::Ok)
            }
            Err(gst::FlowError::Eos) => {
                self.reach_end()?;
                Err(gst::FlowError::Eos)
            }
            Err(flow) => Err(flow),
        }
    }

    /// Finds the index, so that all tracks, the duration and the refresh points are known from the beginning on.
    fn prepare(&self, pad: &gst::Pad) -> Result<(), gst::FlowError> {
        let mut source = Pulled { pad, failure: None };
        let loaded = load_index(&mut source);
        if let Some(flow) = source.failure {
            return Err(flow);
        }
        match loaded {
            Ok(loaded) => {
                gst::debug!(
                    CAT,
                    imp = self,
                    "Index of {} points, made anew: {}",
                    loaded.index.entries.len(),
                    loaded.is_rebuilt
                );
                self.set_index(loaded.index);
                Ok(())
            }
            Err(err) => {
                gst::element_imp_error!(
                    self,
                    gst::StreamError::WrongType,
                    ["The file cannot be read: {err}"]
                );
                Err(gst::FlowError::Error)
            }
        }
    }

    pub(super) fn set_index(&self, index: Index) {
        let mut state = self.state.lock().unwrap();
        state.can_seek = true;
        state.playback.set_index(index);
    }

    fn take(&self, buffer: &gst::BufferRef) {
        if let Ok(bytes) = buffer.map_readable() {
            self.state.lock().unwrap().playback.parser.push(&bytes);
        }
    }

    /// Does all that comes of the bytes so far.
    fn advance(&self) -> Flow {
        loop {
            let step =
                self.state.lock().unwrap().playback.step(|template, name| self.make_pad(template, name));
            let step = match step {
                Ok(Some(step)) => step,
                Ok(None) => return Ok(gst::FlowSuccess::Ok),
                Err(err) => {
                    gst::element_imp_error!(
                        self,
                        gst::StreamError::WrongType,
                        ["The file cannot be read: {err}"]
                    );
                    return Err(gst::FlowError::Error);
                }
            };
            if step.damage > 0 {
                self.warn(&format!("{} bytes are damaged; what follows is played", step.damage));
            }
            self.run(step.actions)?;
            if step.is_done {
                return Err(gst::FlowError::Eos);
            }
        }
    }

    /// Does what is to be done with the pads.
    fn run(&self, actions: Vec<Action>) -> Flow {
        for action in actions {
            match action {
                Action::Add(pad, events) => self.add_pad(&pad, events),
                Action::Remove(pad) => {
                    self.flows.lock().unwrap().remove_pad(&pad);
                    let _ = pad.set_active(false);
                    let _ = self.obj().remove_pad(&pad);
                }
                Action::Event(pad, event) => {
                    pad.push_event(event);
                }
                Action::Buffer(pad, buffer) => {
                    let pushed = pad.push(buffer);
                    self.flows.lock().unwrap().update_pad_flow(&pad, pushed)?;
                }
                Action::Collection(collection) => self.tell_streams(&collection),
            }
        }
        Ok(gst::FlowSuccess::Ok)
    }

    fn add_pad(&self, pad: &gst::Pad, events: Vec<gst::Event>) {
        // Fails only for pads that are no new ones.
        let _ = pad.set_active(true);
        for event in events {
            pad.push_event(event);
        }
        self.flows.lock().unwrap().add_pad(pad);
        let _ = self.obj().add_pad(pad);
    }

    fn tell_streams(&self, collection: &gst::StreamCollection) {
        let element = self.obj();
        let message = gst::message::StreamCollection::builder(collection).src(&*element).build();
        // Fails only where nobody has a bus to hear it.
        let _ = element.post_message(message);
        element.no_more_pads();
    }

    fn make_pad(&self, template: &str, name: &str) -> Option<gst::Pad> {
        let template = self.obj().pad_template(template)?;
        let pad = gst::Pad::builder_from_template(&template)
            .name(name)
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |demux| demux.src_event(pad, parent, event))
            })
            .query_function(|pad, parent, query| {
                Self::catch_panic_pad_function(parent, || false, |demux| demux.src_query(pad, parent, query))
            })
            .build();
        pad.use_fixed_caps();
        Some(pad)
    }

    /// One warning of a kind is enough.
    fn warn(&self, what: &str) {
        gst::info!(CAT, imp = self, "{what}");
        if !std::mem::replace(&mut self.state.lock().unwrap().has_warned, true) {
            gst::element_imp_warning!(self, gst::StreamError::Demux, ["{what}"]);
        }
    }

    /// No more bytes come: what is held back goes on, and a file that was cut off is told.
    fn reach_end(&self) -> Flow {
        self.advance()?;
        let (actions, ending, is_empty) = {
            let mut state = self.state.lock().unwrap();
            let playback = &mut state.playback;
            (
                playback.finish(),
                playback.ending(),
                playback.streams.is_empty() && playback.parser.position() == playback.parser.skipped(),
            )
        };
        if let Ending::Cut(bytes) = ending {
            self.warn(&format!(
                "The file has no end: it was cut off, or is still being written; {bytes} bytes of its last record are left out"
            ));
        }
        if is_empty {
            gst::element_imp_error!(self, gst::StreamError::WrongType, ["This is no .fql file"]);
            return Err(gst::FlowError::Error);
        }
        self.run(actions)
    }

    /// The stream is over, for whatever reason.
    fn stop(&self, flow: gst::FlowError) {
        gst::debug!(CAT, imp = self, "Stopping: {flow}");
        if flow == gst::FlowError::Flushing {
            return;
        }
        if flow != gst::FlowError::Eos {
            gst::element_imp_error!(self, gst::StreamError::Failed, ["Streaming stopped: {flow}"]);
        }
        let actions = {
            let mut state = self.state.lock().unwrap();
            let Playback { course, streams, .. } = &mut state.playback;
            let event = last_event(course);
            (streams.end(&event, course), course.clone())
        };
        let (actions, course) = actions;
        if course.segment.flags().contains(gst::SegmentFlags::SEGMENT) && flow == gst::FlowError::Eos {
            let position = course.segment.stop().or(course.segment.duration());
            let element = self.obj();
            let message =
                gst::message::SegmentDone::builder(position).src(&*element).seqnum(course.seqnum).build();
            let _ = element.post_message(message);
        }
        // What comes back is the end of the stream.
        let _ = self.run(actions);
    }

    fn chain(&self, pad: &gst::Pad, buffer: &gst::BufferRef) -> Flow {
        if !std::mem::replace(&mut self.state.lock().unwrap().is_prepared, true) && self.begin_fetch(pad) {
            return Ok(gst::FlowSuccess::Ok);
        }
        if self.state.lock().unwrap().fetch.is_some() {
            self.fetch(pad, buffer);
            return Ok(gst::FlowSuccess::Ok);
        }
        self.take(buffer);
        let flow = self.advance();
        if self.state.lock().unwrap().playback.is_no_file() {
            gst::element_imp_error!(self, gst::StreamError::WrongType, ["This is no .fql file"]);
            return Err(gst::FlowError::Error);
        }
        match flow {
            Err(gst::FlowError::Eos) => {
                self.stop(gst::FlowError::Eos);
                Err(gst::FlowError::Eos)
            }
            other => other,
        }
    }

    fn sink_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        gst::log!(CAT, imp = self, "Event from upstream: {event:?}");
        match event.view() {
            gst::EventView::StreamStart(_) => {
                let mut state = self.state.lock().unwrap();
                if state.playback.streams.is_empty() {
                    // With the id of the stream that begins.
                    drop(state);
                    let _ = pad.store_sticky_event(&event);
                    state = self.state.lock().unwrap();
                    state.playback.streams = new_streams(pad);
                }
                true
            }
            gst::EventView::Segment(segment) => {
                let start =
                    segment.segment().downcast_ref::<gst::format::Bytes>().map(|segment| segment.start());
                if let Some(Some(start)) = start {
                    self.come_to(*start);
                }
                true
            }
            gst::EventView::FlushStart(_) | gst::EventView::FlushStop(_) => {
                self.flush(&event);
                true
            }
            gst::EventView::Eos(_) => {
                if self.state.lock().unwrap().fetch.is_some() {
                    self.end_fetch(pad, None);
                    return true;
                }
                let flow = self.reach_end().err().unwrap_or(gst::FlowError::Eos);
                self.stop(flow);
                true
            }
            gst::EventView::Caps(_) | gst::EventView::Tag(_) | gst::EventView::StreamCollection(_) => true,
            _ => gst::Pad::event_default(pad, Some(&*self.obj()), event),
        }
    }

    /// A flush from upstream, which may be the one of a seek.
    fn flush(&self, event: &gst::Event) {
        let (is_own, pads) = {
            let state = self.state.lock().unwrap();
            (state.is_own_flush, state.playback.streams.pads())
        };
        if is_own {
            return;
        }
        for pad in pads {
            pad.push_event(event.clone());
        }
        if event.type_() == gst::EventType::FlushStop {
            self.flows.lock().unwrap().reset();
            let mut state = self.state.lock().unwrap();
            match state.pending.take() {
                Some((course, jump)) => state.playback.jump(course, &jump),
                None => state.playback.streams.restart(),
            }
        }
    }

    fn src_event(&self, pad: &gst::Pad, parent: Option<&impl IsA<gst::Object>>, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::Seek(seek) => self.seek(seek),
            _ => gst::Pad::event_default(pad, parent, event),
        }
    }

    fn src_query(
        &self,
        pad: &gst::Pad,
        parent: Option<&impl IsA<gst::Object>>,
        query: &mut gst::QueryRef,
    ) -> bool {
        use gst::QueryViewMut;
        let (duration, can_seek) = {
            let state = self.state.lock().unwrap();
            (state.playback.duration(), state.can_seek)
        };
        match query.view_mut() {
            QueryViewMut::Duration(query) if query.format() == gst::Format::Time => match duration {
                Some(duration) => {
                    query.set(duration);
                    true
                }
                None => false,
            },
            QueryViewMut::Seeking(query) if query.format() == gst::Format::Time => {
                query.set(can_seek, gst::ClockTime::ZERO, duration);
                true
            }
            _ => gst::Pad::query_default(pad, parent, query),
        }
    }
}

/// The streams of a file that comes to this pad.
fn new_streams(pad: &gst::Pad) -> Streams {
    let start = pad.sticky_event::<gst::event::StreamStart>(0);
    let group = start.as_ref().and_then(|start| start.group_id());
    let uri = || {
        let mut query = gst::query::Uri::new();
        pad.peer_query(&mut query).then(|| query.uri()).flatten().map(|uri| uri.to_string())
    };
    let origin = start.map(|start| start.stream_id().to_string()).or_else(uri).unwrap_or_default();
    let id = glib::compute_checksum_for_string(glib::ChecksumType::Sha256, &origin);
    Streams::new(id.map(|id| id.to_string()).unwrap_or_default(), group.unwrap_or_else(gst::GroupId::next))
}

/// What follows the last buffer.
fn last_event(course: &Course) -> gst::Event {
    match course.segment.flags().contains(gst::SegmentFlags::SEGMENT) {
        true => {
            let position = course.segment.stop().or(course.segment.duration());
            gst::event::SegmentDone::builder(position).seqnum(course.seqnum).build()
        }
        false => gst::event::Eos::builder().seqnum(course.seqnum).build(),
    }
}
