//! What is behind one pad: a queue, and the elements for its media once these are known.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use gst::prelude::*;

use crate::media::Media;
use crate::protocols::{self, Plan, Protocol, Track};

/// One pad of the sink and what is behind it.
pub struct Branch {
    /// The pad of the bin.
    pub pad: gst::GhostPad,
    queue: gst::Element,
    /// Holds data back until there is something behind the queue.
    block: Option<gst::PadProbeId>,
    number: u32,
    /// What comes, since the caps are there.
    known: Option<Known>,
    chain: Vec<gst::Element>,
    /// The pad of the element that sends.
    target: Option<gst::Pad>,
}

/// What is known of what comes.
struct Known {
    track: Track,
    caps: gst::Caps,
    is_live: bool,
}

impl Branch {
    /// A pad of this template, with a queue behind it that lets nothing through.
    pub fn new(bin: &gst::Bin, template: &gst::PadTemplate, number: u32, name: &str) -> Option<Self> {
        let queue = gst::ElementFactory::make("queue").build().ok()?;
        bin.add(&queue).ok()?;
        let target = queue.static_pad("sink")?;
        let pad = gst::GhostPad::builder_from_template_with_target(template, &target)
            .ok()?
            .name(name)
            .query_function(answer)
            .build();
        let mut branch =
            Self { pad, queue, block: None, number, known: None, chain: Vec::new(), target: None };
        branch.hold();
        Some(branch)
    }

    /// Brings the queue to the state of the bin.
    pub fn start(&self) -> bool {
        self.queue.sync_state_with_parent().is_ok()
    }

    /// Lets nothing through.
    fn hold(&mut self) {
        if let Some(pad) = self.queue.static_pad("src").filter(|_| self.block.is_none()) {
            self.block = pad.add_probe(gst::PadProbeType::BLOCK_DOWNSTREAM, |_, _| gst::PadProbeReturn::Ok);
        }
    }

    /// The media is known. What is live and cannot be sent yet gives way to what comes after it.
    pub fn describe(&mut self, caps: &gst::CapsRef) {
        let frame_rate = caps.structure(0).and_then(|s| s.get::<gst::Fraction>("framerate").ok());
        let frame_rate = frame_rate
            .map_or(0, |rate| rate.numer().max(0) as u32)
            .div_ceil(frame_rate.map_or(1, |rate| rate.denom().max(1) as u32));
        let track = Track { number: self.number, media: Media::of(caps), frame_rate };
        let mut latency = gst::query::Latency::new();
        let is_live = self.pad.peer_query(&mut latency) && latency.result().0;
        self.known = Some(Known { track, caps: caps.to_owned(), is_live });
        if !self.is_plugged() {
            self.give_way();
        }
    }

    /// What comes, where that is known.
    pub fn track(&self) -> Option<Track> {
        self.known.as_ref().map(|known| known.track)
    }

