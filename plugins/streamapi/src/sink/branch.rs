//! What is behind one pad: a queue, and the elements for its media once these are known.

use std::sync::Arc;

use gst::prelude::*;

use crate::media::Media;
use crate::protocols::{Plan, Protocol};

/// One pad of the sink and what is behind it.
pub struct Branch {
    /// The pad of the bin.
    pub pad: gst::GhostPad,
    queue: gst::Element,
    /// Holds data back until there is something behind the queue.
    block: Option<gst::PadProbeId>,
    /// What comes, since the caps are there.
    pub media: Option<Media>,
    chain: Vec<gst::Element>,
    /// The pad of the element that sends.
    target: Option<gst::Pad>,
}

impl Branch {
    /// A pad of this template, with a queue behind it that lets nothing through.
    pub fn new(bin: &gst::Bin, template: &gst::PadTemplate, name: &str) -> Option<Self> {
        let queue = gst::ElementFactory::make("queue").build().ok()?;
        bin.add(&queue).ok()?;
        let target = queue.static_pad("sink")?;
        let pad =
            gst::GhostPad::builder_from_template_with_target(template, &target).ok()?.name(name).build();
        let mut branch = Self { pad, queue, block: None, media: None, chain: Vec::new(), target: None };
        branch.hold();
        Some(branch)
    }

    /// Brings the queue to the state of the bin.
    pub fn start(&self) -> bool {
        self.queue.sync_state_with_parent().is_ok()
    }

    /// Lets nothing through, and knows of no media.
    fn hold(&mut self) {
        self.media = None;
        if let Some(pad) = self.queue.static_pad("src").filter(|_| self.block.is_none()) {
            self.block = pad.add_probe(gst::PadProbeType::BLOCK_DOWNSTREAM, |_, _| gst::PadProbeReturn::Ok);
        }
    }

    /// The media is known. What is live and cannot be sent yet gives way to what comes after it.
    pub fn describe(&mut self, media: Media) {
        self.media = Some(media);
        let mut latency = gst::query::Latency::new();
        if !self.is_plugged() && self.pad.peer_query(&mut latency) && latency.result().0 {
            self.queue.set_property_from_str("leaky", "downstream");
        }
    }

    /// Whether data goes through.
    pub fn is_plugged(&self) -> bool {
        self.target.is_some()
    }

    /// Puts the elements for its media between the queue and a new pad of the element that sends.
    pub fn plug(
        &mut self,
        bin: &gst::Bin,
        protocol: &Protocol,
        plan: &Plan,
        transport: &gst::Element,
    ) -> Result<(), String> {
        let Some(media) = self.media.filter(|_| !self.is_plugged()) else { return Ok(()) };
        let chain = protocol.chain(media, plan)?;
        let name = self.pad.name();
        let goes_on = bin.current_state() == gst::State::Playing;
        let target = request_pad(transport, &name, goes_on)?;
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
        let target = request_pad(transport, &self.pad.name(), true)?;
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
        if self.media != Some(media) {
            return;
        }
        if let Some(encoder) = self.chain.last().filter(|encoder| encoder.has_property(name)) {
            encoder.set_property(name, value);
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

/// A new pad of the element that sends. Where the pipeline plays already it must not stop to preroll again.
fn request_pad(transport: &gst::Element, name: &str, goes_on: bool) -> Result<gst::Pad, String> {
    let pad = transport
        .request_pad_simple(name)
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
