//! A bin that takes video or sound, and plugs the element for it when the caps come.
//!
//! Before that it answers caps queries with the union of what its elements can do, as far as the other side of the
//! bin takes it; after that the plugged element answers. Caps of the other kind exchange the element.

use std::sync::Mutex;

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst::{QueryViewMut, glib};

/// One of the elements that a bin can plug.
pub struct Candidate {
    /// What it takes.
    pub sink: gst::Caps,
    /// What it gives.
    pub src: gst::Caps,
    /// Makes one.
    pub make: fn() -> gst::Element,
}

impl Candidate {
    fn takes(&self, caps: &gst::CapsRef) -> bool {
        self.sink.can_intersect(caps)
    }
}

struct Plugged {
    candidate: usize,
    element: gst::Element,
}

/// The pads of such a bin and what is between them.
pub struct Plug {
    candidates: [Candidate; 2],
    sink: gst::GhostPad,
    src: gst::GhostPad,
    plugged: Mutex<Option<Plugged>>,
}

/// A bin that has a [`Plug`].
pub trait PlugBin: BinImpl {
    /// The debug category of the bin.
    fn category(&self) -> gst::DebugCategory;
    /// Its pads and elements.
    fn plug(&self) -> &Plug;
    /// Gives a new element the properties of the bin.
    fn configure(&self, element: &gst::Element);
}

/// The templates of a bin with these candidates.
pub fn pad_templates(candidates: &[Candidate; 2]) -> Vec<gst::PadTemplate> {
    crate::templates::filter(&union(candidates, |c| &c.sink), &union(candidates, |c| &c.src))
}

fn union<'a>(
    candidates: impl IntoIterator<Item = &'a Candidate>,
    caps: impl Fn(&Candidate) -> &gst::Caps,
) -> gst::Caps {
    let mut all = gst::Caps::new_empty();
    for candidate in candidates {
        all.make_mut().append(caps(candidate).clone());
    }
    all
}

impl Plug {
    /// Pads of these templates with nothing between them.
    pub fn new<T: PlugBin>(
        sink: &gst::PadTemplate,
        src: &gst::PadTemplate,
        candidates: [Candidate; 2],
    ) -> Self {
        let sink = gst::GhostPad::builder_from_template(sink)
            .event_function(|pad, parent, event| {
                T::catch_panic_pad_function(parent, || false, |imp| sink_event(imp, pad, parent, event))
            })
            .query_function(|pad, parent, query| {
                T::catch_panic_pad_function(parent, || false, |imp| sink_query(imp, pad, parent, query))
            })
            .build();
        let src = gst::GhostPad::builder_from_template(src)
            .event_function(|pad, parent, event| {
                T::catch_panic_pad_function(parent, || false, |imp| src_event(imp, pad, parent, event))
            })
            .query_function(|pad, parent, query| {
                T::catch_panic_pad_function(parent, || false, |imp| src_query(imp, pad, parent, query))
            })
            .build();
        Self { candidates, sink, src, plugged: Mutex::new(None) }
    }

    /// Adds the pads to the bin.
    pub fn add_pads(&self, bin: &impl IsA<gst::Element>) {
        for pad in [&self.sink, &self.src] {
            bin.add_pad(pad).expect("a new bin has no other pads");
        }
    }

    /// The element that is plugged at present.
    pub fn element(&self) -> Option<gst::Element> {
        self.plugged.lock().unwrap().as_ref().map(|plugged| plugged.element.clone())
    }

    /// Sets a property of the plugged element, if there is one and it has such a property.
    pub fn forward(&self, name: &str, value: &glib::Value) {
        if let Some(element) = self.element().filter(|element| element.has_property(name)) {
            element.set_property_from_value(name, value);
        }
    }

    /// Takes the plugged element out. Call it where no data flows.
    pub fn unplug(&self, bin: &gst::Bin) {
        let Some(plugged) = self.plugged.lock().unwrap().take() else { return };
        // Both fail only for pads that already have another target, which these never have.
        let _ = self.sink.set_target(None::<&gst::Pad>);
        let _ = self.src.set_target(None::<&gst::Pad>);
        let _ = plugged.element.set_state(gst::State::Null);
        let _ = bin.remove(&plugged.element);
    }

    fn candidate_for(&self, caps: &gst::CapsRef) -> Option<usize> {
        self.candidates.iter().position(|candidate| candidate.takes(caps))
    }

    fn plugged_candidate(&self) -> Option<usize> {
        self.plugged.lock().unwrap().as_ref().map(|plugged| plugged.candidate)
    }

    fn is_plugged(&self) -> bool {
        self.plugged.lock().unwrap().is_some()
    }

    /// What the sink pad can take where nothing is plugged: all whose result the peer of the source pad takes.
    fn sink_caps(&self) -> gst::Caps {
        let downstream = self.src.peer_query_caps(None);
        let can = |c: &&Candidate| self.src.peer().is_none() || c.src.can_intersect(&downstream);
        union(self.candidates.iter().filter(can), |c| &c.sink)
    }

    /// What the source pad can give where nothing is plugged: all that the peer of the sink pad has a source for.
    fn src_caps(&self) -> gst::Caps {
        let upstream = self.sink.peer_query_caps(None);
        let can = |c: &&Candidate| self.sink.peer().is_none() || c.sink.can_intersect(&upstream);
        union(self.candidates.iter().filter(can), |c| &c.src)
    }
}