    /// Whether what comes is live: it does not wait for anybody.
    pub fn is_live(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.is_live)
    }

    fn give_way(&self) {
        if self.is_live() {
            self.queue.set_property_from_str("leaky", "downstream");
        }
    }

    /// Holds back what comes from now on. Gives what tells when nothing that came before is on its way any more.
    pub fn suspend(&mut self) -> Option<Receiver<()>> {
        let pad = self.queue.static_pad("src").filter(|_| self.is_plugged() && self.block.is_none())?;
        self.give_way();
        self.hold();
        let (sender, idle) = channel();
        pad.add_probe(gst::PadProbeType::IDLE, move |_, _| {
            // Fails where nobody waits for it any more.
            let _ = sender.send(());
            gst::PadProbeReturn::Remove
        });
        Some(idle)
    }

    /// Whether there is something behind the queue.
    pub fn is_plugged(&self) -> bool {
        self.target.is_some()
    }

    /// Whether data goes through.
    pub fn is_open(&self) -> bool {
        self.is_plugged() && self.block.is_none()
    }

    /// Puts the elements for its media between the queue and a new pad of the element that sends.
    pub fn plug(
        &mut self,
        bin: &gst::Bin,
        protocol: &Protocol,
        plan: &Plan,
        transport: &gst::Element,
    ) -> Result<(), String> {
        let Some(known) = self.known.as_ref().filter(|_| !self.is_plugged()) else { return Ok(()) };
        protocol.check(&[known.track])?;
        let mut chain = vec![door()?];
        chain.extend(protocol.chain(&known.track, plan)?);
        let name = self.pad.name();
        let goes_on = bin.current_state() == gst::State::Playing;
        let target = request_pad(transport, &name, Some(&known.caps), goes_on)?;
        let cannot =
            |err: gst::glib::BoolError| format!("the elements for {name} do not fit together: {err}");
        bin.add_many(&chain).map_err(cannot)?;
        self.chain = chain;
        self.target = Some(target.clone());
        let all: Vec<&gst::Element> = std::iter::once(&self.queue).chain(&self.chain).collect();
        gst::Element::link_many(&all).map_err(cannot)?;
        self.tail()
            .and_then(|tail| tail.link(&target).ok())
            .ok_or_else(|| format!("{name} cannot be linked"))?;
        for element in self.chain.iter().rev() {
            element.sync_state_with_parent().map_err(cannot)?;
        }
        Ok(())
    }

    /// Lets data through to the element that sends, which has to be started before.
    pub fn open(&mut self) {
        if !self.is_plugged() {
            return;
        }
        self.queue.set_property_from_str("leaky", "no");
        if let (Some(pad), Some(block)) = (self.queue.static_pad("src"), self.block.take()) {
            pad.remove_probe(block);
        }
    }

    /// The pad behind which the element that sends is.
    fn tail(&self) -> Option<gst::Pad> {
        self.chain.last().unwrap_or(&self.queue).static_pad("src")
    }

    /// Goes over to a pad of another element that sends, as soon as no buffer is on its way. `old` is held until then.
    pub fn move_to(&mut self, transport: &gst::Element, old: &Arc<Retired>) -> Result<(), String> {
        let caps = self.known.as_ref().map(|known| &known.caps);
        let target = request_pad(transport, &self.pad.name(), caps, true)?;
        self.target = Some(target.clone());
        let old = old.clone();
        if let Some(tail) = self.tail() {
            tail.add_probe(gst::PadProbeType::IDLE, move |tail, _| {
                let _held = &old;
                if let Some(peer) = tail.peer() {
                    let _ = tail.unlink(&peer);
                }
                // A pad that was just requested has no other peer.
                let _ = tail.link(&target);
                gst::PadProbeReturn::Remove
            });
        }
        Ok(())
    }

    /// Sets a property of the encoder of media of this kind, if there is one.
    pub fn set_encoder(&self, media: Media, name: &str, value: u32) {
        if self.track().is_some_and(|track| track.media == media) {
            self.chain.iter().for_each(|element| protocols::set_encoder(element, name, value));
        }
    }

    /// Takes out what is behind the queue; call it where no data flows.
    pub fn unplug(&mut self, bin: &gst::Bin) {
        for element in self.chain.drain(..) {
            remove(bin, &element);
        }
        self.target = None;
        self.hold();
    }

    /// Knows of no media any more.
    pub fn forget(&mut self) {
        self.known = None;
    }

    /// Takes everything out of the bin, the pad included.
    pub fn remove(mut self, bin: &gst::Bin, transport: Option<&gst::Element>) {
        let _ = self.pad.set_active(false);
        let target = self.target.take();
        // Data that is held back would keep the queue from ending.
        if let (Some(pad), Some(block)) = (self.queue.static_pad("src"), self.block.take()) {
            pad.remove_probe(block);
        }
        remove(bin, &self.queue);
        for element in self.chain.drain(..) {
            remove(bin, &element);
        }
        if let (Some(transport), Some(target)) = (transport, target) {
            transport.release_request_pad(&target);
        }
        let _ = bin.remove_pad(&self.pad);
    }
}

/// Answers for what is behind a pad: sources of many formats are led to plain video.
fn answer(pad: &gst::GhostPad, parent: Option<&gst::Object>, query: &mut gst::QueryRef) -> bool {
    let is_answered = gst::Pad::query_default(pad, parent, query);
    if let gst::QueryViewMut::Caps(caps) = query.view_mut()
        && let Some(result) = caps.result_owned()
    {
        caps.set_result(&plain_first(&result));
    }
    is_answered
}

