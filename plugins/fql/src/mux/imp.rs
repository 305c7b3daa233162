use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use fql_file::{StoredUnit, Tags, Writer, WriterOptions};
use fql_unit::{Track, TrackTable};
use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::interleave::{Interleaver, Item};
use super::lane::Lane;

use crate::{caps, file_tags as tags, templates};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new("fqlmux", gst::DebugColorFlags::empty(), Some("FQL file writer"))
});

/// Ids of tracks, and so the numbers of pads.
const TRACK_IDS: std::ops::Range<u8> = 0..fql_unit::MAX_TRACKS as u8;

#[derive(Clone, Copy)]
struct Settings {
    /// In milliseconds.
    index_interval: u32,
    offset_to_zero: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { index_interval: 500, offset_to_zero: true }
    }
}

/// What the pads give, before it is written.
#[derive(Default)]
struct Input {
    interleaver: Interleaver,
    lanes: BTreeMap<u8, Lane>,
    /// Pads that are not to give anything at present.
    flushing: BTreeMap<u8, bool>,
    /// Pads on which no stream has begun yet.
    silent: BTreeSet<u8>,
    tags: Tags,
    /// Downstream is flushed, and the file begins anew when that is over.
    is_restarting: bool,
    is_stopping: bool,
    has_warned: bool,
}

impl Input {
    /// A new pad, or one of a new start.
    fn add(&mut self, id: u8) {
        self.interleaver.add(id);
        self.lanes.insert(id, Lane::default());
        self.flushing.insert(id, false);
        self.silent.insert(id);
    }

    /// A stream begins on a pad, which may have been given up before.
    fn begin_stream(&mut self, id: u8) {
        if self.silent.remove(&id) {
            self.interleaver.add(id);
        }
    }
}

/// What is written.
#[derive(Default)]
struct Output {
    writer: Option<Writer>,
    tracks: BTreeMap<u8, Track>,
    /// The running time that is the beginning of the file.
    origin: Option<i64>,
    has_ended: bool,
}

impl Output {
    /// What was written does not count any more. The tracks stay what they are.
    fn restart(&mut self) {
        *self = Self { tracks: std::mem::take(&mut self.tracks), ..Self::default() };
    }
}

#[derive(Default)]
pub struct FqlMux {
    settings: Mutex<Settings>,
    input: Mutex<Input>,
    /// Something left the interleaver, or nobody is to wait any more.
    changed: Condvar,
    /// Held while something is pushed, so that it leaves in order; taken before `input`.
    output: Mutex<Output>,
    source: Mutex<Option<gst::Pad>>,
}

#[glib::object_subclass]
impl ObjectSubclass for FqlMux {
    const NAME: &'static str = "GstFqlMux";
    type Type = super::FqlMux;
    type ParentType = gst::Element;
    type Interfaces = (gst::TagSetter,);
}