/// Plugs the element for these caps, in exchange for another one.
fn replug<T: PlugBin>(imp: &T, caps: &gst::CapsRef) -> Result<(), gst::ErrorMessage> {
    let plug = imp.plug();
    let candidate = plug
        .candidate_for(caps)
        .ok_or_else(|| gst::error_msg!(gst::StreamError::Format, ["No element for {caps}"]))?;
    if plug.plugged_candidate() == Some(candidate) {
        return Ok(());
    }
    let object = imp.obj();
    let bin = object.upcast_ref::<gst::Bin>();
    if let Some(old) = plug.element() {
        drain(&old);
        plug.unplug(bin);
    }
    let element = (plug.candidates[candidate].make)();
    gst::debug!(imp.category(), obj = bin, "Plugging {} for {caps}", element.type_());
    let failed = |_| gst::error_msg!(gst::CoreError::Failed, ["Could not plug {}", element.name()]);
    bin.add(&element).map_err(failed)?;
    for (ghost, name) in [(&plug.sink, "sink"), (&plug.src, "src")] {
        ghost.set_target(element.static_pad(name).as_ref()).map_err(failed)?;
    }
    *plug.plugged.lock().unwrap() = Some(Plugged { candidate, element: element.clone() });
    // Now that properties are forwarded, so that none that is set at the same time is missed.
    imp.configure(&element);
    element.sync_state_with_parent().map_err(failed)
}

/// Lets an element give what it still holds, but not the end of the stream.
fn drain(element: &gst::Element) {
    let (Some(sink), Some(src)) = (element.static_pad("sink"), element.static_pad("src")) else { return };
    src.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, |_, info| match info.event() {
        // What is dropped, GStreamer 1.22 would let go of again, and complain.
        Some(event) if event.type_() == gst::EventType::Eos => gst::PadProbeReturn::Handled,
        _ => gst::PadProbeReturn::Ok,
    });
    sink.send_event(gst::event::Eos::new());
}

fn sink_event<T: PlugBin>(
    imp: &T,
    pad: &gst::GhostPad,
    parent: Option<&gst::Object>,
    event: gst::Event,
) -> bool {
    let plug = imp.plug();
    match event.view() {
        gst::EventView::Caps(caps) => {
            if let Err(message) = replug(imp, caps.caps()) {
                imp.post_error_message(message);
                return false;
            }
        }
        gst::EventView::FlushStart(_) | gst::EventView::FlushStop(_) if !plug.is_plugged() => {
            return plug.src.push_event(event);
        }
        gst::EventView::Eos(_) if !plug.is_plugged() => {
            // A stream without caps ends as well.
            if let Some(start) = pad.sticky_event::<gst::event::StreamStart>(0) {
                plug.src.push_event(start);
            }
            return plug.src.push_event(event);
        }
        _ => (),
    }
    gst::Pad::event_default(pad, parent, event)
}

fn src_event<T: PlugBin>(
    imp: &T,
    pad: &gst::GhostPad,
    parent: Option<&gst::Object>,
    event: gst::Event,
) -> bool {
    let plug = imp.plug();
    if plug.is_plugged() { gst::Pad::event_default(pad, parent, event) } else { plug.sink.push_event(event) }
}

fn sink_query<T: PlugBin>(
    imp: &T,
    pad: &gst::GhostPad,
    parent: Option<&gst::Object>,
    query: &mut gst::QueryRef,
) -> bool {
    let plug = imp.plug();
    match query.view_mut() {
        QueryViewMut::AcceptCaps(accept) => {
            // Any of the kinds may come next, whatever is plugged.
            let accepted = plug.candidates.iter().any(|c| accept.caps().is_subset(&c.sink));
            accept.set_result(accepted);
            true
        }
        QueryViewMut::Caps(caps) => {
            let possible = plug.sink_caps();
            if plug.is_plugged() {
                gst::Pad::query_default(pad, parent, query) && add_other_kind(plug, query, &possible)
            } else {
                answer_in_own_order(caps, &possible)
            }
        }
        _ => gst::Pad::query_default(pad, parent, query),
    }
}

/// After what the plugged element takes comes what another one would: the kind may change.
fn add_other_kind(plug: &Plug, query: &mut gst::QueryRef, possible: &gst::Caps) -> bool {
    let QueryViewMut::Caps(caps) = query.view_mut() else { return false };
    let own = plug.plugged_candidate().map(|at| &plug.candidates[at].sink);
    let taken = caps.result_owned().unwrap_or_else(gst::Caps::new_empty);
    // A ghost pad gives what the element takes in the order of whoever asks.
    let mut all =
        own.map_or(taken.clone(), |own| own.intersect_with_mode(&taken, gst::CapsIntersectMode::First));
    for structure in possible.iter() {
        let other = gst::Caps::from(structure.to_owned());
        if own.is_none_or(|own| !own.can_intersect(&other)) {
            all.make_mut().append(other);
        }
    }
    answer_in_own_order(caps, &all)
}

/// What is best for the element comes first: upstream takes the first one that it can give.
fn answer_in_own_order(query: &mut gst::query::Caps, caps: &gst::Caps) -> bool {
    let caps = match query.filter() {
        Some(filter) => caps.intersect_with_mode(filter, gst::CapsIntersectMode::First),
        None => caps.clone(),
    };
    query.set_result(&caps);
    true
}

fn src_query<T: PlugBin>(
    imp: &T,
    pad: &gst::GhostPad,
    parent: Option<&gst::Object>,
    query: &mut gst::QueryRef,
) -> bool {
    let plug = imp.plug();
    if plug.is_plugged() {
        return gst::Pad::query_default(pad, parent, query);
    }
    match query.view_mut() {
        QueryViewMut::Caps(caps) => answer(caps, plug.src_caps()),
        _ => plug.sink.peer_query(query),
    }
}

fn answer(query: &mut gst::query::Caps, caps: gst::Caps) -> bool {
    let caps = match query.filter() {
        Some(filter) => filter.intersect_with_mode(&caps, gst::CapsIntersectMode::First),
        None => caps,
    };
    query.set_result(&caps);
    true
}