/// The same caps with 4:2:0 of 8 bits before the others. A source of many formats takes the first, and that of a test
/// picture is RGB of 16 bits with alpha, which costs four times as much.
fn plain_first(caps: &gst::CapsRef) -> gst::Caps {
    let plain = gst::Caps::builder("video/x-raw").field("format", "I420").build();
    if caps.is_any() {
        return caps.to_owned();
    }
    let mut ordered = caps.intersect(&plain);
    ordered.merge(caps.to_owned());
    ordered
}

/// What a queue gives its data to. What is behind it is taken down while data is on its way there: the queue would take
/// no more after that, nor would the source.
fn door() -> Result<gst::Element, String> {
    let made = || {
        let (bin, inside) = (gst::Bin::new(), gst::ElementFactory::make("identity").build()?);
        bin.add(&inside)?;
        for name in ["sink", "src"] {
            let target = inside.static_pad(name).ok_or_else(|| gst::glib::bool_error!("it has no {name}"))?;
            let pad = gst::GhostPad::builder_with_target(&target)?.name(name);
            let pad = match name {
                "sink" => pad
                    .chain_function(|pad, parent, buffer| {
                        thrown_away(gst::ProxyPad::chain_default(pad, parent, buffer))
                    })
                    .chain_list_function(|pad, parent, list| {
                        thrown_away(gst::ProxyPad::chain_list_default(pad, parent, list))
                    }),
                _ => pad,
            };
            bin.add_pad(&pad.build())?;
        }
        Ok(bin.upcast())
    };
    made().map_err(|err: gst::glib::BoolError| format!("there is no way through: {err}"))
}

/// What was on its way to what is taken down is thrown away, and that is no failure.
fn thrown_away(flow: Result<gst::FlowSuccess, gst::FlowError>) -> Result<gst::FlowSuccess, gst::FlowError> {
    match flow {
        Err(gst::FlowError::Flushing) => Ok(gst::FlowSuccess::Ok),
        flow => flow,
    }
}

/// A new pad of the element that sends. Where the pipeline plays already it must not stop to preroll again.
fn request_pad(
    transport: &gst::Element,
    name: &str,
    caps: Option<&gst::Caps>,
    goes_on: bool,
) -> Result<gst::Pad, String> {
    let template = transport.pad_template("sink_%u");
    let pad = template
        .and_then(|template| transport.request_pad(&template, Some(name), caps))
        .ok_or_else(|| format!("{} has no pad {name}", transport.name()))?;
    if let Some(bin) = transport.downcast_ref::<gst::Bin>().filter(|_| goes_on) {
        let prerolls = |element: &&gst::Element| element.has_property_with_type("async", bool::static_type());
        bin.children().iter().filter(prerolls).for_each(|element| element.set_property("async", false));
    }
    Ok(pad)
}

/// Takes an element out of a bin, whose state it does not follow any more.
pub fn remove(bin: &gst::Bin, element: &gst::Element) {
    element.set_locked_state(true);
    let _ = element.set_state(gst::State::Null);
    // A bin that is being disposed of has let go of it before.
    if element.parent().is_some() {
        let _ = bin.remove(element);
    }
}

/// An element that sends no more, and is taken out of its bin when nothing is linked to it any more.
pub struct Retired {
    /// Its bin.
    pub bin: gst::Bin,
    /// The element.
    pub element: gst::Element,
}

impl Drop for Retired {
    fn drop(&mut self) {
        let (bin, element) = (self.bin.clone(), self.element.clone());
        // Not on a streaming thread: its end waits for its own threads, and says goodbye.
        std::thread::spawn(move || remove(&bin, &element));
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[test]
    fn sources_of_many_formats_are_led_to_plain_video() {
        gst::init().unwrap();
        let caps = |text: &str| gst::Caps::from_str(text).unwrap();
        let many = caps("video/x-raw, format=(string){ AYUV64, NV12, I420 }, width=[1, 99]");
        let mut ordered = plain_first(&many);
        assert!(many.is_subset(&ordered) && ordered.is_subset(&many), "nothing is lost and nothing added");
        ordered.fixate();
        assert_eq!(ordered.structure(0).unwrap().get::<&str>("format"), Ok("I420"));
        for same in ["video/x-raw, format=(string){ P010_10LE, NV12 }", "audio/x-raw, format=S16LE", "ANY"] {
            assert_eq!(plain_first(&caps(same)), caps(same));
        }
    }
}