impl ObjectImpl for FqlMux {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: LazyLock<Vec<glib::ParamSpec>> = LazyLock::new(|| {
            vec![
                glib::ParamSpecUInt::builder("index-interval")
                    .nick("Index interval")
                    .blurb("Least time from one refresh point of a track in the index to the next, in milliseconds")
                    .minimum(1)
                    .maximum(60_000)
                    .default_value(500)
                    .mutable_ready()
                    .build(),
                glib::ParamSpecBoolean::builder("offset-to-zero")
                    .nick("Offset to zero")
                    .blurb("Whether the first unit is at time 0 of the file, whenever it came")
                    .default_value(true)
                    .mutable_ready()
                    .build(),
            ]
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let mut settings = self.settings.lock().unwrap();
        match pspec.name() {
            "index-interval" => settings.index_interval = value.get().unwrap_or(500),
            "offset-to-zero" => settings.offset_to_zero = value.get().unwrap_or(true),
            _ => unreachable!("one of the properties above"),
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let settings = self.settings.lock().unwrap();
        match pspec.name() {
            "index-interval" => settings.index_interval.to_value(),
            "offset-to-zero" => settings.offset_to_zero.to_value(),
            _ => unreachable!("one of the properties above"),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        let element = self.obj();
        let template = element.pad_template("src").expect("one of the templates below");
        let pad = gst::Pad::from_template(&template);
        pad.use_fixed_caps();
        element.add_pad(&pad).expect("a new element has no other pads");
        *self.source.lock().unwrap() = Some(pad);
    }
}

impl GstObjectImpl for FqlMux {}
impl TagSetterImpl for FqlMux {}

impl ElementImpl for FqlMux {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            templates::metadata(
                "FQL file writer",
                "Codec/Muxer",
                "Writes layered video and sound, encoded media and data into a .fql file; it needs no seeking",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let (sink, request) = (gst::PadDirection::Sink, gst::PadPresence::Request);
            let (src, always) = (gst::PadDirection::Src, gst::PadPresence::Always);
            vec![
                templates::template("sink_%u", sink, request, &gst::Caps::new_any()),
                templates::template("src", src, always, &caps::file_caps()),
            ]
        });
        &TEMPLATES
    }

    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        let element = self.obj();
        let id = match name {
            Some(name) => track_id(name).filter(|id| TRACK_IDS.contains(id))?,
            None => TRACK_IDS.into_iter().find(|id| element.static_pad(&pad_name(*id)).is_none())?,
        };
        if element.static_pad(&pad_name(id)).is_some() {
            gst::error!(CAT, imp = self, "There is a pad {} already", pad_name(id));
            return None;
        }
        let pad = gst::Pad::builder_from_template(template)
            .name(pad_name(id))
            .chain_function(move |pad, parent, buffer| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |mux| mux.chain(id, pad, buffer),
                )
            })
            .event_function(move |_pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |mux| mux.sink_event(id, &event))
            })
            .build();
        self.input.lock().unwrap().add(id);
        pad.set_active(true).ok()?;
        element.add_pad(&pad).ok()?;
        Some(pad)
    }

    fn release_pad(&self, pad: &gst::Pad) {
        let id = track_id(&pad.name());
        if let Some(id) = id {
            let mut input = self.input.lock().unwrap();
            input.lanes.remove(&id);
            input.flushing.remove(&id);
            input.silent.remove(&id);
        }
        // Its thread may wait for other tracks, and the pad waits for its thread.
        self.changed.notify_all();
        let _ = pad.set_active(false);
        if let Some(id) = id {
            // What came stays; the track has ended.
            self.end_of(id);
        }
        let _ = self.obj().remove_pad(pad);
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::ReadyToPaused => self.start(),
            gst::StateChange::PausedToReady => {
                self.input.lock().unwrap().is_stopping = true;
                self.changed.notify_all();
            }
            _ => (),
        }
        self.parent_change_state(transition)
    }
}

fn pad_name(id: u8) -> String {
    format!("sink_{id}")
}

fn track_id(pad_name: &str) -> Option<u8> {
    pad_name.strip_prefix("sink_")?.parse().ok()
}

impl FqlMux {
    fn start(&self) {
        *self.output.lock().unwrap() = Output::default();
        let mut input = self.input.lock().unwrap();
        let ids: Vec<u8> = input.lanes.keys().copied().collect();
        *input = Input::default();
        ids.into_iter().for_each(|id| input.add(id));
    }

    fn chain(&self, id: u8, pad: &gst::Pad, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let is_first = self.input.lock().unwrap().lanes.get(&id).is_some_and(Lane::is_new);
        // Asked without a lock: the answer comes from other elements.
        if is_first && is_live(pad) {
            self.input.lock().unwrap().interleaver.set_live();
        }
        let taken = {
            let mut input = self.input.lock().unwrap();
            if input.flushing.get(&id).copied().unwrap_or(true) {
                return Err(gst::FlowError::Flushing);
            }
            let unit = input.lanes.get_mut(&id).ok_or(gst::FlowError::Error)?.unit(id, &buffer);
            unit.map(|unit| input.interleaver.push(id, Item::Unit(unit)))
        };
        if let Err(err) = taken {
            self.warn_of_unit(id, &err);
        }
        match self.write() {
            // That of another track: this one goes on after it.
            Err(gst::FlowError::Flushing) if self.input.lock().unwrap().is_restarting => (),
            written => {
                written?;
            }
        }
        self.wait_for_others(id)
    }

    /// One warning a start is enough.
    fn warn_of_unit(&self, id: u8, err: &str) {
        gst::info!(CAT, imp = self, "A unit of track {id} is left out: {err}");
        if !std::mem::replace(&mut self.input.lock().unwrap().has_warned, true) {
            gst::element_imp_warning!(
                self,
                gst::StreamError::Format,
                ["A unit of track {id} is left out: {err}"]
            );
        }
    }

    /// Holds a track back that is far ahead of the others.
    fn wait_for_others(&self, id: u8) -> Result<gst::FlowSuccess, gst::FlowError> {
        if self.input.lock().unwrap().interleaver.must_wait(id) {
            self.give_up_unlinked();
            self.write()?;
        }
        let mut input = self.input.lock().unwrap();
        loop {
            let is_flushing = input.flushing.get(&id).copied().unwrap_or(true);
            if is_flushing || input.is_stopping {
                return Err(gst::FlowError::Flushing);
            }
            if !input.interleaver.must_wait(id) {
                return Ok(gst::FlowSuccess::Ok);
            }
            input = self.changed.wait(input).unwrap();
        }
    }

    fn sink_event(&self, id: u8, event: &gst::Event) -> bool {
        gst::log!(CAT, imp = self, "Event of track {id}: {event:?}");
        match event.view() {
            gst::EventView::StreamStart(_) => {
                self.input.lock().unwrap().begin_stream(id);
                true
            }
            gst::EventView::Caps(caps) => self.describe(id, caps.caps()),
            gst::EventView::Segment(segment) => self.set_segment(id, segment.segment()),
            gst::EventView::Gap(gap) => {
                let (time, duration) = gap.get();
                self.advance(id, time + duration.unwrap_or_default())
            }
            gst::EventView::Tag(tag) => {
                tags::take(&mut self.input.lock().unwrap().tags, tag.tag());
                true
            }
            gst::EventView::FlushStart(_) => self.start_flush(id, event),
            gst::EventView::FlushStop(_) => self.stop_flush(id, event),
            gst::EventView::Eos(_) => {
                self.end_of(id);
                true
            }
            _ => true,
        }
    }

    /// The thread of a track is to let go. While the pipeline is paused a sink may hold it, which lets go only if it is
    /// flushed, too: then the file begins anew.
    fn start_flush(&self, id: u8, event: &gst::Event) -> bool {
        let is_held = self.obj().current_state() < gst::State::Playing;
        let restarts = {
            let mut input = self.input.lock().unwrap();
            input.flushing.insert(id, true);
            is_held && !std::mem::replace(&mut input.is_restarting, true)
        };
        self.changed.notify_all();
        if let Some(source) = self.source().filter(|_| restarts) {
            source.push_event(event.clone());
        }
        true
    }

    fn stop_flush(&self, id: u8, event: &gst::Event) -> bool {
        let restarts = {
            let mut input = self.input.lock().unwrap();
            input.interleaver.flush(id);
            input.flushing.insert(id, false);
            input.is_restarting && !input.flushing.values().any(|is_flushing| *is_flushing)
        };
        if let Some(source) = self.source().filter(|_| restarts) {
            let mut output = self.output.lock().unwrap();
            source.push_event(event.clone());
            output.restart();
            self.input.lock().unwrap().is_restarting = false;
        }
        true
    }

    fn describe(&self, id: u8, caps: &gst::CapsRef) -> bool {
        let described = caps::to_media(caps).map_err(|err| err.to_string()).and_then(|(media, layers)| {
            let track = Track { id, name: String::new(), layers, media };
            TrackTable::new(vec![track.clone()]).map_err(|err| err.to_string())?;
            Ok(track)
        });
        let track = match described {
            Ok(track) => track,
            Err(err) => {
                gst::element_imp_error!(
                    self,
                    gst::StreamError::Format,
                    ["A track that cannot be written: {err}"]
                );
                return false;
            }
        };
        let mut input = self.input.lock().unwrap();
        let Some(lane) = input.lanes.get_mut(&id) else { return false };
        lane.describe(&track.media, track.layers);
        let is_sparse = lane.is_sparse();
        input.interleaver.set_sparse(id, is_sparse);
        input.interleaver.push(id, Item::Track(Box::new(track)));
        true
    }

    fn set_segment(&self, id: u8, segment: &gst::Segment) -> bool {
        let is_taken =
            self.input.lock().unwrap().lanes.get_mut(&id).is_some_and(|lane| lane.set_segment(segment));
        if !is_taken {
            gst::element_imp_error!(
                self,
                gst::StreamError::Format,
                ["Track {id} has no times: a segment in {:?}", segment.format()]
            );
        }
        is_taken
    }

    fn advance(&self, id: u8, time: gst::ClockTime) -> bool {
        {
            let mut input = self.input.lock().unwrap();
            let running = input.lanes.get(&id).and_then(|lane| lane.running(time));
            running.into_iter().for_each(|running| input.interleaver.advance(id, running));
        }
        // Who pushes next hears of what went wrong.
        let _ = self.write();
        true
    }

    fn end_of(&self, id: u8) {
        self.input.lock().unwrap().interleaver.end(id);
        self.give_up_unlinked();
        let _ = self.write();
    }

    /// Nobody waits for pads behind which there is no source, as where a file has no sound and its pad, asked for
    /// beforehand, stays without a link. Where one comes after all, its stream begins then.
    fn give_up_unlinked(&self) {
        let silent: Vec<u8> = self.input.lock().unwrap().silent.iter().copied().collect();
        for id in silent {
            // Asked without a lock: the answer comes from other elements.
            let pad = self.obj().static_pad(&pad_name(id));
            if pad.is_some_and(|pad| !has_source(&pad)) {
                let mut input = self.input.lock().unwrap();
                if input.silent.contains(&id) {
                    gst::info!(
                        CAT,
                        imp = self,
                        "Nothing is linked to {}: it is not waited for",
                        pad_name(id)
                    );
                    input.interleaver.end(id);
                }
            }
        }
    }

    /// Writes all whose time has come, and the end after the end of all tracks.
    fn write(&self) -> Result<gst::FlowSuccess, gst::FlowError> {
        let mut output = self.output.lock().unwrap();
        loop {
            let (item, tags) = {
                let mut input = self.input.lock().unwrap();
                if input.is_restarting {
                    return Ok(gst::FlowSuccess::Ok);
                }
                (input.interleaver.pop(), input.tags.clone())
            };
            let Some(item) = item else { break };
            self.changed.notify_all();
            let bytes = self.bytes(&mut output, item, tags);
            self.push(bytes)?;
        }
        let has_ended = {
            let input = self.input.lock().unwrap();
            input.interleaver.has_ended() && input.interleaver.is_empty() && !input.is_stopping
        };
        if has_ended && !std::mem::replace(&mut output.has_ended, true) {
            self.finish(&mut output)?;
        }
        Ok(gst::FlowSuccess::Ok)
    }

    /// What an item is in the file.
    fn bytes(&self, output: &mut MutexGuard<'_, Output>, item: Item, tags: Tags) -> Vec<u8> {
        let unit = match item {
            Item::Track(track) => {
                output.tracks.insert(track.id, *track);
                return Vec::new();
            }
            Item::Unit(unit) => unit,
        };
        self.begin(output);
        let unit = self.shifted(output, unit);
        let tracks = output.tracks.values().cloned().collect();
        let Some(writer) = &mut output.writer else { return Vec::new() };
        let mut bytes = writer.tags(&self.with_own(tags));
        match TrackTable::new(tracks) {
            Ok(table) => bytes.extend(writer.tracks(&table)),
            Err(err) => gst::element_imp_error!(
                self,
                gst::StreamError::Format,
                ["The tracks cannot be written: {err}"]
            ),
        }
        match writer.unit(&unit) {
            Ok(unit) => bytes.extend(unit),
            Err(err) => {
                gst::element_imp_warning!(self, gst::StreamError::Mux, ["A unit is left out: {err}"]);
            }
        }
        bytes
    }

    /// Tags that the application set, with those of the streams.
    fn with_own(&self, mut tags: Tags) -> Tags {
        if let Some(list) = self.obj().tag_list() {
            tags::take(&mut tags, &list);
        }
        tags
    }

    /// The unit with the times of the file.
    fn shifted(&self, output: &mut MutexGuard<'_, Output>, unit: StoredUnit) -> StoredUnit {
        let offset = if self.settings.lock().unwrap().offset_to_zero { unit.pts } else { 0 };
        let origin = *output.origin.get_or_insert(offset);
        let shift = |time: i64| time.saturating_sub(origin);
        StoredUnit { pts: shift(unit.pts), dts: unit.dts.map(shift), ..unit }
    }

    /// The events that a file begins with, once.
    fn begin(&self, output: &mut MutexGuard<'_, Output>) {
        if output.writer.is_some() {
            return;
        }
        let index_interval = u64::from(self.settings.lock().unwrap().index_interval) * 1_000_000;
        let created =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64);
        let serial = glib::random_int() as u16;
        output.writer = Some(Writer::new(WriterOptions { serial, created, index_interval }));
        let Some(source) = self.source() else { return };
        let id = format!("fqlmux/{:08x}{:08x}", glib::random_int(), glib::random_int());
        source.push_event(gst::event::StreamStart::builder(&id).group_id(gst::GroupId::next()).build());
        source.push_event(gst::event::Caps::new(&caps::file_caps()));
        source.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::format::Bytes>::new()));
    }

    fn finish(&self, output: &mut MutexGuard<'_, Output>) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.begin(output);
        let bytes = output.writer.as_mut().map(Writer::finish).unwrap_or_default();
        let pushed = self.push(bytes);
        if let Some(source) = self.source() {
            source.push_event(gst::event::Eos::new());
        }
        pushed
    }

    fn push(&self, bytes: Vec<u8>) -> Result<gst::FlowSuccess, gst::FlowError> {
        match self.source().filter(|_| !bytes.is_empty()) {
            Some(source) => source.push(gst::Buffer::from_mut_slice(bytes)),
            None => Ok(gst::FlowSuccess::Ok),
        }
    }

    fn source(&self) -> Option<gst::Pad> {
        self.source.lock().unwrap().clone()
    }
}

/// Whether there is a source upstream, and all is linked from there to this pad.
fn has_source(pad: &gst::Pad) -> bool {
    let Some(peer) = pad.peer() else { return false };
    let inputs: Vec<gst::Pad> = match peer.parent_element() {
        // Not by internal links: a bin like `fqlenc` has none before it knows what comes.
        Some(element) => element.sink_pads(),
        // The inner side of a bin's pad.
        None => peer.iterate_internal_links().into_iter().flatten().collect(),
    };
    inputs.is_empty() || inputs.iter().any(has_source)
}

/// Whether something upstream produces at its own pace, so that waiting would let it run over.
fn is_live(pad: &gst::Pad) -> bool {
    let mut query = gst::query::Latency::new();
    pad.peer_query(&mut query) && query.result().0
}
